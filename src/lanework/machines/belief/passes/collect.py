"""Messages towards the root of a contraction tree: each node's tensor, summed as early as may be.

Each sum is scaled to one, and what it was divided by is kept, so that nothing underflows.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.passes.emit import Emitter, Value
from lanework.machines.belief.passes.tree import ContractionTree
from lanework.machines.belief.tensor import AxisKey, TensorSpec, joined


class Collect:
    """The tensors that a tree's nodes send to their parents.

    Attributes:
        out: where instructions go.
        tree: the tree.
        sent: for each node its tensor.
    """

    def __init__(
        self,
        out: Emitter,
        tree: ContractionTree,
        leaves: Sequence[Value | int],
        late: Container[AxisKey],
    ) -> None:
        """Emit the messages.

        Args:
            out: where instructions go.
            tree: whose first nodes are the leaves.
            leaves: a table, or the number of a variable whose evidence is loaded.
            late: axes that are maximized.
        """
        self.out, self.tree, self.late = out, tree, late
        self.sent: dict[int, Value] = {}
        for number in tree.schedule:
            if number < len(leaves):
                self.sent[number] = self._leaf(leaves[number])
            else:
                self.sent[number] = self._step(number)

    def _leaf(self, leaf: Value | int) -> Value:
        if isinstance(leaf, Value):
            if not leaf.spec.axes:  # a number: taken out before anything is multiplied by it
                return Value(leaf.spec, self.out.emit("rescale", self.out.register(leaf)))
            return leaf
        return Value(TensorSpec((self.out.axis(leaf),)), self.out.emit("load_evidence", leaf))

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
    axes = [out.axis(v) for v in numbers]
    value = Value(TensorSpec(tuple(axes)), table=factor.table)
    rest = TensorSpec(tuple(axis for axis in axes if axis.id not in cut))
    return value if rest == value.spec else out.reduced(value, rest)
