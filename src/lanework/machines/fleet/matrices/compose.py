"""Several linear instructions in a row as one matrix, where that is exact.

A run is composed step by step: each element that it has changed is known as a row over the vector
as it was when the run began. A row is exact if its value is to the bit what the instructions give,
whatever the vector holds, infinities, NaN and zeros of both signs too (payloads of NaN aside). So:

- a copy of a row is that row; an operation on constants is done now;
- a copy can be scaled. What is scaled by v can be scaled by w too, if one of them is -1, or both
  are powers of two and at least 1: everything else rounds twice;
- two terms can be added if each is a constant, or an element times 1 or -1, and of different
  columns. The same twice is times 2; but x - x is dropped nowhere, as it is NaN for infinities;
- a sum can take one more such term of a column after all of its own: that is the order in which a
  row is added up. It can be copied, but not scaled, for then its zeros may have another sign;
- +0 can be added to nothing, since a row does not store it and x + 0 is no copy where x is -0.

The first step that fits none of these ends the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.formats import from_half, to_half
from lanework.machines.fleet.matrices.maps import ONE, LinearMap, Row, maps, pattern
from lanework.machines.fleet.state import Profile

MOST = 64
"""Instructions of a run, at most."""

Terms = tuple[tuple[int, int], ...]
"""A row's `(column, bits of the coefficient)`."""

MINUS_ONE = pattern(-1.0)
SIGN = 1 << 31


def maps_for(view: FleetView, settings: Settings) -> list[LinearMap | None]:
    """The matrix of every instruction, or of the run from it on, as settings ask for."""
    if not settings.compose:
        return maps(view.profile, view.instructions)
    traps = settings.arithmetic == "trap"
    return compose(view, half=settings.storage == "f16", traps=traps)


def compose(view: FleetView, *, half: bool = False, traps: bool = False) -> list[LinearMap | None]:
    """The matrix of the longest exact run from every instruction on; None if it is not linear.

    A branch may lead into the middle of a run: every instruction has a matrix of its own run.

    Args:
        view: the program.
        half: whether registers and memory are stored in half precision, which rounds after every
            instruction.
        traps: whether what has no finite result is a fault: what may have none is in no run.
    """
    single = maps(view.profile, view.instructions)
    bounds = {0, len(single)}
    if traps:
        alone = [ip for ip, info in enumerate(view.infos) if info.may_overflow]
        bounds.update(alone, (ip + 1 for ip in alone))
    for routine in view.routines:
        bounds |= {routine.entry, routine.entry + routine.count}
    inside = sorted(each for each in bounds if 0 <= each <= len(single))
    out: list[LinearMap | None] = []
    for first, last in pairwise(inside):
        out += [
            run(view.profile, single[ip : min(ip + MOST, last)], half) for ip in range(first, last)
        ]
    return out


def run(
    profile: Profile, single: Sequence[LinearMap | None], half: bool = False
) -> LinearMap | None:
    """The longest exact run at the beginning of these instructions; None without one.

    Example:
        >>> from lanework.machines.fleet.isa import FLEET
        >>> from lanework.machines.fleet.state import PROFILES
        >>> load = FLEET.by_name["LOAD"].make(dest=0, word=2)
        >>> more = FLEET.by_name["ADDI"].make(dest=0, src=0, imm=pattern(0.5))
        >>> s22 = PROFILES["S22"]
        >>> run(s22, maps(s22, [load, more]))
        LinearMap(rows=(Row(element=1, terms=((7, 1065353216), (21, 1056964608))),), length=2)
    """
    known: dict[int, Terms] = {}
    steps: list[list[Row]] = []  # what each instruction makes: no row or one
    for each in single:
        if each is None:
            break
        pairs = [(row, through(row.terms, known, profile.length - 1, half)) for row in each.rows]
        rows = [Row(row.element, terms) for row, terms in pairs if terms is not None]
        if len(rows) < len(each.rows):
            break
        known |= {row.element: row.terms for row in rows}
        steps.append(rows)
    for length in range(len(steps), 0, -1):
        changed = {row.element: row for rows in steps[:length] for row in rows}
        order = in_place(list(changed.values()))
        if order is not None:
            return LinearMap(tuple(order), length)
    return None


