"""Source spans: where in a text a diagnostic points."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from lanework.base.printable import shown

WIDE = 160
"""Longer lines are shown in part: what is marked, and some of what is around it."""
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text.

    Attributes:
        source: the file or the name of the text.
        line: the first line, from 1.
        column: the first column, from 1.
        end_line: the last line.
        end_column: the column after the last one.
        text: the whole source text, so that the line can be shown; None if it is not known.
    """

    source: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str | None = None

    def __str__(self) -> str:
        return f"{shown(self.source)}:{self.line}:{self.column}"

    def caret(self) -> str:
        """The line with carets under the span, or "" when the text is not known.

        Example:
            >>> print(Span("model", 1, 5, 1, 9, "a + rate").caret())
              1 | a + rate
                |     ^^^^
        """
        lines = (self.text or "").splitlines()
        if not 1 <= self.line <= len(lines):
            return ""
        line = lines[self.line - 1]
        stop = self.end_column if self.end_line == self.line else len(line) + 1
        start = min(self.column, len(line) + 1)
        before = shown(line[: start - 1], lines=True)
        marked, after = (
            shown(part, lines=True) for part in (line[start - 1 : stop - 1], line[stop - 1 :])
        )
        if len(before) + len(marked) + len(after) > WIDE:
            before = before if len(before) <= WIDE // 3 else "..." + before[-WIDE // 3 :]
            marked, after = _cut(marked), _cut(after)
        pad = "".join("\t" if c == "\t" else " " for c in before)
        marks, gutter = "^" * max(1, len(marked)), f"{self.line:>3}"
        return f"{gutter} | {before}{marked}{after}\n{' ' * len(gutter)} | {pad}{marks}"


def _cut(text: str) -> str:
    return text if len(text) <= WIDE // 3 else text[: WIDE // 3] + "..."


def span_at(text: str, source: str, at: int) -> Span:
    r"""The line and the column of a place in a text.

    Example:
        >>> print(span_at("a = 1\nb = c\n", "model", 10))
        model:2:5
    """
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return Span(source, line, column, line, column + 1, text)


def caller() -> tuple[str, int]:
    """The file and the line that called into this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def line_of(file: str, line: int) -> Span:
    """A line of Python, with its text where that is known: of files, and of cells of notebooks.

    Example:
        >>> print(line_of("<string>", 3))
        <string>:3:1
    """
    import linecache  # with a tokenizer, which only messages need

    lines = linecache.getlines(file)
    row = lines[line - 1].rstrip() if line <= len(lines) else ""
    start = len(row) - len(row.lstrip())
    return Span(file, line, start + 1, line, max(len(row), 1) + 1, "".join(lines) or None)


@dataclass(slots=True, eq=False)
class Origin:
    """Where text was written: a name for the source, and its text."""

    source: str
    text: str


@dataclass(slots=True, eq=False)
class Place:
    """A piece of an origin: lines from 1, columns from 1, the end column exclusive."""

    origin: Origin
    line: int
    column: int
    end_line: int
    end_column: int

    def span(self) -> Span:
        """The span that a diagnostic underlines."""
        origin = self.origin
        return Span(
            origin.source, self.line, self.column, self.end_line, self.end_column, origin.text
        )
