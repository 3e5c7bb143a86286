"""What is asked of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.belief.codes import BAD_QUERY
from lanework.machines.belief.graph.model import FactorGraph

KINDS = ("all", "z", "mpe", "mmap", "joint", "kbest", "sample", "gradient", "sensitivity")
_LISTED, _COUNTED = ("mmap", "joint"), ("kbest", "sample")


@dataclass(frozen=True)
class Query:
    """What is asked.

    Attributes:
        kind: `marginals`, `z`, `mpe`, `mmap`, `joint`, `kbest`, `sample`, `gradient` or
            `sensitivity`.
        variables: of whom.
        count: how many assignments.
        state: the place of the state whose probability is derived, for `sensitivity`.
    """

    kind: str
    variables: tuple[str, ...] = ()
    count: int = 1
    state: int | None = None

    @property
    def decides(self) -> bool:
        """Whether states are decided, one after another."""
        return self.kind in ("mpe", "mmap", "kbest", "sample")

    @property
    def derives(self) -> bool:
        """Whether derivatives by tables' entries are wanted."""
        return self.kind in ("gradient", "sensitivity")


def read_query(graph: FactorGraph, query: str | Sequence[str]) -> Query:
    """A query from what a user writes.

    Args:
        graph: whose variables are named.
        query: `all` marginals or those of some variables; `z`, `mpe`, `mmap:VARS`, `joint:VARS`,
            `kbest:K`, `sample:N`, `gradient`, `sensitivity:VAR=STATE`, with names between commas.
            A variable whose name is one of these words is asked for in a list.

    Raises:
        Diagnostic: LW5005 for an unknown variable; LW5009 for a query that makes no sense.

    Example:
        >>> graph = FactorGraph()
        >>> _ = graph.variable("a", 2), graph.variable("b", 2)
        >>> read_query(graph, "joint:a,b")
        Query(kind='joint', variables=('a', 'b'), count=1, state=None)
        >>> read_query(graph, "sample:100").count
        100
    """
    if not isinstance(query, str):
        return Query("marginals", _names(graph, query))
    kind, colon, rest = query.partition(":")
    if kind in _LISTED and colon:
        return Query(kind, _names(graph, _split(graph, rest)))
    if kind in _COUNTED and colon:
        if not rest.strip().isdecimal() or int(rest) == 0:
            what = f"{query!r} needs a number of assignments"
            raise Diagnostic(BAD_QUERY, what, help=f"write {kind}:10")
        return Query(kind, tuple(graph.variables), int(rest))
    if kind == "sensitivity":
        return _sensitivity(graph, rest)
    if query == "all":
        return Query("marginals", tuple(graph.variables))
    if query == "mpe":
        return Query("mpe", tuple(graph.variables))
    if query in ("z", "gradient"):
        return Query(query)
    if query in (*_LISTED, *_COUNTED):
        what = "names of variables" if query in _LISTED else "a number"
        example = f"{query}:{','.join(list(graph.variables)[:2])}"
        help = f"write {example}" if query in _LISTED else f"write {query}:10"
        raise Diagnostic(BAD_QUERY, f"the query {query!r} needs {what}", help=help)
    names = _split(graph, query)
    unknown = [name for name in names if name not in graph.variables]
    if unknown:
        near = did_you_mean(query, KINDS) if len(names) == 1 else None
        if near and not did_you_mean(unknown[0], graph.variables):
            raise Diagnostic(BAD_QUERY, f"there is no query {query!r}", help=near)
    return Query("marginals", _names(graph, names))


def _sensitivity(graph: FactorGraph, text: str) -> Query:
    """`VAR=STATE`; where names have that sign, the first place that divides it into two of them."""
    places = [place for place, sign in enumerate(text) if sign == "="]
    for place in places:
        variable, state = graph.variables.get(text[:place]), text[place + 1 :]
        if variable is not None and state in variable.states:
            return Query("sensitivity", (variable.name,), state=variable.states.index(state))
    if not places:
        what = "the query 'sensitivity' needs a state of a variable"
        raise Diagnostic(BAD_QUERY, what, help="write sensitivity:VARIABLE=STATE")
    name, _, state = text.partition("=")
    return Query("sensitivity", (name,), state=graph.state(name, state))


def _split(graph: FactorGraph, text: str) -> list[str]:
    """Names between commas; a name that has commas itself stands alone."""
    return [text] if text in graph.variables else [name.strip() for name in text.split(",")]


def _names(graph: FactorGraph, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        graph.find(name)
    return tuple(dict.fromkeys(names))
