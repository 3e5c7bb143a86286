"""The lanes of a run: in which order they run, where outputs go, and totals over lanes.

**Order.** A block of lanes runs as many periods as its longest lane. When lanes have horizons of
their own they are sorted by them, longest first, so that blocks waste little and threads end
together. The order is part of the run, not of the engine, since totals over lanes depend on it.

**Totals** are added in an order that no engine, width or number of threads can change. Lanes are
taken in units of 64. Within a unit, lane i is added to running total i mod 16, in order; the 16
totals are folded by halves; the units are added in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.sharing import keep
from lanework.core.program.program import Port
from lanework.engines.kernel import COLUMNS, UNIT
from lanework.machines.series.data.binding import Array, Bound
from lanework.machines.series.data.shape import Given, Shape, layout_of
from lanework.machines.series.data.slopes import Held, Slope, held
from lanework.machines.series.isa import ENDS, SERIES
from lanework.machines.series.layout import RowKind, SeriesView

WIDE = 32  # periods from which totals of units are added row by row
FEWEST = 64  # lanes below which sorting gains nothing
KEPT = 32  # ways of giving inputs of which a program keeps what its outputs are like
_Kind = tuple[Port, bool, bool, tuple[str, ...], Held | None]  # as in `Output`


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
    needed = view.cone([row])
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
        if instruction.name == ENDS:
            known[instruction.target] = known[instruction.operands[0]]
        elif elementwise is None:
            return None
        else:
            args = [known[operand] for operand in instruction.operands]
            known[instruction.target] = elementwise.evaluate(*args)
    return known[row]


@dataclass
class Output:
    """One output of a run.

    Attributes:
        port: the output port.
        timed: whether it depends on time.
        varying: whether it depends on the inner lane axis.
        outer: the outer lane axes on which it depends.
        zeroed: whether lanes may end early and leave zeros behind.
        axes: the axes of the result, without those summed over: time, then lane axes in the order
            in which inputs declare them.
        held: the axes that it has where it is a derivative.
        value: float64 with axes ``[time] + outer + [inner]``, without those summed over.
    """

    port: Port
    timed: bool
    varying: bool
    outer: tuple[str, ...]
    bound: Bound
    zeroed: bool
    held: Held | None = None
    value: Array = field(init=False)

    def __post_init__(self) -> None:
        bound = self.bound
        self.total = self.varying and bound.inner in self.port.reduce
        self.kept = tuple(axis for axis in self.outer if axis not in self.port.reduce)
        self._held = (
            *(("time",) if self.timed else ()),
            *self.kept,
            *((bound.inner,) if self.varying and not self.total and bound.inner else ()),
        )
        self.axes = tuple(axis for axis in ("time", *bound.axes) if axis in self._held)
        self.shape = tuple(
            bound.periods if axis == "time" else bound.sizes[axis] for axis in self._held
        )
        self.layout = layout_of(self.timed, self.varying)

    @property
    def bytes(self) -> int:
        """Memory for the result and for the totals of units."""
        cells = math.prod(self.shape)
        if self.total:
            cells += self.units * (self.bound.periods if self.timed else 1)
        if not self.plain:
            cells += math.prod(self._lengths)
        return 8 * cells

    @property
    def plain(self) -> bool:
        """Whether the result is as it is computed, with no axes besides and no sum over time."""
        return self.held is None or (self.held.axes == self.axes and not self.held.summed)

    @property
    def _lengths(self) -> tuple[int, ...]:
        """The lengths of the axes of a derivative."""
        axes, bound = self.held.axes if self.held else self.axes, self.bound
        return tuple(bound.periods if axis == "time" else bound.sizes[axis] for axis in axes)

    @property
    def units(self) -> int:
        """Units of lanes, each with a total of its own."""
        return -(-self.bound.lanes // UNIT)

    @property
    def direct(self) -> bool:
        """Whether engines write into the result itself."""
        return not self.total and not self.outer

    def allocate(self) -> None:
        """Make the result array."""
        clear = self.zeroed or not self.direct or not self.bound.repeats
        self.value = np.zeros(self.shape) if clear else np.empty(self.shape)

    def buffer(self, repeat: dict[str, int]) -> Array:
        """What an engine fills in one run along the outer axes.

        Shape: (1,), (T,), (L,) or (T, L); for totals (units,) or (units, T).
        """
        if self.total:
            rows = (self.units, self.bound.periods) if self.timed else (self.units,)
            return np.zeros(rows)
        if self.direct:
            return self.value.reshape(1) if self.layout == "scalar" else self.value
        if self.varying and self.kept == self.outer:
            return np.asarray(self.value[self._where(repeat)])
        shape = (
            *((self.bound.periods,) if self.timed else ()),
            *((self.bound.lanes,) if self.varying else ()),
        )
        return np.zeros(shape or (1,))

    def collect(self, buffer: Array, repeat: dict[str, int]) -> None:
        """Take over what an engine filled in."""
        if self.direct or (not self.total and self.varying and self.kept == self.outer):
            return
        part = add_units(buffer) if self.total else buffer
        if self.layout == "scalar" and not self.total:
            part = part[0]
        where = self._where(repeat)
        if self.kept == self.outer:
            self.value[where] = part
        elif not any(repeat[axis] for axis in repeat if axis not in self.outer):
            self.value[where] += part  # once, not again along axes that change nothing

    @property
    def result(self) -> Array:
        """The value with the axes of the result."""
        if self.axes == self._held:
            return self.value
        return self.value.transpose([self._held.index(axis) for axis in self.axes])

    def answer(self) -> tuple[Array, tuple[str, ...]]:
        """The result and its axes; a derivative has those of its output and of its inputs."""
        if self.held is None or self.plain:
            return self.result, self.axes
        axes, lengths = self.held.axes, self._lengths
        some = [n if a in self.axes else 1 for a, n in zip(axes, lengths, strict=True)]
        every = np.broadcast_to(self.result.reshape(some), lengths)
        if not self.held.summed:
            return np.array(every), axes
        return add_units(every), axes[1:]  # in order, whether there are other lanes or not

    def _where(self, repeat: dict[str, int]) -> tuple[slice | int, ...]:
        time = (slice(None),) if self.timed else ()
        return (*time, *(repeat[axis] for axis in self.kept))


def wanted_outputs(
    view: SeriesView, bound: Bound, wanted: Sequence[int], slopes: Mapping[str, Slope]
) -> list[Output]:
    """The outputs of these numbers, with these inputs; not allocated."""
    known: dict[Any, list[_Kind]] = view.program.views.setdefault("outputs", {})
    key = bound.given, tuple(bound.outers), bound.axes, bound.inner, tuple(wanted)
    kinds = known.get(key)
    if kinds is None:
        kinds = _kinds(view, bound, wanted, slopes)
        keep(known, key, kinds, KEPT)
    ends = view.horizon is not None
    return [Output(*kind[:4], bound, ends, kind[4]) for kind in kinds]


def _kinds(
    view: SeriesView, bound: Bound, wanted: Iterable[int], slopes: Mapping[str, Slope]
) -> list[_Kind]:
    """What outputs are like, which hangs on how inputs are given and on nothing else of them."""
    shape = Shape.of(view, bound.given)
    along = {}  # by outer axis: what depends on it, as if it were the only lane axis
    for axis in bound.outer:
        ways = zip(bound.given, bound.outers, strict=True)
        laned = tuple(Given(given.timed, axis in its) for given, its in ways)
        along[axis] = Shape.of(view, laned)
    kinds: list[_Kind] = []
    for port in (view.outputs[index] for index in wanted):
        slope = slopes.get(port.name)
        own = None if slope is None else held(slope, view, bound)
        outer = tuple(axis for axis in along if along[axis].output_varies(port.row))
        total = port if own is None else replace(port, reduce=own.reduce)
        kinds.append((total, shape.timed[port.row], shape.output_varies(port.row), outer, own))
    return kinds


def add_units(partials: Array) -> Array:
    """Add up rows, such as the totals of units, shape ``(units, ...)``, in order from 0.0."""
    if len(partials) == 0:
        return np.zeros(partials.shape[1:])
    with np.errstate(all="ignore"):
        if partials[0].size < WIDE:
            return np.asarray(np.add.accumulate(partials, axis=0)[-1] + 0.0)
        # row by row: pairs are added along the axis that is innermost in memory, and only there
        return np.asarray(np.add.reduce(np.ascontiguousarray(partials), axis=0, initial=0.0))


def unit_totals(values: Array) -> Array:
    """The totals of each unit over the last axis: ``(..., L)`` to ``(units, ...)``.

    Lanes that are absent or not active must hold 0.0.

    Example:
        >>> float(add_units(unit_totals(np.arange(3000.0))))
        4498500.0
    """
    lanes = values.shape[-1]
    units = -(-lanes // UNIT)
    padded = np.zeros((*values.shape[:-1], units * UNIT))
    padded[..., :lanes] = values
    rows = padded.reshape(*values.shape[:-1], units, UNIT // COLUMNS, COLUMNS)
    total = np.zeros((*values.shape[:-1], units, COLUMNS))
    width = COLUMNS
    with np.errstate(all="ignore"):
        for k in range(UNIT // COLUMNS):
            total = total + rows[..., k, :]
        while width > 1:
            width //= 2
            total = total[..., :width] + total[..., width : 2 * width]
    return np.moveaxis(total[..., 0], -1, 0)
