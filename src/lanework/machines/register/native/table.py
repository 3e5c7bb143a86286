"""The stencil table as one block of bytes, which the patch loop reads and the package ships.

A header of words says where each part begins. Parts, in order: a record for each stencil; holes;
code; for each instruction code its stencil with operands in the state, what it reads and writes,
and where its pinned stencils are found; the index of pinned stencils by operands.
"""

from __future__ import annotations

import enum
import functools
import operator
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lanework.core.program.isa import OperandKind
from lanework.engines.stencil.stencil import Stencil
from lanework.machines.register.isa import REGISTER, RegisterInstr
from lanework.machines.register.layout import direct
from lanework.machines.register.native.stencils import (
    AS_ZERO,
    BACK,
    DESTINATIONS,
    HOLES,
    PINNED_COMMUTES,
    Form,
    in_state,
)
from lanework.machines.register.state import Status

CODES = 2 * BACK
CLASSES = 9  # r0 to r7, and zero; others are in the state
NONE = 0xFFFF
RECORD, HOLE = 16, 8


class Section(enum.IntEnum):
    """Words of the table's header: where parts begin, and single numbers."""

    RECORDS = 0
    HOLES = 1
    CODE = 2
    BY_CODE = 3  # for each code 8 bytes: stencil u16, flags u16, place in the index u32
    INDEX = 4
    SPILL = 5
    RELOAD = 6
    EXIT = 7
    COLD = 8
    PINNED = 9
    LENGTH = 10


class Uses(enum.IntFlag):
    """What the patch loop must know of an instruction."""

    RD_READ = 1
    RD_WRITTEN = 2
    RS1 = 4
    RS2 = 8
    DIRECT = 16
    PINNED = 32  # there are pinned stencils
    LINK = 64


# What a hole's bytes are made of: numbers first, then destinations; traps after them by status.
KINDS = {name: number for number, name in enumerate((*HOLES, *DESTINATIONS))}
FIRST_PLACE = len(HOLES)
FIRST_TRAP = 16
KINDS |= {f"trap{int(status)}": FIRST_TRAP + int(status) for status in Status}
HEADER = 16


def pack(stencils: Mapping[str, Stencil], forms: Iterable[Form], pinned: int) -> bytes:
    """The table of a set of stencils."""
    code = _Code(stencils)
    special = [code.number(name) if name in stencils else 0 for name in ("exit", "cold")]
    by_code, index = _lookups(code, forms)
    moves = [
        [code.number(f"{move}_{n}") for n in range(pinned)] or [0] for move in ("spill", "reload")
    ]
    for numbers in moves:  # one after another: the patch loop knows the first
        assert numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    out = bytearray(HEADER * 8)
    parts = (code.records, code.holes, code.bytes + bytes(64), by_code, bytearray(index))
    for part, data in enumerate(parts):
        out += bytes(-len(out) % 16)
        struct.pack_into("<Q", out, part * 8, len(out))
        out += data
    ends = (moves[0][0], moves[1][0], *special, pinned, len(out))
    struct.pack_into("<6Q", out, Section.SPILL * 8, *ends)
    return bytes(out)


class _Code:
    """Records, holes and code of stencils that are asked for by name; equal code is kept once."""

    def __init__(self, stencils: Mapping[str, Stencil]) -> None:
        self.stencils = stencils
        self.records, self.holes, self.bytes = bytearray(), bytearray(), bytearray()
        self._numbers: dict[Stencil, int] = {}

    def number(self, name: str) -> int:
        """The number of a stencil."""
        stencil = self.stencils[name]
        if stencil not in self._numbers:
            self._numbers[stencil] = len(self._numbers)
            sizes = (len(stencil.code), len(stencil.holes))
            self.records += struct.pack("<IHHII", len(self.bytes), *sizes, len(self.holes), 0)
            for hole in stencil.holes:
                kind = KINDS[hole.name]
                self.holes += struct.pack("<HBBi", hole.offset, hole.relocation, kind, hole.addend)
            self.bytes += stencil.code
        return self._numbers[stencil]


def _lookups(code: _Code, forms: Iterable[Form]) -> tuple[bytearray, bytes]:
    """What is known of each instruction code, and the index of pinned stencils."""
    by_code = bytearray(struct.pack("<HHI", NONE, 0, 0) * CODES)
    index: list[int] = []
    starts: dict[int, int] = {}
    for form in forms:
        info = REGISTER.by_code[form.code % BACK]
        number = code.number(form.name)
        if form == in_state(info, form.code - info.code):
            struct.pack_into("<HH", by_code, form.code * 8, number, uses(info))
            continue
        if form.code not in starts:
            starts[form.code] = len(index)
            index += [NONE] * CLASSES**3
        index[starts[form.code] + _key(form)] = number
        if info.name in PINNED_COMMUTES:
            turned = replace(form, rs1=form.rs2, rs2=form.rs1)
            index[starts[form.code] + _key(turned)] = number
    for where, start in starts.items():
        stencil, flags = struct.unpack_from("<HH", by_code, where * 8)
        struct.pack_into("<HHI", by_code, where * 8, stencil, flags | Uses.PINNED, start)
    return by_code, struct.pack(f"<{len(index)}H", *index)


def _key(form: Form) -> int:
    """Where a form's stencil is in the index of its code."""
    key = 0
    for where in (form.rd, form.rs1, form.rs2):
        number = CLASSES - 1 if where == AS_ZERO else int(where or 0)
        key = key * CLASSES + number
    return key


def uses(info: RegisterInstr) -> Uses:
    """The flags of an instruction."""
    registers = {spec.name for spec in info.operands if spec.kind is OperandKind.REGISTER}
    facts = {
        Uses.RS1: "rs1" in registers,
        Uses.RS2: "rs2" in registers,
        Uses.RD_WRITTEN: info.writes,
        Uses.RD_READ: info.reads_target,
        Uses.DIRECT: direct(info),
    }
    return functools.reduce(operator.or_, (flag for flag, holds in facts.items() if holds), Uses(0))
