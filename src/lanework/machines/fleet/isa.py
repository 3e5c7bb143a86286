"""The fleet machine's instruction set: 20 bytes each, in classes that one kernel runs.

An instruction is ``opcode: u32, operands: 4 x u32``; floats are bit patterns. Its kernel comes
from this table and not from its opcode's range. Targets of branches, calls and spawns are always
operand 1. What an instruction computes is an op of the one table; linear ones are rows of a
matrix (`linear`), so they have none.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_WORD
from lanework.core.ops.bodies import arithmetic, logic, words32
from lanework.core.ops.op import Op
from lanework.core.ops.table import offered
from lanework.core.program.isa import ISA, Instr, Instruction, OperandKind, OperandSpec
from lanework.core.resident import looked
from lanework.machines.fleet import updates

WORD = struct.Struct("<5I")
FIELDS = 4


class Kernel(enum.IntEnum):
    """Which of the executing kernels runs an instruction; the first of the five sorts by this."""

    LINEAR = 0
    ORACLE = 1
    BRANCH = 2
    IO = 3


@dataclass(frozen=True)
class FleetInstr(Instr):
    """An instruction of the fleet machine.

    Attributes:
        kernel: which kernel runs it.
        fields: for each operand the one (0 to 3) that holds it.
        linear: of a linear one: what its destination becomes, as `(coefficient, field)` terms.
            A coefficient is a number or the name of the field that holds one; field None is the
            constant 1.
        test: of a branch by a register: the comparison of it with zero.
        updates: of an atomic: the op that makes of a word and src what the word becomes; None of
            the one that compares and swaps.
        dest: the field of the register that it writes, or None.
        ends: whether the instruction after it is never the next.
        ordered: whether VMs do it one after another, by their global id.
        immediate: the instruction to take where the last operand is a number.
    """

    kernel: Kernel = Kernel.ORACLE
    fields: tuple[int, ...] = ()
    linear: tuple[tuple[float | str, str | None], ...] | None = None
    test: Op | None = None
    updates: Op | None = None
    dest: int | None = None
    ends: bool = False
    ordered: bool = False
    immediate: str = ""

    @property
    def places(self) -> tuple[int, ...]:
        """The same as `fields`."""
        return self.fields

    def field(self, name: str) -> int:
        """The field that holds an operand."""
        return self.fields[[spec.name for spec in self.operands].index(name)]

    def values(self, instruction: Instruction) -> dict[str, int]:
        """Operands by name."""
        fields = (instruction.target, *instruction.operands)
        return {name: fields[field] for name, field in self._named}

    @cached_property
    def _named(self) -> tuple[tuple[str, int], ...]:
        """The field of each operand, by name."""
        return tuple(zip((spec.name for spec in self.operands), self.fields, strict=True))

    def make(self, **values: int) -> Instruction:
        """The instruction with these operands."""
        fields = [0] * FIELDS
        for name, value in values.items():
            fields[self.field(name)] = value
        return Instruction(self.name, fields[0], tuple(fields[1:]))

    @property
    def atomic(self) -> bool:
        """Whether it changes a word of shared memory that it also gives."""
        return self.ordered and any(spec.name == "addr" for spec in self.operands)

    @property
    def may_overflow(self) -> bool:
        """Whether it computes on floats, so that finite ones may have no finite result.

        What only copies bits does not: they may be those of an integer.

        Example:
            >>> [FLEET.by_name[name].may_overflow for name in ("ADD", "SCALE", "ATOMIC_ADD", "EXP")]
            [True, True, True, True]
            >>> [FLEET.by_name[name].may_overflow for name in ("MOV", "SETI", "NEG", "IADD")]
            [False, False, False, False]
        """
        op = self.elementwise or self.updates
        if op is not None:
            return "f32" in op.dtypes
        terms = self.linear or ()
        scaled = any(isinstance(factor, str) and name is not None for factor, name in terms)
        return len(terms) > 1 or scaled

    @property
    def whole_address(self) -> bool:
        """Whether its address in shared memory is an integer, and not a float."""
        return self.name in ("IREAD", "IWRITE")

    @property
    def target(self) -> int | None:
        """The field of the instruction that it may lead to, or None."""
        kinds = [spec.kind for spec in self.operands]
        return self.fields[kinds.index(OperandKind.CODE)] if OperandKind.CODE in kinds else None


def mnemonic(op: Op) -> str:
    """What fleet text calls an op."""
    offer = op.offers.get("fleet")
    return offer.name if offer and offer.name else op.name.upper()


class FleetISA(ISA):
    """Instructions of 20 bytes."""

    by_name: dict[str, FleetInstr]  # type: ignore[assignment]
    by_code: dict[int, FleetInstr]  # type: ignore[assignment]

    def encode(self, instructions: Iterable[Instruction]) -> bytes:
        """The tape of these instructions."""
        rows = (
            (self.by_name[each.name].code, each.target, *each.operands) for each in instructions
        )
        out = bytearray()
        for row in looked(rows):
            out += WORD.pack(*row)
        return bytes(out)

    def decode(self, tape: bytes) -> list[Instruction]:
        """The instructions of a tape.

        Raises:
            Diagnostic: LW1001 with the offset of the instruction that is wrong.
        """
        if len(tape) % WORD.size:
            cut = len(tape) // WORD.size * WORD.size
            raise Diagnostic(BAD_WORD, f"the tape ends inside an instruction, at byte {cut}")
        out: list[Instruction] = []
        for number, (code, *fields) in enumerate(looked(WORD.iter_unpack(tape))):
            instr = self.by_code.get(code)
            if instr is None:
                raise Diagnostic(
                    BAD_WORD, f"byte {number * 20}: opcode {code} is not in the {self.name} ISA"
                )
            if any(field for n, field in enumerate(fields) if n not in instr.fields):
                raise Diagnostic(
                    BAD_WORD, f"byte {number * 20}: {instr.name} has unused fields set"
                )
            out.append(Instruction(instr.name, fields[0], tuple(fields[1:])))
        return out


_KINDS = {
    **dict.fromkeys("dest src src1 src2 src3 cond addr".split(), OperandKind.REGISTER),
    **dict.fromkeys(("word", "from"), OperandKind.WORD),
    "imm": OperandKind.PATTERN,
    "target": OperandKind.CODE,
}


def _table() -> list[FleetInstr]:
    table: list[FleetInstr] = []

    def add(code: int, name: str, kernel: Kernel, operands: str, doc: str, op: Op | None = None,
            since: int = 1, **more: Any) -> None:  # fmt: skip
        names = operands.split()
        specs = tuple(OperandSpec(each, _KINDS[each]) for each in names)
        # a target is always operand 1, whatever comes before it
        fields = tuple(range(len(names))) if "target" not in names[:1] else (1,)
        dest = names.index("dest") if "dest" in names else None
        more |= {"kernel": kernel, "fields": fields, "dest": dest}
        table.append(FleetInstr(name, code, specs, doc, op, since, **more))

    one = 1.0
    linear, oracle, branch, io = Kernel.LINEAR, Kernel.ORACLE, Kernel.BRANCH, Kernel.IO
    add(0, arithmetic.add.name.upper(), linear, "dest src1 src2", "dest = src1 + src2.",
        linear=((one, "src1"), (one, "src2")), immediate="ADDI")  # fmt: skip
    add(1, arithmetic.sub.name.upper(), linear, "dest src1 src2", "dest = src1 - src2.",
        linear=((one, "src1"), (-one, "src2")), immediate="SUBI")  # fmt: skip
    add(2, "MOV", linear, "dest src", "dest = src, all bits of it.", linear=((one, "src"),),
        immediate="SETI")  # fmt: skip
    add(3, "SETI", linear, "dest imm", "dest = the number.", linear=(("imm", None),))
    add(4, "LOAD", linear, "dest word", "dest = the VM's own memory word.",
        linear=((one, "word"),))  # fmt: skip
    add(5, "STORE", linear, "src word", "The VM's own memory word = src.", linear=((one, "src"),))
    add(6, "COPY", linear, "word from", "A memory word = another.", linear=((one, "from"),))
    add(7, "CLEAR", linear, "dest", "dest = 0.", linear=())
    add(8, arithmetic.neg.name.upper(), linear, "dest src", "dest = -src.", linear=((-one, "src"),))
    add(9, "SCALE", linear, "dest src imm", "dest = src times the number; 0 if that is 0.",
        linear=(("imm", "src"),))  # fmt: skip
    sources = {1: "src", 2: "src1 src2", 3: "src1 src2 src3"}
    for op, offer in offered("fleet"):
        name, since = mnemonic(op), offer.since
        code, form = offer.immediate, f"{name}I" if offer.immediate is not None else ""
        operands = f"dest {sources[len(op.operands)]}"
        add(offer.code, name, oracle, operands, op.doc, op, since, immediate=form)
        if code is not None:
            doc = f"{op.doc.splitlines()[0]} Here b is the number."
            add(code, form, oracle, "dest src imm", doc, op, since)
    add(30, "SYSCALL_READ", io, "dest addr",
        "dest = the word of shared memory at addr, as the epoch began; 0 outside. Of the float addr"
        " the whole part counts: 1.9 is word 1.")  # fmt: skip
    add(31, "SYSCALL_WRITE", io, "addr src",
        "The word of shared memory at addr, of which the whole part counts, = src; nothing outside."
        " Of several the highest VM's stays.")  # fmt: skip
    add(32, "SYSCALL_VMID", io, "dest", "dest = the VM's number within its launch.")
    add(33, "SYSCALL_YIELD", io, "", "Let the others run; the VM goes on in the next epoch.")
    add(34, "SYSCALL_HALT", io, "", "End the VM; its registers and memory stay.", ends=True)
    for code, test, what in (
        (50, logic.eq, "is zero. Below epsilon counts as zero"),
        (51, logic.ne, "is not zero, or NaN. Below epsilon counts as zero"),
        (52, logic.lt, "< 0"),
        (53, logic.gt, "> 0"),
        (54, logic.le, "<= 0"),
        (55, logic.ge, ">= 0"),
    ):
        add(code, f"BRANCH_{test.name.upper()}", branch, "cond target",
            f"Go to target if cond {what}.", test=test)  # fmt: skip
    add(56, "JUMP", branch, "target", "Go to target.", ends=True)
    add(60, "CALL", branch, "target", "Go to target; RETURN comes back to the next instruction.")
    add(61, "RETURN", branch, "", "Back to where the routine was called from; r0 is the result.",
        ends=True)  # fmt: skip
    add(70, "SELECT", oracle, "dest cond src1 src2", "dest = src1 where cond > 0, else src2.")
    add(80, "ADDI", linear, "dest src imm", "dest = src + the number.",
        linear=((one, "src"), ("imm", None)))  # fmt: skip
    add(81, "SUBI", linear, "dest src imm", "dest = src - the number.",
        linear=((one, "src"), ("-imm", None)))  # fmt: skip
    add(110, "RAND1", oracle, "dest",
        "As RAND, in the stream of older programs: one word of each block.")  # fmt: skip
    add(111, "RAND", oracle, "dest",
        "dest = the VM's next random number in [0, 1): a multiple of 2**-24.", since=4)  # fmt: skip
    add(120, "VMCOUNT", io, "dest", "dest = how many VMs were launched together with this one.")
    add(121, "VMGID", io, "dest", "dest = the VM's number among all.")
    add(122, "IVMID", io, "dest", "dest = the VM's number within its launch, as an integer.")
    add(123, "IREAD", io, "dest addr", "As SYSCALL_READ, of an integer address.")
    add(124, "IWRITE", io, "addr src", "As SYSCALL_WRITE, to an integer address.")
    add(125, "WAIT", io, "addr src",
        "Go on when the word of shared memory at addr has not the bits of src.")  # fmt: skip
    for code, op, what in (
        (130, arithmetic.add, "src is added to it"),
        (131, words32.fmin, "it becomes the lesser of both"),
        (132, words32.fmax, "it becomes the greater of both"),
    ):
        add(code, f"ATOMIC_{mnemonic(op)}", io, "dest addr src",
            f"dest = the word of shared memory at addr, and {what}.",
            updates=op, ordered=True)  # fmt: skip
    add(133, "ATOMIC_CAS", io, "dest addr src1 src2",
        "dest = the word of shared memory at addr; if it has the bits of src1, it becomes src2.",
        ordered=True)  # fmt: skip
    for code, op, what in (
        (134, words32.iadd, "src is added to it, modulo 2**32"),
        (135, updates.imin, "it becomes the lesser of both, signed"),
        (136, updates.imax, "it becomes the greater of both, signed"),
        (137, words32.iand, "it keeps the bits that src has"),
        (138, words32.ior, "it gets the bits that src has"),
        (139, updates.ixch, "it becomes src, all bits of it"),
    ):
        add(code, f"ATOMIC_{mnemonic(op)}", io, "dest addr src",
            f"dest = the word of shared memory at addr, an integer, and {what}. The address is a"
            " float.", since=3, updates=op, ordered=True)  # fmt: skip
    add(140, "SYSCALL_SPAWN", io, "dest target src",
        "Start a VM at the routine target with src in its r0; dest = its number among all, or -1"
        " where there is no room.", ordered=True)  # fmt: skip
    add(141, "SYSCALL_KILL", io, "", "End the VM and free its place.", ends=True, ordered=True)
    return table


FLEET = FleetISA("fleet", sorted(_table(), key=lambda instr: instr.code))
"""The instructions; `FLEET.by_name`, `FLEET.by_code`."""

ALIASES = {
    "HALT": "SYSCALL_HALT",
    "YIELD": "SYSCALL_YIELD",
    "READ": "SYSCALL_READ",
    "WRITE": "SYSCALL_WRITE",
    "VMID": "SYSCALL_VMID",
    "SPAWN": "SYSCALL_SPAWN",
    "KILL": "SYSCALL_KILL",
    "SYSCALL_VMCOUNT": "VMCOUNT",
    "SYSCALL_VMGID": "VMGID",
    "SYSCALL_WAIT": "WAIT",
    "RET": "RETURN",
    "JMP": "JUMP",
    **{op.name.upper(): mnemonic(op) for op in (words32.fmin, words32.fmax)},
}
"""Other spellings of mnemonics."""
