"""Every assignment of a small factor graph, one by one: what inference is checked against.

This shares no code with compiler, kernels or semirings; entries are logarithms, so that products of
tiny numbers stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.graph.model import FactorGraph

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Answers:
    """What a graph has to say in one semiring."""

    totals: Array  # one a row: ln Z, the best logarithm, the least cost, a count, or whether any is
    beliefs: dict[str, Array]  # variable -> (rows, states), scaled as the semiring scales


class Enumeration:
    """The logarithm of every assignment's weight.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("a", 2)
        >>> _ = graph.factor(["a"], [1.0, 3.0])
        >>> answers = Enumeration(graph, {}, 1).answers("prob")
        >>> answers.beliefs["a"].tolist(), float(np.exp(answers.totals[0]).round(9))
        ([[0.25, 0.75]], 4.0)
    """

    def __init__(self, graph: FactorGraph, weights: Mapping[str, Array], rows: int) -> None:
        """Enumerate a graph of few variables; weights of its states: variable -> (rows, states)."""
        self.names = list(graph.variables)
        self.rows = rows
        place = {name: number for number, name in enumerate(self.names)}
        sizes = [variable.size for variable in graph.variables.values()]
        self.logs = np.zeros((rows, *sizes))
        with np.errstate(divide="ignore"):
            for factor in graph.factors:
                self.logs += self._spread(np.log(factor.table), [place[v] for v in factor.scope])
            for name, known in weights.items():
                shape = [1] * (len(sizes) + 1)
                shape[0], shape[place[name] + 1] = known.shape
                self.logs += np.log(known).reshape(shape)

    def _spread(self, table: Array, axes: list[int]) -> Array:
        """A table with the axes of the graph in order, those that it lacks of length 1."""
        order = sorted(range(len(axes)), key=axes.__getitem__)
        shape = [1] * self.logs.ndim
        for axis, size in zip(axes, table.shape, strict=True):
            shape[axis + 1] = size
        return np.transpose(table, order).reshape(shape)

    def answers(self, semiring: str) -> Answers:
        """Totals and beliefs in a semiring, by its name."""
        return _ANSWERS[semiring](self)

    def _sums(self) -> Answers:
        scaled, top = self._scaled()
        entries = np.exp(scaled)
        total = self._folded(np.sum, entries)
        by = np.where(total > 0, total, 1.0)[:, np.newaxis]
        with np.errstate(divide="ignore"):
            totals = np.log(total) + top
        return Answers(totals, {n: v / by for n, v in self._beliefs(np.sum, entries).items()})

    def _largest(self) -> Answers:
        best = self._beliefs(np.max, self._scaled()[0])
        return Answers(self._folded(np.max, self.logs), {n: np.exp(v) for n, v in best.items()})

    def _least(self) -> Answers:
        costs = -self._scaled()[0]
        return Answers(self._folded(np.min, -self.logs), self._beliefs(np.min, costs))

    def _counts(self) -> Answers:
        some = np.isfinite(self.logs)
        return Answers(self._folded(np.sum, some), self._beliefs(np.sum, some))

    def _truth(self) -> Answers:
        some = np.isfinite(self.logs)
        return Answers(self._folded(np.any, some), self._beliefs(np.any, some))

    def _scaled(self) -> tuple[Array, Array]:
        """Logarithms less the largest of each row, and this; rows that are impossible stay so."""
        top = self._folded(np.max, self.logs)
        top = np.where(np.isfinite(top), top, 0.0)
        return self.logs - top.reshape(-1, *[1] * len(self.names)), top

    def _folded(self, fold: Any, table: Array) -> Array:
        folded: Array = fold(table.reshape(self.rows, -1), axis=1)
        return folded

    def _beliefs(self, fold: Any, table: Array) -> dict[str, Array]:
        every = range(1, table.ndim)
        return {
            name: fold(table, axis=tuple(axis for axis in every if axis != number))
            for number, name in enumerate(self.names, 1)
        }


_ANSWERS: dict[str, Callable[[Enumeration], Answers]] = {
    "prob": Enumeration._sums,
    "logprob": Enumeration._sums,
    "max": Enumeration._largest,
    "minsum": Enumeration._least,
    "counting": Enumeration._counts,
    "bool": Enumeration._truth,
}
