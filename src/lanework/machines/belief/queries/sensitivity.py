"""What a posterior probability hangs on: its derivatives by the entries of tables, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.data.tables import TableLike
from lanework.core.options import choice, flag, integer
from lanework.core.result.result import Array
from lanework.machines.belief.codes import BAD_QUERY
from lanework.machines.belief.data.result import BeliefResult
from lanework.machines.belief.data.states import UNKNOWN, state_place
from lanework.machines.belief.graph.factor import listed
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_graph, of_graph
from lanework.machines.belief.passes.outputs import LN_P, POSTERIOR, factor_names
from lanework.machines.belief.passes.query import Query, read_query
from lanework.machines.belief.queries.entries import Columns, Entries, Entry
from lanework.machines.belief.queries.infer import infer
from lanework.machines.belief.tensor import F64

ORDERS = ("relative", "proportional", "derivative")


class Sensitivity(BeliefResult):
    """A result with the derivatives of a posterior probability: an array for each factor.

    Attributes:
        graph: the graph.
        asked: the variable, and the place of its state.
    """

    __slots__ = ("asked", "graph")

    graph: FactorGraph
    asked: Query

    @classmethod
    def of(cls, graph: FactorGraph, query: Query, result: BeliefResult) -> Sensitivity:
        """A result of the query `sensitivity`, with the graph that it is of."""
        names = [*factor_names(graph.factors), POSTERIOR, LN_P]
        sensitivity = cls(
            {name: result[name] for name in names},
            axes={name: result.axes(name) for name in names},
            coords=result.coords,
            stats=result.stats,
            query=result.query,
            states=result.states,
            total=result.total,
        )
        sensitivity.graph, sensitivity.asked = graph, query
        return sensitivity

    def columns(self, *names: str, wide: bool = False) -> dict[str, Array]:
        """A row for each entry of each table, without rows of evidence that are impossible."""
        flag("wide", wide)
        if names:
            return super().columns(*names)
        labels = self._row_labels()
        rows = [
            (labels[row], e.factor, e.place, e.value, e.derivative, e.proportional, e.relative)
            for row in np.flatnonzero(self.possible()).tolist()
            for e in self.entries(row)
        ]
        titles = ("row", *Entries.HEADER)
        columns = zip(*rows, strict=True) if rows else [()] * len(titles)
        return {title: np.array(column) for title, column in zip(titles, columns, strict=True)}

    def probability(self) -> F64:
        """The posterior probability itself, of the shape () or (row,)."""
        return np.asarray(self[POSTERIOR][..., self.asked.state])

    def largest(self, count: int = 10, *, row: int = 0, by: str = "relative") -> Entries:
        """The entries of tables on which the probability hangs most.

        Args:
            count: how many.
            row: of evidence.
            by: `relative`, `proportional` or `derivative`, as an `Entry` has them, without their
                signs. For tables that are not conditional `proportional` is `derivative`.

        Raises:
            Diagnostic: LW2005 for another order, or a row that there is not.
        """
        choice("by", by, ORDERS)
        count = integer("count", count)
        columns = self._columns(row)
        sizes = getattr(columns, "effect" if by == "proportional" else by)
        order = np.argsort(-np.where(np.isnan(sizes), -1.0, np.abs(sizes)), kind="stable")
        return Entries([columns.entry(int(place)) for place in order[:count]])

    def entries(self, row: int = 0) -> Iterator[Entry]:
        """All entries of all tables, in their order.

        Raises:
            Diagnostic: LW2005 for a row that there is not.
        """
        columns = self._columns(row)
        return (columns.entry(place) for place in range(len(columns.value)))

    def _repr_html_(self) -> str:
        return self.largest()._repr_html_() if self[LN_P].size else super()._repr_html_()

    def _columns(self, row: int) -> Columns:
        rows = len(self[POSTERIOR]) if self.rowed else 1
        row = integer("row", row, 0, rows - 1)
        at = row if self.rowed else ()
        derivatives = [self[name][at] for name in factor_names(self.graph.factors)]
        return Columns(self.graph, derivatives, float(self.probability()[at]))


@of_graph
def sensitivity(
    graph: FactorGraph,
    variable: str,
    state: Any,
    evidence: TableLike | None = None,
    *,
    engine: str = "auto",
    limits: Limits | None = None,
    threads: int | None = None,
) -> Sensitivity:
    """The derivatives of P(variable=state given the evidence) by every entry of every table.

    Args:
        graph: variables and factors.
        variable: a variable.
        state: one of its states, as evidence would say it.
        evidence: variable -> state, likelihood, or a column of these; a mapping or a frame.
        engine: as for `Runner`; so are limits and threads.
        limits: memory, deadline, threads.
        threads: at most so many.

    Returns:
        By the name of each factor an array of its table's shape, after an axis `row` for a table of
        evidence; the variable's `posterior`, and `ln_p_evidence`. Rows that are impossible have
        zeros. `largest` lists the entries that matter most.

    Raises:
        Diagnostic: LW5005 for an unknown variable or state, LW5009 for no state or one that is
            not unique as a text, and what compiling and running say.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.variable("grass", ["wet", "dry"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8], child="rain")
        >>> _ = graph.factor(["rain", "grass"], [[0.9, 0.1], [0.2, 0.8]], child="grass")
        >>> result = sensitivity(graph, "rain", "yes", {"grass": "wet"})
        >>> result["rain"].round(4).tolist(), float(result.probability().round(4))
        ([1.2457, -0.3114], 0.5294)
        >>> result.largest(3)
        factor  states              entry  derivative   proportional  relative
        rain    rain=no             0.8    -0.31141869  -1.5570934    -2.3529412
        grass   rain=no, grass=dry  0.8    0            1.2456747     1.8823529
        rain    rain=yes            0.2    1.2456747    1.5570934     0.58823529
    """
    check_graph(graph)
    place = state_place(graph.find(variable), state)
    if place == UNKNOWN:
        help = f"it has {listed(graph.variables[variable].states)}"
        raise Diagnostic(BAD_QUERY, f"no state of {variable!r} is given", help=help)
    text = f"sensitivity:{variable}={graph.variables[variable].states[place]}"
    query = read_query(graph, text)
    if query != Query("sensitivity", (variable,), state=place):
        what, help = f"{text!r} may be read in two ways", "rename the variable or the state"
        raise Diagnostic(BAD_QUERY, what, help=help)
    result = infer(graph, evidence, text, engine=engine, limits=limits, threads=threads)
    return Sensitivity.of(graph, query, result)
