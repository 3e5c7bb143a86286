"""Standard input in place of a file: read once, for one purpose, and kept until the process ends.

What reads files goes over some of them several times, and from several places at once, so what came
in stands in a temporary file; on Linux in one without a name, which no end of the process leaves
behind. It says by its first bytes what it is, as it has no ending.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import zipfile
from contextlib import suppress
from typing import IO, Any

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_ARGUMENT

STANDARD = "-"
"""As a file: standard input, or standard output."""

SHOWN = "standard input"

_BEGINNINGS = (
    (b"PAR1", ".parquet"),
    (b"ARROW1", ".arrow"),
    (b"\xff\xff\xff\xff", ".arrow"),
    (b"\x93NUMPY", ".npy"),
    (b"\x1f\x8b", ".csv.gz"),
)

_OPEN = "/proc/self/fd"
"""Where Linux has open files by their numbers; each opening has a position of its own."""

_kept: list[tuple[Any, str, str]] = []
"""The stream, what it was read for, and the path of what came in: for the last stream read."""


def standard_input(purpose: str) -> str:
    """The path of a file with all that standard input had.

    Args:
        purpose: what it is read as, such as ``the program``.

    Raises:
        Diagnostic: LW8001 where it has been read as something else, or is closed.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise Diagnostic(BAD_ARGUMENT, f"{SHOWN} is closed", help="give the path of a file")
    if _kept and _kept[0][0] is sys.stdin:
        if _kept[0][1] != purpose:
            raise Diagnostic(
                BAD_ARGUMENT,
                f"{SHOWN} is {_kept[0][1]}, and cannot be {purpose} too",
                help="give one of them as a file",
            )
        return _kept[0][2]
    # without its buffer, whose lock a reader that is waited for no longer would keep
    path = _copied(getattr(stream, "raw", stream))
    _kept[:] = [(sys.stdin, purpose, path)]
    return path


def _copied(stream: IO[bytes]) -> str:
    """The path of a temporary file with all that a stream has."""
    if not os.path.isdir(_OPEN):
        with tempfile.NamedTemporaryFile(prefix="lanework-", delete=False) as named:
            atexit.register(_remove, named.name)
            shutil.copyfileobj(stream, named)
        return named.name
    with tempfile.TemporaryFile(prefix="lanework-") as file:
        shutil.copyfileobj(stream, file)
        file.flush()
        return f"{_OPEN}/{os.dup(file.fileno())}"


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def standard_ending(path: str) -> str:
    """The ending that a table from standard input would have as a file.

    Example:
        >>> file = tempfile.NamedTemporaryFile()
        >>> _ = file.write(b'{"rate": [0.1]}'), file.flush()
        >>> standard_ending(file.name)
        '.json'
    """
    with open(path, "rb") as file:
        first = file.read(512)
    for begin, ending in _BEGINNINGS:
        if first.startswith(begin):
            return ending
    if first.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as members:
            arrays = any(name.endswith(".npy") for name in members.namelist())
        return ".npz" if arrays else ".xlsx"
    return ".json" if first.lstrip()[:1] in (b"{", b"[") else ".csv"
