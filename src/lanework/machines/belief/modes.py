"""The strategy `modes`: messages along a backbone of the factors, with modes around its cycles.

After arXiv 2601.04456 (holonomy-aware tree-compiled computation). The backbone need not have the
running intersection property: a variable may be in parts of it that are not connected, and then
has a copy in each. A tie makes the copies equal: at each of its ends a selector says which mode
the interface's state belongs to, and the mode's axis travels in the messages between them.

Why this is exact: take states of all copies whose product of tables is not zero. Along the path of
a chord the tables allow them, so that the chord's two ends have states that its transport
connects. Their modes are equal, and two different states of one mode are never connected (see
`holonomy.quotient`), so the states are equal. Hence all copies agree, each state of the variables
is counted once, and any one copy takes the evidence and gives the marginal.
"""

from __future__ import annotations

from collections.abc import Sequence

from lanework.machines.belief.emit import Emitter, Value
from lanework.machines.belief.plan import Plan
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec, joined
from lanework.machines.belief.tree import ContractionTree, Node
from lanework.machines.belief.upward import table_leaf


def backbone_tree(
    plan: Plan, out: Emitter, observed: Sequence[int]
) -> tuple[ContractionTree, list[Value | int]]:
    """The contraction tree of a plan, and its leaves.

    Args:
        plan: of which the leaves' selectors are written.
        out: takes the instructions.
        observed: the variables with evidence.
    """
    leaves, members = _leaves(plan, out, observed)
    tree = ContractionTree([Node(_leaf_spec(out, leaf)) for leaf in leaves])
    passing: list[list[Axis]] = [[] for _ in plan.scopes]
    for mode, axis in zip(plan.modes, plan.axes(out), strict=True):
        for node in sorted(mode.tie.nodes):
            passing[node].append(axis)
    for node in reversed(plan.bone.order):
        parent = plan.bone.parents[node]
        shared = set()
        if parent is not None:
            shared = {(AxisType.GEOMETRIC, v) for v in plan.scopes[parent]}
            shared |= {axis.key for axis in passing[parent]}
        bucket = members[node]
        while True:
            pair = tree.smallest(bucket) if len(bucket) > 1 else (bucket[0],)
            union = joined(*(tree.nodes[part].spec for part in pair))
            bucket = [n for n in bucket if n not in pair]
            made = tree.step(pair, union if bucket else union.keep(shared))
            if not bucket:
                break
            bucket.append(made)
        if parent is not None:
            members[parent].append(made)
    tree.close()
    return tree, leaves


def _leaves(
    plan: Plan, out: Emitter, observed: Sequence[int]
) -> tuple[list[Value | int], list[list[int]]]:
    """Tables, numbers among them, then selectors and evidence; and which are at which node."""
    leaves: list[Value | int] = []
    members: list[list[int]] = [[] for _ in plan.scopes]

    def put(node: int | None, leaf: Value | int) -> None:
        if node is not None:  # a number has no node
            members[node].append(len(leaves))
        leaves.append(leaf)

    for home, factor in zip(plan.homes, plan.factors, strict=True):
        put(home, table_leaf(out, factor, plan.scope(factor), plan.cut))
    for mode, axis in zip(plan.modes, plan.axes(out), strict=True):
        for node in mode.tie.ends:
            put(node, out.selector(plan.spec(mode.tie.interface), axis, mode.labels))
    for variable in observed:
        put(_home(plan, variable), variable)
    for node, listed in enumerate(members):
        if not listed:  # a variable of which nothing is known
            put(node, out.unit(plan.spec(plan.scopes[node])))
    return leaves, members


def _leaf_spec(out: Emitter, leaf: Value | int) -> TensorSpec:
    return leaf.spec if isinstance(leaf, Value) else TensorSpec((out.axis(leaf),))


def _home(plan: Plan, variable: int) -> int:
    """The smallest node that holds a variable; all copies are equal, so any would do."""
    holders = plan.bone.holders[variable]
    return min(holders, key=lambda node: (plan.spec(plan.scopes[node]).entries, node))
