"""Contraction trees: which tensors are multiplied with which, and what is summed when.

A tree has a leaf for each table and each vector of evidence. A step multiplies two nodes and sums
over what no other node has. The order of elimination says which tensors meet (bucket elimination:
R. Dechter, Artif. Intell. 113, 1999); within a bucket, the two whose product is smallest meet
first.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from lanework.core.resident import looked
from lanework.machines.belief.tensor import Axis, AxisKey, TensorSpec, joined

MANY = 24  # tensors of a bucket from which the smallest meet first, whatever their axes


@dataclass
class Node:
    """A node of the tree."""

    spec: TensorSpec  # the axes of its tensor; those that are eliminated first come last
    # the two nodes that it multiplies, or the one that it sums; none for a leaf
    parts: tuple[int, ...] = ()
    joined: int = 0  # entries of the product before the sum
    parent: int | None = None  # the node that it is a part of, or None


@dataclass
class ContractionTree:
    """Nodes, leaves first, and parts before what is made of them; the last is a number, the root.

    Example:
        >>> from lanework.machines.belief.tensor import AxisType
        >>> a, b = (Axis(n, AxisType.GEOMETRIC, n + 2) for n in range(2))
        >>> leaves = [TensorSpec((a,)), TensorSpec((a, b)), TensorSpec((b,))]
        >>> tree = contraction_tree(leaves, [a, b])
        >>> [(node.spec.shape, node.parts) for node in tree.nodes[3:]], tree.cost
        ([((3,), (0, 1)), ((), (2, 3))], 9)
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
        order: list[int] = []
        todo = [(root, False) for root in self.roots]
        while todo:
            number, ready = todo.pop()
            if ready:
                order.append(number)
                continue
            todo.append((number, True))
            parts = sorted(self.nodes[number].parts, key=lambda n: self.nodes[n].joined)
            todo += [(part, False) for part in parts]
        return order

    def step(self, parts: tuple[int, ...], keep: TensorSpec) -> int:
        """Add a node that multiplies others and sums over all axes but some."""
        entries = joined(*(self.nodes[part].spec for part in parts)).entries
        self.nodes.append(Node(keep, parts, entries))
        for part in parts:
            self.nodes[part].parent = len(self.nodes) - 1
        return len(self.nodes) - 1

    def smallest(self, some: Sequence[int]) -> tuple[int, int]:
        """The two of some nodes whose product is smallest."""
        specs = {n: self.nodes[n].spec for n in some}
        if len(some) > MANY:
            a, b = sorted(some, key=lambda n: (specs[n].entries, n))[:2]
            return a, b
        pairs = ((a, b) for i, a in enumerate(some) for b in some[i + 1 :])
        return min(pairs, key=lambda pair: joined(specs[pair[0]], specs[pair[1]]).entries)

    def close(self) -> None:
        """Multiply the roots, which are numbers by now, one for each component."""
        roots = self.roots
        while len(roots) > 1:
            roots = [*roots[2:], self.step((roots[0], roots[1]), TensorSpec())]


def contraction_tree(
    leaves: Sequence[TensorSpec], order: Sequence[Axis], late: Container[AxisKey] = ()
) -> ContractionTree:
    """The tree of an elimination order.

    Axes of `late` are maximized: they come last in the order, and must wait for the sums over all
    others that their tensor has.
    """
    place = {axis: n for n, axis in enumerate(order)}
    tree, holders = ContractionTree(), {axis: set[int]() for axis in order}

    def hold(number: int, axes: set[Axis]) -> None:
        for axis in axes:
            holders[axis].add(number)

    def arranged(axes: set[Axis]) -> TensorSpec:
        return TensorSpec(tuple(sorted(axes, key=place.__getitem__, reverse=True)))

    def step(*parts: int) -> None:
        union = {axis for part in parts for axis in tree.nodes[part].spec.axes}
        for axis in union:
            holders[axis].difference_update(parts)
        kept = {axis for axis in union if holders[axis]}
        if any(axis.key not in late for axis in kept):
            kept.update(axis for axis in union if axis.key in late)
        hold(tree.step(parts, arranged(kept)), kept)

    for number, leaf in enumerate(leaves):
        tree.nodes.append(Node(arranged(set(leaf.axes))))
        hold(number, set(leaf.axes))
    for axis in looked(order):
        while len(holders[axis]) > 1:
            step(*tree.smallest(sorted(holders[axis])))
        if holders[axis]:
            step(*holders[axis])
    tree.close()
    return tree
