"""What a person writes, and what it becomes before anything is compiled.

1. `formula.py` reads an expression, Python syntax that is never run, into a tree (`expression.py`);
   Python functions and operators over handles build the same tree. `functions.py` has what a
   formula can call, `calling.py` how arguments and keys fit, and `longsums.py` sums that are too
   long for Python's parser. `unsupported.py` says what formulas do not have, and `instead.py` what
   to write for what others write.
2. `registry.py` keeps the named nodes: inputs, formulas, outputs (`nodes.py`), tables for lookups
   (`tables.py`, whose cells `tablerows.py` reads), and a calendar (`calendar.py`) for dates.
   `authoring.py` has the methods that add them.
3. `modelfile.py` reads a whole registry from a file.
4. `model.py` is that registry with `compile` and `run`: what `lanework.series.Model` is.

Only `model.py` knows that there is compiling; the passes read the registry.
"""
