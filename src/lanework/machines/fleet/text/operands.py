"""Instructions in fleet assembly: mnemonics, their operands, and what stays open in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lanework.base.errors import did_you_mean
from lanework.core.program.asmtext import Line, Token
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.isa import ALIASES, FIELDS, FLEET, FleetInstr
from lanework.machines.fleet.text.expression import Expression, constant, integer, read_expression
from lanework.machines.fleet.text.module import Fill, Relocation
from lanework.machines.fleet.text.words import (
    Position,
    float_bits,
    integer_bits,
    own_word,
    plain,
    register,
)

INTEGER = "ISETI"
"""SETI of an integer: `ISETI r0, 5` is `SETI r0, int:5`."""

MNEMONICS: dict[str, FleetInstr] = {
    **FLEET.by_name,
    **{name: FLEET.by_name[to] for name, to in ALIASES.items()},
    INTEGER: FLEET.by_name["SETI"],
}
"""Instructions by every name that they have."""

_EXAMPLES = {"dest": "r0", "word": "3", "from": "4", "imm": "2.5", "target": "label"}


def pattern(info: FleetInstr) -> str:
    """An instruction as an example has it, each of its operands another.

    Example:
        >>> pattern(FLEET.by_name["BRANCH_GT"]), pattern(FLEET.by_name["SELECT"])
        ('BRANCH_GT r1, label', 'SELECT r0, r1, r2, r3')
    """
    registers = (f"r{number}" for number in range(1, FIELDS + 1))
    shown = [_EXAMPLES.get(spec.name) or next(registers) for spec in info.operands]
    return f"{info.name} {', '.join(shown)}".rstrip()


def usage(info: FleetInstr) -> str:
    """What to write instead of what cannot be read, and which operand is which.

    Example:
        >>> usage(FLEET.by_name["WAIT"]), usage(FLEET.by_name["JUMP"])
        ('write WAIT r1, r2, which are addr, src', 'write JUMP label')
    """
    several = len(info.operands) > 1
    return f"write {pattern(info)}" + f", which are {roles(info)}" * several


def roles(info: FleetInstr) -> str:
    """What the operands of an instruction are called, in order."""
    return ", ".join(spec.name for spec in info.operands)


def near(name: str) -> str | None:
    """An instruction that a name may be meant for, as a question.

    Example:
        >>> near("BRANCH_GTE"), near("BRANCH_GR")
        ("did you mean 'BRANCH_GE'?", "did you mean 'BRANCH_GT'?")
    """
    name = name.upper()
    here = name[:-2] + "E" if name.endswith(("GTE", "LTE")) else name
    return did_you_mean(here, MNEMONICS)


@dataclass(frozen=True, slots=True)
class Draft:
    """An instruction whose labels are not known yet.

    Attributes:
        info: its entry of the ISA.
        fields: the four operands, zero where they are open.
        open: what is to be filled; of a target the text.
        line: where it stands.
        float: whether its number is written as a float.
    """

    info: FleetInstr
    fields: tuple[int, ...]
    open: tuple[Relocation, ...]
    line: Line
    float: bool = False


def read_instruction(
    line: Line, operands: list[Token], number: int, aliases: Mapping[str, str]
) -> Draft:
    """An instruction.

    Args:
        line: its words, the mnemonic first.
        operands: what stands between its commas.
        number: its number within the routine.
        aliases: other names of registers and memory words.

    Raises:
        Diagnostic: LW1010.
    """
    word = line.words[0]
    info = MNEMONICS.get(word.text.upper())
    if info is None:
        what = f"the fleet machine has no instruction {word.text!r}"
        raise line.fault(what, word, near(word.text))
    if len(operands) != len(info.operands):
        count = len(info.operands)
        what = f"{info.name} takes {count} operand{'s' * (count != 1)}, not {len(operands)}"
        raise line.fault(what, None, usage(info))
    if info.immediate and register(aliases.get(operands[-1].text, operands[-1].text)) is None:
        info = FLEET.by_name[info.immediate]
    return _Operands(line, info, number, aliases, word.text.upper() == INTEGER).read(operands)


@dataclass
class _Operands:
    """Reads the operands of an instruction."""

    line: Line
    info: FleetInstr
    number: int
    aliases: Mapping[str, str]
    integer: bool

    def read(self, operands: list[Token]) -> Draft:
        values = [0] * FIELDS
        left = []
        written = False
        for spec, at, word in zip(self.info.operands, self.info.fields, operands, strict=True):
            position = Position(self.line, word)
            text = self.aliases.get(word.text, word.text)
            if not text:
                raise self.line.fault("an operand is missing", None, usage(self.info))
            if spec.kind is OperandKind.REGISTER:
                values[at] = self._register(text, position)
            elif spec.kind is OperandKind.CODE:
                left.append(Relocation(self.number, at, Fill.ENTRY, text, position))
            else:
                fill, value = self._number(text, position, spec.kind)
                written |= fill is Fill.FLOAT
                if isinstance(value, Expression) and not value.names:
                    value = fill_in(fill, value.value(constant), position)
                if isinstance(value, int):
                    values[at] = value
                else:
                    left.append(Relocation(self.number, at, fill, value, position))
        return Draft(self.info, tuple(values), tuple(left), self.line, written)

    def _register(self, text: str, position: Position) -> int:
        number = register(text)
        if number is None:
            near = did_you_mean(text, self.aliases)
            help = near or usage(self.info)
            meant = near or (text[:1] in "rR" and text[1:2].isdigit())  # for a register
            if not meant and (plain(text) or text[:1].isdigit()):
                help += f"; a number, or where a buffer is, goes into one first: SETI r1, {text}"
            raise position.fault(f"{text!r} is no register", help)
        return number

    def _number(
        self, text: str, position: Position, kind: OperandKind
    ) -> tuple[Fill, Expression | int]:
        if register(text) is not None:
            help = usage(self.info)
            raise position.fault(f"{text!r} is a register, and a number has to be here", help)
        if kind is OperandKind.WORD:
            inner = text[3:] if text[:4].lower() == "mem[" else text
            if inner.startswith("[") and inner.endswith("]"):
                text = inner[1:-1].strip()
                text = self.aliases.get(text, text)
            own = own_word(text)
            return Fill.WORD, own if own is not None else read_expression(text, position)
        prefix, colon, rest = text.partition(":")
        prefix = prefix.lower() if colon else ""
        if prefix == "bits":
            return Fill.INTEGER, integer(read_expression(rest, position).value(constant), position)
        if prefix == "int" or self.integer:
            return Fill.INTEGER, read_expression(rest if prefix == "int" else text, position)
        return Fill.FLOAT, read_expression(text, position)


def fill_in(fill: Fill, value: int | float, position: Position) -> int:
    """The field that a number becomes.

    Raises:
        Diagnostic: LW1010 for a number that does not go there.
    """
    if fill is Fill.FLOAT:
        return float_bits(value, position)
    if fill is Fill.INTEGER:
        return integer_bits(value, position)
    return integer(value, position)
