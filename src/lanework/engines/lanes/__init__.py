"""Lanes that branch: what each does, as blocks of steps, and what all have in common.

`program` is the form that machines lower to; `webs` gives each value a variable of its own, `shape`
finds what is the same for all lanes and where they go apart, `convert` makes short ways one,
`persistent` lets lanes that have ended begin anew, `order` says in which order blocks run then, and
`counts` which lanes are counted to know what was executed. `halves` rounds words to half precision.
`engines.llvm.masked` and `lanesteps` write SIMD code, `engines.gpu.lanes` WGSL. Fleets come this
way, with words of 32 bits, and registers over lanes, with 64.
"""
