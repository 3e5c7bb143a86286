"""All there is of a run between two epochs, and what an epoch collects of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lanework.machines.fleet.analysis.kinds import stores
from lanework.machines.fleet.analysis.meanings import limits
from lanework.machines.fleet.engine import Progress, Settings, Stillness
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.reference import groups, sharing
from lanework.machines.fleet.reference.groups import Members
from lanework.machines.fleet.state import Fault, Spans, Status, VMState, Words


class Blocks:
    """The random words that VMs have drawn last, four at a time.

    Attributes:
        words: the blocks, uint32, shape (4, VMs).
        numbers: which block of its stream each is, `NOTHING` where there is none.
    """

    NOTHING = np.uint32(0xFFFFFFFF)

    def __init__(self, count: int) -> None:
        self.words: Words = np.zeros((4, count), np.uint32)
        self.numbers: Words = np.full(count, self.NOTHING, np.uint32)

    def forget(self, members: Members) -> None:
        """VMs whose streams are others now."""
        if len(self.numbers):
            self.numbers[members] = self.NOTHING


class Execution:
    """VMs, shared memory and counts, and where VMs go.

    Attributes:
        state: all VMs; `words` is shared memory, `frames` the frames of open calls.
        blocks: random words that VMs have drawn and not used; of no VM where none draws any.
        at: instruction -> the VMs that execute it in this epoch; `blocked` those that wait at it.
        next: instruction -> the VMs that are there after this epoch.
        writes: instruction -> the VMs that write there, addresses and words.
        waiting: instruction -> the VMs whose turn in the ordered part comes.
        spare: below it no place for spawned VMs is free.
        limits: for instructions whose addresses are in a buffer by its name: that buffer.
        stores: what they put into shared memory, to be counted where it does not belong.
    """

    def __init__(self, view: FleetView, settings: Settings) -> None:
        self.view, self.settings = view, settings
        self.half, self.length = settings.storage == "f16", len(view.infos)
        self.limits, self.stores = limits(view), stores(view)
        self.words: Words = np.zeros(view.shared, np.uint32)  # once: new pages cost much
        self.begin(self.words)

    def begin(self, shared: Words, blank: Spans = ()) -> None:
        """Start anew: no VM, and shared memory as given."""
        view, batches = self.view, max(self.view.allocation.batches, 1)
        self._take(shared)
        self.free()
        self.progress = Progress()
        self.streams = np.zeros(batches, np.uint32)
        self.counts = np.zeros(batches, np.float32)
        self.live = np.zeros(batches, np.int64)
        self.at: dict[int, Members] = {}
        self.blocked: dict[int, Members] = {}
        self.yielded: list[Members] = []
        self.sweep, self.quiet, self.still = 1, 0, Stillness()
        self.spare = view.allocation.slots
        self.start()

    def free(self) -> None:
        """Places of VMs, all of them free."""
        view = self.view
        self.state = VMState(view.profile, view.slots)
        frame, slots = 1 + len(view.convention.saved), view.slots * view.has("CALL")
        self.frames: Words = np.zeros((view.depth, frame, slots), np.uint32)
        self.blocks = Blocks(view.slots * view.has("RAND"))

    def _take(self, shared: Words) -> None:
        """Shared memory, which others may go on using as it is."""
        np.copyto(self.words, shared)

    def start(self) -> None:
        """A new epoch."""
        self.next: dict[int, list[Members]] = {}
        self.writes: dict[int, sharing.Writes] = {}
        self.waiting: dict[int, Members] = {}

    def register(self, number: int) -> Words:
        """A register of all VMs."""
        row: Words = self.state.words[self.state.profile.register(number)]
        return row

    def put(self, register: int, members: Members, bits: Any) -> None:
        """A register of some VMs becomes something else."""
        self.register(register)[members] = bits
        if self.half:
            self.halve(members, (self.state.profile.register(register),))

    def halve(self, members: Members, elements: Sequence[int]) -> None:
        """Round elements to half precision."""
        for element in elements:
            row = self.state.floats[element]
            values = row[members]
            nan = np.isnan(values)
            halves = values.astype(np.float16).astype(np.float32)
            if nan.any():  # one NaN of either sign, as the op to_half has it
                halves[nan] = np.copysign(np.float32(np.nan), values[nan])
            row[members] = halves

    def go(self, ip: int, members: Members | None) -> None:
        """VMs that execute an instruction in the next epoch."""
        if members is None:
            return
        if ip >= self.length:
            self.fault(ip, members, Fault.PAST_END)
        elif ip in self.next:
            self.next[ip].append(members)
        else:
            self.next[ip] = [members]

    def queue(self, ip: int, members: Members) -> None:
        """VMs at an ordered instruction, who get their turns after all others."""
        self.waiting[ip] = members

    def end(self, ip: int, members: Members, status: Status) -> None:
        """VMs that are no longer live."""
        state = self.state
        state.row("status")[members] = status
        state.row("ip")[members] = ip
        count = groups.size(members)
        self.progress.live -= count
        if len(self.live) == 1:
            self.live[0] -= count
        else:
            self.live -= np.bincount(state.row("batch")[members], minlength=len(self.live))

    def fault(self, ip: int, members: Members | None, fault: Fault) -> None:
        """VMs that stop against their will."""
        if members is None:
            return
        progress = self.progress
        self.state.row("fault")[members] = fault
        self.end(ip, members, Status.FAULTED)
        progress.faults += groups.size(members)
        lowest, first = int(groups.ids(members)[0]), progress.first_fault
        progress.first_fault = lowest if first < 0 else min(first, lowest)

    def addresses(self, ip: int, bits: Words) -> sharing.Addresses:
        """Where the words of an instruction's addresses point to, `OUTSIDE` if outside."""
        at = sharing.addresses(bits, len(self.words), self.view.infos[ip].whole_address)
        if ip in self.limits:
            first, last = self.span(ip)
            at[(at < first) | (at >= last)] = sharing.OUTSIDE
        return at

    def store(self, ip: int, at: sharing.Addresses | slice) -> None:
        """Count words that an instruction writes where they do not belong."""
        if self.stores is not None:
            self.progress.mixed += self.stores.count(ip, groups.ids(at))

    def place(self, ip: int, members: Members, bits: Words, alike: bool) -> Any:
        """The same as `inside`; a slice where the addresses follow one another, or are one.

        Args:
            ip: the instruction.
            members: who execute it.
            bits: their addresses.
            alike: whether a slice of one word may be that of all of them.
        """
        first, last = self.span(ip)
        at = sharing.span(bits, first, last, self.view.infos[ip].whole_address, alike)
        return self.inside(ip, members, bits) if at is None else (members, at)

    def span(self, ip: int) -> tuple[int, int]:
        """The words that an instruction may access: from the first to before the last."""
        buffer = self.limits.get(ip)
        return (
            (0, len(self.words)) if buffer is None else (buffer.offset, buffer.offset + buffer.size)
        )

    def inside(self, ip: int, members: Members, bits: Words) -> Any:
        """The VMs that go on with their address, and where it points: `OUTSIDE` if outside."""
        at = self.addresses(ip, bits)
        if self.settings.bounds != "fault":
            return members, at
        bad = at < 0
        faulty, rest = groups.split(members, bad)
        self.fault(ip, faulty, Fault.BAD_ADDRESS)
        return rest, at[~bad]
