"""The machine this runs on: processor, cores, where caches go."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """The processor family and the system, such as ``x86_64-Linux``."""
    return f"{platform.machine()}-{platform.system()}"


def cpu_name() -> str:
    """The processor's name as it calls itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def thread_count() -> int:
    """Cores this process may use; ``LANEWORK_THREADS`` overrides."""
    given = os.environ.get("LANEWORK_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_dir() -> Path:
    """Where compiled code is kept; ``LANEWORK_CACHE_DIR`` overrides."""
    given = os.environ.get("LANEWORK_CACHE_DIR")
    if given:
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "lanework"
