"""Ops on 32-bit words: single-precision floats and, by their bit patterns, integers.

They belong to the one op table, for machines whose registers hold 32 bits. The float ops here are
those whose rules differ from the ops on f64 and f32 (which number comes back beside a NaN, how a
remainder is rounded); all others are taken from there. Ops on integers are traced in i32 and take
and give the patterns that registers hold.
"""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.layout import INF, NAN, parts
from lanework.core.ops.bounds import anything, lesser, mirrored, remainder, within
from lanework.core.ops.expr import (
    Value,
    bits,
    const,
    from_bits,
    lshr,
    select,
    to_float,
    to_int,
    udiv,
    ult,
    urem,
)
from lanework.core.ops.op import Offer, exact, op
from lanework.core.ops.rules import LEAST, REMAINDER

F32, I32 = ("f32",), ("i32",)
LOWEST, HIGHEST = -(2**31), 2**31 - 1


_word = exact(I32, interval=anything)


# Floats -------------------------------------------------------------------------------------------


@op(
    special=(
        ((5.0, 3.0), 2.0),
        ((-5.0, 3.0), -2.0),
        ((5.0, -3.0), 2.0),
        ((1.0, 0.0), NAN),
        ((INF, 3.0), NAN),
        ((5.0, INF), NAN),
        ((NAN, 1.0), NAN),
    ),
    example=((-7.0, 3.0), -1.0),
    ulp=INF,
    dtypes=F32,
    units=REMAINDER,
    interval=remainder(exact=False),
    fleet=Offer(12, "MOD", immediate=22),
)
def rem(a: Value, b: Value) -> Value:
    """The remainder a - b * trunc(a / b), each step rounded to single precision.

    While a / b is below ``2**24`` in magnitude, that is a - b * n to within one unit in the last
    place of a, for a whole number n next to a / b: the whole part, or one more where the quotient
    is rounded up to it, and then the sign is the other one. `fmod` is exact.
    """
    return a - b * expr.trunc(a / b)


@op(
    special=(
        ((5.0, 3.0), 2.0),
        ((-5.0, 3.0), -2.0),
        ((5.0, -3.0), 2.0),
        ((-6.0, 3.0), -0.0),
        ((1.0, 0.0), NAN),
        ((INF, 3.0), NAN),
        ((5.0, INF), 5.0),
        ((1e30, 7.0), 1.0),
        ((NAN, 1.0), NAN),
    ),
    example=((-7.0, 3.0), -1.0),
    ulp=0.0,
    dtypes=F32,
    units=REMAINDER,
    interval=remainder(exact=True),
    fleet=83,
)
def fmod(a: Value, b: Value) -> Value:
    """The exact remainder of the truncated division, with the sign of a, as fmod in C.

    Long division, eight bits of the quotient a step: single exponents differ by 253 at most.
    """
    x, m, gap = _aligned(a, b)
    step = const(8, "i32")
    for n in range(32):
        left = gap - 8 * n
        x = urem(x << select(left > 8, step, select(left < 0, 0, left)), m)
    small = expr.fabs(a) < expr.fabs(b)
    rest = select(small, expr.fabs(a), _scaled(x, b))
    out = from_bits(bits(rest) | (bits(a) & LOWEST))
    fits = (expr.fabs(a) < INF) & b.equals(b) & b.differs(0.0)
    return select(fits, out, NAN)


def _aligned(a: Value, b: Value) -> tuple[Value, Value, Value]:
    """The significands of |a| and |b| as integers, and how far their exponents are apart."""
    (x, above), (m, below) = parts(a), parts(b)
    return x, select(m.equals(0), 1, m), above - below


def _scaled(x: Value, b: Value) -> Value:
    """The integer x, below 2**24, in units of the last place of b; exact."""
    exponent = bits(expr.fabs(b)) >> 23
    power = select(exponent > 0, exponent, 1)  # of b's unit: 2**(power - 150)
    # 2**(power - 150) as one factor, or as two where it is no normal number
    one = power >= 24
    first = _power(select(one, power - 150, -126))
    return to_float(x) * first * _power(select(one, 0, power - 24))


def _power(n: Value) -> Value:
    """2**n for n from -126 to 127."""
    return from_bits((n + 127) << 23)


@op(
    special=(((NAN, 1.0), 1.0), ((1.0, NAN), 1.0), ((NAN, NAN), NAN), ((-INF, 1.0), -INF)),
    example=((2.0, 3.0), 2.0),
    ulp=0.0,
    dtypes=F32,
    units=LEAST,
    interval=lesser,
    fleet=Offer(14, "MIN"),
)
def fmin(a: Value, b: Value) -> Value:
    """The lesser of a and b; the number where one of them is NaN; b where they are equal."""
    return select((a < b) | b.differs(b), a, b)


