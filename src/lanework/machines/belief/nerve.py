"""The nerve of a factor graph, and the tree in it along which messages go.

The nerve has a node for each scope; two are adjacent if they share a variable (arXiv 2601.04456).
Its maximum spanning forest is the backbone. Where a variable's nodes are connected within the
backbone, messages along it carry all that they say of each other: that is all of them if and only
if the graph has a join tree (F. V. Jensen and F. Jensen, UAI 1994). Elsewhere a chord of the nerve
must tie the parts of a variable together.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass
class Backbone:
    """A maximum spanning forest of the nerve.

    Attributes:
        scopes: the variables of each node.
        sizes: how many states each variable has.
        parents: the node towards the root, or None.
        order: all nodes, parents before their children.
        cycles: how many independent cycles the nerve has.
    """

    scopes: Sequence[Scope]
    sizes: Mapping[int, int]
    parents: list[int | None] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    cycles: int = 0

    def __post_init__(self) -> None:
        self.holders: dict[int, list[int]] = {}
        for node, scope in enumerate(self.scopes):
            for variable in scope:
                self.holders.setdefault(variable, []).append(node)
        self.parents = [None] * len(self.scopes)
        self.depth = [0] * len(self.scopes)
        self._grow()

    def _grow(self) -> None:
        """R. C. Prim's tree (Bell Syst. Tech. J. 36, 1957) by the size of what nodes share.

        The logarithm keeps the order of sizes, so that whole numbers are compared. Of equals, the
        node nearest to the root: then cycles are short.
        """
        done = [False] * len(self.scopes)
        links = 0
        for root in range(len(self.scopes)):
            heap: list[tuple[int, int, int, int | None]] = [(0, 0, root, None)]
            while heap:
                _, depth, node, parent = heapq.heappop(heap)
                if done[node]:
                    continue
                done[node], self.parents[node], self.depth[node] = True, parent, depth
                self.order.append(node)
                links -= parent is not None
                near: dict[int, int] = {}
                for variable in self.scopes[node]:
                    for other in self.holders[variable] if self.sizes[variable] > 1 else ():
                        if not done[other]:
                            near[other] = near.get(other, 1) * self.sizes[variable]
                links += len(near)
                for other, size in near.items():
                    heapq.heappush(heap, (-size, depth + 1, other, node))
        self.cycles = links

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


class Parts:
    """Disjoint sets of nodes (R. E. Tarjan, J. ACM 22, 1975).

    Example:
        >>> parts = Parts()
        >>> parts.join(1, 2)
        >>> parts.find(1) == parts.find(2), parts.find(3)
        (True, 3)
    """

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def find(self, node: int) -> int:
        """The node that stands for the set of a node."""
        while (above := self._above.get(node, node)) != node:
            self._above[node] = self._above.get(above, above)
            node = above
        return node

    def join(self, a: int, b: int) -> None:
        """Make one set of two."""
        self._above[self.find(a)] = self.find(b)


@dataclass(frozen=True)
class Tie:
    """What ties the parts of some variables together.

    Attributes:
        interface: the variables.
        chords: pairs of nodes, which make a tree over the tie's ends.
    """

    interface: Scope
    chords: tuple[tuple[int, int], ...]

    @property
    def ends(self) -> tuple[int, ...]:
        """One node of each part."""
        return tuple(sorted({node for chord in self.chords for node in chord}))


def find_ties(bone: Backbone) -> list[Tie]:
    """The ties that make the backbone exact: few, and along short paths.

    The nodes that hold a variable are a simplex of the nerve, in which no cycle counts. So what
    the backbone lacks of it is the first homology, over GF(2), of that simplex relative to the
    backbone: one chord for each part but one. A chord whose variables are all connected already
    closes a cycle that needs no mode. The sets of `Parts` are the elimination over GF(2).

    Example:
        >>> triangle = Backbone([(0, 1), (1, 2), (0, 2)], {0: 2, 1: 2, 2: 2})
        >>> triangle.parents, triangle.cycles, find_ties(triangle)
        ([None, 0, 0], 1, [Tie(interface=(2,), chords=((1, 2),))])
    """
    parts: dict[int, Parts] = {v: Parts() for v in bone.holders if bone.sizes[v] > 1}
    for node, parent in enumerate(bone.parents):
        for variable in () if parent is None else bone.shared(node, parent):
            if variable in parts and parent is not None:
                parts[variable].join(node, parent)
    candidates: dict[tuple[int, int], list[int]] = {}
    for variable, sets in parts.items():
        nodes = [(node, sets.find(node)) for node in bone.holders[variable]]
        for i, (a, part) in enumerate(nodes):
            for b, other in nodes[i + 1 :]:
                if part != other:
                    candidates.setdefault((a, b), []).append(variable)
    first = {(v, n): parts[v].find(n) for v in parts for n in bone.holders[v]}

    def rank(chord: tuple[int, int]) -> tuple[int, int, tuple[int, int]]:
        wide = math.prod(bone.sizes[v] for v in candidates[chord])
        return len(bone.path(*chord)), -wide, chord

    ends: dict[tuple[Scope, Scope], int] = {}  # of each part one node, whichever chord meets it
    groups: dict[tuple[Scope, int], tuple[tuple[int, int], ...]] = {}  # by interface and end
    for chord in sorted(candidates, key=rank):
        loose = (v for v in candidates[chord] if parts[v].find(chord[0]) != parts[v].find(chord[1]))
        interface = tuple(sorted(loose))
        if not interface:
            continue
        for variable in interface:
            parts[variable].join(*chord)
        a, b = (
            ends.setdefault((interface, tuple(first[v, node] for v in interface)), node)
            for node in chord
        )
        joint = (*groups.get((interface, a), ()), *groups.get((interface, b), ()), (a, b))
        groups.update(((interface, node), joint) for pair in joint for node in pair)
    found = {(interface, chords) for (interface, _), chords in groups.items()}
    return [Tie(interface, chords) for interface, chords in sorted(found)]
