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

from lanework.core.program import Program
from lanework.machines.belief.emit import Emitter, Value
from lanework.machines.belief.messages import Junction, Messages
from lanework.machines.belief.model import Factor, FactorGraph
from lanework.machines.belief.plan import Plan
from lanework.machines.belief.ports import finish
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec


def compile_modes(
    graph: FactorGraph,
    asked: Sequence[str],
    observed: Sequence[str],
    semiring: str,
    *,
    plan: Plan | None = None,
) -> Program:
    """The program of a plan.

    Args:
        graph: variables and factors.
        asked: the variables whose marginals are wanted.
        observed: those that may be observed.
        semiring: what the program is bound to unless another is asked for.
        plan: what to write; by default of all factors.
    """
    plan = plan or Plan(graph, graph.factors, [*asked, *observed])
    out = Emitter(list(graph.variables.values()))
    tree = _junctions(plan, out, [plan.number[name] for name in observed])
    for name in asked:
        variable = plan.number[name]
        if variable in plan.cut:  # what is known already
            loaded = out.emit("load_evidence", variable)
            out.store(Value(plan.spec((variable,)), loaded), ("bel", variable))
        else:
            tree[_home(plan, variable)].asked.append(variable)
    messages = Messages(out, tree, plan.bone.order)
    numbers = [f for f, home in zip(plan.factors, plan.homes, strict=True) if home is None]
    messages.up([_table(plan, out, factor) for factor in numbers])
    messages.down()
    notes = plan.notes(list(graph.variables))
    return finish(out, graph, asked, observed, semiring, notes, pruned=plan.pruned)


def _table(plan: Plan, out: Emitter, factor: Factor) -> Value:
    """A factor's table, reduced by what every row says."""
    value = out.table(factor.table, plan.spec(plan.scope(factor)))
    rest = plan.spec(plan.scope(factor, cut=True))
    return value if rest == value.spec else out.reduced(value, rest)


def _home(plan: Plan, variable: int) -> int:
    """The smallest node that holds a variable; all copies are equal, so any would do."""
    holders = plan.bone.holders[variable]
    return min(holders, key=lambda node: (plan.spec(plan.scopes[node]).entries, node))


def _junctions(plan: Plan, out: Emitter, observed: Sequence[int]) -> list[Junction]:
    """The nodes with their axes, tables, selectors and evidence."""
    axes = [out.mode(mode.size) for mode in plan.modes]
    passing: list[list[Axis]] = [[] for _ in plan.scopes]
    for mode, axis in zip(plan.modes, axes, strict=True):
        for node in sorted(mode.tie.nodes):
            passing[node].append(axis)
    tree = []
    for node, parent in enumerate(plan.bone.parents):
        whole = TensorSpec((*plan.spec(plan.scopes[node]).axes, *passing[node]))
        there = set() if parent is None else {*plan.scopes[parent]}
        shared = {(AxisType.GEOMETRIC, v) for v in plan.scopes[node] if v in there}
        shared |= {
            axis.key for axis in passing[node] if parent is not None and axis in passing[parent]
        }
        tree.append(Junction(whole, whole.keep(shared), parent))
    for node, junction in enumerate(tree):
        if junction.parent is not None:
            tree[junction.parent].children.append(node)
    for home, factor in zip(plan.homes, plan.factors, strict=True):
        if home is not None:
            tree[home].own.append(_table(plan, out, factor))
    for mode, axis in zip(plan.modes, axes, strict=True):
        for node in mode.tie.ends:
            selector = out.selector(plan.spec(mode.tie.interface), axis, mode.labels)
            tree[node].own.append(selector)
    for variable in observed:
        if variable not in plan.cut:
            loaded = out.emit("load_evidence", variable)
            tree[_home(plan, variable)].own.append(Value(plan.spec((variable,)), loaded))
    for node, junction in enumerate(tree):
        if not junction.own:  # a variable of which nothing is known
            spec = plan.spec(plan.scopes[node])
            junction.own.append(Value(spec, out.emit("unit", out.spec(spec))))
    return tree
