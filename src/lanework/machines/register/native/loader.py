"""The shipped stencil tables, in memory: helpers ready to be called, tables ready to be read."""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.engines.stencil import arena
from lanework.engines.stencil.shipped import contract, load
from lanework.machines.register import isa, state
from lanework.machines.register.isa import REGISTER
from lanework.machines.register.native import lanes, patcher, stencils, table
from lanework.machines.register.native.patcher import STAGES
from lanework.machines.register.native.stencils import HELPER_NAMES, PINNED

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
        addresses: of the helpers, by name.
        enter: by stencil set, the way into code, called with state and code.
        tables: by stencil set, the table.
        helpers: addresses of the functions that stencils call.
        keep: what owns the code.
    """

    patch: Callable[..., int]
    repeat: dict[str, Callable[..., int]]
    interpret: Callable[..., int]
    lanes: Callable[..., int]
    addresses: dict[str, int]
    enter: dict[str, Callable[..., int]]
    tables: dict[str, npt.NDArray[np.uint8]]
    helpers: npt.NDArray[np.uint64]
    keep: Any


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
    try:
        native()
    except Diagnostic as problem:  # a table that is damaged or stale, or no memory for code
        return problem.sentence
    return None


@functools.cache
def _has(feature: str) -> bool:
    from lanework.base.host import cpu_flags

    flags = cpu_flags()
    return not flags or feature in flags


WRITERS = (
    *(f"machines/register/native/{name}.py" for name in ("bodies", "interpreter", "lanes")),
    *(f"machines/register/native/{name}.py" for name in ("patcher", "stencils", "table")),
    "machines/register/isa.py",
)
"""What writes the texts of stencils and helpers."""


def agreed() -> str:
    """The digest of what compiled code does, and of what it and this package must agree on.

    The encoding of instructions, and the layouts of state, jobs, table and helpers.
    """
    instructions = [
        (i.code, i.name, [(s.name, s.kind.name) for s in i.operands], i.writes, i.optional, i.last)
        for i in REGISTER.by_name.values()
    ]
    return contract(instructions, isa, state, lanes, stencils, table, patcher, writers=WRITERS)


@functools.cache
def native() -> Native:
    """What was shipped for this machine, loaded once."""
    architecture = _ARCHITECTURES[platform.machine()]
    head, parts = load(__package__ or "", architecture, agreed())
    buffer = arena.code_pool().place(parts["blob"])
    addresses = {name: buffer.run + at for name, at in head["functions"].items()}
    tables = {name: np.frombuffer(parts[f"table_{n}"], np.uint8).copy() for name, n in SETS.items()}
    return Native(
        _PROTOTYPE(addresses["patch"]),
        {stage: _PROTOTYPE(addresses[f"repeat_{stage}"]) for stage in STAGES},
        _PROTOTYPE(addresses["interpret"]),
        _PROTOTYPE(addresses["lanes"]),
        addresses,
        {name: _PROTOTYPE(addresses[f"enter_{pinned}"]) for name, pinned in SETS.items()},
        tables,
        np.array([addresses[f"help_{name}"] for name in HELPER_NAMES], np.uint64),
        buffer,
    )
