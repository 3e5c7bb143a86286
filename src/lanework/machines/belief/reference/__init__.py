"""The living definition: a program run one instruction after another, in NumPy, over any semiring.

`steps` has one function an instruction; `vm` holds registers, slots and the scale, walks the tape
through these, and makes a posterior of what it leaves.
"""
