"""The register machine's instruction set: opcodes, modes, and how they are laid out in words.

A word has 32 bits: opcode in bits 31-26, rd in 25-21, rs1 in 20-16, rs2 in 15-11, mode in 10-8,
flags in 7-0. Flag bit 0 says that a second word follows, a signed number. An instruction's code
is ``opcode << 3 | mode``, the index of everything that is kept by instruction.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_WORD
from lanework.core.ops.bodies import words64
from lanework.core.ops.op import Op
from lanework.core.ops.table import offered
from lanework.core.program.isa import ISA, Instr, Instruction, OperandKind, OperandSpec
from lanework.core.resident import EVERY, look, looked

REGISTERS = 32
ZERO, LINK, STACK = 31, 30, 29
LONG = 1  # the flag of a second word
CODES = 64 * 8

_R, _I, _C = OperandKind.REGISTER, OperandKind.IMMEDIATE, OperandKind.CODE
RS1, RS2 = OperandSpec("rs1", _R), OperandSpec("rs2", _R)
IMM, OFFSET = OperandSpec("imm", _I), OperandSpec("offset", _C)


@dataclass(frozen=True)
class RegisterInstr(Instr):
    """An instruction of the register machine.

    Attributes:
        group: the name of its opcode, before the dot of the long form.
        mode: its name within the group, after the dot.
        writes: whether it writes its target, rd.
        optional: whether the second word is left out where its number is 0.
        last: whether the instruction after it is never the next.
        compares: whether its target is also what memory is compared with.
    """

    group: str = ""
    mode: str = ""
    writes: bool = True
    optional: bool = False
    last: bool = False
    compares: bool = False

    @property
    def reads_target(self) -> bool:
        """Whether it reads its target before it writes it."""
        return self.compares or self.accumulates

    @property
    def accumulates(self) -> bool:
        """Whether its target is also the last operand of its op."""
        return self.elementwise is not None and len(self.elementwise.operands) == 3

    @property
    def wide(self) -> bool:
        """Whether it has a number, and so a second word."""
        return any(spec.kind is not _R for spec in self.operands)


class RegisterISA(ISA):
    """Instructions in one or two words of 32 bits."""

    by_name: dict[str, RegisterInstr]  # type: ignore[assignment]
    by_code: dict[int, RegisterInstr]  # type: ignore[assignment]

    def size(self, instruction: Instruction) -> int:
        """Bytes of an instruction: 4 or 8."""
        instr = self.by_name[instruction.name]
        if not instr.wide or (instr.optional and instruction.operands[-1] == 0):
            return 4
        return 8

    def encode(self, instructions: Iterable[Instruction]) -> bytes:
        """The tape of these instructions."""
        out = bytearray()
        for instruction in looked(instructions):
            instr = self.by_name[instruction.name]
            fields = {
                spec.name: operand
                for spec, operand in zip(instr.operands, instruction.operands, strict=True)
            }
            word = instr.code >> 3 << 26 | instruction.target << 21
            word |= fields.get("rs1", 0) << 16 | fields.get("rs2", 0) << 11
            word |= (instr.code & 7) << 8
            if self.size(instruction) == 4:
                out += struct.pack("<I", word)
            else:
                out += struct.pack("<Ii", word | LONG, instruction.operands[-1])
        return bytes(out)

    def decode(self, tape: bytes) -> list[Instruction]:
        """The instructions of a tape; there is one way only to write each.

        Raises:
            Diagnostic: LW1001 with the offset of the word that is wrong.
        """
        if len(tape) % 4:
            raise Diagnostic(BAD_WORD, f"the tape ends inside a word, at byte {len(tape) // 4 * 4}")
        words = struct.unpack(f"<{len(tape) // 4}I", tape)
        out: list[Instruction] = []
        at = 0
        while at < len(words):
            if not len(out) % EVERY:
                look()
            word, begin = words[at], at * 4
            instr = self.by_code.get(word >> 26 << 3 | word >> 8 & 7)
            if instr is None:
                raise Diagnostic(
                    BAD_WORD,
                    f"byte {begin}: opcode {word >> 26}, mode {word >> 8 & 7} is not in the"
                    f" {self.name} ISA",
                )
            fields = {"rs1": word >> 16 & 31, "rs2": word >> 11 & 31}
            number, long = 0, word & LONG
            at += 1
            if long:
                if at >= len(words):
                    raise Diagnostic(BAD_WORD, f"byte {begin}: {instr.name} lacks its second word")
                number = words[at] - (words[at] >> 31 << 32)
                at += 1
            operands = tuple(fields.pop(spec.name, number) for spec in instr.operands)
            decoded = Instruction(instr.name, word >> 21 & 31, operands)
            if self.encode([decoded]) != struct.pack(
                f"<{at - begin // 4}I", *words[begin // 4 : at]
            ):
                raise Diagnostic(
                    BAD_WORD,
                    f"byte {begin}: {instr.name} has unused fields set, or the wrong length",
                )
            if not instr.writes and decoded.target:
                raise Diagnostic(BAD_WORD, f"byte {begin}: {instr.name} has no target")
            out.append(decoded)
        return out

    def addresses(self, instructions: Iterable[Instruction]) -> list[int]:
        """Where each instruction begins, and where the tape ends; in bytes."""
        out = [0]
        for instruction in looked(instructions):
            out.append(out[-1] + self.size(instruction))
        return out


GROUPS = {
    0: "alu", 1: "alui", 2: "muldiv", 3: "load", 4: "store", 5: "atomic", 6: "branch", 7: "call",
    8: "ret", 9: "jump", 10: "mov", 11: "fpu", 12: "fcmp", 13: "fcvt", 14: "bits", 15: "rand",
    16: "fence", 17: "yield", 18: "nop", 19: "halt", 20: "trap", 21: "ext", 22: "rotate",
    23: "fused",
}  # fmt: skip
"""Opcodes and what they are called in the long form of mnemonics."""


def group_of(code: int) -> str:
    """What an instruction's opcode is called."""
    return GROUPS.get(code >> 3, f"op{code >> 3}")


