"""Words of assembly text that machines have in common: read and printed in one way.

What a function prints, another of this module reads back to the same.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.printable import encodable, shown
from lanework.base.span import Span
from lanework.core.codes import BAD_ASSEMBLY
from lanework.core.program.isa import ISA, Instruction, OperandKind
from lanework.core.resident import look

_PREFIX = {OperandKind.ROW: "%"}
_NUMBERS = 8  # in a line
_LINE = 64  # bytes of one in a list, its characters aside
Known = TypeVar("Known")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a line and the column where it begins."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of assembly: its number, its words, and the whole text for spans."""

    number: int
    words: tuple[Token, ...]
    source: str
    text: str

    def fault(self, message: str, word: Token | None = None, help: str | None = None) -> Diagnostic:
        """A diagnostic at a word of the line, or at the whole line."""
        return Diagnostic(BAD_ASSEMBLY, message, span=self.span(word), help=help)

    def span(self, word: Token | None = None) -> Span:
        """Where a word of the line is, or the whole line."""
        first = word or self.words[0]
        last = word or self.words[-1]
        return Span(
            self.source,
            self.number,
            first.column,
            self.number,
            last.column + len(last.text),
            self.text,
        )

    def need(self, count: int) -> None:
        """Refuse the line if it has not this many words after the first."""
        if len(self.words) != count + 1:
            raise self.fault(f"{self.words[0].text} takes {count} word{'s' * (count != 1)}")

    def once(self, name: object, taken: Container[object], word: Token | None = None) -> None:
        """Refuse what is said twice, where one of both would be passed over."""
        if name in taken:
            what = self.words[0].text if word is None else f"{self.words[0].text} {word.text}"
            raise self.fault(f"{what} is there twice", word, "leave one of them out")


def split(text: str) -> list[str]:
    r"""The lines of a text.

    Raises:
        Diagnostic: LW0101.

    Example:
        >>> split("add r0, r0, r1\nhalt")
        ['add r0, r0, r1', 'halt']
    """
    look(len(text) + _LINE * text.count("\n"))
    return text.splitlines()


def find_directive(line: Line, known: Mapping[str, Known]) -> Known:
    """What a machine has for the directive that a line begins with."""
    word = line.words[0]
    if word.text not in known:
        help = did_you_mean(word.text, known) or f"directives are {', '.join(sorted(known))}"
        raise line.fault(f"there is no directive {word.text}", word, help)
    return known[word.text]


def read_instruction(isa: ISA, line: Line) -> Instruction:
    """An instruction with its target and its operands: ``add %5, %0, %1``."""
    word = line.words[0]
    instr = isa.spellings.get(word.text)
    if instr is None:
        message = f"the {isa.name} machine has no instruction {word.text!r}"
        raise line.fault(message, word, did_you_mean(word.text, isa.by_name))
    fields = [word for word in line.words[1:] if word.text != ","]
    specs = [("target", OperandKind.ROW), *((o.name, o.kind) for o in instr.operands)]
    if len(fields) != len(specs):
        names = ", ".join(name for name, _ in specs)
        raise line.fault(f"{instr.name} takes {len(specs)} operands: {names}")
    target, *rest = (
        number(line, word, kind) for word, (_, kind) in zip(fields, specs, strict=True)
    )
    return Instruction(instr.name, target, tuple(rest))


def show_instruction(isa: ISA, instruction: Instruction) -> str:
    """An instruction as `read_instruction` reads it, indented."""
    words = [f"%{instruction.target}"]
    specs = isa.by_name[instruction.name].operands
    for spec, operand in zip(specs, instruction.operands, strict=True):
        words.append(f"{_PREFIX.get(spec.kind, '')}{operand}")
    return f"    {instruction.name} {', '.join(words)}"


def number(line: Line, word: Token, kind: OperandKind) -> int:
    """An operand: a row with its percent sign, or a plain number."""
    prefix = _PREFIX.get(kind, "")
    digits = word.text.removeprefix(prefix)
    if not word.text.startswith(prefix) or not digits.isdecimal() or int(digits) >= 1 << 32:
        raise line.fault(f"{word.text!r} is no {kind.value}; write {prefix}0, {prefix}1, ...", word)
    return int(digits)


def read_header(line: Line) -> tuple[str, int | float | str]:
    """A field of the header: ``.header "name" value``."""
    line.need(2)
    name, word = read_string(line, line.words[1]), line.words[2]
    if word.text.startswith('"'):
        return name, read_string(line, word)
    if not word.text.removeprefix("-").isdecimal():
        return name, read_float(line, word)
    if not -(1 << 63) <= int(word.text) < 1 << 63:
        raise line.fault("a number in the header has 64 bits", word)
    return name, int(word.text)


def show_header(name: str, value: int | float | str) -> str:
    """A field of the header as `read_header` reads it."""
    if isinstance(value, str):
        text = show_string(value)
    else:
        text = show_float(value) if isinstance(value, float) else str(value)
    return f".header {show_string(name)} {text}"


def show_numbers(directive: str, values: Iterable[float]) -> Iterator[str]:
    """Lines of a directive with some numbers in each."""
    texts = [show_float(float(value)) for value in values]
    for start in range(0, len(texts), _NUMBERS):
        yield f"{directive} {' '.join(texts[start : start + _NUMBERS])}"


def show_float(value: float) -> str:
    """A float so that it reads back to the same bits.

    Example:
        >>> show_float(0.1), show_float(float("-inf"))
        ('0.1', '-inf')
    """
    if value == value:
        return repr(float(value))
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    return f"nan:{bits:016x}"


def read_float(line: Line, word: Token) -> float:
    """A float as `show_float` writes it."""
    try:
        if word.text.startswith("nan:"):
            return float(np.array([int(word.text[4:], 16)], np.uint64).view(np.float64)[0])
        return float(word.text)
    except (ValueError, OverflowError):
        raise line.fault(f"{word.text!r} is no number", word) from None


def show_string(text: str) -> str:
    """A string as it is written."""
    return shown(json.dumps(text, ensure_ascii=False))


def read_string(line: Line, word: Token) -> str:
    """A string in quotes."""
    try:
        value = json.loads(word.text)
    except json.JSONDecodeError:
        value = None
    if isinstance(value, str) and not encodable(value):
        raise line.fault(f"{word.text!r} has half of a character", word)
    if not isinstance(value, str):
        quoted = len(word.text) > 1 and word.text[0] == word.text[-1] == '"'
        escapes = "with the escapes of JSON, such as \\n, \\\\, \\u0041"
        how = escapes if quoted else "in double quotes"
        raise line.fault(f"{word.text!r} is no string; write it {how}", word)
    return value
