"""A register program bound to an engine: call it with registers, get registers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.base.sharing import Spares
from lanework.core import options, runner
from lanework.core.data.holding import is_long, taking
from lanework.core.data.tables import TableLike, inputs_of
from lanework.core.program.program import Program
from lanework.core.result.result import Result
from lanework.core.waiting import waited
from lanework.machines.register import codes
from lanework.machines.register.binding import (
    Bound,
    Externals,
    Words,
    bind_inputs,
    defaults,
    output_array,
    port_of,
    target_of,
)
from lanework.machines.register.simd.engine import Simd
from lanework.machines.register.simd.lower import Form
from lanework.machines.register.state import FUEL, RegisterBank
from lanework.machines.register.tiers import WORK, TieredRunner
from lanework.machines.register.traps import Meter, in_lane

if TYPE_CHECKING:
    from lanework.machines.register.native.jobs import LaneJob

ENGINES = ("stencil", "llvm", "native", "reference")
LANE = 1 << 12  # back edges of a lane among many; one that needs more runs by itself
SIDE = 512  # lanes from which they run side by side
MANY = 16  # lanes from which they run in a native loop
BEGIN = 128  # instructions that take as long as to begin a lane and to end it
FEWER = "raise the deadline, or run fewer lanes"


class Runner(TieredRunner):
    r"""A program ready to run.

    Threads may call one runner at once: each has registers and memory of its own, within the cap of
    memory each, which go with the thread or when the runner is closed.

    Example:
        >>> from lanework.core.program.asm import assemble
        >>> program = assemble("mul r0, r0, r1\n halt")
        >>> int(program.bind()(r0=6, r1=7)["r0"])
        42
    """

    ENGINES = ENGINES

    def __init__(
        self,
        program: Program,
        engine: str = "auto",
        limits: Limits | None = None,
        *,
        seed: int = 0,
        externals: Externals | None = None,
        stencils: str = "pinned",
        on_yield: Callable[[memoryview], object] | None = None,
    ) -> None:
        """Bind a program.

        Args:
            program: a verified register program.
            engine: `auto`, `stencil` (machine code, copied and patched), `llvm` (optimised),
                `native` (an interpreter in machine code) or `reference` (plain Python). `auto`
                interprets first, makes code of what turns out to loop, and optimises what runs
                for long, in the middle of the loop; `stats["tiers"]` says what it did.
            limits: fuel (back edges and calls), memory, deadline.
            seed: of the random words.
            externals: functions by number, for the instruction ext.
            stencils: the set, `pinned` or `memory`.
            on_yield: called with the registers at each yield.

        Raises:
            Diagnostic: LW2003 to LW2005, a program that fails to verify.
        """
        super().__init__(
            program, engine, limits, {} if externals is None else externals, stencils, on_yield
        )
        self.seed = options.seed(seed)
        self._banks = Spares[RegisterBank]()
        self._simd = Simd(self.view, self.threads, self._slower)

    @runner.Options(__init__)
    def _options(self) -> None:
        """What `Program.bind` takes."""

    def __call__(self, table: TableLike | None = None, /, **inputs: Any) -> Result:
        """Run the program.

        Args:
            table: inputs as columns: a DataFrame, an Arrow table, a mapping.
            **inputs: registers by their port, each a number of the port's type, or a column with
                one a lane. Columns that have labels (an index of pandas, coordinates of xarray)
                are put in the order of the first one's; others go by place.

        Returns:
            The output registers: uint64, or as the port says; with the axis ``lane`` if an input
            had one, and its labels. Each lane has registers, memory and random numbers of its own.

        Raises:
            Diagnostic: LW4006, a port that does not exist, a number that it does not take, or
                labels that are not the same; LW4016 for an input that is left out.
            Trap: fuel, deadline, and what the program ran into, with the lane.
        """
        start = time.perf_counter()
        meter = Meter(self.limits)
        bound = self._bound(
            inputs_of(table, inputs, (port.name for port in self.program.inputs)), meter.until
        )
        lanes = bound.lanes
        count = 1 if lanes is None else lanes
        self._check_memory(len(bound.columns), count)
        outputs = {p.name: np.zeros(count, np.uint64) for p in self.program.outputs}
        spare = self._banks.free
        bank = spare.pop() if spare else RegisterBank(self.view, self.seed)
        try:
            self._lanes(bank, meter, count, bound, outputs)
        finally:
            spare.append(bank)
        stats = {
            "engine": self.engine,
            "tiers": (*self._executors, *self._simd.tiers),
            "lanes": count,
            "fuel": meter.used,
            "compile_seconds": meter.compiling,
            "run_seconds": time.perf_counter() - start - meter.compiling,
            "notice": self.notice,
        }
        return Result(
            {p.name: output_array(p, outputs[p.name], lanes) for p in self.program.outputs},
            axes={p.name: () if lanes is None else ("lane",) for p in self.program.outputs},
            coords={} if bound.labels is None else {"lane": bound.labels},
            stats=stats,
            levels={"lane": bound.levels},
        )

    def _bound(self, inputs: Mapping[str, Any], until: float | None) -> Bound:
        """The words of the inputs; those of many lanes are waited for."""
        bind = partial(bind_inputs, self.program, inputs)
        if not any(map(is_long, inputs.values())):
            return bind()
        with taking(self.limits, inputs):
            return bind() if until is None else waited(bind, until, FEWER, stops=True)

    def _check_memory(self, inputs: int, lanes: int) -> None:
        """Refuse what does not fit before memory is taken: the program's own, and words of lanes.

        Raises:
            Diagnostic: LW0101.
        """
        words = inputs + len(self.program.outputs)
        what = f"the program's memory and {words} words for each of {lanes:,} lanes"
        self.limits.check_memory(self.view.memory + 8 * words * lanes, what)

    def function(self, *inputs: str, output: str | None = None) -> Callable[..., int | float]:
        r"""The program as a plain function of numbers, for calls that must be short.

        Args:
            *inputs: input ports, in the order of the function's arguments. One that is left out
                is what its declaration says.
            output: the port that it returns; may be left out where there is one only.

        Returns:
            A function that takes numbers and returns one, of the types of their ports: a float for
            f64, whole numbers for others. It keeps the program's code, also when the runner is
            closed, and threads may call it at once. What the program runs into is raised as by a
            call of the runner.

        Raises:
            Diagnostic: LW4006 for a port that does not exist or is named twice, and for several
                outputs of which none is chosen; LW4016 for an input that is neither an argument nor
                has a default; from the function for numbers that the ports do not take, and for too
                many or too few.

        Example:
            >>> from lanework.core.program.asm import assemble
            >>> triple = assemble("add r1, r0, r0\nadd r1, r1, r0\nhalt").bind().function("r0")
            >>> triple(14)
            42
        """
        given = [port_of(self.program.inputs, name) for name in inputs]
        target = target_of(self.program, output)
        if len(set(inputs)) < len(inputs):
            what = f"the function would take an input twice: {', '.join(inputs)}"
            raise Diagnostic(codes.BAD_INPUT, what, help="name every port once")
        fixed = defaults(self.program, inputs)

        def slowly(numbers: tuple[Any, ...], **named: Any) -> int | float:
            """Whatever the short way cannot do: long runs, traps, numbers that are converted."""
            if named:
                what = f"the function takes numbers in order, and not by name ({', '.join(named)})"
                order = f"give: {', '.join(inputs) or 'none'}; the runner takes names"
                raise Diagnostic(codes.BAD_INPUT, what, help=order)
            if len(numbers) != len(inputs):
                what = f"the function takes {len(inputs)} numbers, and not {len(numbers)}"
                raise Diagnostic(codes.BAD_INPUT, what, help=f"give: {', '.join(inputs) or 'none'}")
            result = self(**dict(zip(inputs, numbers, strict=True)))
            if result.axes(target.name):
                what = "the function takes numbers, and not columns of them"
                raise Diagnostic(codes.BAD_INPUT, what, help="call the runner for lanes")
            number: int | float = result[target.name].item()
            return number

        if self.engine == "reference" or any(info.group == "ext" for info in self.view.infos):
            return lambda *numbers, **named: slowly(numbers, **named)
        self._check_memory(len(given), 1)

        def bank() -> RegisterBank:
            fresh = RegisterBank(self.view, self.seed)
            for row, words in fixed:
                fresh.words[row] = int(words[0])
            most = self._slice(tier)
            fresh.words[FUEL] = most if self.limits.fuel is None else min(most, self.limits.fuel)
            return fresh

        from lanework.machines.register.native.execute import NativeExecutor
        from lanework.machines.register.native.jobs import quick_function

        tier = "stencil" if self.tiers else self.engine
        executor = self.executor(tier, Meter(self.limits))
        assert isinstance(executor, NativeExecutor)
        return quick_function(executor, bank, given, target, slowly)

    def _lanes(
        self,
        bank: RegisterBank,
        meter: Meter,
        count: int,
        bound: Bound,
        outputs: dict[str, Words],
    ) -> None:
        """Run every lane: side by side, else in a native loop, and some by one and one."""
        spent, batch, tier = 0, 1, self._hottest()
        job: LaneJob | None = None
        form = self._form(count, bound)
        lane = self._beside(form, bank, meter, range(count), bound, outputs)
        own = any(info.group == "ext" for info in self.view.infos)  # lanes may not run twice
        if count - lane >= MANY and self.engine != "reference" and not own:
            job = self._lane_job(bank, meter, tier, count, bound.columns, outputs)
            each = BEGIN + len(self.view.instructions) + job.moved
            batch = max(1, WORK[tier] // each)  # if none of them goes back
        form = None if lane else form
        while lane < count:
            begin = time.perf_counter()
            if job is not None:
                first, stop = lane, min(lane + batch, count)
                lane = job.run(lane, stop, self._slice(tier))
                if meter.left is not None and job.used - spent > meter.left:
                    lane, job = first, None  # one by one, up to the instruction where it ends
                    continue
                meter.spend(job.used - spent)
                spent = job.used
                meter.look()
            if job is None or lane < stop:
                self._one(lane, bank, meter, bound, outputs)
                lane += 1
            if form is not None and self.tiers:
                self._simd.warm(form, time.perf_counter() - begin)
                before = lane
                lane = self._beside(form, bank, meter, range(lane, count), bound, outputs)
                form = form if lane == before else None

    def _one(
        self, lane: int, bank: RegisterBank, meter: Meter, bound: Bound, outputs: dict[str, Words]
    ) -> None:
        """Run a lane by itself.

        Raises:
            Trap: with the lane, if there are several.
        """
        meter.look()
        bank.reset(self.seed, lane)
        for row, values in bound.columns:
            bank.words[row] = int(values[lane if len(values) > 1 else 0])
        try:
            self._go(bank, meter)
        except Trap as stopped:
            if bound.lanes is None:
                raise
            raise in_lane(stopped, lane, bound.labels) from stopped.__cause__
        for port in self.program.outputs:
            outputs[port.name][lane] = bank.words[port.row]

    def _form(self, count: int, bound: Bound) -> Form | None:
        """How lanes would run side by side; None for engines that do not, and for few lanes."""
        if count < SIDE or not (self.tiers or self.engine == "llvm"):
            return None
        rows: tuple[list[int], list[int]] = [], []
        for row, words in bound.columns:
            rows[len(words) > 1].append(row)
        return self._called(tuple(rows[1]), tuple(rows[0]))

    def _called(self, columns: tuple[int, ...], same: tuple[int, ...]) -> Form:
        taken = dict.fromkeys(port.row for port in self.program.outputs)
        return Form(columns, same, tuple(taken), self.on_yield is not None)

    def _beside(
        self,
        form: Form | None,
        bank: RegisterBank,
        meter: Meter,
        lanes: range,
        bound: Bound,
        outputs: dict[str, Words],
    ) -> int:
        """Run lanes side by side if there is code for that; the first that is left."""
        code = None
        if form is not None and len(lanes) >= SIDE:
            known = self._simd.ready(form)
            code = known if self.tiers else self._simd.code(form, meter.until)
            if code is not known and code is not None:
                meter.compiling += code.seconds
        if code is None:
            return lanes.start
        bank.reset(self.seed)
        taken = [(port.row, outputs[port.name]) for port in self.program.outputs]
        return self._simd.run(code, bank, self.seed, lanes, bound.columns, taken, meter)

    def _lane_job(
        self,
        bank: RegisterBank,
        meter: Meter,
        tier: str,
        count: int,
        columns: list[tuple[int, Words]],
        outputs: dict[str, Words],
    ) -> LaneJob:
        from lanework.machines.register.native.execute import NativeExecutor
        from lanework.machines.register.native.jobs import LaneJob

        executor = self.executor(tier, meter)
        assert isinstance(executor, NativeExecutor)
        bank.reset(self.seed)
        bank.words[FUEL] = min(LANE, self._slice(tier))
        given = [
            (row, np.ascontiguousarray(np.broadcast_to(values, count))) for row, values in columns
        ]
        taken = [(port.row, outputs[port.name]) for port in self.program.outputs]
        return LaneJob(executor, bank, given, taken)

    def _slower(self, reason: str) -> None:
        """Say that lanes run one after another."""
        self._fall_back(self.engine, f"lanes run one after another: {reason}")

    def _details(self) -> Iterator[str]:
        if self.tiers or self.engine == "llvm":
            rows = (port.row for port in self.program.inputs)
            yield from self._simd.details(self._called(tuple(rows), ()))
        for name, executor in self._executors.items():
            length = getattr(executor, "length", None)
            code = "" if length is None else f", {length:,} bytes of code"
            yield f"{name}: made in {executor.seconds * 1e6:.1f} us{code}"

    def close(self) -> None:
        """Give back the memory of the code, and of runs."""
        self._banks = Spares()
        self._executors = {}  # functions, and threads in a run, keep what they need of it
        self._optimising = None
        self._simd = Simd(self.view, self.threads, self._slower)
