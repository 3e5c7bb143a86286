"""Columns from any table: a mapping, pandas, polars, Arrow, DuckDB, records of NumPy.

Libraries are told by what their objects offer, so that none of them is imported here, but for
pyarrow where a table speaks the Arrow C stream interface only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import GIVEN_TWICE, NO_TABLE
from lanework.core.data.values import Given
from lanework.core.result.frames import need


@dataclass(frozen=True)
class Table(Mapping[str, Any]):
    """Columns by name, each as its library has it, and the labels of the rows, if there are any.

    Attributes:
        columns: the columns; what can be done with one is `values.as_array`.
        labels: the labels of the rows: one level for each name, as arrays of the rows' length.
    """

    columns: dict[str, Any]
    labels: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


class Streams(Protocol):
    """A table with the Arrow C stream interface: of pandas, polars, Arrow, DuckDB..."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Its rows, as a capsule."""


class Collected(Protocol):
    """A lazy table of polars."""

    @property
    def collect_schema(self) -> Any:
        """By which it is known."""


TableLike = Mapping[Any, Any] | Streams | Collected | npt.NDArray[Any]
"""What `table_of` takes."""

OFFERS = ("iloc", "get_column", "collect_schema", "column_names", "data_vars", "execute")
"""What tables of pandas, polars, Arrow, xarray and DuckDB offer, and their columns do not."""


def is_table(value: Any) -> bool:
    """Whether a value is a table of some library, or a mapping.

    Example:
        >>> is_table({"a": [1, 2]}), is_table([1, 2]), is_table(np.zeros(2, [("a", "f8")]))
        (True, False, True)
    """
    if isinstance(value, np.ndarray):
        return value.dtype.names is not None
    if isinstance(value, Mapping):
        return True
    kind = type(value)
    column = any(hasattr(kind, offer) for offer in ("to_list", "to_pylist", "name"))
    streams = hasattr(kind, "__arrow_c_stream__") and not column
    return streams or (any(hasattr(kind, offer) for offer in OFFERS) and not hasattr(kind, "name"))


def table_of(value: Any, given: Given) -> Table:
    """The columns of a table.

    Args:
        value: a mapping from names to columns, a DataFrame of pandas or polars (a lazy one is
            collected), a table or batch of Arrow, a relation of DuckDB, a Dataset of xarray, an
            array of NumPy records, or anything that has the Arrow C stream interface.
        given: what it is for.

    Raises:
        Diagnostic: for what is no table, has no columns, or has columns whose names are no text or
            are there twice;
            LW1022 where pyarrow is needed.

    Example:
        >>> from lanework.core.codes import BAD_ARGUMENT
        >>> records = np.array([(1, 2.5)], [("n", "i8"), ("x", "f8")])
        >>> table = table_of(records, Given("the table", BAD_ARGUMENT))
        >>> list(table), table["x"]
        (['n', 'x'], array([2.5]))
    """
    if isinstance(value, Table):
        return value
    if not is_table(value):
        given.refuse(
            f"is a {type(value).__name__}, which is no table",
            "give a mapping, a DataFrame, an Arrow table or an array of records"
            + ("; single values are given by name" if given.code is NO_TABLE else ""),
        )
    pandas = hasattr(value, "iloc")
    pairs = list(_pairs(value))
    names = [name for name, _ in pairs]
    if not names and (hasattr(value, "data_vars") or not isinstance(value, Mapping)):
        given.refuse(
            "has no columns",
            "name them like what they are for, or leave the table out; labels of rows are no"
            " values: reset_index() makes columns of them",
        )
    for n, name in enumerate(names):
        if not isinstance(name, str):
            given.refuse(f"has a column named {name!r}", "name columns by text")
        if name in names[:n]:
            given.refuse(f"has two columns named {name!r}", "give every column its own name")
    return Table(dict(pairs), levels_of(value.index) if pandas else {})


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    """The names of a table's columns and the columns, as each library has them."""
    if hasattr(value, "data_vars"):  # of xarray
        return [(name, value[name]) for name in value.data_vars]
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, np.ndarray):
        return [(name, value[name]) for name in value.dtype.names or ()]
    if hasattr(value, "collect_schema") and hasattr(value, "collect"):  # lazy, of polars
        value = value.collect()
    if hasattr(value, "iloc"):  # of pandas, where two columns may have one name
        return [(name, value.iloc[:, n]) for n, name in enumerate(value.columns)]
    if hasattr(value, "get_column"):  # of polars
        return [(name, value.get_column(name)) for name in value.columns]
    if not hasattr(value, "column_names"):
        arrow = need("pyarrow", f"a {type(value).__name__} as a table")
        streams = hasattr(value, "__arrow_c_stream__")
        value = arrow.table(value) if streams else value.arrow()
        value = value.read_all() if hasattr(value, "read_all") else value
    return zip(value.column_names, value.columns, strict=True)


def inputs_of(
    table: TableLike | None, inputs: Mapping[str, Any], known: Iterable[str] = ()
) -> Mapping[str, Any]:
    """The inputs of a call: the columns of a table if one is given, and those given by name.

    Args:
        table: the table.
        inputs: those that are given by name.
        known: the inputs that there are, which no index of the table may be called like.

    Raises:
        Diagnostic: LW1026 for an input that is given both ways, LW1034 for what is no table, and
            for one with an input in its index.

    Example:
        >>> sorted(inputs_of({"rate": [0.1, 0.2]}, {"years": 3}))
        ['rate', 'years']
    """
    if table is None:
        return inputs
    columns = table_of(table, Given("the table of inputs", NO_TABLE))
    for name in set(columns.labels).intersection(known):
        if name not in columns and name not in inputs:
            what = f"the table of inputs has {name!r} in its index, and no column of that name"
            raise Diagnostic(NO_TABLE, what, help="make it a column: table.reset_index()")
    for name in columns:
        if name in inputs:
            raise Diagnostic(
                GIVEN_TWICE,
                f"input {name!r} is a column of the table, and given by name too",
                help=f"leave out {name}=..., or that column",
            )
    return {**columns, **inputs}


def levels_of(index: Any) -> dict[str, Any]:
    """The labels of rows by level; none for the plain numbers that count them."""
    counts = type(index).__name__ == "RangeIndex" and index.name is None
    if counts and index.start == 0 and index.step == 1:
        return {}
    return {
        str(
            index.names[n] if index.names[n] is not None else f"level_{n}" if n else "index"
        ): np.asarray(index.get_level_values(n))
        for n in range(index.nlevels)
    }
