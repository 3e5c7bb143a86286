"""Models as workbooks of Excel with live formulas, and inputs back from such workbooks.

1. `functions.py`: how a spreadsheet writes each function of the language, and which it lacks.
2. `formulas.py`: a formula at a period as the formula of a cell.
3. `tablesheets.py`: the tables of a model as sheets, and lookups in them.
4. `naming.py`: what everything is called.
5. `arrangement.py`: where everything stands.
6. `workbook.py`: cells, names, formats; our own values beside them to compare with.
7. `reading.py`: what the named cells of a workbook give to the inputs of a model.
"""
