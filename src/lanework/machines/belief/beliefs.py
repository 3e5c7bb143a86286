"""Beliefs as answers: what a variable's own part of the graph says, in view of the other parts.

Messages do not pass between parts that are not connected. So each part scales its own beliefs, and
what the other parts have to say is put in at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def whole(semiring: str, belief: Array, total: Array) -> Array:
    """A belief in view of the whole graph's total.

    Counts become those of whole assignments; where the evidence is impossible there is none.

    Args:
        semiring: its name.
        belief: (states, rows).
        total: one a row: the count, whether there is an assignment, or the logarithm or the cost.

    Example:
        >>> whole("counting", np.array([[1, 2], [2, 0]]), np.array([30, 0])).tolist()
        [[10, 0], [20, 0]]
        >>> whole("prob", np.array([[0.5, 0.5]]), np.array([0.0, -np.inf])).tolist()
        [[0.5, 0.0]]
    """
    if semiring == "bool":
        return np.logical_and(belief, total)
    if semiring == "counting":
        own = belief.sum(axis=0)
        times = np.where(own == 0, 0, total // np.where(own == 0, 1, own))
        return belief * times
    never = impossible(semiring, total)
    if not never.any():
        return belief
    return np.where(never, np.inf if semiring == "minsum" else 0.0, belief)


def impossible(semiring: str, total: Array) -> npt.NDArray[np.bool_]:
    """Which rows have evidence that cannot be, by their totals.

    Example:
        >>> impossible("prob", np.array([-3.0, -np.inf])).tolist()
        [False, True]
    """
    nothing = {"bool": False, "counting": 0, "minsum": np.inf}.get(semiring, -np.inf)
    return np.asarray(total == nothing, np.bool_)
