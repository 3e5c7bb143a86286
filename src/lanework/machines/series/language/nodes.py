"""What a model declares besides formulas: inputs, outputs, and handles of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.series.codes import BAD_INPUT_NODE, BAD_UNIT, DUPLICATE
from lanework.machines.series.language.expression import LOOKUP, Expr, lift
from lanework.machines.series.passes.graph import OPTIONS

KINDS = ("stock", "flow", "rate", "index", "count", "constant")


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
class Output:
    """A declared output: a node that a run gives back, summed over the axes in `reduce`."""

    name: str
    reduce: tuple[str, ...] = ()
    doc: str = ""


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
    if kind and kind not in KINDS:
        raise Diagnostic(
            BAD_UNIT,
            f"`{name}` has the kind `{kind}`, which does not exist",
            help=did_you_mean(kind, KINDS) or f"kinds are {', '.join(KINDS)}",
        )


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
    named = (axes,) if isinstance(axes, str) else tuple(axes)
    if len(set(named)) != len(named) or not all(
        isinstance(axis, str) and axis.isidentifier() for axis in named
    ):
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"the axes of input `{name}` are {named!r}: each is a name, and stands once",
        )
    if kind == "constant" and "time" in named:
        raise Diagnostic(
            BAD_INPUT_NODE,
            f"input `{name}` is a constant and has the axis `time`",
            help="leave out the axis, or give it another kind",
        )
    ordered = tuple(sorted(named, key=lambda axis: axis != "time"))
    labels = tuple(str(label) for label in categories)
    if len(set(labels)) != len(labels):
        raise Diagnostic(BAD_INPUT_NODE, f"the categories of input `{name}` repeat a label")
    if isinstance(default, str):
        if default not in labels:
            raise Diagnostic(
                BAD_INPUT_NODE,
                f"the default {default!r} of input `{name}` is not one of its categories",
                help=did_you_mean(default, labels),
            )
        default = float(labels.index(default))
    if default is not None:
        default = float(default)
        if default != default:
            raise Diagnostic(BAD_INPUT_NODE, f"the default of input `{name}` is NaN")
    return Input(name, unit, kind, ordered, default, labels, doc)
