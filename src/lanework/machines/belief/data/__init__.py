"""What comes in and what goes out: evidence, and answers by name.

`states` says which state a value names, `weights` what a column gives of weights; `evidence` puts
columns together by their rows, which it also reads from files. A run leaves slots and totals in a
`posterior`, also whether numbers may have vanished; `kbest` and `derivatives` put one together from
several runs. `answers` gives slots their names and axes; `tabular` makes tables of them, and
`result` objects, files and pages.
"""
