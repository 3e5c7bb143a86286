"""Unknowns of a series model: solved for by IPOPT, sought one by one, or found as rates of return.

1. `problem.py`: a program as a nonlinear problem, its sparse derivatives each a run of a program.
2. `ipopt.py`: the solver, with its limits and its trace.
3. `solution.py`: what comes back: a status, values, multipliers, the way that led there.
4. `goal.py`: one unknown a lane, all lanes at once, without IPOPT.
5. `returns.py`: internal rates of return.
"""
