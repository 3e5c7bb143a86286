"""The primitive `fma` in integers: a * b + c, rounded once, where no instruction does it.

The significands are multiplied into two words and the third is added to them, at whatever distance
the exponents say; what falls off the end leaves a mark in the lowest bit, so that the one rounding
at the end sees it (J. R. Hauser, Berkeley SoftFloat, 1996, calls this jamming). Subnormal numbers
and results need no case of their own.
"""

from __future__ import annotations

import functools

from lanework.core.ops.bodies.layout import INF, LAYOUTS, parts
from lanework.core.ops.expr import (
    Graph,
    Value,
    bits,
    clz,
    const,
    fabs,
    from_bits,
    lshr,
    retrace,
    select,
    ult,
    umulh,
)
from lanework.core.ops.prims import Prim

Pair = tuple[Value, Value]
"""Two words as one number, the upper first."""


def fused(a: Value, b: Value, c: Value) -> Value:
    """The product a * b plus c with one rounding, in primitives that every engine has."""
    form = LAYOUTS[a.dtype]
    word, fraction = form.word, form.fraction
    (ma, ea), (mb, eb), (mc, ec) = (parts(x) for x in (a, b, c))
    apart = ec - ea - eb + (form.bias + fraction)  # of c's last place from the product's

    # Either may be shifted to the left by as much as there is room in two words, less a sign.
    room = 2 * word - 2
    product = _left((umulh(ma, mb), ma * mb), _within(0 - apart, room - 2 * (fraction + 1)), word)
    addend = _left((const(0, mc.dtype), mc), _within(apart, room - (fraction + 1)), word)
    product_off = _above(apart - (room - (fraction + 1)))
    product = _right(product, product_off, word)
    addend = _right(addend, _above(0 - apart - (room - 2 * (fraction + 1))), word)
    lowest = ea + eb - (form.bias + fraction) - _within(0 - apart, room - 2 * (fraction + 1))
    lowest = lowest + product_off

    product_sign, sign = (bits(a) ^ bits(b)) & form.sign, bits(c) & form.sign
    same = product_sign.equals(sign)
    total, below = _sum(product, addend, same)
    sign = select(~same & ~below, product_sign, sign)

    upper, lower = total
    top = select(upper.equals(0), word - 1 - clz(lower), 2 * word - 1 - clz(upper))
    exponent = _at_least(lowest + top - fraction, 1)
    drop = exponent - lowest - 2  # all but two bits below the last place
    right = _right(total, _above(drop), word)[1]
    left = lower << _within(0 - drop, word - 1)
    kept = select(drop > 0, right, left)
    rounding = kept & 7
    significand = lshr(kept, 2) + _bit(rounding.equals(3) | (rounding > 5), kept.dtype)
    packed = ((exponent - 1) << fraction) + significand
    packed = select(exponent > 2 * form.bias, form.pattern(INF), packed)
    nothing = (upper | lower).equals(0)
    value = from_bits(select(nothing, 0, packed | sign))

    plain = (fabs(a) < INF) & (fabs(b) < INF)
    plain = plain & ma.differs(0) & mb.differs(0)
    return select(plain, select(fabs(c) < INF, value, c), a * b + c)


def _at_least(x: Value, least: int) -> Value:
    return select(x > least, x, least)


def _above(x: Value) -> Value:
    return _at_least(x, 0)


def _within(x: Value, most: int) -> Value:
    return _above(select(x < most, x, most))


def _left(x: Pair, by: Value, word: int) -> Pair:
    """Shifted to the left by less than two words."""
    upper, lower = x
    far, n = by >= word, by & (word - 1)
    upper = select(far, lower, upper)
    lower = select(far, 0, lower)
    return (upper << n) | lshr(lshr(lower, 1), (word - 1) - n), lower << n


def _right(x: Pair, by: Value, word: int) -> Pair:
    """Shifted to the right; the lowest bit says whether anything fell off."""
    upper, lower = x
    by = select(by < 2 * word - 1, by, 2 * word - 1)
    far, n = by >= word, by & (word - 1)
    lost = select(far, lower, 0)
    lower = select(far, upper, lower)
    upper = select(far, 0, upper)
    lost = lost | (lower & ((const(1, n.dtype) << n) - 1))
    shifted = lshr(lower, n) | ((upper << 1) << ((word - 1) - n))
    return lshr(upper, n), shifted | _bit(lost.differs(0), n.dtype)


def _sum(a: Pair, b: Pair, add: Value) -> tuple[Pair, Value]:
    """The sum of two or the size of their difference, and whether b was the greater."""
    (a1, a0), (b1, b0) = a, b
    lower = select(add, a0 + b0, a0 - b0)
    one = a0.dtype
    carry = select(add, _bit(ult(lower, a0), one), 0 - _bit(ult(a0, b0), one))
    upper = select(add, a1 + b1, a1 - b1) + carry
    below = ~add & (upper < 0)
    turned = 0 - lower
    upper = select(below, (upper ^ -1) + _bit(lower.equals(0), one), upper)
    return (upper, select(below, turned, lower)), below


def _bit(condition: Value, dtype: str) -> Value:
    return select(condition, const(1, dtype), 0)


EXPANSIONS = {Prim.FMA: fused}


@functools.lru_cache(1024)
def without_fma(graph: Graph) -> Graph:
    """The same with `fma` in integers, for engines that have no instruction for it."""
    if EXPANSIONS.keys().isdisjoint(value.prim for value in graph.values):
        return graph
    return retrace(graph, EXPANSIONS)
