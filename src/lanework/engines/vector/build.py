"""Making the tables of vector stencils that the package ships: run when the package is built.

``python -m lanework.engines.vector.build`` writes them anew, in some ten seconds, to the same bytes
every time; ``--check`` says without LLVM whether those that are there were made from these sources.
It has to be run whenever the body of an op or of a kernel, or a layout changed.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from lanework.engines.callbacktext import callback_text
from lanework.engines.stencil.building import Target, main
from lanework.engines.stencil.elf import flatten
from lanework.engines.stencil.shipped import digest, pack
from lanework.engines.stencil.stencil import Constants
from lanework.engines.tensors.text import tensor_text
from lanework.engines.threadtext import pool_text
from lanework.engines.vector.driver import drive_text
from lanework.engines.vector.fields import Patchable
from lanework.engines.vector.isa import (
    CONSTANT,
    EARLY,
    HEADER,
    HOLE_KINDS,
    HOLE_NEXT,
    LEVELS,
    Section,
)
from lanework.engines.vector.loader import agreed
from lanework.engines.vector.patcher import RESERVE, patch_text
from lanework.engines.vector.stencils import make, target
from lanework.engines.vector.stencils import texts as stencil_texts

FOLDER = Path(__file__).parent / "tables"
HELPERS = Target("x86_64-unknown-linux-gnu", "x86-64-v3")


def stamps(name: str) -> dict[str, str]:
    """The digests of what the file of a level is made from."""
    level = LEVELS[name]
    texts = [repr(target(level)), _helpers_text(), tensor_text(level.width), *stencil_texts(level)]
    return {"contract": agreed(level), "sources": digest(texts)}


def _helpers_text() -> str:
    """The patch loop, the driver, what helper threads run, and what solvers call."""
    return f"{drive_text()}\n{patch_text()}\n{pool_text('x86_64')}\n{callback_text()}"


def build(name: str) -> bytes:
    """The file of a level: helpers, kernels of tensors, and the table."""
    level, constants = LEVELS[name], Constants()
    helpers = HELPERS.object_code(_helpers_text(), pic=True, optimise=True)
    blob, functions = flatten("x86_64", helpers)
    text = tensor_text(level.width)
    machine = Target(HELPERS.triple, name)
    kernels, more = flatten("x86_64", machine.object_code(text, pic=True, optimise=True))
    stencils = make(level, constants)
    longest = max(len(stencil.stencil.code) for stencil in stencils.values())
    if 2 * longest > RESERVE:
        raise ValueError(f"a stencil of {longest} bytes is too long for the patch loop")
    head = {
        "level": name,
        "functions": functions,
        "kernels": more,
        "stencils": list(stencils),
        **stamps(name),
    }
    return pack(head, {"blob": blob, "kernels": kernels, "table": table(stencils, constants)})


def table(stencils: Mapping[str, Patchable], constants: Constants) -> bytes:
    """The stencils as one block of bytes, which the patch loop reads; its order is theirs.

    The constants go to the front of all code that is made.
    """
    offsets, data = _lay_out(constants)
    records, holes, fields, code = bytearray(), bytearray(), bytearray(), bytearray()
    for patchable in stencils.values():
        stencil = patchable.stencil
        numbers = (len(stencil.code), len(stencil.holes), len(patchable.fields))
        flags = EARLY if patchable.early else 0
        records += struct.pack("<III", len(code), len(holes), len(fields))
        records += struct.pack("<HHHHI", *numbers, flags, 0)
        for hole in stencil.holes:
            kind, addend = HOLE_KINDS.get(hole.name, HOLE_NEXT), hole.addend
            if hole.name.startswith(CONSTANT):
                kind = HOLE_KINDS[CONSTANT]
                addend += offsets[int(hole.name.removeprefix(CONSTANT))]
            holes += struct.pack("<HBBi", hole.offset, hole.relocation, kind, addend)
        for field in patchable.fields:
            fields += struct.pack("<HBBI", field.offset, field.operand, field.bit, field.mask)
        code += stencil.code
    parts: list[bytes | bytearray] = [records, holes, fields, data, code + bytes(64)]
    out = bytearray(HEADER)
    for part, content in enumerate(parts):
        out += bytes(-len(out) % 16)
        struct.pack_into("<Q", out, part * 8, len(out))
        out += content
    struct.pack_into("<Q", out, Section.SIZE * 8, len(data))
    return bytes(out)


def _lay_out(constants: Constants) -> tuple[dict[int, int], bytes]:
    """Where each constant lies, the longest first, so that each is aligned; and their bytes."""
    order = sorted(constants.known.items(), key=lambda item: (-len(item[0]), item[1]))
    offsets, data = {}, bytearray()
    for constant, number in order:
        offsets[number] = len(data)
        data += constant
    return offsets, bytes(data + bytes(-len(data) % 64))


if __name__ == "__main__":
    sys.exit(main(FOLDER, LEVELS, build, stamps))
