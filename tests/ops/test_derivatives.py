"""Partial derivatives against central differences in multiple precision."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from exact import EXACT
from mpmath import mp, mpf

from lanework.core.ops.op import Op, Term
from lanework.core.ops.table import ARITH

EXTRA: dict[str, Callable[..., mpf]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "abs": abs,
    "sqrt": mp.sqrt,
    "min": min,
    "max": max,
    "mod": lambda a, b: a - b * mp.floor(a / b),
    "select": lambda c, a, b: a if c != 0 else b,
    "copysign": lambda a, b: abs(a) if b >= 0 else -abs(a),
    "fma": lambda a, b, c: a * b + c,
}
FLAT = "floor ceil trunc round floordiv lt le gt ge eq ne and or not sign stop_gradient".split()


def value_of(term: Term, args: tuple[float, ...], result: float) -> float:
    if term.value is not None:
        return term.value
    if term.op is None:
        assert term.index is not None
        return result if term.index == -1 else args[term.index]
    return float(term.op(*(value_of(arg, args, result) for arg in term.args)))


def points(op: Op) -> list[tuple[float, ...]]:
    rng = np.random.default_rng(5)
    table = rng.uniform(0.1, 3.0, (40, len(op.operands)))
    if op.name not in ("sqrt", "log", "pow"):
        table *= rng.choice([-1.0, 1.0], table.shape)
    return [tuple(row) for row in table.tolist()]


@pytest.mark.parametrize("name", [*EXACT, *EXTRA])
def test_against_differences(name: str) -> None:
    op = ARITH[name]
    function = {**EXACT, **EXTRA}[name]
    with mp.workprec(300):
        step = mpf(2) ** -100
        for args in points(op):
            result = float(op(*args))
            for i, partial in enumerate(op.gradient()):
                up = [mpf(a) + (step if j == i else 0) for j, a in enumerate(args)]
                down = [mpf(a) - (step if j == i else 0) for j, a in enumerate(args)]
                want = float((function(*up) - function(*down)) / (2 * step))
                got = 0.0 if partial is None else value_of(partial, args, result)
                assert got == pytest.approx(want, rel=1e-13, abs=1e-290), (args, i)


@pytest.mark.parametrize("name", FLAT)
def test_flat_ops(name: str) -> None:
    assert ARITH[name].gradient() == (None,) * len(ARITH[name].operands)


def test_every_op_is_covered() -> None:
    assert {*EXACT, *EXTRA, *FLAT} == set(ARITH)


@pytest.mark.parametrize(
    ("name", "args", "want"),
    [
        ("min", (2.0, 2.0), (0.0, 1.0)),
        ("max", (2.0, 2.0), (0.0, 1.0)),
        ("min", (math.nan, 2.0), (0.0, 1.0)),
        ("abs", (0.0,), (1.0,)),
        ("pow", (0.0, 2.0), (0.0, 0.0)),
        ("pow", (0.0, 0.0), (0.0, 0.0)),
        ("pow", (-2.0, 3.0), (12.0, math.nan)),
        ("tanh", (400.0,), (0.0,)),
        ("hypot", (0.0, 0.0), (0.0, 0.0)),
        ("hypot", (-math.inf, 1.0), (-1.0, 0.0)),
        ("cbrt", (0.0,), (math.inf,)),
    ],
)
def test_at_kinks(name: str, args: tuple[float, ...], want: tuple[float, ...]) -> None:
    op = ARITH[name]
    result = float(op(*args))
    for partial, expected in zip(op.gradient(), want, strict=True):
        assert partial is not None
        got = value_of(partial, args, result)
        assert got == pytest.approx(expected, nan_ok=True, abs=1e-300)
