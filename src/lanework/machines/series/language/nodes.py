"""What a model declares: inputs, formulas, outputs, and handles of tables."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.span import line_of
from lanework.core import options
from lanework.core.data.values import Given, exactly
from lanework.machines.series.codes import (
    BAD_INPUT_NODE,
    BAD_MARK,
    BAD_UNIT,
    DUPLICATE,
    UNSUPPORTED,
)
from lanework.machines.series.data.axisnames import meant
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language.calendar import KINDS
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, Expr, lift

RESERVED = ("t", "periods")
OPTIONS = (
    "engine",
    "limits",
    "axis",
    "sink",
    "override",
)  # keywords of calls that take inputs by name


@dataclass(frozen=True)
class Input:
    """A declared input: what a run is given."""

    name: str
    unit: str = ""
    kind: str = ""
    axes: tuple[str, ...] = ()
    default: float | None = None
    categories: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True)
class Circular:
    """How a node that needs itself within a period is solved.

    Attributes:
        guess: where the first period begins.
        iterations: steps of Newton's method; None for as many as are usual.
        failures: `fault` to stop where there is no solution, or `nan` to go on with NaN.
    """

    guess: float = 0.0
    iterations: int | None = None
    failures: str = "fault"


@dataclass(frozen=True)
class Output:
    """A declared output: a node that a run gives back, summed over the axes in `reduce`."""

    name: str
    reduce: tuple[str, ...] = ()
    doc: str = ""


class Formula:
    """A node with a formula, and what the formula refers to.

    Attributes:
        now: names whose value of the same period (or of all time) it needs, in order.
        later: names that it sees only through `prev` or `lead`.
        special: whether it holds lookups or labels, which need more care.
        where: the file and the line that made it of handles.
    """

    __slots__ = ("doc", "expr", "kind", "later", "name", "now", "special", "text", "unit", "where")

    def __init__(
        self,
        name: str,
        expr: Expr,
        unit: str | None,
        kind: str | None,
        doc: str,
        text: str | None,
        where: tuple[str, int] | None = None,
    ) -> None:
        self.where = where
        self.name = name
        self.expr = expr
        self.unit = unit
        self.kind = kind
        self.doc = doc
        self.text = text
        now: dict[str, None] = {}
        later: dict[str, None] = {}
        special = False
        seen: set[tuple[int, bool]] = set()
        stack: list[tuple[Expr, bool]] = [(expr, False)]
        while stack:
            step, shifted = stack.pop()
            head = step.head
            if head == NAME:
                (later if shifted else now)[step.value] = None
                continue
            if head in (LABEL, LOOKUP):
                special = True
            args = step.args
            if not args:
                continue
            key = (id(step), shifted)
            if key in seen:
                continue
            seen.add(key)
            if head in SHIFTS:
                stack.append((args[1], shifted))
                stack.append((args[0], True))
            else:
                stack.extend([(arg, shifted) for arg in reversed(args)])
        self.now = tuple(now)
        self.later = tuple(later)
        self.special = special

    @property
    def shown(self) -> str:
        """The formula as a person wrote it, or as text made from the tree."""
        return self.text if self.text is not None else str(self.expr)

    def blamed(self, error: Diagnostic) -> Diagnostic:
        """An error about this formula: made of handles it has no text, and a line of Python."""
        if error.span is None and self.where is not None:
            error.span = line_of(*self.where)
            error.notes = error.notes or (f"{self.name} = {self.shown}",)
        return error


def parameters_of(body: Callable[..., object], title: str) -> tuple[list[str], list[str]]:
    """The nodes that a function's parameters name: those by place, and those by name alone.

    Raises:
        Diagnostic: LW3002 for what is no function, and for parameters that name no node.
    """
    if isinstance(body, Expr) or not callable(body):
        raise Diagnostic(
            UNSUPPORTED,
            f"node `{title}` is made of a {type(body).__name__}, which is no function",
            help='write @model.node() above a function, or model.formula("name", expression)',
        )
    ordered: list[str] = []
    named: list[str] = []
    for parameter in inspect.signature(body).parameters.values():
        several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if several or parameter.default is not parameter.empty:
            why = "stands for no one node" if several else "has a default, which a node has not"
            raise Diagnostic(
                UNSUPPORTED,
                f"the parameter `{parameter}` {why}",
                help="name each node that the formula needs, and write numbers in the body"
                if several
                else f"declare an input: model.input({parameter.name!r}, default=...), or write "
                "the number in the body",
            )
        (named if parameter.kind == parameter.KEYWORD_ONLY else ordered).append(parameter.name)
    return ordered, named


class TableHandle:
    """A table for formulas in Python: ``mort(age, duration)``, ``spec["load"](product)``."""

    def __init__(self, name: str, column: str | None = None) -> None:
        self.name = name
        self.column = column

    def __getitem__(self, column: str) -> TableHandle:
        return TableHandle(self.name, column)

    def __call__(self, *keys: object) -> Expr:
        """The lookup, with one key or two."""
        return Expr(LOOKUP, tuple(lift(key) for key in keys), (self.name, self.column))


def check_kind(kind: str, name: str) -> None:
    """Refuse a temporal kind that does not exist; "" leaves it open.

    Raises:
        Diagnostic: LW3015.
    """
    if not isinstance(kind, str | None) or (kind and kind not in KINDS):
        raise Diagnostic(
            BAD_UNIT,
            f"`{name}` has the kind `{kind}`, which does not exist",
            help=did_you_mean(str(kind), KINDS) or f"kinds are {', '.join(KINDS)}",
        )


def names_in(given: object, what: str, name: str) -> tuple[str, ...]:
    """Names that a person gave, one or several.

    Raises:
        Diagnostic: LW3021.
    """
    if isinstance(given, str) and (what == "axes" or not given):
        return (given,) if what == "axes" else ()
    if isinstance(given, str | set | frozenset | Mapping) or not isinstance(given, Iterable):
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"the {what} of input `{name}` are {given!r}",
            help=f'give names: {what}=("A", "B")',
        )
    if what == "axes":
        return tuple(given)
    return options.categories(f"the categories of input `{name}`", given, BAD_INPUT_NODE)


def one_number(value: object, what: str) -> float:
    """A number that a person gave, as a float.

    Raises:
        Diagnostic: LW3021 for arrays, text, what is missing or no number.

    Example:
        >>> one_number(True, "the default")
        1.0
    """
    array = exactly(value, "f64", Given(what, BAD_INPUT_NODE))
    if array.ndim:
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"{what} is an array of {' x '.join(map(str, array.shape))} values",
            help="a default is one number: give columns to each run",
        )
    return float(array)


def _default(default: object, labels: tuple[str, ...], name: str) -> float:
    """The default of an input, a number: of one with categories the place of a label."""
    if isinstance(default, str) and labels and default not in labels:
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"the default {default!r} of input `{name}` is not one of its categories",
            help=did_you_mean(default, labels) or f"give one of {', '.join(map(repr, labels[:8]))}",
        )
    if isinstance(default, str) and labels:
        return float(labels.index(default))
    number = one_number(default, f"the default of input `{name}`")
    if number != number:
        what = f"the default of input `{name}` is NaN"
        raise Diagnostic(BAD_INPUT_NODE, what, help="give a number, or leave the default out")
    if labels and number not in range(len(labels)):
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"the default {number!r} of input `{name}` is not one of its categories",
            help=f"give one of {', '.join(map(repr, labels[:8]))}",
        )
    return number


def check_axes(name: str, axes: Sequence[str], others: Iterable[str]) -> None:
    """Refuse axes that are others misspelt: time, those of the input, or of inputs before it.

    Raises:
        Diagnostic: LW3021.
    """
    for n, axis in enumerate(axes):
        other = meant(axis, [*axes[:n], *(x for x in others if x != axis)])
        if other is not None:
            raise Diagnostic(
                BAD_INPUT_NODE,
                f"input `{name}` has the axis {axis!r}, which is nearly {other!r}",
                help=f"did you mean {other!r}? Lane axes are called differently, such as"
                f" {'step' if other == 'time' else 'other_' + other!r}",
            )


def make_circular(
    name: str, guess: float, iterations: int | None, failures: str, circular: bool = True
) -> Circular:
    """How a node is solved; see `Authoring.circular`.

    Raises:
        Diagnostic: LW3029.
    """
    circular = options.flag(f"circular of {name!r}", circular, BAD_MARK)
    start = options.real(f"the guess of {name!r}", guess, -math.inf, code=BAD_MARK)
    if iterations is not None:
        steps = f"the number of iterations of {name!r}"
        iterations = options.integer(steps, iterations, 2, 200, BAD_MARK)
    options.choice(f"failures of {name!r}", failures, ("fault", "nan"), BAD_MARK)
    mark = Circular(start, iterations, failures)
    if not circular and mark != Circular():
        what = f"{name!r} is not circular, and says how it is solved"
        raise Diagnostic(BAD_MARK, what, help="give circular=True")
    return mark


def make_input(
    name: str,
    unit: str,
    kind: str,
    axes: str | Sequence[str],
    default: float | None,
    categories: Sequence[str],
    doc: str,
) -> Input:
    """An input of a model; see `Model.input` for its arguments.

    Raises:
        Diagnostic: what makes no sense of them.
    """
    if name in OPTIONS:
        raise Diagnostic(
            DUPLICATE,
            f"`{name}` cannot be an input: calls take an option of that name",
            help="choose another name",
        )
    check_kind(kind, name)
    if not isinstance(unit, str):
        raise Diagnostic(BAD_UNIT, f"the unit of `{name}` is {unit!r}", help='write it as "USD"')
    named, labels = names_in(axes, "axes", name), names_in(categories, "categories", name)
    if len(set(named)) != len(named) or not all(
        isinstance(axis, str) and axis.isidentifier() for axis in named
    ):
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"the axes of input `{name}` are {named!r}: each is a name, and stands once",
            help='write them as axes=["scenario", "point"]',
        )
    check_axes(name, named, ())
    if kind == "constant" and "time" in named:
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"input `{name}` is a constant and has the axis `time`",
            help="leave out the axis, or give it another kind",
        )
    if default is not None:
        default = _default(default, labels, name)
    return Input(name, unit, kind, named, default, labels, doc)
