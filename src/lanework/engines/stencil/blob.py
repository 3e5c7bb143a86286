"""Blobs: an object file made one piece of code that runs wherever it lies.

Sections are laid one after the other and the distances between them filled in, which needs no
linker as long as the code asks for distances only. Anything else is an error of the build.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Container, Iterator
from typing import Any

from lanework.engines.stencil.stencil import UnknownRelocation

# R_X86_64_PC32 and PLT32: distances of 4 bytes.
_X86_64 = (2, 4)
# R_AARCH64_ADR_PREL_PG_HI21 and ADD_ABS_LO12_NC, a distance in pages and the rest: so a blob has to
# lie where a page begins. JUMP26 and CALL26, a distance in words.
_PAGES, _REST, _JUMPS = 275, 277, (282, 283)
_ALLOC = 2


def flatten(machine: str, data: bytes) -> tuple[bytes, dict[str, int]]:
    """Code with its constants, and where its global functions begin.

    Raises:
        UnknownRelocation: the code asks for an address, or for something outside.
    """
    from elftools.elf.elffile import ELFFile

    elf: Any = ELFFile(io.BytesIO(data))
    symbols = elf.get_section_by_name(".symtab")
    out = bytearray()
    places: dict[int, int] = {}
    for number, section in enumerate(elf.iter_sections()):
        kept = section["sh_type"] == "SHT_PROGBITS" and section["sh_flags"] & _ALLOC
        if kept and not section.name.startswith(".eh_frame") and section["sh_size"]:
            out += bytes(-len(out) % max(section["sh_addralign"], 16))
            places[number] = len(out)
            out += section.data()
    for section, entry, symbol in relocations(elf, places):
        if symbol["st_shndx"] not in places:
            raise UnknownRelocation(f"nothing defines {symbol.name!r}")
        to = places[symbol["st_shndx"]] + symbol["st_value"] + entry["r_addend"]
        _join(machine, out, places[section] + entry["r_offset"], to, entry["r_info_type"])
    functions = {
        symbol.name: places[symbol["st_shndx"]] + symbol["st_value"]
        for symbol in symbols.iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_info"]["bind"] == "STB_GLOBAL"
    }
    return bytes(out), functions


def relocations(elf: Any, places: Container[int]) -> Iterator[tuple[int, Any, Any]]:
    """Section, relocation and symbol, for all sections that have a place."""
    symbols = elf.get_section_by_name(".symtab")
    for section in elf.iter_sections():
        if section["sh_type"] == "SHT_RELA" and section["sh_info"] in places:
            for entry in section.iter_relocations():
                yield section["sh_info"], entry, symbols.get_symbol(entry["r_info_sym"])


def _join(machine: str, out: bytearray, at: int, to: int, kind: int) -> None:
    """Fill in the way from one place of a blob to another."""
    (word,) = struct.unpack_from("<I", out, at)
    if machine == "x86_64" and kind in _X86_64:
        struct.pack_into("<i", out, at, to - at)
    elif machine == "aarch64" and kind in _JUMPS:
        struct.pack_into("<I", out, at, word & 0xFC000000 | (to - at) >> 2 & 0x3FFFFFF)
    elif machine == "aarch64" and kind == _REST:
        struct.pack_into("<I", out, at, word & ~(0xFFF << 10) | (to & 0xFFF) << 10)
    elif machine == "aarch64" and kind == _PAGES:
        pages = (to >> 12) - (at >> 12)
        low, high = pages & 3, pages >> 2 & 0x7FFFF
        struct.pack_into("<I", out, at, word & 0x9F00001F | low << 29 | high << 5)
    else:
        raise UnknownRelocation(f"type {kind} in a blob for {machine}")
