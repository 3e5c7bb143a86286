"""Rows of cells for tables: from files, DataFrames and dicts."""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import NO_DATA_FILE
from lanework.core.data.cells import read_cells, told_as
from lanework.core.data.csvtext import number_in
from lanework.core.data.labels import align, labels_of_index
from lanework.core.data.libraries import offers
from lanework.core.data.spelling import text_advice
from lanework.core.data.tables import is_table, table_of
from lanework.core.data.values import Given, as_array
from lanework.machines.series.codes import BAD_TABLE, NO_FILE

Floats = npt.NDArray[np.float64]


@dataclass
class Rows:
    """A header and rows of cells, whatever they came from.

    Attributes:
        table: the table that is made of them.
        source: what they came from, for messages.
        header: the titles of the columns.
        rows: cells, text or values.
        lines: the line of each row, where they came from a file.
        unit: what lines are called: those of other files than text are rows.
        keys: the columns that are keys by default; the first where none are said.
    """

    table: str
    source: str
    header: list[str]
    rows: list[list[Any]]
    lines: list[int] | None = None
    unit: str = "line"
    keys: tuple[str, ...] = ()

    def where(self, row: int) -> str:
        """How a message names a row."""
        if self.lines is not None:
            return f"{self.unit} {self.lines[row]} of {self.source}"
        return f"row {row + 1}"

    @property
    def of_text(self) -> bool:
        """Whether the cells are those of a text file."""
        return self.lines is not None and self.unit == "line"

    def number(self, cell: Any) -> float | None:
        """A cell's number, NaN where nothing is, None for text.

        The cells of text files are text, so those that spell numbers are numbers; elsewhere text
        is text.
        """
        text = isinstance(cell, str) and not self.of_text and bool(cell.strip())
        return None if text else read_number(cell)

    def fail(self, message: str, row: int | None = None, help: str | None = None) -> NoReturn:
        """Refuse the table, for one of its rows.

        Raises:
            Diagnostic: LW3018.
        """
        place = "" if row is None else f", {self.where(row)}"
        raise Diagnostic(BAD_TABLE, f"table `{self.table}`{place}: {message}", help=help)

    def check_names(self, what: str, cells: Sequence[Any], known: Sequence[float | None]) -> None:
        """Refuse cells that are no number, and no name either: complex, bytes, lists, any object.

        Raises:
            Diagnostic: LW3018.
        """
        for row, (cell, number) in enumerate(zip(cells, known, strict=True)):
            if number is None and _is_no_name(cell):
                shown = repr(cell) if len(repr(cell)) < 40 else f"a {type(cell).__name__}"
                pair = isinstance(cell, tuple) and what.startswith("key")
                help = (
                    "name both keys: keys=('age', 'sex')" if pair else "give real numbers, or texts"
                )
                self.fail(f"{what} holds {shown}, which is no number and no name", row, help)

    def check_slopes(self, title: str, knots: Floats, cells: Floats) -> None:
        """Refuse values between which there is no line: steps or slopes that no float is.

        Raises:
            Diagnostic: LW3018.
        """
        with np.errstate(all="ignore"):
            wide = np.diff(knots)
            finite = np.isfinite(wide) & np.isfinite(np.diff(cells) / wide)
        if not finite.all():
            n = int(np.argmin(finite))
            ends = " and ".join(f"{cells[k]:g} at {knots[k]:g}" for k in (n, n + 1))
            help = "the step between them or its slope is beyond 1.8e308: give smaller numbers"
            self.fail(f"column `{title}` cannot be interpolated between {ends}", help=help)

    def check_shape(self) -> None:
        """Refuse a title that is there twice, no rows, and rows of other lengths."""
        twice = next((t for i, t in enumerate(self.header) if t in self.header[:i]), None)
        if twice is not None:
            self.fail(f"its header names `{twice}` twice")
        if not self.rows:
            self.fail("it has a header and no rows")
        for index, row in enumerate(self.rows):
            if len(row) != len(self.header):
                self.fail(
                    f"the row has {len(row)} cells and the header {len(self.header)}",
                    index,
                    help="every row needs as many cells as the header has names",
                )


def read_file(path: str | os.PathLike[str], table: str) -> Rows:
    """The rows of a file: .csv, .xlsx, .parquet or another that `read_columns` reads.

    Raises:
        Diagnostic: LW3025 when it cannot be opened, LW3018 for rows of different lengths, an
            empty file, or text that is not UTF-8.
    """
    with told_as(BAD_TABLE, f"table `{table}`: ", {NO_DATA_FILE: NO_FILE}):
        cells = read_cells(path)
    kept = [n for n, row in enumerate(cells.rows) if any(cell not in (None, "") for cell in row)]
    rows, lines = [cells.rows[n] for n in kept], [cells.lines[n] for n in kept]
    return Rows(table, Path(path).name, cells.header, rows, lines, cells.unit)


