"""Inputs of a run: what each port was given, over which axes, and how many lanes that makes.

Axes are aligned by name. `time` is the periods; every other axis is a lane axis. With several
lane axes (scenarios and model points, say) the longest is the inner one, which goes across
SIMD; the others are walked one after another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.axes import merge
from lanework.base.errors import Advice, Diagnostic, did_you_mean
from lanework.core.program.program import Port
from lanework.machines.series.codes import (
    INPUT_IS_NAN,
    LENGTHS_DISAGREE,
    MISSING_INPUT,
    UNKNOWN_INPUT,
)
from lanework.machines.series.data.axisnames import check_related, meant
from lanework.machines.series.data.coords import Named, aligned, other_length
from lanework.machines.series.data.labels import Labelled, as_labelled
from lanework.machines.series.data.longtables import LANES, TIME
from lanework.machines.series.data.overrides import label_overrides
from lanework.machines.series.data.shape import Given
from lanework.machines.series.data.unpacking import check_used
from lanework.machines.series.layout import SeriesView, instead_of

Array = npt.NDArray[np.float64]
SCALAR = Given(False, False)
TIMED = Given(True, False)
LANED = Given(False, True)
OPTIONS_OF_BIND = ("periods", "outputs", "threads", "lane_width", "progress", "cache")
EXACT = 2**53  # up to here every whole number is a float
PROBE = 4096  # numbers up to which BLAS stays on the calling thread
_F64 = np.dtype(np.float64)


@dataclass
class Bound:
    """Every input in the form that the kernels read.

    Attributes:
        arrays: for each port: a float, or float64 with axes ``outer + [time] + inner``
            (the inner axis last), C-contiguous.
        given: for each port: over time, over the inner lane axis?
        outers: for each port: the outer axes that it has, in the order of `outer`.
        axes: the lane axes in the order in which ports declare them, then others as they come.
        outer: the lane axes that are walked, outermost first.
        inner: the lane axis that goes across SIMD, or None.
        sizes: axis -> length.
        periods: how many periods are run.
        unchecked: ports with plain arrays over lanes that may still hold NaN.
        coords: axis -> the labels along it, where inputs have some.
        lanes: lanes along the inner axis.
        repeats: runs along the outer axes.
    """

    arrays: list[Any]
    given: tuple[Given, ...]
    outers: list[tuple[str, ...]]
    axes: tuple[str, ...]
    outer: tuple[str, ...]
    inner: str | None
    sizes: dict[str, int]
    periods: int
    unchecked: tuple[int, ...] = ()
    coords: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lanes = 1 if self.inner is None else self.sizes[self.inner]
        self.repeats = math.prod([self.sizes[axis] for axis in self.outer])

    def slice(self, port: int, repeat: tuple[int, ...]) -> Any:
        """What a port holds in one run along the outer axes."""
        held = self.outers[port]
        if not held:
            return self.arrays[port]
        where = tuple(repeat[self.outer.index(axis)] for axis in held)
        part = self.arrays[port][where]
        return float(part) if part.ndim == 0 else part


def bind(
    ports: Sequence[Port],
    periods: int | None,
    inputs: Mapping[str, Any],
    calendar: Named | None = None,
    *,
    lazy: bool = False,
    view: SeriesView | None = None,
) -> Bound:
    """Check the inputs against the ports and lay them out.

    Without `periods` their number is that of the inputs over time. With `lazy`, plain arrays over
    lanes are left to an engine that looks for NaN as it reads them. What else the program has,
    unused inputs and formulas, is said of names that are no port's (`view`).

    Raises:
        Diagnostic: missing or unknown names, lengths that disagree, NaN.
    """
    with np.errstate(all="ignore"):
        fast = _bind_plain(ports, periods, inputs, lazy)
    if fast is not None:
        return fast
    names = [port.name for port in ports]
    for name in inputs:
        if name not in names:
            raise _unknown(name, names, view)
    items: dict[int, Labelled] = {}
    over: dict[int, Any] = {}
    for number, port in enumerate(ports):
        value = inputs.get(port.name)
        if value is None and (port.optional or port.name not in inputs):
            value = port.default
        if value is None:
            near = did_you_mean(port.name, [str(name) for name in inputs if name not in names])
            what = " ".join(x for x in (port.doc, f"[{port.unit}]" if port.unit else "") if x)
            raise Diagnostic(
                MISSING_INPUT,
                f"input {port.name!r} is {'None' if port.name in inputs else 'missing'}"
                + (f" ({what})" if what else ""),
                help=near or f"give {port.name}=...",
            )
        check_used(value, port, (*names, *(view.unused if view else ())))
        if port.optional:
            over[number] = value
        else:
            items[number] = as_labelled(value, port)
    label_overrides(ports, over, items, view)
    labelled = [items[number] for number in range(len(ports))]
    _check_orders(ports, inputs, labelled, periods)
    labelled, coords = aligned(ports, labelled, periods, calendar)
    _check_axes(ports, labelled, periods)
    check_related(ports, labelled)
    sizes = merge(
        (port.name, item.axes, item.array.shape) for port, item in zip(ports, labelled, strict=True)
    )
    steps = sizes.pop("time", periods)
    if steps is None:
        raise Diagnostic(
            MISSING_INPUT,
            "the number of periods is not known",
            help=Advice(
                "bind with periods: program.bind(periods=12); or give an input over time",
                typed="give --periods 12, or an input over time",
            ),
        )
    declared = dict.fromkeys(axis for port in ports for axis in port.axes)
    axes = tuple(axis for axis in {**declared, **sizes} if axis in sizes)
    # an axis of no lanes is the inner one, so that what does not depend on it is still run
    inner = max(axes, key=lambda axis: sizes[axis] or math.inf) if axes else None
    outer = tuple(axis for axis in axes if axis != inner)
    arrays: list[Any] = []
    given = []
    outers = []
    for port, item in zip(ports, labelled, strict=True):
        held = tuple(axis for axis in outer if axis in item.axes)
        order = [*held, *(a for a in ("time", inner) if a in item.axes)]
        moved = np.transpose(item.array, [item.axes.index(axis) for axis in order])
        array = np.asarray(moved, np.float64, order="C")
        check_missing(port, array, order, coords)
        arrays.append(array if array.ndim else float(array))
        given.append(Given("time" in item.axes, inner in item.axes))
        outers.append(held)
    return Bound(arrays, tuple(given), outers, axes, outer, inner, sizes, int(steps), (), coords)


def _unknown(name: str, inputs: Sequence[str], view: SeriesView | None) -> Diagnostic:
    """What is said of a name that is no input's."""
    if view is not None and name in view.formulas:
        what = f"{name!r} is a formula of the model, and no input"
        return Diagnostic(UNKNOWN_INPUT, what, help=instead_of(name))
    if name in OPTIONS_OF_BIND:
        help = f"{name} is an option of bind: program.bind({name}=...)"
    elif name == "override":
        help = "override= is an option of model.run; a program has the overrides that it is"
        help += ' compiled with as inputs: model.compile(overrides=["name"]).run(name=...)'
    else:
        help = did_you_mean(name, inputs) or f"inputs are: {', '.join(inputs) or 'none'}"
    return Diagnostic(UNKNOWN_INPUT, f"the model has no input {name!r}", help=help)


