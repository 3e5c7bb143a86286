"""From a tape to kernels that were compiled when the package was built, and their run.

`lower` makes `calls` of the tape, one function an instruction: what no evidence changes is worked
out here and now, and products that are only summed are not written out. `calls` follows the zeros
of tables from one to the next, and `groups` sorts outputs by the terms that are left, where that
pays. `records` writes what the kernels of `engines/tensors` read, with the buffers that
`calls` allocates, and `executor` runs blocks of lanes on threads; `single` is the short way for one
row of states.
"""
