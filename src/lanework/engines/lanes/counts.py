"""How many instructions lanes execute, by class, of as few counts as will do.

As many lanes leave a block as come to it. So of the edges between blocks only those are counted
that are not of a spanning tree, for which those are taken that cost most to count; the others
follow (Knuth and Stevenson, "Optimal measurement points for program frequency counts", BIT 13,
1973). Of those that are left one follows from how many instructions there were in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lanework.engines.lanes.program import Arms, Block, Branch
from lanework.engines.lanes.shape import Shape

END = -1
"""Where lanes end; from there they come to the first block."""

Edge = tuple[int, int]
"""From one block to another; or the first of two that were made one (`Arms`), see `arms`."""

Sum = dict[Edge, int]
"""Counted edges, and how often each counts."""


@dataclass(frozen=True)
class Rest:
    """The edge that follows from how many instructions there were.

    Attributes:
        edge: it.
        factor: how many there are for each lane that takes it.
        others: how many for each lane that takes other edges.
    """

    edge: Edge
    factor: int
    others: Sum


@dataclass
class Counts:
    """What is counted, and what follows from it when all lanes have ended.

    Attributes:
        counted: edges whose lanes are counted.
        classes: for each class of instructions how many there are.
        rest: the edge that follows from how many there are in all, if that spares counts in loops.
    """

    counted: set[Edge] = field(default_factory=set)
    classes: dict[int, Sum] = field(default_factory=dict)
    rest: Rest | None = None


def arms(blocks: list[Block], number: int) -> Iterator[tuple[Edge, Arms]]:
    """What stands in a block for two edges."""
    steps = (step for step in blocks[number].steps if isinstance(step, Arms))
    yield from (((number, -2 - n), step) for n, step in enumerate(steps))


def counts(shape: Shape) -> Counts:
    """What is to be counted.

    Args:
        shape: the program, and what its lanes have in common.

    Example:
        >>> from lanework.engines.lanes.program import Block, Jump, LaneProgram, Stop
        >>> from lanework.engines.lanes.shape import shape
        >>> loop = Block([], Branch(None, (), 0, 1), Counter({5: 3}))
        >>> known = counts(shape(LaneProgram([loop, Block([], Stop(), Counter({5: 2}))], 0, {})))
        >>> sorted(known.counted), known.classes
        ([(0, 0), (1, -1)], {5: {(0, 0): 3, (1, -1): 5}})
    """
    blocks = shape.program.blocks
    edges = _edges(shape)
    tree = _spanning(sorted(edges, key=lambda edge: edges[edge], reverse=True))
    known = _follow(list(edges), tree)
    classes: dict[int, Counter[Edge]] = {}

    def add(instructions: Counter[int], lanes: Mapping[Edge, int], sign: int = 1) -> None:
        for kind, count in instructions.items():
            total = classes.setdefault(kind, Counter())
            for edge, times in lanes.items():
                total[edge] += sign * count * times

    costs = {edge: edges[edge] for edge in edges if edge not in tree}
    visits: dict[int, Counter[Edge]] = {}
    for (_, to), lanes in known.items():
        for edge, times in lanes.items():
            visits.setdefault(to, Counter())[edge] += times
    visits.pop(END, None)
    for number, lanes in visits.items():
        add(blocks[number].counts, lanes)
        for edge, step in arms(blocks, number):
            add(step.other, lanes)
            if step.taken != step.other:
                costs[edge] = True, 1 + _depth(shape, number)
                add(step.taken, {edge: 1})
                add(step.other, {edge: 1}, -1)
    sums = {kind: {w: n for w, n in sum_.items() if n} for kind, sum_ in sorted(classes.items())}
    rest = _rest(sums, costs)
    counted = {edge for lanes in sums.values() for edge in lanes}
    return Counts(counted - {rest.edge} if rest else counted, sums, rest)


def _depth(shape: Shape, number: int) -> int:
    return sum(number in body for _, body in shape.loops)


def _edges(shape: Shape) -> dict[Edge, tuple[bool, int]]:
    """All edges that lanes may take; whether not all take them, and in how many loops."""
    blocks, edges = shape.program.blocks, {(END, 0): (False, 0)}
    waiting, seen = [0], {0, END}
    for number in waiting:
        apart, end = number in shape.masked, blocks[number].end
        if isinstance(end, Branch):
            apart |= any(map(shape.varies, end.args))
        for to in blocks[number].next or (END,):
            edges[number, to] = apart, _depth(shape, number)
            if to not in seen:
                seen.add(to)
                waiting.append(to)
    return edges


def _spanning(edges: list[Edge]) -> set[Edge]:
    """A spanning tree, of the first edges that can be in one (Kruskal's)."""
    above: dict[int, int] = {}

    def root(node: int) -> int:
        while node in above:
            node = above[node]
        return node

    out = set()
    for one, other in edges:
        a, b = root(one), root(other)
        if a != b:
            above[a] = b
            out.add((one, other))
    return out


def _follow(edges: list[Edge], tree: set[Edge]) -> dict[Edge, Counter[Edge]]:
    """For every edge what it follows from: leaves of the tree first."""
    known = {edge: Counter({edge: 1}) for edge in edges if edge not in tree}
    near: dict[int, list[Edge]] = {}
    for edge in edges:
        for node in set(edge):
            near.setdefault(node, []).append(edge)
    left = {node: sum(edge in tree for edge in at) for node, at in near.items()}
    leaves = [node for node, count in left.items() if count == 1]
    for node in leaves:
        missing = next((edge for edge in near[node] if edge not in known), None)
        if missing is None:  # at the other end of the last
            continue
        total: Counter[Edge] = Counter()
        for edge in near[node]:
            if edge != missing and edge[0] != edge[1]:
                sign = -1 if (edge[1] == node) == (missing[1] == node) else 1
                for each, times in known[edge].items():
                    total[each] += sign * times
        known[missing] = total
        other = missing[0] + missing[1] - node
        left[other] -= 1
        if left[other] == 1:
            leaves.append(other)
    return known


def _rest(classes: Mapping[int, Sum], costs: Mapping[Edge, tuple[bool, int]]) -> Rest | None:
    """What follows from the sum of all classes: what costs most to count."""
    total: Counter[Edge] = Counter()
    for lanes in classes.values():
        total.update(lanes)
    edge = max((edge for edge in costs if total[edge]), key=lambda edge: costs[edge], default=None)
    if edge is None or costs[edge] < (True, 1):
        return None
    return Rest(edge, total[edge], {w: n for w, n in total.items() if n and w != edge})
