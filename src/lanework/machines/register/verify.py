"""What every register program must keep to; what passes stays inside its memory and its code."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lanework.base.errors import Diagnostic
from lanework.core.program.program import Program
from lanework.core.program.verify import Finding, Rule, run_rules
from lanework.machines.register.codes import BAD_MEMORY, BAD_PORT, BAD_TARGET, NO_END
from lanework.machines.register.isa import ZERO, register_name
from lanework.machines.register.layout import TYPES, RegisterView, direct

MOST_MEMORY = 1 << 40
STEP = 64
MOST_TAPE = 1 << 30


def verify(program: Program) -> list[Diagnostic]:
    """Every rule that the program breaks."""
    if len(program.tape) > MOST_TAPE:  # before it is decoded, which takes long
        what = f"the program has {len(program.tape):,} bytes, more than {MOST_TAPE:,}"
        help = "divide it into several programs"
        return [Diagnostic(NO_END, what, help=help)]
    try:
        view = RegisterView.of(program)
    except Diagnostic as problem:
        return [problem]
    except (TypeError, ValueError, OverflowError):
        return [Diagnostic(BAD_MEMORY, "memory and entry are no whole numbers")]
    return run_rules(program, (program, view), RULES)


_Both = tuple[Program, RegisterView]


def _targets(both: _Both) -> Iterator[Finding]:
    view = both[1]
    end = view.addresses[-1]
    for number, info in enumerate(view.infos):
        if direct(info):
            target = view.target(number)
            if target not in view.index or target == end:
                yield Finding(f"{info.name} leads to byte {target}, where none begins", number)
    if view.entry not in view.index or view.entry == end:
        yield Finding(f"the entry is byte {view.entry}, where no instruction begins")


def _end(both: _Both) -> Iterator[Finding]:
    view = both[1]
    if not view.infos:
        yield Finding("the program has no instruction", help="write at least halt")
    elif not view.infos[-1].last:
        what, help = f"{view.infos[-1].name} is the last instruction", "write halt after it"
        yield Finding(what, len(view.infos) - 1, help)


def _memory(both: _Both) -> Iterator[Finding]:
    view = both[1]
    size = view.memory
    if size % STEP or not STEP <= size <= MOST_MEMORY:
        yield Finding(f"the memory has {size:,} bytes, which is no multiple of 64 up to 1 TiB")
    if len(view.data) > size:
        yield Finding(f"the data has {len(view.data):,} bytes and the memory {size:,}")


def _ports(both: _Both) -> Iterator[Finding]:
    names: set[tuple[str, str]] = set()
    taken: dict[int, str] = {}
    for port in both[0].ports:
        if not 0 <= port.row < ZERO or port.dtype not in TYPES or port.axes:
            yield Finding(f"port {port.name!r} is register {port.row} of type {port.dtype}")
        if port.default is not None and port.dtype != "f64" and not _integral(port.default):
            yield Finding(f"port {port.name!r} of {port.dtype} is {port.default} if it is left out")
        if (port.name, port.direction) in names:
            yield Finding(f"the port {port.name!r} is there twice")
        names.add((port.name, port.direction))
        if port.direction == "in" and taken.setdefault(port.row, port.name) != port.name:
            register = register_name(port.row)
            other = taken[port.row]
            yield Finding(f"the inputs {other!r} and {port.name!r} are both in {register}")


def _integral(value: float) -> bool:
    """Whether a default is a whole number of 64 bits."""
    return -(2.0**63) <= value < 2.0**64 and value == math.floor(value)


RULES = (
    Rule(NO_END, _end, gate=True),
    Rule(BAD_TARGET, _targets, gate=True),
    Rule(BAD_MEMORY, _memory, gate=True),
    Rule(BAD_PORT, _ports),
)
