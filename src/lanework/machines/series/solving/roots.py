"""The roots of sums of exponentials, which are the rates of return of flows.

A rate r above -1 with the flows c at times t is a root of the sum of c (1 + r)^-t, which with
s = ln(1 + r) is a sum of exponentials. Such a sum has at most as many roots as its coefficients
have changes of sign (Descartes' rule; for any exponents Laguerre 1883). With one change, as most
flows have, there is one root, and Newton's method finds those of all lanes at once. With more, a
sum is multiplied by an exponential that decays between two flows of opposite signs and derived:
that has one change fewer, and its roots separate those of the sum. So all roots are found, one
change at a time.
"""

from __future__ import annotations

import decimal
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDE = 1e-200  # flows that differ by more are taken in numbers of a wider range than doubles have
STEPS = 400
UNSURE = 1e-12  # how near to nought, beside its terms, rounding may decide the sign of a sum
FEW = 64  # terms of which 60 digits are taken then
NOISE = 2e-16  # beside its terms, what a sum of more than that may be by rounding alone
TOUCH = 1e-14  # how close to nought, beside its terms, a sum is nought where it is flat
NEAR = 1e-9  # a step of lanes that small is followed by two of more digits
SURE = 1e-15  # how small the last of these is


def rates_of(lanes: Floats, times: Floats) -> list[tuple[float, ...]]:
    """All rates above -1 of each lane, ascending.

    Each is the nearest double, which may be -1 or infinite; the one beside it where the sign
    changes once; of more than 64 flows as near as sums of 64 bits tell.

    Args:
        lanes: the flows, shape (flows, lanes).
        times: of the flows, ascending.

    Example:
        >>> flows = np.array([[-1000.0, -100.0], [2500.0, 60.5], [-1540.0, 60.5]])
        >>> [np.round(rates, 9).tolist() for rates in rates_of(flows, np.arange(3.0))]
        [[0.1, 0.4], [0.1370695]]
    """
    distinct, which = np.unique(times, return_inverse=True)
    sizes = np.abs(lanes)
    wide = sizes.min(0, where=sizes > 0, initial=np.inf) < WIDE * sizes.max(0, initial=0.0)
    out: list[tuple[float, ...]] = [()] * lanes.shape[1]
    with np.errstate(all="ignore"):
        for kind, those in ((np.float64, ~wide), (np.longdouble, wide)):
            summed = np.zeros((len(distinct), int(those.sum())), kind)
            np.add.at(summed, which, _scaled(lanes[:, those].astype(kind)))
            roots = _each(np.ascontiguousarray(summed.T), distinct.astype(kind))
            for lane, rates in zip(np.flatnonzero(those).tolist(), roots, strict=True):
                out[lane] = rates
    return out


def _each(flows: Floats, times: Floats) -> list[tuple[float, ...]]:
    """The roots of each row."""
    once = _changes(flows) == 1
    known = np.full(len(flows), np.nan)
    known[once] = _at_once(flows[once], times)
    return [
        (rate,) if rate == rate else _roots(lane, times)
        for lane, rate in zip(flows, known.tolist(), strict=True)
    ]


def _changes(flows: Floats) -> NDArray[np.intp]:
    """How often the sign changes in each row."""
    signs = np.sign(flows)
    last = np.maximum.accumulate(np.where(signs != 0, np.arange(flows.shape[1]), 0), axis=1)
    filled = np.take_along_axis(signs, last, axis=1)
    changes: NDArray[np.intp] = (filled[:, 1:] * filled[:, :-1] < 0).sum(axis=1)
    return changes


def _at_once(flows: Floats, times: Floats) -> Floats:
    """The rate of each row, whose sign changes once; NaN where Newton's method does not find it."""
    s: NDArray[Any] = np.zeros(len(flows))
    for _ in range(FEW):
        step = _steps(flows, times, s)
        s = s - step
        if not (np.abs(step) > NEAR).any():
            break
    s = s.astype(np.longdouble)
    for _ in range(2):
        step = _steps(flows, times, s)
        s = s - step
    rates: Floats = np.where(np.abs(step) <= SURE, np.expm1(s), np.nan).astype(float)
    return rates


def _steps(flows: Floats, times: Floats, s: NDArray[Any]) -> NDArray[Any]:
    """Newton's step in each row, for the logarithm of what comes in over what goes out."""
    powers = -s[:, np.newaxis] * times
    terms = flows * np.exp(powers - powers.max(axis=1, keepdims=True))
    moments, into = terms * times, flows > 0
    up, out = terms.sum(axis=1, where=into), -terms.sum(axis=1, where=~into)
    slope = -moments.sum(axis=1, where=~into) / out - moments.sum(axis=1, where=into) / up
    steps: NDArray[Any] = np.log1p(terms.sum(axis=1) / out) / slope
    return steps


def _roots(amounts: Floats, times: Floats) -> tuple[float, ...]:
    """All rates above -1, ascending."""
    return tuple(sorted(_rate(amounts, times, s) for s in _zeros(amounts, times)))


