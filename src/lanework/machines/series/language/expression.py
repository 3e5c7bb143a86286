"""The tree of a formula, whichever way it was written.

Text goes through `formula.py`, Python functions and operators over node handles build the same
tree directly. A tree is made of `Expr` only: a number, a label, a name, a lookup, or a function
applied to trees. Names stay names until the model compiles, so a formula may use nodes that are
defined after it.

Example:
    >>> opening, rate = Expr.name("opening"), Expr.name("rate")
    >>> str(opening * (1.0 + rate))
    'opening * (1.0 + rate)'
"""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.span import Place, Span
from lanework.core.ops.bodies.logic import choose
from lanework.core.ops.rules import COMPARE
from lanework.core.ops.table import IN_FORMULAS
from lanework.machines.series.codes import NO_TRUTH, UNSUPPORTED
from lanework.machines.series.language.instead import of_attribute, of_index, of_operator

NUMBER, LABEL, NAME, LOOKUP, WHERE = "number", "label", "name", "lookup", choose.called

WRITTEN = {op.symbol: name for name, op in IN_FORMULAS.items() if op.symbol}
"""What operators, and special methods of Python's built-in functions, apply."""

Scalar = float | int | bool | np.generic


def spelt(name: str) -> str:
    """A name as Python's parser spells it (NFKC), so that formulas find it.

    Example:
        >>> spelt("\N{MICRO SIGN}") == "\N{GREEK SMALL LETTER MU}"
        True
    """
    text = isinstance(name, str) and not name.isascii()
    return unicodedata.normalize("NFKC", name) if text else name


Operator = Callable[["Expr", "Expr | Scalar"], "Expr"]


def _both_ways(symbol: str) -> tuple[Operator, Operator]:
    """The methods of a Python operator, with the tree on its left and on its right."""

    def left(self: Expr, other: Expr | Scalar) -> Expr:
        return _apply(symbol, self, other)

    def right(self: Expr, other: Expr | Scalar) -> Expr:
        return _apply(symbol, other, self)

    return left, right


def _alone(symbol: str) -> Callable[[Expr], Expr]:
    """The method of an operator, or of a built-in function, of the tree by itself."""
    return lambda self: _apply(symbol, self)


