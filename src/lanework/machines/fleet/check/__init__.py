"""The fuzzer: random programs on every engine, held to the reference.

1. `generate` makes a program of a seed: `drafting` has a routine while it is written, `blocks` the
   statements in it; `apart` makes one whose VMs do not see each other, with those of `ownwords`.
2. `snapshots` says what can be seen of a run, and how two runs differ.
3. `fuzz` runs a program in all ways there are.
4. `shrink` makes small what differs.
"""
