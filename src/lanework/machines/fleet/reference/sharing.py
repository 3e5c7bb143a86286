"""Shared memory as the reference has it: reads, writes in order, and ordered atomics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.ops.bodies import arithmetic, words32
from lanework.core.ops.evaluate import direct, evaluate
from lanework.core.ops.op import Op
from lanework.machines.fleet.isa import FleetInstr
from lanework.machines.fleet.state import Words

Index = npt.NDArray[np.intp]
Addresses = npt.NDArray[np.int64]
OUTSIDE = -1


def addresses(words: Words, count: int, integer: bool) -> Addresses:
    """Where words point to in shared memory, `OUTSIDE` where that is outside.

    Args:
        words: the bits of registers: floats, of which the integer part counts, or integers.
        count: words of shared memory.
        integer: which of the two.

    Example:
        >>> where = np.array([0.0, 2.9, -0.5, 3.0, -1.0, np.nan], np.float32)
        >>> addresses(where.view(np.uint32), 3, False).tolist()
        [0, 2, 0, -1, -1, -1]
    """
    if integer:
        at = words.astype(np.int64)
    else:
        floats = words.view(np.float32)
        inside = (floats > -1.0) & (floats < 2.0**32)
        if not inside.all():
            floats = np.where(inside, floats, np.float32(-1.0))
        at = floats.astype(np.int64)
    outside = at >= count
    if outside.any():
        at[outside] = OUTSIDE
    return at


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


def write(shared: Words, parts: Sequence[tuple[Index, Addresses, Words]]) -> int:
    """Do the writes of an epoch; of several to a word that of the highest id stays.

    Args:
        shared: what is written to.
        parts: for each group of VMs their ids, where they write to, and what.

    Returns:
        How many were inside.
    """
    if len(parts) == 1:
        _, at, values = parts[0]
    else:
        ids = np.concatenate([part[0] for part in parts])
        order = np.argsort(ids, kind="stable")
        at = np.concatenate([part[1] for part in parts])[order]
        values = np.concatenate([part[2] for part in parts])[order]
    inside = at >= 0
    if not inside.all():
        at, values = at[inside], values[inside]
    shared[at] = values  # of equal indices the last value is assigned
    return len(at)


def update(info: FleetInstr) -> Callable[..., Any]:
    """What an atomic makes of a word: from the bits of that and of its operands to bits."""
    op = info.updates
    if op is None:
        return lambda word, given, other: other if word == given else word
    graph = op.graph("f32")
    function: Callable[..., Any] = direct(graph) or (lambda *args: evaluate(graph, args))

    def one(word: np.uint32, given: np.uint32) -> Any:
        with np.errstate(all="ignore"):
            return function(word.view(np.float32), given.view(np.float32)).view(np.uint32)

    return one


_AT_ONCE = {arithmetic.add: np.add, words32.fmin: np.fmin, words32.fmax: np.fmax}
"""Ops as NumPy has them for many operands of one word."""


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
    function = None if op is None else _AT_ONCE.get(op)
    exact = function is np.add  # the others have their own rules for minus zero and NaN
    if function is None or (not exact and (_odd(shared[at]) or _odd(given))):
        return None
    order = np.argsort(at, kind="stable")
    words, starts = np.unique(at[order], return_index=True)
    before = np.empty(len(at), np.uint32)
    floats = shared.view(np.float32)
    if len(words) == len(at):
        before[:] = shared[at]
        floats[at] = function(floats[at], given.view(np.float32))
        return before
    for word, begin, end in zip(words, starts, [*starts[1:], len(at)], strict=True):
        who = order[begin:end]
        chain = np.empty(len(who) + 1, np.float32)
        chain[0], chain[1:] = floats[word], given.view(np.float32)[who]
        steps = function.accumulate(chain)  # one after another, each rounded
        before[who] = steps[:-1].view(np.uint32)
        floats[word] = steps[-1]
    return before


def _odd(words: Words) -> bool:
    """Whether a minus zero or NaN is among floats: NumPy's fmin has rules of its own."""
    minus, most = np.uint32(0x80000000), np.uint32(0x7F800000)
    return bool(((words == minus) | ((words & ~minus) > most)).any())
