"""What a compiler is given: a graph, what is asked of it, what may be known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import BAD_OPTION
from lanework.core.options import choice, names
from lanework.machines.belief.codes import BAD_QUERY
from lanework.machines.belief.graph.factor import Factor, sums
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.semiring import BY_PARTS, CUSTOM, NAMED, WEIGHTED, VMSemiringRuntime

SUMS = ("marginals", "z", "joint")  # queries that need no more than products and sums
ROUNDING = 1e-13  # of decimals, and of their sum


@dataclass(frozen=True)
class Query:
    """What is asked."""

    # `marginals`, `z`, `mpe`, `mmap`, `joint`, `kbest`, `sample`, `gradient` or `sensitivity`
    kind: str
    variables: tuple[str, ...] = ()  # of whom
    count: int = 1  # how many assignments
    # the place of the state whose probability is derived, for `sensitivity`
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
        return Query("marginals", _names(graph, names("query", query, BAD_QUERY)))
    if query in _PLAIN:
        return _PLAIN[query](graph)
    if not query.strip():
        raise Diagnostic(BAD_QUERY, "the query is empty", help=f"there are {', '.join(KINDS)}")
    kind, colon, rest = query.partition(":")
    if kind in _READERS:
        return _READERS[kind](graph, kind, rest if colon else None)
    asked = _split(graph, query)
    unknown = [name for name in asked if name not in graph.variables]
    if unknown:
        near = did_you_mean(query, KINDS) if len(asked) == 1 else None
        if near and not did_you_mean(unknown[0], graph.variables):
            raise Diagnostic(BAD_QUERY, f"there is no query {query!r}", help=near)
    return Query("marginals", _names(graph, asked))


def _listed(graph: FactorGraph, kind: str, text: str | None) -> Query:
    if not (text or "").strip():
        example = f"{kind}:{','.join(list(graph.variables)[:2])}"
        what = f"the query {kind!r} needs names of variables"
        raise Diagnostic(BAD_QUERY, what, help=f"write {example}")
    asked = _split(graph, text or "")
    twice = next((name for n, name in enumerate(asked) if name in asked[:n]), None)
    if twice is not None:
        what = f"the query '{kind}:{text}' has {twice!r} twice"
        raise Diagnostic(BAD_QUERY, what, help="name every variable once")
    return Query(kind, _names(graph, asked))


def _counted(graph: FactorGraph, kind: str, text: str | None) -> Query:
    if text is None:
        raise Diagnostic(BAD_QUERY, f"the query {kind!r} needs a number", help=f"write {kind}:10")
    if not text.strip().isdecimal() or int(text) == 0:
        what = f"'{kind}:{text}' needs a number of assignments"
        raise Diagnostic(BAD_QUERY, what, help=f"write {kind}:10")
    return Query(kind, tuple(graph.variables), int(text))


def _sensitivity(graph: FactorGraph, kind: str, text: str | None) -> Query:
    """`VAR=STATE`; where names have that sign, the first place that divides it into two of them."""
    text = text or ""
    signs = [place for place, sign in enumerate(text) if sign == "="]
    for place in signs:
        variable, state = graph.variables.get(text[:place]), text[place + 1 :]
        if variable is not None and state in variable.states:
            return Query(kind, (variable.name,), state=variable.states.index(state))
    if not signs:
        what = "the query 'sensitivity' needs a state of a variable"
        raise Diagnostic(BAD_QUERY, what, help="write sensitivity:VARIABLE=STATE")
    name, _, state = text.partition("=")
    return Query(kind, (name,), state=graph.state(name, state))


_PLAIN: dict[str, Callable[[FactorGraph], Query]] = {
    "all": lambda graph: Query("marginals", tuple(graph.variables)),
    "mpe": lambda graph: Query("mpe", tuple(graph.variables)),
    "z": lambda graph: Query("z"),
    "gradient": lambda graph: Query("gradient"),
}
_READERS: dict[str, Callable[[FactorGraph, str, str | None], Query]] = {
    "mmap": _listed,
    "joint": _listed,
    "kbest": _counted,
    "sample": _counted,
    "sensitivity": _sensitivity,
}
KINDS = (*_PLAIN, *_READERS)


def _split(graph: FactorGraph, text: str) -> list[str]:
    """Names between commas; a name that has commas itself stands alone."""
    return [text] if text in graph.variables else [name.strip() for name in text.split(",")]


def _given(graph: FactorGraph, given: Iterable[str], what: str) -> list[str]:
    """Names of variables for an option, in one text or several.

    Raises:
        Diagnostic: LW2005 for states that are given with them, which a run takes.
    """
    if isinstance(given, str):
        return _split(graph, given)
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        help = "name the variables in a list, and give their states to run() or infer()"
        raise Diagnostic(BAD_OPTION, f"{what} is {given!r}", help=help)
    return list(names(what, given))


def _names(graph: FactorGraph, asked: Sequence[str]) -> tuple[str, ...]:
    for name in asked:
        graph.find(name)
    return tuple(dict.fromkeys(asked))


class Problem:
    """A question about a graph, with variables by number.

    Attributes:
        evidence: the variables that may be observed, as inputs.
        cut: those whose state every row says, and which are cut out.
        semiring: what the program is bound to unless another is asked for.
    """

    def __init__(
        self,
        graph: FactorGraph,
        query: str | Sequence[str],
        evidence: Iterable[str] | None,
        observed: Iterable[str],
        semiring: str | VMSemiringRuntime,
    ) -> None:
        self.graph = graph
        own = isinstance(semiring, VMSemiringRuntime)
        self.semiring = CUSTOM if own else choice("semiring", semiring, (*NAMED, CUSTOM))
        self.query = read_query(graph, query)
        if self.custom and self.query.kind not in SUMS:
            what = f"a semiring of your own does not answer {self.query.kind}"
            raise Diagnostic(BAD_QUERY, what, help="ask for sums: all, variables, z or joint:VARS")
        cut = dict.fromkeys(_given(graph, observed, "observed"))
        every = graph.variables if evidence is None else _given(graph, evidence, "evidence")
        known = dict.fromkeys([*every, *cut])
        for name in known:
            graph.find(name)
        if self.query.derives and cut:
            what = "derivatives are of whole tables, and observed variables are cut out of these"
            raise Diagnostic(BAD_QUERY, what, help="name them as evidence instead")
        self.number = {name: n for n, name in enumerate(graph.variables)}
        self.evidence = [self.number[name] for name in known]
        self.cut = frozenset(self.number[name] for name in cut)
        self.asked = [self.number[name] for name in self.query.variables]

    @property
    def custom(self) -> bool:
        """Whether nothing is known of the semiring."""
        return self.semiring == CUSTOM

    @property
    def folds(self) -> bool:
        """Whether tables may be multiplied as numbers when compiling."""
        return self.semiring not in (CUSTOM, WEIGHTED)

    @property
    def maximizes(self) -> bool:
        """Whether the best assignment is wanted."""
        return self.query.kind in ("mpe", "mmap", "kbest")

    @cached_property
    def needed(self) -> list[str]:
        """The variables that the answer depends on, whatever is summed over."""
        numbers = dict.fromkeys([*self.asked, *self.evidence])
        names = list(self.graph.variables)
        return [names[number] for number in numbers]

    @cached_property
    def factors(self) -> list[Factor]:
        """The factors that the answer depends on."""
        all_needed = self.query.kind in ("mpe", "kbest") or self.query.derives
        if all_needed or self.semiring not in BY_PARTS:
            return list(self.graph.factors)
        return needed_factors(self.graph, self.needed)

    @property
    def pruned(self) -> bool:
        """Whether tables were left out because they sum to one."""
        return len(self.factors) < len(self.graph.factors)

    @cached_property
    def scopes(self) -> list[tuple[int, ...]]:
        """The variables of each factor."""
        return [tuple(self.number[name] for name in factor.scope) for factor in self.factors]

    @cached_property
    def observed(self) -> list[int]:
        """The variables with evidence.

        A search for several assignments needs it of all, sensitivity of the variable asked for.
        """
        variables = list(self.number.values()) if self.query.kind == "kbest" else self.evidence
        if self.query.kind == "sensitivity":
            variables = list(dict.fromkeys([*variables, *self.asked]))
        return [variable for variable in variables if variable not in self.cut]

    @cached_property
    def variables(self) -> list[int]:
        """The variables that are eliminated."""
        used = {v for scope in self.scopes for v in scope}.union(self.observed, self.asked)
        if not self.pruned:  # a variable in no factor has as many states as it has
            used.update(self.number.values())
        return sorted(used - self.cut)


def needed_factors(graph: FactorGraph, names: Iterable[str]) -> list[Factor]:
    """The factors that matter to some variables: in a Bayesian network, those of their ancestors.

    A conditional table whose child nobody asks about or observes sums to one (R. D. Shachter,
    Oper. Res. 34, 1986: barren nodes). Published tables often do so to some digits only; leaving
    such a one out would change answers by as much, so it stays.
    """
    if not graph.directed:
        return list(graph.factors)
    table = {str(factor.child): factor for factor in graph.factors}
    ancestors: dict[str, None] = {}
    todo = [*names, *(child for child, factor in table.items() if not _sums_to_one(factor))]
    while todo:
        name = todo.pop()
        if name not in ancestors:
            ancestors[name] = None
            todo += [parent for parent in table[name].scope if parent != name]
    return [factor for factor in graph.factors if factor.child in ancestors]


def _sums_to_one(factor: Factor) -> bool:
    return bool(np.abs(sums(factor) - 1.0).max() <= ROUNDING)
