"""Unknowns of a series model: solved for, sought one by one, or found as rates of return.

1. `solve.py`: names and bounds that a person gave, checked, and each lane solved by `nonlinear/`.
2. `goal.py`: one unknown a lane, all lanes at once, without IPOPT, by `search.py`.
3. `returns.py`: internal rates of return, by the roots of sums of exponentials (`roots.py`), of
   flows that `alongtime.py` puts in order.
4. `keywords.py`: what all this takes by name, for those who read types.
5. `command.py`: solving and seeking on the command line.
"""
