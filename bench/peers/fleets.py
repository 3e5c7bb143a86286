"""A picture pipeline as users of other tools write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Job = Callable[[], dict[str, Any]]


def picture_scipy(photo: npt.NDArray[np.uint8]) -> Job:
    """Grayscale, a 3 x 3 Gaussian blur and the Sobel magnitude by `scipy.ndimage`."""
    from scipy import ndimage

    weights = np.array([0.299, 0.587, 0.114], np.float32)
    kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 16

    def job() -> dict[str, Any]:
        gray = photo.astype(np.float32) @ weights
        blurred = ndimage.correlate(gray, kernel, mode="nearest")
        across = ndimage.sobel(blurred, 1, mode="nearest")
        down = ndimage.sobel(blurred, 0, mode="nearest")
        return {"edges": np.hypot(across, down).reshape(-1)}

    return job


def picture_numba(photo: npt.NDArray[np.uint8]) -> Job:
    """The same as loops over pixels."""
    import numba

    @numba.njit(parallel=True)
    def run(image: Any, gray: Any, blurred: Any, edges: Any) -> None:
        height, width = gray.shape
        for y in numba.prange(height):
            for x in range(width):
                r, g, b = image[y, x]
                gray[y, x] = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
        for y in numba.prange(height):
            for x in range(width):
                total = np.float32(0)
                for j in range(-1, 2):
                    for i in range(-1, 2):
                        weight = np.float32((2 - abs(i)) * (2 - abs(j)))
                        v = min(max(y + j, 0), height - 1)
                        u = min(max(x + i, 0), width - 1)
                        total += weight * gray[v, u]
                blurred[y, x] = total * np.float32(0.0625)
        for y in numba.prange(height):
            up, low = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                left, right = max(x - 1, 0), min(x + 1, width - 1)
                a, b, c = blurred[up, left], blurred[up, x], blurred[up, right]
                d, f = blurred[y, left], blurred[y, right]
                g, h, i = blurred[low, left], blurred[low, x], blurred[low, right]
                across = (c + 2 * f + i) - (a + 2 * d + g)
                down = (g + 2 * h + i) - (a + 2 * b + c)
                edges[y, x] = np.sqrt(across * across + down * down)

    def job() -> dict[str, Any]:
        shape = photo.shape[:2]
        gray, blurred, edges = (np.empty(shape, np.float32) for _ in range(3))
        run(photo, gray, blurred, edges)
        return {"edges": edges.reshape(-1)}

    return job
