"""Kernels for Warp, which reads annotations as they are: no `annotations` from the future."""

import warp as wp

wp.config.quiet = True
wp.init()
wp.set_module_options({"enable_backward": False, "fuse_fp": False})


@wp.kernel
def collatz(steps: wp.array(dtype=wp.float32)):  # type: ignore[valid-type]
    """Stopping times of 1, 2, 3..."""
    i = wp.tid()
    x = wp.float32(i + 1)
    n = wp.float32(0.0)
    while x != 1.0:
        if x - 2.0 * wp.floor(x / 2.0) > 0.0:  # noqa: SIM108 - Warp would do both
            x = x * 3.0 + 1.0
        else:
            x = x * 0.5
        n += 1.0
    steps[i] = n


@wp.kernel
def mandelbrot(turns: wp.array(dtype=wp.float32, ndim=2), across: wp.float32, down: wp.float32,
               limit: wp.int32):  # type: ignore[valid-type]  # fmt: skip
    """Turns of each pixel."""
    row, column = wp.tid()
    cx = wp.float32(column) * across - 2.0
    cy = wp.float32(row) * down - 1.5
    x = wp.float32(0.0)
    y = wp.float32(0.0)
    n = wp.int32(0)
    while n < limit:
        xx = x * x
        yy = y * y
        if xx + yy > 4.0:
            break
        xy = x * y
        y = xy + xy + cy
        x = xx - yy + cx
        n += 1
    turns[row, column] = wp.float32(n)


@wp.kernel
def uniform(values: wp.array(dtype=wp.float32), turns: wp.int32):  # type: ignore[valid-type]
    """The loop of multiplications and additions."""
    i = wp.tid()
    number = wp.float32(i)
    value = wp.float32(0.5)
    for _ in range(turns):
        value = value * 0.5 + number
        value = value * 0.25 + value
    values[i] = value


@wp.kernel
def grayscale(red: wp.array(dtype=wp.float32), green: wp.array(dtype=wp.float32),
              blue: wp.array(dtype=wp.float32), gray: wp.array(dtype=wp.float32)):  # type: ignore[valid-type]  # fmt: skip
    """Three planes to one."""
    i = wp.tid()
    gray[i] = 0.299 * red[i] + 0.587 * green[i] + 0.114 * blue[i]


@wp.kernel
def life(before: wp.array(dtype=wp.float32, ndim=2), after: wp.array(dtype=wp.float32, ndim=2),
         height: wp.int32, width: wp.int32):  # type: ignore[valid-type]  # fmt: skip
    """A generation."""
    y, x = wp.tid()
    up = wp.where(y > 0, y - 1, height - 1)
    low = wp.where(y < height - 1, y + 1, 0)
    left = wp.where(x > 0, x - 1, width - 1)
    right = wp.where(x < width - 1, x + 1, 0)
    around = before[up, left] + before[up, x] + before[up, right] + before[y, left]
    around += before[y, right] + before[low, left] + before[low, x] + before[low, right]
    alive = wp.float32(0.0)
    if around == 3.0 or (around == 2.0 and before[y, x] == 1.0):
        alive = wp.float32(1.0)
    after[y, x] = alive


@wp.kernel
def option(payoffs: wp.array(dtype=wp.float32), pairs: wp.int32, drift: wp.float32,
           spread: wp.float32, discount: wp.float32):  # type: ignore[valid-type]  # fmt: skip
    """Payoffs at the ends of paths, by Warp's normal deviates."""
    i = wp.tid()
    state = wp.rand_init(7, i)
    logarithm = wp.float32(0.0)
    for _ in range(pairs):
        logarithm += (wp.randn(state) + wp.randn(state)) * spread + drift
    payoffs[i] = wp.max(wp.exp(logarithm) * 100.0 - 105.0, 0.0) * discount
