"""What a run leaves, and whether products in it were so small that they may have vanished.

Tensors are scaled to a sum of one, so that a sum far below one says that its terms were products
of small numbers; and if some number that went in was small enough, some of them may have become
zero. Such rows are answered again with logarithms.
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
    # one a row, whether numbers were so small that they may have vanished
    lost: npt.NDArray[np.bool_]

    def put(self, rows: npt.NDArray[np.intp], logs: Posterior, semiring: str) -> None:
        """Replace some rows by what a run on logarithms found."""
        costs = semiring == "minsum"
        self.totals[rows] = -logs.totals if costs else logs.totals
        for key, value in logs.slots.items():
            wide = np.broadcast_to(self.slots[key], (len(value), len(self.lost))).copy()
            wide[:, rows] = np.exp(-value) if costs else value
            self.slots[key] = wide


SUM, PRODUCT = 1e-250, 1e-280  # float64 is exact to 2^-52 down to 2.2e-308


def least_positive(arrays: Iterable[F64]) -> float:
    """The least positive number of some arrays, or one.

    Example:
        >>> least_positive([np.array([0.0, 0.5]), np.array([0.25])])
        0.25
    """
    return float(min((a.min(initial=1.0, where=a > 0) for a in arrays), default=1.0))


def may_be_lost(sums: Any, entries: Any, factors: int) -> Any:
    """For each row, or for one, whether anything may have vanished.

    It may if a tensor was divided by a sum so small, and an entry was so small that was multiplied
    with so many factors before they were scaled.
    """
    return (sums < SUM) & (entries < PRODUCT ** (1 / max(factors, 1)))
