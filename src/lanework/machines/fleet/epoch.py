"""The epoch engine: the five kernels on a GPU, many epochs to a submission.

Nothing is read back within a submission. One invocation, the plan, looks at what classification has
counted, and gives each kernel of the epoch its number of workgroups; once it has found a reason to
stop, all numbers are zero, so that what is left of the submission changes nothing.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import LaneworkError
from lanework.engines import gpu
from lanework.engines.gpu import Commands, Gpu
from lanework.machines.fleet import epochsizes
from lanework.machines.fleet.engine import Progress, Settings, Stop
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.kernels import branch, classify, io, launch, linear, oracle, ordered
from lanework.machines.fleet.kernels.common import BUFFERS, KINDS, WATCH_AT, parameter
from lanework.machines.fleet.kernels.table import (
    EACH,
    HEADER,
    SIZE,
    WATCH,
    Batch,
    Control,
    Dispatch,
    Spec,
)
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import STRATEGIES, Placed
from lanework.machines.fleet.state import VMState

Words = npt.NDArray[np.uint32]

TURN = 0.03
"""Seconds that a submission should take."""
MOST = 1 << 10
"""Epochs of a submission at most."""
COMPACT = 1 << 14
"""Places from which on it pays to list the VMs that are live, once most of them are not."""
NOBODY = 0xFFFFFFFF
_WORD = 0xFFFFFFFF


@dataclass
class Trace:
    """One VM as it is recorded.

    Attributes:
        vm: its number among all.
        most: epochs that there is room for.
        done: epochs that are recorded.
        buffer: its words after each of them.
        group: the same for the kernel.
    """

    vm: int
    most: int
    done: int
    buffer: Any
    group: Any


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
        self.group_limit = group_limit or self.gpu.groups
        stored = epochsizes.matrices(view, settings)
        self.spec = epochsizes.spec(view, settings, stored)
        self.cells = self.spec.cells
        code = epochsizes.code(view, stored)
        needed = epochsizes.sizes(view, self.spec, len(code.words))
        epochsizes.check(view, needed, self.gpu.largest, self.gpu.adapter.name)
        self._capacity = max(view.slots, 1)
        self._uniform = self._parameters(code)
        self._buffers = {
            name: self.gpu.buffer(words, epochsizes.WHAT[name]) for name, words in needed.items()
        }
        self._buffers["params"] = self.gpu.buffer(len(self._uniform), "parameters", "uniform")
        self._indirect = self.gpu.buffer(3 * len(Dispatch), "numbers of workgroups", "indirect")
        self._trace: Trace | None = None
        self._group = self.gpu.group(KINDS, [self._buffers[name] for name in BUFFERS])
        self._counts = self.gpu.group(("write",), [self._indirect])
        self._kernels = self._compiled()
        self.gpu.write(self._buffers["code"], code.words)
        self._head = np.zeros(HEADER + len(Batch) * epochsizes.batches(view), np.uint32)
        self._staging = self.gpu.buffer(len(self._head), "counts", "staging")
        self._chunk = 1
        self.begin(np.zeros(view.shared, np.uint32))

    def _parameters(self, code: epochsizes.Code) -> Words:
        view, settings = self.view, self.settings
        marks, summary = epochsizes.marks(view, self.spec)
        marks_at = HEADER + len(Batch) * epochsizes.batches(view)
        uniform = np.zeros(WATCH_AT + WATCH, np.uint32)
        for name, value in {
            "capacity": self._capacity,
            "shared_words": view.shared,
            "instructions": len(view.instructions),
            "index_at": code.index_at,
            "kinds_at": code.kinds_at,
            "program_at": code.program_at,
            "depth": epochsizes.depth(view),
            "patience": min(settings.patience, _WORD),
            "seed_low": settings.seed & _WORD,
            "seed_high": settings.seed >> 32,
            "epsilon": np.float32(view.epsilon).view(np.uint32),
            "spawn_first": view.places.slots,
            "fault_stops": settings.on_fault == "stop",
            "group_limit": self.group_limit,
            "marks_at": marks_at,
            "marks_count": marks,
            "summary_at": marks_at + marks,
            "summary_count": summary,
            "bucket_at": code.bucket_at,
            **{f"bucket_end{n}": end for n, end in enumerate(code.ends)},
            "tally_at": marks_at + marks + summary,
            "tally_count": epochsizes.BUCKETS,
            "batches": epochsizes.batches(view),
        }.items():
            uniform[parameter(name)] = value
        return uniform

    def _compiled(self) -> dict[str, Any]:
        """The kernels that the program needs."""
        spec, both = self.spec, (KINDS, ("write",))
        texts: dict[str, str] = {
            "classify": classify.classify(spec),
            "compact": classify.compact(spec),
            "launch": launch.launch(spec),
            "clear": launch.clear(spec),
        }
        makers: dict[Kernel, Callable[[Spec], str]] = {
            Kernel.LINEAR: linear.linear,
            Kernel.ORACLE: oracle.oracle,
            Kernel.BRANCH: branch.branch,
            Kernel.IO: io.io,
        }
        texts |= {each.name: make(spec) for each, make in makers.items() if spec.used(each)}
        if io.writes(spec):
            texts["commit"] = io.commit(spec)
        if spec.sort:
            texts["scatter"] = classify.scatter(spec)
        if spec.ordered:
            texts["ordered"] = ordered.ordered(spec)
        if self.cells.literal:
            texts["fresh"] = launch.fresh(spec)
        kernels = {name: self.gpu.kernel(text, (KINDS,)) for name, text in texts.items()}
        kernels["plan"] = self.gpu.kernel(classify.plan(spec), both)
        return kernels

    # Beginning ------------------------------------------------------------------------------------

    def begin(self, shared: Words) -> None:
        """Start anew: no VM, and shared memory as given."""
        self.progress = Progress()
        self._head[:] = 0
        self._head[Control.SWEEP] = 1
        self._head[Control.FIRST_FAULT] = NOBODY
        self._head[Control.HINT] = self.view.places.slots
        self._first = self._last = 0
        self._listed = 0
        commands = self.gpu.commands()
        for name in ("states", "control", "winner"):
            commands.clear(self._buffers[name])
        self._push()
        if "fresh" in self._kernels:
            commands.bind(self._group)
            commands.run(self._kernels["fresh"], self._groups(self._capacity))
        self.gpu.submit(commands)
        self.gpu.write(self._buffers["memory"], shared)

    def clear(self, first: int, last: int) -> None:
        """Make places free; no VM may be live there."""
        if last > first:
            self._set(slot=first, count=last - first)
            self._alone("clear", last - first)
        self._head[Control.HINT] = self.view.places.slots

    def launch(self, placed: Placed) -> None:
        """Start the VMs of a launch at their places."""
        each = placed.launch
        self._set(
            slot=placed.slot,
            count=each.count,
            entry=self.view.routines[each.routine].entry,
            batch=placed.batch,
            base=each.base,
            stride=each.stride,
            strategy=STRATEGIES.index(each.strategy),
            resume=bool(each.resume),
        )
        self._alone("launch", each.count)
        batch = self._batch(placed.batch)
        batch[Batch.LIVE], batch[Batch.COUNT], batch[Batch.STREAM] = (
            each.count,
            each.count,
            placed.step,
        )
        self._head[Control.QUIET] = self._head[Control.WROTE] = 0
        self._widen(placed.slot, placed.slot + each.count)
        self.progress.live = self._live()

    def _widen(self, first: int, last: int) -> None:
        """Look at these places too."""
        if self.progress.live == 0:
            self._first, self._last = first, last
        else:
            self._first, self._last = min(self._first, first), max(self._last, last)
        if self.spec.has("SYSCALL_SPAWN"):
            self._last = max(self._last, self.view.slots)
        self._listed = 0

    def _batch(self, number: int) -> Words:
        at = HEADER + len(Batch) * number
        out: Words = self._head[at : at + len(Batch)]
        return out

    def _live(self) -> int:
        return int(self._head[HEADER + Batch.LIVE :: len(Batch)].sum())

    def _set(self, **values: int) -> None:
        for name, value in values.items():
            self._uniform[parameter(name)] = int(value) & _WORD

    def _groups(self, count: int) -> tuple[int, int]:
        """Workgroups for so many invocations, in one dimension or two."""
        groups = -(-count // SIZE)
        return min(groups, self.group_limit), -(-groups // self.group_limit)

    def _push(self) -> None:
        self.gpu.write(self._buffers["params"], self._uniform)
        self.gpu.write(self._buffers["control"], self._head)

    def _alone(self, kernel: str, count: int) -> None:
        """One kernel by itself."""
        self._push()
        commands = self.gpu.commands()
        commands.bind(self._group)
        commands.run(self._kernels[kernel], self._groups(count))
        self.gpu.submit(commands)

    # Running --------------------------------------------------------------------------------------

    def run(self, epochs: int, watch: Sequence[int] = (), fuel: int | None = None) -> Progress:
        """Run at most so many epochs; see `engine.Engine`."""
        progress = self.progress
        bits = self._uniform[WATCH_AT:]
        bits[:] = 0
        for batch in watch:
            bits[batch // 32] |= np.uint32(1 << batch % 32)
        self._set(watching=len(watch), fault_stops=self.settings.on_fault == "stop")
        left, spent = epochs, progress.executed
        progress.stop = Stop.EPOCHS
        while left > 0:
            some = min(left, self._chunk, _WORD // self._capacity)
            began = time.perf_counter()
            rest = None if fuel is None else fuel - (progress.executed - spent)
            stop = self._turn(some, rest)
            if stop is not None:
                progress.stop = stop
                break
            left -= some
            self._adapt(some, time.perf_counter() - began)
            if self.between is not None:
                self.between()
        return copy.deepcopy(progress)

    def _adapt(self, epochs: int, seconds: float) -> None:
        if seconds < TURN / 2 and epochs == self._chunk:
            self._chunk = min(2 * self._chunk, MOST)
        elif seconds > 2 * TURN:
            self._chunk = max(self._chunk // 2, 1)

    def _turn(self, epochs: int, fuel: int | None) -> Stop | None:
        """One submission."""
        self._look()
        count = self._listed or self._last - self._first
        self._set(first=self._first, count=count, listed=bool(self._listed))
        head = self._head
        head[Control.LENGTHS : Control.STOP + 1] = 0
        for delta in (Control.READS_OUTSIDE, Control.WRITES_OUTSIDE, Control.EPOCHS):
            head[delta] = 0
        head[Control.BY_KERNEL : Control.BY_KERNEL + len(Kernel)] = 0
        if self._trace is not None:
            self._set(traced=self._trace.done)
        head[Control.FUEL] = _WORD if fuel is None else min(max(fuel, 0), _WORD)
        self._push()
        x, y = self._groups(-(-count // EACH))
        self.gpu.write(self._indirect, np.array([x, y, 1], np.uint32))
        commands = self.gpu.commands()
        with self.gpu.guard("encoding epochs"):
            commands.bind(self._group, self._counts)
            for _ in range(epochs):
                self._epoch(commands)
            commands.copy(self._buffers["control"], 0, self._staging, 0, len(head))
        self.gpu.submit(commands)
        head[:] = self.gpu.mapped(self._staging, len(head))
        self._note()
        return Stop(head[Control.STOP]) if head[Control.STOP] else None

    def _epoch(self, commands: Commands) -> None:
        """The commands of one epoch."""
        kernels, indirect = self._kernels, self._indirect
        commands.follow(kernels["classify"], indirect, 3 * Dispatch.CLASSIFY)
        commands.run(kernels["plan"])
        if "scatter" in kernels:
            commands.follow(kernels["scatter"], indirect, 3 * Dispatch.SCATTER)
        for each in Kernel:
            if each.name in kernels:
                commands.follow(kernels[each.name], indirect, 3 * Dispatch[each.name])
        if "commit" in kernels:
            commands.follow(kernels["commit"], indirect, 3 * Dispatch.IO)
        if "ordered" in kernels:
            commands.follow(kernels["ordered"], indirect, 3 * Dispatch.ORDERED)
        if self._trace is not None:
            commands.bind(self._group, self._trace.group)
            commands.follow(kernels["trace"], indirect, 3 * Dispatch.TRACE)
            commands.bind(self._group, self._counts)

    def _look(self) -> None:
        """List the VMs that are live, where most of those that are looked at are not."""
        looked = self._listed or self._last - self._first
        live = self.progress.live
        if looked < COMPACT or 2 * live > looked or self.spec.has("SYSCALL_SPAWN"):
            return
        self._head[Control.LISTED] = 0
        span = self._last - self._first
        self._set(first=self._first, count=span, listed=0)
        self._alone("compact", span)
        self._listed = live

    def _note(self) -> None:
        """Add up what a submission has counted."""
        progress, head = self.progress, self._head
        progress.epochs += int(head[Control.EPOCHS])
        if self._trace is not None:
            self._trace.done += int(head[Control.EPOCHS])
        for kernel in Kernel:
            count = int(head[Control.BY_KERNEL + kernel])
            progress.by_kernel[kernel] += count
            progress.executed += count
        progress.reads_outside += int(head[Control.READS_OUTSIDE])
        progress.writes_outside += int(head[Control.WRITES_OUTSIDE])
        progress.faults = int(head[Control.FAULTS])
        lowest = int(head[Control.FIRST_FAULT])
        progress.first_fault = -1 if lowest == NOBODY else lowest
        progress.live = self._live()

    # Looking --------------------------------------------------------------------------------------

    def shared(self) -> Words:
        """Shared memory as it is now."""
        return self.gpu.read(self._buffers["memory"], 0, self.view.shared)

    def vms(self) -> VMState:
        """All VMs as they are now."""
        slots = self.view.slots
        words = self.gpu.read(self._buffers["states"], 0, slots * self.cells.words)
        shape = (slots, self.cells.words) if self.cells.literal else (self.cells.words, slots)
        return self.cells.unpack(words.reshape(shape), np.arange(slots, dtype=np.uint32))

    def vm(self, number: int) -> VMState:
        """One VM as it is now."""
        many = self.cells.words
        if self.cells.literal:
            words = self.gpu.read(self._buffers["states"], number * many, many)[None]
        else:
            target = self.gpu.buffer(many, "one VM", "staging")
            commands = self.gpu.commands()
            with self.gpu.guard("copying one VM"):
                for row in range(many):
                    at = row * self._capacity + number
                    commands.copy(self._buffers["states"], at, target, row, 1)
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
        if self._trace is not None:
            self._trace.buffer.destroy()
            self._trace = None
        if most:
            buffer = self.gpu.buffer(most * self.cells.words, "the trace of a VM")
            self._trace = Trace(vm, most, 0, buffer, self.gpu.group(("write",), [buffer]))
            text = launch.trace(self.spec)
            self._kernels["trace"] = self.gpu.kernel(text, (KINDS, ("write",)))
            self._set(trace_vm=vm, trace_most=most)

    def traced(self) -> VMState:
        """The recorded VM: a column for each epoch, from the first one on."""
        if self._trace is None:
            return VMState(self.view.profile, 0)
        many, epochs = self.cells.words, min(self._trace.done, self._trace.most)
        words = self.gpu.read(self._trace.buffer, 0, epochs * many).reshape(epochs, many)
        who = np.full(epochs, self._trace.vm, np.uint32)
        return self.cells.unpack(words if self.cells.literal else words.T, who)

    def save(self) -> Any:
        """Everything there is."""
        kept = {name: self.gpu.read(self._buffers[name]) for name in ("states", "memory", "stack")}
        return copy.deepcopy(self.progress), self._head.copy(), (self._first, self._last), kept

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""
        progress, head, (self._first, self._last), kept = saved
        self.progress, self._listed = copy.deepcopy(progress), 0
        self._head[:] = head
        for name, words in kept.items():
            self.gpu.write(self._buffers[name], words)

    def close(self) -> None:
        """Give back what the engine holds."""
        traced = [] if self._trace is None else [self._trace.buffer]
        for buffer in (*self._buffers.values(), self._indirect, self._staging, *traced):
            with suppress(LaneworkError), self.gpu.guard("giving back buffers"):
                buffer.destroy()
        self._buffers = {}
