"""What a run gives back, and how it is shown and kept.

`outputs` is named arrays with axes and units; `frames` makes tables of them, `saving` files, of
which `tablefile` writes tables, and `result` has all of that as its methods. `show` prints numbers;
`drawing` draws graphs, whose nodes `layers` puts in place; `picture` writes arrays as images.
"""
