"""Product and sum rounded once, against the C library's fma and exact fractions."""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lanework.core.ops.expr import trace
from lanework.core.ops.fused import fused
from lanework.core.ops.op import Op
from lanework.core.ops.scalar import python_function
from lanework.core.ops.table import ARITH

FMA: Op = ARITH["fma"]
KINDS = {
    np.float64: (np.uint64, ctypes.c_double, "fma"),
    np.float32: (np.uint32, ctypes.c_float, "fmaf"),
}
Array = np.ndarray[Any, Any]


def library(kind: type) -> Any:
    _, ctype, name = KINDS[kind]
    function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    function.restype, function.argtypes = ctype, [ctype] * 3
    return function


def arguments(kind: type, n: int, seed: int) -> tuple[Array, Array, Array]:
    """Random patterns, ordinary numbers, special ones; sums that cancel; results that are tiny."""
    rng, info = np.random.default_rng(seed), np.finfo(kind)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1, info.tiny, info.max,
                        info.smallest_subnormal, -info.smallest_subnormal], kind)  # fmt: skip

    def sample() -> Array:
        word = KINDS[kind][0]
        patterns = rng.integers(0, np.iinfo(word).max, n, word, endpoint=True).view(kind)
        plain = (rng.standard_normal(n) * 2.0 ** rng.integers(-30, 30, n)).astype(kind)
        which = rng.integers(0, 8, n)
        return np.select(
            [which < 3, which < 5, which == 5],
            [patterns, plain, np.rint(plain)],
            rng.choice(special, n),
        ).astype(kind)

    a, b, c = sample(), sample(), sample()
    with np.errstate(all="ignore"):
        close = (-(a * b) * (1 + rng.integers(-4, 5, n) * info.eps)).astype(kind)
        c = np.where(rng.random(n) < 0.4, close, c)
        small = rng.random(n) < 0.2
        for x, low in ((a, info.minexp // 2), (b, info.minexp // 2), (c, info.minexp)):
            values = rng.standard_normal(n) * 2.0 ** (low + rng.integers(-30, 6, n))
            x[small] = values.astype(kind)[small]
    return a, b, c


def equal(got: Array, want: Array) -> Array:
    word = KINDS[got.dtype.type][0]
    return (got.view(word) == want.view(word)) | (np.isnan(got) & np.isnan(want))


@pytest.mark.parametrize("kind", list(KINDS))
def test_like_the_c_library(kind: type) -> None:
    args, fma = arguments(kind, 40_000, 3), library(kind)
    want = np.array([fma(*row) for row in zip(*(a.tolist() for a in args), strict=True)], kind)
    got = FMA(*args)
    wrong = np.flatnonzero(~equal(got, want))[:5]
    assert not wrong.size, [(*(a[i] for a in args), got[i], want[i]) for i in wrong]


def test_like_exact_fractions_and_as_a_python_function() -> None:
    function = python_function(trace(fused, ("f64",) * 3))
    for a, b, c in zip(*(x.tolist() for x in arguments(np.float64, 3000, 4)), strict=True):
        if not all(map(math.isfinite, (a, b, c))):
            continue
        exact = Fraction(a) * Fraction(b) + Fraction(c)
        try:
            want = float(exact)
        except OverflowError:
            want = math.inf if exact > 0 else -math.inf
        got = float(FMA(a, b, c))
        assert got == want == function(a, b, c), (a, b, c)


def test_nothing_else_is_contracted_to_it() -> None:
    assert [n for n, op in ARITH.items() if any(v.prim == "fma" for v in op.graph().values)] == [
        "fma"
    ]
    a, b, c = 1.0 + 2.0**-30, 1.0 - 2.0**-30, -1.0
    assert float(FMA(a, b, c)) == -(2.0**-60)
    assert float(ARITH["add"](ARITH["mul"](a, b), c)) == 0.0
