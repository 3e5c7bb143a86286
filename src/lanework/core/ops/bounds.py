"""What ops make of intervals, and the rules that say so beside their bodies.

Most follow from an op's own graph: each primitive on intervals (`interval`), and both sides of a
choice that may go either way. Where that says too little, or the graph takes numbers apart into
bits, the op names a rule: that it keeps the order of numbers, or where its results lie. Of any
other op nothing is said: it may give every number, and NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from lanework.core.ops import interval
from lanework.core.ops.expr import ARITHMETIC, FLOAT_BINARY, FLOAT_UNARY
from lanework.core.ops.interval import ANY, EXACT, INF, NAN, NOTHING, Interval, between, point
from lanework.core.ops.op import IntervalRule, Op

LARGEST = float(np.finfo(np.float32).max)

Truth = tuple[bool, bool]
"""Whether a condition may hold, and whether it may not."""

PLACES = 2.0**-20
"""What is added to bounds of functions that are not correctly rounded, relatively: eight units in
the last place, more than any engine's error."""


def bounds(op: Op, args: Sequence[Interval]) -> Interval:
    """What an op may give for operands in these intervals.

    Example:
        >>> from lanework.core.ops.table import ARITH
        >>> from lanework.core.ops.interval import between
        >>> bounds(ARITH["mul"], [between(-2.0, 3.0), between(0.0, 4.0)])
        Interval(low=-8.0, high=12.0, nan=False, integral=False)
        >>> bounds(ARITH["sin"], [between(-2.0, 3.0)]).high
        1.0000009536743164
    """
    if op.interval is not None:
        return op.interval(op, args)
    return along(op, args) if "f32" in op.dtypes else ANY


def along(op: Op, args: Sequence[Interval]) -> Interval:
    """What an op may give, by its graph; anything if a primitive is not known here."""
    graph = op.graph("f32")
    results: dict[int, Interval] = {}
    truths: dict[int, Truth] = {}
    for value in graph.values:
        operands = [results.get(id(arg), ANY) for arg in value.args]
        if value.prim == "arg":
            results[id(value)] = args[int(value.payload or 0)]
        elif value.prim == "const" and value.dtype == "f32":
            results[id(value)] = point(float(value.payload or 0.0))
        elif value.prim == "const" and value.dtype == "bool":
            truths[id(value)] = bool(value.payload), not value.payload
        elif value.prim in COMPARISONS:
            truths[id(value)] = COMPARISONS[value.prim](*operands)
        elif value.prim in CONNECTIVES and value.dtype == "bool":
            truths[id(value)] = CONNECTIVES[value.prim](*(truths[id(arg)] for arg in value.args))
        elif value.prim == "select" and value.dtype == "f32":
            may, may_not = truths[id(value.args[0])]
            sides = [
                each for each, holds in zip(operands[1:], (may, may_not), strict=True) if holds
            ]
            results[id(value)] = sides[0].join(sides[-1]) if sides else Interval(INF, -INF)
        elif value.prim in PRIMITIVES and value.dtype == "f32":
            results[id(value)] = PRIMITIVES[value.prim](*operands)
        else:
            return ANY
    return results[id(graph.result)]


PRIMITIVES: dict[str, Callable[..., Interval]] = {
    "fma": interval.fma,
    **{p: getattr(interval, p) for p in (*ARITHMETIC, *FLOAT_BINARY, *FLOAT_UNARY) if p != "abs"},
    "abs": interval.fabs,
}


def _less(a: Interval, b: Interval) -> Truth:
    return a.low < b.high, a.nan or b.nan or a.high >= b.low


def _at_most(a: Interval, b: Interval) -> Truth:
    return a.low <= b.high, a.nan or b.nan or a.high > b.low


def _equal(a: Interval, b: Interval) -> Truth:
    return max(a.low, b.low) <= min(a.high, b.high), not (a.fixed and b.fixed and a.low == b.low)


COMPARISONS: dict[str, Callable[[Interval, Interval], Truth]] = {
    "lt": _less,
    "gt": lambda a, b: _less(b, a),
    "le": _at_most,
    "ge": lambda a, b: _at_most(b, a),
    "eq": _equal,
    "ne": lambda a, b: _equal(a, b)[::-1],
}

CONNECTIVES: dict[str, Callable[..., Truth]] = {
    "and": lambda a, b: (a[0] and b[0], a[1] or b[1]),
    "or": lambda a, b: (a[0] or b[0], a[1] and b[1]),
    "xor": lambda a, b: ((a[0] and b[1]) or (a[1] and b[0]), (a[0] and b[0]) or (a[1] and b[1])),
    "not": lambda a: (a[1], a[0]),
}


