"""Ops on 64-bit words: integers that wrap, bits, and floats by their bit patterns.

They are ops of the one table, in the dtype i64: documentation, special values, example, and a
body from which every engine derives. Comparisons give 1 or 0. Float ops that registers have are not
written again: `lift` makes them of those on f64, and takes and gives bit patterns. Where a result
is not a number it is always the same one, 0x7ff8000000000000, so that registers agree to the bit on
every engine.

Numbers in rules and examples are signed, as in NumPy's int64.
"""

from __future__ import annotations

from collections.abc import Callable

from lanework.core.ops.bodies.layout import DOUBLE
from lanework.core.ops.bounds import anything
from lanework.core.ops.expr import (
    Value,
    bits,
    bswap,
    clz,
    const,
    ctz,
    from_bits,
    lshr,
    popcount,
    select,
    to_float,
    to_int,
    udiv,
    ult,
    umulh,
    urem,
)
from lanework.core.ops.op import Offer, Op, Special, exact

I64 = ("i64",)
NAN = 0x7FF8000000000000
LOWEST, HIGHEST = -(2**63), 2**63 - 1


_word = exact(I64, interval=anything)


# Arithmetic and bits ------------------------------------------------------------------------------


@_word(
    ((2, 3), 5),
    (((HIGHEST, 1), LOWEST),),
    commutes=True,
    register=Offer(0, immediate=8, common=True),
)
def add(a: Value, b: Value) -> Value:
    """The sum a + b, modulo 2**64."""
    return a + b


@_word(((2, 3), -1), (((LOWEST, 1), HIGHEST),), register=Offer(1, immediate=9, common=True))
def sub(a: Value, b: Value) -> Value:
    """The difference a - b, modulo 2**64."""
    return a - b


@_word(((12, 10), 8), commutes=True, register=Offer(2, immediate=10, common=True))
def and_(a: Value, b: Value) -> Value:
    """The bits that both have."""
    return a & b


@_word(((12, 10), 14), commutes=True, register=Offer(3, immediate=11, common=True))
def or_(a: Value, b: Value) -> Value:
    """The bits that either has."""
    return a | b


@_word(((12, 10), 6), commutes=True, register=Offer(4, immediate=12, common=True))
def xor(a: Value, b: Value) -> Value:
    """The bits that one of them has."""
    return a ^ b


@_word(
    ((3, 4), 48), (((1, 64), 1), ((1, 63), LOWEST)), register=Offer(5, immediate=13, common=True)
)
def shl(a: Value, b: Value) -> Value:
    """The word a shifted to the left by b modulo 64."""
    return a << (b & 63)


@_word(((-1, 60), 15), (((-1, 64), -1),), register=Offer(6, immediate=14, common=True))
def shr(a: Value, b: Value) -> Value:
    """The word a shifted to the right by b modulo 64, zeros from the left."""
    return lshr(a, b & 63)


@_word(((-16, 2), -4), (((LOWEST, 127), -1),), register=Offer(7, immediate=15, common=True))
def sar(a: Value, b: Value) -> Value:
    """The word a shifted to the right by b modulo 64, copies of the sign from the left."""
    return a >> (b & 63)


@_word(
    ((LOWEST + 1, 1), 3),
    (((1, 64), 1), ((1, -1), LOWEST), ((-2, 1), -3)),
    register=Offer(176, immediate=178, since=2),
)
def rotl(a: Value, b: Value) -> Value:
    """The word a rotated to the left by b modulo 64: bits that leave come back on the right."""
    return a << (b & 63) | lshr(a, (0 - b) & 63)


@_word(
    ((3, 1), LOWEST + 1),
    (((1, 64), 1), ((LOWEST, -1), 1), ((-2, 1), HIGHEST)),
    register=Offer(177, immediate=179, since=2),
)
def rotr(a: Value, b: Value) -> Value:
    """The word a rotated to the right by b modulo 64: bits that leave come back on the left."""
    return lshr(a, b & 63) | a << ((0 - b) & 63)


@_word(((-3, 5), -15), (((2**62, 4), 0),), commutes=True, register=Offer(16, common=True))
def mul(a: Value, b: Value) -> Value:
    """The product a * b, modulo 2**64."""
    return a * b


@_word(((-1, 16), 15), (((-1, -1), -2),), commutes=True, register=17)
def mulh(a: Value, b: Value) -> Value:
    """The upper 64 bits of the unsigned product."""
    return umulh(a, b)


