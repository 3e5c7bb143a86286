"""Kernels for Taichi, which reads annotations as they are: no `annotations` from the future.

Products and sums are rounded apart: `fast_math` would decide at some borders of Mandelbrot's set
and at some odd numbers otherwise than the others.
"""

import os

import taichi as ti

ti.init(
    arch=ti.cpu,
    log_level=ti.ERROR,
    offline_cache=False,
    fast_math=False,
    cpu_max_num_threads=len(os.sched_getaffinity(0)),
)

VECTOR = ti.types.ndarray(dtype=ti.f32, ndim=1)
MATRIX = ti.types.ndarray(dtype=ti.f32, ndim=2)


@ti.kernel
def collatz(steps: VECTOR):  # type: ignore[valid-type]
    """Stopping times of 1, 2, 3..."""
    for i in range(steps.shape[0]):
        x = ti.cast(i + 1, ti.f32)
        n = 0.0
        while x != 1.0:
            if x - 2.0 * ti.floor(x / 2.0) > 0.0:  # noqa: SIM108 - Taichi would do both
                x = x * 3.0 + 1.0
            else:
                x = x * 0.5
            n += 1.0
        steps[i] = n


@ti.kernel
def mandelbrot(turns: MATRIX, limit: ti.i32):  # type: ignore[valid-type]
    """Turns of each pixel."""
    for row, column in ti.ndrange(turns.shape[0], turns.shape[1]):
        cx = ti.cast(column, ti.f32) * (3.0 / turns.shape[1]) - 2.0
        cy = ti.cast(row, ti.f32) * (3.0 / turns.shape[0]) - 1.5
        x, y = 0.0, 0.0
        n = 0
        while n < limit:
            xx, yy = x * x, y * y
            if xx + yy > 4.0:
                break
            xy = x * y
            y = xy + xy + cy
            x = xx - yy + cx
            n += 1
        turns[row, column] = n


@ti.kernel
def uniform(values: VECTOR, turns: ti.i32):  # type: ignore[valid-type]
    """The loop of multiplications and additions."""
    for i in range(values.shape[0]):
        number = ti.cast(i, ti.f32)
        value = 0.5
        for _ in range(turns):
            value = value * 0.5 + number
            value = value * 0.25 + value
        values[i] = value


@ti.kernel
def grayscale(red: VECTOR, green: VECTOR, blue: VECTOR, gray: VECTOR):  # type: ignore[valid-type]
    """Three planes to one."""
    for i in range(gray.shape[0]):
        gray[i] = 0.299 * red[i] + 0.587 * green[i] + 0.114 * blue[i]


@ti.kernel
def life(old: MATRIX, new: MATRIX):  # type: ignore[valid-type]
    """A generation."""
    height, width = old.shape[0], old.shape[1]
    for y, x in ti.ndrange(height, width):
        up, low = y - 1 if y > 0 else height - 1, y + 1 if y < height - 1 else 0
        left, right = x - 1 if x > 0 else width - 1, x + 1 if x < width - 1 else 0
        around = old[up, left] + old[up, x] + old[up, right] + old[y, left]
        around += old[y, right] + old[low, left] + old[low, x] + old[low, right]
        new[y, x] = 1.0 if around == 3.0 or (around == 2.0 and old[y, x] == 1.0) else 0.0


@ti.kernel
def option(payoffs: VECTOR, pairs: ti.i32, drift: ti.f32, spread: ti.f32, discount: ti.f32):  # type: ignore[valid-type]
    """Payoffs at the ends of paths, by Taichi's normal deviates."""
    for i in range(payoffs.shape[0]):
        logarithm = 0.0
        for _ in range(pairs):
            logarithm += (ti.randn(ti.f32) + ti.randn(ti.f32)) * spread + drift
        payoffs[i] = ti.max(ti.exp(logarithm) * 100.0 - 105.0, 0.0) * discount
