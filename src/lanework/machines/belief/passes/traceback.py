"""States one after another from the root away: the best of them, or drawn ones.

What is summed or maximized at a step is decided when all that its result depends on is: the step's
tensors at these states, which a product with a one at the state gives (A. P. Dawid, Stat. Comput.
2, 1992, sections 4 and 5, on cliques).
"""

from __future__ import annotations

from collections.abc import Container

from lanework.machines.belief.passes.collect import Collect
from lanework.machines.belief.passes.emit import Value
from lanework.machines.belief.tensor import AxisKey, TensorSpec, joined


def traceback(collect: Collect, wanted: Container[AxisKey], *, drawn: bool) -> dict[AxisKey, Value]:
    """For each axis a tensor with a one at its state.

    Args:
        collect: the messages towards the root.
        wanted: the axes that are decided; the others are summed over.
        drawn: whether states are drawn, each with its probability, instead of the best.
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
            if drawn:
                one = Value(own, out.emit("draw", out.register(out.only(value, own))))
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
