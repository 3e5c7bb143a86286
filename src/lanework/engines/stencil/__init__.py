"""Machine code made by copying: stencils, the memory that code runs in, and files of it.

When the package is built, `building.py` makes object code for a target, `stencil.py` cuts it into
stencils with holes, `elf.py` joins helpers into one piece, and `shipped.py` packs all in a file
with digests of what it was made from. At run time `shipped.py` checks and reads that file,
`arena.py` hands out buffers of `mapping.py`'s memory, never writable and executable at once.
`elf.py` also links an object into an executable.
"""