@op(
    special=(((NAN, 1.0), 1.0), ((1.0, NAN), 1.0), ((NAN, NAN), NAN), ((INF, 1.0), INF)),
    example=((2.0, 3.0), 3.0),
    ulp=0.0,
    dtypes=F32,
    units=LEAST,
    interval=mirrored(lesser),
    fleet=Offer(15, "MAX"),
)
def fmax(a: Value, b: Value) -> Value:
    """The greater of a and b; the number where one of them is NaN; b where they are equal."""
    return select((a > b) | b.differs(b), a, b)


# Integers and bits --------------------------------------------------------------------------------


@_word(((2, 3), 5), (((HIGHEST, 1), LOWEST),), commutes=True, fleet=90)
def iadd(a: Value, b: Value) -> Value:
    """The sum a + b, modulo 2**32."""
    return a + b


@_word(((2, 3), -1), (((LOWEST, 1), HIGHEST),), fleet=91)
def isub(a: Value, b: Value) -> Value:
    """The difference a - b, modulo 2**32."""
    return a - b


@_word(((-3, 5), -15), (((2**30, 4), 0),), commutes=True, fleet=92)
def imul(a: Value, b: Value) -> Value:
    """The product a * b, modulo 2**32."""
    return a * b


@_word(((17, 5), 3), (((-1, 2), HIGHEST), ((1, -1), 0), ((7, 0), -1)), fleet=93)
def iquo(a: Value, b: Value) -> Value:
    """The unsigned quotient; all ones for a divisor of 0."""
    zero = b.equals(0)
    return select(zero, -1, udiv(a, select(zero, 1, b)))


@_word(((17, 5), 2), (((-1, 16), 15), ((7, 0), 7)), fleet=94)
def irem(a: Value, b: Value) -> Value:
    """The unsigned remainder; a for a divisor of 0."""
    zero = b.equals(0)
    return select(zero, a, urem(a, select(zero, 1, b)))


@_word(((12, 10), 8), commutes=True, fleet=95)
def iand(a: Value, b: Value) -> Value:
    """The bits that both have."""
    return a & b


@_word(((12, 10), 14), commutes=True, fleet=96)
def ior(a: Value, b: Value) -> Value:
    """The bits that either has."""
    return a | b


@_word(((12, 10), 6), commutes=True, fleet=97)
def ixor(a: Value, b: Value) -> Value:
    """The bits that one of them has."""
    return a ^ b


@_word(((0,), -1), fleet=103)
def inot(a: Value) -> Value:
    """The bits that a has not."""
    return a ^ -1


@_word(((3, 4), 48), (((1, 32), 1), ((1, 31), LOWEST)), fleet=98)
def ishl(a: Value, b: Value) -> Value:
    """The word a shifted to the left by b modulo 32."""
    return a << (b & 31)


@_word(((-1, 28), 15), (((-1, 32), -1),), fleet=99)
def ishr(a: Value, b: Value) -> Value:
    """The word a shifted to the right by b modulo 32, zeros from the left."""
    return lshr(a, b & 31)


@_word(((-16, 2), -4), (((LOWEST, 63), -1),), fleet=100)
def isar(a: Value, b: Value) -> Value:
    """The word a shifted to the right by b modulo 32, copies of the sign from the left."""
    return a >> (b & 31)


@_word(
    ((LOWEST + 1, 1), 3),
    (((1, 32), 1), ((1, -1), LOWEST), ((-2, 1), -3)),
    fleet=Offer(112, since=2),
)
def irotl(a: Value, b: Value) -> Value:
    """The word a rotated to the left by b modulo 32: bits that leave come back on the right."""
    return a << (b & 31) | lshr(a, (0 - b) & 31)


@_word(
    ((3, 1), LOWEST + 1),
    (((1, 32), 1), ((LOWEST, -1), 1), ((-2, 1), HIGHEST)),
    fleet=Offer(113, since=2),
)
def irotr(a: Value, b: Value) -> Value:
    """The word a rotated to the right by b modulo 32: bits that leave come back on the left."""
    return lshr(a, b & 31) | a << ((0 - b) & 31)


@_word(((255,), 8), (((0,), 0), ((-1,), 32)), fleet=Offer(114, since=2))
def ipopcount(a: Value) -> Value:
    """How many bits of a are set."""
    return expr.popcount(a)


@_word(((1,), 31), (((0,), 32), ((-1,), 0)), fleet=Offer(115, since=2))
def iclz(a: Value) -> Value:
    """Zeros above the highest set bit of a; 32 for 0."""
    return expr.clz(a)


@_word(((8,), 3), (((0,), 32), ((-1,), 0)), fleet=Offer(116, since=2))
def ictz(a: Value) -> Value:
    """Zeros below the lowest set bit of a; 32 for 0."""
    return expr.ctz(a)


