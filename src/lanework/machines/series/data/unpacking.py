"""What is in the objects that callers give for inputs: the values, names of axes, and labels.

pandas, polars, xarray and Arrow objects are told by what they offer, so that none of these
packages is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from numbers import Number
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.labels import counted, labels_along, labels_of_index
from lanework.core.data.libraries import offers, side_by_side
from lanework.core.data.values import as_array
from lanework.machines.series.codes import BAD_INPUT
from lanework.machines.series.data.longtables import (
    LANES,
    TIME,
    axes_for,
    given_for,
    labels_for,
    numbered,
    pivoted,
    tabled,
)

if TYPE_CHECKING:
    from lanework.core.program.program import Port


_DATE = re.compile(
    r"((19|20)\d\d[-/.](0?[1-9]|1[012])([-/.]\d\d?)?|\d\d?[-/.]\d\d?[-/.](19|20)\d\d)"
    r"([ T]\d\d?:\d\d.*)?"
)
"""A day or a month in one of the ways in which text files have them."""


class Held(NamedTuple):
    """An array, and for each dimension a name and labels, as far as there are any.

    Labels that only count the places, as pandas has them by default, are a `range`.
    """

    array: npt.NDArray[Any]
    names: tuple[str | None, ...] = ()
    labels: tuple[Any, ...] = ()
    mixed: frozenset[str] = frozenset()


def unpack(value: Any, port: Port) -> Held:
    """What a caller gave for a port, whatever held it.

    Raises:
        Diagnostic: LW3050 for what holds no array, or no column for the port.
    """
    if isinstance(value, (np.ndarray, float, int, str, list, tuple, np.generic)):
        return Held(_array(value, port))
    if offers(value, "data_vars"):  # xarray.Dataset
        value = value[_choose(port, [str(name) for name in value.data_vars], "the Dataset")]
    if offers(value, "column_names"):  # pyarrow.Table, RecordBatch
        columns = {
            name: as_array(value.column(name), given_for(port)) for name in value.column_names
        }
        return _tabled(port, columns, {}) or _wide(port, columns)
    if offers(value, "columns", "to_numpy"):
        return _frame(value, port)
    labelled = _labelled(value, port)
    if labelled is not None:
        return labelled
    if offers(value, "to_numpy"):  # polars.Series, pyarrow.Array
        return Held(as_array(value, given_for(port)))
    if offers(value, "__array__") or isinstance(value, Sequence):
        return Held(_array(value, port))
    if isinstance(value, Mapping):
        return _mapping(value, port)
    if isinstance(value, Number):  # of Python's, such as Decimal and Fraction
        return Held(_array(value, port))
    if type(value).__name__ in ("NAType", "NaTType"):
        fail(port, "is missing", "fill it in, or give the input a default")
    fail(port, f"is a {type(value).__name__}", "give a number or an array")


def _mapping(value: Mapping[Any, Any], port: Port) -> Held:
    """By label what overrides a node; other inputs have a value at every place, in order."""
    axes = port.axes[:1] if TIME in port.axes else port.axes
    if port.optional and len(axes) > 1:
        advice = f"say which: lanework.series.along({axes[0]!r}, array), or give a table"
        fail(port, f"is a mapping, which may be along {' or '.join(map(repr, axes))}", advice)
    if not (port.optional and axes):
        fail(port, "is a mapping", "give an array, or along('scenario', list(mapping.values()))")
    kinds = dict.fromkeys(_kind_of_key(key, port) for key in value)
    if len(kinds) != 1:
        what = "both " + " and ".join(kinds) if kinds else "nothing"
        fail(port, f"is a mapping with {what} as keys", "give a value by period, date or label")
    inner = next((key for key, x in value.items() if isinstance(x, Mapping)), None)
    if inner is not None:
        over = ", ".join(dict.fromkeys((*axes, *port.axes)))
        advice = f"give a list of a value a lane there, or a table with a column for each of {over}"
        fail(port, f"has a mapping for {inner!r} in its mapping", f"{advice}, and a value a row")
    if any(not isinstance(x, range) for item in value.values() for x in labels_along(item)):
        advice = "give a table with a column of labels for each axis, and a value a row"
        fail(port, "is a mapping of values that have labels of their own", advice)
    return Held(_array(list(value.values()), port), axes, (np.asarray([*value]),))


def _kind_of_key(key: Any, port: Port) -> str:
    """What a key is, which NumPy would make text of beside text."""
    if isinstance(key, str):
        return "texts"
    if isinstance(key, Number) and not isinstance(key, bool):
        return "numbers"
    if isinstance(key, date | np.datetime64):
        return "dates"
    advice = "give a value by period, date or label"
    if isinstance(key, tuple) and len(port.axes) > 1:
        advice = f"give a table with a column for each of {', '.join(port.axes)}, and a value a row"
    fail(port, f"has the key {key!r} in its mapping", advice)


def check_used(value: Any, port: Port, inputs: Collection[str]) -> None:
    """Refuse a table for one input of which a column would be lost, or is that of another input.

    Raises:
        Diagnostic: LW3050.
    """
    if offers(value, "data_vars"):
        titles, labels = list(value.data_vars), set[str]()
    elif offers(value, "column_names") or offers(value, "columns", "to_numpy"):
        titles = list(value.column_names if offers(value, "column_names") else value.columns)
        names = [title for title in titles if isinstance(title, str)]
        labels = {*labels_for(axes_for(port), names, (port.name,)).values()}
    else:
        return
    values = [title for title in titles if title not in labels]
    others = [title for title in values if title != port.name]
    advice = "run(table) takes the columns of a table for all inputs"
    if port.name in values and len(values) > 1:
        lost = ", ".join(repr(title) for title in others[:5])
        lost = f"{lost} beside it, of which nothing would be used" if lost else "that column twice"
        fail(port, f"is given a table that has {lost}", f"leave out what is not meant; {advice}")
    if len(others) == 1:
        refuse_other(port, others[0], inputs, f"call it {port.name!r} if it is meant; {advice}")


def refuse_other(port: Port, title: Any, inputs: Collection[str], advice: str) -> None:
    """Refuse the only column of a table for one input where it is called like another input.

    Raises:
        Diagnostic: LW3050.
    """
    if title != port.name and title in inputs:
        fail(port, f"is given the column {title!r}, which is another input", advice)


def has_dates(labels: Any) -> bool:
    """Whether these are labels of moments: an index of dates, dates of Python, or all text of them.

    Example:
        >>> has_dates(np.array(["2024-01", "2024-02"])), has_dates(np.array(["31.1.2024", "total"]))
        (True, False)
    """
    if labels is None or isinstance(labels, range):
        return False
    array = np.asarray(labels)
    first = array.reshape(-1)[0] if array.size else None
    if isinstance(first, str) and _DATE.fullmatch(first):
        return all(isinstance(x, str) and _DATE.fullmatch(x) for x in array.reshape(-1).tolist())
    return array.dtype.kind == "M" or (array.dtype.kind == "O" and hasattr(first, "isoformat"))


def _labelled(value: Any, port: Port) -> Held | None:
    """What an xarray.DataArray or a pandas.Series holds; None for anything else."""
    if offers(value, "dims", "values"):
        return _data_array(value, port)
    index: Any = value.index if offers(value, "index") else None
    if not hasattr(index, "nlevels"):
        return None
    if index.nlevels > 1:
        return _levels(value, port)
    return Held(as_array(value, given_for(port)), (_known(index.name, port),), labels_along(value))


def _data_array(array: Any, port: Port) -> Held:
    """A DataArray: a dimension is the axis of its name, or of that of a coordinate along it.

    Dimensions that xarray named by itself have no name.
    """
    names: list[str | None] = []
    labels = list(labels_along(array))
    for place, dim in enumerate(array.dims):
        own = [
            (str(name), x)
            for name, x in getattr(array, "coords", {}).items()
            if x.dims == (dim,) and _known(name, port)
        ]
        if len(own) == 1 and not _known(dim, port):
            names.append(own[0][0])
            labels[place] = np.asarray(own[0][1].values)
        else:
            names.append(None if re.fullmatch(r"dim_\d+", str(dim)) else str(dim))
    return Held(np.asarray(array.values), tuple(names), tuple(labels))


def _levels(series: Any, port: Port) -> Held:
    """A Series with levels, an axis for each, its labels in the order in which they come."""
    index = series.index
    if not all(index.names):
        fail(
            port,
            f"has an index of {index.nlevels} levels, and not all have names",
            "name the levels after axes: series.index.names = ['time', 'scenario']",
        )
    keyed = {
        str(name): np.asarray(labels_of_index(index.get_level_values(n)))
        for n, name in enumerate(index.names)
    }
    values, given = as_array(series, given_for(port)), given_for(port)
    array, axes, labels, mixed = pivoted(keyed, values, given, port.optional)
    return Held(array, axes, tuple(labels.values()), mixed)


def _known(name: Any, port: Port) -> str | None:
    """The name of an index if it is that of an axis: one like policy_id says nothing of axes."""
    return name if name in (TIME, LANES, "point", *port.axes) else None


def _wide(port: Port, columns: Mapping[str, Any]) -> Held:
    """The column of the input's own name, or the only one; otherwise all, their names as labels."""
    names = list(columns)
    only = _only(port, names)
    if only is not None:
        return Held(np.asarray(columns[only]))
    labels = range(len(names)) if names == counted(len(names)) else numbered(names)
    return Held(side_by_side([columns[name] for name in names]), (), (None, labels))


