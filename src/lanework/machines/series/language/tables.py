"""Tables for lookups: by age, duration, rating or any other key.

A table has one or two keys and one or more columns of numbers. It comes as rows with a header (a
CSV file, a DataFrame, a dict of columns), in long form (key columns beside value columns) or as a
matrix (the second key runs across the columns), or as a dict from key to value.

Whole-number keys become a dense block, so that a lookup is one load; keys that are missing in
between are NaN cells, which are faults. So is looking up what is no whole number: a key that
arithmetic has put a few units in the last place beside one is that one, and nothing is rounded
down but by `floor`. Names become positions in a list of categories. Other
numbers are knots, between which a value is interpolated.

Example:
    >>> table = build_table("rate", {10: 0.01, 15: 0.02, 20: 0.03})
    >>> table.dims[0].base, table.dims[0].size, table.column(None).data[:6].tolist()
    (10.0, 11, [0.01, nan, nan, nan, nan, 0.02])
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.spelling import spells_number
from lanework.core.data.values import Given, exactly
from lanework.core.options import names as listed
from lanework.machines.series.codes import BAD_KEYS, BAD_TABLE
from lanework.machines.series.language.tablerows import (
    Rows,
    advice_for,
    quoted,
    read_number,
    read_rows,
    text_of,
)

Floats = npt.NDArray[np.float64]

OUTSIDE = ("error", "clamp", "interpolate")
MAX_CELLS = 2**22


@dataclass(frozen=True)
class KeyDim:
    """One key of a table.

    Attributes:
        name: what the key is called.
        outside: what happens outside: `error`, `clamp`, or `interpolate` between the knots.
        base: the first key of a dense block (0 for labels).
        size: cells along this key.
        labels: the names, for a categorical key.
        knots: the sorted keys, for an interpolated table.
        exact: whether what is looked up may be other than a whole number, which is a fault.
    """

    name: str
    outside: str
    base: float
    size: int
    labels: tuple[str, ...] = ()
    knots: Floats | None = None
    exact: bool = False

    @property
    def faults(self) -> bool:
        """Whether a lookup can fail: a key outside or between keys, or a cell that is missing."""
        return self.exact or self.outside == "error"


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its cells (NaN where there is none), or codes into `labels`."""

    name: str
    data: Floats
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Table:
    """A table as the compiler uses it.

    Attributes:
        name: its name in formulas.
        dims: its keys, one or two.
        columns: its columns by name; a matrix has one, named after the table.
        unit: the unit of its values, "" for pure numbers.
        kind: their temporal kind.
    """

    name: str
    dims: tuple[KeyDim, ...]
    columns: dict[str, Column]
    unit: str = ""
    kind: str = ""
    doc: str = ""

    def column(self, name: str | None) -> Column:
        """A column; None for the only one.

        Raises:
            Diagnostic: LW3019 when there is no such column, or more than one to choose from.
        """
        if name is None:
            if len(self.columns) == 1:
                return next(iter(self.columns.values()))
            first = next(iter(self.columns))
            raise Diagnostic(
                BAD_KEYS,
                f"table `{self.name}` has {len(self.columns)} columns and the lookup names none",
                help=f'write {self.name}["{first}"](key)',
            )
        column = self.columns.get(name)
        if column is None:
            raise Diagnostic(
                BAD_KEYS,
                f"table `{self.name}` has no column `{name}`",
                help=did_you_mean(name, self.columns)
                or f"its columns are {', '.join(map(repr, self.columns))}",
            )
        return column

    @property
    def faults(self) -> bool:
        """Whether a lookup can fail."""
        return any(dim.faults for dim in self.dims)


def align(
    table: Table, column: Column, categories: Sequence[tuple[str, ...]]
) -> tuple[tuple[KeyDim, ...], Floats]:
    """A column's keys and cells in the order of the lookups' own categories.

    These are for each key the labels of the value it is looked up with, () if it has none. The
    cells of a label that the table lacks are NaN.
    """
    data, dims = column.data, list(table.dims)
    for axis, (dim, labels) in enumerate(zip(table.dims, categories, strict=True)):
        if not dim.labels or not labels or labels == dim.labels:
            continue
        where = {label: i for i, label in enumerate(dim.labels)}
        order = [where.get(label, -1) for label in labels]
        data = np.take(data, [max(i, 0) for i in order], axis=axis)
        absent = [i for i, position in enumerate(order) if position < 0]
        data[(slice(None),) * axis + (absent,)] = math.nan
        dims[axis] = KeyDim(dim.name, dim.outside, 0.0, len(labels), labels, exact=True)
    return tuple(dims), np.ascontiguousarray(data)


