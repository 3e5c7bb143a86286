"""The machine this runs on: processor, cores, where caches go."""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import tempfile
from pathlib import Path

from lanework.base.codes import BAD_ENVIRONMENT
from lanework.base.errors import UsageError

CPU_LEVELS = ("x86-64-v4", "x86-64-v3")
"""The levels of x86-64 processors that code is made for: with AVX-512, and with AVX2 alone."""
NO_LEVEL = "none"  # of which no code was shipped


def machine() -> str:
    """The processor family and the system, such as ``x86_64-Linux``."""
    return f"{platform.machine()}-{platform.system()}"


def cpu_name() -> str:
    """The processor's name as it calls itself."""
    return _cpu_fields().get("model name") or platform.processor() or platform.machine()


def cpu_digest() -> str:
    """A digest of all that native code may depend on: processor, features, system; 16 hex digits.

    Two machines with the same digest can share compiled code.
    """
    fields = _cpu_fields()
    # ARM calls its model by numbers.
    names = ("vendor_id", "cpu family", "model", "model name", "CPU implementer", "CPU part")
    text = "\n".join([machine(), platform.processor(), *(fields.get(n, "") for n in names)])
    return hashlib.blake2b(
        f"{text}\n{' '.join(sorted(cpu_flags()))}".encode(), digest_size=8
    ).hexdigest()


def cpu_flags() -> frozenset[str]:
    """The processor's features as Linux names them; empty where that is not known."""
    fields = _cpu_fields()  # ARM calls its flags Features
    said = (*fields.get("flags", "").split(), *fields.get("Features", "").split())
    return frozenset((*said, *(name for name, bit in _HWCAP.items() if _capabilities() >> bit & 1)))


_HWCAP = {"atomics": 8}  # bits of what the kernel tells a process on aarch64


@functools.cache
def _capabilities() -> int:
    """What the kernel says to this process: an emulated one sees another processor's file."""
    if platform.machine() != "aarch64" or platform.system() != "Linux":
        return 0
    ask = ctypes.CDLL(None).getauxval
    ask.restype, ask.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
    return int(ask(16))  # AT_HWCAP


@functools.cache
def _cpu_fields(path: str = "/proc/cpuinfo") -> dict[str, str]:
    """What Linux says about the first processor; nothing elsewhere."""
    try:
        text = Path(path).read_text()
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def cpu_level() -> str:
    """The level that ``LANEWORK_CPU_LEVEL`` asks for, or ``none``; "" where it is not set.

    Raises:
        UsageError: LW0601 for a level that there is not on any machine.
    """
    asked = os.environ.get("LANEWORK_CPU_LEVEL", "").strip()
    if asked and asked not in (*CPU_LEVELS, NO_LEVEL):
        raise UsageError(
            BAD_ENVIRONMENT,
            f"LANEWORK_CPU_LEVEL is {asked!r}",
            help=f"set it to {', '.join(CPU_LEVELS)} or {NO_LEVEL}, or unset it",
        )
    return asked


def thread_count() -> int:
    """Cores this process may use; ``LANEWORK_THREADS`` overrides.

    Raises:
        UsageError: LW0601 for an override that is no whole number from 1.
    """
    given = os.environ.get("LANEWORK_THREADS", "").strip()
    if given:
        if not (given.isdecimal() and int(given) > 0):
            raise UsageError(
                BAD_ENVIRONMENT,
                f"LANEWORK_THREADS is {given!r}",
                help="set it to a whole number from 1, or unset it",
            )
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_dir() -> Path:
    """Where compiled code is kept; ``LANEWORK_CACHE_DIR`` overrides.

    Otherwise ``$XDG_CACHE_HOME/lanework``, or where the system keeps caches: ``~/.cache/lanework``
    on Linux, ``~/Library/Caches/lanework`` on macOS, below ``%LOCALAPPDATA%`` on Windows. A user
    without a home gets a folder of the process's own: a shared one could be filled with code by
    somebody else.
    """
    given = os.environ.get("LANEWORK_CACHE_DIR")
    if given:
        return Path(given).expanduser().absolute()
    home = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(home):  # the XDG Base Directory Specification says to ignore relative ones
        return Path(home) / "lanework"
    try:
        home = str(Path.home())
    except RuntimeError:
        return _own_folder()
    if platform.system() == "Linux":
        return Path(home) / ".cache" / "lanework"
    import platformdirs

    return platformdirs.user_cache_path("lanework", appauthor=False)


@functools.cache
def _own_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="lanework-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
