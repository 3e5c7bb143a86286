"""Rules about instructions: routines cover the tape, operands exist, control stays inside.

The tape is looked at column by column, so that a long one takes little time; only routines whose
last instruction goes on are walked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lanework.core.program.isa import OperandKind
from lanework.core.program.verify import Finding
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import NAME, launches

CALL, SPAWN, RETURN = "CALL", "SYSCALL_SPAWN", "RETURN"
TARGET = 1
"""The operand that is a target, whatever the instruction."""
_OUT = ("SYSCALL_HALT", "SYSCALL_KILL")

Numbers = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]


def routines(view: FleetView) -> Iterator[Finding]:
    """Routines lie one after another, cover the tape, and have names of their own."""
    at, names = 0, set()
    for routine in view.routines:
        if routine.entry != at or routine.count < 1:
            yield Finding(
                f"routine {routine.name!r} has {routine.count} instructions from {routine.entry}"
                f" on, and the one before it ends at {at}"
            )
            return
        if not NAME.fullmatch(routine.name):
            yield Finding(f"{routine.name!r} is no name for a routine", at)
        if routine.name in names:
            yield Finding(f"two routines are called {routine.name!r}", at)
        names.add(routine.name)
        at += routine.count
    if at != len(view.infos):
        yield Finding(f"the routines have {at} instructions, and the tape {len(view.infos)}")


def operands(view: FleetView) -> Iterator[Finding]:
    """Registers and words of the VM's memory are there."""
    most = {
        OperandKind.REGISTER: ("register r", view.profile.registers),
        OperandKind.WORD: ("memory word ", view.profile.memory),
    }
    absent: list[tuple[int, str]] = []
    for kind, (what, limit) in most.items():
        for _, rows, values in view.named(kind):
            wrong = np.flatnonzero(values >= limit)
            absent += [(int(rows[n]), f"{what}{values[n]}") for n in wrong.tolist()]
    for number, what in sorted(absent):
        where = f"{view.infos[number].name} at {view.where(number)}"
        yield Finding(f"{where} names {what}, which {view.profile.name} has not", number, WIDER)


WIDER = ".state S32 has 8 registers and 22 words of memory, .state S64 has 16 and 46"
AIMS: dict[str, Callable[[Truths, Truths], Truths]] = {
    CALL: np.logical_or,
    SPAWN: lambda own, entry: entry,
}
"""Where targets may be that may be elsewhere than in their own routine: at its entry."""


def targets(view: FleetView) -> Iterator[Finding]:
    """Branches and jumps stay in their routine; calls may go to the entry of another."""
    words = view.words
    entries = np.array([routine.entry for routine in view.routines], np.int64)
    owner = _owners(view)
    bad: list[int] = []
    for info, rows, aims in view.named(OperandKind.CODE):
        inside = aims < len(words)
        own = inside & (owner[np.where(inside, aims, 0)] == owner[rows])
        aim = AIMS.get(info.name)
        right = own if aim is None else aim(own, np.isin(aims, entries))
        bad += rows[~right].tolist()
    for number in sorted(bad):
        info = view.infos[number]
        at = info.values(view.instructions[number])["target"]
        where = view.where(at) if at < len(words) else f"instruction {at}, which is not there"
        kind = "the first of no routine" if info.name == SPAWN else "outside its routine"
        yield Finding(f"{info.name} at {view.where(number)} leads to {where}: {kind}", number)


def ends(view: FleetView) -> Iterator[Finding]:
    """No way through a routine goes past its last instruction."""
    graph = ControlFlow(view)
    for routine in view.routines:
        last = routine.entry + routine.count - 1
        if view.infos[last].ends:
            continue
        came = graph.reached([routine.entry], calls=True, inside=range(routine.entry, last + 1))
        if last in came:
            way = f", where it comes from {view.where(came[last])}" if came[last] != last else ""
            yield Finding(
                f"routine {routine.name!r} goes on after {view.infos[last].name},"
                f" its last instruction{way}",
                last,
                "end it with HALT, with RETURN if it is called, or with a jump",
            )


def returns(view: FleetView) -> Iterator[Finding]:
    """Routines that are launched do not all end with RETURN.

    A routine may be launched and also called, so it is refused only where no way leads to an end
    of the VM: neither its own, nor that of a routine that it calls.
    """
    owner, ending, graph = _owners(view), _ending(view), ControlFlow(view)
    returning = set(owner[_rows(view, RETURN)[0]].tolist())
    begun = {launch.routine for launch in launches(view.plan)}
    begun |= set(owner[_rows(view, SPAWN)[1]].tolist())
    for number in sorted(begun & returning):
        routine = view.routines[number]
        inside = range(routine.entry, routine.entry + routine.count)
        came = sorted(graph.reached([routine.entry], calls=False, inside=inside))
        names = [view.infos[each].name for each in came]
        called = [each for each, name in zip(came, names, strict=True) if name == CALL]
        if any(name in _OUT for name in names) or RETURN not in names:
            continue
        if any(int(owner[view.words[each, 1 + TARGET]]) in ending for each in called):
            continue
        at = came[names.index(RETURN)]
        yield Finding(
            f"routine {routine.name!r} is launched and comes to RETURN at"
            f" {view.where(at)}, where no call is open",
            at,
        )


def _ending(view: FleetView) -> set[int]:
    """Routines in which, or in what they call, a VM may end."""
    owner = _owners(view)
    callers: dict[int, set[int]] = {}
    for caller, called in zip(*(owner[each].tolist() for each in _rows(view, CALL)), strict=True):
        callers.setdefault(called, set()).add(caller)
    waiting = list(set(owner[np.concatenate([_rows(view, name)[0] for name in _OUT])].tolist()))
    ending = set(waiting)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in ending:
                ending.add(caller)
                waiting.append(caller)
    return ending


def _owners(view: FleetView) -> Numbers:
    """The number of the routine of every instruction."""
    counts = [routine.count for routine in view.routines]
    return np.repeat(np.arange(len(counts)), counts)


def _rows(view: FleetView, name: str) -> tuple[Numbers, Numbers]:
    """The instructions of a mnemonic, and where they lead to if it has a target."""
    rows = np.flatnonzero(view.words[:, 0] == FLEET.by_name[name].code)
    return rows, view.words[rows, 1 + TARGET].astype(np.intp)
