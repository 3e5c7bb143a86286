"""Numbers in fleet assembly: literals, symbols, what `+ - * /` and functions make of them.

Numbers are integers, or floats of double precision; a quotient is an integer if it is a whole one.

A symbol may stand between `<` and `>`, as the original design writes those that others fill in.

An expression is kept in postfix order, and has its value when all symbols are known: buffers get
their places when modules are linked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import add, mul, neg, sub

from lanework.base.errors import Diagnostic
from lanework.core.ops.bodies.arithmetic import abs_, ceil, floor, sqrt
from lanework.core.ops.bodies.exp import exp
from lanework.core.ops.bodies.log import log
from lanework.core.ops.bodies.trig import cos, sin, tan
from lanework.core.program.asmtext import Line, Token
from lanework.machines.fleet.text.words import Position, plain

Number = int | float

_PART = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+)|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|([-+*/()]|[^\W\d][\w.]*(?=\s*\())|([^\W\d][\w.]*|<[^\W\d][\w.]*>))"
)
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "minus": 3}


def _quotient(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    return a / b


_SIGNS: dict[str, Callable[[Number, Number], Number]] = {
    "+": add, "-": sub, "*": mul, "/": _quotient,
}  # fmt: skip
CALLED: dict[str, Callable[[Number], Number]] = {
    abs_.name: abs,
    **{op.name: getattr(math, op.name) for op in (sqrt, exp, log, sin, cos, tan, floor, ceil)},
}
"""Functions of one value, by name."""
_OF_ONE: dict[str, Callable[[Number], Number]] = {"minus": neg, **CALLED}
_LARGEST = 1 << 128  # as floats of single precision are below


@dataclass(frozen=True)
class Sign:
    """What an expression does with the values before it: `+`, `-`, `*`, `/`, or a function."""

    text: str


@dataclass(frozen=True)
class Expression:
    """A number that may depend on symbols.

    Attributes:
        items: numbers, names of symbols, and signs, in postfix order.
        place: where it stands.
    """

    items: tuple[Number | str | Sign, ...]
    place: Position

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols that it needs."""
        return tuple(item for item in self.items if isinstance(item, str))

    def value(self, symbol: Callable[[str, Position], Number]) -> Number:
        """The number.

        Args:
            symbol: the value of a symbol; it raises a diagnostic where there is none.

        Raises:
            Diagnostic: LW1010 for what becomes larger than any number here.
        """
        stack: list[Number] = []
        for item in self.items:
            if isinstance(item, str):
                stack.append(symbol(item, self.place))
            elif isinstance(item, Sign):
                self._apply(item.text, stack)
            else:
                stack.append(item)
            if isinstance(stack[-1], int) and abs(stack[-1]) > _LARGEST:
                raise self.place.fault("the number is too large")
        return stack[0]

    def _apply(self, sign: str, stack: list[Number]) -> None:
        """Do what a sign says to the values on top of the stack."""
        right = stack.pop()
        try:
            function = _OF_ONE.get(sign)
            out = _SIGNS[sign](stack.pop(), right) if function is None else function(right)
        except ZeroDivisionError:
            raise self.place.fault("the number is divided by zero") from None
        except (ValueError, OverflowError):
            raise self.place.fault(f"there is no {sign}({right})") from None
        stack.append(out)


def read_expression(text: str, position: Position) -> Expression:
    """An expression.

    Raises:
        Diagnostic: LW1010.

    Example:
        >>> from lanework.core.program.asmtext import Line, Token
        >>> read_expression("N*4-(1+2)", Position(Line(1, (), "text", ""))).items
        ('N', 4, Sign(text='*'), 1, 2, Sign(text='+'), Sign(text='-'))
    """
    reading = _Reading()
    operand = True  # whether one comes next
    text = text.rstrip()
    at = 0

    def wrong() -> Diagnostic:
        help = f"write 2.5, N, N*4+1 or sqrt(3/N); there are {', '.join(CALLED)}"
        return position.fault(f"{text!r} is no number", help)

    while at < len(text):
        match = _PART.match(text, at)
        sign = None if match is None else match[3] or ""
        if match is None or sign in (("*", "/", ")") if operand else ("", "(")):
            raise wrong()
        if sign not in ("", *"+-*/()") and (sign not in CALLED or not operand):
            raise wrong()
        at = match.end()
        if not sign:
            reading.out.append(_literal(match, position))
            operand = False
        elif operand:
            reading.before(sign)
        elif sign != ")":
            reading.between(sign)
            operand = True
        elif not reading.close():
            raise wrong()
    reading.flush(0)
    if operand or reading.waiting:
        raise wrong()
    return Expression(tuple(reading.out), position)


def read_number(line: Line, word: Token) -> Expression:
    """A word of a directive as a number that may depend on symbols."""
    return read_expression(word.text, Position(line, word))


@dataclass
class _Reading:
    """What of an expression is in postfix order already, and the signs that wait."""

    out: list[Number | str | Sign] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def flush(self, least: int) -> None:
        """Put out signs that bind at least so strongly, to the last parenthesis."""
        while self.waiting and _BINDS.get(self.waiting[-1], -1) >= least:
            self.out.append(Sign(self.waiting.pop()))

    def before(self, sign: str) -> None:
        """A sign or a parenthesis before an operand."""
        if sign != "+":
            self.waiting.append("minus" if sign == "-" else sign)

    def between(self, sign: str) -> None:
        """A sign between two operands."""
        self.flush(_BINDS[sign])
        self.waiting.append(sign)

    def close(self) -> bool:
        """A parenthesis ends; whether one was open."""
        self.flush(0)
        opened = bool(self.waiting) and self.waiting.pop() == "("
        if opened and self.waiting and self.waiting[-1] in CALLED:
            self.out.append(Sign(self.waiting.pop()))
        return opened


def _literal(match: re.Match[str], position: Position) -> Number | str:
    if match[1]:
        return _digits(match[1], 16, position)
    if match[2]:
        if match[2].isdecimal():
            return _digits(match[2], 10, position)
        if (number := float(match[2])) == float("inf"):
            raise position.fault(f"{match[2]} is beyond double precision", "write inf or -inf")
        return number
    name = match[4].strip("<>")
    if name.lower() in ("inf", "nan"):
        return float(name)
    if not plain(name):
        raise position.fault(f"{name!r} is no number")
    return name


def _digits(text: str, base: int, position: Position) -> int:
    if len(text) > 40:
        raise position.fault("the number is too large")
    return int(text, base)


def constant(name: str, position: Position) -> Number:
    """No symbol has a value."""
    raise position.fault(f"there is no symbol {name!r} here")


def integer(value: Number, position: Position, most: int = (1 << 32) - 1, least: int = 0) -> int:
    """A whole number within bounds.

    Raises:
        Diagnostic: LW1010.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or not least <= value <= most:
        raise position.fault(f"a whole number from {least} to {most} has to be here, not {value}")
    return value
