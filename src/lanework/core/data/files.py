"""Tables of input columns from files, whole or in blocks of rows.

CSV, also with tabs or compressed, .npy, .npz and .json are read without any extra; Parquet and
Arrow with pyarrow, .xlsx with openpyxl. Columns come as float64; columns of labels come as
positions in the list of categories.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import IO

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import BAD_DATA_FILE, MISSING_COLUMN, RAGGED_ROW
from lanework.core.data.arrays import TABLES, all_arrays, arrow_file, column_of
from lanework.core.data.csvfast import Array, Categories, arrow_for
from lanework.core.data.csvtext import CsvText
from lanework.core.data.opening import (
    ENDINGS,
    TEXTS,
    Path_,
    damage,
    data_ending,
    opened_text,
)
from lanework.core.data.standard import SHOWN, STANDARD

__all__ = [
    "BLOCK",
    "ENDINGS",
    "check_columns",
    "column_names",
    "iter_columns",
    "read_array",
    "read_grid",
    "read_columns",
]

BLOCK = 65536
"""Rows in a block: many lanes for the engines, and a few megabytes."""

Block = tuple[dict[str, Array], int, int]


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
    path: Path_, wanted: Sequence[str] | None = None, categories: Categories | None = None
) -> dict[str, Array]:
    """Columns of a file, whole.

    Args:
        path: a file with one of `ENDINGS`. A JSON file holds an object of lists, or a list of
            objects; `BOOK.xlsx#SHEET` is a sheet of a workbook.
        wanted: the columns to read; by default all, and all must then be numbers or have
            categories.
        categories: for columns of labels, the list of labels.

    Returns:
        float64 columns by name, all of one length where the file is a table.

    Raises:
        Diagnostic: LW3051 to LW3056 and LW3020, naming line and column; LW1022.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = pathlib.Path(folder.name, "points.csv")
        >>> _ = file.write_text(chr(10).join(["age,sex", "47,M", "29,F"]))
        >>> read_columns(file, ["sex", "age"], {"sex": ["F", "M"]})
        {'sex': array([1., 0.]), 'age': array([47., 29.])}
        >>> folder.cleanup()
    """
    if wanted is None:
        wanted = column_names(path)
    blocks = list(_blocks(path, wanted, 4 * BLOCK, categories))
    if len(blocks) == 1:
        return blocks[0][0]
    return {name: np.concatenate([np.empty(0), *(b[name] for b, *_ in blocks)]) for name in wanted}


def iter_columns(
    path: Path_,
    wanted: Sequence[str],
    rows_per_block: int = BLOCK,
    categories: Categories | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[dict[str, Array]]:
    """The same columns in blocks of rows, in bounded memory for CSV, Parquet and Arrow.

    Args:
        path: see `read_columns`.
        wanted: the columns to read.
        rows_per_block: rows in every block but the last.
        categories: for columns of labels, the list of labels.
        progress: called after each block with bytes (CSV) or rows read, and their number in all.

    Raises:
        Diagnostic: as `read_columns`.
    """
    for block, done, total in _even(_blocks(path, wanted, rows_per_block, categories),
                                    rows_per_block):  # fmt: skip
        yield block
        if progress is not None:
            progress(done, total)


def _blocks(
    path: Path_, wanted: Sequence[str], rows: int, categories: Categories | None
) -> Iterator[Block]:
    """Blocks of about so many rows, with how much of the file is read and how much there is."""
    categories = {k: v for k, v in (categories or {}).items() if k in wanted}
    ending = data_ending(path)
    wanted = list(dict.fromkeys(wanted))
    reader = _csv if ending in TEXTS else _tables if ending in TABLES else _arrays
    return reader(path, wanted, rows, categories) if wanted else iter(())


def _even(blocks: Iterator[Block], rows: int) -> Iterator[Block]:
    """The same rows in blocks of one size, but for the last."""
    kept: list[dict[str, Array]] = []
    count, done, total = 0, 0, 0
    for block, done, total in blocks:
        length = len(next(iter(block.values())))
        start = 0
        while count + length - start >= rows:
            stop = start + rows - count
            yield _joined([*kept, {n: c[start:stop] for n, c in block.items()}]), done, total
            kept, count, start = [], 0, stop
        if start < length:
            kept.append({name: column[start:] for name, column in block.items()})
            count += length - start
    if kept:
        yield _joined(kept), done, total


def _joined(blocks: list[dict[str, Array]]) -> dict[str, Array]:
    if len(blocks) == 1:
        return blocks[0]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def csv_of(file: IO[bytes], path: Path_, named: bool = True) -> CsvText:
    """The text of an open CSV file, past its header if it has one.

    Raises:
        Diagnostic: LW3052.
    """
    tabs = "\t" if data_ending(path).startswith(".tsv") else None
    return CsvText.start(file, SHOWN if path == STANDARD else os.fspath(path), tabs, named)


def _csv(path: Path_, wanted: Sequence[str], rows: int, categories: Categories) -> Iterator[Block]:
    with opened_text(path) as (file, progress):
        text = csv_of(file, path)
        check_columns(path, wanted, text.header)
        arrow = arrow_for(progress()[1])
        for block in text.blocks(wanted, categories, rows, arrow):
            yield block, *progress()


def _tables(
    path: Path_, wanted: Sequence[str], rows: int, categories: Categories
) -> Iterator[Block]:
    with arrow_file(path) as table, damage(path):
        check_columns(path, wanted, table.names)
        done = 0
        for batch in table.batches(wanted, rows):
            block, lines = {}, range(done + 1, done + 1 + batch.num_rows)
            for name in wanted:
                values = np.asarray(batch.column(name).to_numpy(zero_copy_only=False))
                block[name] = column_of(path, name, values, lines, categories.get(name))
            done += batch.num_rows
            yield block, done, max(table.rows, done)


def _arrays(
    path: Path_, wanted: Sequence[str], rows: int, categories: Categories
) -> Iterator[Block]:
    arrays, lines = all_arrays(path)
    check_columns(path, wanted, list(arrays))
    columns = {
        name: column_of(path, name, arrays[name], lines, categories.get(name)) for name in wanted
    }
    total = length_of(path, columns)
    for start in range(0, total, rows):
        stop = min(start + rows, total)
        yield {name: column[start:stop] for name, column in columns.items()}, stop, total


def length_of(path: Path_, columns: dict[str, Array]) -> int:
    """How many rows columns have.

    Raises:
        Diagnostic: LW3052 for what is no column, LW3054 for columns of several lengths.
    """
    flat = next((name for name, column in columns.items() if column.ndim != 1), None)
    if flat is not None:
        raise Diagnostic(
            BAD_DATA_FILE,
            f"{os.fspath(path)}: {flat or 'the array'!r} has {columns[flat].ndim} dimensions, and"
            " a column has one",
            help="give such an array to its input by itself",
        )
    sizes = {name: len(column) for name, column in columns.items()}
    total = max(sizes.values(), default=0)
    short = next((name for name, size in sizes.items() if size != total), None)
    if short is not None:
        raise Diagnostic(
            RAGGED_ROW,
            f"{os.fspath(path)}: column {short!r} has {sizes[short]} rows and another {total}",
            help="give every column as many rows",
        )
    return total


def read_grid(path: Path_) -> Array:
    """The numbers of CSV text without a header, of shape (rows, columns).

    Args:
        path: a .csv or .tsv file, also compressed. What separates its cells is seen in its first
            line, as that of a header is.

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
    with opened_text(path) as (file, progress):
        text = csv_of(file, path, named=False)
        blocks = list(text.blocks(text.header, {}, BLOCK, arrow_for(progress()[1])))
    return np.concatenate([np.column_stack([block[n] for n in text.header]) for block in blocks])


def check_columns(path: Path_, wanted: Sequence[str], header: Sequence[str]) -> None:
    """Refuse a table that lacks a column.

    Raises:
        Diagnostic: LW3055, with a suggestion.
    """
    for name in wanted:
        if name not in header:
            shown = ", ".join(header[:12]) + (", ..." if len(header) > 12 else "")
            raise Diagnostic(
                MISSING_COLUMN,
                f"{os.fspath(path)} has no column {name!r}",
                help=did_you_mean(name, header) or f"its columns are {shown}",
            )


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
