"""Machine code made by copying: stencils, the memory that code runs in, and files of it.

`building` makes object code when the package is built, `stencil` cuts it, `blob` joins helpers,
`shipped` is the file that both travel in. At run time `arena` hands out buffers of `mapping`'s
memory, never writable and executable at once. `elf` writes executables.
"""
