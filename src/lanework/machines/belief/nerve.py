"""The nerve of a factor graph, and the tree in it along which messages go.

The nerve has a node for each scope; two are adjacent if they share a variable (arXiv 2601.04456).
Its maximum spanning forest is the backbone. Where a variable's nodes are connected within the
backbone, messages along it carry all that they say of each other: that is all of them if and only
if the graph has a join tree (F. V. Jensen and F. Jensen, UAI 1994). Elsewhere chords of the nerve
must tie the parts of a variable together: see `ties`.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence

Scope = tuple[int, ...]


def cover(scopes: Iterable[Scope]) -> tuple[list[Scope], list[int]]:
    """The scopes that no other contains, and in which of them each scope is.

    Example:
        >>> cover([(0,), (0, 1), (1, 0), (2,)])
        ([(0, 1), (2,)], [0, 0, 0, 1])
    """
    listed = list(scopes)
    kept: list[Scope] = []
    homes = [0] * len(listed)
    holders: dict[int, list[int]] = {}
    for number in sorted(range(len(listed)), key=lambda n: -len(listed[n])):
        scope = listed[number]
        around = min((holders.get(v, []) for v in scope), key=len, default=list(range(len(kept))))
        home = next((n for n in around if set(scope) <= set(kept[n])), None)
        if home is None:
            home = len(kept)
            kept.append(scope)
            for variable in scope:
                holders.setdefault(variable, []).append(home)
        homes[number] = home
    return kept, homes


class Backbone:
    """A maximum spanning forest of the nerve.

    Attributes:
        scopes: the variables of each node.
        sizes: how many states each variable has.
        holders: the nodes that hold each variable.
        parents: the node towards the root, or None.
        order: all nodes, parents before their children.
        cycles: how many independent cycles the nerve has.
    """

    def __init__(
        self, scopes: Sequence[Scope], sizes: Mapping[int, int], rng: random.Random | None = None
    ) -> None:
        """Grow the forest.

        Args:
            scopes: the variables of each node.
            sizes: how many states each variable has.
            rng: breaks ties; without it, the node nearest to the root comes first.
        """
        self.scopes, self.sizes = scopes, sizes
        self.holders: dict[int, list[int]] = {}
        for node, scope in enumerate(scopes):
            for variable in scope:
                self.holders.setdefault(variable, []).append(node)
        self.parents: list[int | None] = [None] * len(scopes)
        self.depth = [0] * len(scopes)
        self.order: list[int] = []
        self.cycles = self._grow(rng)

    def _grow(self, rng: random.Random | None) -> int:
        """R. C. Prim's tree (Bell Syst. Tech. J. 36, 1957) by the size of what nodes share.

        The logarithm keeps the order of sizes, so that whole numbers are compared.
        """
        done = [False] * len(self.scopes)
        links = 0
        roots = list(range(len(self.scopes)))
        if rng is not None:
            rng.shuffle(roots)
        for root in roots:
            heap: list[tuple[int, float, int, int | None]] = [(0, 0, root, None)]
            while heap:
                _, _, node, parent = heapq.heappop(heap)
                if done[node]:
                    continue
                done[node], self.parents[node] = True, parent
                self.depth[node] = 0 if parent is None else self.depth[parent] + 1
                self.order.append(node)
                links -= parent is not None
                near: dict[int, int] = {}
                for variable in self.scopes[node]:
                    for other in self.holders[variable] if self.sizes[variable] > 1 else ():
                        if not done[other]:
                            near[other] = near.get(other, 1) * self.sizes[variable]
                links += len(near)
                for other, size in near.items():
                    turn = self.depth[node] if rng is None else rng.random()
                    heapq.heappush(heap, (-size, turn, other, node))
        return links

    def entries(self, node: int) -> int:
        """How many entries a product of a node's tables has."""
        return math.prod(self.sizes[variable] for variable in self.scopes[node])

    def cost(self, passing: Iterable[tuple[Collection[int], int]]) -> int:
        """Entries of all nodes' products, with mode axes: the nodes of each and its length."""
        found = [self.entries(node) for node in range(len(self.scopes))]
        for nodes, length in passing:
            for node in nodes:
                found[node] *= length
        return sum(found)

    def shared(self, a: int, b: int) -> Scope:
        """The variables that two nodes share."""
        there = set(self.scopes[b])
        return tuple(v for v in self.scopes[a] if v in there)

    def path(self, a: int, b: int) -> list[int]:
        """The nodes from one node of a component to another along the backbone."""
        left, right = [a], [b]
        while left[-1] != right[-1]:
            side = left if self.depth[left[-1]] >= self.depth[right[-1]] else right
            parent = self.parents[side[-1]]
            assert parent is not None
            side.append(parent)
        return left + right[-2::-1]
