"""The natural logarithm, and the splitting of a number that it shares with the power.

x = 2**k m with m between sqrt(1/2) and sqrt(2); log(m) = 2 atanh(u) with u = (m - 1) / (m + 1),
an odd function with a short polynomial (W. J. Cody and W. Waite, Software Manual for the
Elementary Functions, 1980, chapter 5). The terms are added so that the largest, m - 1, is exact.
"""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.arithmetic import div
from lanework.core.ops.bodies.coefficients import LOG
from lanework.core.ops.bodies.exp import LN2_HIGH, LN2_LOW
from lanework.core.ops.bodies.layout import INF, NAN, horner, layout
from lanework.core.ops.bounds import rising
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import op
from lanework.core.ops.rules import PURE

SQRT_HALF = 0.7071067811865476


def split(x: Value, start: float) -> tuple[Value, Value]:
    """The float k and m with x = 2**k m, m in [start, 2 start), for finite x above zero."""
    form = layout(x)
    lift = form.fraction + 2
    tiny = x < form.smallest_normal
    normal = select(tiny, x * 2.0**lift, x)
    first = form.pattern(start)
    moved = expr.bits(normal) + (form.pattern(1.0) - first)
    base = 2.0**form.fraction
    exponent = expr.from_bits(expr.lshr(moved, form.fraction) | form.pattern(base))
    bias = base + form.bias
    k = exponent - select(tiny, expr.like(x, bias + lift), bias)
    m = expr.from_bits((moved & form.fraction_mask) + first)
    return k, m


@op(
    special=(
        ((1.0,), 0.0),
        ((0.0,), -INF),
        ((-0.0,), -INF),
        ((INF,), INF),
        ((-1.0,), NAN),
        ((-INF,), NAN),
        ((NAN,), NAN),
    ),
    example=((10.0,), 2.302585092994046),
    ulp={"f64": 1.0, "f32": 1.0},
    units=PURE,
    interval=rising,
    series=40,
    fleet=76,
    partials=lambda x, r: (div(1.0, x),),
)
def log(x: Value) -> Value:
    """The natural logarithm of x: -infinity at zeros of either sign, NaN below."""
    k, m = split(x, SQRT_HALF)
    f = m - 1.0
    u = f / (f + 2.0)
    z = u * u
    half = f * f * 0.5
    rest = u * (half + z * horner(z, LOG[x.dtype])) + k * LN2_LOW[x.dtype]
    value = k * LN2_HIGH[x.dtype] - ((half - rest) - f)
    positive = select(x < INF, value, x)
    return select(x > 0.0, positive, select(x.equals(0.0), expr.like(x, -INF), NAN))
