"""The LLVM engine: steps of the schedule as native code where VMs do not see each other.

What compiles and calls code is loaded when that begins: short runs are the reference's.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lanework.core.runner import LOOPS
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import abi
from lanework.machines.fleet.native.ahead import NOTHING, AheadEngine, Counters, Epochs
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.native.parts import parts
from lanework.machines.fleet.native.steps import Entries
from lanework.machines.fleet.state import Words

if TYPE_CHECKING:
    from lanework.engines.kernel import Kernel
    from lanework.machines.fleet.native.call import Ages, Call
    from lanework.machines.fleet.native.generations import Done

STOPPED = ("status", "fault", "ip")
"""What is written down of VMs that stop, where nothing else is."""
PER_LINE = 8
"""Instructions of VMs that take about as long as one unit of what threads are shared by."""
GUESS = 64
"""Instructions of a VM, before any has run."""
NOTES = 4096
"""Starts and ends of VMs in one call at most, besides two for each place of VMs that others start;
with more of them phases run in epochs."""
NO_NOTES: Words = np.zeros((abi.NOTE, 0), np.uint32)


class LLVMEngine(AheadEngine):
    """A program whose phases are native code where that may be; see `engine.Engine`.

    Args:
        view: the program.
        settings: how it runs.
        threads: how many at most.
        record: whether all VMs are kept.
        trial: seconds for which steps are tried on the reference before anything is compiled.
    """

    name = "llvm"
    births = True

    def __init__(
        self,
        view: FleetView,
        settings: Settings,
        threads: int = 1,
        *,
        record: bool = False,
        trial: float = 0.0,
    ) -> None:
        self.threads = threads
        self._kernel: Kernel | None = None
        self._work = GUESS * view.slots
        super().__init__(view, settings, record=record, trial=trial)

    def _recording(self) -> AheadEngine:
        return LLVMEngine(self.view, self.settings, self.threads, record=True)

    @property
    def lends(self) -> frozenset[str]:
        """Inputs that it can read where they are given: what runs otherwise has them in memory."""
        if self._trial or not self.groups.all:
            return frozenset()
        return frozenset(each.name for each in parts(self.groups.effects).buffers)

    @property
    def overwrites(self) -> list[tuple[int, int]]:
        """Words that are written anew by all runs that come to their end, whatever they are."""
        return [] if self._trial else self.groups.overwritten

    def prepare(self, until: float | None) -> None:
        """Compile."""
        self.compile(until)

    def compile(self, until: float | None = None) -> Kernel:
        """The code of all routines that may run natively."""
        if self._kernel is None:
            from lanework.engines.llvm import jit
            from lanework.engines.llvm.lanetarget import Target
            from lanework.machines.fleet.native import module

            bits = jit.vector_bits()
            target = Target(bits // 32, bits == 512, jit.vector_registers(), halves=jit.halves())
            rows = {name: n for n, name in enumerate(self.view.profile.fields)}
            lowerings = [Lowering(self.view, form) for form in self.groups.forms]
            forms = [(each.form, each.program()) for each in lowerings]
            self._lists = max((each.laters for each in lowerings), default=0)
            strict = self.settings.on_fault == "stop"
            faults = any(abi.faults(each) for _, program in forms for each in program.blocks)
            loops = any(abi.loops(program) for _, program in forms)
            self._starves = strict and loops and faults
            self._stateful = any(form.record or form.resume or form.table for form, _ in forms)
            lines, size = module.module(forms, target, rows, strict=strict)
            own = jit.compile_text(lines, "forms", size, passes=jit.REGISTERS, until=until)
            run = _driver(jit.target_key())
            self._kernel = replace(
                run, cached=own.cached, seconds=own.seconds, keep=(own, run), descriptor=own.address
            )
            self._trial = 0.0
        return self._kernel

    def _call(
        self, entries: Entries, fuel: int | None, until: float | None
    ) -> tuple[Epochs, Counters]:
        call = self._mine()
        self._set(call, entries, self.words, self.state.words, self._ages)
        call.notes = NO_NOTES
        return self._run(call, fuel, until, beside=self._starves)

    def _mine(self) -> Call:
        """The call that is used again, with code for it."""
        from lanework.machines.fleet.native.call import Call

        if not hasattr(self, "_own"):
            self._own = Call(len(parts(self.groups.effects).buffers))
            self._ages = np.zeros(self.view.slots, np.uint64)
        return self._own

    def _run(
        self, call: Call, fuel: int | None, until: float | None, *, beside: bool = False
    ) -> tuple[Epochs, Counters]:
        from lanework.engines import signals
        from lanework.engines.native import OWN_SHARE
        from lanework.machines.fleet.native.call import ENDLESS

        kernel, most = self.compile(until), ENDLESS if fuel is None else fuel
        call.threads = self.threads
        call.begin(self.settings.seed, most, most)
        work = self._work // PER_LINE if until is None else OWN_SHARE  # which looks at the clock
        if beside:
            self._beside(kernel, call, until)
        else:
            call.frame.run(kernel, work, call.threads, (self, call), until=until, help=LOOPS)
        call.parts = []  # which are others'
        signals.check(call.table)
        self._work = int(call.counters[abi.EXECUTED]) + 1
        return call.epochs, call.counters

    def _called(
        self, entries: Entries, fuel: int | None, until: float | None
    ) -> tuple[Epochs, Counters] | None:
        """Run launches, and the VMs that theirs start; None where they have not, after all."""
        family = self.groups.family(self._step)
        if family is None:
            return super()._called(entries, fuel, until)
        from lanework.machines.fleet.native.generations import Generations

        before, kinds = self._copied(), self.groups.born(self._step, family)
        run = Generations(self.view, family, kinds, self._generation)
        if not run.all(entries, fuel, until):
            self._undo(before)
            return None
        self.progress.unborn += run.unborn
        if run.later:
            later, vms = zip(*run.later, strict=True)
            self._later, self._whose = np.concatenate(later, axis=1), np.concatenate(vms)
        return np.array([run.epochs], np.uint64), run.counters

    def _generation(
        self, entries: Entries, rows: Words | None, fuel: int | None, until: float | None
    ) -> Done:
        """Run launches, or VMs that others start."""
        from lanework.machines.fleet.native.generations import Done

        call, later, ages = self._mine(), self._later, self._ages
        if rows is not None:
            count = rows.shape[1]
            later = np.zeros((len(later), count * bool(later.size)), np.uint32)
            later[:: abi.LISTED] = NOTHING
            ages = np.zeros(count, np.uint64)
        self._set(call, entries, self.words, self.state.words if rows is None else rows, ages)
        call.later = later
        call.notes = np.empty((abi.NOTE, 2 * self.view.plan.spawn + NOTES), np.uint32)
        epochs, counters = self._run(call, fuel, until)
        notes = call.notes[:, : min(int(counters[abi.NOTED]), call.notes.shape[1])]
        return Done(int(epochs.sum()), counters, ages, later, notes)

    def _set(
        self,
        call: Call,
        entries: Entries,
        words: Words,
        rows: Words,
        ages: Ages,
    ) -> None:
        """What a call works on."""
        call.entries, call.later = entries, self._later
        call.words, call.rows, call.ages = words, rows, ages
        buffers = parts(self.groups.effects).buffers
        call.parts = [
            (each.offset, self.lent.get(each.name, words[each.offset :])) for each in buffers
        ]

    def _beside(self, kernel: Kernel, call: Call, until: float | None) -> None:
        """Run a call, and look for faults that it would not come to."""
        from lanework.machines.fleet.native.call import ENDLESS, Call
        from lanework.machines.fleet.native.lookout import Lookout

        written = self._copied() if self._step else self._before
        rows = self.state.words.copy() if self._stateful else None

        def again() -> Call:
            other, ages = Call(len(call.parts)), np.zeros_like(call.ages)
            mine = np.zeros_like(self.state.words) if rows is None else rows.copy()
            self._set(other, call.entries, self._begun(written), mine, ages)
            return other

        status = self.view.profile.word("status")
        lookout = Lookout(kernel, call, again, status, self.settings.seed)
        try:
            call.frame.run(
                kernel,
                ENDLESS,
                call.threads,
                (self, call),
                until=until,
                progress=lookout.look,
                help=LOOPS,
            )
        finally:
            lookout.close()
        ahead = lookout.ahead
        if ahead is not None:
            self.words[:], self._ages[:] = ahead.words, ahead.ages
            known = map(self.view.profile.word, STOPPED) if rows is None else range(len(rows))
            for n in known:
                self.state.words[n] = ahead.rows[n]
            call.epochs, call.counters = ahead.epochs, ahead.counters


@functools.cache
def _driver(target: str) -> Kernel:
    """What runs the forms of any program, for a target."""
    from lanework.engines.llvm import jit
    from lanework.machines.fleet.native import module

    return jit.compile_text(module.driver(), "fleet", 0, passes=jit.REGISTERS)
