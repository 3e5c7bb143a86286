"""The shipped stencil tables, in memory: helpers ready to be called, tables ready to be read."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import platform
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.engines import arena
from lanework.machines.register.codes import DAMAGED_TABLES
from lanework.machines.register.patcher import STAGES
from lanework.machines.register.stencils import HELPER_NAMES, PINNED

MAGIC = b"lwstencl"
SETS = {"memory": 0, "pinned": PINNED}
_ARCHITECTURES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
# What the tables need, as Linux says it: x86-64-v3, and Armv8.1 with its atomic instructions.
_FEATURES = {
    "x86_64": ("avx2", "bmi1", "bmi2", "fma", "movbe", "popcnt"),
    "aarch64": ("atomics",),
}
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


@dataclass
class Native:
    """Helpers and tables of this machine.

    Attributes:
        patch: the patch loop, called with the address of a job.
        repeat: by stage, the patch loop so many times, to measure it.
        interpret: the native interpreter, called with state, tape and its bytes.
        lanes: the loop over lanes, called with a job.
        places: where each helper is.
        enter: by stencil set, the way into code, called with state and code.
        tables: by stencil set, the table.
        helpers: addresses of the functions that stencils call.
        keep: what owns the code.
    """

    patch: Callable[..., int]
    repeat: dict[str, Callable[..., int]]
    interpret: Callable[..., int]
    lanes: Callable[..., int]
    places: dict[str, int]
    enter: dict[str, Callable[..., int]]
    tables: dict[str, npt.NDArray[np.uint8]]
    helpers: npt.NDArray[np.uint64]
    keep: Any


def unpack(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """The head of a table file and its parts.

    Raises:
        Diagnostic: LW4007.
    """
    try:
        if raw[:8] != MAGIC:
            raise ValueError("it does not begin as a table does")
        body = raw[24:]
        if hashlib.blake2b(body, digest_size=16).digest() != raw[8:24]:
            raise ValueError("its digest is another")
        (size,) = struct.unpack_from("<I", body)
        head = json.loads(body[4 : 4 + size])
        data = zlib.decompress(body[4 + size :])
    except (ValueError, KeyError, TypeError, struct.error, zlib.error) as error:
        raise Diagnostic(
            DAMAGED_TABLES, f"the stencil table is damaged: {error}", help="install again"
        ) from None
    return head, data


def why_not() -> str | None:
    """Why this machine has no stencils, or None if it has."""
    machine, system = platform.machine(), platform.system()
    if machine not in _ARCHITECTURES:
        return f"there are no stencils for {machine} processors"
    if system == "Windows":
        return "stencils follow the calling convention of Linux and macOS"
    missing = [name for name in _FEATURES[_ARCHITECTURES[machine]] if not _has(name)]
    if missing:
        return f"the processor lacks {', '.join(missing)}"
    return None


@functools.cache
def _has(feature: str) -> bool:
    from lanework.base.host import cpu_flags

    flags = cpu_flags()
    return not flags or feature in flags


@functools.cache
def native() -> Native:
    """What was shipped for this machine, loaded once."""
    architecture = _ARCHITECTURES[platform.machine()]
    folder = resources.files("lanework.machines.register") / "tables"
    head, data = unpack((folder / f"{architecture}.bin").read_bytes())
    start, size = head["parts"]["blob"]
    buffer = arena.code_pool().acquire(-(-size // 4096))
    with buffer.mapping.writable():
        ctypes.memmove(buffer.write, data[start : start + size], size)
    arena.flush(buffer.run, size)
    places = {name: buffer.run + at for name, at in head["functions"].items()}
    tables = {}
    for name, pinned in SETS.items():
        start, size = head["parts"][f"table_{pinned}"]
        tables[name] = np.frombuffer(data, np.uint8, size, start).copy()
    return Native(
        _PROTOTYPE(places["patch"]),
        {stage: _PROTOTYPE(places[f"repeat_{stage}"]) for stage in STAGES},
        _PROTOTYPE(places["interpret"]),
        _PROTOTYPE(places["lanes"]),
        places,
        {name: _PROTOTYPE(places[f"enter_{pinned}"]) for name, pinned in SETS.items()},
        tables,
        np.array([places[f"help_{name}"] for name in HELPER_NAMES], np.uint64),
        buffer,
    )
