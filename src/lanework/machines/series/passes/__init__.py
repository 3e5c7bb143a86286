"""From a model to a program: `compile.py` runs one pass a file; `explain` says what each did.

1. `graph.py` orders the formulas by their names and says where there is a loop within a period.
2. `kinds.py` checks units and temporal kinds, only if any is declared: a rule for each step
   (`steprules.py`), and units that fit (`unitfit.py`).
3. `flatten.py` reads each formula once into the value graph (`values.py`); `lookups.py` gives it
   tables, keys and labels. Constants are folded while it grows. What a run may override is a choice
   between an input and the formula (`overriding.py`).
   Loops within a period are solved: `circular.py` finds them, `newton.py` writes the steps.
4. `optimise.py` makes equal recurrences one and folds tables. No pass changes a bit of any result.
5. `walks.py` finds the recurrences and which way they run through time.
6. `emit.py` writes rows, tape, sections, ports and listing: from here on there are numbers only.

`derive.py` reads a tape back into values, adds derivatives (`derivatives.py`: backwards through the
graph in `adjoint.py`, forwards in `tangent.py`), and writes it again. `sparsity.py` says which of
them may be other than 0.
"""
