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
    horizon = _evaluate(view, bound, view.horizon, {})
    if horizon is None or np.shape(horizon) != (bound.lanes,):
        return None
    length = np.fmin(np.fmax(horizon, 0.0), bound.periods)  # NaN counts as 0
    kind = np.uint16 if bound.periods < 65536 else np.int64  # 16 bits sort by radix
    left = bound.periods - np.floor(length)
    return np.argsort(left.astype(kind), kind="stable").astype(np.int64, copy=False)


def _evaluate(
    view: SeriesView, bound: Bound, row: int, known: dict[int, Array | None]
) -> Array | None:
    """A row that takes only element-wise ops over inputs without time; None if it takes more."""
    if row in known:
        return known[row]
    record = view.rows[row]
    value: Array | None = None
    if record.kind == RowKind.CONST:
        value = np.float64(view.constants[record.index])  # type: ignore[assignment]
    elif record.kind == RowKind.INPUT:
        if not bound.given[record.index].timed and not bound.outers[record.index]:
            value = np.asarray(bound.arrays[record.index], np.float64)
    elif record.kind == RowKind.NODE:
        instruction = view.instructions[view.maker[row]]
        elementwise = SERIES.by_name[instruction.name].elementwise
        if elementwise is not None:
            args = [_evaluate(view, bound, operand, known) for operand in instruction.operands]
            if all(arg is not None for arg in args):
                value = elementwise.evaluate(*args)  # type: ignore[arg-type]
    known[row] = value
    return value
