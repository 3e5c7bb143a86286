"""What a program will take, known before it runs: epochs, depth of calls, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.state import FRAME

MOST = 1 << 62
"""Epochs beyond which there is no estimate."""


@dataclass(frozen=True)
class Estimate:
    """What a program takes.

    Attributes:
        epochs: at most so many, or None where loops, recursion or waiting leave that open.
        depth: calls within calls, or None for recursion.
        registers: those that some instruction names.
        own_words: words of the VM's own memory that some instruction names.
        buffers: words of each named region of shared memory.
        vms: places for VMs.
        bytes: of VMs, their stacks and shared memory.
    """

    epochs: int | None
    depth: int | None
    registers: tuple[int, ...]
    own_words: tuple[int, ...]
    buffers: dict[str, int]
    vms: int
    bytes: int


def estimate(view: FleetView) -> Estimate:
    """What a program takes; it has passed the verifier."""
    words = view.profile.rows + len(FRAME) * view.depth
    return Estimate(
        estimated_epochs(view),
        call_depth(view),
        _named(view, OperandKind.REGISTER),
        _named(view, OperandKind.WORD),
        {each.name: each.size for each in view.buffers},
        view.slots,
        4 * (view.slots * words + view.shared),
    )


def estimated_epochs(view: FleetView) -> int | None:
    """At most how many epochs a program runs: the longest way through each routine.

    Nothing is known where a VM may loop, wait for a word, call itself or start VMs without end.
    """
    entries = {each.routine for phase in view.plan.phases for each in phase.launches}
    length = _lengths(view, [view.routines[number].entry for number in sorted(entries)])
    if length is None:
        return None
    at = finish = 0
    for number in view.plan.schedule:
        phase = view.plan.phases[number]
        batches = [length[view.routines[each.routine].entry] for each in phase.launches]
        finish = max(finish, at + max(batches))
        if phase.barrier == "wait_all":
            at = finish
        elif phase.barrier == "wait_any":
            at += min(batches)
    return finish if finish < MOST else None


def call_depth(view: FleetView) -> int | None:
    """The most calls that may be open at one time, or None for recursion."""
    graph = ControlFlow(view)

    @cache
    def calls(entry: int) -> list[int]:
        body = graph.reached([entry], calls=False)
        return sorted({target for ip in body for target in graph.leads(ip).called})

    order = _bottom_up(sorted(routine.entry for routine in view.routines), calls)
    deep: dict[int, int] = {}
    for entry in order or ():
        deep[entry] = max((1 + deep[each] for each in calls(entry)), default=0)
    return None if order is None else max(deep.values(), default=0)


def _lengths(view: FleetView, entries: list[int]) -> dict[int, int] | None:
    """For each instruction the epochs from it to the end of all that it starts."""
    graph = ControlFlow(view)
    order = _bottom_up(entries, lambda ip: [at for part in graph.leads(ip) for at in part])
    if order is None:
        return None
    own: dict[int, int] = {}  # to where the routine ends or returns
    all_: dict[int, int] = {}  # to the end of VMs that were started on the way, too
    for ip in order:
        if view.infos[ip].name == "WAIT":
            return None
        follow, called, started = graph.leads(ip)
        there = sum(own[each] for each in called)
        ways = [1 + all_[each] for each in (*called, *started)]
        own[ip] = 1 + there + max((own[each] for each in follow), default=0)
        all_[ip] = max(own[ip], *ways, *(1 + there + all_[each] for each in follow), 0)
        if all_[ip] >= MOST:
            return None
    return all_


def _bottom_up(roots: Iterable[int], after: Callable[[int], list[int]]) -> list[int] | None:
    """Everything that is reached, each after what it leads to; None if something is in a circle."""
    order: list[int] = []
    done: dict[int, bool] = {}  # False while what it leads to is looked at
    for root in roots:
        waiting = [root]
        while waiting:
            number = waiting[-1]
            if number not in done:
                done[number] = False
                waiting += [each for each in after(number) if each not in done]
                if any(done.get(each) is False for each in after(number)):
                    return None
            else:
                waiting.pop()
                if not done[number]:
                    done[number] = True
                    order.append(number)
    return order


def _named(view: FleetView, kind: OperandKind) -> tuple[int, ...]:
    """The registers or memory words that instructions name."""
    return tuple(sorted({n for _, _, numbers in view.named(kind) for n in numbers.tolist()}))
