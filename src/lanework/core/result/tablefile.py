"""Tables written to files: CSV, with tabs, compressed, Parquet, Arrow in blocks; .xlsx at once."""

from __future__ import annotations

import contextlib
import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, cast

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import TOO_LONG, TOO_MANY_ROWS
from lanework.core.result.frames import arrow_table, need
from lanework.core.result.outputs import Array

TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
TABLES = (*TEXTS, ".parquet", ".feather", ".arrow")
"""The endings of tables that are written in blocks."""

CHUNK = 8192
MOST_ROWS = 2**20
"""Rows of a sheet, the header among them."""

SHORT = 10**15
"""From here on whole numbers may have more digits than openpyxl writes."""
MOST_LETTERS = 32_767
"""Of the text in a cell of a sheet."""

_NO_XML = re.compile("[\\x00-\\x08\\x0b-\\x1f\\ud800-\\udfff\\ufffe\\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_RUNS = tuple("=+-@\t\r\n")


class TableFile(contextlib.ExitStack):
    """Writes blocks of one table to an open file; a context manager.

    Args:
        file: where to; it stays open.
        ending: one of `TABLES`.
        csv_safe: put an apostrophe before text in CSV that a spreadsheet would run.
    """

    def __init__(self, file: IO[bytes], ending: str, csv_safe: bool = False) -> None:
        super().__init__()
        self._ending, self._safe = ending, csv_safe
        self._file, self._sink = file, cast(Any, None)
        if ending.endswith(".gz"):
            packed = gzip.GzipFile("", "wb", 6, file, mtime=0)
            self._file = cast(IO[bytes], self.enter_context(packed))

    def write(self, columns: Mapping[str, Array], units: Mapping[str, str]) -> None:
        """Write a block of rows; Parquet and Arrow keep the units beside the names."""
        if self._ending in TEXTS:
            mark = "\t" if self._ending.startswith(".tsv") else ","
            write_csv(self._file, columns, self._sink is None, mark, self._safe)
            self._sink = self._file
            return
        table = arrow_table(columns, units)
        if self._sink is None:
            self._sink = self.enter_context(self._open(table.schema))
        self._sink.write_table(table)

    def _open(self, schema: Any) -> Any:
        if self._ending == ".parquet":
            return need("pyarrow.parquet", "writing Parquet").ParquetWriter(self._file, schema)
        return need("pyarrow.ipc", "writing Arrow files").new_file(self._file, schema)


def write_csv(
    file: IO[bytes],
    columns: Mapping[str, Array],
    header: bool = True,
    separator: str = ",",
    safe: bool = False,
) -> None:
    """Columns of equal length as CSV (UTF-8, newline, a header line).

    Numbers are written with the fewest digits that give the same number back.

    Args:
        file: where to.
        columns: the columns by name.
        header: whether to write their names.
        separator: what stands between cells.
        safe: put an apostrophe before text that a spreadsheet would run: what begins with
            ``=``, ``+``, ``-``, ``@``, a tab or the end of a line.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> write_csv(file, {"x": np.array([0.1]), "plan": np.array(["=1+1"])}, safe=True)
        >>> print(file.getvalue().decode(), end="")
        x,plan
        0.1,'=1+1
    """
    mark = separator.encode()
    if header:
        file.write(mark.join(_quoted(name, separator, safe) for name in columns) + b"\n")
    arrays = list(columns.values())
    count = len(arrays[0]) if arrays else 0
    rows = _rows(len(arrays))
    for start in range(0, count, rows):
        cells = [_cells(array[start : start + rows], separator, safe) for array in arrays]
        file.write(b"\n".join(map(mark.join, zip(*cells, strict=True))))
        file.write(b"\n")


def _rows(columns: int) -> int:
    """How many rows of a table are text at a time: fewer of a wide one."""
    return max(1, min(CHUNK, 8 * CHUNK // max(columns, 1)))


def _cells(values: Array, separator: str, safe: bool) -> list[bytes]:
    """A column's cells, as they are written."""
    if values.dtype.kind in "iub":
        return str(values.tolist())[1:-1].encode().split(b", ")
    if values.dtype.kind == "f":
        if np.isfinite(values).all():
            import msgspec

            return msgspec.json.encode(values.tolist())[1:-1].split(b",")
        return [repr(x).encode() for x in values.tolist()]
    texts = list(map(str, values.tolist() if values.dtype.kind in "UO" else values))
    written = {text: _quoted(text, separator, safe) for text in set(texts)}
    return [written[text] for text in texts]


def _quoted(text: str, separator: str, safe: bool) -> bytes:
    if safe and text.startswith(_RUNS):
        text = "'" + text
    if any(mark in text for mark in (separator, '"', "\r", "\n")):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()


def write_book(
    file: IO[bytes], sheets: Mapping[str, Callable[[], Iterable[Mapping[str, Array]]]]
) -> None:
    """Tables, in blocks of rows, as sheets of an .xlsx file; text is text there, whatever it begins
    with.

    NaN and infinities, which sheets lack, become ``#NUM!``.

    Raises:
        Diagnostic: LW1022 without openpyxl, LW1027 for more rows than a sheet has, LW1030 for a
            text that is longer than a cell.
    """
    for blocks in sheets.values():  # once to look, and once to write
        _check_blocks(blocks())
    openpyxl = need("openpyxl", "writing .xlsx")
    book = openpyxl.Workbook(write_only=True)
    for number, (name, blocks) in enumerate(sheets.items()):
        title = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "_", name)[:28]
        sheet = book.create_sheet(title if title not in book.sheetnames else f"{title}{number}")
        for begin, columns in enumerate(blocks()):
            if not begin:
                sheet.append([_cell(sheet, name) for name in columns])
            rows = _rows(len(columns))
            for start in range(0, len(next(iter(columns.values()), ())), rows):
                part = slice(start, start + rows)
                cells = (_plain(sheet, column[part]) for column in columns.values())
                for row in zip(*cells, strict=True):
                    sheet.append(row)
    book.save(file)


def _check_blocks(blocks: Iterable[Mapping[str, Array]]) -> None:
    """Refuse more rows than a sheet has, and texts that are longer than a cell.

    Raises:
        Diagnostic: LW1027, LW1030.
    """
    count = 0
    for columns in blocks:
        for name, column in columns.items():
            _check_lengths([name] if count == 0 else [])
            for start in range(0, len(column) if column.dtype.kind in "OU" else 0, CHUNK):
                _check_lengths(column[start : start + CHUNK].tolist())
        count += len(next(iter(columns.values()), ()))
    check_rows(count)


def check_rows(count: int) -> None:
    """Refuse more rows than a sheet has.

    Raises:
        Diagnostic: LW1027.
    """
    if count >= MOST_ROWS:
        raise Diagnostic(
            TOO_MANY_ROWS,
            f"a sheet of .xlsx has {MOST_ROWS - 1:,} rows, and the table {count:,}",
            help="write .csv or .parquet",
        )


def _plain(sheet: Any, values: Array) -> list[Any]:
    if values.dtype.kind == "M":
        return list(values.astype("M8[us]").astype(object))
    if values.dtype.kind == "b" or (values.dtype.kind in "iu" and _short(values)):
        return list(values.tolist())
    return [_cell(sheet, value) for value in values.tolist()]


def _short(values: Array) -> bool:
    """Whether whole numbers have no more digits than openpyxl writes."""
    return not values.size or -SHORT < int(values.min()) <= int(values.max()) < SHORT


def _cell(sheet: Any, value: Any) -> Any:
    """A cell of text, or of a number with all of its digits, of which openpyxl writes 16.

    Characters that XML lacks are written as the format has them, ``_x0001_``.
    """
    if isinstance(value, float) and not np.isfinite(value):
        return "#NUM!"
    if isinstance(value, float) and float(f"{value:.16g}") == value:
        return value
    cell = need("openpyxl.cell", "writing .xlsx").WriteOnlyCell(sheet)
    number = isinstance(value, float | int) and not isinstance(value, bool)
    cell._value = str(value) if number else escaped(str(value))  # openpyxl would refuse, or cut it
    cell.data_type = "n" if number else "s"
    return cell


def _check_lengths(cells: Iterable[object]) -> None:
    """Refuse a text that is longer than a cell.

    Raises:
        Diagnostic: LW1030.
    """
    longest = max((escaped(str(cell)) for cell in cells), key=len, default="")
    if len(longest) > MOST_LETTERS:
        what = f"a cell of .xlsx has {MOST_LETTERS:,} letters at most, and {longest[:20]!r}..."
        raise Diagnostic(TOO_LONG, f"{what} has {len(longest):,}", help="write .csv or .parquet")


def escaped(text: str) -> str:
    """What a sheet has for a text: characters that XML lacks as ``_x0001_``."""
    return _NO_XML.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def unescaped(text: str) -> str:
    r"""The text of a cell.

    Example:
        >>> unescaped(escaped("a\x01_x0001_")), escaped("a\x01_x0001_")
        ('a\x01_x0001_', 'a_x0001__x005F_x0001_')
    """
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
