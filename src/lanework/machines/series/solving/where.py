"""Where it is that a problem is not solved, and what changes nothing: names to go with a status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lanework.core.result.show import preview
from lanework.machines.series.solving.blocks import Block, Floats
from lanework.machines.series.solving.scales import ends

if TYPE_CHECKING:
    from lanework.machines.series.solving.callbacks import Callbacks
    from lanework.machines.series.solving.problem import Problem

Bools = NDArray[np.bool_]

CLOSE = 1e-6  # how far, relative to its size, a value may lie outside its bounds
NO_NUMBER = "not a number"  # the status


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
        for index in bad[:3]
        for block in problem.targets
        if block.begin <= index < block.begin + block.size
    ]
    return ": " + ", ".join(said) + (" ..." if len(bad) > 3 else "") if said else ""


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
    """Which unknowns no output depends on at some points, nor far around them.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        points: where it began and ended.
        unit: how large unknowns are.
    """
    low, high = ends(problem.variables)
    slopes, random = np.empty(len(problem.entries[0])), np.random.default_rng(0)
    still = np.ones(problem.size, bool)
    for point in points:
        for share in (0.0, 1.0, -1.0, 30.0, -30.0, 1000.0, -1000.0):
            off = share * (unit + np.abs(point)) * random.uniform(0.5, 1, problem.size)
            functions.jacobian(np.clip(point + off, low, high), slopes)
            still[problem.entries[1][slopes != 0.0]] = False
    return still


def stay(problem: Problem, unknowns: Bools) -> str:
    """What is said of unknowns that stay where they began."""
    said = [
        block.place(int(index) - block.begin)
        for index in np.flatnonzero(unknowns)[:3]
        for block in problem.variables
        if block.begin <= index < block.begin + block.size
    ]
    more = " ..." if unknowns.sum() > 3 else ""
    return f"; nothing depends on {', '.join(said)}{more}: as at the start" if said else ""


def put_back(problem: Problem, functions: Problem | Callbacks, start: Floats, x: Floats) -> str:
    """Put unknowns that change nothing back to the start; what is said of them."""
    back = _unmoving(problem, functions, start, x)
    x[back] = start[back]
    return stay(problem, back)


def _unmoving(problem: Problem, functions: Problem | Callbacks, start: Floats, x: Floats) -> Bools:
    """Which unknowns were moved and change nothing: put back to the start, all else keeps its bits.

    IPOPT moves what only a bound holds away from it, also where nothing depends on it. Those of
    which no slope is other than zero, at the start and in the end, are tried, all and then halves.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        start: the unknowns to begin with.
        x: those at the end.
    """
    slopes, entries = np.empty(len(x)), np.empty(len(problem.entries[0]))
    moved: Bools = x != start
    for point in (x, start):
        functions.slope(point, slopes)
        functions.jacobian(point, entries)
        moved &= slopes == 0.0
        moved[problem.entries[1][entries != 0.0]] = False
        if not moved.any():
            return moved

    def said(back: Bools) -> tuple[float, bytes]:
        point, levels = np.where(back, start, x), np.empty(problem.rows)
        functions.levels(point, levels)
        return functions.value(point), levels.tobytes()

    nothing = np.zeros(len(x), bool)
    known, parts = said(nothing), [np.flatnonzero(moved)]
    while parts:
        part = parts.pop()
        tried = nothing.copy()
        tried[part] = True
        if said(tried) == known:
            nothing = tried
        elif len(part) > 1:
            parts += np.array_split(part, 2)
    return nothing
