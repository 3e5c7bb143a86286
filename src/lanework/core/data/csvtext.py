"""Columns of numbers, and cells, out of CSV text, piece by piece.

Text is in UTF-8, with a header line. Cells are separated by commas; in a `.tsv` file by tabs; and
where a header has no comma but semicolons, or tabs, by those. `csvfast.py` reads what is plain.
The rest is read cell by cell here, which is slower and knows where a bad cell stands.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, NoReturn

import numpy as np

from lanework.base.errors import Advice, Code, Diagnostic
from lanework.base.span import Span
from lanework.core.codes import BAD_CELL, BAD_DATA_FILE, RAGGED_ROW, UNKNOWN_LABEL
from lanework.core.data.csvfast import Array, Categories, fast_columns
from lanework.core.data.csvheader import (
    BOM,
    LONGEST_LINE,
    OLD_ENDS,
    cell_span,
    check_header,
    line_span,
    lone_returns,
    read_header,
)
from lanework.core.data.labels import label_help
from lanework.core.data.spelling import MISSING_TEXT, text_advice

TRUTH = {"true": 1.0, "false": 0.0}
_INTEGER = re.compile(r"[+-]?\d+")


@dataclass
class CsvText:
    """An open CSV file, past its header.

    Attributes:
        file: the file, at the first row.
        name: what to call it in messages.
        header: the column names, without spaces around them.
        separator: what is between cells.
        line: the number of the last line read.
        last: the number and the text of the line that was last read cell by cell.
    """

    file: IO[bytes]
    name: str
    header: list[str]
    separator: str
    line: int
    last: tuple[int, str] = (0, "")

    @classmethod
    def start(
        cls, file: IO[bytes], name: str, separator: str | None = None, named: bool = True
    ) -> CsvText:
        """Read the header, and from it what separates cells where that is not given.

        Without names, the first line is the first row, and columns are called 1, 2, ...

        Raises:
            Diagnostic: LW3052 for an empty file, text that is not UTF-8, a name twice.
        """
        opened = cls(file, name, [], separator or ",", 0)
        while True:
            raw = file.readline(LONGEST_LINE)
            opened.line += 1
            if not raw:
                opened._fail(1, "is empty", "it needs a header line", at="")
            text = raw.removeprefix(BOM) if opened.line == 1 else raw
            if text.strip():
                break
        opened.header, opened.separator = read_header(raw, text, name, opened.line, separator)
        if not named:
            file.seek(-len(text), os.SEEK_CUR)
            opened.header = [str(number) for number in range(1, len(opened.header) + 1)]
            opened.line -= 1
        check_header(opened.header, name)
        return opened

    def blocks(
        self, wanted: Sequence[str], categories: Categories, rows: int, arrow: Any = None
    ) -> Iterator[dict[str, Array]]:
        """Blocks of rows, of about as many as are asked for, as float64 columns.

        Raises:
            Diagnostic: LW3053 for a bad cell, LW3054 for a ragged row, LW3020 for a label that
                is not a category, LW3052 for text that cannot be read.
        """
        for data in self._pieces(rows):
            block = fast_columns(data, self.header, self.separator, wanted, categories, arrow)
            if block is None:
                block = self._columns(self.rows(data), wanted, categories)
            self._past(data)
            yield block

    def spelt(self, name: str, exact: float, rows: int, arrow: Any = None) -> Iterator[Array]:
        """Blocks of one column, whose whole numbers are whole, and as large as they are written.

        Args:
            name: the column.
            exact: below it a float will do for a whole number; 0 where none does.
            rows: of a block, about.
            arrow: as for `fast_columns`.

        Raises:
            Diagnostic: as `blocks`.
        """
        at = self.header.index(name)
        pattern = self._integers(at, r"[+-]?\d{1,15}")
        for data in self._pieces(rows):
            block = fast_columns(data, self.header, self.separator, [name], {}, arrow)
            column = None if block is None else block[name]
            if column is None or (len(column) and not exact > max(column.max(), -column.min())):
                integral = column is not None and b'"' not in data
                if column is not None and integral and _count(pattern, data) == len(column):
                    column = column.astype(np.int64)
                else:
                    column = self._spelt(data, name, at, exact)
            self._past(data)
            yield column

    def _integers(self, at: int, digits: str) -> re.Pattern[bytes]:
        """A pattern of the lines whose cell at a place is a whole number of such digits."""
        mark = re.escape(self.separator)
        cell = rf"[ \t]*{digits}[ \t]*(?:{mark}|\r?$)"
        return re.compile(rf"^(?:[^{mark}\n]*{mark}){{{at}}}{cell}".encode(), re.MULTILINE)

    def counts(self, name: str) -> bool:
        """Whether all cells of a column are whole numbers as they are printed.

        False where that takes more than a look: there are quotes or blank lines, or large numbers.
        """
        pattern = self._integers(self.header.index(name), r"(?:0|-?[1-9]\d{0,14})")
        for data in self._pieces(4096):
            lines = data.count(b"\n") + (not data.endswith(b"\n"))
            if b'"' in data or _count(pattern, data) != lines:
                return False
            self._past(data)
        return True

    def _spelt(self, data: bytes, name: str, at: int, exact: float) -> Array:
        """The same cell by cell."""
        column = []
        for line, row in self.rows(data):
            text = row[at].strip()
            number: float | None = number_in(text)
            if number is None or abs(number) >= exact:
                number = number_of(text)
            if number is None:
                raise self._bad(line, name, text, None)
            column.append(number)
        return np.array(column, object)

    def texts(self, name: str) -> Iterator[list[str]]:
        """The cells of one column in blocks, as text without spaces around.

        Raises:
            Diagnostic: as `blocks`.
        """
        at = self.header.index(name)
        mark, after = re.escape(self.separator), len(self.header) - 1 - at
        other = f"[^{mark}\n]*"
        row = f"^(?:{other}{mark}){{{at}}}({other})(?:{mark}{other}){{{after}}}$"
        pattern = re.compile(row, re.MULTILINE)
        for data in self._pieces(4096):
            text = data.decode("utf-8", "replace")
            odd = '"' in text or "\ufffd" in text or "\r" in text.replace("\r\n", "")
            cells = [] if odd else pattern.findall(text.removesuffix("\n"))
            if len(cells) != text.count("\n") + (not text.endswith("\n")) or "" in cells:
                cells = [row[at] for _, row in self.rows(data, blanks=len(self.header) == 1)]
            self._past(data)
            yield [cell.strip() for cell in cells]

    def cells(self) -> Iterator[tuple[int, list[str]]]:
        """The rows as text without spaces around, with their lines.

        A blank line is a row where there is one column, and else none.

        Raises:
            Diagnostic: as `blocks`.
        """
        for data in self._pieces(4096):
            for line, row in self.rows(data, blanks=len(self.header) == 1):
                yield line, [cell.strip() for cell in row]
            self._past(data)

    def _past(self, data: bytes) -> None:
        ends = np.frombuffer(data, np.uint8) == ord("\n")  # quicker than bytes.count
        self.line += int(np.count_nonzero(ends)) + (not data.endswith(b"\n"))

    def _pieces(self, rows: int) -> Iterator[bytes]:
        """Whole rows as text; a quoted cell may hold line breaks."""
        size = min(max(64 * rows, 2**16), 2**22)
        while data := self.file.read(size):
            parts, more = [data], 0
            odd = b'"' in data and data.count(b'"') % 2
            while odd or not parts[-1].endswith(b"\n"):
                line = self.file.readline(LONGEST_LINE)
                more += len(line)
                if (not line or more > 8 * LONGEST_LINE) and odd:
                    self._fail(self.line + 1, "a quote here or below never closes",
                               "close the quote")  # fmt: skip
                if len(line) == LONGEST_LINE:
                    endless = "a line here or below has no end", "check that this is the CSV file"
                    self._fail(self.line + 1, *(OLD_ENDS if b"\r" in line else endless))
                if not line:
                    break
                parts.append(line)
                odd = (odd + line.count(b'"')) % 2
            yield b"".join(parts) if len(parts) > 1 else data

    def _columns(
        self, rows: Iterable[tuple[int, list[str]]], wanted: Sequence[str], categories: Categories
    ) -> dict[str, Array]:
        """Columns cell by cell."""
        columns: dict[str, list[float]] = {name: [] for name in wanted}
        where = [(name, self.header.index(name)) for name in wanted]
        known = {
            name: {label: float(i) for i, label in enumerate(labels)}
            for name, labels in categories.items()
        }
        for line, row in rows:
            for name, at in where:
                text = row[at].strip()
                number = known[name].get(text) if name in known else number_in(text)
                if number is None:
                    raise self._bad(line, name, text, categories.get(name))
                columns[name].append(number)
        return {name: np.array(column, np.float64) for name, column in columns.items()}

    def rows(self, data: bytes, blanks: bool = False) -> Iterator[tuple[int, list[str]]]:
        """The rows in a piece of text with the numbers of their lines, blank lines left out.

        Raises:
            Diagnostic: LW3054, LW3052.
        """
        at = self.line

        def texts() -> Iterator[str]:
            for number, raw in enumerate(io.BytesIO(data)):
                try:
                    self.last = at + number + 1, raw.decode()
                except UnicodeDecodeError:
                    self._fail(at + number + 1, "it is not UTF-8 text", "save the file as UTF-8")
                yield self.last[1]

        reader = csv.reader(texts(), strict=True, delimiter=self.separator)
        start = at + 1
        try:
            for row in reader:
                line, start = start, at + reader.line_num + 1
                if not row and blanks:
                    row = [""]
                if not row or (len(row) == 1 and not row[0].strip() and len(self.header) > 1):
                    continue
                if len(row) != len(self.header):
                    message = f"the row has {len(row)} cells and the header {len(self.header)}"
                    advice = "give every row as many cells as the header has names"
                    self._fail(line, message, advice, RAGGED_ROW)
                yield line, row
        except csv.Error as error:
            what, advice = f"it is not CSV: {error}", "check its quotes"
            self._fail(at + reader.line_num, *(OLD_ENDS if lone_returns(error) else (what, advice)))

    def _bad(
        self, line: int, column: str, text: str, categories: Sequence[str] | None
    ) -> Diagnostic:
        place, span, (last, raw) = f"line {line}", line_span(self.name, line), self.last
        if last == line:  # and no cell goes over several
            at = self.header.index(column)
            span = cell_span(self.name, line, raw, at, self.separator)
        semicolons = self.separator == ";"
        return bad_cell(self.name, place, column, text, categories, span, semicolons)

    def _fail(
        self,
        line: int,
        message: str,
        advice: str,
        code: Code = BAD_DATA_FILE,
        at: str | None = None,
    ) -> NoReturn:
        place = f", line {line}:" if at is None else at
        span = line_span(self.name, line)
        raise Diagnostic(code, f"{self.name}{place} {message}", help=advice, span=span)


def _count(pattern: re.Pattern[bytes], data: bytes) -> int:
    """How often a pattern of one line is there; not all of it is held at once."""
    count = at = 0
    while at < len(data):
        end = data.find(b"\n", at + 2**16) + 1 or len(data)
        count += len(pattern.findall(data, at, end))
        at = end
    return count


def number_in(text: str) -> float | None:
    """The number that a cell holds, or None.

    What is missing or not finite is none, and neither is an integer that float64 would round.

    Example:
        >>> [number_in(text) for text in ("1e3", "True", "1,5", "nan", "1e400", "9007199254740993")]
        [1000.0, 1.0, None, None, None, None]
    """
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return TRUTH.get(text.lower())
    if not math.isfinite(number) or (abs(number) >= 2**53 and _rounded(text, number)):
        return None
    return number


def number_of(text: str) -> float | None:
    """The same, but whole numbers are whole, of whatever size.

    Example:
        >>> [number_of(text) for text in ("1.0", "True", "9007199254740993", "1e400", "x")]
        [1.0, 1, 9007199254740993, None, None]
    """
    if _INTEGER.fullmatch(text) is not None and len(text) < 1000:
        return int(text)
    truth = TRUTH.get(text.lower())
    return number_in(text) if truth is None else int(truth)


def _rounded(text: str, number: float) -> bool:
    return _INTEGER.fullmatch(text) is not None and (len(text) > 999 or int(text) != int(number))


def bad_cell(
    source: str,
    place: str,
    column: str,
    text: str,
    categories: Sequence[str] | None,
    span: Span | None = None,
    semicolons: bool = False,
) -> Diagnostic:
    """The error for a cell that does not fill its input; semicolons separate cells, or do not."""
    shown = repr(text if len(text) <= 40 else text[:37] + "...")
    where = f"{source}, {place}, column {column!r}"
    if categories is not None:
        message, advice = "is not one of the categories", label_help(text, categories)
        return Diagnostic(UNKNOWN_LABEL, f"{where}: {shown} {message}", help=advice, span=span)
    if text.lower() in MISSING_TEXT:
        said = f"the value is missing ({text})" if text else "the cell is empty"
        advice = "fill it in, or drop the row"
    else:
        said, advice = _why(text, shown, semicolons)
        if "declare categories" in advice:
            python = f"{advice}: for read_columns categories={{{column!r}: [...]}}"
            advice = Advice(python, typed=f"{advice}: {column} = input(categories=[...])")
    return Diagnostic(BAD_CELL, f"{where}: {said}", help=advice, span=span)


def _why(text: str, shown: str, semicolons: bool) -> tuple[str, str]:
    """Why a text is no number of float64, and what to write."""
    try:
        number = float(text) if "_" not in text else None
    except ValueError:
        number = None
    if number is None:
        return f"{shown} is not a number", text_advice(text, semicolons=semicolons)
    if number_in(text) is not None:  # in a file whose values have types
        return f"{shown} is text", text_advice(text)
    if math.isfinite(number):
        return (
            f"{shown} is an integer that float64 does not have",
            "give one below 2**53, or a name",
        )
    if "inf" in text.lower():
        return f"{shown} is infinite", "give a finite number"
    if math.isnan(number):
        return f"{shown} is not a number", "the value is missing: fill it in, or drop the row"
    return f"{shown} is too large for float64", "give a number below 1.8e308"
