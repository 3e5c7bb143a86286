"""Results as tables: long columns, pandas, xarray, Arrow."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import AXES_DIFFER, MISSING_EXTRA, NOT_ONE_ARRAY, TOO_LARGE
from lanework.core.options import flag
from lanework.core.result.outputs import Array, Axes, Outputs

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    import xarray

ROWS = 65536
"""Rows of a long table that are made at a time."""
EXTRAS = {
    "openpyxl": "excel",
    "pyarrow": "arrow",
    "ipyopt": "solve",
    "scipy": "solve",
    "matplotlib": "plot",
}


def need(module: str, what: str) -> Any:
    """Import an optional package, or say which extra brings it.

    Raises:
        Diagnostic: LW1022.
    """
    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise Diagnostic(
            MISSING_EXTRA,
            f"{what} needs {package}, which is not installed",
            help=f"pip install 'lanework[{EXTRAS.get(package, package)}]'",
        ) from None


def common(
    result: Outputs, names: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """The names asked for (all by default), and axes and shape of a table that takes all.

    An output with fewer axes than another is repeated along those that it lacks.

    Raises:
        Diagnostic: LW1020 for an unknown name, LW1021 when no output has the axes of all.
    """
    chosen = tuple(names) or tuple(result)
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in chosen:
        groups.setdefault(result.axes(name), []).append(name)
    axes = max(groups, key=len, default=())
    if any(not set(some) <= set(axes) for some in groups):
        shapes = "; ".join(
            f"({', '.join(axes) or 'no axes'}): {', '.join(group[:4])}"
            + (", ..." if len(group) > 4 else "")
            for axes, group in groups.items()
        )
        alike = ", or ".join(", ".join(map(repr, group[:3])) for group in [*groups.values()][:4])
        raise Diagnostic(
            AXES_DIFFER,
            f"these outputs do not fit one table, their axes differ: {shapes}",
            help=f"name outputs with the same axes: {alike}; to_xarray() takes all",
        )
    shape = result[groups[axes][0]].shape if groups else ()
    return chosen, axes, shape


def spread(result: Outputs, name: str, axes: Axes, shape: tuple[int, ...]) -> Array:
    """An output over all of these axes, repeated along those that it lacks."""
    mine = result.axes(name)
    if mine == axes:
        return result[name]
    value = result[name].transpose([mine.index(axis) for axis in axes if axis in mine])
    full = value.reshape([n if a in mine else 1 for a, n in zip(axes, shape, strict=True)])
    return np.broadcast_to(full, shape)


def long_columns(
    result: Outputs, names: Sequence[str], lanes_first: bool = False
) -> dict[str, Array]:
    """One column for each axis, then one for each output, every one as long as the table.

    Args:
        result: the outputs.
        names: outputs whose axes one of them has; by default all.
        lanes_first: let time run fastest, so that a lane's rows stand together.
    """
    shape, labels, outputs = _long(result, names, lanes_first)
    columns: dict[str, Array] = {}
    for title, (number, column) in labels.items():
        before = int(np.prod(shape[:number], dtype=np.int64))
        after = int(np.prod(shape[number + 1 :], dtype=np.int64))
        each = np.arange(shape[number]) if column is None else column
        columns[title] = np.tile(np.repeat(each, after), before)
    return columns | {name: output.reshape(-1) for name, output in outputs.items()}


def long_blocks(result: Outputs, names: Sequence[str]) -> Iterator[dict[str, Array]]:
    """The same, so many rows at a time, time running fastest; what hold objects in one block."""
    shape, labels, outputs = _long(result, names, lanes_first=True)
    count = int(np.prod(shape, dtype=np.int64))
    if count <= ROWS or any(output.dtype.kind == "O" for output in outputs.values()):
        yield long_columns(result, names, lanes_first=True)
        return
    for start in range(0, count, ROWS):
        cells = np.unravel_index(np.arange(start, min(start + ROWS, count)), shape)
        columns = {
            title: cells[number] if column is None else column[cells[number]]
            for title, (number, column) in labels.items()
        }
        yield columns | {name: output[cells] for name, output in outputs.items()}


def _long(
    result: Outputs, names: Sequence[str], lanes_first: bool
) -> tuple[tuple[int, ...], dict[str, tuple[int, Array | None]], dict[str, Array]]:
    """The shape of a long table; of each column of labels its axis and them, None where they count
    places; and the outputs.
    """
    chosen, every, sizes = common(result, names)
    order = list(range(len(every)))
    if lanes_first and every[:1] == ("time",):
        order = [*order[1:], 0]
    shape = tuple(sizes[i] for i in order)
    columns: dict[str, tuple[int, Array | None]] = {}
    for number, (place, size) in enumerate(zip(order, shape, strict=True)):
        axis = every[place]
        levels: Mapping[str, Array | None] = result.by_level(axis, size)
        if not levels:
            known = result.coords.get(axis) is not None
            levels = {axis: result.labels(axis, size) if known else None}
        for name, labels in levels.items():  # an output may be called like an axis
            title = f"{name}_axis" if name in chosen or name in columns else name
            columns[title] = number, None if labels is None else one_type(labels)
    outputs = {name: spread(result, name, every, sizes).transpose(order) for name in chosen}
    return shape, columns, outputs


_RESOLUTIONS = ("ms", "us", "ns")
_PLAIN = (str, bool, int, float)


def one_type(labels: Array) -> Array:
    """Labels as a column of a table holds them: those of several levels, of several types, and of
    a library's own, such as intervals, as text; so are bytes, and whole numbers that 64 bits do not
    hold.

    Example:
        >>> labels = np.empty(2, object)
        >>> labels[:] = [("a", 1), ("b", 2)]
        >>> one_type(labels).tolist(), one_type(np.array([1, "x"], object)).tolist()
        (['a, 1', 'b, 2'], ['1', 'x'])
    """
    kinds = {type(label) for label in labels} if labels.dtype.kind == "O" else set()
    kinds -= {type(None)}
    large = kinds == {int} and any(not -(2**63) <= x < 2**63 for x in labels if x is not None)
    if (
        not large
        and labels.dtype.kind not in "ScV"
        and len(kinds) < 2
        and all(kind in _PLAIN or hasattr(kind, "isoformat") for kind in kinds)
    ):
        return labels
    return np.array([_text(label) for label in labels], object)


def _text(label: Any) -> str:
    if isinstance(label, bytes):
        return label.decode("utf-8", "backslashreplace")
    return ", ".join(map(_text, label)) if isinstance(label, tuple) else str(label)


def _index(pd: Any, labels: Array, axis: str, names: Sequence[str]) -> Any:
    """An index of pandas; labels of several levels are those of a `MultiIndex`."""
    levels = labels.dtype.kind == "O" and all(isinstance(label, tuple) for label in labels)
    if levels and len(labels):
        return pd.MultiIndex.from_tuples(list(labels), names=names or None)
    return pd.Index(labels, name=axis)


def to_pandas(result: Outputs, names: Sequence[str], wide: bool) -> pandas.DataFrame:
    """See `Result.to_pandas`."""
    pd, wide = need("pandas", "to_pandas()"), flag("wide", wide)
    chosen, axes, shape = common(result, names)
    data = {name: spread(result, name, axes, shape).reshape(-1) for name in chosen}
    levels = [result.labels(axis, size) for axis, size in zip(axes, shape, strict=True)]
    if not axes:
        index = pd.RangeIndex(1 if chosen else 0)
    elif len(axes) == 1:
        index = _index(pd, levels[0], axes[0], result.levels.get(axes[0], ()))
    else:
        index = pd.MultiIndex.from_product(levels, names=axes)
    frame = pd.DataFrame(data, index=index, copy=True)
    frame.attrs["units"] = {name: result.units.get(name, "") for name in chosen}
    if wide and len(axes) > 1:  # labels stay in their order, which `unstack` would sort
        attrs = frame.attrs
        across = pd.MultiIndex.from_product([chosen, *levels[1:]], names=["output", *axes[1:]])
        rows = (result[name].reshape(len(levels[0]), -1) for name in chosen)
        columns = dict(enumerate(column for value in rows for column in value.T))
        frame = pd.DataFrame(columns, index=pd.Index(levels[0], name=axes[0]), copy=True)
        frame.columns = across
        frame.attrs = attrs
    out: pandas.DataFrame = frame
    return out


def to_polars(columns: Mapping[str, Array]) -> polars.DataFrame:
    """See `Result.to_polars`."""
    frame: polars.DataFrame = need("polars", "to_polars()").DataFrame(
        {name: _moments(column) for name, column in columns.items()}
    )
    return frame


def _moments(column: Array) -> Array:
    """Moments and durations in a resolution that polars has."""
    days = column.dtype.kind == "M" and np.datetime_data(column.dtype)[0] == "D"
    if days or column.dtype.kind not in "Mm" or np.datetime_data(column.dtype)[0] in _RESOLUTIONS:
        return column
    return column.astype(f"{column.dtype.kind}8[us]")


def no_array(result: Outputs) -> Diagnostic:
    """Why a result is not made an array, and what makes one of it."""
    names = list(result)
    help = f"take result[{names[0]!r}], or to_pandas() for a DataFrame" if names else "ask for one"
    return Diagnostic(
        NOT_ONE_ARRAY,
        f"a result is arrays by name ({', '.join(names[:4])}{', ...' if names[4:] else ''}),"
        " and was asked for one array",
        help=help,
    )


def to_xarray(result: Outputs) -> xarray.Dataset:
    """See `Result.to_xarray`."""
    xr = need("xarray", "to_xarray()")
    variables = {}
    coords: dict[str, Array] = {}
    for name in result:
        value, axes = result[name], result.axes(name)
        # an output may be called like an axis, which is then no dimension of that name
        dims = tuple(f"{axis}_axis" if axis in result else axis for axis in axes)
        attrs = {"units": result.units.get(name, ""), "kind": result.kinds.get(name, "")}
        variables[name] = (dims, value, {key: text for key, text in attrs.items() if text})
        for axis, dim, size in zip(axes, dims, value.shape, strict=True):
            if result.coords.get(axis) is not None:
                labels = result.labels(axis, size)
                if labels.dtype.kind == "M":
                    labels = labels.astype("datetime64[ns]")
                coords[dim] = labels
    dataset: xarray.Dataset = xr.Dataset(variables, coords=coords)
    return dataset


def to_arrow(result: Outputs, names: Sequence[str], lanes_first: bool = False) -> pyarrow.Table:
    """See `Result.to_arrow`."""
    return arrow_table(long_columns(result, names, lanes_first), units_of(result))


def units_of(result: Outputs) -> dict[str, str]:
    """The units of the outputs that have one."""
    return {name: unit for name in result if (unit := result.units.get(name, ""))}


def arrow_table(columns: Mapping[str, Array], units: Mapping[str, str]) -> pyarrow.Table:
    """An Arrow table, its units in the fields' metadata.

    Raises:
        Diagnostic: LW1022 without pyarrow; LW1029 for whole numbers of more than 64 bits.
    """
    pa = need("pyarrow", "to_arrow()")
    arrays = {}
    for name, column in columns.items():
        try:
            arrays[name] = pa.array(column)
        except OverflowError:
            what = f"{name!r} has a whole number that 64 bits do not hold, and Arrow has no larger"
            raise Diagnostic(TOO_LARGE, what, help="write .csv or .json") from None
    fields = [
        pa.field(name, array.type, metadata={"unit": units[name]} if units.get(name) else None)
        for name, array in arrays.items()
    ]
    table: pyarrow.Table = pa.table(list(arrays.values()), schema=pa.schema(fields))
    return table
