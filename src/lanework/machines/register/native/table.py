"""The stencil table as one block of bytes, which the patch loop reads and the package ships.

A header of words says where each part begins. Parts, in order: a record for each stencil; holes;
code; for each instruction code its stencil with operands in the state, what it reads and writes,
and where its pinned stencils are found; the index of pinned stencils by operands.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Mapping

from lanework.core.program.isa import OperandKind
from lanework.engines.stencil.stencil import Stencil
from lanework.machines.register.isa import REGISTER, RegisterInstr
from lanework.machines.register.layout import direct
from lanework.machines.register.native.stencils import (
    AS_ZERO,
    BACK,
    HOLES,
    PINNED_COMMUTES,
    PLACES,
    Form,
    in_state,
)
from lanework.machines.register.state import Status

CODES = 2 * BACK
CLASSES = 9  # r0 to r7, and zero; others are in the state
NONE = 0xFFFF
RECORD, HOLE = 16, 8


class Part(enum.IntEnum):
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


# What a hole's bytes are made of: numbers first, then places; traps after them by status.
KINDS = {name: number for number, name in enumerate((*HOLES, *PLACES))}
FIRST_PLACE = len(HOLES)
FIRST_TRAP = 16
KINDS |= {f"trap{int(status)}": FIRST_TRAP + int(status) for status in Status}
HEADER = 16


def pack(stencils: Mapping[str, Stencil], forms: Iterable[Form], pinned: int) -> bytes:
    """The table of a set of stencils; equal code is kept once."""
    records, holes, code = bytearray(), bytearray(), bytearray()
    numbers: dict[Stencil, int] = {}

    def number(name: str) -> int:
        stencil = stencils[name]
        if stencil not in numbers:
            numbers[stencil] = len(numbers)
            records.extend(
                struct.pack(
                    "<IHHII", len(code), len(stencil.code), len(stencil.holes), len(holes), 0
                )
            )
            for hole in stencil.holes:
                holes.extend(
                    struct.pack(
                        "<HBBi", hole.offset, hole.relocation, KINDS[hole.name], hole.addend
                    )
                )
            code.extend(stencil.code)
        return numbers[stencil]

    special = [number(name) if name in stencils else 0 for name in ("exit", "cold")]
    by_code = bytearray(struct.pack("<HHI", NONE, 0, 0) * CODES)
    index: list[int] = []
    places: dict[int, int] = {}
    for form in forms:
        info = REGISTER.by_code[form.code % BACK]
        if form == in_state(info, form.code - info.code):
            struct.pack_into("<HH", by_code, form.code * 8, number(form.name), uses(info))
            continue
        if form.code not in places:
            places[form.code] = len(index)
            index += [NONE] * CLASSES**3
        keys = [(form.rd, form.rs1, form.rs2)]
        if info.name in PINNED_COMMUTES:
            keys.append((form.rd, form.rs2, form.rs1))
        for key in keys:
            a, b, c = (0 if x is None else CLASSES - 1 if x == AS_ZERO else int(x) for x in key)
            index[places[form.code] + (a * CLASSES + b) * CLASSES + c] = number(form.name)
    for where, place in places.items():
        stencil, flags = struct.unpack_from("<HH", by_code, where * 8)
        struct.pack_into("<HHI", by_code, where * 8, stencil, flags | Uses.PINNED, place)
    spill = [number(f"spill_{n}") for n in range(pinned)]
    reload = [number(f"reload_{n}") for n in range(pinned)]
    keys_data = struct.pack(f"<{len(index)}H", *index)
    parts: list[bytes | bytearray] = [records, holes, code + bytes(64), by_code, keys_data]
    out = bytearray(HEADER * 8)
    for part, data in enumerate(parts):
        out += bytes(-len(out) % 16)
        struct.pack_into("<Q", out, part * 8, len(out))
        out += data
    ends = (spill[0] if spill else 0, reload[0] if reload else 0, *special, pinned, len(out))
    struct.pack_into("<6Q", out, Part.SPILL * 8, *ends)
    assert spill == list(range(spill[0], spill[0] + pinned)) if spill else True
    assert reload == list(range(reload[0], reload[0] + pinned)) if reload else True
    return bytes(out)


def uses(info: RegisterInstr) -> Uses:
    """The flags of an instruction."""
    flags = Uses(0)
    registers = {s.name for s in info.operands if s.kind is OperandKind.REGISTER}
    flags |= Uses.RS1 if "rs1" in registers else 0
    flags |= Uses.RS2 if "rs2" in registers else 0
    flags |= Uses.RD_WRITTEN if info.writes else 0
    flags |= Uses.RD_READ if info.reads_target else 0
    flags |= Uses.DIRECT if direct(info) else 0
    return flags
