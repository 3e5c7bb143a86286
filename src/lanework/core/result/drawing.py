"""Drawings of graphs, as DOT text for Graphviz and as SVG that needs nothing else.

SVG takes the colour of the text around it, so that it can be read in light and in dark notebooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal
from unicodedata import east_asian_width

from lanework.base.printable import shown
from lanework.core.result.layers import Point, layout
from lanework.core.result.show import markup

FONT, LINE, MARGIN = 12.0, 15.0, 6.0
HOT = "#e07b00"  # the colour of what is large
TIP = 7.0  # the length of an arrow's head


@dataclass(frozen=True)
class Node:
    """A node.

    Attributes:
        lines: its text.
        shape: how it is framed.
        title: what is shown when one points at it.
        heat: from 0 to 1, how strongly it is coloured.
    """

    lines: tuple[str, ...]
    shape: Literal["box", "ellipse"] = "ellipse"
    title: str = ""
    heat: float = 0.0


@dataclass(frozen=True)
class Edge:
    """An edge from a tail to a head, which is drawn below it.

    Attributes:
        tail: the number of a node.
        head: the number of a node.
        title: what is shown when one points at it.
        arrow: the end that has an arrow's head.
    """

    tail: int
    head: int
    title: str = ""
    arrow: Literal["head", "tail", "none"] = "head"


@dataclass
class Drawing:
    r"""A graph to be drawn.

    Example:
        >>> drawing = Drawing("two", [Node(("a",)), Node(("b", "c"))], [Edge(0, 1)])
        >>> print(drawing.dot(), end="")
        digraph "two" {
          node [fontname="sans-serif"];
          n0 [label="a", shape=ellipse];
          n1 [label="b\nc", shape=ellipse];
          n0 -> n1;
        }
        >>> drawing.svg().startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        True
    """

    name: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        lines = [f"digraph {_quoted(self.name)} {{", '  node [fontname="sans-serif"];']
        for number, node in enumerate(self.nodes):
            label = "\\n".join(_escaped(line) for line in node.lines)
            more = f", tooltip={_quoted(node.title)}" if node.title else ""
            if node.heat:
                more += f', style=filled, fillcolor="{HOT}{round(node.heat * 128):02x}"'
            lines.append(f'  n{number} [label="{label}", shape={node.shape}{more}];')
        for edge in self.edges:
            parts = [f"tooltip={_quoted(edge.title)}"] if edge.title else []
            if edge.arrow != "head":
                parts.append("dir=" + ("back" if edge.arrow == "tail" else "none"))
            more = f" [{', '.join(parts)}]" if parts else ""
            lines.append(f"  n{edge.tail} -> n{edge.head}{more};")
        return "\n".join([*lines, "}"]) + "\n"

    def _repr_svg_(self) -> str:
        return self.svg()

    def svg(self) -> str:
        """The graph as an image, laid out in layers (`lanework.core.result.layers`)."""
        sizes = [_size(node) for node in self.nodes]
        paper = layout(sizes, [(edge.tail, edge.head) for edge in self.edges])
        width, height = paper.width + 2 * MARGIN, paper.height + 2 * MARGIN
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}"'
            f' height="{height:.0f}" viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}"'
            f' style="max-width:100%;height:auto" font-family="sans-serif" font-size="{FONT:g}"'
            ' fill="currentColor" stroke="none">',
            f"<title>{markup(self.name)}</title>",
        ]
        out += [_edge(edge, path) for edge, path in zip(self.edges, paper.paths, strict=True)]
        for node, at, size in zip(self.nodes, paper.nodes, sizes, strict=True):
            out.append(_node(node, at, size))
        return "\n".join([*out, "</svg>"]) + "\n"


def _escaped(text: str) -> str:
    """Text within the quotes of DOT, where a backslash would begin an escape."""
    plain = shown(text, lines=True).replace("\\", "\\\\").replace('"', '\\"')
    return plain.replace("\n", "\\n")


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _size(node: Node) -> Point:
    """About how large a node's text is, with its frame."""
    # ideographs are square
    wide = [[1.0 if east_asian_width(c) in "WF" else 0.58 for c in line] for line in node.lines]
    return (
        max(max(map(sum, wide), default=0.0) * FONT + 18.0, 30.0),
        len(node.lines) * LINE + 11.0,
    )


def _node(node: Node, at: Point, size: Point) -> str:
    (x, y), (width, height) = at, size
    look = 'stroke="currentColor" fill="none"'
    if node.heat:
        look = f'stroke="currentColor" fill="{HOT}" fill-opacity="{node.heat / 2:.2f}"'
    if node.shape == "ellipse":
        frame = f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{width / 2:.1f}" ry="{height / 2:.1f}"'
    else:
        frame = (
            f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}"'
            f' height="{height:.1f}" rx="4"'
        )
    first = y - (len(node.lines) - 1) * LINE / 2 + FONT * 0.35
    texts = "".join(
        f'<text x="{x:.1f}" y="{first + n * LINE:.1f}" text-anchor="middle">{markup(line)}</text>'
        for n, line in enumerate(node.lines)
    )
    title = f"<title>{markup(node.title)}</title>" if node.title else ""
    return f"<g>{title}{frame} {look}/>{texts}</g>"


def _edge(edge: Edge, path: list[Point]) -> str:
    """A curve through the points of a path, upright where it meets nodes."""
    x, y = path[0]
    curve = f"M{x:.1f} {y:.1f}"
    for number, ((x, y), (u, v)) in enumerate(pairwise(path)):
        half = (y + v) / 2
        straight = number % 2 == 1 or x == u  # through a layer
        curve += (
            f" L{u:.1f} {v:.1f}"
            if straight
            else (f" C{x:.1f} {half:.1f} {u:.1f} {half:.1f} {u:.1f} {v:.1f}")
        )
    tip = ""
    if edge.arrow != "none":
        (x, y), (_, v) = (path[-1], path[-2]) if edge.arrow == "head" else (path[0], path[1])
        back = y - TIP if y > v else y + TIP
        tip = f'<path d="M{x:.1f} {y:.1f} L{x - 3.5:.1f} {back:.1f} L{x + 3.5:.1f} {back:.1f}Z"/>'
    title = f"<title>{markup(edge.title)}</title>" if edge.title else ""
    look = 'fill="none" stroke="currentColor" stroke-opacity="0.6"'
    return f'<g>{title}<path d="{curve}" {look}/>{tip}</g>'
