"""The register machine's instruction set: opcodes, modes, and how they are laid out in words.

A word has 32 bits: opcode in bits 31-26, rd in 25-21, rs1 in 20-16, rs2 in 15-11, mode in 10-8,
flags in 7-0. Flag bit 0 says that a second word follows, a signed number. An instruction's code
is ``opcode << 3 | mode``, the index of everything that is kept by instruction.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_WORD
from lanework.core.ops.op import Op
from lanework.core.ops.words64 import INTEGER
from lanework.core.program.isa import ISA, Instr, Instruction, OperandKind, OperandSpec

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
    """

    group: str = ""
    mode: str = ""
    writes: bool = True
    optional: bool = False
    last: bool = False

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
        for instruction in instructions:
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
            made = Instruction(instr.name, word >> 21 & 31, operands)
            if self.encode([made]) != struct.pack(f"<{at - begin // 4}I", *words[begin // 4 : at]):
                raise Diagnostic(
                    BAD_WORD,
                    f"byte {begin}: {instr.name} has unused fields set, or the wrong length",
                )
            if not instr.writes and made.target:
                raise Diagnostic(BAD_WORD, f"byte {begin}: {instr.name} has no target")
            out.append(made)
        return out

    def addresses(self, instructions: Iterable[Instruction]) -> list[int]:
        """Where each instruction begins, and where the tape ends; in bytes."""
        out = [0]
        for instruction in instructions:
            out.append(out[-1] + self.size(instruction))
        return out


def _table() -> list[RegisterInstr]:
    table: list[RegisterInstr] = []
    groups: dict[str, int] = {}

    def add(
        group: str,
        mode: str,
        name: str,
        doc: str,
        *operands: OperandSpec,
        op: Op | None = None,
        writes: bool = True,
        optional: bool = False,
        last: bool = False,
    ) -> None:
        opcode = groups.setdefault(group, len(groups))
        number = sum(instr.group == group for instr in table)
        table.append(
            RegisterInstr(
                name,
                opcode << 3 | number,
                operands,
                doc,
                1,
                op,
                group=group,
                mode=mode,
                writes=writes,
                optional=optional,
                last=last,
            )
        )

    alu = ("add", "sub", "and", "or", "xor", "shl", "shr", "sar")
    for mode in alu:
        add("alu", mode, mode, INTEGER[mode].doc, RS1, RS2, op=INTEGER[mode])
    for mode in alu:
        doc = f"{INTEGER[mode].doc.splitlines()[0]} Here b is the number."
        add("alui", mode, f"{mode}i", doc, RS1, IMM, op=INTEGER[mode])
    for mode in ("mul", "mulh", "div", "mod"):
        add("muldiv", mode, mode, INTEGER[mode].doc, RS1, RS2, op=INTEGER[mode])
    sizes = {"b": "1 byte", "h": "2 bytes", "w": "4 bytes", "d": "8 bytes"}
    for mode, size in sizes.items():
        doc = f"Load {size} at rs1 + imm, with zeros above."
        add("load", mode, f"load.{mode}", doc, RS1, IMM, optional=True)
    for mode, size in sizes.items():
        doc = f"Store the lowest {size} of rs2 at rs1 + imm."
        add("store", mode, f"store.{mode}", doc, RS2, RS1, IMM, writes=False, optional=True)
    atomics = {
        "cas": "If the 8 bytes at rs1 are rd, store rs2; rd becomes what was there.",
        "xchg": "Store rs2 at rs1; rd becomes what was there.",
        **{
            mode: f"Replace the 8 bytes at rs1 by {how} and rs2; rd becomes what was there."
            for mode, how in (
                ("add", "the sum of them"),
                ("and", "the and of them"),
                ("or", "the or of them"),
                ("xor", "the xor of them"),
                ("min", "the lesser, signed, of them"),
                ("max", "the greater, signed, of them"),
            )
        },
    }
    for mode, doc in atomics.items():
        add("atomic", mode, f"atomic.{mode}", doc, RS1, RS2)
    add("branch", "always", "b", "Go to the label.", OFFSET, writes=False, last=True)
    for mode in ("eq", "ne", "lt", "le", "gt", "ge", "ltu"):
        doc = f"Go to the label if rs1 {mode} rs2. {INTEGER[mode].doc}"
        add("branch", mode, f"b{mode}", doc, RS1, RS2, OFFSET, op=INTEGER[mode], writes=False)
    add("call", "direct", "call", "Go to the label; lr becomes the next address.", OFFSET,
        writes=False)  # fmt: skip
    add("call", "register", "callr", "Go to the address in rs1; lr becomes the next one.", RS1,
        writes=False)  # fmt: skip
    add("ret", "link", "ret", "Go to the address in lr.", writes=False, last=True)
    add("jump", "direct", "jmp", "Go to the label.", OFFSET, writes=False, last=True)
    add("jump", "register", "jmpr", "Go to the address in rs1.", RS1, writes=False, last=True)
    add("mov", "register", "mov", "Copy rs1.", RS1)
    add("mov", "immediate", "movi", "The number, its sign extended.", IMM)
    add("mov", "high", "movh", "Rs1 with the number in place of its upper 32 bits.", RS1, IMM)
    for mode in ("add", "sub", "mul", "div"):
        add("fpu", mode, f"f{mode}", INTEGER[f"f{mode}"].doc, RS1, RS2, op=INTEGER[f"f{mode}"])
    for mode in ("sqrt", "abs", "floor", "ceil"):
        add("fpu", mode, f"f{mode}", INTEGER[f"f{mode}"].doc, RS1, op=INTEGER[f"f{mode}"])
    for mode in ("eq", "ne", "lt", "le", "gt", "ge"):
        add("fcmp", mode, f"f{mode}", INTEGER[f"f{mode}"].doc, RS1, RS2, op=INTEGER[f"f{mode}"])
    for mode in ("itof", "ftoi", "utof", "ftou"):
        add("fcvt", mode, mode, INTEGER[mode].doc, RS1, op=INTEGER[mode])
    for mode in ("popcount", "clz", "ctz", "bswap"):
        add("bits", mode, mode, INTEGER[mode].doc, RS1, op=INTEGER[mode])
    add("rand", "next", "rand", "The next random word of the lane: seeded, by counter.")
    add("fence", "all", "fence", "Order all memory accesses before it and after it.", writes=False)
    add("yield", "host", "yield", "Let the host look up; the program goes on after it.",
        writes=False)  # fmt: skip
    add("nop", "none", "nop", "Nothing.", writes=False)
    add("halt", "done", "halt", "End the program.", writes=False, last=True)
    add("trap", "number", "trap", "Stop with a number.", IMM, writes=False, last=True)
    add("ext", "call", "ext", "Call the external function of this number.", IMM, writes=False)
    return table


REGISTER = RegisterISA("register", _table())


def register_name(number: int) -> str:
    """How a register is written."""
    return {ZERO: "zero", LINK: "lr", STACK: "sp"}.get(number, f"r{number}")


REGISTER_NUMBERS = {f"r{n}": n for n in range(REGISTERS)} | {"zero": ZERO, "lr": LINK, "sp": STACK}
