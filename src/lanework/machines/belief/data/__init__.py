"""What comes in and what goes out: evidence, and answers by name.

`csvtable` reads a file of rows; `states` says which state a value names; `evidence` makes weights
of columns of these. A run leaves slots and totals in a `posterior`, also whether numbers may have
vanished; `kbest` and `derivatives` put one together from several runs. `answers` gives slots their
names and axes, `result` makes objects, tables and files of them, and `page` what notebooks show.
"""
