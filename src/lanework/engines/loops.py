"""Loop nests: the shape of a program's loops, free of machine and of target.

A machine lowers its tape to a `LoopNest`; an engine turns the nest into code for its target.
A kernel is an op body x a loop shape x a target, and this module is the loop shape.

A nest runs over lanes in blocks. For a block it computes values that do not depend on time, then
walks time forwards or backwards, stage after stage. Values are named by integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from lanework.core.ops.op import Op
from lanework.core.ops.rules import COMPARE, LOGIC

Layout = Literal["scalar", "time", "lane", "both"]
How = Literal["sum", "fold", "last", "at"]
"""What a fold over time makes: a sum, an op applied again and again, one of the values."""


@dataclass(frozen=True)
class Column:
    """A value read from memory: f64, laid out as [1], [T], [L] or [T][L]."""

    value: int
    slot: int
    layout: Layout


@dataclass(frozen=True)
class Apply:
    """`target = op(args)`, element by element."""

    target: int
    op: Op
    args: tuple[int, ...]


@dataclass(frozen=True)
class Shift:
    """`target = source[t - lag]` (lag may be negative), or `fill[t]` outside the lane's time."""

    target: int
    source: int
    lag: int
    fill: int
    carried: bool  # held in registers from step to step; else read back from memory


KEY_TOLERANCE = 2.0**-50
"""How far an exact key may be from a whole number, as a part of that number or of 1: 4 to 8 ULP."""


@dataclass(frozen=True)
class Dimension:
    """One key of a table: its place must be in [0, size), or is clamped to it.

    The place is `floor(key - base)`; with `exact` it is `rint(key) - base`, and a key that is
    further than `KEY_TOLERANCE` from a whole number is a fault of the lane.
    """

    base: float
    size: int
    clamp: bool
    exact: bool = False


@dataclass(frozen=True)
class Lookup:
    """`target = table[keys]`; a key outside an unclamped dimension is a fault of the lane.

    So is a NaN cell where there is such a dimension. A NaN key of others gives NaN.
    """

    target: int
    keys: tuple[int, ...]
    slot: int
    dims: tuple[Dimension, ...]

    @property
    def strict(self) -> bool:
        """Whether a lane faults where the value is NaN."""
        return not all(dim.clamp for dim in self.dims)


@dataclass(frozen=True)
class Interpolate:
    """Piecewise linear through (knots, values), constant outside: [knots..., values...]."""

    target: int
    key: int
    slot: int
    size: int


@dataclass(frozen=True)
class Ends:
    """`target` is the whole number that `source` is within `KEY_TOLERANCE` of, from 0 to T.

    Where the model has more periods than are run, it may be up to these, `most`. Anything else is
    a fault of the lane, and NaN.
    """

    target: int
    source: int
    most: int


@dataclass(frozen=True)
class Fold:
    """A value for the whole of time: sum, min, max (an op), last, or the value at a period."""

    target: int
    source: int
    how: How
    op: Op | None = None
    period: int = 0


Step = Apply | Shift | Lookup | Interpolate | Ends | Fold

READS: dict[type[Step], Callable[[Any], tuple[int, ...]]] = {
    Apply: lambda step: step.args,
    Shift: lambda step: (step.source, step.fill),
    Lookup: lambda step: step.keys,
    Interpolate: lambda step: (step.key,),
    Ends: lambda step: (step.source,),
    Fold: lambda step: (step.source,),
}
"""The values that a step needs."""


@dataclass
class Stage:
    """Steps run once for a block (direction 0) or in every period, forwards or backwards."""

    direction: Literal[-1, 0, 1]
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Store:
    """A value written to memory; `total` adds it up over lanes instead of storing each."""

    value: int
    slot: int
    layout: Layout
    total: bool = False


@dataclass
class LoopNest:
    """Everything an engine needs to know to run a program over lanes and time.

    Attributes:
        constants: value -> number.
        time: values that are the period index.
        periods: values that are the lane's number of periods.
        columns: values read from memory.
        stages: what is computed, in order.
        stores: what is written to memory.
        home: value over time -> the stage in whose loop it is stored.
        saved: values kept for every period of a block, because a later stage or a long lag
            reads them; each has a place in scratch memory.
        horizon: the value that says how many periods a lane has, or None for all.
        varying: values that depend on the lane.
        timed: values that depend on time.
        slots: how many pieces of memory there are (columns, tables and stores).
        checked: columns over lanes whose NaN are faults of the lane.
    """

    constants: dict[int, float]
    time: set[int]
    periods: set[int]
    columns: dict[int, Column]
    stages: list[Stage]
    stores: list[Store]
    home: dict[int, int]
    saved: dict[int, int]
    horizon: int | None
    varying: set[int]
    timed: set[int]
    slots: int
    checked: set[int] = field(default_factory=set)

    @property
    def size(self) -> int:
        """The number of steps, by which an engine judges how hard to optimise."""
        return sum(len(stage.steps) for stage in self.stages)

    @property
    def carried(self) -> int:
        """The most values that a loop over time hands from period to period."""
        return max((sum(map(_carried, stage.steps)) for stage in self.stages), default=0)

    @cached_property
    def flags(self) -> set[int]:
        """The values that are 0 or 1."""
        steps = (step for stage in self.stages for step in stage.steps)
        return {s.target for s in steps if isinstance(s, Apply) and s.op.units in (COMPARE, LOGIC)}

    @cached_property
    def used(self) -> set[int]:
        """The values that are read or stored."""
        used = {store.value for store in self.stores}
        if self.horizon is not None:
            used.add(self.horizon)
        for stage in self.stages:
            for step in stage.steps:
                used.update(READS[type(step)](step))
        return used

    @property
    def tested(self) -> list[int]:
        """The columns that code tests for NaN: what it does not read, it cannot test."""
        return sorted(self.checked & self.used)


def _carried(step: Step) -> int:
    """How many values a step keeps for the next period."""
    if isinstance(step, Shift):
        return abs(step.lag) if step.carried else 0
    return int(isinstance(step, Fold))
