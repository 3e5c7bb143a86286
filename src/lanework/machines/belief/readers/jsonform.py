"""Factor graphs as JSON: sizes or states of variables, and factors with scope and values.

::

    {"variables": {"a": 2, "b": ["yes", "no"]},
     "factors": {"f": {"scope": ["a", "b"], "values": [[0.5, 0.5], [0.1, 0.9]]}}}
"""

from __future__ import annotations

import json
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.model import FactorGraph


def read_json(text: str, source: str = "graph.json") -> FactorGraph:
    """A factor graph.

    Raises:
        Diagnostic: LW5003 where the JSON or the graph is malformed; LW5001, LW5002.

    Example:
        >>> text = '{"variables": {"a": 2}, "factors": {"f": {"scope": ["a"], "values": [1, 2]}}}'
        >>> read_json(text)
        <FactorGraph graph.json: 1 variables, 1 factors>
    """

    def wrong(message: str, line: int = 1, column: int = 1) -> Diagnostic:
        span = Span(source, line, column, line, column + 1, text)
        return Diagnostic(BAD_NETWORK, message, span=span)

    try:
        found: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        place = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        raise wrong(f"the JSON is malformed: {error}", *place) from None
    if not isinstance(found, dict):
        raise wrong("a graph is an object with variables and factors")
    variables, factors = found.get("variables"), found.get("factors")
    if isinstance(factors, list):
        factors = {str(n): factor for n, factor in enumerate(factors)}
    if not isinstance(variables, dict) or not isinstance(factors, dict):
        raise wrong("a graph is an object with variables and factors")
    graph = FactorGraph(str(found.get("name", source)))
    for name, states in variables.items():
        if not isinstance(states, list | int) or isinstance(states, bool):
            raise wrong(f"the variable {name!r} has a number of states, or their names")
        graph.variable(name, states)
    for name, factor in factors.items():
        if not isinstance(factor, dict) or not isinstance(factor.get("scope"), list):
            raise wrong(f"the factor {name!r} has a scope and values")
        try:
            values: Any = factor.get("values")
            graph.factor([str(v) for v in factor["scope"]], values, name=name)
        except (TypeError, ValueError) as error:
            raise wrong(f"the values of {name!r} are no table: {error}") from None
    return graph
