"""What bounds leave open of an objective: multipliers times distances, and units that close it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lanework.machines.series.nonlinear.blocks import Floats
from lanework.machines.series.nonlinear.scales import (
    FAR,
    SHRUNK,
    Scales,
    by_sizes,
    ends,
    power,
    sizes,
    steepness,
)

if TYPE_CHECKING:
    from lanework.machines.series.nonlinear.callbacks import Callbacks
    from lanework.machines.series.nonlinear.problem import Problem

GAP = 1e-7  # beside the objective, what may be open where it is solved
HELD = 0.1  # a multiplier beside the slopes of its unknown: one that is less holds nothing


def gap(problem: Problem, functions: Problem | Callbacks, state: tuple[Floats, ...]) -> float:
    """Multipliers times the distances to what they hold at, in the objective's own units.

    Where the objective is flat no bound holds it, and multipliers are but what is left of them.
    """
    x, multipliers, lower, upper = state
    levels, slopes = np.empty(problem.rows), np.empty(len(x))
    functions.slope(x, slopes)
    if not slopes.any():
        return 0.0
    functions.levels(x, levels)
    weights = np.maximum(-multipliers, 0.0), np.maximum(multipliers, 0.0)
    return _open(x, ends(problem.variables), (lower, upper)) + _open(
        levels, ends(problem.targets), weights
    )


def _open(at: Floats, bounds: tuple[Floats, Floats], weights: tuple[Floats, Floats]) -> float:
    (low, high), (lower, upper) = bounds, weights
    off = np.where(low > -FAR, np.abs(lower * (at - low)), 0.0)
    off += np.where(high < FAR, np.abs(upper * (high - at)), 0.0)
    return float(off[low < high].sum())


@np.errstate(all="ignore")  # what is not a number stays as it was
def closer(
    problem: Problem,
    functions: Problem | Callbacks,
    state: tuple[Floats, ...],
    before: Scales,
    goal: float,
) -> Scales:
    """What to multiply by where bounds leave much open: units of unknowns that none holds.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        state: unknowns and multipliers where IPOPT ended.
        before: what numbers were multiplied by.
        goal: how large the objective is, with its changes.
    """
    x, multipliers, *held = state
    slopes, jacobian = np.empty(len(x)), np.empty(len(problem.entries[0]))
    functions.slope(x, slopes)
    functions.jacobian(x, jacobian)
    row, column = problem.entries
    most = np.abs(slopes)
    np.fmax.at(most, column, np.abs(jacobian * multipliers[row]))
    free = (np.maximum(*held) < HELD * most) & (x != 0)
    unit = before.unit.copy()
    for block in problem.variables:
        size = float(np.abs(x[block.where]).max(initial=0.0)) / unit[block.begin]
        if free[block.where].any() and not SHRUNK <= size <= 1 / SHRUNK:
            unit[block.where] = power(size * unit[block.begin])
    steep = steepness(problem, functions, x, unit)
    large = sizes(problem, functions, x, steep, unit)
    if not np.isfinite(large).all():
        return before
    new = by_sizes(steep, large, unit)
    return replace(new, goal=max(new.goal, 1 / goal)) if goal > 0 else new
