"""Lanes that branch: what each does, as blocks of steps, and what all have in common.

`program` is the form that machines lower to; `webs` gives each value a variable of its own, `shape`
finds what is the same for all lanes and where they go apart, and `order` in which order the blocks
run then. `engines.llvm.masked` and `lanesteps` write it as SIMD code.
"""
