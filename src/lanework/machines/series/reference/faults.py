"""What stopped a run, in words: a lookup that found nothing, a loop, an end of no period."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lanework.base.errors import Advice, Diagnostic
from lanework.core.program.data import ListingEntry
from lanework.core.result.show import many
from lanework.engines.loops import KEY_TOLERANCE
from lanework.machines.series.codes import BAD_HORIZON, LOOKUP_OUTSIDE, NO_SOLUTION
from lanework.machines.series.layout import GUARD, SOLVED, Dim, SeriesView

NAMED = 3
"""So many other lanes without a solution are named, and the rest counted."""
NO_TABLE = -1
"""The table of a fault that is of no lookup, but of the number of periods of a lane."""


@dataclass(frozen=True)
class Fault:
    """A lookup that found nothing, or a lane that has no whole number of periods.

    Attributes:
        instruction: its place on the tape.
        period: the period, or None for a row without time.
        lane: the lane, counted within the block that was scanned.
        table: the table's number, or `NO_TABLE`.
        keys: what was looked up; the number of periods.
        lanes: all lanes of the block where the instruction faults in such a period.
        more: whether there may be others in blocks that were not scanned.
    """

    instruction: int
    period: int | None
    lane: int
    table: int
    keys: tuple[float, ...]
    lanes: tuple[int, ...] = ()
    more: bool = False


@dataclass(frozen=True)
class Where:
    """What a run says of places.

    Attributes:
        periods: how many there are.
        inner: the axis of lanes, if there is one.
        repeat: the place along each axis around it.
        coords: the labels along axes.
    """

    periods: int
    inner: str | None
    repeat: Mapping[str, int]
    coords: Mapping[str, Any]

    def at(self, what: str, axis: str | None, place: int) -> str:
        """A place with its label."""
        labels = self.coords.get(axis or "")
        return f"{what} {place}" + ("" if labels is None else f" ({labels[place]})")


def diagnosed(
    view: SeriesView, listing: Sequence[ListingEntry], faults: Sequence[Fault], here: Where
) -> Diagnostic:
    """The error for the first fault: LW3045 of a lookup, LW3061 of a loop, LW3047 of a horizon."""
    fault = faults[0]
    entry = next((e for e in listing if e.instruction == fault.instruction), None)
    span = None if entry is None else entry.span
    where = "time-invariant"
    if fault.period is not None:
        where = here.at("period", "time", fault.period)
    where += "".join(f", {here.at(axis, axis, place)}" for axis, place in here.repeat.items())
    where += "" if fault.lane is None else f", {here.at('lane', here.inner, fault.lane)}"
    if fault.table == NO_TABLE:
        said, advice = described_end(fault.keys[0], max(here.periods, view.periods))
        what = f"the horizon `{view.horizon_name}` {said} ({where})"
        return Diagnostic(BAD_HORIZON, what, span=span, help=advice)
    nodes, _ = table_name(view, fault.table)
    if of_loop(view, fault):
        what = f"no solution of {nodes.removeprefix(GUARD)} is reached ({where})"
        what += _others(faults, here)
        help = "give guess= near it or more iterations=, or failures='nan' to go on"
        first = nodes.removeprefix(GUARD).partition(",")[0]
        help = Advice(help, typed=f"in the model's line circular({first}, ...) {help}")
        return Diagnostic(NO_SOLUTION, what, span=span, help=help, notes=_why(view, fault))
    said, advice = described(view, fault)
    name = f" in {entry.text}" if entry is not None and entry.text else ""
    what = f"a lookup finds nothing{name} ({where}): {said}"
    return Diagnostic(LOOKUP_OUTSIDE, what, span=span, help=advice)


def of_loop(view: SeriesView, fault: Fault) -> bool:
    """Whether a fault is of a loop that has no solution."""
    return fault.table != NO_TABLE and table_name(view, fault.table)[0].startswith(GUARD)


def _why(view: SeriesView, fault: Fault) -> tuple[str, ...]:
    """What the steps came to, if that says more."""
    if view.tables[fault.table].dims[0].base != SOLVED or fault.keys[0] != 1.0:
        return ()
    what = (
        "the formula gives a value back, but its slope there (1, or none that is finite) does not"
    )
    return (f"{what} tell it from others near by",)


def _others(faults: Sequence[Fault], here: Where) -> str:
    """The other lanes in which the instruction of the first fault does so too."""
    first = faults[0]
    same = [fault for fault in faults if fault.instruction == first.instruction]
    lanes = sorted({lane for fault in same for lane in fault.lanes} - {first.lane})
    if not lanes:
        return ""
    parts = [here.at("lane", here.inner, lane) for lane in lanes[:NAMED]]
    if len(lanes) > NAMED:
        least = "at least " if any(fault.more for fault in faults) else ""
        parts.append(f"and {least}{many(len(lanes) - NAMED, 'other lane')}")
    return f", nor in {', '.join(parts)}"


def described(view: SeriesView, fault: Fault) -> tuple[str, str]:
    """What was looked up where, and what to do about it."""
    name, labels = table_name(view, fault.table)
    dims = view.tables[fault.table].dims
    shown = ", ".join(
        _named(key, names) for key, names in itertools.zip_longest(fault.keys, labels[: len(dims)])
    )
    title = f"table {name}" if name.isdecimal() else f"table `{name}`"
    which = f"key {shown} of {title}"
    if any(math.isnan(key) for key in fault.keys):
        return (
            f"{which} is not a number",
            "find out where the NaN comes from, and guard against it with `where`",
        )
    if any(
        dim.mode.exact and not is_integral(key) for key, dim in zip(fault.keys, dims, strict=True)
    ):
        return (
            f"{which} is between two keys: keys are whole numbers",
            "write floor(...) or round(...) around the key, as it is meant",
        )
    pairs = zip(fault.keys, dims, strict=True)
    if any(not dim.mode.clamps and not _inside(key, dim) for key, dim in pairs):
        ranges = " x ".join(
            _choice(names) if names else f"[{dim.base:.17g}, {dim.base + dim.size - 1:.17g}]"
            for dim, names in itertools.zip_longest(dims, labels[: len(dims)])
        )
        return (
            f"{which} is outside it, it has {ranges}",
            "clamp the key, extend the table, or declare outside='clamp' on it",
        )
    return (
        f"{title} has no value for key {shown}: the cell is missing",
        "fill the cell in, or guard the lookup with `where` in the same formula",
    )


def described_end(number: float, periods: int) -> tuple[str, str]:
    """What is wrong with a lane's number of periods, and what to do about it."""
    if math.isnan(number):
        return "is not a number", "find out where the NaN comes from: an input, or a division"
    if not is_integral(number):
        return (
            f"is {exact(number)}, and a lane has a whole number of periods",
            "write floor(...) or round(...) around it, as it is meant",
        )
    if number < 0.0:
        return f"is {exact(number)}", "write max(..., 0) around it, for lanes that have ended"
    return (
        f"is {exact(number)}, and there are {periods:,} periods",
        f"run more periods, or write min(..., {periods}) around it, to stop there",
    )


