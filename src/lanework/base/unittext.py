"""The text of a unit: names with exponents, multiplied and divided.

    unit  = power { ("*" | "/" | "per" | nothing) power }
    power = atom [ ("**" | "^") exponent ]
    atom  = name | "%" | "1" | "(" unit ")"

Exponents are numbers, or fractions in brackets. A number other than 1 is no part of a unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Generic, Protocol, Self, TypeVar

from lanework.base.codes import UNKNOWN_UNIT
from lanework.base.errors import Diagnostic
from lanework.base.span import Span

LONGEST = 200
_TOKEN = re.compile(r"\s*(?:(\*\*|[*/^()%+-])|([^\W\d]\w*)|(\d+(?:\.\d+)?)|(\S))")
_NAME, _NUMBER = 2, 3  # groups of `_TOKEN`
_MOST = 64  # of an exponent's size


class Powers(Protocol):
    """What units are made by: products and powers of other units."""

    @property
    def powers(self) -> tuple[tuple[str, Fraction], ...]:
        """Names and their exponents."""

    def __mul__(self, other: Self, /) -> Self: ...

    def __truediv__(self, other: Self, /) -> Self: ...

    def __pow__(self, exponent: Fraction, /) -> Self: ...


U = TypeVar("U", bound=Powers)


def read(text: str, symbol: Callable[[str], U]) -> U:
    """The unit of a text.

    Args:
        text: the unit as it was written.
        symbol: gives the unit of a single name.

    Raises:
        Diagnostic: LW0401, with the place in the text.
    """
    if len(text) > LONGEST:
        raise Diagnostic(UNKNOWN_UNIT, f"a unit is at most {LONGEST} characters long")
    return _Reader(text, symbol).unit()


class _Reader(Generic[U]):
    def __init__(self, text: str, symbol: Callable[[str], U]) -> None:
        self.text = text
        self.symbol = symbol
        self.tokens = [
            (match[kind], match.start(kind), kind)
            for match in _TOKEN.finditer(text)
            if (kind := match.lastindex)
        ]
        self.at = 0

    def unit(self) -> U:
        unit = self.product()
        if self.at < len(self.tokens):
            raise self.wrong()
        return unit

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def product(self) -> U:
        unit = self.power()
        while self.peek() not in ("", ")"):
            if self.peek() in ("/", "per"):
                self.take()
                unit = unit / self.power()
            else:
                if self.peek() == "*":
                    self.take()
                unit = unit * self.power()
        return unit

    def power(self) -> U:
        unit = self.atom()
        if self.peek() in ("**", "^"):
            self.take()
            unit = unit ** self.exponent()
            if any(abs(power) > _MOST for _, power in unit.powers):
                raise Diagnostic(UNKNOWN_UNIT, f"exponents in units are at most {_MOST}")
        return unit

    def atom(self) -> U:
        token, _, kind = self.tokens[self.at] if self.at < len(self.tokens) else ("", 0, 0)
        if token == "(":
            self.take()
            unit = self.product()
            if self.peek() != ")":
                raise self.wrong()
            self.take()
            return unit
        if token == "%" or (kind == _NAME and token != "per"):
            unit = self.named(token)
        elif kind == _NUMBER and float(token) == 1.0:
            unit = self.symbol("dimensionless")
        else:
            raise self.wrong()
        self.take()
        return unit

    def named(self, name: str) -> U:
        try:
            return self.symbol(name)
        except Diagnostic as error:
            if name == self.text.strip():
                raise
            raise Diagnostic(
                error.code,
                f"{error.message}, in {self.text!r}",
                span=self.span(),
                help=error.help,
            ) from error

    def exponent(self) -> Fraction:
        bracket = self.peek() == "("
        if bracket:
            self.take()
        minus = self.peek() == "-"
        if self.peek() in ("-", "+"):
            self.take()
        value = self.number()
        if bracket and self.peek() == "/":
            self.take()
            below = self.number()
            if not below:
                raise self.wrong()
            value /= below
        if bracket:
            if self.peek() != ")":
                raise self.wrong()
            self.take()
        return -value if minus else value

    def number(self) -> Fraction:
        _, _, kind = self.tokens[self.at] if self.at < len(self.tokens) else ("", 0, 0)
        if kind != _NUMBER or Fraction(self.peek()) > _MOST:
            raise self.wrong()
        return Fraction(self.take())

    def span(self) -> Span:
        if self.at < len(self.tokens):
            token, start, _ = self.tokens[self.at]
            stop = start + len(token)
        else:
            start, stop = len(self.text), len(self.text) + 1
        return Span("unit", 1, start + 1, 1, stop + 1, self.text)

    def wrong(self) -> Diagnostic:
        token = self.peek()
        _, _, kind = self.tokens[self.at] if token else ("", 0, 0)
        what = f"{token!r} does not belong there" if token else "something is missing at its end"
        hint = "write units as USD, 1/month, EUR/MWh or kg*m/s**2"
        if kind == _NUMBER:
            hint = "a unit has no numbers but 1 and exponents: put factors into the values"
        return Diagnostic(
            UNKNOWN_UNIT, f"{self.text!r} is no unit: {what}", span=self.span(), help=hint
        )
