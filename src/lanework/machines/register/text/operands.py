"""Operands of register assembly: numbers, registers and addresses, and the forms that take them."""

from __future__ import annotations

import contextlib
import math
import re
import struct

from lanework.core.program.asmtext import Line, Token, read_float, split
from lanework.machines.register.isa import REGISTER, REGISTER_NUMBERS, RegisterInstr

NUMBER = re.compile(r"[+-]?\.?\d.*|'.*'|f64:.*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", "'": "'", '"': '"'}
_ADDRESS = re.compile(r"\[([^\[\]+-]+)(?:([+-])([^\[\]]+))?\]")
_OTHER = {"mov": "movi", "call": "callr", "jmp": "jmpr"}  # for a number, and for registers
_PSEUDO = {"jump": "jmp", "jumpr": "jmpr"}


def mnemonics() -> dict[str, RegisterInstr]:
    """Every way to name an instruction: short, and with its group before a dot."""
    names: dict[str, RegisterInstr] = {}
    for instr in REGISTER.by_name.values():
        names.setdefault(f"{instr.group}.{instr.mode}", instr)
        names[instr.name] = instr
    return names | {name: names[to] for name, to in _PSEUDO.items()}


def in_memory(instr: RegisterInstr) -> bool:
    """Whether its second operand is an address between brackets."""
    return instr.group in ("load", "store", "atomic")


def variant(name: str, fields: list[str]) -> str:
    """The instruction for operands of these kinds: `mov r1, 5` is `movi`, and so on."""
    register = bool(fields) and fields[-1] in REGISTER_NUMBERS
    if name in _OTHER:
        return name if (name == "mov") == register else _OTHER[name]
    if len(fields) == 3 and not register and f"{name}i" in REGISTER.by_name:
        return f"{name}i"
    return name


def fields_of(words: list[Token]) -> list[str]:
    """Operands between commas, without spaces."""
    fields = [""] if words else []
    for word in words:
        if word.text == ",":
            fields.append("")
        else:
            fields[-1] += word.text
    return fields


def operand_at(line: Line, text: str) -> Token | None:
    """The operand of a line that is this, or has it in it, as it is written; for messages."""
    words = list(line.words)
    while words[0].text.endswith(":"):
        del words[0]
    groups: list[list[Token]] = [[]]
    for word in words[1:]:
        groups += [[]] if word.text == "," else []
        groups[-1] += [] if word.text == "," else [word]
    fields = fields_of(words[1:])
    same = [n for n, field in enumerate(fields) if text == field]
    near = same or [n for n, field in enumerate(fields) if text in field]
    if not near or not groups[near[0]]:
        return None
    first, last = groups[near[0]][0], groups[near[0]][-1]
    raw = split(line.text)[line.number - 1]
    return Token(raw[first.column - 1 : last.column - 1 + len(last.text)], first.column)


def address(line: Line, instr: RegisterInstr, fields: list[str]) -> list[str]:
    """`[r1 + 8]` as the fields rs1 and imm."""
    if len(fields) < 2:
        return fields
    match = _ADDRESS.fullmatch(fields[1])
    if match is None:
        word = operand_at(line, fields[1])
        raise line.fault(f"{fields[1]!r} is no address", word, "write [r1], or [r1 + 8]")
    base, sign, offset = match[1], match[2] or "+", match[3] or "0"
    if base not in REGISTER_NUMBERS and match[3] is None:
        base, offset = "zero", base
    if instr.group == "atomic":
        return [fields[0], base, *fields[2:]]
    return [fields[0], base, offset if sign == "+" else f"-{offset}", *fields[2:]]


def pattern(instr: RegisterInstr) -> str:
    """Operands as an example has them."""
    if in_memory(instr):
        return "r0, [r1], r2" if instr.group == "atomic" else "r0, [r1 + 8]"
    names = (["r0"] if instr.writes else []) + [
        {"rs1": "r1", "rs2": "r2", "imm": "5", "offset": "label"}[spec.name]
        for spec in instr.operands
    ]
    return ", ".join(names)


def number_in(line: Line, text: str, word: Token) -> int:
    """A whole number of up to 64 bits: written as such, as a character, or as the bits of a float.

    Raises:
        Diagnostic: LW1010.
    """
    if len(text) == 3 and text[0] == text[2] == "'":
        return ord(text[1])
    if len(text) == 4 and text.startswith("'\\"):
        if text[2] not in _ESCAPES:
            known = ", ".join(f"\\{letter}" for letter in _ESCAPES)
            raise line.fault(f"there is no escape {text[1:3]}", word, f"escapes are {known}")
        return ord(_ESCAPES[text[2]])
    if text.startswith("f64:"):
        number = float_in(line, Token(text[4:], word.column + 4))
        return int.from_bytes(struct.pack("<d", number), "little")
    try:
        value = int(text, 0)
    except ValueError:
        help = None
        with contextlib.suppress(ValueError):
            help = f"write f64:{text} for the bits of the float {float(text):g}"
        raise line.fault(f"{text!r} is no whole number", word, help) from None
    if not -(1 << 63) <= value < 1 << 64:
        raise line.fault(f"{text} does not fit into 64 bits", word)
    return value


def bounded(line: Line, word: Token, most: int = 1 << 40) -> int:
    """A whole number from 0 to the most there may be.

    Raises:
        Diagnostic: LW1010.
    """
    value = number_in(line, word.text, word)
    if not 0 <= value <= most:
        raise line.fault(f"{word.text} is out of range", word)
    return value


def float_in(line: Line, word: Token) -> float:
    """A float, which is only infinite where it is written so, and no other than a whole number.

    Raises:
        Diagnostic: LW1010.
    """
    number = read_float(line, word)
    if math.isinf(number) and "inf" not in word.text.lower():
        raise line.fault(f"{word.text} is too large for a float", word, "write inf or -inf")
    digits = word.text.lstrip("+-")
    if digits.isdecimal() and int(digits) != abs(number):
        what = f"{word.text} is no number of double precision, the nearest is {int(number)}"
        raise line.fault(what, word, f"write {int(number)}.0 if that will do")
    return number