def _check_axes(ports: Sequence[Port], items: Sequence[Labelled], periods: int | None) -> None:
    """Refuse axes that are misspelt, and another number of periods than there are.

    Raises:
        Diagnostic: LW3042.
    """
    declared = dict.fromkeys(axis for port in ports for axis in port.axes)
    known = {TIME, LANES, *declared}
    met = [*declared, *(axis for item in items for axis in item.axes)]
    for port, item in zip(ports, items, strict=True):
        for axis, size in zip(item.axes, item.array.shape, strict=True):
            absent = [other for other in port.axes if other not in item.axes]
            near = did_you_mean(axis, absent) if axis not in known else None
            if axis not in declared and near is None:
                other = meant(axis, [x for x in met if x != axis])
                near = other and f"did you mean {other!r}?"
            if near is not None:
                what = f"input {port.name!r} is along {axis!r}, and no input declares that axis"
                raise Diagnostic(LENGTHS_DISAGREE, what, help=near)
            if axis == TIME and periods is not None and size != periods:
                raise other_length(port, size, periods, item.array.shape)


def _check_orders(
    ports: Sequence[Port],
    inputs: Mapping[str, Any],
    items: Sequence[Labelled],
    periods: int | None,
) -> None:
    """Refuse an array without labels that fits only with its axes in another order.

    Raises:
        Diagnostic: LW3042.
    """
    known = {} if periods is None else {TIME: periods}
    tables = []
    for port, item in zip(ports, items, strict=True):
        value = inputs.get(port.name)
        if item.array.ndim > 1 and not (isinstance(value, Labelled) or item.labels):
            tables.append((port, item))
            continue
        for axis, size in zip(item.axes, item.array.shape, strict=True):
            known.setdefault(axis, size)
    for port, item in tables:
        shape, axes = item.array.shape, item.axes
        orders = [axes, *itertools.permutations(axes)] if len(axes) < 5 else [axes]
        fits = [all(known.get(a, n) == n for a, n in zip(o, shape, strict=True)) for o in orders]
        if fits[0] or not any(fits):
            continue
        other = orders[fits.index(True)]
        turned = "give array.T, or " if other == axes[::-1] else ""
        raise Diagnostic(
            LENGTHS_DISAGREE,
            f"input {port.name!r} has the axes ({', '.join(axes)}) in this order, and an array of"
            f" {' x '.join(map(str, shape))} values fits only as ({', '.join(other)})",
            help=Advice(
                f"{turned}label it: lanework.series.along({other!r}, array)",
                typed=f"turn it, or give tables: {' '.join(f'{axis}=FILE' for axis in axes)}",
            ),
        )


