"""The program file: a fixed head, a MessagePack header, raw aligned sections.

::

    0   8 bytes   magic
    8   u32       format version
    12  u32       header bytes
    16  u64       file bytes
    24  32 bytes  blake2b-256 of the head before it, the version at 56 if it is not 0, and what
                  follows the head
    56  u32       version of the machine's instruction set that the program needs; 0 is the first
    60  4 bytes   zero
    64  header    MessagePack: machine, header fields, ports, section table, listing, notes
        sections  each at a multiple of 64 bytes, zeros between

Reading never runs code and never uses pickle. A damaged file is refused with a code and the
offset of what is wrong.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

import msgspec
import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.core.codes import DAMAGED_FILE, NEWER_FORMAT, NO_PROGRAM_FILE, NOT_TEXT
from lanework.core.data.holding import check_held
from lanework.core.program.data import ListingEntry, Port, ProgramData
from lanework.core.resident import look, looked

MAGIC = b"\x89LANEWK\n"
VERSION = 1
ALIGN = 64
_HEAD = struct.Struct("<8sIIQ32sI4x")
_HELD = 4  # bytes of Python's values for one of the header
_HELD_ENTRY = 240  # of those for an entry of the listing
_TAPE, _CONSTANTS = ".tape", ".constants"


E = TypeVar("E")


class _Port(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    name: str
    direction: Literal["in", "out"]
    row: int
    dtype: str
    unit: str
    axes: tuple[str, ...]
    kind: str
    doc: str
    default: float | None
    categories: tuple[str, ...]
    reduce: tuple[str, ...]


class _Section(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    name: str
    offset: int
    size: int


class _Entry(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    instruction: int
    text: str
    span: tuple[int, int, int, int, int] | None  # source, then lines and columns


class _Header(msgspec.Struct, Generic[E], array_like=True, forbid_unknown_fields=True):
    machine: str
    fields: dict[str, int | float | str]
    ports: list[_Port]
    sections: list[_Section]
    listing: list[E]
    sources: list[tuple[str, str | None]]
    notes: list[str]


def content(program: ProgramData) -> bytes:
    """The bytes that the content hash covers: everything but listing and notes."""
    sections = _sections(program)
    table = [_Section(name, 0, len(data)) for name, data in sections]
    return _header(program, table) + b"".join(data for _, data in sections)


def dumps(program: ProgramData, version: int | None = None) -> bytes:
    """The file of a program; the same program gives the same bytes.

    Args:
        program: what it holds.
        version: the version of the machine's instruction set that it needs, if the program is not
            to say that itself.
    """
    sections = _sections(program)
    sources: dict[tuple[str, str | None], int] = {}
    listing = []
    for entry in program.listing:
        span = entry.span
        place = None
        if span is not None:
            number = sources.setdefault((span.source, span.text), len(sources))
            place = (number, span.line, span.column, span.end_line, span.end_column)
        listing.append(_Entry(entry.instruction, entry.text, place))
    # Offsets are written relative to where sections begin, so that they do not depend on
    # how long the header is.
    table, at = [], 0
    for name, data in sections:
        table.append(_Section(name, at, len(data)))
        at += _padded(len(data))
    header = _header(program, table, listing, list(sources), program.notes)
    body = bytearray(_pad(header, _HEAD.size))
    for _, data in sections:
        body += _pad(data)
    version = program.needs if version is None else version
    size = _HEAD.size + len(body)
    head = _HEAD.pack(MAGIC, VERSION, len(header), size, b"\0" * 32, version if version > 1 else 0)
    return head[:24] + _digest(head, bytes(body)) + head[56:] + bytes(body)


def decode(data: bytes, name: str = "program") -> tuple[ProgramData, int]:
    """What the bytes of a file hold, and the version of the instruction set that it needs.

    Nothing of it is verified yet.

    Raises:
        Diagnostic: LW1004 to LW1006 when it is no program file or a damaged one.
    """
    if len(data) < _HEAD.size or data[: len(MAGIC)] != MAGIC:
        raise Diagnostic(
            NO_PROGRAM_FILE,
            f"{name} is no Lanework program: it does not begin as one (offset 0)",
            help="compile a model first: lanework compile MODEL --out PROGRAM.lwp",
        )
    _, version, header_size, size, digest, needs = _HEAD.unpack_from(data)
    if version != VERSION:
        raise Diagnostic(
            NEWER_FORMAT,
            f"{name} has format {version}, and this version reads {VERSION} (offset 8)",
        )
    if size != len(data):
        raise _damaged(name, 16, f"it should have {size} bytes and has {len(data)}")
    if data[60:64] != b"\0" * 4:
        raise _damaged(name, 60, "bytes that must be zero are not")
    if _digest(data[: _HEAD.size], memoryview(data)[_HEAD.size :]) != digest:
        raise _damaged(name, 24, "the checksum does not fit")
    start = _HEAD.size + header_size
    if start > len(data):
        raise _damaged(name, 12, "the header is longer than the file")
    check_held(name, _HELD * header_size, "raise the memory cap")
    look(2 * header_size)
    try:
        header = msgspec.msgpack.decode(
            memoryview(data)[_HEAD.size : start], type=_Header[msgspec.Raw]
        )
        listing = _listing(name, header)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _damaged(name, _HEAD.size, f"the header cannot be read ({error})") from None
    return _data(name, header, listing, header_size, data), max(needs, 1)


def _listing(name: str, header: _Header[Any]) -> tuple[ListingEntry, ...]:
    """The listing, entry by entry: what decodes them looks at neither clock nor memory."""
    look(_HELD_ENTRY * len(header.listing))
    listing = []
    for raw in looked(header.listing):
        entry, span = msgspec.msgpack.decode(raw, type=_Entry), None
        if entry.span is not None:
            number, *place = entry.span
            if not 0 <= number < len(header.sources):
                raise _damaged(name, _HEAD.size, "the listing names a source that is not there")
            source, text = header.sources[number]
            span = Span(source, place[0], place[1], place[2], place[3], text)
        listing.append(ListingEntry(entry.instruction, span, entry.text))
    return tuple(listing)


def _data(
    name: str,
    header: _Header[Any],
    listing: tuple[ListingEntry, ...],
    header_size: int,
    data: bytes,
) -> ProgramData:
    sections: dict[str, bytes] = {}
    start = _padded(_HEAD.size + header_size)
    expected = start
    if any(data[_HEAD.size + header_size : start]):
        raise _damaged(name, _HEAD.size + header_size, "padding is not zero")
    for section in header.sections:
        offset = start + section.offset
        if offset != expected or section.size < 0 or offset + section.size > len(data):
            raise _damaged(name, offset, f"section {section.name} is not where it should be")
        if section.name in sections:
            raise _damaged(name, offset, f"section {section.name} is there twice")
        sections[section.name] = data[offset : offset + section.size]
        expected = _padded(offset + section.size)
        if any(data[offset + section.size : expected]):
            raise _damaged(name, offset + section.size, "padding is not zero")
    if expected != len(data):
        raise _damaged(name, expected, "bytes are left over")
    if _TAPE not in sections or _CONSTANTS not in sections or len(sections[_CONSTANTS]) % 8:
        raise _damaged(name, _HEAD.size, "tape or constants are missing or cut")
    tape, constants = sections.pop(_TAPE), sections.pop(_CONSTANTS)
    return ProgramData(
        machine=header.machine,
        header=header.fields,
        tape=tape,
        ports=tuple(Port(**msgspec.structs.asdict(port)) for port in header.ports),
        constants=np.frombuffer(constants, "<f8"),
        sections=sections,
        listing=listing,
        notes=tuple(header.notes),
    )


def _header(
    program: ProgramData,
    table: list[_Section],
    listing: Sequence[_Entry] = (),
    sources: Sequence[tuple[str, str | None]] = (),
    notes: Sequence[str] = (),
) -> bytes:
    fields, names = dict(sorted(program.header.items())), _Port.__struct_fields__
    ports = [_Port(*(getattr(port, name) for name in names)) for port in program.ports]
    header = _Header(
        program.machine, fields, ports, table, list(listing), list(sources), list(notes)
    )
    try:
        return msgspec.msgpack.encode(header)
    except UnicodeEncodeError as error:
        odd = error.object[error.start : error.end]
        what = f"a name or a text of the program has {odd!r}, which is half of a character"
        raise Diagnostic(NOT_TEXT, what, help="write names and texts without it") from None


def _sections(program: ProgramData) -> list[tuple[str, bytes]]:
    constants = np.ascontiguousarray(program.constants, "<f8").tobytes()
    return [(_TAPE, program.tape), (_CONSTANTS, constants), *sorted(program.sections.items())]


def _padded(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def _pad(data: bytes, before: int = 0) -> bytes:
    return data + b"\0" * (_padded(before + len(data)) - before - len(data))


def _digest(head: bytes, body: bytes | memoryview) -> bytes:
    needs = head[56:60].strip(b"\0") and head[56:60]
    digest = hashlib.blake2b(head[:24] + needs, digest_size=32)
    digest.update(body)
    return digest.digest()


def _damaged(name: str, offset: int, what: str) -> Diagnostic:
    return Diagnostic(
        DAMAGED_FILE,
        f"{name} is damaged at offset {offset}: {what}",
        help="compile the model again, or fetch the file again",
    )
