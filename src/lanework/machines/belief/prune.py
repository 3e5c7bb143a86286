"""What of a graph a query needs."""

from __future__ import annotations

from collections.abc import Iterable

from lanework.machines.belief.model import Factor, FactorGraph


def needed_factors(graph: FactorGraph, names: Iterable[str]) -> list[Factor]:
    """The factors that matter to some variables: in a Bayesian network, those of their ancestors.

    A conditional table whose child nobody asks about or observes sums to one (R. D. Shachter,
    Oper. Res. 34, 1986: barren nodes).
    """
    if not graph.directed or graph.sums():
        return list(graph.factors)
    table = {factor.child: factor for factor in graph.factors}
    found: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += [parent for parent in table[name].scope if parent != name]
    return [factor for factor in graph.factors if factor.child in found]
