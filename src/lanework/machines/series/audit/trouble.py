"""Where NaN and infinity come from: from outputs backwards over the tape, in one lane.

A value that is not finite is followed to those operands that are not either; where there are none,
it arises. Of `where` the branch that was taken counts, of totals and their like the periods of the
lane.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.printable import shown
from lanework.base.span import Span
from lanework.core.ops.bodies.arithmetic import div, mul, sub
from lanework.core.ops.bodies.logic import choose
from lanework.core.program.isa import Instruction
from lanework.core.result.show import figure
from lanework.machines.series.audit.origin import Floats, Held, arrays_of, bound_of, origin_of
from lanework.machines.series.data.binding import Bound
from lanework.machines.series.isa import AGGREGATES, SERIES, SHIFTS
from lanework.machines.series.layout import RowKind, SeriesView
from lanework.machines.series.reference.scan import scan

if TYPE_CHECKING:
    from lanework.core.program.program import Program

BLOCK = 64  # lanes that are run at a time
Cell = tuple[int, int]


@dataclass(frozen=True)
class Trouble:
    """Where a value that is not finite arises.

    Attributes:
        node: the node in whose formula it does, or the input that has it.
        formula: the text of that formula.
        what: the operation with its operands.
        value: NaN or an infinity.
        period: the first period, None where the value does not depend on it.
        label: what the period is called.
        lane: axis -> place of the lane.
        span: where the operation was written, if that is known.
    """

    node: str
    formula: str
    what: str
    value: float
    period: int | None
    label: str
    lane: Mapping[str, int]
    span: Span | None = None

    def __str__(self) -> str:
        date = f" ({self.label})" if self.label else ""
        parts = [] if self.period is None else [f"period {self.period}{date}"]
        parts += [f"{axis} {place}" for axis, place in self.lane.items()]
        where = f" ({', '.join(parts)})" if parts else ""
        return shown(f"{self.formula or self.node}: {self.what}{where}")


def trouble(result: Held) -> list[Trouble]:
    """See `SeriesResult.trouble`."""
    program, inputs = origin_of(result)
    spoilt = [name for name in result if not np.isfinite(result[name]).all()]
    if not spoilt:
        return []
    view = SeriesView.of(program)
    bound = bound_of(program, int(result.stats["periods"]), inputs)
    rows = [port.row for port in program.outputs if port.name in spoilt]
    unsolved = _unsolved(program, view)
    for position, lanes in _blocks(result, bound, spoilt):
        arrays = arrays_of(bound, position, lanes)
        count = lanes.stop - lanes.start
        scanned = scan(view, arrays, bound.periods, count, range(len(view.rows)))
        for lane in range(count):
            columns = [
                scanned.rows[row][:, lane if scanned.rows[row].shape[1] > 1 else 0]
                for row in range(len(view.rows))
            ]
            origins = _Trace(view, columns, bound.periods, unsolved).origins(rows)
            if origins:
                inner = {} if bound.inner is None else {bound.inner: lanes.start + lane}
                at = {axis: {**position, **inner}[axis] for axis in bound.axes}
                return _named(result, view, columns, origins, at, unsolved)
    return []


def _unsolved(program: Program, view: SeriesView) -> set[int]:
    """The rows of circular nodes that are NaN where there is no solution."""
    marks = getattr(program.views.get("model"), "marks", {})
    circular = set[int]()
    for entry in program.listing if marks else ():
        product = view.instructions[entry.instruction]
        if entry.text.partition(" = ")[0] in marks and product.name == mul.name:
            maker = view.maker.get(product.operands[1])
            there = None if maker is None else view.instructions[maker]
            if there is not None and there.name == choose.name and is_nan(view, there.operands[2]):
                circular.add(product.target)
    return circular


def _is_step(view: SeriesView, columns: list[Floats], row: int, t: int) -> bool:
    """Whether a value is a step of Newton's method from where slopes are 1: no formula says it."""
    maker = view.maker.get(row)
    instruction = None if maker is None else view.instructions[maker]
    if instruction is None or instruction.name != div.name:
        return False
    _, divisor = instruction.operands
    zero = columns[divisor][t if len(columns[divisor]) > 1 else 0] == 0.0
    return bool(zero) and _is_pivot(view, divisor)


def _is_pivot(view: SeriesView, row: int) -> bool:
    """Whether a row is 1 less a slope, as it is or after steps of elimination."""
    maker = view.maker.get(row)
    if maker is None:
        record = view.rows[row]
        return record.kind == RowKind.CONST and view.constants[record.index] == 1.0
    instruction = view.instructions[maker]
    if instruction.name == choose.name:
        return all(_is_pivot(view, each) for each in instruction.operands[1:])
    return instruction.name == sub.name and _is_pivot(view, instruction.operands[0])


def is_nan(view: SeriesView, row: int) -> bool:
    """Whether a row is a constant that is NaN."""
    record = view.rows[row]
    return record.kind == RowKind.CONST and bool(np.isnan(view.constants[record.index]))


def _blocks(
    result: Held, bound: Bound, spoilt: list[str]
) -> Iterator[tuple[dict[str, int], slice]]:
    """Lanes in order, some at a time, without blocks whose outputs are all finite."""
    program, _ = origin_of(result)
    summed = {port.name for port in program.outputs if port.reduce}
    axes = [(axis, bound.sizes[axis]) for axis in bound.outer]
    for outer in itertools.product(*(range(size) for _, size in axes)):
        position = dict(zip(bound.outer, outer, strict=True))
        for start in range(0, bound.lanes, BLOCK):
            lanes = slice(start, min(start + BLOCK, bound.lanes))
            where: dict[str, int | slice] = {**position}
            if bound.inner is not None:
                where[bound.inner] = lanes
            if any(name in summed or _spoilt(result, name, where) for name in spoilt):
                yield position, lanes


