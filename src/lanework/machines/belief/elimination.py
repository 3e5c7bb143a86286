"""The strategy `tree`: a contraction tree from a good order of elimination."""

from __future__ import annotations

from collections.abc import Collection

from lanework.machines.belief.emit import Emitter, Value
from lanework.machines.belief.orders import Order, best_order
from lanework.machines.belief.problem import Problem
from lanework.machines.belief.tensor import AxisKey, AxisType, TensorSpec
from lanework.machines.belief.tree import ContractionTree, contraction_tree
from lanework.machines.belief.upward import table_leaf

Scope = tuple[int, ...]


class Elimination:
    """An order of elimination for a problem, before anything is written."""

    def __init__(self, problem: Problem, seconds: float, seed: int) -> None:
        self.problem = problem
        cut, asked = problem.cut, problem.asked
        self.late = {v for v in asked if v not in cut} if problem.maximizes else set[int]()
        left = [tuple(v for v in scope if v not in cut) for scope in problem.scopes]
        alone = [(v,) for v in problem.observed]
        self.extra = self._extra({v for scope in [*left, *alone] for v in scope})
        variables = list(problem.graph.variables.values())
        sizes = {v: variables[v].size for v in problem.variables}
        scopes = [*left, *alone, *self.extra]
        self.order: Order = best_order(scopes, sizes, late=self.late, seconds=seconds, seed=seed)

    def _extra(self, covered: Collection[int]) -> list[Scope]:
        """Tensors of ones: for variables that nothing else has, and for those asked for jointly."""
        problem = self.problem
        extra: list[Scope] = [(v,) for v in problem.variables if v not in covered]
        if problem.query.kind == "joint":
            joint = tuple(v for v in problem.asked if v not in problem.cut)
            if len(joint) > 1:
                extra.append(joint)
        return extra

    @property
    def late_axes(self) -> frozenset[AxisKey]:
        """The axes that are maximized."""
        return frozenset((AxisType.GEOMETRIC, variable) for variable in self.late)

    def tree(self, out: Emitter) -> tuple[ContractionTree, list[Value | int]]:
        """The contraction tree and its leaves: tables, evidence, ones."""
        problem = self.problem
        leaves: list[Value | int] = [
            table_leaf(out, factor, scope, problem.cut)
            for factor, scope in zip(problem.factors, problem.scopes, strict=True)
        ]
        leaves += problem.observed
        leaves += [out.unit(TensorSpec(tuple(map(out.axis, scope)))) for scope in self.extra]
        specs = [
            leaf.spec if isinstance(leaf, Value) else TensorSpec((out.axis(leaf),))
            for leaf in leaves
        ]
        order = [out.axis(variable) for variable in self.order.variables]
        return contraction_tree(specs, order, self.late_axes), leaves

    def note(self, tree: ContractionTree) -> str:
        """What a person wants to know of it."""
        largest = max((node.joined for node in tree.nodes), default=1)
        steps = sum(bool(node.parts) for node in tree.nodes)
        return (
            f"tree: {steps:,} steps, {tree.cost:,} terms, at most {largest:,} at once, by"
            f" {self.order.rule}"
        )