def build_table(
    name: str,
    data: Any,
    *,
    keys: str | Sequence[str] | None = None,
    outside: str | Sequence[str] = "error",
    value: str | None = None,
    **about: str,
) -> Table:
    """A table from a CSV path, a DataFrame, a dict of columns or a dict from key to value.

    Args:
        name: what formulas call it.
        data: the source, see the module's text.
        keys: the key columns, one or two names. A second name that is no column means that the
            second key runs across the columns. Without it the first column is the key.
        outside: for keys outside: `error`, `clamp`, or (one key only) `interpolate`; one word
            for all keys, or one for each.
        value: the value column to keep, when there are several.
        **about: the table's unit, kind and doc.

    Raises:
        Diagnostic: LW3018 for cells and rows that cannot be read, LW3019 for keys that do not fit
            the rule for outside keys, LW3025 for a file that cannot be opened.
    """
    named = () if keys is None else listed("keys", keys, BAD_TABLE)
    rows = read_rows(name, data, named or None)
    names = named or rows.keys or (rows.header[0],)
    if not 1 <= len(names) <= 2:
        rows.fail(f"a table has one or two keys, not {len(names)}")
    modes = _modes(rows, names, outside)
    rows.check_shape()
    missing = [key for key in names if key not in rows.header]
    across = missing[0] if len(names) == 2 and missing == [names[1]] else None
    if missing and across is None:
        hint = did_you_mean(missing[0], rows.header)
        rows.fail(
            f"it has no column `{missing[0]}`",
            help=hint or f"its columns are {', '.join(rows.header)}",
        )
    keyed: list[tuple[KeyDim, list[int]]] = []
    for key, mode in zip(names, modes, strict=True):
        if key == across:
            cells = [cell for cell in rows.header if cell != names[0]]
            keyed.append(_dimension(rows, key, cells, mode, None))
        else:
            at = rows.header.index(key)
            keyed.append(_dimension(rows, key, [row[at] for row in rows.rows], mode, at))
    dims = tuple(dim for dim, _ in keyed)
    shape = tuple(dim.size for dim in dims)
    if math.prod(shape) > MAX_CELLS:
        rows.fail(
            f"its keys span {math.prod(shape)} cells, more than {MAX_CELLS}",
            help="use outside='interpolate' for keys far apart, or names for keys that are codes",
        )
    columns = _columns(rows, name, names, across, value, shape, [at for _, at in keyed])
    table = Table(name, dims, columns, **about)
    _check_cells(table)
    if dims[0].knots is not None:
        for title, column in columns.items():
            rows.check_slopes(title, dims[0].knots, column.data)
    return table


def _modes(rows: Rows, names: tuple[str, ...], outside: str | Sequence[str]) -> Sequence[str]:
    modes = listed("outside", outside, BAD_TABLE)
    modes = modes * len(names) if isinstance(outside, str) else modes
    if len(modes) != len(names):
        rows.fail(f"it has {len(names)} keys and {len(modes)} rules for keys outside")
    for mode in modes:
        if mode not in OUTSIDE:
            rows.fail(
                f"there is no rule `{mode}` for keys outside",
                help=f"use one of {', '.join(map(repr, OUTSIDE))}; for 0 outside, write"
                " where(key <= 99, table(key), 0)",
            )
    if "interpolate" in modes and len(modes) > 1:
        rows.fail(
            "a table with two keys cannot be interpolated",
            help="interpolate in a table of one key, or use clamp",
        )
    return modes


def _dimension(
    rows: Rows, name: str, cells: list[Any], mode: str, column: int | None
) -> tuple[KeyDim, list[int]]:
    """The key that these cells spell, and each cell's position along it."""
    numbers = [read_number(cell) if column is None else rows.number(cell) for cell in cells]
    if any(number is None for number in numbers):
        rows.check_names(f"key `{name}`", cells, numbers)
        for index, cell in enumerate(cells):
            if read_number(cell) is None and spells_number(text_of(cell)):
                place = None if column is None else index
                text = text_of(cell)
                rows.fail(f"key `{name}` is {quoted(text)}", place, advice_for(text))
        labels = tuple(dict.fromkeys(text_of(cell) for cell in cells))
        if mode == "interpolate":
            rows.fail(f"names cannot be interpolated, and key `{name}` has names")
        where = {label: i for i, label in enumerate(labels)}
        positions = [where[text_of(cell)] for cell in cells]
        return KeyDim(name, "error", 0.0, len(labels), labels, exact=True), positions
    values = [float(number) for number in numbers if number is not None]
    for index, number in enumerate(values):
        if not math.isfinite(number):
            rows.fail(f"key `{name}` is empty or not finite", None if column is None else index)
    if mode == "interpolate":
        knots = np.array(sorted(set(values)), dtype=np.float64)
        where_knot = {knot: i for i, knot in enumerate(knots.tolist())}
        dim = KeyDim(name, mode, float(knots[0]), len(knots), (), knots)
        return dim, [where_knot[number] for number in values]
    for index, number in enumerate(values):
        if not number.is_integer():
            rows.fail(
                f"key `{name}` is {number!r}, not a whole number",
                None if column is None else index,
                help="use outside='interpolate' for keys that are not whole numbers",
            )
    base, top = min(values), max(values)
    if top - base >= MAX_CELLS or abs(base) > 2**52:
        rows.fail(
            f"key `{name}` runs from {base:.0f} to {top:.0f}: too far for one block",
            help="use outside='interpolate' for keys far apart, or names for keys that are codes",
        )
    size = int(top - base) + 1
    dim = KeyDim(name, mode, base, size, exact=True)
    return dim, [int(number - base) for number in values]


