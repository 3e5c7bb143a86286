"""The hyperbolic tangent: x / (x coth x) near zero, and from the exponential elsewhere.

x coth(x) is an even function without poles nearer than pi i, so its polynomial is short.
"""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.arithmetic import abs_, add, div, mul
from lanework.core.ops.bodies.coefficients import COTH
from lanework.core.ops.bodies.exp import exp, exponential
from lanework.core.ops.bodies.layout import INF, NAN, horner, sign_bit, with_sign
from lanework.core.ops.bounds import rising
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import Term, op
from lanework.core.ops.rules import PURE

SPLIT = 0.55
SATURATED = {"f64": 20.0, "f32": 10.0}  # from here on the result rounds to one


def _tanh_partials(x: Term, r: Term) -> tuple[Term]:
    # 1 / cosh(x)**2, written so that it stays right where tanh rounds to one
    e = exp(mul(-2.0, abs_(x)))
    return (div(mul(4.0, e), mul(add(1.0, e), add(1.0, e))),)


@op(
    special=(((0.0,), 0.0), ((-0.0,), -0.0), ((INF,), 1.0), ((-INF,), -1.0), ((NAN,), NAN)),
    example=((0.5,), 0.46211715726000973),
    ulp={"f64": 2.0, "f32": 2.0},
    units=PURE,
    interval=rising,
    series=44,
    fleet=78,
    partials=_tanh_partials,
)
def tanh(x: Value) -> Value:
    """The hyperbolic tangent of x."""
    size = expr.fabs(x)
    limit = SATURATED[x.dtype]
    bounded = select(size > limit, limit, size)
    near = size < SPLIT
    square = size * size
    below = square * horner(square, COTH[x.dtype])
    grown = exponential(bounded + bounded)
    numerator = select(near, size, -2.0)
    denominator = 1.0 + select(near, below, grown)
    ratio = numerator / denominator
    value = ratio + select(near, expr.like(x, 0.0), 1.0)
    return with_sign(value, sign_bit(x))
