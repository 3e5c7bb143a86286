"""Compiled code on disk, by the hash of everything it depends on.

A file holds a digest of its content in front, so that a damaged one is compiled again instead
of being run. The cache may be deleted at any time; a folder that cannot be written is no error.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from lanework.base import files, host
from lanework.base.errors import Diagnostic

FORMAT = "1"  # raise when the layout of the files or the calling convention changes
_DIGEST = 32
LIMIT = 256 * 1024 * 1024


def key(*parts: str) -> str:
    """The cache key of these parts."""
    digest = hashlib.blake2b(digest_size=20)
    for part in (FORMAT, *parts):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def read(name: str) -> bytes | None:
    """The stored code, or None when there is none or it is damaged."""
    try:
        data = _path(name).read_bytes()
    except OSError:
        return None
    code = data[_DIGEST:]
    return code if _digest(code) == data[:_DIGEST] else None


def write(name: str, code: bytes) -> None:
    """Store code; a full or read-only disk just means compiling again next time."""
    path = _path(name)
    with suppress(OSError, Diagnostic):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes_atomic(path, _digest(code) + code)
        _trim(path.parent)


def _path(name: str) -> Path:
    return Path(host.cache_dir()) / "code" / f"{name}.o"


def _digest(code: bytes) -> bytes:
    return hashlib.blake2b(code, digest_size=_DIGEST).digest()


def _trim(folder: Path) -> None:
    """Keep the folder under `LIMIT` by deleting what was made longest ago."""
    entries = [(entry.stat(), entry) for entry in folder.glob("*.o")]
    total = sum(stat.st_size for stat, _ in entries)
    for stat, entry in sorted(entries, key=lambda item: item[0].st_mtime):
        if total <= LIMIT:
            return
        entry.unlink(missing_ok=True)
        total -= stat.st_size
