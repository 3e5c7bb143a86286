"""Sheets of .xlsx files: the first row that is not empty names the columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import BAD_DATA_FILE, RAGGED_ROW
from lanework.core.data.csvheader import check_header
from lanework.core.data.holding import SHEET, check_packed
from lanework.core.data.opening import Path_, damage, opened, sheet_of
from lanework.core.result.frames import need
from lanework.core.result.tablefile import unescaped

LARGEST = 2**30
"""Bytes that a workbook may unpack to."""


def sheet_columns(path: Path_) -> tuple[dict[str, npt.NDArray[np.object_]], list[int]]:
    """The columns of a sheet, values as they are, None where a cell is empty; and their rows.

    Args:
        path: `BOOK.xlsx`, of a book with one sheet that is not empty, or `BOOK.xlsx#SHEET`.

    Raises:
        Diagnostic: LW1022 without openpyxl; LW3051; LW3052 for a damaged book, several sheets
            of which none is named, a sheet that is not there, columns of one name; LW3054 for a
            cell beside the columns.
    """
    header, rows = sheet_rows(path)
    columns: list[list[Any]] = [[] for _ in header]
    for _, row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    out = {}
    for name, column in zip(header, columns, strict=True):
        out[name] = np.empty(len(column), object)
        out[name][:] = column
    return out, [number for number, _ in rows]


def sheet_rows(path: Path_) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    """The header of a sheet and its rows that are not empty, with their numbers in the sheet.

    Raises:
        Diagnostic: as `sheet_columns`.
    """
    shown, name = os.fspath(path), sheet_of(path)[1]
    with _book(path, read_only=True) as load:
        book = load(data_only=True)
        if name is not None and name not in book.sheetnames:
            raise Diagnostic(
                BAD_DATA_FILE,
                f"{shown}: there is no sheet {name!r}",
                help=did_you_mean(name, book.sheetnames)
                or f"its sheets are {', '.join(book.sheetnames)}",
            )
        full = [sheet for sheet in book.worksheets if name in (None, sheet.title) and _first(sheet)]
        if len(full) != 1:
            titles = [sheet.title for sheet in full]
            which = f"{sheet_of(path)[0]}#{titles[0]}" if titles else ""
            raise Diagnostic(
                BAD_DATA_FILE,
                f"{shown} has {len(full)} sheets with cells" if full else f"{shown} is empty",
                help=f"name one: {which}" if full else "it needs a header line",
            )
        _check_saved(shown, full[0], load)
        return _table(shown, list(_filled(full[0])))


@contextmanager
def _book(path: Path_, *, read_only: bool) -> Iterator[Any]:
    """What loads a workbook, `data_only` with the values that its formulas had when saved.

    Raises:
        Diagnostic: LW1022, LW3051, LW3052.
    """
    openpyxl = need("openpyxl", "reading .xlsx")
    with opened(path) as file, damage(path):
        if check_packed(path, file, SHEET) > LARGEST:
            raise Diagnostic(
                BAD_DATA_FILE,
                f"{os.fspath(path)} unpacks to more than {LARGEST >> 30} GiB",
                help="save the table as .csv or .parquet",
            )
        yield partial(openpyxl.load_workbook, file, read_only=read_only)


@dataclass(frozen=True)
class Named:
    """Cells that have a name in a workbook.

    Attributes:
        place: the file, and where in it they are.
        values: what is in them, of shape (rows, columns); None where a cell is empty.
    """

    place: str
    values: npt.NDArray[np.object_]


def named_cells(path: Path_) -> dict[str, Named]:
    """The named cells of a workbook, but for names of several areas, constants and formulas.

    Raises:
        Diagnostic: as `sheet_columns`.
    """
    out = {}
    with _book(path, read_only=False) as load:
        book = load(data_only=True)
        for name, defined in book.defined_names.items():
            areas = list(defined.destinations) if defined.type == "RANGE" else []
            if len(areas) != 1 or areas[0][0] not in book.sheetnames:
                continue
            sheet, area = areas[0]
            cells = book[sheet][area.replace("$", "")]
            rows = cells if isinstance(cells, tuple) else ((cells,),)
            rows = rows if isinstance(rows[0], tuple) else (rows,)
            values = np.empty((len(rows), len(rows[0])), object)
            for n, row in enumerate(rows):
                for m, cell in enumerate(row):
                    value = cell.value
                    values[n, m] = unescaped(value) if isinstance(value, str) else value
            out[name] = Named(f"{os.fspath(path)}, {sheet}!{area.replace('$', '')}", values)
    return out


def _first(sheet: Any) -> bool:
    return next(_filled(sheet), None) is not None


def _check_saved(shown: str, sheet: Any, load: Callable[..., Any]) -> None:
    """A formula has no value in a book that no spreadsheet has saved: it is no empty cell."""
    gaps = {
        (n, m)
        for n, row in enumerate(sheet.iter_rows(), 1)
        for m, cell in enumerate(row)
        if cell.value is None and cell.data_type != "str"  # a formula whose value is no text
    }
    if not gaps:
        return
    for n, row in enumerate(load(data_only=False)[sheet.title].iter_rows(values_only=True), 1):
        for m, value in enumerate(row):
            if value is not None and (n, m) in gaps:
                raise Diagnostic(
                    BAD_DATA_FILE,
                    f"{shown}, row {n}, cell {m + 1}: the formula {value} has no value",
                    help="open the file in a spreadsheet and save it, which computes formulas",
                )


def _filled(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(value is not None for value in row):
            yield number, [unescaped(x) if isinstance(x, str) else x for x in row]


def _table(
    shown: str, rows: list[tuple[int, list[Any]]]
) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    (first, titles), *rows = rows
    while titles[-1] is None:
        titles.pop()
    header = ["" if title is None else str(title).strip() for title in titles]
    check_header(header, shown)
    if len(header) == 1 and rows:  # an empty row is a row where there is one column
        filled = dict(rows)
        rows = [(n, filled.get(n, [None])) for n in range(first + 1, rows[-1][0] + 1)]
    for number, row in rows:
        row += [None] * (len(header) - len(row))
        if any(value is not None for value in row[len(header) :]):
            raise Diagnostic(
                RAGGED_ROW,
                f"{shown}, row {number}: a cell stands beside the {len(header)} columns",
                help="give every column a name in the first row",
            )
        del row[len(header) :]
    return header, rows
