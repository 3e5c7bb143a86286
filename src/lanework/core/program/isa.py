"""Instruction sets: what a machine's tape may hold, derived from the op table.

Ops come from the op table with their numbers, documentation and fuel; a machine adds instructions
of its own. Numbers are written down where the op or instruction is, and never move: programs that
were saved keep their meaning. A program needs the version of the set that has all of its
instructions (`since`). Encoding, decoding, assembler, verifier and the generated pages all
read the ISA, so that no list of ops is kept twice.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_WORD
from lanework.core.ops.op import Op
from lanework.core.ops.table import offered
from lanework.core.resident import EVERY, look, looked

if TYPE_CHECKING:
    from lanework.core.program.program import Program

WORD = struct.Struct("<4I")
EXTENSION = 0xFFFFFFFF
"""The code of a word that carries three more operands of the instruction before it."""


class OperandKind(enum.Enum):
    """What an operand's number means."""

    ROW = "row"
    LAG = "lag"
    TABLE = "table"
    PERIOD = "period"
    REGISTER = "register"
    IMMEDIATE = "immediate"
    CODE = "code"
    FACTOR = "factor"
    VARIABLE = "variable"
    SPEC = "spec"
    SLOT = "slot"
    SELECTOR = "selector"
    WORD = "word"
    PATTERN = "number"


@dataclass(frozen=True)
class OperandSpec:
    """An operand: its name in the documentation and what its number means."""

    name: str
    kind: OperandKind = OperandKind.ROW


