"""The ledger: the memory of a series program.

One contiguous block of f64 holds every node's column: node n in period t of lane l is at
``base + n * stride + t * lanes + l``. With one lane that is the plain ``n * length + t`` of a
column store; with several, the lanes of a period lie side by side. Rows are padded, since rows
whose distance is a multiple of 4 KiB would fall into the same sets of the cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lanework.base.limits import Limits

ALIGN = 8  # doubles in a cache line
PAGE = 512  # doubles in 4 KiB

TRACE = np.dtype(
    [
        ("iteration", "i8"),
        ("objective", "f8"),
        ("primal_infeasibility", "f8"),
        ("dual_infeasibility", "f8"),
        ("mu", "f8"),
        ("step_primal", "f8"),
        ("step_dual", "f8"),
        ("line_search", "i8"),
    ]
)
"""One iteration of a solver."""


def stride_for(periods: int, lanes: int) -> int:
    """Doubles from one row to the next.

    Example:
        >>> stride_for(360, 1), stride_for(512, 1)
        (360, 520)
    """
    stride = -(-max(periods * lanes, 1) // ALIGN) * ALIGN
    return stride + ALIGN if stride % PAGE == 0 else stride


class Ledger:
    """Columns of nodes over periods and lanes, and the solver's trace beside them.

    Example:
        >>> ledger = Ledger(2, periods=3)
        >>> ledger.row(1)[:, 0] = [1.0, 2.0, 3.0]
        >>> float(ledger.heap[ledger.offset(1, 2)])
        3.0
    """

    def __init__(
        self, nodes: int, periods: int, lanes: int = 1, limits: Limits | None = None
    ) -> None:
        """Make room for `nodes` columns.

        Raises:
            Diagnostic: LW0101, before anything is allocated.
        """
        self.nodes, self.periods, self.lanes = nodes, periods, lanes
        self.limits = limits
        self.stride = stride_for(periods, lanes)
        self.heap: npt.NDArray[np.float64] = self._allocate(nodes)
        self._trace = np.zeros(0, TRACE)
        self._traced = 0

    @staticmethod
    def bytes_for(nodes: int, periods: int, lanes: int = 1) -> int:
        """Memory for so many columns."""
        return 8 * nodes * stride_for(periods, lanes)

    def _allocate(self, nodes: int) -> npt.NDArray[np.float64]:
        if self.limits is not None:
            needed = self.bytes_for(nodes, self.periods, self.lanes)
            self.limits.check_memory(needed, f"{nodes:,} columns")
        return np.zeros(nodes * self.stride)

    def offset(self, node: int, period: int, lane: int = 0) -> int:
        """Where a number is in the heap."""
        return node * self.stride + period * self.lanes + lane

    def row(self, node: int) -> npt.NDArray[np.float64]:
        """A node's column, shape (periods, lanes); a view of the heap."""
        start = node * self.stride
        return self.heap[start : start + self.periods * self.lanes].reshape(
            self.periods, self.lanes
        )

    def resize(self, nodes: int) -> None:
        """Make room for more columns; what is there stays (views of the old heap do not)."""
        if nodes > self.nodes:
            heap = self._allocate(nodes)
            heap[: len(self.heap)] = self.heap
            self.heap, self.nodes = heap, nodes

    # The solver's trace -------------------------------------------------------------------------

    @property
    def solver_trace(self) -> npt.NDArray[np.void]:
        """The solver's iterations so far; memory of their own, apart from the columns."""
        return self._trace[: self._traced]

    def trace(self, **fields: float) -> None:
        """Append an iteration; the fields are those of `TRACE`, absent ones are 0."""
        if self._traced == len(self._trace):
            grown = np.zeros(max(64, 2 * len(self._trace)), TRACE)
            grown[: self._traced] = self._trace[: self._traced]
            self._trace = grown
        for name, value in fields.items():
            self._trace[name][self._traced] = value
        self._traced += 1

    def clear_trace(self) -> None:
        """Forget the iterations."""
        self._traced = 0
