"""The reference: the tape run as it is defined, in NumPy.

A straight segment runs each instruction over whole columns; a loop segment runs all of its
instructions in one period after another. Every op is evaluated from its traced body. The other
engines are compared with this one, bit for bit (NaN payloads aside).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lanework.core.ops.evaluate import evaluate
from lanework.core.program.isa import Instruction
from lanework.core.runner import check_deadline
from lanework.engines.loops import KEY_TOLERANCE
from lanework.machines.series.isa import ENDS, EXTREMES, LOOKUPS, SERIES, SHIFTS
from lanework.machines.series.layout import (
    BACKWARD,
    STRAIGHT,
    RowKind,
    SeriesView,
    Table,
)
from lanework.machines.series.reference.faults import NO_TABLE, Fault
from lanework.machines.series.state import Ledger

PART = 1 << 16  # values of a column between two looks at Ctrl-C and the deadline

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass
class Scanned:
    """What a scan found: the rows asked for, shape ``(1 or T, 1 or L)``, and the faults."""

    rows: dict[int, Array]
    faults: list[Fault]


def scan(
    view: SeriesView,
    arrays: Sequence[Array],
    periods: int,
    lanes: int,
    wanted: Iterable[int],
    until: float | None = None,
) -> Scanned:
    """Run the whole tape; `arrays` are float64 of shape ``(1 or T, 1 or L)`` for each input port.

    The rows that are `wanted` are 0.0 from the lane's horizon on if they are over time.

    Raises:
        Trap: the deadline `until` (on the clock of `time.monotonic`) has passed.
    """
    return _Scan(view, arrays, periods, lanes, until).run(list(wanted))


class _Scan:
    def __init__(
        self,
        view: SeriesView,
        arrays: Sequence[Array],
        periods: int,
        lanes: int,
        until: float | None,
    ) -> None:
        self.view, self.periods, self.lanes, self.until = view, periods, lanes, until
        self.faults: list[Fault] = []
        self.ledger = Ledger(len(view.instructions), max(periods, 1), lanes)
        self.place = {i.target: n for n, i in enumerate(view.instructions)}
        self.values: dict[int, Array] = {}
        self.length = np.full((1, lanes), float(periods))
        self.steps = np.arange(float(periods)).reshape(-1, 1)
        for row, record in enumerate(view.rows):
            if record.kind == RowKind.INPUT:
                self.values[row] = np.asarray(arrays[record.index], np.float64)
            elif record.kind == RowKind.CONST:
                self.values[row] = np.full((1, 1), view.constants[record.index])
            elif record.kind == RowKind.TIME:
                self.values[row] = self.steps
        if view.horizon in self.values:
            self._set_length(self.values[view.horizon])

    def run(self, wanted: list[int]) -> Scanned:
        with np.errstate(all="ignore"):
            for segment in self.view.segments:
                part = list(
                    enumerate(self.view.instructions[segment.start : segment.stop], segment.start)
                )
                if segment.kind == STRAIGHT:
                    for number, instruction in part:
                        self._column(number, instruction)
                else:
                    self._loop(part, backward=segment.kind == BACKWARD)
        rows = {row: self._result(row) for row in wanted}
        self.faults.sort(key=lambda f: (f.instruction, f.period or 0, f.lane))
        return Scanned(rows, self.faults)

    # Rows ---------------------------------------------------------------------------------------

    def _value(self, row: int) -> Array:
        if self.view.rows[row].kind == RowKind.PERIODS:
            return self.length
        return self.values[row]

    def _keep(
        self, instruction: Instruction, periods: int, value: Callable[[slice], Array]
    ) -> None:
        """Write a column into the ledger, part by part; it has one period or all of them."""
        row = self.ledger.row(self.place[instruction.target])[:periods]
        for part in self._parts(periods):
            row[part] = value(part)
        self.values[instruction.target] = row
        if instruction.target == self.view.horizon:
            self._set_length(row)

    def _set_length(self, horizon: Array) -> None:
        length = np.floor(horizon[:1])
        length = np.where(length > 0.0, length, 0.0)
        length = np.where(length < self.periods, length, float(self.periods))
        self.length = np.broadcast_to(length, (1, self.lanes)).copy()

    def _active(self) -> Mask:
        """Which lanes still run, for each period: shape (T, L)."""
        return self.steps < self.length

    def _parts(self, periods: int) -> Iterator[slice]:
        """The periods, some at a time, with a look at the deadline before each part."""
        some = max(PART // max(self.lanes, 1), 1)
        for start in range(0, periods, some):
            check_deadline(self.until)
            yield slice(start, min(start + some, periods))

    def _result(self, row: int) -> Array:
        value = self._value(row)
        timed = self.view.timed[row] or value.shape[0] > 1
        if timed and self.view.horizon is not None:
            value = np.where(self._active(), value, 0.0)
        return value

    # Straight segments --------------------------------------------------------------------------

    def _column(self, number: int, instruction: Instruction) -> None:
        op = SERIES.by_name[instruction.name].elementwise
        if op is None:
            COLUMNS[instruction.name](self, number, instruction)
            return
        args = [self._value(row) for row in instruction.operands]
        periods = max((len(arg) for arg in args), default=1)
        graph = op.graph("f64")
        self._keep(
            instruction, periods, lambda part: evaluate(graph, [_within(a, part) for a in args])
        )

    def _shift(self, number: int, instruction: Instruction) -> None:
        source, lag, fill = instruction.operands
        earlier = instruction.name == "prev"
        column = np.broadcast_to(self._value(source), (self.periods, self.lanes))
        filled = self._value(fill)

        def shifted(part: slice) -> Array:
            t = np.arange(part.start, part.stop) - (lag if earlier else -lag)
            there = column[np.clip(t, 0, max(self.periods - 1, 0))]
            inside = (t >= 0)[:, np.newaxis] if earlier else t[:, np.newaxis] < self.length
            return np.where(inside, there, _within(filled, part))

        self._keep(instruction, self.periods, shifted)

    def _lookup(self, number: int, instruction: Instruction) -> None:
        *rows, table = instruction.operands
        columns = [self._value(row) for row in rows]
        periods = max(map(len, columns))

        def cells(part: slice) -> Array:
            keys = [_within(column, part) for column in columns]
            value, bad = _cells(self.view.tables[table], keys)
            if periods == self.periods:
                bad = bad & (self.steps[part] < self.length)
            self._blame(number, bad, keys, table, None if periods == 1 else part.start)
            return value

        self._keep(instruction, periods, cells)

    def _ends(self, number: int, instruction: Instruction) -> None:
        n = self._value(instruction.operands[0])
        rounded, far = nearest(n)
        most = max(self.periods, self.view.periods)
        bad = far | ~((rounded >= 0.0) & (rounded <= most))
        self._blame(number, bad, [n], NO_TABLE, None)
        self._flat(instruction, np.where(bad, np.nan, rounded))

    # Values of the whole of time ----------------------------------------------------------------

    def _over_time(self, row: int) -> tuple[Array, Mask]:
        """A row in each period of each lane, and where the lane still runs."""
        x = np.broadcast_to(self._value(row), (self.periods, self.lanes))
        return x, self._active()

    def _flat(self, instruction: Instruction, value: Array) -> None:
        self._keep(instruction, 1, lambda _: value)

    def _sum(self, number: int, instruction: Instruction) -> None:
        x, active = self._over_time(instruction.operands[0])
        total = np.zeros(self.lanes)
        for part in self._parts(self.periods):
            terms = np.where(active[part], x[part], 0.0)
            if part.start:
                terms[0] += total
            total = np.add.accumulate(terms, axis=0)[-1]
        self._flat(instruction, total[np.newaxis] + 0.0)

    def _fold(self, number: int, instruction: Instruction) -> None:
        """An op folded over the periods; of none the last period stays."""
        x, active = self._over_time(instruction.operands[0])
        out = np.full((1, self.lanes), np.nan)
        op = EXTREMES.get(instruction.name)
        for t in range(self.periods):
            check_deadline(self.until)
            if t == 0 or op is None:
                out = np.where(active[t], x[t], out)
            else:
                joined = evaluate(op.graph("f64"), [out, x[t][np.newaxis]])
                out = np.where(active[t], joined, out)
        self._flat(instruction, out)

    def _at_period(self, number: int, instruction: Instruction) -> None:
        row, period = instruction.operands
        out = np.full((1, self.lanes), np.nan)
        if period < self.periods:
            x, active = self._over_time(row)
            out = np.where(active[period], x[period], np.nan)[np.newaxis]
        self._flat(instruction, out)

    # Loop segments ------------------------------------------------------------------------------

    def _loop(self, part: list[tuple[int, Instruction]], *, backward: bool) -> None:
        for _, instruction in part:
            row = self.ledger.row(self.place[instruction.target])[: self.periods]
            row[...] = 0.0
            self.values[instruction.target] = row
        steps = range(self.periods)
        for t in reversed(steps) if backward else steps:
            for number, instruction in part:
                check_deadline(self.until)
                self.values[instruction.target][t] = self._step(number, instruction, t)

    def _at(self, row: int, t: int) -> Array:
        value = self._value(row)
        now: Array = value[t] if value.shape[0] > 1 else value[0]
        return now

    def _step(self, number: int, instruction: Instruction, t: int) -> Array:
        op = SERIES.by_name[instruction.name].elementwise
        if op is None:
            return STEPS[instruction.name](self, number, instruction, t)
        return evaluate(op.graph("f64"), [self._at(row, t) for row in instruction.operands])

    def _step_back(self, number: int, instruction: Instruction, t: int) -> Array:
        source, lag, fill = instruction.operands
        return self._at(source, t - lag) if t >= lag else self._at(fill, t)

    def _step_ahead(self, number: int, instruction: Instruction, t: int) -> Array:
        source, lag, fill = instruction.operands
        final = self._at(fill, t)
        if t + lag >= self.periods:
            return final
        return np.where(t + lag < self.length[0], self._at(source, t + lag), final)

    def _step_lookup(self, number: int, instruction: Instruction, t: int) -> Array:
        *rows, table = instruction.operands
        keys = [self._at(row, t)[np.newaxis] for row in rows]
        value, bad = _cells(self.view.tables[table], keys)
        self._blame(number, bad & (t < self.length), keys, table, t)
        cells: Array = value[0]
        return cells

    # Faults -------------------------------------------------------------------------------------

    def _blame(
        self, number: int, bad: Mask, keys: list[Array], table: int, period: int | None
    ) -> None:
        """Note the first fault; `period` is that of the first row, or None without time."""
        if not bad.any():
            return
        t, lane = (int(i) for i in np.argwhere(bad)[0])
        key = tuple(float(np.broadcast_to(k, bad.shape)[t, lane]) for k in keys)
        where = None if period is None else period + t
        lanes = tuple(np.flatnonzero(bad.any(axis=0)).tolist())
        self.faults.append(Fault(number, where, lane, table, key, lanes))


COLUMNS: dict[str, Callable[[_Scan, int, Instruction], None]] = {
    **dict.fromkeys(SHIFTS, _Scan._shift),
    **dict.fromkeys(LOOKUPS, _Scan._lookup),
    **dict.fromkeys((*EXTREMES, "last"), _Scan._fold),
    "tsum": _Scan._sum,
    "at": _Scan._at_period,
    ENDS: _Scan._ends,
}
"""The machine's own instructions over whole columns; every other is an op of the table."""

