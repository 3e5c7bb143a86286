"""Approximate answers, for those who ask for them by name: loopy belief propagation.

Where a graph has no cycle the answers are exact. Elsewhere they are fixed points of the messages,
often close, at times far off, and messages may not settle at all: the result says which rows did.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.data.tables import TableLike
from lanework.core.options import callback, integer, real
from lanework.core.result.show import many
from lanework.core.waiting import within
from lanework.machines.belief.codes import BAD_QUERY
from lanework.machines.belief.data.answers import ROWS, answer_name, axis_name
from lanework.machines.belief.data.evidence import Evidence, evidence_of
from lanework.machines.belief.data.result import BeliefResult
from lanework.machines.belief.graph.factor import Variable, listed
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_graph, of_graph
from lanework.machines.belief.passes.outputs import LN_P
from lanework.machines.belief.passes.query import Problem
from lanework.machines.belief.queries.propagation import Links, Propagation
from lanework.machines.belief.runner import FEWER

METHOD = "loopy belief propagation"
LEAST, BELOW_ONE = 5e-324, 1.0 - 2.0**-53
BLOCK = 1 << 25  # bytes of messages that are sent together, as far as more than a row does
Progress = Callable[[int, int], None]


@of_graph
def loopy(
    graph: FactorGraph,
    evidence: TableLike | None = None,
    query: str | Sequence[str] = "all",
    *,
    damping: float = 0.2,
    tolerance: float = 1e-10,
    most: int = 200,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> BeliefResult:
    """Approximate posteriors by loopy belief propagation.

    Messages of sums of products, from the one that would change most on (G. Elidan, I. McGraw, D.
    Koller, UAI 2006), damped; ln P(evidence) is estimated by the Bethe free energy (J. S. Yedidia,
    W. T. Freeman, Y. Weiss, IEEE Trans. Inf. Theory 51, 2005). All rows are lanes.

    Args:
        graph: variables and factors.
        evidence: variable -> state, likelihood, or a column of these; a mapping or a frame.
        query: `all` or some variables, or `z`.
        damping: the share of its logarithm that a message keeps when it is sent again, from 0 to
            less than 1. More helps messages to settle, and takes longer.
        tolerance: the change of a message, as a share of an entry, that counts as none.
        most: how often each message is sent at most, on average.
        limits: memory and deadline.
        progress: hears how much is done, of how much at most.

    Returns:
        For each variable its posterior, float64, (states,) or (row, states), and `ln_p_evidence`,
        estimates all; -inf and zeros where messages prove that the evidence is impossible. In
        `stats`: `approximate` is True; of each row `iterations` and `residual`, the change that is
        left; `not_converged` are the rows whose messages did not settle. Their numbers are of the
        last messages.

    Raises:
        Diagnostic: LW2005 for an option that makes no sense, LW5005, LW5008, LW5009 for another
            query, and LW0101 where memory does not suffice.
        Trap: the deadline has passed.

    Example:
        >>> graph = FactorGraph()
        >>> for name in "abc":
        ...     _ = graph.variable(name, 2)
        >>> for scope in ("ab", "bc", "ca"):
        ...     _ = graph.factor(scope, [[2.0, 1.0], [1.0, 2.0]])
        >>> result = loopy(graph, {"a": ["0", None]})
        >>> result["b"].round(3).tolist(), result.stats["not_converged"]
        ([[0.714, 0.286], [0.5, 0.5]], [])
    """
    check_graph(graph)
    damping = real("damping", damping, 0.0, BELOW_ONE, "give a number from 0 to less than 1")
    tolerance = real("tolerance", tolerance, LEAST, BELOW_ONE, "give a number between 0 and 1")
    most, progress = integer("most", most, 1), callback("progress", progress)

    def run(problem: Problem, variables: tuple[Variable, ...]) -> _Run:
        return _Run(problem, variables, damping, tolerance, most, limits or Limits(), progress)

    help = "raise the deadline, run fewer rows, or accept a larger tolerance"
    result = within(limits, partial(_answered, graph, evidence, query, run), help)
    graph.notice()
    return result


def _answered(
    graph: FactorGraph,
    evidence: TableLike | None,
    query: str | Sequence[str],
    run: Callable[[Problem, tuple[Variable, ...]], _Run],
) -> BeliefResult:
    graph.check()
    variables = tuple(graph.variables.values())
    known = evidence_of(variables, evidence)
    problem = Problem(graph, query, [variables[v].name for v in known.weights], (), "prob")
    if problem.query.kind not in ("marginals", "z"):
        what = f"{METHOD} does not answer {problem.query.kind}"
        raise Diagnostic(BAD_QUERY, what, help="ask for all, for some variables, or for z")
    start = time.perf_counter()
    values, stats = run(problem, variables).answer(known)
    stats["run_seconds"] = time.perf_counter() - start
    asked = {answer_name(variables[v].name, LN_P): v for v in problem.asked}
    axes = {name: axis_name(variables[v].name) for name, v in asked.items()}
    states = {name: variables[v].states for name, v in asked.items()}
    lead = () if known.single else (ROWS,)
    if known.single:
        values = {name: value[0] for name, value in values.items()}
    coords: dict[str, Any] = {axes[name]: list(states[name]) for name in asked}
    if known.labels is not None:
        coords[ROWS] = known.labels
    return BeliefResult(
        values,
        axes={**{name: (*lead, axis) for name, axis in axes.items()}, LN_P: lead},
        coords=coords,
        stats=stats,
        query=problem.query.kind,
        states=states,
        total=LN_P,
    )


class _Run:
    def __init__(
        self,
        problem: Problem,
        variables: Sequence[Variable],
        damping: float,
        tolerance: float,
        most: int,
        limits: Limits,
        progress: Progress | None,
    ) -> None:
        self.problem, self.variables = problem, variables
        self.limits, self.progress = limits, progress
        self.damping, self.tolerance, self.most = damping, tolerance, most
        sizes = {v: variables[v].size for v in problem.variables}
        each = list(zip(problem.factors, problem.scopes, strict=True))
        self.scale = 0.0  # the logarithm of what tables are divided by, so that no number overflows
        self.own: dict[int, npt.NDArray[np.float64]] = {}  # tables of one variable need no messages
        tables: list[npt.NDArray[np.float64]] = []
        scopes: list[tuple[int, ...]] = []
        for factor, scope in each:
            top = float(factor.table.max(initial=0.0))
            self.scale += math.log(top) if top else -math.inf
            if len(scope) == 1:  # logarithms: products of many may vanish or overflow
                logs = _logs(factor.table) - math.log(top or 1.0)
                self.own[scope[0]] = self.own.get(scope[0], 0.0) + logs
            elif scope:
                tables.append(factor.table / (top or 1.0))
                scopes.append(scope)
        fixed = 8 * sum(table.size * table.ndim for table in tables)
        limits.check_memory(fixed, "the tables, one for each message,")
        self.links = Links(sizes, scopes, tables)
        ends = sum(sizes[edge.variable] for edge in self.links.edges)
        largest = max((table.size for table in tables), default=1)
        row = 8 * (4 * ends + 2 * sum(sizes.values()) + 2 * largest)
        limits.check_memory(fixed + row, "the messages")
        left = limits.memory_cap - fixed
        self.rows = max(1, min(BLOCK, left) // row)
        self.answer_bytes = 8 * (sum(sizes[v] for v in problem.asked) + 4)

    def answer(self, evidence: Evidence) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values by name, of (rows, ...), and what there is to say of the run."""
        rows = evidence.rows
        self.limits.check_memory(rows * self.answer_bytes, many(rows, "row"), FEWER)
        totals, iterations, residual = np.zeros(rows), np.zeros(rows, np.int64), np.zeros(rows)
        asked = self.problem.asked
        values = {v: np.zeros((rows, self.variables[v].size)) for v in asked}
        blocks = range(0, rows, self.rows)
        for number, first in enumerate(blocks):
            these = np.arange(first, min(first + self.rows, rows))
            run, tops = self._settled(evidence.at(these), number, len(blocks))
            totals[these] = run.ln_z() + self.scale + tops
            iterations[these], residual[these] = run.iterations, run.residual
            beliefs = run.beliefs() if asked else {}
            for v in asked:
                values[v][these] = np.where(totals[these] == -np.inf, 0.0, beliefs[v]).T
        names = [answer_name(self.variables[v].name, LN_P) for v in asked]
        named: dict[str, Any] = dict(zip(names, values.values(), strict=True))
        return named | {LN_P: totals}, self._stats(totals, iterations, residual)

    def _settled(
        self, evidence: Evidence, number: int, blocks: int
    ) -> tuple[Propagation, npt.NDArray[np.float64]]:
        """Messages, and the logarithm of what each row's weights were divided by."""
        weights, tops = {}, np.zeros(evidence.rows)
        for v in dict.fromkeys([*self.own, *evidence.weights]):
            logs = np.zeros((self.variables[v].size, evidence.rows))
            logs += self.own[v][:, np.newaxis] if v in self.own else 0.0
            logs += _logs(evidence.weights[v]) if v in evidence.weights else 0.0
            top = logs.max(axis=0)
            top = np.where(top == -np.inf, 0.0, top)
            weights[v], tops = np.exp(logs - top), tops + top
        damping, tolerance = self.damping, self.tolerance
        run = Propagation(self.links, weights, evidence.rows, damping=damping, tolerance=tolerance)

        def look(iteration: int) -> None:
            if self.progress is not None:
                self.progress(number * self.most + iteration, blocks * self.most)

        run.settle(self.most, look)
        return run, tops

    def _stats(
        self,
        totals: npt.NDArray[np.float64],
        iterations: npt.NDArray[np.int64],
        residual: npt.NDArray[np.float64],
    ) -> dict[str, Any]:
        return {
            "engine": f"{METHOD} (approximate)",
            "approximate": True,
            "lanes": len(totals),
            "variables": len(self.variables),
            "impossible": int((totals == -np.inf).sum()),
            "threads": 1,
            "iterations": iterations.tolist(),
            "residual": residual.tolist(),
            "not_converged": np.flatnonzero(residual > self.tolerance).tolist(),
        }


def _logs(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))


def convergence(stats: Mapping[str, Any]) -> str:
    """What a person wants to know of an approximate run.

    Example:
        >>> print(convergence({"iterations": [3, 9], "residual": [0.0, 0.25], "not_converged": []}))
        approximate: loopy belief propagation converged in 9 iterations
    """
    iterations, bad = stats["iterations"], stats["not_converged"]
    times = many(max(iterations, default=0), "iteration")
    if not bad:
        return f"approximate: {METHOD} converged in {times}"
    rows = f"{len(bad):,} of {many(len(iterations), 'row')} ({listed(map(str, bad))})"
    left = f"messages still change by up to {max(stats['residual']):.2g}"
    return f"approximate: {METHOD} did not converge in {times} for {rows}: {left}"