@_word(((17, 5), 3), (((-1, 2), HIGHEST), ((1, -1), 0)), register=18)
def div(a: Value, b: Value) -> Value:
    """The unsigned quotient. Division by zero is a trap of the machine, and not seen here."""
    return udiv(a, select(b.equals(0), 1, b))


@_word(((17, 5), 2), (((-1, 16), 15),), register=19)
def mod(a: Value, b: Value) -> Value:
    """The unsigned remainder. Division by zero is a trap of the machine, and not seen here."""
    return urem(a, select(b.equals(0), 1, b))


@_word(((255,), 8), (((0,), 0), ((-1,), 64)), name="popcount", register=112)
def popcount_(a: Value) -> Value:
    """How many bits of a are set."""
    return popcount(a)


@_word(((1,), 63), (((0,), 64), ((-1,), 0)), name="clz", register=113)
def clz_(a: Value) -> Value:
    """Zeros above the highest set bit of a; 64 for 0."""
    return clz(a)


@_word(((8,), 3), (((0,), 64), ((-1,), 0)), name="ctz", register=114)
def ctz_(a: Value) -> Value:
    """Zeros below the lowest set bit of a; 64 for 0."""
    return ctz(a)


@_word(((1,), 2**56), name="bswap", register=115)
def bswap_(a: Value) -> Value:
    """The eight bytes of a in the opposite order."""
    return bswap(a)


# Comparisons --------------------------------------------------------------------------------------


def _truth(condition: Value) -> Value:
    return select(condition, const(1, "i64"), const(0, "i64"))


@_word(((2, 2), 1), register=Offer(49, "beq"))
def eq(a: Value, b: Value) -> Value:
    """1 if a = b."""
    return _truth(a.equals(b))


@_word(((2, 2), 0), register=Offer(50, "bne"))
def ne(a: Value, b: Value) -> Value:
    """1 if a and b differ."""
    return _truth(a.differs(b))


@_word(((-1, 2), 1), register=Offer(51, "blt"))
def lt(a: Value, b: Value) -> Value:
    """1 if a < b, signed."""
    return _truth(a < b)


@_word(((2, 2), 1), register=Offer(52, "ble"))
def le(a: Value, b: Value) -> Value:
    """1 if a <= b, signed."""
    return _truth(a <= b)


@_word(((-1, 2), 0), register=Offer(53, "bgt"))
def gt(a: Value, b: Value) -> Value:
    """1 if a > b, signed."""
    return _truth(a > b)


@_word(((2, 2), 1), register=Offer(54, "bge"))
def ge(a: Value, b: Value) -> Value:
    """1 if a >= b, signed."""
    return _truth(a >= b)


@_word(((-1, 2), 0), register=Offer(55, "bltu"))
def ltu(a: Value, b: Value) -> Value:
    """1 if a < b, unsigned."""
    return _truth(ult(a, b))


# Floats by their bits -----------------------------------------------------------------------------

_ONE, _TWO, _THREE = 0x3FF0000000000000, 0x4000000000000000, 0x4008000000000000
_INF, _MINUS = 0x7FF0000000000000, LOWEST


def _number(x: Value) -> Value:
    """The bits of a float; one NaN for all of them."""
    return select(x.differs(x), NAN, bits(x))


def lift(of: Op) -> Op:
    """An op of the float table on bit patterns, as registers of 64 bits hold them.

    Example:
        >>> from lanework.core.ops.bodies.arithmetic import sqrt
        >>> lift(sqrt).name, hex(int(lift(sqrt)(0x4010000000000000)))
        ('fsqrt', '0x4000000000000000')
    """

    def body(*args: Value) -> Value:
        return _number(of.body(*(from_bits(arg) for arg in args)))

    def word(value: float) -> int:
        return NAN if value != value else DOUBLE.pattern(value)

    def rule(args: tuple[float, ...], result: float) -> tuple[tuple[int, ...], int]:
        return tuple(map(word, args)), word(result)

    offer = of.offers["register"]
    return Op(
        name=offer.name or f"f{of.name}",
        operands=of.operands,
        body=body,
        doc=of.doc,
        special=tuple(Special(*rule(case.args, case.result)) for case in of.special),
        example=None if of.example is None else rule(*of.example),
        ulp=dict.fromkeys(I64, of.ulp["f64"]),
        commutes=of.commutes,
        dtypes=I64,
        interval=anything,
        offers={"register": offer},
    )


@_word(((_ONE | _MINUS,), _ONE), (((_MINUS,), 0),), register=93)
def fabs(a: Value) -> Value:
    """The word a without its sign bit, NaN included."""
    return a & HIGHEST