def in_place(rows: Sequence[Row]) -> list[Row] | None:
    """Rows in an order in which none reads what one before it has made; None without one.

    Rows of the identity are left out.
    """
    left = {row.element: row for row in rows if not row.same}
    out: list[Row] = []
    while left:
        read = {column for row in left.values() for column, _ in row.terms if column != row.element}
        free = [element for element in left if element not in read]
        if not free:
            return None
        out += [left.pop(element) for element in free]
    return out


def through(terms: Terms, known: dict[int, Terms], last: int, half: bool) -> Terms | None:
    """A row over the vector as it is now, as one over the vector as the run began.

    Args:
        terms: the row.
        known: the elements that the run has changed, as rows.
        last: the column of the constant.
        half: whether what a row makes is rounded to half precision.

    Returns:
        The terms, or None if no row is exact.
    """
    total: Terms | None = None
    for column, bits in terms:
        if column == last:
            each: Terms | None = ((last, bits),)
        else:
            each = scaled(known.get(column, ((column, ONE),)), bits, last)
        if each is None:
            return None
        total = each if total is None else plus(total, each, last, half)
        if total is None:
            return None
    total = total or ()
    if half and is_constant(total, last):
        return _constant(from_half(to_half(_value(total))), last)
    return total


def scaled(terms: Terms, bits: int, last: int) -> Terms | None:
    """A row times a coefficient, or None if no row is exactly that.

    Example:
        >>> scaled(((3, MINUS_ONE),), MINUS_ONE, 21) == ((3, ONE),)
        True
        >>> scaled(((3, pattern(0.5)),), pattern(3.0), 21) is None
        True
    """
    if bits == ONE:
        return terms
    if is_constant(terms, last):
        return _constant(_folded(np.multiply, bits, _value(terms)), last)
    if len(terms) > 1:
        return None
    column, before = terms[0]
    if before == ONE:
        product = bits
    elif before == MINUS_ONE:
        product = bits ^ SIGN
    elif bits == MINUS_ONE:
        product = before ^ SIGN
    elif _doubles(before) and _doubles(bits):
        product = _folded(np.multiply, before, bits)
        if not np.isfinite(_float(product)):
            return None
    else:
        return None
    return ((column, product),) if product else None  # 0 * x is not stored, and NaN for inf


def plus(a: Terms, b: Terms, last: int, half: bool) -> Terms | None:
    """The sum of two rows, rounded once more, or None if no row is exactly that.

    Example:
        >>> plus(((3, ONE),), ((2, MINUS_ONE),), 21, False) == ((2, MINUS_ONE), (3, ONE))
        True
        >>> plus(((3, ONE),), ((3, MINUS_ONE),), 21, False) is None
        True
    """
    if is_constant(a, last) and is_constant(b, last):
        return _constant(_folded(np.add, _value(a), _value(b)), last)
    if len(a) < len(b):  # a sum has the same bits in either order
        a, b = b, a
    if not all(column == last or bits in (ONE, MINUS_ONE) for column, bits in a + b):
        return None
    if len(b) != 1 or (half and len(a) > 1):
        return None  # a sum of sums, or +0; in half precision the sum would be rounded between
    if len(a) == 1 and a[0][0] == b[0][0]:
        return ((a[0][0], _folded(np.add, a[0][1], b[0][1])),) if a == b else None
    if len(a) > 1 and b[0][0] <= a[-1][0]:
        return None
    return tuple(sorted(a + b))


def is_constant(terms: Terms, last: int) -> bool:
    """Whether a row is a constant."""
    return not terms or (len(terms) == 1 and terms[0][0] == last)


def _value(terms: Terms) -> int:
    return terms[0][1] if terms else 0


def _constant(bits: int, last: int) -> Terms:
    return ((last, bits),) if bits else ()


def _float(bits: int) -> np.float32:
    return np.uint32(bits).view(np.float32)


def _folded(operation: np.ufunc, a: int, b: int) -> int:
    with np.errstate(all="ignore"):
        value = operation(_float(a), _float(b))
    return int(np.float32(value).view(np.uint32))


def _doubles(bits: int) -> bool:
    """Whether a coefficient is a power of two, 1 or more, of either sign."""
    return bits & 0x7FFFFF == 0 and ONE <= bits & ~SIGN < 0x7F800000
