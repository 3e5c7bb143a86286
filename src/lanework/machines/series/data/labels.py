"""Inputs with named axes: what a caller may give for a port, and what it means."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Advice, Diagnostic
from lanework.core.codes import UNKNOWN_LABEL
from lanework.core.data.labels import codes_of, keys, label_help, labels_along, shown
from lanework.core.data.libraries import offers
from lanework.core.data.spelling import MISSING_TEXT, text_advice
from lanework.core.data.values import Given, as_array, exactly
from lanework.core.options import names as listed
from lanework.machines.series.codes import BAD_INPUT
from lanework.machines.series.data.longtables import LANES, TIME, check_periods, given_for
from lanework.machines.series.data.unpacking import Held, fail, has_dates, unpack

if TYPE_CHECKING:
    from lanework.core.program.program import Port

Floats = npt.NDArray[np.float64]
Axes = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """An array and the name of each of its axes.

    Attributes:
        array: the values; float64 once it has gone through `as_labelled`.
        axes: one name for each dimension.
        labels: for an axis the labels along it; a `range` where they only count.
        mixed: axes whose labels a table had in different orders.
    """

    array: npt.NDArray[Any]
    axes: Axes
    labels: Mapping[str, Any] = field(default_factory=dict)
    mixed: frozenset[str] = frozenset()


def along(axes: str | Sequence[str], array: Any) -> Labelled:
    """Label an array's axes, for a call of a runner.

    Args:
        axes: the axis of a one-dimensional array, or one name for each dimension. `time` is the
            periods; every other name is a lane axis, and equal names are aligned.
        array: anything that NumPy can make an array of.

    Raises:
        Diagnostic: LW3050 when the number of names is not the number of dimensions, or a name
            is given twice.

    Example:
        >>> along("scenario", [0.01, 0.02]).axes
        ('scenario',)
        >>> along(("point", "time"), [[1.0, 2.0, 3.0]]).array.shape
        (1, 3)
    """
    names = listed("axes", axes)
    values = as_array(array, Given(f"the array along {', '.join(names)}", BAD_INPUT))
    if len(names) != values.ndim or len(set(names)) != len(names):
        raise Diagnostic(
            BAD_INPUT,
            f"an array of {values.ndim} dimensions is labelled with the axes {', '.join(names)}",
            help="give one name for each dimension, each name once",
        )
    pairs = zip(names, labels_along(array), strict=False)
    return Labelled(values, names, {name: labels for name, labels in pairs if labels is not None})


def as_labelled(value: Any, port: Port, default_axes: Sequence[str] = ()) -> Labelled:
    """What a caller gave for a port, as float64 with named axes.

    Args:
        value: a number, a label, a sequence, an array, `along(...)`, a pandas or polars Series
            or DataFrame, an Arrow array or table, an xarray DataArray or Dataset. A table with a
            column of the port's name gives that column.
        port: the input port.
        default_axes: the axes of a plain array, where the rules below should not decide. By
            default a one-dimensional array has the port's axis if it declares one, and is over
            `scenario` if it declares none; what overrides a node has as many dimensions as it or
            as these, or is over time; a two-dimensional one has the port's two axes, in their
            order, or is (time, scenario) for a port over time alone. An index or dimension that
            has a name is an axis of that name.

    Raises:
        Diagnostic: LW3050 for values that are no numbers or do not fit, LW3020 for a label that
            is not one of the port's categories.

    Example:
        >>> from lanework.core.program.program import Port
        >>> as_labelled([1, 2, 3], Port("rate", "in", 0)).axes
        ('scenario',)
        >>> as_labelled(["B", "A"], Port("sex", "in", 0, categories=("A", "B"))).array.tolist()
        [1.0, 0.0]
    """
    if isinstance(value, Labelled):
        labels = tuple(map(value.labels.get, value.axes))
        held = Held(value.array, value.axes, labels, value.mixed)
    else:
        held = unpack(value, port)
    array = _numbers(held, port)
    axes = _axes(held, port, tuple(default_axes))
    if TIME in axes and TIME not in port.axes:
        fail(
            port,
            "is given over time, but the model holds it constant over time",
            "give one value a lane, or declare the input with axes='time'; an index of dates is "
            "time unless it has the name of a lane axis",
        )
    named = {axis: x for axis, x in zip(axes, held.labels, strict=False) if x is not None}
    wide = array.ndim == 2 and (offers(value, "columns") or offers(value, "column_names"))
    if wide and axes[-1] == TIME and TIME in named:
        check_periods(named[TIME], given_for(port))
    for axis, size in zip(axes, array.shape, strict=True):
        if axis in named and len(named[axis]) != size:
            what = f"has {size} values along {axis!r}, and {len(named[axis])} labels"
            fail(port, what, "give one label for each place")
    return Labelled(array, axes, named, held.mixed)


def _axes(held: Held, port: Port, default: Axes) -> Axes:
    array = held.array
    if array.ndim == 0:
        return ()
    names = [*held.names, *[None] * array.ndim][: array.ndim]
    for place, labels in enumerate(held.labels):
        known = (TIME, LANES, "point", *port.axes)
        if names[place] not in known and TIME not in names and has_dates(labels):
            names[place] = TIME
    axes: Axes = tuple(name for name in names if name is not None)
    if len(axes) < array.ndim:
        axes = _filled(array, names, port, default)
    if len(set(axes)) != len(axes):
        fail(port, f"has an axis twice: {', '.join(axes)}", "rename one of them")
    return axes


def _filled(
    array: npt.NDArray[Any], names: Sequence[str | None], port: Port, default: Axes
) -> Axes:
    """The axes of an array of which not all have a name."""
    if port.optional:
        wanted = _overridden(array, names, port, default or port.axes)
    elif len(default) == array.ndim:
        return default
    else:
        wanted = port.axes
    if not wanted and array.ndim == 1:
        wanted = (LANES,)
    elif wanted == (TIME,) and array.ndim == 2:
        wanted = (TIME, LANES)
    left = [axis for axis in wanted if axis not in names]
    if len(left) != names.count(None):
        shape = " x ".join(str(size) for size in array.shape)
        declared = ", ".join(port.axes) or "none"
        fail(
            port,
            f"is an array of {shape} values, and its axes ({declared}) do not say what they are",
            Advice(
                "label it: lanework.series.along(('time', 'scenario'), array)",
                typed=f"give it as the column {port.name} of a table: {_tables(port.axes)}",
            ),
        )
    return tuple(left.pop(0) if name is None else name for name in names)


def _overridden(
    array: npt.NDArray[Any], names: Sequence[str | None], port: Port, present: Axes
) -> Axes:
    """The axes of what overrides a node: those of the node, or fewer where it is clear which."""
    count, left = names.count(None), [axis for axis in port.axes if axis not in names]
    if count >= len(left):
        return port.axes
    if count == len([axis for axis in present if axis not in names]):
        return present
    if count == 1 and TIME in left:
        return (TIME,)
    shape = " x ".join(str(size) for size in array.shape)
    free = [axis for axis in left if axis != TIME]
    like = free[0] if array.ndim == 1 else tuple([TIME, free[0]][-array.ndim :])
    fail(
        port,
        f"is an array of {shape} values, which may be along {' or '.join(map(repr, free))}",
        Advice(
            f"say which: lanework.series.along({like!r}, array)",
            typed=f"give it as the column {port.name} of a table: {_tables(free)}",
        ),
    )


def _tables(axes: Sequence[str]) -> str:
    return " or ".join(f"{axis}=FILE" for axis in axes or (LANES,))


def _numbers(held: Held, port: Port) -> Floats:
    array = held.array
    kind = array.dtype.kind
    if kind == "O" or (kind in "US" and port.optional):
        array = _objects(held, port)
        kind = array.dtype.kind
    if kind in "USO":
        return codes_of(
            array, port.categories, lambda place, text: _bad_label(port, place, text, held)
        )
    if kind in "fiub" and port.categories:
        check_codes(port, held._replace(array=array))
    if kind not in "fiub":
        what = "dates" if kind in "mM" else "complex numbers" if kind == "c" else "records"
        fail(port, f"holds {what}", "give real numbers")
    return exactly(array, "f64", given_for(port))


def check_codes(port: Port, held: Held) -> None:
    """Refuse numbers that are no positions in the list of the port's categories; truth is none.

    Raises:
        Diagnostic: LW3020.
    """
    array, count = held.array, len(port.categories)
    good = (array >= 0) & (array < count) & (array == np.floor(array)) & (array.dtype.kind != "b")
    bad = ~good & ~np.isnan(array)  # what is missing has an error of its own
    if bad.any():
        place = int(np.argmax(bad.reshape(-1)))
        raise _bad_label(port, place, array.reshape(-1)[place].item(), held)


def check_named(port: Port, value: Any) -> None:
    """Refuse numbers by hand for a port whose categories are those of a table, or spell numbers.

    Arrays may hold positions, as `read_columns` gives them.

    Raises:
        Diagnostic: LW3020.
    """
    if value is None or isinstance(value, (str, Labelled, np.ndarray)):
        return
    held = unpack(value, port)
    if held.array.dtype.kind in "fiub" and held.array.size:
        raise _bad_label(port, 0, held.array.reshape(-1)[0].item(), held)


def _objects(held: Held, port: Port) -> npt.NDArray[Any]:
    """An array of Python objects as numbers or as text."""
    array = held.array
    items = array.reshape(-1).tolist()
    missing = ("<NA>", "") if port.optional else ("<NA>",)  # a cell without an override is empty
    filled = [math.nan if x is None or str(x).strip() in missing else x for x in items]
    texts = [place for place, x in enumerate(filled) if isinstance(x, str)]
    if texts and not port.categories:
        raise _bad_label(port, texts[0], filled[texts[0]], held)
    if texts:
        return np.array([str(x) for x in filled]).reshape(array.shape)
    objects = np.empty(len(filled), object)
    objects[:] = filled
    return exactly(objects.reshape(array.shape), "f64", given_for(port))


def _place(place: int, held: Held) -> str:
    """Where a value is: by labels, where there are any."""
    if not held.array.shape:
        return ""
    out = []
    where = np.unravel_index(place, held.array.shape)
    for labels, size, n in itertools.zip_longest(held.labels, held.array.shape, where):
        named = labels is not None and not isinstance(labels, range) and len(labels) == size
        out.append(shown(keys(np.asarray(labels))[int(n)]) if named else str(int(n)))
    return ", ".join(out)


def _bad_label(port: Port, place: int, text: str | float, held: Held) -> Diagnostic:
    at = _place(place, held)
    where = f" at {at}" if at else ""
    what = "is not one of its categories" if port.categories else "is not a number"
    if port.categories and str(text).lower() in MISSING_TEXT:
        return Diagnostic(
            UNKNOWN_LABEL,
            f"input {port.name!r}{where}: the value is missing ({text})",
            help="fill it in, or drop the row",
        )
    return Diagnostic(
        UNKNOWN_LABEL if port.categories else BAD_INPUT,
        f"input {port.name!r}{where}: {text!r} {what}",
        help=label_help(str(text), port.categories) if port.categories else text_advice(str(text)),
    )
