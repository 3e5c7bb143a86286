"""Limits of a run, and checks that refuse before anything is allocated."""

from __future__ import annotations

import functools
import math
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lanework.base.codes import BAD_LIMIT, MEMORY_CAP
from lanework.base.errors import Diagnostic

FIT = "raise the memory cap, ask for fewer outputs, sum over lanes, or stream"
DEFAULT_SHARE = 0.75  # of the memory that this process may use

_NUMBER = r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*"
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZES |= {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


TEXTS = "; Limits.from_text reads such as memory='512M', deadline='50ms'"


@dataclass(frozen=True)
class Limits:
    """What a run may use at most.

    Attributes:
        fuel: primitive operations, or None for no limit.
        memory: bytes, or None for three quarters of the memory there is.
        deadline: seconds, or None.
        depth: how deeply calls may nest.
        threads: threads, or None for one a core.
        ends: when the deadline is, on the clock of `time.monotonic`, once it has `started`.

    Raises:
        Diagnostic: LW0102 for a limit that makes no sense.

    Example:
        >>> Limits(memory=parse_size("2GiB")).memory
        2147483648
    """

    fuel: int | None = None
    memory: int | None = None
    deadline: float | None = None
    depth: int = 1024
    threads: int | None = None
    ends: float | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, least in (("fuel", 0), ("memory", 0), ("depth", 0), ("threads", 1)):
            value = getattr(self, name)
            if (value is not None or name == "depth") and not (_integral(value) and value >= least):
                raise _bad(f"{name} is {value!r}", f"give a whole number from {least}" + TEXTS)
        if self.deadline is not None and not _seconds(self.deadline):
            raise _bad(f"deadline is {self.deadline!r}", "give a number of seconds" + TEXTS)

    @classmethod
    def from_text(
        cls,
        *,
        fuel: str | int | None = None,
        memory: str | int | None = None,
        deadline: str | float | None = None,
        depth: str | int | None = None,
        threads: str | int | None = None,
    ) -> Limits:
        """Limits as people write them; None leaves the default.

        Raises:
            Diagnostic: LW0102.

        Example:
            >>> Limits.from_text(fuel="1_000_000", memory="2GiB", deadline="50ms")
            Limits(fuel=1000000, memory=2147483648, deadline=0.05, depth=1024, threads=None)
        """
        return cls(
            fuel=_parse_whole("fuel", fuel),
            memory=None if memory is None else parse_size(memory),
            deadline=None if deadline is None else parse_duration(deadline),
            depth=cls.depth if depth is None else _parse_whole("depth", depth) or 0,
            threads=_parse_whole("threads", threads),
        )

    @property
    def memory_cap(self) -> int:
        """The cap in bytes that `check_memory` holds."""
        return self.memory if self.memory is not None else default_memory_cap()

    def until(self) -> float | None:
        """When a run that begins now must have ended, on the clock of `time.monotonic`."""
        if self.deadline is None or self.ends is not None:
            return self.ends
        return time.monotonic() + self.deadline

    def started(self) -> Limits:
        """The same limits, whose deadline counts from now on: one for all that they are given to.

        Example:
            >>> limits = Limits(deadline=60.0).started()
            >>> limits.until() == limits.until(), limits == Limits(deadline=60.0)
            (True, True)
        """
        return replace(self, ends=self.until())

    def check_memory(self, needed: int, what: str, help: str = FIT) -> None:
        """Refuse what would not fit.

        Args:
            needed: estimated bytes.
            what: what needs them, in the reader's words.
            help: what to try.

        Raises:
            Diagnostic: LW0101.
        """
        cap = self.memory_cap
        if needed > cap:
            raise Diagnostic(
                MEMORY_CAP,
                f"{what} need {show_size(needed)}, and the cap is {show_size(cap)}",
                help=help,
            )


def parse_size(text: str | int) -> int:
    """Bytes from text such as ``512M``, ``2GiB`` or ``4096``.

    Raises:
        Diagnostic: LW0102.

    Example:
        >>> parse_size("1.5GB"), parse_size("4KiB")
        (1500000000, 4096)
    """
    if _integral(text) and int(text) >= 0:
        return int(text)
    if isinstance(text, str):
        match = re.fullmatch(_NUMBER + r"([kmgt]?i?)b?\s*", text.lower())
        scale = _SIZES.get(match[2]) if match else None
        if match and scale and len(text) < 400:
            # Whole numbers stay exact, whatever their length.
            return int(match[1]) * scale if match[1].isdigit() else int(float(match[1]) * scale)
    raise _bad(f"{text!r} is no size", "write bytes, or 512M, 2GB, 2GiB")


def parse_duration(text: str | float) -> float:
    """Seconds from text such as ``50ms``, ``2s``, ``3min`` or ``1.5``.

    Raises:
        Diagnostic: LW0102.

    Example:
        >>> parse_duration("50ms")
        0.05
    """
    if isinstance(text, str):
        match = re.fullmatch(_NUMBER + r"([a-z]*)\s*", text.lower())
        scale = _TIMES.get(match[2]) if match else None
        seconds = float(match[1]) * scale if match and scale else math.inf
        if seconds < math.inf:
            return seconds
    elif _seconds(text):
        return float(text)
    raise _bad(f"{text!r} is no duration", "write seconds, or 50ms, 2s, 3min")


def show_size(size: int) -> str:
    """Bytes for people.

    Example:
        >>> show_size(3_500_000), show_size(4**40)
        ('3.5 MB', '1.2e+24 bytes')
    """
    if size >= 10**18:  # no machine has that; and past 10^308 not even a float
        power = len(str(size)) - 1
        return f"{size // 10 ** (power - 1) / 10}e+{power} bytes"
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.95 or (unit == "B" and value < 1000):
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


@functools.cache
def default_memory_cap() -> int:
    """Three quarters of physical memory, or of the control group's limit if that is less."""
    return int(usable_memory() * DEFAULT_SHARE)


def usable_memory(root: str | Path = "/") -> int:
    """Bytes that this process may use: physical memory, or its control group's limit if less.

    Args:
        root: where the folders `proc` and `sys` are.
    """
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        physical = 2**63 - 1  # a system that does not say
    return min([physical, *_group_limits(Path(root))])


def _group_limits(root: Path) -> Iterator[int]:
    """The limits of this process's control groups, of both versions, and of those above them."""
    mounted = root / "sys/fs/cgroup"
    # In a container its own group is mounted as the top one, whatever its path says.
    folders = {mounted: "memory.max", mounted / "memory": "memory.limit_in_bytes"}
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers:
            top, name = mounted, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = mounted / "memory", "memory.limit_in_bytes"
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        folders |= {top.joinpath(*parts[:n]): name for n in range(len(parts) + 1)}
    for folder, name in folders.items():
        try:
            yield int((folder / name).read_text())
        except (OSError, ValueError):
            continue  # no such file, or "max"


def _integral(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _seconds(value: Any) -> bool:
    return (_integral(value) or isinstance(value, float)) and 0 <= value < math.inf


def _parse_whole(name: str, text: str | int | None) -> int | None:
    if text is None or _integral(text):
        return text  # type: ignore[return-value]
    try:
        return int(text) if isinstance(text, str) else int("")
    except ValueError:
        raise _bad(f"{name} is {text!r}", "give a whole number") from None


def _bad(message: str, help: str) -> Diagnostic:
    return Diagnostic(BAD_LIMIT, message, help=help)