STEPS: dict[str, Callable[[_Scan, int, Instruction, int], Array]] = {
    "prev": _Scan._step_back,
    "lead": _Scan._step_ahead,
    **dict.fromkeys(LOOKUPS, _Scan._step_lookup),
}
"""Those that may be in a loop, in one period."""


def _within(column: Array, part: slice) -> Array:
    """Some periods of a column; all that there is of one without time."""
    return column if len(column) == 1 else column[part]


def _cells(table: Table, keys: list[Array]) -> tuple[Array, Mask]:
    """The values at the keys, and where the table has none."""
    shape = np.broadcast_shapes(*(key.shape for key in keys))
    if table.knots is not None:
        return np.broadcast_to(_interpolate(table, keys[0]), shape), np.zeros(shape, np.bool_)
    index = np.zeros(shape, np.int64)
    valid = np.ones(shape, np.bool_)
    between = np.zeros(shape, np.bool_)
    strict = False
    for key, dim in zip(keys, table.dims, strict=True):
        place = np.floor(key - dim.base)
        if dim.mode.exact:
            rounded, far = nearest(key)
            if dim.mode.clamps:  # what is outside takes the nearest
                far = far & (key - dim.base > 0.0) & (key - dim.base < dim.size - 1)
            between = between | far
            place = np.where(far, np.nan, rounded) - dim.base
        if dim.mode.clamps:
            good = place == place
            place = np.where(place > 0.0, place, 0.0)
            place = np.where(place < dim.size - 1, place, float(dim.size - 1))
        else:
            strict = True
            good = (place >= 0.0) & (place <= dim.size - 1)
            place = np.where(good, place, 0.0)
        index = index * dim.size + place.astype(np.int64)
        valid = valid & good
    value = np.where(valid, table.data[index], np.nan)
    bad = np.isnan(value) if strict else between
    return value, bad


def nearest(key: Array) -> tuple[Array, Mask]:
    """The whole numbers nearest to keys, and where these are not the same within the tolerance."""
    rounded = np.rint(key)
    size = np.abs(rounded)
    return rounded, np.abs(key - rounded) > np.where(size > 1.0, size, 1.0) * KEY_TOLERANCE


def _interpolate(table: Table, key: Array) -> Array:
    """Linear between knots, constant outside: y0 + (x - x0) * ((y1 - y0) / (x1 - x0))."""
    knots, data = table.knots, table.data
    assert knots is not None
    top = max(len(knots) - 2, 0)
    at = np.clip(np.searchsorted(knots, key, side="right") - 1, 0, top)
    after = at + (1 if len(knots) > 1 else 0)
    x0, x1, y0, y1 = knots[at], knots[after], data[at], data[after]
    value = y0 + (key - x0) * ((y1 - y0) / (x1 - x0))
    value = np.where(key >= x1, y1, value)
    value = np.where(key <= x0, y0, value)
    return np.where(np.isnan(key), np.nan, value)
