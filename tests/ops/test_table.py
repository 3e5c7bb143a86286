"""The op table itself: order, documentation, special cases, NumPy as the oracle."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any

import numpy as np
import pytest

from lanework.core.ops.op import Op
from lanework.core.ops.table import ARITH

ORDER = (
    "add sub mul div neg abs sqrt floor ceil trunc round min max mod floordiv lt le gt ge eq ne "
    "and or not select sign copysign exp log sin cos tan tanh pow atan2 erf normcdf hypot cbrt fma"
).split()
OPS = pytest.mark.parametrize("op", list(ARITH.values()), ids=list(ARITH))
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])

VALUES = [
    *(0.0, 5e-324, 2.5e-310, 2.2250738585072014e-308, 1e-100, 1e-8, 0.25, 0.5, 1.0, 1.5, 2.0),
    *(2.5, 3.0, 7.0, 10.0, 100.5, 710.0, 2.0**52 + 0.5, 2.0**53 - 1, 1e22, 1e100),
    *(1.7976931348623157e308, math.inf),
]
SIGNED = [*VALUES, *(-v for v in VALUES), math.nan]


def power(x: float, y: float) -> Any:
    """NumPy's power without its short cut for a single exponent of 0.5: that is wrong at -0.0."""
    return np.power(np.array([x, 1.0]), np.array([y, 2.0]))[0]


NUMPY: dict[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.rint,
    "sign": np.sign,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "pow": power,
    "atan2": np.arctan2,
    "hypot": np.hypot,
    "cbrt": np.cbrt,
}


def same(got: Any, want: Any) -> bool:
    if math.isnan(want):
        return math.isnan(got)
    return bool(got == want) and bool(np.signbit(got) == np.signbit(want))


def close(op: Op, got: Any, want: Any) -> bool:
    """Equal, or within the stated error where the value is an ordinary number."""
    if not (math.isfinite(want) and want and math.isfinite(got)):
        return same(got, want)
    # NumPy's own functions are taken to be within one unit
    slack = op.ulp["f64"] + 1 if op.ulp["f64"] > 0.5 else 0
    return abs(float(got) - float(want)) <= slack * math.ulp(float(want))


def test_order_is_fixed() -> None:
    assert list(ARITH)[: len(ORDER)] == ORDER


@OPS
def test_is_documented(op: Op) -> None:
    assert op.doc.strip().splitlines()[0]
    assert op.example is not None
    assert op.special
    assert set(op.ulp) == {"f64", "f32"}
    assert op.fuel >= 1


@OPS
@DTYPES
def test_special_cases(op: Op, dtype: type[np.floating[Any]]) -> None:
    for case in op.special:
        got = op(*(dtype(arg) for arg in case.args))
        assert got.dtype == dtype
        assert same(got, dtype(case.result)), (case, got)


@OPS
@DTYPES
def test_example(op: Op, dtype: type[np.floating[Any]]) -> None:
    assert op.example is not None
    args, result = op.example
    got = op(*(dtype(arg) for arg in args))
    want = dtype(result)
    error = abs(float(got) - float(want)) / float(np.spacing(np.abs(want)))
    assert error <= math.ceil(op.ulp["f64" if dtype is np.float64 else "f32"])


@pytest.mark.parametrize("name", list(NUMPY))
def test_like_numpy_at_special_values(name: str) -> None:
    op = ARITH[name]
    for args in itertools.product(SIGNED, repeat=len(op.operands)):
        with np.errstate(all="ignore"):
            want = np.float64(NUMPY[name](*args))
        assert close(op, op(*args), want), (args, op(*args), want)


def test_mod_and_floordiv_like_python() -> None:
    rng = np.random.default_rng(3)
    a = np.concatenate((rng.normal(0, 100, 4000), rng.integers(-50, 50, 4000) / 8.0))
    b = np.concatenate((rng.normal(0, 3, 4000), rng.integers(1, 30, 4000) / 8.0))
    a = np.concatenate((a, rng.normal(0, 1, 500) * 10.0 ** rng.integers(-20, 15, 500)))
    b = np.concatenate((b, rng.normal(0, 1, 500)))
    rest, quotient = ARITH["mod"](a, b), ARITH["floordiv"](a, b)
    for x, y, r, q in zip(a.tolist(), b.tolist(), rest, quotient, strict=True):
        if abs(x / y) < 2**53:
            assert same(r, x % y), (x, y)
            assert q == x // y, (x, y)
    specials = [v for v in SIGNED if v != 0]
    for x, y in itertools.product(SIGNED, specials):
        got = ARITH["mod"](x, y)
        if not math.isfinite(x) or math.isnan(y) or abs(x / y) >= 2**53:
            assert math.isnan(got)
        else:
            assert same(got, x % y), (x, y)


@pytest.mark.parametrize("name", ["min", "max"])
def test_min_and_max_are_their_definition(name: str) -> None:
    less = operator.lt if name == "min" else operator.gt
    for a, b in itertools.product(SIGNED, SIGNED):
        assert same(ARITH[name](a, b), a if less(a, b) else b)


def test_select_and_copysign() -> None:
    for a, b in itertools.product(SIGNED, SIGNED):
        assert same(ARITH["select"](a, b, 7.0), b if a != 0 else 7.0)
        want = math.copysign(a, b) if b == b else abs(a)
        assert same(ARITH["copysign"](a, b), want)


@OPS
def test_commutes_where_it_says_so(op: Op) -> None:
    if not op.commutes:
        return
    for a, b in itertools.product(SIGNED, SIGNED):
        assert same(op(a, b), op(b, a))


@OPS
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_graph_keeps_to_its_width(op: Op, dtype: str) -> None:
    graph = op.graph(dtype)
    allowed = {"f64": {"f64", "i64", "bool"}, "f32": {"f32", "i32", "bool"}}[dtype]
    for value in graph.values:
        assert value.dtype in allowed
    assert graph.result.dtype == dtype
    # conversions to integers differ between processors out of range: no body needs one
    assert not any(value.prim == "to_int" for value in graph.values)


@OPS
def test_broadcasts(op: Op) -> None:
    args = [np.full((3, 1), 0.5), np.full((1, 4), 0.25), np.full((3, 4), 2.0)]
    got = op(*args[: len(op.operands)])
    assert got.shape == np.broadcast_shapes(*(a.shape for a in args[: len(op.operands)]))


def test_a_wrong_number_of_operands_is_refused() -> None:
    with pytest.raises(TypeError, match="add takes 2 operands, got 1"):
        ARITH["add"](1.0)
