"""The stencil engine of loop nests: machine code from a nest in microseconds, without LLVM.

When the package is built, `stencils.py` compiles each vector instruction, which works on one SIMD
register a block of lanes. `body.py` is how one is written, `values.py` and `lookups.py` say what
there is besides the ops of the one table, and `fields.py` finds where the numbers of registers are
in their bytes. `build.py` puts them in a table for each processor level.

When a program is bound, a nest becomes a tape of these instructions (`writer.py`, `tape.py`), its
steps in an order in which few values wait (`engines/ordering.py`).
A native loop (`patcher.py`, with `liveness.py` and `emit.py`) gives their operands machine
registers, copies stencils and patches them: `kernel.py` calls it, with the table that `loader.py`
has in memory. A native driver (`driver.py`) runs the code over units, blocks and periods.
`isa.py` has the encoding and all layouts that native code shares with Python.
"""
