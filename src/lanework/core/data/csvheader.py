"""The header of CSV text: its names, what separates them, and what is no CSV at all."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.core.codes import BAD_DATA_FILE

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 2**20
_OTHERS = (
    (b"\xff\xfe", "is text in UTF-16", "save it as CSV in UTF-8"),
    (b"\xfe\xff", "is text in UTF-16", "save it as CSV in UTF-8"),
    (b"\x1f\x8b", "is compressed", "name it .csv.gz"),
    (b"PK\3\4", "is a workbook, or another archive", "name a workbook .xlsx"),
    (b"PAR1", "is Parquet", "name it .parquet"),
    (b"", "is not text", "check that this is the CSV file"),
)
"""What files that are no CSV begin with; the last is any with zeros, or without lines."""
OLD_ENDS = "a line ends in a carriage return alone", "save it with lines that end in LF or CRLF"
"""What is wrong with text of old Macintosh computers, and with what still writes it so."""


def read_header(
    raw: bytes, text: bytes, name: str, line: int, separator: str | None
) -> tuple[list[str], str]:
    """The names in a header, and what separates them: commas if any do, else what does.

    Args:
        raw: the line, as it is.
        text: without the mark that UTF-8 may begin with.
        name: the file, for messages.
        line: which line it is.
        separator: what separates cells, if that is known.

    Raises:
        Diagnostic: LW3052 for what is no CSV in UTF-8.
    """

    def refuse(message: str, advice: str) -> Diagnostic:
        return Diagnostic(BAD_DATA_FILE, message, help=advice, span=line_span(name, line))

    for begin, what, advice in _OTHERS:
        if raw.startswith(begin) and (begin or b"\0" in raw or len(raw) >= LONGEST_LINE):
            if not begin and b"\r" in raw and b"\0" not in raw:
                raise refuse(f"{name}, line {line}: {OLD_ENDS[0]}", OLD_ENDS[1])
            raise refuse(f"{name} {what}", advice)
    try:
        return _separated(text.decode(), separator)
    except UnicodeDecodeError:
        what, advice = "the header is not UTF-8 text", "save the file as UTF-8"
    except csv.Error as error:
        what, advice = f"the header cannot be read: {error}", "check its quotes"
        if lone_returns(error):
            what, advice = OLD_ENDS
    raise refuse(f"{name}, line {line}: {what}", advice)


def lone_returns(error: Exception) -> bool:
    """Whether the reader of CSV stopped at a carriage return that ends a line."""
    return "new-line character" in str(error)


def _separated(text: str, separator: str | None) -> tuple[list[str], str]:
    problem: csv.Error | None = None
    alone: list[str] | None = None
    for mark in [separator] if separator else [",", ";", "\t"]:
        try:
            header = [
                cell.strip() for cell in next(csv.reader([text], strict=True, delimiter=mark))
            ]
        except csv.Error as error:
            problem = problem or error
            continue
        if len(header) > 1:
            return header, mark
        alone = alone or header
    if alone is None:
        raise problem or csv.Error("there is none")
    return alone, separator or ","


def line_span(name: str, line: int) -> Span:
    """Where a line of a file is."""
    return Span(name, line, 1, line, 2)


def cell_span(name: str, line: int, text: str, at: int, separator: str) -> Span:
    """Where a cell of a line is.

    Args:
        name: the file.
        line: the number of the line.
        text: the line.
        at: how many cells are before it.
        separator: what is between cells.

    Example:
        >>> span = cell_span("rates.csv", 2, '"a,b",0;5,c', 1, ",")
        >>> span.column, span.end_column
        (7, 10)
    """
    cell = re.compile(rf'(?:"(?:[^"]|"")*")?[^{re.escape(separator)}\r\n]*')
    end = -1
    for _ in range(at + 1):
        begin = end + 1
        match = cell.match(text, begin)
        end = match.end() if match else begin
    return Span(name, line, begin + 1, line, max(end, begin + 1) + 1)


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
            span=line_span(name, 1),
        )
