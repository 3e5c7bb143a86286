"""Internal rates of return: all of them, and which is meant."""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.data.labels import labels_along
from lanework.core.data.libraries import offers
from lanework.core.data.values import Given, exactly
from lanework.core.options import real
from lanework.core.result.frames import need
from lanework.core.waiting import within
from lanework.machines.series.codes import BAD_INPUT
from lanework.machines.series.data.longtables import moments
from lanework.machines.series.solving.alongtime import along_time
from lanework.machines.series.solving.roots import rates_of

Floats = NDArray[np.float64]
YEAR = 365.0  # days, as XIRR counts them


LATE = "raise the deadline, or add flows up that lie close to each other"


class NoRate(UserWarning):
    """Flows have no rate of return, or none that is a number above -1."""


@dataclass(frozen=True)
class Rates:
    """Rates of return.

    Attributes:
        rate: the one nearest to 0, or to `guess` where one was given; NaN where there is none. A
            float, or one a lane: for a DataFrame of pandas a Series by its columns.
        roots: all rates above -1, ascending, a tuple; or for each lane one. One that is so little
            above it that it is rounded to -1 is -1, and one too large for a number is left out,
            each with a warning.
    """

    rate: Any
    roots: Any

    def __float__(self) -> float:
        return float(self.rate)


def irr(flows: ArrayLike, *, guess: float = 0.0, limits: Limits | None = None) -> Rates:
    """Internal rates of return of flows one period apart, the first at once.

    Args:
        flows: shape (periods,) or (periods, lanes...), an index of dates or numbers in order. A
            dimension or columns called `time` are the periods wherever they stand.
        guess: of several rates the one nearest to this is `rate`.
        limits: a deadline.

    Raises:
        Diagnostic: LW3050 for flows that are no numbers, and for those of several lanes one below
            the other; LW2005 for limits that are none.
        Trap: LW2001.

    Example:
        >>> round(irr([-100.0, 110.0]).rate, 12)
        0.1
        >>> [round(rate, 12) for rate in irr([-1000.0, 2500.0, -1540.0]).roots]
        [0.1, 0.4]
    """
    flows = along_time(flows)
    amounts = _numbers(flows)
    own = _labels(flows)
    if own.dtype.kind in "Miuf" and (own[1:] < own[:-1]).any():
        dates = own.dtype.kind == "M"
        what = f"the flows have {'dates' if dates else 'labels'} that are not in order"
        help = "sort it by them (flows.sort_index())"
        help += ", or use xirr(flows, flows.index)" if dates else ", or give flows.to_numpy()"
        raise Diagnostic(BAD_INPUT, what, help=help)
    times = np.arange(float(len(amounts)))
    return _kept(flows, _rates(amounts, times, guess, limits))


def xirr(
    flows: ArrayLike,
    dates: Iterable[Any],
    *,
    guess: float = 0.0,
    limits: Limits | None = None,
) -> Rates:
    """Internal rates of return a year of flows on dates, years counted as 365 days.

    Args:
        flows: shape (flows,) or (flows, lanes...). An index of dates has to have these dates.
        dates: a date for each flow, in any order: `datetime.date`, text ``YYYY-MM-DD``, or what
            numpy takes for ``datetime64[D]``; a time of day is refused, but for midnight. Time
            counts from the first, in whole days.
        guess: of several rates the one nearest to this is `rate`.
        limits: a deadline.

    Raises:
        Diagnostic: LW3050 for flows that are no numbers, for those of several lanes one below the
            other, for what is no date, for other counts; LW2005 for limits that are none.
        Trap: LW2001.

    Example:
        >>> round(xirr([-100.0, 110.0], ["2025-01-01", "2026-01-01"]).rate, 12)
        0.1
    """
    flows = along_time(flows)
    amounts = _numbers(flows)
    if isinstance(dates, str) or not isinstance(dates, Iterable):
        raise Diagnostic(BAD_INPUT, f"the dates are {dates!r}", help="give a date for each flow")
    days = _days(list(_aligned(flows, dates)))
    if len(days) != len(amounts):
        raise Diagnostic(
            BAD_INPUT,
            f"there are {len(amounts)} flows and {len(days)} dates",
            help="give a date for each flow",
        )
    own = _labels(flows)
    if own.dtype.kind == "M" and (own.astype("M8[D]") != days).any():
        place = int(np.argmax(own.astype("M8[D]") != days))
        what = f"flow {place} is of {own[place].astype('M8[D]')} by its label, and its date is"
        help = "give xirr(flows, flows.index), or xirr(flows.to_numpy(), dates) if dates are right"
        raise Diagnostic(BAD_INPUT, f"{what} {days[place]}", help=help)
    times = (days - days.min()).astype(float) / YEAR
    return _kept(flows, _rates(amounts, times, guess, limits))


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


