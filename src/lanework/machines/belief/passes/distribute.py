"""Messages away from the root: the derivatives of the whole sum by each node's tensor.

They are the adjoint of the messages towards the root: what a part is told is what its step was
told times what the other part sent (A. Darwiche, J. ACM 50, 2003, section 4, for the same thing
seen as a polynomial). Nothing is ever divided.
"""

from __future__ import annotations

from collections.abc import Iterable

from lanework.machines.belief.passes.collect import Upward
from lanework.machines.belief.passes.emit import Value
from lanework.machines.belief.tensor import AxisType, TensorSpec, joined


class Downward:
    """What nodes are told, as far as somebody wants to know."""

    def __init__(self, up: Upward) -> None:
        self.up, self.out, self.tree = up, up.out, up.tree
        self.told: dict[int, Value | None] = dict.fromkeys(self.tree.roots)

    def homes(self, targets: Iterable[tuple[int, ...]]) -> dict[tuple[int, ...], int]:
        """For each set of variables the node whose tensor is cheapest to get it from.

        A node costs its own entries, and the products on the way to it that nobody needs yet.
        """
        nodes = self.tree.nodes
        holders: dict[int, list[int]] = {}
        for number, node in enumerate(nodes):
            for kind, variable in node.spec.keys:
                if kind is AxisType.GEOMETRIC:
                    holders.setdefault(variable, []).append(number)
        needed = set(self.tree.roots)
        found = {}
        for target in targets:
            best: tuple[int, int] | None = None
            for number in holders.get(target[0], []):
                if any(number not in holders[variable] for variable in target[1:]):
                    continue
                cost, at = nodes[number].spec.entries, number
                while at not in needed and (best is None or cost < best[0]):
                    parent = nodes[at].parent
                    assert parent is not None
                    cost, at = cost + nodes[parent].joined, parent
                if best is None or (cost, number) < best:
                    best = cost, number
            assert best is not None
            at = found[target] = best[1]
            while at not in needed:
                needed.add(at)
                parent = nodes[at].parent
                assert parent is not None
                at = parent
        self.needed = needed
        return found

    def order(self) -> list[int]:
        """The nodes that are told something, parents first."""
        return [number for number in reversed(self.tree.schedule) if number in self.needed]

    def tell(self, number: int) -> None:
        """Work out what a node is told; its parent has been told."""
        parent = self.tree.nodes[number].parent
        if parent is None:
            return
        values = [] if self.told[parent] is None else [self.told[parent]]
        values += [self.up.sent[part] for part in self.tree.nodes[parent].parts if part != number]
        self.told[number] = self._summed([v for v in values if v], self.tree.nodes[number].spec)

    def _summed(self, values: list[Value], within: TensorSpec) -> Value | None:
        """The product, summed over what `within` lacks and scaled; None for one."""
        if not values:
            return None
        whole = joined(*(value.spec for value in values))
        keep = within.keep(set(whole.keys))
        made = self.out.summed(values, keep)
        if len(keep.axes) == len(whole.axes):
            return made
        return self.out.normalized(made)

    def belief(self, number: int, target: TensorSpec) -> Value:
        """The sum of all that is consistent with each state of some of a node's variables."""
        told = self.told[number]
        values = [self.up.sent[number], *([told] if told else [])]
        made = self.out.summed(values, target)
        return self.out.normalized(made)

    def gradient(self, number: int, leaf: Value) -> Value:
        """The derivative of the logarithm of the whole sum by each entry of a leaf's table."""
        out, told = self.out, self.told[number]
        have = set() if told is None else set(told.spec.keys)
        missing = leaf.spec.keep(set(leaf.spec.keys) - have)
        if told is None or told.spec != leaf.spec:
            ones = out.unit(missing)
            told = ones if told is None else out.product(told, ones, leaf.spec)
        whole = out.product(told, leaf, TensorSpec())
        return Value(leaf.spec, out.emit("divide", out.register(told), out.register(whole)))
