"""Columns of numbers out of CSV text, block by block.

Blocks of lines without quotes go through NumPy's own parser. A block with quotes, or one that
the parser refuses, is read cell by cell, which is slower and knows where a bad cell stands.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import IO, Any, NoReturn

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_CELL, BAD_DATA_FILE, RAGGED_ROW, UNKNOWN_LABEL
from lanework.core.data.labels import codes_of, label_help

Array = npt.NDArray[Any]
Categories = Mapping[str, Sequence[str]]
BOM = b"\xef\xbb\xbf"
TRUTH = {"true": 1.0, "false": 0.0}
LONGEST_LINE = 2**20


@dataclass
class CsvText:
    """An open CSV file, past its header.

    Attributes:
        file: the file, at the first row.
        name: what to call it in messages.
        header: the column names, without spaces around them.
        line: the number of the last line read.
    """

    file: IO[bytes]
    name: str
    header: list[str]
    line: int

    @classmethod
    def start(cls, file: IO[bytes], name: str) -> CsvText:
        """Read the header.

        Raises:
            Diagnostic: LW3052 for an empty file, text that is not UTF-8, a name twice.
        """
        line = 0
        while True:
            raw = file.readline(LONGEST_LINE)
            line += 1
            if not raw:
                raise Diagnostic(BAD_DATA_FILE, f"{name} is empty", help="it needs a header line")
            text = raw.removeprefix(BOM) if line == 1 else raw
            if text.strip():
                break
        if b"\0" in text or len(raw) >= LONGEST_LINE:
            raise Diagnostic(
                BAD_DATA_FILE, f"{name} is not text", help="check that this is the CSV file"
            )
        try:
            header = [cell.strip() for cell in next(csv.reader([text.decode()], strict=True))]
        except (UnicodeDecodeError, csv.Error) as error:
            raise Diagnostic(
                BAD_DATA_FILE,
                f"{name}, line {line}: the header cannot be read: {error}",
                help="save it as CSV in UTF-8, with commas",
            ) from None
        check_header(header, name)
        return cls(file, name, header, line)

    def blocks(
        self, wanted: Sequence[str], categories: Categories, rows: int
    ) -> Iterator[dict[str, Array]]:
        """Blocks of at most so many rows, as float64 columns.

        Raises:
            Diagnostic: LW3053 for a bad cell, LW3054 for a ragged row, LW3020 for a label that
                is not a category, LW3052 for text that cannot be read.
        """
        while lines := list(itertools.islice(self.file, rows)):
            block = self._fast(lines, wanted, categories)
            if block is None:
                self._complete(lines)
                block = self._slow(lines, wanted, categories)
            self.line += len(lines)
            if len(next(iter(block.values()))):
                yield block

    def _complete(self, lines: list[bytes]) -> None:
        """Add the lines that finish the last row: a quoted cell may hold line breaks."""
        odd = sum(line.count(b'"') for line in lines) % 2
        most = 2 * len(lines) + 100
        while odd:
            more = self.file.readline(LONGEST_LINE)
            if not more or len(lines) > most:
                self._fail(self.line + 1, "a quote here or below never closes", "close the quote")
            lines.append(more)
            odd = (odd + more.count(b'"')) % 2

    def _fast(
        self, lines: list[bytes], wanted: Sequence[str], categories: Categories
    ) -> dict[str, Array] | None:
        """The block by NumPy's parser, or None when that cannot be sure of it."""
        if set(map(methodcaller("count", b","), lines)) != {len(self.header) - 1}:
            return None
        if any(b'"' in line for line in lines):
            return None
        if len(self.header) == 1 and not all(map(bytes.strip, lines)):
            return None  # blank lines
        numbers = [name for name in wanted if name not in categories]
        block: dict[str, Array] = {}
        try:
            if numbers:
                where = [self.header.index(name) for name in numbers]
                cells = np.loadtxt(lines, delimiter=",", usecols=where, comments=None, ndmin=2)
                with np.errstate(over="ignore"):
                    total = float(np.add.reduce(cells, axis=None))
                if len(cells) != len(lines) or math.isnan(total):
                    return None
                block = {name: cells[:, i].copy() for i, name in enumerate(numbers)}
            for name in wanted:
                if name in categories:
                    longest = max((len(label.encode()) for label in categories[name]), default=0)
                    texts = np.loadtxt(
                        lines,
                        dtype=f"S{longest + 8}",
                        delimiter=",",
                        usecols=self.header.index(name),
                        comments=None,
                        ndmin=1,
                    )
                    if len(texts) != len(lines):
                        return None
                    block[name] = codes_of(
                        texts, categories[name], lambda _, text: Diagnostic(UNKNOWN_LABEL, text)
                    )
        except (ValueError, Diagnostic):
            return None
        return {name: block[name] for name in wanted}

    def _slow(
        self, lines: list[bytes], wanted: Sequence[str], categories: Categories
    ) -> dict[str, Array]:
        columns: dict[str, list[float]] = {name: [] for name in wanted}
        where = [(name, self.header.index(name)) for name in wanted]
        known = {
            name: {label: float(i) for i, label in enumerate(labels)}
            for name, labels in categories.items()
        }
        for line, row in self.rows(lines):
            for name, at in where:
                text = row[at].strip()
                number = known[name].get(text) if name in known else number_in(text)
                if number is None:
                    raise bad_cell(self.name, f"line {line}", name, text, categories.get(name))
                columns[name].append(number)
        return {name: np.array(column, np.float64) for name, column in columns.items()}

    def rows(self, lines: Sequence[bytes]) -> Iterator[tuple[int, list[str]]]:
        """The rows in these lines with the numbers of their lines, blank lines left out.

        Raises:
            Diagnostic: LW3054, LW3052.
        """
        at = self.line

        def texts() -> Iterator[str]:
            for number, raw in enumerate(lines):
                try:
                    yield raw.decode()
                except UnicodeDecodeError:
                    self._fail(at + number + 1, "it is not UTF-8 text", "save the file as UTF-8")

        reader = csv.reader(texts(), strict=True)
        start = at + 1
        try:
            for row in reader:
                line, start = start, at + reader.line_num + 1
                if not row or (len(row) == 1 and not row[0].strip() and len(self.header) > 1):
                    continue
                if len(row) != len(self.header):
                    raise Diagnostic(
                        RAGGED_ROW,
                        f"{self.name}, line {line}: the row has {len(row)} cells and the header"
                        f" {len(self.header)}",
                        help="give every row as many cells as the header has names",
                    )
                yield line, row
        except csv.Error as error:
            self._fail(at + reader.line_num, f"it is not CSV: {error}", "check its quotes")

    def _fail(self, line: int, message: str, advice: str) -> NoReturn:
        raise Diagnostic(BAD_DATA_FILE, f"{self.name}, line {line}: {message}", help=advice)


