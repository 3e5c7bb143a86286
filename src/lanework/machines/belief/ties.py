"""Ties: the chords of the nerve that make messages along its backbone exact."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lanework.machines.belief.nerve import Backbone, Scope
from lanework.machines.belief.orders import CHEAP


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
        nodes: all those that are on the paths between the ends.
        states: how many states the interface has.
    """

    interface: Scope
    chords: tuple[tuple[int, int], ...]
    nodes: frozenset[int]
    states: int

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
        >>> [tie] = find_ties(triangle)
        >>> triangle.parents, triangle.cycles, tie.interface, tie.chords
        ([None, 0, 0], 1, (2,), ((1, 2),))
    """
    parts: dict[int, Parts] = {v: Parts() for v in bone.holders if bone.sizes[v] > 1}
    for node, parent in enumerate(bone.parents):
        for variable in () if parent is None else bone.shared(node, parent):
            if variable in parts and parent is not None:
                parts[variable].join(node, parent)
    candidates: dict[tuple[int, int], list[int]] = {}
    for variable, sets in parts.items():
        held = [(node, sets.find(node)) for node in bone.holders[variable]]
        if len({part for _, part in held}) == 1:
            continue
        for i, (a, part) in enumerate(held):
            for b, other in held[i + 1 :]:
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
    ties = []
    for interface, chords in sorted({(key[0], chords) for key, chords in groups.items()}):
        nodes = frozenset(node for chord in chords for node in bone.path(*chord))
        states = math.prod(bone.sizes[variable] for variable in interface)
        ties.append(Tie(interface, chords, nodes, states))
    return ties


def best_backbone(
    scopes: Sequence[Scope], sizes: Mapping[int, int], *, seconds: float = 0.2, seed: int = 0
) -> tuple[Backbone, list[Tie]]:
    """The cheapest backbone that was found, if every state of an interface takes a mode.

    Args:
        scopes: the variables of each node.
        sizes: how many states each variable has.
        seconds: how long to try ties of the spanning forest at random.
        seed: of the random numbers.
    """
    rng = random.Random(seed)
    until = time.monotonic() + seconds
    best = Backbone(scopes, sizes)
    ties = find_ties(best)
    cost = best.cost((tie.nodes, tie.states) for tie in ties)
    while ties and cost > CHEAP and time.monotonic() < until:
        bone = Backbone(scopes, sizes, rng)
        others = find_ties(bone)
        found = bone.cost((tie.nodes, tie.states) for tie in others)
        if found < cost:
            best, ties, cost = bone, others, found
    return best, ties
