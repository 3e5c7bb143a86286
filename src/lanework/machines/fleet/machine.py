"""The fleet machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine

MACHINE = Machine(
    "fleet",
    isa="lanework.machines.fleet.isa:FLEET",
    verify="lanework.machines.fleet.verify:verify",
    runner="lanework.machines.fleet.runner:Runner",
    text="lanework.machines.fleet.text.asm:FleetAssembler",
    cli="lanework.machines.fleet.cli:COMMANDS",
    model="lanework.machines.fleet.text.module:Module",
    compile="lanework.machines.fleet.text.linker:link_all",
    fuzz="lanework.machines.fleet.check.fuzz:campaign",
    facts="lanework.machines.fleet.facts:facts",
    inputs={"axes": "axes", "from word": "row"},
    outputs={"axes": "axes", "from word": "row"},
)
