"""Flows that say which of their dimensions is time: they are put in the order that rates take."""

from __future__ import annotations

from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.data.libraries import offers
from lanework.machines.series.codes import BAD_INPUT
from lanework.machines.series.data.longtables import TIME, titles_of

TIMES = frozenset((*titles_of(TIME), "year", "quarter", "month", "day", "week"))
"""What labels along time are called."""


def along_time(flows: Any) -> Any:
    """The flows with time along the first dimension, where names say which it is.

    Raises:
        Diagnostic: LW3050 for an index of several levels that has the flows of several lanes.
    """
    index: Any = getattr(flows, "index", None)
    dims: tuple[Any, ...] = ()
    if offers(flows, "dims", "transpose", "indexes"):
        dims = flows.dims
        if TIME in dims and dims[0] != TIME:
            return flows.transpose(TIME, ...)
        index = flows.indexes.get(dims[0]) if dims else None
    elif offers(flows, "columns", "T") and _is_time(flows.columns) and not _is_time(index):
        return along_time(flows.T)
    if getattr(index, "nlevels", 1) < 2:
        return flows
    lanes = [n for n in range(index.nlevels) if _varies(index, n) and not _counts_time(index, n)]
    if lanes:
        names = [index.names[n] or n for n in lanes]
        shown = repr(names[0] if len(names) == 1 else names)
        way = f"flows.unstack({repr(dims[0]) if dims else shown})"
        raise Diagnostic(
            BAD_INPUT,
            f"the flows are labelled along {', '.join(map(repr, names))} too: those of several"
            " would be mixed",
            help=f"give {way}, which has a column for each; or an array, if all are of one",
        )
    others = [n for n in range(index.nlevels) if not _counts_time(index, n)]
    kept = dims or not others or len(others) == index.nlevels
    return flows if kept else flows.droplevel(others)


def _is_time(index: Any) -> bool:
    return getattr(index, "name", None) in TIMES


def _varies(index: Any, level: int) -> bool:
    values = index.get_level_values(level)
    return bool((values != values[0]).any()) if len(values) else False


def _counts_time(index: Any, level: int) -> bool:
    """Whether the labels of a level are of time: by their name, or dates."""
    name, dtype = index.names[level], index.get_level_values(level).dtype
    return str(name).lower() in TIMES or getattr(dtype, "kind", "") == "M"