def is_integral(key: float) -> bool:
    """Whether a key is a whole number, as exact keys are."""
    return math.isinf(key) or abs(key - np.rint(key)) <= max(abs(np.rint(key)), 1.0) * KEY_TOLERANCE


def exact(key: float) -> str:
    """A key with as many digits as it takes.

    Example:
        >>> exact(41.0), exact(1.9999999999), exact(1e300)
        ('41', '1.9999999999', '1e+300')
    """
    return str(int(key)) if key.is_integer() and abs(key) < 1e15 else repr(key)


def table_name(view: SeriesView, table: int) -> tuple[str, list[list[str] | None]]:
    """The name of a table, or its number; for each key the names it stands for, as far as known."""
    try:
        names = json.loads(str(view.program.header.get("tables", "[]")))
        entry = names[table]
    except (ValueError, LookupError, TypeError):
        return str(table), []
    name, *labels = entry if isinstance(entry, list) and entry else [entry]
    return str(name), [each if isinstance(each, list) else None for each in labels]


def _named(key: float, labels: list[str] | None) -> str:
    """A key as the name that it stands for, or as a number."""
    if labels and is_integral(key) and 0 <= key < len(labels):
        return repr(str(labels[int(np.rint(key))]))
    return exact(key)


def _choice(labels: list[str]) -> str:
    return f"({', '.join(repr(str(label)) for label in labels[:6])}{', ...' if labels[6:] else ''})"


def _inside(key: float, dim: Dim) -> bool:
    place = np.rint(key) - dim.base if dim.mode.exact else np.floor(key - dim.base)
    return bool(0.0 <= place <= dim.size - 1)
