"""Factor graphs as JSON: sizes or states of variables, and factors with scope and values.

::

    {"name": "n",
     "variables": {"a": 2, "b": ["yes", "no"]},
     "factors": {"f": {"scope": ["a", "b"], "values": [[0.5, 0.5], [0.1, 0.9]], "child": "b"}}}

A name is not needed, nor a child, the variable that a table is conditional for. Factors may also be
a list, each with a name of its own or none.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.core.data.holding import NUMBERS
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_claim, error_context, span_of


def read_json(text: str, source: str = "graph.json") -> FactorGraph:
    """A factor graph.

    Raises:
        Diagnostic: LW5003 where the JSON or the graph is malformed, a name that is there twice
            included; LW5001, LW5002, LW5004, LW5005. All with line and column.

    Example:
        >>> text = '{"variables": {"a": 2}, "factors": {"f": {"scope": ["a"], "values": [1, 2]}}}'
        >>> read_json(text)
        <FactorGraph graph.json: 1 variables, 1 factors>
    """
    return _Reader(text, source).graph()


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source

    def where(self, name: object, nth: int = 1) -> Span:
        pattern = re.escape(json.dumps(str(name), ensure_ascii=False))
        return span_of(self.text, self.source, pattern, nth)

    def wrong(self, message: str, name: object) -> Diagnostic:
        return Diagnostic(BAD_NETWORK, message, span=self.where(name))

    def unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, value in pairs:
            if key in fields:
                raise Diagnostic(BAD_NETWORK, f"{key!r} is there twice", span=self.where(key, 2))
            fields[key] = value
        return fields

    def graph(self) -> FactorGraph:
        line, column, content = 1, 1, None
        message = "a graph is an object with variables and factors"
        try:
            content = json.loads(self.text, object_pairs_hook=self.unique, **NUMBERS)
        except (json.JSONDecodeError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError):
                line, column = error.lineno, error.colno
            message = f"the JSON is malformed: {error}"
        known = content if isinstance(content, dict) else {}
        variables, factors = known.get("variables"), known.get("factors")
        if not isinstance(variables, dict) or not isinstance(factors, dict | list):
            span = Span(self.source, line, column, line, column + 1, self.text)
            raise Diagnostic(BAD_NETWORK, message, span=span)
        graph = FactorGraph(str(known.get("name", self.source)))
        claimed = 0
        for name, states in variables.items():
            claimed += states if type(states) is int else 0
            check_claim(claimed, self.text, functools.partial(self.where, name))
            self.variable(graph, name, states)
        for name, factor in factors.items() if isinstance(factors, dict) else enumerate(factors):
            self.factor(graph, name, factor)
        with error_context(lambda: span_of(self.text, self.source, '"factors"')):
            graph.check()
        return graph

    def variable(self, graph: FactorGraph, name: str, states: Any) -> None:
        listed = isinstance(states, list) and all(isinstance(s, str | int | float) for s in states)
        if not listed and type(states) is not int:
            raise self.wrong(f"the variable {name!r} has a number of states, or their names", name)
        with error_context(functools.partial(self.where, name)):
            graph.variable(name, states)

    def factor(self, graph: FactorGraph, name: object, factor: Any) -> None:
        if not isinstance(factor, dict) or not isinstance(factor.get("scope"), list):
            raise self.wrong(f"the factor {name!r} has a scope and values", name)
        child, values = factor.get("child"), factor.get("values")
        if not isinstance(values, list | int | float):
            raise self.wrong(f"the values of {name!r} are no table", name)
        try:
            with error_context(functools.partial(self.where, name)):
                graph.factor(
                    [str(v) for v in factor["scope"]],
                    values,
                    name=str(factor.get("name", name)),
                    child=None if child is None else str(child),
                )
        except (TypeError, ValueError) as error:
            raise self.wrong(f"the values of {name!r} are no table: {error}", name) from None


def write_json(graph: FactorGraph) -> str:
    """A factor graph as text, with numbers that read back to the same bits; any names.

    Raises:
        Diagnostic: what `graph.check` says.

    Example:
        >>> graph = FactorGraph("n")
        >>> _ = graph.variable("a", ["x", "y"])
        >>> _ = graph.factor(["a"], [0.25, 0.75], name="f", child="a")
        >>> print(write_json(graph), end="")
        {"name": "n",
         "variables": {
          "a": ["x", "y"]},
         "factors": {
          "f": {"scope": ["a"], "values": [0.25, 0.75], "child": "a"}}}
    """
    graph.check()

    def written(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    unique = len({factor.name for factor in graph.factors}) == len(graph.factors)
    variables, factors = [], []
    for variable in graph.variables.values():
        numbered = variable.states == tuple(map(str, range(variable.size)))
        states = variable.size if numbered else list(variable.states)
        variables.append(f"{written(variable.name)}: {written(states)}")
    for factor in graph.factors:
        said: dict[str, object] = {} if unique else {"name": factor.name}
        said |= {"scope": list(factor.scope), "values": factor.table.tolist()}
        if factor.child is not None:
            said["child"] = factor.child
        factors.append(f"{written(factor.name)}: {written(said)}" if unique else written(said))
    opening, closing = "{}" if unique else "[]"
    return (
        f'{{"name": {written(graph.name)},\n "variables": {{{_lines(variables)}}},\n'
        f' "factors": {opening}{_lines(factors)}{closing}}}\n'
    )


def _lines(parts: list[str]) -> str:
    return ",".join(f"\n  {part}" for part in parts)
