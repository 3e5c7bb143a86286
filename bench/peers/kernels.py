"""The fleet programs as kernels of Taichi and Warp, on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.harness import Job

F = np.float32


def taichi(name: str, port: str, shape: tuple[int, ...], *given: Any) -> Job:
    """A kernel that writes an array, which comes first or, after other arrays, last."""
    from bench.peers import taichi_kernels

    run = getattr(taichi_kernels, name)
    arrays, numbers = _parted(given)

    def job() -> dict[str, Any]:
        out = np.empty(shape, F)
        run(*arrays, out, *numbers)
        return {port: out.reshape(-1)}

    return job


def warp(name: str, port: str, shape: tuple[int, ...], *given: Any) -> Job:
    """The same for Warp."""
    import warp as wp

    from bench.peers import warp_kernels

    run = getattr(warp_kernels, name)
    arrays, numbers = _parted(given)

    def shared(array: Any) -> Any:
        return wp.array(array, dtype=wp.float32, copy=False, device="cpu")

    def job() -> dict[str, Any]:
        out = np.empty(shape, F)
        inputs = [*map(shared, arrays), shared(out), *numbers]
        wp.launch(run, dim=shape, inputs=inputs, device="cpu")
        return {port: out.reshape(-1)}

    return job


def _parted(given: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
    arrays = [each for each in given if isinstance(each, np.ndarray)]
    return arrays, [each for each in given if not isinstance(each, np.ndarray)]


def life_taichi(cells: Any, generations: int) -> Job:
    """Two boards in turn."""
    from bench.peers import taichi_kernels

    def job() -> dict[str, Any]:
        old, new = cells.copy(), np.empty_like(cells)
        for _ in range(generations):
            taichi_kernels.life(old, new)
            old, new = new, old
        return {"cells": old}

    return job


def life_warp(cells: Any, generations: int) -> Job:
    """Two boards in turn."""
    import warp as wp

    from bench.peers import warp_kernels

    def job() -> dict[str, Any]:
        boards = [cells.copy(), np.empty_like(cells)]
        old, new = (wp.array(b, dtype=wp.float32, copy=False, device="cpu") for b in boards)
        for _ in range(generations):
            inputs = [old, new, *cells.shape]
            wp.launch(warp_kernels.life, dim=cells.shape, inputs=inputs, device="cpu")
            old, new = new, old
        return {"cells": old.numpy()}

    return job


def option_numbers(pairs: int) -> tuple[int, float, float, float]:
    """What the kernels take: pairs of steps, drift and spread of a step, and the discount."""
    rate, volatility = 0.03, 0.2
    drift = (rate - volatility * volatility / 2) / pairs
    return pairs, drift, volatility / (2 * pairs) ** 0.5, float(np.exp(-rate))
