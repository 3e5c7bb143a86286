"""The last steps to where equations hold: Newton's method on what IPOPT left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lanework.core.result.frames import need
from lanework.machines.series.nonlinear.blocks import Floats

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]

WHAT = "solving with IPOPT"
SINGULAR = 1e-12  # how small, beside the largest, a pivot is nought


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
