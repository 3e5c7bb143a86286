"""Linear instructions as matrices, and how these are stored.

1. `maps` says what an instruction means: the rows that are not the identity's, "stored non-zeros
   only".
2. `compose` makes one matrix of a run of instructions, where that changes no bit.
3. `formats` stores matrices as words that a kernel walks.
4. `storage` is the section of a program file, and what each format would take.
"""

from lanework.machines.fleet.matrices.maps import dense

__all__ = ["dense"]
