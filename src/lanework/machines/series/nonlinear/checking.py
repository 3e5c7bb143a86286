"""What IPOPT calls solved: whether all holds there, and whether slopes there are to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lanework.machines.series.nonlinear.blocks import Floats
from lanework.machines.series.nonlinear.polish import Bools, Equations
from lanework.machines.series.nonlinear.scales import Scales, ends
from lanework.machines.series.nonlinear.where import CLOSE, NO_NUMBER, idle, stay

if TYPE_CHECKING:
    from lanework.machines.series.nonlinear.callbacks import Callbacks
    from lanework.machines.series.nonlinear.problem import Problem

ROUNDING = 2e-15  # how exact, beside them, unknowns can be
POLISH = 4  # steps of Newton's method at the end
FINE = 1e-12  # how small, beside the unknowns, the last of them is
LITTLE = 1e-9  # a step of which rounding may be the cause
NEAR, NEARER = 1e-6, 16.0  # how far beside a point, in units, and how often nearer, slopes are seen
MANY = 64  # more unknowns than this are not looked at one by one


class _Point:
    """Outputs and their slopes at a point, and what is small there."""

    def __init__(
        self, problem: Problem, functions: Problem | Callbacks, x: Floats, scales: Scales
    ) -> None:
        self._problem, self._functions, self.x = problem, functions, x
        self.levels, self.slopes = np.empty(problem.rows), np.empty(len(problem.entries[0]))
        self.low, self.high = ends(problem.targets)
        self._units = np.minimum(1.0, scales.unit), np.minimum(1.0, 1.0 / scales.rows)
        self.look()

    def look(self) -> None:
        """Look again, where the point has moved."""
        self._functions.levels(self.x, self.levels)
        self._functions.jacobian(self.x, self.slopes)
        row, column = self._problem.entries
        with np.errstate(all="ignore"):
            spread = np.abs(self.slopes * self.x[column])
        spread[~np.isfinite(spread)] = 0.0
        self._noise = ROUNDING * np.bincount(row, spread, self._problem.rows)
        self._over = np.maximum(self.low - self.levels, self.levels - self.high)

    @property
    def finite(self) -> bool:
        """Whether all of it is numbers."""
        return bool(np.isfinite(self.slopes).all() and np.isfinite(self.levels).all())

    @property
    def exact(self) -> bool:
        """Whether no more is left than rounding of the unknowns makes."""
        return bool((self._over <= self._noise).all())

    @property
    def worst(self) -> float:
        """By how much outputs are out of their bounds at most."""
        return float(self._over.max(initial=0.0))

    @property
    def held(self) -> bool:
        """Whether outputs are within bounds, but for that and a small share of their size."""
        size = np.maximum(np.abs(self.levels), np.minimum(np.abs(self.low), np.abs(self.high)))
        return bool((self._over <= CLOSE * (self._units[1] + size) + self._noise).all())

    def share(self, step: Floats) -> tuple[float, float]:
        """The most that a step is of the unknowns, and of them and their units."""
        with np.errstate(invalid="ignore", divide="ignore"):
            own = np.where(step == 0, 0.0, np.abs(step) / np.abs(self.x))
        size = self._units[0] + np.abs(self.x)
        return float(own.max(initial=0.0)), float((np.abs(step) / size).max(initial=0.0))

    def step(self, equations: Equations, equal: Bools) -> Floats | None:
        """The step from where equations hold; None where slopes leave unknowns open."""
        if not self.finite:
            return None
        return equations.step(self.slopes, (self.levels - self.low)[equal])

    def endless(self, equal: Bools) -> Floats | None:
        """Slopes where some of equations have no end; None where those do not say what it is.

        One such slope ties its unknown to nought beside all else of its equation. Of two in one
        equation, or by one unknown, it cannot be seen how they add up.
        """
        row, column = self._problem.entries
        mine = equal[row]
        steep = mine & np.isinf(self.slopes)
        several = any(np.bincount(each[steep]).max(initial=0) > 1 for each in (row, column))
        if several or np.isnan(self.slopes[mine]).any() or not np.isfinite(self.levels).all():
            return None
        tied = np.isin(row, row[steep])
        out: Floats = np.where(steep, 1.0, np.where(tied | ~mine, 0.0, self.slopes))
        return out

    def _difference(self, index: int, width: float) -> Floats:
        """How outputs change with an unknown, by values on both sides."""
        levels = []
        for way in (width, -width):
            beside, level = self.x.copy(), self.levels.copy()
            beside[index] += way
            self._functions.levels(beside, level)
            levels.append(level)
        out: Floats = (levels[0] - levels[1]) / (2 * width)
        return out

    @property
    def unsure(self) -> bool:
        """Whether slopes may be written as 0 where they are none, of not too many unknowns."""
        return self._problem.unsure and len(self.x) <= MANY

    def differ(self, widths: Floats) -> None:
        """Take slopes that are 0 or no numbers from differences, where those say the same twice."""
        row, column = self._problem.entries
        with np.errstate(all="ignore"):
            for index in np.unique(column):
                wide, near = (
                    self._difference(int(index), share * widths[index])
                    for share in (1.0, 1 / NEARER)
                )
                same = np.abs(wide - near) <= 0.1 * np.abs(near)
                mine = (column == index) & ((self.slopes == 0) | ~np.isfinite(self.slopes))
                self.slopes[mine] = np.where(same, near, 0.0)[row[mine]]


def checked(
    problem: Problem,
    functions: Problem | Callbacks,
    x: Floats,
    scales: Scales,
    still: Bools | None = None,
) -> str:
    """IPOPT says that it is solved: is it? Where equations say all, `x` comes nearer to them.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        x: where it ended.
        scales: how large its numbers are.
        still: unknowns that no equation depends on, if any: they are left aside, and so are
            equations that depend on none.
    """
    point = _Point(problem, functions, x, scales)
    if problem.objective is None:
        equal, equations, off = point.low == point.high, problem.equations, np.inf
        if still is not None:
            equal &= np.bincount(problem.entries[0], point.slopes != 0, problem.rows) > 0
            low, high = ends(problem.variables)
            equations = Equations(problem.entries, equal, (low < high) & ~still)
        least, most = ends(problem.variables)
        begin = point.worst
        for _ in range(POLISH):
            step = point.step(equations, equal)
            if step is None:
                return _doubted(point, equations, equal, scales)
            own, off = point.share(step)
            if point.held and (own <= FINE or (point.exact and off <= FINE)):
                break
            x[:] = np.clip(x - step, least, most)
            point.look()
        near = off <= CLOSE and (off <= LITTLE or point.worst < begin / 2)  # else it turns back
        if not (near or point.exact):
            return "inaccurate"
    return "solved" if point.held else "inaccurate"


def _doubted(point: _Point, equations: Equations, equal: Bools, scales: Scales) -> str:
    """What it is where slopes do not say that there is one solution."""
    finite, met = point.finite, bool((point.levels == point.low)[equal].all() and point.held)
    slopes = None if finite or not met else point.endless(equal)
    if slopes is not None and equations.step(slopes, np.zeros(equal.sum())) is not None:
        return "solved"
    if met and point.unsure:
        point.differ(NEAR * np.maximum(np.abs(point.x), scales.unit))
        if point.step(equations, equal) is not None:
            return "solved"
    return "singular" if finite or slopes is not None else NO_NUMBER


def aside(
    problem: Problem, functions: Problem | Callbacks, start: Floats, x: Floats, scales: Scales
) -> tuple[str, str]:
    """What it is where unknowns are open: is it those alone that no equation depends on?

    These go back to the start, and all else is looked at again; what is said of them, too.
    """
    still = idle(problem, functions, (start, x), scales.unit)
    if problem.stop or not still.any():
        return problem.stop or "singular", ""
    x[still] = start[still]
    return checked(problem, functions, x, scales, still), stay(problem, still)


def beside(
    problem: Problem, functions: Problem | Callbacks, x: Floats, scales: Scales
) -> Floats | None:
    """A point next to this one that is better than slopes say; None where they are right.

    A slope may be written as 0 where it is none, as that of `cbrt(x)**3` at 0. Then those beside
    are others, however near, and the objective does go down by them.
    """
    turns = np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0) * (1 + np.sin(np.arange(len(x)))) / 4
    width = NEAR * np.maximum(np.abs(x), scales.unit)
    low, high = ends(problem.variables)
    here, value = np.empty(len(x)), functions.value(x)
    functions.slope(x, here)

    def change(share: float) -> Floats:
        out = np.empty(len(x))
        functions.slope(np.clip(x + share * turns * width, low, high), out)
        return out - here

    with np.errstate(all="ignore"):
        for sign in (1.0, -1.0):
            far, near = change(sign), change(sign / NEARER)
            jumps = np.abs(near) > np.maximum(0.5 * np.abs(far), CLOSE * np.abs(here))
            jumps &= np.isfinite(near)
            tried = [jumps] if jumps.sum() > 1 else []
            for part in tried + [np.arange(len(x)) == n for n in np.flatnonzero(jumps)[:MANY]]:
                move = np.where(part, -np.sign(near) * width, 0.0)
                other = np.clip(x + move, low, high)
                said = value + (here * (other - x)).sum()
                gain = said - functions.value(other)
                least = 0.1 * np.abs(near * (other - x)).sum()
                if gain > max(least, ROUNDING * abs(value)):
                    return other
    return None
