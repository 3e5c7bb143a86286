"""The text of a unit: names with exponents, multiplied and divided.

    unit  = power { ("*" | "/" | "per" | nothing) power }
    power = atom [ ("**" | "^") exponent ]
    atom  = name | "%" | "1" | "(" unit ")"

Exponents are numbers, or fractions in brackets. A number other than 1 is no part of a unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction

from lanework.base.codes import UNKNOWN_UNIT
from lanework.base.errors import Diagnostic
from lanework.base.span import Span

LONGEST = 200
_TOKEN = re.compile(r"\s*(?:(\*\*|[*/^()%+-])|([^\W\d]\w*)|(\d+(?:\.\d+)?)|(\S))")
_NAME, _NUMBER = 2, 3  # groups of `_TOKEN`
_MOST = 64  # of an exponent's size

Powers = tuple[tuple[str, Fraction], ...]
"""Names and their exponents, none 0, in order of name."""


def product(factors: Iterable[tuple[Powers, Fraction | int]]) -> Powers:
    """The product of some factors, each to an exponent."""
    total: dict[str, Fraction] = {}
    for powers, exponent in factors:
        for name, power in powers:
            total[name] = total.get(name, Fraction(0)) + power * exponent
    return tuple((name, total[name]) for name in sorted(total) if total[name])


def simple(value: float | Fraction) -> Fraction:
    """An exponent as a fraction; a float means the simple fraction that it rounds."""
    exact = Fraction(value)
    near = exact.limit_denominator(64)
    return near if abs(float(near - exact)) < 1e-12 else exact


def read(text: str, symbol: Callable[[str], Powers]) -> Powers:
    """The unit of a text.

    Args:
        text: the unit as it was written.
        symbol: gives the unit of a single name.

    Raises:
        Diagnostic: LW0401, with the place in the text.
    """
    if len(text) > LONGEST:
        raise Diagnostic(
            UNKNOWN_UNIT, f"a unit is at most {LONGEST} characters long", help="write a shorter one"
        )
    reader = _Reader(text, symbol)
    unit = reader.product()
    reader.expect("")
    return unit


class _Reader:
    def __init__(self, text: str, symbol: Callable[[str], Powers]) -> None:
        self.text, self.symbol = text, symbol
        matches = ((match, match.lastindex or 0) for match in _TOKEN.finditer(text))
        self.tokens = [(match[kind], match.start(kind), kind) for match, kind in matches]
        self.tokens.append(("", len(text), 0))  # the end
        self.at = 0

    def accept(self, *tokens: str) -> bool:
        """Go on if one of these is next."""
        good = self.tokens[self.at][0] in tokens
        self.at += good
        return good

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise self.wrong()

    def product(self) -> Powers:
        unit = self.power()
        while self.tokens[self.at][0] not in ("", ")"):
            sign = -1 if self.accept("/", "per") else 1
            if sign > 0:
                self.accept("*")
            unit = product([(unit, 1), (self.power(), sign)])
        return unit

    def power(self) -> Powers:
        unit = self.atom()
        if self.accept("**", "^"):
            unit = product([(unit, simple(self.exponent()))])
            if any(abs(power) > _MOST for _, power in unit):
                what = f"exponents in units are at most {_MOST}"
                raise Diagnostic(UNKNOWN_UNIT, what, help="write a smaller one, such as m**2")
        return unit

    def atom(self) -> Powers:
        if self.accept("("):
            unit = self.product()
            self.expect(")")
            return unit
        token, _, kind = self.tokens[self.at]
        if token == "%" or (kind == _NAME and token != "per"):
            unit = self.named(token)
        elif kind == _NUMBER and float(token) == 1.0:
            unit = ()
        else:
            raise self.wrong()
        self.at += 1
        return unit

    def named(self, name: str) -> Powers:
        try:
            return self.symbol(name)
        except Diagnostic as error:
            if name == self.text.strip():
                raise
            message = f"{error.message}, in {self.text!r}"
            raise Diagnostic(error.code, message, span=self.span(), help=error.help) from error

    def exponent(self) -> Fraction:
        bracket = self.accept("(")
        sign = -1 if self.accept("-") else 1
        if sign > 0:
            self.accept("+")
        value = self.number()
        if bracket and self.accept("/"):
            below = self.number()
            if not below:
                raise self.wrong()
            value /= below
        if bracket:
            self.expect(")")
        return sign * value

    def number(self) -> Fraction:
        token, _, kind = self.tokens[self.at]
        if kind != _NUMBER or Fraction(token) > _MOST:
            raise self.wrong()
        self.at += 1
        return Fraction(token)

    def span(self) -> Span:
        token, start, _ = self.tokens[self.at]
        return Span("unit", 1, start + 1, 1, start + max(len(token), 1) + 1, self.text)

    def wrong(self) -> Diagnostic:
        token, _, kind = self.tokens[self.at]
        what = f"{token!r} does not belong there" if token else "something is missing at its end"
        hint = "write units as USD, 1/month, EUR/MWh or kg*m/s**2"
        if kind == _NUMBER:
            hint = "a unit has no numbers but 1 and exponents: put factors into the values"
        message = f"{self.text!r} is no unit: {what}"
        return Diagnostic(UNKNOWN_UNIT, message, span=self.span(), help=hint)
