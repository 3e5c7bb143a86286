"""The stated errors of the elementary functions hold against mpmath."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from exact import EXACT, NUMPY, error_in_ulp, exact
from points import POINTS

from lanework.core.ops.measured import MEASURED
from lanework.core.ops.op import Op
from lanework.core.ops.table import ARITH

EXTREMES = {
    "exp": [
        (709.782712893384,),
        (-745.1332191019411,),
        (-745.1332191019412,),
        (-708.4,),
        (5e-324,),
    ],
    "log": [(5e-324,), (2.2250738585072014e-308,), (1.7976931348623157e308,), (1 - 2**-53,)],
    "sin": [(1.7976931348623157e308,), (2.0**1023,), (0.7853981633974483,), (0.99,), (5e-324,)],
    "cos": [
        (1.7976931348623157e308,),
        (2.0**1023,),
        (0.7853981633974484,),
        (6381956970095103e240,),
    ],
    "tan": [(1.7976931348623157e308,), (2.0**1023,), (0.7853981633974483,), (1e22,), (5e-324,)],
    "tanh": [(5e-324,), (19.06,), (-22.0,), (0.55,)],
    "pow": [(1.0000000000000002, 3e18), (0.9999999999999999, 6e18), (1.7976931348623157e308, 0.5)],
    "atan2": [(5e-324, 1e300), (1e308, 1.7e308), (5e-324, 5e-324), (1e-310, -3e-310)],
    "erf": [(5e-324,), (5.92,), (0.75,), (-0.7499999999999999,)],
    "hypot": [(5e-324, 5e-324), (1.2e308, 1.2e308), (1e-308, 3e-310), (1e300, 1e-300)],
    "cbrt": [(5e-324,), (1.7976931348623157e308,), (-2.2250738585072014e-308,), (0.999,)],
    "normcdf": [(-38.44939448087599,), (-38.4,), (-37.5,), (8.2,), (1e-300,)],
}


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("name", list(EXACT))
def test_stated_error(name: str, dtype: str) -> None:
    op = ARITH[name]
    args = POINTS[name](np.random.default_rng(20), 2500, dtype)
    got = op(*args)
    assert got.dtype == NUMPY[dtype]
    worst = 0.0
    for i, value in enumerate(got):
        where = tuple(float(a[i]) for a in args)
        worst = max(worst, error_in_ulp(name, where, float(value), dtype))
    assert worst <= op.ulp[dtype]


@pytest.mark.parametrize("name", list(EXACT))
def test_stated_error_at_extremes(name: str) -> None:
    op = ARITH[name]
    for args in EXTREMES[name]:
        assert error_in_ulp(name, args, float(op(*args)), "f64") <= op.ulp["f64"], args


@pytest.mark.parametrize(("op", "dtype"), list(MEASURED), ids=str)
def test_measured_worst_case(op: Op, dtype: str) -> None:
    """The table of measured errors tells what the functions do, and none is above its bound."""
    measured = MEASURED[op, dtype]
    args = [NUMPY[dtype](a) for a in measured.args]
    error = error_in_ulp(op.name, measured.args, float(op(*args)), dtype)
    assert error == pytest.approx(measured.ulp, abs=6e-4)
    assert measured.ulp <= op.ulp[dtype]


def test_every_stated_error_is_tried() -> None:
    """An op that is not correctly rounded has an exact value here to be held against."""
    stated = {name for name, op in ARITH.items() if max(op.ulp.values()) > 0.5}
    assert stated - set(EXACT) == {"floordiv"}  # held against Python's own in test_table
    assert {(op.name, dtype) for op, dtype in MEASURED} == set(itertools.product(EXACT, NUMPY))


def test_left_tail_of_the_normal_distribution_reaches_the_subnormals() -> None:
    x = np.linspace(-38.4, -37.6, 50)
    got = ARITH["normcdf"](x)
    assert np.all(np.diff(got) > 0)
    assert 0 < got[0] < 1e-320
    for where, value in zip(x, got, strict=True):
        want = float(exact("normcdf", (float(where),)))
        assert abs(value - want) <= 4 * math.ulp(want)


def test_the_double_nearest_to_a_quadrant() -> None:
    """cos there is about 4.7e-19; a reduction with too few bits gives garbage."""
    x = 6381956970095103.0 * 2.0**797
    want = exact("cos", (x,))
    assert abs(float(want)) < 1e-18
    assert float(ARITH["cos"](x)) == pytest.approx(float(want), rel=2e-16)
