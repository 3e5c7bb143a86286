"""What code for lanes is made for: how many a vector has, and what masks are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lanework.engines.lanes.program import Blocks4, Load, Refill, makes, uses
from lanework.engines.lanes.shape import Shape

SPARE = 4
"""Registers for counts and what is just computed."""


BESIDE = 8
"""Registers' worth that is as quick in memory, where there are few registers."""

RANDOM = 8
"""Registers that are of use at once while random words are made."""

MANY = 16
"""Words of lanes that are read at the beginning, or written at the end, above which that is most of
what code without loops does: longer vectors make it no quicker, and LLVM takes far longer for it,
as its scheduler compares all loads and stores with each other."""


@dataclass(frozen=True)
class Target:
    """What code is made for.

    Attributes:
        width: lanes of a vector, which may be of several registers.
        bits: whether the processor has masks of bits; else masks are words of all ones.
        registers: how many it has for vectors.
        parts: registers of a vector.
        fused: whether it has an instruction for `fma`.
        halves: whether it has instructions between single and half precision.
    """

    width: int
    bits: bool
    registers: int = 16
    fused: bool = True
    halves: bool = True
    parts: int = 1

    def suited(self, shape: Shape) -> Target:
        """Vectors of as many registers as there are for what lanes keep between blocks.

        Where lanes load words, what they keep within a block counts too: addresses are still of
        use where it turns out that words are not in a row. Several are computed side by side, so
        that their latencies overlap.
        """
        program = shape.program
        own = shape.divergent - set(program.inputs)  # of which most are used at the ends
        kept = max((len(live & own) for live in shape.live), default=0)
        kept = max([kept, *(_within(shape, n, own) for n in range(len(shape.live)))])
        steps = (step for block in program.blocks for step in block.steps)
        if any(isinstance(step, Blocks4 | Refill) for step in steps):
            kept = max(kept, RANDOM)
        several: tuple[int, ...] = (8, 4, 2)
        if shape.masked:  # who is apart is to wait for few
            several = (4, 2)
        if max(len(program.inputs), 0 if shape.loops else len(program.outputs)) > MANY:
            several = (2,)
        room = self.registers if self.bits else self.registers + BESIDE
        parts = next((n for n in several if n * (kept + 1) + SPARE <= room), 1)
        return replace(self, width=self.width * parts, parts=parts)


def _within(shape: Shape, number: int, own: set[int]) -> int:
    """How many of some variables are of use at once within a block in which lanes load words."""
    block, most = shape.program.blocks[number], 0
    if not any(isinstance(step, Load) and shape.varies(step.index) for step in block.steps):
        return 0
    live = set().union(*(shape.live[each] for each in block.next)) | set(uses(block.end))
    for step in reversed(block.steps):
        live = live.difference(makes(step)).union(uses(step))
        most = max(most, len(live & own))
    return most
