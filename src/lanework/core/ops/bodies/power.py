"""The power x**y = exp(y log|x|), the logarithm and the product to more than working precision.

log|x| is needed to some twelve bits more than the result, because an exponent of 700 turns a
relative error of the logarithm into one 700 times as large. The significand is divided by one
of four nearby constants, which leaves |u| < 0.045 in log(m/c) = 2 atanh(u), so that only the
term 2u must be carried as a head and a tail (T. J. Dekker, 1971, for the exact products).
"""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.arithmetic import abs_, mul, sub
from lanework.core.ops.bodies.coefficients import LOG_NARROW
from lanework.core.ops.bodies.exp import HIGHEST, LN2_HIGH, LN2_LOW, LOWEST, exponential
from lanework.core.ops.bodies.layout import INF, NAN, head, horner
from lanework.core.ops.bodies.log import log, split
from lanework.core.ops.bodies.logic import and_ as both
from lanework.core.ops.bodies.logic import choose, eq, ge, gt, lt
from lanework.core.ops.bounds import between_corners
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import Term, op
from lanework.core.ops.rules import POWER

# m runs from 2**(-3/8) to 2**(5/8). The constants c nearest to it are 1 and these three; BREAKS
# are the values of m between them. log(c) comes in two parts; the first is a multiple of 2**-40
# (2**-16), so that it adds exactly to k log(2).
START = 0.7711054127039705
BREAKS = (0.91796875, 1.08984375, 1.296875)
CENTRES = (0.83984375, 1.1875, 1.4140625)
LOG_HIGH = {
    "f64": (
        float.fromhex("-0x1.6574ebe8c0000p-3"),
        float.fromhex("0x1.5ff3070a78000p-3"),
        float.fromhex("0x1.62c82f2b9c000p-2"),
    ),
    "f32": (
        float.fromhex("-0x1.6578000000000p-3"),
        float.fromhex("0x1.5ff0000000000p-3"),
        float.fromhex("0x1.62c8000000000p-2"),
    ),
}
LOG_LOW = {
    "f64": (
        float.fromhex("-0x1.339f1658785cfp-43"),
        float.fromhex("0x1.3d3c873e20a07p-43"),
        float.fromhex("0x1.e54bdbd7c8a98p-44"),
    ),
    "f32": (
        float.fromhex("0x1.8a0ba00000000p-18"),
        float.fromhex("0x1.83853c0000000p-18"),
        float.fromhex("0x1.795ce40000000p-21"),
    ),
}


def precise_log(x: Value) -> tuple[Value, Value]:
    """log(x) as a sum of two values, for finite x above zero."""
    kind = x.dtype
    k, m = split(x, START)
    below, above, beyond = m < BREAKS[0], m > BREAKS[1], m > BREAKS[2]

    def chosen(values: tuple[float, ...], middle: float) -> Value:
        upper = select(beyond, expr.like(x, values[2]), values[1])
        return select(below, values[0], select(above, upper, middle))

    centre = chosen(CENTRES, 1.0)
    f = m - centre
    total = m + centre
    total_head = head(total)
    total_tail = m - (total_head - centre)
    inverse = 1.0 / total
    u = head(f * inverse)
    u_tail = ((f - u * total_head) - u * total_tail) * inverse
    double = u + u
    z = u * u + u_tail * (double + u_tail)
    ratio = z * horner(z, LOG_NARROW[kind])  # log(m/c) / u = 2 + ratio

    multiple = k * LN2_HIGH[kind] + chosen(LOG_HIGH[kind], 0.0)
    leading = multiple + double
    lost = double - (leading - multiple)
    small = k * LN2_LOW[kind] + chosen(LOG_LOW[kind], 0.0)
    return leading, lost + (small + (u_tail * (2.0 + ratio) + u * ratio))


def _power_partials(x: Term, y: Term, r: Term) -> tuple[Term, Term]:
    slope = power(x, sub(y, 1.0))
    none = choose(lt(abs_(slope), INF), 0.0, eq(y, 0.0))  # else a product, with slopes of its own
    by_x = choose(none, 0.0, mul(y, slope))
    flat = both(eq(x, 0.0), ge(y, 0.0))
    elsewhere = choose(flat, 0.0, mul(r, NAN))
    return by_x, choose(gt(x, 0.0), mul(r, log(x)), elsewhere)


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
    symbol="**",
    units=POWER,
    interval=between_corners,
    series=45,
    fleet=79,
    partials=_power_partials,
)
def power(x: Value, y: Value) -> Value:
    """The power ``x**y``.

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
    main = exponential(y_head * log_head, product_tail)
    inside = select(rough.equals(rough), main, NAN)
    value = select(rough < LOWEST[kind], 0.0, select(rough > HIGHEST[kind], INF, inside))

    integral = expr.floor(y).equals(y)
    half = y * 0.5
    odd = integral & expr.floor(half).differs(half)
    signed = select(odd & (expr.bits(x) < 0), -value, value)
    undefined = (x < 0.0) & (x > -INF) & ~integral
    one = y.equals(0.0) | x.equals(1.0) | (size.equals(1.0) & expr.fabs(y).equals(INF))
    return select(one, 1.0, select(undefined, NAN, signed))
