"""What instructions make of integers: between which ends, and as exact sums.

An integer is known modulo 2**32, between ends that are wider than what its bits may be read as:
from -2**31 to before 2**32. From 0 to before 2**31 all ways to read it agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from lanework.core.ops.bodies import words32
from lanework.core.ops.interval import Interval, between
from lanework.core.ops.op import Op
from lanework.machines.fleet.analysis.abstract import WORD, AbstractState, Difference, Side
from lanework.machines.fleet.analysis.forms import GAVE, LONGEST, Form, remainder, symbol
from lanework.machines.fleet.matrices.maps import Row

Known = tuple[Interval, Form | None] | None
"""An integer: between which ends, and as a sum; None where nothing is known."""

SIGN = 2.0**31
_ONE = 0x3F800000


class Taken:
    """The integers that an instruction takes.

    Args:
        known: what is known of the VM; they have forms from then on.
        ip: the instruction.
        elements: where they are.
    """

    def __init__(self, known: AbstractState, ip: int, elements: Sequence[int]) -> None:
        self.known, self.ip, self.elements = known, ip, elements
        self.values = [known.integers.get(each) for each in elements]

    def form(self, n: int) -> Form | None:
        """One of them as a sum."""
        value, element = self.values[n], ~self.elements[n]
        if value is None:
            return None
        if value.fixed:
            return Form(int(value.low))
        forms = self.known.forms
        return forms.get(element) or forms.setdefault(element, symbol("", self.ip, element))


def ends(low: float, high: float) -> Interval:
    """Integers between two."""
    return Interval(low, high, integral=True)


def moved(row: Row, last: int, known: AbstractState) -> Known:
    """What a linear instruction copies.

    Args:
        row: the row of its matrix.
        last: the column of the constant.
        known: what is known of the VM.
    """
    if not row.terms:
        return ends(0.0, 0.0), None
    ((column, bits), *more) = row.terms
    if more or (column != last and bits != _ONE):
        return None
    if column == last:
        value = float(bits - (bits >> 31 << 32))
        return ends(value, value), None
    value_ = known.integers.get(column)
    return None if value_ is None else (value_, known.forms.get(~column))


def computed(op: Op, sides: Sequence[Side], known: AbstractState, ip: int) -> Known:
    """The integer that an op gives."""
    rule = RULES.get(op)
    if rule is None:
        return None
    out = rule(Taken(known, ip, [side for side in sides if isinstance(side, int)]))
    if out is None or not WORD.low <= out[0].low <= out[0].high <= WORD.high:
        return None
    value, form = out
    return value, form if form is None or len(form.terms) <= LONGEST else None


def truncated(op: Op, value: Interval, form: Form | None) -> Known:
    """The whole part of a float, if it is far from the largest integers.

    Args:
        op: what it is taken by.
        value: the float.
        form: the same as a sum, if it is an integer.
    """
    if value.size >= SIGN or (value.low < 0.0 and op is words32.ftou):
        return None
    if value.empty:
        return ends(0.0, 0.0), None
    low, high = (float(math.trunc(end)) for end in (value.low, value.high))
    if value.nan:
        low, high, form = min(low, 0.0), max(high, 0.0), None
    return ends(low, high), form


def floated(op: Op, sides: Sequence[Side], known: AbstractState, ip: int, exact: float) -> Known:
    """The float of an integer; as a sum where it is exact."""
    taken = Taken(known, ip, [side for side in sides if isinstance(side, int)])
    value = taken.values[0]
    if op not in FLOATS or value is None or not _fits(value, op is words32.itof):
        return None
    return between(value.low, value.high, integral=True), (
        taken.form(0) if value.size < exact else None
    )


FLOATS = (words32.itof, words32.utof)


def compared(op: Op, sides: Sequence[Side], known: AbstractState) -> Difference | None:
    """The integers whose comparison an op gives."""
    signed = op is words32.icmp
    if op is not words32.ucmp and not signed:
        return None
    a, b = (side for side in sides if isinstance(side, int))
    for each in (a, b):
        value = known.integers.setdefault(
            each, ends(-SIGN, SIGN - 1.0) if signed else ends(0.0, WORD.high)
        )
        if not _fits(value, signed):
            return None
    return ~a, ~b


def _fits(value: Interval, signed: bool) -> bool:
    """Whether bits that are read so are the integer that is known."""
    return value.high < SIGN if signed else value.low >= 0.0


# Rules --------------------------------------------------------------------------------------------


def _sum(sign: int) -> Callable[[Taken], Known]:
    def rule(taken: Taken) -> Known:
        a, b = taken.values
        if a is None or b is None:
            return None
        low, high = (b.low, b.high) if sign > 0 else (-b.high, -b.low)
        x, y = taken.form(0), taken.form(1)
        return ends(a.low + low, a.high + high), x.plus(y, sign) if x and y else None

    return rule


def _product(taken: Taken) -> Known:
    a, b = taken.values
    if a is None or b is None:
        return None
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    x, y = taken.form(0), taken.form(1)
    form = None
    if x and y and not (x.terms and y.terms):
        form = x.times(y.constant) if not y.terms else y.times(x.constant)
    return ends(min(corners), max(corners)), form


def _left(taken: Taken) -> Known:
    a, by = taken.values[0], _fixed(taken.values[1])
    if a is None or by is None:
        return None
    factor, form = 1 << (by & 31), taken.form(0)
    return ends(a.low * factor, a.high * factor), form and form.times(factor)


def _right(taken: Taken) -> Known:
    a, by = taken.values[0], _fixed(taken.values[1])
    if a is None or by is None or a.low < 0.0:
        return None
    return ends(float(int(a.low) >> (by & 31)), float(int(a.high) >> (by & 31))), None


def _quotient(taken: Taken) -> Known:
    a, by = taken.values[0], _fixed(taken.values[1])
    if a is None or by is None or by < 1 or a.low < 0.0:
        return None
    return ends(a.low // by, a.high // by), None


def _remainder(taken: Taken) -> Known:
    a, by = taken.values[0], _fixed(taken.values[1])
    if by is None or by < 1:
        return None
    if a is None or a.low < 0.0:
        return ends(0.0, by - 1.0), None
    form = taken.form(0)
    if a.high < by:
        return a, form
    return ends(0.0, by - 1.0), form and remainder(taken.ip, ~GAVE, form, by)


def _both(taken: Taken) -> Known:
    """The bits that both have; of all from a power of two down, a remainder."""
    bounds = [each for each in taken.values if each is not None and each.low >= 0.0]
    if not bounds:
        return None
    high = min(each.high for each in bounds)
    for n in range(2):
        mask, a, form = _fixed(taken.values[n]), taken.values[1 - n], taken.form(1 - n)
        if mask is not None and mask >= 0 and mask & (mask + 1) == 0 and a is not None and form:
            if a.low >= 0.0 and a.high <= mask:
                return a, form
            return ends(0.0, high), remainder(taken.ip, ~GAVE, form, mask + 1)
    return ends(0.0, high), None


def _either(taken: Taken) -> Known:
    """The bits that either has; where one has only those below a power of two, and the other none
    of them, the sum.
    """
    a, b = taken.values
    if a is None or b is None or a.low < 0.0 or b.low < 0.0:
        return None
    for n, small in enumerate((a, b)):
        bit, other = 1 << int(small.high).bit_length(), taken.form(1 - n)
        step, first = other.congruence if other else (1, 0)
        if step % bit == 0 and first % bit == 0:
            return _sum(1)(taken)
    top = 1 << max(int(a.high), int(b.high)).bit_length()
    return ends(max(a.low, b.low), top - 1.0), None


def _fixed(value: Interval | None) -> int | None:
    return int(value.low) if value is not None and value.fixed else None


RULES: dict[Op, Callable[[Taken], Known]] = {
    words32.iadd: _sum(1),
    words32.isub: _sum(-1),
    words32.imul: _product,
    words32.ishl: _left,
    words32.ishr: _right,
    words32.iquo: _quotient,
    words32.irem: _remainder,
    words32.iand: _both,
    words32.ior: _either,
}
"""What ops on integers give; of others nothing is known."""
