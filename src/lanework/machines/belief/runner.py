"""A belief program bound to an engine: call it with evidence, get posteriors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from lanework.base import host
from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.limits import Limits
from lanework.core.program import Program
from lanework.core.result import Result
from lanework.engines import choice
from lanework.engines.codes import BAD_OPTION
from lanework.engines.vector import loader
from lanework.machines.belief.beliefs import impossible, whole
from lanework.machines.belief.codes import BAD_EVIDENCE
from lanework.machines.belief.evidence import Evidence, read_evidence
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.native import NativeExecutor, Posterior
from lanework.machines.belief.semiring import BY_PARTS, SEMIRINGS
from lanework.machines.belief.verify import walk
from lanework.machines.belief.vm import VirtualMachine

ENGINES = ("native", "reference")
ROWS = "row"
FEWER = "raise the memory cap, or give fewer rows at a time"
SMALLER = (
    "raise the memory cap, say which variables every row observes (observed=), ask for fewer"
    " variables, or look longer for a better order (seconds=)"
)
# What the value of a whole program is called, by semiring.
TOTALS = {
    "prob": "ln_p_evidence",
    "logprob": "ln_p_evidence",
    "max": "ln_p_best",
    "minsum": "least_cost",
    "counting": "count",
    "bool": "satisfiable",
}


class Runner:
    """A program ready to answer.

    Example:
        >>> from lanework.machines.belief.compile import compile_graph
        >>> from lanework.machines.belief.model import FactorGraph
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("grass", ["wet", "dry"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8])
        >>> _ = graph.factor(["rain", "grass"], [[0.9, 0.1], [0.2, 0.8]])
        >>> runner = compile_graph(graph).bind()
        >>> runner({"grass": ["wet", "dry"]})["rain"].round(3).tolist()
        [[0.529, 0.471], [0.03, 0.97]]
    """

    def __init__(
        self,
        program: Program,
        engine: str = "auto",
        limits: Limits | None = None,
        *,
        semiring: str | None = None,
        threads: int | None = None,
    ) -> None:
        """Bind a program.

        Args:
            program: a verified belief program.
            engine: `auto`, `native` (kernels over blocks of rows) or `reference` (NumPy).
            limits: memory and threads.
            semiring: bool, prob, logprob, counting, max or minsum; by default the program's own.
            threads: at most so many threads; by default one a core.

        Raises:
            Diagnostic: LW2003, LW2004, LW2005, a program that fails to verify.
        """
        program.verify()
        self.program, self.view = program, BeliefView.of(program)
        self.limits = limits or Limits()
        self.semiring = semiring or str(program.header.get("semiring", "prob"))
        if self.semiring not in SEMIRINGS:
            raise Diagnostic(
                BAD_OPTION,
                f"there is no semiring {self.semiring!r}",
                help=did_you_mean(self.semiring, SEMIRINGS) or f"there is {', '.join(SEMIRINGS)}",
            )
        if self.semiring not in BY_PARTS and program.header.get("pruned"):
            raise Diagnostic(
                BAD_OPTION,
                f"the program leaves out tables that sum to one, which {self.semiring} needs",
                help=f"compile it with semiring={self.semiring!r}",
            )
        self.threads = threads or self.limits.threads or host.thread_count()
        self.engine, self.notice = choice.choose(engine, self._unsuited, ENGINES)
        if self.semiring == "prob":  # other semirings have one engine, which is no news
            choice.tell(self.notice)
        self._observed = frozenset(port.row for port in program.inputs)
        self._native: NativeExecutor | None = None

    def _unsuited(self, engine: str) -> str | None:
        if engine == "reference":
            return None
        if self.semiring != "prob":
            return f"it has no kernels for the semiring {self.semiring}"
        return loader.why_not()

    def __call__(self, evidence: Mapping[str, Any] | None = None, /, **more: Any) -> Result:
        """Answer.

        Args:
            evidence: variable -> state, likelihood, or a column of these; a mapping or a frame.
            **more: the same, for variables whose names Python allows.

        Returns:
            For each variable asked for its posterior, float64, (states,) or (row, states), and
            the logarithm of the evidence's probability, -inf where it is impossible; the
            posteriors of such rows are zeros.

        Raises:
            Diagnostic: LW5005, LW5008, and LW0101 where memory does not suffice.
        """
        start = time.perf_counter()
        given = {str(name): column for name, column in (evidence or {}).items()} | more
        found = read_evidence(self.view.variables, self._observed, given)
        self._check_fixed(found)
        self.limits.check_memory(self._memory(found.rows), f"{found.rows:,} rows", FEWER)
        posterior = self._run(found)
        return self._result(posterior, found, time.perf_counter() - start)

    def _check_fixed(self, evidence: Evidence) -> None:
        """The variables that the program was cut by must have one state in every row."""
        for variable in sorted(self.view.fixed):
            weights = evidence.weights.get(variable)
            sure = weights is not None and bool(
                ((weights > 0).sum(axis=0) == 1).all() and (weights.max(axis=0) == 1).all()
            )
            if not sure:
                name = self.view.variables[variable].name
                raise Diagnostic(
                    BAD_EVIDENCE,
                    f"the program needs a state of {name!r} in every row",
                    help="compile it without that variable among the observed ones",
                )

    def _memory(self, rows: int) -> int:
        """Bytes of a run: the tensors of a block, and what goes in and out."""
        known = walk(self.program)
        states = sum(self.view.variables[v].size for v in self._observed)
        answers = sum(
            self.view.variables[key[1]].size for key in self.view.slots if key[0] == "bel"
        )
        if self.engine == "native":
            level = loader.level()
            assert level is not None  # refuse before any list is made
            least = 8 * (known.varying * level.width + known.uniform)
            self.limits.check_memory(least, "the tensors of the program", SMALLER)
            executor = self._executor()
            inside = executor.block_bytes * min(self.threads, -(-rows // executor.lanes))
        else:
            inside = 8 * 3 * known.varying * rows
            self.limits.check_memory(inside, "the tensors of the program", SMALLER)
        return inside + 8 * (known.uniform + rows * (states + answers + 4))

    def _executor(self) -> NativeExecutor:
        if self._native is None:
            self._native = NativeExecutor(self.program)
        return self._native

    def _run(self, evidence: Evidence) -> Posterior:
        if self.engine == "native":
            seconds = self.limits.deadline
            until = None if seconds is None else time.monotonic() + seconds
            return self._executor().run(evidence.weights, evidence.rows, self.threads, until)
        sr = SEMIRINGS[self.semiring]()
        vm = VirtualMachine(sr)
        vm.run(self.program, evidence=evidence.weights)
        beliefs = {key: vm.slots.get(key)[0] for key in vm.slots if key[0] == "bel"}
        if self.semiring == "logprob":
            beliefs = {key: np.exp(value) for key, value in beliefs.items()}
        total = vm.slots.get(("Z",))[0]
        scaled = np.asarray(vm.scale)
        if self.semiring == "minsum":
            scaled = -scaled
        exact = self.semiring in ("bool", "counting")
        return Posterior(beliefs, np.broadcast_to(total if exact else scaled, (evidence.rows,)))

    def _result(self, posterior: Posterior, evidence: Evidence, seconds: float) -> Result:
        values: dict[str, Any] = {}
        axes: dict[str, tuple[str, ...]] = {}
        coords: dict[str, Any] = {}
        rows = () if evidence.single else (ROWS,)
        for port in self.program.outputs:
            key = self.view.slots[port.row]
            if key[0] != "bel":
                name = TOTALS[self.semiring]
                total = posterior.ln_z
                values[name], axes[name] = (total[0] if evidence.single else total), rows
                continue
            value = posterior.beliefs[key]
            if value.ndim == 1:
                value = np.broadcast_to(value[:, np.newaxis], (len(value), evidence.rows))
            value = whole(self.semiring, value, posterior.ln_z)
            values[port.name] = value[:, 0] if evidence.single else value.T
            axes[port.name] = (*rows, port.name)
            coords[port.name] = list(self.view.variables[key[1]].states)
        stats = {
            "engine": self.engine,
            "lanes": evidence.rows,
            "variables": len(self.view.variables),
            "impossible": int(impossible(self.semiring, posterior.ln_z).sum()),
            "threads": self.threads,
            "run_seconds": seconds,
            "notice": self.notice,
        }
        return Result(values, axes=axes, coords=coords, stats=stats)

    def explain(self) -> str:
        """What will run how."""
        known = walk(self.program)
        lines = [f"engine: {self.engine}" + (f" ({self.notice})" if self.notice else "")]
        lines += [f"semiring: {self.semiring}", *self.program.notes]
        lines.append(
            f"tensors: at most {known.varying:,} entries a row, {known.uniform:,} for all rows"
        )
        if self.engine == "native":
            executor = self._executor()
            lines.append(
                f"native: {executor.lanes} rows a block, {executor.block_bytes:,} bytes a thread,"
                f" {executor.terms:,} terms a row"
            )
        return "\n".join(lines)