def read_rows(name: str, data: Any, keys: str | Sequence[str] | None) -> Rows:
    """The rows of a file, a DataFrame, a dict of columns or a dict from key to value.

    Raises:
        Diagnostic: LW3018 for what is none of these, and as `read_file`.
    """
    if isinstance(data, (str, os.PathLike)):
        return read_file(data, name)
    if hasattr(data, "to_frame") and hasattr(getattr(data, "index", None), "nlevels"):
        data = data.to_frame(data.name if isinstance(data.name, str) else "value")
    if hasattr(data, "itertuples") and hasattr(data, "columns"):
        return _pandas(name, data, keys)
    if isinstance(data, Mapping):
        data = {
            key: as_array(x, Given(f"table `{name}`, {key!r}", BAD_TABLE)).tolist()
            if offers(x, "to_pylist") or isinstance(x, np.ma.MaskedArray)
            else x
            for key, x in data.items()
        }
        values = list(data.values())
        if values and all(_is_column(value) for value in values):
            return _columns(name, "the dict", dict(data))
        return _keyed(name, "the dict", dict(data), keys)
    if isinstance(data, np.ndarray) and data.dtype.names is None and data.ndim in (1, 2):
        cells = np.ndenumerate(as_array(data, Given(f"table `{name}`", BAD_TABLE)))
        flat = {at if len(at) > 1 else at[0]: cell for at, cell in cells}
        return _keyed(name, "the array", flat, keys or ("key", "key2")[: data.ndim])
    if is_table(data):
        table = table_of(data, Given(f"table `{name}`", BAD_TABLE))
        return _columns(name, "the table", {x: as_array(table[x], Given(x, BAD_TABLE)).tolist()
                                            for x in table})  # fmt: skip
    raise Diagnostic(
        BAD_TABLE,
        f"table `{name}`: it cannot be made of a value of type {type(data).__name__}",
        help="give the path of a file, a DataFrame, a dict of columns, or {key: value}",
    )


def _keyed(name: str, source: str, cells: dict[Any, Any], keys: str | Sequence[str] | None) -> Rows:
    """The rows of values by key, which is a pair where two keys are named."""
    named = (keys,) if isinstance(keys, str) else tuple(keys or ("key",))
    rows = Rows(name, source, [*named, "value"], [], keys=named)
    for key, value in cells.items():
        level = key if isinstance(key, tuple) and len(named) > 1 else (key,)
        if len(level) != len(named):
            what = f"the key {key!r} is no pair" if len(named) == 2 else f"{key!r} is one key"
            rows.fail(
                f"{what}, and the names of {len(named)} are given ({', '.join(named)})",
                len(rows.rows),
                help='write {(40, "F"): 0.1, (40, "M"): 0.2}, and keys=("age", "sex")',
            )
        rows.rows.append([*level, value])
    return rows


def _pandas(name: str, frame: Any, keys: str | Sequence[str] | None) -> Rows:
    """The rows of a DataFrame, its index among the columns where it says more than 0, 1, 2..."""
    rows = Rows(name, "the DataFrame", [str(column) for column in frame.columns], [])
    if not rows.header:
        rows.fail("it has no columns", help="give a column for the keys, and one for the values")
    titles = [title for title in frame.index.names if title is not None]
    plain = isinstance(labels_of_index(frame.index), range) and not titles
    wanted = {keys} if isinstance(keys, str) else set(keys or ())
    named = [keys] if isinstance(keys, str) else [*(keys or ())]
    levels = frame.index.nlevels > 1 and not titles and not wanted & set(rows.header)
    if levels and len(named) == frame.index.nlevels:
        frame, titles = frame.rename_axis(named), named
    if not plain and not titles and not wanted & set(rows.header):
        rows.fail(
            "its index has no name, and no keys are named",
            help="name the index (frame.rename_axis('age')), or drop it and say keys=...",
        )
    if titles and not set(titles) & set(rows.header):
        frame = frame.reset_index()
        rows.keys = tuple(map(str, titles))
        rows.header = [str(column) for column in frame.columns]
    rows.rows = [list(row) for row in frame.itertuples(index=False, name=None)]
    return rows


def _columns(name: str, source: str, columns: dict[Any, Any]) -> Rows:
    """The rows of columns by name; Series among them go by their labels."""
    rows = Rows(name, source, [str(title) for title in columns], [])
    if len({len(column) for column in columns.values()}) > 1:
        rows.fail("its columns differ in length")
    wanted: Any = None
    for title, column in columns.items():
        if hasattr(getattr(column, "index", None), "nlevels"):
            labels = labels_of_index(column.index)
            wanted = labels if wanted is None else wanted
            order = align(labels, wanted, "row", Given(f"table `{name}`, column {title!r}",
                          BAD_TABLE))  # fmt: skip
            columns[title] = column if order is None else column.iloc[order]
    rows.rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return rows


def _is_column(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__") and hasattr(value, "__iter__")


def read_number(cell: Any) -> float | None:
    """A cell's number, NaN for an empty one, None for text and what a float would round."""
    if isinstance(cell, str):
        text = cell.strip()
        return number_in(text) if text else math.nan
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return math.nan
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    cell = int(cell) if isinstance(cell, numbers.Integral) else cell  # NumPy's compares as a float
    rounded = (number.is_integer() or math.isinf(number)) and number != cell
    return None if rounded else number


def _is_no_name(cell: Any) -> bool:
    """Whether a cell that is no number is nothing either whose text would name it."""
    kind: Any = type(cell)
    if isinstance(cell, numbers.Complex) and not isinstance(cell, numbers.Real):
        return True
    bare = kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__
    return bare or (isinstance(cell, Collection) and not isinstance(cell, str))


def text_of(cell: Any) -> str:
    """A cell as text."""
    try:
        return str(cell).strip()
    except ValueError:  # an int of more digits than Python prints
        return "9" * 4300


def quoted(text: str) -> str:
    """A cell's text in a message."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def advice_for(text: str) -> str:
    """What to write for the text of a cell that is no number, or none that a float is."""
    if re.fullmatch(r"[+-]?\d+", text) and abs(int(text[:400])) > 2**53:
        return "no float is this number: write one below 2**53; a key may be a name such as 'A123'"
    return text_advice(text)
