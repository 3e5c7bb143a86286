"""What every fleet program must keep to: the gate before every engine.

Whatever bytes come in, the answer is a list of diagnostics, in time and memory that grow with the
file and not with the numbers in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from lanework.base.errors import Code, Diagnostic
from lanework.core.program.program import Program
from lanework.core.program.verify import Finding, Rule, run_rules
from lanework.machines.fleet import planrules, rules
from lanework.machines.fleet.analysis.kinds import mixed
from lanework.machines.fleet.codes import (
    BAD_BUFFER,
    BAD_HEADER,
    BAD_MATRICES,
    BAD_OPERAND,
    BAD_PLAN,
    BAD_TARGET,
    MIXED,
    NO_END,
    STACK_UNDERFLOW,
    TOO_LARGE,
)
from lanework.machines.fleet.isa import WORD, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.storage import check_section
from lanework.machines.fleet.plan import extent
from lanework.machines.fleet.state import PROFILES, Convention

MOST_INSTRUCTIONS = 1 << 24
"""The instruction pointer is a float too, which is exact up to here."""
MOST_STEPS = 1 << 20
"""Entries of a schedule."""
MOST_LAUNCHES = 1 << 22
"""Launches of a schedule, each counted as often as it is made."""
MOST_BATCHES = 256
"""Batches at one time."""
MOST_VMS = 1 << 28
"""VMs at one time, those that others may start among them."""
MOST_DEPTH = 1024
"""Calls within calls."""
MOST_SHARED = 1 << 30
"""Words of shared memory: 4 GiB."""
MOST_FINDINGS = 16
"""What is reported of one rule."""


def verify(program: Program) -> list[Diagnostic]:
    """Every rule that the program breaks; of one rule no more than 16 findings."""
    problems = run_rules(program, (program,), BEFORE)
    if problems:
        return problems
    try:
        view = FleetView.of(program)
    except Diagnostic as problem:
        return [problem]
    return run_rules(program, (program, view), RULES) or run_rules(program, (view,), LAST)


def _length(program: Program) -> Iterator[Finding]:
    count = len(program.tape) // WORD.size
    if count > MOST_INSTRUCTIONS:
        yield Finding(f"the program has {count:,} instructions, more than {MOST_INSTRUCTIONS:,}")


_NUMBERS = ("convention", "depth", "instructions", "linear", "routines", "phases", "vms")
HEADER = {"state": str, "shared": int, "epsilon": float, **dict.fromkeys(_NUMBERS, int)}
"""What every header has, and of which type it is."""

_ONE_OF: dict[str, list[str] | list[int]] = {
    "state": list(PROFILES),
    "convention": [int(each) for each in Convention],
}


def _kinds(program: Program) -> Iterator[Finding]:
    for name, kind in HEADER.items():
        if name not in program.header:
            yield Finding(f"the header lacks {name!r}")
        elif type(program.header[name]) is not kind:
            yield Finding(f"the header's {name!r} is {program.header[name]!r}")
        elif program.header[name] not in _ONE_OF.get(name, [program.header[name]]):
            yield Finding(f"the header's {name!r} is {program.header[name]}, not {_ONE_OF[name]}")
    for name in ("routines", "plan", "buffers"):
        if name not in program.sections:
            yield Finding(f"the section {name!r} is missing")


def _header(program: Program, view: FleetView) -> Iterator[Finding]:
    if not (math.isfinite(view.epsilon) and math.copysign(1.0, view.epsilon) > 0):
        yield Finding(f"epsilon is {view.epsilon}, and not a number from 0 on")
    elif view.epsilon != program.header["epsilon"]:
        yield Finding(
            f"epsilon is {program.header['epsilon']}, which is no single-precision number"
        )
    for name, number in (("shared", view.shared), ("depth", view.depth)):
        if number < 0:
            yield Finding(f"the header's {name!r} is {number}")
    right = {
        "instructions": len(view.infos),
        "linear": sum(info.kernel is Kernel.LINEAR for info in view.infos),
        "routines": len(view.routines),
        "phases": len(view.plan.phases),
        "vms": view.slots,
    }
    for name, number in right.items():
        if program.header[name] != number:
            yield Finding(f"the header's {name!r} is {program.header[name]}, and not {number}")
    if len(program.constants):
        yield Finding(f"there are {len(program.constants)} constants, and fleet programs have none")


def _size(view: FleetView) -> Iterator[Finding]:
    needed = extent(view.plan)
    for what, number, most in (
        ("steps in the schedule", len(view.plan.schedule), MOST_STEPS),
        ("launches in the schedule", needed.launches, MOST_LAUNCHES),
        ("batches at one time", needed.batches, MOST_BATCHES),
        ("VMs", view.slots, MOST_VMS),
        ("calls within calls", view.depth, MOST_DEPTH),
        ("words of shared memory", view.shared, MOST_SHARED),
    ):
        if number > most:
            yield Finding(f"there are {number:,} {what}, more than {most:,}")


def _rule(code: Code, check: Callable[..., Iterator[Finding]], gate: bool = False) -> Rule[Any]:
    """The first findings of a rule: a damaged file may break it a million times."""
    return Rule(code, lambda parts: islice(check(*parts), MOST_FINDINGS), gate)


def _of_view(code: Code, check: Callable[[FleetView], Iterator[Finding]],
             gate: bool = False) -> Rule[Any]:  # fmt: skip
    return _rule(code, lambda program, view: check(view), gate)


BEFORE = (_rule(TOO_LARGE, _length, gate=True), _rule(BAD_HEADER, _kinds))
"""Rules for what is looked at before anything is decoded."""


def _matrices(program: Program, view: FleetView) -> Iterator[Finding]:
    wrong = check_section(view, program.sections.get("matrices", b""))
    if wrong is not None:
        yield Finding(wrong)


RULES = (
    _rule(BAD_HEADER, _header, gate=True),
    _of_view(TOO_LARGE, _size, gate=True),
    _of_view(BAD_HEADER, rules.routines, gate=True),
    _of_view(BAD_OPERAND, rules.operands, gate=True),
    _of_view(BAD_TARGET, rules.targets, gate=True),
    _of_view(NO_END, rules.ends),
    _of_view(BAD_PLAN, planrules.phases, gate=True),
    _of_view(BAD_PLAN, planrules.kept, gate=True),
    _of_view(STACK_UNDERFLOW, rules.returns),
    _rule(BAD_BUFFER, planrules.buffers),
    _of_view(BAD_BUFFER, planrules.symbols),
    _of_view(BAD_PLAN, planrules.tables),
    _rule(BAD_MATRICES, _matrices),
)
"""Rules for what was decoded."""

LAST = (_rule(MIXED, mixed),)
"""Rules for programs that keep to all others."""
