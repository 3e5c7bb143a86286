"""How a schedule is written: phases in order, with repeats where they run several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Again:
    """Steps that run several times."""

    count: int
    steps: tuple[int | Again, ...]


def nested(schedule: Sequence[int], phases: int) -> tuple[int | Again, ...] | None:
    """The steps of a schedule, each phase written once and in order; None if that cannot be.

    Example:
        >>> nested((0, 1, 1, 2, 1, 1, 2, 3), 5)
        (0, Again(count=2, steps=(Again(count=2, steps=(1,)), 2)), 3, Again(count=0, steps=(4,)))
        >>> nested((0, 1, 0), 2) is None
        True
    """
    return _cover(tuple(schedule), 0, phases)


def _cover(steps: tuple[int, ...], first: int, end: int) -> tuple[int | Again, ...] | None:
    """Items that write the phases from `first` to before `end`, each once."""
    last = {number: at for at, number in enumerate(steps)}
    out: list[int | Again] = []
    at = 0
    while first < end:
        if at == len(steps) or steps[at] > first:
            stop = end if at == len(steps) else min(end, steps[at])
            out.append(Again(0, tuple(range(first, stop))))
            first = stop
            continue
        if steps[at] < first:
            return None
        # the smallest part that holds every step of the phases in it
        begin, close, after = at, at, first
        while at <= close:
            close, after = max(close, last[steps[at]]), max(after, steps[at] + 1)
            at += 1
        part = steps[begin:at]
        if len(part) == 1:
            out.append(first)
        else:
            period = _period(part)
            inner = None if period == len(part) else _cover(part[:period], first, after)
            if inner is None:
                return None
            out.append(Again(len(part) // period, inner))
        first = after
    return tuple(out) if at == len(steps) else None


def _period(steps: tuple[int, ...]) -> int:
    """The length of the shortest part that gives the steps when it is repeated."""
    border = [0] * len(steps)
    for at in range(1, len(steps)):
        know = border[at - 1]
        while know and steps[at] != steps[know]:
            know = border[know - 1]
        border[at] = know + (steps[at] == steps[know])
    period = len(steps) - border[-1]
    return period if len(steps) % period == 0 else len(steps)