@_word(((_ONE, _ONE), 1), (((NAN, NAN), 0), ((0, _MINUS), 1)), register=96)
def feq(a: Value, b: Value) -> Value:
    """1 if a = b as f64; 0 with NaN."""
    return _truth(from_bits(a).equals(from_bits(b)))


@_word(((_ONE, _ONE), 0), (((NAN, NAN), 1),), register=97)
def fne(a: Value, b: Value) -> Value:
    """1 if a and b differ as f64; 1 with NaN."""
    return _truth(from_bits(a).differs(from_bits(b)))


@_word(((_ONE, _TWO), 1), (((NAN, _ONE), 0),), register=98)
def flt(a: Value, b: Value) -> Value:
    """1 if a < b as f64."""
    return _truth(from_bits(a) < from_bits(b))


@_word(((_ONE, _ONE), 1), (((NAN, NAN), 0),), register=99)
def fle(a: Value, b: Value) -> Value:
    """1 if a <= b as f64."""
    return _truth(from_bits(a) <= from_bits(b))


@_word(((_ONE, _TWO), 0), (((NAN, _ONE), 0),), register=100)
def fgt(a: Value, b: Value) -> Value:
    """1 if a > b as f64."""
    return _truth(from_bits(a) > from_bits(b))


@_word(((_ONE, _ONE), 1), (((NAN, NAN), 0),), register=101)
def fge(a: Value, b: Value) -> Value:
    """1 if a >= b as f64."""
    return _truth(from_bits(a) >= from_bits(b))


@_word(((1,), _ONE), (((-1,), _ONE | _MINUS),), register=104)
def itof(a: Value) -> Value:
    """The f64 nearest to the signed integer a."""
    return bits(to_float(a))


@_word(((_TWO,), 2), (((NAN,), 0), ((_INF,), HIGHEST), ((_INF | _MINUS,), LOWEST)), register=105)
def ftoi(a: Value) -> Value:
    """The signed integer part of the f64 a; the nearest there is if out of range, 0 for NaN."""
    return _inside(from_bits(a), -(2.0**63), 2.0**63, LOWEST, HIGHEST, to_int)


@_word(((1,), _ONE), (((-1,), 0x43F0000000000000),), register=106)
def utof(a: Value) -> Value:
    """The f64 nearest to the unsigned integer a."""
    half = to_float(lshr(a, 1) | (a & 1))  # the lowest bit stays, so that rounding sees it
    return bits(select(a < 0, half + half, to_float(a)))


@_word(((_TWO,), 2), (((NAN,), 0), ((_INF,), -1), ((_ONE | _MINUS,), 0)), register=107)
def ftou(a: Value) -> Value:
    """The unsigned integer part of the f64 a; the nearest there is if out of range, 0 for NaN."""

    def convert(x: Value) -> Value:
        high = x >= 2.0**63
        lower = to_int(select(high, x - 2.0**63, x))
        return select(high, lower ^ LOWEST, lower)

    return _inside(from_bits(a), 0.0, 2.0**64, 0, -1, convert)


def _inside(
    x: Value, low: float, high: float, least: int, most: int, convert: Callable[[Value], Value]
) -> Value:
    """Convert within [low, high), and say what there is outside."""
    inside = (x >= low) & (x < high)
    safe = convert(select(inside, x, 0.0))
    return select(inside, safe, select(x >= high, most, select(x < low, least, const(0, "i64"))))


# Random words -------------------------------------------------------------------------------------


@_word(((0, 0, 0), 0xE169C58D6627E8D5 - 2**64))
def random(seed: Value, lane: Value, index: Value) -> Value:
    """The random word of a seed, lane and index: the first 64 bits of Philox4x32-10.

    As `lanework.base.rng.words`, its first word in the lower half.
    """
    low = 0xFFFFFFFF
    x0, x1 = index & low, lshr(index, 32)
    x2, x3 = lane & low, lshr(lane, 32)
    k0, k1 = seed & low, lshr(seed, 32)
    for _ in range(10):
        p0, p1 = x0 * 0xD2511F53, x2 * 0xCD9E8D57
        x0, x1 = lshr(p1, 32) ^ x1 ^ k0, p1 & low
        x2, x3 = lshr(p0, 32) ^ x3 ^ k1, p0 & low
        k0, k1 = (k0 + 0x9E3779B9) & low, (k1 + 0xBB67AE85) & low
    return x0 | (x1 << 32)
