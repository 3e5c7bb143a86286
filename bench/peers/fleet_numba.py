"""The fleet programs as numba users write them: `prange` over what VMs are, single precision.

Where random numbers are drawn, numba's own generator does it, or Philox of the same counters as the
fleet's, which gives the same answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.harness import Job

F = np.float32


def _numba() -> Any:
    import numba

    return numba


def collatz(count: int) -> Job:
    """Stopping times in floats, a number after another; `%` would be slower by half."""
    numba = _numba()

    @numba.njit(parallel=True)
    def run(steps: Any) -> None:
        for i in numba.prange(len(steps)):
            x, n = F(i + 1), F(0)
            while x != 1:
                if x - F(2) * np.floor(x * F(0.5)) > 0:  # noqa: SIM108 - as users write it
                    x = x * F(3) + F(1)
                else:
                    x = x * F(0.5)
                n += F(1)
            steps[i] = n

    def job() -> dict[str, Any]:
        steps = np.empty(count, F)
        run(steps)
        return {"steps": steps}

    return job


def collatz_integers(count: int) -> Job:
    """Stopping times in integers of 64 bits, which are exact where floats are not."""
    numba = _numba()

    @numba.njit(parallel=True)
    def run(steps: Any) -> None:
        for i in numba.prange(len(steps)):
            x, n = i + 1, 0
            while x != 1:
                x = 3 * x + 1 if x & 1 else x >> 1
                n += 1
            steps[i] = n

    def job() -> dict[str, Any]:
        steps = np.empty(count, F)
        run(steps)
        return {"steps": steps}

    return job


def mandelbrot(width: int, height: int, limit: int) -> Job:
    """Turns of each pixel, threads over rows."""
    numba = _numba()
    across, down = F(3 / width), F(3 / height)

    @numba.njit(parallel=True)
    def run(turns: Any) -> None:
        for row in numba.prange(height):
            for column in range(width):
                cx, cy = F(column) * across - F(2), F(row) * down - F(1.5)
                x = y = F(0)
                n = 0
                while n < limit:
                    xx, yy = x * x, y * y
                    if xx + yy > F(4):
                        break
                    product = x * y
                    y = product + product + cy
                    x = xx - yy + cx
                    n += 1
                turns[row, column] = n

    def job() -> dict[str, Any]:
        turns = np.empty((height, width), F)
        run(turns)
        return {"turns": turns.reshape(-1)}

    return job


def uniform(count: int, turns: int) -> Job:
    """The loop of multiplications and additions."""
    numba = _numba()

    @numba.njit(parallel=True)
    def run(values: Any) -> None:
        for i in numba.prange(len(values)):
            number, value = F(i), F(0.5)
            for _ in range(turns):
                value = value * F(0.5) + number
                value = value * F(0.25) + value
            values[i] = value

    def job() -> dict[str, Any]:
        values = np.empty(count, F)
        run(values)
        return {"values": values}

    return job


def grayscale(red: Any, green: Any, blue: Any) -> Job:
    """Three planes to one."""
    numba = _numba()

    @numba.njit(parallel=True)
    def run(red: Any, green: Any, blue: Any, gray: Any) -> None:
        for i in numba.prange(len(gray)):
            gray[i] = F(0.299) * red[i] + F(0.587) * green[i] + F(0.114) * blue[i]

    def job() -> dict[str, Any]:
        gray = np.empty(len(red), F)
        run(red, green, blue, gray)
        return {"gray": gray}

    return job


def life(cells: Any, generations: int, kind: Any = F) -> Job:
    """The Game of Life, of floats or of bytes; the first and the last column of a row apart."""
    numba = _numba()
    zero, one, two, three = (kind(n) for n in range(4))

    @numba.njit(inline="always")
    def cell(a: Any, b: Any, c: Any, left: int, x: int, right: int) -> Any:
        around = a[left] + a[x] + a[right] + b[left] + b[right] + c[left] + c[x] + c[right]
        return one if around == three or (around == two and b[x] == one) else zero

    @numba.njit(parallel=True)
    def step(old: Any, new: Any) -> None:
        height, width = old.shape
        for y in numba.prange(height):
            a, b, c = old[y - 1 if y else height - 1], old[y], old[y + 1 if y < height - 1 else 0]
            to = new[y]
            to[0] = cell(a, b, c, width - 1, 0, 1)
            for x in range(1, width - 1):
                to[x] = cell(a, b, c, x - 1, x, x + 1)
            to[width - 1] = cell(a, b, c, width - 2, width - 1, 0)

    given = cells.astype(kind)

    def job() -> dict[str, Any]:
        old, new = given.copy(), np.empty_like(given)
        for _ in range(generations):
            step(old, new)
            old, new = new, old
        return {"cells": old}

    return job


def total(numbers: Any, fastmath: bool) -> Job:
    """A sum; with `fastmath` in any order, so that it goes by vectors."""
    numba = _numba()

    @numba.njit(parallel=True, fastmath=fastmath)
    def run(numbers: Any) -> Any:
        out = F(0)
        for i in numba.prange(len(numbers)):
            out += numbers[i]
        return out

    return lambda: {"total": [run(numbers)]}


def _philox() -> Any:
    """The fleet's random numbers: four of a block, by its number, step of the schedule and VM."""
    numba = _numba()
    u = np.uint64
    low, word, digits = u(0xFFFFFFFF), u(32), u(8)
    first, second, third, fourth = u(0xD2511F53), u(0xCD9E8D57), u(0x9E3779B9), u(0xBB67AE85)

    @numba.njit(inline="always")
    def block(number: Any, step: Any, vm: Any, seed: Any) -> Any:
        a, b, c, d = u(number), u(step), u(vm), u(0)
        k, m = u(seed) & low, u(seed) >> word
        for _ in range(10):
            p, q = first * a, second * c
            a, b = (q >> word) ^ b ^ k, q & low
            c, d = (p >> word) ^ d ^ m, p & low
            k, m = (k + third) & low, (m + fourth) & low
        unit = F(2.0**-24)
        return (
            F(a >> digits) * unit, F(b >> digits) * unit,
            F(c >> digits) * unit, F(d >> digits) * unit,
        )  # fmt: skip

    return block


