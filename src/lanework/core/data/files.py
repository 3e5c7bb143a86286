"""Tables of input columns from files, whole or in blocks of rows.

CSV, also with tabs or compressed, .npy, .npz and .json are read without any extra; Parquet and
Arrow with pyarrow, .xlsx with openpyxl. Columns come as float64; columns of labels come as
positions in the list of categories.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.codes import BAD_DATA_FILE, BAD_OPTION, MISSING_COLUMN, RAGGED_ROW
from lanework.core.data.arrays import TABLES, all_arrays, arrow_file, column_of
from lanework.core.data.blocks import check_columns, csv_of, even_blocks, file_blocks
from lanework.core.data.csvfast import Array, Categories, arrow_for
from lanework.core.data.csvheader import line_span
from lanework.core.data.csvtext import bad_cell, number_in, number_of
from lanework.core.data.holding import CELL, check_held, reading
from lanework.core.data.opening import (
    ENDINGS,
    TEXTS,
    Path_,
    data_ending,
    ending_of,
    opened,
    opened_text,
)
from lanework.core.options import callback, integer, limits_of
from lanework.core.runner import check_deadline
from lanework.core.waiting import waited, within

__all__ = [
    "BLOCK",
    "ENDINGS",
    "column_names",
    "iter_columns",
    "read_array",
    "read_grid",
    "read_columns",
]

SLOW = "raise the deadline, or read fewer columns"
GAPS = 2.0**24
"""From here on single precision has no room for every whole number."""
_CELL = re.compile(rb"\S+")
BLOCK = 65536
"""Rows in a block: many lanes for the engines, and a few megabytes."""


def column_names(path: Path_) -> list[str]:
    """The names of a file's columns; "" for the one array of a `.npy` file.

    Raises:
        Diagnostic: LW3051, LW3052, LW3056, LW1022 for a missing extra.
    """
    ending = data_ending(path)
    if ending in TEXTS:
        with opened_text(path) as (file, _):
            return csv_of(file, path).header
    if ending in TABLES:
        with arrow_file(path) as table:
            return table.names
    return list(all_arrays(path)[0])


def read_columns(
    path: Path_,
    wanted: Sequence[str] | None = None,
    categories: Categories | None = None,
    *,
    limits: Limits | None = None,
) -> dict[str, Array]:
    """Columns of a file, whole.

    Args:
        path: a file with one of `ENDINGS`. A JSON file holds an object of lists, or a list of
            objects; `BOOK.xlsx#SHEET` is a sheet of a workbook.
        wanted: the columns to read, or one; by default all, and all must then be numbers or have
            categories; of `.npz` all but text and dates, which are labels beside results.
        categories: for columns of labels, the list of labels.
        limits: the memory that reading may take, and the deadline of it.

    Returns:
        float64 columns by name, all of one length where the file is a table.

    Raises:
        Diagnostic: LW3051 to LW3056 and LW3020, naming line and column; LW1022; LW0101 for what
            does not fit.
        Trap: LW2001 at the deadline.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = pathlib.Path(folder.name, "points.csv")
        >>> _ = file.write_text(chr(10).join(["age,sex", "47,M", "29,F"]))
        >>> read_columns(file, ["sex", "age"], {"sex": ["F", "M"]})
        {'sex': array([1., 0.]), 'age': array([47., 29.])}
        >>> folder.cleanup()
    """
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if categories is not None and not isinstance(categories, Mapping):
        what = f"categories are a {type(categories).__name__}"
        help = 'give the lists of labels by column: categories={"sex": ["F", "M"]}'
        raise Diagnostic(BAD_OPTION, what, help=help)
    with reading(limits):
        return within(limits, partial(_columns, path, wanted, categories), SLOW)


def _columns(
    path: Path_, wanted: Sequence[str] | None, categories: Categories | None
) -> dict[str, Array]:
    if wanted is None:
        wanted = _numeric(path) if data_ending(path) == ".npz" else column_names(path)
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    read = (block for block, *_ in file_blocks(path, wanted, 4 * BLOCK, categories))
    blocks = list(_held(path, read))
    if len(blocks) == 1:
        return blocks[0]
    return {name: np.concatenate([np.empty(0), *(b[name] for b in blocks)]) for name in wanted}


def _numeric(path: Path_) -> list[str]:
    """The arrays of an .npz file that are no labels, if any are: results have these beside them."""
    arrays, _ = all_arrays(path)
    return [name for name, array in arrays.items() if array.dtype.kind not in "USMm"] or [*arrays]


def _held(path: Path_, blocks: Iterator[dict[str, Array]]) -> Iterator[dict[str, Array]]:
    """The blocks, all of which will be held, and then be put together."""
    size = 0
    for block in blocks:
        size += 2 * sum(column.nbytes for column in block.values())
        check_held(path, size)
        yield block


def iter_columns(
    path: Path_,
    wanted: Sequence[str],
    rows_per_block: int = BLOCK,
    categories: Categories | None = None,
    progress: Callable[[int, int], None] | None = None,
    limits: Limits | None = None,
) -> Iterator[dict[str, Array]]:
    """The same columns in blocks of rows, in bounded memory for CSV, Parquet and Arrow.

    Args:
        path: see `read_columns`.
        wanted: the columns to read.
        rows_per_block: rows in every block but the last.
        categories: for columns of labels, the list of labels.
        progress: called after each block with bytes (CSV) or rows read, and their number in all.
        limits: as for `read_columns`; the deadline counts from the first block.

    Raises:
        Diagnostic: as `read_columns`.
        Trap: LW2001.
    """
    rows_per_block = integer("rows_per_block", rows_per_block, 1)
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    progress = callback("progress", progress)
    until = None if limits is None else limits_of(limits).until()
    blocks = even_blocks(file_blocks(path, wanted, rows_per_block, categories), rows_per_block)

    def following() -> tuple[dict[str, Array] | None, int, int]:
        with reading(limits):
            return next(blocks, (None, 0, 0))

    while True:  # what is read at once, such as a sheet, looks at no clock
        block, done, total = (
            following() if until is None else waited(following, until, SLOW, stops=True)
        )
        check_deadline(until, SLOW, "reading was stopped at its deadline")
        if block is None:
            return
        yield block
        if progress is not None:
            progress(done, total)


def read_grid(path: Path_) -> Array:
    """The numbers of text without a header, of shape (rows, columns).

    They are float64, or objects where some are as large as single precision has gaps: whole numbers
    are whole among these.

    Args:
        path: a .csv or .tsv file, also compressed, of which what separates cells is seen in the
            first line, as that of a header is. Any other is text with spaces between numbers, and
            remarks after ``#``.

    Raises:
        Diagnostic: LW3051 to LW3054, with line and column.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = pathlib.Path(folder.name, "grid.csv")
        >>> _ = file.write_text(chr(10).join(["1,2,3", "4,5,6"]))
        >>> read_grid(file).tolist()
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        >>> folder.cleanup()
    """
    if ending_of(path) not in TEXTS:
        return _spaced(path)
    with opened_text(path) as (file, progress):
        text = csv_of(file, path, named=False)
        arrow = arrow_for(progress()[1])
        blocks = list(_held(path, text.blocks(text.header, {}, BLOCK, arrow)))
    grid = np.concatenate([np.column_stack([block[n] for n in text.header]) for block in blocks])
    if (np.abs(grid) < GAPS).all():
        return grid
    with opened_text(path) as (file, _):
        cells = csv_of(file, path, named=False).cells()
        return np.array([[number_of(cell) for cell in row] for _, row in cells], object)


def _spaced(path: Path_) -> Array:
    """The numbers of text with spaces between them."""
    blocks, rows, wide, size = list[Array](), list[list[float]](), 0, 0
    with opened(path) as file:
        for line, raw in enumerate(file, 1):
            check_held(path, size + 40 * len(rows) * wide + CELL * len(raw) // 4)
            cells = _cells(raw.partition(b"#")[0])
            if not cells:
                continue
            wide = wide or len(cells)
            if len(cells) != wide:
                raise Diagnostic(
                    RAGGED_ROW,
                    f"{os.fspath(path)}, line {line}: the row has {len(cells)} numbers, and the"
                    f" first {wide}",
                    help="give every row as many",
                )
            rows.append([_number(path, line, n, cell) for n, cell in enumerate(cells, 1)])
            if len(rows) * wide >= BLOCK:
                blocks.append(_grid(rows))
                size, rows = size + 2 * blocks[-1].nbytes, []
    if rows:
        blocks.append(_grid(rows))
    if not blocks:
        raise Diagnostic(BAD_DATA_FILE, f"{os.fspath(path)} is empty", help="give it numbers")
    return np.concatenate(blocks)


def _cells(line: bytes) -> list[bytes]:
    """The cells of a line; of a long one one by one, since `split` looks at no clock."""
    return line.split() if len(line) < BLOCK else [match[0] for match in _CELL.finditer(line)]


def _grid(rows: list[list[float]]) -> Array:
    """Rows as floats, and as they are where some are so large that floats may not have them."""
    large = any(abs(number) >= GAPS for row in rows for number in row)
    return np.array(rows, object if large else np.float64)


def _number(path: Path_, line: int, column: int, cell: bytes) -> float:
    text = cell.decode("utf-8", "replace")
    number = number_in(text)
    if number is None or abs(number) >= GAPS:
        number = number_of(text)
    if number is None:
        place, span = f"line {line}", line_span(os.fspath(path), line)
        raise bad_cell(os.fspath(path), place, str(column), text, None, span)
    return number


def read_array(
    path: Path_,
    column: str | None = None,
    categories: Sequence[str] | None = None,
    called: str = "",
) -> Array:
    """One array of numbers from a file, of any shape for .npy, .npz and .json.

    Args:
        path: see `read_columns`.
        column: which one, where the file holds several.
        categories: for labels, the list of labels.
        called: what it is for: the column of that name, where none is named.

    Raises:
        Diagnostic: as `read_columns`; LW3055 when it is not clear which column is meant.
    """
    names = column_names(path)
    column = called if column is None and called in names else column
    if column is None:
        if len(names) != 1:
            raise Diagnostic(
                MISSING_COLUMN,
                f"{os.fspath(path)} has {len(names)} columns, and none is named"
                + (f" or called {called}" if called else ""),
                help=f"name one: {os.fspath(path)}:{names[0] if names else 'column'}",
            )
        column = names[0]
    if data_ending(path) in (".npy", ".npz", ".json"):
        check_columns(path, [column], names)
        arrays, lines = all_arrays(path)
        return column_of(path, column, arrays[column], lines, categories)
    labels = {} if categories is None else {column: categories}
    return read_columns(path, [column], labels)[column]
