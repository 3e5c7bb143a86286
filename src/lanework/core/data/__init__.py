"""What a person gives, taken exactly or refused: the borders of all machines.

`tables.py` takes columns from any table (a mapping, pandas, polars, Arrow, DuckDB, NumPy records).
`labels.py` puts values with labels into the order that is wanted, and looks names up in a list of
categories. `values.py` makes arrays of the dtype that is declared, exactly; `spelling.py` says of
text how the number is written that it may have meant; `libraries.py` knows arrays of other
libraries.

`files.py` reads columns from files, whole or in blocks of rows (`blocks.py`), `columns.py` one as
it is written with the labels beside it, and `cells.py` cell by cell, as far as memory allows
(`holding.py`); `opening.py` opens them by their endings, and `standard.py` has standard input in
place of one. `csvtext.py` reads CSV (`csvheader.py` its header,
`csvfast.py` what is plain in it), `arrays.py` files whose values have types, `sheets.py` workbooks;
`jsontext.py` knows where things stand in JSON.
"""
