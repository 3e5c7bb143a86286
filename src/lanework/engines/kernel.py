"""What an engine makes of a nest: a function that threads share the work of."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

CALL = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)
"""The type of a kernel: columns, dims, shared words, scratch."""

UNIT = 64
"""Lanes in a unit of work: lane totals are added up within a unit first, then over units."""

COLUMNS = 16
"""Running totals in a unit: lane i of a unit is added to total i mod 16."""


@dataclass
class Kernel:
    """A compiled function ``(columns, dims, shared, scratch)``; calling it releases the GIL.

    Attributes:
        call: the ctypes function.
        address: where it is.
        cached: whether its code came from the disk.
        seconds: how long it took to get here.
        keep: what owns the machine code.
        engine: who made it.
        width: lanes in a block.
        fixed: doubles of scratch that a thread needs.
        timed: doubles of scratch that it needs for each period besides.
        descriptor: the address of what the function must know besides; in the third shared word.
    """

    call: Any
    address: int
    cached: bool
    seconds: float
    keep: Any
    engine: str = "llvm"
    width: int = 1
    fixed: int = 0
    timed: int = 0
    descriptor: int = 0

    def scratch(self, periods: int) -> int:
        """Doubles of scratch that one thread needs."""
        return self.fixed + self.timed * periods
