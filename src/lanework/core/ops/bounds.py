"""What ops make of intervals, and the rules that say so beside their bodies.

Most follow from an op's own graph: each primitive on intervals (`RULES`), and both sides of a
choice that may go either way. Where that says too little, or the graph takes numbers apart into
bits, the op names a rule: that it keeps the order of numbers, where its results lie, or that they
may be anything.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lanework.core.ops import interval
from lanework.core.ops.evaluate import NUMPY_DTYPE
from lanework.core.ops.expr import Value
from lanework.core.ops.interval import ANY, EXACT, INF, NAN, NOTHING, Interval, ordered, point
from lanework.core.ops.op import IntervalRule, Op
from lanework.core.ops.prims import ARITHMETIC, CASTS, CONST, FLOAT_UNARY, INTEGER, SHIFTS, Prim

LARGEST = {"f32": float(np.finfo(np.float32).max), "f64": float(np.finfo(np.float64).max)}

ROUND: dict[str, Callable[[Interval], Interval]] = {"f32": interval.rounded, "f64": lambda a: a}
"""From an interval of double precision to one of what a register holds."""

Truth = tuple[bool, bool]
"""Whether a condition may hold, and whether it may not."""

PLACES = 2.0**-20
"""What is added to bounds of functions that are not correctly rounded, relatively: eight units in
the last place, more than any engine's error."""


def bounds(op: Op, args: Sequence[Interval], dtype: str = "f32") -> Interval:
    """What an op may give for operands in these intervals of f32 or f64.

    Raises:
        TypeError: its graph takes numbers apart, and it has no rule of its own.

    Example:
        >>> from lanework.core.ops.table import ARITH
        >>> from lanework.core.ops.interval import between
        >>> bounds(ARITH["mul"], [between(-2.0, 3.0), between(0.0, 4.0)])
        Interval(low=-8.0, high=12.0, nan=False, integral=False)
        >>> bounds(ARITH["sin"], [between(-2.0, 3.0)]).high
        1.0000009536743164
    """
    if op.interval is not None:
        return op.interval(op, args, dtype)
    known: list[Any] = list(args)  # then intervals and truths, one for each primitive
    steps, result = _steps(op, dtype)
    for rule, sides in steps:
        known.append(rule(*[known[side] for side in sides]))
    return known[result]  # type: ignore[no-any-return]


@functools.cache
def _steps(op: Op, dtype: str) -> tuple[list[tuple[Callable[..., Any], list[int]]], int]:
    """The rules of a graph, each with the steps that it takes, and which is the result."""
    graph = op.graph(dtype)
    numbers = {id(value): place for place, value in enumerate(graph.values)}
    inner = graph.values[len(op.operands) :]
    steps = [(_rule(op, each, dtype), [numbers[id(arg)] for arg in each.args]) for each in inner]
    return steps, numbers[id(graph.result)]


def _rule(op: Op, value: Value, dtype: str) -> Callable[..., Any]:
    if value.prim in APART or value.dtype not in (dtype, "bool"):
        raise TypeError(f"op {op.name} takes numbers apart, and has no rule for intervals")
    rule = RULES[value.prim]
    if value.prim is CONST:
        fixed = rule(value.payload)
        return lambda: fixed if value.dtype == "bool" else ROUND[dtype](fixed)
    if value.dtype == "bool" or dtype == "f64":
        return rule
    return lambda *known: interval.rounded(rule(*known))


# Primitives ---------------------------------------------------------------------------------------


def _constant(payload: float | bool) -> Interval | Truth:
    return (payload, not payload) if isinstance(payload, bool) else interval.number(payload)


def _choice(test: Truth, a: Interval, b: Interval) -> Interval:
    sides = [side for side, holds in zip((a, b), test, strict=True) if holds]
    return interval.join(sides)


def _less(a: Interval, b: Interval) -> Truth:
    return a.low < b.high, a.nan or b.nan or a.high >= b.low


def _at_most(a: Interval, b: Interval) -> Truth:
    return a.low <= b.high, a.nan or b.nan or a.high > b.low


def _equal(a: Interval, b: Interval) -> Truth:
    return max(a.low, b.low) <= min(a.high, b.high), not (a.fixed and b.fixed and a.low == b.low)


