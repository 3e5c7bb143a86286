"""Inputs with named axes: what a caller may give for a port, and what it means.

pandas, polars, xarray and Arrow objects are told by what they offer, so that none of these
packages is imported here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import UNKNOWN_LABEL
from lanework.core.data.labels import codes_of, label_help
from lanework.core.data.values import text_advice
from lanework.machines.series.codes import BAD_INPUT

if TYPE_CHECKING:
    from lanework.core.program.program import Port

Floats = npt.NDArray[np.float64]
Axes = tuple[str, ...]
TIME = "time"
LANES = "scenario"
"""The lane axis of a plain array for a port that declares none."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """An array and the name of each of its axes.

    Attributes:
        array: the values; float64 once it has gone through `as_labelled`.
        axes: one name for each dimension.
    """

    array: npt.NDArray[Any]
    axes: Axes


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
    names = (axes,) if isinstance(axes, str) else tuple(axes)
    values = np.asarray(array)
    if len(names) != values.ndim or len(set(names)) != len(names):
        raise Diagnostic(
            BAD_INPUT,
            f"an array of {values.ndim} dimensions is labelled with the axes {', '.join(names)}",
            help="give one name for each dimension, each name once",
        )
    return Labelled(values, names)


def as_labelled(value: Any, port: Port, default_axes: Sequence[str] = ()) -> Labelled:
    """What a caller gave for a port, as float64 with named axes.

    Args:
        value: a number, a label, a sequence, an array, `along(...)`, a pandas or polars Series
            or DataFrame, an Arrow array or table, an xarray DataArray or Dataset. A table with a
            column of the port's name gives that column.
        port: the input port.
        default_axes: the axes of a plain array, where the rules below should not decide. By
            default a one-dimensional array has the port's axis if it declares one, and is over
            `scenario` if it declares none; a two-dimensional one has the port's two axes, or
            is (time, scenario) for a port over time alone. An index or dimension that has a
            name is an axis of that name.

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
    array, named = _unpack(value, port)
    array = _numbers(array, port)
    axes = _axes(array, named, port, tuple(default_axes))
    if TIME in axes and TIME not in port.axes:
        _fail(
            port,
            "is given over time, but the model holds it constant over time",
            "give one value a lane, or declare the input with axes='time'",
        )
    return Labelled(array, axes)


def _axes(array: Floats, named: tuple[str | None, ...], port: Port, default: Axes) -> Axes:
    if array.ndim == 0:
        return ()
    if named and all(name is not None for name in named):
        axes = tuple(str(name) for name in named)
    elif len(default) == array.ndim:
        axes = default
    elif len(port.axes) == array.ndim:
        axes = port.axes
    elif not port.axes and array.ndim == 1:
        axes = (LANES,)
    elif port.axes == (TIME,) and array.ndim == 2:
        axes = (TIME, LANES)
    else:
        shape = " x ".join(str(size) for size in array.shape)
        declared = ", ".join(port.axes) or "none"
        _fail(
            port,
            f"is an array of {shape} values, and its axes ({declared}) do not say what they are",
            "label it: lanework.series.along(('time', 'scenario'), array)",
        )
    if len(set(axes)) != len(axes):
        _fail(port, f"has an axis twice: {', '.join(axes)}", "rename one of them")
    return axes


def _unpack(value: Any, port: Port) -> tuple[npt.NDArray[Any], tuple[str | None, ...]]:
    """An array and, where the value names them, its axes."""
    if isinstance(value, Labelled):
        return value.array, value.axes
    if isinstance(value, (np.ndarray, float, int, str, list, tuple, np.generic)):
        return _array(value, port), ()
    if hasattr(value, "data_vars"):  # xarray.Dataset
        value = value[_choose(port, [str(name) for name in value.data_vars], "the Dataset")]
    if hasattr(value, "dims") and hasattr(value, "values"):  # xarray.DataArray
        return np.asarray(value.values), tuple(str(name) for name in value.dims)
    if hasattr(value, "column_names"):  # pyarrow.Table, RecordBatch
        columns = [_flat(value.column(name)) for name in _named(port, value.column_names)]
        return columns[0] if len(columns) == 1 else np.column_stack(columns), ()
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        return _frame(value, port)
    if hasattr(getattr(value, "index", None), "nlevels"):  # pandas.Series
        return _series(value, port)
    if hasattr(value, "to_numpy"):  # polars.Series, pyarrow.Array
        return _flat(value), ()
    if hasattr(value, "__array__") or isinstance(value, Sequence):
        return _array(value, port), ()
    if isinstance(value, Mapping):
        _fail(port, "is a mapping", "give an array, or along('scenario', list(mapping.values()))")
    _fail(port, f"is a {type(value).__name__}", "give a number or an array")


