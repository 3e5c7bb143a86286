"""Which variables are conditioned on where a program does not fit, and the lanes that they make.

A variable is worth most that lowers the terms of the elimination order most for the lanes that its
states cost; variables are taken one after another, each with a new order (after B. Bidyuk and R.
Dechter, On finding minimal w-cutset, UAI 2004). A row that knows the variable's state has one lane
for it, whatever its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lanework.core.program.program import Program
from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.passes.elimination import WIDEST, Elimination
from lanework.machines.belief.passes.query import Problem
from lanework.machines.belief.semiring import VMSemiringRuntime

TERM = 4e-9  # seconds for a term of a lane, up and down, of tensors that fit no cache
LEAST_GAIN = 1e-9


@dataclass(frozen=True, eq=False)
class Question:
    """What `compile_graph` is asked, to ask it again with more variables cut out."""

    graph: FactorGraph
    query: str | Sequence[str]
    evidence: Sequence[str]
    observed: Sequence[str]
    semiring: str | VMSemiringRuntime

    def problem(self, more: Iterable[str] = ()) -> Problem:
        """The problem, with more variables cut out."""
        cut = [*self.observed, *more]
        return Problem(self.graph, self.query, self.evidence, cut, self.semiring)

    def program(self, more: Iterable[str] = (), *, seconds: float = 0.2) -> Program:
        """The program, with more variables cut out."""
        return compile_graph(
            self.graph,
            self.query,
            evidence=self.evidence,
            observed=[*self.observed, *more],
            semiring=self.semiring,
            seconds=seconds,
        )


class Cutset:
    """Variables that are conditioned on, and what that costs.

    Attributes:
        variables: their numbers, in the order in which they were taken.
        lanes: of each row, how many joint states of them it leaves possible, float64.
        terms: of the elimination order that is left, for one lane.

    Example:
        >>> graph = FactorGraph()
        >>> for name in "abcd":
        ...     _ = graph.variable(name, 10)
        >>> for scope in ("ab", "bc", "cd", "da"):
        ...     _ = graph.factor(scope, np.ones((10, 10)))
        >>> cutset = Cutset(Question(graph, "z", (), (), "prob"), Evidence({}, 1, single=True))
        >>> before, grown = cutset.terms, cutset.grow()
        >>> len(cutset.names), round(before), round(cutset.terms), round(cutset.work)
        (1, 2110, 210, 2100)
    """

    def __init__(self, question: Question, evidence: Evidence) -> None:
        """Begin without any variable."""
        self.question, self.evidence = question, evidence
        self.variables: list[int] = []
        self.lanes = np.ones(evidence.rows)
        self._look()
        self.plain = self.work

    @property
    def names(self) -> list[str]:
        """The names of the variables."""
        every = list(self.question.graph.variables)
        return [every[v] for v in self.variables]

    @property
    def work(self) -> float:
        """Terms of all lanes."""
        return float(self.lanes.sum()) * self.terms

    @property
    def seconds(self) -> float:
        """An estimate of the time that the work takes on one core."""
        return self.work * TERM

    def grow(self, within: float = math.inf) -> bool:
        """Take the variable that lowers the terms of a lane most for what it costs, if any does.

        What would take longer than `within` seconds is only taken if it lowers the work.
        """
        prices = [
            (math.log(max(self._states(v), 1.0)) / gain, -gain, v) for v, gain in self._gains()
        ]
        if not prices:
            return False
        price, _, best = min(prices)
        if self.seconds > within and price >= 1.0 - LEAST_GAIN:
            return False
        self.variables.append(best)
        self.lanes = self.lanes * possible(self.evidence, best, self._sizes[best]).sum(axis=0)
        self._look()
        return True

    def _look(self) -> None:
        problem = self.question.problem(self.names)
        order = Elimination(problem, 0.0, 0).order
        variables = problem.graph.variables.values()
        self._sizes = {n: variable.size for n, variable in enumerate(variables)}
        self._candidates = _candidates(problem)
        self._cliques, self.terms = order.cliques, order.cost

    def _states(self, variable: int) -> float:
        """How many lanes a row has for a variable, on average over the lanes there are."""
        states = possible(self.evidence, variable, self._sizes[variable]).sum(axis=0)
        lanes = self.lanes.sum()
        return float((states * self.lanes).sum() / lanes) if lanes else 1.0

    def _gains(self) -> list[tuple[int, float]]:
        """For variables by how much, as a logarithm, they lower the terms of this order."""
        saved = dict.fromkeys(self._candidates, 0.0)
        for clique in self._cliques:
            entries = math.exp(min(sum(math.log(self._sizes[v]) for v in clique), WIDEST))
            for v in clique & saved.keys():
                saved[v] += entries * (1.0 - 1.0 / self._sizes[v])
        gains = (
            (v, -math.log1p(-min(less / self.terms, 1.0 - 1e-15))) for v, less in saved.items()
        )
        return [(v, gain) for v, gain in gains if gain > LEAST_GAIN]


def _candidates(problem: Problem) -> list[int]:
    """The variables that can be conditioned on.

    Derivatives are of whole tables; and where some variables are summed over and others maximized,
    a sum over cases cannot come after a maximum.
    """
    query = problem.query
    if query.derives:
        return []
    return [v for v in problem.variables if query.kind != "mmap" or v in problem.asked]


def possible(evidence: Evidence, variable: int, size: int) -> npt.NDArray[np.bool_]:
    """Which states a row leaves possible, of shape (states, rows)."""
    weights = evidence.weights.get(variable)
    known = np.ones((size, evidence.rows), bool) if weights is None else weights > 0
    return np.broadcast_to(known, (size, evidence.rows))


Integers = npt.NDArray[np.int64]


class ConditioningLanes:
    """Lanes by number: those of the first row first, the last variable's state changing fastest.

    Attributes:
        count: how many there are.
        starts: the first lane of each row, and at the end `count`.

    Example:
        >>> known = Evidence({0: np.array([[0.0, 0.5], [1.0, 0.25]])}, 2, single=False)
        >>> lanes = ConditioningLanes(known, [0, 1], [2, 2])
        >>> lanes.starts.tolist()
        [0, 2, 6]
        >>> rows, part, logs = lanes.some(np.arange(6))
        >>> rows.tolist(), part.weights[0][1].tolist(), part.weights[1][1].tolist()
        ([0, 0, 1, 1, 1, 1], [1.0, 1.0, 0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
        >>> np.exp(logs).tolist()
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(self, evidence: Evidence, variables: Sequence[int], sizes: Sequence[int]) -> None:
        """Count the lanes: the joint states of the variables that a row leaves possible."""
        self.evidence, self.variables = evidence, variables
        self._states: list[Integers] = []  # for each variable (states, rows), the possible first
        self._counts: list[Integers] = []
        lanes = np.ones(evidence.rows, np.int64)
        for variable, size in zip(variables, sizes, strict=True):
            some = possible(evidence, variable, size)
            self._states.append(np.argsort(~some, axis=0, kind="stable"))
            self._counts.append(some.sum(axis=0))
            lanes *= self._counts[-1]
        self.starts: Integers = np.concatenate([[0], np.cumsum(lanes)])
        self.count = int(self.starts[-1])

    def some(self, numbers: Integers) -> tuple[Integers, Evidence, npt.NDArray[np.float64]]:
        """Some lanes: the row of each, what it knows, and the logarithm of its weight.

        The weight is that of the states in the row's own evidence. The lane says the states
        themselves with certainty.
        """
        rows = np.searchsorted(self.starts, numbers, side="right") - 1
        left = numbers - self.starts[rows]
        weights = {
            v: known[:, rows]
            for v, known in self.evidence.weights.items()
            if v not in self.variables
        }
        logs = np.zeros(len(numbers))
        each = zip(self.variables, self._states, self._counts, strict=True)
        for variable, states, counts in reversed(list(each)):
            left, digit = np.divmod(left, counts[rows])
            state = states[digit, rows]
            weights[variable] = np.zeros((len(states), len(numbers)))
            weights[variable][state, np.arange(len(numbers))] = 1.0
            own = self.evidence.weights.get(variable)
            if own is not None:
                logs += np.log(own[state, rows])
        return rows, Evidence(weights, len(numbers), single=False), logs
