"""The reference engine: all VMs in lockstep, an epoch at a time, in NumPy.

VMs at the same instruction are one group (`groups.py`), so an epoch costs a few array operations
for each group. This is the living definition of what a fleet program does.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from lanework.machines.fleet.engine import Progress, Settings, Stillness, Stop
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.compose import maps_for
from lanework.machines.fleet.plan import Allocated
from lanework.machines.fleet.reference import groups, sharing
from lanework.machines.fleet.reference.control import HANDLERS, YIELDED, Handler, changed
from lanework.machines.fleet.reference.execution import Execution
from lanework.machines.fleet.reference.groups import Members
from lanework.machines.fleet.reference.ordered import run_ordered
from lanework.machines.fleet.reference.steps import finite, linear, oracle
from lanework.machines.fleet.state import Fault, Spans, Status, VMState, Words

RUNNING = np.uint32(Status.RUNNING)
SAVED = (
    *("words", "progress", "streams", "counts", "live", "at", "blocked", "yielded"),
    *("sweep", "quiet", "still", "spare"),
)


class ReferenceEngine(Execution):
    """A program in lockstep; see `engine.Engine`.

    Args:
        view: the program.
        settings: how it runs; layout, format, sort and adapter mean nothing here.
    """

    name = "reference"

    def __init__(self, view: FleetView, settings: Settings) -> None:
        self.maps = maps_for(view, settings)
        self.waits = view.has("WAIT", "SYSCALL_YIELD")
        self._kernels = [int(info.kernel) for info in view.infos]
        super().__init__(view, settings)

    def begin(self, shared: Words, blank: Spans = ()) -> None:
        """Start anew: no VM, and shared memory as given."""
        super().begin(shared, blank)
        self._handlers: list[Handler | None] = [None] * len(self.view.infos)

    def clear(self, first: int, last: int) -> None:
        """Make places free; no VM may be live there."""
        self.state.row("status")[first:last] = Status.FREE
        self.state.row("generation")[first:last] = 0
        self.spare = self.view.allocation.slots

    def launch(self, allocated: Allocated) -> None:
        """Start the VMs of a launch."""
        launch, state = allocated.launch, self.state
        routine = self.view.routines[launch.routine]
        members = slice(allocated.slot, allocated.slot + launch.count)
        if not launch.resume:
            for row in state.words[1 : state.profile.length - 1]:  # at once, others would wait
                row[members] = 0
            state.row("counter")[members] = 0
            state.row("generation")[members] = 0
        self.number(allocated)
        fields = {"status": Status.RUNNING, "batch": allocated.batch, "ip": routine.entry}
        for name in ("status", "fault", "stack_pointer", "swept", "batch", "ip"):
            state.row(name)[members] = fields.get(name, 0)
        self.streams[allocated.batch], self.counts[allocated.batch] = allocated.step, launch.count
        self.blocks.forget(members)
        self.live[allocated.batch] = launch.count
        self.progress.live += launch.count
        self.quiet, self.still = 0, Stillness()
        self._join({routine.entry: [members]})

    def number(self, allocated: Allocated) -> None:
        """Give the VMs of a launch their numbers."""
        launch = allocated.launch
        number = np.arange(launch.count, dtype=np.int64)
        if launch.strategy == "custom":
            where = launch.base + number
            where[where >= len(self.words)] = sharing.OUTSIDE
            at = sharing.addresses(sharing.read(self.words, where)[0], 1 << 32, False)
            vm_id = np.where(at < 0, 0, at)
        else:
            step = launch.stride if launch.strategy == "strided" else 1
            vm_id = launch.base + step * number
        members = slice(allocated.slot, allocated.slot + launch.count)
        self.state.row("vm_id")[members] = vm_id.astype(np.uint32)

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
        before = progress.executed
        with np.errstate(all="ignore"):
            for _ in range(epochs):
                left = None if fuel is None else fuel - (progress.executed - before)
                stop = self._classify(watch, left)
                if stop is not None:
                    progress.stop = stop
                    return progress.copied()
                self._epoch()
                if until is not None and time.monotonic() > until:
                    break
        progress.stop = Stop.EPOCHS
        return progress.copied()

    def _classify(self, watch: Sequence[int], fuel: int | None) -> Stop | None:
        """Wake VMs, and say whether to stop."""
        progress = self.progress
        if self.yielded:
            self._wake()
        if self.blocked:
            self._recheck()
        if progress.faults and self.settings.on_fault == "stop":
            return Stop.FAULT
        if progress.live == 0:
            return Stop.DONE
        if watch and any(self.live[batch] == 0 for batch in watch):
            return Stop.BATCH
        if self.waits and self._stuck():
            return Stop.DEADLOCK
        if fuel is not None and sum(map(groups.size, self.at.values())) > fuel:
            return Stop.FUEL
        return None

    def _wake(self) -> None:
        """Let VMs run again that have yielded."""
        status = self.state.row("status")
        for members in self.yielded:
            chosen = status[members]
            chosen[chosen == YIELDED] = RUNNING
            status[members] = chosen
        self.yielded = []

    def _recheck(self) -> None:
        """Let blocked VMs go on whose word has changed."""
        awake: dict[int, list[Members]] = {}
        for ip, members in list(self.blocked.items()):
            ready, rest = groups.split(members, changed(self, ip, members)[0])
            if ready is not None:
                self.state.row("status")[ready] = Status.RUNNING
                awake[ip] = [ready]
            if rest is None:
                del self.blocked[ip]
            else:
                self.blocked[ip] = rest
        self._join(awake)

    def _stuck(self) -> bool:
        blocked = sum(map(groups.size, self.blocked.values()))
        if blocked == self.progress.live:
            return True
        swept = self.state.row("swept")
        if not all((swept[members] == self.sweep).all() for members in self.at.values()):
            return False
        self.sweep, self.quiet = self.sweep + 1, self.quiet + 1
        sweeps = self.quiet - self.settings.patience
        if sweeps < 0:
            return False
        self._write_ip()
        same = self.still.look(sweeps, (*self.state.others("swept"), self.words, self.frames))
        if same is None:
            self.quiet = 0
        return bool(same)

    def _epoch(self) -> None:
        progress = self.progress
        self.start()
        handlers, kernels, counts = self._handlers, self._kernels, progress.by_kernel
        for ip, members in self.at.items():
            (handlers[ip] or self._handler(ip))(members)
            count = groups.size(members)
            progress.executed += count
            counts[kernels[ip]] += count
        if self.writes:
            self._write()
        if self.waiting:
            run_ordered(self)
        self.at = {ip: groups.merge(parts) for ip, parts in self.next.items()}
        progress.epochs += 1

    def _write(self) -> None:
        """Do the writes of an epoch; whose words are not contested goes on."""
        fault = self.settings.conflicts == "fault"
        words, refused = sharing.write(self.words, list(self.writes.values()), fault)
        self.progress.conflicts += words
        for ip, (members, _, _) in self.writes.items():
            if not len(refused):
                self.go(ip + 1, members)
                continue
            bad, rest = groups.split(members, np.isin(groups.ids(members), refused))
            self.fault(ip, bad, Fault.CONFLICT)
            self.go(ip + 1, rest)

    def _join(self, parts: dict[int, list[Members]]) -> None:
        for ip, new in parts.items():
            known = self.at.get(ip)
            self.at[ip] = groups.merge(new if known is None else [*new, known])

    def _handler(self, ip: int) -> Handler:
        """What the instruction does to a group of VMs."""
        info = self.view.infos[ip]
        if info.kernel in (Kernel.LINEAR, Kernel.ORACLE):
            handler = self._straight(ip)
        elif info.ordered:
            handler = partial(self.queue, ip)
        else:
            handler = HANDLERS[info.name](self, ip, info.values(self.view.instructions[ip]))
        self._handlers[ip] = handler
        return handler

    def _straight(self, ip: int) -> Handler:
        """Of an instruction that computes, after which comes the next."""
        matrix, check, half = self.maps[ip], None, self.half
        if matrix is not None:
            step = linear(self.state, matrix.rows)
            changed, after = [row.element for row in matrix.rows], ip + matrix.length
        else:
            step = oracle(self, ip)
            changed, after = [self.view.profile.register(self.view.instructions[ip].target)], ip + 1
        if self.settings.arithmetic == "trap" and changed:
            check = finite(self, ip)

        def compute(members: Members) -> None:
            for part in groups.parts(members):
                step(part)
                if half:
                    self.halve(part, changed)

        def run(members: Members) -> None:
            compute(members)
            self.go(after, members)

        def careful(members: Members) -> None:
            assert check is not None
            row = self.state.floats[changed[0]]
            before, sound = np.array(row[members]), check(members)
            compute(members)
            bad = sound & ~np.isfinite(row[members])
            faulty, rest = groups.split(members, bad)
            if faulty is not None:
                row[faulty] = before[bad]
                self.fault(ip, faulty, Fault.BAD_VALUE)
            self.go(after, rest)

        return run if check is None else careful

    def shared(self) -> Words:
        """Shared memory as it is now."""
        return self.words.copy()

    def peek(self, first: int, count: int) -> Words:
        """Some words of it, as they are now."""
        return self.words[first : first + count].copy()

    def vms(self) -> VMState:
        """All VMs as they are now."""
        return self._seen(slice(None))

    def vm(self, number: int) -> VMState:
        """One VM as it is now."""
        return self._seen(slice(number, number + 1))

    def _seen(self, chosen: slice) -> VMState:
        """Some VMs, with the instructions that groups stand at."""
        self._write_ip()
        seen = VMState(self.view.profile, 0)
        seen.words = self.state.words[:, chosen].copy()
        return seen

    def _write_ip(self) -> None:
        """Write down at which instructions VMs are."""
        ip = self.state.row("ip")
        for where in (self.at, self.blocked):
            for at, members in where.items():
                ip[members] = at

    def save(self) -> Any:
        """Everything there is."""
        kept = {name: copy.deepcopy(getattr(self, name)) for name in SAVED}
        return kept, self.state.words.copy(), self.frames.copy()

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""
        kept, words, frames = saved
        for name, value in copy.deepcopy(kept).items():
            setattr(self, name, value)
        self.state.words[:], self.frames[:] = words, frames
        self.blocks.forget(slice(None))

    def close(self) -> None:
        """Nothing is held."""