def _named(port: Port, names: Iterable[str]) -> list[str]:
    """The column of the input's own name, if there is one; otherwise all of them."""
    names = list(names)
    return [port.name] if port.name in names else names


def _frame(frame: Any, port: Port) -> tuple[npt.NDArray[Any], tuple[str | None, ...]]:
    names = _named(port, frame.columns)
    pandas = hasattr(getattr(frame, "index", None), "nlevels")
    if len(names) == 1:
        column = frame[names[0]]
        return _series(column, port) if pandas else (_flat(column), ())
    array = np.asarray(frame.to_numpy())
    if pandas and frame.index.name and frame.columns.name:
        return array, (str(frame.index.name), str(frame.columns.name))
    return array, ()


def _series(series: Any, port: Port) -> tuple[npt.NDArray[Any], tuple[str | None, ...]]:
    index = series.index
    if index.nlevels == 2 and all(index.names):
        frame = series.unstack()
        return np.asarray(frame.to_numpy()), tuple(str(name) for name in index.names)
    # An index named like a key column (policy_id) says nothing about axes.
    name = index.name if index.name in (TIME, LANES, "point", *port.axes) else None
    return np.asarray(series.to_numpy()), (name,)


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
    _fail(port, f"is not in {what}", near or f"it has {', '.join(names)}")


def _array(value: Any, port: Port) -> npt.NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray) and value.dtype.kind in "fiub":  # masked is missing
        return np.where(np.ma.getmaskarray(value), np.nan, np.asarray(value, np.float64))
    try:
        return np.asarray(value)
    except (ValueError, TypeError):
        _fail(port, "has rows of different lengths", "give every row as many values")


def _numbers(array: npt.NDArray[Any], port: Port) -> Floats:
    kind = array.dtype.kind
    if kind == "O":
        array = _objects(array, port)
        kind = array.dtype.kind
    if kind in "USO":
        return codes_of(
            array, port.categories, lambda place, text: _bad_label(port, place, text, array.shape)
        )
    if kind in "fiub" and port.categories:
        check_codes(port, array)
    if kind not in "fiub":
        what = "dates" if kind in "mM" else "complex numbers" if kind == "c" else "records"
        _fail(port, f"holds {what}", "give real numbers")
    return np.asarray(array, np.float64)


def check_codes(port: Port, array: npt.NDArray[Any]) -> None:
    """Refuse numbers that are no positions in the list of the port's categories.

    Raises:
        Diagnostic: LW3020.
    """
    count = len(port.categories)
    good = (array >= 0) & (array < count) & (array == np.floor(array))
    bad = ~good & ~np.isnan(array)  # what is missing has an error of its own
    if bad.any():
        place = int(np.argmax(bad.reshape(-1)))
        raise _bad_label(port, place, array.reshape(-1)[place].item(), array.shape)


def check_named(port: Port, value: Any) -> None:
    """Refuse numbers by hand for a port whose categories are those of a table, or spell numbers.

    Arrays may hold positions, as `read_columns` gives them.

    Raises:
        Diagnostic: LW3020.
    """
    if value is None or isinstance(value, (str, Labelled, np.ndarray)):
        return
    array, _ = _unpack(value, port)
    if array.dtype.kind in "fiub" and array.size:
        raise _bad_label(port, 0, array.reshape(-1)[0].item(), array.shape)


def _objects(array: npt.NDArray[Any], port: Port) -> npt.NDArray[Any]:
    """An array of Python objects as numbers or as text."""
    filled = [math.nan if x is None or str(x) == "<NA>" else x for x in array.reshape(-1).tolist()]
    if any(isinstance(x, str) for x in filled):
        return np.array([str(x) for x in filled]).reshape(array.shape)
    try:
        return np.array(filled, np.float64).reshape(array.shape)
    except OverflowError:
        _fail(port, "holds a number too large for a float", "give smaller numbers")
    except (TypeError, ValueError):
        odd = next(x for x in filled if not isinstance(x, (int, float)))
        _fail(port, f"holds {odd!r}, which is not a number", "give numbers only")


def _bad_label(port: Port, place: int, text: str | float, shape: tuple[int, ...]) -> Diagnostic:
    at = ", ".join(str(int(i)) for i in np.unravel_index(place, shape)) if shape else ""
    where = f" at {at}" if at else ""
    what = "is not one of its categories" if port.categories else "is not a number"
    return Diagnostic(
        UNKNOWN_LABEL if port.categories else BAD_INPUT,
        f"input {port.name!r}{where}: {text!r} {what}",
        help=label_help(str(text), port.categories) if port.categories else text_advice(str(text)),
    )


def _fail(port: Port, message: str, advice: str) -> NoReturn:
    raise Diagnostic(BAD_INPUT, f"input {port.name!r} {message}", help=advice)
