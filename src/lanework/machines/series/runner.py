"""A series program bound to an engine: call it with inputs, get a result.

The runner decides what does not depend on the engine: how inputs align, in what order lanes
run, how totals over lanes are added up, when a run is refused. Engines fill in arrays.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Advice, Diagnostic, Trap, did_you_mean
from lanework.base.limits import Limits
from lanework.core import runner
from lanework.core.codes import BAD_OPTION, FUEL_SPENT
from lanework.core.data.holding import taking
from lanework.core.data.spelling import spells_number
from lanework.core.data.tables import TableLike
from lanework.core.options import callback, flag, integer, names, refused
from lanework.core.program.program import Port, Program
from lanework.core.resident import look
from lanework.core.waiting import waited
from lanework.engines.llvm import jit as llvm
from lanework.engines.vector import loader as stencils
from lanework.machines.series.audit.result import SeriesResult
from lanework.machines.series.codes import NO_PERIODS, UNKNOWN_OUTPUT
from lanework.machines.series.data.binding import Bound, bind
from lanework.machines.series.data.labels import check_named
from lanework.machines.series.data.lanes import Output, lane_order, wanted_outputs
from lanework.machines.series.data.outputs import ABSENT, labels_of, names_of_periods
from lanework.machines.series.data.shape import Given, Shape
from lanework.machines.series.data.slopes import slopes_of
from lanework.machines.series.language.calendar import MAX_PERIODS
from lanework.machines.series.language.expression import spelt
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.reference.execute import Executor, Job, ReferenceExecutor
from lanework.machines.series.reference.faults import Where, diagnosed

if TYPE_CHECKING:
    from lanework.machines.series.native.direct import Direct
    from lanework.machines.series.native.standing import Standing

ENGINES = ("llvm", "stencil", "reference")
LARGE = 1 << 28  # bytes from which memory that is touched first would let Ctrl-C wait
WIDTHS = (1, 2, 4, 8, 16)
SHORT = 300_000  # fuel up to which a run is over before anyone could want to stop it


class Runner(runner.Runner):
    """A program ready to run.

    Example:
        >>> import lanework as lw
        >>> model = lw.series.Model("growth", periods=3)
        >>> _ = model.input("rate")
        >>> _ = model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
        >>> runner = model.compile(outputs=["value"]).bind()
        >>> runner(rate=0.5)["value"].tolist()
        [150.0, 225.0, 337.5]
    """

    ENGINES = ENGINES
    program: Program

    def __init__(
        self,
        program: Program,
        engine: str = "auto",
        limits: Limits | None = None,
        *,
        threads: int | None = None,
        lane_width: int | None = None,
        periods: int | None = None,
        outputs: Iterable[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
        cache: bool = True,
    ) -> None:
        """Bind a program.

        Args:
            program: a verified series program.
            engine: `auto`, `llvm`, `stencil` or `reference`. `auto` runs small work on stencils,
                whose code is there at once, and compiles with LLVM what is worth it.
            limits: fuel, memory, deadline and threads.
            threads: at most so many threads; by default one a core.
            lane_width: lanes in a SIMD block (1, 2, 4, 8 or 16); the results do not depend on it.
            periods: how many periods to run, if not the model's own number.
            outputs: the outputs to compute; by default all.
            progress: called with lanes done and lanes in all, on long runs; by another thread
                where there is a deadline.
            cache: whether compiled code is kept on disk.

        Raises:
            Diagnostic: LW2003, LW2004, LW2005, an unknown output, a program that fails to verify.
        """
        super().__init__(program, limits, threads)
        self.view = SeriesView.of(program)
        if lane_width is not None:
            lane_width = integer("lane_width", lane_width)
            if lane_width not in WIDTHS:
                raise refused("lane_width", lane_width, f"choose one of {WIDTHS}")
        if periods is not None:
            periods = integer("periods", periods, 0, MAX_PERIODS)
        cache = flag("cache", cache)
        self._lane_width = lane_width
        self._settle(engine)
        self.periods = periods if periods is not None else (self.view.periods or None)
        self.progress = callback("progress", progress)
        self.ports = self.view.inputs
        self.wanted = self._wanted(outputs)
        self._executor = self._make_executor(cache)
        self.coords = labels_of(program, self.periods)
        self._calendar = names_of_periods(program)
        self._direct: list[Direct] = []
        named = str(program.header.get("named", "")).split(",")
        self._named = [
            port
            for port in self.ports
            if port.name in named or any(map(spells_number, port.categories))
        ]
        self._unused = self.view.unused
        self.slopes = slopes_of(program.header)

    @runner.Options(__init__)
    def _options(self) -> None:
        """What `Program.bind` takes."""

    def _choose(self, engine: str) -> tuple[str, str]:
        """`auto` stays as it is where stencils can begin the work."""
        if engine != "auto" or self._lane_width is not None:
            return super()._choose(engine)
        reason = self._unsuited("stencil")
        if reason is None:
            return engine, ""
        chosen, notice = super()._choose(engine)
        if chosen == "llvm" and stencils.level() is not None:  # a table is damaged or stale
            notice = f"engine 'stencil' cannot run ({reason}), using the next one"
        return chosen, notice

    def _unsuited(self, engine: str) -> str | None:
        if engine == "stencil":
            return stencils.why_not()
        return llvm.why_not() if engine == "llvm" else None

    def _make_executor(self, cache: bool) -> Executor:
        if self.engine == "reference":
            return ReferenceExecutor(self.view)
        from lanework.machines.series.native.compiled import CompiledExecutor

        if self.engine == "stencil" and self._lane_width is not None:
            raise Diagnostic(
                BAD_OPTION,
                "the engine stencil has a lane width of its own",
                help="leave lane_width out, or bind to the engine llvm",
            )
        engines = ("stencil", "llvm") if self.engine == "auto" else (self.engine,)
        return CompiledExecutor(self.view, self.threads, self._lane_width, cache, engines)

    def _wanted(self, outputs: Iterable[str] | None) -> tuple[int, ...]:
        known = [port.name for port in self.view.outputs]
        if outputs is None:
            return tuple(range(len(known)))
        chosen = []
        for name in names("outputs", outputs):
            if name not in known:
                near = did_you_mean(str(name), known) or f"outputs are: {', '.join(known)}"
                raise Diagnostic(
                    UNKNOWN_OUTPUT,
                    f"the program has no output {name!r}",
                    help=self.view.output_of(str(name)) or near,
                )
            chosen.append(known.index(name))
        return tuple(dict.fromkeys(chosen))

    def __call__(self, table: TableLike | None = None, /, **inputs: Any) -> SeriesResult:
        """Run the program.

        Args:
            table: inputs as columns, whose rows are along the axis that these inputs declare, or
                over lanes: a DataFrame, an Arrow table, a mapping.
            **inputs: for each input port a number, an array, a labelled array
                (`lanework.series.along`), a pandas or polars Series, an xarray DataArray.

        Returns:
            The outputs: float64, axes ``(time, lane axes...)`` without those summed over.

        Raises:
            Diagnostic: inputs that do not fit; a lookup outside its table; memory over its cap.
            Trap: fuel or deadline.
        """
        if table is not None:
            from lanework.machines.series.data.tableinputs import table_inputs

            if isinstance(table, np.ndarray):  # records hold what frames hold, and no positions
                for port in self._named:
                    if port.name in (table.dtype.names or ()):
                        check_named(port, table[port.name].tolist())
            return self.run_within(self.limits, table_inputs(table, self.view, inputs))
        return self.run_within(self.limits, inputs)

    def run_within(self, limits: Limits, inputs: Mapping[str, Any]) -> SeriesResult:
        """A call with limits of its own; with a deadline, a thread of its own does it."""
        until = limits.until()
        answer = partial(self._answer, limits, inputs, until)
        return answer() if until is None else waited(answer, until, runner.FEWER, stops=True)

    def _answer(
        self, limits: Limits, inputs: Mapping[str, Any], until: float | None
    ) -> SeriesResult:
        if not all(map(str.isascii, inputs)):
            inputs = {spelt(name): value for name, value in inputs.items()}
        for port in self._named:
            check_named(port, inputs.get(port.name))
        origin = self.program, inputs
        if self._unused:  # of the model, but not of the outputs that were compiled
            inputs = {name: inputs[name] for name in inputs if name not in self._unused}
        limited = limits.fuel is not None or until is not None
        try:  # the prepared call, unless another thread is in it
            direct = None if limited else self._direct.pop()
        except IndexError:
            direct = None
        if direct is not None and direct.spent():
            direct = None
        if direct is not None:
            result = direct(inputs, self.coords, origin)
            self._direct.append(direct)
            if result is not None:
                return result
        start = time.perf_counter()
        lazy = self._executor.lazy
        with taking(limits, inputs):
            bound = self._bound(inputs, lazy=lazy)
        outputs, stats = self._run(bound, limits, until)
        stats["run_seconds"] = time.perf_counter() - start - stats["compile_seconds"]
        plain = not bound.axes and all(output.plain for output in outputs.values())
        if not limited and direct is None and plain and stats["fuel"] < SHORT:
            stated = {**stats, "compile_seconds": 0.0}
            short = self._executor.prepare(bound.given, bound.periods, self.wanted, stated)
            self._direct = [short] if short is not None else self._direct
        coords = self.coords or labels_of(self.program, bound.periods)
        coords = {**bound.coords, **coords}
        return self._result(outputs, stats=stats, coords=coords).of(*origin)

    def stream(
        self,
        blocks: Iterable[TableLike],
        axis: str = "point",
        sink: Callable[[SeriesResult], None] | None = None,
        **inputs: Any,
    ) -> SeriesResult:
        """Run block after block of lanes in bounded memory.

        Args:
            blocks: tables along `axis`, each with columns for input ports by name: mappings,
                frames, Arrow tables, from a list or from anything that makes one after another.
            axis: the lane axis that the blocks are pieces of.
            sink: gets each block's result; without one, outputs along `axis` are refused.
            **inputs: the inputs that are the same in every block.

        Returns:
            The outputs summed over `axis`, added up over all blocks in order, and those that do
            not depend on it. Fuel and deadline are limits of all blocks together.

        Raises:
            Diagnostic: LW2005 for outputs that would not be kept, or an input over another axis.
        """
        from lanework.machines.series.data.streaming import stream

        return stream(self, blocks, axis, sink, inputs)

    def _bound(self, inputs: Mapping[str, Any], *, lazy: bool = False) -> Bound:
        """Inputs as they are run; see `bind`."""
        return bind(self.ports, self.periods, inputs, self._calendar, lazy=lazy, view=self.view)

    def varies(self, port: Port, given: tuple[Given, ...]) -> bool:
        """Whether an output depends on the lane when the inputs are given like this."""
        return Shape.of(self.view, given).output_varies(port.row)

    def _details(self) -> list[str]:
        return [f"threads: {self.threads}", *self.program.notes, *self._executor.explain()]

    # Running ------------------------------------------------------------------------------------

    def _run(
        self, bound: Bound, limits: Limits, until: float | None
    ) -> tuple[dict[str, Output], dict[str, Any]]:
        if bound.periods < 1:
            raise Diagnostic(
                NO_PERIODS,
                f"the run has {bound.periods} periods",
                help=Advice(
                    "give at least one: program.bind(periods=12), or an input over time",
                    typed="give at least one: --periods 12, or an input over time",
                ),
            )
        if bound.periods <= self.view.latest and self.program.listing:  # of a model
            raise Diagnostic(
                NO_PERIODS,
                f"the run has {bound.periods} periods, and the program reads period"
                f" {self.view.latest}, counted from 0",
                help="run more periods, or take an earlier one: at(x, period), last(x)",
            )
        fuel = self.view.fuel * bound.periods * bound.lanes * bound.repeats
        if limits.fuel is not None and fuel > limits.fuel:
            raise Trap(
                FUEL_SPENT,
                f"the run needs {fuel:,} fuel and may use {limits.fuel:,}",
                help="raise the fuel limit, or run fewer lanes or periods",
                instruction=0,
            )
        job = self._job(bound, until)
        outputs = job.outputs
        needed = sum(output.bytes for output in outputs) + self._executor.memory(job)
        limits.check_memory(needed, f"{bound.lanes * bound.repeats:,} lanes")
        look(needed)
        for output in outputs:
            output.allocate()
        for place in itertools.product(*(range(bound.sizes[axis]) for axis in bound.outer)):
            repeat = dict(zip(bound.outer, place, strict=True))
            job.buffers = buffers = [output.buffer(repeat) for output in outputs]
            if place:
                job.arrays = [bound.slice(port, place) for port in range(len(self.ports))]
            run = partial(self._executor.run, job)
            aside = until is None and needed > LARGE
            faults = waited(run, None, runner.FEWER, stops=True) if aside else run()
            if faults:
                coords = {**bound.coords, **(self.coords or labels_of(self.program, bound.periods))}
                where = Where(bound.periods, bound.inner, repeat, coords)
                raise diagnosed(self.view, self.program.listing, faults, where)
            for output, buffer in zip(outputs, buffers, strict=True):
                output.collect(buffer, repeat)
        stats = {
            "engine": job.spent.engine,
            "lanes": bound.lanes * bound.repeats,
            "periods": bound.periods,
            "threads": self.threads,
            "lane_width": job.spent.width,
            "compile_seconds": job.spent.compiling,
            "code_seconds": job.spent.running,
            "cached": self._executor.cached,
            "fuel": fuel,
            "notice": self.notice,
        }
        return {output.port.name: output for output in outputs}, stats

    def _job(self, bound: Bound, until: float | None) -> Job:
        return Job(
            arrays=bound.arrays,
            given=bound.given,
            periods=bound.periods,
            lanes=bound.lanes,
            order=lane_order(self.view, bound),
            outputs=self.outputs_of(bound),
            buffers=[],
            ports=self.wanted,
            fuel=self.view.fuel * bound.periods * bound.lanes,
            until=until,
            progress=None if bound.outer else self.progress,
            unchecked=bound.unchecked,
        )

    def _is_short(self, lanes: int) -> bool:
        """Whether a run of so many lanes is over before anyone could want to stop it."""
        return self.view.fuel * (self.periods or 0) * lanes <= SHORT

    def standing(self, inputs: Mapping[str, Any]) -> Standing | None:
        """A short run of these inputs that native code may do again and again, or None.

        Raises:
            Diagnostic: as a call.
        """
        bound = self._bound(inputs, lazy=self._executor.lazy)
        job = self._job(bound, None)
        direct = all(output.direct for output in job.outputs)
        if not self._is_short(bound.lanes) or job.order is not None or bound.outer or not direct:
            return None
        for output in job.outputs:
            output.allocate()
        job.buffers = [output.buffer({}) for output in job.outputs]
        return self._executor.standing(job)

    def outputs_of(self, bound: Bound) -> list[Output]:
        """The outputs that are wanted, with these inputs; not allocated."""
        return wanted_outputs(self.view, bound, self.wanted, self.slopes)

    def _result(self, outputs: dict[str, Output], **about: Any) -> SeriesResult:
        answers = {name: output.answer() for name, output in outputs.items()}
        return SeriesResult(
            {name: value for name, (value, _) in answers.items()},
            axes={name: axes for name, (_, axes) in answers.items()},
            units={name: output.port.unit for name, output in outputs.items()},
            kinds={name: output.port.kind for name, output in outputs.items()},
            absent=ABSENT,
            **about,
        )
