"""The one op table: every operation on scalars, each defined once, and what reads the definitions.

`prims` lists the primitives that bodies are made of, `expr` traces them, `op` is the op itself,
`rules` what it says of units and of what is equal. The files of `bodies/` hold the ops, family by
family; `table` collects them for machines and documentation.
`evaluate` is the reference over arrays, `scalar` the same for single numbers, `fused` works out
what not every processor has. `interval` and `bounds` say what ops may give, `docs` is their page,
and `measured` has the worst errors met.
"""
