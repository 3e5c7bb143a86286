"""Refusing a graph: where in a file that was, and what a format of networks cannot hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from os import PathLike
from typing import Any, ParamSpec, TypeVar

from lanework.base.errors import Diagnostic
from lanework.base.span import Span, span_at
from lanework.core.options import check_options
from lanework.machines.belief.codes import BAD_GRAPH, BAD_NETWORK
from lanework.machines.belief.graph.model import FactorGraph

Taken = ParamSpec("Taken")
T = TypeVar("T")

UNUSED = 1 << 16  # states of variables that no table is about
HELP = "write it as JSON, which holds any factor graph and any names"


def check_graph(graph: object) -> None:
    """Refuse what is no graph, such as the path of one.

    Raises:
        Diagnostic: LW5001.
    """
    if not isinstance(graph, FactorGraph):
        text = isinstance(graph, str | PathLike)
        help = "read it first: lanework.belief.read_network(path)" if text else "give it first"
        raise Diagnostic(BAD_GRAPH, f"a {type(graph).__name__} is no factor graph", help=help)


def of_graph(question: Callable[Taken, T]) -> Callable[Taken, T]:
    """Hold a function of a graph to the options that it has: what is known is none of them.

    Example:
        >>> import lanework as lw
        >>> graph = lw.belief.FactorGraph("one")
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> lw.belief.infer(graph, rain="yes")
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: there is no option 'rain'
          help: evidence is given in a mapping or a table: infer(graph, evidence={'rain': 'yes'})
    """

    @wraps(question)
    def asked(*args: Taken.args, **options: Taken.kwargs) -> T:
        try:
            check_options(question, options)
        except Diagnostic as problem:
            graph: Any = args[0] if args else options.get("graph")
            known = getattr(graph, "variables", {})
            given = {name: value for name, value in options.items() if name in known}
            if given:
                call = f"{question.__name__}(graph, evidence={given})"
                problem.help = f"evidence is given in a mapping or a table: {call}"
            raise
        return question(*args, **options)

    return asked


def check_names(graph: FactorGraph, what: str, illegal: re.Pattern[str]) -> None:
    """Refuse what a format cannot hold: no Bayesian network, or names in which `illegal` occurs.

    Raises:
        Diagnostic: LW5001, and what `graph.check` says.
    """
    check_graph(graph)
    graph.check()
    if not graph.directed:
        message = f"only a network of conditional tables, one a variable, can be written as {what}"
        raise Diagnostic(BAD_GRAPH, message, help=HELP)
    for name in (graph.name, *graph.variables):
        _check(name, f"the name {name!r}", what, illegal)
    for variable in graph.variables.values():
        for state in variable.states:
            _check(state, f"the state {state!r} of {variable.name!r}", what, illegal)


def _check(name: str, kind: str, what: str, illegal: re.Pattern[str]) -> None:
    if not name or illegal.search(name):
        raise Diagnostic(BAD_GRAPH, f"{what} cannot hold {kind}", help=HELP)


def check_claim(states: int, text: str, span: Callable[[], Span]) -> None:
    """Refuse more states than a text can have numbers for, before there is a name for each.

    Raises:
        Diagnostic: LW5003.
    """
    if states > len(text) + UNUSED:
        what = f"variables have {states:,} states, and the file {len(text):,} characters"
        help = "a variable of a factor has at least a number for each state"
        raise Diagnostic(BAD_NETWORK, what, span=span(), help=help)


@contextmanager
def error_context(span: Callable[[], Span]) -> Iterator[None]:
    """Diagnostics without a place get this one, which is looked for only then."""
    try:
        yield
    except Diagnostic as error:
        if error.span is None:
            error.span = span()
        raise


def span_of(text: str, source: str, pattern: str, nth: int = 1) -> Span:
    """Where a pattern is found for the nth time; the last time or the beginning if it is not.

    Example:
        >>> span_of("a b c", "x.json", "c").column
        5
    """
    starts = [match.start() for match in re.finditer(pattern, text)][:nth]
    return span_at(text, source, starts[-1] if starts else 0)
