"""The answers of a program: what each query takes from the messages, and the ports for it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from lanework.core.program.program import Port, Program
from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.passes.emit import Emitter, Value
from lanework.machines.belief.passes.messages import Collect, Distribute, traceback
from lanework.machines.belief.passes.query import Problem
from lanework.machines.belief.passes.tree import ContractionTree
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import AxisKey, AxisType, TensorSpec

if TYPE_CHECKING:
    from lanework.machines.belief.runner import Runner

LN_P, JOINT, POSTERIOR = "ln_p_evidence", "joint", "posterior"


def factor_names(factors: Sequence[Factor]) -> list[str]:
    """What values of factors are called: by name, with a number where another has it before.

    Example:
        >>> from lanework.machines.belief.graph.model import FactorGraph
        >>> graph = FactorGraph()
        >>> factors = [graph.factor([], 2.0, name=name) for name in ("f", "f", "posterior")]
        >>> factor_names(factors)
        ['f', 'f (2)', 'posterior (2)']
    """
    taken, names = {LN_P, POSTERIOR}, []
    for factor in factors:
        name, turn = factor.name, 2
        while name in taken:
            name, turn = f"{factor.name} ({turn})", turn + 1
        taken.add(name)
        names.append(name)
    return names


class Outputs:
    """Writes the answers of a problem."""

    def __init__(self, problem: Problem, out: Emitter) -> None:
        self.problem, self.out = problem, out
        self.ports: list[Port] = []

    def program(
        self,
        tree: ContractionTree,
        leaves: Sequence[Value | int],
        late: Container[AxisKey],
        notes: tuple[str, ...],
    ) -> Program[Runner]:
        """Write messages and answers; the tree begins with the leaves, tables before others."""
        out, kind = self.out, self.problem.query.kind
        self.collect = Collect(out, tree, leaves, late)
        roots = [self.collect.sent[root] for root in tree.roots] or [out.unit(TensorSpec())]
        self.total = Value(TensorSpec(), out.emit("rescale", out.register(roots[0])))
        collected = len(out.code)
        if kind == "marginals":
            self._marginals()
        elif kind == "joint":
            self._joint()
        elif self.problem.query.derives:
            self._gradient(leaves)
        elif self.problem.query.decides:
            self._states(late)
        self._port(LN_P, self.total, ("Z",))
        factors, of = len(self.problem.factors), len(self.problem.graph.factors)
        return self._finish(
            (
                f"query: {kind}, by {factors:,} of {of:,} factors",
                *notes,
                f"messages: {collected:,} instructions to the root",
                f"outputs: {len(out.code) - collected:,} instructions from there",
            )
        )

    def _marginals(self) -> None:
        distribute, cut, asked = Distribute(self.collect), self.problem.cut, self.problem.asked
        homes: dict[int, list[int]] = {}
        for (variable,), home in distribute.homes([(v,) for v in asked if v not in cut]).items():
            homes.setdefault(home, []).append(variable)
        for v in asked:
            if v in cut:
                known = self.out.product(self.out.evidence(v), self.total)
                self.out.store(self.out.normalized(known), ("bel", v))
        for number in distribute.order():
            distribute.send(number)
            for v in homes.get(number, ()):
                self.out.store(distribute.belief(number, self.out.axes([v])), ("bel", v))
        for v in asked:  # in the order in which they were asked for
            self.ports.append(Port(self._name(v), "out", self.out.slots.index(("bel", v))))

    def _joint(self) -> None:
        asked, cut = self.problem.asked, self.problem.cut
        known = [self.out.evidence(v) for v in asked if v in cut]
        rest = tuple(v for v in asked if v not in cut)
        if rest:
            distribute = Distribute(self.collect)
            home = distribute.homes([rest])[rest]
            for number in distribute.order():
                distribute.send(number)
            known.append(distribute.belief(home, self.out.axes(rest)))
        joint = reduce(self.out.product, known)
        if not rest:
            joint = self.out.normalized(self.out.product(joint, self.total))
        self._port(JOINT, self.out.only(joint, self.out.axes(asked)), ("joint", *asked))

    def _gradient(self, leaves: Sequence[Value | int]) -> None:
        distribute, names = Distribute(self.collect), factor_names(self.problem.factors)
        homes = distribute.homes([(v,) for v in self.problem.asked])
        distribute.needed = set(range(len(self.collect.tree.nodes)))
        for number in distribute.order():
            distribute.send(number)
            if number < len(names):
                leaf = leaves[number]
                assert isinstance(leaf, Value)
                slot = ("gradient", number, *(axis.id for axis in leaf.spec.axes))
                self._port(names[number], distribute.gradient(number, leaf), slot)
            for (v,), home in homes.items():
                if home == number:
                    slot = ("posterior", v, self.problem.query.state)
                    belief = distribute.belief(number, self.out.axes([v]))
                    self._port(POSTERIOR, belief, slot)

    def _states(self, late: Container[AxisKey]) -> None:
        sampled = self.problem.query.kind == "sample"
        keys = {v: (AxisType.GEOMETRIC, v) for v in self.problem.asked}
        states = traceback(self.collect, set(keys.values()) if sampled else late, sampled=sampled)
        for v, key in keys.items():
            self._port(self._name(v), states.get(key) or self.out.evidence(v), ("state", v))

    def _name(self, variable: int) -> str:
        return self.out.variables[variable].name

    def _port(self, name: str, value: Value, slot: SlotKey) -> None:
        self.out.store(value, slot)
        self.ports.append(Port(name, "out", len(self.out.slots) - 1))

    def _finish(self, notes: tuple[str, ...]) -> Program[Runner]:
        problem = self.problem
        ports = [
            Port(self._name(v), "in", v, categories=self.out.variables[v].states)
            for v in problem.evidence
        ]
        header: dict[str, int | float | str] = {
            "name": problem.graph.name,
            "semiring": problem.semiring,
            "query": problem.query.kind,
        }
        if problem.query.count > 1:
            header["count"] = problem.query.count
        if problem.pruned:
            header["pruned"] = 1
        return self.out.program([*ports, *self.ports], header, notes)
