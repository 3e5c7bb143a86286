"""A program on a GPU: its buffers, its kernels, and the words that the host shares with them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lanework.base.errors import LaneworkError
from lanework.engines.gpu.device import Gpu
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.gpu import sizes
from lanework.machines.fleet.gpu.kernels import (
    branch,
    classify,
    io,
    launch,
    linear,
    oracle,
    ordered,
)
from lanework.machines.fleet.gpu.kernels.common import BUFFERS, KINDS, WATCH_AT, lean, parameter
from lanework.machines.fleet.gpu.kernels.table import (
    HEADER,
    SIZE,
    WATCH,
    Batch,
    Control,
    Dispatch,
    Spec,
)
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.state import Words

WORD = 0xFFFFFFFF
"""The greatest number in a word."""
NOBODY = WORD
"""What `Control.FIRST_FAULT` is without one."""


@dataclass
class Trace:
    """One VM as it is recorded.

    Attributes:
        vm: its number among all.
        most: epochs that there is room for.
        done: epochs that have run since it is recorded.
        buffer: its words after each of them.
        group: the same for the kernel.
    """

    vm: int
    most: int
    done: int
    buffer: Any
    group: Any


@lru_cache(maxsize=64)
def texts(spec: Spec) -> tuple[tuple[str, str], ...]:
    """The kernels that a program needs: names and texts."""
    kernels = {
        "classify": classify.classify(spec),
        "plan": classify.plan(spec),
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
    kernels |= {each.name: make(spec) for each, make in makers.items() if spec.used(each)}
    if io.writes(spec):
        kernels["commit"] = io.commit(spec)
        if spec.faults_conflicts:
            kernels["settle"] = io.settle(spec)
    if spec.sort:
        kernels["scatter"] = classify.scatter(spec)
    if spec.ordered:
        kernels["ordered"] = ordered.ordered(spec)
    if spec.cells.literal:
        kernels["fresh"] = launch.fresh(spec)
    return tuple((name, lean(text)) for name, text in kernels.items())


class Resident:
    """What the epoch engine keeps on the device.

    Attributes:
        gpu: the device.
        spec: what the kernels' texts depend on.
        capacity: places for VMs.
        buffers: by their names in the texts.
        uniform: the parameters, as they go to the device before a submission.
        head: the first words of the control buffer, as they go there and come back.
        indirect: numbers of workgroups.
        kernels: those that the program needs, by name.

    Raises:
        Diagnostic: LW2203 for a program that is too large for the device.
    """

    def __init__(
        self, gpu: Gpu, view: FleetView, settings: Settings, group_limit: int | None = None
    ) -> None:
        self.gpu = gpu
        self.group_limit = group_limit or gpu.groups
        stored = sizes.matrices(view, settings)
        self.spec = sizes.spec(view, settings, stored)
        code = sizes.code(view, stored)
        needed = sizes.sizes(view, self.spec, len(code.words))
        sizes.check(view, needed, gpu.largest, gpu.adapter.name)
        self.capacity = max(view.slots, 1)
        self.uniform = self._parameters(view, settings, code)
        self.head = np.zeros(HEADER + len(Batch) * sizes.batches(view), np.uint32)
        self.buffers = {name: gpu.buffer(words, sizes.WHAT[name]) for name, words in needed.items()}
        self.buffers["params"] = gpu.buffer(len(self.uniform), "parameters", "uniform")
        self.indirect = gpu.buffer(3 * len(Dispatch), "numbers of workgroups", "indirect")
        self.staging = gpu.buffer(len(self.head), "counts", "staging")
        self.group = gpu.group(KINDS, [self.buffers[name] for name in BUFFERS])
        self.counts = gpu.group(("write",), [self.indirect])
        self.kernels = {
            name: gpu.kernel(text, (KINDS, ("write",)) if name == "plan" else (KINDS,))
            for name, text in texts(self.spec)
        }
        self.trace: Trace | None = None
        gpu.write(self.buffers["code"], code.words)

    def _parameters(self, view: FleetView, settings: Settings, code: sizes.Code) -> Words:
        marks, summary = sizes.marks(view, self.spec)
        marks_at = HEADER + len(Batch) * sizes.batches(view)
        uniform = np.zeros(WATCH_AT + WATCH, np.uint32)
        values = {
            "capacity": self.capacity,
            "words": self.spec.cells.words,
            "elements": self.spec.cells.elements,
            "rows": self.spec.cells.rows,
            "shared_words": view.shared,
            "instructions": len(view.instructions),
            "index_at": code.index_at,
            "kinds_at": code.kinds_at,
            "program_at": code.program_at,
            "depth": sizes.depth(view),
            "patience": min(settings.patience, WORD),
            "seed_low": settings.seed & WORD,
            "seed_high": settings.seed >> 32,
            "epsilon": int(np.float32(max(view.epsilon, 0.0)).view(np.uint32)),
            "spawn_first": view.allocation.slots,
            "fault_stops": settings.on_fault == "stop",
            "group_limit": self.group_limit,
            "marks_at": marks_at,
            "summary_at": marks_at + marks,
            "summary_count": summary,
            "bucket_at": code.bucket_at,
            "limits_at": code.limits_at,
            "stores_at": code.stores_at,
            **{f"bucket_end{n}": end for n, end in enumerate(code.ends)},
            "tally_at": marks_at + marks + summary,
            "tally_count": sizes.BUCKETS,
            "batches": sizes.batches(view),
        }
        for name, value in values.items():
            uniform[parameter(name)] = value
        return uniform

    def set(self, **values: int) -> None:
        """Parameters of the next submission."""
        for name, value in values.items():
            self.uniform[parameter(name)] = int(value) & WORD

    def watch(self, batches: tuple[int, ...]) -> None:
        """The batches of which one without a live VM stops the run."""
        bits = self.uniform[WATCH_AT:]
        bits[:] = 0
        for batch in batches:
            bits[batch // 32] |= np.uint32(1 << batch % 32)
        self.set(watching=len(batches))

    def batch(self, number: int) -> Words:
        """The words of a batch."""
        at = HEADER + len(Batch) * number
        out: Words = self.head[at : at + len(Batch)]
        return out

    @property
    def live(self) -> int:
        """VMs that have not ended."""
        return int(self.head[HEADER + Batch.LIVE :: len(Batch)].sum())

    def workgroups(self, count: int) -> tuple[int, int]:
        """Workgroups for so many invocations, in one dimension or two."""
        groups = -(-count // SIZE)
        return min(groups, self.group_limit), -(-groups // self.group_limit)

    def push(self) -> None:
        """Parameters and counts to the device."""
        self.gpu.write(self.buffers["params"], self.uniform)
        self.gpu.write(self.buffers["control"], self.head)

    def begin(self) -> None:
        """No VM, and counts as they are at first."""
        self.head[:] = 0
        self.head[Control.SWEEP] = 1
        self.head[Control.FIRST_FAULT] = NOBODY
        self.push()
        commands = self.gpu.commands()
        with self.gpu.guard("beginning"):
            for name in ("states", "control", "winner"):
                commands.clear(self.buffers[name])
            if "fresh" in self.kernels:
                commands.bind(self.group)
                commands.run(self.kernels["fresh"], self.workgroups(self.capacity))
        self.gpu.submit(commands)

    def alone(self, kernel: str, count: int) -> None:
        """One kernel by itself, with so many invocations."""
        self.push()
        commands = self.gpu.commands()
        with self.gpu.guard("encoding"):
            commands.bind(self.group)
            commands.run(self.kernels[kernel], self.workgroups(count))
        self.gpu.submit(commands)

    def rounds(self, count: int) -> None:
        """So many rounds in one submission; afterwards `head` is what they have counted."""
        self.push()
        commands = self.gpu.commands()
        with self.gpu.guard("encoding rounds"):
            commands.bind(self.group, self.counts)
            for _ in range(count):
                self._round(commands)
            commands.copy(self.buffers["control"], 0, self.staging, 0, len(self.head))
        self.gpu.submit(commands)
        try:
            self.head[:] = self.gpu.mapped(self.staging, len(self.head))
        except BaseException:  # Ctrl-C, a deadline: the driver goes on with the old one
            self.staging = self.gpu.buffer(len(self.head), "counts", "staging")
            raise

    def _round(self, commands: Any) -> None:
        kernels, indirect = self.kernels, self.indirect
        commands.follow(kernels["classify"], indirect, 3 * Dispatch.CLASSIFY)
        commands.run(kernels["plan"])
        if "scatter" in kernels:
            commands.follow(kernels["scatter"], indirect, 3 * Dispatch.SCATTER)
        for each in Kernel:
            if each.name in kernels:
                commands.follow(kernels[each.name], indirect, 3 * Dispatch[each.name])
        if "commit" in kernels:
            commands.follow(kernels["commit"], indirect, 3 * Dispatch.IO)
        if "settle" in kernels:
            commands.follow(kernels["settle"], indirect, 3 * Dispatch.IO)
        if "ordered" in kernels:
            commands.follow(kernels["ordered"], indirect, 3 * Dispatch.ORDERED)
        if self.trace is not None:
            commands.bind(self.group, self.trace.group)
            commands.follow(kernels["trace"], indirect, 3 * Dispatch.TRACE)
            commands.bind(self.group, self.counts)

    def record(self, vm: int, most: int) -> None:
        """Record a VM after each epoch from now on; most = 0 ends it."""
        if self.trace is not None:
            self.trace.buffer.destroy()
            self.trace = None
        if most:
            buffer = self.gpu.buffer(most * self.spec.cells.words, "the trace of a VM")
            self.trace = Trace(vm, most, 0, buffer, self.gpu.group(("write",), [buffer]))
            text = launch.trace(self.spec)
            self.kernels["trace"] = self.gpu.kernel(text, (KINDS, ("write",)))
            self.set(trace_vm=vm, trace_most=most)

    def close(self) -> None:
        """Give the buffers back."""
        self.record(0, 0)
        for buffer in (*self.buffers.values(), self.indirect, self.staging):
            with suppress(LaneworkError), self.gpu.guard("giving back buffers"):
                buffer.destroy()
        self.buffers = {}
