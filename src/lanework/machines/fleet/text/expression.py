"""Numbers in fleet assembly: literals, symbols, and sums and products of them.

A symbol may stand between `<` and `>`, as the original design writes those that others fill in.

An expression is kept in postfix order, and has its value when all symbols are known: buffers get
their places when modules are linked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import add, mul, sub

from lanework.base.errors import Diagnostic
from lanework.core.program.asmtext import Line, Token
from lanework.machines.fleet.text.words import Position, plain

Number = int | float

_PART = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+)|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|([^\W\d][\w.]*|<[^\W\d][\w.]*>)|([-+*()]))"
)
_BINDS = {"+": 1, "-": 1, "*": 2, "minus": 3}
_SIGNS: dict[str, Callable[[Number, Number], Number]] = {"+": add, "-": sub, "*": mul}
_LARGEST = 1 << 128  # as floats of single precision are below


@dataclass(frozen=True)
class Sign:
    """What an expression does with the values before it: `+`, `-`, `*`, or `minus`."""

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
                right, sign = stack.pop(), item.text
                stack.append(-right if sign == "minus" else _SIGNS[sign](stack.pop(), right))
            else:
                stack.append(item)
            if isinstance(stack[-1], int) and abs(stack[-1]) > _LARGEST:
                raise self.place.fault("the number is too large")
        return stack[0]


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
        return position.fault(f"{text!r} is no number", "write 2.5, N or N*4+1")

    while at < len(text):
        match = _PART.match(text, at)
        sign = None if match is None else match[4] or ""
        if match is None or sign in (("*", ")") if operand else ("", "(")):
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
        while self.waiting and self.waiting[-1] != "(" and _BINDS[self.waiting[-1]] >= least:
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
        return bool(self.waiting) and self.waiting.pop() == "("


def _literal(match: re.Match[str], position: Position) -> Number | str:
    if match[1]:
        return _digits(match[1], 16, position)
    if match[2]:
        return _digits(match[2], 10, position) if match[2].isdecimal() else float(match[2])
    name = match[3].strip("<>")
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
