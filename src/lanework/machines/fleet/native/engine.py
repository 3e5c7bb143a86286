"""The LLVM engine: steps of the schedule as native code where VMs do not see each other.

It is the reference, and what it cannot run natively that does, on the same memory. What native code
leaves of VMs that are not kept is nothing but their writes; whoever looks at them has the run once
more, with all of them kept.
"""

from __future__ import annotations

import contextlib
import copy
import time

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Trap
from lanework.core.ops.bodies import arithmetic
from lanework.engines import signals
from lanework.engines.kernel import Kernel
from lanework.engines.llvm import jit
from lanework.engines.llvm.lanetarget import Target
from lanework.engines.native import OWN_SHARE, Frame, address
from lanework.machines.fleet.engine import Progress, Settings, Stop
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import text
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.native.steps import Groups
from lanework.machines.fleet.plan import Allocated
from lanework.machines.fleet.reference import sharing
from lanework.machines.fleet.reference.engine import ReferenceEngine
from lanework.machines.fleet.runtime.traps import are_numbers
from lanework.machines.fleet.state import Status, VMState, Words

ENDLESS = (1 << 62) - 1
CHUNK = 1 << 14
"""Groups of phases that one call runs at most."""
PER_LINE = 8
"""Instructions of VMs that take about as long as one unit of what threads are shared by."""
NOTHING = np.uint32(0xFFFFFFFF)
"""The index of what is not done."""
SMALL = 1 << 16
"""VMs, and words of shared memory, up to which it costs little to try and begin again."""
MOST = 1 << 30
"""Epochs that end before that."""
GUESS = 64
"""Instructions of a VM, before any has run."""


