"""The series machine on LLVM: a compiled variant for each way of giving the inputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.engines import llvm
from lanework.engines.llvm_nest import checked, nest_module, scratch_size
from lanework.engines.loops import UNIT
from lanework.engines.native import Frame, address
from lanework.machines.series.binding import Array
from lanework.machines.series.execute import Job
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.locate import locate
from lanework.machines.series.lower import Given, Lowered, Plan, lower, swappable
from lanework.machines.series.scan import Fault

if TYPE_CHECKING:
    from lanework.core.program import Port
    from lanework.machines.series.direct import Direct

SWAP_FROM = 64  # periods from which a single lane without recurrences runs time as lanes


@dataclass
class Part:
    """A nest, its code, and frames that wait for the next call."""

    lowered: Lowered
    width: int
    kernel: llvm.Kernel
    tables: list[Array]
    frames: list[tuple[Frame, Array]] = field(default_factory=list)

    def frame(self) -> tuple[Frame, Array]:
        """A frame nobody else uses, with a cell for each slot that holds one number."""
        try:
            return self.frames.pop()  # atomic: two threads never get the same one
        except IndexError:
            slots = self.lowered.slots
            frame = Frame(len(slots))
            cells = np.zeros(len(slots))
            base = address(cells)
            for number, slot in enumerate(slots):
                frame.columns[number] = base + 8 * number
                if slot.kind == "table":
                    frame.columns[number] = address(self.tables[slot.index])
            return frame, cells


@dataclass
class Variant:
    """The compiled nests for one way of giving the inputs.

    Attributes:
        checked: the input ports in which the code looks for NaN.
    """

    plan: Plan
    shared: Part | None
    lanes: Part | None
    swap: bool
    checked: frozenset[int]


class LLVMExecutor:
    """Compiles on first use of each variant, then runs it."""

    def __init__(self, view: SeriesView, threads: int, lane_width: int | None, cache: bool) -> None:
        self.view, self.threads, self.lane_width, self.cache = view, threads, lane_width, cache
        self.lazy = True
        self.width_used = 0
        self.compile_seconds = 0.0
        self.code_seconds = 0.0
        self.cached = True
        self._variants: dict[tuple[Any, ...], Variant] = {}
        self._swappable = swappable(view)
        self._tables = [table.memory() for table in view.tables]

    # Compiling ----------------------------------------------------------------------------------

    def _variant(self, job: Job) -> Variant:
        single = job.lanes == 1 and not any(given.laned for given in job.given)
        swap = self._swappable and single and job.periods >= SWAP_FROM
        ordered = job.order is not None
        one = job.lanes == 1
        many = job.lanes >= UNIT
        totals = frozenset(p for p, out in zip(job.ports, job.outputs, strict=True) if out.total)
        key = (job.given, job.ports, swap, ordered, one, many, totals)
        variant = self._variants.get(key)
        if variant is None:
            variant = self._variants[key] = self._compile(job, swap, ordered, one, many, totals)
        return variant

    def _compile(
        self,
        job: Job,
        swap: bool,
        ordered: bool,
        one: bool,
        many: bool,
        totals: frozenset[int],
    ) -> Variant:
        start = time.perf_counter()
        plan = lower(self.view, job.given, job.ports, swap=swap, totals=totals)
        wide = self.lane_width or default_width()
        width = 1 if one and not swap else wide
        shared = self._part(plan.shared, 1, False, False)
        lanes = self._part(plan.lanes, width, ordered, many)
        self.compile_seconds += time.perf_counter() - start
        rows = [] if lanes is None else checked(lanes.lowered.nest)
        tested = frozenset(self.view.rows[row].index for row in rows)
        return Variant(plan, shared, lanes, swap, tested)

    def _part(self, lowered: Lowered | None, width: int, ordered: bool, many: bool) -> Part | None:
        if lowered is None:
            return None
        text = nest_module(lowered.nest, width, "lanework_nest", ordered=ordered, many=many)
        kernel = llvm.compile_text(text, "lanework_nest", lowered.nest.size, disk=self.cache)
        self.cached &= kernel.cached
        return Part(lowered, width, kernel, self._tables)

    # Running ------------------------------------------------------------------------------------

    def run(self, job: Job) -> list[Fault]:
        """Compile the variant if it is new, and run it."""
        variant = self._variant(job)
        job.check(self.view, known=variant.checked)
        buffers = dict(zip(job.ports, job.buffers, strict=True))
        bridges: dict[int, Array] = {}
        everywhere: list[int] = []
        suspects: list[int] = []
        periods, lanes = (1, job.periods) if variant.swap else (job.periods, job.lanes)
        if variant.shared is not None:
            everywhere = self._run_part(
                variant.shared, job, buffers, bridges, periods, 1, self._fuel(job, 1), None
            )
        if variant.lanes is not None:
            self.width_used = variant.lanes.width
            suspects = self._run_part(
                variant.lanes, job, buffers, bridges, periods, lanes, job.fuel, job.progress
            )
        else:
            self.width_used = 1
        if not everywhere and not suspects:
            return []
        job.check(self.view)
        return locate(self.view, job, None if everywhere or variant.swap else suspects)

    @staticmethod
    def _fuel(job: Job, lanes: int) -> int:
        return job.fuel // max(job.lanes, 1) * lanes

    def _run_part(
        self,
        part: Part,
        job: Job,
        buffers: dict[int, Array],
        bridges: dict[int, Array],
        periods: int,
        lanes: int,
        fuel: int,
        progress: Callable[[int, int], None] | None,
    ) -> list[int]:
        frame, cells = part.frame()
        columns, dims = frame.columns, frame.dims
        hold = []  # arrays made here must outlive the call
        for number, slot in enumerate(part.lowered.slots):
            kind = slot.kind
            if kind == "input":
                value = job.arrays[slot.index]
                if type(value) is float:
                    cells[number] = value
                else:
                    columns[number] = address(value)
                    if slot.layout == "both":
                        dims[4 + number] = value.strides[0] // 8
            elif kind == "output":
                buffer = buffers[slot.index]
                columns[number] = address(buffer)
                if buffer.ndim == 2:
                    dims[4 + number] = buffer.strides[0] // 8
            elif kind == "bridge":
                memory = bridges.get(slot.index)
                if memory is None:
                    memory = bridges[slot.index] = np.zeros(periods if slot.layout == "time" else 1)
                columns[number] = address(memory)
            elif kind == "periods":
                index = np.arange(float(lanes))
                hold.append(index)
                columns[number] = address(index)
        if job.order is not None and lanes > 1:
            dims[3] = address(job.order)
        units = -(-lanes // UNIT)
        frame.shape(
            periods,
            lanes,
            units,
            scratch_size(part.lowered.nest, periods, part.width),
            max(min(self.threads, units), 1),
        )
        report = None
        if progress is not None:

            def report(done: int) -> None:
                progress(min(done * UNIT, lanes), lanes)

        start = time.perf_counter()
        faults = frame.run(part.kernel, fuel, self.threads, until=job.until, progress=report)
        self.code_seconds += time.perf_counter() - start
        part.frames.append((frame, cells))
        return faults

    def memory(self, job: Job) -> int:
        """Scratch of all threads, and rows that one nest makes for the other."""
        variant = self._variant(job)
        periods, lanes = (1, job.periods) if variant.swap else (job.periods, job.lanes)
        numbers = 0
        for part, count in ((variant.shared, 1), (variant.lanes, lanes)):
            if part is not None:
                threads = max(min(self.threads, -(-count // UNIT)), 1)
                numbers += scratch_size(part.lowered.nest, periods, part.width) * threads
                numbers += sum(periods for slot in part.lowered.slots if slot.kind == "bridge")
        return numbers * 8

    def prepare(
        self,
        given: tuple[Given, ...],
        periods: int,
        outputs: Mapping[int, Port],
        timed: Mapping[int, bool],
        stats: dict[str, Any],
    ) -> Direct | None:
        """The short way, if the whole program is in the nest of one lane."""
        from lanework.machines.series.direct import Direct

        variant = self._variants.get(
            (given, tuple(outputs), False, False, True, False, frozenset())
        )
        if variant is None or variant.shared is None or variant.lanes is not None:
            return None
        clear = self.view.horizon is not None
        ports = self.view.inputs
        return Direct(variant.shared, ports, outputs, periods, timed, stats, clear=clear)

    def explain(self) -> list[str]:
        """A line for each nest that was compiled."""
        lines = []
        for variant in self._variants.values():
            for name, part in (("shared", variant.shared), ("lanes", variant.lanes)):
                if part is not None:
                    nest = part.lowered.nest
                    walks = [s.direction for s in nest.stages if s.direction]
                    lines.append(
                        f"llvm, {name}: {nest.size} steps at width {part.width},"
                        f" {len(walks)} walks over time, {len(nest.saved)} rows kept,"
                        f" {'from the cache' if part.kernel.cached else 'compiled'}"
                        f" in {part.kernel.seconds * 1e3:.1f} ms"
                    )
        return lines


def default_width() -> int:
    """Lanes in a block: two SIMD registers of f64, which hides the latency of arithmetic."""
    return max(2, llvm.vector_bits() // 32)
