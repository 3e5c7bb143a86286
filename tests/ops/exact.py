"""Exact values of the elementary functions (mpmath), and errors in units in the last place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from mpmath import mp, mpf

FRACTION = {"f64": 52, "f32": 23}
LEAST = {"f64": -1074, "f32": -149}
NUMPY = {"f64": np.float64, "f32": np.float32}


def _normcdf(x: mpf) -> mpf:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _power(x: mpf, y: mpf) -> mpf:
    return mp.power(x, int(y)) if y == int(y) and abs(y) < 2**62 else mp.power(x, y)


def _cbrt(x: mpf) -> mpf:
    return mp.sign(x) * mp.cbrt(abs(x))


EXACT: dict[str, Callable[..., mpf]] = {
    "exp": mp.exp,
    "log": mp.log,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "tanh": mp.tanh,
    "pow": _power,
    "atan2": mp.atan2,
    "erf": mp.erf,
    "normcdf": _normcdf,
    "hypot": mp.hypot,
    "cbrt": _cbrt,
}


def exact(name: str, args: Sequence[float]) -> mpf:
    """The value at these arguments to some 60 digits, huge arguments included."""
    big = max((math.frexp(a)[1] for a in args if a), default=0)
    with mp.workprec(220 + (max(big, 0) if name in ("sin", "cos", "tan") else 0)):
        return EXACT[name](*(mpf(float(a)) for a in args))


def unit(value: mpf, dtype: str) -> mpf:
    """The distance of neighbouring floats where `value` lies."""
    if value == 0:
        return mpf(2) ** LEAST[dtype]
    _, exponent = mp.frexp(value)
    return mpf(2) ** max(exponent - 1 - FRACTION[dtype], LEAST[dtype])


def error_in_ulp(name: str, args: Sequence[float], got: float, dtype: str) -> float:
    """The error of `got` in units in the last place of the exact value.

    An infinity counts as the first power of two that the format does not hold.
    """
    want = exact(name, args)
    top = mpf(2) ** (1024 if dtype == "f64" else 128)
    value = mpf(float(got)) if math.isfinite(got) else math.copysign(1, got) * top
    if abs(want) >= top:
        want = top if want > 0 else -top
    with mp.workprec(220):
        return float(abs(value - want) / unit(want, dtype))
