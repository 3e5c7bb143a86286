"""Whole phases as native code, VMs across SIMD.

`lower` makes of a routine a program of lanes (`engines.lanes`), `text` the module with a function
for each form of a routine and the one that threads call, and `engine` runs as much of the schedule
with it as can be, and the rest an epoch at a time on the reference.
"""
