"""Register programs as machine code.

`bodies` says once, as LLVM IR, what each instruction does. Three hosts write those bodies:
`stencils` (code with holes), `interpreter` (one loop around all of them) and `optimised` (a program
as one function). When the package is built, `build` compiles the first two with the patch loop of
`patcher` and the loop over lanes of `lanes`, lays them out by `table`, and writes `tables/`.

When a program runs, `loader` puts the table of this processor into memory, `execute` has an
executor an engine (the patch loop makes code, the native interpreter needs none), `jobs` runs lanes
and functions on one, and `optimised` asks LLVM; `choice` has them by name. `aot` writes the
optimised code as an object or an executable, whose own function is that of `executable`; `decimals`
reads and prints floats there, by their `digits`.
"""
