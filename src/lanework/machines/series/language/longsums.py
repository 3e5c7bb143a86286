"""What Python's parser refuses, and what it takes in pieces: long files, and sums of many terms.

A tree of `a + b - c + ...` leans left, as deep as there are terms, and Python's parser has a limit.
Each piece but the first begins with an operator, and a name in front of it stands for what the
pieces before it make.
"""

from __future__ import annotations

import ast
import io
import itertools
import keyword
import re
import tokenize
from collections.abc import Iterator

from lanework.base.errors import Diagnostic
from lanework.base.span import Origin, Span
from lanework.core.resident import look
from lanework.machines.series.codes import BAD_FORMULA, TOO_DEEP
from lanework.machines.series.language.instead import of_text

TOO_LONG = (RecursionError, MemoryError)
REFUSALS = (SyntaxError, RecursionError, MemoryError, ValueError)  # of Python's parser

MOST = 500  # terms of a piece
PIECE = 4096  # characters of a file that are read at a time
_BEGIN = re.compile(r"^(?=[^\s#)\]}])", re.MULTILINE)  # of a statement, outside of strings
_LOOSER = frozenset(("<", ">", "<=", ">=", "==", "!=", "&", "|", "^", "<<", ">>", ":=", ",", "="))
_WORDS = frozenset(("if", "else", "and", "or", "not", "in", "is", "lambda"))
BEFORE = "_"
"""The name that stands for the pieces before."""


def refusal(
    error: Exception, origin: Origin, shift: int = 0, above: int = 0, statement: bool = False
) -> Diagnostic:
    """What Python says of a text that it saw without `shift` columns and with lines `above`."""
    if isinstance(error, SyntaxError):
        line = max(1, (error.lineno or 1 + above) - above)
        column, end = max(1, (error.offset or 1)) + shift, (error.end_offset or 0) + shift
        if (error.end_lineno or line) != line or end <= column:
            end = column + 1
        span = Span(origin.source, line, column, line, end, origin.text)
        lines = origin.text.split("\n")
        advice = of_text(lines[line - 1], statement) if line <= len(lines) else None
        message = f"Python cannot read this: {error.msg}"
        return Diagnostic(BAD_FORMULA, message, span=span, help=advice)
    if isinstance(error, ValueError):
        return Diagnostic(
            BAD_FORMULA,
            f"Python cannot read {origin.source}: {error}",
            help="write it anew, as plain text",
        )
    return Diagnostic(
        TOO_DEEP,
        f"{origin.source} is nested too deeply for Python to read",
        help="give the inner part a name of its own",
    )


def pieces(text: str, before: str = "") -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """The pieces of a sum, as Python reads them in brackets below an empty line.

    Args:
        text: an expression; of one that is no sum at its top there is one piece.
        before: what stands before it in its file.

    Yields:
        A piece, and the node in it that stands for the pieces before, None in the first.

    Raises:
        SyntaxError, RecursionError, MemoryError, ValueError: what Python says of a piece.
    """
    edges = [0, *terms(text)[MOST::MOST], len(text)]
    blank = _blank(before)  # what was read, so that places are right
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        piece = text[start:stop]
        name = BEFORE if number else ""
        top = ast.parse(f"({name}\n{blank}{piece}\n)", mode="eval").body
        first: ast.expr = top
        while isinstance(first, ast.BinOp):
            first = first.left
        yield top, first if number else None
        blank += _blank(piece)


def _blank(text: str) -> str:
    """Spaces in the place of a text, as many as it has bytes, and its line breaks."""
    return re.sub(r"[^\n]", lambda match: " " * len(match[0].encode()), text)


