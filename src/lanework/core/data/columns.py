"""One column of a file as it is written, whole numbers whole, with the labels beside it.

`files.py` makes float64 of columns. Machines whose words are of other types take a column as it
stands in the file, and say themselves what they take of it exactly: a `Column` knows in which line
a value is, and by which labels its rows are matched with those of other inputs.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_CELL, MISSING_COLUMN
from lanework.core.data.arrays import TABLES, Rows, all_arrays, arrow_file
from lanework.core.data.blocks import check_columns, csv_of
from lanework.core.data.cells import iter_cells
from lanework.core.data.csvfast import Array, arrow_for, arrow_numbers
from lanework.core.data.csvtext import bad_cell
from lanework.core.data.files import BLOCK, column_names, iter_columns
from lanework.core.data.holding import check_held
from lanework.core.data.opening import TEXTS, damage, data_ending, opened_text
from lanework.core.data.standard import SHOWN, STANDARD
from lanework.core.data.values import Given, as_array

Block = dict[str, Any]
EXACT = {"f64": 2.0**53, "f32": 2.0**24}
"""Up to where a float is any number that is written; of integers none is."""

LARGE = 2.0**53
"""From here on a float may not be the integer that a cell has."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a file.

    Attributes:
        values: as they are in the file: integers, floats, or objects where there are both.
        path: the file.
        name: the column; "" for the one array of a file.
        row_labels: the labels of its rows, tuples where several columns have them; a `range` where
            they only count; None where the file has none.
        row_titles: what these columns are called, if they were named.
        lines: the row of a workbook in which each value is.
    """

    values: Array
    path: str
    name: str
    row_labels: Any = None
    row_titles: tuple[str, ...] = ()
    lines: Sequence[int] | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """The values, for NumPy."""
        return np.array(self.values, dtype, copy=copy)

    def given(self, otherwise: Given) -> Given:
        """How messages name a value: by its place in the file."""
        source, title = self.path if self.path != STANDARD else SHOWN, self.name or "values"

        def where(place: int) -> str:
            return f"{source}, {self.row(place)}, column {title!r}"

        return Rows(f"{source}, column {title!r}", otherwise.code, where)

    def row(self, place: int) -> str:
        """Where in the file a value is, by its place in the flattened array."""
        if data_ending(self.path) in TEXTS:
            with opened_text(self.path) as (file, _):
                cells = csv_of(file, self.path).cells()
                full = (line for line, row in cells if any(row))
                return f"line {next(itertools.islice(full, place, None))}"
        first = int(np.unravel_index(place, self.values.shape)[0]) if self.values.ndim else 0
        return f"row {self.lines[first] if self.lines else first + 1}"


def read_column(
    path: str,
    column: str | None,
    called: str,
    dtype: str,
    titles: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> Column:
    r"""A column of a file, with the labels of its rows.

    Args:
        path: see `read_columns`.
        column: which one; by default the one that is called like the input, or the only one.
        called: the input that it is for.
        dtype: what it will be: where floats do, they are read faster.
        titles: how a column of labels may be called, of which the first is taken that there is.
        labels: the columns that have the labels, if they are called otherwise.

    Raises:
        Diagnostic: as `read_array`; LW3055 for columns of labels that are not there.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = pathlib.Path(folder.name, "stock.csv")
        >>> _ = file.write_text("id,n\ntea,18446744073709551615\nsoap,2\n")
        >>> stock = read_column(str(file), None, "n", "u64", ["id"])
        >>> stock.values.tolist(), stock.row_labels.tolist()
        ([18446744073709551615, 2], ['tea', 'soap'])
        >>> folder.cleanup()
    """
    names = column_names(path)
    check_columns(path, labels, names)
    free = [title for title in titles if title in names and title not in (column, called)]
    own = tuple(labels) or tuple(free[:1])
    column = _chosen(path, column, called, [name for name in names if name not in own])
    check_columns(path, [column], names)
    values, lines = _values(path, column, dtype)
    many = None if values.ndim != 1 or not own else _labels(path, own)
    if many is not None and len(many) != len(values):  # an archive has arrays of any length
        many = None
    return Column(values, path, column, many, tuple(labels) if many is not None else (), lines)


def _chosen(path: str, column: str | None, called: str, names: Sequence[str]) -> str:
    """The column that is meant."""
    if column is not None or called in names:
        return called if column is None else column
    if len(names) != 1:
        raise Diagnostic(
            MISSING_COLUMN,
            f"{os.fspath(path)} has {len(names)} columns, and none is named or called {called}",
            help=f"name one: {os.fspath(path)}:{names[0] if names else 'column'}",
        )
    return names[0]


def _values(path: str, name: str, dtype: str) -> tuple[Array, Sequence[int] | None]:
    """The values of a column, and the rows in which they are, if those are not counted from 1."""
    ending, lines = data_ending(path), None
    if ending in TEXTS:
        values = _joined(path, _text(path, name, dtype))
    elif ending in TABLES:
        values = _joined(path, _arrow(path, name))
    else:
        arrays, lines = all_arrays(path)
        values = arrays[name]
    no_number = _no_number(values)
    if no_number is not None:
        place, text = no_number
        where = Column(values, path, name, lines=lines).row(place)
        raise bad_cell(path, where, name or "values", text, None)
    return values, lines


def _no_number(values: Array) -> tuple[int, str] | None:
    """The first value that is missing or a text: its place, and the text."""
    if values.dtype.kind == "f":
        missing = np.isnan(values).reshape(-1)
        return (int(np.argmax(missing)), "NaN") if missing.any() else None
    items = values.reshape(-1).tolist() if values.dtype.kind in "OUS" else ()
    for place, item in enumerate(items):
        if item is None or isinstance(item, str | bytes):
            text = item.decode("utf-8", "replace") if isinstance(item, bytes) else item
            return place, text or ""
    return None


def _joined(path: str, parts: Iterator[Array]) -> Array:
    held, size = [], 0
    for part in parts:
        held.append(part)
        size += 2 * part.nbytes
        check_held(path, size)
    return held[0] if len(held) == 1 else np.concatenate(held) if held else np.empty(0, np.int64)


def _text(path: str, name: str, dtype: str) -> Iterator[Array]:
    with opened_text(path) as (file, progress):
        text = csv_of(file, path)
        arrow = arrow_for(progress()[1])
        yield from text.spelt(name, EXACT.get(dtype, 0.0), BLOCK, arrow)


def _arrow(path: str, name: str) -> Iterator[Array]:
    about = Given(f"{path}, column {name!r}", BAD_CELL)
    with arrow_file(path) as table, damage(path):
        for batch in table.batches([name], BLOCK):
            numbers = arrow_numbers(batch.column(name))
            yield as_array(batch.column(name), about) if numbers is None else np.array(numbers)


# Labels -------------------------------------------------------------------------------------------


def _labels(path: str, titles: Sequence[str]) -> Any:
    """The labels in some columns; a `range` where they only count from 0."""
    levels = [labels_in(path, title) for title in titles]
    if len(levels) > 1:
        labels = np.empty(len(levels[0]), object)
        labels[:] = list(zip(*(level.tolist() for level in levels), strict=True))
        return labels
    (own,) = levels
    counts = own.dtype.kind in "iu" and np.array_equal(own, np.arange(len(own)))
    return range(len(own)) if counts else own


def labels_in(path: str, title: str, most: int | None = None) -> Array:
    """The labels in a column of a file: numbers if all are, else what is in the cells.

    Cells of text are numbers only where each is what its number prints as: `7` and `007` differ.
    """
    blocks = list(label_blocks(path, title, BLOCK, most))
    return np.concatenate(blocks) if blocks else np.empty(0)


def label_blocks(path: str, title: str, rows: int, most: int | None = None) -> Iterator[Array]:
    """The same in blocks, whose labels are of one type through the whole file."""
    kind = _kind(path, title, min(rows, 8192), most)
    texts = data_ending(path) in TEXTS
    counted = kind is np.int64 and most is None  # so all cells of the file are
    if kind is not None and (counted or not texts):
        for block in first_rows(iter_columns(path, [title], rows), most):
            yield block[title].astype(kind)
        return
    cells = _cells(path, title, most)
    while some := list(itertools.islice(cells, rows)):
        yield _labelling(some) if kind is None else np.array(list(map(float, some))).astype(kind)


def _labelling(cells: list[Any]) -> Array:
    """Cells as labels: what is empty as in a file of text, and 1 is not the text '1'."""
    cells = ["" if cell is None else cell for cell in cells]
    labels = np.array(cells)
    truth = [isinstance(cell, bool | np.bool_) for cell in cells]
    kinds = {"U": str, "S": bytes, "f": float | np.floating}
    alike = all(isinstance(cell, kinds.get(labels.dtype.kind, object)) for cell in cells)
    if not alike or any(truth) != all(truth):
        labels = np.array(cells, object)
    return labels


def _kind(path: str, title: str, rows: int, most: int | None) -> type[np.generic] | None:
    """The type of labels that are numbers; None for those that stay as they stand in the cells."""
    if data_ending(path) in TEXTS:
        if most is None and _counts(path, title):
            return np.int64
        return _printed(_cells(path, title, most))
    first = itertools.islice(_cells(path, title, most), rows)
    if any(isinstance(cell, bool | np.bool_) for cell in first):  # which are no 0 and 1
        return None
    integral = True
    try:
        for block in first_rows(iter_columns(path, [title], rows), most):
            if (np.abs(block[title]) >= LARGE).any():
                return None
            integral = integral and bool((block[title] == np.floor(block[title])).all())
    except Diagnostic:  # dates, text, or integers that are no floats
        return None
    return np.int64 if integral else np.float64


def _printed(cells: Iterator[str]) -> type[np.generic] | None:
    """The type of the numbers of which every cell is the one text that is printed for it.

    Example:
        >>> [_printed(iter(cells)) for cells in (["7", "10"], ["0.5", "2"])]
        [<class 'numpy.int64'>, <class 'numpy.float64'>]
        >>> [_printed(iter(cells)) for cells in (["7", "07"], ["1e300"], ["2.0", "2"], ["nan"])]
        [None, None, None, None]
    """
    forms = set()
    for cell in cells:
        try:
            number = float(cell)
        except ValueError:
            return None
        integral = number.is_integer() and abs(number) < LARGE
        if integral and cell == str(int(number)):
            forms.add("integer")
        elif cell == repr(number) and math.isfinite(number):
            forms.add("whole" if integral else "fraction")
        else:
            return None
    if {"integer", "whole"} <= forms:
        return None
    return np.int64 if forms == {"integer"} else np.float64


def _counts(path: str, title: str) -> bool:
    with opened_text(path) as (file, _):
        text = csv_of(file, path)
        check_columns(path, [title], text.header)
        return text.counts(title)


def _texts(path: str, title: str, most: int | None) -> Iterator[list[str]]:
    with opened_text(path) as (file, _):
        text = csv_of(file, path)
        check_columns(path, [title], text.header)
        for cells in text.texts(title):
            yield cells if most is None else cells[:most]
            most = None if most is None else most - len(cells)
            if most is not None and most <= 0:
                return


def _cells(path: str, title: str, most: int | None) -> Iterator[Any]:
    if data_ending(path) in TEXTS:
        yield from itertools.chain.from_iterable(_texts(path, title, most))
        return
    for cells in iter_cells(path, lambda _: 4096, most, [title]):
        at = cells.header.index(title)
        yield from (row[at] for row in cells.rows)


def first_rows(blocks: Iterator[Block], most: int | None) -> Iterator[Block]:
    """Blocks up to so many rows together."""
    for block in blocks:
        if most is not None:
            block = {name: column[:most] for name, column in block.items()}
            most -= len(next(iter(block.values())))
        yield block
        if most == 0:
            return
