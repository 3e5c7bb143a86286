"""The strategy `tree`: a contraction tree from a good order of elimination.

Orders are made by min-fill, weighted min-fill and min-weight, with ties at random. No rule wins
everywhere, so several are tried and the cheapest order is kept. The rules are those of D. Koller
and N. Friedman, Probabilistic Graphical Models (2009), section 9.4.3.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from lanework.core.resident import looked
from lanework.machines.belief.passes.emit import Emitter, Value
from lanework.machines.belief.passes.messages import table_leaf
from lanework.machines.belief.passes.query import Problem
from lanework.machines.belief.passes.tree import ContractionTree, contraction_tree
from lanework.machines.belief.tensor import AxisKey, AxisType

Scope = tuple[int, ...]


class Elimination:
    """An order of elimination for a problem, before anything is written."""

    def __init__(self, problem: Problem, seconds: float, seed: int) -> None:
        self.problem = problem
        cut, asked = problem.cut, problem.asked
        self.late = {v for v in asked if v not in cut} if problem.maximizes else set[int]()
        left = [tuple(v for v in scope if v not in cut) for scope in problem.scopes]
        alone = [(v,) for v in problem.observed]
        covered = {v for scope in [*left, *alone] for v in scope}
        # tensors of ones: for variables that nothing else has, and for those asked for jointly
        self.extra: list[Scope] = [(v,) for v in problem.variables if v not in covered]
        joint = tuple(v for v in asked if v not in cut)
        if problem.query.kind == "joint" and len(joint) > 1:
            self.extra.append(joint)
        variables = list(problem.graph.variables.values())
        sizes = {v: variables[v].size for v in problem.variables}
        scopes = [*left, *alone, *self.extra]
        self.order: Order = best_order(scopes, sizes, late=self.late, seconds=seconds, seed=seed)

    @property
    def late_axes(self) -> frozenset[AxisKey]:
        """The axes that are maximized."""
        return frozenset((AxisType.GEOMETRIC, variable) for variable in self.late)

    def tree(self, out: Emitter) -> tuple[ContractionTree, list[Value | int]]:
        """The contraction tree and its leaves: tables, evidence, ones."""
        problem = self.problem
        leaves: list[Value | int] = [
            table_leaf(out, factor, scope, problem.cut)
            for factor, scope in zip(problem.factors, problem.scopes, strict=True)
        ]
        leaves += problem.observed
        leaves += [out.unit(out.axes(scope)) for scope in self.extra]
        order = out.axes(self.order.variables).axes
        return contraction_tree(list(map(out.leaf_spec, leaves)), order, self.late_axes), leaves

    def note(self, tree: ContractionTree) -> str:
        """What a person wants to know of it."""
        largest = max((node.joined for node in tree.nodes), default=1)
        steps = sum(bool(node.parts) for node in tree.nodes)
        return (
            f"tree: {steps:,} steps, {tree.cost:,} terms, at most {largest:,} at once, by"
            f" {self.order.rule}"
        )


RULES = ("fill", "weighted fill", "weight")
WIDEST = 690.0  # the logarithm of entries that count as no more, so that costs stay finite
CHEAP = 2000  # entries of cliques below which nobody would notice a better order


@dataclass(frozen=True)
class Order:
    """An order with the cliques that it makes."""

    variables: tuple[int, ...]  # in the order in which they are eliminated
    cliques: tuple[frozenset[int], ...]  # for each, itself and its neighbours at that moment
    cost: float  # entries of all cliques together
    rule: str  # how it was found


def best_order(
    scopes: Iterable[Iterable[int]],
    sizes: Mapping[int, int],
    *,
    late: Container[int] = (),
    seconds: float = 0.2,
    seed: int = 0,
) -> Order:
    """The cheapest order of all variables of `sizes`, those of `late` after all others.

    After each rule was tried once, ties are tried at random for some seconds, if it may pay.

    Example:
        >>> order = best_order([(0, 1), (1, 2), (2, 3)], dict.fromkeys(range(4), 2), seconds=0.0)
        >>> order.cost, max(map(len, order.cliques))
        (14.0, 2)
    """
    listed = [tuple(scope) for scope in scopes]
    rng = random.Random(seed)
    until = time.monotonic() + seconds
    best: Order | None = None
    turn = 0
    while best is None or turn < len(RULES) or (best.cost > CHEAP and time.monotonic() < until):
        rule = RULES[turn % len(RULES)]
        bound = math.inf if best is None else best.cost
        ties = None if turn < len(RULES) else rng
        order = _eliminate(listed, sizes, late, rule, ties, bound)
        if order is not None and (best is None or order.cost < best.cost):
            best = order
        turn += 1
    return best


def _score(
    variable: int,
    near: Mapping[int, set[int]],
    weight: Mapping[int, float],
    rule: str,
    rng: random.Random | None,
) -> tuple[float, float]:
    """What a rule says of eliminating a variable next, and what breaks ties."""
    others = near[variable]
    tie = variable if rng is None else rng.random()
    heavy = weight[variable] + sum(weight[other] for other in others)
    if rule == "weight":
        return heavy, tie
    missing = [(a, b) for a, b in combinations(others, 2) if b not in near[a]]
    if rule == "fill":
        return float(len(missing)), heavy if rng is None else tie
    return sum(weight[a] * weight[b] for a, b in missing), tie


def _eliminate(
    scopes: list[tuple[int, ...]],
    sizes: Mapping[int, int],
    late: Container[int],
    rule: str,
    rng: random.Random | None,
    bound: float,
) -> Order | None:
    """An order by one rule; None as soon as it costs more than `bound`."""
    near: dict[int, set[int]] = {variable: set() for variable in sizes}
    for scope in looked(scopes):
        for variable in scope:
            near[variable].update(scope)
    for variable, others in looked(near.items()):
        others.discard(variable)
    weight = {variable: math.log(size) for variable, size in sizes.items()}

    def score(variable: int) -> tuple[bool, float, float, int]:
        return variable in late, *_score(variable, near, weight, rule, rng), variable

    heap = [score(variable) for variable in sizes]
    current = {entry[-1]: entry for entry in heap}
    heapq.heapify(heap)
    order: list[int] = []
    cliques: list[frozenset[int]] = []
    cost = 0.0
    while heap:
        entry = heapq.heappop(heap)
        variable = entry[-1]
        if current.get(variable) is not entry:
            continue
        del current[variable]
        others = near.pop(variable)
        cliques.append(frozenset((variable, *others)))
        order.append(variable)
        cost += math.exp(min(weight[variable] + sum(weight[other] for other in others), WIDEST))
        if cost >= bound:
            return None
        changed = set(others)
        for a in others:
            before = len(near[a])
            near[a] |= others
            near[a] -= {a, variable}
            if len(near[a]) >= before and rule != "weight":
                changed |= near[a]
        for other in changed:
            current[other] = fresh = score(other)
            heapq.heappush(heap, fresh)
    return Order(tuple(order), tuple(cliques), cost, rule)
