"""Variables with named states, tables over some of them, and what conditional ones sum to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core import options
from lanework.core.data.labels import COUNTS, align, keys, labels_along
from lanework.core.data.values import Given, as_array, exactly
from lanework.core.runner import warn
from lanework.machines.belief.codes import BAD_GRAPH, BAD_TABLE

Table = npt.NDArray[np.float64]
MOST_STATES = 1 << 24
CLOSE = 1e-6  # what rounding in a file may make of one
SHOWN = 3  # tables that a notice names
MOST_AXES = 62  # NumPy has 64, and lanes are one


@dataclass(frozen=True)
class Variable:
    """A variable.

    Attributes:
        name: its name, any text.
        states: the names of its states, in the order of tables.
    """

    name: str
    states: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many states it has."""
        return len(self.states)


@dataclass(frozen=True, eq=False)
class Factor:
    """A table over variables.

    Attributes:
        name: for messages.
        scope: the names of its variables, one an axis of the table.
        table: float64, not negative, read-only; its shape is the sizes of the variables.
        child: the variable that it is the conditional table of, or None.

    Raises:
        Diagnostic: LW5001 for names that are no text; LW5002 for text and what float64 lacks.
    """

    name: str
    scope: tuple[str, ...]
    table: Table
    child: str | None = None

    def __post_init__(self) -> None:
        """Keep a copy of the table that nobody can write to."""
        try:
            scope = options.in_order(f"the scope of {self.name!r}", self.scope, BAD_GRAPH)
        except TypeError:
            scope = (self.scope,)
        for name in (self.name, *scope, *([] if self.child is None else [self.child])):
            if not isinstance(name, str):
                what = f"a factor has {name!r} for a name, which is of type {type(name).__name__}"
                raise Diagnostic(BAD_GRAPH, what, help="name factors and variables by text")
        about = Given(f"the table of {self.name!r}", BAD_TABLE)
        if any(
            labels is not None and type(labels) is not COUNTS for labels in labels_along(self.table)
        ):
            about.refuse("has labels, and no states to put them in the order of",
                         "add it with graph.factor(scope, table)")  # fmt: skip
        table = np.array(exactly(self.table, "f64", about))
        table.flags.writeable = False
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "scope", scope)

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is copied and pickled: as one that is made anew."""
        return Factor, (self.name, self.scope, self.table, self.child)

    def check(self, shape: tuple[int, ...]) -> None:
        """Check the numbers of the table, and that it has this shape.

        Raises:
            Diagnostic: LW5001, LW5002.

        Example:
            >>> Factor("rain", ("rain",), np.array([0.5, -1.0])).check((2,))
            Traceback (most recent call last):
            lanework.base.errors.Diagnostic: LW5002: the table of 'rain' has -1 at (1,)
              help: give finite numbers from 0 on, one for each combination of states
        """
        table = self.table
        if table.shape != shape:
            raise Diagnostic(
                BAD_GRAPH,
                f"the table of {self.name!r} has the shape {table.shape}, and its scope {shape}",
                help=f"the scope is {', '.join(self.scope) or 'empty'}",
            )
        bad = ~(np.isfinite(table) & (table >= 0))
        if bad.any():
            at = tuple(int(i) for i in np.argwhere(bad)[0])
            raise Diagnostic(BAD_TABLE, f"the table of {self.name!r} has {table[at]:g} at {at}")


def in_order(table: Any, scope: Sequence[Variable], given: Given) -> Any:
    """A table with its axes in the order of a scope, and along each the states in theirs.

    Args:
        table: with names of its dimensions, labels along them, or neither: then it goes by place.
        scope: the variables.
        given: what it is for.

    Raises:
        Diagnostic: for labels that are not the states, and dimensions that are not the scope.

    Example:
        >>> import pandas as pd
        >>> series = pd.Series([0.3, 0.7], index=["no", "yes"])
        >>> in_order(series, [Variable("rain", ("yes", "no"))], Given("it", BAD_TABLE)).tolist()
        [0.7, 0.3]
    """
    labels, names = labels_along(table), [variable.name for variable in scope]
    if not any(x is not None for x in labels) and not hasattr(table, "dims"):
        return table
    indices = (getattr(table, "index", None), getattr(table, "columns", None))
    titles = getattr(table, "dims", [getattr(i, "name", None) for i in indices[: len(labels)]])
    plain = table.to_numpy() if hasattr(table, "null_count") else table  # a table of polars
    array, titles = as_array(plain, given), list(map(str, titles))
    if array.ndim != len(scope) or array.ndim != len(labels):
        return array  # which its shape says
    if titles != names and set(titles) == set(names):
        turned = [titles.index(name) for name in names]
        array, labels = array.transpose(turned), tuple(labels[n] for n in turned)
    elif hasattr(table, "dims") or set(titles) & set(names):
        for n, (title, name) in enumerate(zip(titles, names, strict=True)):
            if title != name and title not in ("None", f"dim_{n}"):
                given.refuse(
                    f"has the dimensions {', '.join(titles)}, and its scope is {', '.join(names)}",
                    "call the dimensions like the variables",
                )
    for axis, (variable, own) in enumerate(zip(scope, labels, strict=True)):
        if own is not None and type(own) is not COUNTS:
            order = align(list(map(str, keys(own))), variable.states, variable.name, given)
            array = array if order is None else np.take(array, order, axis)
    return array


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names for a message, not too many of them.

    Example:
        >>> listed(["a", "b", "c"], 2), listed([])
        ('a, b, ... (3)', 'none')
    """
    every = list(names)
    shown = ", ".join(every[:most]) or "none"
    return f"{shown}, ... ({len(every)})" if len(every) > most else shown


