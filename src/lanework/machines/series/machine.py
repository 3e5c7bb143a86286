"""The series machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine

MACHINE = Machine(
    "series",
    isa="lanework.machines.series.isa:SERIES",
    verify="lanework.machines.series.verify:verify",
    runner="lanework.machines.series.runner:Runner",
    text="lanework.machines.series.asm:SeriesAssembler",
    cli="lanework.machines.series.cli:COMMANDS",
    read="lanework.machines.series.language.model:load_model",
    program="lanework.machines.series.program:SeriesProgram",
    facts="lanework.machines.series.program:facts",
    fuzz="lanework.machines.series.check.fuzz:campaign",
    inputs={"axes": "axes", "unit": "unit", "kind": "kind", "default": "default"},
    outputs={"axes": "axes", "unit": "unit", "kind": "kind", "summed over": "reduce"},
)
