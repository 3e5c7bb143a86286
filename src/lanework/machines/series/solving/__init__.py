"""Unknowns of a series model: solved for by IPOPT, sought one by one, or found as rates of return.

1. `solve.py`: names and bounds that a person gave, checked, and each lane solved.
2. `problem.py`: a program as a nonlinear problem, its sparse derivatives each a run of a program;
   `blocks.py` lays its unknowns and outputs out, with their bounds; `common.py` has lanes that are
   one problem.
3. `callbacks.py`: its functions as native code that IPOPT calls.
4. `ipopt.py`: the solver, with its limits and its trace; `scales.py` gives it ordinary numbers,
   `gap.py` again where bounds leave much of the objective open; `starts.py` begins beside a start
   at which all is flat.
5. `checking.py`: whether all holds where it ended, and whether slopes there are to be trusted;
   `polish.py` takes the last steps to where equations hold.
6. `solution.py`: what comes back: a status, values, multipliers, the way that led there; `where.py`
   names where it is that something is not solved, and unknowns that change nothing.
7. `goal.py`: one unknown a lane, all lanes at once, without IPOPT, by `search.py`.
8. `returns.py`: internal rates of return, by the roots of sums of exponentials (`roots.py`), of
   flows that `alongtime.py` puts in order.
9. `keywords.py`: what all this takes by name, for those who read types.
10. `command.py`: solving and seeking on the command line.
"""
