"""Where numbers come from: the tree that made one, and which inputs moved it.

1. `result.py`: what a run gives back, with what it was given; `origin.py` finds a period and a lane
   in that, and runs this lane again.
2. `explain.py` follows formulas from a number to inputs, tables and constants, with the values of
   every node (`nodes.py`); `tree.py` is what it gives.
3. `trouble.py` finds where numbers that are not finite begin, on the tape.
4. `residuals.py` says how well loops of circular nodes were closed.
5. `bridge.py` divides the difference of two runs among inputs, `tornado.py` has what each input can
   do to an output.
6. `graph.py` draws a model; `depends.py` counts what depends on inputs, and `again.py` runs that
   alone. Programs are asked for these through `audited.py`.
"""
