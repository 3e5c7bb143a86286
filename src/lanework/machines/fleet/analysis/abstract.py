"""What is known of a VM at an instruction: intervals of its elements, and differences among them.

A branch tests one register, mostly a difference that was computed just before. So it is known, too,
which elements are the difference of which two operands, as long as neither has changed since. A
copy is the difference to zero. And addresses are mostly computed from the VM's number: which
elements are sums of it and of others is known as well (`forms`). Where bits are those of an
integer, the same is known of that, which goes by the complement of the element: `~5`.

Behind the elements of the vector there may be words of shared memory that are thread-private.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lanework.core.ops.bodies import logic
from lanework.core.ops.interval import EXACT, NOTHING, ZERO, Interval, between, ordered
from lanework.core.ops.op import Op
from lanework.machines.fleet.analysis.forms import NUMBERS, Form
from lanework.machines.fleet.state import Profile

K = TypeVar("K")
T = TypeVar("T")

Side = int | Interval
"""An element of the vector, the integer in one (its complement), or a number."""

Difference = tuple[Side, Side]


WORD = Interval(-(2.0**31), 2.0**32 - 1.0, integral=True)
"""Integers that a word may be, however its bits are read."""


class AbstractState:
    """What is known of a VM.

    Attributes:
        values: the interval of every element.
        differences: elements that are the rounded difference of two operands.
        forms: elements that are exactly a sum of integers, and integers in elements that are.
        integers: of elements between which ends the integer is that they hold, modulo 2**32.
        numbers: of `NUMBERS` between which ends they are, as far as tests say so.

    Example:
        >>> from lanework.core.ops.bodies import logic
        >>> from lanework.core.ops.interval import point
        >>> known = AbstractState([ZERO, between(0.0, 9.0, integral=True), ZERO])
        >>> known.put(2, between(-5.0, 4.0, integral=True), (1, point(5.0)))
        >>> known.branch(2, logic.lt, True, 0.0).values[1]
        Interval(low=0.0, high=4.0, nan=False, integral=True)
    """

    __slots__ = ("differences", "forms", "integers", "numbers", "values")

    def __init__(self, values: Sequence[Interval]) -> None:
        self.values = list(values)
        self.differences: dict[int, Difference] = {}
        self.forms: dict[int, Form] = {}
        self.integers: dict[int, Interval] = {}
        self.numbers: dict[str, Interval] = {}

    @classmethod
    def start(cls, profile: Profile, own: Sequence[Interval] = ()) -> AbstractState:
        """Of a VM that begins: all zero, but for words of shared memory that are its own."""
        return cls([*[ZERO] * (profile.length - 1), between(1.0, 1.0, integral=True), *own])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, AbstractState)
            and self.values == other.values
            and self.differences == other.differences
            and self.forms == other.forms
            and self.integers == other.integers
            and self.numbers == other.numbers
        )

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> AbstractState:
        """The same, to be changed."""
        out = AbstractState(self.values)
        out.differences, out.forms = dict(self.differences), dict(self.forms)
        out.integers, out.numbers = dict(self.integers), dict(self.numbers)
        return out

    def put(self, element: int, value: Interval, difference: Difference | None = None) -> None:
        """An element becomes something else."""
        self.values[element] = value
        for each in (element, ~element):
            self.forms.pop(each, None)
        self.integers.pop(element, None)
        stale = [
            each
            for each, sides in self.differences.items()
            if each == element or _among(element, sides)
        ]
        for each in stale:
            del self.differences[each]
        if difference is not None and not _among(element, difference):
            self.differences[element] = difference

    def join(self, other: AbstractState) -> AbstractState:
        """What is known if either may be."""
        if self is other:
            return self
        pairs = zip(self.values, other.values, strict=True)
        out = AbstractState([a if a is b else a.join(b) for a, b in pairs])
        out.differences = _common(self.differences, other.differences)
        out.forms = _common(self.forms, other.forms)
        out.integers = _either(self.integers, other.integers)
        out.numbers = _either(self.numbers, other.numbers)
        return out

    def side(self, side: Side) -> Interval:
        """The interval of an operand."""
        if isinstance(side, Interval):
            return side
        return self.values[side] if side >= 0 else self.integers.get(~side, WORD)

    def branch(self, element: int, test: Op, taken: bool, epsilon: float) -> AbstractState | None:
        """What is known after a test of an element; None if it cannot come out so.

        Args:
            element: what is tested.
            test: one of `TESTS`, against zero.
            taken: whether it holds.
            epsilon: what counts as zero in `eq` and `ne`.
        """
        out = self.copy()
        nan = (test is logic.ne) == taken  # NaN takes no branch but this
        test = test if taken else TESTS[test].opposite
        cut = _cut(self.values[element], test, epsilon)
        cut = cut._replace(nan=self.values[element].nan and nan)
        if cut.empty and not cut.nan:
            return None
        out._narrow(element, cut)
        if element in self.differences:
            a, b = self.differences[element]
            x, y = self.side(a), self.side(b)
            exact_numbers = epsilon < 1.0 and x.integral and y.integral
            if test in (logic.eq, logic.ne) and not (epsilon == 0.0 or exact_numbers):
                return out
            for side, first, second, holds in ((a, x, y, test), (b, y, x, TESTS[test].mirror)):
                if nan and second.nan:
                    continue  # the test is as it is because of the other one
                less = _against(first, second, holds)._replace(nan=first.nan and nan)
                if less.empty and not less.nan:
                    return None
                if type(side) is int:
                    out._narrow(side, less)
        return out

    def _narrow(self, element: int, value: Interval) -> None:
        """An element is known better, and with it its copies."""
        waiting, seen = [element], {element}
        while waiting:
            each = waiting.pop()
            if each < 0:
                self.integers[~each] = _both(self.side(each), value)
                self._number(each)
                continue
            self.values[each] = self.values[each].meet(value)
            self._number(each)
            of = self.differences.get(each)
            near = [of[0]] if of is not None and of[1] == ZERO and type(of[0]) is int else []
            near += [copy for copy, sides in self.differences.items() if sides == (each, ZERO)]
            for other in near:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)

    def _number(self, element: int) -> None:
        """The VM's number is known better with an element that is a multiple of it."""
        form, value = self.forms.get(element), self.side(element)
        if form is None or len(form.terms) != 1 or value.infinite:
            return
        ((symbol, factor),) = form.terms
        if symbol.name in NUMBERS:
            low, high = sorted((end - form.constant) / factor for end in (value.low, value.high))
            bounds = Interval(math.ceil(low), math.floor(high), integral=True)
            known = self.numbers.get(symbol.name)
            self.numbers[symbol.name] = bounds if known is None else _both(known, bounds)


