"""Collatz, a picture pipeline and pi by darts as users of other tools write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Job = Callable[[], dict[str, Any]]


def collatz_numpy(count: int) -> Job:
    """Stopping times with masks over all numbers."""

    def job() -> dict[str, Any]:
        x = np.arange(1, count + 1, dtype=np.float32)
        steps = np.zeros(count, np.float32)
        live = np.flatnonzero(x != 1)
        while len(live):
            y = x[live]
            odd = y % 2 > 0
            x[live] = np.where(odd, y * 3 + 1, y * np.float32(0.5))
            steps[live] += 1
            live = live[x[live] != 1]
        return {"steps": steps}

    return job


def collatz_numba(count: int) -> Job:
    """Stopping times, a number after another, threads over numbers."""
    import numba

    @numba.njit(parallel=True, fastmath=False)
    def run(steps: Any) -> None:
        for i in numba.prange(len(steps)):
            x, n = np.float32(i + 1), np.float32(0)
            while x != 1:
                if x % np.float32(2) > 0:
                    x = x * np.float32(3) + np.float32(1)
                else:
                    x = x * np.float32(0.5)
                n += np.float32(1)
            steps[i] = n

    def job() -> dict[str, Any]:
        steps = np.zeros(count, np.float32)
        run(steps)
        return {"steps": steps}

    return job


def collatz_taichi(count: int) -> Job:
    """Stopping times as a Taichi kernel on the processor."""
    from bench.peers import taichi_kernels

    def job() -> dict[str, Any]:
        steps = np.zeros(count, np.float32)
        taichi_kernels.collatz(steps)
        return {"steps": steps}

    return job
