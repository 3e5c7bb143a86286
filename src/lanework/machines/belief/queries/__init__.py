"""Questions that take more than one program, or more than one run of it.

`infer` compiles for a table: rows that know the same variables together. What does not fit is
conditioned (`conditioning`): `cutset` chooses variables and makes a lane of each of their joint
states, `recombination` puts together what these give. `loopy` asks `propagation` for messages that
may go round in circles, if asked for by name. `streaming` answers a table block by block into a
file, for as many rows as there are. `sensitivity` (with its `entries`), `learning` and
`jeffrey` put together derivatives, expected counts, and posteriors that are wanted.
"""
