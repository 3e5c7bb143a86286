"""Where the nodes of a graph go on paper: in layers, so that edges lead downwards.

The method of K. Sugiyama, S. Tagawa and M. Toda (IEEE Trans. Syst. Man Cybern. 11, 1981): layers,
places for edges that cross a layer, an order in each layer by barycentres, then coordinates.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP, BETWEEN, APART = 18.0, 34.0, 44.0  # next to each other, between layers, between components
ORDERINGS, SWEEPS = 12, 8  # down and up, for an order in layers and for coordinates

Point = tuple[float, float]
Edges = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Layout:
    """Where things are.

    Attributes:
        nodes: the centre of each node.
        paths: for each edge its points, from the tail's border to the head's.
        width: of all.
        height: of all.
    """

    nodes: list[Point]
    paths: list[list[Point]]
    width: float
    height: float


def layout(sizes: Sequence[Point], edges: Edges) -> Layout:
    """Places for nodes and edges, each connected component beside the others.

    Args:
        sizes: width and height of each node.
        edges: tails and heads by number; cycles are allowed, an edge to itself is not.

    Example:
        >>> paper = layout([(20, 10)] * 3, [(0, 1), (0, 2)])
        >>> paper.nodes, paper.width
        ([(29.0, 5.0), (10.0, 49.0), (48.0, 49.0)], 58.0)
    """
    nodes: list[Point] = [(0.0, 0.0)] * len(sizes)
    paths: list[list[Point]] = [[] for _ in edges]
    components = [_layered(sizes, edges, *each) for each in _components(len(sizes), edges)]
    area = sum((width + APART) * (height + APART) for *_, width, height in components)
    widest = max([(area * 1.6) ** 0.5, *(width for *_, width, _ in components)])
    left = top = low = wide = 0.0
    for positions, lines, width, height in components:
        if left and left + width > widest:  # a new row of components
            left, top = 0.0, low + APART
        for node, (x, y) in positions.items():
            nodes[node] = (x + left, y + top)
        for edge, path in lines.items():
            paths[edge] = [(x + left, y + top) for x, y in path]
        wide, low = max(wide, left + width), max(low, top + height)
        left += width + APART
    return Layout(nodes, paths, wide, low)


def _components(count: int, edges: Edges) -> Iterator[tuple[list[int], list[int]]]:
    """Nodes and edges of each connected component, in order of the first node."""
    near: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for number, (tail, head) in enumerate(edges):
        near[tail].append((head, number))
        near[head].append((tail, number))
    seen = [False] * count
    for first in range(count):
        if seen[first]:
            continue
        seen[first] = True
        members, lines = [first], set()
        for node in members:  # grows while it is walked
            for other, number in near[node]:
                lines.add(number)
                if not seen[other]:
                    seen[other] = True
                    members.append(other)
        yield sorted(members), sorted(lines)


def _layered(
    sizes: Sequence[Point], edges: Edges, members: list[int], lines: list[int]
) -> tuple[dict[int, Point], dict[int, list[Point]], float, float]:
    """Places and paths of a connected component on paper of its own, and its width and height."""
    index = {node: n for n, node in enumerate(members)}
    inner = [(index[edges[line][0]], index[edges[line][1]]) for line in lines]
    rank = _ranks(len(members), inner)
    boxes = [sizes[node] for node in members]
    chains = []  # an edge as the nodes that it goes through, one a layer, from above
    for tail, head in inner:
        over, under = (tail, head) if rank[tail] < rank[head] else (head, tail)
        inside = range(len(boxes), len(boxes) + rank[under] - rank[over] - 1)
        rank += range(rank[over] + 1, rank[under])
        boxes += [(0.0, 0.0)] * len(inside)
        chains.append([over, *inside, under])
    below: list[list[int]] = [[] for _ in boxes]
    for chain in chains:
        for over, under in pairwise(chain):
            below[over].append(under)
    layers = ordered(rank, below)
    x = _across(layers, below, [width for width, _ in boxes], len(members))
    heights = [max(boxes[node][1] for node in layer) for layer in layers]
    y, top = [], 0.0
    for height in heights:
        y.append(top + height / 2)
        top += height + BETWEEN
    paths = {}
    for line, (tail, _), chain in zip(lines, inner, chains, strict=True):
        path = [(x[chain[0]], y[rank[chain[0]]] + boxes[chain[0]][1] / 2)]
        for node in chain[1:-1]:  # straight through a layer, beside its nodes
            half = heights[rank[node]] / 2
            path += [(x[node], y[rank[node]] - half), (x[node], y[rank[node]] + half)]
        path.append((x[chain[-1]], y[rank[chain[-1]]] - boxes[chain[-1]][1] / 2))
        paths[line] = path if chain[0] == tail else path[::-1]
    positions = {node: (x[n], y[rank[n]]) for n, node in enumerate(members)}
    right = max(at + width / 2 for at, (width, _) in zip(x, boxes, strict=True))
    return positions, paths, right, top - BETWEEN


def _ranks(count: int, edges: Edges) -> list[int]:
    """The layer of each node: below all that lead to it, and not further up than it must be."""
    after: list[list[int]] = [[] for _ in range(count)]
    for tail, head in edges:
        after[tail].append(head)
    place = {node: n for n, node in enumerate(_forward(after, {head for _, head in edges}))}
    onward: list[list[int]] = [[] for _ in range(count)]
    entering = [0] * count
    for tail, head in edges:  # edges against the order close cycles: they are turned round
        over, under = (tail, head) if place[tail] < place[head] else (head, tail)
        onward[over].append(under)
        entering[under] += 1
    rank = [0] * count
    for node in place:
        for under in onward[node]:
            rank[under] = max(rank[under], rank[node] + 1)
    for node in reversed(place):  # a node that nothing holds up goes down to what it leads to
        if onward[node] and len(onward[node]) >= entering[node]:
            rank[node] = min(rank[under] for under in onward[node]) - 1
    low = min(rank, default=0)
    return [layer - low for layer in rank]


def _forward(after: list[list[int]], entered: set[int]) -> list[int]:
    """The nodes in an order that edges follow, but for those that close a cycle."""
    left: list[int] = []
    seen: set[int] = set()
    starts = [node for node in range(len(after)) if node not in entered]
    for start in [*starts, *range(len(after))]:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(after[start]))]
        while stack:
            node, rest = stack[-1]
            other = next((n for n in rest if n not in seen), None)
            if other is None:
                left.append(node)
                stack.pop()
            else:
                seen.add(other)
                stack.append((other, iter(after[other])))
    return left[::-1]


def _across(
    layers: list[list[int]], below: list[list[int]], widths: list[float], real: int
) -> list[float]:
    """Centres from left to right: near those of neighbours, in order, and apart."""
    above = _turned(below)
    x = [0.0] * len(widths)
    steps: list[list[float]] = []  # where each would be if a layer were packed
    for layer in layers:
        at, packed = 0.0, []
        for node in layer:
            x[node] = at + widths[node] / 2
            packed.append(x[node])
            at += widths[node] + (GAP if node < real else GAP / 2)
        steps.append(packed)

    def settle(order: Iterable[int], *sides: list[list[int]]) -> None:
        for number in order:
            layer = layers[number]
            wish, weights = [], []
            for node in layer:
                near = [other for side in sides for other in side[node]]
                # an edge that goes through a layer should be straight
                weights.append(4.0 if node >= real else 1.0)
                wish.append(sum(x[other] for other in near) / len(near) if near else x[node])
            for node, at in zip(layer, _apart(wish, weights, steps[number]), strict=True):
                x[node] = at

    for _ in range(SWEEPS):
        settle(range(1, len(layers)), above)
        settle(reversed(range(len(layers) - 1)), below)
    settle(range(len(layers)), above, below)
    left = min(at - width / 2 for at, width in zip(x, widths, strict=True))
    return [at - left for at in x]


def _turned(below: list[list[int]]) -> list[list[int]]:
    """For each node those that edges come from."""
    above: list[list[int]] = [[] for _ in below]
    for node, under in enumerate(below):
        for other in under:
            above[other].append(node)
    return above


def _apart(wish: list[float], weights: list[float], packed: list[float]) -> list[float]:
    """The places nearest to what is wished for that keep order and distances.

    Least squares under order constraints, by pooling adjacent violators (R. E. Barlow et al.,
    Statistical Inference under Order Restrictions, 1972).
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for want, weight, at in zip(wish, weights, packed, strict=True):
        pool = (want - at, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, count = pools.pop()
            total = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    shifts = [mean for mean, _, count in pools for _ in range(count)]
    return [at + shift for at, shift in zip(packed, shifts, strict=True)]


# The order in layers -----------------------------------------------------------------------------


def ordered(rank: list[int], below: list[list[int]]) -> list[list[int]]:
    """Layers of nodes, each from left to right.

    Nodes go towards the mean of their neighbours' places (barycentres), layer after layer; the
    best order seen is kept.

    Args:
        rank: the layer of each node, from 0 and without gaps.
        below: for each node those that edges lead to, all in the next layer.

    Example:
        >>> ordered([0, 0, 1, 1], [[3], [2], [], []])
        [[0, 1], [3, 2]]
    """
    above = _turned(below)
    layers: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for node in _by_depth(below, above):  # trees have no crossings in this order
        layers[rank[node]].append(node)
    best, fewest = [list(layer) for layer in layers], crossings(layers, below)
    for sweep in range(ORDERINGS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        numbers = range(1, len(layers)) if down else reversed(range(len(layers) - 1))
        for number in numbers:
            fixed = layers[number - 1 if down else number + 1]
            _sort(layers[number], fixed, above if down else below)
        count = crossings(layers, below)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    return best


def crossings(layers: list[list[int]], below: list[list[int]]) -> int:
    """How many pairs of edges cross.

    Example:
        >>> crossings([[0, 1], [2, 3]], [[3], [2], [], []])
        1
    """
    total = 0
    for upper, lower in pairwise(layers):
        place = {node: n for n, node in enumerate(lower)}
        seen: list[int] = []  # where the edges from the left end, sorted
        for node in upper:
            ends = [place[other] for other in below[node]]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _by_depth(below: list[list[int]], above: list[list[int]]) -> list[int]:
    """All nodes, each with what is below it before the next."""
    seen: set[int] = set()
    order = []
    for start in [n for n, over in enumerate(above) if not over]:
        stack = [start]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                order.append(node)
                stack += reversed(below[node])
    return order


def _sort(layer: list[int], fixed: list[int], near: list[list[int]]) -> None:
    """Sort a layer by the mean places of neighbours; those without any stay where they are."""
    place = {node: n for n, node in enumerate(fixed)}
    means = {n: sum(place[o] for o in near[n]) / len(near[n]) for n in layer if near[n]}
    moving = iter(sorted(means, key=means.__getitem__))
    layer[:] = [next(moving) if node in means else node for node in layer]
