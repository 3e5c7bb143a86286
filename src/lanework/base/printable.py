"""Text of others as people may see it: what a terminal would obey is shown instead."""

from __future__ import annotations

import re

# Control characters of ASCII and Latin 1; invisible ones that turn the direction of text or hide
# in it (joiners, which some scripts are written with, aside); line separators; lone surrogates.
_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


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
    r"""A text in which nothing is obeyed: control characters appear as the escapes of JSON.

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

    def escape(match: re.Match[str]) -> str:
        char = match[0]
        if lines and char in "\n\t":
            return char
        return _SHORT.get(char) or f"\\u{ord(char):04x}"

    return text if text.isascii() and text.isprintable() else _OBEYED.sub(escape, text)
