"""How a graph shows itself: as a drawing, and on a notebook's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lanework.core.result.drawing import Drawing, Edge, Node
from lanework.core.result.show import html_table, many, markup
from lanework.machines.belief.graph.factor import Factor, Variable

STATES = 12  # named when one points at a variable
DRAWN, LISTED = 60, 20  # variables up to which a graph is drawn, and that a table names


def graph_drawing(
    name: str, variables: Mapping[str, Variable], factors: Sequence[Factor], *, directed: bool
) -> Drawing:
    """A Bayesian network's arcs; of another graph variables (ellipses) and factors (boxes)."""
    drawing = Drawing(name)
    number = {variable: n for n, variable in enumerate(variables)}
    for variable in variables.values():
        listed = ", ".join(variable.states[:STATES])
        more = ", ..." if variable.size > STATES else ""
        title = f"{variable.name}: {listed}{more}"
        drawing.nodes.append(Node((variable.name,), title=title))
    if directed:
        pairs = [(parent, f.child) for f in factors for parent in f.scope if parent != f.child]
        drawing.edges = [Edge(number[parent], number[str(child)]) for parent, child in pairs]
        return drawing
    for factor in factors:
        title = f"{factor.name} over {', '.join(factor.scope) or 'nothing'}"
        title += f": {many(factor.table.size, 'number')}"
        drawing.nodes.append(Node((factor.name,), "box", title))
    ends = [(number[v], len(number) + n) for n, f in enumerate(factors) for v in f.scope]
    drawing.edges = [Edge(*pair, arrow="none") for pair in _from_the_rim(len(drawing.nodes), ends)]
    return drawing


def graph_page(
    name: str, variables: Mapping[str, Variable], factors: Sequence[Factor], *, directed: bool
) -> str:
    """A drawing of a small graph, a table of a large one."""
    entries = sum(factor.table.size for factor in factors)
    counts = f"{many(len(variables), 'variable')}, {many(len(factors), 'factor')}"
    kind = "Bayesian network" if directed else "factor graph"
    caption = f"{name}: {kind}, {counts}, {many(entries, 'number')}"
    if 0 < len(variables) <= DRAWN and (directed or len(factors) <= DRAWN):
        image = graph_drawing(name, variables, factors, directed=directed).svg()
        return f"<figure>{image}<figcaption>{markup(caption)}</figcaption></figure>"
    rows = [
        [variable.name, str(variable.size), ", ".join(variable.states[:6])]
        for variable in list(variables.values())[:LISTED]
    ]
    if len(variables) > LISTED:
        rows.append([f"... and {len(variables) - LISTED:,} more", "", ""])
    return html_table(["variable", "states", ""], rows, caption)


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
    distance = {start: 0}
    todo = [start]
    for node in todo:  # grows while it is walked
        for other in near[node]:
            if other not in distance:
                distance[other] = distance[node] + 1
                todo.append(other)
    return distance
