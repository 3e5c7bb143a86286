"""Sine, cosine and tangent: minimax polynomials on [-pi/4, pi/4] after the reduction.

How the quadrant chooses between the two polynomials is in J.-M. Muller, Elementary Functions,
3rd ed., section 11.1. The remainder comes as r + tail; its tail enters to first order.
"""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.arithmetic import add, mul, neg
from lanework.core.ops.bodies.coefficients import COS, SIN
from lanework.core.ops.bodies.layout import INF, NAN, horner, layout, sign_bit, with_sign
from lanework.core.ops.bodies.reduction import reduce
from lanework.core.ops.bounds import anything, within
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import Term, op
from lanework.core.ops.rules import PURE


def _kernels(r: Value, tail: Value) -> tuple[Value, Value, Value, Value]:
    """sin(r + tail) and cos(r + tail), each as a leading part and a small rest."""
    z = r * r
    half = z * 0.5
    sine_rest = r * z * horner(z, SIN[r.dtype]) + (tail - half * tail)
    leading = 1.0 - half
    lost = (1.0 - leading) - half
    cosine_rest = lost + (z * z * horner(z, COS[r.dtype]) - r * tail)
    return r, sine_rest, leading, cosine_rest


def _turned(size: Value, turns: int) -> Value:
    """sin(size + turns pi/2) for size not negative; NaN if it is not finite."""
    r, tail, quadrant = reduce(size)
    sine, sine_rest, cosine, cosine_rest = _kernels(r, tail)
    if turns:
        quadrant = quadrant + turns
    swap = (quadrant & 1).differs(0)
    value = select(swap, cosine, sine) + select(swap, cosine_rest, sine_rest)
    form = layout(size)
    flipped = with_sign(value, (quadrant << (form.word - 2)) & form.sign)
    return select(size < INF, flipped, NAN)


_UNDEFINED = (((INF,), NAN), ((-INF,), NAN), ((NAN,), NAN))


def _sin_partials(x: Term, r: Term) -> tuple[Term]:
    return (cos(x),)


@op(
    special=(((0.0,), 0.0), ((-0.0,), -0.0), *_UNDEFINED),
    example=((1.0,), 0.8414709848078965),
    ulp={"f64": 1.0, "f32": 1.0},
    units=PURE,
    interval=within(-1.0, 1.0),
    series=41,
    fleet=18,
    partials=_sin_partials,
)
def sin(x: Value) -> Value:
    """The sine of x radians, for every finite x; NaN for the infinities."""
    return with_sign(_turned(expr.fabs(x), 0), sign_bit(x))


@op(
    special=(((0.0,), 1.0), ((-0.0,), 1.0), *_UNDEFINED),
    example=((1.0,), 0.5403023058681398),
    ulp={"f64": 1.0, "f32": 1.0},
    units=PURE,
    interval=within(-1.0, 1.0),
    series=42,
    fleet=19,
    partials=lambda x, r: (neg(sin(x)),),
)
def cos(x: Value) -> Value:
    """The cosine of x radians, for every finite x; NaN for the infinities."""
    return _turned(expr.fabs(x), 1)


@op(
    special=(((0.0,), 0.0), ((-0.0,), -0.0), *_UNDEFINED),
    example=((1.0,), 1.5574077246549023),
    ulp={"f64": 2.0, "f32": 2.0},
    units=PURE,
    interval=anything,
    series=43,
    fleet=77,
    partials=lambda x, r: (add(1.0, mul(r, r)),),
)
def tan(x: Value) -> Value:
    """The tangent of x radians, for every finite x; NaN for the infinities."""
    size = expr.fabs(x)
    r, tail, quadrant = reduce(size)
    sine, sine_rest, cosine, cosine_rest = _kernels(r, tail)
    s = sine + sine_rest
    s_rest = sine_rest - (s - sine)
    c = cosine + cosine_rest
    c_rest = cosine_rest - (c - cosine)
    swap = (quadrant & 1).differs(0)
    over, over_rest = select(swap, c, s), select(swap, c_rest, s_rest)
    under, under_rest = select(swap, s, c), select(swap, s_rest, c_rest)
    ratio = over / under
    value = ratio + (over_rest - ratio * under_rest) / under
    form = layout(x)
    flip = sign_bit(x) ^ (quadrant << (form.word - 1))
    return select(size < INF, with_sign(value, flip), NAN)
