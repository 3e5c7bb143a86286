"""What is in the objects that callers give for inputs: the values, names of axes, and labels.

pandas, polars, xarray and Arrow objects are told by what they offer, so that none of these
packages is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.labels import labels_along, labels_of_index
from lanework.core.data.values import Given, as_array
from lanework.machines.series.codes import BAD_INPUT

if TYPE_CHECKING:
    from lanework.core.program.program import Port

TIME = "time"
LANES = "scenario"
"""The lane axis of a plain array for a port that declares none."""


class Held(NamedTuple):
    """An array, and for each dimension a name and labels, as far as there are any.

    Labels that only count the places, as pandas has them by default, are a `range`.
    """

    array: npt.NDArray[Any]
    names: tuple[str | None, ...] = ()
    labels: tuple[Any, ...] = ()


def unpack(value: Any, port: Port) -> Held:
    """What a caller gave for a port, whatever held it.

    Raises:
        Diagnostic: LW3050 for what holds no array, or no column for the port.
    """
    if isinstance(value, (np.ndarray, float, int, str, list, tuple, np.generic)):
        return Held(_array(value, port))
    if hasattr(value, "data_vars"):  # xarray.Dataset
        value = value[_choose(port, [str(name) for name in value.data_vars], "the Dataset")]
    if hasattr(value, "column_names"):  # pyarrow.Table, RecordBatch
        columns = [_flat(value.column(name)) for name in _named(port, value.column_names)]
        return Held(columns[0] if len(columns) == 1 else np.column_stack(columns))
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        return _frame(value, port)
    labelled = _labelled(value, port)
    if labelled is not None:
        return labelled
    if hasattr(value, "to_numpy"):  # polars.Series, pyarrow.Array
        return Held(_flat(value))
    if hasattr(value, "__array__") or isinstance(value, Sequence):
        return Held(_array(value, port))
    if isinstance(value, Mapping):
        fail(port, "is a mapping", "give an array, or along('scenario', list(mapping.values()))")
    fail(port, f"is a {type(value).__name__}", "give a number or an array")


def titles_of(axis: str) -> tuple[str, ...]:
    """What the column of a table may be called that has the labels along an axis."""
    return (TIME, "date", "period") if axis == TIME else (axis,)


def has_dates(labels: Any) -> bool:
    """Whether these are labels of moments: an index of dates, or dates of Python."""
    if labels is None or isinstance(labels, range):
        return False
    array = np.asarray(labels)
    first = array.reshape(-1)[0] if array.size else None
    return array.dtype.kind == "M" or (array.dtype.kind == "O" and hasattr(first, "isoformat"))


def _labelled(value: Any, port: Port) -> Held | None:
    """What an xarray.DataArray or a pandas.Series holds; None for anything else."""
    if hasattr(value, "dims") and hasattr(value, "values"):
        names = tuple(str(name) for name in value.dims)
        return Held(np.asarray(value.values), names, labels_along(value))
    index: Any = getattr(value, "index", None)
    if not hasattr(index, "nlevels"):
        return None
    if index.nlevels > 1:
        return _levels(value, port)
    return Held(np.asarray(value.to_numpy()), (_known(index.name, port),), labels_along(value))


def _levels(series: Any, port: Port) -> Held:
    """A Series with levels, an axis for each, its labels in the order in which they come."""
    index = series.index
    if not all(index.names):
        fail(
            port,
            f"has an index of {index.nlevels} levels, and not all have names",
            "name the levels after axes: series.index.names = ['time', 'scenario']",
        )
    levels = [index.get_level_values(n).factorize() for n in range(index.nlevels)]
    shape = tuple(len(labels) for _, labels in levels)
    where = np.ravel_multi_index([codes for codes, _ in levels], shape)
    if len(np.unique(where)) != len(where):
        first = index[index.duplicated()][0]
        fail(port, f"has {first!r} more than once", "give every combination of labels once")
    values = np.asarray(series.to_numpy())
    array = values[np.argsort(where)]
    if len(where) < np.prod(shape):  # what is not there is missing
        array = np.full(int(np.prod(shape)), None, object)
        array[where] = values
    names = tuple(str(name) for name in index.names)
    return Held(array.reshape(shape), names, tuple(labels_of_index(x) for _, x in levels))


def _known(name: Any, port: Port) -> str | None:
    """The name of an index if it is that of an axis: one like policy_id says nothing of axes."""
    return name if name in (TIME, LANES, "point", *port.axes) else None


def _named(port: Port, names: Iterable[str]) -> list[str]:
    """The column of the input's own name, if there is one; otherwise all of them."""
    names = list(names)
    return [port.name] if port.name in names else names


def _frame(frame: Any, port: Port) -> Held:
    names = _named(port, frame.columns)
    pandas = hasattr(getattr(frame, "index", None), "nlevels")
    if len(names) == 1:
        column = frame[names[0]]
        return unpack(column, port) if pandas else Held(_flat(column))
    array = np.asarray(frame.to_numpy())
    if not pandas:
        return Held(array)
    given = (frame.index.name, frame.columns.name)
    titles = tuple(str(x) if all(given) else _known(x, port) for x in given)
    return Held(array, titles, labels_along(frame))


def _flat(column: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    except TypeError:
        return np.asarray(column.to_numpy())


def _choose(port: Port, names: list[str], what: str) -> str:
    if port.name in names:
        return port.name
    if len(names) == 1:
        return names[0]
    near = did_you_mean(port.name, names)
    fail(port, f"is not in {what}", near or f"it has {', '.join(names)}")


def _array(value: Any, port: Port) -> npt.NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray) and value.dtype.kind in "fiub":  # masked is missing
        return np.where(np.ma.getmaskarray(value), np.nan, np.asarray(value, np.float64))
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # a tensor, perhaps; or rows that do not fit
        return as_array(value, Given(f"input {port.name!r}", BAD_INPUT))


def fail(port: Port, message: str, advice: str) -> NoReturn:
    """Refuse what was given for a port.

    Raises:
        Diagnostic: LW3050.
    """
    raise Diagnostic(BAD_INPUT, f"input {port.name!r} {message}", help=advice)
