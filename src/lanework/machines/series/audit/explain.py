"""The tree of formulas that made a number: `Result.explain`.

A node stands for its formula, and below it stands what the formula names in that period: through
`prev` in the period before, in a table the cell, of `where` the branch that was taken.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lanework.base.errors import Advice, Diagnostic
from lanework.core.data.labels import keys
from lanework.core.options import integer
from lanework.core.result.show import figure
from lanework.machines.series.audit.nodes import PERIODS, Lane, whole_of
from lanework.machines.series.audit.origin import (
    Held,
    arrays_of,
    bound_of,
    lane_of,
    origin_of,
    place_of,
)
from lanework.machines.series.audit.tree import Explanation, Step
from lanework.machines.series.codes import UNEXPLAINED
from lanework.machines.series.data.coords import Named
from lanework.machines.series.data.outputs import names_of_periods
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, NUMBER, WHERE, Expr
from lanework.machines.series.passes.graph import loop_of
from lanework.machines.series.passes.kinds import TIMED
from lanework.machines.series.passes.values import Kinds

OVER_ALL = frozenset(("total", "minimum", "maximum"))
NONE = "no solution is reached"
RUNNING = frozenset(("cumsum", "cumprod"))


def explain(
    result: Held, node: str, t: Any, lane: Mapping[str, Any], depth: int, back: int
) -> Explanation:
    """See `SeriesResult.explain`."""
    depth, back = integer("depth", depth, 0, 100), integer("back", back, 1, 100)
    program, inputs = origin_of(result)
    full = whole_of(program, node)
    periods = int(result.stats["periods"])
    bound = bound_of(full.program, periods, inputs)
    position = lane_of(result, bound, lane, node, full.program)
    last = getattr(result, "_lane", None)  # the next question is often of the same lane
    if last is None or last[0] is not full or last[1] != position:
        last = result._lane = full, position, Lane(full, arrays_of(bound, position), periods)
    values = last[2]
    dates = result.coords.get("time")
    period = _period(values, node, t, periods, dates, names_of_periods(program))
    _check_same(result, node, period, position, values)
    root = _Writer(values, inputs, dates).node(node, period, depth, back)
    summed = [a for p in program.outputs if p.name == node and node in result for a in p.reduce]
    if summed:
        root = replace(root, note=f"one lane of its total over {', '.join(summed)}")
    named = {}
    for axis, place in position.items():
        labels = result.coords.get(axis)
        named[axis] = (place, "" if labels is None else str(labels[place]))
    return Explanation(root, named)


def _period(
    values: Lane, node: str, t: Any, periods: int, dates: Any, named: Named | None
) -> int | None:
    """The period that is asked for, in any way in which an override says its periods.

    Raises:
        Diagnostic: LW3071 where it is missing, outside, or not there.
    """
    if not values.timed(node):
        if t is None:
            return None
        what = f"{node!r} has one value for all periods"
        raise Diagnostic(
            UNEXPLAINED, what, help=f"leave the period out: {node!r} alone, and the lane"
        )
    if t is None and periods > 1:
        what = f"{node!r} has a value in each of {periods:,} periods"
        help = Advice("say which: t=0", typed=f"say which: --explain {node}@0")
        raise Diagnostic(UNEXPLAINED, what, help=help)
    number = isinstance(t, int | np.integer) and not isinstance(t, bool)
    for way in named(periods) if named and not (number and 0 <= t < periods) else ():
        at = next((n for n, label in enumerate(keys(way)) if label in keys([t])), None)
        if at is not None:
            return at
    return 0 if t is None else place_of(t, "time", periods, dates, "t")


def _check_same(
    result: Held, node: str, period: int | None, position: Mapping[str, int], values: Lane
) -> None:
    """Refuse to explain another number than that of the result.

    Raises:
        Diagnostic: LW3071 where inputs were changed after the run.
    """
    column = values.column(node)
    if node not in result or column is None:
        return
    axes = result.axes(node)
    where = tuple((period or 0) if axis == "time" else position[axis] for axis in axes)
    port = next((p for p in origin_of(result)[0].outputs if p.name == node), None)
    if port is None or port.reduce:
        return
    mine = float(column[(period or 0) if len(column) > 1 else 0])
    given = float(result[node][where])
    nans = math.isnan(mine) and math.isnan(given)
    if struct.pack("d", mine) != struct.pack("d", given) and not nans:
        raise Diagnostic(
            UNEXPLAINED,
            f"the inputs give {node!r} the value {figure(mine)} now, and the result has"
            f" {figure(given)}",
            help="arrays that a run was given were changed after it: run again",
        )


class _Writer:
    def __init__(self, values: Lane, inputs: Mapping[str, Any], dates: Any) -> None:
        self.values, self.inputs, self.dates = values, inputs, dates
        self.model = values.full.model
        self.typed: Kinds = values.full.program.views["kinds"]
        self.expanded: set[tuple[str, int | None]] = set()
        self.leaves: set[tuple[str, int | None]] = set()

    def node(self, name: str, t: int | None, depth: int, back: int, note: str = "") -> Step:
        """A node of the model in a period, and below it what it is made of."""
        step = self._plain(name, t, note)
        formula = self.model.formulas.get(name)
        if formula is None or step.source != "formula":
            return step
        notes = [step.note, *self.typed.conversions(name, formula.expr.walk())]
        step = replace(step, formula=formula.shown, note="; ".join(filter(None, notes)))
        if (name, step.period) in self.expanded:
            return replace(step, again=True)
        over_all = t is None and self.values.timed(name)
        if depth <= 0 or back <= 0 or over_all:
            finite = depth < 0 or over_all or not _spoilt(step.value)
            if (name, step.period) in self.leaves:
                return replace(step, again=True)
            if depth >= 0:
                self.leaves.add((name, step.period))
            step = replace(step, more=True)
            return step if finite else self._judged(step, self._below(formula.expr, t, -1, back))
        self.expanded.add((name, step.period))
        children = self._below(formula.expr, t, depth - 1, back)
        return replace(self._judged(step, children), children=children)

    def _below(self, expr: Expr, t: int | None, depth: int, back: int) -> tuple[Step, ...]:
        return _once(self._operands(expr, t, depth, back))

    def _judged(self, step: Step, children: tuple[Step, ...]) -> Step:
        """The step, marked if it is not finite and all that it is made of is.

        A circular node is made of what its loop needs, and not of itself.
        """
        if not _spoilt(step.value):
            return step
        formulas, circular = self.model.formulas, step.name in self.model.marks
        loop = loop_of(formulas, step.name) if circular else set()
        if loop:
            below = (self._below(formulas[name].expr, step.period, -1, 1) for name in loop)
            parts = (part for each in below for part in each)
            children = tuple(p for p in parts if p.name not in loop or p.period != step.period)
        arises = not any(map(self._spoilt, children))
        return replace(step, arises=arises, note=NONE if arises and loop else step.note)

    def _spoilt(self, step: Step) -> bool:
        if step.value is not None:
            return _spoilt(step.value)
        column = self.values.column(step.name)
        return column is not None and not np.isfinite(column[: self.values.length]).all()

    def _plain(self, name: str, t: int | None, note: str) -> Step:
        values = self.values
        timed = values.timed(name)
        period = t if timed else None
        value = None if timed and t is None else values.value(name, t)
        port = values.ports.get(name)
        source = "formula"
        if name in self.model.inputs:
            source = "default" if self.inputs.get(name) is None else "input"
        elif not (timed and t is None) and values.overridden(name, t):
            source = "override"
        elif self.model.formulas[name].expr.head == NUMBER:
            source = "constant"
        unit, kind = ("", "") if port is None else (port.unit, port.kind)
        return Step(name, period, value, unit, kind, source, label=self._date(period), note=note)

    def _date(self, period: int | None) -> str:
        return "" if period is None or self.dates is None else str(self.dates[period])

    # What a formula names -----------------------------------------------------------------------

    def _operands(
        self, expr: Expr, t: int | None, depth: int, back: int, note: str = ""
    ) -> Iterator[Step]:
        head = expr.head
        if head == NAME:
            yield from self._name(expr.value, t, depth, back, note)
        elif head in SHIFTS:
            yield from self._shift(expr, t, depth, back, note)
        elif head == LOOKUP:
            yield self._lookup(expr, t, depth, back, note)
        elif head == WHERE:
            yield from self._where(expr, t, depth, back, note)
        else:
            if head in OVER_ALL:
                t = None
            elif head in ("last", "at"):
                t = max(self.values.length - 1, 0) if head == "last" else expr.value
            elif head in RUNNING:
                note = "and the periods before"
            for arg in expr.args:
                yield from self._operands(arg, t, depth, back, note)

    def _name(self, name: str, t: int | None, depth: int, back: int, note: str) -> Iterator[Step]:
        if name in self.model:
            yield self.node(name, t, depth, back, note)
        elif name == "periods":
            yield Step(name, None, self.values.value(PERIODS, None), source="time")
        elif name != "t":
            value = None if t is None else self.values.value(f"{name}#", t)
            unit = TIMED.get(name, "") if self.typed.units else ""
            label = self._date(t)
            yield Step(name, t, value, unit, source="calendar", label=label, note=note)

    def _shift(self, expr: Expr, t: int | None, depth: int, back: int, note: str) -> Iterator[Step]:
        source, fill = expr.args
        if t is None:
            yield from self._operands(source, t, depth, back, note)
            return
        there = t - expr.value if expr.head == "prev" else t + expr.value
        if 0 <= there < (self.values.length if expr.head == "lead" else there + 1):
            yield from self._operands(source, there, depth, back - 1, note)
            return
        note = "before the first period" if there < 0 else "after the last period"
        if fill.head == NUMBER:
            yield Step(str(expr), None, float(fill.value), source="constant", note=note)
        else:
            yield from self._operands(fill, t, depth, back, note)

    def _lookup(self, expr: Expr, t: int | None, depth: int, back: int, note: str) -> Step:
        name, column = expr.value
        table = self.model.tables[name]
        keys = [
            f"{dim.name}={self._key(key, t)}"
            for dim, key in zip(table.dims, expr.args, strict=True)
        ]
        called = name if column is None else f'{name}["{column}"]'
        value = None if t is None and self._over_time(expr) else self.values.part(expr, t)
        below = (s for key in expr.args for s in self._operands(key, t, depth, back))
        return Step(
            f"{called}({', '.join(keys)})",
            None,
            "(a name)" if table.column(column).labels else value,
            table.unit,
            table.kind,
            "table",
            note=note,
            children=_once(below),
        )

    def _over_time(self, expr: Expr) -> bool:
        part = self.values.full.parts.get(id(expr), "")
        return len(self.values.column(part) if part in self.values.ports else ()) > 1  # type: ignore[arg-type]

    def _key(self, key: Expr, t: int | None) -> str:
        if key.head == LABEL:
            return str(key.value)
        value = None if t is None and self._over_time(key) else self.values.part(key, t)
        return str(key) if value is None else figure(value)

    def _where(self, expr: Expr, t: int | None, depth: int, back: int, note: str) -> Iterator[Step]:
        condition, yes, no = expr.args
        yield from self._operands(condition, t, depth, back, note)
        known = None
        if t is not None or not self._over_time(condition):
            known = self.values.part(condition, t)
        if not isinstance(known, float):
            yield from self._operands(yes, t, depth, back, note)
            yield from self._operands(no, t, depth, back, note)
        else:
            yield from self._operands(yes if known != 0.0 else no, t, depth, back, note)


def _once(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps, each only where it comes first."""
    first: dict[tuple[str, int | None], Step] = {}
    for step in steps:
        first.setdefault((step.name, step.period), step)
    return tuple(first.values())


def _spoilt(value: Any) -> bool:
    """Whether a value is a number that is not finite."""
    return isinstance(value, float) and not math.isfinite(value)
