"""Stencils: machine code with holes, cut out of an object file when the package is built.

A relocation of the object becomes a hole: where it is, how its bytes are written, and whose value
goes there. There is one map from relocations to ways of writing, and a relocation that is not in
it is an error of the build. The jump that ends a stencil is dropped where it leads to what
follows anyway.
"""

from __future__ import annotations

import enum
import io
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Any


class Relocation(enum.IntEnum):
    """How the bytes of a hole are written."""

    ABS32 = 0  # the value, 4 bytes
    ABS64 = 1  # the value, 8 bytes
    REL32 = 2  # the distance from the hole to a place, 4 bytes
    LOW16 = 3  # aarch64: an instruction that sets a register to the value's lowest 16 bits
    HIGH16 = 4  # aarch64: one that sets the 16 bits above them
    JUMP26 = 5  # aarch64: a jump to a place, in words, in the lowest 26 bits


# ELF relocation types of the x86-64 psABI, section 4.4: R_X86_64_64, PC32, PLT32, 32, 32S.
X86_64 = {1: Relocation.ABS64, **dict.fromkeys((2, 4), Relocation.REL32)}
X86_64 |= dict.fromkeys((10, 11), Relocation.ABS32)
# R_AARCH64_JUMP26, ADR_GOT_PAGE, LD64_GOT_LO12_NC (ELF for the Arm 64-bit Architecture, 5.7). The
# compiler loads the value of an absolute symbol from a table, by an adrp and an ldr of one
# register; in their place the patch loop puts a movz (or movn) and a movk of it.
AARCH64 = {282: Relocation.JUMP26, 311: Relocation.LOW16, 312: Relocation.HIGH16}
RELOCATIONS = {"x86_64": X86_64, "aarch64": AARCH64}
_JUMP = 0xE9


@dataclass(frozen=True)
class Hole:
    """Bytes of a stencil that are written when it is copied.

    Attributes:
        offset: from the stencil's first byte.
        relocation: how they are written.
        name: whose value it is: an operand, or a place to go to.
        addend: added to the value.
    """

    offset: int
    relocation: Relocation
    name: str
    addend: int


@dataclass(frozen=True)
class Stencil:
    """Code and its holes."""

    code: bytes
    holes: tuple[Hole, ...]

    def trimmed(self) -> Stencil:
        """Without the jump to what follows, if that is how it ends."""
        last = self.holes[-1] if self.holes else None
        if last is None or last.name != "next" or last.offset + 4 != len(self.code):
            return self
        if last.relocation is Relocation.JUMP26:
            return Stencil(self.code[:-4], self.holes[:-1])
        if self.code[last.offset - 1] != _JUMP:
            return self
        return Stencil(self.code[: last.offset - 1], self.holes[:-1])

    def turned(self) -> Stencil:
        """With a branch to a jump at the end made a jump of its own, so that `next` comes last.

        The compiler ends a stencil that may trap with ``jmp next; jmp trap`` and goes to the
        second by a short branch. Made a long branch to the trap itself, both jumps can go.
        """
        if len(self.holes) < 2:
            return self
        follow, trap = self.holes[-2:]
        end = len(self.code)
        ends = follow.offset + 9 == trap.offset + 4 == end and follow.name == "next"
        if not ends or self.code[follow.offset - 1] != _JUMP or self.code[end - 5] != _JUMP:
            return self
        jumps = [
            at
            for at in range(follow.offset - 2)
            if 0x70 <= self.code[at] < 0x80 and at + 2 + self.code[at + 1] == end - 5
        ]
        if len(jumps) != 1:
            return self
        at = jumps[0]
        branch = bytes((0x0F, self.code[at] + 0x10, 0, 0, 0, 0))
        moved = [
            hole if hole.offset < at else replace(hole, offset=hole.offset + 4)
            for hole in self.holes[:-1]
        ]
        moved.append(replace(trap, offset=at + 2))
        code = self.code[:at] + branch + self.code[at + 2 : end - 5]
        return Stencil(code, tuple(sorted(moved, key=lambda hole: hole.offset)))

    def swapped(self) -> Stencil:
        """With ``js trap; jmp target`` at the end turned to ``jns target; jmp trap``.

        The way that is always taken then is one jump and not two.
        """
        if len(self.holes) < 2:
            return self
        trap, target = self.holes[-2:]
        code, at = self.code, trap.offset - 2
        ends = trap.offset + 9 == target.offset + 4 == len(code) and target.name == "target"
        if not ends or code[at : at + 2] != b"\x0f\x88" or code[target.offset - 1] != _JUMP:
            return self
        first, last = replace(target, offset=trap.offset), replace(trap, offset=target.offset)
        return Stencil(code[: at + 1] + b"\x89" + code[at + 2 :], (*self.holes[:-2], first, last))