def _columns(
    rows: Rows,
    name: str,
    names: tuple[str, ...],
    across: str | None,
    value: str | None,
    shape: tuple[int, ...],
    positions: list[list[int]],
) -> dict[str, Column]:
    """Every value column that holds numbers or labels, as a block of the table's shape."""
    titles = [title for title in rows.header if title not in names]
    if value is not None and value not in titles:
        rows.fail(f"it has no value column `{value}`", help=did_you_mean(value, titles))
    if not titles:
        rows.fail("it has keys and no column of values")
    met: dict[tuple[int, ...], int] = {}
    keys = zip(*(positions if across is None else positions[:1]), strict=True)
    for index, key in enumerate(keys):
        first = met.setdefault(key, index)
        if first != index:
            rows.fail(
                f"the key is there already, in {rows.where(first)}",
                index,
                help="every key needs exactly one row",
            )
    if across is not None:
        return {name: Column(name, _matrix(rows, titles, shape, positions))}
    where = tuple(np.array(axis, dtype=np.int64) for axis in positions)
    chosen = titles if value is None else [value]
    return {title: _column(rows, title, shape, where) for title in chosen}


def _matrix(
    rows: Rows, titles: list[str], shape: tuple[int, ...], positions: list[list[int]]
) -> Floats:
    """The cells of a table whose second key is the names of its columns."""
    data = np.full(shape, math.nan)
    across = list(zip(positions[1], titles, map(rows.header.index, titles), strict=True))
    for index, row in enumerate(rows.rows):
        for position, title, at in across:
            data[positions[0][index], position] = _cell(rows, index, title, row[at])
    return data


def _column(
    rows: Rows, title: str, shape: tuple[int, ...], where: tuple[npt.NDArray[np.int64], ...]
) -> Column:
    """A column of numbers, or of names where no cell is a number or spells one."""
    at = rows.header.index(title)
    cells = [row[at] for row in rows.rows]
    data = np.full(shape, math.nan)
    numbers = [rows.number(cell) for cell in cells]
    texts = [text_of(c) for c, n in zip(cells, numbers, strict=True) if n is None]
    named = all(number is None or math.isnan(number) for number in numbers)
    if texts and named and not any(map(spells_number, texts)):
        rows.check_names(f"column `{title}`", cells, numbers)
        labels = tuple(dict.fromkeys(texts))
        codes = {label: float(i) for i, label in enumerate(labels)}
        data[where] = [codes.get(text_of(cell), math.nan) for cell in cells]
        return Column(title, data, labels)
    data[where] = [_cell(rows, i, title, cell) for i, cell in enumerate(cells)]
    return Column(title, data)


def _cell(rows: Rows, index: int, title: str, cell: Any) -> float:
    number = rows.number(cell)
    if number is None:
        if isinstance(cell, numbers.Number):
            about = f"table `{rows.table}`, {rows.where(index)}: column `{title}`"
            exactly(cell, "f64", Given(about, BAD_TABLE))
        text = text_of(cell)
        said = f"column `{title}` holds {quoted(text)}, which is not a number"
        rows.fail(said, index, advice_for(text))
    return number


def _check_cells(table: Table) -> None:
    """A missing cell needs the rule `error`: nothing else can say what to do with it."""
    if any(dim.outside == "error" for dim in table.dims):
        return
    for column in table.columns.values():
        holes = np.argwhere(np.isnan(column.data))
        if len(holes):
            dims = table.dims
            key = ", ".join(_shown(dim, int(i)) for dim, i in zip(dims, holes[0], strict=True))
            raise Diagnostic(
                BAD_KEYS,
                f"table `{table.name}` has no value in column `{column.name}` for key {key}",
                help="fill the gap, or use outside='error' so that looking it up is a fault",
            )


def _shown(dim: KeyDim, index: int) -> str:
    if dim.labels:
        return repr(dim.labels[index])
    if dim.knots is not None:
        return f"{dim.knots[index]:g}"
    return f"{dim.base + index:g}"


def first_valid(dims: Iterable[KeyDim], data: Floats) -> tuple[float, ...]:
    """Keys whose cell is there: what a lookup reads on a branch that is not taken."""
    dims = tuple(dims)
    for index in itertools.product(*(range(dim.size) for dim in dims)):
        if not math.isnan(float(data[index])):
            return tuple(dim.base + i for dim, i in zip(dims, index, strict=True))
    return tuple(dim.base for dim in dims)
