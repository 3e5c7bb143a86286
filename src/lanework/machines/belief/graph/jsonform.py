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
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.span import Span, span_at
from lanework.core.data.holding import NUMBERS
from lanework.core.data.jsontext import Steps, offset_of, offset_of_second
from lanework.core.options import text_of
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_claim, check_graph, error_context

FORM = 'write {"variables": {"a": 2}, "factors": {"f": {"scope": ["a"], "values": [0.5, 0.5]}}}'


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
    text = text_of(text)
    return _Reader(text, source).graph()


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source

    def where(self, *steps: str | int) -> Span:
        return span_at(self.text, self.source, offset_of(self.text, *steps))

    def wrong(self, message: str, *steps: str | int, help: str | None = None) -> Diagnostic:
        return Diagnostic(BAD_NETWORK, message, span=self.where(*steps), help=help)

    def unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, value in pairs:
            if key in fields:
                where = span_at(self.text, self.source, offset_of_second(self.text, key))
                raise Diagnostic(BAD_NETWORK, f"{key!r} is there twice", span=where)
            fields[key] = value
        return fields

    def content(self) -> Any:
        try:
            return json.loads(self.text, object_pairs_hook=self.unique, **NUMBERS)
        except (json.JSONDecodeError, RecursionError) as error:
            at = error.pos if isinstance(error, json.JSONDecodeError) else 0
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            where = span_at(self.text, self.source, at)
            message = f"the JSON is malformed: {reason}"
            raise Diagnostic(BAD_NETWORK, message, span=where) from None

    def graph(self) -> FactorGraph:
        content = self.content()
        known: dict[str, Any] = content if isinstance(content, dict) else {}
        for name, kinds in (("variables", dict), ("factors", dict | list)):
            if not isinstance(known.get(name), kinds):
                message = "a graph is an object with variables and factors"
                message += f", and {name} are no object" if name in known else ""
                raise self.wrong(message, name, help=FORM)
        variables, factors = known["variables"], known["factors"]
        graph = FactorGraph(str(known.get("name", self.source)))
        claimed = 0
        for name, states in variables.items():
            claimed += states if type(states) is int else 0
            check_claim(claimed, self.text, functools.partial(self.where, "variables", name))
            self.variable(graph, name, states)
        named = isinstance(factors, dict)
        for called, factor in factors.items() if named else enumerate(factors):
            self.factor(graph, called, factor)
        with error_context(functools.partial(self.where, "factors")):
            graph.check()
        return graph

    def variable(self, graph: FactorGraph, name: str, states: Any) -> None:
        listed = isinstance(states, list) and all(isinstance(s, str | int | float) for s in states)
        if not listed and type(states) is not int:
            message = f"the variable {name!r} has a number of states, or their names"
            raise self.wrong(message, "variables", name)
        with error_context(functools.partial(self.where, "variables", name)):
            graph.variable(name, states)

    def factor(self, graph: FactorGraph, name: str | int, factor: Any) -> None:
        at: Steps = ("factors", name)
        if not isinstance(factor, dict) or not isinstance(factor.get("scope"), list):
            raise self.wrong(f"the factor {name!r} has a scope and values", *at, help=FORM)
        child, values = factor.get("child"), factor.get("values")
        scope = [str(variable) for variable in factor["scope"]]
        unknown = next((n for n, each in enumerate(scope) if each not in graph.variables), None)
        if not isinstance(values, list | int | float):
            raise self.wrong(f"the values of {name!r} are no table", *at, "values", help=FORM)
        if unknown is not None:
            at = (*at, "scope", unknown)
        else:
            at = (*at, "child" if child is not None and str(child) not in scope else "values")
        try:
            with error_context(functools.partial(self.where, *at)):
                graph.factor(
                    scope,
                    values,
                    name=str(factor.get("name", name)),
                    child=None if child is None else str(child),
                )
        except (TypeError, ValueError) as error:
            raise self.wrong(f"the values of {name!r} are no table: {error}", *at) from None


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
    check_graph(graph)
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