# What is known of functions -----------------------------------------------------------------------


def _outward(low: float, high: float, nan: bool) -> Interval:
    """The interval of these ends and a little more."""
    low, high = min(low, LARGEST), max(high, -LARGEST)
    return between(low - PLACES * abs(low), high + PLACES * abs(high), nan)


def _ends(op: Op, *args: float) -> float:
    return float(op.evaluate(*(np.float32(arg) for arg in args)))


def rising(op: Op, args: Sequence[Interval]) -> Interval:
    """Of a function that keeps the order of numbers, where it has one."""
    (a,) = args
    if a.empty:
        return a
    ends = [_ends(op, a.low), _ends(op, a.high)]
    nan = a.nan or any(map(math.isnan, ends))
    if math.isnan(ends[1]):
        return NAN
    low = -INF if math.isnan(ends[0]) else ends[0]
    return _outward(low, ends[1], nan)


def within(low: float, high: float, integral: bool = False) -> IntervalRule:
    """Of a function whose results lie between two numbers, whatever its operands."""

    def known(op: Op, args: Sequence[Interval]) -> Interval:
        nan = "f32" in op.dtypes and any(a.nan or a.infinite for a in args)
        if integral:
            return between(low, high, nan, True)
        return _outward(low, high, nan)

    return known


def lesser(op: Op, args: Sequence[Interval]) -> Interval:
    """Of the lesser of two, the number where one is NaN."""
    a, b = args
    out = Interval(min(a.low, b.low), min(a.high, b.high), False, a.integral and b.integral)
    if a.empty or b.empty:
        out = NOTHING
    out = out.join(Interval(b.low, b.high, False, b.integral)) if a.nan else out
    out = out.join(Interval(a.low, a.high, False, a.integral)) if b.nan else out
    return out.wide(a.nan and b.nan)


def greater(op: Op, args: Sequence[Interval]) -> Interval:
    """Of the greater of two, likewise."""
    return interval.neg(lesser(op, [interval.neg(a) for a in args]))


def remainder(*, exact: bool) -> IntervalRule:
    """Of a - b * trunc(a / b), rounded at every step, or of the exact remainder.

    A quotient is wrong by 2**-24 of itself at most, and so is its product with b, so that the
    remainder exceeds |b|, or has not the sign of a, by 2**-22 of |a| at most. Of integers up to
    2**23 it is exact.
    """

    def known(op: Op, args: Sequence[Interval]) -> Interval:
        a, b = args
        nan = a.nan or b.nan or 0.0 in b or a.infinite or (b.infinite and not exact)
        if a.empty or b.empty:
            return NAN if nan else NOTHING
        least = 0.0 if 0.0 in b else min(abs(b.low), abs(b.high))
        least = max(least, 1.0) if b.integral else least
        integral = a.integral and b.integral
        slack = 0.0
        if exact:
            limit = min(a.size, b.size - 1.0 if integral else b.size)
        elif integral and a.size <= EXACT / 2:
            limit = min(a.size, max(b.size - 1.0, 0.0))
        elif a.size > 1e38 or least == 0.0 or a.size / least > 1e38:
            return Interval(-INF, INF, nan)
        else:
            slack = 2.0**-22 * a.size
            limit = min(a.size, b.size + slack) * (1.0 + 2.0**-22)
        low = -slack if a.low >= 0.0 else -limit
        high = slack if a.high <= 0.0 else limit
        return between(low, high, nan, integral)

    return known


def between_corners(op: Op, args: Sequence[Interval]) -> Interval:
    """Of positive bases: between the powers of the ends, for it keeps the order in either."""
    a, b = args
    nan = a.nan or b.nan
    if a.empty or b.empty or a.low < 0.0 or (a.low == 0.0 and b.low < 0.0):
        return ANY
    corners = [_ends(op, x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    if any(map(math.isnan, corners)):
        return ANY
    out = _outward(min(corners), max(corners), nan)
    return out.join(point(1.0)) if nan else out


def length(op: Op, args: Sequence[Interval]) -> Interval:
    """Of the length of two sides: it rises with the magnitude of either."""
    a, b = (interval.fabs(arg) for arg in args)
    if a.empty or b.empty:
        return ANY
    return _outward(_ends(op, a.low, b.low), _ends(op, a.high, b.high), a.nan or b.nan)
