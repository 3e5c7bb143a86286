"""Routines and a plan become a program: instructions, header, sections and ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from lanework.core import options
from lanework.core.program.isa import Instruction
from lanework.core.program.program import ListingEntry, Port, Program
from lanework.machines.fleet import plan as plans
from lanework.machines.fleet.codes import BAD_SETTING
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import DEPTH
from lanework.machines.fleet.matrices import storage
from lanework.machines.fleet.plan import Buffer, Plan, Routine, Symbol, extent
from lanework.machines.fleet.state import PROFILES, Convention


def package(
    instructions: Sequence[Instruction],
    routines: Sequence[Routine],
    plan: Plan,
    *,
    state: str = "S22",
    shared: int = 0,
    epsilon: float = 0.0,
    convention: Convention = Convention.CALLER,
    depth: int = DEPTH,
    buffers: Sequence[Buffer] = (),
    listing: Sequence[ListingEntry] = (),
    notes: Sequence[str] = (),
    names: Mapping[int, Symbol] | None = None,
) -> Program:
    """The program of these parts; it is not verified yet.

    Args:
        instructions: of all routines, one routine after another; targets are instruction numbers.
        routines: where each begins and how long it is.
        plan: what runs when.
        state: the profile of its VMs.
        shared: words of shared memory.
        epsilon: what counts as zero in BRANCH_EQ and BRANCH_NE.
        convention: which registers a call keeps.
        depth: calls within calls.
        buffers: named regions of shared memory; those with a direction become ports.
        listing: where instructions come from.
        notes: for people.
        names: for instructions whose number is made of names of buffers: what it is. Accesses to
            addresses that are computed from a place in a buffer stay inside it.
    """
    options.choice("state", state, PROFILES, BAD_SETTING)
    shared = options.integer("shared", shared, code=BAD_SETTING)
    depth = options.integer("depth", depth, code=BAD_SETTING)
    epsilon = options.real("epsilon", epsilon, code=BAD_SETTING)
    linear = sum(FLEET.by_name[each.name].kernel is Kernel.LINEAR for each in instructions)
    header: dict[str, int | float | str] = {
        "state": state,
        "shared": shared,
        "epsilon": float(np.float32(epsilon)),
        "convention": int(convention),
        "depth": depth,
        "instructions": len(instructions),
        "linear": linear,
        "routines": len(routines),
        "phases": len(plan.phases),
        "vms": extent(plan).slots + plan.spawn,
    }
    return Program(
        machine="fleet",
        header=header,
        tape=FLEET.encode(instructions),
        ports=ports(shared, buffers),
        constants=np.zeros(0),
        sections={
            "routines": plans.encode(tuple(routines)),
            "plan": plans.encode_plan(plan),
            "buffers": plans.encode_buffers(buffers),
            "matrices": storage.section(PROFILES[state], instructions),
            **({"names": plans.encode_names(names)} if names else {}),
        },
        listing=tuple(listing),
        notes=tuple(notes),
    )


def ports(shared: int, buffers: Sequence[Buffer]) -> tuple[Port, ...]:
    """Inputs and outputs: all of shared memory, and the buffers that are more than temporary."""
    out = []
    both: tuple[tuple[Literal["in", "out"], tuple[str, str]], ...]
    both = (("in", ("in", "inout")), ("out", ("out", "inout")))
    for direction, kinds in both:
        chosen = [(b.name, b.offset, b.dtype) for b in buffers if b.direction in kinds]
        for name, offset, dtype in [("shared", 0, "f32")] * (shared > 0) + chosen:
            default = 0.0 if direction == "in" else None
            axis = "word" if name == "shared" else f"{name}_word"
            out.append(Port(name, direction, offset, dtype, axes=(axis,), default=default))
    return tuple(out)
