"""The angle of a point: the arctangent of y/x in the right quadrant.

q = smaller/larger is moved near zero by one of the centres c = 0, 1/2, 1:
atan(q) = atan(c) + atan((q - c) / (1 + c q)), with the fraction multiplied out, so that there is
one division and its numerator is exact (J.-M. Muller, Elementary Functions, 3rd ed., chapter 11,
for the identity).
"""

from __future__ import annotations

import math

from lanework.core.ops import expr
from lanework.core.ops.bodies.arithmetic import div, neg
from lanework.core.ops.bodies.coefficients import ATAN
from lanework.core.ops.bodies.layout import INF, NAN, horner, layout, sign_bit, with_sign
from lanework.core.ops.bodies.roots import hypot
from lanework.core.ops.bounds import within
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import Term, op
from lanework.core.ops.rules import RATIO

FIRST, SECOND = 0.3125, 0.71875  # q where the centre becomes 1/2, and 1
# Angles as a value and what it lacks, in each format.
PI = {
    "f64": (3.141592653589793, 1.2246467991473532e-16),
    "f32": (3.1415927410125732, -8.742277657347586e-08),
}
HALF_PI = {
    "f64": (1.5707963267948966, 6.123233995736766e-17),
    "f32": (1.5707963705062866, -4.371138828673793e-08),
}
QUARTER_PI = {
    "f64": (0.7853981633974483, 3.061616997868383e-17),
    "f32": (0.7853981852531433, -2.1855694143368964e-08),
}
ATAN_HALF = {
    "f64": (0.4636476090008061, 2.2698777452961687e-17),
    "f32": (0.46364760398864746, 5.0121587584999e-09),
}


def _atan2_partials(y: Term, x: Term, r: Term) -> tuple[Term, Term]:
    length = hypot(x, y)  # whose square may be too large for a number, or too small
    return div(div(x, length), length), neg(div(div(y, length), length))


@op(
    special=(
        ((0.0, 1.0), 0.0),
        ((-0.0, 1.0), -0.0),
        ((0.0, -1.0), 3.141592653589793),
        ((-0.0, -1.0), -3.141592653589793),
        ((0.0, 0.0), 0.0),
        ((-0.0, 0.0), -0.0),
        ((0.0, -0.0), 3.141592653589793),
        ((-0.0, -0.0), -3.141592653589793),
        ((1.0, 0.0), 1.5707963267948966),
        ((-1.0, -0.0), -1.5707963267948966),
        ((INF, INF), 0.7853981633974483),
        ((INF, -INF), 2.356194490192345),
        ((-INF, INF), -0.7853981633974483),
        ((INF, 1.0), 1.5707963267948966),
        ((1.0, INF), 0.0),
        ((-1.0, INF), -0.0),
        ((1.0, -INF), 3.141592653589793),
        ((NAN, 1.0), NAN),
        ((1.0, NAN), NAN),
    ),
    example=((1.0, -1.0), 2.356194490192345),
    ulp={"f64": 2.0, "f32": 2.0},
    units=RATIO,
    interval=within(-math.pi, math.pi),
    series=46,
    fleet=82,
    partials=_atan2_partials,
)
def atan2(y: Value, x: Value) -> Value:
    """The angle in radians of the point (x, y), between -pi and pi; y comes first.

    The signs of zeros count, as IEEE 754-2019 has it.
    """
    kind, form = x.dtype, layout(x)
    wide, high = expr.fabs(x), expr.fabs(y)
    steep = high > wide
    larger, smaller = select(steep, high, wide), select(steep, wide, high)
    # Infinities become 1 over 1 or 0 over 1; the rest is brought where no step overflows.
    endless = larger.equals(INF)
    smaller = select(endless, select(smaller.equals(INF), expr.like(x, 1.0), 0.0), smaller)
    larger = select(endless, 1.0, select(larger.equals(0.0), 1.0, larger))
    most, up = 2.0 ** (form.bias - 2), 2.0 ** (2 * form.fraction)
    factor = select(
        larger > most, 0.25, select(larger < 2.0**form.fraction / most, expr.like(x, up), 1.0)
    )
    larger, smaller = larger * factor, smaller * factor

    middle, near = smaller > larger * FIRST, smaller > larger * SECOND
    centre = select(near, expr.like(x, 1.0), select(middle, expr.like(x, 0.5), 0.0))
    q = (smaller - centre * larger) / (larger + centre * smaller)
    z = q * q
    rest = q * z * horner(z, ATAN[kind])

    def chosen(part: int) -> Value:
        half = select(middle, expr.like(x, ATAN_HALF[kind][part]), 0.0)
        return select(near, expr.like(x, QUARTER_PI[kind][part]), half)

    # base - angle or base + angle, where base is 0, pi/2 or pi
    behind = (sign_bit(x)).differs(0) & ~steep
    turned = steep ^ ((sign_bit(x)).differs(0))
    base = select(
        steep, expr.like(x, HALF_PI[kind][0]), select(behind, expr.like(x, PI[kind][0]), 0.0)
    )
    lack = select(
        steep, expr.like(x, HALF_PI[kind][1]), select(behind, expr.like(x, PI[kind][1]), 0.0)
    )
    flip = select(turned, expr.const(form.sign, expr.INT_OF[kind]), 0)
    first = base + with_sign(chosen(0), flip)
    second = (base - first) + with_sign(chosen(0), flip) + (lack + with_sign(chosen(1), flip))
    step = with_sign(q, flip)
    leading = first + step
    lost = (first - leading) + step
    angle = leading + (lost + (second + with_sign(rest, flip)))
    known = select(wide.equals(wide) & high.equals(high), angle, NAN)
    return with_sign(known, sign_bit(y))
