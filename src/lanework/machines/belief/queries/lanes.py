"""Conditioning lanes: one for each joint state of some variables that a row leaves possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.queries.cutset import possible

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
        """Count the lanes.

        Args:
            evidence: the rows; a state of weight zero has no lane.
            variables: whose states have lanes of their own.
            sizes: how many states each of them has.
        """
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
