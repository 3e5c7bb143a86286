"""The one op table: every operation on scalars, each defined once, and what reads the definitions.

`expr` has the primitives that bodies are made of, `op` the op itself; the files of families
(`basic`, `logic`, `power`, ..., `words64`, `words32`) hold the bodies, with `layout`, `reduction`
and `coefficients` as their tools; `table` collects them. `evaluate` is the reference over arrays,
`scalar` the same for single numbers, `docs` the page of documentation.
"""