def _only(port: Port, names: list[Any]) -> Any | None:
    """The column that is all a port is given: of its own name, or the only one.

    The only column of what overrides a node over lanes, or of an input over two axes, may be one
    lane's or one period's: it goes by its label.
    """
    if port.name in names:
        return port.name
    across = {*port.axes} - {TIME} if port.optional else port.axes[1:]
    if len(names) != 1 or across:
        return None
    if port.optional:  # which may be over lanes that only a run has
        what = f"is overridden with a table whose only column is {names[0]!r}"
        fail(port, what, f"call it {port.name!r} if it is for all lanes")
    return names[0]


def _tabled(port: Port, columns: Mapping[str, Any], levels: Mapping[str, Any]) -> Held | None:
    """What a table holds of which columns, or levels of its index, have labels along axes."""
    names = [name for name in columns if isinstance(name, str)]
    titles = labels_for(axes_for(port), names, (port.name,))
    keyed = {axis: columns[title] for axis, title in titles.items()}
    keyed |= {axis: labels for axis, labels in levels.items() if axis not in keyed}
    if not titles:
        return None
    rest = {name: column for name, column in columns.items() if name not in titles.values()}
    array, axes, labels, mixed = tabled(port, rest, keyed)
    return Held(array, axes, tuple(map(labels.get, axes)), mixed)


