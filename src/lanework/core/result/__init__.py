"""What a run gives back, and how it is shown and kept.

`result` has named arrays with axes and units; `frames` makes tables of them, `saving` files.
`show` prints numbers; `drawing` draws graphs, whose nodes `layers` and `crossings` put in place;
`picture` writes arrays as images.
"""
