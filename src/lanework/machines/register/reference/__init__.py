"""The living definition of the register machine: `interpret` steps through a program in Python.

Results, traps, fuel and the place where a program stops: every other engine is held to what this
room does, to the bit.
"""
