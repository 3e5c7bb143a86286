"""The series machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine
from lanework.machines.series.isa import SERIES
from lanework.machines.series.verify import verify

MACHINE = Machine(
    "series",
    SERIES,
    verify,
    runner="lanework.machines.series.runner:Runner",
    text="lanework.machines.series.asm:SeriesAssembler",
)