class TableNotice(UserWarning):
    """Conditional tables of a network do not sum to one, and are used as they are."""


def table_sums(factors: Iterable[Factor]) -> dict[str, tuple[float, float]]:
    """For conditional tables that do not sum to one: the least and the greatest sum.

    Example:
        >>> table_sums([Factor("rain", ("rain",), np.array([0.5, 0.25]), "rain")])
        {'rain': (0.75, 0.75)}
    """
    wrong: dict[str, tuple[float, float]] = {}
    for factor in factors:
        if factor.child is not None:
            total = sums(factor)
            if not np.allclose(total, 1.0, rtol=0, atol=CLOSE):
                wrong[factor.name] = (float(np.min(total)), float(np.max(total)))
    return wrong


def notice_sums(graph: str, wrong: Mapping[str, tuple[float, float]]) -> None:
    """Warn of what `table_sums` says, if anything, at the line of the user's that led here."""
    if wrong:
        several = len(wrong) > 1
        many = f"{len(wrong)} conditional tables do" if several else "a conditional table does"
        parts = [
            f"that of {name!r} to {least:.6g}"
            if least == most
            else f"that of {name!r} to {least:.6g} at least and {most:.6g} at most"
            for name, (least, most) in list(wrong.items())[:SHOWN]
        ]
        warn(
            f"{graph}: {many} not sum to one: {', '.join(parts)}"
            f"{', ...' if len(wrong) > SHOWN else ''}; normalizing scales them",
            TableNotice,
        )


def sums(factor: Factor) -> Table:
    """The sums of a conditional table over its child, whose axis stays."""
    assert factor.child is not None
    axis = factor.scope.index(factor.child)
    with np.errstate(over="ignore"):
        return np.asarray(factor.table.sum(axis=axis, keepdims=True))


def scaled_table(factor: Factor, variables: Mapping[str, Variable]) -> Table:
    """A conditional table scaled to sums of one; another as it is.

    Raises:
        Diagnostic: LW5002 where a sum is zero, with the states of the others in its scope.
    """
    if factor.child is None:
        return factor.table
    total = sums(factor)
    if (total == 0).any():
        at = np.argwhere(total == 0)[0]
        given = ", ".join(
            f"{name}={variables[name].states[place]}"
            for name, place in zip(factor.scope, at.tolist(), strict=True)
            if name != factor.child
        )
        where = f" at {given}" if given else ""
        raise Diagnostic(
            BAD_TABLE,
            f"the table of {factor.name!r} sums to zero{where}, and cannot be scaled",
            help="give these states of its parents some probabilities",
        )
    if np.isinf(total).any():  # of numbers near the largest that there is
        axis = factor.scope.index(factor.child)
        table = factor.table / factor.table.max(axis=axis, keepdims=True)
        return np.asarray(table / table.sum(axis=axis, keepdims=True))
    return factor.table / total
