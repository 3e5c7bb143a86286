"""Assembly text: one format for all machines.

A file says its machine first (``.machine series``); then come directives, which begin with a
dot, and instructions, one a line: a mnemonic and operands divided by commas. ``;`` begins a
comment. Strings are written as in JSON.

`disassemble` prints a program, and `assemble` of that text gives a program of the same hash.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.span import Span
from lanework.core.codes import BAD_ASSEMBLY
from lanework.core.isa import ISA, Instr, OperandKind
from lanework.core.machine import find
from lanework.core.program import Program

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,=]+|[,=]')
_PREFIX = {OperandKind.ROW: "%"}


@dataclass(frozen=True)
class Token:
    """A word of a line and the column where it begins."""

    text: str
    column: int


@dataclass(frozen=True)
class Line:
    """A line of assembly: its number, its words, and the whole text for spans."""

    number: int
    words: tuple[Token, ...]
    source: str
    text: str

    def fault(self, message: str, word: Token | None = None, help: str | None = None) -> Diagnostic:
        """A diagnostic at a word of the line, or at the whole line."""
        first = word or self.words[0]
        last = word or self.words[-1]
        span = Span(
            self.source,
            self.number,
            first.column,
            self.number,
            last.column + len(last.text),
            self.text,
        )
        return Diagnostic(BAD_ASSEMBLY, message, span=span, help=help)


class Assembler(Protocol):
    """What a machine knows about its directives."""

    def assemble(self, lines: Iterable[Line]) -> Program:
        """A program from the lines after ``.machine``."""

    def disassemble(self, program: Program) -> Iterator[str]:
        """The lines of a program, without ``.machine``."""


def assemble(text: str, source: str = "assembly") -> Program:
    """Read assembly text.

    Raises:
        Diagnostic: LW1010 with the place.
    """
    lines = list(_lines(text, source))
    if not lines:
        raise Diagnostic(BAD_ASSEMBLY, f"{source} holds no instruction")
    first, machine = lines[0], "register"
    if first.words[0].text == ".machine":
        if len(first.words) != 2:
            raise first.fault("write .machine NAME")
        machine = first.words[1].text
        lines = lines[1:]
    return find(machine).assembler().assemble(lines)


def disassemble(program: Program) -> str:
    """The program as text."""
    assembler = find(program.machine).assembler()
    return "\n".join([f".machine {program.machine}", *assembler.disassemble(program)]) + "\n"


def _lines(text: str, source: str) -> Iterator[Line]:
    for number, raw in enumerate(text.splitlines(), 1):
        words = []
        for match in _TOKEN.finditer(raw):
            if match[0].startswith(";"):
                break
            words.append(Token(match[0], match.start() + 1))
            if ";" in match[0] and not match[0].startswith('"'):
                head = match[0].split(";")[0]
                words[-1] = Token(head, match.start() + 1)
                if not head:
                    words.pop()
                break
        if words:
            yield Line(number, tuple(words), source, text)


def find_instr(isa: ISA, line: Line) -> Instr:
    """The instruction that a line's mnemonic names."""
    word = line.words[0]
    instr = isa.by_name.get(word.text)
    if instr is None:
        raise line.fault(
            f"the {isa.name} machine has no instruction {word.text!r}",
            word,
            did_you_mean(word.text, isa.by_name),
        )
    return instr


def operands(line: Line, instr: Instr, words: tuple[Token, ...]) -> tuple[int, ...]:
    """Target and operands of an instruction line: ``add %5, %0, %1``."""
    fields = [word for word in words if word.text != ","]
    specs = [("target", OperandKind.ROW), *((o.name, o.kind) for o in instr.operands)]
    if len(fields) != len(specs):
        names = ", ".join(name for name, _ in specs)
        raise line.fault(f"{instr.name} takes {len(specs)} operands: {names}")
    return tuple(number(line, word, kind) for word, (_, kind) in zip(fields, specs, strict=True))


def number(line: Line, word: Token, kind: OperandKind) -> int:
    """An operand: a row with its percent sign, or a plain number."""
    prefix = _PREFIX.get(kind, "")
    digits = word.text.removeprefix(prefix)
    if not word.text.startswith(prefix) or not digits.isdecimal() or int(digits) >= 1 << 32:
        raise line.fault(f"{word.text!r} is no {kind.value}; write {prefix}0, {prefix}1, ...", word)
    return int(digits)


def show_operand(kind: OperandKind, value: int) -> str:
    """An operand as it is written."""
    return f"{_PREFIX.get(kind, '')}{value}"


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
    return json.dumps(text, ensure_ascii=False)


def read_string(line: Line, word: Token) -> str:
    """A string in quotes."""
    try:
        value = json.loads(word.text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, str):
        raise line.fault(f"{word.text!r} is no string; write it in double quotes", word)
    return value
