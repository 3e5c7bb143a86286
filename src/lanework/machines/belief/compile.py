"""From a factor graph to a program: tensors of a contraction tree, up to its root and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lanework.base.errors import Diagnostic
from lanework.core.program import Port, Program
from lanework.machines.belief.codes import BAD_QUERY
from lanework.machines.belief.decide import decide
from lanework.machines.belief.downward import Downward
from lanework.machines.belief.emit import Emitter, Value
from lanework.machines.belief.model import Factor, FactorGraph
from lanework.machines.belief.orders import best_order
from lanework.machines.belief.prune import needed_factors
from lanework.machines.belief.query import Query, read_query
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import TensorSpec
from lanework.machines.belief.tree import contraction_tree
from lanework.machines.belief.upward import Upward, table_leaf

LN_P, JOINT = "ln_p_evidence", "joint"


def compile_graph(
    graph: FactorGraph,
    query: str | Sequence[str] = "all",
    *,
    evidence: Iterable[str] | None = None,
    observed: Iterable[str] = (),
    semiring: str = "prob",
    seconds: float = 0.2,
    seed: int = 0,
) -> Program:
    """A program that answers a query for any evidence.

    Args:
        graph: variables and factors.
        query: `all` marginals or those of some variables; `z` for the evidence's probability alone;
            `mpe` for the most probable assignment, `mmap:VARS` for that of some variables, summed
            over the others, `kbest:K` for the K most probable; `joint:VARS` for the joint
            posterior of some; `sample:N` for N assignments drawn from the posterior; `gradient`
            for the derivatives of ln P(evidence) by all tables' entries.
        evidence: the variables that may be observed; by default all.
        observed: those of them whose state every row says. They are cut out of the graph before
            anything else, which makes large networks small.
        semiring: what the program is bound to unless another is asked for.
        seconds: how long to look for a good elimination order.
        seed: of the random ties in it.

    Raises:
        Diagnostic: LW5005 for an unknown variable, LW5009 for a query that makes no sense.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("wet", ["yes", "no"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8])
        >>> _ = graph.factor(["rain", "wet"], [[0.9, 0.1], [0.2, 0.8]])
        >>> program = compile_graph(graph)
        >>> program.verify()
    """
    asked = read_query(graph, query)
    cut = dict.fromkeys(observed)
    known = list(dict.fromkeys([*(graph.variables if evidence is None else evidence), *cut]))
    for name in known:
        graph.find(name)
    if asked.kind == "gradient" and cut:
        what = "derivatives are of whole tables, and observed variables are cut out of these"
        raise Diagnostic(BAD_QUERY, what, help="name them as evidence instead")
    return _Compiler(graph, asked, known, set(cut), semiring).compile(seconds, seed)


class _Compiler:
    """The `tree` strategy."""

    def __init__(
        self, graph: FactorGraph, query: Query, evidence: list[str], cut: set[str], semiring: str
    ) -> None:
        self.graph, self.query, self.semiring = graph, query, semiring
        self.number = {name: n for n, name in enumerate(graph.variables)}
        self.evidence = evidence
        self.cut = {self.number[name] for name in cut}
        self.asked = [self.number[name] for name in query.variables]
        self.late = self._late()
        self.out = Emitter(list(graph.variables.values()))
        self.ports: list[Port] = []
        self.leaves: list[Value | int] = []

    def _late(self) -> set[int]:
        """The variables that are maximized."""
        best = self.query.kind in ("mpe", "mmap", "kbest")
        return set(self.asked) - self.cut if best else set()

    def compile(self, seconds: float, seed: int) -> Program:
        factors = self._factors()
        scopes = [tuple(map(self.number.__getitem__, factor.scope)) for factor in factors]
        left = [tuple(v for v in scope if v not in self.cut) for scope in scopes]
        observed = [v for v in self._observed() if v not in self.cut]
        used = {v for scope in left for v in scope}.union(observed, self.asked) - self.cut
        free = [] if self.graph.directed else set(self.number.values()) - self.cut
        sizes = {v: self.out.variables[v].size for v in sorted(used.union(free))}
        leaves = self.leaves
        for factor, scope in zip(factors, scopes, strict=True):
            leaves.append(table_leaf(self.out, factor, scope, self.cut))
        leaves += observed
        extra = self._extra(left, sizes, observed)
        for scope in extra:
            spec = TensorSpec(tuple(map(self.out.axis, scope)))
            leaves.append(Value(spec, self.out.emit("unit", self.out.spec(spec))))
        shapes = [*left, *((v,) for v in observed), *extra]
        order = best_order(shapes, sizes, late=self.late, seconds=seconds, seed=seed)
        tree = contraction_tree(shapes, order.variables, sizes, self.late)
        self.up = Upward(self.out, tree, leaves, self.late)
        roots = [self.up.sent[root] for root in tree.roots]
        if not roots:
            roots = [Value(TensorSpec(), self.out.emit("unit", self.out.spec(TensorSpec())))]
        total = self.out.emit("rescale", self.out.register(roots[0]))
        self._answers(factors)
        self._port(LN_P, Value(TensorSpec(), total), ("Z",))
        largest = max((node.joined for node in tree.nodes), default=1)
        steps = sum(bool(node.parts) for node in tree.nodes)
        notes = (
            f"tree: {steps:,} steps, {tree.cost:,} terms, at most {largest:,} at once, by"
            f" {order.rule}",
        )
        return self._program(notes)

    def _observed(self) -> list[int]:
        """The variables with evidence; a search for several assignments needs it of all."""
        names = self.graph.variables if self.query.kind == "kbest" else self.evidence
        return [self.number[name] for name in names]

    def _factors(self) -> list[Factor]:
        if self.query.kind in ("mpe", "kbest", "gradient"):
            return list(self.graph.factors)
        return needed_factors(self.graph, [*self.query.variables, *self.evidence])

    def _extra(
        self, scopes: list[tuple[int, ...]], sizes: dict[int, int], observed: list[int]
    ) -> list[tuple[int, ...]]:
        """Tensors of ones: for variables that nothing else has, and for those asked for jointly."""
        covered = {v for scope in scopes for v in scope}.union(observed)
        extra: list[tuple[int, ...]] = [(v,) for v in sizes if v not in covered]
        if self.query.kind == "joint":
            joint = tuple(v for v in self.asked if v not in self.cut)
            if len(joint) > 1:
                extra.append(joint)
        return extra

    # Answers ----------------------------------------------------------------------------------

    def _answers(self, factors: list[Factor]) -> None:
        kind = self.query.kind
        if kind == "marginals":
            self._marginals()
        elif kind == "joint":
            self._joint()
        elif kind == "gradient":
            self._gradient(factors)
        elif self.query.decides:
            found = decide(self.up, set(self.asked), drawn=kind == "sample")
            for v in self.asked:
                self._port(self._name(v), found.get(v) or self._known(v), ("state", v))

    def _name(self, variable: int) -> str:
        return self.out.variables[variable].name

    def _known(self, variable: int) -> Value:
        """What every row says of a variable that was cut out."""
        spec = TensorSpec((self.out.axis(variable),))
        return Value(spec, self.out.emit("load_evidence", variable))

    def _marginals(self) -> None:
        down = Downward(self.up)
        wanted = [(v,) for v in self.asked if v not in self.cut]
        homes: dict[int, list[int]] = {}
        for (variable,), home in down.homes(wanted).items():
            homes.setdefault(home, []).append(variable)
        for v in self.asked:
            if v in self.cut:
                self.out.store(self._known(v), ("bel", v))
        for number in down.order():
            down.tell(number)
            for v in homes.get(number, ()):
                self.out.store(down.belief(number, TensorSpec((self.out.axis(v),))), ("bel", v))
        for v in self.asked:  # in the order in which they were asked for
            self.ports.append(Port(self._name(v), "out", self.out.slots.index(("bel", v))))

    def _joint(self) -> None:
        known = [self._known(v) for v in self.asked if v in self.cut]
        rest = tuple(v for v in self.asked if v not in self.cut)
        spec = TensorSpec(tuple(map(self.out.axis, self.asked)))
        if rest:
            down = Downward(self.up)
            home = down.homes([rest])[rest]
            for number in down.order():
                down.tell(number)
            known.append(down.belief(home, TensorSpec(tuple(map(self.out.axis, rest)))))
        made = known[0]
        for value in known[1:]:
            made = self.out.product(made, value)
        if made.spec != spec:
            made = self.out.only(made, spec)
        self._port(JOINT, made, ("joint", *self.asked))

    def _gradient(self, factors: list[Factor]) -> None:
        down = Downward(self.up)
        down.needed = set(range(len(self.up.tree.nodes)))
        for number in down.order():
            down.tell(number)
            if number < len(factors):
                leaf = self.leaves[number]
                assert isinstance(leaf, Value)
                scope = (axis.id for axis in leaf.spec.axes)
                slot = ("gradient", number, *scope)
                self._port(factors[number].name, down.gradient(number, leaf), slot)

    def _port(self, name: str, value: Value, slot: SlotKey) -> None:
        self.out.store(value, slot)
        self.ports.append(Port(name, "out", len(self.out.slots) - 1))

    def _program(self, notes: tuple[str, ...]) -> Program:
        variables = self.out.variables
        ports = [
            Port(name, "in", self.number[name], categories=variables[self.number[name]].states)
            for name in self.evidence
        ]
        header: dict[str, int | float | str] = {
            "name": self.graph.name,
            "semiring": self.semiring,
            "query": self.query.kind,
        }
        if self.query.count > 1:
            header["count"] = self.query.count
        return self.out.program([*ports, *self.ports], header, notes)
