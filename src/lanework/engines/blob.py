"""Blobs: an object file made one piece of code that runs wherever it lies.

Sections are laid one after the other and the distances between them filled in, which needs no
linker as long as the code asks for distances only. Anything else is an error of the build.
"""

from __future__ import annotations

import io
import struct
from typing import Any

from lanework.engines.stencil import UnknownRelocation

# Relocations that are distances of 4 bytes: R_X86_64_PC32 and R_X86_64_PLT32.
_DISTANCES = {"x86_64": (2, 4)}
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
    for section in elf.iter_sections():
        if section["sh_type"] != "SHT_RELA" or section["sh_info"] not in places:
            continue
        base = places[section["sh_info"]]
        for entry in section.iter_relocations():
            symbol = symbols.get_symbol(entry["r_info_sym"])
            kind, home = entry["r_info_type"], symbol["st_shndx"]
            if kind not in _DISTANCES[machine] or home not in places:
                raise UnknownRelocation(f"type {kind} of symbol {symbol.name!r} in a blob")
            at = base + entry["r_offset"]
            value = places[home] + symbol["st_value"] + entry["r_addend"] - at
            struct.pack_into("<i", out, at, value)
    functions = {
        symbol.name: places[symbol["st_shndx"]] + symbol["st_value"]
        for symbol in symbols.iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_info"]["bind"] == "STB_GLOBAL"
    }
    return bytes(out), functions
