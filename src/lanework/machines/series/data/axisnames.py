"""Names of axes that are nearly another: two axes where one is meant give every pair of places."""

from __future__ import annotations

from collections.abc import Iterable

from lanework.machines.series.data.longtables import TIME

_TIMES = frozenset(("time", "timestep", "date", "period", "t"))
_SWAPPED = frozenset(("itme", "tmie", "tiem"))


def meant(axis: str, others: Iterable[str] = ()) -> str | None:
    """The axis that a name stands for where it is another one written otherwise; else None.

    Args:
        axis: the name.
        others: the axes that there are, besides time: equal but for case, `_` or a plural is one.

    Example:
        >>> meant("Periods"), meant("Region", ["region"]), meant("region", ["region"])
        ('time', 'region', None)
        >>> meant("tier", ["term"]) is None
        True
    """
    if axis == TIME:
        return None
    bare = _bare(axis)
    if bare in _TIMES or bare in _SWAPPED:
        return TIME
    names = list(others)
    return None if axis in names else next((x for x in names if _bare(x) == bare), None)


def _bare(axis: str) -> str:
    low = axis.casefold().replace("_", "")
    return low.removesuffix("s") or low
