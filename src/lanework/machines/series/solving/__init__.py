"""Unknowns of a series model: solved for by IPOPT, sought one by one, or found as rates of return.

1. `solve.py`: names and bounds that a person gave, checked, and each lane solved.
2. `problem.py`: a program as a nonlinear problem, its sparse derivatives each a run of a program.
3. `ipopt.py`: the solver, with its limits and its trace.
4. `solution.py`: what comes back: a status, values, multipliers, the way that led there.
5. `goal.py`: one unknown a lane, all lanes at once, without IPOPT.
6. `returns.py`: internal rates of return.
7. `command.py`: solving and seeking on the command line.
"""
