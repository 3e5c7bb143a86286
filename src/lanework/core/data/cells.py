"""Tables of any kind of file cell by cell, for those who look at each cell: tables, evidence."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.codes import MEMORY_CAP
from lanework.base.errors import Code, Diagnostic
from lanework.core.data.arrays import TABLES, all_arrays, arrow_file, column_of
from lanework.core.data.blocks import check_columns, csv_of, length_of
from lanework.core.data.csvtext import bad_cell, number_in
from lanework.core.data.holding import CELL, check_held
from lanework.core.data.opening import TEXTS, Path_, damage, data_ending, opened_text
from lanework.core.data.sheets import sheet_rows
from lanework.core.data.spelling import MISSING_TEXT


@dataclass(frozen=True)
class Cells:
    """The cells of a table, as they stand in the file.

    Attributes:
        header: the names of the columns.
        rows: for each row its cells: text without spaces around it from CSV, values from others,
            None where a typed file has nothing.
        lines: where each row stands: the line of a text, the row of a sheet, else 1, 2, ...
        unit: what `lines` count: ``line`` or ``row``.
        semicolons: whether semicolons separate the cells of a text.
    """

    header: list[str]
    rows: list[list[Any]]
    lines: Sequence[int]
    unit: str
    semicolons: bool = False

    def columns(self) -> dict[str, list[Any]]:
        """The cells by the names of their columns."""
        return {name: [row[n] for row in self.rows] for n, name in enumerate(self.header)}


def read_cells(path: Path_, most: int | None = None, wanted: Sequence[str] | None = None) -> Cells:
    r"""The cells of a table of any kind, for those who look at each of them.

    Args:
        path: see `read_columns`.
        most: at most so many rows.
        wanted: the columns to keep; by default all.

    Raises:
        Diagnostic: LW3051, LW3052, LW3054 to LW3056; LW1022.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = pathlib.Path(folder.name, "rows.tsv")
        >>> _ = file.write_text("smoke\tlung\nyes\t\n")
        >>> read_cells(file).columns()
        {'smoke': ['yes'], 'lung': ['']}
        >>> folder.cleanup()
    """
    with _numbered(path) as (header, rows, unit, semicolons):
        if wanted is not None:
            check_columns(path, wanted, header)
        where = [header.index(name) for name in (header if wanted is None else wanted)]
        pairs = []
        for line, row in itertools.islice(rows, most):
            pairs.append((line, row if wanted is None else [row[n] for n in where]))
            if len(pairs) % 4096 == 0:
                check_held(path, CELL * len(pairs) * (len(where) + 3))
    names = [header[n] for n in where]
    return Cells(names, [row for _, row in pairs], [line for line, _ in pairs], unit, semicolons)


def iter_cells(
    path: Path_,
    size: Callable[[list[str]], int],
    most: int | None = None,
    wanted: Sequence[str] | None = None,
) -> Iterator[Cells]:
    """The same in blocks of rows; texts and Arrow are read as the blocks are asked for.

    Args:
        path: see `read_columns`.
        size: how many rows a block has, from the names of the columns.
        most: at most so many rows in all.
        wanted: the columns that are looked at: others may be left out where that saves work.

    Returns:
        Blocks, at least one.

    Raises:
        Diagnostic: as for `read_cells`.
    """
    with _numbered(path, wanted) as (header, rows, unit, semicolons):
        step, rows = size(header), itertools.islice(rows, most)
        pairs = list(itertools.islice(rows, step))
        while True:
            yield Cells(
                header, [row for _, row in pairs], [line for line, _ in pairs], unit, semicolons
            )
            pairs = list(itertools.islice(rows, step))
            if not pairs:
                return


def numbers_with_gaps(
    path: Path_, title: str, categories: Sequence[str] | None = None
) -> npt.NDArray[np.float64]:
    """A column of numbers, or of labels, in which cells may be missing: these are NaN.

    Raises:
        Diagnostic: as for `read_cells`; LW3053 for what is no number, LW3020 for what is no label.
    """
    cells = read_cells(path, wanted=[title])
    texts = data_ending(path) in TEXTS
    values: list[Any] = []
    gaps: list[int] = []
    for (cell,), line in zip(cells.rows, cells.lines, strict=True):
        if cell is None or cell != cell or str(cell).strip().lower() in MISSING_TEXT:
            gaps.append(len(values))
            cell = categories[0] if categories else 0.0
        elif texts and not categories:
            number = number_in(cell)
            if number is None:
                place, marks = f"line {line}", cells.semicolons
                raise bad_cell(os.fspath(path), place, title, cell, None, semicolons=marks)
            cell = number
        values.append(cell)
    array = np.empty(len(values), object)
    array[:] = values
    out = column_of(path, title, array, cells.lines, categories)
    out[gaps] = math.nan
    return out


@contextmanager
def _numbered(
    path: Path_, wanted: Sequence[str] | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[int, list[Any]]], str, bool]]:
    """The header of a table, its rows with their numbers, what is numbered, if by semicolons."""
    ending = data_ending(path)
    if ending in TEXTS:
        with opened_text(path) as (file, _):
            text = csv_of(file, path)
            yield text.header, text.cells(), "line", text.separator == ";"
    elif ending == ".xlsx":
        header, rows = sheet_rows(path)
        yield header, iter(rows), "row", False
    elif ending in TABLES:
        with arrow_file(path) as table, damage(path):
            names = [name for name in table.names if wanted is None or name in wanted]
            batches = (b.select(names) for b in table.batches(names, rows=4096))
            wide = (zip(*(c.to_pylist() for c in b.columns), strict=True) for b in batches)
            yield names, enumerate(map(list, itertools.chain.from_iterable(wide)), 1), "row", False
    else:
        arrays, _ = all_arrays(path)
        length_of(path, arrays)
        every = zip(*(array.tolist() for array in arrays.values()), strict=True)
        yield list(arrays), enumerate(map(list, every), 1), "row", False


@contextmanager
def told_as(
    code: Code, before: str = "", others: Mapping[Code, Code] | None = None
) -> Iterator[None]:
    """What is wrong with a file, by the code of what the file was read for.

    Args:
        code: that code.
        before: what messages begin with.
        others: codes instead of it, for some of the codes of files.
    """
    try:
        yield
    except Diagnostic as error:
        if error.code is MEMORY_CAP:
            raise
        raise Diagnostic(
            (others or {}).get(error.code, code),
            before + error.message,
            span=error.span,
            help=error.help,
            notes=error.notes,
        ) from None
