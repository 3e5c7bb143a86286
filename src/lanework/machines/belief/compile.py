"""From a factor graph to a program: messages up and down a clique tree.

The tree is that of S. L. Lauritzen and D. J. Spiegelhalter (J. R. Statist. Soc. B 50, 1988), the
messages those of G. Shafer and P. Shenoy (Ann. Math. Artif. Intell. 2, 1990), two tensors at a
time. What a clique sends to one child is the product of all that the others and the parent sent:
products from the left and from the right, so that nothing is ever divided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.program import Program
from lanework.engines.codes import BAD_OPTION
from lanework.machines.belief.emit import Emitter, Value
from lanework.machines.belief.model import Factor, FactorGraph
from lanework.machines.belief.modes import compile_modes
from lanework.machines.belief.orders import Order, best_order
from lanework.machines.belief.plan import Plan
from lanework.machines.belief.ports import finish
from lanework.machines.belief.semiring import BY_PARTS
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec, joined
from lanework.machines.belief.tree import Clique, clique_tree

STRATEGIES = ("tree", "modes", "auto")


def compile_graph(
    graph: FactorGraph,
    query: str | Sequence[str] = "all",
    *,
    evidence: Iterable[str] | None = None,
    observed: Iterable[str] = (),
    semiring: str = "prob",
    strategy: str = "tree",
    seconds: float = 0.2,
    seed: int = 0,
) -> Program:
    """A program that answers a query for any evidence.

    Args:
        graph: variables and factors.
        query: `all` marginals, those of some variables, or `z` alone.
        evidence: the variables that may be observed; by default all.
        observed: those of them whose state every row says. They are cut out of the graph before
            anything else, which makes large networks small.
        semiring: what the program is bound to unless another is asked for. A program for prob or
            logprob from which tables were left out runs in these two only.
        strategy: `tree`, messages in a clique tree; `modes`, messages along the factors
            themselves, with modes around cycles; `auto`, whichever is estimated to cost less.
        seconds: how long to look for a good elimination order, or a good backbone.
        seed: of the random ties in it.

    Raises:
        Diagnostic: LW5005 for an unknown variable, LW2005 for a strategy that there is not.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("wet", ["yes", "no"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8])
        >>> _ = graph.factor(["rain", "wet"], [[0.9, 0.1], [0.2, 0.8]])
        >>> program = compile_graph(graph)
        >>> program.verify()
    """
    if strategy not in STRATEGIES:
        raise Diagnostic(
            BAD_OPTION,
            f"there is no strategy {strategy!r}",
            help=did_you_mean(strategy, STRATEGIES) or f"there is {', '.join(STRATEGIES)}",
        )
    asked = _asked(graph, query)
    cut = dict.fromkeys(observed)
    known = list(dict.fromkeys([*(graph.variables if evidence is None else evidence), *cut]))
    for name in known:
        graph.find(name)
    tree = _TreeCompiler(graph, asked, known, set(cut), semiring)
    plan = Plan(graph, tree.factors, [*asked, *known], cut, seconds=seconds, seed=seed)
    if strategy == "modes":
        return compile_modes(graph, asked, known, semiring, plan=plan)
    order = tree.order(seconds, seed)
    if strategy == "auto" and _cheaper(plan, order.cost):
        return compile_modes(graph, asked, known, semiring, plan=plan)
    return tree.compile(order)


def _cheaper(plan: Plan, cost: float) -> bool:
    """Whether modes cost less than a tree; what cannot save half is not even planned."""
    return 2 * plan.least < cost and plan.cost < cost


def _asked(graph: FactorGraph, query: str | Sequence[str]) -> list[str]:
    if query == "all":
        return list(graph.variables)
    if query == "z":
        return []
    names = [query] if isinstance(query, str) else list(dict.fromkeys(query))
    for name in names:
        graph.find(name)
    return names


def needed_factors(graph: FactorGraph, names: Iterable[str]) -> list[Factor]:
    """The factors that matter to some variables: in a Bayesian network, those of their ancestors.

    A conditional table whose child nobody asks about or observes sums to one (R. D. Shachter,
    Oper. Res. 34, 1986: barren nodes).
    """
    if not graph.directed or graph.sums():
        return list(graph.factors)
    table = {factor.child: factor for factor in graph.factors}
    found: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += [parent for parent in table[name].scope if parent != name]
    return [factor for factor in graph.factors if factor.child in found]


class _TreeCompiler:
    def __init__(
        self,
        graph: FactorGraph,
        asked: list[str],
        observed: list[str],
        cut: set[str],
        semiring: str,
    ) -> None:
        self.graph, self.asked, self.observed, self.semiring = graph, asked, observed, semiring
        self.cut = cut
        self.number = {name: n for n, name in enumerate(graph.variables)}
        self.out = Emitter(list(graph.variables.values()))
        sums = semiring in BY_PARTS
        self.factors = needed_factors(graph, [*asked, *observed]) if sums else list(graph.factors)
        self.pruned = len(self.factors) < len(graph.factors)
        self.scopes = [
            tuple(self.number[name] for name in factor.scope if name not in cut)
            for factor in self.factors
        ]

    def order(self, seconds: float, seed: int) -> Order:
        used = set(self.graph.variables)
        if self.pruned:
            used = {name for factor in self.factors for name in factor.scope}
            used.update(self.asked, self.observed)
        used -= self.cut
        sizes = {self.number[n]: self.graph.variables[n].size for n in self.number if n in used}
        return best_order(self.scopes, sizes, seconds=seconds, seed=seed)

    def compile(self, order: Order) -> Program:
        factors, scopes = self.factors, self.scopes
        self.tree = clique_tree(order, scopes)
        self.owner: dict[int, int] = {}
        for number, clique in enumerate(self.tree):
            for variable in clique.variables:
                self.owner.setdefault(variable, number)
        self._own(factors, scopes)
        self._up([factor for factor, scope in zip(factors, scopes, strict=True) if not scope])
        self._down()
        notes = (f"tree: {len(self.tree)} cliques, {order.cost:,.0f} entries, by {order.rule}",)
        return finish(
            self.out,
            self.graph,
            self.asked,
            self.observed,
            self.semiring,
            notes,
            pruned=self.pruned,
        )

    def _spec(self, variables: Iterable[int]) -> TensorSpec:
        sizes = self.out.variables
        return TensorSpec(tuple(Axis(v, AxisType.GEOMETRIC, sizes[v].size) for v in variables))

    def _within(self, clique: Clique, *values: Value) -> TensorSpec:
        """The axes of a product, in the clique's order."""
        keys = set(joined(*(value.spec for value in values)).keys)
        return self._spec(v for v in clique.variables if (AxisType.GEOMETRIC, v) in keys)

    def _multiply(self, clique: Clique, values: list[Value], keep: TensorSpec | None) -> Value:
        """The product of values, small ones first; the last step sums."""
        values = sorted(values, key=lambda value: (value.table is None, value.spec.entries))
        total = values[0]
        for place, value in enumerate(values[1:], 2):
            last = keep is not None and place == len(values)
            total = self.out.product(
                total, value, keep if last else self._within(clique, total, value)
            )
        if keep is not None and total.spec != keep:
            total = self.out.only(total, keep)
        return total

    def _own(self, factors: list[Factor], scopes: list[tuple[int, ...]]) -> None:
        """What belongs to each clique: its factors' product, and evidence of its variables."""
        out = self.out
        evidence = {self.number[name] for name in self.observed if name not in self.cut}
        self.own: list[list[Value]] = []
        for number, clique in enumerate(self.tree):
            values = [self._table(factors[factor]) for factor in clique.factors]
            tables = [value for value in values if value.table is not None]
            if len(tables) > 1:
                values = [value for value in values if value.table is None]
                values.append(self._multiply(clique, tables, None))
            for variable in clique.variables:
                if variable in evidence and self.owner[variable] == number:
                    loaded = out.emit("load_evidence", variable)
                    values.append(Value(self._spec((variable,)), loaded))
            self.own.append(values)

    def _table(self, factor: Factor) -> Value:
        """A factor's table, reduced by what every row says."""
        whole = self._spec(self.number[name] for name in factor.scope)
        value = self.out.table(factor.table, whole)
        rest = self._spec(self.number[name] for name in factor.scope if name not in self.cut)
        return value if rest == whole else self.out.reduced(value, rest)

    def _up(self, scalars: list[Factor]) -> None:
        out = self.out
        self.sent: list[Value] = []
        roots = [self._scalar(factor) for factor in scalars]
        for number, clique in enumerate(self.tree):
            values = [*self.own[number], *(self.sent[child] for child in clique.children)]
            if not values:
                values = [
                    Value(
                        self._spec(clique.variables),
                        out.emit("unit", out.spec(self._spec(clique.variables))),
                    )
                ]
            up = self._multiply(clique, values, self._spec(clique.separator))
            scaled = Value(up.spec, out.emit("rescale", out.register(up)))
            self.sent.append(scaled)
            if clique.parent is None:
                roots.append(scaled)
        total = roots[0] if roots else Value(TensorSpec(), out.emit("unit", out.spec(TensorSpec())))
        for root in roots[1:]:
            total = out.product(total, root)
        out.store(Value(TensorSpec(), out.emit("rescale", out.register(total))), ("Z",))

    def _scalar(self, factor: Factor) -> Value:
        value = self._table(factor)
        return Value(TensorSpec(), self.out.emit("rescale", self.out.register(value)))

    def _down(self) -> None:
        """From the roots away: what each clique is told by its parent, and the marginals."""
        wanted = {self.number[name] for name in self.asked if name not in self.cut}
        for name in self.asked:
            if name in self.cut:  # what is known already
                variable = self.number[name]
                loaded = self.out.emit("load_evidence", variable)
                self.out.store(Value(self._spec((variable,)), loaded), ("bel", variable))
        inside = [False] * len(self.tree)  # whether a marginal is wanted here or further away
        for number, clique in enumerate(self.tree):
            mine = any(v in wanted and self.owner[v] == number for v in clique.variables)
            inside[number] = mine or any(inside[child] for child in clique.children)
        told: dict[int, Value] = {}
        for number in reversed(range(len(self.tree))):
            if inside[number]:
                self._pass(number, told, inside, wanted)

    def _pass(
        self, number: int, told: dict[int, Value], inside: list[bool], wanted: set[int]
    ) -> None:
        clique, out = self.tree[number], self.out
        left = [*self.own[number], *([told[number]] if number in told else [])]
        whole = self._multiply(clique, left, None) if left else None
        asked = [v for v in clique.variables if v in wanted and self.owner[v] == number]
        right: list[Value | None] = [None]
        for child in reversed(clique.children):
            more, sent = right[-1], self.sent[child]
            right.append(sent if more is None else self._multiply(clique, [sent, more], None))
        right.reverse()  # right[i]: the product of what children i and later sent
        for place, child in enumerate(clique.children):
            after = right[place + 1]
            if inside[child]:
                values = [value for value in (whole, after) if value is not None]
                told[child] = self._tell(clique, values, self._spec(self.tree[child].separator))
            if asked or any(inside[other] for other in clique.children[place + 1 :]):
                sent = self.sent[child]
                whole = sent if whole is None else self._multiply(clique, [whole, sent], None)
        for variable in asked:
            spec = self._spec((variable,))
            values = [] if whole is None else [whole]
            belief = self._tell(clique, values, spec)
            out.store(belief, ("bel", variable))

    def _tell(self, clique: Clique, values: list[Value], keep: TensorSpec) -> Value:
        """A message or a belief, scaled to a sum of one."""
        out = self.out
        missing = set(keep.keys) - set(joined(*(value.spec for value in values)).keys)
        if missing:
            lacking = keep.keep(missing)
            values = [*values, Value(lacking, out.emit("unit", out.spec(lacking)))]
        total = self._multiply(clique, values, keep)
        return Value(keep, out.emit("normalize", out.register(total)))
