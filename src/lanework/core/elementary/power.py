"""The power x**y = exp(y log|x|), the logarithm and the product to more than working precision.

log|x| is needed to some twelve bits more than the result, because an exponent of 700 turns a
relative error of the logarithm into one 700 times as large. The significand is divided by one
of three nearby constants, which leaves |u| < 0.06 in log(m/c) = 2 atanh(u), so that only the
term 2u must be carried as a head and a tail (T. J. Dekker, 1971, for the exact products).
"""

from __future__ import annotations

from lanework.core import expr
from lanework.core.elementary.basic import INF, NAN, choose, eq, ge, gt, mul, number, sub
from lanework.core.elementary.basic import and_ as both
from lanework.core.elementary.coefficients import LOG_NARROW
from lanework.core.elementary.exp import HIGHEST, LN2_HIGH, LN2_LOW, LOWEST, reduced, scaled
from lanework.core.elementary.layout import head, horner, sign_bit, with_sign
from lanework.core.elementary.log import log, split
from lanework.core.expr import Value, select
from lanework.core.op import Op, Term, op

# The constants c = 51/64, 1 and 161/128, the values of m between which they change, and log(c)
# in two parts; the first is a multiple of 2**-40 (2**-16), so that it adds exactly to k log(2).
BELOW, ABOVE = 0.890625, 1.125
CENTRE = (0.796875, 1.2578125)
LOG_CENTRE_HIGH = {
    "f64": (float.fromhex("-0x1.d1037f2658000p-3"), float.fromhex("0x1.d5c216b4f8000p-3")),
    "f32": (float.fromhex("-0x1.d100000000000p-3"), float.fromhex("0x1.d5c0000000000p-3")),
}
LOG_CENTRE_LOW = {
    "f64": (float.fromhex("0x1.0c253f3adb7b7p-42"), float.fromhex("0x1.dc8adc886b2fdp-42")),
    "f32": (float.fromhex("-0x1.bf932a0000000p-18"), float.fromhex("0x1.0b5a7e0000000p-18")),
}


def precise_log(x: Value) -> tuple[Value, Value]:
    """log(x) as a sum of two values, for finite x above zero."""
    kind = x.dtype
    k, m = split(x)
    lower, upper = m < BELOW, m > ABOVE

    def chosen(pair: tuple[float, float], middle: float) -> Value:
        return select(
            lower, expr.const(pair[0], kind), select(upper, expr.const(pair[1], kind), middle)
        )

    centre = chosen(CENTRE, 1.0)
    f = m - centre
    total = m + centre
    total_head = head(total)
    total_tail = m - (total_head - centre)
    inverse = 1.0 / total
    u = f * inverse
    u_head = head(u)
    u_tail = ((f - u_head * total_head) - u_head * total_tail) * inverse
    z = u_head * u_head
    whole = k * LN2_HIGH[kind] + chosen(LOG_CENTRE_HIGH[kind], 0.0)
    double = u_head + u_head
    leading = whole + double
    lost = double - (leading - whole)
    small = k * LN2_LOW[kind] + chosen(LOG_CENTRE_LOW[kind], 0.0)
    # d(2 atanh(u)) = 2 du / (1 - u**2); the head's square is exact
    slope = (u_tail + u_tail) * (1.0 + z)
    trailing = lost + (small + (slope + u_head * z * horner(z, LOG_NARROW[kind])))
    return leading, trailing


@op(
    name="pow",
    special=(
        ((NAN, 0.0), 1.0),
        ((1.0, NAN), 1.0),
        ((2.0, NAN), NAN),
        ((NAN, 2.0), NAN),
        ((-1.0, INF), 1.0),
        ((-2.0, 3.0), -8.0),
        ((-2.0, 0.5), NAN),
        ((0.0, -1.0), INF),
        ((-0.0, -1.0), -INF),
        ((-0.0, -2.0), INF),
        ((-0.0, 3.0), -0.0),
        ((-0.0, 0.5), 0.0),
        ((-INF, 3.0), -INF),
        ((-INF, 0.5), INF),
        ((-INF, -3.0), -0.0),
        ((0.5, INF), 0.0),
        ((0.5, -INF), INF),
        ((2.0, 2000.0), INF),
        ((2.0, -2000.0), 0.0),
    ),
    example=((2.0, 0.5), 1.4142135623730951),
    ulp={"f64": 2.0, "f32": 2.0},
)
def power(x: Value, y: Value) -> Value:
    """The power x**y.

    Anything to the power zero is 1, and so is 1 to any power, NaN included. A negative x takes
    integers only: NaN for other y. The other rules are those of IEEE 754-2019, section 9.2.1.
    """
    kind = x.dtype
    size = expr.fabs(x)
    leading, trailing = precise_log(size)
    logarithm = leading + trailing
    finite = select(size < INF, logarithm, size)
    rough = y * select(size.equals(0.0), -INF, finite)
    log_head, y_head = head(logarithm), head(y)
    log_tail = (leading - log_head) + trailing
    product_tail = y_head * log_tail + (y - y_head) * logarithm
    main = scaled(*reduced(y_head * log_head, product_tail))
    inside = select(rough.equals(rough), main, NAN)
    value = select(rough < LOWEST[kind], 0.0, select(rough > HIGHEST[kind], INF, inside))

    whole = expr.floor(y).equals(y)
    half = y * 0.5
    odd = whole & expr.floor(half).differs(half)
    signed = with_sign(value, select(odd, sign_bit(x), 0))
    undefined = (x < 0.0) & (x > -INF) & ~whole
    one = y.equals(0.0) | x.equals(1.0) | (size.equals(1.0) & expr.fabs(y).equals(INF))
    return select(one, 1.0, select(undefined, NAN, signed))


@power.derivative
def _(x: Term, y: Term, r: Term) -> tuple[Term, Term]:
    by_x = choose(eq(y, 0.0), number(0.0), mul(y, power(x, sub(y, 1.0))))
    flat = both(eq(x, 0.0), ge(y, 0.0))
    elsewhere = choose(flat, number(0.0), number(NAN))
    return by_x, choose(gt(x, 0.0), mul(r, log(x)), elsewhere)


OPS: tuple[Op, ...] = (power,)
