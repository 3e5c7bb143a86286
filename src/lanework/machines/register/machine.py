"""The register machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine

MACHINE = Machine(
    "register",
    isa="lanework.machines.register.isa:REGISTER",
    verify="lanework.machines.register.verify:verify",
    runner="lanework.machines.register.runner:Runner",
    text="lanework.machines.register.text.asm:RegisterAssembler",
    cli="lanework.machines.register.cli:COMMANDS",
    fuzz="lanework.machines.register.check.fuzz:campaign",
    inputs={"type": "dtype", "default": "default"},
    outputs={"type": "dtype"},
)