def _bind_plain(
    ports: Sequence[Port], periods: int | None, inputs: Mapping[str, Any], lazy: bool
) -> Bound | None:
    """Numbers, columns over time and plain arrays over one lane axis: the common case, quickly.

    None for anything else, and for what must be complained about.
    """
    arrays: list[Any] = []
    given = []
    unchecked = []
    used = 0
    sizes: dict[str, int] = {} if periods is None else {"time": periods}
    for index, port in enumerate(ports):
        value = inputs.get(port.name)
        if value is None:
            value = port.default
        else:
            used += 1
        if type(value) is float or (type(value) is int and -EXACT <= value <= EXACT):
            kind = SCALAR
            try:
                value = number = float(value)
            except OverflowError:
                return None
            if port.categories and value not in range(len(port.categories)):
                return None
        elif (
            type(value) is np.ndarray
            and value.dtype is _F64
            and value.ndim == 1
            and value.flags.c_contiguous
            and (len(port.axes) == 1 or not (port.axes or port.optional))  # of others' lanes
            and not port.categories
        ):
            axis, size = port.axes[0] if port.axes else LANES, len(value)
            if sizes.setdefault(axis, size) != size:
                return None
            kind = TIMED if axis == "time" else LANED
            if lazy and kind is LANED and not port.optional:
                unchecked.append(index)
                number = 0.0
            else:
                number = probe(value)
        else:
            return None
        if number != number and not port.optional:  # NaN
            return None
        arrays.append(value)
        given.append(kind)
    steps = sizes.pop("time", None)
    if used != len(inputs) or steps is None or len(sizes) > 1 or 0 in sizes.values():
        return None
    axes = tuple(sizes)
    held: list[tuple[str, ...]] = [()] * len(ports)
    inner = axes[0] if axes else None
    return Bound(arrays, tuple(given), held, axes, (), inner, sizes, steps, tuple(unchecked))


def probe(value: Array) -> float:
    """A number that is NaN if the array holds one, quickly; seldom also if it does not.

    A sum of squares is NaN only if one of the numbers is, and takes a third of the time of a sum.
    Long arrays are summed, since BLAS would wake threads of its own, which spin for a while on
    the cores that the run is about to use.
    """
    number: float = value.dot(value) if len(value) <= PROBE else np.add.reduce(value)
    return number


def check_missing(
    port: Port, array: Array, order: Sequence[Any], coords: Mapping[str, Any] | None = None
) -> None:
    """Refuse an input that holds NaN and may not, and say where (its axes are `order`).

    Raises:
        Diagnostic: LW3043.
    """
    if port.optional:
        return
    with np.errstate(all="ignore"):
        if not math.isnan(np.add.reduce(array, axis=None)):
            return
    missing = np.argwhere(np.isnan(array))
    if len(missing) == 0:
        return  # inf - inf in the sum, no NaN in the data
    named = coords or {}
    where = ", ".join(
        f"{axis} {int(i)}" + (f" ({named[axis][i]})" if axis in named else "")
        for axis, i in zip(order, missing[0], strict=True)
    )
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    raise Diagnostic(
        INPUT_IS_NAN,
        f"input {port.name!r} is NaN" + (f" at {where}{more}" if where else ""),
        help="fill or drop the missing values before the run; places are counted from 0",
    )
