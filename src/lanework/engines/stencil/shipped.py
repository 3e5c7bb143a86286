"""Files of stencils and helpers that the package ships: named parts behind a head of JSON.

The file begins with a magic word and a digest of all that follows, so that a damaged one is found
before any of its bytes run.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.engines.codes import DAMAGED_TABLES

MAGIC = b"lwstencl"
_START = 24  # bytes of magic and digest


def pack(head: Mapping[str, Any], parts: Mapping[str, bytes]) -> bytes:
    """A file of these parts; the head gets their places."""
    places: dict[str, list[int]] = {}
    data = bytearray()
    for name, content in parts.items():
        places[name] = [len(data), len(content)]
        data += content
    text = json.dumps({**head, "parts": places}, sort_keys=True).encode()
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
