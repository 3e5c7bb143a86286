"""The shipped table of this machine's level, in memory: helpers to call, stencils by name."""

from __future__ import annotations

import ctypes
import functools
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base import host
from lanework.base.errors import Diagnostic
from lanework.engines import callbacktext, threadtext
from lanework.engines.kernel import CALL, COLUMNS, UNIT
from lanework.engines.stencil.arena import Buffer, code_pool
from lanework.engines.stencil.shipped import contract, load
from lanework.engines.tensors import layout
from lanework.engines.vector import isa
from lanework.engines.vector.isa import LEVELS, Level

_JOB = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
_REPEAT = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)


@dataclass
class Helpers:
    """What was shipped for a level.

    Attributes:
        level: the level.
        assemble: the patch loop, called with the address of a job.
        repeat: the same many times, to measure it.
        drive: the driver, which is the kernel of every nest.
        addresses: where helpers are.
        numbers: stencils by name.
        table: the table's bytes.
        keep: what owns the code.
    """

    level: Level
    assemble: Any
    repeat: Any
    drive: Any
    addresses: dict[str, int]
    numbers: dict[str, int]
    table: npt.NDArray[np.uint8]
    keep: tuple[Buffer, ...]


@functools.cache
def levels() -> tuple[Level, ...]:
    """The levels that this machine has, the highest first."""
    if platform.machine() not in ("x86_64", "AMD64") or platform.system() == "Windows":
        return ()
    flags = host.cpu_flags()
    return tuple(each for each in LEVELS.values() if all(f in flags for f in each.flags))


def level() -> Level | None:
    """The highest level of this machine, or None; ``LANEWORK_CPU_LEVEL`` asks for another one.

    Raises:
        UsageError: LW0601 for a level that there is not on any machine.
    """
    asked = host.cpu_level()
    return next((each for each in levels() if asked in ("", each.name)), None)


def why_not() -> str | None:
    """Why this machine has no vector stencils, or None if it has."""
    known = level()
    if known is not None:
        try:
            helpers(known.name)
        except Diagnostic as problem:  # a table that is damaged or stale, or no memory for code
            return problem.sentence
        return None
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"there are no vector stencils for {platform.machine()} processors"
    if platform.system() == "Windows":
        return "stencils follow the calling convention of Linux and macOS"
    if host.cpu_level() == host.NO_LEVEL:
        return "LANEWORK_CPU_LEVEL asks for none"
    if levels():
        return f"LANEWORK_CPU_LEVEL is {host.cpu_level()!r}, and this machine has no such level"
    return "vector stencils need a processor of the level x86-64-v3"


WRITERS = (
    *(f"engines/vector/{name}.py" for name in ("body", "driver", "emit", "fields", "liveness")),
    *(f"engines/vector/{name}.py" for name in ("lookups", "patcher", "stencils", "values")),
    *(f"engines/tensors/{name}.py" for name in ("contract", "entries", "layout", "scale", "text")),
    *(
        "engines/tensors/writer.py",
        "engines/threadtext.py",
        "engines/callbacktext.py",
        "engines/vector/isa.py",
    ),
)
"""What writes the texts of stencils, helpers and tensor kernels."""


def agreed(known: Level) -> str:
    """The digest of what compiled code does, and of what it and this package must agree on.

    Vector instructions, and the layouts of jobs, plans, frames, units of work, the helper threads'
    words, and the records and names of tensor kernels.
    """
    names = list(layout.kernel_names(known.width))
    return contract(
        known, UNIT, COLUMNS, names, isa, threadtext, callbacktext, layout, writers=WRITERS
    )


@functools.cache
def helpers(name: str) -> Helpers:
    """What was shipped for a level, loaded once."""
    head, parts = load(__package__ or "", name, agreed(LEVELS[name]))
    buffer = code_pool().place(parts["blob"])
    addresses = {name: buffer.run + at for name, at in head["functions"].items()}
    more = code_pool().place(parts["kernels"])
    addresses |= {name: more.run + at for name, at in head["kernels"].items()}
    return Helpers(
        LEVELS[name],
        _JOB(addresses["assemble"]),
        _REPEAT(addresses["repeat"]),
        CALL(addresses["drive"]),
        addresses,
        {stencil: number for number, stencil in enumerate(head["stencils"])},
        np.frombuffer(parts["table"], np.uint8).copy(),
        (buffer, more),
    )
