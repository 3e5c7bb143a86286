"""Posteriors and sums of a Bayesian network over rows of evidence, by pyAgrum and pgmpy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.harness import Answer
from lanework.machines.belief.graph.model import FactorGraph

Columns = dict[str, list[Any]]
Row = dict[str, str]


def some(graph: FactorGraph, count: int) -> list[str]:
    """Variables to observe."""
    rng = np.random.default_rng(11)
    return [str(name) for name in rng.choice(list(graph.variables), count, replace=False)]


def sample(graph: FactorGraph, rows: int, names: list[str], missing: float = 0.0) -> Columns:
    """Evidence drawn from the network itself: some variables' states, cells missing at random."""
    rng = np.random.default_rng(11)
    states: dict[str, np.ndarray] = {}
    left = list(graph.factors)
    while left:
        for factor in list(left):
            parents = [name for name in factor.scope if name != factor.child]
            if factor.child is None or any(name not in states for name in parents):
                continue
            table = np.moveaxis(factor.table, factor.scope.index(factor.child), -1)
            rows_of = table[tuple(states[name] for name in parents)]
            sums = np.broadcast_to(np.cumsum(rows_of, axis=-1), (rows, table.shape[-1]))
            draws = rng.random(rows)[:, np.newaxis] * sums[:, -1:]
            states[factor.child] = np.minimum((sums <= draws).sum(axis=1), table.shape[-1] - 1)
            left.remove(factor)
    out: Columns = {}
    for name in names:
        known = graph.variables[name].states
        here = rng.random(rows) >= missing
        out[name] = [known[s] if h else None for s, h in zip(states[name], here, strict=True)]
    return out


def rows_of(columns: Columns, count: int) -> list[Row]:
    """The first rows, each with what it observes."""
    return [
        {name: cells[row] for name, cells in columns.items() if cells[row] is not None}
        for row in range(count)
    ]


def one_after_another(
    rows: list[Row], names: list[str], answer: Callable[[Row], list[Any]], single: bool
) -> Callable[[], Answer]:
    """A job that answers all rows, or in each call the next one of them."""
    if single:
        turns = itertools.cycle(rows)
        return lambda: dict(zip(names, answer(next(turns)), strict=True))

    def job() -> Answer:
        answers = [answer(row) for row in rows]
        return {name: np.array([row[n] for row in answers]) for n, name in enumerate(names)}

    return job


def pyagrum_job(
    graph: FactorGraph, rows: list[Row], engine: str, single: bool = False
) -> Callable[[], Answer]:
    """All posteriors; the network is filled in float64.

    One thread, which is faster here than two: reading posteriors slows down manifold with more.
    Where all rows observe the same variables, evidence is changed in place of set anew, which
    spares another junction tree.
    """
    import pyagrum

    pyagrum.setNumberOfThreads(1)
    network = pyagrum.BayesNet()
    for variable in graph.variables.values():
        network.add(pyagrum.LabelizedVariable(variable.name, variable.name, list(variable.states)))
    for factor in graph.factors:
        for name in factor.scope:
            if name != factor.child:
                network.addArc(name, factor.child)
    for factor in graph.factors:
        cpt = network.cpt(factor.child)
        order = [factor.scope.index(name) for name in reversed(cpt.names)]  # the first is fastest
        cpt.fillWith(np.transpose(factor.table, order).ravel().tolist())
    inference = getattr(pyagrum, engine)(network)
    same = len({frozenset(row) for row in rows}) == 1
    give = inference.updateEvidence if same else inference.setEvidence
    names = list(graph.variables)

    def answer(row: Row) -> list[Any]:
        give(row)
        inference.makeInference()
        return [inference.posterior(name).toarray() for name in names]

    return one_after_another(rows, names, answer, single)


def pgmpy_job(graph: FactorGraph, rows: list[Row]) -> Callable[[], Answer]:
    """All posteriors by variable elimination, one query a variable."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", category=FutureWarning, module="pgmpy")
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import VariableElimination
    from pgmpy.models import DiscreteBayesianNetwork

    logging.getLogger("pgmpy").setLevel(logging.ERROR)
    network = DiscreteBayesianNetwork()
    network.add_nodes_from(graph.variables)
    for factor in graph.factors:
        network.add_edges_from(
            (name, factor.child) for name in factor.scope if name != factor.child
        )
    for factor in graph.factors:
        parents = [name for name in factor.scope if name != factor.child]
        table = np.moveaxis(factor.table, factor.scope.index(factor.child), 0)
        network.add_cpds(
            TabularCPD(
                factor.child,
                len(table),
                table.reshape(len(table), -1),
                evidence=parents,
                evidence_card=[graph.variables[name].size for name in parents],
                state_names={name: list(graph.variables[name].states) for name in factor.scope},
            )
        )
    inference = VariableElimination(network)

    def posterior(name: str, row: Row) -> np.ndarray:
        states = graph.variables[name].states
        if name in row:
            return np.array([float(state == row[name]) for state in states])
        answers = inference.query([name], row, elimination_order="greedy", show_progress=False)
        return answers.values

    def answer(row: Row) -> list[Any]:
        return [posterior(name, row) for name in graph.variables]

    return one_after_another(rows, list(graph.variables), answer, False)