@dataclass(frozen=True)
class Instr:
    """One entry of an ISA.

    Attributes:
        name: the mnemonic.
        code: its number on the tape.
        operands: what follows the target.
        doc: what it does.
        elementwise: the op it applies, or None for an instruction of the machine's own.
        since: the version of the instruction set that first had it.
        former: mnemonics that assembly text may still use for it.
    """

    name: str
    code: int
    operands: tuple[OperandSpec, ...]
    doc: str
    elementwise: Op | None = None
    since: int = 1
    former: tuple[str, ...] = ()

    @property
    def fuel(self) -> int:
        """What one application to one lane costs."""
        return 1

    @property
    def words(self) -> int:
        """16-byte words that it takes: two operands fit in the first, three in each further."""
        return 1 + max(0, -(-(len(self.operands) - 2) // 3))


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction on a tape: mnemonic, target row, operands."""

    name: str
    target: int
    operands: tuple[int, ...]


class ISA:
    """The instructions of one machine, in words of 16 bytes: ``op, target, p1, p2`` (u32 each).

    Operands past the second follow in extension words ``EXTENSION, p, p, p``.
    """

    def __init__(self, name: str, instrs: Iterable[Instr]) -> None:
        self.name = name
        self.by_name: dict[str, Instr] = {}
        self.by_code: dict[int, Instr] = {}
        for instr in instrs:
            if instr.name in self.by_name or instr.code in self.by_code:
                raise ValueError(f"{name}: {instr.name} ({instr.code}) is given twice")
            if instr.code == EXTENSION:
                raise ValueError(f"{name}: {instr.name} has the code of extension words")
            self.by_name[instr.name] = instr
            self.by_code[instr.code] = instr
        self.version = max(instr.since for instr in self.by_code.values())
        self.spellings = self.by_name | {
            name: instr for instr in self.by_code.values() for name in instr.former
        }

    def version_of(self, instructions: Iterable[Instruction]) -> int:
        """The oldest version of the set that has all of these instructions."""
        names = {each.name for each in instructions}
        return max((self.by_name[name].since for name in names), default=1)

    def read(self, program: Program[Any]) -> list[Instruction]:
        """The instructions of a program's tape, decoded once.

        Raises:
            Diagnostic: LW1001.
        """
        key = f"{self.name} instructions"
        if key not in program.views:
            program.views[key] = self.decode(program.tape)
        known: list[Instruction] = program.views[key]
        return known

    def encode(self, instructions: Iterable[Instruction]) -> bytes:
        """The tape of these instructions.

        Raises:
            KeyError: a mnemonic that the ISA does not have.
            struct.error: a number that is no u32.
        """
        out = bytearray()
        pack = WORD.pack
        for instruction in looked(instructions):
            instr = self.by_name[instruction.name]
            operands = instruction.operands
            if len(operands) != len(instr.operands):
                raise ValueError(f"{instr.name} takes {len(instr.operands)} operands")
            first = (*operands[:2], 0, 0)
            out += pack(instr.code, instruction.target, first[0], first[1])
            for at in range(2, len(operands), 3):
                more = (*operands[at : at + 3], 0, 0)
                out += pack(EXTENSION, more[0], more[1], more[2])
        return bytes(out)

    def decode(self, tape: bytes) -> list[Instruction]:
        """The instructions of a tape.

        Raises:
            Diagnostic: LW1001 with the offset of the word that is wrong.
        """
        if len(tape) % WORD.size:
            raise Diagnostic(
                BAD_WORD, f"the tape ends inside a word, at byte {len(tape) // 16 * 16}"
            )
        words = list(looked(WORD.iter_unpack(tape)))
        out: list[Instruction] = []
        at = 0
        while at < len(words):
            if not len(out) % EVERY:
                look()
            code, target, *fields = words[at]
            instr = self.by_code.get(code)
            if instr is None:
                what = (
                    "an extension word without instruction" if code == EXTENSION else f"op {code}"
                )
                raise Diagnostic(BAD_WORD, f"byte {at * 16}: {what} is not in the {self.name} ISA")
            begin = at * 16
            for _ in range(instr.words - 1):
                at += 1
                if at >= len(words) or words[at][0] != EXTENSION:
                    raise Diagnostic(BAD_WORD, f"byte {begin}: {instr.name} lacks its extension")
                fields.extend(words[at][1:])
            if any(fields[len(instr.operands) :]):
                raise Diagnostic(BAD_WORD, f"byte {begin}: {instr.name} has unused fields set")
            out.append(Instruction(instr.name, target, tuple(fields[: len(instr.operands)])))
            at += 1
        return out


F = TypeVar("F", bound=Callable[..., Any])


class Dispatch(dict[str, F]):
    """Functions by mnemonic: one for each instruction, in place of ladders.

    Attributes:
        isa: whose instructions have one each.
        never: instructions that do not come to this table.

    Example:
        >>> isa = ISA("toy", [Instr("neg", 0, (), ""), Instr("halt", 1, (), "")])
        >>> table = Dispatch[Callable[[int], int]](isa, neg=lambda x: -x)
        >>> table["neg"](3), table.missing
        (-3, ['halt'])
        >>> @table.register("halt")
        ... def halted(x: int) -> int:
        ...     return x
        >>> table.missing
        []
    """

    def __init__(self, isa: ISA, never: Iterable[str] = (), **functions: F) -> None:
        super().__init__()
        self.isa, self.never = isa, frozenset(never)
        for name, function in functions.items():
            self.register(name)(function)

    def register(self, *names: str) -> Callable[[F], F]:
        """Let a function stand for some instructions.

        Raises:
            ValueError: for one that the set does not have, or that has a function already.
        """

        def add(function: F) -> F:
            for name in names:
                if name in self or name in self.never or name not in self.isa.by_name:
                    raise ValueError(f"{name} is no instruction that lacks a function")
                self[name] = function
            return function

        return add

    @property
    def missing(self) -> list[str]:
        """The instructions that have no function, none in a table that is whole."""
        return [name for name in self.isa.by_name if name not in self and name not in self.never]


class Elementwise(Instr):
    """An instruction whose fuel is that of its op, which is traced when that is first asked."""

    @property
    def fuel(self) -> int:
        """What one application to one lane costs."""
        return 1 if self.elementwise is None else self.elementwise.fuel


def elementwise(machine: str) -> list[Instr]:
    """Instructions for the ops of the table that a machine offers, under their own numbers."""
    return [
        Elementwise(
            offer.name or op.name,
            offer.code,
            tuple(OperandSpec(operand) for operand in op.operands),
            op.doc,
            op,
            offer.since,
        )
        for op, offer in offered(machine)
    ]


def row_operands(instr: Instr, operands: Sequence[int]) -> tuple[int, ...]:
    """The operands that are rows."""
    return tuple(
        operand
        for spec, operand in zip(instr.operands, operands, strict=True)
        if spec.kind is OperandKind.ROW
    )