def _has_time(given: Any, day: np.datetime64) -> bool:
    """Whether it is another moment than the beginning of its day."""
    if isinstance(given, np.datetime64):
        return bool(given != day)
    if isinstance(given, datetime.datetime):
        return given.time() != datetime.time() or getattr(given, "nanosecond", 0) != 0
    return False


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


def _labels(flows: Any) -> NDArray[Any]:
    """The labels of flows along time, dates as such; none where they only count."""
    labels = next(iter(labels_along(flows)), None)
    if labels is None or isinstance(labels, range):
        return np.empty(0, object)
    return moments(labels)


def _kept(flows: Any, rates: Rates) -> Rates:
    """The rates of the lanes of a DataFrame of pandas by the names of its columns."""
    if not offers(flows, "columns", "index", "iloc") or np.ndim(rates.rate) != 1:
        return rates
    named = partial(need("pandas", "rates by column").Series, index=flows.columns)
    return Rates(named(rates.rate), named(rates.roots))


def _days(dates: Sequence[Any]) -> NDArray[np.datetime64]:
    days = []
    for place, given in enumerate(dates):
        try:
            day = np.datetime64(_date(given), "D")
        except (TypeError, ValueError):
            day = np.datetime64("NaT")
        if not np.isnat(day) and _has_time(given, day):
            what = f"date {place} is {given!s}, with a time of day, and time counts in whole days"
            help = "leave times out: dates.dt.normalize() of pandas, astype('datetime64[D]')"
            raise Diagnostic(BAD_INPUT, what, help=help)
        if np.isnat(day):
            what = f"date {place} is {given!r}"
            raise Diagnostic(BAD_INPUT, what, help="write dates as YYYY-MM-DD")
        days.append(day)
    return np.array(days, "datetime64[D]")


def _rates(amounts: Floats, times: Floats, guess: float, limits: Limits | None) -> Rates:
    near = real("guess", guess, -1.0, code=BAD_INPUT)
    order = np.argsort(times, kind="stable")
    shape = amounts.shape[1:]
    lanes = amounts[order].reshape(len(times), -1)
    every = within(limits, partial(rates_of, lanes, times[order]), LATE)
    roots = [tuple(rate for rate in each if rate < math.inf) for each in every]
    nearest = [min(each, key=lambda r: (abs(r - near), r), default=math.nan) for each in roots]
    for count, what in (
        (sum(not each for each in every), "no rate of return above -1"),
        (sum(math.inf in each for each in every), "a rate of return too large for a number"),
        (sum(-1.0 in each for each in every), "a rate so little above -1 that it is rounded to -1"),
    ):
        where = "the flows have" if not shape else f"{count} of {len(roots)} lanes have"
        turned = "; periods go down the rows: if each row has the flows of one, give flows.T"
        turned = turned if shape and count == len(roots) and what.startswith("no rate") else ""
        if count:
            warnings.warn(f"{where} {what}{turned}", NoRate, stacklevel=3)
    if not shape:
        return Rates(nearest[0], roots[0])
    all_roots = np.empty(len(roots), object)
    all_roots[:] = roots
    return Rates(np.array(nearest).reshape(shape), all_roots.reshape(shape))
