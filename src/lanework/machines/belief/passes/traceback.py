"""States one after another from the root away: the best of them, or drawn ones.

What is summed or maximized at a step is decided when all that its result depends on is: the step's
tensors at these states, which a product with a one at the state gives (A. P. Dawid, Stat. Comput.
2, 1992, sections 4 and 5, on cliques).
"""

from __future__ import annotations

from collections.abc import Container

from lanework.machines.belief.passes.collect import Upward
from lanework.machines.belief.passes.emit import Value
from lanework.machines.belief.tensor import AxisKey, TensorSpec, joined


def decide(up: Upward, wanted: Container[AxisKey], *, drawn: bool) -> dict[AxisKey, Value]:
    """For each axis a tensor with a one at its state.

    Args:
        up: the messages towards the root.
        wanted: the axes that are decided; the others are summed over.
        drawn: whether states are drawn, each with its probability, instead of the best.
    """
    out = up.out
    found: dict[AxisKey, Value] = {}
    for number in reversed(up.tree.schedule):
        node = up.tree.nodes[number]
        parts = [up.sent[part] for part in node.parts]
        whole = joined(*(value.spec for value in parts))
        kept = {*node.spec.keys, *found}
        gone = [axis for axis in whole.axes if axis.key not in kept and axis.key in wanted]
        if not gone:
            continue
        parts = [_at(up, value, found) for value in parts]
        left = TensorSpec(tuple(gone))
        value = out.summed(parts, left)
        for axis in gone:
            own = TensorSpec((axis,))
            if drawn:
                one = Value(own, out.emit("draw", out.register(out.only(value, own))))
            else:
                one = Value(own, out.emit("choose", out.register(out.largest([value], own))))
            found[axis.key] = one
            if axis is not gone[-1]:
                value = _at(up, value, {axis.key: one})
    return found


def _at(up: Upward, value: Value, found: dict[AxisKey, Value]) -> Value:
    """A tensor at the states that are decided, the largest axes first."""
    for axis in sorted(value.spec.axes, key=lambda axis: -axis.size):
        if axis.key in found:
            rest = value.spec.keep(set(value.spec.keys) - {axis.key})
            value = up.out.product(value, found[axis.key], rest)
    return value
