"""The WGSL engine: phases as a whole on a GPU, each launch as one shader.

Many launches are one submission, without anything read back between them. Shared memory goes to
the device and comes back around them; what does not run so is the reference's, on the host.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import LaneworkError, Trap
from lanework.core.runner import LOOPS, check_deadline
from lanework.engines.codes import DEVICE_LIMIT
from lanework.engines.gpu import device as gpu
from lanework.engines.gpu import halves
from lanework.engines.gpu.device import Gpu
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.gpu.shader import (
    ADVANCE,
    BINDINGS,
    ENTRY,
    PARAMS,
    SIZE,
    STOPS,
    WORDS,
    Shader,
    Word,
)
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import abi
from lanework.machines.fleet.native.ahead import AheadEngine, Counters, Epochs
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.state import Status, Words

TURN = 0.06
"""Seconds that a submission should take."""
LAUNCHES = 1 << 10
"""Launches of a submission at most."""
FEWEST, MOST = 1 << 4, 1 << 17
"""Turns of loops that a VM has in a submission, at least and at most."""
SOFTWARE = 1 << 13
"""The same at most in software: of all turns of a vector llvmpipe does no more than 65,535."""
STEPS = 1 << 26
"""Steps of all VMs that the first submission may do in loops."""
GROUPS = 1 << 12
"""Workgroups of a dispatch at most: more VMs are some for each invocation."""
PAST = "a VM of one launch executes more instructions than wgsl counts, some 2**31"
NOBODY = 0xFFFFFFFF
"""No entry, and no limit."""


class WGSLEngine(AheadEngine):
    """A program whose phases are shaders where that may be; see `engine.Engine`.

    Args:
        view: the program.
        settings: how it runs.
        record: whether all VMs are kept.
        device: the device; by default that of the adapter in the settings.

    Attributes:
        adapter: the name of the adapter.

    Raises:
        Diagnostic: LW2201 without an adapter, LW2203 for a program that is too large for it.
    """

    name = "wgsl"

    def __init__(
        self,
        view: FleetView,
        settings: Settings,
        *,
        record: bool = False,
        device: Gpu | None = None,
    ) -> None:
        self.gpu = gpu.device(settings.adapter) if device is None else device
        self.adapter = str(self.gpu.adapter)
        self._buffers: dict[str, Any] = {}
        super().__init__(view, settings, record=record)
        rows = {name: n for n, name in enumerate(view.profile.fields)}
        lowerings = [Lowering(view, form) for form in self.groups.forms]
        own = settings.storage == "f16" and halves.own(self.gpu)
        self._shaders = [
            Shader(each.program(), each.form, rows, own_halves=own) for each in lowerings
        ]
        self._lists = max((each.laters for each in lowerings), default=0)
        software = self.gpu.adapter.kind == "software"
        self._turns = self._most = min(MOST, SOFTWARE) if software else MOST
        self._many = 16
        if self._shaders:
            self._make()

    def _recording(self) -> AheadEngine:
        return WGSLEngine(self.view, self.settings, record=True, device=self.gpu)

    def prepare(self, until: float | None) -> None:
        """All is compiled from the beginning."""

    # On the device --------------------------------------------------------------------------------

    def _make(self) -> None:
        """Buffers and kernels."""
        forms, slots = list(self.groups.forms), max(self.view.slots, 1)
        self._stateful = any(form.record or form.resume or form.table for form in forms)
        launched = max(
            (each.launch.count for step in self.view.allocation.steps for each in step), default=1
        )
        longest = max(shader.size for shader in self._shaders)
        self._turns = min(max(STEPS // (max(longest, 1) * launched), FEWEST), self._most)
        keeps = max(shader.keeps for shader in self._shaders)
        words = {
            "params": (len(PARAMS), "parameters"),
            "entries": (self.groups.longest * len(ENTRY), "launches"),
            "control": (WORDS, "counts"),
            "memory": (self.view.shared, "shared memory"),
            "states": (self.state.words.size * self._stateful, "states of VMs"),
            "stops": (len(STOPS) * slots, "VMs that stopped"),
            "kept": (keeps * launched, "VMs that go on"),
            "later": (abi.LISTED * self._lists * slots, "what is done later"),
        }
        for name, (size, what) in words.items():
            use = "uniform" if name == "params" else "storage"
            self._buffers[name] = self.gpu.buffer(size, what, use)
        self._staging = self.gpu.buffer(WORDS, "counts", "staging")
        self._group = self.gpu.group(BINDINGS, list(self._buffers.values()))
        kernels = [self.gpu.kernel(shader.text, (BINDINGS,)) for shader in self._shaders]
        self._pipelines, self._advance = kernels, self.gpu.kernel(ADVANCE, (BINDINGS,))
        halted = np.zeros(WORDS, np.uint32)
        halted[Word.HALT] = 1  # some drivers compile kernels when they are first used
        self._submit([(kind, 1) for kind in range(len(kernels))], halted)

    def _parameters(self, fuel: int | None, going: int) -> Words:
        seed = self.settings.seed
        values = {
            "slots": self.state.count,
            "size": len(self.words),
            "key0": seed & NOBODY,
            "key1": seed >> 32,
            "most": self._turns,
            "going": going,
            "strict": self.settings.on_fault == "stop",
            "limited": fuel is not None,
            "fuel_low": (fuel or 0) & NOBODY,
            "fuel_high": (fuel or 0) >> 32 & NOBODY,
        }
        return np.array([values.get(name, 0) for name in PARAMS], np.uint32)

    # Running --------------------------------------------------------------------------------------

    def _call(
        self, entries: npt.NDArray[np.int64], fuel: int | None, until: float | None
    ) -> tuple[Epochs, Counters]:
        column = {name: entries[:, n] for n, name in enumerate(abi.ENTRY)}
        last = np.append(np.diff(column["phase"]) != 0, True)
        rows = np.stack([*(column[name] for name in ENTRY[:-1]), last], axis=1) & NOBODY
        self.gpu.write(self._buffers["entries"], rows.astype(np.uint32).ravel())
        self.gpu.write(self._buffers["memory"], self.words)
        if self._stateful:
            self.gpu.write(self._buffers["states"], self.state.words.ravel())
        self.gpu.write(self._buffers["later"], self._later.ravel())
        clear = self.gpu.commands()
        clear.clear(self._buffers["stops"])
        self.gpu.submit(clear)
        head = np.zeros(WORDS, np.uint32)
        head[Word.LIMIT] = NOBODY
        try:
            self._walk(column["kind"].tolist(), column["count"].tolist(), head, fuel, until)
        finally:
            self.words[:] = self.gpu.read(self._buffers["memory"], 0, len(self.words))
        if self._stateful:
            states = self.gpu.read(self._buffers["states"], 0, self.state.words.size)
            self.state.words[:] = states.reshape(self.state.words.shape)
        if self._later.size:
            later = self.gpu.read(self._buffers["later"], 0, self._later.size)
            self._later = later.reshape(self._later.shape)
        return self._counted(head)

    def _walk(
        self,
        kinds: list[int],
        counts: list[int],
        head: Words,
        fuel: int | None,
        until: float | None,
    ) -> None:
        """Submissions, until all launches have run or there is a reason to stop."""
        while head[Word.CURSOR] < len(kinds):
            first = int(head[Word.CURSOR])
            going = first if head[Word.LATE] else NOBODY
            head[Word.HALT] = head[Word.LATE] = 0
            self.gpu.write(self._buffers["params"], self._parameters(fuel, going))
            some = range(first, min(first + self._many, len(kinds)))
            began = time.perf_counter()
            self._submit([(kinds[n], counts[n]) for n in some], head)
            self._adapt(time.perf_counter() - began, late=bool(head[Word.LATE]))
            if (head[Word.HALT] and not head[Word.LATE]) or head[Word.SPENT]:
                return
            if head[Word.PAST]:
                raise Trap(DEVICE_LIMIT, PAST, help="take the engine llvm, or end it with fuel")
            check_deadline(until, LOOPS)

    def _submit(self, launches: list[tuple[int, int]], head: Words) -> None:
        """One submission; afterwards `head` is what it has counted."""
        self.gpu.write(self._buffers["control"], head)
        commands = self.gpu.commands()
        with self.gpu.guard("encoding launches"):
            commands.bind(self._group)
            for kind, count in launches:
                groups = min(-(-count // SIZE), GROUPS, self.gpu.groups)
                commands.run(self._pipelines[kind], (groups, 1))
                commands.run(self._advance)
            commands.copy(self._buffers["control"], 0, self._staging, 0, WORDS)
        self.gpu.submit(commands)
        try:
            head[:] = self.gpu.mapped(self._staging, WORDS)
        except BaseException:  # Ctrl-C, a deadline: the driver goes on with the old one
            self._staging = self.gpu.buffer(WORDS, "counts", "staging")
            raise

    def _adapt(self, seconds: float, *, late: bool) -> None:
        """More in a submission, or less, that it takes as long as it should."""
        if seconds > 2 * TURN:
            self._many = max(self._many // 2, 1)
            self._turns = max(self._turns // 2, FEWEST)
        elif seconds < TURN / 2 and late:
            self._turns = min(4 * self._turns, self._most)
        elif seconds < TURN / 2:
            self._many = min(2 * self._many, LAUNCHES)

    def _counted(self, head: Words) -> tuple[Epochs, Counters]:
        """What has been counted, as `abi` has it."""

        def wide(at: int) -> int:
            return int(head[at]) + (int(head[at + 1]) << 32)

        counters = np.zeros(abi.COUNTS, np.int64)
        for kind in Kernel:
            counters[abi.CLASSES + kind] = wide(Word.CLASSES + 2 * kind)
        counters[abi.EXECUTED] = counters[abi.CLASSES :].sum()
        for at, word in abi.COUNTED.items():
            counters[at] = wide(Word[word.upper()])
        counters[abi.FAULTS], counters[abi.WAITING] = head[Word.FAULTS], head[Word.WAITING]
        counters[abi.LATE] = head[Word.SPENT]
        if counters[abi.FAULTS] or counters[abi.WAITING]:
            stops = self.gpu.read(self._buffers["stops"], 0, len(STOPS) * self.state.count)
            stops = stops.reshape(len(STOPS), -1)
            stopped = stops[0] != Status.FREE
            for name, row in zip(STOPS[:-1], stops, strict=False):
                self.state.row(name)[stopped] = row[stopped]
            self._ages = stops[-1]
        return np.array([wide(Word.EPOCHS), head[Word.OLDEST]], np.uint64), counters

    def close(self) -> None:
        """Give the buffers back."""
        if self._again is not None:
            self._again.close()
        for buffer in (*self._buffers.values(), *([self._staging] if self._buffers else [])):
            with suppress(LaneworkError), self.gpu.guard("giving back buffers"):
                buffer.destroy()
        self._buffers = {}
