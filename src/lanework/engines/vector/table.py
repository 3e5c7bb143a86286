"""A level's stencils as one block of bytes, which the patch loop reads and the package ships.

A header of words says where each part begins: a record for each stencil, holes, register fields,
constants, code. The constants go to the front of all code that is made.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping

from lanework.engines.stencil.stencil import Constants
from lanework.engines.vector.fields import Patchable
from lanework.engines.vector.isa import CONSTANT, HOLE_KINDS

RECORD, HOLE, FIELD = 24, 8, 8
EARLY = 1


class Part(enum.IntEnum):
    """Words of the header."""

    RECORDS = 0  # code u32, holes u32, fields u32, bytes u16, holes u16, fields u16, flags u16
    HOLES = 1  # offset u16, way u8, kind u8, addend i32
    FIELDS = 2  # offset u16, operand u8, bit u8, mask u32
    CONSTANTS = 3
    CODE = 4
    SIZE = 5  # of the constants, in bytes


HEADER = 64
HOLE_NEXT = len(HOLE_KINDS)  # the distance to what follows


def pack(stencils: Mapping[str, Patchable], constants: Constants) -> bytes:
    """The table of these stencils; its order is theirs."""
    places, data = _lay_out(constants)
    records, holes, fields, code = bytearray(), bytearray(), bytearray(), bytearray()
    for made in stencils.values():
        stencil = made.stencil
        numbers = (len(stencil.code), len(stencil.holes), len(made.fields))
        flags = EARLY if made.early else 0
        records += struct.pack("<III", len(code), len(holes), len(fields))
        records += struct.pack("<HHHHI", *numbers, flags, 0)
        for hole in stencil.holes:
            kind, addend = HOLE_KINDS.get(hole.name, HOLE_NEXT), hole.addend
            if hole.name.startswith(CONSTANT):
                kind = HOLE_KINDS[CONSTANT]
                addend += places[int(hole.name.removeprefix(CONSTANT))]
            holes += struct.pack("<HBBi", hole.offset, hole.way, kind, addend)
        for field in made.fields:
            fields += struct.pack("<HBBI", field.offset, field.operand, field.bit, field.mask)
        code += stencil.code
    parts: list[bytes | bytearray] = [records, holes, fields, data, code + bytes(64)]
    out = bytearray(HEADER)
    for part, content in enumerate(parts):
        out += bytes(-len(out) % 16)
        struct.pack_into("<Q", out, part * 8, len(out))
        out += content
    struct.pack_into("<Q", out, Part.SIZE * 8, len(data))
    return bytes(out)


def _lay_out(constants: Constants) -> tuple[dict[int, int], bytes]:
    """Where each constant lies, the longest first, so that each is aligned; and their bytes."""
    order = sorted(constants.known.items(), key=lambda item: (-len(item[0]), item[1]))
    places, data = {}, bytearray()
    for constant, number in order:
        places[number] = len(data)
        data += constant
    return places, bytes(data + bytes(-len(data) % 64))
