"""From assembly text of register programs to tapes: labels, data, ports and instructions."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from lanework.base.errors import did_you_mean
from lanework.core.program.asmtext import Line, Token, read_string
from lanework.core.program.isa import Instruction, OperandKind, OperandSpec
from lanework.core.program.program import ListingEntry, Port, Program
from lanework.core.resident import looked
from lanework.machines.register.isa import REGISTER, REGISTER_NUMBERS, RegisterInstr
from lanework.machines.register.layout import MEMORY, TYPES, default_ports
from lanework.machines.register.text.instead import (
    REGISTERS,
    begins_comment,
    of_directive,
    of_instruction,
    of_operand,
)
from lanework.machines.register.text.operands import (
    NUMBER,
    address,
    bounded,
    fields_of,
    float_in,
    in_memory,
    mnemonics,
    number_in,
    operand_at,
    pattern,
    variant,
)

_SIZES = {".byte": 1, ".half": 2, ".word": 4, ".quad": 8}
_TARGET = OperandSpec("rd", OperandKind.REGISTER)


@dataclass(slots=True)
class _Pending:
    """An instruction whose labels are not yet known."""

    line: Line
    instr: RegisterInstr
    target: int
    operands: list[int | str]
    scope: str
    address: int


@dataclass
class Reader:
    """Reads the lines of a program: all of them first, and then where labels are."""

    lines: list[Line]  # without `.machine`
    names: dict[str, RegisterInstr] = field(default_factory=mnemonics)  # by every mnemonic
    code: list[_Pending] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)  # their addresses
    data: bytearray = field(default_factory=bytearray)  # what memory begins with
    ports: list[Port] = field(default_factory=list)
    header: dict[str, int | float | str] = field(default_factory=dict)
    entry: tuple[Line, Token] | None = None  # where it is said
    scope: str = ""  # the label to which labels with a dot belong
    address: int = 0  # of the next instruction
    in_data: bool = False
    fresh: list[tuple[Line, Token, str]] = field(default_factory=list)  # labels before nothing yet

    def read(self) -> Program:
        """The program.

        Raises:
            Diagnostic: LW1010 with the place.
        """
        for line in looked(self.lines):
            self._line(line)
        code = [self._resolve(pending) for pending in looked(self.code)]
        if self.entry is not None:
            line, word = self.entry
            self.header["entry"] = self._label(line, word.text, "", word)
        listing = tuple(
            ListingEntry(n, p.line.span(), " ".join(w.text for w in p.line.words))
            for n, p in enumerate(looked(self.code))
        )
        return Program(
            machine="register",
            header={"memory": MEMORY, "entry": 0, **self.header},
            tape=REGISTER.encode(code),
            ports=tuple(self.ports) or default_ports(code),
            constants=np.zeros(0),
            sections={"data": bytes(self.data)} if self.data else {},
            listing=listing,
        )

    def _line(self, line: Line) -> None:
        words = list(line.words)
        if mark := next((word for word in words[1:] if begins_comment(word.text)), None):
            word = operand_at(line, mark.text) or mark
            raise line.fault(f"{word.text!r} is no operand", word, "comments begin with ;")
        while words and words[0].text.endswith(":"):
            self._define(line, words.pop(0))
        if not words:
            return
        name, rest = words[0], [word for word in words[1:] if word.text != ","]
        if name.text.startswith("."):
            self.fresh.clear()
            _DIRECTIVES.get(name.text, Reader._other)(self, line, name, rest)
        else:
            if self.in_data:
                self._begin_code()
            self._instruction(line, words)

    def _begin_code(self) -> None:
        """After data without `.code`, which labels just before an instruction then belong to."""
        self.in_data, labels, self.fresh = False, self.fresh, []
        for line, word, name in labels:
            del self.labels[name]
            self._define(line, word)

    def _define(self, line: Line, word: Token) -> None:
        name = word.text[:-1]
        if name.startswith("."):
            name = self.scope + name
        elif not self.in_data:
            self.scope = name
        if name in REGISTER_NUMBERS or not re.fullmatch(r"[A-Za-z_.][\w.]*", name):
            raise line.fault(f"{name!r} cannot be a label", word, "use letters, digits and _")
        if name in self.labels:
            raise line.fault(f"the label {name!r} is there twice", word)
        self.labels[name] = len(self.data) if self.in_data else self.address
        self.fresh.append((line, word, name))

    # Directives -------------------------------------------------------------------------------

    def _section(self, line: Line, name: Token, rest: list[Token]) -> None:
        self.in_data = name.text == ".data"

    def _memory(self, line: Line, name: Token, rest: list[Token]) -> None:
        line.once("memory", self.header)
        self.header["memory"] = bounded(line, _one(line, name, rest))

    def _entry(self, line: Line, name: Token, rest: list[Token]) -> None:
        line.once("entry", () if self.entry is None else ("entry",))
        self.entry = line, _one(line, name, rest)

    def _other(self, line: Line, name: Token, rest: list[Token]) -> None:
        """Data, or a directive that there is not."""
        if not self.in_data:
            if name.text in _DATA:
                what = f"{name.text} stands among instructions"
                raise line.fault(what, name, "data goes after .data")
            help = of_directive(name.text, [*_DIRECTIVES, *_DATA])
            raise line.fault(f"there is no directive {name.text}", name, help)
        read = _DATA.get(name.text)
        data = None if read is None or not rest else read(self, line, rest)
        if data is None:
            what = f"there is no data directive {name.text} like this"
            raise line.fault(what, name, of_directive(name.text, list(_DATA)))
        self.data += data

    def _space(self, line: Line, rest: list[Token]) -> bytes | None:
        return bytes(bounded(line, rest[0], 1 << 32)) if len(rest) == 1 else None

    def _align(self, line: Line, rest: list[Token]) -> bytes | None:
        if len(rest) != 1:
            return None
        size = bounded(line, rest[0], 4096)
        if size.bit_count() != 1:
            help = "write 1, 2, 4 or another power of two to 4096"
            raise line.fault(f"nothing is aligned to {rest[0].text} bytes", rest[0], help)
        return bytes(-len(self.data) % size)

    def _ascii(self, line: Line, rest: list[Token]) -> bytes:
        return b"".join(read_string(line, word).encode() for word in rest)

    def _double(self, line: Line, rest: list[Token]) -> bytes:
        return b"".join(struct.pack("<d", float_in(line, word)) for word in rest)

    def _numbers(self, line: Line, rest: list[Token], size: int) -> bytes:
        data = b""
        for word in rest:
            value = number_in(line, word.text, word)
            if not -(1 << size * 8 - 1) <= value < 1 << size * 8:
                fit = f"{word.text} does not fit into {size} byte{'s' * (size > 1)}"
                raise line.fault(fit, word)
            data += (value % (1 << size * 8)).to_bytes(size, "little")
        return data

    def _port(self, line: Line, name: Token, rest: list[Token]) -> None:
        called = rest[0].text if rest else ""
        if called not in REGISTER_NUMBERS and rest:
            called = read_string(line, rest.pop(0))
        at = next((n for n, word in enumerate(rest) if word.text == "="), len(rest))
        rest, given = rest[:at], rest[at:]
        wrong = len(given) not in (0, 2) or (given and name.text == ".output")
        if wrong or len(rest) not in (1, 2) or rest[0].text not in REGISTER_NUMBERS:
            more = ", and = 0 for one that may be left out" if name.text == ".input" else ""
            raise line.fault(f'write {name.text} "name" r0, and f64 after it for floats{more}')
        dtype = rest[1].text if len(rest) == 2 else "u64"
        if dtype not in TYPES:
            raise line.fault(f"{dtype!r} is no type of a register", rest[1], ", ".join(TYPES))
        direction: Literal["in", "out"] = "in" if name.text == ".input" else "out"
        default = self._default(line, given[1], dtype) if given else None
        row = REGISTER_NUMBERS[rest[0].text]
        taken = [each.name for each in self.ports if (each.direction, each.row) == (direction, row)]
        if direction == "in" and taken:
            what = f"{rest[0].text} is the input {taken[0]!r} already, and can hold one of both"
            raise line.fault(what, rest[0], "give each input a register of its own")
        if any((each.direction, each.name) == (direction, called) for each in self.ports):
            raise line.fault(f"there is an {direction}put {called!r} already", None, "rename one")
        self.ports.append(Port(called, direction, row, dtype, default=default))

    def _default(self, line: Line, word: Token, dtype: str) -> float:
        """What an input is that is left out: a float, or a whole number that a float has."""
        if dtype == "f64":
            return float_in(line, word)
        number = number_in(line, word.text, word)
        if float(number) != number or (dtype == "i64" and number >= 1 << 63):
            what = f"{word.text} cannot be the default of a register of {dtype}"
            raise line.fault(what, word, "take a number up to 2**53, or give the input each time")
        return float(number)

    # Instructions -----------------------------------------------------------------------------

    def _instruction(self, line: Line, words: list[Token]) -> None:
        fields, name = fields_of(words[1:]), words[0].text
        instr = self.names.get(name)
        if instr is None:
            what = f"the register machine has no instruction {name!r}"
            raise line.fault(what, words[0], of_instruction(name, {**self.names}))
        instr = self.names[variant(instr.name, fields)]
        if instr.name == "movi" and len(fields) == 2:
            self._constant(line, instr, fields)
        else:
            self._add(line, instr, fields)

    def _constant(self, line: Line, instr: RegisterInstr, fields: list[str]) -> None:
        """A number of up to 64 bits in a register, in one instruction or in two."""
        target, text = fields
        value = number_in(line, text, line.words[-1]) if NUMBER.fullmatch(text) else 0
        if -(1 << 31) <= value < 1 << 31:
            self._add(line, instr, fields)
            return
        value %= 1 << 64
        low, high = value & 0xFFFFFFFF, value >> 32
        self._add(line, instr, [target, str(low - (low >> 31 << 32))])
        self._add(line, self.names["movh"], [target, target, str(high - (high >> 31 << 32))])

    def _add(self, line: Line, instr: RegisterInstr, fields: list[str]) -> None:
        specs = [*([_TARGET] if instr.writes else []), *instr.operands]
        if in_memory(instr):
            fields = address(line, instr, fields)
        if len(fields) != len(specs):
            count = len(specs) - (in_memory(instr) and instr.optional)
            help = f"write {instr.name} {pattern(instr)}"
            what = f"{instr.name} takes {count} operands, with commas between them"
            raise line.fault(f"{what}, not {len(fields)}", None, help)
        values = [
            self._register(line, text) if spec.kind is OperandKind.REGISTER else text
            for text, spec in zip(fields, specs, strict=True)
        ]
        target = values.pop(0) if instr.writes else 0
        assert isinstance(target, int)
        pending = _Pending(line, instr, target, values, self.scope, self.address)
        self.code.append(pending)
        short = instr.optional and self._value(pending) == 0
        self.address += 8 if instr.wide and not short else 4

    def _register(self, line: Line, text: str) -> int:
        if text not in REGISTER_NUMBERS:
            known = of_operand(text, self.labels) or (f"{text!r} is no register", REGISTERS)
            raise line.fault(known[0], operand_at(line, text), known[1])
        return REGISTER_NUMBERS[text]

    def _value(self, pending: _Pending) -> int | None:
        """The number of an instruction, as far as it is one and no label."""
        text = pending.operands[-1]
        try:
            return int(str(text), 0)
        except ValueError:
            return self.labels.get(str(text))

    def _resolve(self, pending: _Pending) -> Instruction:
        operands = []
        specs = pending.instr.operands
        for operand, spec in zip(pending.operands, specs, strict=True):
            if isinstance(operand, int):
                operands.append(operand)
                continue
            if spec.kind is OperandKind.CODE:
                value = self._label(pending.line, operand, pending.scope) - pending.address
            else:
                value = self._operand(pending, operand)
            if not -(1 << 31) <= value < 1 << 31:
                what = f"{operand} does not fit into 32 bits"
                word = operand_at(pending.line, operand)
                raise pending.line.fault(what, word, "mov takes 64 bits")
            operands.append(value)
        return Instruction(pending.instr.name, pending.target, tuple(operands))

    def _operand(self, pending: _Pending, text: str) -> int:
        if NUMBER.fullmatch(text):
            return number_in(pending.line, text, pending.line.words[-1])
        sign = -1 if text.startswith("-") else 1
        return sign * self._label(pending.line, text.lstrip("-"), pending.scope)

    def _label(self, line: Line, text: str, scope: str, word: Token | None = None) -> int:
        name = scope + text if text.startswith(".") else text
        if name not in self.labels:
            near = did_you_mean(name, list(self.labels))
            what, help = of_operand(text, self.labels) or (f"there is no label {text!r}", near)
            raise line.fault(what, word or operand_at(line, text), help)
        return self.labels[name]


def _one(line: Line, name: Token, rest: list[Token]) -> Token:
    if len(rest) != 1:
        raise line.fault(f"write {name.text} and one word after it")
    return rest[0]


_DIRECTIVES: dict[str, Callable[[Reader, Line, Token, list[Token]], None]] = {
    ".data": Reader._section,
    ".code": Reader._section,
    ".text": Reader._section,
    ".memory": Reader._memory,
    ".entry": Reader._entry,
    ".input": Reader._port,
    ".output": Reader._port,
}
_DATA: dict[str, Callable[[Reader, Line, list[Token]], bytes | None]] = {
    **{name: partial(Reader._numbers, size=size) for name, size in _SIZES.items()},
    ".space": Reader._space,
    ".align": Reader._align,
    ".ascii": Reader._ascii,
    ".double": Reader._double,
}
