"""The kernels of the epoch engine as WGSL text.

`table.Spec` says what a text depends on, `common` has what all of them begin with. An epoch goes
through `classify`, which sorts VMs by what will run them, `linear`, `oracle`, `branch`, `io`, and
`ordered` for what VMs do one after another. `launch` begins and ends VMs.
"""