def _spoilt(result: Held, name: str, where: Mapping[str, int | slice]) -> bool:
    """Whether an output is not finite somewhere in these lanes."""
    part: tuple[int | slice, ...] = tuple(where.get(a, slice(None)) for a in result.axes(name))
    return not np.isfinite(result[name][part]).all()


class _Trace:
    def __init__(
        self, view: SeriesView, columns: list[Floats], periods: int, unsolved: set[int]
    ) -> None:
        self.view, self.columns, self.unsolved = view, columns, unsolved
        length = [
            column
            for column, row in zip(columns, view.rows, strict=True)
            if row.kind == RowKind.PERIODS
        ]
        horizon = [] if view.horizon is None else [columns[view.horizon]]
        self.length = int((length or horizon or [np.array([periods])])[0][0])

    def origins(self, rows: list[int]) -> list[Cell]:
        """The cells where values arise that are not finite and come to these rows, in order.

        A cell is a row and a period.
        """
        todo = [(row, t) for row in rows for t in range(len(self.columns[row]))]
        todo = [cell for cell in todo if self._spoilt(cell)]
        seen = set(todo)
        origins = []
        while todo:
            cell = todo.pop()
            causes = [cause for cause in self._reads(*cell) if self._spoilt(cause)]
            if not causes:
                origins.append(cell)
            for cause in causes:
                if cause not in seen:
                    seen.add(cause)
                    todo.append(cause)
        return sorted(origins, key=lambda cell: (cell[1], cell[0]))

    def _spoilt(self, cell: Cell) -> bool:
        return not np.isfinite(self.columns[cell[0]][cell[1]])

    def _cell(self, row: int, t: int) -> Cell:
        return row, t if len(self.columns[row]) > 1 else 0

    def _reads(self, row: int, t: int) -> Iterator[Cell]:
        """The cells that a cell is made of."""
        maker = self.view.maker.get(row)
        if maker is None:
            return
        instruction = self.view.instructions[maker]
        name, operands = instruction.name, instruction.operands
        if name in SHIFTS:
            source, lag, fill = operands
            there = t - lag if name == "prev" else t + lag
            inside = there >= 0 if name == "prev" else there < self.length
            yield self._cell(source, there) if inside else self._cell(fill, t)
        elif name in AGGREGATES:
            periods = range(self.length)
            if name == "at":
                periods = range(operands[1], min(operands[1] + 1, self.length))
            elif name == "last":
                periods = range(max(self.length - 1, 0), self.length)
            yield from (self._cell(operands[0], each) for each in periods)
        elif name == choose.name:
            condition, yes, no = operands
            yield self._cell(condition, t)
            taken = self.columns[condition][self._cell(condition, t)[1]] != 0.0
            if taken or not is_nan(self.view, no):
                yield self._cell(yes if taken else no, t)
        elif row in self.unsolved:  # where steps came to no number, that is why
            yield self._cell(operands[0], t)
        else:
            yield from (self._cell(each, t) for each in self.view.reads(instruction))


def _named(
    result: Held,
    view: SeriesView,
    columns: list[Floats],
    origins: list[Cell],
    lane: Mapping[str, int],
    unsolved: set[int],
) -> list[Trouble]:
    """Each node with the first cell in which a value arises."""
    dates = result.coords.get("time")
    out: dict[int, Trouble] = {}
    listing = {entry.instruction: entry for entry in view.program.listing}
    for row, t in origins:
        value = float(columns[row][t])
        period = t if len(columns[row]) > 1 else None
        label = "" if dates is None or period is None else str(dates[period])
        record, maker = view.rows[row], view.maker.get(row)
        entry = None if maker is None else listing.get(maker)
        formula = "" if entry is None else entry.text
        node = formula.partition(" = ")[0] or f"row {row}"
        if row in unsolved or (unsolved and _is_step(view, columns, row, t)):
            what = "no solution is reached"
        elif maker is not None:
            what = _said(view, columns, view.instructions[maker], t, value)
        else:
            what = f"the value is {figure(value)}"
            if record.kind == RowKind.INPUT:
                node = view.inputs[record.index].name
                what = f"the input is {figure(value)}"
            elif record.kind == RowKind.CONST:
                outputs = (port.name for port in view.outputs if port.row == row)
                node = next(outputs, "a constant")
        span = None if entry is None else entry.span
        each = Trouble(node, formula, what, value, period, label, lane, span)
        out.setdefault(row, each)
    return list(out.values())


def _said(
    view: SeriesView, columns: list[Floats], instruction: Instruction, t: int, value: float
) -> str:
    """An operation with its operands, and what came of it."""
    name = instruction.name
    if name in AGGREGATES:
        return f"{name} is {figure(value)}"
    rows = view.reads(instruction)
    args = [figure(columns[row][t if len(columns[row]) > 1 else 0]) for row in rows]
    op: Any = SERIES.by_name[name].elementwise
    symbol = getattr(op, "symbol", None)
    if symbol and len(args) == 2 and not symbol.isalpha():
        text = f"{args[0]} {symbol} {args[1]} is {figure(value)}"
    else:
        text = f"{getattr(op, 'called', None) or name}({', '.join(args)}) is {figure(value)}"
    zero = name == div.name and columns[rows[1]][t if len(columns[rows[1]]) > 1 else 0] == 0.0
    return f"division by zero: {text}" if zero else text
