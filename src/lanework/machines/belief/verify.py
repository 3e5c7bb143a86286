"""The rules of belief programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_PROGRAM, ORDER_BROKEN
from lanework.core.program.isa import OperandKind
from lanework.core.program.program import Program
from lanework.core.program.verify import Finding, Rule, run_rules
from lanework.machines.belief.codes import AXES_DISAGREE, BAD_TABLE
from lanework.machines.belief.isa import BELIEF, EFFECTS
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import TensorSpec
from lanework.machines.belief.walk import walk


def verify(program: Program) -> list[Diagnostic]:
    """Every rule that a program breaks."""
    try:
        BeliefView.of(program)
    except Diagnostic as error:
        return [error]
    return run_rules(program, program, RULES)


def _numbers(program: Program) -> Iterator[Finding]:
    """Operands are numbers of things that there are."""
    view = BeliefView.of(program)
    limits = {
        OperandKind.FACTOR: len(view.factors),
        OperandKind.VARIABLE: len(view.variables),
        OperandKind.SPEC: len(view.specs),
        OperandKind.SLOT: len(view.slots),
        OperandKind.SELECTOR: len(view.selectors),
    }
    for number, instruction in enumerate(view.instructions):
        info = BELIEF.by_name[instruction.name]
        for spec, operand in zip(info.operands, instruction.operands, strict=True):
            if operand >= limits.get(spec.kind, 1 << 32):
                yield Finding(f"there is no {spec.kind.value} {operand}", number)


def _order(program: Program) -> Iterator[Finding]:
    """Registers are made before they are read; slots are written once, and before they are read."""
    view = BeliefView.of(program)
    held: set[int] = set()
    written: set[int] = set()
    for number, instruction in enumerate(view.instructions):
        rows, slots = view.rows[number], view.slotted[number]
        for row in rows:
            if row not in held:
                yield Finding(f"the register {row} is read, and holds nothing", number)
        if instruction.name not in EFFECTS:
            for slot in slots:
                if slot not in written:
                    yield Finding(f"the slot {view.slots[slot]} is empty", number)
            if instruction.target in held:
                yield Finding(f"the register {instruction.target} was not freed", number)
            held.add(instruction.target)
        elif slots:
            for slot in slots:
                if slot in written:
                    yield Finding(f"the slot {view.slots[slot]} is written twice", number)
            written.update(slots)
        else:
            held.difference_update(rows)


def _axes(program: Program) -> Iterator[Finding]:
    """Every instruction gets axes that it can work with."""
    yield from walk(program).findings


def _tables(program: Program) -> Iterator[Finding]:
    """The numbers of tables are finite and not negative."""
    constants = BeliefView.of(program).constants
    bad = ~(np.isfinite(constants) & (constants >= 0))
    if bad.any():
        at = int(bad.argmax())
        yield Finding(f"the entry {at} of the tables is {constants[at]:g}")


def _ports(program: Program) -> Iterator[Finding]:
    """Inputs are variables; outputs are slots that hold a variable's belief, or the whole sum."""
    view, stored = BeliefView.of(program), walk(program).slots
    kinds = {n: key[0] for n, key in enumerate(view.slots)}  # a variable may be called like the sum
    taken = Counter((p.direction, p.name, kinds.get(p.row)) for p in program.outputs)
    taken.update((port.direction, port.name, None) for port in program.inputs)
    for (_, name, _), count in taken.items():
        if count > 1:
            yield Finding(f"there are two ports named {name!r}")
    for port in program.inputs:
        what = f"the port {port.name!r}"
        if port.row >= len(view.variables):
            yield Finding(f"{what} leads nowhere")
        elif port.categories != view.variables[port.row].states:
            yield Finding(f"{what} has other states than its variable")
    for port in program.outputs:
        what = f"the port {port.name!r}"
        if port.row not in stored:
            yield Finding(f"{what} leads to no slot that is written")
        elif stored[port.row] != _answer(view, view.slots[port.row]):
            slot = view.slots[port.row]
            yield Finding(f"{what} leads to the slot {slot}, which holds something else")


RULES = (
    Rule(BAD_PROGRAM, _numbers, gate=True),
    Rule(ORDER_BROKEN, _order, gate=True),
    Rule(AXES_DISAGREE, _axes, gate=True),
    Rule(BAD_TABLE, _tables),
    Rule(BAD_PROGRAM, _ports),
)


def _answer(view: BeliefView, slot: SlotKey) -> TensorSpec | None:
    """The axes of what a slot of results must hold."""
    match slot:
        case ("Z",):
            variables: list[Any] = []
        case ("posterior", variable, int(state)):
            variables = [variable]
            if not (_known(view, variables) and 0 <= state < view.axis(variable).size):
                return None
        case ("gradient", _, *variables) | ("joint", *variables):
            pass
        case ("bel" | "state", variable):
            variables = [variable]
        case _:
            return None
    return TensorSpec(tuple(map(view.axis, variables))) if _known(view, variables) else None


def _known(view: BeliefView, variables: list[Any]) -> bool:
    return all(type(v) is int and 0 <= v < len(view.variables) for v in variables)
