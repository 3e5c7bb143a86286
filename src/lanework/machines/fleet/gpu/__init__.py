"""The epoch engine: the same on a GPU, in five kernels.

1. `cells` says where a VM's words lie, `sizes` what the device has to hold, and whether it fits.
2. `kernels` are the texts in WGSL, with no case that the program does not need.
3. `resident` is what is on the device: buffers, compiled kernels, and rounds of them.
4. `epoch` sends many rounds a submission, and reads back counts.
"""
