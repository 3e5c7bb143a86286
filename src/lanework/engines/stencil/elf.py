"""Static ELF executables: sections of an object file laid out, joined, and written with a header.

Small on purpose: one object, no library, no dynamic linking. Sections go into three segments by
what they may do (read; read and execute; read and write), none of which may do all. The formats
are those of the System V ABI, generic part (chapters 4 and 5) and AMD64 supplement (section 4.4).
"""

from __future__ import annotations

import io
import struct
from typing import Any

from lanework.engines.stencil.stencil import UnknownRelocation

BASE, PAGE = 0x400000, 0x1000
_ALLOC, _WRITE, _EXECUTE = 2, 1, 4
_READ_FLAG, _WRITE_FLAG, _EXECUTE_FLAG = 4, 2, 1
_X86_64 = 62
_HEADER, _PROGRAM_HEADER = 64, 56
# Relocation -> bytes, and whether it is a distance: 64, PC32, PLT32, 32, 32S.
_RELOCATIONS = {1: (8, False), 2: (4, True), 4: (4, True), 10: (4, False), 11: (4, False)}


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

    elf: Any = ELFFile(io.BytesIO(data))
    groups: dict[str, list[tuple[int, Any]]] = {"r": [], "rx": [], "rw": []}
    for number, section in enumerate(elf.iter_sections()):
        flags = section["sh_flags"]
        if flags & _ALLOC and section["sh_size"] and not section.name.startswith(".eh_frame"):
            group = "rx" if flags & _EXECUTE else "rw" if flags & _WRITE else "r"
            groups[group].append((number, section))
    places: dict[int, int] = {}
    images: dict[str, bytearray] = {}
    starts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    address = BASE + PAGE
    for group, sections in groups.items():
        image = bytearray(extra if group == "rx" else b"")
        starts[group] = address
        size = len(image)
        ordered = sorted(sections, key=lambda pair: pair[1]["sh_type"] == "SHT_NOBITS")
        for number, section in ordered:
            align = max(section["sh_addralign"], 16)
            size += -size % align
            places[number] = address + size
            if section["sh_type"] != "SHT_NOBITS":
                image += bytes(size - len(image)) + section.data()
            size += section["sh_size"]
        images[group], sizes[group] = image, size
        address += -(-max(size, 1) // PAGE) * PAGE
    known = {name: starts["rx"] + offset for name, offset in symbols.items()}
    table = elf.get_section_by_name(".symtab")

    def value_of(symbol: Any) -> int:
        home = symbol["st_shndx"]
        if home in places:
            return int(places[home] + symbol["st_value"])
        if symbol.name in known:
            return known[symbol.name]
        raise UnknownRelocation(f"nothing defines {symbol.name!r}")

    for section in elf.iter_sections():
        if section["sh_type"] != "SHT_RELA" or section["sh_info"] not in places:
            continue
        group = next(g for g, held in groups.items() if section["sh_info"] in dict(held))
        base = places[section["sh_info"]]
        for relocation in section.iter_relocations():
            if relocation["r_info_type"] not in _RELOCATIONS:
                raise UnknownRelocation(f"type {relocation['r_info_type']}")
            size, distance = _RELOCATIONS[relocation["r_info_type"]]
            at = base + relocation["r_offset"]
            value = value_of(table.get_symbol(relocation["r_info_sym"])) + relocation["r_addend"]
            value -= at if distance else 0
            offset = at - starts[group]
            images[group][offset : offset + size] = (value % (1 << 64)).to_bytes(8, "little")[:size]
    for symbol in table.iter_symbols():
        if symbol["st_shndx"] in places:
            known.setdefault(symbol.name, value_of(symbol))
    for name, offset in symbols.items():
        if name.startswith("call:"):  # a call in `extra`: fill in its distance
            at = starts["rx"] + offset
            struct.pack_into("<i", images["rx"], offset, known[name[5:]] - at - 4)
    return _write(images, starts, sizes, known[entry])


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
        headers += struct.pack(
            "<IIQQQQQQ",
            1,
            flags[group],
            offset,
            starts[group],
            starts[group],
            len(images[group]),
            sizes[group],
            PAGE,
        )
        body += images[group] + bytes(-len(images[group]) % PAGE)
    stack = (0x6474E551, flags["rw"], 0, 0, 0, 0, 0, 16)  # PT_GNU_STACK: not executable
    headers += struct.pack("<IIQQQQQQ", *stack)
    head = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2,  # ET_EXEC
        _X86_64,
        1,
        entry,
        _HEADER,
        0,
        0,
        _HEADER,
        _PROGRAM_HEADER,
        count,
        64,
        0,
        0,
    )
    first = head + bytes(headers)
    return first + bytes(PAGE - len(first)) + bytes(body)
