"""Text of others as people may see it: what is obeyed, or cannot be seen, is shown instead."""

from __future__ import annotations

import re
from unicodedata import bidirectional, category, combining

# Python's `isprintable` goes by Unicode's categories: controls, marks of direction and format,
# surrogates, characters of private use or of none, separators of lines, spaces (which stay here).
# These are letters and marks, and nothing is drawn for them: fillers, selectors of variations.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_APART, _TOGETHER, _KILLS_VOWEL = "\u200c", "\u200d", 9


def encodable(text: str) -> bool:
    r"""Whether UTF-8 can write a text: lone surrogates are halves of characters.

    Example:
        >>> encodable("na\u00efve"), encodable("\ud800")
        (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str, *, lines: bool = False) -> str:
    r"""A text in which nothing is obeyed or hidden: such characters appear as the escapes of JSON.

    Args:
        text: any text.
        lines: whether it has lines and tabs of its own, which stay.

    Example:
        >>> print(shown("red \x1b[31m\nand \u202eback"))
        red \u001b[31m\nand \u202eback
        >>> print(shown("two\nlines", lines=True))
        two
        lines
    """
    if text.isprintable() and (text.isascii() or not _BLANK.search(text)):
        return text
    kept = "\n\t" if lines else ""
    return "".join(
        char if char in kept or _harmless(text, place) else _escape(char)
        for place, char in enumerate(text)
    )


def _harmless(text: str, place: int) -> bool:
    char = text[place]
    if char in (_APART, _TOGETHER):
        return _joins(text, place)
    return category(char) == "Zs" or (char.isprintable() and not _BLANK.match(char))


def _joins(text: str, place: int) -> bool:
    """Whether a joiner changes what is seen, as RFC 5892 has it: in Persian, or in Devanagari."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if not before or not after:
        return False
    arabic = bidirectional(before) == bidirectional(after) == "AL"
    return combining(before) == _KILLS_VOWEL or (arabic and text[place] == _APART)


def _escape(char: str) -> str:
    if (number := ord(char)) < 0x10000:
        return _SHORT.get(char) or f"\\u{number:04x}"
    number -= 0x10000  # two halves, as JSON writes it
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
