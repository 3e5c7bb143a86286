"""What comes into a run and what goes out.

`labels.py` knows arrays with named axes and categories, `unpacking.py` what holds them, and
`coords.py` puts inputs with labels along their axes in one order; `axisnames.py` tells axes
that are misspelt. `longtables.py` says which columns of a table are labels, and makes arrays
of long and wide ones; `tableinputs.py` makes inputs of a table in memory, `filetables.py` of one in
a file, which the core reads, and `arguments.py` of a command line's words.
`overrides.py` gives what overrides nodes the axes of these nodes.
`binding.py` aligns inputs by axis name and counts lanes; `shape.py` follows from it which rows
depend on time and on the lane; `lanes.py` orders lanes, has the arrays that engines fill, and adds
up totals; `slopes.py` has the axes of derivatives. `outputs.py` has the labels of results and the
files of streamed runs; `streaming.py` runs block after block in bounded memory.
"""
