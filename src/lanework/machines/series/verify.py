"""The gate of the series machine: a program that passes stays inside its memory.

The rules prove that every operand is a row that exists and is made before it is read (or through
a lag, in a loop), that loops only step through time, that tables are read inside their data, and
that the ledger's offsets fit in 63 bits. The engines check nothing of this again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_PROGRAM, BAD_TABLE_SECTION, ORDER_BROKEN
from lanework.core.program.isa import OperandKind
from lanework.core.program.program import Program
from lanework.core.program.verify import Finding, Rule, run_rules
from lanework.machines.series.isa import AGGREGATES, ENDS, LOOKUPS, SERIES, SHIFTS
from lanework.machines.series.layout import (
    BACKWARD,
    FORWARD,
    STRAIGHT,
    RowKind,
    SeriesView,
    TableMode,
)

MOST_PERIODS = 1 << 31
MOST_CELLS = 1 << 48  # of a lane: offsets in bytes, of 64 lanes side by side, fit in 57 bits


def verify(program: Program) -> list[Diagnostic]:
    """Every rule that a series program breaks."""
    try:
        view = SeriesView.of(program)
    except Diagnostic as error:
        return [error]
    return run_rules(program, view, RULES)


def _sizes(view: SeriesView) -> Iterator[Finding]:
    if not 0 <= view.periods < MOST_PERIODS:
        yield Finding(f"the program has {view.periods} periods")
    if len(view.rows) * max(view.periods, 1) >= MOST_CELLS:
        yield Finding("the ledger's offsets do not fit")
    for name in view.program.sections:
        if name not in ("rows", "segments", "tables", "calendar"):
            yield Finding(f"section {name!r} is not one of the series machine's")


def _ports(view: SeriesView) -> Iterator[Finding]:
    names: set[tuple[str, str]] = set()
    for port in view.program.ports:
        if not 0 <= port.row < len(view.rows):
            yield Finding(f"port {port.name!r} is at row {port.row}, and there is no such row")
        elif port.direction == "in" and view.rows[port.row].kind != RowKind.INPUT:
            yield Finding(f"input {port.name!r} is at row {port.row}, which is no input")
        if (port.direction, port.name) in names:
            yield Finding(f"there are two ports named {port.name!r}")
        if port.dtype != "f64":
            yield Finding(f"port {port.name!r} has dtype {port.dtype}; the machine has f64 only")
        names.add((port.direction, port.name))


def _rows(view: SeriesView) -> Iterator[Finding]:
    targets = {instruction.target for instruction in view.instructions}
    inputs = {port.row: n for n, port in enumerate(view.inputs)}
    for number, row in enumerate(view.rows):
        if row.kind == RowKind.INPUT and inputs.get(number) != row.index:
            yield Finding(f"row {number} is input {row.index}, and the ports say otherwise")
        if row.kind == RowKind.CONST and row.index >= len(view.constants):
            yield Finding(f"row {number} is constant {row.index}, and there is none")
        if row.kind == RowKind.NODE and number not in targets:
            yield Finding(f"row {number} is made by no instruction")


OPERANDS: dict[OperandKind, tuple[Callable[[SeriesView, int], bool], str]] = {
    OperandKind.ROW: (lambda view, n: n < len(view.rows), "reads row {}, not there"),
    OperandKind.LAG: (lambda _, n: 1 <= n < MOST_PERIODS, "has lag {}; it must be 1 or more"),
    OperandKind.PERIOD: (lambda _, n: n < MOST_PERIODS, "asks for period {}"),
    OperandKind.TABLE: (lambda view, n: n < len(view.tables), "reads table {}, not there"),
}
"""What an instruction's operand must be, by what its number means, and what is said otherwise."""


def _operands(view: SeriesView) -> Iterator[Finding]:
    seen: set[int] = set()
    for number, instruction in enumerate(view.instructions):
        target = instruction.target
        if target >= len(view.rows) or view.rows[target].kind != RowKind.NODE:
            yield Finding(f"instruction {number} writes row {target}, which is no node", number)
        if target in seen:
            yield Finding(f"instruction {number} writes row {target} a second time", number)
        seen.add(target)
        specs = SERIES.by_name[instruction.name].operands
        for spec, operand in zip(specs, instruction.operands, strict=True):
            fits, said = OPERANDS[spec.kind]
            if not fits(view, operand):
                yield Finding(f"instruction {number} {said.format(operand)}", number)


