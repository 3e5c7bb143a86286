"""The ledger: the memory of a series program.

One contiguous block of f64 holds every node's column: node n in period t of lane l is at
``base + n * stride + t * lanes + l``. With one lane that is the plain ``n * length + t`` of a
column store; with several, the lanes of a period lie side by side. Rows are padded, since rows
whose distance is a multiple of 4 KiB would fall into the same sets of the cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ALIGN = 8  # doubles in a cache line
PAGE = 512  # doubles in 4 KiB


def stride_for(periods: int, lanes: int) -> int:
    """Doubles from one row to the next.

    Example:
        >>> stride_for(360, 1), stride_for(512, 1)
        (360, 520)
    """
    stride = -(-max(periods * lanes, 1) // ALIGN) * ALIGN
    return stride + ALIGN if stride % PAGE == 0 else stride


class Ledger:
    """Columns of nodes over periods and lanes.

    Example:
        >>> ledger = Ledger(2, periods=3)
        >>> ledger.row(1)[:, 0] = [1.0, 2.0, 3.0]
        >>> ledger.heap[ledger.stride :][:3].tolist()
        [1.0, 2.0, 3.0]
    """

    def __init__(self, nodes: int, periods: int, lanes: int = 1) -> None:
        self.periods, self.lanes = periods, lanes
        self.stride = stride_for(periods, lanes)
        self.heap: npt.NDArray[np.float64] = np.zeros(nodes * self.stride)

    def row(self, node: int) -> npt.NDArray[np.float64]:
        """A node's column, shape (periods, lanes); a view of the heap."""
        cells = self.heap[node * self.stride :][: self.periods * self.lanes]
        return cells.reshape(self.periods, self.lanes)
