"""Intervals of floats: what a register or a value may hold, whatever the inputs are.

An operation that is correctly rounded keeps the order of numbers, so that its results at the ends
are the ends of its results. Arithmetic here is in double precision; of single-precision numbers
its results are rounded once more (`rounded`, `between`, `point`), which for these operations is
the same as once. There subnormal numbers may be taken for zero, as some processors do: ends among
them move to zero. Zeros have no sign here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from ctypes import c_float
from functools import partial
from typing import NamedTuple

INF = math.inf
SMALLEST = 2.0**-126
"""The smallest normal number."""

EXACT = 2.0**24
"""Up to here all whole numbers are single-precision floats."""


def single(x: float) -> float:
    """The float nearest to x in single precision."""
    return c_float(x).value


class Interval(NamedTuple):
    """Numbers between two, perhaps NaN.

    Attributes:
        low, high: the ends; none are between them if low is above high.
        nan: whether it may be NaN.
        integral: whether every number is an integer or infinite.

    Example:
        >>> between(1.0, 2.0).join(point(5.0))
        Interval(low=1.0, high=5.0, nan=False, integral=False)
        >>> 2.0 in between(1.0, 2.0), math.nan in between(1.0, 2.0)
        (True, False)
    """

    low: float
    high: float
    nan: bool = False
    integral: bool = False

    def __contains__(self, x: float) -> bool:  # type: ignore[override]
        return self.nan if math.isnan(x) else self.low <= x <= self.high

    @property
    def empty(self) -> bool:
        """Whether there is no number in it; NaN it may be."""
        return self.low > self.high

    @property
    def fixed(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high and not self.nan

    @property
    def size(self) -> float:
        """The largest magnitude."""
        return 0.0 if self.empty else max(abs(self.low), abs(self.high))

    @property
    def infinite(self) -> bool:
        """Whether it may be infinite."""
        return not self.empty and (self.low == -INF or self.high == INF)

    def join(self, other: Interval) -> Interval:
        """What is in either."""
        if self == other:
            return self
        return Interval(
            min(self.low, other.low),
            max(self.high, other.high),
            self.nan or other.nan,
            self.integral and other.integral,
        )

    def meet(self, other: Interval) -> Interval:
        """What is in both."""
        return between(
            max(self.low, other.low),
            min(self.high, other.high),
            self.nan and other.nan,
            self.integral or other.integral,
        )

    def wide(self, nan: bool) -> Interval:
        """The same, and perhaps NaN."""
        return self._replace(nan=self.nan or nan)

    def __str__(self) -> str:
        numbers = "no number" if self.empty else f"{self.low:g} to {self.high:g}"
        return f"{numbers} or NaN" if self.nan else numbers


def ordered(low: float, high: float, nan: bool = False, integral: bool = False) -> Interval:
    """The interval of these ends: infinite where NaN, without a number if they cross."""
    low = -INF if math.isnan(low) else low
    high = INF if math.isnan(high) else high
    return Interval(low, high, nan, integral) if low <= high else Interval(INF, -INF, nan, True)


def between(low: float, high: float, nan: bool = False, integral: bool = False) -> Interval:
    """The same in single precision, and not subnormal."""
    low, high = single(low), single(high)
    low = 0.0 if 0.0 <= low < SMALLEST else low
    high = 0.0 if -SMALLEST < high <= 0.0 else high
    return ordered(low, high, nan, integral)


def rounded(a: Interval) -> Interval:
    """An interval of double-precision numbers, each rounded to single precision."""
    return between(a.low, a.high, a.nan, a.integral)


def stepped(a: Interval, step: int, first: int) -> Interval:
    """The whole numbers of a finite interval that are any number of steps away from a first one.

    Args:
        a: the interval.
        step: the step; with 0 it is the first one itself.
        first: a number of them, in the interval or not.

    Example:
        >>> str(stepped(between(-7.0, 30.0, integral=True), 8, 1))
        '-7 to 25'
    """
    if step == 0:
        return Interval(float(first), float(first), False, True)
    if step == 1 or a.empty:
        return a
    low, high = int(a.low), int(a.high)
    return Interval(float(low + (first - low) % step), float(high - (high - first) % step), False,
                    True)  # fmt: skip


def number(x: float) -> Interval:
    """One number, or NaN."""
    return NAN if math.isnan(x) else Interval(x, x, False, math.isinf(x) or x == math.floor(x))


def point(x: float) -> Interval:
    """One number of single precision, or NaN."""
    return rounded(number(x))


def join(intervals: Iterable[Interval]) -> Interval:
    """What is in any of some intervals.

    Example:
        >>> str(join([point(1.0), point(3.0)])), str(join([]))
        ('1 to 3', 'no number')
    """
    out = NOTHING
    for each in intervals:
        out = out.join(each)
    return out


ANY = Interval(-INF, INF, True)
NOTHING = Interval(INF, -INF, False, True)
NAN = Interval(INF, -INF, True, True)
ZERO = Interval(0.0, 0.0, integral=True)


# Arithmetic ---------------------------------------------------------------------------------------


def neg(a: Interval) -> Interval:
    """The negation."""
    return Interval(-a.high + 0.0, -a.low + 0.0, a.nan, a.integral)


def add(a: Interval, b: Interval) -> Interval:
    """The sum."""
    nan = a.nan or b.nan
    if a.empty or b.empty:
        return NAN if nan else NOTHING
    low, high = a.low + b.low, a.high + b.high
    opposite = (a.high == INF and b.low == -INF) or (a.low == -INF and b.high == INF)
    return ordered(low, high, nan or opposite, a.integral and b.integral)


def sub(a: Interval, b: Interval) -> Interval:
    """The difference."""
    return add(a, neg(b))


def mul(a: Interval, b: Interval) -> Interval:
    """The product."""
    nan = a.nan or b.nan
    if a.empty or b.empty:
        return NAN if nan else NOTHING
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    corners = [0.0 if math.isnan(x) else x for x in corners]  # 0 x inf, and what is finite beside
    undefined = (0.0 in a and b.infinite) or (0.0 in b and a.infinite)
    return ordered(min(corners), max(corners), nan or undefined, a.integral and b.integral)


def fma(a: Interval, b: Interval, c: Interval) -> Interval:
    """A product and c, rounded once: the product before it was rounded, or vanished, and c."""
    product = mul(a, b)
    slack = 2.0**-23 * product.size + min(product.size, SMALLEST)
    low = product.low - slack if slack < INF else -INF
    high = product.high + slack if slack < INF else INF
    out = add(Interval(low, high, product.nan), c)
    if not (product.integral and c.integral and slack < INF):
        return out
    return ordered(ceil(out).low, floor(out).high, out.nan, True)


def div(a: Interval, b: Interval) -> Interval:
    """The quotient."""
    nan = a.nan or b.nan or (a.infinite and b.infinite)
    if a.empty or b.empty:
        return NAN if nan else NOTHING
    if 0.0 in b:
        return Interval(-INF, INF, nan or 0.0 in a)
    finite = [
        (x, y) for x in (a.low, a.high) for y in (b.low, b.high) if INF not in (abs(x), abs(y))
    ]
    corners = [x / y for x, y in finite]
    if a.infinite or b.infinite:
        # a finite number by an infinite one, and an infinite one by the numbers of either sign
        corners += [0.0] if b.infinite else []
        ends = [x for x in (a.low, a.high) if math.isinf(x)]
        corners += [math.copysign(INF, x) * math.copysign(1.0, y) for x in ends for y in _finite(b)]
    return ordered(min(corners, default=INF), max(corners, default=-INF), nan)


def _finite(a: Interval) -> list[float]:
    """A finite number for either end, of its sign."""
    if a.low == a.high:
        return [] if math.isinf(a.low) else [a.low]
    return [max(min(x, 1e38), -1e38) for x in (a.low, a.high)]


def sqrt(a: Interval) -> Interval:
    """The root."""
    if a.empty or a.high < 0.0:
        return NAN._replace(nan=a.nan or not a.empty)
    return ordered(math.sqrt(max(a.low, 0.0)), math.sqrt(a.high), a.nan or a.low < 0.0)


def fabs(a: Interval) -> Interval:
    """The magnitude."""
    if a.empty or a.low >= 0.0:
        return a
    if a.high <= 0.0:
        return neg(a)
    return Interval(0.0, max(-a.low, a.high), a.nan, a.integral)


def _rounded(function: Callable[[float], int], a: Interval) -> Interval:
    if a.empty or a.integral:
        return a
    low, high = (x if math.isinf(x) else float(function(x)) for x in (a.low, a.high))
    return ordered(low, high, a.nan, True)


floor, ceil = partial(_rounded, math.floor), partial(_rounded, math.ceil)
trunc, rint = partial(_rounded, math.trunc), partial(_rounded, round)
