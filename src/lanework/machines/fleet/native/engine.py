"""The LLVM engine: steps of the schedule as native code where VMs do not see each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lanework.core.runner import LOOPS
from lanework.engines import signals
from lanework.engines.kernel import Kernel
from lanework.engines.llvm import jit
from lanework.engines.llvm.lanetarget import Target
from lanework.engines.native import OWN_SHARE, Frame, address
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import text
from lanework.machines.fleet.native.ahead import AheadEngine, Counters, Epochs
from lanework.machines.fleet.native.lower import Lowering

ENDLESS = (1 << 62) - 1
PER_LINE = 8
"""Instructions of VMs that take about as long as one unit of what threads are shared by."""
GUESS = 64
"""Instructions of a VM, before any has run."""


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

    def prepare(self, until: float | None) -> None:
        """Compile."""
        self.compile(until)

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
            self._trial = 0.0
        return self._kernel

    def _call(
        self, entries: npt.NDArray[np.int64], fuel: int | None, until: float | None
    ) -> tuple[Epochs, Counters]:
        kernel = self.compile(until)
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
        frame.run(kernel, work, threads, (self, columns, table), until=until, help=LOOPS)
        signals.check(table)
        self._work = int(counters[text.EXECUTED]) + 1
        return epochs, counters
