"""Where it is that a problem is not solved, and what changes nothing: names to go with a status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lanework.core.result.show import preview
from lanework.machines.series.nonlinear.blocks import Block, Floats
from lanework.machines.series.nonlinear.scales import ends

if TYPE_CHECKING:
    from lanework.machines.series.nonlinear.callbacks import Callbacks
    from lanework.machines.series.nonlinear.problem import Problem

Bools = NDArray[np.bool_]

CLOSE = 1e-6  # how far, relative to its size, a value may lie outside its bounds
NO_NUMBER = "not a number"  # the status
STATUS = {
    0: "solved",
    1: "inaccurate",
    2: "infeasible",
    3: "stopped",
    4: "diverged",
    5: "interrupted",
    6: "solved",
    -1: "iterations",
    -2: "stopped",
    -3: "stopped",
    -4: "deadline",
    -5: "deadline",
    -13: NO_NUMBER,
}
SAID = {
    "solved": "solved",
    "inaccurate": "only a looser tolerance is reached",
    "infeasible": "no values of the unknowns near here keep all bounds",
    "stopped": "no step makes it better, and it is not solved",
    "diverged": "the unknowns grow without end",
    "interrupted": "stopped by Ctrl-C",
    "iterations": "not solved after as many iterations as it may take",
    "deadline": "not solved by the deadline",
    NO_NUMBER: "a value or derivative is not a number",
    "singular": "the solution is not the only one near it",
}


def where(problem: Problem, x: Floats, status: str) -> str:
    """Names to go with a status.

    Args:
        problem: the problem.
        x: where it ended.
        status: how.
    """
    if problem.error is not None:
        return f": {problem.error.message}"
    levels = np.empty(problem.rows)
    problem.levels(x, levels)
    goal = problem.value(x)
    if problem.objective is not None and not np.isfinite(goal):
        return f": {problem.objective.name} is {problem.sign * goal:.6g}"
    bad = np.flatnonzero(~np.isfinite(levels))
    if not len(bad) and status == NO_NUMBER:
        return _steep(problem, x)
    if not len(bad) and status in ("infeasible", "iterations", "stopped", "inaccurate"):
        over, size = _over(problem, x, levels)
        bad = np.flatnonzero(over > CLOSE * size)
        bad = bad[np.argsort(-(over / size)[bad])]
    said = [
        f"{block.place(int(index) - block.begin)} is {levels[index]:.6g}"
        + _bound(block, int(index) - block.begin, float(levels[index]))
        for index in bad[:3]
        for block in problem.targets
        if block.begin <= index < block.begin + block.size
    ]
    return ": " + ", ".join(said) + (" ..." if len(bad) > 3 else "") if said else ""


def _bound(block: Block, index: int, level: float) -> str:
    """The bound that an output is out of, unless it is to be nought."""
    low, high = float(block.low[index]), float(block.high[index])
    if level < low:
        return f" (at least {low:.6g})" if low != high else f" (to be {low:.6g})" if low else ""
    if level > high:
        return f" (at most {high:.6g})" if low != high else f" (to be {low:.6g})" if low else ""
    return ""


def _over(problem: Problem, x: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """By how much outputs are out of their bounds, and how large they are."""
    slopes, (row, column) = np.empty(len(problem.entries[0])), problem.entries
    problem.jacobian(x, slopes)
    low, high = ends(problem.targets)
    size = np.maximum(np.abs(levels), np.minimum(np.abs(low), np.abs(high)))
    with np.errstate(all="ignore"):
        spread = np.nan_to_num(np.abs(slopes * x[column]), posinf=0.0)
    size += np.bincount(row, spread, problem.rows)
    return np.maximum(low - levels, levels - high), np.where(size > 0, size, 1.0)


def _steep(problem: Problem, x: Floats) -> str:
    """Names of derivatives that are not finite: of the objective, then of outputs, then second."""
    slopes, jacobian = np.empty(problem.size), np.empty(len(problem.entries[0]))
    bends = np.zeros(len(problem.bend_entries[0]))
    problem.slope(x, slopes)
    problem.jacobian(x, jacobian)
    if problem.twice:
        problem.hessian(x, np.ones(problem.rows), 1.0, bends)

    def name(blocks: list[Block], index: int) -> str:
        block = next(each for each in blocks if index < each.begin + each.size)
        return block.place(index - block.begin)

    goal = problem.objective.name if problem.objective else ""
    said = [
        f"the derivative of {goal} by {name(problem.variables, int(n))} is {slopes[n]:.6g}"
        for n in np.flatnonzero(~np.isfinite(slopes))
    ]
    for n in np.flatnonzero(~np.isfinite(jacobian)):
        row, column = (int(each[n]) for each in problem.entries)
        of, by = name(problem.targets, row), name(problem.variables, column)
        said.append(f"the derivative of {of} by {by} is {jacobian[n]:.6g}")
    for n in np.flatnonzero(~np.isfinite(bends)) if not said else ():
        one, two = (name(problem.variables, int(each[n])) for each in problem.bend_entries)
        said.append(f"a second derivative by {one} and {two} is {bends[n]:.6g}")
    where = ", ".join(said[:3]) + (" ..." if len(said) > 3 else "")
    at = ", ".join(
        f"{block.name} = {preview(np.asarray(block.of(x)))}" for block in problem.variables[:3]
    )
    return (
        f": {where}, where {at}; begin elsewhere, or give bounds that keep off it" if said else ""
    )


def idle(
    problem: Problem, functions: Problem | Callbacks, points: Sequence[Floats], unit: Floats
) -> Bools:
    """Which unknowns nothing depends on at some points, nor far around them.

    Of these all slopes are 0, and no value is another one where they alone are.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        points: where it began and ended.
        unit: how large unknowns are.
    """
    low, high = ends(problem.variables)
    random, error = np.random.default_rng(0), problem.error
    still = np.ones(problem.size, bool)
    for point in points:
        for share in (0.0, 1.0, -1.0, 30.0, -30.0, 1000.0, -1000.0):
            off = share * (unit + np.abs(point)) * random.uniform(0.5, 1, problem.size)
            other = np.clip(point + off, low, high)
            still &= _flat(problem, functions, other)
            still = _unchanging(problem, functions, point, other, still)
    problem.error = error  # a point that is refused is none of those on the way
    return still


def _flat(problem: Problem, functions: Problem | Callbacks, point: Floats) -> Bools:
    """By which unknowns all slopes at a point are 0."""
    slopes, entries = np.empty(len(point)), np.empty(len(problem.entries[0]))
    functions.slope(point, slopes)
    functions.jacobian(point, entries)
    flat: Bools = slopes == 0.0
    flat[problem.entries[1][entries != 0.0]] = False
    return flat


def stay(problem: Problem, unknowns: Bools, what: str = "nothing depends on {}") -> str:
    """What is said of unknowns that stay where they began."""
    said = [
        block.place(int(index) - block.begin)
        for index in np.flatnonzero(unknowns)[:3]
        for block in problem.variables
        if block.begin <= index < block.begin + block.size
    ]
    names = ", ".join(said) + (" ..." if unknowns.sum() > 3 else "")
    return f"; {what.format(names)}: as at the start" if said else ""


def put_back(
    problem: Problem, functions: Problem | Callbacks, start: Floats, x: Floats, unit: Floats
) -> str:
    """Put unknowns that change nothing back to the start; what is said of them.

    IPOPT moves what only a bound holds away from it, also where nothing depends on it.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        start: the unknowns to begin with.
        x: those at the end.
        unit: how large unknowns are.
    """
    moved: Bools = x != start
    for point in (x, start):
        moved = moved & _flat(problem, functions, point) if moved.any() else moved
    back = _unchanging(problem, functions, x, start, moved)
    x[back] = start[back]
    if not back.any():
        return ""
    never = back & idle(problem, functions, (start, x), unit)
    here = stay(problem, back & ~never, "at the start and the end there is no slope by {}")
    return stay(problem, never) + here


def _unchanging(
    problem: Problem, functions: Problem | Callbacks, x: Floats, other: Floats, tried: Bools
) -> Bools:
    """Which of some unknowns change no value from one point towards another.

    They are tried all and then by halves; by the deadline or at Ctrl-C there may be more.
    """

    def values(those: Bools) -> Floats:
        point, levels = np.where(those, other, x), np.empty(problem.rows)
        functions.levels(point, levels)
        return np.append(levels, functions.value(point))

    nothing = np.zeros(len(x), bool)
    if not tried.any():
        return nothing
    known, parts = values(nothing), [np.flatnonzero(tried)]
    while parts and not problem.late():
        part = parts.pop()
        more = nothing.copy()
        more[part] = True
        if np.array_equal(values(more), known, equal_nan=True):
            nothing = more
        elif len(part) > 1:
            parts += np.array_split(part, 2)
    return nothing