RULES: dict[Prim, Callable[..., Any]] = {
    Prim.CONST: _constant,
    Prim.SELECT: _choice,
    Prim.FMA: interval.fma,
    **{p: getattr(interval, p) for p in (*ARITHMETIC, Prim.DIV, *FLOAT_UNARY) if p != Prim.ABS},
    Prim.ABS: interval.fabs,
    Prim.LT: _less,
    Prim.GT: lambda a, b: _less(b, a),
    Prim.LE: _at_most,
    Prim.GE: lambda a, b: _at_most(b, a),
    Prim.EQ: _equal,
    Prim.NE: lambda a, b: _equal(a, b)[::-1],
    Prim.AND: lambda a, b: (a[0] and b[0], a[1] or b[1]),
    Prim.OR: lambda a, b: (a[0] or b[0], a[1] and b[1]),
    Prim.XOR: lambda a, b: ((a[0] and b[1]) or (a[1] and b[0]), (a[0] and b[0]) or (a[1] and b[1])),
    Prim.NOT: lambda a: (a[1], a[0]),
}
"""What primitives on floats and truth values make of intervals and truths."""

APART = frozenset((*SHIFTS, *INTEGER, *CASTS))
"""Those that work on bits or integers have no rule, and an op made of one names its own."""


# Functions ----------------------------------------------------------------------------------------


def anything(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of an op of which nothing is known: every number, and NaN."""
    return ANY


def integers(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of an op that gives whole numbers, the infinities and NaN."""
    return Interval(-INF, INF, True, True)


@functools.lru_cache(4096)
def _at(op: Op, dtype: str, *args: float) -> float:
    """What an op gives for numbers."""
    return float(op.evaluate(*map(NUMPY_DTYPE[dtype], args)))


def _outward(low: float, high: float, nan: bool, dtype: str) -> Interval:
    """The interval of these ends and a little more."""
    low, high = min(low, LARGEST[dtype]), max(high, -LARGEST[dtype])
    return ROUND[dtype](ordered(low - PLACES * abs(low), high + PLACES * abs(high), nan))


def rising(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of a function that keeps the order of numbers, where it has one."""
    (a,) = args
    if a.empty:
        return a
    low, high = _at(op, dtype, a.low), _at(op, dtype, a.high)
    if math.isnan(high):
        return NAN
    nan = a.nan or math.isnan(low)
    return _outward(-INF if math.isnan(low) else low, high, nan, dtype)


def within(low: float, high: float, integral: bool = False) -> IntervalRule:
    """Of a function whose results lie between two numbers, whatever its operands."""

    def known(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
        if integral:
            return Interval(low, high, False, True)
        return _outward(low, high, any(a.nan or a.infinite for a in args), dtype)

    return known


def _lower(a: Interval, b: Interval) -> Interval:
    """The lesser of two numbers, and the number beside a NaN in a."""
    both = Interval(min(a.low, b.low), min(a.high, b.high), False, a.integral and b.integral)
    out = NOTHING if a.empty or b.empty else both
    return out.join(b._replace(nan=False)) if a.nan else out


def lesser(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of the lesser of two, the number where one is NaN."""
    a, b = args
    out = _lower(a, b).join(a._replace(nan=False)) if b.nan else _lower(a, b)
    return out.wide(a.nan and b.nan)


def least(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of the lesser of two, the second where one is NaN."""
    a, b = args
    return _lower(a, b).wide(b.nan)


def mirrored(rule: IntervalRule) -> IntervalRule:
    """Of the greater of two, by the rule of the lesser."""
    return lambda op, args, dtype: interval.neg(rule(op, [interval.neg(a) for a in args], dtype))


def floored(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of the remainder of a floored division: known for whole numbers by some above zero."""
    a, b = args
    if a.integral and b.integral and b.low > 0.0:
        return Interval(0.0, b.high - 1.0, True, True)
    return ANY


def remainder(*, exact: bool) -> IntervalRule:
    """Of a - b * trunc(a / b), rounded at every step, or of the exact remainder; single precision.

    A quotient is wrong by 2**-24 of itself at most, and so is its product with b, so that the
    remainder exceeds |b|, or has not the sign of a, by 2**-22 of |a| at most. Of integers up to
    2**23 it is exact.
    """

    def known(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
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
        return interval.between(low, high, nan, integral)

    return known


def between_corners(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of positive bases: between the powers of the ends, for it keeps the order in either."""
    a, b = args
    nan = a.nan or b.nan
    if a.empty or b.empty or a.low < 0.0 or (a.low == 0.0 and b.low < 0.0):
        return ANY
    corners = [_at(op, dtype, x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    if any(map(math.isnan, corners)):
        return ANY
    out = _outward(min(corners), max(corners), nan, dtype)
    return out.join(point(1.0)) if nan else out


def length(op: Op, args: Sequence[Interval], dtype: str) -> Interval:
    """Of the length of two sides: it rises with the magnitude of either."""
    a, b = (interval.fabs(arg) for arg in args)
    if a.empty or b.empty:
        return ANY
    low, high = _at(op, dtype, a.low, b.low), _at(op, dtype, a.high, b.high)
    return _outward(low, high, a.nan or b.nan, dtype)
