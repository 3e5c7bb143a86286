"""The LLVM engine: steps of the schedule as native code where VMs do not see each other.

It is the reference, and what it cannot run natively that does, on the same memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lanework.engines.kernel import Kernel
from lanework.engines.llvm import jit
from lanework.engines.llvm.masked import Target
from lanework.engines.native import OWN_SHARE, Frame, address
from lanework.machines.fleet.engine import Progress, Settings, Stop
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import text
from lanework.machines.fleet.native.lower import Form, Lowering
from lanework.machines.fleet.plan import Allocated
from lanework.machines.fleet.reference.engine import ReferenceEngine
from lanework.machines.fleet.state import Fault, Status, Words

UNIT = 1024
"""VMs of a unit of work."""
ENDLESS = (1 << 63) - 1


@dataclass
class Made:
    """What was compiled of a program."""

    kernel: Kernel
    forms: dict[Form, int]


class LLVMEngine(ReferenceEngine):
    """A program whose phases are native code where that may be; see `engine.Engine`."""

    name = "llvm"

    def __init__(self, view: FleetView, settings: Settings, threads: int = 1) -> None:
        super().__init__(view, settings)
        self.threads, self.made = threads, None
        self.record = False

    def ahead(self, step: int, fuel: int | None, until: float | None) -> tuple[int, Progress] | None:
        """Run steps of the schedule from one on, as many as can be; None if it is none.

        No VM may be live.

        Returns:
            How many, and the counts.
        """
        entries, steps = self._entries(step)
        if not steps:
            return None
        made = self._compiled()
        ...
        return None
