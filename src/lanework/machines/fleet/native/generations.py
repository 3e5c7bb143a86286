"""VMs that others start, run whole: one generation after another.

VMs go through all of their instructions by themselves, and note when they start others, or free
their places. The earliest start that is not done yet is known for certain, and so is all that comes
before a VM could do anything that begins then: in the order of epochs, and of VMs within one, these
get their places. They run next, each from its epoch on.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lanework.core.runner import LOOPS, check_deadline
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import abi
from lanework.machines.fleet.native.call import Ages
from lanework.machines.fleet.native.family import Family, Kinds
from lanework.machines.fleet.state import Words

Longs = npt.NDArray[np.int64]
EPOCH, VM, WHAT, VALUE, LAUNCH = range(5)
"""Rows of events: when, who, the instruction, an operand, and of which launch they come."""
MOST = 16
"""Sorted parts at most; more of them are made one."""
VMS = 28
"""Bits of the number of a VM."""


def in_order(events: Longs) -> Longs:
    """Events by epochs, and by VMs within one.

    Example:
        >>> in_order(np.array([[7, 3, 7], [1, 9, 0]])).tolist()
        [[3, 7, 7], [9, 0, 1]]
    """
    epoch, vm = events[EPOCH], events[VM]
    if not len(epoch):
        return events
    if int(epoch.max()) >> 63 - VMS:
        return events[:, np.lexsort((vm, epoch))]
    return events[:, np.argsort(epoch << VMS | vm)]


@dataclass
class Pending:
    """Events that are to come, in a few sorted parts, so that those of later epochs are not moved.

    Attributes:
        starts: sorted parts of those that start VMs.
        ends: the same of those that end some.
    """

    starts: list[Longs] = field(default_factory=list)
    ends: list[Longs] = field(default_factory=list)

    def add(self, events: Longs, starts: npt.NDArray[np.bool_]) -> None:
        """Some more, and which of them start VMs."""
        if starts.all():
            _add(self.starts, events)
        else:
            _add(self.starts, events[:, starts])
            _add(self.ends, events[:, ~starts])

    @property
    def first(self) -> int:
        """The epoch of the first start; -1 if there is none."""
        return min((int(part[EPOCH, 0]) for part in self.starts), default=-1)

    def take(self, last: int) -> Longs:
        """Those up to an epoch, in order."""
        some = [*_take(self.starts, last), *_take(self.ends, last)]
        return some[0] if len(some) == 1 else in_order(np.concatenate(some, axis=1))


def _add(parts: list[Longs], events: Longs) -> None:
    if not events.size:
        return
    if len(parts) == MOST:
        events = np.concatenate([*parts, events], axis=1)
        parts.clear()
    parts.append(in_order(events))


def _take(parts: list[Longs], last: int) -> list[Longs]:
    some = []
    for n, part in enumerate(parts):
        end = int(np.searchsorted(part[EPOCH], last, "right"))
        some.append(part[:, :end])
        parts[n] = part[:, end:]
    parts[:] = [part for part in parts if part.size]
    return some


class Done(NamedTuple):
    """What a call of compiled code has left.

    Attributes:
        epochs: of the longest VM.
        counters: as `abi` has them.
        ages: how old VMs were at their end, of those that others start.
        later: what they do later.
        notes: of starts and ends; `abi.NOTE` rows.
    """

    epochs: int
    counters: Longs
    ages: Ages
    later: Words
    notes: Words


Run = Callable[[Longs, Words | None, int | None, float | None], Done]
"""Runs launches, or VMs that others start, of which the rows of `abi.BORN` are given."""


@dataclass
class Generations:
    """VMs of a group of phases, and those that they start.

    Args:
        view: the program.
        family: which VMs start which.
        kinds: for the first instruction of those that are started what is compiled.
        run: how they run.

    Attributes:
        epochs: of all of them together.
        counters: what is counted.
        unborn: VMs for which there was no place.
        later: what is done later, and of which VMs.
    """

    view: FleetView
    family: Family
    kinds: Kinds
    run: Run
    epochs: int = 0
    counters: Longs = field(default_factory=lambda: np.zeros(abi.COUNTS, np.int64))
    unborn: int = 0
    later: list[tuple[Words, Longs]] = field(default_factory=list)

    def __post_init__(self) -> None:
        first, slots = self.view.allocation.slots, self.view.plan.spawn
        self._free = list[int]()
        self._next, self._end = first, first + slots
        self._used = np.zeros(slots * self.family.kills, np.int64)
        target = {ip: self.view.instructions[ip].operands[0] for ip in self.family.starts}
        self._targets = np.full(len(self.view.infos), -1, np.int64)
        self._targets[list(target)] = list(target.values())

    def all(self, entries: Longs, fuel: int | None, until: float | None) -> bool:
        """Run launches, and all VMs that come of them; whether all end by themselves in time.

        Raises:
            Trap: the deadline has passed.
        """
        column = {name: entries[:, n] for n, name in enumerate(abi.ENTRY)}
        done = self.run(entries, None, fuel, until)
        if not self._counted(done, fuel):
            return False
        self.epochs = done.epochs
        if done.later.size:
            self.later.append((done.later, np.arange(self.view.slots)))
        slots = np.argsort(column["slot"])
        launch = slots[np.searchsorted(column["slot"][slots], done.notes[0], "right") - 1]
        self._launches = column["stream"].copy(), column["count"].copy()
        pending = Pending()
        self._noted(pending, done, done.notes[0], launch, 0)
        while (first := pending.first) >= 0:
            certain = first + self.family.delay - self.family.kills
            born, vms, used = self._born(pending.take(certain))
            if not born.size:
                continue
            check_deadline(until, LOOPS)
            if len(self.family.entries) > 1:
                order = np.argsort(self._targets[born[WHAT]], kind="stable")
                born, vms, used = born[:, order], vms[order], used[order]
            rest = None if fuel is None else max(fuel - int(self.counters[abi.EXECUTED]), 0)
            done = self.run(self._entries(born), self._rows(born, vms, used), rest, until)
            if not self._counted(done, fuel):
                return False
            self.epochs = max(self.epochs, int((born[EPOCH] + done.ages.astype(np.int64)).max()))
            if done.later.size:
                self.later.append((abi.moved(done.later, born[EPOCH]), vms))
            who = done.notes[0]
            self._noted(pending, done, vms[who], born[LAUNCH, who], born[EPOCH, who])
        return True

    def _noted(
        self, pending: Pending, done: Done, vm: Longs | Words, launch: Longs, begun: Longs | int
    ) -> None:
        """What VMs have noted, which began after some epochs."""
        _, what, value, low, high = done.notes
        out = np.empty((5, len(what)), np.int64)
        out[EPOCH] = low
        if high.any():
            out[EPOCH] |= high.astype(np.int64) << 32
        out[EPOCH] += begun
        out[VM], out[WHAT], out[VALUE], out[LAUNCH] = vm, what, value, launch
        pending.add(out, self._targets[what] >= 0)

    def _counted(self, done: Done, fuel: int | None) -> bool:
        """Add up what a call has counted; whether all of its VMs have ended by themselves."""
        self.counters += done.counters
        events = (abi.FAULTS, abi.WAITING, abi.LATE)
        short = fuel is not None and self.counters[abi.EXECUTED] > fuel
        return not short and not done.counters[list(events)].any()

    def _born(self, events: Longs) -> tuple[Longs, Longs, Longs]:
        """Starts for which there is a place, these places, and how often these were used before."""
        starts = self._targets[events[WHAT]] >= 0
        if self.family.kills:
            turns = zip(starts.tolist(), events[VM].tolist(), strict=True)
            slots = np.array([self._turn(*each) for each in turns])
        else:
            count = int(starts.sum())
            slots = np.full(len(starts), -1)
            slots[starts] = np.arange(self._next, self._next + count)
            self._next = min(self._next + count, self._end)
            slots[slots >= self._end] = -1
        chosen = slots >= 0
        self.unborn += int((starts & ~chosen).sum())
        vms = slots[chosen].astype(np.int64)
        used = np.ones(len(vms), np.int64)
        if self.family.kills:
            at = vms - self.view.allocation.slots  # none is there twice: who ends has run
            self._used[at] += 1
            used = self._used[at]
        return events if chosen.all() else events[:, chosen], vms, used

    def _turn(self, starts: bool, vm: int) -> int:
        """The place that a VM takes for another, or -1; or one frees its own."""
        if not starts:
            heapq.heappush(self._free, vm)
            return -1
        if self._free:
            return heapq.heappop(self._free)
        if self._next == self._end:
            return -1
        self._next += 1
        return self._next - 1

    def _entries(self, born: Longs) -> Longs:
        """The table of launches, one for each routine."""
        targets, firsts, counts = np.unique(
            self._targets[born[WHAT]], return_index=True, return_counts=True
        )
        out = np.zeros((len(targets), len(abi.ENTRY)), np.int64)
        column = {name: out[:, n] for n, name in enumerate(abi.ENTRY)}
        kinds = [self.kinds[each] for each in targets.tolist()]
        column["kind"][:] = [kind for kind, _ in kinds]
        column["count"][:], column["slot"][:] = counts, firsts
        column["size"][:] = [
            abi.unit(count, program)
            for count, (_, program) in zip(counts.tolist(), kinds, strict=True)
        ]
        column["units"][:] = -(-counts // column["size"])
        column["first"][:] = np.cumsum(column["units"]) - column["units"]
        return out

    def _rows(self, born: Longs, vms: Longs, used: Longs) -> Words:
        """The rows of VMs that are started."""
        out = np.zeros((len(abi.BORN), len(vms)), np.uint32)
        stream, count = (each[born[LAUNCH]] for each in self._launches)
        for row, value in zip(out, (vms, born[VALUE], vms, count, stream, used), strict=False):
            row[:] = value  # what becomes of them is 0 as yet
        return out
