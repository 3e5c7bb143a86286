"""What comes into a run and what goes out.

`labels.py` knows arrays with named axes and categories, `unpacking.py` what holds them, and
`coords.py` puts inputs with labels along their axes in one order; `arguments.py` makes inputs of a
command line's words, and of the columns of files, which the core reads; `tableinputs.py` of a table
in memory.
`binding.py` aligns inputs by axis name and counts lanes; `shape.py` follows from it which rows
depend on time and on the lane; `lanes.py` orders lanes, has the arrays that engines fill, and adds
up totals. `outputs.py` has the labels of results and the files of streamed runs; `streaming.py`
runs block after block in bounded memory.
"""