def _either(a: dict[K, Interval], b: dict[K, Interval]) -> dict[K, Interval]:
    return {key: a[key].join(b[key]) for key in a.keys() & b.keys()}


def _among(element: int, sides: Difference) -> bool:
    return any(type(side) is int and side in (element, ~element) for side in sides)


def _both(a: Interval, b: Interval) -> Interval:
    """What is in both of integers, which may be larger than single precision has them."""
    return ordered(max(a.low, b.low), min(a.high, b.high), False, True)


def _common(a: dict[K, T], b: dict[K, T]) -> dict[K, T]:
    return {key: value for key, value in a.items() if b.get(key) == value}


@dataclass(frozen=True)
class Comparison:
    """What a comparison says of two numbers.

    Attributes:
        opposite: what holds where it does not, NaN aside.
        mirror: what holds of the second and the first.
        low, high: from an interval of each to the ends of what the first may be.
    """

    opposite: Op
    mirror: Op
    low: Callable[[Interval, Interval], float] = lambda x, y: x.low
    high: Callable[[Interval, Interval], float] = lambda x, y: x.high


def _other_low(x: Interval, y: Interval) -> float:
    return _above(x, x.low) if x.low == y.low == y.high else x.low


def _other_high(x: Interval, y: Interval) -> float:
    return _below(x, x.high) if x.high == y.low == y.high else x.high


def _least(x: Interval, y: Interval) -> float:
    return max(x.low, y.low)


def _most(x: Interval, y: Interval) -> float:
    return min(x.high, y.high)


TESTS = {
    logic.eq: Comparison(logic.ne, logic.eq, low=_least, high=_most),
    logic.ne: Comparison(logic.eq, logic.ne, low=_other_low, high=_other_high),
    logic.lt: Comparison(logic.ge, logic.gt, high=lambda x, y: min(x.high, _below(x, y.high))),
    logic.gt: Comparison(logic.le, logic.lt, low=lambda x, y: max(x.low, _above(x, y.low))),
    logic.le: Comparison(logic.gt, logic.ge, high=_most),
    logic.ge: Comparison(logic.lt, logic.le, low=_least),
}
"""What branches test."""


def _cut(x: Interval, test: Op, epsilon: float) -> Interval:
    """The numbers of an interval that pass a test."""
    if test not in (logic.eq, logic.ne) or epsilon == 0.0 or (x.integral and epsilon < 1.0):
        return _against(x, ZERO, test)
    if test is logic.eq:
        return x.meet(between(-epsilon, epsilon))
    low = max(x.low, epsilon) if x.low > -epsilon else x.low
    high = min(x.high, -epsilon) if x.high < epsilon else x.high
    return between(low, high, False, x.integral)


def _against(x: Interval, y: Interval, test: Op) -> Interval:
    """The numbers of x for which there is a number of y so that the test of x - y holds."""
    if x.empty or y.empty:
        return NOTHING
    of = TESTS[test]
    return between(of.low(x, y), of.high(x, y), False, x.integral)


def _below(x: Interval, end: float) -> float:
    """The largest number below an end, where numbers are whole; else the end itself."""
    return math.ceil(end) - 1.0 if x.integral and abs(end) < EXACT else end


def _above(x: Interval, end: float) -> float:
    """The smallest number above an end, where numbers are whole; else the end itself."""
    return math.floor(end) + 1.0 if x.integral and abs(end) < EXACT else end


def widen(
    old: AbstractState,
    new: AbstractState,
    low: Callable[[float], float],
    high: Callable[[float], float],
) -> AbstractState:
    """What is known of a loop that goes on: ends that move go further, to the next that is given.

    Args:
        old: what was known.
        new: what is known now; nothing of it is less than before.
        low: for an end the one to take instead, at most as high.
        high: the same, at least as high.
    """
    values = []
    for a, b in zip(old.values, new.values, strict=True):
        bottom = low(b.low) if b.low < a.low else b.low
        top = high(b.high) if b.high > a.high else b.high
        values.append(Interval(bottom, top, b.nan, b.integral) if not b.empty else b)
    out = new.copy()
    out.values, out.numbers = values, _common(old.numbers, new.numbers)
    for each, b in new.integers.items():
        a = old.integers[each]
        out.integers[each] = Interval(
            low(b.low) if b.low < a.low else b.low, high(b.high) if b.high > a.high else b.high,
            False, True,
        )  # fmt: skip
        if not WORD.low <= out.integers[each].low <= out.integers[each].high <= WORD.high:
            del out.integers[each]
            out.forms.pop(~each, None)
    return out
