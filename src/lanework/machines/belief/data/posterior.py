"""What a run leaves, and whether products in it may have vanished or left the range of numbers.

Tensors are scaled to a sum of one, so that a sum far below one says that its terms were products
of small numbers; and if some number that went in was small enough, some of them may have become
zero. How large a product may become is known before the run, from the largest entries of tables
and evidence. Rows of either kind are answered again with logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.state import SlotKey

F64 = npt.NDArray[np.float64]


@dataclass
class Posterior:
    """What a run found."""

    # slot -> (entries, rows), or (entries, 1) where all rows have the same
    slots: dict[SlotKey, npt.NDArray[Any]]
    # one a row: ln Z, -inf for evidence that is impossible, or the semiring's own value
    totals: npt.NDArray[Any]
    # one a row, whether numbers may have vanished or become infinite
    lost: npt.NDArray[np.bool_]

    def put(self, rows: npt.NDArray[np.intp], logs: Posterior, semiring: str) -> None:
        """Replace some rows by what a run on logarithms found."""
        costs = semiring == "minsum"
        self.totals[rows] = -logs.totals if costs else logs.totals
        for key, value in logs.slots.items():
            wide = np.broadcast_to(self.slots[key], (len(value), len(self.lost))).copy()
            wide[:, rows] = np.exp(-value) if costs else value
            self.slots[key] = wide


# float64 is exact to 2^-52 down to 2.2e-308. What is lost beside a sum that is not smaller than
# `SUM` only matters after the rest has shrunk by more than 1e-190, for which other sums tell.
SUM, PRODUCT = 1e-100, 1e-280
RANGE = 700.0  # the logarithm of the largest product that is sure to be a number


def least_positive(arrays: Iterable[F64]) -> float:
    """The least positive number of some arrays, or one.

    Example:
        >>> least_positive([np.array([0.0, 0.5]), np.array([0.25])])
        0.25
    """
    return float(min((a.min(initial=1.0, where=a > 0) for a in arrays), default=1.0))


def may_be_lost(sums: Any, entries: Any, factors: int, most: Any = 0.0) -> Any:
    """For each row, or for one, whether anything may have vanished or become infinite.

    It may if a tensor was divided by a sum so small, and an entry was so small that was multiplied
    with so many factors before they were scaled. `most` is the logarithm of the largest product
    that there may be, at least 0: beside large entries a sum is small sooner.

    Example:
        >>> may_be_lost(np.array([1e-200, 1.0]), 1e-200, 2).tolist()
        [True, False]
        >>> may_be_lost(np.array([1.0, 1.0]), 1.0, 2, np.array([0.0, 900.0])).tolist()
        [False, True]
    """
    small = sums < SUM * np.exp(np.minimum(most, RANGE))
    return (most > RANGE) | small & (entries < PRODUCT ** (1 / max(factors, 1)))
