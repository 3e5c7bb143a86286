"""How much of a file may be held: what is read as a whole is estimated before it is, or as it is.

Who reads says its limits once, for all that is read meanwhile: `with reading(limits)`. Else there
is the memory cap that holds by default. The deadline is `core/waiting.py`'s.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any

from lanework.base.limits import Limits
from lanework.core.data.opening import Path_

CELL = 80
"""Bytes of a value of Python, and of its place in a list."""
JSON = 12
"""Bytes of Python's values for one of JSON text."""
SHEET = 4
"""Bytes of Python's values for one of the XML in a workbook."""
FEWER = "raise the memory cap, or give a .csv or .parquet file, which is read in blocks"

NUMBERS: dict[str, Any] = {
    "parse_float": lambda text: float(text),
    "parse_int": lambda text: int(text),
}
"""For `json`: numbers by functions of Python, between which clocks are seen."""

_LIMITS: ContextVar[Limits | None] = ContextVar("limits of reading", default=None)


@contextmanager
def reading(limits: Limits | None) -> Iterator[None]:
    """Let these limits hold for what is read meanwhile, on this thread and those it waits for.

    None leaves those that hold already.
    """
    before = _LIMITS.set(limits or _LIMITS.get())
    try:
        yield
    finally:
        _LIMITS.reset(before)


def check_held(path: Path_, size: int, help: str = FEWER) -> None:
    """Refuse to hold so many bytes of a file, if they are more than the memory cap.

    Raises:
        Diagnostic: LW0101.

    Example:
        >>> with reading(Limits(memory=1000)):
        ...     check_held("rates.csv", 2000)
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW0101: the values of rates.csv need 2.0 kB, and the ...
          help: raise the memory cap, or give a .csv or .parquet file, which is read in blocks
    """
    (_LIMITS.get() or Limits()).check_memory(size, f"the values of {os.fspath(path)}", help)


def check_file(path: Path_, file: IO[bytes], each: int = 1) -> None:
    """The same of a whole file, of which each byte takes so many.

    Raises:
        Diagnostic: LW0101.
    """
    check_held(path, each * os.fstat(file.fileno()).st_size)


def check_packed(path: Path_, file: IO[bytes], each: int = 1) -> int:
    """The same of what is packed in an archive; how much that is.

    Raises:
        Diagnostic: LW0101.
    """
    with zipfile.ZipFile(file) as members:
        size = sum(member.file_size for member in members.infolist())
    check_held(path, each * size)
    file.seek(0)
    return size
