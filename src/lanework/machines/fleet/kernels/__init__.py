"""The kernels of the epoch engine as WGSL text, each module one of them.

`common` has what all of them begin with; `table.Spec` says what a text depends on.
"""
