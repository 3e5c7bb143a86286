"""Object files laid out and joined: as a blob that runs wherever it lies, or as an executable.

A blob needs no linker as long as its code asks for distances only; anything else is an error of the
build. An executable is static and small on purpose: one object, no library. Its sections go into
three segments by what they may do (read; read and execute; read and write), none of which may do
all. The formats are those of the System V ABI, generic part (chapters 4 and 5) and AMD64 supplement
(section 4.4).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Container, Iterator
from typing import Any

from lanework.engines.stencil.stencil import UnknownRelocation

BASE, PAGE = 0x400000, 0x1000
_ALLOC, _WRITE, _EXECUTE = 2, 1, 4
_READ_FLAG, _WRITE_FLAG, _EXECUTE_FLAG = 4, 2, 1
_X86_64 = 62
_HEADER, _PROGRAM_HEADER = 64, 56
# Relocation -> bytes, and whether it is a distance: 64, PC32, PLT32, 32, 32S.
_RELOCATIONS = {1: (8, False), 2: (4, True), 4: (4, True), 10: (4, False), 11: (4, False)}


# R_X86_64_PC32 and PLT32: distances of 4 bytes.
_DISTANCES = (2, 4)
# R_AARCH64_ADR_PREL_PG_HI21 and ADD_ABS_LO12_NC, a distance in pages and the rest: so a blob has to
# lie where a page begins. JUMP26 and CALL26, a distance in words.
_PAGES, _REST, _JUMPS = 275, 277, (282, 283)


def flatten(machine: str, data: bytes) -> tuple[bytes, dict[str, int]]:
    """Code with its constants, and where its global functions begin.

    Raises:
        UnknownRelocation: the code asks for an address, or for something outside.
    """
    from elftools.elf.elffile import ELFFile

    elf: Any = ELFFile(io.BytesIO(data))
    symbols = elf.get_section_by_name(".symtab")
    out = bytearray()
    origins: dict[int, int] = {}
    for number, section in enumerate(elf.iter_sections()):
        kept = section["sh_type"] == "SHT_PROGBITS" and section["sh_flags"] & _ALLOC
        if kept and not section.name.startswith(".eh_frame") and section["sh_size"]:
            out += bytes(-len(out) % max(section["sh_addralign"], 16))
            origins[number] = len(out)
            out += section.data()
    for section, entry, symbol in relocations(elf, origins):
        if symbol["st_shndx"] not in origins:
            raise UnknownRelocation(f"nothing defines {symbol.name!r}")
        to = origins[symbol["st_shndx"]] + symbol["st_value"] + entry["r_addend"]
        _join(machine, out, origins[section] + entry["r_offset"], to, entry["r_info_type"])
    functions = {
        symbol.name: origins[symbol["st_shndx"]] + symbol["st_value"]
        for symbol in symbols.iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_info"]["bind"] == "STB_GLOBAL"
    }
    return bytes(out), functions


def relocations(elf: Any, origins: Container[int]) -> Iterator[tuple[int, Any, Any]]:
    """Section, relocation and symbol, for all sections that have a place."""
    symbols = elf.get_section_by_name(".symtab")
    for section in elf.iter_sections():
        if section["sh_type"] == "SHT_RELA" and section["sh_info"] in origins:
            for entry in section.iter_relocations():
                yield section["sh_info"], entry, symbols.get_symbol(entry["r_info_sym"])


def _join(machine: str, out: bytearray, at: int, to: int, kind: int) -> None:
    """Fill in the way from one place of a blob to another."""
    (word,) = struct.unpack_from("<I", out, at)
    if machine == "x86_64" and kind in _DISTANCES:
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


def link(data: bytes, extra: bytes, symbols: dict[str, int], entry: str = "_start") -> bytes:
    """An executable of an object file.

    Args:
        data: the object file, x86-64.
        extra: code put before the object's own.
        symbols: what `extra` defines: name -> offset in it.
        entry: the symbol where the program begins.

    Raises:
        UnknownRelocation: the object asks for something that is not there.
    """
    from elftools.elf.elffile import ELFFile

    linker = _Linker(ELFFile(io.BytesIO(data)), extra, symbols)
    linker.relocate()
    return _write(linker.images, linker.starts, linker.sizes, linker.known[entry])


class _Linker:
    """The sections of an object file in three segments.

    Attributes:
        origins: by the number of a section its segment and address.
        images, starts, sizes: by segment its bytes, its address, and how long it is.
        known: the addresses of symbols.
    """

    def __init__(self, elf: Any, extra: bytes, symbols: dict[str, int]) -> None:
        self.elf, self.symbols = elf, symbols
        self.table = elf.get_section_by_name(".symtab")
        self.origins: dict[int, tuple[str, int]] = {}
        self.images = {"r": bytearray(), "rx": bytearray(extra), "rw": bytearray()}
        self.starts: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        address = BASE + PAGE
        for segment in self.images:
            self.starts[segment] = address
            self.sizes[segment] = self._lay_out(segment)
            address += -(-max(self.sizes[segment], 1) // PAGE) * PAGE
        self.known = {name: self.starts["rx"] + offset for name, offset in symbols.items()}

    def _lay_out(self, segment: str) -> int:
        """Put the sections of a segment one after another, those without bytes last."""
        image, start = self.images[segment], self.starts[segment]
        sections = [
            pair for pair in enumerate(self.elf.iter_sections()) if _home(pair[1]) == segment
        ]
        size = len(image)
        for number, section in sorted(sections, key=lambda pair: _is_empty(pair[1])):
            size += -size % max(section["sh_addralign"], 16)
            self.origins[number] = segment, start + size
            if not _is_empty(section):
                image += bytes(size - len(image)) + section.data()
            size += section["sh_size"]
        return size

    def _value_of(self, symbol: Any) -> int:
        home = symbol["st_shndx"]
        if home in self.origins:
            return int(self.origins[home][1] + symbol["st_value"])
        if symbol.name in self.known:
            return self.known[symbol.name]
        raise UnknownRelocation(f"nothing defines {symbol.name!r}")

    def relocate(self) -> None:
        """Fill in what the object refers to, and the calls in the code put before its own."""
        for section, relocation, symbol in relocations(self.elf, self.origins):
            segment, base = self.origins[section]
            at, kind = base + relocation["r_offset"], relocation["r_info_type"]
            if kind not in _RELOCATIONS:
                raise UnknownRelocation(f"type {kind}")
            size, relative = _RELOCATIONS[kind]
            value = self._value_of(symbol) + relocation["r_addend"] - (at if relative else 0)
            offset = at - self.starts[segment]
            data = (value % (1 << 64)).to_bytes(8, "little")[:size]
            self.images[segment][offset : offset + size] = data
        for symbol in self.table.iter_symbols():
            if symbol["st_shndx"] in self.origins:
                self.known.setdefault(symbol.name, self._value_of(symbol))
        for name, offset in self.symbols.items():
            if name.startswith("call:"):
                distance = self.known[name[5:]] - self.starts["rx"] - offset - 4
                struct.pack_into("<i", self.images["rx"], offset, distance)


def _home(section: Any) -> str | None:
    """The segment that a section belongs to, if it is loaded at all."""
    flags = section["sh_flags"]
    if not flags & _ALLOC or not section["sh_size"] or section.name.startswith(".eh_frame"):
        return None
    return "rx" if flags & _EXECUTE else "rw" if flags & _WRITE else "r"


def _is_empty(section: Any) -> bool:
    return bool(section["sh_type"] == "SHT_NOBITS")


def _write(
    images: dict[str, bytearray], starts: dict[str, int], sizes: dict[str, int], entry: int
) -> bytes:
    """The file: header, program headers, segments at whole pages."""
    flags = {"r": _READ_FLAG, "rx": _READ_FLAG | _EXECUTE_FLAG, "rw": _READ_FLAG | _WRITE_FLAG}
    used = [group for group in images if sizes[group]]
    headers = bytearray()
    body = bytearray()
    count = len(used) + 1
    for group in used:
        offset = PAGE + len(body)
        start, length = starts[group], len(images[group])
        load = (1, flags[group], offset, start, start, length, sizes[group], PAGE)
        headers += struct.pack("<IIQQQQQQ", *load)
        body += images[group] + bytes(-len(images[group]) % PAGE)
    stack = (0x6474E551, flags["rw"], 0, 0, 0, 0, 0, 16)  # PT_GNU_STACK: not executable
    headers += struct.pack("<IIQQQQQQ", *stack)
    kind = (b"\x7fELF\x02\x01\x01", 2, _X86_64, 1)  # an executable (ET_EXEC), version 1
    counts = (_HEADER, _PROGRAM_HEADER, count, 64, 0, 0)
    head = struct.pack("<16sHHIQQQIHHHHHH", *kind, entry, _HEADER, 0, 0, *counts)
    first = head + bytes(headers)
    return first + bytes(PAGE - len(first)) + bytes(body)