def _tables(view: SeriesView) -> Iterator[Finding]:
    for number, table in enumerate(view.tables):
        cells = math.prod(dim.size for dim in table.dims)
        if not cells:
            yield Finding(f"table {number} has a key without cells")
        elif cells != len(table.data):
            yield Finding(f"table {number} has {len(table.data)} cells, not {cells}")
        modes = {dim.mode for dim in table.dims}
        if (TableMode.INTERPOLATE in modes) != (table.knots is not None):
            yield Finding(f"table {number} needs knots if it interpolates, and only then")
        if not all(np.isfinite(dim.base) for dim in table.dims):
            yield Finding(f"table {number} has a key that begins at no number")
        knots = table.knots
        if knots is not None and not (
            len(table.dims) == 1
            and len(knots) == len(table.data)
            and np.all(np.diff(knots) > 0)
            and np.isfinite(knots).all()
        ):
            yield Finding(f"table {number} must have one rising knot for each value")
    for number, instruction in enumerate(view.instructions):
        if instruction.name in LOOKUPS:
            keys = len(instruction.operands) - 1
            if len(view.tables[instruction.operands[-1]].dims) != keys:
                yield Finding(f"instruction {number} looks up with {keys} keys", number)


def _segments(view: SeriesView) -> Iterator[Finding]:
    at = 0
    for segment in view.segments:
        if segment.kind not in (STRAIGHT, FORWARD, BACKWARD):
            yield Finding(f"a segment has kind {segment.kind}")
        if segment.start != at or segment.stop <= segment.start:
            yield Finding(f"segments do not cover the tape at instruction {at}")
        at = segment.stop
    if at != len(view.instructions):
        yield Finding(f"segments end at instruction {at} of {len(view.instructions)}")


def _order(view: SeriesView) -> Iterator[Finding]:
    """Rows are made before they are read; inside a loop a lag may point ahead."""
    ready = {row for row, record in enumerate(view.rows) if record.kind != RowKind.NODE}
    for segment in view.segments:
        part = range(segment.start, segment.stop)
        own = {view.instructions[n].target for n in part} if segment.kind != STRAIGHT else set()
        for number in part:
            instruction = view.instructions[number]
            name = instruction.name
            if segment.kind != STRAIGHT and name in AGGREGATES:
                yield Finding(f"instruction {number} ({name}) is inside a loop over time", number)
            lagged = "prev" if segment.kind == FORWARD else "lead"
            for place, row in enumerate(view.reads(instruction)):
                if row in ready:
                    if row in own and name in SHIFTS and name != lagged and place == 0:
                        yield Finding(
                            f"instruction {number} ({name}) looks the wrong way in a loop", number
                        )
                    continue
                if not (row in own and name == lagged and place == 0):
                    yield Finding(
                        f"instruction {number} ({name}) reads row {row} before it is made", number
                    )
            ready.add(instruction.target)


def _loops(view: SeriesView) -> Iterator[Finding]:
    for segment in view.segments:
        for number in range(segment.start, segment.stop) if segment.kind != STRAIGHT else ():
            if not view.timed[view.instructions[number].target]:
                yield Finding(f"instruction {number} does not depend on time, in a loop", number)


def _horizon(view: SeriesView) -> Iterator[Finding]:
    row = view.horizon
    for number, instruction in enumerate(view.instructions):
        if instruction.name == ENDS and instruction.target != row:
            yield Finding(f"instruction {number} (ends) makes another row than the horizon", number)
    if row is None:
        return
    if not 0 <= row < len(view.rows):
        yield Finding(f"the horizon is row {row}, and there is no such row")
    elif view.timed[row]:
        yield Finding("the horizon depends on time")
    elif _needs_length(view, row):
        yield Finding("the horizon depends on the number of periods that it sets")
    for number in range(view.maker.get(row, 0)):
        if view.timed[view.instructions[number].target] or (
            view.instructions[number].name in AGGREGATES
        ):
            yield Finding(f"instruction {number} walks time before the horizon is known", number)


def _needs_length(view: SeriesView, row: int) -> bool:
    """Whether a row that does not depend on time reads periods or anything that walks them."""
    cone = view.cone([row])
    return any(view.rows[row].kind == RowKind.PERIODS for row in cone) or any(
        instruction.target in cone and instruction.name in AGGREGATES
        for instruction in view.instructions
    )


RULES: tuple[Rule[SeriesView], ...] = (
    Rule(BAD_PROGRAM, _sizes, gate=True),
    Rule(BAD_PROGRAM, _operands, gate=True),
    Rule(BAD_PROGRAM, _ports, gate=True),
    Rule(BAD_PROGRAM, _rows, gate=True),
    Rule(BAD_TABLE_SECTION, _tables, gate=True),
    Rule(ORDER_BROKEN, _segments, gate=True),
    Rule(ORDER_BROKEN, _order, gate=True),
    Rule(ORDER_BROKEN, _loops),
    Rule(ORDER_BROKEN, _horizon),
)
"""What is checked, in order; a gate that finds something keeps the later rules from running."""