def check_header(header: Sequence[str], name: str) -> None:
    """Refuse a header that names a column twice.

    Raises:
        Diagnostic: LW3052.
    """
    twice = next((title for i, title in enumerate(header) if title in header[:i]), None)
    if twice is not None:
        raise Diagnostic(
            BAD_DATA_FILE,
            f"{name} has two columns named {twice!r}",
            help="give every column a name of its own",
        )


def number_in(text: str) -> float | None:
    """The number that a cell holds, or None; NaN and an empty cell are none.

    Example:
        >>> number_in("1e3"), number_in("True"), number_in("1,5"), number_in("nan")
        (1000.0, 1.0, None, None)
    """
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return TRUTH.get(text.lower())
    return None if math.isnan(number) else number


def bad_cell(
    source: str, place: str, column: str, text: str, categories: Sequence[str] | None
) -> Diagnostic:
    """The error for a cell that does not fill its input."""
    shown = repr(text if len(text) <= 40 else text[:37] + "...")
    where = f"{source}, {place}, column {column!r}"
    if categories is not None:
        return Diagnostic(
            UNKNOWN_LABEL,
            f"{where}: {shown} is not one of the categories",
            help=label_help(text, categories),
        )
    if text.lower() in ("", "nan", "na", "null", "none"):
        said = f"the value is missing ({text})" if text else "the cell is empty"
        return Diagnostic(BAD_CELL, f"{where}: {said}", help="fill it in, or drop the row")
    return Diagnostic(
        BAD_CELL,
        f"{where}: {shown} is not a number",
        help="give a number, or declare the input with categories=[...] if it holds names",
    )
