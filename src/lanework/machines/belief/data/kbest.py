"""The most probable assignments, in order.

After the best one, the rest of the assignments is divided by the first variable in which they
differ from it; the best of each part is a run of the same program with evidence that says so
(E. L. Lawler, Manage. Sci. 18, 1972; D. Nilsson, Stat. Comput. 8, 1998). All parts of all rows are
rows of one run.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection

import numpy as np

from lanework.core.program.program import Program
from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.data.posterior import Posterior
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.tensor import AxisType
from lanework.machines.belief.walk import walk

States = tuple[int, ...]


OBJECTS = 200
"""Bytes of Python's objects for an assignment, or for a part of those that are left."""

Subspace = tuple[int, States, States]
"""Assignments of a row: the row, the states of the first variables, those that the next lacks.

Plain tuples of numbers are nothing that Python's collector has to look through, which would stop
all threads for long where there are millions.
"""


def assignments(program: Program, evidence: Evidence, count: int) -> tuple[int, int]:
    """Of so many assignments how many a row can have, and the bytes that those of all rows take."""
    view = BeliefView.of(program)
    sizes = {key[1]: view.variables[key[1]].size for key in view.slots if key[0] == "state"}
    possible = np.ones(evidence.rows)
    with np.errstate(over="ignore"):
        for variable, size in sizes.items():
            known = evidence.weights.get(variable)
            possible *= size if known is None else (known > 0).sum(axis=0)
    count, free = int(min(count, possible.max(initial=1.0))), len(sizes)
    each = 8 * sum(sizes.values()) + OBJECTS + 16 * free + free * (OBJECTS + 12 * free)
    return count, count * evidence.rows * each


def best_assignments(
    answer: Callable[[Evidence], Posterior],
    program: Program,
    evidence: Evidence,
    count: int,
    also: Collection[int] = (),
) -> Posterior:
    """The best assignments of each row of evidence.

    `answer` runs the program, and decides a state for every variable: for those of `also` too,
    which are cut out of it. Each row becomes `count` rows, the best first; of probability zero
    where there are no more.
    """
    view = BeliefView.of(program)
    sizes = {key[1]: view.variables[key[1]].size for key in view.slots if key[0] == "state"}
    pairs = zip(view.instructions, walk(program).specs, strict=True)
    chosen = {spec.axes[0].key for op, spec in pairs if op.name == "choose" and spec is not None}
    # the others are known
    free = [v for v in sizes if v in also or (AxisType.GEOMETRIC, v) in chosen]
    heaps: list[list[tuple[float, int, Subspace, States]]] = [[] for _ in range(evidence.rows)]
    turns = itertools.count()
    best: list[list[tuple[float, States]]] = [[] for _ in heaps]
    subspaces: list[Subspace] = [(row, (), ()) for row in range(evidence.rows)]
    while subspaces:
        posterior = answer(_narrowed(evidence, subspaces, free, sizes))
        width = len(subspaces)
        states = np.array(
            [np.broadcast_to(posterior.slots["state", v].argmax(axis=0), (width,)) for v in sizes]
        ).reshape(len(sizes), width)
        for n, subspace in enumerate(subspaces):
            total = float(posterior.totals[n])
            if total > -np.inf:
                entry = (-total, next(turns), subspace, tuple(states[:, n].tolist()))
                heapq.heappush(heaps[subspace[0]], entry)
        subspaces = []
        for row, heap in enumerate(heaps):
            if heap and len(best[row]) < count:
                cost, _, subspace, assignment = heapq.heappop(heap)
                best[row].append((-cost, assignment))
                if len(best[row]) < count:
                    order = list(sizes)
                    subspaces += _divided(subspace, [assignment[order.index(v)] for v in free])
    return _gathered(best, sizes, count)


def _divided(subspace: Subspace, states: list[int]) -> list[Subspace]:
    """The parts of what is left when the best assignment is taken away."""
    row, first, not_next = subspace
    known, divided = len(first), list[Subspace]()
    for n in range(known, len(states)):
        excluded = (states[n], *(not_next if n == known else ()))
        divided.append((row, tuple(states[:n]), excluded))
    return divided


def _narrowed(
    evidence: Evidence, subspaces: list[Subspace], free: list[int], sizes: dict[int, int]
) -> Evidence:
    rows = np.array([row for row, _, _ in subspaces])
    weights = {v: known[:, rows].copy() for v, known in evidence.weights.items()}
    for place, variable in enumerate(free):
        size = sizes[variable]
        mask = np.ones((size, len(subspaces)))
        for n, (_, first, not_next) in enumerate(subspaces):
            if place < len(first):
                mask[:, n] = 0.0
                mask[first[place], n] = 1.0
            elif place == len(first):
                mask[list(not_next), n] = 0.0
        known = weights.get(variable)
        weights[variable] = mask if known is None else known * mask
    return Evidence(weights, len(subspaces), single=False)


def _gathered(
    assignments: list[list[tuple[float, States]]], sizes: dict[int, int], count: int
) -> Posterior:
    rows = len(assignments) * count
    totals = np.full(rows, -np.inf)
    slots = {("state", v): np.zeros((size, rows)) for v, size in sizes.items()}
    for row, best in enumerate(assignments):
        for n, (total, states) in enumerate(best):
            totals[row * count + n] = total
            for state, variable in zip(states, sizes, strict=True):
                slots["state", variable][state, row * count + n] = 1.0
    return Posterior(dict(slots), totals, np.zeros(rows, bool))
