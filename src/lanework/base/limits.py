"""Limits of a run, and checks that refuse before anything is allocated."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lanework.base.codes import BAD_LIMIT, MEMORY_CAP
from lanework.base.errors import Diagnostic

DEFAULT_SHARE = 0.75  # of the memory that this process may use

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZES |= {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_TIMES = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Limits:
    """What a run may use at most.

    Attributes:
        fuel: primitive operations, or None for no limit.
        memory: bytes, or None for three quarters of the memory there is.
        deadline: seconds, or None.
        depth: how deeply calls may nest.
        threads: threads, or None for one a core.

    Example:
        >>> Limits(memory=parse_size("2GiB")).memory
        2147483648
    """

    fuel: int | None = None
    memory: int | None = None
    deadline: float | None = None
    depth: int = 1024
    threads: int | None = None

    @property
    def memory_cap(self) -> int:
        """The cap in bytes that `check_memory` holds."""
        return self.memory if self.memory is not None else default_memory_cap()

    def check_memory(self, needed: int, what: str) -> None:
        """Refuse what would not fit.

        Args:
            needed: estimated bytes.
            what: what needs them, in the reader's words.

        Raises:
            Diagnostic: LW0101.
        """
        cap = self.memory_cap
        if needed > cap:
            raise Diagnostic(
                MEMORY_CAP,
                f"{what} need {show_size(needed)}, and the cap is {show_size(cap)}",
                help="raise the memory cap, ask for fewer outputs, sum over lanes, or stream",
            )


def parse_size(text: str | int) -> int:
    """Bytes from text such as ``512M``, ``2GiB`` or ``4096``.

    Raises:
        Diagnostic: LW0102.

    Example:
        >>> parse_size("1.5GB"), parse_size("4KiB")
        (1500000000, 4096)
    """
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kmgt]?i?)b?\s*", text.lower())
    try:
        assert match is not None
        return int(float(match[1]) * _SIZES[match[2]])
    except (AssertionError, ValueError, KeyError):
        raise Diagnostic(
            BAD_LIMIT, f"{text!r} is no size", help="write bytes, or 512M, 2GB, 2GiB"
        ) from None


def parse_duration(text: str | float) -> float:
    """Seconds from text such as ``50ms``, ``2s``, ``3min`` or ``1.5``.

    Raises:
        Diagnostic: LW0102.

    Example:
        >>> parse_duration("50ms")
        0.05
    """
    if isinstance(text, int | float):
        return float(text)
    match = re.fullmatch(r"\s*([0-9.]+)\s*(ms|s|min|m|h|)\s*", text.lower())
    try:
        assert match is not None
        return float(match[1]) * _TIMES[match[2]]
    except (AssertionError, ValueError):
        raise Diagnostic(
            BAD_LIMIT, f"{text!r} is no duration", help="write seconds, or 50ms, 2s, 3min"
        ) from None


def show_size(size: int) -> str:
    """Bytes for people.

    Example:
        >>> show_size(3_500_000)
        '3.5 MB'
    """
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


@functools.cache
def default_memory_cap() -> int:
    """Three quarters of physical memory, or of the control group's limit if that is less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(path).read_text()))
        except (OSError, ValueError):
            continue
    return int(total * DEFAULT_SHARE)
