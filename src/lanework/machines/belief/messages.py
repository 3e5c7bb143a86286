"""Messages up and down a tree of products, with variables and modes alike.

They are those of G. Shafer and P. Shenoy (Ann. Math. Artif. Intell. 2, 1990). What a node sends to
one child is the product of all that the others and the parent sent: products from the left and
from the right, so that nothing is ever divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lanework.machines.belief.emit import Emitter, Value
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec, joined


@dataclass
class Junction:
    """A node of the tree.

    Attributes:
        axes: of the product of all that meets here.
        separator: those of them that its parent has too.
        parent: the node towards the root, or None.
        children: the nodes away from the root.
        own: tensors that belong here; together with what is sent they have all axes.
        asked: variables whose marginals are taken here.
    """

    axes: TensorSpec
    separator: TensorSpec
    parent: int | None
    children: list[int] = field(default_factory=list)
    own: list[Value] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)


class Messages:
    """Writes the messages of a tree."""

    def __init__(self, out: Emitter, tree: list[Junction], order: Sequence[int]) -> None:
        """Prepare.

        Args:
            out: takes the instructions.
            tree: the nodes.
            order: all nodes, parents before their children.
        """
        self.out, self.tree, self.order = out, tree, order
        self.sent: dict[int, Value] = {}
        for node in tree:  # tables are multiplied once, as far as that can be done here
            tables = [value for value in node.own if value.table is not None]
            if len(tables) > 1:
                rest = [value for value in node.own if value.table is None]
                node.own = [self._multiply(node, tables, None), *rest]

    def up(self, more: Sequence[Value] = ()) -> None:
        """From the leaves to the roots, and the whole sum, times some numbers."""
        out = self.out
        roots = [Value(value.spec, out.emit("rescale", out.register(value))) for value in more]
        for number in reversed(self.order):
            node = self.tree[number]
            values = [*node.own, *(self.sent[child] for child in node.children)]
            up = self._multiply(node, values, node.separator)
            self.sent[number] = Value(up.spec, out.emit("rescale", out.register(up)))
            if node.parent is None:
                roots.append(self.sent[number])
        total = roots[0] if roots else Value(TensorSpec(), out.emit("unit", out.spec(TensorSpec())))
        for root in roots[1:]:
            total = out.product(total, root)
        out.store(Value(TensorSpec(), out.emit("rescale", out.register(total))), ("Z",))

    def down(self) -> None:
        """From the roots to the leaves, as far as marginals are wanted."""
        inside: dict[int, bool] = {}  # whether a marginal is wanted here or further away
        for number in reversed(self.order):
            node = self.tree[number]
            inside[number] = bool(node.asked) or any(inside[child] for child in node.children)
        told: dict[int, Value] = {}
        for number in self.order:
            if inside[number]:
                self._tell(number, told, inside)

    def _tell(self, number: int, told: dict[int, Value], inside: dict[int, bool]) -> None:
        node = self.tree[number]
        left = [*node.own, *([told[number]] if number in told else [])]
        whole = [self._multiply(node, left, None)] if left else []
        right: list[list[Value]] = [[]]
        for child in reversed(node.children):
            right.append([self._multiply(node, [self.sent[child], *right[-1]], None)])
        right.reverse()  # right[i]: the product of what children i and later sent
        for place, child in enumerate(node.children):
            if inside[child]:
                values = [*whole, *right[place + 1]]
                told[child] = self._scaled(node, values, self.tree[child].separator)
            if node.asked or any(inside[other] for other in node.children[place + 1 :]):
                whole = [self._multiply(node, [*whole, self.sent[child]], None)]
        for variable in node.asked:
            size = self.out.variables[variable].size
            spec = TensorSpec((Axis(variable, AxisType.GEOMETRIC, size),))
            self.out.store(self._scaled(node, whole, spec), ("bel", variable))

    def _scaled(self, node: Junction, values: list[Value], keep: TensorSpec) -> Value:
        """A product, summed and scaled to a sum of one."""
        total = self._multiply(node, values, keep)
        return Value(keep, self.out.emit("normalize", self.out.register(total)))

    def _multiply(self, node: Junction, values: list[Value], keep: TensorSpec | None) -> Value:
        """The product of values, small ones first; the last step sums."""
        values = sorted(values, key=lambda value: (value.table is None, value.spec.entries))
        total = values[0]
        for place, value in enumerate(values[1:], 2):
            last = keep is not None and place == len(values)
            keys = set(joined(total.spec, value.spec).keys)
            total = self.out.product(total, value, keep if last else node.axes.keep(keys))
        return total if keep is None else self.out.only(total, keep)
