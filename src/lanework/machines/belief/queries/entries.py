"""Entries of tables and what a posterior probability hangs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lanework.core.result.show import figure, html_table, text_table
from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.outputs import factor_names
from lanework.machines.belief.tensor import F64


@dataclass(frozen=True)
class Entry:
    """An entry of a table, and what a posterior probability P hangs on it.

    Attributes:
        factor: what the factor is called.
        states: variable -> state.
        value: the entry, theta.
        derivative: dP/dtheta, all other entries as they are.
        proportional: for conditional tables dP/dtheta while the other entries of its distribution
            make room in proportion to their size, so that the sum stays; NaN where these are zero,
            and for other tables.
        relative: theta/P times `proportional`, or `derivative` for tables that are not conditional;
            so many per cent are added to P by one per cent of theta.
    """

    factor: str
    states: Mapping[str, str]
    value: float
    derivative: float
    proportional: float
    relative: float

    @property
    def place(self) -> str:
        """The states as a text."""
        return ", ".join(f"{name}={state}" for name, state in self.states.items())


class Entries(Sequence[Entry]):
    """Entries in some order, which show themselves as a table."""

    HEADER = ("factor", "states", "entry", "derivative", "proportional", "relative")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def __getitem__(self, place: Any) -> Any:
        return self._entries[place]

    def __len__(self) -> int:
        return len(self._entries)

    def cells(self) -> list[list[str]]:
        """The cells of the table, as texts."""
        cells = []
        for entry in self._entries:
            numbers = (entry.value, entry.derivative, entry.proportional, entry.relative)
            texts = ("-" if number != number else figure(number) for number in numbers)
            cells.append([entry.factor, entry.place, *texts])
        return cells

    def __repr__(self) -> str:
        return text_table(self.HEADER, self.cells())

    def _repr_html_(self) -> str:
        return html_table(self.HEADER, self.cells(), f"{len(self)} entries of tables")


class Columns:
    """All entries of all tables, one factor after another: columns of what an `Entry` has.

    Besides, `effect` is `proportional`, or `derivative` for tables that are not conditional.
    """

    def __init__(self, graph: FactorGraph, derivatives: Sequence[F64], probability: float) -> None:
        """Put the derivatives by all entries together, of the shape of each factor's table."""
        self.graph, self.names = graph, factor_names(graph.factors)
        pairs = list(zip(graph.factors, derivatives, strict=True))
        self.value = _flat([factor.table for factor in graph.factors])
        self.derivative = _flat(derivatives)
        self.proportional = _flat([proportional(*pair) for pair in pairs])
        self.effect = _flat([d if f.child is None else proportional(f, d) for f, d in pairs])
        by = probability if probability > 0 else np.nan
        self.relative = self.value * self.effect / by + 0.0  # no zero has a sign
        self._ends = np.cumsum([factor.table.size for factor in graph.factors])

    def entry(self, place: int) -> Entry:
        """One of them."""
        number = int(np.searchsorted(self._ends, place, "right"))
        factor = self.graph.factors[number]
        start = int(self._ends[number]) - factor.table.size
        cell = np.unravel_index(place - start, factor.table.shape)
        states = {
            name: self.graph.variables[name].states[int(at)]
            for name, at in zip(factor.scope, cell, strict=True)
        }
        columns = (self.value, self.derivative, self.proportional, self.relative)
        return Entry(self.names[number], states, *(float(column[place]) for column in columns))


def _flat(tables: Sequence[F64]) -> F64:
    return np.concatenate([np.zeros(0), *(table.ravel() for table in tables)])


def proportional(factor: Factor, derivative: F64) -> F64:
    """Derivatives while the other entries of a distribution change in proportion to their size.

    An entry theta leaves 1 - theta to the others, each its share of what they have now, and such a
    change moves the network's distribution least (H. Chan, A. Darwiche, UAI 2004, theorem 2). NaN
    where all others are zero, which have no proportion, and for tables that are not conditional.

    Example:
        >>> factor = Factor("a", ("a",), np.array([0.5, 0.3, 0.2]), "a")
        >>> proportional(factor, np.array([1.0, 0.0, 0.0])).round(4).tolist()
        [1.0, -0.7143, -0.625]
    """
    if factor.child is None:
        return np.full(factor.table.shape, np.nan)
    axis = factor.scope.index(factor.child)
    rest = _others(factor.table, axis)
    lost = _others(factor.table * derivative, axis)
    share = np.full(factor.table.shape, np.nan)
    np.divide(lost, rest, out=share, where=rest > 0)
    return np.asarray(derivative - share, np.float64)


def _others(x: F64, axis: int) -> F64:
    """For each entry the sum of the others along an axis, without a difference that cancels."""
    moved = np.moveaxis(x, axis, -1)
    nothing = np.zeros_like(moved[..., :1])
    before = np.concatenate([nothing, np.cumsum(moved, axis=-1)[..., :-1]], axis=-1)
    after = np.concatenate([nothing, np.cumsum(moved[..., ::-1], axis=-1)[..., :-1]], axis=-1)
    return np.moveaxis(before + after[..., ::-1], -1, axis)
