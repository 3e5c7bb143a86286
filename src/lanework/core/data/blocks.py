"""Columns of a file block by block, each kind by a reader of its own.

Blocks come with how much of the file is read, and how much there is: bytes of CSV, else rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core import options
from lanework.core.codes import BAD_DATA_FILE, MISSING_COLUMN, RAGGED_ROW
from lanework.core.data.arrays import TABLES, all_arrays, arrow_file, arrow_values, column_of
from lanework.core.data.csvfast import Array, Categories, arrow_for
from lanework.core.data.csvtext import CsvText
from lanework.core.data.opening import TEXTS, Path_, damage, data_ending, opened_text
from lanework.core.data.standard import SHOWN, STANDARD

Block = tuple[dict[str, Array], int, int]


def file_blocks(
    path: Path_, wanted: Sequence[str], rows: int, categories: Categories | None
) -> Iterator[Block]:
    """Blocks of about so many rows, with how much of the file is read and how much there is."""
    wanted = list(dict.fromkeys(options.names("wanted", wanted)))
    categories = {
        name: options.categories(f"the categories of column {name!r}", labels)
        for name, labels in (categories or {}).items()
        if name in wanted
    }
    ending = data_ending(path)
    reader = _csv if ending in TEXTS else _tables if ending in TABLES else _arrays
    return reader(path, wanted, rows, categories) if wanted else iter(())


def even_blocks(blocks: Iterator[Block], rows: int) -> Iterator[Block]:
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
                values = arrow_values(batch.column(name))
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


def check_columns(path: Path_, wanted: Sequence[str], header: Sequence[str]) -> None:
    """Refuse a table that lacks a column.

    Raises:
        Diagnostic: LW3055, with a suggestion.
    """
    for name in wanted:
        if name not in header:
            shown = ", ".join(filter(None, header[:12])) + (", ..." if len(header) > 12 else "")
            there = f"its columns are {shown}" if shown else "nothing in it has a name"
            raise Diagnostic(
                MISSING_COLUMN,
                f"{os.fspath(path)} has no column {name!r}",
                help=did_you_mean(name, header) or there,
            )
