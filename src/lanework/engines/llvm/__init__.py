"""Loop nests as LLVM IR, compiled and kept on disk.

`nest` writes a function from a loop nest: `values` are its blocks of lanes, `time` its walks,
`steps` and `lookup` its steps, `jam` two blocks in one walk; `ir` writes op bodies. `nativetext`
writes native helpers. `jit` makes machine code, `cache` keeps it.
"""
