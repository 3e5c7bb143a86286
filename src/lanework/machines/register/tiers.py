"""The engines of a register program, made when first asked for, and which one runs next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core import options, runner
from lanework.core.program.program import Program
from lanework.core.waiting import NAME, start
from lanework.engines.codes import FALL_BACK
from lanework.machines.register import codes
from lanework.machines.register.binding import Externals, ExternalTable
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native.loader import why_not
from lanework.machines.register.state import FUEL, PC, RegisterBank, Status
from lanework.machines.register.traps import Meter, span_of, trap

if TYPE_CHECKING:
    from lanework.machines.register.native.execute import Executor

SLICE = 1 << 20  # back edges between two looks at Ctrl-C and the deadline, at most
# Instructions between them, about 20 ms of each engine: all of a program may lie between two edges.
WORK = {"reference": 1 << 16, "native": 1 << 23, "stencil": 1 << 24, "llvm": 1 << 25}
EXTERNAL = 16  # back edges between them where functions of Python's are called
COLD = 256  # back edges that `auto` interprets, in all calls together, before it makes code
HOT = 0.05  # seconds of one run after which `auto` lets LLVM optimise the program


class TieredRunner(runner.Runner):
    """A runner that moves from one engine to the next, in the middle of a loop too.

    Attributes:
        view: the program, decoded.
        stencils: the set of stencils.
        tiers: whether engines follow one another; else the one that was chosen runs all of it.
        on_yield: called with the registers at each yield.
    """

    program: Program

    def __init__(
        self,
        program: Program,
        engine: str,
        limits: Limits | None,
        externals: Externals,
        stencils: str,
        on_yield: Callable[[memoryview], object] | None,
    ) -> None:
        """Choose the engine that begins.

        Raises:
            Diagnostic: LW2003 to LW2005, a program that fails to verify.
        """
        super().__init__(program, limits)
        self.view = RegisterView.of(program)
        options.choice("stencils", stencils, ("pinned", "memory"))
        self._settle(engine)
        self.stencils, self.on_yield = stencils, options.callback("on_yield", on_yield)
        self._table = ExternalTable(externals)
        self.tiers = self.engine == "stencil" and engine == "auto"
        self._heat = 0
        self._executors: dict[str, Executor] = {}
        self._optimising: threading.Thread | None = None

    def _unsuited(self, engine: str) -> str | None:
        return None if engine == "reference" else why_not()

    @property
    def compile_seconds(self) -> float:
        """Seconds in which the code that there is was made; those of a run are in its `stats`."""
        return sum(executor.seconds for executor in list(self._executors.values()))

    def executor(self, name: str, meter: Meter | None = None) -> Executor:
        """The engine of this name with the program on it, made when it is first asked for.

        Raises:
            Trap: LW2001, it took longer than the meter's deadline.
        """
        meter = meter or Meter(Limits())
        executor = self._executors.get(name)
        if executor is None:
            try:
                executor = self._make(name, meter.until)
            except Diagnostic as problem:
                known = problem.code in (codes.TOO_LARGE, *FALL_BACK)
                if not (known and self.tiers and name == "stencil"):
                    raise
                notice = f"no stencils for this program ({problem.sentence}), interpreting it"
                self._fall_back(self.engine, notice)
                executor = self.executor("native")
            self._executors[name] = executor
            meter.compiling += executor.seconds
        return executor

    def _make(self, name: str, until: float | None = None) -> Executor:
        from lanework.machines.register.native.choice import NATIVE
        from lanework.machines.register.native.execute import ReferenceExecutor

        if name == "reference":
            return ReferenceExecutor(self.view, self._table)
        make = NATIVE[self.stencils if name == "stencil" else name]
        options = {"until": until} if name == "llvm" else {}
        return make(self.view, self.program.tape, self._table, **options)

    def _go(self, bank: RegisterBank, meter: Meter) -> None:
        """Run one lane to its end, a slice of fuel at a time."""
        cold = self.tiers and self._heat < COLD
        tier = "native" if cold else self._hottest()
        most = min(COLD, self._slice(tier)) if cold else self._slice(tier)
        while True:
            part = meter.slice(most)
            bank.words[FUEL] = part
            status = self.executor(tier, meter).run(bank)
            meter.spend(part - max(bank.fuel, 0))
            self._heat += part - max(bank.fuel, 0) + 1
            if status is Status.HALT:
                return
            if status is Status.FUEL:
                self._check(bank, meter)
                if self.tiers and tier != "llvm":
                    hot = tier == "stencil" and time.monotonic() - meter.start > HOT
                    tier = "llvm" if hot and self._optimised() else "stencil"
                most = self._slice(tier)
            elif status is Status.YIELD:
                self._check(bank, meter)
                if self.on_yield is not None:
                    self.on_yield(bank.words[:31])
            else:
                if bank.failure is not None and not isinstance(bank.failure, Exception):
                    raise bank.failure  # Ctrl-C, or the end of the process
                raise trap(self.program, bank, status) from bank.failure

    def _check(self, bank: RegisterBank, meter: Meter) -> None:
        """Stop a run that is at its limit, and say where.

        Raises:
            Trap: LW2001, LW2002.
        """
        instruction = self.view.at(bank.words[PC])
        try:
            meter.check(instruction)
        except Trap as stopped:
            stopped.span = span_of(self.program, instruction)
            raise

    def _optimised(self) -> bool:
        """Whether optimised code is there; it is made aside, and the run goes on meanwhile."""
        if self._optimising is None:
            self._optimising = threading.Thread(target=self._optimise, name=NAME, daemon=True)
            start(self._optimising)
        return "llvm" in self._executors

    def _optimise(self) -> None:
        try:
            self._executors["llvm"] = self._make("llvm")
        except Exception as problem:  # of LLVM, which this run does not need
            self._fall_back(self.engine, f"the program is not optimised: {problem}")

    def _slice(self, tier: str) -> int:
        """Back edges that an engine takes between two looks at Ctrl-C and the deadline."""
        most = EXTERNAL if any(info.group == "ext" for info in self.view.infos) else SLICE
        return min(most, max(1, WORK[tier] // len(self.view.instructions)))

    def _hottest(self) -> str:
        """The engine to begin with: what the program was optimised for before, if it was."""
        return "llvm" if self.tiers and "llvm" in self._executors else self.engine
