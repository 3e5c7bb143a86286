"""How instructions are written: their mnemonics, the forms for kinds of operands, addresses."""

from __future__ import annotations

import re

from lanework.core.program.asmtext import Line, Token
from lanework.machines.register.isa import REGISTER, REGISTER_NUMBERS, RegisterInstr

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
    fields: list[str] = []
    current = ""
    for word in words:
        if word.text == ",":
            fields.append(current)
            current = ""
        else:
            current += word.text
    return [*fields, current] if words else []


def address(line: Line, instr: RegisterInstr, fields: list[str]) -> list[str]:
    """`[r1 + 8]` as the fields rs1 and imm.

    Raises:
        Diagnostic: LW1010.
    """
    if len(fields) < 2:
        return fields
    match = _ADDRESS.fullmatch(fields[1])
    if match is None:
        raise line.fault(f"{fields[1]!r} is no address", None, "write [r1], or [r1 + 8]")
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
