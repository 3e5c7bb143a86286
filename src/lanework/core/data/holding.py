"""How much of a file may be held: what is read as a whole is estimated before it is, or as it is.

Who reads says its limits once, for all that is read meanwhile: `with reading(limits)`. Else there
is the memory cap that holds by default. The deadline is `core/waiting.py`'s.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import IO, Any

from lanework.base.limits import Limits
from lanework.core.data.opening import Path_
from lanework.core.options import limits_of

CELL = 80
"""Bytes of a value of Python, and of its place in a list."""
JSON = 12
"""Bytes of Python's values for one of JSON text."""
SHEET = 4
"""Bytes of Python's values for one of the XML in a workbook."""
VALUE = 24
"""Bytes of a value of Python as NumPy makes a number of it."""
LABEL = 340
"""Bytes of a label that is looked up, and of one that is looked for."""
PARTS = 8
"""Of the memory cap that are read at a time, where all that is read is held."""
SMALL = 65536
"""What is never worth a question, in bytes and in values."""
AT_ONCE = "raise the memory cap, or give fewer values at once"
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
    before = _LIMITS.set(_LIMITS.get() if limits is None else limits_of(limits))
    try:
        yield
    finally:
        with suppress(ValueError):  # left half-way, it is closed where these were never set
            _LIMITS.reset(before)


@contextmanager
def taking(limits: Limits, inputs: Mapping[str, Any]) -> Iterator[None]:
    """The same for inputs, after a look at whether what they become fits.

    Raises:
        Diagnostic: LW0101.
    """
    with reading(limits):
        check_inputs(inputs)
        yield


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


def at_a_time(each: int, most: int) -> int:
    """How many rows to read at a time, each of which takes so many bytes meanwhile.

    Example:
        >>> with reading(Limits(memory=10_000_000)):
        ...     at_a_time(100, 65536)
        12500
    """
    return max(1, min(most, (_LIMITS.get() or Limits()).memory_cap // (PARTS * each)))


def check_inputs(inputs: Mapping[str, Any]) -> None:
    """Refuse inputs whose values do not fit in arrays, before these are made.

    Raises:
        Diagnostic: LW0101.

    Example:
        >>> with reading(Limits(memory=1000)):
        ...     check_inputs({"rate": [0.5] * 10, "years": list(range(100_000))})
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW0101: the arrays of rate and years need 2.4 MB, and ...
          help: raise the memory cap, or give fewer values at once
    """
    sizes = {name: _count(value) for name, value in inputs.items()}
    if sum(sizes.values()):
        names = " and ".join(name for name, size in sizes.items() if size)
        check_taken(VALUE * sum(sizes.values()), f"the arrays of {names}")


def _count(value: Any) -> int:
    """How many values there are that are no array of numbers yet."""
    if getattr(getattr(value, "dtype", None), "kind", "O") in "fiub":
        return 0
    first = value[0] if isinstance(value, list | tuple) and value else None
    return length_of(value) * (len(first) if isinstance(first, list | tuple) else 1)


def length_of(value: Any) -> int:
    """How many values there are; 0 for one that is none of several."""
    try:
        return len(value) if hasattr(value, "__len__") else 0
    except TypeError:  # an array of one number without axes
        return 0


def is_long(value: Any) -> bool:
    """Whether there are so many values that what they take is worth a question."""
    return length_of(value) > SMALL


def check_taken(size: int, what: str) -> None:
    """Refuse to take so many bytes for what is given, if they are more than the memory cap.

    Raises:
        Diagnostic: LW0101.
    """
    if size > SMALL:
        (_LIMITS.get() or Limits()).check_memory(size, what, AT_ONCE)


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
