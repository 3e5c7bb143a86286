"""What a person writes, and what it becomes before anything is compiled.

`formula.py` reads an expression, Python syntax that is never run, into a tree (`expression.py`);
Python functions and operators over handles build the same tree. `functions.py` has what a formula
can call. `model.py` keeps the named nodes (`nodes.py`: inputs and outputs; `tables.py`: tables for
lookups, whose cells `tablerows.py` reads), and `modelfile.py` reads a whole model from a file.
`calendar.py` gives periods their dates. Nothing here knows of compiling.
"""
