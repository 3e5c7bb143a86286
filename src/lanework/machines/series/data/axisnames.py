"""Axes that are nearly another, or that nothing relates: two of them give every pair of places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lanework.base.errors import Diagnostic
from lanework.machines.series.codes import LENGTHS_DISAGREE
from lanework.machines.series.data.longtables import LANES, TIME

if TYPE_CHECKING:
    from lanework.core.program.program import Port
    from lanework.machines.series.data.labels import Labelled

USUAL = (LANES, "point")
"""Axes that are crossed without a declaration."""

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


def check_related(ports: Sequence[Port], items: Sequence[Labelled]) -> None:
    """Refuse axes of two inputs that nothing relates: their every pair would be a lane.

    An axis that an input declares is meant, and so is one that an input has beside others, or
    `point` beside `scenario`.

    Raises:
        Diagnostic: LW3042.
    """
    declared = {TIME, *(axis for port in ports for axis in port.axes)}
    pairs = zip(ports, items, strict=True)
    own = [(p, [a for a in item.axes if a not in declared]) for p, item in pairs]
    own = [(port, axes) for port, axes in own if axes]
    related, before = {*own[0][1]} if own else set[str](), 0
    while len(related) > before:
        related |= set(USUAL) if related.intersection(USUAL) else set()
        before = len(related)
        related.update(*(axes for _, axes in own if not related.isdisjoint(axes)))
    apart = next(((port, axes[0]) for port, axes in own if related.isdisjoint(axes)), None)
    if apart is not None:
        (first, (axis, *_)), (second, other) = own[0], apart
        raise Diagnostic(
            LENGTHS_DISAGREE,
            f"input {first.name!r} is along {axis!r}, and input {second.name!r} along {other!r}:"
            " no input declares these axes, and every pair of their places would be a lane",
            help=f"give both along one axis; where all pairs are meant, declare an axis:"
            f" input({second.name!r}, axes={other!r})",
        )
