"""Messages along a contraction tree: collected at its root, and distributed from there.

Towards the root each node sends its tensor, summed as early as may be. Each sum is scaled to one,
and what it was divided by is kept, so that nothing underflows.

Away from it go derivatives of the whole sum, or states one after another. Derivatives are the
adjoint of the messages towards the root: what a part receives is what its step received times what
the other part sent (A. Darwiche, J. ACM 50, 2003, section 4, for the same thing seen as a
polynomial). Nothing is ever divided.

What is summed or maximized at a step is traced back when all that its result depends on is: the
step's tensors at these states, which a product with a one at the state gives (A. P. Dawid, Stat.
Comput. 2, 1992, sections 4 and 5, on cliques).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from lanework.core.resident import looked
from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.passes.emit import Emitter, Value
from lanework.machines.belief.passes.tree import ContractionTree
from lanework.machines.belief.tensor import AxisKey, AxisType, TensorSpec, joined


class Collect:
    """The tensors that a tree's nodes send to their parents."""

    def __init__(
        self,
        out: Emitter,
        tree: ContractionTree,
        leaves: Sequence[Value | int],
        late: Container[AxisKey],
    ) -> None:
        """Emit the messages; axes of `late` are maximized.

        A leaf is a table, or the number of a variable whose evidence is loaded.
        """
        self.out, self.tree, self.late = out, tree, late
        self.sent: dict[int, Value] = {}  # for each node its tensor
        for number in looked(tree.schedule):
            leaf = number < len(leaves)
            self.sent[number] = self._leaf(leaves[number]) if leaf else self._step(number)

    def _leaf(self, leaf: Value | int) -> Value:
        if isinstance(leaf, Value):
            if not leaf.spec.axes:  # a number: taken out before anything is multiplied by it
                return Value(leaf.spec, self.out.emit("rescale", self.out.register(leaf)))
            return leaf
        return self.out.evidence(leaf)

    def _step(self, number: int) -> Value:
        node, out = self.tree.nodes[number], self.out
        keep = node.spec
        values = [self.sent[part] for part in node.parts]
        union = joined(*(value.spec for value in values))
        ending = [axis for axis in union.axes if axis.key not in set(keep.keys)]
        if not ending:
            return out.product(values[0], values[1], keep)
        best = [axis.key for axis in ending if axis.key in self.late]
        between = union.keep({*keep.keys, *best}) if best else keep
        if len(best) == len(ending):
            product = out.largest(values, keep)
        else:
            product = out.summed(values, between)
            product = out.largest([product], keep) if best else product
        return Value(keep, out.emit("rescale", out.register(product)))


def table_leaf(out: Emitter, factor: Factor, numbers: Sequence[int], cut: Container[int]) -> Value:
    """A factor's table, reduced by the variables whose state every row says."""
    value = Value(out.axes(numbers), table=factor.table)
    rest = out.axes(v for v in numbers if v not in cut)
    return value if rest == value.spec else out.reduced(value, rest)


class Distribute:
    """What nodes receive, as far as somebody wants to know."""

    def __init__(self, collect: Collect) -> None:
        self.collect, self.out, self.tree = collect, collect.out, collect.tree
        self.received: dict[int, Value | None] = dict.fromkeys(self.tree.roots)

    def homes(self, targets: Iterable[tuple[int, ...]]) -> dict[tuple[int, ...], int]:
        """For each set of variables the node whose tensor is cheapest to get it from.

        A node costs its own entries, and the products on the way to it that nobody needs yet.
        """
        nodes = self.tree.nodes
        holders: dict[int, list[int]] = {}
        for number, node in enumerate(looked(nodes)):
            for kind, variable in node.spec.keys:
                if kind is AxisType.GEOMETRIC:
                    holders.setdefault(variable, []).append(number)
        needed = set(self.tree.roots)
        homes = {}
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
            at = homes[target] = best[1]
            while at not in needed:
                needed.add(at)
                parent = nodes[at].parent
                assert parent is not None
                at = parent
        self.needed = needed
        return homes

    def order(self) -> list[int]:
        """The nodes that receive something, parents first."""
        return [number for number in reversed(self.tree.schedule) if number in self.needed]

    def send(self, number: int) -> None:
        """Send a node what it is to receive; its parent has received its own."""
        node = self.tree.nodes[number]
        if node.parent is None:
            return
        values, message = [], self.received[node.parent]
        if message is not None:
            values.append(message)
        siblings = (part for part in self.tree.nodes[node.parent].parts if part != number)
        values += [self.collect.sent[part] for part in siblings]
        self.received[number] = self._summed(values, node.spec)

    def _summed(self, values: list[Value], within: TensorSpec) -> Value | None:
        """The product, summed over what `within` lacks and scaled; None for one."""
        if not values:
            return None
        union = joined(*(value.spec for value in values))
        keep = within.keep(set(union.keys))
        product = self.out.summed(values, keep)
        if len(keep.axes) == len(union.axes):
            return product
        return self.out.normalized(product)

    def belief(self, number: int, target: TensorSpec) -> Value:
        """The sum of all that is consistent with each state of some of a node's variables."""
        message = self.received[number]
        values = [self.collect.sent[number], *([message] if message else [])]
        product = self.out.summed(values, target)
        return self.out.normalized(product)

    def gradient(self, number: int, leaf: Value) -> Value:
        """The derivative of the logarithm of the whole sum by each entry of a leaf's table."""
        out, message = self.out, self.received[number]
        have = set() if message is None else set(message.spec.keys)
        missing = leaf.spec.keep(set(leaf.spec.keys) - have)
        if message is None or message.spec != leaf.spec:
            ones = out.unit(missing)
            message = ones if message is None else out.product(message, ones, leaf.spec)
        total = out.product(message, leaf, TensorSpec())
        return Value(leaf.spec, out.emit("divide", out.register(message), out.register(total)))


def traceback(
    collect: Collect, wanted: Container[AxisKey], *, sampled: bool
) -> dict[AxisKey, Value]:
    """For each wanted axis a tensor with a one at its state; the others are summed over.

    States are the best, or `sampled`, each with its probability.
    """
    out = collect.out
    states: dict[AxisKey, Value] = {}
    for number in reversed(collect.tree.schedule):
        node = collect.tree.nodes[number]
        parts = [collect.sent[part] for part in node.parts]
        union = joined(*(value.spec for value in parts))
        kept = {*node.spec.keys, *states}
        ending = [axis for axis in union.axes if axis.key not in kept and axis.key in wanted]
        if not ending:
            continue
        parts = [_at(collect, value, states) for value in parts]
        left = TensorSpec(tuple(ending))
        value = out.summed(parts, left)
        for axis in ending:
            own = TensorSpec((axis,))
            if sampled:
                one = Value(own, out.emit("sample", out.register(out.only(value, own))))
            else:
                one = Value(own, out.emit("choose", out.register(out.largest([value], own))))
            states[axis.key] = one
            if axis is not ending[-1]:
                value = _at(collect, value, {axis.key: one})
    return states


def _at(collect: Collect, value: Value, states: dict[AxisKey, Value]) -> Value:
    """A tensor at the states that are decided, the largest axes first."""
    for axis in sorted(value.spec.axes, key=lambda axis: -axis.size):
        if axis.key in states:
            rest = value.spec.keep(set(value.spec.keys) - {axis.key})
            value = collect.out.product(value, states[axis.key], rest)
    return value
