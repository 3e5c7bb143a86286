"""The epoch engine: the five kernels on a GPU, many rounds to a submission.

A round is an epoch, or a part of one: VMs at ordered instructions may take several.

Nothing is read back within a submission. One invocation, the plan, looks at what classification has
counted, and gives each kernel of the epoch its number of workgroups; once it has found a reason to
stop, all numbers are zero, so that what is left of the submission changes nothing.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lanework.engines.gpu import device as gpu
from lanework.engines.gpu.device import Gpu
from lanework.machines.fleet.engine import Progress, Settings, Stillness, Stop
from lanework.machines.fleet.gpu.kernels.table import EACH, Batch, Control
from lanework.machines.fleet.gpu.resident import NOBODY, WORD, Resident
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import STRATEGIES, Allocated
from lanework.machines.fleet.state import Spans, VMState, Words

TURN = 0.06
"""Seconds that a submission should take."""
MOST = 1 << 10
"""Epochs of a submission at most."""
TURNS = 1 << 12
"""VMs that one invocation lets have their turns before it lets others have the device."""
COMPACT = 1 << 14
"""Places from which on it pays to list the VMs that are live, once most of them are not."""


class EpochEngine:
    """A program on a GPU; see `engine.Engine`.

    Args:
        view: the program.
        settings: how it runs.
        device: the device; by default that of the adapter in the settings.
        group_limit: workgroups in one dimension of a dispatch; by default what the device can.
        between: called between submissions.

    Attributes:
        adapter: the name of the adapter.
        on: what is on the device.

    Raises:
        Diagnostic: LW2201 without an adapter, LW2203 for a program that is too large for it.
    """

    name = "epoch"

    def __init__(
        self,
        view: FleetView,
        settings: Settings,
        *,
        device: Gpu | None = None,
        group_limit: int | None = None,
        between: Callable[[], None] | None = None,
    ) -> None:
        self.view, self.settings, self.between = view, settings, between
        self.gpu = gpu.device(settings.adapter) if device is None else device
        self.adapter = str(self.gpu.adapter)
        self.on = Resident(self.gpu, view, settings, group_limit)
        self.cells = self.on.spec.cells
        self._spawns = self.on.spec.has("SYSCALL_SPAWN")
        self._chunk = 1
        self._paces: dict[tuple[int, int, bool], int] = {}
        self._pace, self._began, self._spent = (0, 0, False), 0, 0.0
        self.begin(np.zeros(view.shared, np.uint32))
        self._submit(1, 0, None)  # nothing; some drivers compile kernels when they are first used

    # Beginning ------------------------------------------------------------------------------------

    def begin(self, shared: Words, blank: Spans = ()) -> None:
        """Start anew: no VM, and shared memory as given."""
        self.progress, self.still = Progress(), Stillness()
        self._first = self._last = self._listed = 0
        self.on.begin()
        self.on.head[Control.HINT] = self.view.allocation.slots
        self.gpu.write(self.on.buffers["memory"], shared)

    def clear(self, first: int, last: int) -> None:
        """Make places free; no VM may be live there."""
        if last > first:
            self.on.set(slot=first, count=last - first)
            self.on.alone("clear", last - first)
        self.on.head[Control.HINT] = self.view.allocation.slots

    def launch(self, allocated: Allocated) -> None:
        """Start the VMs of a launch at their places."""
        each = allocated.launch
        self.on.set(
            slot=allocated.slot,
            count=each.count,
            entry=self.view.routines[each.routine].entry,
            batch=allocated.batch,
            base=each.base,
            stride=each.stride,
            strategy=STRATEGIES.index(each.strategy),
            resume=bool(each.resume),
        )
        self.on.alone("launch", each.count)
        batch = self.on.batch(allocated.batch)
        batch[Batch.LIVE] = batch[Batch.COUNT] = each.count
        batch[Batch.STREAM] = allocated.step
        self.on.head[Control.QUIET], self.still = 0, Stillness()
        first, last = allocated.slot, allocated.slot + each.count
        if self.progress.live:  # look at these places too
            first, last = min(self._first, first), max(self._last, last)
        self._first, self._last = first, self.view.slots if self._spawns else last
        self._listed = 0
        # an epoch of these may take much longer than those before, but not than of such VMs before
        self._pace = each.routine, each.count, self.progress.live > 0
        self._chunk = self._paces.get(self._pace, 1)
        self._began, self._spent = self.progress.epochs, 0.0
        self.progress.live = self.on.live

    # Running --------------------------------------------------------------------------------------

    def ahead(
        self, step: int, fuel: int | None, until: float | None
    ) -> tuple[int, Progress] | None:
        """Nothing is run but epoch by epoch."""
        return None

    def run(
        self,
        epochs: int,
        watch: Sequence[int] = (),
        fuel: int | None = None,
        until: float | None = None,
    ) -> Progress:
        """Run at most so many epochs; see `engine.Engine`."""
        progress = self.progress
        self.on.watch(tuple(watch))
        left, spent = epochs, progress.executed
        progress.stop = Stop.EPOCHS
        while left > 0 or self.on.head[Control.ORDERED]:
            some = min(max(left, 1), self._chunk, WORD // self.on.capacity)
            began, before = time.perf_counter(), progress.epochs
            rest = None if fuel is None else fuel - (progress.executed - spent)
            stop = self._submit(some, min(some, left), rest)
            left -= progress.epochs - before
            seconds = time.perf_counter() - began
            self._spent += seconds
            if stop is Stop.STILL:
                stop = Stop.DEADLOCK if self._same() else None
            if stop is not None:
                progress.stop = stop
                self._ended(stop)
                break
            self._adapt(some, seconds)
            if self.between is not None:
                self.between()
            passed = until is not None and time.monotonic() > until
            if passed and not self.on.head[Control.ORDERED]:
                break
        return progress.copied()

    def _same(self) -> bool:
        """Whether nothing changes any more where all VMs yield or wait."""
        buffers = self.on.buffers
        memory, stack = (self.gpu.read(buffers[name]) for name in ("memory", "stack"))
        sweeps = int(self.on.head[Control.QUIET]) - self.settings.patience
        same = self.still.look(sweeps, (*self.vms().others("swept"), memory, stack))
        if same is None:
            self.on.head[Control.QUIET] = 0
        return bool(same)

    def _adapt(self, epochs: int, seconds: float) -> None:
        if seconds < TURN / 2 and epochs == self._chunk:
            self._chunk = min(2 * self._chunk, MOST)
        elif seconds > 2 * TURN:
            self._chunk = max(self._chunk // 2, 1)

    def _ended(self, stop: Stop) -> None:
        """Remember in how many rounds it is seen that VMs have ended, if they are that quick."""
        if stop in (Stop.DONE, Stop.BATCH):
            rounds = self.progress.epochs - self._began + 1
            share = min(TURN / max(self._spent, TURN), 1.0)
            self._paces[self._pace] = max(min(int(rounds * share), MOST), 1)

    def _submit(self, rounds: int, epochs: int, fuel: int | None) -> Stop | None:
        """One submission, of so many rounds and so many epochs at most: why it stopped."""
        on, head = self.on, self.on.head
        self._look()
        count = self._listed or self._last - self._first
        on.set(first=self._first, count=count, listed=bool(self._listed), most=epochs, turns=TURNS)
        if on.trace is not None:
            on.set(traced=on.trace.done)
        head[Control.LENGTHS : Control.STOP + 1] = 0
        head[Control.MIXED] = 0
        head[Control.READS_OUTSIDE : Control.ORDERED] = 0
        head[Control.CONFLICTS : Control.UNBORN + 1] = 0
        head[Control.FUEL] = WORD if fuel is None else min(max(fuel, 0), WORD)
        x, y = on.workgroups(-(-count // EACH))
        self.gpu.write(on.indirect, np.array([x, y, 1], np.uint32))
        on.rounds(rounds)
        self._note()
        return Stop(head[Control.STOP]) if head[Control.STOP] else None

    def _look(self) -> None:
        """List the VMs that are live, where most of those that are looked at are not."""
        looked = self._listed or self._last - self._first
        live = self.progress.live
        if looked < COMPACT or 2 * live > looked or self._spawns:
            return
        span = self._last - self._first
        self.on.set(first=self._first, count=span, listed=0)
        self.on.alone("compact", span)
        self._listed = live

    def _note(self) -> None:
        """Add up what a submission has counted."""
        progress, head = self.progress, self.on.head
        epochs = int(head[Control.EPOCHS])
        progress.epochs += epochs
        if self.on.trace is not None:
            self.on.trace.done += epochs
        for kernel in Kernel:
            count = int(head[Control.BY_KERNEL + kernel])
            progress.by_kernel[kernel] += count
            progress.executed += count
        progress.reads_outside += int(head[Control.READS_OUTSIDE])
        progress.writes_outside += int(head[Control.WRITES_OUTSIDE])
        progress.conflicts += int(head[Control.CONFLICTS])
        progress.stalled += int(head[Control.STALLED])
        progress.mixed += int(head[Control.MIXED])
        progress.unborn += int(head[Control.UNBORN])
        progress.faults = int(head[Control.FAULTS])
        lowest = int(head[Control.FIRST_FAULT])
        progress.first_fault = -1 if lowest == NOBODY else lowest
        progress.live = self.on.live

    # Looking --------------------------------------------------------------------------------------

    def shared(self) -> Words:
        """Shared memory as it is now."""
        return self.gpu.read(self.on.buffers["memory"], 0, self.view.shared)

    def peek(self, first: int, count: int) -> Words:
        """Some words of it, as they are now."""
        most = max(min(count, self.view.shared - first), 0)
        return self.gpu.read(self.on.buffers["memory"], first, most)

    def vms(self) -> VMState:
        """All VMs as they are now."""
        slots, many = self.view.slots, self.cells.words
        words = self.gpu.read(self.on.buffers["states"], 0, slots * many)
        shape = (slots, many) if self.cells.literal else (many, slots)
        return self.cells.unpack(words.reshape(shape), np.arange(slots, dtype=np.uint32))

    def vm(self, number: int) -> VMState:
        """One VM as it is now."""
        states, many = self.on.buffers["states"], self.cells.words
        if self.cells.literal:
            words = self.gpu.read(states, number * many, many)[None]
        else:
            target = self.gpu.buffer(many, "one VM", "staging")
            commands = self.gpu.commands()
            with self.gpu.guard("copying one VM"):
                for row in range(many):
                    commands.copy(states, row * self.on.capacity + number, target, row, 1)
            self.gpu.submit(commands)
            words = self.gpu.mapped(target, many)[:, None]
            target.destroy()
        return self.cells.unpack(words, np.array([number], np.uint32))

    def trace(self, vm: int, most: int) -> None:
        """Record a VM after each epoch from now on; most = 0 ends it.

        Args:
            vm: its number among all.
            most: epochs at most; what comes later is not recorded.
        """
        self.on.record(vm, most)

    def traced(self) -> VMState:
        """The recorded VM: a column for each epoch, from the first one on."""
        trace, many = self.on.trace, self.cells.words
        if trace is None:
            return VMState(self.view.profile, 0)
        epochs = min(trace.done, trace.most)
        words = self.gpu.read(trace.buffer, 0, epochs * many).reshape(epochs, many)
        who = np.full(epochs, trace.vm, np.uint32)
        return self.cells.unpack(words if self.cells.literal else words.T, who)

    def save(self) -> Any:
        """Everything there is."""
        names = ("states", "memory", "stack")
        kept = {name: self.gpu.read(self.on.buffers[name]) for name in names}
        own = copy.deepcopy((self.progress, self.still))
        return own, self.on.head.copy(), (self._first, self._last), kept

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""
        own, head, (self._first, self._last), kept = saved
        self.progress, self.still = copy.deepcopy(own)
        self._listed = 0
        self.on.head[:] = head
        for name, words in kept.items():
            self.gpu.write(self.on.buffers[name], words)

    def close(self) -> None:
        """Give back what the engine holds."""
        self.on.close()
