"""What slopes do not see around a least value: a jump right beside it, and that it levels out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lanework.machines.series.nonlinear.blocks import Floats
from lanework.machines.series.nonlinear.checking import MANY, NEAR
from lanework.machines.series.nonlinear.gap import GAP
from lanework.machines.series.nonlinear.scales import FAR, ends

if TYPE_CHECKING:
    from lanework.machines.series.nonlinear.callbacks import Callbacks
    from lanework.machines.series.nonlinear.problem import Problem

SHARES = (1 / 16, 1 / 256)  # of a small distance, at all of which a jump is as high
INSIDE = 0.9  # of the way to a bound, within which a jump is looked for
FURTHER = (1e6, 5e5, 1e3)  # times its size: where an unknown is looked at that is not bounded


@np.errstate(all="ignore")  # what is not a number is no less
def around(
    problem: Problem, functions: Problem | Callbacks, x: Floats, unit: Floats, change: float
) -> tuple[str, str]:
    """The status of what is solved, and what is said of it.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        x: the least value as far as slopes say.
        unit: how large unknowns are.
        change: by how much the objective changed on the way there.
    """
    if problem.objective is None or len(x) > MANY:
        return "solved", ""
    low, high = ends(problem.variables)
    name, value, levels = problem.objective.name, functions.value(x), np.empty(problem.rows)
    least, most = ends(problem.targets)
    little = GAP * max(abs(value), GAP * change)

    def misses(at: Floats) -> Floats:
        functions.levels(at, levels)
        out: Floats = np.maximum(np.maximum(least - levels, levels - most), 0.0)
        return out

    here, wide = misses(x), np.maximum(np.abs(x), unit)

    def gain(index: int, off: float) -> float:
        """How much less the objective is there; NaN where bounds are not kept as well."""
        at = x.copy()
        at[index] += off
        return value - functions.value(at) if (misses(at) <= here).all() else np.nan

    level, error, slopes = [], problem.error, np.empty(len(x))
    functions.slope(x, slopes)
    bent = _bent(problem, functions, x) * wide**2 > little
    for index, way in [(int(n), way) for n in np.flatnonzero(problem.moves) for way in (1.0, -1.0)]:
        if problem.late():
            break
        place = next(
            b.place(index - b.begin) for b in problem.variables if index < b.begin + b.size
        )
        end = high[index] if way > 0 else -low[index]
        near = way * min(NEAR * wide[index], INSIDE * (end - way * x[index]))
        jump = gain(index, near) if problem.jumps and near else 0.0
        if jump > little and min(gain(index, near * share) for share in SHARES) > jump / 2:
            problem.error = None
            side = "larger" if way > 0 else "smaller"
            return (
                "stopped",
                f": by a jump {name} is {jump:.6g} better where {place} is a little {side}",
            )
        if end < FAR or bent[index]:
            continue
        far = [gain(index, way * times * wide[index]) for times in FURTHER]
        if slopes[index] == 0 and far[0] > far[1] > far[2] > little:
            problem.error = None
            side = "larger" if way > 0 else "smaller"
            return "stopped", f": {name} is the less the {side} {place} is, without a slope"
        if all(abs(each) <= little for each in far):
            level.append(f"{place} {'above' if way > 0 else 'below'} {x[index]:.6g}")
    problem.error = error
    said = " and ".join(level[:3]) + (" ..." if len(level) > 3 else "")
    return "solved", f"; {name} levels out: it is about the same for {said}" if level else ""


def _bent(problem: Problem, functions: Problem | Callbacks, x: Floats) -> Floats:
    """How much the slope of the objective by each unknown changes with it; nought if unsaid."""
    (row, column), out = problem.bend_entries, np.zeros(len(x))
    if problem.twice:
        bends = np.zeros(len(row))
        functions.hessian(x, np.zeros(problem.rows), 1.0, bends)
        out[row[row == column]] = np.abs(bends[row == column])
    return out
