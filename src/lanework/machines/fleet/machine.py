"""The fleet machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.verify import verify

MACHINE = Machine(
    "fleet",
    FLEET,
    verify,
    runner="lanework.machines.fleet.runner:Runner",
    text="lanework.machines.fleet.text.assembly:FleetAssembler",
    facts="lanework.machines.fleet.facts:facts",
)
