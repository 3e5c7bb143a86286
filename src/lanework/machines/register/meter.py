"""Fuel and time of a run, over all its lanes."""

from __future__ import annotations

import time

from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.engines.codes import DEADLINE_PASSED, FUEL_SPENT


class Meter:
    """What a run has used, and what is left.

    Attributes:
        left: fuel, or None where there is no limit.
        used: fuel.
        start: when the run began, on the monotonic clock.
    """

    def __init__(self, limits: Limits) -> None:
        self.left = limits.fuel
        self.used = 0
        self.start = time.monotonic()
        self.deadline = limits.deadline
        self.until = None if limits.deadline is None else time.monotonic() + limits.deadline

    def slice(self, most: int) -> int:
        """Fuel for the next slice, at most this much."""
        return most if self.left is None else min(most, self.left)

    def spend(self, amount: int) -> None:
        """Note fuel as used."""
        self.used += amount
        if self.left is not None:
            self.left -= amount

    def check(self, instruction: int) -> None:
        """Stop a run that is at its limit.

        Raises:
            Trap: LW2002 for fuel, LW2001 for the deadline, at this instruction.
        """
        if self.left == 0:
            raise Trap(
                FUEL_SPENT,
                f"the program used its fuel of {self.used:,} back edges and calls",
                help="raise the fuel limit, or look for a loop that does not end",
                instruction=instruction,
            )
        if self.until is not None and time.monotonic() > self.until:
            raise Trap(
                DEADLINE_PASSED,
                f"the program ran longer than {self.deadline:g} s",
                help="raise the deadline, or look for a loop that does not end",
                instruction=instruction,
            )
