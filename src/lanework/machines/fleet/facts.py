"""What is in a fleet program, for people: routines, the schedule, buffers, matrices."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

from lanework.core.program.isa import OperandKind
from lanework.core.program.program import Program
from lanework.machines.fleet.analysis.estimate import estimated_epochs
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.storage import report
from lanework.machines.fleet.plan import Launch, Routine


def facts(program: Program) -> dict[str, Any]:
    """What `inspect` says of a fleet program beside what it says of every program.

    Returns:
        header (in words), vms (profile, bytes, places), matrices by format, epochs, calls,
        routines, phases, schedule, buffers.
    """
    view = FleetView.of(program)
    profile = view.profile
    return {
        "header": {**program.header, "convention": view.convention.name.lower()},
        "vms": {
            "profile": f"{profile.name}: {profile.registers} registers, {profile.memory} words",
            "bytes of a VM": profile.bytes,
            "places": view.slots,
            "of these for spawned VMs": view.plan.spawn,
            "words of shared memory": view.shared,
        },
        "matrices": _matrices(view),
        "estimated epochs": estimated_epochs(view) or "unknown: there are loops",
        "calls": {"convention": view.convention.name.lower(), "depth": view.depth},
        "routines": {each.name: _routine(view, each) for each in view.routines},
        "phases": {
            f"phase {n}": f"{phase.barrier}: {'; '.join(_launch(view, e) for e in phase.launches)}"
            for n, phase in enumerate(view.plan.phases)
        },
        "schedule": _schedule(view.plan.schedule),
        "buffers": {
            each.name: f"words {each.offset:,} to {each.offset + each.size - 1:,}, {each.direction}"
            + f" of {each.dtype}" * (each.dtype != "f32")
            + ", padded" * each.pad
            for each in view.buffers
        },
    }


def _matrices(view: FleetView) -> dict[str, str]:
    """What the matrices of linear instructions take in each format."""
    known = report(view)
    if not known["linear"]:
        return {"linear instructions": "none"}
    out = {
        "linear instructions": f"{known['linear']} of {known['instructions']},"
        f" {known['matrices']} different matrices",
        "densest": f"{known['coefficients']} coefficients, {known['density']:.1%}",
    }
    for name, each in known["formats"].items():
        chosen = ", ".join(f"{count} {kind}" for kind, count in each["chosen"].items())
        out[name] = f"{each['bytes']:,} bytes, {each['half']:,} with halves ({chosen})"
    return out


def _routine(view: FleetView, routine: Routine) -> str:
    own = range(routine.entry, routine.entry + routine.count)
    kernels = Counter(view.infos[ip].kernel for ip in own)
    words: set[int] = set()
    for ip in own:
        info = view.infos[ip]
        values = info.values(view.instructions[ip])
        words |= {values[o.name] for o in info.operands if o.kind is OperandKind.WORD}
    parts = [f"{kernels[kernel]} {kernel.name.lower()}" for kernel in Kernel if kernels[kernel]]
    used = f", memory words {_ranges(sorted(words))}" if words else ""
    return f"from {routine.entry}, {routine.count} instructions ({', '.join(parts)}){used}"


def _ranges(numbers: list[int]) -> str:
    """Numbers with runs shortened.

    Example:
        >>> _ranges([0, 1, 2, 5, 7, 8])
        '0-2, 5, 7-8'
    """
    out = []
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        stretch = [number for _, number in run]
        out.append(f"{stretch[0]}-{stretch[-1]}" if len(stretch) > 1 else str(stretch[0]))
    return ", ".join(out)


def _launch(view: FleetView, launch: Launch) -> str:
    text = f"{view.routines[launch.routine].name} x {launch.count:,}"
    if launch.strategy == "strided":
        text += f", numbers {launch.base:,} + {launch.stride:,} i"
    elif launch.strategy == "custom":
        text += f", numbers at word {launch.base:,}"
    elif launch.base:
        text += f", numbers from {launch.base:,}"
    if launch.resume:
        return f"{text}, goes on as {launch.resume}"
    return f"{text}, kept as {launch.keep}" if launch.keep else text


def _schedule(schedule: tuple[int, ...]) -> str:
    """The schedule with repeated stretches shortened.

    Example:
        >>> _schedule((0, 1, 2, 1, 2, 1, 2, 3))
        '0, (1, 2) x 3, 3'
    """
    out: list[str] = []
    at, count = 0, len(schedule)
    while at < count and len(out) < 24:
        best, times = 1, 1
        for length in range(1, min(16, (count - at) // 2) + 1):
            n = 1
            while schedule[at : at + length] == schedule[at + n * length : at + (n + 1) * length]:
                n += 1
            if n > 1 and n * length > best * times:
                best, times = length, n
        names = ", ".join(map(str, schedule[at : at + best]))
        out.append(names if times == 1 else f"{names} x {times}" if best == 1
                   else f"({names}) x {times}")  # fmt: skip
        at += best * times
    return ", ".join(out) + (f", ... ({count:,} steps)" if at < count else "")
