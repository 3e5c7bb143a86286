"""What the fleet programs of the benchmark answer: NumPy in single precision, all VMs at a time.

Collatz counts as the program does, in floats: beyond 2**24 every number is even, so that long ways
are not those of whole numbers, but all of them end at 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

F = np.float32
Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint32]


def collatz(count: int) -> Floats:
    """Steps of 1, 2, 3... to 1."""
    x = np.arange(1, count + 1, dtype=F)
    steps = np.zeros(count, F)
    live = np.flatnonzero(x != 1)
    while len(live):
        y = x[live]
        x[live] = np.where(y % 2 > 0, y * 3 + 1, y * F(0.5))
        steps[live] += 1
        live = live[x[live] != 1]
    return steps


def mandelbrot(width: int, height: int, limit: int) -> Floats:
    """Turns of each pixel, row by row; the square from (-2, -1.5) to (1, 1.5)."""
    pixel = np.arange(width * height)
    column = (pixel % width).astype(F)
    cx = column * F(3 / width) - F(2)
    cy = (pixel.astype(F) - column) * F(3 / width / height) - F(1.5)
    x, y, turns = np.zeros_like(cx), np.zeros_like(cx), np.zeros_like(cx)
    live = pixel
    for _ in range(limit):
        u, v = x[live], y[live]
        uu, vv = u * u, v * v
        inside = uu + vv <= 4
        live, u, v, uu, vv = (each[inside] for each in (live, u, v, uu, vv))
        product = u * v
        y[live] = product + product + cy[live]
        x[live] = uu - vv + cx[live]
        turns[live] += 1
    return turns


def uniform(count: int, turns: int) -> Floats:
    """Where the loop of multiplications and additions comes to."""
    number = np.arange(count, dtype=F)
    value = np.full(count, 0.5, F)
    for _ in range(turns):
        value = value * F(0.5) + number
        value = value * F(0.25) + value
    return value


def logistic(count: int, turns: int) -> Floats:
    """The logistic map: in single precision, and rounded to half after each step."""

    def half(x: Any) -> Floats:
        return np.asarray(x, F).astype(np.float16).astype(F)

    value = half(half(np.arange(count, dtype=F) * F(2**-12)) + F(0.25))
    low, high = half(0.001), half(0.999)
    for _ in range(turns):
        value = half(half(value * half(F(1) - value)) * F(3.7))
        value = np.maximum(np.minimum(value, high), low)
    return value


def grayscale(red: Floats, green: Floats, blue: Floats) -> Floats:
    """Gray levels, one product and sum after another."""
    return red * F(0.299) + green * F(0.587) + blue * F(0.114)


def life(cells: Floats, generations: int) -> Floats:
    """The Game of Life on a torus."""
    for _ in range(generations):
        rows = np.roll(cells, 1, 0) + cells + np.roll(cells, -1, 0)
        around = np.roll(rows, 1, 1) + rows + np.roll(rows, -1, 1) - cells
        cells = ((around == 3) | ((around == 2) & (cells == 1))).astype(F)
    return cells


def partial_sums(numbers: Floats, lanes: int) -> Floats:
    """Of every so many numbers the sum, each begun at 0."""
    padded = np.concatenate([numbers, np.zeros(-len(numbers) % lanes, F)])
    sums = np.zeros(lanes, F)
    for row in padded.reshape(-1, lanes):
        sums = sums + row
    return sums


def total(numbers: Floats, lanes: int) -> F:
    """The sum of partial sums from the first to the last."""
    return F(np.add.accumulate(np.append(F(0), partial_sums(numbers, lanes)))[-1])


def tree(numbers: Floats, lanes: int) -> F:
    """The sum of partial sums, by pairs that are 1, 2, 4... apart."""
    sums, distance = partial_sums(numbers, lanes), 1
    while distance < lanes:
        for first in range(0, lanes - distance, 2 * distance):
            sums[first] = sums[first] + sums[first + distance]
        distance *= 2
    return F(sums[0])


def sir(agents: Floats, days: int, catches: float, recovers: float, seed: int) -> Floats:
    """The epidemic: each day is a step of the schedule, whose number picks the random numbers."""
    agents = agents.copy()
    everyone = np.arange(len(agents))
    for day in range(days):
        one, other = (_random(seed, draw, day, everyone) for draw in range(2))
        met = agents[(one * F(len(agents))).astype(np.int64)]
        falls_ill = (agents == 0) & (met == 1) & (other < F(catches))
        gets_well = (agents == 1) & (one < F(recovers))
        agents[falls_ill], agents[gets_well] = 1, 2
    return agents


def option(paths: int, pairs: int, seed: int) -> Floats:
    """Discounted payoffs of the call that `option.lasm` describes."""
    spot, strike, rate, volatility = 100.0, 105.0, 0.03, 0.2
    drift = F((rate - volatility * volatility / 2) / pairs)
    variance = volatility * volatility / pairs / 2
    everyone = np.arange(paths)
    logarithm = np.zeros(paths, F)
    for pair in range(pairs):
        one, other = (_random(seed, 2 * pair + n, 0, everyone) for n in range(2))
        radius = np.sqrt(np.log(F(1) - one) * F(-2 * variance))
        angle = other * F(6.283185307179586)
        logarithm = logarithm + (np.cos(angle) + np.sin(angle)) * radius + drift
    payoffs = np.exp(logarithm) * F(spot) - F(strike)
    return np.maximum(payoffs, F(0)) * F(np.exp(-rate))


def black_scholes() -> float:
    """The value of the same option in closed form."""
    from math import erf, exp, log, sqrt

    spot, strike, rate, volatility = 100.0, 105.0, 0.03, 0.2
    high = (log(spot / strike) + rate) / volatility + volatility / 2
    below = [(1 + erf(x / sqrt(2))) / 2 for x in (high, high - volatility)]
    return spot * below[0] - strike * exp(-rate) * below[1]


def boids(start: Floats, steps: int) -> Floats:
    """A flock: x, y, and their velocities, each sum in the order of boids."""
    x, y, vx, vy = np.asarray(start, F).T
    for _ in range(steps):
        count, *rest = _seen(x, y, vx, vy)
        ax, ay, wx, wy = (each / count for each in rest[:4])
        new = []
        for v, mean, heading, away in ((vx, ax, wx, rest[4]), (vy, ay, wy, rest[5])):
            new.append(v + mean * F(0.0078125) + (heading - v) * F(0.125) + away * F(0.0625))
        with np.errstate(divide="ignore"):
            slower = np.minimum(F(2) / np.sqrt(new[0] * new[0] + new[1] * new[1]), F(1))
        vx, vy = new[0] * slower, new[1] * slower
        x, y = x + vx, y + vy
        x, y = (each - np.floor(each / F(100)) * F(100) for each in (x, y))
    return np.stack([x, y, vx, vy], 1)


def _seen(x: Floats, y: Floats, vx: Floats, vy: Floats) -> Iterator[Floats]:
    """How many each boid sees, the sums of their directions and velocities, and away from near."""
    sums = [np.zeros(len(x), F) for _ in range(7)]
    for other in range(len(x)):
        dx, dy = x[other] - x, y[other] - y
        square = dx * dx + dy * dy
        sees, near = F(144) - square > 0, F(9) - square > 0
        terms: tuple[Any, ...] = (sees, sees * dx, sees * dy, sees * vx[other], sees * vy[other])
        terms += (-(near * dx), -(near * dy))
        for number, term in enumerate(terms):
            sums[number] = sums[number] + np.where(term == 0, F(0), term)
    return (each.astype(F) for each in sums)


def _random(seed: int, draw: int, step: int, vm: npt.NDArray[Any]) -> Floats:
    """The numbers that VMs draw: words of Philox4x32-10 of step and VM, four of each block."""
    low, word = np.uint64(0xFFFFFFFF), np.uint64(32)
    x = [np.full(len(vm), draw // 4, np.uint64), np.full(len(vm), step, np.uint64)]
    x += [vm.astype(np.uint64), np.zeros(len(vm), np.uint64)]
    keys = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * x[0], np.uint64(0xCD9E8D57) * x[2]
        x[0], x[1] = (q >> word) ^ x[1] ^ np.uint64(keys[0]), q & low
        x[2], x[3] = (p >> word) ^ x[3] ^ np.uint64(keys[1]), p & low
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return (x[draw % 4] >> np.uint64(8)).astype(F) * F(2.0**-24)
