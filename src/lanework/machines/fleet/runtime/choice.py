"""The fleet's engines by name: which can run here, and what they need."""

from __future__ import annotations

from typing import Any

from lanework.base import sharing
from lanework.machines.fleet.engine import Engine, Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.reference.engine import ReferenceEngine

ENGINES = ("llvm", "wgsl", "epoch", "reference")
"""The fastest first."""
AHEAD = ("llvm", "wgsl")
"""Those that run whole phases, on shared memory as it is given."""
GRAPHICS = ("wgsl", "epoch")
"""Those of a graphics card."""

_GRAPHICS = sharing.rlock()
"""Runners on a graphics card share its device, which one thread at a time may use."""


def lock(name: str) -> Any:
    """What a thread holds while it runs on an engine."""
    return _GRAPHICS if name in GRAPHICS else sharing.rlock()


def on_a_card(view: FleetView, settings: Settings) -> str:
    """The engine on a graphics card that suits a program.

    What `wgsl` does not run whole goes on in epochs on the host, and those are quicker on a card.
    """
    from lanework.machines.fleet.native.steps import Groups

    return (
        "wgsl"
        if all(not isinstance(rows, str) for rows in Groups(view, settings).rows)
        else "epoch"
    )


TRIAL, EACH = 0.02, 0.001
"""Seconds for which a program is run on the reference before it is compiled, and more for each of
its instructions: about as long as it takes to compile it."""
MAKING = sharing.lock()
"""One engine is made at a time: a caller may have gone on, at a deadline, while its is made."""


def make(
    name: str,
    view: FleetView,
    settings: Settings,
    threads: int = 1,
    *,
    asked: bool = True,
    record: bool = False,
) -> Engine:
    """An engine with a program on it, and threads for it.

    Args:
        name: the engine.
        view: the program.
        settings: how it runs.
        threads: how many at most.
        asked: whether somebody asks for this one; else short runs are not worth compiling for.
        record: whether those that run phases whole keep all VMs.

    Raises:
        Diagnostic: LW2201 without an adapter, LW2203 for a program that is too large for it.
    """
    if name == "reference":
        return ReferenceEngine(view, settings)
    if name == "llvm":
        from lanework.machines.fleet.native.engine import LLVMEngine

        trial = 0.0 if asked else TRIAL + EACH * len(view.infos)
        return LLVMEngine(view, settings, threads, record=record, trial=trial)
    if name == "wgsl":
        from lanework.machines.fleet.gpu.phases import WGSLEngine

        return WGSLEngine(view, settings, record=record)
    from lanework.machines.fleet.gpu.epoch import EpochEngine

    return EpochEngine(view, settings)


def estimate(name: str, view: FleetView, settings: Settings) -> int:
    """Bytes that a run needs: states, frames of calls, shared memory, and lists of VMs."""
    if name == "epoch":
        from lanework.machines.fleet.gpu import sizes

        return sizes.estimate(view, settings)
    frames = view.slots * view.depth * 4 * (1 + len(view.convention.saved)) * view.has("CALL")
    blocks = view.slots * 4 * 5 * view.has("RAND")
    # the state, a copy of it for the result, ids of groups and of one merge, temporaries
    state = view.slots * (2 * 4 * view.profile.rows + 64)
    return state + frames + blocks + 3 * 4 * view.shared
