"""GPUs through WebGPU: which there are, what is on them, and ops as text for them.

1. `adapters` lists the graphics adapters of this machine and picks the one that is meant.
2. `device` opens it: buffers, compiled kernels, submissions, and errors as diagnostics.
3. `halves` has half precision, by integers or by a device's own numbers.
4. `wgsl` writes ops of the one table as functions that kernels call, `lanes` what a lane of a
   program of lanes (`engines.lanes`) does.

The package `wgpu` is loaded when a device is first asked for.
"""
