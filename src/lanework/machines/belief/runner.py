"""A belief program bound to an engine: call it with evidence, get posteriors."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core import options, runner
from lanework.core.codes import BAD_OPTION
from lanework.core.data.holding import SMALL, length_of
from lanework.core.data.tables import TableLike, inputs_of
from lanework.core.program.program import Program
from lanework.core.result.show import many
from lanework.core.waiting import waited, within
from lanework.engines.vector import loader
from lanework.machines.belief.codes import BAD_EVIDENCE, TOO_WIDE
from lanework.machines.belief.data.answers import (
    ASSIGNMENTS,
    ROWS,
    SCALE,
    impossible,
    output_plan,
    read_answers,
    total_name,
)
from lanework.machines.belief.data.derivatives import query_derivatives
from lanework.machines.belief.data.evidence import Evidence, given_columns, read_evidence
from lanework.machines.belief.data.kbest import assignments, best_assignments
from lanework.machines.belief.data.posterior import Posterior
from lanework.machines.belief.data.result import BeliefResult
from lanework.machines.belief.graph.factor import MOST_AXES
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.native.executor import MANY, STEP, NativeExecutor
from lanework.machines.belief.native.single import SingleRow
from lanework.machines.belief.reference.custom import settled
from lanework.machines.belief.reference.vm import reference
from lanework.machines.belief.semiring import BY_PARTS, CUSTOM, NAMED, WEIGHTED, VMSemiringRuntime
from lanework.machines.belief.tensor import F64
from lanework.machines.belief.walk import walk

ENGINES = ("native", "reference")
FEWER = (
    "raise the memory cap, or stream: give fewer rows at a time, or write a table from a table with"
    " lanework run NETWORK --evidence ROWS.csv --out ANSWERS.csv"
)
LATER = "raise the deadline, or run fewer rows"
SMALLER = (
    "raise the memory cap, say which variables every row observes (observed=), ask for fewer"
    " variables, look longer for a better order (seconds=), or leave it to lw.belief.infer"
)
NATIVE = ("prob", "max")  # the semirings of native kernels
# Bytes of Python's objects, as measured: around any run, and for each instruction (`bench memory`).
AROUND, EACH = 400_000, 1_500
LONG = 1 << 22  # entries of a product of all rows from which Ctrl-C is looked for meanwhile
AGAIN = 1 << 28  # bytes of the tensors of rows that are asked again together
# Where numbers may vanish, these are asked instead.
LOGS = {"prob": "logprob", "max": "minsum"}


class Options(TypedDict, total=False):
    """What a `Runner` takes besides the program."""

    engine: str
    limits: Limits | None
    semiring: str | VMSemiringRuntime | None
    threads: int | None


class Runner(runner.Runner):
    """A program ready to answer.

    Example:
        >>> from lanework.machines.belief.passes.compile import compile_graph
        >>> from lanework.machines.belief.graph.model import FactorGraph
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("grass", ["wet", "dry"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8])
        >>> _ = graph.factor(["rain", "grass"], [[0.9, 0.1], [0.2, 0.8]])
        >>> runner = compile_graph(graph).bind()
        >>> runner({"grass": ["wet", "dry"]})["rain"].round(3).tolist()
        [[0.529, 0.471], [0.03, 0.97]]
    """

    ENGINES = ENGINES
    program: Program

    def __init__(
        self,
        program: Program,
        engine: str = "auto",
        limits: Limits | None = None,
        *,
        semiring: str | VMSemiringRuntime | None = None,
        threads: int | None = None,
    ) -> None:
        """Bind a program.

        Args:
            program: a verified belief program.
            engine: `auto`, `native` (kernels over blocks of rows) or `reference` (NumPy).
            limits: memory and threads.
            semiring: bool, prob, logprob, counting, weighted, max or minsum; by default the
                program's own.
                Or one of your own, if the program was compiled for it: then the sum over all
                assignments is `total`, and if it scales, `ln_scale` has the logarithm of what this
                was divided by.
            threads: at most so many threads; by default one a core.

        Raises:
            Diagnostic: LW2003, LW2004, LW2005, LW5011, a program that fails to verify.
        """
        super().__init__(program, limits, threads)
        self.view = BeliefView.of(program)
        own = str(program.header.get("semiring", "prob"))
        self.custom = semiring if isinstance(semiring, VMSemiringRuntime) else None
        asked = own if semiring is None else semiring
        if self.custom is None and asked != CUSTOM:
            self.semiring = options.choice("semiring", asked, NAMED)
        else:
            self.semiring, self._runtime = CUSTOM, self._settled(own)
        if self.semiring == WEIGHTED and own != WEIGHTED:
            what = "the program may have multiplied tables in floating point, which may round them"
            raise Diagnostic(BAD_OPTION, what, help=f"compile it with semiring={WEIGHTED!r}")
        if self.semiring not in BY_PARTS and program.header.get("pruned"):
            raise Diagnostic(
                BAD_OPTION,
                f"the program leaves out tables that sum to one, which {self.semiring} needs",
                help=f"compile it with semiring={self.semiring!r}",
            )
        if self.semiring not in BY_PARTS and program.header.get("query") == "sensitivity":
            what = f"derivatives of a probability are not defined in the semiring {self.semiring}"
            raise Diagnostic(BAD_OPTION, what, help="bind the program to prob or logprob")
        # other semirings than these have one engine, which is no news
        self._settle(engine, quiet=self.semiring not in NATIVE)
        self._observed = frozenset(port.row for port in program.inputs)
        self.conditioned: Sequence[int] = ()  # variables whose states are all tried
        self._native: NativeExecutor | None = None
        self._single: SingleRow | None = None
        several = program.header.get("query") in ("kbest", "sample", "sensitivity")
        self._short = self.engine == "native" and not several and self.limits.deadline is None
        plan, _ = output_plan(program, total_name(program, self.semiring))
        self._asked: dict[str, Any] = {
            "query": str(program.header.get("query", "marginals")),
            "states": {name: states for name, _, _, _, states in plan if states},
            "total": total_name(program, self.semiring),
        }
        self._stats = {
            "engine": self.engine,
            "variables": len(self.view.variables),
            "threads": self.threads,
            "notice": self.notice,
        }

    @runner.Options(__init__)
    def _options(self) -> None:
        """What `Program.bind` takes."""

    def _settled(self, own: str) -> VMSemiringRuntime:
        """The semiring of the user's own, for a program that takes it."""
        if self.custom is None:
            what = "the program is for a semiring of your own"
            raise Diagnostic(BAD_OPTION, what, help="bind it with that one, or with one by name")
        if own != CUSTOM:
            what = f"the program may have multiplied tables, which {self.custom.name} may not want"
            raise Diagnostic(BAD_OPTION, what, help="compile it with semiring= this one")
        return settled(self.custom, self.program.constants)

    def _unsuited(self, engine: str) -> str | None:
        if engine == "reference":
            return None
        if self.semiring not in NATIVE:
            return f"it has no kernels for the semiring {self.semiring}"
        return loader.why_not()

    def __call__(
        self, evidence: TableLike | None = None, /, *, seed: int = 0, **more: Any
    ) -> BeliefResult:
        """Answer.

        Args:
            evidence: variable -> state, likelihood, or a column of these; a mapping or a frame.
            seed: of what is sampled, for programs that sample.
            **more: the same as `evidence`, for variables whose names Python allows.

        Returns:
            For each variable asked for its posterior, float64, (states,) or (row, states); or its
            state, by name, (row,), with a second axis where several assignments were asked for: as
            many as were asked for, or as the row has that has the most possible ones; others have
            None and a logarithm of -inf in the places that they lack.
            And the logarithm of the evidence's probability, or of the best assignment's, -inf
            where that is impossible; such rows have posteriors of zeros, and None for states.

        Raises:
            Diagnostic: LW5005, LW5008, and LW0101 where memory does not suffice.
        """
        seed = options.seed(seed)
        if more and evidence is not None:
            evidence, more = inputs_of(given_columns(evidence), more), {}
        if self._short and (evidence is None or isinstance(evidence, Mapping)):
            result = self._one_row(evidence or {}, more)
            if result is not None:
                return result
        given = given_columns(evidence) | more

        def answer() -> BeliefResult:
            rows = max(map(length_of, given.values()), default=0)
            if rows > SMALL:  # before the evidence is read; all is known exactly after it
                self.limits.check_memory(self._memory(rows), f"{rows:,} rows", FEWER)
            return self.answer(read_evidence(self.view.variables, self._observed, given), seed)

        return within(self.limits, answer, LATER).trimmed()

    def _one_row(self, evidence: Mapping[str, Any], more: Mapping[str, Any]) -> BeliefResult | None:
        """The short way for one row of states; None where it does not lead."""
        start = time.perf_counter()
        if not all(type(value) is str for value in (*evidence.values(), *more.values())):
            return None
        single = self._single
        if single is None:
            self.limits.check_memory(self._memory(1), "one row", FEWER)
            executor = self._executor()
            if executor.terms > STEP:  # Ctrl-C is seen between calls of kernels only
                self._short = False
                return None
            single = self._single = SingleRow(self.program, executor, self.semiring)
        row = single(evidence, more)
        if row is None:
            return None
        values, impossible = row
        return self._answered(values, single.axes, single.coords, 1, int(impossible), start)

    def answer(self, evidence: Evidence, seed: int = 0) -> BeliefResult:
        """The same, for evidence that has been read."""
        until = self.limits.until()
        work = partial(self._answer, evidence, options.seed(seed), until)
        if until is None and walk(self.program).product * evidence.rows < LONG:
            return work()
        return waited(work, until, LATER, stops=True)

    def _answer(self, evidence: Evidence, seed: int, until: float | None) -> BeliefResult:
        start = time.perf_counter()
        self._check_fixed(evidence)
        lead = {} if evidence.single else {ROWS: evidence.rows}
        kind, count = self.program.header.get("query"), int(self.program.header.get("count", 1))
        if count > 1:
            if kind == "kbest":
                count, size = assignments(self.program, evidence, count)
                what = f"the {count:,} best assignments of {evidence.rows:,} rows"
                self.limits.check_memory(size, what, "ask for fewer")
            lead[ASSIGNMENTS] = count
        if kind == "kbest":
            answer = partial(self._posterior, until=until)
            posterior = best_assignments(answer, self.program, evidence, count, self.conditioned)
        elif kind == "sensitivity":
            posterior = query_derivatives(
                partial(self._posterior, until=until), self.view, evidence
            )
        else:
            several = evidence if count == 1 else evidence.repeated(count)
            posterior = self._posterior(several, seed, until)
        return self._result(posterior, evidence, lead, start)

    def refusal(self, rows: int = 1, beside: int = 0) -> Diagnostic | None:
        """Why memory does not suffice for so many rows beside some bytes, if so."""
        try:
            self.limits.check_memory(beside + self._memory(rows), many(rows, "row"), FEWER)
        except Diagnostic as error:
            return error
        return None

    def _posterior(
        self, evidence: Evidence, seed: int = 0, until: float | None = None
    ) -> Posterior:
        self.limits.check_memory(self._memory(evidence.rows), f"{evidence.rows:,} rows", FEWER)
        return self._run(evidence, self._chances(evidence.rows, seed), until)

    def _chances(self, rows: int, seed: int) -> dict[int, F64]:
        """A number from 0 to 1 for each row and variable that is sampled."""
        names = [key[1] for key in self.view.slots if key[0] == "state"]
        if self.program.header.get("query") != "sample":
            return {}
        rng = np.random.default_rng(seed)
        return {variable: rng.random(rows) for variable in names}

    def _check_fixed(self, evidence: Evidence) -> None:
        """The variables that the program was cut by must have one state in every row."""
        for variable in sorted(self.view.fixed.difference(self.conditioned)):
            if variable in evidence.states:
                continue
            if variable not in evidence.weights or not evidence.sure(variable).all():
                name = self.view.variables[variable].name
                raise Diagnostic(
                    BAD_EVIDENCE,
                    f"the program needs a state of {name!r} in every row",
                    help="compile it without that variable among the observed ones",
                )

    def _memory(self, rows: int) -> int:
        """Bytes of the arrays of a run: tensors of blocks, lists, what goes in and out."""
        known = walk(self.program)
        least = 8 * (known.uniform + known.varying)
        self.limits.check_memory(least, "the tensors of the program", SMALLER)
        if known.axes > MOST_AXES:
            what = f"a tensor of the program is over {known.axes} variables"
            raise Diagnostic(TOO_WIDE, what, help=f"there may be {MOST_AXES}; {SMALLER}")
        states = sum(self.view.variables[v].size for v in self._observed)
        answers = sum(spec.entries for spec in known.slots.values())
        if self.engine == "native":
            executor = self._executor()
            least = executor.block_bytes(rows) + executor.shared_bytes
            self.limits.check_memory(least, "the tensors of the program", SMALLER)
            blocks = -(-rows // executor.lanes(rows))
            inside = executor.block_bytes(rows) * min(self.threads, blocks)
            inside += executor.shared_bytes + 8 * rows * states  # which blocks read in one array
        else:
            inside = 8 * (3 * known.varying + known.product) * rows + 8 * known.uniform
            self.limits.check_memory(inside, "the tensors of the program", SMALLER)
        return inside + 8 * rows * (states + answers + 4)

    def estimate(self, rows: int) -> int:
        """Bytes of the peak of a run: its arrays, which limits are about, and Python's objects."""
        rows = options.integer("rows", rows)
        return self._memory(rows) + AROUND + EACH * len(self.view.instructions)

    def _executor(self) -> NativeExecutor:
        if self._native is None:
            self._native = NativeExecutor(self.program, self.semiring)
        return self._native

    def _run(
        self, evidence: Evidence, chances: Mapping[int, F64], until: float | None
    ) -> Posterior:
        if self.engine == "native":
            posterior = self._executor().run(evidence, self.threads, until, chances)
        else:
            semiring = self._runtime if self.custom else self.semiring
            posterior = reference(self.program, semiring, evidence, chances)
        if posterior.lost.any():
            self._ask_again(posterior, evidence, chances)
        return posterior

    def _ask_again(
        self, posterior: Posterior, evidence: Evidence, chances: Mapping[int, F64]
    ) -> None:
        """Answer the rows in which numbers may have vanished with logarithms, some at a time."""
        logs, lost = LOGS[self.semiring], np.flatnonzero(posterior.lost)
        some = max(1, AGAIN // (24 * max(walk(self.program).varying, 1)))
        for first in range(0, len(lost), some):
            rows = lost[first : first + some]
            part = {variable: numbers[rows] for variable, numbers in chances.items()}
            posterior.put(rows, reference(self.program, logs, evidence.at(rows), part), logs)

    def _result(
        self, posterior: Posterior, evidence: Evidence, lead: Mapping[str, int], start: float
    ) -> BeliefResult:
        values, axes, coords = read_answers(
            self.program, self.semiring, posterior.slots, posterior.totals, lead
        )
        if self.custom and self.custom.normalize is not VMSemiringRuntime.normalize:
            scale = np.broadcast_to(posterior.slots["scale",], (1, evidence.rows))
            values[SCALE] = scale.reshape(tuple(lead.values()))
            axes[SCALE] = tuple(lead)
        if evidence.labels is not None:
            coords[ROWS] = evidence.labels
        count = int(impossible(self.semiring, posterior.totals).sum())
        return self._answered(values, axes, coords, evidence.rows, count, start)

    def _answered(
        self, values: Any, axes: Any, coords: Any, lanes: int, impossible: int, start: float
    ) -> BeliefResult:
        took = time.perf_counter() - start
        stats = {**self._stats, "lanes": lanes, "impossible": impossible, "run_seconds": took}
        return BeliefResult(values, axes=axes, coords=coords, stats=stats, **self._asked)

    def _details(self) -> list[str]:
        known = walk(self.program)
        lines = [
            f"semiring: {self.custom.name if self.custom else self.semiring}",
            *self.program.notes,
            f"tensors: at most {known.varying:,} entries a row, {known.uniform:,} for all rows",
        ]
        if self.engine == "native":
            executor = self._executor()
            lines.append(
                f"native: {executor.lanes(MANY)} rows a block,"
                f" {executor.block_bytes(MANY):,} bytes a thread,"
                f" {executor.terms:,} terms a row"
            )
        return lines
