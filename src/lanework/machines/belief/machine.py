"""The belief machine as the rest of the house sees it."""

from __future__ import annotations

from lanework.core.machine import Machine

MACHINE = Machine(
    "belief",
    isa="lanework.machines.belief.isa:BELIEF",
    verify="lanework.machines.belief.verify:verify",
    runner="lanework.machines.belief.runner:Runner",
    text="lanework.machines.belief.asm:BeliefAssembler",
    cli="lanework.machines.belief.cli:COMMANDS",
    read="lanework.machines.belief.graph.files:read_network",
    model="lanework.machines.belief.graph.model:FactorGraph",
    compile="lanework.machines.belief.passes.compile:compile_graph",
    fuzz="lanework.machines.belief.check.fuzz:campaign",
    drawing="lanework.machines.belief.drawing:tree_drawing",
    inputs={"variable": "row"},
    outputs={"slot": "row"},
)
