"""Words of fleet assembly: names, registers, and bit patterns of numbers."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.program.asmtext import Line, Token, read_string
from lanework.machines.fleet.plan import NAME, STRATEGIES

NAN = 0x7FC00000
"""The bits that `nan` stands for."""

EXACT = 1 << 24
"""Whole numbers beyond it are not all floats of single precision."""

_NAME = re.compile(r"[^\W\d][\w.]*")  # those that expressions can hold
_REGISTER = re.compile(r"r([0-9]{1,9})", re.IGNORECASE)
_OWN = re.compile(r"mem([0-9]{1,9})", re.IGNORECASE)
_RESERVED = ("auto", "inf", "nan")
CLAUSES = (*STRATEGIES, "keep", "resume")
"""Words that begin a part of a launch; a name that is one of them stands in quotes."""


@dataclass(frozen=True)
class Position:
    """Where something stands in a text."""

    line: Line
    word: Token | None = None

    def fault(self, message: str, help: str | None = None) -> Diagnostic:
        """A diagnostic of bad assembly here."""
        return self.line.fault(message, self.word, help)


def register(text: str) -> int | None:
    """The register that a word names, or None.

    Example:
        >>> register("r3"), register("mem3")
        (3, None)
    """
    match = _REGISTER.fullmatch(text)
    return int(match[1]) if match else None


def own_word(text: str) -> int | None:
    """The word of the VM's own memory that `mem3` names, or None."""
    match = _OWN.fullmatch(text)
    return int(match[1]) if match else None


def named(text: str) -> bool:
    """Whether a word is a name: of a routine, a buffer, kept VMs."""
    return NAME.fullmatch(text) is not None and not _meant(text)


def plain(name: str) -> bool:
    """Whether a name can stand in an expression, and without quotes everywhere."""
    return _NAME.fullmatch(name) is not None and not _meant(name)


def _meant(name: str) -> bool:
    """Whether a name means something already."""
    known = register(name) is not None or own_word(name) is not None
    return known or name.lower() in _RESERVED


def quote(name: str) -> str:
    """A name as it stands in a text."""
    return name if plain(name) and name not in CLAUSES else json.dumps(name)


def read_name(line: Line, word: Token, what: str) -> str:
    """A name, plain or in quotes."""
    if word.text.startswith('"'):
        return read_string(line, word)
    if not named(word.text):
        raise line.fault(f"{word.text!r} cannot be the name of {what}", word,
                         "use letters, digits and _, and no name of a register")  # fmt: skip
    return word.text


def without_comment(words: Iterable[Token]) -> tuple[Token, ...]:
    """The words before `#`, which begins a comment as `;` does."""
    kept: list[Token] = []
    for word in words:
        if "#" in word.text and not word.text.startswith('"'):
            head = word.text.split("#")[0]
            return (*kept, Token(head, word.column)) if head else tuple(kept)
        kept.append(word)
    return tuple(kept)


def directive_words(line: Line, least: int, most: int, form: str) -> list[Token]:
    """The words after the directive, without commas."""
    words = [word for word in line.words[1:] if word.text not in (",", "=")]
    if not least <= len(words) <= most:
        raise line.fault(f"{line.words[0].text} cannot be read", None, f"write {form}")
    return words


def directive_word(line: Line, form: str) -> Token:
    """The only word after the directive."""
    return directive_words(line, 1, 1, f"{line.words[0].text} {form}")[0]


def fields(raw: str, words: Sequence[Token]) -> list[Token]:
    """What stands between commas, as it is written in the line `raw`."""
    out: list[Token] = []
    current: list[Token] = []
    for word in [*words, Token(",", len(raw) + 1)]:
        if word.text != ",":
            current.append(word)
            continue
        if current:
            first, last = current[0].column, current[-1]
            out.append(Token(raw[first - 1 : last.column - 1 + len(last.text)], first))
        else:
            out.append(Token("", word.column))
        current = []
    return out if words else []


def float_bits(value: int | float, position: Position) -> int:
    """The bits of a number in single precision.

    Raises:
        Diagnostic: LW1010 for a whole number, which may be an address, that single precision does
            not have, and for a number beyond all of them.
    """
    if value != value:
        return NAN
    try:
        bits: int = struct.unpack("<I", struct.pack("<f", value))[0]
    except OverflowError:
        raise position.fault(f"{value} is beyond single precision", "write inf or -inf") from None
    near = struct.unpack("<f", struct.pack("<I", bits))[0]
    if isinstance(value, int) and near != value:
        raise position.fault(
            f"{value} is no number of single precision, the nearest is {int(near)}",
            f"write {value}.0 for the nearest float, or int:{value} for the bits of the integer",
        )
    return bits


def integer_bits(value: int | float, position: Position) -> int:
    """The bits of an integer.

    Raises:
        Diagnostic: LW1010 for what is no integer of 32 bits.
    """
    if isinstance(value, float) or not -(1 << 31) <= value < 1 << 32:
        raise position.fault(f"{value} is no integer of 32 bits")
    return value % (1 << 32)


def show_pattern(bits: int) -> str:
    """Bits as a number that reads back to the same bits.

    Denormal floats are more likely integers, and are shown as such.

    Example:
        >>> [show_pattern(bits) for bits in (0x3DCCCCCD, 42, 0xFFFFFFFF, 0x7FC00000)]
        ['0.1', 'int:42', 'int:-1', 'nan']
        >>> [show_pattern(bits) for bits in (0x7F800001, 0x80000001, 0x80000000, 0xFFC00000)]
        ['bits:0x7f800001', 'bits:0x80000001', '-0.0', 'bits:0xffc00000']
    """
    exponent, rest = bits >> 23 & 0xFF, bits & 0x7FFFFF
    if bits == NAN:
        return "nan"
    if exponent == 0 and rest and not bits >> 31:
        return f"int:{bits}"
    if exponent == 255 and rest and bits > NAN | 1 << 31:
        return f"int:{bits - (1 << 32)}"
    if rest and exponent in (0, 255):
        return f"bits:0x{bits:08x}"
    return show_single(struct.unpack("<f", struct.pack("<I", bits))[0])


def show_single(value: float) -> str:
    """A float of single precision in as few digits as it takes.

    Example:
        >>> show_single(0.10000000149011612), show_single(16777216.0)
        ('0.1', '16777216.0')
    """
    short = float(str(np.float32(value)))
    same = not math.isfinite(value) or struct.pack("<f", short) == struct.pack("<f", value)
    return repr(short if same else float(value))
