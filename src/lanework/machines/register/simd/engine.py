"""Runs lanes side by side, with code that is made once that is worth its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lanework.core.runner import LOOPS
from lanework.core.waiting import NAME, start
from lanework.engines import signals
from lanework.engines.kernel import Kernel
from lanework.engines.lanes.convert import converted
from lanework.engines.native import OWN_SHARE, Frame, address
from lanework.machines.register.binding import Words
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.simd import text
from lanework.machines.register.simd.lower import Form, Lowering, NotLowered
from lanework.machines.register.state import RegisterBank
from lanework.machines.register.traps import Meter

ENDLESS = (1 << 62) - 1
HOT = 0.03
"""Seconds of lanes one after another after which code for lanes side by side is made."""


@dataclass(eq=False)
class Code:
    """What runs lanes.

    Attributes:
        kernel: the code.
        columns: its columns, by name.
        seconds: how long it took to be made.
        length: instructions of the program.
    """

    kernel: Kernel
    columns: list[str]
    seconds: float


class Simd:
    """Code of a program for lanes side by side: one for each way in which it is called.

    Args:
        view: the program.
        threads: how many run at most.
        failed: told why nothing could be compiled.

    Attributes:
        codes: what there is, and reasons for what there is not.
    """

    def __init__(self, view: RegisterView, threads: int, failed: Callable[[str], None]) -> None:
        self.view, self.threads, self.failed = view, threads, failed
        self.codes: dict[Form, Code | str] = {}
        self._heat: dict[Form, float] = {}
        self._making: dict[Form, threading.Thread] = {}

    @property
    def tiers(self) -> tuple[str, ...]:
        """What runs give out as an engine, once there is code."""
        return ("simd",) if any(isinstance(code, Code) for code in self.codes.values()) else ()

    def details(self, form: Form) -> Iterator[str]:
        """What `explain` says of it.

        Args:
            form: how the program is called if nothing is known yet.
        """
        self.why_not(form)
        for code in dict.fromkeys(self.codes.values()):
            if isinstance(code, str):
                yield f"lanes: one after another ({code})"
            else:
                yield f"lanes: side by side, made in {code.seconds * 1e6:.1f} us"
        if not self.codes:
            yield "lanes: side by side where there are many"

    def why_not(self, form: Form) -> str:
        """Why lanes run one after another, or ""."""
        if form not in self.codes:
            try:
                Lowering(self.view, form).program()
            except NotLowered as reason:
                self.codes[form] = str(reason)
        known = self.codes.get(form)
        return known if isinstance(known, str) else ""

    def code(self, form: Form, until: float | None = None) -> Code | None:
        """The code, which is made now; None where there is none.

        Raises:
            Trap: LW2001, it took longer than the deadline.
        """
        if not self.why_not(form) and form not in self.codes:
            self.codes[form] = self._compile(form, until)
        return self.ready(form)

    def ready(self, form: Form) -> Code | None:
        """The code, if there is any."""
        code = self.codes.get(form)
        return code if isinstance(code, Code) else None

    def warm(self, form: Form, seconds: float) -> None:
        """Note that lanes ran so long one after another; code is made aside if that is long."""
        self._heat[form] = self._heat.get(form, 0.0) + seconds
        if self._heat[form] > HOT and form not in self._making and not self.why_not(form):
            thread = threading.Thread(target=self._aside, args=(form,), name=NAME, daemon=True)
            self._making[form] = thread
            start(thread)

    def _aside(self, form: Form) -> None:
        try:
            self.codes[form] = self._compile(form, None)
        except Exception as problem:  # of LLVM, which these lanes do not need
            self.codes[form] = reason = f"it could not be compiled: {problem}"
            self.failed(reason)

    def _compile(self, form: Form, until: float | None) -> Code:
        from lanework.engines.llvm import jit  # brings LLVM
        from lanework.engines.llvm.lanetarget import Target

        begin = time.perf_counter()
        shape = converted(Lowering(self.view, form).program())
        bits = jit.vector_bits()
        target = Target(bits // 64, bits == 512, jit.vector_registers())
        module = text.module(shape, target)
        size = sum(len(block.steps) for block in shape.program.blocks)
        kernel = jit.compile_text(module, text.NAME, size, passes=jit.REGISTERS, until=until)
        return Code(kernel, text.columns(shape.program), time.perf_counter() - begin)

    def run(
        self,
        code: Code,
        bank: RegisterBank,
        seed: int,
        lanes: range,
        given: Sequence[tuple[int, Words]],
        taken: Sequence[tuple[int, Words]],
        meter: Meter,
    ) -> int:
        """Run lanes; the first that did not run to its end, or whose unit did not.

        Args:
            code: what runs them.
            bank: a bank that was set back.
            seed: of the random words.
            lanes: which.
            given: registers, and words for each lane or one for all.
            taken: registers, and where their words go.
            meter: what is used is noted there.

        Raises:
            Trap: LW2001.
        """
        units = -(-len(lanes) // text.UNIT)
        threads = max(1, min(self.threads, units))
        fuels = np.full(units, -1, np.int64)
        most = ENDLESS if meter.left is None else meter.left
        counters = np.array([ENDLESS, 0, most], np.int64)
        table, word = signals.table(), np.array([seed], np.uint64)
        arrays = {f"r{register}": words for register, words in taken}
        for register, words in given:
            arrays[f"column{register}"] = arrays[f"same{register}"] = words
        frame = Frame(text.GIVEN + len(code.columns))
        frame.shape(0, len(lanes), units, 8, threads)
        columns: list[np.ndarray] = [table, fuels, counters, bank.array, word]
        for n, array in enumerate(columns):
            frame.columns[n] = address(array)
        for n, name in enumerate(code.columns, text.GIVEN):
            skipped = 0 if name.startswith("same") else 8 * lanes.start
            frame.columns[n] = address(arrays[name]) + skipped
        frame.dims[text.START] = lanes.start
        work = len(lanes) * (len(self.view.infos) + len(code.columns))
        work = work if meter.until is None else OWN_SHARE  # workers, and a look at the clock
        hold = (self, columns, arrays, bank)
        frame.run(code.kernel, work, threads, hold, until=meter.until, help=LOOPS)
        signals.check(table)
        for register, words in taken:
            if words is not (first := arrays[f"r{register}"]):  # one register, two outputs
                words[lanes.start :] = first[lanes.start :]
        total = np.cumsum(fuels)
        good = np.flatnonzero((fuels < 0) | (total > most))
        done = int(good[0]) if len(good) else units
        if done:
            meter.spend(int(total[done - 1]))
        return lanes.start + min(done * text.UNIT, len(lanes))