class Expr:
    """One step of a formula.

    Attributes:
        head: `number`, `label`, `name`, `lookup`, or the function applied.
        args: the operands.
        value: a number's value, a label's or name's text, a lookup's ``(table, column)``, or a
            function's whole-number setting (the lag of `prev`, the digits of `round`).
        place: where it was written, if it was written as text.
        depth: levels below and including this one.
    """

    __slots__ = ("args", "depth", "head", "place", "value")

    def __init__(
        self,
        head: str,
        args: tuple[Expr, ...] = (),
        value: Any = None,
        place: Place | None = None,
    ) -> None:
        self.head = head
        self.args = args
        self.value = value
        self.place = place
        depth: int = 0
        for arg in args:
            if arg.depth > depth:
                depth = arg.depth
        self.depth: int = depth + 1

    @staticmethod
    def number(value: float, place: Place | None = None) -> Expr:
        """A plain number."""
        return Expr(NUMBER, (), float(value), place)

    @staticmethod
    def name(name: str, place: Place | None = None) -> Expr:
        """A node, by its name."""
        return Expr(NAME, (), spelt(name), place)

    @property
    def span(self) -> Span | None:
        """Where it was written, or None for a tree built by operators."""
        return self.place.span() if self.place is not None else None

    def walk(self) -> Iterator[Expr]:
        """Every step of the tree, operands before what uses them, each shared step once."""
        done: set[int] = set()
        stack: list[tuple[Expr, bool]] = [(self, False)]
        while stack:
            expr, ready = stack.pop()
            if id(expr) in done:
                continue
            if ready or not expr.args:
                done.add(id(expr))
                yield expr
            else:
                stack.append((expr, True))
                stack.extend((arg, False) for arg in reversed(expr.args))

    def __str__(self) -> str:
        return _render(self, 0)

    def __repr__(self) -> str:
        return f"<series expression {self}>"

    def __bool__(self) -> NoReturn:
        raise Diagnostic(
            NO_TRUTH,
            f"`{self}` stands for a column of numbers; Python cannot branch on it",
            help="use where(condition, a, b), & and | in place of and/or, and the min and max of "
            "lanework.series",
        )

    def __iter__(self) -> NoReturn:
        raise Diagnostic(
            UNSUPPORTED,
            f"`{self}` stands for a column of numbers; a formula cannot loop over it",
            help="use prev, cumsum, total and the other functions over time",
        )

    def __hash__(self) -> int:
        return id(self)

    def _no_value(self, *_: object) -> NoReturn:
        raise Diagnostic(
            UNSUPPORTED,
            f"`{self}` stands for a column of numbers, which Python does not know yet",
            help="compute with operators and with the functions of lanework.series, such as "
            "lanework.series.exp(x); its values come out of a run",
        )

    __float__ = __int__ = __index__ = __complex__ = __len__ = __array__ = _no_value

    def __getitem__(self, key: object) -> NoReturn:
        raise Diagnostic(
            UNSUPPORTED,
            f"`{self}` is a node and has no columns, periods or parts to index",
            help=f"{of_index(str(self), str(key))}; columns of tables are of the handle that "
            "model.table gives",
        )

    def __xor__(self, other: object) -> NoReturn:
        raise Diagnostic(
            UNSUPPORTED, "a formula cannot contain this operator (^)", help=of_operator("^")
        )

    __rxor__ = __xor__

    def __call__(self, *args: object, **named: object) -> NoReturn:
        """Refused: a node is not called.

        Raises:
            Diagnostic: LW3002.
        """
        raise Diagnostic(
            UNSUPPORTED,
            f"`{self}` is a node and is not called",
            help="a table is called by the handle that model.table gives, or in text: "
            f'"{self}(key)"',
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: object, **named: object) -> Expr:
        """Operators with NumPy's numbers; its functions have names of ours."""
        name = _UFUNCS.get(ufunc.__name__)
        if name is None or method != "__call__" or named:
            called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            raise Diagnostic(
                UNSUPPORTED,
                f"np.{called} works on numbers, and a node has none yet",
                help=f"write lanework.series.{called}(...)"
                if called in IN_FORMULAS and called not in _UFUNCS
                else of_attribute("np", called) + "; functions are those of lanework.series",
            )
        numbers = [x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in inputs]
        return Expr(name, tuple(map(lift, numbers)))

    def __getattr__(self, name: str) -> NoReturn:
        """Methods of columns of other libraries are functions here."""
        what = f"a node has no {name!r}"
        raise AttributeError(what if name[:1] == "_" else f"{what}: {of_attribute('x', name)}")

    __add__, __radd__ = _both_ways("+")
    __sub__, __rsub__ = _both_ways("-")
    __mul__, __rmul__ = _both_ways("*")
    __truediv__, __rtruediv__ = _both_ways("/")
    __floordiv__, __rfloordiv__ = _both_ways("//")
    __mod__, __rmod__ = _both_ways("%")
    __pow__, __rpow__ = _both_ways("**")
    __and__, __rand__ = _both_ways("and")
    __or__, __ror__ = _both_ways("or")
    __lt__, __gt__ = _both_ways("<")[0], _both_ways(">")[0]
    __le__, __ge__ = _both_ways("<=")[0], _both_ways(">=")[0]
    __eq__, __ne__ = _both_ways("==")[0], _both_ways("!=")[0]  # type: ignore[assignment]

    __neg__, __abs__ = _alone("__neg__"), _alone("__abs__")
    __floor__, __ceil__ = _alone("__floor__"), _alone("__ceil__")
    __trunc__, __invert__ = _alone("__trunc__"), _alone("not")

    def __pos__(self) -> Expr:
        return self

    def __round__(self, digits: int = 0) -> Expr:
        return Expr(WRITTEN["__round__"], (self,), int(digits))


def constant(value: Any, span: Span | None = None) -> float:
    """A number as formulas hold it.

    Raises:
        Diagnostic: LW3002 for a whole number that no float is.

    Example:
        >>> constant(2**53)
        9007199254740992.0
        >>> constant(2**53 + 1)
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW3002: no float is 9007199254740993, the next is ...992
          help: formulas compute with floats, which have all whole numbers up to 9007199254740992
    """
    if not isinstance(value, (int, np.integer)):
        return float(value)
    integer = int(value)
    try:
        number = float(integer)
    except OverflowError:
        raise Diagnostic(
            UNSUPPORTED,
            "a formula cannot hold a whole number beyond 1.8e308",
            span=span,
            help="use floats",
        ) from None
    if number != integer:
        raise Diagnostic(
            UNSUPPORTED,
            f"no float is {integer}, the next is {int(number)}",
            span=span,
            help=f"formulas compute with floats, which have all whole numbers up to {2**53}",
        )
    return number