def _rate(amounts: Floats, times: Floats, s: float) -> float:
    """The rate of a root that is known as well as a double can be: one more step, in 60 digits."""
    rate = float(np.expm1(s))
    if len(amounts) > FEW:
        return rate
    most = float((-s * times).max())
    with decimal.localcontext(prec=60):
        at, value, moment = decimal.Decimal(s), decimal.Decimal(0), decimal.Decimal(0)
        for c, t in zip(amounts, times, strict=True):
            time = decimal.Decimal(float(t))
            term = _exactly(c) * (-at * time - decimal.Decimal(most)).exp()
            value, moment = value + term, moment + term * time
        step = value / moment if moment else decimal.Decimal("inf")
        if abs(step) > decimal.Decimal(NEAR) * (1 + abs(at)):  # flat there, and s the best there is
            return rate
        return float((at + step).exp() - 1)


def _scaled(amounts: Floats) -> Floats:
    """The amounts, by a power of 2, of which the largest is from 0.5 to 1: no bit is lost.

    Each lane by its own, if there are lanes; so no sum overflows.
    """
    _, exponents = np.frexp(np.abs(amounts).max(axis=0, initial=0.0))
    scaled: Floats = np.ldexp(amounts, -exponents)
    return scaled


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
    ends = [min([-_far(amounts[::-1], shifted[::-1]), *flat]) - 1, *flat]
    ends.append(max([_far(amounts, shifted), *flat]) + 1)
    signs = [math.copysign(1.0, amounts[-1]), *(_sign(amounts, shifted, s) for s in flat)]
    signs.append(math.copysign(1.0, amounts[0]))
    roots: list[float] = []
    for place, (left, right) in enumerate(itertools.pairwise(signs)):
        if place and left == 0.0:
            roots.append(ends[place])
        if left * right < 0:
            outer = place in (0, len(flat))
            roots.append(_between(amounts, shifted, ends[place], ends[place + 1], left, outer))
    return roots


def _far(amounts: Floats, times: Floats) -> float:
    """How far from 0 a root may lie on the side on which the first of the terms is the largest."""
    ratio = np.log(np.abs(amounts).max()) - np.log(abs(amounts[0])) + math.log(len(amounts))
    return float(ratio / abs(times[1] - times[0]))


def _sum(amounts: Floats, shifted: Floats, s: float) -> tuple[float, float, Floats]:
    """The sum, the sum of sizes and the terms, beside its largest exponential.

    In more digits near nought.
    """
    powers = -s * shifted
    terms, beside = amounts * np.exp(powers - powers.max()), 0
    if terms.dtype == np.longdouble:  # beside the largest term: other numbers here are doubles
        beside = -int(np.frexp(np.abs(terms).max())[1])
        terms = np.ldexp(terms, beside)
    value, size = float(terms.sum()), float(np.abs(terms).sum())
    if abs(value) > UNSURE * size:
        return value, size, terms
    if len(amounts) > FEW:
        return float(terms.sum(dtype=np.longdouble)), size, terms
    with decimal.localcontext(prec=60):
        at, most = decimal.Decimal(s), decimal.Decimal(float(powers.max()))
        exact = [
            _exactly(c) * (-at * decimal.Decimal(float(d)) - most).exp()
            for c, d in zip(amounts, shifted, strict=True)
        ]
        return float(sum(exact) * decimal.Decimal(2) ** beside), size, terms


def _sign(amounts: Floats, shifted: Floats, s: float) -> float:
    value, size, _ = _sum(amounts, shifted, s)
    touch = TOUCH if len(amounts) > FEW else TOUCH * TOUCH
    return 0.0 if abs(value) <= touch * size else math.copysign(1.0, value)


def _exactly(number: Any) -> decimal.Decimal:
    """A number of any range in decimals, to the precision of the context."""
    mantissa, exponent = np.frexp(number)
    return decimal.Decimal(float(mantissa)) * decimal.Decimal(2) ** int(exponent)


def _between(
    amounts: Floats, shifted: Floats, low: float, high: float, left: float, outer: bool
) -> float:
    """The root between two places of opposite signs: Newton's method, or half the way.

    What comes in and what goes out are each close to one exponential, so their logarithms are
    nearly straight: it is the difference of these that Newton's method takes to nought.
    """
    s = min(max(0.0, low + 1.0), high - 1.0) if outer else low + (high - low) / 2
    width, side, noise = high - low, 0.0, NOISE * (len(amounts) > FEW)
    off = {low: math.inf, high: math.inf}
    for turn in range(STEPS):
        value, size, terms = _sum(amounts, shifted, s)
        if abs(value) <= noise * size:
            return s
        again, side = value * side > 0, value
        off[s] = abs(value)
        if value * left > 0:
            low = s
        else:
            high = s
        middle = low + (high - low) / 2
        if middle in (low, high):
            break
        # twice as far where the last step stayed on its side: then there is an end on each
        step = (1 + again) * _step(terms, shifted, value, size)
        new = s - step if s - step != s else math.nextafter(s, high if s == low else low)
        slow = turn % 4 == 3 and high - low > width / 4
        if turn % 4 == 3:
            width = high - low
        s = new if low < new < high and not slow else middle
    return min((low, high), key=off.__getitem__)


def _step(terms: Floats, shifted: Floats, value: float, size: float) -> float:
    """Newton's step for the logarithm of what comes in over what goes out; NaN for none."""
    out = (size - value) / 2
    moments = terms * shifted
    into = terms > 0
    up, down = float(moments[into].sum()), -float(moments[~into].sum())
    slope = np.float64(down) / out - np.float64(up) / (size - out)
    return float(np.log1p(np.float64(value) / out) / slope)
