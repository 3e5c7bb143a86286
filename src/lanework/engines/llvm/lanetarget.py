"""What code for lanes is made for: how many a vector has, and what masks are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lanework.engines.lanes.shape import Shape

SPARE = 4
"""Registers for counts and what is just computed."""


@dataclass(frozen=True)
class Target:
    """What code is made for.

    Attributes:
        width: lanes of a vector, which may be of several registers.
        bits: whether the processor has masks of bits; else masks are words of all ones.
        registers: how many it has for vectors.
        fused: whether it has an instruction for `fma`.
    """

    width: int
    bits: bool
    registers: int = 16
    fused: bool = True

    def suited(self, shape: Shape) -> Target:
        """Vectors of as many registers as there are for what lanes keep between blocks.

        Several are computed side by side, so that their latencies overlap.
        """
        own = shape.divergent - set(shape.program.inputs)  # of which most are used at the ends
        kept = max((len(live & own) for live in shape.live), default=0)
        fits = [n for n in (4, 2) if n * (kept + 1) + SPARE <= self.registers]
        return replace(self, width=self.width * max(fits, default=1))