def lift(value: object) -> Expr:
    """A tree as it is, a Python or NumPy number as a number, text as a label.

    Raises:
        Diagnostic: the value is something else.
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, (bool, int, float, np.integer, np.floating, np.bool_)):
        return Expr(NUMBER, (), constant(value))
    if isinstance(value, str):
        return Expr(LABEL, (), value)
    raise Diagnostic(
        UNSUPPORTED,
        f"a formula cannot hold a value of type {type(value).__name__}",
        help=f"name the node as a parameter: def {value.__name__}({value.__name__}, ...)"
        if inspect.isfunction(value)
        else "formulas hold numbers, labels, nodes, lookups and functions of them; give data to "
        "the model as an input or a table",
    )


CONDITIONS = ("and", "or", "not")


def refuse_number(number: Expr, span: Span | None = None) -> NoReturn:
    """Refuse a number that is written where conditions are joined: bits, or Python's `x or 5`.

    Raises:
        Diagnostic: LW3002.
    """
    shown = f"{number.value:g}"
    raise Diagnostic(
        UNSUPPORTED,
        f"`and`, `or`, `not`, `&`, `|` and `~` join conditions, and {shown} is a number",
        span=span,
        help="conditions are compared, in brackets: (x > 1) & (y < 2); a value in the place of 0 is"
        f" where(x == 0, {shown}, x), and the last bit x % 2",
    )


def _apply(symbol: str, *args: object) -> Expr:
    for arg in args if symbol in CONDITIONS else ():
        if not isinstance(arg, bool | np.bool_) and (given := lift(arg)).head == NUMBER:
            refuse_number(given)
    return Expr(WRITTEN[symbol], tuple(lift(arg) for arg in args))


_UFUNCS = {
    name: WRITTEN[symbol]
    for name, symbol in (
        ("add", "+"),
        ("subtract", "-"),
        ("multiply", "*"),
        ("divide", "/"),
        ("floor_divide", "//"),
        ("remainder", "%"),
        ("power", "**"),
        ("less", "<"),
        ("less_equal", "<="),
        ("greater", ">"),
        ("greater_equal", ">="),
        ("equal", "=="),
        ("not_equal", "!="),
        ("bitwise_and", "and"),
        ("bitwise_or", "or"),
        ("negative", "__neg__"),
        ("absolute", "__abs__"),
    )
}
"""What NumPy calls operators between its numbers and ours."""

_LEVELS = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "//", "%"), 6),
}
"""How tightly Python's operators bind."""

# For each operator how it is written, how tightly it binds, and how its operands must. A comparison
# of a comparison needs brackets: without them it reads as a chain.
_SHAPES: dict[str, tuple[str, int, tuple[int, ...]]] = {
    WRITTEN["__neg__"]: ("-{}", 7, (7,)),
    WRITTEN["not"]: ("not {}", 3, (3,)),
    WRITTEN["**"]: ("{} ** {}", 8, (9, 7)),
}
for _name, _op in IN_FORMULAS.items():
    if _op.symbol in _LEVELS:
        _level = _LEVELS[_op.symbol]
        _left = _level + 1 if _op.units == COMPARE else _level
        _SHAPES[_name] = (f"{{}} {_op.symbol} {{}}", _level, (_left, _level + 1))
_RENDER_DEPTH = 60


def _render(expr: Expr, outer: int, depth: int = 0) -> str:
    head, args = expr.head, expr.args
    if head in (NUMBER, LABEL):
        return repr(expr.value)
    if head == NAME:
        return str(expr.value)
    if depth > _RENDER_DEPTH:
        return "..."
    template, level, levels = _SHAPES.get(head, ("", 0, (0,) * len(args)))
    shown = [_render(arg, inner, depth + 1) for arg, inner in zip(args, levels, strict=True)]
    if template:
        text = template.format(*shown)
        return f"({text})" if level < outer else text
    if head == LOOKUP:
        table, column = expr.value
        head = table if column is None else f"{table}[{column!r}]"
    elif expr.value is not None:
        shown.insert(1, str(expr.value))
    return f"{head}({', '.join(shown)})"
