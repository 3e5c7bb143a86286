"""Files of stencils and helpers that the package ships: named parts behind a head of JSON.

The file begins with a magic word and a digest of all that follows, so that a damaged one is known
before any of its bytes run. Its head has two digests of what it was made from: of the contract, the
files that decide what compiled code does and the layouts on which it and Python must agree, which
is compared whenever a file is loaded; and of the sources, the text of all that was compiled, which
is compared by tests and by ``--check`` of the build.
"""

from __future__ import annotations

import enum
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.engines.codes import DAMAGED_TABLES, STALE_TABLES

MAGIC = b"lwstencl"
_START = 24  # bytes of magic and digest
_PACKAGE = Path(__file__).parents[2]

WRITERS = (
    *("core/ops/prims.py", "core/ops/expr.py", "core/ops/fused.py", "core/ops/bodies"),
    *("engines/llvm/ir.py", "engines/llvm/nativetext.py"),
    *("engines/stencil/building.py", "engines/stencil/elf.py", "engines/stencil/stencil.py"),
)
"""Files and folders that have a part in all compiled code: what ops do, and how it is written."""


def digest(texts: Iterable[str]) -> str:
    """A digest of texts, as hex."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


def contract(*agreed: object, writers: Iterable[str] = ()) -> str:
    """A digest of what compiled code does, and of what it and this package must agree on.

    Args:
        *agreed: values that `repr` tells apart, and modules, of which all enumerations and plain
            constants (names in capitals) count, so that no layout is left out.
        writers: files and folders of the package, besides `WRITERS`, that count as they stand.

    Example:
        >>> contract("add", 1) == contract("add", 2)
        False
    """
    lines = [
        line
        for item in agreed
        for line in (_constants(item) if isinstance(item, ModuleType) else (repr(item),))
    ]
    for path in map(_PACKAGE.joinpath, (*WRITERS, *writers)):
        files = sorted(path.glob("*.py")) if path.is_dir() else [path]
        lines += [f"{file.name} {file.read_text(encoding='utf-8')}" for file in files]
    return digest(lines)


def _constants(module: ModuleType) -> Iterable[str]:
    for name, value in vars(module).items():
        if isinstance(value, enum.EnumMeta):
            if value.__module__ == module.__name__:
                members: Mapping[str, enum.Enum] = value.__members__
                yield f"{name} {[(key, member._value_) for key, member in members.items()]}"
        elif name.isupper() and _plain(value):
            yield f"{name} {value!r}"


def _plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_plain, value)) and all(map(_plain, value.values()))
    if isinstance(value, tuple):
        return all(map(_plain, value))
    return type(value) in (int, float, str, bytes)


def pack(head: Mapping[str, Any], parts: Mapping[str, bytes]) -> bytes:
    """A file of these parts; the head gets their places."""
    extents: dict[str, list[int]] = {}
    data = bytearray()
    for name, content in parts.items():
        extents[name] = [len(data), len(content)]
        data += content
    text = json.dumps({**head, "parts": extents}, sort_keys=True).encode()
    body = struct.pack("<I", len(text)) + text + zlib.compress(bytes(data), 9)
    return MAGIC + hashlib.blake2b(body, digest_size=16).digest() + body


def unpack(raw: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The head of a file and its parts.

    Raises:
        Diagnostic: LW2102.
    """
    try:
        if raw[:8] != MAGIC:
            raise ValueError("it does not begin as a table does")
        body = raw[_START:]
        if hashlib.blake2b(body, digest_size=16).digest() != raw[8:_START]:
            raise ValueError("its digest is another")
        (size,) = struct.unpack_from("<I", body)
        head = json.loads(body[4 : 4 + size])
        data = zlib.decompress(body[4 + size :])
        parts = {name: data[at : at + length] for name, (at, length) in head["parts"].items()}
    except (ValueError, KeyError, TypeError, struct.error, zlib.error) as error:
        raise Diagnostic(
            DAMAGED_TABLES, f"the stencil table is damaged: {error}", help="install again"
        ) from None
    return head, parts


def load(package: str, name: str, agreed: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The head and the parts of a package's file, if it was made for this version of the package.

    Args:
        package: whose folder ``tables`` has the file.
        name: of the file, without its suffix.
        agreed: the contract, as `contract` gives it.

    Raises:
        Diagnostic: LW2102 for a file that is missing or damaged, LW2104 for one that is stale.
    """
    try:
        raw = (resources.files(package) / "tables" / f"{name}.bin").read_bytes()
    except OSError as error:
        what = f"the stencil table {name} cannot be read: {error}"
        raise Diagnostic(DAMAGED_TABLES, what, help="install again") from None
    head, parts = unpack(raw)
    if head.get("contract") != agreed:
        raise Diagnostic(
            STALE_TABLES,
            f"the stencil table {name} was made for another version of the package",
            help=f"install again, or run python -m {package}.build",
        )
    return head, parts
