"""The order of nodes within layers, so that few edges cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import pairwise

SWEEPS = 12  # down and up


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
    above: list[list[int]] = [[] for _ in rank]
    for node, under in enumerate(below):
        for other in under:
            above[other].append(node)
    layers: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for node in _by_depth(below, above):  # trees have no crossings in this order
        layers[rank[node]].append(node)
    best, fewest = [list(layer) for layer in layers], crossings(layers, below)
    for sweep in range(SWEEPS):
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
