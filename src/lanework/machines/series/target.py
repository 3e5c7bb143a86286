"""Where outputs go: the arrays that engines fill, and the axes that these have."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lanework.core.program.program import Port
from lanework.engines.loops import UNIT, Layout
from lanework.machines.series.binding import Array, Bound
from lanework.machines.series.totals import add_units


@dataclass
class Output:
    """One output of a run.

    Attributes:
        port: the output port.
        timed: whether it depends on time.
        varying: whether it depends on the inner lane axis.
        outer: the outer lane axes on which it depends.
        zeroed: whether lanes may end early and leave zeros behind.
        value: float64 with axes ``[time] + outer + [inner]``, without those summed over.
    """

    port: Port
    timed: bool
    varying: bool
    outer: tuple[str, ...]
    bound: Bound
    zeroed: bool
    value: Array = field(init=False)

    def __post_init__(self) -> None:
        bound = self.bound
        self.total = self.varying and bound.inner in self.port.reduce
        self.kept = tuple(axis for axis in self.outer if axis not in self.port.reduce)
        self.axes = (
            *(("time",) if self.timed else ()),
            *self.kept,
            *((bound.inner,) if self.varying and not self.total and bound.inner else ()),
        )
        self.shape = tuple(
            bound.periods if axis == "time" else bound.sizes[axis] for axis in self.axes
        )
        self.layout: Layout = (
            ("both" if self.varying else "time")
            if self.timed
            else ("lane" if self.varying else "scalar")
        )

    @property
    def bytes(self) -> int:
        """Memory for the result and for the totals of units."""
        cells = math.prod(self.shape)
        if self.total:
            cells += self.units * (self.bound.periods if self.timed else 1)
        return 8 * cells

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
            part: Array = self.value[self._where(repeat)]
            return part
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

    def _where(self, repeat: dict[str, int]) -> tuple[slice | int, ...]:
        time = (slice(None),) if self.timed else ()
        return (*time, *(repeat[axis] for axis in self.kept))
