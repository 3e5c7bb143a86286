"""Posteriors of a Bayesian network over rows of evidence, by pyAgrum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.harness import Answer
from lanework.machines.belief.model import FactorGraph

Columns = dict[str, list[Any]]


def sample(graph: FactorGraph, rows: int, observed: int, missing: float = 0.0) -> Columns:
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
    names = [str(name) for name in rng.choice(list(graph.variables), observed, replace=False)]
    out: Columns = {}
    for name in names:
        known = graph.variables[name].states
        here = rng.random(rows) >= missing
        out[name] = [known[s] if h else None for s, h in zip(states[name], here, strict=True)]
    return out


def pyagrum_job(graph: FactorGraph, columns: Columns, engine: str) -> Callable[[], Answer]:
    """All posteriors, row by row; the network is filled in float64."""
    import pyagrum

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
    rows = [
        {name: cells[row] for name, cells in columns.items() if cells[row] is not None}
        for row in range(len(next(iter(columns.values()))))
    ]

    def job() -> Answer:
        found: dict[str, list[Any]] = {name: [] for name in graph.variables}
        for row in rows:
            inference.setEvidence(row)
            inference.makeInference()
            for name, kept in found.items():
                kept.append(inference.posterior(name).toarray())
        return {name: np.array(kept) for name, kept in found.items()}

    return job
