"""A program as a nonlinear problem: unknowns under bounds, solved lane by lane by IPOPT.

1. `problem.py`: its values and sparse derivatives, each a run of a program; `blocks.py` lays its
   unknowns and outputs out, with their bounds; `common.py` has lanes that are one problem.
2. `callbacks.py`: its functions as native code that IPOPT calls.
3. `driver.py`: a lane from its start to what is said of it. `starts.py` begins beside a start at
   which all is flat.
4. `ipopt.py`: the solver, with its limits and its trace; `scales.py` gives it ordinary numbers,
   `gap.py` again where bounds leave much of the objective open.
5. `checking.py`: whether all holds where it ended, and whether slopes there are to be trusted;
   `polish.py` takes the last steps to where equations hold; `around.py` looks for what slopes do
   not see: jumps, and objectives that level out.
6. `solution.py`: what comes back: a status, values, multipliers, the way that led there; `where.py`
   names where it is that something is not solved, and unknowns that change nothing.
"""
