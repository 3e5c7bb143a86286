"""The register machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine
from lanework.machines.register.isa import REGISTER
from lanework.machines.register.verify import verify

MACHINE = Machine(
    "register",
    REGISTER,
    verify,
    runner="lanework.machines.register.runner:Runner",
    text="lanework.machines.register.text.asm:RegisterAssembler",
)
