"""Shared memory as the reference has it: reads, writes in order, and ordered atomics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.ops.bodies import arithmetic, words32
from lanework.core.ops.evaluate import direct, evaluate
from lanework.core.ops.op import Op
from lanework.machines.fleet import updates
from lanework.machines.fleet.isa import FleetInstr
from lanework.machines.fleet.reference import groups
from lanework.machines.fleet.reference.groups import Index, Members
from lanework.machines.fleet.state import Words

Addresses = npt.NDArray[np.int64]
OUTSIDE = -1
LEAST = np.float32(2.0**-126)
"""The least float that is an address, but for 0: below are the patterns of small integers."""

DENSE = 4
"""Words a VM up to which it is looked at each word whether it is written twice."""

NOBODY: Index = np.zeros(0, np.intp)

Writes = tuple[Members, Addresses | slice, Words]
"""VMs, where they write to, and what."""


def addresses(words: Words, count: int, integer: bool) -> Addresses:
    """Where words point to in shared memory, `OUTSIDE` where that is outside.

    A float below 0 points outside, and so does the pattern of a small integer, which as a float is
    next to nothing.

    Args:
        words: the bits of registers: floats, of which the integer part counts, or integers.
        count: words of shared memory.
        integer: which of the two.

    Example:
        >>> where = np.array([0.0, 2.9, -0.5, 3.0, -0.0, np.nan, 1e-45], np.float32)
        >>> addresses(where.view(np.uint32), 3, False).tolist()
        [0, 2, -1, -1, 0, -1, -1]
    """
    if integer:
        at = words.astype(np.int64)
    else:
        floats = words.view(np.float32)
        if np.maximum.reduce(words, initial=0) < np.float32(count).view(np.uint32):
            at = floats.astype(np.int64)
            if np.count_nonzero(at) == np.count_nonzero(words):  # neither fractions nor integers
                return at
        inside = ((floats >= LEAST) & (floats < 2.0**32)) | (words << np.uint32(1) == 0)
        if not inside.all():
            floats = np.where(inside, floats, np.float32(-1.0))
        at = floats.astype(np.int64)
    outside = at >= count
    if outside.any():
        at[outside] = OUTSIDE
    return at


def span(words: Words, first: int, last: int, integer: bool, alike: bool) -> slice | None:
    """Where addresses point to that follow one another, or are the same.

    Args:
        words: the bits of registers, as for `addresses`.
        first: the first word that they may point to.
        last: the word after the last one.
        integer: whether they are integers.
        alike: whether they may be the same, too: the slice has one word then.

    Returns:
        The words; None for other addresses, and where any is outside.

    Example:
        >>> where = np.array([3.0, 4.0, 5.0], np.float32).view(np.uint32)
        >>> span(where, 0, 9, False, False), span(where, 0, 5, False, False)
        (slice(3, 6, None), None)
        >>> span(where[[1, 1]], 0, 9, False, True)
        slice(4, 5, None)
    """
    numbers = words if integer else words.view(np.float32)
    begin, end = numbers[0].item(), numbers[-1].item()
    if not (first <= begin <= end < last) or begin % 1:
        return None
    if end - begin != len(words) - 1:
        one = alike and begin == end and (numbers == begin).all()
        return slice(int(begin), int(begin) + 1) if one else None
    if len(words) > 2 and (numbers[1:] - numbers[:-1] != 1).any():
        return None
    return slice(int(begin), int(end) + 1)


def read(shared: Words, at: Addresses) -> tuple[Words, int]:
    """The words at these addresses, 0 outside, and how many were outside."""
    outside = at < 0
    missing = int(np.count_nonzero(outside))
    if not missing:
        return shared.take(at), 0
    if not len(shared):
        return np.zeros(len(at), np.uint32), missing
    values = shared.take(np.where(outside, 0, at))
    values[outside] = 0
    return values, missing


def write(shared: Words, parts: Sequence[Writes], fault: bool = False) -> tuple[int, Index]:
    """Do the writes of an epoch; of several to a word that of the highest id stays.

    Args:
        shared: what is written to.
        parts: for each group of VMs their ids, where they write to, and what.
        fault: whether words that several VMs write are not written at all.

    Returns:
        How many words several VMs wrote, and which VMs did not write for it.
    """
    members, at, values = parts[0] if len(parts) == 1 else _merged(parts)
    if isinstance(at, slice):
        shared[at] = values
        return 0, NOBODY
    inside = at >= 0
    if not inside.all():
        members, at, values = groups.ids(members)[inside], at[inside], values[inside]
    words = NOBODY if (at[1:] > at[:-1]).all() else _contested(at)
    if fault and len(words):
        clear = ~np.isin(at, words)
        shared[at[clear]] = values[clear]
        return len(words), groups.ids(members)[~clear]
    shared[at] = values  # of equal indices the last value is assigned
    return len(words), NOBODY


def _merged(parts: Sequence[Writes]) -> Writes:
    """The writes of several groups, by id."""
    who = np.concatenate([groups.ids(part[0]) for part in parts])
    order = np.argsort(who, kind="stable")
    at = np.concatenate([groups.ids(part[1]) for part in parts])
    return who[order], at[order], np.concatenate([part[2] for part in parts])[order]


def _contested(at: Addresses) -> Index:
    """The words that are there more than once."""
    top = int(at.max()) + 1
    if top > DENSE * len(at):
        ordered = np.sort(at)
        return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    number, last = np.arange(len(at), dtype=np.int32), np.empty(top, np.int32)
    last[at] = number
    known = np.zeros(top, np.bool_)
    known[at[last.take(at) != number]] = True
    return np.flatnonzero(known)


def update(info: FleetInstr) -> Callable[..., Any]:
    """What an atomic makes of a word: from the bits of that and of its operands to bits."""
    op = info.updates
    if op is None:
        return lambda word, given, other: other if word == given else word
    name, kind = ("f32", np.float32) if "f32" in op.dtypes else ("i32", np.int32)
    graph = op.graph(name)
    function: Callable[..., Any] = direct(graph) or (lambda *args: evaluate(graph, args))

    def one(word: np.uint32, given: np.uint32) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(function(word.view(kind), given.view(kind)), kind).view(np.uint32)

    return one


_AT_ONCE: dict[Op, tuple[np.ufunc, Any]] = {
    arithmetic.add: (np.add, np.float32),
    words32.fmin: (np.fmin, np.float32),
    words32.fmax: (np.fmax, np.float32),
    words32.iadd: (np.add, np.uint32),
    words32.iand: (np.bitwise_and, np.uint32),
    words32.ior: (np.bitwise_or, np.uint32),
    updates.imin: (np.minimum, np.int32),
    updates.imax: (np.maximum, np.int32),
}
"""Ops as NumPy has them for many operands of one word, and of which words."""


def together(op: Op | None, shared: Words, at: Addresses, given: Words) -> Words | None:
    """One atomic operation by many VMs, as if one after another.

    Args:
        op: what it makes of a word.
        shared: what is worked on.
        at: where, all inside, in the order of VMs.
        given: the operand of each.

    Returns:
        The word that each VM came to, or None where one must go after another in earnest.
    """
    if op not in _AT_ONCE:
        return None
    function, kind = _AT_ONCE[op]
    rules = op in (words32.fmin, words32.fmax)  # of their own for minus zero and NaN
    if rules and (_odd(shared[at]) or _odd(given)):
        return None
    before = np.empty(len(at), np.uint32)
    numbers, operands = shared.view(kind), given.view(kind)
    if (at[1:] > at[:-1]).all():
        before[:] = shared[at]
        numbers[at] = function(numbers[at], operands)
        return before
    if (at == at[0]).all():
        return _one_word(function, numbers, at[0], operands)
    order = np.argsort(at, kind="stable")
    words, starts, counts = np.unique(at[order], return_index=True, return_counts=True)
    if len(words) > counts.max():  # the first VM of each word, the second of each, ...
        for turn in range(counts.max()):
            there = counts > turn
            who, now = order[starts[there] + turn], words[there]
            before[who] = shared[now]
            numbers[now] = function(numbers[now], operands[who])
        return before
    for word, begin, count in zip(words, starts, counts, strict=True):
        who = order[begin : begin + count]
        before[who] = _one_word(function, numbers, word, operands[who])
    return before


def _one_word(function: np.ufunc, numbers: Any, word: Any, operands: Any) -> Words:
    """The same of one word."""
    chain = np.empty(len(operands) + 1, numbers.dtype)
    chain[0], chain[1:] = numbers[word], operands
    steps = function.accumulate(chain, dtype=numbers.dtype)  # one after another, each rounded
    numbers[word] = steps[-1]
    before: Words = steps[:-1].view(np.uint32)
    return before


def finite(words: Words) -> npt.NDArray[np.bool_]:
    """Whether words are finite as floats.

    Example:
        >>> finite(np.array([1.0, -np.inf, np.nan], np.float32).view(np.uint32)).tolist()
        [True, False, False]
    """
    return np.asarray((words & np.uint32(0x7F800000)) != np.uint32(0x7F800000))


def stalled(before: Words, given: Words) -> int:
    """How many whole numbers were added to a float that is so large that it stayed the same.

    Example:
        >>> words = np.array([2.0**24, 2.0**24, 7.0, np.inf], np.float32).view(np.uint32)
        >>> stalled(words, np.array([1, 2, 1, 1], np.float32).view(np.uint32))
        1
    """
    x, more = before.view(np.float32), given.view(np.float32)
    with np.errstate(all="ignore"):
        integral = (more == np.trunc(more)) & (more != 0) & np.isfinite(x)
        return int(np.count_nonzero(integral & (x + more == x)))


def _odd(words: Words) -> bool:
    """Whether a minus zero or NaN is among floats: NumPy's fmin has rules of its own."""
    minus, most = np.uint32(0x80000000), np.uint32(0x7F800000)
    return bool(((words == minus) | ((words & ~minus) > most)).any())
