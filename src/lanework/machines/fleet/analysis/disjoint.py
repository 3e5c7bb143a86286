"""Whether two VMs may come to the same word: a linear Diophantine question.

The n-th VM of a launch accesses words at ``factor * n + rest``, where of the rest is known between
which numbers it lies and what it is by a modulus. Whatever is not known makes VMs meet.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

FAR = 1 << 40
"""Instead of infinity: farther than any word."""


class Span(NamedTuple):
    """Where the VMs of a launch access words: the n-th at ``factor * n + rest``.

    Attributes:
        factor: words from a VM's to the next one's.
        low, high: between which the rest is.
        modulus, residue: what the rest is by a modulus; modulus 0 where it is the residue itself.
        first, last: the words that all of them may access.
        begin, end: the VMs, by n, the last one included; none if they cross.
    """

    factor: int
    low: int
    high: int
    modulus: int
    residue: int
    first: int
    last: int
    begin: int
    end: int


def meet(a: Span, b: Span, same: bool) -> bool:
    """Whether some VM of one launch may access a word that another VM does.

    Args:
        a: where the VMs of one launch access words.
        b: where those of the other do.
        same: whether it is one launch, in which a VM is not another one than itself.

    Example:
        >>> rows = Span(100, 0, 99, 1, 0, 0, 999, 0, 9)
        >>> meet(rows, rows, True), meet(rows, rows._replace(high=100), True)
        (False, True)
        >>> strides = Span(1, 0, 5000, 10, 0, 0, 5009, 0, 9)
        >>> meet(strides, strides, True), meet(strides, strides._replace(residue=1), True)
        (False, True)
    """
    if max(a.first, b.first) > min(a.last, b.last):
        return False
    least, most = a.begin - b.end, a.end - b.begin
    if same and least == most == 0:
        return False
    low, high = b.low - a.high, b.high - a.low  # of the difference of rests
    modulus = gcd(a.modulus, b.modulus)
    residue = b.residue - a.residue
    if same and a.factor == b.factor:
        return _apart(a.factor, least, most, low, high, modulus, residue)
    ways = [sorted((each.factor * each.begin, each.factor * each.end)) for each in (a, b)]
    low = max(low, ways[0][0] - ways[1][1])
    high = min(high, ways[0][1] - ways[1][0])
    return _sum(low, high, gcd(a.factor, b.factor), modulus, residue)


def itself(a: Span, b: Span) -> bool:
    """Whether a VM may access a word with one instruction that it accesses with another."""
    if max(a.first, b.first) > min(a.last, b.last):
        return False
    factor = a.factor - b.factor
    begin, end = max(a.begin, b.begin), min(a.end, b.end)
    ends = sorted((factor * begin, factor * end))
    low, high = max(b.low - a.high, ends[0]), min(b.high - a.low, ends[1])
    modulus = gcd(a.modulus, b.modulus)
    return begin <= end and _sum(low, high, abs(factor), modulus, b.residue - a.residue)


def _apart(
    factor: int, least: int, most: int, low: int, high: int, modulus: int, residue: int
) -> bool:
    """Whether k times a factor is in an interval and a class, for a k between two but not 0."""
    if factor < 0:
        factor, low, high, residue = -factor, -high, -low, -residue
    if not factor:
        return _sum(low, high, 0, modulus, residue)
    first, last = max(-(-low // factor), least), min(high // factor, most)
    step, start = 1, 0
    if modulus:
        common = gcd(factor, modulus)
        if residue % common:
            return False
        step = modulus // common
        start = residue // common * pow(factor // common, -1, step) if step > 1 else 0
    least = first + (start - first) % step
    return least <= last and (least != 0 or least + step <= last)


def _sum(low: int, high: int, step: int, modulus: int, residue: int) -> bool:
    """Whether a multiple of a step may be in an interval and in a class."""
    common = gcd(step, modulus)
    return residue % (common or FAR) == 0 and low <= (high // step * step if step else 0) <= high
