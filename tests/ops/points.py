"""Arguments at which the elementary functions are tried: random, special and hard ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from exact import NUMPY
from mpmath import mp

Array = np.ndarray[Any, Any]
BITS = {"f64": (np.int64, 52, 1023), "f32": (np.int32, 23, 127)}
# The double next to a multiple of pi/2 (J.-M. Muller, Elementary Functions, 3rd ed., table 11.1),
# and a single that is about as hard: 2**-61 and 2**-30 of a quadrant away.
CLOSE_TO_QUADRANT = {"f64": (6381956970095103.0 * 2.0**797,), "f32": (16367173.0 * 2.0**72,)}


def uniform(rng: np.random.Generator, low: float, high: float, count: int, dtype: str) -> Array:
    return rng.uniform(low, high, count).astype(NUMPY[dtype])


def exponents(rng: np.random.Generator, low: float, high: float, count: int, dtype: str) -> Array:
    """Random significands with exponents of two from low to high."""
    power = rng.integers(int(low), int(high) + 1, count)
    return np.ldexp(rng.uniform(1.0, 2.0, count), power).astype(NUMPY[dtype])


def near(rng: np.random.Generator, centres: Array, steps: int, dtype: str) -> Array:
    """Floats within so many steps of the centres."""
    kind = BITS[dtype][0]
    base = np.asarray(centres, NUMPY[dtype]).view(kind)
    return (base + rng.integers(-steps, steps + 1, base.shape).astype(kind)).view(NUMPY[dtype])


def both_signs(rng: np.random.Generator, x: Array) -> Array:
    return np.where(rng.random(x.shape) < 0.5, -x, x)


def quadrants(rng: np.random.Generator, count: int, dtype: str) -> Array:
    """Floats next to multiples of pi/2, over every exponent, and the hardest ones."""
    top = 1023 if dtype == "f64" else 127
    out = []
    with mp.workprec(1300):
        for _ in range(count):
            x = mp.mpf(float(2.0 ** rng.uniform(0, top)))
            multiple = mp.nint(x / (mp.pi / 2)) * (mp.pi / 2)
            out.append(float(multiple))
    finite = np.asarray([*out, *CLOSE_TO_QUADRANT[dtype]]).astype(NUMPY[dtype])
    return near(rng, np.minimum(finite, NUMPY[dtype](np.finfo(NUMPY[dtype]).max / 2)), 1, dtype)


def _exp(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    low, high, least = (-745.5, 709.8, -60) if dtype == "f64" else (-104.0, 88.73, -30)
    breaks = (np.arange(-30, 31) + 0.5) * np.log(2)
    return (
        np.concatenate(
            (
                uniform(rng, low, high, n // 2, dtype),
                uniform(rng, -1.0, 1.0, n // 4, dtype),
                both_signs(rng, exponents(rng, least, 0, n // 8, dtype)),
                near(rng, np.resize(breaks, n // 8), 1000, dtype),
            )
        ),
    )


def _log(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    least, most = (-1074, 1023) if dtype == "f64" else (-149, 127)
    return (
        np.concatenate(
            (
                exponents(rng, least, most, n // 4, dtype),
                uniform(rng, 0.5, 2.0, n // 2, dtype),
                (1 + both_signs(rng, exponents(rng, -50, -3, n // 8, "f64"))).astype(NUMPY[dtype]),
                near(rng, np.resize(np.sqrt([0.5, 2.0, 8.0]), n // 8), 1000, dtype),
            )
        ),
    )


def _trig(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    least, most = (-60, 1023) if dtype == "f64" else (-30, 127)
    few = min(n // 16, 2000)
    x = np.concatenate(
        (
            uniform(rng, 0.0, 8.0, n // 2, dtype),
            uniform(rng, 0.0, 1e5, n // 8, dtype),
            exponents(rng, least, most, n // 4, dtype),
            quadrants(rng, few, dtype),
        )
    )
    return (both_signs(rng, x),)


def _tanh(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    x = np.concatenate(
        (
            uniform(rng, 0.0, 2.0, n // 2, dtype),
            uniform(rng, 0.0, 22.0, n // 4, dtype),
            exponents(rng, -30 if dtype == "f32" else -60, 1, n // 4, dtype),
        )
    )
    return (both_signs(rng, x),)


def _pow(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    least, most, top = (-1074, 1023, 745.0) if dtype == "f64" else (-149, 127, 104.0)
    x = np.concatenate(
        (
            uniform(rng, 0.5, 2.0, n // 2, dtype),
            exponents(rng, least, most, n // 4, dtype),
            uniform(rng, 0.9, 1.1, n // 4, dtype),
        )
    )
    with np.errstate(all="ignore"):
        bound = np.minimum(top / np.maximum(np.abs(np.log(x.astype(np.float64))), 1e-3), 1e6)
    y = (rng.uniform(-1.0, 1.0, x.shape) * bound).astype(NUMPY[dtype])
    full = rng.random(x.shape) < 0.2
    return x, np.where(full, np.rint(y), y)


def _atan2(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    least, most = (-1074, 1023) if dtype == "f64" else (-149, 127)
    y = np.concatenate(
        (
            uniform(rng, -1.0, 1.0, n // 2, dtype),
            both_signs(rng, exponents(rng, least, most, n // 4, dtype)),
            uniform(rng, -2.0, 2.0, n // 4, dtype),
        )
    )
    x = np.concatenate(
        (
            uniform(rng, -1.0, 1.0, n // 2, dtype),
            both_signs(rng, exponents(rng, least, most, n // 8, dtype)),
            uniform(rng, -2.0, 2.0, y.size - n // 2 - n // 8, dtype),
        )
    )
    return y, x


def _erf(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    x = np.concatenate(
        (
            uniform(rng, 0.0, 1.5, n // 2, dtype),
            uniform(rng, 0.0, 6.5, n // 4, dtype),
            exponents(rng, -30 if dtype == "f32" else -60, 1, n // 4, dtype),
        )
    )
    return (both_signs(rng, x),)


def _normcdf(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    low = -38.6 if dtype == "f64" else -14.2
    return (
        np.concatenate(
            (
                uniform(rng, low, 0.0, n // 2, dtype),
                uniform(rng, -3.0, 3.0, n // 4, dtype),
                uniform(rng, 0.0, 9.0, n // 8, dtype),
                both_signs(rng, exponents(rng, -30, 1, n // 8, dtype)),
            )
        ),
    )


def _cbrt(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    least, most = (-1074, 1023) if dtype == "f64" else (-149, 127)
    x = np.concatenate(
        (exponents(rng, least, most, n // 2, dtype), uniform(rng, 1.0, 8.0, n // 2, dtype))
    )
    return (both_signs(rng, x),)


def _hypot(rng: np.random.Generator, n: int, dtype: str) -> tuple[Array, ...]:
    least, most = (-1074, 1022) if dtype == "f64" else (-149, 126)
    a = exponents(rng, least, most, n // 2, dtype)
    with np.errstate(under="ignore"):
        b = (a * exponents(rng, -30, 0, n // 2, dtype)).astype(NUMPY[dtype])
    c, d = uniform(rng, 0.0, 2.0, n // 2, dtype), uniform(rng, 0.0, 2.0, n // 2, dtype)
    return both_signs(rng, np.concatenate((a, c))), both_signs(rng, np.concatenate((b, d)))


POINTS: dict[str, Callable[[np.random.Generator, int, str], tuple[Array, ...]]] = {
    "exp": _exp,
    "log": _log,
    "sin": _trig,
    "cos": _trig,
    "tan": _trig,
    "tanh": _tanh,
    "pow": _pow,
    "atan2": _atan2,
    "erf": _erf,
    "normcdf": _normcdf,
    "hypot": _hypot,
    "cbrt": _cbrt,
}
