"""Where in a file a graph was refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lanework.base.errors import Diagnostic
from lanework.base.span import Span


@contextmanager
def placed(span: Callable[[], Span]) -> Iterator[None]:
    """Diagnostics without a place get this one, which is looked for only then."""
    try:
        yield
    except Diagnostic as error:
        if error.span is None:
            error.span = span()
        raise


def span_at(text: str, source: str, at: int) -> Span:
    """The line and the column of a place in a text."""
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return Span(source, line, column, line, column + 1, text)


def span_of(text: str, source: str, pattern: str, nth: int = 1) -> Span:
    """Where a pattern is found for the nth time; the last time or the beginning if it is not.

    Example:
        >>> span_of("a b c", "x.json", "c").column
        5
    """
    found = [match.start() for match in re.finditer(pattern, text)][:nth]
    return span_at(text, source, found[-1] if found else 0)
