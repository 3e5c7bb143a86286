"""Whether a format of networks can hold a graph and its names."""

from __future__ import annotations

import re

from lanework.base.errors import Diagnostic
from lanework.machines.belief.codes import BAD_GRAPH
from lanework.machines.belief.model import FactorGraph

HELP = "write it as JSON, which holds any factor graph and any names"


def check_names(graph: FactorGraph, what: str, illegal: re.Pattern[str]) -> None:
    """Refuse a graph that is no Bayesian network, and names in which a pattern is found.

    Args:
        graph: what is to be written.
        what: the name of the format.
        illegal: what names must not have.

    Raises:
        Diagnostic: LW5001.
    """
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
