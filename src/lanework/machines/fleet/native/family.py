"""VMs that others start: on which routines, and whether that may be known after the fact.

A VM that is started takes the lowest free place, of all that begin in an epoch those first whose
parents have lower numbers. So what it is numbered is known as soon as all is known that VMs have
begun and ended before, and a VM that begins cannot begin or end another one at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lanework.engines.lanes.program import LaneProgram
from lanework.machines.fleet.analysis.accesses import unused
from lanework.machines.fleet.analysis.conflicts import place
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.layout import FleetView

Kinds = dict[int, tuple[int, LaneProgram]]
"""For first instructions the number of a form, and its program."""
FAR = 1 << 40
"""More instructions than come before anything."""


@dataclass(frozen=True)
class Family:
    """VMs that some start, and that those start in turn.

    Attributes:
        starts: the instructions that start them.
        entries: the first instructions of those that are started; none where there is no place.
        kills: whether one of them may free its place.
        delay: how many instructions a VM that is started executes at least, up to one that starts
            another one or frees its place.
    """

    starts: tuple[int, ...]
    entries: tuple[int, ...]
    kills: bool
    delay: int


def family(view: FleetView, entries: Sequence[int]) -> Family | None:
    """Of VMs that begin at some instructions; None where they start none."""
    flow = ControlFlow.of(view)
    born = flow.started(entries) if view.plan.spawn else []
    reached = flow.reached([*entries, *born], calls=True)
    starts = tuple(sorted(ip for ip in reached if view.infos[ip].name == "SYSCALL_SPAWN"))
    if not starts:
        return None
    own = flow.reached(born, calls=True)
    kills = {ip for ip in own if view.infos[ip].name == "SYSCALL_KILL"}
    return Family(starts, tuple(born), bool(kills), _delay(flow, born, {*starts, *kills}))


def _delay(flow: ControlFlow, begun: Sequence[int], aims: set[int]) -> int:
    """How many instructions there are from where VMs begin to the nearest of some."""
    now, seen, count = set(begun), set[int](), 1
    while now:
        if now & aims:
            return count
        seen |= now
        now = {each for ip in now for each in flow.onward(ip)} - seen
        count += 1
    return FAR


def looked_at(view: FleetView, known: Family) -> str:
    """Why the numbers of VMs would have to be known while others go on that have started them."""
    flow = ControlFlow.of(view)
    for ip in known.starts:
        if not unused(flow, ip):
            return (
                f"what SPAWN gives at {place(view, ip)} is used, the number of a VM or that there"
                " is no room"
            )
    return ""
