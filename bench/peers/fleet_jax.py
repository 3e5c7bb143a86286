"""The fleet programs in JAX: whole arrays, with masks where numbers go separate ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.harness import Job

F = np.float32


def _job(port: str, run: Any, *given: Any) -> Job:
    import jax

    compiled = jax.jit(run)
    return lambda: {port: np.asarray(compiled(*given)).reshape(-1)}


def collatz(count: int) -> Job:
    """Stopping times; all go on until the last is at 1."""
    import jax
    import jax.numpy as jnp

    def run() -> Any:
        x = jnp.arange(1, count + 1, dtype=F)

        def turn(state: Any) -> Any:
            x, n = state
            live = x != 1
            after = jnp.where(x % 2 > 0, x * 3 + 1, x * F(0.5))
            return jnp.where(live, after, x), n + live.astype(F)

        return jax.lax.while_loop(lambda s: (s[0] != 1).any(), turn, (x, jnp.zeros_like(x)))[1]

    return _job("steps", run)


def mandelbrot(width: int, height: int, limit: int) -> Job:
    """Turns of each pixel; all go on until the last has left, or to the limit."""
    import jax
    import jax.numpy as jnp

    def run() -> Any:
        cx = jnp.arange(width, dtype=F)[None, :] * F(3 / width) - F(2)
        cy = jnp.arange(height, dtype=F)[:, None] * F(3 / height) - F(1.5)

        def turn(state: Any) -> Any:
            number, x, y, n, _ = state
            xx, yy = x * x, y * y
            live = xx + yy <= 4
            product = x * y
            y = product + product + cy
            return number + 1, xx - yy + cx, y, n + live.astype(F), live.any()

        zero = jnp.zeros((height, width), F)
        first = (0, zero, zero, zero, True)
        return jax.lax.while_loop(lambda s: (s[0] < limit) & s[4], turn, first)[3]

    return _job("turns", run)


def uniform(count: int, turns: int) -> Job:
    """The loop of multiplications and additions."""
    import jax
    import jax.numpy as jnp

    def run() -> Any:
        number = jnp.arange(count, dtype=F)

        def turn(_: Any, value: Any) -> Any:
            value = value * F(0.5) + number
            return value * F(0.25) + value

        return jax.lax.fori_loop(0, turns, turn, jnp.full(count, 0.5, F))

    return _job("values", run)


def grayscale(red: Any, green: Any, blue: Any) -> Job:
    """Three planes to one."""

    def run(red: Any, green: Any, blue: Any) -> Any:
        return red * F(0.299) + green * F(0.587) + blue * F(0.114)

    return _job("gray", run, red, green, blue)


def life(cells: Any, generations: int) -> Job:
    """The Game of Life by rolled boards."""
    import jax
    import jax.numpy as jnp

    def turn(_: Any, cells: Any) -> Any:
        rows = jnp.roll(cells, 1, 0) + cells + jnp.roll(cells, -1, 0)
        around = jnp.roll(rows, 1, 1) + rows + jnp.roll(rows, -1, 1) - cells
        return ((around == 3) | ((around == 2) & (cells == 1))).astype(F)

    return _job("cells", lambda cells: jax.lax.fori_loop(0, generations, turn, cells), cells)


def total(numbers: Any) -> Job:
    """A sum, in an order of XLA's."""
    import jax.numpy as jnp

    return _job("total", jnp.sum, numbers)


def sir(agents: Any, days: int, catches: float, recovers: float) -> Job:
    """The epidemic, by JAX's random numbers."""
    import jax

    count = len(agents)

    def run(agents: Any, key: Any) -> Any:
        def day(number: Any, agents: Any) -> Any:
            first, second = jax.random.split(jax.random.fold_in(key, number))
            one, other = (jax.random.uniform(k, (count,), F) for k in (first, second))
            met = agents[(one * F(count)).astype("int32")]
            falls_ill = (agents == 0) & (met == 1) & (other < F(catches))
            gets_well = (agents == 1) & (one < F(recovers))
            return agents + falls_ill.astype(F) + gets_well.astype(F)

        return jax.lax.fori_loop(0, days, day, agents)

    return _job("agents", run, agents, jax.random.key(7))


def option(paths: int, pairs: int) -> Job:
    """Payoffs, by JAX's normal deviates, a step at a time."""
    import jax
    import jax.numpy as jnp

    spot, strike, rate, volatility = 100.0, 105.0, 0.03, 0.2
    drift = F((rate - volatility * volatility / 2) / pairs / 2)
    spread = F(volatility / (2 * pairs) ** 0.5)

    def run(key: Any) -> Any:
        def step(number: Any, logarithm: Any) -> Any:
            normal = jax.random.normal(jax.random.fold_in(key, number), (paths,), F)
            return logarithm + normal * spread + drift

        logarithm = jax.lax.fori_loop(0, 2 * pairs, step, jnp.zeros(paths, F))
        payoffs = jnp.maximum(jnp.exp(logarithm) * F(spot) - F(strike), 0)
        return payoffs * F(np.exp(-rate))

    return _job("payoffs", run, jax.random.key(7))


def boids(start: Any, steps: int) -> Job:
    """A flock: a table of who sees whom, summed over."""
    import jax
    import jax.numpy as jnp

    def step(_: Any, flock: Any) -> Any:
        place, velocity = flock[:, :2], flock[:, 2:]
        apart = place[None, :, :] - place[:, None, :]
        square = (apart * apart).sum(2)
        sees, near = (F(144) - square > 0)[..., None], (F(9) - square > 0)[..., None]
        count = sees.sum(1).astype(F)
        mean = jnp.where(sees, apart, 0).sum(1) / count
        heading = jnp.where(sees, velocity[None, :, :], 0).sum(1) / count
        away = -jnp.where(near, apart, 0).sum(1)
        velocity = velocity + mean * F(0.0078125) + (heading - velocity) * F(0.125)
        velocity = velocity + away * F(0.0625)
        fast = jnp.sqrt((velocity * velocity).sum(1, keepdims=True))
        velocity = velocity * jnp.minimum(F(2) / fast, F(1))
        place = place + velocity
        place = place - jnp.floor(place / F(100)) * F(100)
        return jnp.concatenate([place, velocity], 1)

    first = start.astype(F)
    return _job("flock", lambda flock: jax.lax.fori_loop(0, steps, step, flock), first)
