"""The error function and the normal distribution.

erf is a polynomial near zero. Elsewhere, and for the normal distribution everywhere, the decay
exp(-x*x) is taken out and what is left, times 1 + 2x, is a polynomial in (x - a) / (x + a) over
the whole half-line (M. M. Shepherd and J. G. Laframboise, Chebyshev approximation of
(1 + 2x) exp(x**2) erfc x in 0 <= x < infinity, Math. Comp. 36, 1981).
"""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.arithmetic import mul, neg
from lanework.core.ops.bodies.coefficients import ERF, ERFC, NORMAL
from lanework.core.ops.bodies.exp import exp, exponential, reduced, scaled
from lanework.core.ops.bodies.layout import INF, NAN, head, horner, sign_bit, with_sign
from lanework.core.ops.bounds import rising
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import op
from lanework.core.ops.rules import PURE

SPLIT = 0.75
ERF_CENTRE = 3.0
ERF_ONE = 6.0  # from here on erf rounds to one
NORMAL_CENTRE = 5.0
# Between 1 and 1.5, and such that the leading coefficient is nearly a single: it is felt.
NORMAL_SHIFT = 1.296875
NORMAL_ZERO = {"f64": 40.0, "f32": 16.0}  # beyond it the tail rounds to zero


@op(
    special=(((0.0,), 0.0), ((-0.0,), -0.0), ((INF,), 1.0), ((-INF,), -1.0), ((NAN,), NAN)),
    example=((0.5,), 0.5204998778130465),
    ulp={"f64": 2.0, "f32": 2.0},
    units=PURE,
    interval=rising,
    series=47,
    partials=lambda x, r: (mul(1.1283791670955126, exp(neg(mul(x, x)))),),
)
def erf(x: Value) -> Value:
    """The error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x."""
    size = expr.fabs(x)
    bounded = select(size > ERF_ONE, ERF_ONE, size)
    square = bounded * bounded
    near = size + size * horner(square, ERF[x.dtype])
    t = (bounded - ERF_CENTRE) / (bounded + ERF_CENTRE)
    tail = exponential(-square) * horner(t, ERFC[x.dtype]) / (1.0 + (bounded + bounded))
    return with_sign(select(size < SPLIT, near, 1.0 - tail), sign_bit(x))


@op(
    special=(((0.0,), 0.5), ((-0.0,), 0.5), ((INF,), 1.0), ((-INF,), 0.0), ((NAN,), NAN)),
    example=((1.0,), 0.8413447460685429),
    ulp={"f64": 4.0, "f32": 4.0},
    units=PURE,
    interval=rising,
    series=48,
    partials=lambda x, r: (mul(0.3989422804014327, exp(mul(-0.5, mul(x, x)))),),
)
def normcdf(x: Value) -> Value:
    """The standard normal distribution function: the probability of a value of at most x.

    Right in relative terms far into the left tail, down to where it underflows.
    """
    size = expr.fabs(x)
    limit = NORMAL_ZERO[x.dtype]
    bounded = select(size > limit, limit, size)
    # x*x/2 in two parts: the tail feels the rounding of the square
    upper = head(bounded)
    lower = bounded - upper
    square = upper * upper * -0.5
    rest = lower * (upper + bounded) * -0.5
    t = (bounded - NORMAL_CENTRE) / (bounded + NORMAL_CENTRE)
    shape = horner(t, NORMAL[x.dtype]) / (bounded + NORMAL_SHIFT)
    s, power = reduced(square, rest)
    tail = scaled(shape + shape * s, power)  # shape * (1 + s), with one rounding less
    return select(x > 0.0, 1.0 - tail, tail)
