"""The living definition: a program run one instruction after another, in NumPy, over any semiring.

`kernels` has products, sums, quotients and choices of tensors over any semiring, with lanes after
all axes; `custom` holds semirings of the user's own to what these need. `vm` holds registers, slots
and the scale, walks a tape through one function an instruction, and makes a posterior of what it
leaves.
"""
