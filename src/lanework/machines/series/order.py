"""The order in which lanes run: those with equal time left side by side.

A block of lanes runs as many periods as its longest lane. When lanes have horizons of their own
they are sorted by them, longest first, so that blocks waste little and threads end together.
The order is part of the run, not of the engine, since totals over lanes depend on it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lanework.machines.series.binding import Array, Bound
from lanework.machines.series.isa import SERIES
from lanework.machines.series.layout import RowKind, SeriesView

FEWEST = 64  # lanes below which sorting gains nothing


def lane_order(view: SeriesView, bound: Bound) -> npt.NDArray[np.int64] | None:
    """Lanes from the longest horizon to the shortest, or None to run them as they come."""
    if view.horizon is None or bound.lanes < FEWEST or bound.periods < 2:
        return None
    horizon = _evaluate(view, bound, view.horizon)
    if horizon is None or np.shape(horizon) != (bound.lanes,):
        return None
    length = np.fmin(np.fmax(horizon, 0.0), bound.periods)  # NaN counts as 0
    kind = np.uint16 if bound.periods < 65536 else np.int64  # 16 bits sort by radix
    left = bound.periods - np.floor(length)
    return np.argsort(left.astype(kind), kind="stable").astype(np.int64, copy=False)


def _evaluate(view: SeriesView, bound: Bound, row: int) -> Array | None:
    """A row that takes only element-wise ops over inputs without time; None if it takes more."""
    needed, todo = set[int](), [row]
    while todo:
        now = todo.pop()
        if now not in needed:
            needed.add(now)
            if now in view.maker:
                todo.extend(view.reads(view.instructions[view.maker[now]]))
    known: dict[int, Array] = {}
    for now in needed:
        record = view.rows[now]
        if record.kind == RowKind.CONST:
            known[now] = np.asarray(view.constants[record.index])
        elif record.kind == RowKind.INPUT:
            if bound.given[record.index].timed or bound.outers[record.index]:
                return None
            known[now] = np.asarray(bound.arrays[record.index], np.float64)
        elif record.kind != RowKind.NODE:
            return None
    for number in sorted(view.maker[now] for now in needed if now in view.maker):
        instruction = view.instructions[number]
        elementwise = SERIES.by_name[instruction.name].elementwise
        if elementwise is None:
            return None
        args = [known[operand] for operand in instruction.operands]
        known[instruction.target] = elementwise.evaluate(*args)
    return known[row]
