"""The nerve of a factor graph, the tree in it along which messages go, and what this must tie.

The nerve has a node for each scope; two are adjacent if they share a variable (arXiv 2601.04456).
Its maximum spanning forest is the backbone. Where a variable's nodes are connected within the
backbone, messages along it carry all that they say of each other: that is all of them if and only
if the graph has a join tree (F. V. Jensen and F. Jensen, UAI 1994). Elsewhere ties, which are
chords of the nerve, make messages along the backbone exact.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from lanework.machines.belief.passes.elimination import CHEAP

Scope = tuple[int, ...]
Chord = tuple[int, int]


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
        """Grow the forest; `rng` breaks ties, without it the node nearest to a root is first."""
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

    def cost(self, passing: Iterable[tuple[Collection[int], int]]) -> int:
        """Entries of all nodes' products, with mode axes: the nodes of each and its length."""
        entries = [math.prod(self.sizes[v] for v in scope) for scope in self.scopes]
        for nodes, length in passing:
            for node in nodes:
                entries[node] *= length
        return sum(entries)

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


class DisjointSets:
    """Disjoint sets of nodes (R. E. Tarjan, J. ACM 22, 1975).

    Example:
        >>> sets = DisjointSets()
        >>> sets.join(1, 2)
        >>> sets.find(1) == sets.find(2), sets.find(3)
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
    """What ties the parts of some variables together."""

    interface: Scope  # the variables
    chords: tuple[Chord, ...]  # pairs of nodes, which make a tree over the tie's ends
    nodes: frozenset[int]  # all those that are on the paths between the ends
    states: int  # how many states the interface has

    @property
    def ends(self) -> tuple[int, ...]:
        """One node of each part."""
        return tuple(sorted({node for chord in self.chords for node in chord}))


def _chords(bone: Backbone, parts: Mapping[int, DisjointSets]) -> dict[Chord, list[int]]:
    """Pairs of nodes of different parts, and the variables whose parts these are."""
    chords: dict[Chord, list[int]] = {}
    for variable, sets in parts.items():
        held = [(node, sets.find(node)) for node in bone.holders[variable]]
        several = len({part for _, part in held}) > 1
        for (a, part), (b, other) in combinations(held, 2) if several else ():
            if part != other:
                chords.setdefault((a, b), []).append(variable)
    return chords


def find_ties(bone: Backbone) -> list[Tie]:
    """The ties that make the backbone exact: few, and along short paths.

    The nodes that hold a variable are a simplex of the nerve, in which no cycle counts. So what
    the backbone lacks of it is the first homology, over GF(2), of that simplex relative to the
    backbone: one chord for each part but one. A chord whose variables are all connected already
    closes a cycle that needs no mode. The `DisjointSets` are the elimination over GF(2).

    Example:
        >>> triangle = Backbone([(0, 1), (1, 2), (0, 2)], {0: 2, 1: 2, 2: 2})
        >>> [tie] = find_ties(triangle)
        >>> triangle.parents, triangle.cycles, tie.interface, tie.chords
        ([None, 0, 0], 1, (2,), ((1, 2),))
    """
    # for each variable the sets of its nodes that the backbone connects
    parts = {v: DisjointSets() for v in bone.holders if bone.sizes[v] > 1}
    for node, parent in enumerate(bone.parents):
        if parent is not None:
            for variable in parts.keys() & set(bone.shared(node, parent)):
                parts[variable].join(node, parent)
    candidates = _chords(bone, parts)
    first = {(v, n): parts[v].find(n) for v in parts for n in bone.holders[v]}

    def rank(chord: Chord) -> tuple[int, int, Chord]:
        wide = math.prod(bone.sizes[v] for v in candidates[chord])
        return len(bone.path(*chord)), -wide, chord

    ends: dict[tuple[Scope, Scope], int] = {}  # of each part one node, whichever chord meets it
    groups: dict[tuple[Scope, int], tuple[Chord, ...]] = {}  # by interface and end
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
    ties = []
    for interface, chords in sorted({(key[0], chords) for key, chords in groups.items()}):
        nodes = frozenset(node for chord in chords for node in bone.path(*chord))
        states = math.prod(bone.sizes[variable] for variable in interface)
        ties.append(Tie(interface, chords, nodes, states))
    return ties


def best_backbone(
    scopes: Sequence[Scope], sizes: Mapping[int, int], *, seconds: float = 0.2, seed: int = 0
) -> tuple[Backbone, list[Tie]]:
    """The cheapest backbone of some seconds, if every state of an interface takes a mode."""
    rng = random.Random(seed)
    until = time.monotonic() + seconds
    best = Backbone(scopes, sizes)
    ties = find_ties(best)
    cost = best.cost((tie.nodes, tie.states) for tie in ties)
    while ties and cost > CHEAP and time.monotonic() < until:
        bone = Backbone(scopes, sizes, rng)
        others = find_ties(bone)
        other = bone.cost((tie.nodes, tie.states) for tie in others)
        if other < cost:
            best, ties, cost = bone, others, other
    return best, ties
