"""The series machine compiled: code for each way of giving the inputs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.runner import notify
from lanework.core.waiting import waited
from lanework.engines.codes import FALL_BACK
from lanework.engines.kernel import UNIT
from lanework.engines.llvm import jit as llvm
from lanework.engines.native import address
from lanework.machines.series.data.binding import Array
from lanework.machines.series.data.shape import Given, Shape
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.native.kernels import (
    CompiledNest,
    LaneLoop,
    Memory,
    llvm_kernel,
    stencil_kernel,
)
from lanework.machines.series.native.lower import Nests, lower, swappable
from lanework.machines.series.native.nests import Lowered
from lanework.machines.series.reference.execute import Executor, Job, locate
from lanework.machines.series.reference.faults import Fault

if TYPE_CHECKING:
    from lanework.machines.series.native.direct import Direct
    from lanework.machines.series.native.standing import Standing

# From how much fuel on LLVM pays, measured on models of 4 to 1,400 steps: for each step of a nest,
# which takes it about 200 microseconds, and to load it in the first place. Of nests that keep rows
# from walk to walk, as derivatives do, stencils lose so many times as much.
WORTH, LOADING, KEEPING = 4_000_000, 5_000_000_000, 3
SWAP_FROM = 64  # periods from which a single lane without recurrences runs time as lanes


@dataclass
class Variant:
    """The compiled nests for one way of giving the inputs.

    Attributes:
        checked: the input ports in which the code looks for NaN.
        loop: how the nest over lanes goes over them.
        engine: where its code is from.
        worth: fuel from which LLVM pays; 0 if there is one engine only.
        spent: fuel of the runs so far.
    """

    nests: Nests
    shared: CompiledNest | None
    lanes: CompiledNest | None
    swap: bool
    checked: frozenset[int]
    loop: LaneLoop
    engine: str
    worth: int
    spent: int = 0


def _worth(nests: Nests) -> int:
    """The fuel from which LLVM pays."""
    loops = [low.nest for low in (nests.shared, nests.lanes) if low is not None]
    worth = sum(nest.size for nest in loops) * WORTH
    if worth and "llvmlite" not in sys.modules:
        worth += LOADING
    return worth // KEEPING if any(nest.saved for nest in loops) else worth


class CompiledExecutor(Executor):
    """Compiles on first use of each variant, then runs it.

    With both engines, small work runs on stencils, whose code is there at once, and moves to LLVM
    when it has become enough to be worth the wait.
    """

    lazy = cached = True

    def __init__(
        self,
        view: SeriesView,
        threads: int,
        lane_width: int | None,
        cache: bool,
        engines: tuple[str, ...] = ("llvm",),
    ) -> None:
        self.view, self.threads, self.lane_width, self.cache = view, threads, lane_width, cache
        self.engines = engines
        self._variants: dict[tuple[Any, ...], Variant] = {}
        self._swappable = swappable(view)
        self._tables = [table.memory() for table in view.tables]

    # Compiling ----------------------------------------------------------------------------------

    def _variant(self, job: Job) -> Variant:
        single = job.lanes == 1 and not any(given.laned for given in job.given)
        swap = self._swappable and single and job.periods >= SWAP_FROM
        ordered = job.order is not None
        one = job.lanes == 1
        many = (job.periods if swap else job.lanes) >= UNIT
        totals = frozenset(p for p, out in zip(job.ports, job.outputs, strict=True) if out.total)
        key = (job.given, job.ports, swap, ordered, one, many, totals)
        variant = self._variants.get(key)
        if variant is None:
            loop = LaneLoop(one and not swap, ordered, many)
            make = partial(self._compile, job, swap, loop, totals)
            variant = make() if job.until is None else waited(make, job.until, llvm.SLOW)
            self._variants[key] = variant
        return variant

    def _compile(self, job: Job, swap: bool, loop: LaneLoop, totals: frozenset[int]) -> Variant:
        start = time.perf_counter()
        nests = lower(self.view, job.given, job.ports, swap=swap, totals=totals)
        worth = _worth(nests) if len(self.engines) > 1 else 0
        engine = self.engines[0] if not worth or job.fuel <= worth else self._large()
        try:
            kernels = self._kernels(nests, engine, loop)
        except Diagnostic as error:
            if not worth or error.code not in FALL_BACK:
                raise
            notify(f"engine 'stencil' cannot run ({error.sentence}), using the next one")
            engine = self.engines[-1]
            kernels = self._kernels(nests, engine, loop)
        job.spent.compiling += time.perf_counter() - start
        rows = [] if nests.lanes is None else nests.lanes.nest.tested
        tested = frozenset(self.view.rows[row].index for row in rows)
        return Variant(nests, *kernels, swap, tested, loop, engine, worth)

    def _kernels(
        self, nests: Nests, engine: str, loop: LaneLoop
    ) -> tuple[CompiledNest | None, CompiledNest | None]:
        shared = self._kernel(nests.shared, engine, LaneLoop(True))
        return shared, self._kernel(nests.lanes, engine, loop)

    def _kernel(self, lowered: Lowered | None, engine: str, loop: LaneLoop) -> CompiledNest | None:
        if lowered is None:
            return None
        if engine == "stencil":
            kernel = stencil_kernel(lowered, loop)
        else:
            kernel = llvm_kernel(lowered, loop, self.lane_width, cache=self.cache)
        self.cached &= kernel.cached
        return CompiledNest(lowered, kernel, self._tables)

    def _large(self) -> str:
        """The engine for large work: stencils, too, where there is no LLVM, with one notice."""
        reason = llvm.why_not()
        if reason is None:
            return self.engines[-1]
        notify(f"engine 'llvm' cannot run ({reason}), staying on stencils")
        return self.engines[0]

    def _tier_up(self, variant: Variant, job: Job) -> None:
        """Move a variant to LLVM if its runs, this one included, are worth compiling it."""
        variant.spent += job.fuel
        if variant.engine != "stencil" or not variant.worth or variant.spent <= variant.worth:
            return
        engine = self._large()
        if engine == variant.engine:
            variant.worth = 0  # not to be tried again
            return
        start = time.perf_counter()
        make = partial(self._kernels, variant.nests, engine, variant.loop)
        kernels = make() if job.until is None else waited(make, job.until, llvm.SLOW)
        variant.shared, variant.lanes = kernels  # each with its frames: runs may overlap
        variant.engine = engine
        job.spent.compiling += time.perf_counter() - start

    # Running ------------------------------------------------------------------------------------

    def run(self, job: Job) -> list[Fault]:
        """Compile the variant if it is new, and run it."""
        variant = self._variant(job)
        self._tier_up(variant, job)
        job.spent.engine = variant.engine
        job.check(self.view, known=variant.checked)
        memory = self._memory(variant, job)
        everywhere: list[int] = []
        suspects: list[int] = []
        periods, lanes = (1, job.periods) if variant.swap else (job.periods, job.lanes)
        if variant.shared is not None:
            fuel = job.fuel // max(job.lanes, 1)
            everywhere = self._run_nest(variant.shared, job, memory, periods, 1, fuel, None)
        if variant.lanes is not None:
            suspects = self._run_nest(
                variant.lanes, job, memory, periods, lanes, job.fuel, job.progress
            )
        job.spent.width = 1 if variant.lanes is None else variant.lanes.kernel.width
        if not everywhere and not suspects:
            return []
        job.check(self.view)
        return locate(self.view, job, None if everywhere or variant.swap else suspects)

    def _memory(self, variant: Variant, job: Job) -> Memory:
        """Inputs, outputs, and rows that one nest makes for the other."""
        memory: Memory = {
            "input": job.arrays,
            "output": dict(zip(job.ports, job.buffers, strict=True)),
        }
        if variant.shared is not None:
            periods = 1 if variant.swap else job.periods
            memory["bridge"] = {
                slot.index: np.zeros(periods if slot.layout == "time" else 1)
                for _, slot in variant.shared.slots["bridge"]
            }
        return memory

    def standing(self, job: Job) -> Standing | None:
        """The job's kernels, each in a frame of its own, to be run again and again."""
        from lanework.machines.series.native.standing import Standing

        variant = self._variant(job)
        job.check(self.view, known=variant.checked)
        memory = self._memory(variant, job)
        periods, lanes = (1, job.periods) if variant.swap else (job.periods, job.lanes)
        beyond: list[Array] = []
        if self.view.horizon is not None:
            beyond += job.buffers
            beyond += dict(memory.get("bridge", {})).values()
        standing = Standing(self.view.inputs, job.outputs, beyond)
        for nest, count in ((variant.shared, 1), (variant.lanes, lanes)):
            if nest is not None:
                standing.add(nest, memory, periods, count)
        return standing

    def _run_nest(
        self,
        nest: CompiledNest,
        job: Job,
        memory: Memory,
        periods: int,
        lanes: int,
        fuel: int,
        progress: Callable[[int, int], None] | None,
    ) -> list[int]:
        frame, cells = nest.frame()
        nest.point(frame, cells, memory, lanes)
        if job.order is not None and lanes > 1:
            frame.dims[3] = address(job.order)
        units = -(-lanes // UNIT)
        threads = max(min(self.threads, units), 1)
        frame.shape(periods, lanes, units, nest.kernel.scratch(periods), threads)
        report = None
        if progress is not None:

            def report(done: int) -> None:
                progress(min(done * UNIT, lanes), lanes)

        start = time.perf_counter()
        hold = (memory, job, nest, cells)  # nest: its tables
        faults = frame.run(nest.kernel, fuel, self.threads, hold, until=job.until, progress=report)
        job.spent.running += time.perf_counter() - start
        nest.keep(frame, cells)
        return faults

    def memory(self, job: Job) -> int:
        """Scratch of all threads, and rows that one nest makes for the other."""
        variant = self._variant(job)
        periods, lanes = (1, job.periods) if variant.swap else (job.periods, job.lanes)
        numbers = 0
        for nest, count in ((variant.shared, 1), (variant.lanes, lanes)):
            if nest is not None:
                threads = max(min(self.threads, -(-count // UNIT)), 1)
                numbers += nest.kernel.scratch(periods) * threads
                numbers += periods * len(nest.slots["bridge"])
        return numbers * 8

    def prepare(
        self, given: tuple[Given, ...], periods: int, ports: tuple[int, ...], stats: dict[str, Any]
    ) -> Direct | None:
        """The short way, if the whole program is in the nest of one lane."""
        from lanework.machines.series.native.direct import Direct

        variant = self._variants.get((given, ports, False, False, True, False, frozenset()))
        if variant is None or variant.shared is None or variant.lanes is not None:
            return None
        view, shape = self.view, Shape.of(self.view, given)
        outputs = {index: view.outputs[index] for index in ports}
        timed = {index: shape.timed[port.row] for index, port in outputs.items()}
        clear = view.horizon is not None
        direct = Direct(variant.shared, view.inputs, outputs, periods, timed, stats, clear=clear)
        if variant.worth and variant.engine == "stencil":
            fuel = max(self.view.fuel * periods, 1)
            calls = 1 + max(variant.worth - variant.spent, 0) // fuel

            def spend() -> None:
                variant.spent += calls * fuel

            direct.limit(calls, spend)
        return direct

    def explain(self) -> list[str]:
        """A line for each nest that was compiled."""
        return [
            f"{nest.kernel.engine}, {name}: {nest.describe()}"
            for variant in self._variants.values()
            for name, nest in (("shared", variant.shared), ("lanes", variant.lanes))
            if nest is not None
        ]
