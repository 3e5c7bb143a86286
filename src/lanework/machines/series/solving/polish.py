"""The last steps to where equations hold, by Newton's method, and whether all holds there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lanework.core.result.frames import need
from lanework.machines.series.solving.blocks import Floats
from lanework.machines.series.solving.scales import Scales, ends
from lanework.machines.series.solving.where import CLOSE, NO_NUMBER

if TYPE_CHECKING:
    from lanework.machines.series.solving.callbacks import Callbacks
    from lanework.machines.series.solving.problem import Problem

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]

WHAT = "solving with IPOPT"
SINGULAR = 1e-12  # how small, beside the largest, a pivot is nought
ROUNDING = 2e-15  # how exact, beside them, unknowns can be
POLISH = 4  # steps of Newton's method at the end
FINE = 1e-12  # how small, beside the unknowns, the last of them is


class Equations:
    """Equations of as many unknowns, by their sparse slopes.

    What depends on no number is prepared once: which slopes count, and their order by columns, as
    the factorisation takes them, and by rows.

    Example:
        >>> both = np.array([True, True])
        >>> equations = Equations((np.array([0, 1, 1]), np.array([0, 0, 1])), both, both)
        >>> equations.step(np.array([2.0, 1.0, 1.0]), np.array([2.0, 4.0]))
        array([1., 3.])
    """

    def __init__(self, entries: tuple[Places, Places], equal: Bools, free: Bools) -> None:
        """Prepare.

        Args:
            entries: the rows and columns of slopes.
            equal: which rows are equations.
            free: which columns are unknown.
        """
        row, column = entries
        kept = np.flatnonzero(equal[row] & free[column])
        self._free = free
        row, column = (np.cumsum(equal) - 1)[row[kept]], (np.cumsum(free) - 1)[column[kept]]
        self._size = int(equal.sum())
        order = np.lexsort((row, column))
        self._kept, self._rows, self._columns = kept[order], row[order], column[order]
        self._by_row = np.argsort(self._rows, kind="stable")
        counts = [np.bincount(each, minlength=self._size) for each in (row, column)]
        self._square = int(free.sum()) == self._size and all(count.all() for count in counts)
        self._starts, self._ends = (
            np.concatenate([[0], np.cumsum(count)]).astype(np.int32) for count in counts
        )

    def step(self, slopes: Floats, misses: Floats) -> Floats | None:
        """The step from where equations hold; None where slopes leave unknowns open.

        Args:
            slopes: in the order of the entries.
            misses: by how much each equation fails, shape (equations,).
        """
        if not self._square:
            return None
        values = slopes[self._kept]  # to a largest one of 1 in each row, then in each column
        by_row = np.maximum.reduceat(np.abs(values[self._by_row]), self._starts[:-1])
        if not (by_row > 0).all():
            return None
        values *= (1 / by_row)[self._rows]
        by_column = np.maximum.reduceat(np.abs(values), self._ends[:-1])
        if not (by_column > 0).all():
            return None
        values *= (1 / by_column)[self._columns]
        if not (np.isfinite(values).all() and np.isfinite(misses).all()):
            return None
        sparse, linalg = need("scipy.sparse", WHAT), need("scipy.sparse.linalg", WHAT)
        shape = (self._size, self._size)
        matrix = sparse.csc_matrix((values, self._rows.astype(np.int32), self._ends), shape)
        try:
            factors = linalg.splu(matrix)
        except RuntimeError:
            return None
        pivots = np.abs(factors.U.diagonal())
        if pivots.min() < SINGULAR * pivots.max():
            return None
        step = np.zeros(len(self._free))
        step[self._free] = (1 / by_column) * factors.solve((1 / by_row) * misses)
        return step


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


def checked(problem: Problem, functions: Problem | Callbacks, x: Floats, scales: Scales) -> str:
    """IPOPT says that it is solved: is it? Where equations say all, `x` comes nearer to them."""
    point = _Point(problem, functions, x, scales)
    if problem.objective is None:
        equal, off = point.low == point.high, np.inf
        least, most = ends(problem.variables)
        for _ in range(POLISH):
            if not point.finite:
                met = (point.levels == point.low)[equal].all() and not np.isnan(point.slopes).any()
                return "solved" if met and point.held else NO_NUMBER
            step = problem.equations.step(point.slopes, (point.levels - point.low)[equal])
            if step is None:
                return "singular"
            own, off = point.share(step)
            if point.held and (own <= FINE or (point.exact and off <= FINE)):
                break
            x[:] = np.clip(x - step, least, most)
            point.look()
        if not (off <= CLOSE or point.exact):
            return "inaccurate"
    return "solved" if point.held else "inaccurate"