class LLVMEngine(ReferenceEngine):
    """A program whose phases are native code where that may be; see `engine.Engine`.

    Args:
        view: the program.
        settings: how it runs.
        threads: how many at most.
        record: whether all VMs are kept.
        trial: seconds for which steps are tried on the reference before anything is compiled.
    """

    name = "llvm"

    def __init__(
        self,
        view: FleetView,
        settings: Settings,
        threads: int = 1,
        *,
        record: bool = False,
        trial: float = 0.0,
    ) -> None:
        self.threads, self.record = threads, record
        large = view.slots > SMALL or view.shared > SMALL
        self._trial = 0.0 if large else trial
        self.groups = Groups(view, settings, record=record)
        self._kernel: Kernel | None = None
        self._work = GUESS * view.slots
        self._again: LLVMEngine | None = None
        self._unused = False
        super().__init__(view, settings)

    def begin(self, shared: Words) -> None:
        """Start anew: no VM, and shared memory as given, which is the engine's now."""
        super().begin(shared)
        self._lean, self._again = False, None
        self._before = [(first, shared[first:last].copy()) for first, last in self.groups.written]

    def _take(self, shared: Words) -> None:
        """It is worked on as it is given, for it may be large."""
        self.words = shared

    # Native code ----------------------------------------------------------------------------------

    def compile(self, until: float | None = None) -> Kernel:
        """The code of all routines that may run natively."""
        if self._kernel is None:
            bits = jit.vector_bits()
            target = Target(bits // 32, bits == 512, jit.vector_registers())
            rows = {name: n for n, name in enumerate(self.view.profile.fields)}
            lowerings = [Lowering(self.view, form) for form in self.groups.forms]
            forms = [(each.form, each.program()) for each in lowerings]
            self._lists = max((each.laters for each in lowerings), default=0)
            strict = self.settings.on_fault == "stop"
            module, size = text.module(forms, target, rows, strict=strict)
            self._kernel = jit.compile_text(
                module, "fleet", size, passes=jit.REGISTERS, until=until
            )
        return self._kernel

    def ahead(
        self, step: int, fuel: int | None, until: float | None
    ) -> tuple[int, Progress] | None:
        """Run steps of the schedule natively, as many as can be; None where that is none.

        Args:
            step: the first; no VM may be live.
            fuel: instructions that may still be executed.
            until: the deadline.

        Returns:
            How many steps have run, and the counts.

        Raises:
            Trap: the deadline has passed.
        """
        entries, steps = self.groups.entries(step, 1 if self.record else CHUNK)
        if not steps:
            return None
        if not self._numbered(step):
            return None
        if self._kernel is None and self._trial > 0.0:
            tried = self._tried(step, fuel, until)
            if tried is not None:
                return tried
        kernel = self.compile(until)
        unused, self._unused, self._lean = self._unused, False, True
        ordered = bool(self.groups.ordered(step))
        self._later = np.zeros((text.LISTED * self._lists, self.view.slots * ordered), np.uint32)
        self._later[:: text.LISTED] = NOTHING
        epochs, counters = self._call(kernel, entries, fuel, until)
        lean = not (self.record or self.view.allocation.kept)
        self._unused = unused and lean and not (counters[text.FAULTS] or counters[text.WAITING])
        progress = self.progress
        self._work = int(counters[text.EXECUTED]) + 1
        progress.executed += int(counters[text.EXECUTED])
        for n, count in enumerate(counters[text.CLASSES :].tolist()):
            progress.by_kernel[n] += count
        progress.reads_outside += int(counters[text.READS])
        progress.writes_outside += int(counters[text.WRITES])
        progress.stop = Stop.DONE
        short = fuel is not None and (counters[text.LATE] or counters[text.EXECUTED] > fuel)
        if counters[text.FAULTS] or counters[text.WAITING]:
            self._events(counters, epochs)
        elif not short:
            progress.epochs += int(epochs.sum())
        if short and progress.stop is not Stop.FAULT:
            progress.stop = Stop.FUEL
        if ordered and progress.stop is Stop.DONE:
            self._settle(step)
        self._written(step, steps)
        if (
            self.record
            and progress.stop is Stop.DONE
            and step + steps < len(self.view.plan.schedule)
        ):
            self.clear(self.view.allocation.kept, self.view.slots)
        return steps, copy.deepcopy(progress)

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
        """Write down of VMs that are kept what native code has not."""
        if not (self.record or self.view.allocation.kept):
            return
        for each in (each for n in range(steps) for each in self.view.allocation.steps[step + n]):
            launch, rows = each.launch, self.state.row
            members = slice(each.slot, each.slot + launch.count)
            rows("batch")[members], rows("swept")[members] = each.batch, 0
            if not launch.resume:
                rows("generation")[members] = 0

    def _call(
        self, kernel: Kernel, entries: npt.NDArray[np.int64], fuel: int | None, until: float | None
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        last = entries[-1]
        units = int(last[text.ENTRY.index("first")] + last[text.ENTRY.index("units")])
        epochs = np.zeros(int(last[text.ENTRY.index("phase")]) + 1, np.uint32)
        counters, most = np.zeros(text.COUNTS, np.int64), ENDLESS if fuel is None else fuel
        counters[text.LIMIT] = most
        if not hasattr(self, "_frame"):
            self._frame, self._ages = Frame(8), np.zeros(self.view.slots, np.uint32)
        frame = self._frame
        threads = max(1, min(self.threads, int(entries[:, text.ENTRY.index("units")].max())))
        frame.shape(len(entries), len(self.words), units, 8, threads)
        columns: dict[int, npt.NDArray[np.generic]] = {
            text.MEMORY: self.words,
            text.ROWS: self.state.words,
            text.ENTRIES: entries,
            text.AGES: self._ages,
            text.EPOCHS: epochs,
            text.COUNTERS: counters,
            text.LATER: self._later,
        }
        for column, array in columns.items():
            frame.columns[column] = address(array)
        seed = self.settings.seed
        frame.dims[text.SLOTS] = self.state.count
        frame.dims[text.KEY0], frame.dims[text.KEY1] = seed & 0xFFFFFFFF, seed >> 32
        frame.dims[text.FUEL], frame.shared[text.DONE] = most, 0
        table = signals.table()
        frame.columns[text.SIGNALS] = address(table)
        work = self._work // PER_LINE if until is None else OWN_SHARE  # which looks at the clock
        frame.run(kernel, work, threads, (self, columns, table), until=until)
        signals.check(table)
        return epochs, counters

    def _events(self, counters: npt.NDArray[np.int64], epochs: npt.NDArray[np.uint32]) -> None:
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
            progress.faults += int(counters[text.FAULTS])
            known = progress.first_fault
            progress.first_fault = int(faulted[0]) if known < 0 else min(known, int(faulted[0]))
        waiting = int(counters[text.WAITING])
        if waiting:
            progress.live, progress.stop = waiting, Stop.DEADLOCK

    def _settle(self, step: int) -> None:
        """Do what is to be done in the order of epochs, and of VMs within one."""
        lists = self._later.reshape(self._lists, text.LISTED, -1)
        which, vm = np.nonzero(lists[:, 0] != NOTHING)
        where, given, age = (lists[which, n, vm] for n in range(text.LISTED))
        order = np.lexsort((vm, age))
        at, given, age = where[order].astype(np.int64), given[order], age[order]
        info = self.view.infos[min(self.groups.ordered(step))]
        if info.updates is None:
            pairs = np.sort(age.astype(np.int64) << 32 | at)
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
        if self._again is None:
            from lanework.machines.fleet.runtime.scheduler import Runtime

            self._again = LLVMEngine(self.view, self.settings, self.threads, record=True)
            runtime = Runtime(self._again, self.view)
            words = self.words.copy()
            for first, part in self._before:
                words[first : first + len(part)] = part
            runtime.begin(words)
            with contextlib.suppress(Trap):  # with which this run has ended, too
                runtime.run()
        return self._again._seen(chosen)
