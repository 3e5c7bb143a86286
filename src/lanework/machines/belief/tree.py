"""Contraction trees: which tensors are multiplied with which, and what is summed when.

A tree has a leaf for each table and each vector of evidence. A step multiplies two nodes and sums
over the variables that no other node has. The order of elimination says which tensors meet
(bucket elimination: R. Dechter, Artif. Intell. 113, 1999); within a bucket, the two whose product
is smallest meet first.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

MANY = 24  # tensors of a bucket from which the smallest meet first, whatever their axes


@dataclass
class Node:
    """A node of the tree.

    Attributes:
        scope: its variables; those that are eliminated first come last.
        parts: the two nodes that it multiplies, or the one that it sums; none for a leaf.
        joined: entries of the product before the sum.
        parent: the node that it is a part of, or None.
    """

    scope: tuple[int, ...]
    parts: tuple[int, ...] = ()
    joined: int = 0
    parent: int | None = None


@dataclass
class ContractionTree:
    """Nodes, parts before what is made of them; the last is the root, a number.

    Example:
        >>> tree = contraction_tree([(0,), (0, 1), (1,)], [0, 1], {0: 2, 1: 3})
        >>> [(node.scope, node.parts) for node in tree.nodes[3:]], tree.cost
        ([((1,), (0, 1)), ((), (2, 3))], 9)
    """

    nodes: list[Node] = field(default_factory=list)

    @property
    def roots(self) -> list[int]:
        """The nodes that are no part of another."""
        return [n for n, node in enumerate(self.nodes) if node.parent is None]

    @property
    def cost(self) -> int:
        """Entries of all products."""
        return sum(node.joined for node in self.nodes)

    @property
    def schedule(self) -> list[int]:
        """All nodes, parts first; of two parts the larger product first.

        A step's tensors are let go when it is done, so that a subtree is best finished at once.
        """
        found: list[int] = []
        todo = [(root, False) for root in self.roots]
        while todo:
            number, ready = todo.pop()
            if ready:
                found.append(number)
                continue
            todo.append((number, True))
            parts = sorted(self.nodes[number].parts, key=lambda n: self.nodes[n].joined)
            todo += [(part, False) for part in parts]
        return found


def contraction_tree(
    leaves: Sequence[Sequence[int]],
    order: Sequence[int],
    sizes: Mapping[int, int],
    late: Container[int] = (),
) -> ContractionTree:
    """The tree of an elimination order.

    Args:
        leaves: the variables of each leaf; the leaves are the first nodes.
        order: all variables.
        sizes: how many states a variable has.
        late: variables that are maximized, which must wait for the sums over all others that
            their tensor has; they come last in the order.
    """
    return _Builder(leaves, order, sizes, late).build()


class _Builder:
    def __init__(
        self,
        leaves: Sequence[Sequence[int]],
        order: Sequence[int],
        sizes: Mapping[int, int],
        late: Container[int],
    ) -> None:
        self.order, self.sizes, self.late = order, sizes, late
        self.place = {variable: n for n, variable in enumerate(order)}
        self.tree = ContractionTree()
        self.holders: dict[int, set[int]] = {variable: set() for variable in order}
        for scope in leaves:
            self.tree.nodes.append(Node(self.sorted(scope)))
            for variable in scope:
                self.holders[variable].add(len(self.tree.nodes) - 1)

    def sorted(self, variables: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(variables, key=self.place.__getitem__, reverse=True))

    def entries(self, variables: Iterable[int]) -> int:
        return math.prod(self.sizes[variable] for variable in variables)

    def build(self) -> ContractionTree:
        for variable in self.order:
            bucket = sorted(self.holders[variable])
            while len(bucket) > 1:
                a, b = self.smallest(bucket)
                bucket = [n for n in bucket if n not in (a, b)]
                made = self.step((a, b))
                if variable in self.tree.nodes[made].scope:
                    bucket.append(made)
            if bucket:
                self.step((bucket[0],))
        roots = self.tree.roots
        while len(roots) > 1:  # numbers by now: one of each component
            roots = [*roots[2:], self.step((roots[0], roots[1]))]
        return self.tree

    def smallest(self, bucket: list[int]) -> tuple[int, int]:
        """The two nodes of a bucket whose product is smallest."""
        nodes = self.tree.nodes
        if len(bucket) > MANY:
            a, b = sorted(bucket, key=lambda n: (self.entries(nodes[n].scope), n))[:2]
            return a, b
        best: tuple[float, int, int] | None = None
        for i, a in enumerate(bucket):
            own = self.entries(nodes[a].scope)
            for b in bucket[i + 1 :]:
                more = [v for v in nodes[b].scope if v not in nodes[a].scope]
                found = (own * self.entries(more), a, b)
                if best is None or found < best:
                    best = found
        assert best is not None
        return best[1], best[2]

    def step(self, parts: tuple[int, ...]) -> int:
        """Multiply nodes, and sum over what only they have."""
        nodes, number = self.tree.nodes, len(self.tree.nodes)
        union = {v for part in parts for v in nodes[part].scope}
        kept = {v for v in union if self.holders[v] - set(parts)}
        if any(v not in self.late for v in kept):
            kept.update(v for v in union if v in self.late)
        nodes.append(Node(self.sorted(kept), parts, self.entries(union)))
        for part in parts:
            nodes[part].parent = number
        for variable in union:
            self.holders[variable] -= set(parts)
            if variable in kept:
                self.holders[variable].add(number)
        return number