def sir(agents: Any, days: int, catches: float, recovers: float, seed: int | None) -> Job:
    """The epidemic; without a seed by numba's own random numbers."""
    numba = _numba()
    catches, recovers = F(catches), F(recovers)
    if seed is None:

        @numba.njit(parallel=True)
        def day(_number: Any, old: Any, new: Any) -> None:
            count = len(old)
            for i in numba.prange(count):
                state = old[i]
                if state == F(0):
                    met = int(np.random.random() * count)
                    if old[met] == F(1) and np.random.random() < catches:
                        state = F(1)
                elif state == F(1) and np.random.random() < recovers:
                    state = F(2)
                new[i] = state
    else:
        block, key = _philox(), np.uint64(seed)

        @numba.njit(parallel=True)
        def day(number: Any, old: Any, new: Any) -> None:
            count = len(old)
            for i in numba.prange(count):
                state = old[i]
                if state < F(2):
                    one, other, _, _ = block(0, number, i, key)
                    if state == F(0):
                        if old[int(one * F(count))] == F(1) and other < catches:
                            state = F(1)
                    elif one < recovers:
                        state = F(2)
                new[i] = state

    def job() -> dict[str, Any]:
        old, new = agents.copy(), np.empty_like(agents)
        for number in range(days):
            day(number, old, new)
            old, new = new, old
        return {"agents": old}

    return job


def option(paths: int, pairs: int, seed: int | None) -> Job:
    """Payoffs; without a seed by numba's own normal deviates, with one by two pairs at a time."""
    numba = _numba()
    spot, strike, rate, volatility = 100.0, 105.0, 0.03, 0.2
    drift = F((rate - volatility * volatility / 2) / pairs)
    spread, variance = F(volatility / (2 * pairs) ** 0.5), volatility * volatility / pairs / 2
    scale, turn, discount = F(-2 * variance), F(6.283185307179586), F(np.exp(-rate))
    if seed is None:

        @numba.njit(inline="always")
        def path(_vm: Any) -> Any:
            logarithm = F(0)
            for _ in range(pairs):
                normals = np.random.standard_normal() + np.random.standard_normal()
                logarithm += F(normals) * spread + drift
            return logarithm
    else:
        block, key = _philox(), np.uint64(seed)

        @numba.njit(inline="always")
        def two(radius: Any, angle: Any) -> Any:
            angle *= turn
            return (np.cos(angle) + np.sin(angle)) * np.sqrt(np.log(F(1) - radius) * scale)

        @numba.njit(inline="always")
        def path(vm: Any) -> Any:
            logarithm = F(0)
            for number in range(pairs // 2):
                a, b, c, d = block(number, 0, vm, key)
                logarithm = logarithm + two(a, b) + drift
                logarithm = logarithm + two(c, d) + drift
            return logarithm

    @numba.njit(parallel=True)
    def run(payoffs: Any) -> None:
        for i in numba.prange(len(payoffs)):
            payoffs[i] = max(np.exp(path(i)) * F(spot) - F(strike), F(0)) * discount

    def job() -> dict[str, Any]:
        payoffs = np.empty(paths, F)
        run(payoffs)
        return {"payoffs": payoffs}

    return job


def boids(start: Any, steps: int, parallel: bool) -> Job:
    """A flock, boid by boid."""
    numba = _numba()

    @numba.njit(parallel=parallel, error_model="numpy")
    def step(old: Any, new: Any) -> None:
        for i in numba.prange(len(old)):
            x, y, vx, vy = old[i]
            n = sx = sy = svx = svy = ax = ay = F(0)
            for j in range(len(old)):
                dx, dy = old[j, 0] - x, old[j, 1] - y
                square = dx * dx + dy * dy
                if F(144) - square > 0:
                    n, sx, sy = n + F(1), sx + dx, sy + dy
                    svx, svy = svx + old[j, 2], svy + old[j, 3]
                if F(9) - square > 0:
                    ax, ay = ax - dx, ay - dy
            vx = vx + sx / n * F(0.0078125) + (svx / n - vx) * F(0.125) + ax * F(0.0625)
            vy = vy + sy / n * F(0.0078125) + (svy / n - vy) * F(0.125) + ay * F(0.0625)
            slower = min(F(2) / np.sqrt(vx * vx + vy * vy), F(1))
            vx, vy = vx * slower, vy * slower
            x, y = x + vx, y + vy
            x, y = x - np.floor(x / F(100)) * F(100), y - np.floor(y / F(100)) * F(100)
            new[i, 0], new[i, 1], new[i, 2], new[i, 3] = x, y, vx, vy

    given = start.astype(F)

    def job() -> dict[str, Any]:
        old, new = given.copy(), np.empty_like(given)
        for _ in range(steps):
            step(old, new)
            old, new = new, old
        return {"flock": old}

    return job
