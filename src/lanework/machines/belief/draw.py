"""Drawings of factor graphs and of the trees of programs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lanework.core.program.program import Program
from lanework.core.result.drawing import Drawing, Edge, Node
from lanework.core.result.show import many
from lanework.machines.belief.contractions import Contraction, contractions
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.model import FactorGraph
from lanework.machines.belief.tensor import Axis, AxisType

WIDE, LISTED = 30, 12  # letters in a line of a node, names in a node
STATES = 12  # named when one points at a variable


def graph_drawing(graph: FactorGraph) -> Drawing:
    """A Bayesian network's arcs; of another graph variables (ellipses) and factors (boxes)."""
    drawing = Drawing(graph.name)
    number = {name: n for n, name in enumerate(graph.variables)}
    for variable in graph.variables.values():
        listed = ", ".join(variable.states[:STATES])
        more = ", ..." if variable.size > STATES else ""
        title = f"{variable.name}: {listed}{more}"
        drawing.nodes.append(Node((variable.name,), title=title))
    if graph.directed:
        for factor in graph.factors:
            assert factor.child is not None
            drawing.edges += [
                Edge(number[name], number[factor.child])
                for name in factor.scope
                if name != factor.child
            ]
        return drawing
    for factor in graph.factors:
        title = f"{factor.name} over {', '.join(factor.scope) or 'nothing'}"
        title += f": {many(factor.table.size, 'number')}"
        drawing.nodes.append(Node((factor.name,), "box", title))
    count = len(number)
    pairs = [
        (number[name], count + n) for n, factor in enumerate(graph.factors) for name in factor.scope
    ]
    drawing.edges = [Edge(*pair, arrow="none") for pair in _from_the_rim(len(drawing.nodes), pairs)]
    return drawing


def tree_drawing(program: Program) -> Drawing:
    """A program's contractions, the last one on top: which variables meet, how large that is.

    Raises:
        Diagnostic: a program that fails to verify.
    """
    found = contractions(program)
    view = BeliefView.of(program)
    most = max((made.entries for made in found), default=1)
    drawing = Drawing(str(program.header.get("name", "program")))
    for made in found:
        heat = math.log(made.entries) / math.log(most) if most > 1 else 0.0
        drawing.nodes.append(Node(_lines(view, made), "box", _title(view, made), heat))
    for number, made in enumerate(found):
        for other in made.inputs:
            kept = ", ".join(_names(view, found[other].kept.axes)) or "a number"
            drawing.edges.append(Edge(number, other, kept, arrow="tail"))
    return drawing


def tree_dot(program: Program) -> str:
    r"""The tree of a program in the language of Graphviz.

    A node is a contraction: the variables that meet there, those that are summed out, and the
    entries of its largest tensor for a row, more strongly coloured the more there are. An arrow
    is what a contraction hands on. The messages that go back down for posteriors have the same
    variables and are left out.

    Raises:
        Diagnostic: a program that fails to verify.

    Example:
        >>> from lanework.machines.belief.compile import compile_graph
        >>> graph = FactorGraph("rain")
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.factor(["rain"], [0.2, 0.8], child="rain")
        >>> print(tree_dot(compile_graph(graph)), end="")
        digraph "rain" {
          node [fontname="sans-serif"];
          n0 [label="rain\nsums all\n2 entries", shape=box, tooltip="rain...
        }
    """
    return tree_drawing(program).dot()


def tree_svg(program: Program) -> str:
    """The tree of a program as an image that needs nothing else; see `tree_dot`.

    Raises:
        Diagnostic: a program that fails to verify.
    """
    return tree_drawing(program).svg()


def _from_the_rim(count: int, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs turned away from a node at the rim of each connected part.

    The layers are then the distances from that node; a far one makes them narrow.
    """
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    distance: dict[int, int] = {}
    for start in range(count):
        if start not in distance:
            distance |= _distances(near, list(_distances(near, start))[-1])
    return [(a, b) if distance[a] < distance[b] else (b, a) for a, b in pairs]


def _distances(near: list[list[int]], start: int) -> dict[int, int]:
    """How far all others are, the farthest last."""
    found = {start: 0}
    todo = [start]
    for node in todo:  # grows while it is walked
        for other in near[node]:
            if other not in found:
                found[other] = found[node] + 1
                todo.append(other)
    return found


def _names(view: BeliefView, axes: Iterable[Axis]) -> list[str]:
    return [
        view.variables[axis.id].name if axis.type is AxisType.GEOMETRIC else f"mode {axis.id}"
        for axis in axes
    ]


def _lines(view: BeliefView, made: Contraction) -> tuple[str, ...]:
    """What meets, what ends, and the size, in short lines."""
    names = _names(view, made.spec.axes)
    if not names:
        return ("product",)
    lines = _wrapped(names)
    if made.summed:
        everything = len(made.summed) == len(names)
        ending = ["all"] if everything else _names(view, made.summed)
        first, *more = _wrapped(ending)
        lines += [f"sums {first}", *more]
    return (*lines, f"{made.entries:,} entries")


def _wrapped(names: list[str]) -> list[str]:
    shown = (
        names if len(names) <= LISTED else [*names[: LISTED - 1], f"{len(names) - LISTED + 1} more"]
    )
    lines = [""]
    for n, name in enumerate(shown):
        word = name if n == len(shown) - 1 else f"{name},"
        if lines[-1] and len(lines[-1]) + 1 + len(word) > WIDE:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def _title(view: BeliefView, made: Contraction) -> str:
    """All names, and what is multiplied."""
    parts = [", ".join(_names(view, made.spec.axes)) or "a number"]
    if made.factors:
        parts.append(many(len(made.factors), "table"))
    if made.evidence:
        parts.append(f"evidence of {', '.join(view.variables[v].name for v in made.evidence)}")
    if made.inputs:
        parts.append(many(len(made.inputs), "sum") + " from below")
    return "; ".join(parts)
