"""The blocks of a BIF text: words, and something in braces. What they mean is said elsewhere.

Places in the text stay what they are, so that every message can say its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.graph.words import PIECE

# Slashes in the middle of a word begin no comment, and nothing does inside quotes.
_COMMENT = re.compile(r'"[^"\n]*"|(?<![^\s,;{}()\[\]|"])(?://[^\n]*|/\*)')
WORD = r'"[^"\n]*"|[^\s,;{}()\[\]|"]+'
# The name of a state as R cuts numbers into classes.
_END = r'[^\s,;{}()\[\]|"]+'
INTERVAL = rf"[(\[]\s*{_END}\s*,\s*{_END}\s*[)\]]"
LISTED = rf'(?:"[^"\n]*"|{INTERVAL}|[^()\[\]{{}};|"]++)*+'  # words, commas and blanks
_PLAIN = re.compile(LISTED)
_CELL = re.compile(r"[^,\n]*?(?=\)\s+[-+.0-9]|[,\n]|\Z)")
_HALF = re.compile(rf"\s*[\[\]()]\s*{_END}\s*,\s*{_END}\s*[\[\]()](?=\s*[,)}}])")
QUOTE = 'a name with blanks or one of ,;{}()[]| stands in quotes: "a;b"'
MARKS = frozenset(',;{}()[]|"')
_TOKEN = re.compile(rf'{WORD}|[,;{{}}()\[\]|"]')
_BRACE = re.compile(r'["{}]')
_QUOTED = re.compile(r'[^"\n]*"')
_BLANK = re.compile(r"[^\n]")


@dataclass(frozen=True)
class Block:
    """A piece of the text with braces."""

    words: tuple[str, ...]  # the words and marks before its brace
    start: int  # where it begins
    inside: int  # where its inside begins
    end: int  # where the brace is that closes it


def name_of(word: str) -> str:
    """A name without its quotes; an interval without blanks.

    Example:
        >>> name_of('"Asy/Patch"'), name_of("(0.5, 1]")
        ('Asy/Patch', '(0.5,1]')
    """
    return word[1:-1] if word[:1] == '"' else "".join(word.split())


def _ends(text: str, at: int, end: int) -> bool:
    """Whether a mark before this place may have closed a list, or a line."""
    mark, rest = text[at - 1], text[at:end]
    after = rest.lstrip()[:1]
    if mark == ")":  # numbers come after the states of parents
        return not after or after in "+-." or after.isdigit()
    return after in ("", ";") or (mark == ";" and rest[:1].isspace())


class BifText:
    """A text, its blocks, and places in it.

    Example:
        >>> (block,) = BifText("network unknown { /* nothing */ }", "n.bif").blocks()
        >>> block.words
        ('network', 'unknown')
    """

    def __init__(self, text: str, source: str) -> None:
        """Take a text; comments become blanks.

        Raises:
            Diagnostic: LW5003 for a comment without an end.
        """
        self.original, self.source = text, source
        self.text = self._without_comments(text) if "//" in text or "/*" in text else text

    def wrong(self, at: int, message: str, help: str | None = None) -> Diagnostic:
        """A diagnostic at a place, LW5003."""
        return Diagnostic(BAD_NETWORK, message, span=self.span(at), help=help)

    def span(self, at: int) -> Span:
        """The word at a place."""
        text = self.original
        line = text.count("\n", 0, at) + 1
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        end = at + 1
        while end < len(text) and not text[end].isspace():
            end += 1
        return Span(self.source, line, column, line, column + end - at, text)

    def odd(self, at: int, end: int) -> Diagnostic | None:
        """What is wrong with the names from a place on, if one has what stands in quotes only."""
        match = _PLAIN.match(self.text, at, end)
        stop = match.end() if match else at
        if stop >= end or (self.text[stop] in "});" and _ends(self.text, stop + 1, end)):
            return None
        start = max(self.text.rfind(mark, at, stop) + 1 for mark in ",\n")
        start = max(start, at)
        cell = _HALF.match(self.text, start, end) or _CELL.match(self.text, start, end)
        word = cell[0].strip() if cell else ""
        if word.count("}") > word.count("{"):  # the one that closes the list
            word = word[: word.rindex("}")].strip()
        what = f"the name of a state has {self.text[stop]!r} in it: {word}"
        return self.wrong(stop, what, f'write it in quotes: "{word}"' if '"' not in word else QUOTE)

    def blocks(self) -> Iterator[Block]:
        """All blocks, in order.

        Raises:
            Diagnostic: LW5003 for a brace that is never closed, or never opened.
        """
        text, at = self.text, 0
        words: list[str] = []
        start = 0
        while match := _TOKEN.search(text, at):
            at = match.end()
            if not words:
                start = match.start()
            if match.group() != "{":
                words.append(match.group())
                continue
            end = self._closing(match.start())
            if not words:
                raise self.wrong(start, "a brace follows a name")
            yield Block(tuple(words), start, at, end)
            words, at = [], end + 1
        if words:
            help = "is the file cut off?"
            raise self.wrong(start, "the text ends inside a part of the network", help)

    def _closing(self, brace: int) -> int:
        depth, at = 0, brace
        while at < len(self.text):
            match = _BRACE.search(self.text, at, at + PIECE)  # a long text by pieces
            if match is None:
                at += PIECE
                continue
            at = match.end()
            if match[0] == '"':
                end = _QUOTED.match(self.text, at)
                at = at if end is None else end.end()
                continue
            depth += 1 if match[0] == "{" else -1
            if depth == 0:
                return match.start()
        help = "is the file cut off? In names, braces stand in quotes"
        raise self.wrong(brace, "a brace is not closed", help)

    def _without_comments(self, text: str) -> str:
        parts, at = [], 0
        while match := _COMMENT.search(text, at):
            start, end = match.span()
            if text[start] == '"':
                parts.append(text[at:end])
                at = end
                continue
            if match.group() == "/*":
                end = text.find("*/", start + 2) + 2
                if end < 2:
                    raise self.wrong(start, "a comment is not closed", "is the file cut off?")
            parts += [text[at:start], _BLANK.sub(" ", text[start:end])]
            at = end
        return "".join([*parts, text[at:]])
