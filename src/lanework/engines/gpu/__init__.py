"""Graphics devices through WebGPU: `adapters` finds one, `device` runs kernels, `wgsl` has ops."""