FLOATS = ("fpu", "fcmp", "fused")
"""Groups whose modes leave out the f of their mnemonics."""

SIZES = (
    (24, 32, "b", "1 byte"),
    (25, 33, "h", "2 bytes"),
    (26, 34, "w", "4 bytes"),
    (27, 35, "d", "8 bytes"),
)
"""Numbers of loads and stores, their modes, and how much they move."""


def _table() -> Iterator[RegisterInstr]:
    def own(code: int, mode: str, name: str, doc: str, *operands: OperandSpec, op: Op | None = None,
            since: int = 1, **flags: bool) -> RegisterInstr:  # fmt: skip
        return RegisterInstr(name, code, operands, doc, op, since, (), group_of(code),
                             mode, **flags)  # fmt: skip

    for op, offer in offered("register"):
        name, doc, operands = offer.name or op.name, op.doc, (RS1, RS2)[: len(op.operands)]
        short = group_of(offer.code) in FLOATS and not offer.name
        mode = op.name.removeprefix("f") if short else op.name
        if group_of(offer.code) == "branch":
            doc = f"Go to the label if rs1 {op.name} rs2. {op.doc}"
            yield own(offer.code, mode, name, doc, RS1, RS2, OFFSET, op=op, writes=False)
        else:
            if len(op.operands) == 3:
                doc = f"{doc.splitlines()[0]} Here c is rd."
            yield own(offer.code, mode, name, doc, *operands, op=op, since=offer.since)
        if offer.immediate is not None:
            doc = f"{op.doc.splitlines()[0]} Here b is the number."
            yield own(offer.immediate, mode, f"{name}i", doc, RS1, IMM, op=op, since=offer.since)
    for load, store, size, what in SIZES:
        doc = f"Load {what} at rs1 + imm, with zeros above."
        yield own(load, size, f"load.{size}", doc, RS1, IMM, optional=True)
        doc = f"Store the lowest {what} of rs2 at rs1 + imm."
        yield own(store, size, f"store.{size}", doc, RS2, RS1, IMM, writes=False, optional=True)
    doc = "If the 8 bytes at rs1 are rd, store rs2; rd becomes what was there."
    yield own(40, "cas", "atomic.cas", doc, RS1, RS2, compares=True)
    doc = "Store rs2 at rs1; rd becomes what was there."
    yield own(41, "xchg", "atomic.xchg", doc, RS1, RS2)
    for code, mode, how in (
        (42, words64.add.name, "the sum of them"),
        (43, words64.and_.name, "the and of them"),
        (44, words64.or_.name, "the or of them"),
        (45, words64.xor.name, "the xor of them"),
        (46, "min", "the lesser, signed, of them"),
        (47, "max", "the greater, signed, of them"),
    ):
        doc = f"Replace the 8 bytes at rs1 by {how} and rs2; rd becomes what was there."
        yield own(code, mode, f"atomic.{mode}", doc, RS1, RS2)
    yield own(48, "always", "b", "Go to the label.", OFFSET, writes=False, last=True)
    doc = "Go to the label; lr becomes the next address."
    yield own(56, "direct", "call", doc, OFFSET, writes=False)
    doc = "Go to the address in rs1; lr becomes the next one."
    yield own(57, "register", "callr", doc, RS1, writes=False)
    yield own(64, "link", "ret", "Go to the address in lr.", writes=False, last=True)
    yield own(72, "direct", "jmp", "Go to the label.", OFFSET, writes=False, last=True)
    yield own(73, "register", "jmpr", "Go to the address in rs1.", RS1, writes=False, last=True)
    yield own(80, "register", "mov", "Copy rs1.", RS1)
    yield own(81, "immediate", "movi", "The number, its sign extended.", IMM)
    doc = "Rs1 with the number in place of its upper 32 bits."
    yield own(82, "high", "movh", doc, RS1, IMM)
    yield own(120, "next", "rand", "The next random word of the lane: seeded, by counter.")
    doc = "Order all memory accesses before it and after it."
    yield own(128, "all", "fence", doc, writes=False)
    doc = "Let the host look up; the program goes on after it."
    yield own(136, "host", "yield", doc, writes=False)
    yield own(144, "none", "nop", "Nothing.", writes=False)
    yield own(152, "done", "halt", "End the program.", writes=False, last=True)
    yield own(160, "number", "trap", "Stop with a number.", IMM, writes=False, last=True)
    doc = "Call the external function of this number."
    yield own(168, "call", "ext", doc, IMM, writes=False)


REGISTER = RegisterISA("register", sorted(_table(), key=lambda instr: instr.code))


def register_name(number: int) -> str:
    """How a register is written."""
    return {ZERO: "zero", LINK: "lr", STACK: "sp"}.get(number, f"r{number}")


REGISTER_NUMBERS = {f"r{n}": n for n in range(REGISTERS)} | {"zero": ZERO, "lr": LINK, "sp": STACK}
