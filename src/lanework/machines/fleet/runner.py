"""Runs fleet programs: inputs into shared memory, phases on an engine, shared memory out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Unpack

import numpy as np

from lanework.base.errors import Diagnostic, LaneworkError
from lanework.base.limits import Limits
from lanework.core import options, runner
from lanework.core.data.holding import taking
from lanework.core.data.tables import TableLike, inputs_of
from lanework.core.program.program import Program
from lanework.core.resident import look
from lanework.core.result.result import Result
from lanework.core.waiting import waited
from lanework.engines.codes import DEVICE_LOST
from lanework.engines.gpu import device as gpu
from lanework.engines.gpu.adapters import hardware
from lanework.machines.fleet.codes import BAD_SETTING, PUSHED_ASIDE
from lanework.machines.fleet.engine import Changes, Engine, Settings
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.runtime import choice as engines
from lanework.machines.fleet.runtime.binding import Bound, bind, bind_inputs, outputs
from lanework.machines.fleet.runtime.debugging import Debugger
from lanework.machines.fleet.runtime.losses import tell
from lanework.machines.fleet.runtime.memory import Memories
from lanework.machines.fleet.runtime.scheduler import LARGE, Desk, Runtime, caller
from lanework.machines.fleet.runtime.settings import check_adapter, checked, wanted
from lanework.machines.fleet.runtime.watching import Epoch, watch
from lanework.machines.fleet.state import Spans, VMState, Words


class Runner(runner.Runner):
    """A fleet program on an engine.

    Threads may call one runner: they have it one after another, and a deadline holds while they
    wait. A run with a deadline, and one of very many VMs, is done by a thread of its own, which
    calls `progress` too. `vms`, `shared`, `epochs` and `debug` show the run of their own thread, or
    say that another one has begun.
    """

    ENGINES = engines.ENGINES
    SETTINGS = tuple(Settings.__dataclass_fields__)
    program: Program

    def __init__(
        self,
        program: Program,
        engine: str = "auto",
        limits: Limits | None = None,
        *,
        epochs: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        outputs: Iterable[str] | None = None,
        **settings: Unpack[Changes],
    ) -> None:
        """Bind a program to an engine.

        Args:
            program: the program.
            engine: `reference` (NumPy), `llvm` (whole phases as SIMD code), `wgsl` (whole phases
                as shaders on a GPU), `epoch` (five kernels on a GPU), or `auto`: `llvm`, or
                where an adapter is named `wgsl`, if it runs all phases, and else `epoch`.
            limits: fuel (instructions of all VMs), memory, deadline.
            epochs: stop after so many.
            progress: called with the steps of the schedule that have begun, and how many there are.
            outputs: those that results have; by default all. Without `shared` among them inputs
                that nothing writes are not copied, and once a call has ended nobody looks at its
                VMs and at shared memory.
            **settings: the fields of `engine.Settings`: seed, layout, format, threshold, compose,
                storage, io, bounds, conflicts, arithmetic, patience, on_fault, sort, general,
                adapter.

        Raises:
            Diagnostic: LW2003, LW2201, LW6011, LW6012, a program that fails to verify, and memory
                beyond the cap.
        """
        super().__init__(program, limits)
        self.view = FleetView.of(program)
        if epochs is not None:
            epochs = options.integer("epochs", epochs, 0, code=BAD_SETTING)
        self.epochs_limit = epochs
        self.progress = options.callback("progress", progress, BAD_SETTING)
        self.settings = checked(settings)
        if self.settings.storage == "f16":
            from lanework.machines.fleet.analysis.precision import refuse

            refuse(self.view)
        self.wanted = wanted(program, outputs)
        self._keeps_all = outputs is None or "shared" in self.wanted
        self._asked = engine
        self._settle(engine)
        check_adapter(self.settings, self.engine)
        needed = engines.estimate(self.engine, self.view, self.settings)
        self.limits.check_memory(
            needed,
            f"{self.view.slots:,} VMs and {self.view.shared:,} words of shared memory",
            help="launch fewer VMs, several times over, or raise the memory cap",
        )
        if self.engine == "reference":  # of a GPU, much is elsewhere
            look(needed)
        self._executor: Engine | None = None
        self._memories = Memories(self.view.shared)
        self._desk = Desk(engines.lock(self.engine), large=self.view.slots >= LARGE)
        self._thread = 0  # of the last run
        self._given_away = False  # what it has worked on

    @runner.Options(__init__)
    def _options(self) -> None:
        """What `Program.bind` takes."""

    def _choose(self, engine: str) -> tuple[str, str]:
        """A name is taken as it is: whoever asks for it hears which adapter is missing.

        With `auto` a GPU in software is taken only where it is named.
        """
        if engine != "auto":
            return engine, ""
        if self.settings.adapter:
            return super()._choose(engines.on_a_card(self.view, self.settings))
        if find_spec("llvmlite") is not None:  # which is imported when something is compiled
            return "llvm", ""
        if hardware():
            return engines.on_a_card(self.view, self.settings), ""
        return "reference", ""

    def _unsuited(self, engine: str) -> str | None:
        if engine in engines.GRAPHICS:
            return gpu.why_not(self.settings.adapter)
        if engine == "llvm":
            from lanework.engines.llvm import jit

            return jit.why_not()
        return None

    def __call__(self, table: TableLike | None = None, /, **inputs: Any) -> Result:
        """Run the program.

        Args:
            table: inputs as columns: a DataFrame, an Arrow table, a mapping.
            **inputs: arrays by port: the names of buffers, each with as many numbers as it has
                words (fewer if it is padded), of any shape; or `shared`, from word 0 on. Stored
                exactly, as float32 or as the dtype that the buffer declares. All else begins as
                zeros.

        Returns:
            The output ports, float32 or of the dtype that is declared. One that was given comes
            back in its shape, others have one axis; `shared` is all of shared memory. Labels of
            inputs are those of all outputs of as many words, or of that shape. `stats` has
            engine, adapter, epochs, instructions, by_kernel, reads_outside, writes_outside,
            conflicts (words that several VMs wrote in one epoch; None where `io` is fast on a
            GPU), mixed (floats that were put into buffers of integers, and integers into buffers
            of floats, as far as that is known), stalled (whole numbers that were
            added to a float to no effect), unborn (VMs for which there was no place), faults,
            steps, ended, run_seconds, notice.

        Raises:
            Diagnostic: LW6010.
            Trap: LW6020 to LW6028 for what VMs ran into, LW2001, LW2002 for deadline and fuel.

        Warns:
            LossNotice: updates were lost, counters stuck, words of another kind or outside; once.
        """
        until = self.limits.until()
        result = self._desk.work(lambda: self._call(table, inputs, until), until)
        tell(result.stats)
        return result

    def _call(self, table: TableLike | None, inputs: dict[str, Any], until: float | None) -> Result:
        given = inputs_of(table, inputs, (port.name for port in self.program.inputs))
        with taking(self.limits, given):
            ahead, lends = self.engine in engines.AHEAD, frozenset[str]()
            overwritten: Spans = ()
            # the ranges of half precision are looked at in memory
            if ahead and not self._keeps_all and self.settings.storage != "f16":
                engine = self._ready(until)
                lends = getattr(engine, "lends", lends)
                if (until, self.limits.fuel, self.epochs_limit, self.progress) == (None,) * 4:
                    overwritten = getattr(engine, "overwrites", ())
            bound = bind(self.program, given, self._memories if ahead else None, lends, overwritten)
        words = bound.lent.words
        if self.settings.storage == "f16":
            from lanework.machines.fleet.analysis.precision import check

            check(self.view, words.view(np.float32))
        start = time.perf_counter()
        try:
            runtime = self._run(bound, until)
        except LaneworkError as problem:
            if problem.code is not DEVICE_LOST or self._asked != "auto":
                raise
            self.close()
            lost = f"the graphics device was lost ({problem.sentence})"
            self._fall_back("reference", f"{lost}, running on the reference")
            with taking(self.limits, given):
                bound = bind(self.program, given)  # a phase may have written to the other
            runtime = self._run(bound, until)
        return self._result(runtime, bound, time.perf_counter() - start)

    def _run(self, bound: Bound, until: float | None) -> Runtime:
        runtime = self._begun(bound.lent.words, until, bound.blank)
        engine: Any = runtime.engine
        if bound.apart:
            engine.lent = bound.apart
        try:
            runtime.run(self.epochs_limit)
        finally:
            if not runtime.cursor.ended and self._desk.run is runtime:
                bound.clear()
                if bound.apart:
                    engine.complete()  # whoever looks at it sees what was given
        if bound.apart:
            engine.lent = {}
        return runtime

    def runtime(self, words: Words) -> Runtime:
        """The program on its engine, before its first phase.

        Args:
            words: shared memory.
        """
        until = self.limits.until()
        return self._desk.work(lambda: self._begun(words, until), until)

    def _begun(self, words: Words, until: float | None, blank: Spans = ()) -> Runtime:
        engine = self._ready(until)
        runtime = Runtime(engine, self.view, self.limits, self.progress, desk=self._desk)
        self._thread, self._given_away = caller(), False
        runtime.begin(words, until, blank)
        return runtime

    def _ready(self, until: float | None) -> Engine:
        """The engine; at first its kernels are compiled, which no deadline has to wait for."""
        name = self.engine

        def make() -> Engine:
            with engines.MAKING:
                known = self._executor
                if known is None:
                    known = engines.make(
                        name, self.view, self.settings, self.threads, asked=self._asked != "auto"
                    )
                    if name == self.engine:
                        self._executor = known
                return known

        if self._executor is not None or name == "reference" or until is None:
            return make()
        return waited(make, until, "raise the deadline: a first run compiles the kernels")

    def _result(self, runtime: Runtime, bound: Bound, seconds: float) -> Result:
        counts, engine, shapes = runtime.counts, runtime.engine, bound.shapes
        out = sum(each.size for each in self.view.buffers if "out" in each.direction)
        # where the engine has worked on it as it is given, nobody else has it now
        lent = bound.lent if getattr(engine, "words", None) is bound.lent.words else None
        look(4 * (self.view.shared * (lent is None) + out))  # a copy of all, and of each output
        apart = sum(map(len, bound.apart.values()))
        values = outputs(self.program, engine.peek, shapes, self.wanted, lent, apart)
        self._given_away = lent is not None and not self._keeps_all
        stats = {
            "engine": self.engine,
            "adapter": getattr(engine, "adapter", ""),
            "epochs": counts.epochs,
            "instructions": counts.executed,
            "by_kernel": {kernel.name.lower(): counts.by_kernel[kernel] for kernel in Kernel},
            "reads_outside": counts.reads_outside,
            "writes_outside": counts.writes_outside,
            "conflicts": counts.conflicts if self._counts_conflicts else None,
            "stalled": counts.stalled,
            "mixed": counts.mixed,
            "unborn": counts.unborn,
            "faults": counts.faults,
            "steps": runtime.cursor.step,
            "ended": runtime.cursor.ended,
            "vms": self.view.slots,
            "run_seconds": seconds,
            "notice": self.notice,
        }
        axes = {
            port.name: tuple(f"{port.name}_{n}" for n in range(len(shapes[port.name])))
            if port.name in shapes
            else port.axes
            for port in self.program.outputs
            if port.name in values
        }
        known = {
            axis: labels
            for name, value in values.items()
            for axis, labels in zip(axes[name], bound.labels.get(value.shape, ()), strict=False)
        }
        coords = {axis: labels for axis, (labels, _) in known.items()}
        levels = {axis: levels for axis, (_, levels) in known.items()}
        left = len(values) < len(self.program.outputs)
        absent = "name it among the outputs that the runner is bound with" * left
        about: dict[str, Any] = {"stats": stats, "levels": levels, "absent": absent}
        return Result(values, axes=axes, coords=coords, **about)

    @property
    def _counts_conflicts(self) -> bool:
        return self.engine == "reference" or self.settings.io == "ordered"

    @property
    def vms(self) -> VMState:
        """All VMs as this thread's last run left them, after a trap too.

        Raises:
            Diagnostic: LW6011, nothing has run yet; LW6031, another thread has run since.
        """
        with self._desk.lock:
            return self._last().vms()

    @property
    def shared(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Shared memory as this thread's last run left it, after a trap too; float32.

        Raises:
            Diagnostic: LW6011, nothing has run yet; LW6031, another thread has run since.
        """
        with self._desk.lock:
            return self._last().shared().view(np.float32)

    def _last(self) -> Engine:
        if self._executor is None:
            raise Diagnostic(BAD_SETTING, "nothing has run yet", help="call the runner first")
        if self._given_away:
            raise Diagnostic(
                BAD_SETTING,
                "what this runner has worked on is its result's, for it keeps no shared memory",
                help="bind a runner whose outputs have 'shared' among them",
            )
        if self._thread != threading.get_ident():
            raise Diagnostic(
                PUSHED_ASIDE,
                "another thread has run this runner since",
                help="look at the result of the call, or bind a runner for each thread",
            )
        return self._executor

    def epochs(self, **inputs: Any) -> Iterator[Epoch]:
        """Run the program an epoch at a time, and look at each.

        Args:
            **inputs: as for a call.

        Yields:
            What there is after each epoch.

        Raises:
            Diagnostic: LW0101, LW6010, before the first.
        """
        return self._epochs(self.runtime(self._words(inputs)))

    def _epochs(self, runtime: Runtime) -> Iterator[Epoch]:
        yield from watch(runtime, self.epochs_limit)
        tell(vars(runtime.counts))

    def debug(self, **inputs: Any) -> Debugger:
        """Stop the program before its first epoch, to go on by hand; see `Debugger`.

        Args:
            **inputs: as for a call.

        Raises:
            Diagnostic: LW0101, LW6010.
        """
        return Debugger(self.runtime(self._words(inputs)))

    def _words(self, inputs: dict[str, Any]) -> Words:
        with taking(self.limits, inputs):
            return bind_inputs(self.program, inputs)

    def _details(self) -> Iterator[str]:
        batches = self.view.allocation.batches
        yield (
            f"{self.view.slots:,} VMs of {self.view.profile.bytes} bytes, {batches}"
            f" batch{'es' * (batches != 1)} at a time, {self.view.shared:,} words of shared memory"
        )
        from lanework.machines.fleet.analysis.effects import effects

        yield from effects(self.view, half=self.settings.storage == "f16").describe()
        if self.engine in engines.AHEAD:
            from lanework.machines.fleet.native.steps import Groups

            births = self.engine == "llvm"
            yield from Groups(self.view, self.settings, births=births).describe()

    def close(self) -> None:
        """Give back what the engine holds, once no thread runs on it."""
        with self._desk.lock:
            self._desk.run = None
            self._memories = Memories(self.view.shared)
            if self._executor is not None:
                self._executor.close()
                self._executor = None
