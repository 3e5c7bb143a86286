"""What of a graph a query needs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lanework.machines.belief.model import Factor, FactorGraph

ROUNDING = 1e-13  # of decimals, and of their sum


def needed_factors(graph: FactorGraph, names: Iterable[str]) -> list[Factor]:
    """The factors that matter to some variables: in a Bayesian network, those of their ancestors.

    A conditional table whose child nobody asks about or observes sums to one (R. D. Shachter,
    Oper. Res. 34, 1986: barren nodes). Published tables often do so to some digits only; leaving
    such a one out would change answers by as much, so it stays.
    """
    if not graph.directed:
        return list(graph.factors)
    table = {str(factor.child): factor for factor in graph.factors}
    found: dict[str, None] = {}
    todo = [*names, *(child for child, factor in table.items() if not _sums_to_one(factor))]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += [parent for parent in table[name].scope if parent != name]
    return [factor for factor in graph.factors if factor.child in found]


def _sums_to_one(factor: Factor) -> bool:
    """Whether a conditional table does so to the last digits."""
    assert factor.child is not None
    sums = factor.table.sum(axis=factor.scope.index(factor.child))
    return bool(np.abs(sums - 1.0).max() <= ROUNDING)
