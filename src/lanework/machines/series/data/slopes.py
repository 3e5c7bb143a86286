"""The axes of derivatives: those of the output and those of the inputs, as a run gives them.

A slope that is the same in all periods or lanes is computed once; here it gets its axes. What a
derivative is of, and by, stands in the header of its program.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lanework.core.program.data import Header
from lanework.machines.series.data.binding import Bound
from lanework.machines.series.isa import AGGREGATES
from lanework.machines.series.layout import RowKind, SeriesView

DERIVATIVES = "derivatives"
"""The field of the header that names them."""


class Slope(NamedTuple):
    """What a derivative is.

    Attributes:
        by: the inputs that it is by, one after another.
        over: the inputs along whose lanes it lies besides: those of the output, and directions.
        total: the lane axes over which the output is summed.
        timed: whether the output is over time.
    """

    by: tuple[str, ...]
    over: tuple[str, ...]
    total: tuple[str, ...]
    timed: bool

    @property
    def inputs(self) -> tuple[str, ...]:
        """All the inputs."""
        return self.by + self.over


class Held(NamedTuple):
    """A derivative in a run.

    Attributes:
        axes: its axes, and time too where a number is given for an input over time.
        summed: whether it is then added up over time.
        reduce: the lane axes over which it is added up.
    """

    axes: tuple[str, ...]
    summed: bool
    reduce: tuple[str, ...]


def encode(slopes: Mapping[str, Slope]) -> str:
    """Derivatives as text; what is the same for many stands there once."""
    groups: dict[tuple[object, ...], dict[str, tuple[str, ...]]] = {}
    for name, slope in slopes.items():
        groups.setdefault(slope[1:], {})[name] = slope.by
    return json.dumps([[by, *rest] for rest, by in groups.items()])


def slopes_of(header: Header) -> dict[str, Slope]:
    """The derivatives of a program, by output; what cannot be read says nothing.

    Example:
        >>> slopes = {"d_y_d_x": Slope(("x",), ("x", "s"), (), False)}
        >>> slopes_of({"derivatives": encode(slopes)}) == slopes
        True
    """
    try:
        return {
            str(name): Slope(_names(by), _names(over), _names(total), bool(timed))
            for outputs, over, total, timed in json.loads(str(header.get(DERIVATIVES, "[]")))
            for name, by in outputs.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _names(names: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, names))


def reached(view: SeriesView, row: int) -> tuple[str, ...]:
    """The inputs on whose lanes a row depends, as an output: over time it ends with the lane."""
    cone = view.cone([row])
    if view.horizon is not None:
        ops = (view.instructions[view.maker[each]].name for each in cone if each in view.maker)
        clock = any(view.rows[each].kind == RowKind.PERIODS for each in cone)
        if view.timed[row] or clock or any(x == "lead" or x in AGGREGATES for x in ops):
            cone |= view.cone([view.horizon])
    records = [view.rows[each] for each in sorted(cone)]
    return tuple(view.inputs[each.index].name for each in records if each.kind == RowKind.INPUT)


def held(slope: Slope, view: SeriesView, bound: Bound) -> Held:
    """The axes of a derivative with these inputs."""
    known = {port.name: number for number, port in enumerate(view.inputs)}
    by, over = (
        [known[name] for name in names if name in known] for names in (slope.by, slope.over)
    )
    own = {axis for number in by for axis in _lanes(bound, number)}
    reduce = tuple(axis for axis in slope.total if axis not in own)
    lanes = own.union(*(_lanes(bound, number) for number in over)).difference(reduce)
    timed = slope.timed or any(bound.given[number].timed for number in by)
    spread = timed or any("time" in view.inputs[number].axes for number in by)
    axes = tuple(axis for axis in bound.axes if axis in lanes)
    return Held(("time", *axes) if spread else axes, spread and not timed, reduce)


def _lanes(bound: Bound, number: int) -> tuple[str, ...]:
    """The lane axes along which an input is given."""
    inner = bound.inner
    return bound.outers[number] + ((inner,) if inner and bound.given[number].laned else ())
