"""An engine that runs steps of the schedule whole, where VMs do not see each other.

It is the reference, and what does not run whole that does, on the same memory. What is left of VMs
that are not kept is nothing but their writes; whoever looks at them has the run once more, with all
of them kept.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Trap
from lanework.core.ops.bodies import arithmetic
from lanework.machines.fleet.engine import Progress, Settings, Stop
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import abi
from lanework.machines.fleet.native.steps import CHUNK, Groups
from lanework.machines.fleet.plan import Allocated
from lanework.machines.fleet.reference import sharing
from lanework.machines.fleet.reference.engine import ReferenceEngine
from lanework.machines.fleet.runtime.traps import are_numbers
from lanework.machines.fleet.state import Spans, Status, VMState, Words, without

NOTHING = np.uint32(0xFFFFFFFF)
"""The index of what is not done."""
SMALL = 1 << 16
"""VMs, and words of shared memory, up to which it costs little to try and begin again."""
MOST = 1 << 30
"""Epochs that end before that."""

Counters = npt.NDArray[np.int64]
"""What a call has counted, in the places that `abi` names."""
Epochs = npt.NDArray[np.unsignedinteger[Any]]
"""Of phases, one after another; where a fault stops the run, the last is that of the fault."""


class AheadEngine(ReferenceEngine, ABC):
    """A program whose phases run whole where that may be; see `engine.Engine`.

    Args:
        view: the program.
        settings: how it runs.
        record: whether all VMs are kept.
        trial: seconds for which steps are tried on the reference before anything is compiled.

    Attributes:
        lent: inputs that are not in shared memory: they are read where they are given.
    """

    def __init__(
        self, view: FleetView, settings: Settings, *, record: bool = False, trial: float = 0.0
    ) -> None:
        self.record = record
        large = view.slots > SMALL or view.shared > SMALL
        self._trial = 0.0 if large else trial
        self.groups = Groups(view, settings, record=record, births=self.births)
        self._again: AheadEngine | None = None
        self._keeps = record or bool(view.allocation.kept)
        self._last: dict[tuple[int, int], list[tuple[slice, int, bool]]] = {}
        self._lists, self._later = 0, np.zeros((0, 0), np.uint32)
        self._whose: npt.NDArray[np.int64] | None = None
        self._ages: Epochs = np.zeros(0, np.uint64)
        self.lent: dict[str, Words] = {}
        self._touched, self._before = True, list[tuple[int, Words]]()
        super().__init__(view, settings)

    births = False  # whether its VMs may start others

    @abstractmethod
    def prepare(self, until: float | None) -> None:
        """Compile, and know how many `_lists` of what is done later VMs have.

        Raises:
            Trap: the deadline has passed.
        """

    @abstractmethod
    def _call(
        self, entries: npt.NDArray[np.int64], fuel: int | None, until: float | None
    ) -> tuple[Epochs, Counters]:
        """Run launches: memory is what they leave, `_ages` how old VMs were that stopped.

        What is to be done in the order of epochs is in `_later`.

        Raises:
            Trap: the deadline has passed.
        """

    @abstractmethod
    def _recording(self) -> AheadEngine:
        """The same engine, with all VMs kept."""

    def begin(self, shared: Words, blank: Spans = ()) -> None:
        """Start anew: no VM, and shared memory as given, which is the engine's now."""
        super().begin(shared, blank)
        self._lean, self._again, self.lent = False, None, {}
        self._step = 0
        known = {(first, first + len(part)): part for first, part in self._before}
        self._before = []
        for first, last in without(self.groups.written, blank):
            part = known.get((first, last))
            part = np.empty(last - first, np.uint32) if part is None else part
            np.copyto(part, shared[first:last])
            self._before.append((first, part))

    @property
    def advanced(self) -> bool:
        """Whether any step of this run has run whole."""
        return self._lean

    @property
    def lends(self) -> frozenset[str]:
        """Inputs that it can read where they are given."""
        return frozenset()

    def complete(self) -> None:
        """Put into shared memory what is read elsewhere."""
        for name, values in self.lent.items():
            first = next(each.offset for each in self.view.buffers if each.name == name)
            self.words[first : first + len(values)] = values
        self.lent = {}

    def free(self) -> None:
        """Places of VMs: those of the run before, if it has put nothing there."""
        if self._touched:
            super().free()
        self._touched = False

    def clear(self, first: int, last: int) -> None:
        """Make places free; no VM may be live there."""
        if self._touched:
            super().clear(first, last)

    def launch(self, allocated: Allocated) -> None:
        """Start the VMs of a launch."""
        self._touched = True
        self.complete()
        super().launch(allocated)

    def number(self, allocated: Allocated) -> None:
        """Give the VMs of a launch their numbers."""
        self._touched = True
        super().number(allocated)

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""
        self._touched = True
        super().restore(saved)

    def _copied(self) -> list[tuple[int, Words]]:
        """The words that may be written, as they are: where each part begins, and what is there."""
        return [(first, self.words[first:last].copy()) for first, last in self.groups.written]

    def _begun(self, parts: list[tuple[int, Words]]) -> Words:
        """Shared memory as it was before parts of it were written, where others were zeros."""
        words = self.words.copy()
        for first, last in self.groups.written:
            words[first:last] = 0
        for first, part in parts:
            words[first : first + len(part)] = part
        return words

    def _take(self, shared: Words) -> None:
        """It is worked on as it is given, for it may be large."""
        self.words = shared

    def ahead(
        self, step: int, fuel: int | None, until: float | None
    ) -> tuple[int, Progress] | None:
        """Run steps of the schedule whole, as many as can be; None where that is none.

        Args:
            step: the first; no VM may be live.
            fuel: instructions that may still be executed.
            until: the deadline.

        Returns:
            How many steps have run, and the counts.

        Raises:
            Trap: the deadline has passed.
        """
        # a kept VM that has faulted may go on, and nobody would know of its fault
        faults = self.settings.on_fault == "go on" and self.view.allocation.kept
        entries, steps = self.groups.entries(step, 1 if self.record or faults else CHUNK)
        if not steps or not self._numbered(step):
            return None
        if self._trial > 0.0 and not self.groups.overlap(step):
            tried = self._tried(step, fuel, until)
            if tried is not None:
                return tried
        self.prepare(until)
        lean, self._lean, self._step = self._lean, True, step
        ordered = bool(self.groups.ordered(step))
        self._later = np.zeros((abi.LISTED * self._lists, self.view.slots * ordered), np.uint32)
        self._later[:: abi.LISTED], self._whose = NOTHING, None
        touched, self._touched = self._touched, True  # for all that is known of a run half-way
        called = self._called(entries, fuel, until)
        if called is None:
            self._lean = lean
            return None
        epochs, counters = called
        events = bool(counters[abi.FAULTS] or counters[abi.WAITING])
        self._touched = touched or events or self._keeps
        progress = self.progress
        self._count(counters)
        progress.stop = Stop.DONE
        short = fuel is not None and (counters[abi.LATE] or counters[abi.EXECUTED] > fuel)
        if events:
            self._events(counters, epochs)
        elif not short:
            progress.epochs += int(epochs.sum())
        if short and progress.stop is not Stop.FAULT:
            progress.stop = Stop.FUEL
        if ordered and progress.stop is Stop.DONE:
            self._settle(step)
        self._written(step, steps)
        more = step + steps < len(self.view.plan.schedule)
        if self.record and more and progress.stop is Stop.DONE:
            self.clear(self.view.allocation.kept, self.view.slots)
        return steps, progress.copied()

    def _count(self, counters: Counters) -> None:
        """Add up what a call has counted."""
        progress = self.progress
        progress.executed += int(counters[abi.EXECUTED])
        for n, count in enumerate(counters[abi.CLASSES :].tolist()):
            progress.by_kernel[n] += count
        progress.reads_outside += int(counters[abi.READS])
        progress.writes_outside += int(counters[abi.WRITES])
        progress.stalled += int(counters[abi.STALLED])
        progress.mixed += int(counters[abi.MIXED])

    def _called(
        self, entries: npt.NDArray[np.int64], fuel: int | None, until: float | None
    ) -> tuple[Epochs, Counters] | None:
        """Run launches; None where they have not, after all."""
        if self.groups.overlap(self._step):
            return self._overlapping(entries, fuel, until)
        return self._call(entries, fuel, until)

    def _overlapping(
        self, entries: npt.NDArray[np.int64], fuel: int | None, until: float | None
    ) -> tuple[Epochs, Counters] | None:
        """Run launches one after another that overlap in epochs.

        None where VMs stop otherwise than by themselves: then all is as it was, for when that is
        depends on when they began.
        """
        step, before, lengths = self._step, self._copied(), list[int]()
        total = np.zeros(abi.COUNTS, np.int64)
        for n in range(len(entries)):
            one = entries[n : n + 1].copy()
            one[:, [abi.ENTRY.index(name) for name in ("first", "wait", "phase")]] = 0
            rest = None if fuel is None else max(fuel - int(total[abi.EXECUTED]), 0)
            self._step = step + n
            epochs, counters = self._call(one, rest, until)
            total += counters
            lengths.append(int(epochs.sum()))
            short = fuel is not None and (counters[abi.LATE] or total[abi.EXECUTED] > fuel)
            if short or counters[abi.FAULTS] or counters[abi.WAITING]:
                self._undo(before)
                return None
        begins = self.groups.begins(step, lengths)
        for (_, count, slot, *_), begun in zip(entries.tolist(), begins, strict=True):
            abi.moved(self._later[:, slot : slot + count], np.full(count, begun))
        return np.array([max(map(sum, zip(begins, lengths, strict=True)))], np.uint64), total

    def _undo(self, before: list[tuple[int, Words]]) -> None:
        """All is as it was."""
        for first, part in before:
            self.words[first : first + len(part)] = part
        self.clear(self.view.allocation.kept, self.view.slots)

    def _numbered(self, step: int) -> bool:
        """Give VMs their numbers that have them from a table; whether these are numbers."""
        for each in (each for n in self.groups.steps(step) for each in self._launches(n)):
            launch = each.launch
            if launch.strategy == "custom":
                words = self.peek(launch.base, launch.count)
                if len(words) < launch.count or not are_numbers(words):
                    return False  # which is said where steps begin one by one
                self.number(each)
        return True

    def _launches(self, step: int) -> list[Allocated]:
        return self.view.allocation.steps[step]

    def _tried(
        self, step: int, fuel: int | None, until: float | None
    ) -> tuple[int, Progress] | None:
        """Run a group of phases on the reference; None if that would take long."""
        steps = self.groups.steps(step)
        saved, start = self.save(), time.monotonic()
        end = start + self._trial
        for each in (each for n in steps for each in self._launches(n)):
            self.launch(each)
        most = end if until is None else min(end, until)
        progress = self.run(MOST, (), fuel, most)
        self._trial -= time.monotonic() - start
        if progress.stop is Stop.EPOCHS:
            self._trial = 0.0
            self.restore(saved)
            return None
        if progress.stop is Stop.DONE and steps.stop < len(self.view.plan.schedule):
            self.clear(self.view.allocation.kept, self.view.slots)
        return len(steps), progress

    def _written(self, step: int, steps: int) -> None:
        """Write down of VMs that are kept what compiled code has not."""
        if not self._keeps:
            return
        if (step, steps) not in self._last:
            self._last = {(step, steps): self._lasting(step, steps)}
        row = self.state.row
        batches, swept, generations = row("batch"), row("swept"), row("generation")
        for members, batch, anew in self._last[step, steps]:
            batches[members], swept[members] = batch, 0
            if anew:
                generations[members] = 0

    def _lasting(self, step: int, steps: int) -> list[tuple[slice, int, bool]]:
        """Of launches that have the same places the last batch, and whether any begins anew."""
        known: dict[tuple[int, int], tuple[slice, int, bool]] = {}
        for each in (each for n in range(steps) for each in self.view.allocation.steps[step + n]):
            first, last = each.slot, each.slot + each.launch.count
            _, _, anew = known.pop((first, last), (None, 0, False))
            known[first, last] = slice(first, last), each.batch, anew or not each.launch.resume
        return list(known.values())

    def _events(self, counters: npt.NDArray[np.int64], epochs: Epochs) -> None:
        """VMs that faulted, or wait for what will not come."""
        progress, status = self.progress, self.state.row("status")
        faulted = np.flatnonzero(status == Status.FAULTED)
        if len(faulted) and self.settings.on_fault == "stop":
            ages = self._ages[faulted]
            first = faulted[ages == ages.min()]
            phase = int(np.flatnonzero(epochs)[-1])
            progress.epochs += int(epochs[:phase].sum()) + int(ages.min())
            progress.faults, progress.first_fault = len(first), int(first[0])
            progress.live = self.view.slots
            progress.stop = Stop.FAULT
            return
        progress.epochs += int(epochs.sum())
        if len(faulted):
            progress.faults += int(counters[abi.FAULTS])
            known = progress.first_fault
            progress.first_fault = int(faulted[0]) if known < 0 else min(known, int(faulted[0]))
        waiting = int(counters[abi.WAITING])
        if waiting:
            progress.live, progress.stop = waiting, Stop.DEADLOCK

    def _settle(self, step: int) -> None:
        """Do what is to be done in the order of epochs, and of VMs within one."""
        lists = self._later.reshape(self._lists, abi.LISTED, -1)
        which, vm = np.nonzero(lists[:, 0] != NOTHING)
        where, given, low, high = (lists[which, n, vm] for n in range(abi.LISTED))
        vm = vm if self._whose is None else self._whose[vm]
        _, age = np.unique(low + (high.astype(np.uint64) << 32), return_inverse=True)
        order = np.lexsort((vm, age))
        at, given, age = where[order].astype(np.int64), given[order], age[order]
        info = self.view.infos[min(self.groups.ordered(step))]
        if info.updates is None:
            pairs = np.sort(age << 32 | at)
            self.progress.conflicts += len(np.unique(pairs[1:][pairs[1:] == pairs[:-1]]))
            self.words[at] = given  # of equal indices the last value is assigned
            return
        with np.errstate(all="ignore"):
            before = sharing.together(info.updates, self.words, at, given)
        if before is None:
            update, before = sharing.update(info), np.zeros_like(given)
            for n, (word, operand) in enumerate(zip(at.tolist(), given, strict=True)):
                before[n] = self.words[word]
                self.words[word] = update(before[n], operand)
        if info.updates is arithmetic.add:
            self.progress.stalled += sharing.stalled(before, given)

    # What is left of VMs --------------------------------------------------------------------------

    def _seen(self, chosen: slice) -> VMState:
        if not self._lean or self.record:
            return super()._seen(chosen)
        self.complete()
        if self._again is None:
            from lanework.machines.fleet.runtime.scheduler import Runtime

            self._again = self._recording()
            runtime = Runtime(self._again, self.view)
            runtime.begin(self._begun(self._before))
            with contextlib.suppress(Trap):  # with which this run has ended, too
                runtime.run()
        return self._again._seen(chosen)