class UnknownRelocation(Exception):
    """A relocation that no hole can stand for; the build stops."""


class Constants:
    """What stencils read from memory beside the code, each kept once; a hole names it by number."""

    PREFIX = "pool"

    def __init__(self) -> None:
        self.known: dict[bytes, int] = {}

    def hole(self, section: Any, offset: int, addend: int) -> Hole:
        """The hole for a relocation to a section of constants.

        The addend counts from the end of the hole or, where a number follows the hole in the same
        instruction, from the end of that: so it lies up to 8 bytes before the constant.
        """
        size = section["sh_entsize"]
        if section.name == ".rodata":  # whole vectors, for which there is no section of their own
            size = section["sh_addralign"]
        elif not section.name.startswith(".rodata.cst"):
            raise UnknownRelocation(f"constants in {section.name!r}")
        at = -(-(addend + 4) // size) * size
        number = self.known.setdefault(section.data()[at : at + size], len(self.known))
        return Hole(offset, Relocation.REL32, f"{self.PREFIX}{number}", addend - at)


def extract(
    machine: str, data: bytes, prefix: str = "hole_", constants: Constants | None = None
) -> dict[str, Stencil]:
    """The functions of an object file as stencils.

    Args:
        machine: the architecture.
        data: the object file.
        prefix: what names of holes begin with.
        constants: where constants in memory go, if there may be any.

    Raises:
        UnknownRelocation: one that is not in the map, or of a symbol that is no hole.
    """
    from elftools.elf.elffile import ELFFile

    elf: Any = ELFFile(io.BytesIO(data))
    symbols, text = elf.get_section_by_name(".symtab"), elf.get_section_by_name(".text")
    code, number = text.data(), elf.get_section_index(".text")
    relocations = elf.get_section_by_name(".rela.text")
    entries = () if relocations is None else relocations.iter_relocations()
    holes = [_hole(machine, elf, code, entry, prefix, constants) for entry in entries]
    holes.sort(key=lambda hole: hole.offset)
    offsets = [hole.offset for hole in holes]
    stencils = {}
    for symbol in symbols.iter_symbols():
        if symbol["st_shndx"] != number or not symbol["st_size"]:
            continue
        start, end = symbol["st_value"], symbol["st_value"] + symbol["st_size"]
        own = holes[bisect_left(offsets, start) : bisect_left(offsets, end)]
        moved = tuple(replace(hole, offset=hole.offset - start) for hole in own)
        stencils[symbol.name] = Stencil(code[start:end], moved).turned().swapped().trimmed()
    return stencils


def _hole(
    machine: str, elf: Any, code: bytes, entry: Any, prefix: str, constants: Constants | None
) -> Hole:
    """The hole that a relocation of the code is."""
    symbol = elf.get_section_by_name(".symtab").get_symbol(entry["r_info_sym"])
    relocation = RELOCATIONS[machine].get(entry["r_info_type"])
    home, offset = symbol["st_shndx"], entry["r_offset"]
    if constants is not None and relocation is Relocation.REL32 and home != "SHN_UNDEF":
        addend = entry["r_addend"] + symbol["st_value"]
        return constants.hole(elf.get_section(home), offset, addend)
    if relocation is None or not symbol.name.startswith(prefix):
        raise UnknownRelocation(f"type {entry['r_info_type']} of symbol {symbol.name!r}")
    word = int.from_bytes(code[offset : offset + 4], "little")
    if relocation is Relocation.HIGH16 and word & 31 != word >> 5 & 31:
        raise UnknownRelocation(f"{symbol.name!r} goes through two registers")
    return Hole(offset, relocation, symbol.name.removeprefix(prefix), entry["r_addend"])
