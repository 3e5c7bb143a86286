"""Random factor graphs with evidence: what breaks compilers of such graphs, in small.

Hard zeros, cycles whose tables contradict each other or fall into blocks, parts that are not
connected, variables in no factor, factors over nothing, variables of one state, tiny numbers,
networks of conditional tables; rows with missing cells, likelihoods, and states that all rows have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lanework.machines.belief.check.enumeration import Array
from lanework.machines.belief.graph.model import FactorGraph

MOST_VARIABLES, MOST_STATES = 8, 4
CELLS = 20_000  # of assignments and rows together, so that enumerating stays quick
ROWS = (1, 1, 2, 3, 9, 20)


@dataclass(frozen=True)
class Case:
    """A graph, what is asked of it, and what is known."""

    graph: FactorGraph
    query: tuple[str, ...]  # the variables asked for
    evidence: tuple[str, ...]  # those that may be observed
    observed: tuple[str, ...]  # those of them whose state every row says
    given: dict[str, Any]  # what each row knows, as a user would say it; a column for each variable
    rows: int  # how many rows there are

    def weights(self) -> dict[str, Array]:
        """What is known as weights, variable -> (rows, states)."""
        weights = {}
        for name, column in self.given.items():
            states = self.graph.variables[name].states
            if isinstance(column, np.ndarray):
                weights[name] = column
            else:
                known = [[float(cell in (None, state)) for state in states] for cell in column]
                weights[name] = np.array(known)
        return weights


def random_case(seed: int) -> Case:
    """The case of a seed.

    Example:
        >>> random_case(7).graph
        <FactorGraph random 7: 8 variables, 2 factors>
    """
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, f"random {seed}")
    names = list(graph.variables)
    cells = int(np.prod([variable.size for variable in graph.variables.values()]))
    rows = max(1, min(int(rng.choice(ROWS)), CELLS // cells))
    evidence = _some(rng, names, 0.6) if rng.random() < 0.5 else names
    observed = _some(rng, evidence, 0.4) if rng.random() < 0.3 else []
    query = _some(rng, names, 0.4) if rng.random() < 0.3 else names
    given: dict[str, Any] = {}
    for name in evidence:
        if name in observed:
            given[name] = _column(rng, graph.variables[name].states, rows, 0.0)
        elif rng.random() < 0.5:
            if rng.random() < 0.4:
                given[name] = _zeroed(rng, rng.random((rows, graph.variables[name].size)), 0.1)
            else:
                given[name] = _column(rng, graph.variables[name].states, rows, 0.4)
    return Case(graph, tuple(query), tuple(evidence), tuple(observed), given, rows)


def _some(rng: np.random.Generator, names: list[str], share: float) -> list[str]:
    return [name for name in names if rng.random() < share]


def _column(rng: np.random.Generator, states: tuple[str, ...], rows: int, missing: float) -> Any:
    return [None if rng.random() < missing else str(rng.choice(states)) for _ in range(rows)]


def _zeroed(rng: np.random.Generator, table: Array, share: float) -> Array:
    return np.where(rng.random(table.shape) < share, 0.0, table)


def random_graph(rng: np.random.Generator, name: str = "random") -> FactorGraph:
    """A graph of up to eight variables: a network of conditional tables, a cycle, or anything."""
    graph = FactorGraph(name)
    sizes = rng.integers(1, MOST_STATES + 1, rng.integers(0, MOST_VARIABLES + 1))
    kind = rng.random()
    if kind < 0.25:  # along a cycle sizes are mostly equal, so that tables can be permutations
        sizes[:] = rng.integers(2, MOST_STATES + 1)
    for number, size in enumerate(sizes):
        graph.variable(f"v{number}", int(size))
    names = [str(name) for name in rng.permutation(list(graph.variables))]
    if kind < 0.25 and len(names) > 2:
        _cycle(rng, graph, names[: rng.integers(3, len(names) + 1)])
    elif kind < 0.45 and names:
        _network(rng, graph, names)
        return graph
    for _ in range(rng.integers(0, 8 if kind >= 0.25 else 3)):
        count = int(rng.integers(0, min(len(names), 3) + 1))
        scope = [str(name) for name in rng.choice(names, count, replace=False)] if count else []
        graph.factor(scope, _table(rng, [graph.variables[v].size for v in scope]))
    return graph


def _table(rng: np.random.Generator, shape: list[int]) -> Array:
    table = rng.random(shape) * 3
    kind = rng.random()
    if kind < 0.6:
        table = _zeroed(rng, table, 0.25)
    elif kind < 0.7:
        table = np.where(rng.random(shape) < 0.3, 1e-25 * table, table)
    elif kind < 0.8:
        table = np.where(table > 1.0, 1.0, 0.0)
    return np.asarray(table)


def _cycle(rng: np.random.Generator, graph: FactorGraph, names: list[str]) -> None:
    """Tables round a cycle: permutations, which may have no fixed point, or blocks."""
    size = graph.variables[names[0]].size
    blocks = rng.integers(0, rng.integers(1, size + 1), size)
    frustrated = rng.random() < 0.5
    for one, other in zip(names, [*names[1:], names[0]], strict=True):
        if frustrated:
            turn = rng.integers(0, size) if rng.random() < 0.3 else 0
            table = np.roll(np.eye(size), turn, axis=1) * rng.random((size, size))
        else:
            table = (blocks[:, np.newaxis] == blocks) * rng.random((size, size))
        table = np.where(rng.random() < 0.1, rng.random((size, size)), table)
        scope = [one, other]
        if rng.random() < 0.5:
            scope, table = scope[::-1], table.T
        graph.factor(scope, table)


def _network(rng: np.random.Generator, graph: FactorGraph, names: list[str]) -> None:
    """A conditional table for each variable, given some that come before it."""
    for number, child in enumerate(names):
        count = int(rng.integers(0, min(number, 2) + 1))
        parents = [str(name) for name in rng.choice(names[:number], count, replace=False)]
        scope = [*parents, child]
        table = _zeroed(rng, rng.random([graph.variables[v].size for v in scope]), 0.25)
        table[..., 0] += table.sum(axis=-1) == 0
        order = rng.permutation(len(scope))
        scaled = np.transpose(table / table.sum(axis=-1, keepdims=True), order)
        graph.factor([scope[n] for n in order], scaled, name=child, child=child)
