"""Factor graphs: variables with named states, and tables over some of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core import options
from lanework.core.data.values import Given
from lanework.core.result.drawing import Drawing
from lanework.machines.belief.codes import BAD_GRAPH, BAD_TABLE, CYCLIC, UNKNOWN_VARIABLE
from lanework.machines.belief.graph.contents import Factors, Variables, states_of
from lanework.machines.belief.graph.drawing import graph_drawing, graph_page
from lanework.machines.belief.graph.factor import (
    MOST_AXES,
    Factor,
    Variable,
    in_order,
    listed,
    notice_sums,
    scaled_table,
    table_sums,
)


@dataclass
class FactorGraph:
    """Variables and factors, which are multiplied.

    Example:
        >>> graph = FactorGraph("two coins")
        >>> _ = graph.variable("a", ["heads", "tails"])
        >>> _ = graph.variable("same", ["yes", "no"])
        >>> _ = graph.factor(["a"], [0.5, 0.5])
        >>> _ = graph.factor(["a", "same"], [[0.9, 0.1], [0.2, 0.8]])
        >>> graph
        <FactorGraph two coins: 2 variables, 2 factors>
    """

    name: str = "graph"
    variables: dict[str, Variable] = field(default_factory=dict)
    factors: list[Factor] = field(default_factory=list)
    told: bool = field(default=False, repr=False, compare=False)  # whether `notice` was heard

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep variables and factors in lists of its own, in which nothing else can be."""
        if name == "name" and not isinstance(value, str):
            raise Diagnostic(BAD_GRAPH, f"the name of a graph is {value!r}", help="give a text")
        kept = {"variables": Variables, "factors": Factors}.get(name)
        super().__setattr__(name, value if kept is None else kept(value))

    def __copy__(self) -> FactorGraph:
        return replace(self)

    def variable(self, name: str, states: int | Iterable[object]) -> Variable:
        """Add a variable.

        Args:
            name: its name.
            states: their names, or how many there are (named 0, 1, 2...).

        Raises:
            Diagnostic: LW5001 for a name that is taken, no states, or two of one name.
        """
        named = states_of(name, states)
        if name in self.variables:
            raise Diagnostic(BAD_GRAPH, f"there are two variables {name!r}")
        self.variables[name] = Variable(name, named)
        return self.variables[name]

    def factor(
        self,
        scope: Sequence[str],
        table: npt.ArrayLike,
        *,
        name: str | None = None,
        child: str | None = None,
    ) -> Factor:
        """Add a factor.

        Args:
            scope: its variables, one an axis of the table; none for a number.
            table: numbers, of the shape of the scope. Labels (of pandas, xarray, columns of
                polars and Arrow) are names of states, and names of dimensions are variables: they
                are put in the order of the graph. What has none goes by place.
            name: for messages; by default the child's.
            child: the variable whose conditional table it is.

        Raises:
            Diagnostic: LW5001 for a scope or a shape that does not fit; LW5002 for a number.
        """
        if isinstance(scope, str) and not set(scope) <= self.variables.keys():
            what = f"the scope of a factor is the text {scope!r}"
            raise Diagnostic(BAD_GRAPH, what, help=f"give names in a list: {scope.split(',')!r}")
        for what, text in (("the name of a factor", name), ("the child of a factor", child)):
            if text is not None:
                options.text(what, text, BAD_GRAPH)
        name = name or child or f"f{len(self.factors)}"
        over: Any = [scope]
        if isinstance(scope, Iterable):
            over = list(options.in_order(f"the scope of {name!r}", scope, BAD_GRAPH))
        if all(isinstance(variable, str) for variable in over):
            about = Given(f"the table of {name!r}", BAD_TABLE)
            table = in_order(table, list(map(self.find, over)), about)
        given: tuple[Any, Any] = (over, table)  # of which a factor makes what it holds
        factor = Factor(name, *given, child)
        self._check(factor)
        self.factors.append(factor)
        return factor

    def _check(self, factor: Factor) -> None:
        name, scope, child = factor.name, factor.scope, factor.child
        shape = self.shape(scope)
        if len(set(scope)) != len(scope):
            raise Diagnostic(BAD_GRAPH, f"the factor {name!r} has a variable twice: {scope}")
        if child is not None and child not in scope:
            what = f"the factor {name!r} is the table of {child!r}, which its scope lacks"
            raise Diagnostic(BAD_GRAPH, what, help=f"the scope is {', '.join(scope) or 'empty'}")
        factor.check(shape)

    def shape(self, scope: Sequence[str]) -> tuple[int, ...]:
        """The shape of a table over some variables.

        Raises:
            Diagnostic: LW5005 for an unknown variable; LW5001 for more than an array has axes.
        """
        if len(scope) > MOST_AXES:
            what = f"a table over {len(scope)} variables"
            raise Diagnostic(BAD_GRAPH, what, help=f"there may be {MOST_AXES}")
        return tuple(self.find(variable).size for variable in scope)

    def find(self, name: str) -> Variable:
        """The variable of this name.

        Raises:
            Diagnostic: LW5005, with a suggestion.
        """
        if not isinstance(name, str) or name not in self.variables:
            near = did_you_mean(str(name), self.variables) or f"there is {listed(self.variables)}"
            raise Diagnostic(UNKNOWN_VARIABLE, f"there is no variable {name!r}", help=near)
        return self.variables[name]

    def state(self, variable: str, state: str) -> int:
        """The place of a state.

        Raises:
            Diagnostic: LW5005, with a suggestion.
        """
        states = self.find(variable).states
        if state not in states:
            raise Diagnostic(
                UNKNOWN_VARIABLE,
                f"{variable!r} has no state {state!r}",
                help=did_you_mean(state, states) or f"it has {listed(states)}",
            )
        return states.index(state)

    @property
    def directed(self) -> bool:
        """Whether every factor is the conditional table of a variable of its own."""
        children = [factor.child for factor in self.factors]
        return None not in children and len(set(children)) == len(children) == len(self.variables)

    def check(self) -> None:
        """Check every factor as `factor` does, and a Bayesian network for cycles.

        Raises:
            Diagnostic: LW5001, LW5002, LW5005; LW5004, naming the variables of a cycle.
        """
        for factor in self.factors:
            self._check(factor)
        if cycle := self.cycle():
            raise Diagnostic(CYCLIC, f"a cycle: {' <- '.join(cycle)}")

    def cycle(self) -> list[str]:
        """The variables of a cycle of conditional tables, the first again at the end, if any."""
        parents = {f.child: [v for v in f.scope if v != f.child] for f in self.factors if f.child}
        done: dict[str, bool] = {}
        for start in parents:
            path: list[str] = []
            todo: list[tuple[str, int]] = [(str(start), 0)]
            while todo:
                name, turn = todo.pop()
                if turn == 0:
                    if done.get(name) is False:
                        return [*path[path.index(name) :], name]
                    if done.get(name):
                        continue
                    done[name] = False
                    path.append(name)
                above = parents.get(name, [])
                if turn < len(above):
                    todo.append((name, turn + 1))
                    todo.append((above[turn], 0))
                else:
                    done[name] = True
                    path.pop()
        return []

    def sums(self) -> Mapping[str, tuple[float, float]]:
        """For conditional tables that do not sum to one: the least and the greatest sum."""
        return table_sums(self.factors)

    def notice(self) -> None:
        """Warn of tables that do not sum to one, once for a graph, at the line that led here."""
        if not self.told:
            self.told = True
            notice_sums(self.name, self.sums())

    def normalized(self) -> FactorGraph:
        """The graph with every conditional table scaled to sums of one; other factors stay.

        Raises:
            Diagnostic: LW5002 where a sum is zero.

        Example:
            >>> graph = FactorGraph()
            >>> _ = graph.variable("a", 2)
            >>> _ = graph.factor(["a"], [1.0, 3.0], child="a")
            >>> graph.normalized().factors[0].table.tolist()
            [0.25, 0.75]
        """
        graph = FactorGraph(self.name, self.variables)
        for factor in self.factors:
            table = scaled_table(factor, self.variables)
            graph.factor(factor.scope, table, name=factor.name, child=factor.child)
        return graph

    def drawing(self) -> Drawing:
        """A Bayesian network's arcs; of another graph variables (ellipses) and factors (boxes)."""
        return graph_drawing(self.name, self.variables, self.factors, directed=self.directed)

    def dot(self) -> str:
        """The graph in the language of Graphviz: a Bayesian network's arcs, or all factors."""
        return self.drawing().dot()

    def svg(self) -> str:
        """The graph as an image that needs nothing else."""
        return self.drawing().svg()

    def _repr_html_(self) -> str:
        return graph_page(self.name, self.variables, self.factors, directed=self.directed)

    def __repr__(self) -> str:
        counts = f"{len(self.variables)} variables, {len(self.factors)} factors"
        return f"<FactorGraph {self.name}: {counts}>"
