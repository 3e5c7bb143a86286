"""The exponential, and the pieces of it that other functions build on.

x = k log(2) + r with an integer k and |r| <= log(2)/2; log(2) is split in two constants so that
the larger part of k log(2) is exact (W. J. Cody and W. Waite, Software Manual for the
Elementary Functions, 1980, chapter 6). exp(r) is a minimax polynomial.
"""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.coefficients import EXP
from lanework.core.ops.bodies.layout import INF, NAN, Layout, horner, layout
from lanework.core.ops.bounds import rising
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import op
from lanework.core.ops.rules import PURE

INVERSE_LN2 = 1.4426950408889634  # 1 / log(2)
# log(2) = high + low: the high part has 11 (8) trailing zeros and more, to be multiplied by k.
LN2_HIGH = {"f64": float.fromhex("0x1.62e42fefap-1"), "f32": float.fromhex("0x1.62ep-1")}
LN2_LOW = {
    "f64": float.fromhex("0x1.cf79abc9e3b3ap-40"),
    "f32": float.fromhex("0x1.0bfbe8p-15"),
}
# Beyond these the result is an infinity or zero, and still a power of two can be built.
HIGHEST = {"f64": 710.0, "f32": 90.0}
LOWEST = {"f64": -746.0, "f32": -105.0}


def nearest_integer(x: Value) -> tuple[Value, Value]:
    """The integer nearest to x as a float, and plus twice the bias as an int; |x| is moderate.

    Adding 1.5 * 2**52 leaves the integer in the low bits. In single precision the rounding is
    asked for by name: a GPU's compiler might take the addition and subtraction away.
    """
    form = layout(x)
    offset = form.pattern(form.rounder) - 2 * form.bias
    if form.dtype == "f64":
        shifted = x + form.rounder
        return shifted - form.rounder, expr.bits(shifted) - offset
    k = expr.rint(x)
    return k, expr.bits(k + form.rounder) - offset


def reduced(x: Value, tail: Value | None = None) -> tuple[Value, Value]:
    """exp(x + tail) as (1 + s) 2**k: s between -0.3 and 0.42, and k plus twice the bias.

    x must be within the clamps; the tail, if any, is small against log(2).
    """
    k, power = nearest_integer(x * INVERSE_LN2)
    high = x - k * LN2_HIGH[x.dtype]
    low = k * LN2_LOW[x.dtype]
    if tail is not None:
        low = low - tail
    r = high - low
    return high + (r * r * horner(r, EXP[x.dtype]) - low), power


def exponential(x: Value, tail: Value | None = None) -> Value:
    """exp(x + tail) for x within the clamps."""
    s, power = reduced(x, tail)
    return scaled(1.0 + s, power)


def scaled(y: Value, power: Value) -> Value:
    """Multiply y by 2**k in two steps, so that a subnormal result is rounded once."""
    form = layout(y)
    half = expr.lshr(power, 1)
    first = _power_of_two(half, form)
    second = _power_of_two(power - half, form)
    return y * first * second


def _power_of_two(biased: Value, form: Layout) -> Value:
    return expr.from_bits(biased << form.fraction)


@op(
    special=(
        ((0.0,), 1.0),
        ((-0.0,), 1.0),
        ((INF,), INF),
        ((-INF,), 0.0),
        ((1000.0,), INF),
        ((-1000.0,), 0.0),
        ((NAN,), NAN),
    ),
    example=((1.0,), 2.718281828459045),
    ulp={"f64": 1.0, "f32": 1.0},
    units=PURE,
    interval=rising,
    series=39,
    fleet=75,
    partials=lambda x, r: (r,),
)
def exp(x: Value) -> Value:
    """The exponential of x. Overflows to infinity; falls through the subnormals to zero."""
    low, high = LOWEST[x.dtype], HIGHEST[x.dtype]
    clamped = select(x > high, high, select(x < low, low, x))
    return exponential(clamped)
