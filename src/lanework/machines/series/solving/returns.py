"""Internal rates of return: all of them, and which is meant.

A rate r above -1 with the flows c at times t is a root of the sum of c (1 + r)^-t, which with
s = ln(1 + r) is a sum of exponentials. Such a sum has at most as many roots as its coefficients
have changes of sign (Descartes' rule; for any exponents Laguerre 1883). Multiplied by an
exponential that decays between two flows of opposite signs and derived, it has one change fewer,
and the roots of that separate its own: so all roots are found, one change at a time.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lanework.base.errors import Diagnostic
from lanework.core.data.values import Given, exactly
from lanework.core.options import real
from lanework.machines.series.codes import BAD_INPUT

Floats = NDArray[np.float64]
YEAR = 365.0  # days, as XIRR counts them
WIDEST = 700.0  # beyond this logarithm of 1 + r a rate is no number
STEPS = 400
UNSURE = 1e-12  # how near to nought, beside its terms, rounding may decide the sign of a sum
FEW = 64  # terms of which 60 digits are taken then
TOUCH = 1e-14  # how close to nought, beside its terms, a sum is nought where it is flat


class NoRate(UserWarning):
    """Flows have no rate of return."""


@dataclass(frozen=True)
class Rates:
    """Rates of return.

    Attributes:
        rate: the one nearest to 0, or to `guess` where one was given; NaN where there is none. A
            float, or one a lane.
        roots: all rates above -1, ascending, a tuple; or for each lane one.
    """

    rate: Any
    roots: Any

    def __float__(self) -> float:
        return float(self.rate)


def irr(flows: ArrayLike, *, guess: float = 0.0) -> Rates:
    """Internal rates of return of flows one period apart, the first at once.

    Args:
        flows: shape (periods,) or (periods, lanes...).
        guess: of several rates the one nearest to this is `rate`.

    Raises:
        Diagnostic: LW3050 for flows that are no numbers.

    Example:
        >>> round(irr([-100.0, 110.0]).rate, 12)
        0.1
        >>> [round(rate, 12) for rate in irr([-1000.0, 2500.0, -1540.0]).roots]
        [0.1, 0.4]
    """
    amounts = _numbers(flows)
    index = getattr(flows, "index", None)
    order = getattr(index, "is_monotonic_increasing", True)
    if getattr(getattr(index, "dtype", None), "kind", "") == "M" and not order:
        help = "sort it by its dates (flows.sort_index()), or use xirr(flows, flows.index)"
        raise Diagnostic(BAD_INPUT, "the flows have dates that are not in order", help=help)
    return _rates(amounts, np.arange(float(len(amounts))), guess)


def xirr(flows: ArrayLike, dates: Iterable[Any], *, guess: float = 0.0) -> Rates:
    """Internal rates of return a year of flows on dates, years counted as 365 days.

    Args:
        flows: shape (flows,) or (flows, lanes...).
        dates: a date for each flow, in any order: `datetime.date`, text ``YYYY-MM-DD``, or what
            numpy takes for ``datetime64[D]``. Time counts from the first.
        guess: of several rates the one nearest to this is `rate`.

    Raises:
        Diagnostic: LW3050 for flows that are no numbers, for what is no date, for other counts.

    Example:
        >>> round(xirr([-100.0, 110.0], ["2025-01-01", "2026-01-01"]).rate, 12)
        0.1
    """
    amounts = _numbers(flows)
    if isinstance(dates, str) or not isinstance(dates, Iterable):
        raise Diagnostic(BAD_INPUT, f"the dates are {dates!r}", help="give a date for each flow")
    times = _days(list(_aligned(flows, dates))) / YEAR
    if len(times) != len(amounts):
        raise Diagnostic(
            BAD_INPUT,
            f"there are {len(amounts)} flows and {len(times)} dates",
            help="give a date for each flow",
        )
    return _rates(amounts, times, guess)


def _numbers(flows: ArrayLike) -> Floats:
    given = Given("the flows", BAD_INPUT)
    amounts = np.array(exactly(flows, "f64", given))
    if not amounts.size or amounts.ndim == 0 or not np.isfinite(amounts).all():
        what = "one number" if amounts.ndim == 0 else "not all finite numbers"
        what = what if amounts.size else "none: there are no flows"
        raise Diagnostic(BAD_INPUT, f"the flows are {what}", help="give a number for each time")
    return amounts


def _date(given: Any) -> Any:
    """What numpy takes as a day: no number, and text as ISO 8601 has it."""
    if isinstance(given, bool | int | float | np.number):
        raise ValueError(given)
    if isinstance(given, str):
        return datetime.date.fromisoformat(given)
    return given.date() if isinstance(given, datetime.datetime) else given


def _aligned(flows: Any, dates: Any) -> Any:
    """The dates in the order of the flows, where both have labels.

    Raises:
        Diagnostic: LW3050 for other labels.
    """
    mine, others = (getattr(each, "index", None) for each in (flows, dates))
    if mine is None or others is None or callable(mine) or callable(others):
        return dates
    mine, others = list(mine), list(others)
    if len(set(mine)) < len(mine) or set(mine) != set(others):
        if mine == others:
            return dates
        help = "give arrays where places are meant: flows.to_numpy(), dates.to_numpy()"
        raise Diagnostic(BAD_INPUT, "the labels of the dates are not those of the flows", help=help)
    return [list(dates)[others.index(label)] for label in mine]


def _days(dates: Sequence[Any]) -> Floats:
    days = []
    for place, given in enumerate(dates):
        try:
            day = np.datetime64(_date(given), "D")
        except (TypeError, ValueError):
            day = np.datetime64("NaT")
        if np.isnat(day):
            what = f"date {place} is {given!r}"
            raise Diagnostic(BAD_INPUT, what, help="write dates as YYYY-MM-DD")
        days.append(day)
    counts = np.array(days, "datetime64[D]").astype(float)
    first: Floats = counts - counts.min(initial=counts[0] if days else 0.0)
    return first


def _rates(amounts: Floats, times: Floats, guess: float) -> Rates:
    near = real("guess", guess, -1.0, code=BAD_INPUT)
    order = np.argsort(times, kind="stable")
    shape = amounts.shape[1:]
    lanes = amounts[order].reshape(len(times), -1)
    with np.errstate(all="ignore"):
        roots = [_roots(lane, times[order]) for lane in lanes.T]
    nearest = [min(each, key=lambda r: (abs(r - near), r), default=math.nan) for each in roots]
    none = sum(not each for each in roots)
    if none:
        where = "the flows have" if not shape else f"{none} of {len(roots)} lanes have"
        warnings.warn(f"{where} no rate of return above -1", NoRate, stacklevel=3)
    if not shape:
        return Rates(nearest[0], roots[0])
    all_roots = np.empty(len(roots), object)
    all_roots[:] = roots
    return Rates(np.array(nearest).reshape(shape), all_roots.reshape(shape))


def _roots(amounts: Floats, times: Floats) -> tuple[float, ...]:
    """All rates above -1, ascending."""
    distinct, which = np.unique(times, return_inverse=True)
    summed = np.zeros(len(distinct))
    np.add.at(summed, which, _scaled(amounts))  # so that no sum overflows
    return tuple(sorted(math.expm1(s) for s in _zeros(summed, distinct)))


def _scaled(amounts: Floats) -> Floats:
    """The amounts, by a power of 2, of which the largest is from 0.5 to 1: no bit is lost."""
    _, exponent = math.frexp(float(np.abs(amounts).max(initial=0.0)))
    return np.ldexp(amounts, -exponent)


def _zeros(amounts: Floats, times: Floats) -> list[float]:
    """The roots s of the sum of amounts times exp(-s times), ascending."""
    chain: list[tuple[Floats, Floats]] = []
    while True:
        some = amounts != 0  # what is too small beside the others is none
        amounts, times = _scaled(amounts[some]), times[some]
        turns = np.flatnonzero(np.sign(amounts[1:]) != np.sign(amounts[:-1]))
        if not len(turns):
            break
        shifted = times - (times[turns[0]] + times[turns[0] + 1]) / 2
        chain.append((amounts, shifted))
        amounts = amounts * -shifted  # the derivative of the sum times that exponential
    roots: list[float] = []
    for level, shifted in reversed(chain):
        roots = _separated(level, shifted, roots)
    return roots


def _separated(amounts: Floats, shifted: Floats, flat: list[float]) -> list[float]:
    """The roots of a sum that is monotonic between the places where it is flat."""
    ends = [-WIDEST, *flat, WIDEST]
    signs = [math.copysign(1.0, amounts[-1]), *(_sign(amounts, shifted, s) for s in flat)]
    signs.append(math.copysign(1.0, amounts[0]))
    roots: list[float] = []
    for place, (left, right) in enumerate(itertools.pairwise(signs)):
        if place and left == 0.0:
            roots.append(ends[place])
        if left * right < 0:
            roots.append(_between(amounts, shifted, ends[place], ends[place + 1], left))
    return roots


def _sum(amounts: Floats, shifted: Floats, s: float) -> tuple[float, float]:
    """The sum and the sum of sizes, beside its largest exponential; in more digits near nought."""
    powers = -s * shifted
    terms = amounts * np.exp(powers - powers.max())
    value, size = float(terms.sum()), float(np.abs(terms).sum())
    if abs(value) > UNSURE * size:
        return value, size
    if len(amounts) > FEW:
        return math.fsum(terms), size
    with decimal.localcontext(prec=60):
        at, most = decimal.Decimal(s), decimal.Decimal(float(powers.max()))
        exact = [
            decimal.Decimal(float(c)) * (-at * decimal.Decimal(float(d)) - most).exp()
            for c, d in zip(amounts, shifted, strict=True)
        ]
        return float(sum(exact)), size


def _sign(amounts: Floats, shifted: Floats, s: float) -> float:
    value, size = _sum(amounts, shifted, s)
    touch = TOUCH if len(amounts) > FEW else TOUCH * TOUCH
    return 0.0 if abs(value) <= touch * size else math.copysign(1.0, value)


def _between(amounts: Floats, shifted: Floats, low: float, high: float, left: float) -> float:
    """The root between two places of opposite signs: Newton's method, or half the way."""
    low, high = _nearer(amounts, shifted, low, high, left)
    s = low + (high - low) / 2
    width = high - low
    for turn in range(STEPS):
        value, _ = _sum(amounts, shifted, s)
        if value == 0.0:
            return s
        if value * left > 0:
            low = s
        else:
            high = s
        middle = low + (high - low) / 2
        if middle in (low, high):
            break
        powers = -s * shifted
        slope = -float((amounts * np.exp(powers - powers.max())) @ shifted)
        step = s - value / slope if slope else middle
        slow = turn % 4 == 3 and high - low > width / 4
        if turn % 4 == 3:
            width = high - low
        s = step if low < step < high and not slow else middle
    return min((low, high), key=lambda s: abs(_sum(amounts, shifted, s)[0]))


def _nearer(
    amounts: Floats, shifted: Floats, low: float, high: float, left: float
) -> tuple[float, float]:
    """Ends that are no further away than need be, of which each has the sign of its side."""
    step = 1.0
    if low == -WIDEST:
        top = min(high, 0.0)
        while top - step > low and _sum(amounts, shifted, top - step)[0] * left < 0:
            step *= 2
        low = max(low, top - step)
    step = 1.0
    if high == WIDEST:
        bottom = max(low, 0.0)
        while bottom + step < high and _sum(amounts, shifted, bottom + step)[0] * left > 0:
            step *= 2
        high = min(high, bottom + step)
    return low, high
