"""Columns of a table that are labels, and tables of more than one axis, long and wide.

A column that is called like an axis has the labels along it. A long table has such columns for
several axes and a value a row; a wide one has a column of labels along one axis, and the names of
the others are the labels along the other axis.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.data.labels import keys, shown
from lanework.core.data.libraries import side_by_side
from lanework.core.data.values import Given
from lanework.machines.series.codes import BAD_INPUT, INPUT_IS_NAN

if TYPE_CHECKING:
    from lanework.core.program.program import Port

TIME = "time"
LANES = "scenario"
"""The lane axis of a plain array for a port that declares none."""

Labels = npt.NDArray[Any]
_NUMBER = re.compile("-?[0-9]{1,15}")


class Pivoted(NamedTuple):
    """What a table holds for an input.

    Attributes:
        array: the values.
        axes: the name of each of its axes.
        labels: for each axis the labels along it, in the order in which they come.
        mixed: axes along which they come in different orders, so that no order is the table's.
    """

    array: Labels
    axes: tuple[str, ...]
    labels: dict[str, Any]
    mixed: frozenset[str] = frozenset()


def given_for(port: Port) -> Given:
    """How messages name an input."""
    return Given(f"input {port.name!r}", BAD_INPUT)


def titles_of(axis: str) -> tuple[str, ...]:
    """What the column of a table may be called that has the labels along an axis."""
    return (TIME, "date", "period", "t") if axis == TIME else (axis, f"{axis}_id", "id")


def label_columns(
    axes: Iterable[str], titles: Iterable[str], inputs: Iterable[str] = ()
) -> dict[str, str]:
    """For each axis the column that has its labels, if there is one; no column serves two.

    Args:
        axes: the axes of the table, time or not.
        titles: the names of its columns.
        inputs: the names of inputs: their columns have values.

    Example:
        >>> label_columns(["time", "point"], ["date", "point_id", "rate"])
        {'time': 'date', 'point': 'point_id'}
        >>> label_columns(["point", "scenario"], ["id", "rate"])
        {}
    """
    axes = list(dict.fromkeys(axes))
    free = [title for title in titles if title not in set(inputs)]
    lanes = [axis for axis in axes if axis != TIME]
    columns = {}
    for axis in axes:
        known = [name for name in titles_of(axis) if name != "id" or len(lanes) == 1]
        title = next((name for name in known if name in free), None)
        if title is not None:
            columns[axis] = title
    return columns


def axes_for(port: Port) -> tuple[str, ...]:
    """The axes that a table for one input may have: its own, and lanes if it declares none."""
    return port.axes if any(axis != TIME for axis in port.axes) else (*port.axes, LANES)


def labels_for(axes: Iterable[str], titles: Iterable[str], inputs: Iterable[str]) -> dict[str, str]:
    """The columns of labels in a table along these axes, and along others that are always known."""
    titles, inputs = list(titles), set(inputs)
    own = label_columns(axes, titles, inputs)
    others = [axis for axis in (TIME, LANES, "point") if axis in titles and axis not in inputs]
    return {**own, **{axis: axis for axis in others if axis not in own.values()}}


def tabled(port: Port, columns: Mapping[str, Any], labels: Mapping[str, Any]) -> Pivoted:
    """What a table has for an input: an array, its axes, and the labels along each.

    Args:
        port: the input.
        columns: the columns of values: one is that of the input, the only one or of its name; or
            all of them are, along an axis of which there is no column of labels.
        labels: for each axis of which there is a column of labels, these labels.

    Raises:
        Diagnostic: LW3050 where it is not clear which column is meant; what `pivoted` says.
    """
    across = [axis for axis in axes_for(port) if axis not in labels]
    sole = len(columns) == 1 and not (across and port.axes[1:])  # else it may be one lane's
    name = next(iter(columns)) if sole else port.name
    given = given_for(port)
    if name in columns and len(labels) > 1:
        return pivoted(labels, np.asarray(columns[name]), given, port.optional)
    if name in columns:
        return Pivoted(np.asarray(columns[name]), tuple(labels), dict(labels))
    if len(labels) != 1 or len(across) != 1 or not columns:
        given.refuse(
            f"is given a table with the columns {', '.join(map(str, columns))}, of which none is"
            f" called {port.name!r}"
            if columns
            else "is given a table of labels alone",
            "give it one column, or call one like the input",
        )
    named = {**labels, across[0]: numbered(list(columns))}
    if across[0] == TIME:
        check_periods(named[TIME], given)
    array = side_by_side([*map(np.asarray, columns.values())])
    return Pivoted(array, (*labels, across[0]), named)


def check_periods(labels: Any, given: Given) -> None:
    """Refuse columns of a wide table that are along time, and called like no periods.

    Raises:
        Diagnostic: LW3050.
    """
    if not isinstance(labels, range) and moments(labels).dtype.kind not in "Miuf":
        given.refuse(
            f"has a column a period, and they are called {', '.join(map(shown, labels[:3]))}",
            "call them by numbers or dates, or give the times in a column: a value a row",
        )


def pivoted(keyed: Mapping[str, Any], values: Labels, given: Given, holes: bool = False) -> Pivoted:
    """The values of a long table as an array over its axes, labels in the order they come in.

    Args:
        keyed: for each axis the labels, one a row.
        values: the values, one a row.
        given: what they are for.
        holes: whether combinations of labels may be in no row; their values are None.

    Raises:
        Diagnostic: for labels that are there twice together; LW3043 for some that are in no row.

    Example:
        >>> from lanework.core.codes import BAD_ARGUMENT
        >>> keyed = {"time": [1, 0, 0, 1], "scenario": ["a", "a", "b", "b"]}
        >>> array, *_ = pivoted(keyed, np.arange(4.0), Given("input 'x'", BAD_ARGUMENT))
        >>> array.tolist()
        [[0.0, 3.0], [1.0, 2.0]]
    """
    levels = {axis: _factorized(np.asarray(labels)) for axis, labels in keyed.items()}
    shape = tuple(len(labels) for labels, _ in levels.values())
    where = np.ravel_multi_index(tuple(codes for _, codes in levels.values()), shape)
    order = np.argsort(where, kind="stable")
    again = np.flatnonzero(where[order][1:] == where[order][:-1])
    if again.size:
        first, second = order[again[0]], order[again[0] + 1]
        what = _named(levels, [codes[first] for _, codes in levels.values()])
        given.refuse(f"has {what} more than once, in rows {first + 1} and {second + 1}",
                     "give every combination of labels once")  # fmt: skip
    array, rows = values[order], order
    if len(where) < math.prod(shape):
        rows = np.full(math.prod(shape), -1)
        rows[where] = np.arange(len(where))
        absent = np.flatnonzero(rows < 0)
        if not holes:
            what = _named(levels, np.unravel_index(absent[0], shape))
            raise Diagnostic(
                INPUT_IS_NAN,
                f"{given.what} has no row for {what}"
                + (f" (and none for {len(absent) - 1} others)" if len(absent) > 1 else ""),
                help="give a row for every combination of labels",
            )
        array = np.full(math.prod(shape), None, object)
        array[where] = values
    labels = {axis: pair[0] for axis, pair in levels.items()}
    mixed = frozenset(a for n, a in enumerate(levels) if _mixed(rows.reshape(shape), n))
    return Pivoted(array.reshape(shape), tuple(levels), labels, mixed)


def _mixed(rows: npt.NDArray[np.intp], axis: int) -> bool:
    """Whether labels along an axis come in one order here and in another there; -1 is no row."""
    before, after = rows.take(range(rows.shape[axis] - 1), axis), np.delete(rows, 0, axis)
    return bool(((after < before) & (after >= 0)).any())


def _named(levels: Mapping[str, tuple[Labels, Any]], place: Sequence[Any]) -> str:
    """A combination of labels in a message."""
    return ", ".join(
        f"{axis} {shown(keys(labels[code : code + 1])[0])}"
        for code, (axis, (labels, _)) in zip(place, levels.items(), strict=True)
    )


def _factorized(labels: Labels) -> tuple[Labels, npt.NDArray[np.intp]]:
    """Each label once, in the order in which they come, and for each row its place among them."""
    if labels.dtype.kind == "O":
        known: dict[Any, int] = {}
        codes = np.array([known.setdefault(key, len(known)) for key in keys(labels)], np.intp)
        first = np.unique(codes, return_index=True)[1]
    else:
        _, at, where = np.unique(labels, return_index=True, return_inverse=True)
        order = np.argsort(at)
        first, codes = at[order], np.argsort(order)[where]
    return labels[first], codes


def numbered(labels: Sequence[Any]) -> Labels:
    """Names of columns as labels: as numbers if all are whole numbers."""
    texts = [str(label).strip() for label in labels]
    if all(text.isascii() and text.isdigit() and len(text) < 16 for text in texts):
        return np.array([int(text) for text in texts], np.int64)
    return np.asarray(labels)


def moments(labels: Any) -> Labels:
    """Labels along time: dates, however they are written, as days if they are; numbers as they are.

    Example:
        >>> moments(["2024-01-31", "2024-02-29 00:00:00"]).tolist()[0].isoformat()
        '2024-01-31'
        >>> moments([3, 1]).tolist(), moments(["spring", "summer"]).tolist()
        ([3, 1], ['spring', 'summer'])
    """
    array = np.asarray(labels)
    if array.dtype.kind in "OU":
        items = array.tolist()
        # midnight is that of the place whose time zone a moment has
        local = [x.replace(tzinfo=None) if getattr(x, "tzinfo", None) else x for x in items]
        texts = [x.isoformat() if hasattr(x, "isoformat") else x for x in local]
        if not all(isinstance(x, str) for x in texts):
            return array
        if all(_NUMBER.fullmatch(text.strip()) for text in texts):  # which NumPy takes for years
            return np.array([int(text) for text in texts], np.int64)
        try:
            array = np.array(texts, "M8[us]")
        except ValueError:
            return array
    if array.dtype.kind == "M":
        days = array.astype("M8[D]")
        return days if bool((days == array).all()) else array
    return array
