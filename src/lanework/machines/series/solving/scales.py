"""How large a problem's functions are, so that no answer depends on the units that they are in.

IPOPT stops where what is left to gain is a small number. It makes large slopes smaller itself;
where all of a function's numbers are small, what is left may be most of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lanework.machines.series.solving.blocks import Floats

if TYPE_CHECKING:
    from lanework.machines.series.solving.callbacks import Callbacks
    from lanework.machines.series.solving.problem import Problem

SMALL = 1e-2  # what is smaller is made about 1
LARGE, LEAST = 100.0, 1e-8  # slopes that are larger become that, by no smaller a factor: as IPOPT
EXACT = 1e-10  # how exact, beside its value, an objective is thought to be at least
TINY = 1e-300
FAR = 1e19  # what is more is no bound

Factors = tuple[float, Floats]


def steepness(problem: Problem, functions: Problem | Callbacks, x: Floats) -> Floats:
    """The largest slope of the objective and of each output at a point, shape (1 + rows,)."""
    slopes, jacobian = np.empty(len(x)), np.empty(len(problem.entries[0]))
    functions.slope(x, slopes)
    functions.jacobian(x, jacobian)
    steep = np.zeros(1 + problem.rows)
    steep[0] = np.abs(slopes).max(initial=0.0)
    np.maximum.at(steep[1:], problem.entries[0], np.abs(jacobian))
    return steep


def scales(
    problem: Problem,
    functions: Problem | Callbacks,
    x: Floats,
    first: Floats,
    ends: tuple[Floats, Floats],
) -> Factors | None:
    """What to multiply the objective and each output by; None where IPOPT's own ways will do.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        x: an optimum as far as IPOPT can see.
        first: the steepness at the start, by which IPOPT made functions smaller.
        ends: the bounds of the outputs.
    """
    steep, levels = steepness(problem, functions, x), np.empty(problem.rows)
    functions.levels(x, levels)
    size = np.zeros(len(steep))
    size[0] = max(steep[0], EXACT * abs(functions.value(x)))
    if not size[0] >= SMALL:
        size[0] = max(size[0], _bent(problem, functions, x))
    known = (np.where(np.abs(end) < FAR, np.abs(end), 0.0) for end in ends)
    size[1:] = np.maximum.reduce([steep[1:], np.abs(levels), *known])
    with np.errstate(invalid="ignore"):
        small: NDArray[np.bool_] = (size * _smaller(first) < SMALL) & (size > 0)
    if not small.any() or not np.isfinite(size).all():
        return None
    factors = np.where(size < SMALL, 1 / np.maximum(size, TINY), _smaller(steep))
    factors = np.where(size > 0, factors, 1.0)
    return float(factors[0]), factors[1:]


def _smaller(steep: Floats) -> Floats:
    """What IPOPT makes functions of these slopes smaller by."""
    return np.maximum(LARGE / np.fmax(steep, LARGE), LEAST)


def _bent(problem: Problem, functions: Problem | Callbacks, x: Floats) -> float:
    """How much the slopes of the objective change over distances as large as the unknowns."""
    row, column = problem.bend_entries
    bends = np.zeros(len(row))
    functions.hessian(x, np.zeros(problem.rows), 1.0, bends)
    wide = 1.0 + np.maximum(np.abs(x[row]), np.abs(x[column]))
    return float((np.abs(bends) * wide).max(initial=0.0))