def within(text: str) -> tuple[int, int]:
    """Where the inner part of an expression begins and ends: itself, or what its brackets hold.

    Example:
        >>> within(" (a + b) "), within("(a) + (b)")
        ((2, 7), (0, 9))
    """
    start, stop = len(text) - len(text.lstrip()), len(text.rstrip())
    depth = 0
    for at in range(start, stop if text[start : start + 1] == "(" else start):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return (start + 1, at) if at == stop - 1 else (0, len(text))
    return 0, len(text)


def long_sum(error: Exception, text: str) -> tuple[int, int] | None:
    """Where in a formula a sum begins and ends that was too long for the parser, if it was that."""
    low, high = within(text)
    return (low, high) if isinstance(error, TOO_LONG) and terms(text[low:high]) else None


def shortened(text: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """A file without its long sums, a name in the place of each.

    Returns:
        The text; and for each line in which such a sum is defined where it stands in the file.
    """
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text), len(text)]
    sums: dict[int, tuple[int, int]] = {}
    first: int | None = None
    equals: int | None = None
    end = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        at = starts[token.start[0] - 1] + token.start[1]
        if token.type == tokenize.NEWLINE:
            if first is not None and equals is not None:
                low, high = within(text[equals:end])
                if len(terms(text[equals + low : equals + high])) >= MOST:
                    sums[first] = equals + low, equals + high
            first = equals = None
        elif token.type not in (tokenize.NL, tokenize.COMMENT):
            end = starts[token.end[0] - 1] + token.end[1]
            first = token.start[0] if first is None else first
            equals = at + 1 if token.string == "=" and equals is None else equals
    out: list[str] = []
    end = 0
    for low, high in sums.values():
        out += [text[end:low], BEFORE, "\n" * text[low:high].count("\n")]
        end = high
    return "".join([*out, text[end:]]), sums


def terms(text: str) -> list[int]:
    """Where the operators `+` and `-` stand that join the terms at the top of an expression.

    Example:
        >>> terms("a + (b - c) * d - -e"), terms("a + b if c else d - e"), terms("f(a + b)")
        ([2, 16], [], [])
    """
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    out: list[int] = []
    depth, operand = 0, False
    try:
        for token in tokenize.generate_tokens(io.StringIO(f"(\n{text}\n)").readline):
            word, (line, column) = token.string, token.start
            depth -= word in ("]", "}", ")") and token.type == tokenize.OP
            if depth == 1 and (word in _WORDS or (token.type == tokenize.OP and word in _LOOSER)):
                return []
            if depth == 1 and operand and word in ("+", "-"):
                out.append(starts[line - 2] + column)
            if token.type not in (tokenize.NL, tokenize.COMMENT):
                operand = word in (")", "]", "}") or (
                    token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)
                    and not keyword.iskeyword(word)
                )
            depth += word in ("[", "{", "(") and token.type == tokenize.OP
    except (tokenize.TokenError, IndentationError):
        return []
    return out


def parsed(text: str) -> tuple[ast.Module, dict[int, tuple[int, int]]]:
    """The statements of a file; and by line the sums that are left out, being too long for that."""
    try:
        return _in_pieces(text) or ast.parse(text), {}
    except TOO_LONG:
        try:
            short, sums = shortened(text)
        except (tokenize.TokenError, IndentationError):
            sums = {}
        if not sums:
            raise
    return ast.parse(short), sums


def _in_pieces(text: str) -> ast.Module | None:
    """What `ast.parse` gives, which looks at no clock: some statements at a time of a long text.

    None where one of them cannot be read by itself, or where the text is not long.
    """
    if len(text) <= PIECE:
        return None
    body: list[ast.stmt] = []
    begin, line = 0, 0
    try:
        while begin < len(text):
            next_ = _BEGIN.search(text, begin + PIECE)
            end = len(text) if next_ is None else next_.start()
            body += ast.parse("\n" * line + text[begin:end]).body
            begin, line = end, line + text.count("\n", begin, end)
            look()
    except (SyntaxError, *TOO_LONG):  # a string or a bracket goes over the end, say
        return None
    return ast.Module(body, [])
