"""Sums of elements as what is known of them: an interval, a difference, a sum of whole numbers."""

from __future__ import annotations

import struct

from lanework.core.ops import interval
from lanework.core.ops.interval import ZERO, Interval, point, rounded
from lanework.machines.fleet.analysis.abstract import AbstractState, Difference, Side
from lanework.machines.fleet.analysis.forms import LONGEST, Form, symbol
from lanework.machines.fleet.matrices.maps import Row

Term = tuple[Interval, Side]
"""A coefficient, and the element or number that is multiplied by it."""

ONE, MINUS_ONE = point(1.0), point(-1.0)


def number(bits: int) -> Interval:
    """The float of a bit pattern.

    Example:
        >>> str(number(0x40000000)), str(number(0x7FC00000))
        ('2 to 2', 'no number or NaN')
    """
    (value,) = struct.unpack("<f", bits.to_bytes(4, "little"))
    return point(value)


def terms_of(row: Row, last: int) -> list[Term]:
    """The terms of a row of a matrix.

    Args:
        row: the row.
        last: the column of the constant.
    """
    return [(number(bits), ONE if column == last else column) for column, bits in row.terms]


def combine(terms: list[Term], known: AbstractState) -> Interval:
    """What a sum may be: added in order, and rounded each time."""
    out: Interval | None = None
    for coefficient, side in terms:
        term = rounded(interval.mul(coefficient, known.side(side)))
        out = term if out is None else rounded(interval.add(out, term))
    return ZERO if out is None else out


def difference(terms: list[Term]) -> Difference | None:
    """The two operands of which a sum is the difference, if it is one.

    Example:
        >>> difference([(ONE, 3), (MINUS_ONE, 2)])
        (3, 2)
        >>> difference([(ONE, 3), (point(-5.0), ONE)]) == (3, point(5.0))
        True
    """
    plus: list[Side] = []
    minus: list[Side] = []
    for coefficient, side in terms:
        if isinstance(side, Interval):
            minus.append(interval.neg(coefficient))
        elif coefficient in (ONE, MINUS_ONE):
            (plus if coefficient == ONE else minus).append(side)
        else:
            return None
    if len(plus) <= 1 and len(minus) <= 1 and any(isinstance(side, int) for side in plus + minus):
        return plus[0] if plus else ZERO, minus[0] if minus else ZERO
    return None


def form(terms: list[Term], known: AbstractState, limit: float, ip: int) -> Form | None:
    """A sum as one of whole numbers, if it is one; its operands have forms from then on.

    It is exactly so if it is below the limit, as its operands are.

    Args:
        terms: one term, or several with coefficients 1 and -1.
        known: what is known of the VM.
        limit: below which whole numbers are exact.
        ip: the instruction, which names operands that have no form.
    """
    out = Form(0)
    for coefficient, side in terms:
        each = operand(side, known, limit, ip)
        if each is None or not integer(coefficient, limit):
            return None
        out = out.plus(each, int(coefficient.low))
    return out if len(out.terms) <= LONGEST else None


def operand(side: Side, known: AbstractState, limit: float, ip: int) -> Form | None:
    """An operand as a sum of whole numbers: at least as what the instruction takes."""
    value = known.side(side)
    if integer(value, limit):
        return Form(int(value.low))
    if not isinstance(side, int):
        return None
    of = known.forms.get(side)
    if (of is None or of.mentions(ip)) and value.integral and not value.nan and value.size < limit:
        of = known.forms[side] = symbol("", ip, side)
    return of


def integer(value: Interval, limit: float) -> bool:
    """Whether it is one whole number, and an exact one."""
    return value.fixed and value.integral and value.size < limit
