"""Argument reduction for sine, cosine and tangent, right for every finite argument.

M. H. Payne and R. N. Hanek, Radian reduction for trigonometric functions, 1983: x is an integer
of 53 (24) bits times a power of two, so of the bits of 2/pi only a window counts. Those above it
give multiples of four quadrants, those below it are too small. The window is three words long.
There is no table to index in a straight line of primitives; it is picked out of the words of
2/pi by a chain of selects on the bits of the exponent, each step halving what is left.
"""

from __future__ import annotations

import functools
from itertools import pairwise

from lanework.core.ops import expr
from lanework.core.ops.bodies.layout import Layout, head, layout
from lanework.core.ops.expr import Value, select

QUARTER_PI = 0.7853981633974483
HALF_PI = 1.5707963267948966
# pi/2 = head + tail, the head with half the significand.
HALF_PI_HEAD = {"f64": float.fromhex("0x1.921fb5p+0"), "f32": float.fromhex("0x1.922p+0")}
HALF_PI_TAIL = {
    "f64": float.fromhex("0x1.110b4611a6263p-26"),
    "f32": float.fromhex("-0x1.2aeef4p-18"),
}


@functools.cache
def two_over_pi(form: Layout) -> tuple[int, ...]:
    """The bits of 2/pi in words (signed), after as many zero bits as the smallest x needs.

    The arctangents of J. Machin's formula, pi/4 = 4 atan(1/5) - atan(1/239), in integers.
    """
    windows = 16 if form.dtype == "f64" else 4
    words = windows + 3
    guard = form.word * (words + 2)
    pi = 4 * (4 * _inverse_arctangent(5, guard) - _inverse_arctangent(239, guard))
    inverse = (2 << (2 * guard)) // pi  # 2/pi with `guard` bits after the point
    zeros = form.fraction + 3  # one bit before the point included
    string = inverse >> (guard - (words * form.word - zeros))
    out = []
    for i in range(words):
        word = (string >> (form.word * (words - 1 - i))) & ((1 << form.word) - 1)
        out.append(word - (1 << form.word) if word >> (form.word - 1) else word)
    return tuple(out)


def _inverse_arctangent(n: int, bits: int) -> int:
    term = (1 << (bits + 32)) // n
    total, divisor, sign = term, 1, 1
    while term:
        term //= n * n
        divisor += 2
        sign = -sign
        total += sign * (term // divisor)
    return total >> 32


def reduce(size: Value) -> tuple[Value, Value, Value]:
    """`size` (not negative, finite) less the nearest multiple n of pi/2.

    Returns r, its tail (r + tail is the remainder to half as many bits again) and n mod 4 as an
    integer. Infinity and NaN give something meaningless.
    """
    form = layout(size)
    word, half, fraction = form.word, form.half, form.fraction
    pattern = expr.bits(size)
    position = expr.lshr(pattern, fraction) - form.bias
    stored = pattern & form.fraction_mask
    integer = stored | (1 << fraction)
    below = position < 0  # size < 1: one exponent lower than the first window reaches
    position = select(below, 0, position)
    integer = select(below, integer, integer + integer)

    top, middle, bottom = _window(position, form)
    mask = (1 << half) - 1
    m_low, m_high = integer & mask, expr.lshr(integer, half)
    w_low, w_high = middle & mask, expr.lshr(middle, half)
    low = m_low * w_low
    across = m_high * w_low + expr.lshr(low, half)
    other = m_low * w_high + (across & mask)
    carried = m_high * w_high + expr.lshr(across, half) + expr.lshr(other, half)
    quarters = integer * top + carried  # the quadrant in two bits, then its fraction

    # What is below `quarters` is small and needs few bits: it is added in floating point.
    unit = word - 2
    significand = expr.from_bits(stored | form.pattern(1.0))
    weight = 2.0 ** (fraction - unit - word)
    under = (
        _as_float(other & mask, form, unit + half)
        + _as_float(low & mask, form, unit + word)
        + significand
        * select(below, expr.like(size, weight), 2.0 * weight)
        * _as_float(expr.lshr(bottom, word - fraction), form, fraction)
    )
    # Half a quadrant is added to round to the nearest, and half a unit of `upper` to make `lower`
    # signed as well: else a small negative remainder would be the difference of two larger ones.
    offset = quarters + ((1 << (word - 3)) + (1 << (half - 3)))
    quadrant = expr.lshr(offset, word - 2)
    part = offset << 2
    upper = _as_float(expr.lshr(part, half), form, half, 0.5)
    below_upper = _as_float(part & mask, form, word, 0.5 ** (half + 1))
    lower = below_upper + under
    turn = upper + lower
    rest = (lower - (turn - upper)) + (under - (lower - below_upper))

    turn_head = head(turn)
    leading = turn_head * HALF_PI_HEAD[form.dtype]
    trailing = turn_head * HALF_PI_TAIL[form.dtype] + ((turn - turn_head) + rest) * HALF_PI
    r = leading + trailing
    tail = trailing - (r - leading)

    small = size < QUARTER_PI
    return (
        select(small, size, r),
        select(small, 0.0, tail),
        select(small, 0, quadrant),
    )


def _window(position: Value, form: Layout) -> tuple[Value, Value, Value]:
    """Three words of the bits of 2/pi, from bit `position` on."""
    words: list[Value] = [expr.const(w, expr.INT_OF[form.dtype]) for w in two_over_pi(form)]
    step = (len(words) - 3) // 2
    while step:
        far = (position & (step * form.word)).differs(0)
        words = [select(far, words[i + step], words[i]) for i in range(step + 3)]
        step //= 2
    shift = position & (form.word - 1)
    back = shift ^ (form.word - 1)
    joined = [(a << shift) | expr.lshr(expr.lshr(b, 1), back) for a, b in pairwise(words)]
    return joined[0], joined[1], joined[2]


def _as_float(integer: Value, form: Layout, scale: int, less: float = 0.0) -> Value:
    """An integer below 2**fraction, not negative, times 2**-scale and minus `less`, exactly."""
    base = 2.0 ** (form.fraction - scale)
    return expr.from_bits(integer | form.pattern(base)) - (base + less)