@_word(((1,), 2**24), (((0x1234,), 0x34120000),), fleet=Offer(117, since=2))
def ibswap(a: Value) -> Value:
    """The four bytes of a in the opposite order."""
    return expr.bswap(a)


_ONE, _INF, _NAN = 0x3F800000, 0x7F800000, 0x7FC00000
_MINUS_ONE = _ONE - 2**31


def _order(below: Value, same: Value) -> Value:
    return select(same, 0, select(below, const(_MINUS_ONE, "i32"), _ONE))


@_word(
    ((3, 5), _MINUS_ONE),
    (((5, 5), 0), ((1, -1), _ONE)),
    fleet=101,
    interval=within(-1.0, 1.0, integral=True),
)
def icmp(a: Value, b: Value) -> Value:
    """The float -1.0, 0.0 or 1.0: a below, equal to or above b, signed; for a branch to test."""
    return _order(a < b, a.equals(b))


@_word(
    ((3, 5), _MINUS_ONE),
    (((5, 5), 0), ((1, -1), _MINUS_ONE)),
    fleet=102,
    interval=within(-1.0, 1.0, integral=True),
)
def ucmp(a: Value, b: Value) -> Value:
    """The float -1.0, 0.0 or 1.0: a below, equal to or above b, unsigned."""
    return _order(ult(a, b), a.equals(b))


@_word(
    ((1,), _ONE),
    (((-1,), _MINUS_ONE),),
    fleet=104,
    interval=within(-(2.0**31), 2.0**31, integral=True),
)
def itof(a: Value) -> Value:
    """The float nearest to the signed integer a."""
    return bits(to_float(a))


@_word(
    ((_ONE,), 1),
    (((_NAN,), 0), ((_INF,), HIGHEST), ((_INF + LOWEST,), LOWEST), ((_MINUS_ONE,), -1)),
    fleet=105,
)
def ftoi(a: Value) -> Value:
    """The signed integer part of the float a; the nearest there is if out of range, 0 for NaN."""
    x = from_bits(a)
    inside = (x >= -(2.0**31)) & (x < 2.0**31)
    outside = select(x >= 2.0**31, HIGHEST, select(x < -(2.0**31), LOWEST, const(0, "i32")))
    return select(inside, to_int(select(inside, x, 0.0)), outside)


@_word(
    ((1,), _ONE),
    (((-1,), 0x4F800000), ((LOWEST,), 0x4F000000)),
    fleet=106,
    interval=within(0.0, 2.0**32, integral=True),
)
def utof(a: Value) -> Value:
    """The float nearest to the unsigned integer a."""
    half = to_float(lshr(a, 1) | (a & 1))  # the lowest bit stays, so that rounding sees it
    return bits(select(a < 0, half + half, to_float(a)))


@_word(
    ((_ONE,), 1),
    (((_NAN,), 0), ((_INF,), -1), ((_MINUS_ONE,), 0), ((0x4F000000,), LOWEST)),
    fleet=107,
)
def ftou(a: Value) -> Value:
    """The unsigned integer part of the float a; the nearest there is if out of range, 0 for NaN."""
    x = from_bits(a)
    inside = (x >= 0.0) & (x < 2.0**32)
    high = x >= 2.0**31
    low = to_int(select(inside, select(high, x - 2.0**31, x), 0.0))
    return select(
        inside, select(high, low ^ LOWEST, low), select(x >= 2.0**32, const(-1, "i32"), 0)
    )


# Halves -------------------------------------------------------------------------------------------


@_word(((0x477FE000,), 0x7BFF), (((0x33000000,), 0), ((0x33000001,), 1), ((_INF,), 0x7C00)))
def to_half(a: Value) -> Value:
    """The half-precision pattern nearest to the float a, ties to even, in the lower 16 bits."""
    size, sign = a & HIGHEST, lshr(a, 16) & 0x8000
    # below 2**-14 the spacing is fixed: adding 0.5 rounds to it, and what is left is the pattern
    tiny = bits(from_bits(size) + 0.5) - 0x3F000000
    normal = lshr(size - 0x38000000 + 0xFFF + (lshr(size, 13) & 1), 13)
    finite = select(size < 0x38800000, tiny, select(size < 0x477FF000, normal, 0x7C00))
    return sign | select(size > _INF, const(0x7E00, "i32"), finite)


@_word(((0x3C00,), _ONE), (((1,), 0x33800000), ((0x7C00,), _INF), ((0x8000,), LOWEST)))
def from_half(a: Value) -> Value:
    """The float of the half-precision pattern in the lower 16 bits of a; exact."""
    size, sign = a & 0x7FFF, (a & 0x8000) << 16
    tiny = bits(from_bits((size & 0x3FF) | 0x3F000000) - 0.5)
    normal = (size << 13) + 0x38000000
    special = (size << 13) + 0x70000000
    finite = select(size < 0x400, tiny, normal)
    return sign | select(size >= 0x7C00, special, finite)
