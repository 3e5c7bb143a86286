"""Sets of VMs that are at the same instruction, as cheap to index as they can be.

VMs in lockstep mostly move together, so the reference keeps, for each instruction at which there
are VMs, the set of them: a slice where their global ids follow one another, and else a sorted
array. A slice is a view of a row of the state, without a copy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]
Members = slice | Index
"""Global ids, ascending."""
PART = 1 << 15
"""VMs at once where temporaries of an instruction would be many."""


DENSE = 16
"""Sets are merged as bits up to so many places a VM; sorting takes as long there."""


def size(members: Members) -> int:
    """How many there are.

    Example:
        >>> size(slice(3, 10)), size(np.array([1, 5]))
        (7, 2)
    """
    if isinstance(members, slice):
        return int(members.stop - members.start)
    return len(members)


def ids(members: Members) -> Index:
    """The global ids as an array."""
    if isinstance(members, slice):
        return np.arange(members.start, members.stop, dtype=np.intp)
    return members


def parts(members: Members) -> Iterable[Members]:
    """The same in parts of `PART` at most, in order."""
    return (members,) if size(members) <= PART else _parts(members)


def _parts(members: Members) -> Iterator[Members]:
    if isinstance(members, slice):
        for first in range(members.start, members.stop, PART):
            yield slice(first, min(first + PART, members.stop))
    else:
        for first in range(0, len(members), PART):
            yield members[first : first + PART]


def tidy(members: Index) -> Members:
    """The same set, as a slice if it is one.

    Example:
        >>> tidy(np.array([4, 5, 6])), tidy(np.array([4, 6]))
        (slice(4, 7, None), array([4, 6]))
    """
    if len(members) and members[-1] - members[0] + 1 == len(members):
        return slice(int(members[0]), int(members[-1]) + 1)
    return members


def split(members: Members, mask: npt.NDArray[np.bool_]) -> tuple[Members | None, Members | None]:
    """Those for which the mask holds, and the others; None for none.

    Example:
        >>> split(slice(10, 14), np.array([True, False, False, True]))
        (array([10, 13]), slice(11, 13, None))
    """
    count = np.count_nonzero(mask)
    if count == 0:
        return None, members
    if count == len(mask):
        return members, None
    chosen, rest = np.flatnonzero(mask), np.flatnonzero(~mask)
    if isinstance(members, slice):
        chosen += members.start
        rest += members.start
        return tidy(chosen), tidy(rest)
    return tidy(members.take(chosen)), tidy(members.take(rest))


def merge(parts: Sequence[Members]) -> Members:
    """The union of disjoint sets.

    Example:
        >>> merge([slice(4, 6), np.array([1, 9]), slice(2, 4)])
        array([1, 2, 3, 4, 5, 9])
    """
    if len(parts) == 1:
        return parts[0]
    slices = sorted((p for p in parts if isinstance(p, slice)), key=lambda part: part.start)
    follow = all(one.stop == other.start for one, other in itertools.pairwise(slices))
    if follow and len(slices) == len(parts):
        return slice(slices[0].start, slices[-1].stop)
    last = max(part.stop if isinstance(part, slice) else int(part[-1]) + 1 for part in parts)
    if last > DENSE * sum(map(size, parts)):
        return tidy(np.sort(np.concatenate([ids(part) for part in parts]), kind="stable"))
    known = np.zeros(last, np.bool_)
    for part in parts:
        known[part] = True
    return tidy(np.flatnonzero(known))
