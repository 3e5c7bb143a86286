"""Calendars: real dates for periods, and conversion of columns between frequencies.

Periods follow each other from a start date. Months, quarters and years keep the day of the month
of the start where the month has it and fall back to its last day otherwise (a start on the 31st
gives 28 or 29 February), as bond schedules do. All dates are `datetime64[D]`; no pandas needed.

Example:
    >>> calendar = Calendar("2024-01-31", "month", 3)
    >>> calendar.begins().astype(str).tolist()
    ['2024-01-31', '2024-02-29', '2024-03-31']
    >>> calendar.days().tolist()
    [29, 31, 30]
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.options import choice, flag
from lanework.machines.series.codes import BAD_CALENDAR, BAD_CONVERSION

Dates = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]

MONTHS = {"month": 1, "quarter": 3, "year": 12}
PER_YEAR = {"day": 365.0, "month": 12.0, "quarter": 4.0, "year": 1.0}
FREQUENCIES = tuple(PER_YEAR)
KINDS = ("stock", "flow", "rate", "index", "count", "constant")
COLUMNS = ("year", "month", "days_in_period", "year_fraction")
"""What a formula can use of the calendar."""

MAX_PERIODS = 2**24

Convention = Literal["act/365", "30/360"]


@dataclass(frozen=True)
class Calendar:
    """Periods from a start date on.

    Attributes:
        start: the first day of the first period, ``YYYY-MM-DD``.
        freq: `day`, `month`, `quarter` or `year`.
        periods: how many.

    Raises:
        Diagnostic: LW3016 for a date, frequency or length that makes no sense.
    """

    start: str
    freq: str
    periods: int

    def __post_init__(self) -> None:
        check_frequency(self.freq)
        object.__setattr__(self, "start", check_start(self.start))
        object.__setattr__(self, "periods", check_periods("calendar", self.periods))
        last = datetime.date.fromisoformat(self.start).year
        last += int(self.periods / PER_YEAR[self.freq]) + 1
        if last > 9999:
            raise Diagnostic(
                BAD_CALENDAR,
                f"{self.periods} periods from {self.start} run past the year 9999",
                help="begin earlier, or take fewer periods",
            )

    @property
    def per_year(self) -> float:
        """Periods a year: 365 for days."""
        return PER_YEAR[self.freq]

    def _edges(self) -> Dates:
        """The first day of every period, and the day after the last one."""
        steps = np.arange(self.periods + 1)
        start = np.datetime64(self.start, "D")
        if self.freq == "day":
            return start + steps
        day = (start - start.astype("datetime64[M]")).astype(np.int64)
        months = start.astype("datetime64[M]") + steps * MONTHS[self.freq]
        length = (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
        offset = np.minimum(day, length.astype(np.int64) - 1)
        return np.asarray(months.astype("datetime64[D]") + offset)

    def begins(self) -> Dates:
        """The first day of each period."""
        return self._edges()[:-1]

    def ends(self) -> Dates:
        """The last day of each period."""
        return self._edges()[1:] - 1

    def days(self) -> npt.NDArray[np.int64]:
        """The number of days of each period."""
        return np.diff(self._edges()).astype(np.int64)

    def year_fractions(self, convention: Convention = "act/365") -> Floats:
        """The length of each period in years.

        `act/365` is the actual days over 365 (ISDA 2006, 4.16(d)); `30/360` is the bond basis
        (ISDA 2006, 4.16(f)): (360 dy + 30 dm + dd) / 360, with a 31st as the 30th.
        """
        if convention == "act/365":
            return self.days() / 365.0
        choice("convention", convention, ("act/365", "30/360"), BAD_CALENDAR)
        edges = self._edges()
        year, month, day = _parts(edges)
        first = np.minimum(day[:-1], 30)
        second = np.where((day[1:] == 31) & (first == 30), 30, day[1:])
        days = 360 * np.diff(year) + 30 * np.diff(month) + (second - first)
        return np.asarray(days / 360.0)

    def column(self, name: str) -> Floats:
        """A column for formulas.

        `year` and `month` are those of the period's first day, `days_in_period` its days, and
        `year_fraction` its length in years (act/365).
        """
        choice("column", name, COLUMNS, BAD_CALENDAR)
        if name == "days_in_period":
            return self.days().astype(np.float64)
        if name == "year_fraction":
            return self.year_fractions()
        year, month, _ = _parts(self.begins())
        return (year if name == "year" else month).astype(np.float64)

    def convert(
        self, values: npt.ArrayLike, freq: str, kind: str = "flow", *, compound: bool = False
    ) -> Floats:
        """Columns of this calendar at a coarser frequency, along the last axis.

        Args:
            values: float64, shape (..., periods).
            freq: the frequency to convert to.
            kind: flows and counts are summed; stocks, indices and constants take the last value;
                rates are averaged.
            compound: compound rates per period instead: (1+r0)(1+r1)... - 1.

        Returns:
            Shape (..., coarse periods). A last coarse period that is not complete is made of the
            periods there are.

        Raises:
            Diagnostic: LW3028 when the fine periods do not make up coarse ones.

        Example:
            >>> Calendar("2024-01-01", "month", 6).convert([1, 2, 3, 4, 5, 6], "quarter").tolist()
            [6.0, 15.0]
        """
        compound = flag("compound", compound, BAD_CONVERSION)
        data = np.asarray(values, dtype=np.float64)
        if data.shape[-1:] != (self.periods,):
            shown = data.shape[-1] if data.ndim else "none"
            raise Diagnostic(
                BAD_CONVERSION,
                f"the column has {shown} periods and its calendar {self.periods}",
                help="give a value for each period, the last axis being time",
            )
        starts = self._groups(freq)
        sizes = np.diff(np.append(starts, self.periods))
        if kind in ("flow", "count"):
            return np.add.reduceat(data, starts, axis=-1)
        if kind == "rate":
            if compound:
                return np.multiply.reduceat(1.0 + data, starts, axis=-1) - 1.0
            return np.add.reduceat(data, starts, axis=-1) / sizes
        if kind in ("stock", "index", "constant"):
            return np.asarray(data[..., starts + sizes - 1])
        raise Diagnostic(
            BAD_CONVERSION,
            f"there is no rule to convert the kind `{kind}`",
            help=did_you_mean(kind, KINDS) or f"kinds are {', '.join(KINDS)}",
        )

    def coarser(self, freq: str) -> Calendar:
        """The calendar that `convert` gives columns for."""
        return Calendar(self.start, freq, len(self._groups(freq)))

    def _groups(self, freq: str) -> npt.NDArray[np.int64]:
        """Where each coarse period begins among the fine ones."""
        check_frequency(freq)
        order = FREQUENCIES.index
        if order(freq) < order(self.freq):
            raise Diagnostic(
                BAD_CONVERSION,
                f"{self.freq} periods cannot be split into {freq} periods",
                help="convert to a coarser frequency, or give the finer data",
            )
        if freq == self.freq:
            return np.arange(self.periods)
        if self.freq != "day":
            ratio = MONTHS[freq] // MONTHS[self.freq]
            return np.arange(0, self.periods, ratio)
        coarse = max(1, int(self.periods / PER_YEAR["day"] * PER_YEAR[freq]) + 2)
        begins = Calendar(self.start, freq, coarse).begins()
        offsets: npt.NDArray[np.int64] = (begins - begins[0]).astype(np.int64)
        return offsets[offsets < self.periods]


def check_periods(what: str, periods: object) -> int:
    """A number of periods, or the diagnostic for what is none."""
    if isinstance(periods, np.integer):
        periods = int(periods)
    if type(periods) is not int or not 1 <= periods <= MAX_PERIODS:
        raise Diagnostic(
            BAD_CALENDAR,
            f"a {what} has between 1 and {MAX_PERIODS} periods, not {periods!r}",
            help="give a whole number, such as periods=120",
        )
    return periods


def check_frequency(freq: str) -> None:
    """Raise the diagnostic for a frequency that does not exist."""
    if not isinstance(freq, str) or freq not in PER_YEAR:
        raise Diagnostic(
            BAD_CALENDAR,
            f"there is no frequency `{freq}`",
            help=did_you_mean(freq, FREQUENCIES) or "use day, month, quarter or year",
        )


def check_start(start: object) -> str:
    """A day as YYYY-MM-DD, from that text or a date of Python, NumPy or pandas.

    Raises:
        Diagnostic: LW3016 for what is no day.

    Example:
        >>> check_start(datetime.date(2026, 1, 31)), check_start(np.datetime64("2026-02"))
        ('2026-01-31', '2026-02-01')
    """
    day: object = None if type(start).__name__ == "NaTType" else start  # which is a datetime too
    if isinstance(start, np.datetime64) and not np.isnat(start):
        first = start.astype("M8[D]")
        day = first.item() if first == start else None
    midnight = isinstance(day, datetime.datetime) and day.time() == datetime.time()
    if isinstance(day, datetime.datetime) and midnight and not day.tzinfo:
        day = None if getattr(day, "nanosecond", 0) else day.date()
    if isinstance(day, datetime.date) and not isinstance(day, datetime.datetime):
        day = day.isoformat()
    if isinstance(day, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        try:
            return datetime.date.fromisoformat(day).isoformat()
        except ValueError:
            pass
    raise Diagnostic(
        BAD_CALENDAR,
        f"the start {start!r} is no day",
        help="write it as YYYY-MM-DD, or give a datetime.date",
    )


def _parts(dates: Dates) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Year, month and day of dates, as integers."""
    months = dates.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    return year, month, day