def _frame(frame: Any, port: Port) -> Held:
    index: Any = getattr(frame, "index", None)
    if not hasattr(index, "nlevels"):
        columns = {name: as_array(frame[name], given_for(port)) for name in frame.columns}
        return _tabled(port, columns, {}) or _wide(port, columns)
    levels = {
        str(name): np.asarray(labels_of_index(index.get_level_values(n)))
        for n, name in enumerate(index.names)
        if _known(name, port)
    }
    if frame.columns.nlevels == 1 and frame.columns.is_unique:
        columns = {name: as_array(frame[name], given_for(port)) for name in frame.columns}
        held = _tabled(port, columns, levels)
        if held is not None:
            return held
    only = _only(port, list(frame.columns))
    if only is not None and (only == port.name or not _known(frame.columns.name, port)):
        return unpack(frame[only], port)
    given = (index.name, frame.columns.name)
    titles = tuple(str(x) if all(given) else _known(x, port) for x in given)
    return Held(as_array(frame, given_for(port)), titles, labels_along(frame))


def _choose(port: Port, names: list[str], what: str) -> str:
    only = _only(port, names)
    if only is not None:
        return str(only)
    near = did_you_mean(port.name, names)
    fail(port, f"is not in {what}", near or f"it has {', '.join(names)}")


def _array(value: Any, port: Port) -> npt.NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray) and value.dtype.kind in "fb":  # masked is missing
        return np.where(np.ma.getmaskarray(value), np.nan, np.asarray(value, np.float64))
    if isinstance(value, np.ma.MaskedArray):
        return as_array(value, given_for(port))
    if isinstance(value, bytearray) or getattr(getattr(value, "dtype", None), "kind", "") == "T":
        return np.asarray(as_array(value, given_for(port)))
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # a tensor, perhaps; or rows that do not fit
        return as_array(value, given_for(port))
    several = isinstance(value, Sequence) and not isinstance(value, memoryview)
    if several and array.dtype.kind in "US" and not isinstance(value, str | bytes):
        return np.array(value, object)  # of which some may be no text, which NumPy makes of them
    rounded = several and array.dtype.kind == "f"  # whole numbers, perhaps
    return as_array(value, given_for(port)) if rounded else array


def fail(port: Port, message: str, advice: str) -> NoReturn:
    """Refuse what was given for a port.

    Raises:
        Diagnostic: LW3050.
    """
    raise Diagnostic(BAD_INPUT, f"input {port.name!r} {message}", help=advice)
