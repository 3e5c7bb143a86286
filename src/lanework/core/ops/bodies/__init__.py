"""The bodies of ops, one file for each family; `core.ops.table` finds the files by itself.

`arithmetic`, `logic`, `roots`, `exp`, `log`, `power`, `trig`, `tanh`, `arctangent` and `erf` have
the ops on floats, `words64` and `words32` those on words. `layout` has the float formats and small
tools, `reduction` brings angles into range, `coefficients` is generated.
"""
