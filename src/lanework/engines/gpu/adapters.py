"""The graphics adapters of this machine, and which of them is meant.

The package `wgpu` (the extra ``lanework[gpu]``) is imported when they are first asked for.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.engines.codes import NO_ADAPTER

VARIABLE = "LANEWORK_ADAPTER"
"""The environment variable that chooses an adapter where nothing else does."""

FORKED = "this process was forked from one that uses it, and drivers do not survive that"
INSTEAD = "start the process by `spawn` or `forkserver`, or run on the reference"
_TYPES = {"DiscreteGPU": "discrete", "IntegratedGPU": "integrated", "CPU": "software"}


@dataclass(frozen=True)
class Adapter:
    """A graphics adapter.

    Attributes:
        name: as its driver calls it.
        kind: discrete, integrated, software, or unknown.
        backend: the interface to it, such as Vulkan.
        handle: what `wgpu` has for it.
    """

    name: str
    kind: str
    backend: str
    handle: Any

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, {self.backend})"

    @property
    def rank(self) -> int:
        """The lower, the better."""
        order = ("discrete", "integrated", "unknown", "software").index(self.kind)
        return order + 4 * (self.backend == "OpenGL")  # which has few of the limits that we need


def adapters() -> list[Adapter]:
    """The adapters of this machine, the best first.

    Raises:
        Diagnostic: LW2201, `wgpu` is not installed or does not load, or is the parent's of a fork.
    """
    if _forked:
        raise Diagnostic(NO_ADAPTER, f"graphics are the parent's: {FORKED}", help=INSTEAD)
    try:
        import wgpu
        import wgpu.backends.wgpu_native

        available = wgpu.gpu.enumerate_adapters_sync()
    except (ImportError, OSError, RuntimeError) as error:
        raise Diagnostic(
            NO_ADAPTER,
            f"the package wgpu cannot be used: {error}",
            help="pip install 'lanework[gpu]'",
        ) from None
    listed = []
    for each in available:
        info = each.info
        kind = _TYPES.get(info["adapter_type"], "unknown")
        listed.append(Adapter(info["device"], kind, info["backend_type"], each))
    return sorted(listed, key=lambda one: one.rank)


def pick(wanted: str = "", available: Sequence[Adapter] | None = None) -> Adapter:
    """The adapter that is asked for.

    Args:
        wanted: part of its name, or its number in the list of `adapters`; "" is what the
            environment variable LANEWORK_ADAPTER says, and otherwise the best.
        available: the adapters to choose from; by default those of this machine.

    Raises:
        Diagnostic: LW2201 with the adapters that there are.
    """
    available = adapters() if available is None else available
    wanted = wanted or os.environ.get(VARIABLE, "")
    if not available:
        raise Diagnostic(
            NO_ADAPTER,
            "this machine has no graphics adapter",
            help="install the driver of the GPU, or a software driver such as Mesa's llvmpipe",
        )
    if not wanted:
        return available[0]
    if wanted.isdecimal() and int(wanted) < len(available):
        return available[int(wanted)]
    for each in available:
        if wanted.lower() in str(each).lower():
            return each
    raise Diagnostic(
        NO_ADAPTER,
        f"no graphics adapter is called {wanted!r}",
        notes=[f"{number}: {each}" for number, each in enumerate(available)],
        help=did_you_mean(wanted, [each.name for each in available]) or "take one of these",
    )


def hardware() -> bool:
    """Whether there is a GPU in hardware; it is looked for once, and nothing is said if not."""
    global _hardware
    if _hardware is None:
        try:
            available = adapters() if _may_have() else []
        except Diagnostic:
            available = []
        _hardware = any(each.kind in ("discrete", "integrated") for each in available)
    return _hardware


_hardware: bool | None = None


_forked = False  # from a process that had loaded a driver


def _begin_anew() -> None:
    """The child of a fork calls no driver: it has their memory and their locks, not their threads.

    `wgpu` gives nothing back where it has no library any more.
    """
    global _forked
    api: Any = sys.modules.get("wgpu.backends.wgpu_native._api")
    if api is not None:
        _forked, api.libf = True, None
        with suppress(AttributeError, OSError):  # glibc: end before the drivers' own ends, which
            end = ctypes.CDLL(None)  # wait for their threads
            end.on_exit(end._exit, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _may_have() -> bool:
    """Whether it is worth while to load `wgpu` and ask its drivers."""
    if find_spec("wgpu") is None:
        return False
    nodes = ("/dev/dri", "/dev/nvidia0", "/dev/dxg")
    return sys.platform != "linux" or any(os.path.exists(each) for each in nodes)
