"""The stencil engine of loop nests: machine code from a nest in microseconds, without LLVM.

A nest becomes a tape of vector instructions (`writer.py`), each of which works on one SIMD
register a block of lanes. A native loop (`patcher.py`) gives their operands machine registers,
copies the stencils of the instructions and patches them. A native driver (`driver.py`) runs the
code over units, blocks and periods. What there is of instructions is said in `bodies.py`; all of
it is compiled when the package is built (`build.py`) and ships as a table for each processor level.
"""
