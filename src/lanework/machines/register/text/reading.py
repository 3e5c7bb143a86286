"""From assembly text of register programs to tapes: labels, data, and forms of instructions."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lanework.base.errors import did_you_mean
from lanework.core.program.asmtext import Line, Token, read_float, read_string
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import ListingEntry, Port, Program
from lanework.machines.register.isa import REGISTER, REGISTER_NUMBERS, RegisterInstr
from lanework.machines.register.layout import MEMORY, default_ports

_MEMORY_OPERAND = re.compile(r"\[([^\[\]+-]+)(?:([+-])([^\[\]]+))?\]")
_SIZES = {".byte": "B", ".half": "H", ".word": "I", ".quad": "Q"}
_PSEUDO = {"jump": "jmp", "jumpr": "jmpr"}


def mnemonics() -> dict[str, RegisterInstr]:
    """Every way to name an instruction: short, and with its group before a dot."""
    names: dict[str, RegisterInstr] = {}
    for instr in REGISTER.by_name.values():
        names.setdefault(f"{instr.group}.{instr.mode}", instr)
        names[instr.name] = instr
    return names | {name: names[to] for name, to in _PSEUDO.items()}


@dataclass
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
    """Reads the lines of a program: all of them first, and then where labels are.

    Attributes:
        lines: the text, without ``.machine``.
        names: instructions by every mnemonic that they have.
        code: instructions so far.
        labels: addresses by label.
        data: what memory begins with.
        ports: as declared.
        header: of the program.
        entry: the line and the word that say where the program begins.
        scope: the label to which labels with a dot belong.
        address: of the next instruction.
        in_data: whether data is being read.
    """

    lines: list[Line]
    names: dict[str, RegisterInstr] = field(default_factory=mnemonics)
    code: list[_Pending] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    ports: list[Port] = field(default_factory=list)
    header: dict[str, int | float | str] = field(default_factory=dict)
    entry: tuple[Line, Token] | None = None
    scope: str = ""
    address: int = 0
    in_data: bool = False

    def read(self) -> Program:
        """The program.

        Raises:
            Diagnostic: LW1010 with the place.
        """
        for line in self.lines:
            self._line(line)
        code = [self._resolve(pending) for pending in self.code]
        if self.entry is not None:
            line, word = self.entry
            self.header["entry"] = self._label(line, word.text, "", word)
        listing = tuple(
            ListingEntry(n, p.line.fault("").span, " ".join(w.text for w in p.line.words))
            for n, p in enumerate(self.code)
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
        while words and words[0].text.endswith(":"):
            self._define(line, words.pop(0))
        if not words:
            return
        name = words[0].text
        if name in (".data", ".code", ".text"):
            self.in_data = name == ".data"
        elif name.startswith("."):
            self._directive(line, words)
        elif self.in_data:
            raise line.fault(f"{name!r} stands among the data", words[0], "write .code before it")
        else:
            self._instruction(line, words)

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

    # Directives -------------------------------------------------------------------------------

    def _directive(self, line: Line, words: list[Token]) -> None:
        name, rest = words[0].text, [word for word in words[1:] if word.text != ","]
        if name in (".input", ".output"):
            self._port(line, name, rest)
        elif name in (".memory", ".entry") and len(rest) != 1:
            raise line.fault(f"write {name} and one word after it")
        elif name == ".memory":
            self.header["memory"] = self._whole(line, rest[0])
        elif name == ".entry":
            self.entry = line, rest[0]
        elif not self.in_data:
            known = (".data", ".code", ".memory", ".entry", ".input", ".output")
            raise line.fault(
                f"there is no directive {name}",
                words[0],
                did_you_mean(name, known) or "data goes after .data",
            )
        else:
            self._data(line, name, rest, words[0])

    def _data(self, line: Line, name: str, rest: list[Token], word: Token) -> None:
        if name == ".space" and len(rest) == 1:
            self.data += bytes(self._whole(line, rest[0], 1 << 32))
        elif name == ".align" and len(rest) == 1:
            self.data += bytes(-len(self.data) % max(self._whole(line, rest[0], 4096), 1))
        elif name == ".ascii":
            self.data += b"".join(read_string(line, text).encode() for text in rest)
        elif name == ".double":
            self.data += b"".join(struct.pack("<d", read_float(line, text)) for text in rest)
        elif name in _SIZES:
            size = struct.calcsize(_SIZES[name])
            for text in rest:
                value = self._number(line, text.text, text)
                if not -(1 << size * 8 - 1) <= value < 1 << size * 8:
                    raise line.fault(f"{text.text} does not fit into {size} bytes", text)
                self.data += (value % (1 << size * 8)).to_bytes(size, "little")
        else:
            known = (*_SIZES, ".space", ".align", ".ascii", ".double")
            raise line.fault(f"there is no data directive {name} like this", word,
                             did_you_mean(name, known))  # fmt: skip

    def _port(self, line: Line, name: str, rest: list[Token]) -> None:
        if len(rest) not in (2, 3) or rest[1].text not in REGISTER_NUMBERS:
            raise line.fault(f'write {name} "name" r0, and f64 after it for floats')
        dtype = rest[2].text if len(rest) == 3 else "u64"
        if dtype not in ("u64", "i64", "f64"):
            raise line.fault(f"{dtype!r} is no type of a register", rest[2], "u64, i64 or f64")
        way: Literal["in", "out"] = "in" if name == ".input" else "out"
        self.ports.append(
            Port(
                read_string(line, rest[0]),
                way,
                REGISTER_NUMBERS[rest[1].text],
                dtype,
                default=0.0 if way == "in" else None,
            )
        )

    # Instructions -----------------------------------------------------------------------------

    def _instruction(self, line: Line, words: list[Token]) -> None:
        fields = _fields(words[1:])
        name = words[0].text
        instr = self.names.get(name)
        if instr is None:
            raise line.fault(
                f"the register machine has no instruction {name!r}",
                words[0],
                did_you_mean(name, self.names),
            )
        instr, fields = self._variant(instr, fields)
        if instr.name == "movi" and len(fields) == 2:
            self._constant(line, instr, fields)
            return
        self._add(line, instr, fields, words)

    def _variant(self, instr: RegisterInstr, fields: list[str]) -> tuple[RegisterInstr, list[str]]:
        """The instruction for operands of these kinds: `mov r1, 5` is `movi`, and so on."""
        last = fields[-1] if fields else ""
        register = last in REGISTER_NUMBERS
        if instr.name in ("mov", "call", "jmp"):
            if (instr.name == "mov") != register:
                other = {"mov": "movi", "call": "callr", "jmp": "jmpr"}[instr.name]
                return self.names[other], fields
        elif instr.group == "alu" and len(fields) == 3 and not register:
            return self.names[f"{instr.name}i"], fields
        return instr, fields

    def _constant(self, line: Line, instr: RegisterInstr, fields: list[str]) -> None:
        """A number of up to 64 bits in a register, in one instruction or in two."""
        target, text = fields
        value: int | None = None
        try:
            value = self._number(line, text, line.words[-1])
        except Exception:
            if re.fullmatch(r"[+-]?\d.*", text):
                raise
        words = list(line.words)
        if value is None or -(1 << 31) <= value < 1 << 31:
            self._add(line, instr, fields, words)
            return
        value %= 1 << 64
        low, high = value & 0xFFFFFFFF, value >> 32
        self._add(line, instr, [target, str(low - (low >> 31 << 32))], words)
        self._add(line, self.names["movh"], [target, target, str(high - (high >> 31 << 32))], words)

    def _add(self, line: Line, instr: RegisterInstr, fields: list[str], words: list[Token]) -> None:
        wanted = (["rd"] if instr.writes else []) + [spec.name for spec in instr.operands]
        memory = instr.group in ("load", "store") or instr.group == "atomic"
        if memory:
            fields = self._address(line, instr, fields)
        if len(fields) != len(wanted):
            raise line.fault(
                f"{instr.name} takes {len(wanted) - (instr.group in ('load', 'store'))} operands",
                None,
                f"write {instr.name} {pattern(instr)}",
            )
        kinds = [OperandKind.REGISTER] if instr.writes else []
        kinds += [spec.kind for spec in instr.operands]
        values: list[int | str] = []
        for text, kind in zip(fields, kinds, strict=True):
            if kind is OperandKind.REGISTER:
                if text not in REGISTER_NUMBERS:
                    raise line.fault(f"{text!r} is no register", None, "r0 to r31, zero, lr, sp")
                values.append(REGISTER_NUMBERS[text])
            else:
                values.append(text)
        target = values.pop(0) if instr.writes else 0
        assert isinstance(target, int)
        pending = _Pending(line, instr, target, values, self.scope, self.address)
        self.code.append(pending)
        short = instr.optional and self._value(pending) == 0
        self.address += 8 if instr.wide and not short else 4

    def _address(self, line: Line, instr: RegisterInstr, fields: list[str]) -> list[str]:
        """`[r1 + 8]` as the fields rs1 and imm."""
        at = 1
        if len(fields) <= at:
            return fields
        match = _MEMORY_OPERAND.fullmatch(fields[at])
        if match is None:
            raise line.fault(f"{fields[at]!r} is no address", None, "write [r1], or [r1 + 8]")
        base, sign, offset = match[1], match[2] or "+", match[3] or "0"
        if base not in REGISTER_NUMBERS and match[3] is None:
            base, offset = "zero", base
        if instr.group == "atomic":
            return [fields[0], base, *fields[2:]]
        number = offset if sign == "+" else f"-{offset}"
        return [fields[0], base, number, *fields[2:]]

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
                raise pending.line.fault(
                    f"{operand} does not fit into 32 bits", None, "mov takes 64 bits"
                )
            operands.append(value)
        return Instruction(pending.instr.name, pending.target, tuple(operands))

    def _operand(self, pending: _Pending, text: str) -> int:
        if re.fullmatch(r"[+-]?\d.*|'.'", text):
            return self._number(pending.line, text, pending.line.words[-1])
        sign = -1 if text.startswith("-") else 1
        return sign * self._label(pending.line, text.lstrip("-"), pending.scope)

    def _label(self, line: Line, text: str, scope: str, word: Token | None = None) -> int:
        name = scope + text if text.startswith(".") else text
        if name not in self.labels:
            raise line.fault(
                f"there is no label {text!r}", word, did_you_mean(name, list(self.labels))
            )
        return self.labels[name]

    def _number(self, line: Line, text: str, word: Token) -> int:
        if len(text) == 3 and text[0] == text[2] == "'":
            return ord(text[1])
        try:
            value = int(text, 0)
        except ValueError:
            raise line.fault(f"{text!r} is no number", word) from None
        if not -(1 << 63) <= value < 1 << 64:
            raise line.fault(f"{text} does not fit into 64 bits", word)
        return value

    def _whole(self, line: Line, word: Token, most: int = 1 << 40) -> int:
        value = self._number(line, word.text, word)
        if not 0 <= value <= most:
            raise line.fault(f"{word.text} is out of range", word)
        return value


def _fields(words: list[Token]) -> list[str]:
    """Operands between commas, without spaces."""
    fields: list[str] = []
    current = ""
    for word in words:
        if word.text == ",":
            fields.append(current)
            current = ""
        else:
            current += word.text
    return [*fields, current] if words else []


def pattern(instr: RegisterInstr) -> str:
    """Operands as an example has them."""
    if instr.group == "load":
        return "r0, [r1 + 8]"
    if instr.group == "store":
        return "r0, [r1 + 8]"
    if instr.group == "atomic":
        return "r0, [r1], r2"
    names = (["r0"] if instr.writes else []) + [
        {"rs1": "r1", "rs2": "r2", "imm": "5", "offset": "label"}[spec.name]
        for spec in instr.operands
    ]
    return ", ".join(names)
