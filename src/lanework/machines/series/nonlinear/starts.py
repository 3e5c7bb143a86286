"""Starts at which nothing changes: slopes of nought lead nowhere, so places around are looked at.

IPOPT takes a start for a solution at which an objective is flat, such as a maximum, and for one of
no solution at which an equation is, such as `(x / 1000)**3 = 8` at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from lanework.machines.series.nonlinear.blocks import Floats
from lanework.machines.series.nonlinear.polish import Bools
from lanework.machines.series.nonlinear.scales import ends

if TYPE_CHECKING:
    from lanework.machines.series.nonlinear.callbacks import Callbacks
    from lanework.machines.series.nonlinear.problem import Problem

DISTANCES = 4.0 ** np.arange(-25, 26)  # from 1e-15 to 1e15, beside unknowns that are more than 1
LEAST = 1e-9  # of a miss or an objective: what is less may be rounding
MOST = 16  # blocks of unknowns that are looked at one by one

Merit = Callable[[Floats], float]


@np.errstate(all="ignore")  # what is not a number is no better
def moved(problem: Problem, functions: Problem | Callbacks, start: Floats) -> Floats | None:
    """A start from which slopes lead somewhere; None where they do, or no place around is better.

    It is in the nearest valley, on a line through the start, of what is flat there: of outputs
    that are out of their bounds, else of the objective.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        start: the unknowns to begin with, within their bounds.
    """
    flat = _flat(problem, functions, start)
    if flat is None:
        return None
    merit, columns = flat
    first = merit(start)
    best, least = start, first - LEAST * abs(first)
    for part in _parts(problem, columns):
        begin, limit = best, least
        for way in part:
            x, value = _valley(problem, merit, begin, way, limit)
            if value < least:
                best, least = x, value
    return None if best is start or problem.stop else best


def _flat(
    problem: Problem, functions: Problem | Callbacks, start: Floats
) -> tuple[Merit, Bools] | None:
    """What is to become less where it is flat, and the unknowns on which that may depend."""
    (row, column), (low, high) = problem.entries, ends(problem.targets)
    levels, slopes = np.empty(problem.rows), np.empty(len(row))
    functions.jacobian(start, slopes)

    def misses(x: Floats) -> Floats:
        functions.levels(x, levels)
        out: Floats = np.maximum(np.maximum(low - levels, levels - high), 0.0)
        return out

    first = misses(start)
    flat = np.isin(np.arange(problem.rows), row) & (first > 0)
    flat &= np.bincount(row, slopes != 0, problem.rows) == 0
    if flat.any():
        columns = np.isin(np.arange(len(start)), column[flat[row]])
        return lambda x: float((misses(x)[flat] / first[flat]).mean()), columns
    by = np.empty(len(start))
    functions.slope(start, by)
    if problem.objective is None or by.any() or first.any():
        return None
    return lambda x: np.inf if misses(x).any() else functions.value(x), problem.moves


def _parts(problem: Problem, columns: Bools) -> Iterator[list[Floats]]:
    """Directions to look in: all of the unknowns together, then each of them by itself."""
    number = np.arange(len(columns))
    turns = np.where(number % 2 == 0, 1.0, -1.0) * (1.5 + np.sin(number)) / 2
    all_of_them: Floats = columns.astype(np.float64)
    mixed: Floats = all_of_them * turns
    yield [sign * way for way in (all_of_them, mixed)[: int(columns.sum())] for sign in (1.0, -1.0)]
    blocks = problem.variables if 1 < len(problem.variables) <= MOST else []
    for block in blocks:
        way = np.zeros(len(columns))
        way[block.where] = columns[block.where]
        if way.any():
            yield [way, -way]


def _valley(
    problem: Problem, merit: Merit, start: Floats, way: Floats, limit: float
) -> tuple[Floats, float]:
    """Where it is least before it rises again, and how much that is: at most `limit`, or inf."""
    low, high = ends(problem.variables)
    size = np.maximum(1.0, np.abs(start))
    best, least = start, np.inf
    for distance in DISTANCES:
        if problem.late():
            break
        x = np.clip(start + distance * size * way, low, high)
        value = merit(x)
        if value < min(least, limit):
            best, least = x, value
        elif least < np.inf and not value <= least + LEAST * abs(least):
            break
    return best, least
