"""The belief machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.verify import verify

MACHINE = Machine(
    "belief",
    BELIEF,
    verify,
    runner="lanework.machines.belief.runner:Runner",
    text="lanework.machines.belief.asm:BeliefAssembler",
    drawing="lanework.machines.belief.draw:tree_drawing",
)
