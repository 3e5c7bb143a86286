"""Atomic writes: the old file or the new one, never half of either."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from lanework.base.codes import FILE_NOT_WRITTEN
from lanework.base.errors import Diagnostic


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` that replaces it when the block ends well.

    Args:
        path: the file to make or replace; its folder must exist.
        mode: ``wb`` or ``w`` (UTF-8).

    Raises:
        Diagnostic: LW0201 when the file cannot be written; `path` is then as it was.
    """
    target = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        encoding = None if "b" in mode else "utf-8"
        with os.fdopen(handle, mode, encoding=encoding, newline=None if "b" in mode else "") as f:
            yield f
            f.flush()
            os.fsync(f.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
        temporary = ""
        _sync_folder(target.parent)
    except OSError as error:
        raise Diagnostic(
            FILE_NOT_WRITTEN,
            f"{target} could not be written: {error.strerror or error}",
            help="check free space and permissions; what was there before is untouched",
        ) from error
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)


def write_bytes_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes so that a reader sees all of them or what was there before."""
    with atomic_write(path) as file:
        file.write(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system can sync a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
