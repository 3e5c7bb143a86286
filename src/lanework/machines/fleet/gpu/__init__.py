"""The engines of GPUs: epochs in five kernels, and whole phases as shaders.

1. `cells` says where a VM's words lie, `sizes` what the device has to hold, and whether it fits.
2. `kernels` are the texts in WGSL, with no case that the program does not need.
3. `resident` is what is on the device: buffers, compiled kernels, and rounds of them.
4. `epoch` sends many rounds a submission, and reads back counts.
5. `shader` writes a launch as one text, from the form that `native` lowers routines to, and
   `phases` runs the schedule with such, and what does not run so on the reference.
"""
