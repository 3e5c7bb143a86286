"""Drawings of programs: where variables meet on the way to a result.

A product of several tensors takes several instructions, two tensors at a time; what is multiplied
before a sum is taken is one contraction, a node of the drawing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from lanework.core.program.isa import OperandKind
from lanework.core.program.program import Program
from lanework.core.result.drawing import Drawing, Edge, Node
from lanework.core.result.show import many
from lanework.machines.belief.layout import BeliefView, operands_of
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec, joined
from lanework.machines.belief.walk import Walk, walk

WIDE, LISTED = 30, 12  # letters in a line of a node, names in a node


def tree_drawing(program: Program) -> Drawing:
    """A program's contractions, the last one on top: which variables meet, how large that is.

    Raises:
        Diagnostic: a program that fails to verify.
    """
    nodes = contractions(program)
    view = BeliefView.of(program)
    most = max((node.entries for node in nodes), default=1)
    drawing = Drawing(str(program.header.get("name", "program")))
    for node in nodes:
        heat = math.log(node.entries) / math.log(most) if most > 1 else 0.0
        drawing.nodes.append(Node(_lines(view, node), "box", _title(view, node), heat))
    for number, node in enumerate(nodes):
        for other in node.inputs:
            kept = ", ".join(_names(view, nodes[other].kept.axes)) or "a number"
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
        >>> from lanework.machines.belief.graph.model import FactorGraph
        >>> from lanework.machines.belief.passes.compile import compile_graph
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


def _names(view: BeliefView, axes: Iterable[Axis]) -> list[str]:
    return [
        view.variables[axis.id].name if axis.type is AxisType.GEOMETRIC else f"mode {axis.id}"
        for axis in axes
    ]


def _lines(view: BeliefView, node: Contraction) -> tuple[str, ...]:
    """What meets, what ends, and the size, in short lines."""
    names = _names(view, node.spec.axes)
    if not names:
        return ("product",)
    lines = _wrapped(names)
    if node.summed:
        every = len(node.summed) == len(names)
        first, *more = _wrapped(["all"] if every else _names(view, node.summed))
        lines += [f"sums {first}", *more]
    return (*lines, f"{node.entries:,} entries")


def _wrapped(names: list[str]) -> list[str]:
    if len(names) > LISTED:
        names = [*names[: LISTED - 1], f"{len(names) - LISTED + 1} more"]
    lines = [""]
    for n, name in enumerate(names):
        word = name if n == len(names) - 1 else f"{name},"
        if lines[-1] and len(lines[-1]) + 1 + len(word) > WIDE:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def _title(view: BeliefView, node: Contraction) -> str:
    parts = [", ".join(_names(view, node.spec.axes)) or "a number"]
    if node.factors:
        parts.append(many(len(node.factors), "table"))
    if node.evidence:
        parts.append(f"evidence of {', '.join(view.variables[v].name for v in node.evidence)}")
    if node.inputs:
        parts.append(many(len(node.inputs), "sum") + " from below")
    return "; ".join(parts)


@dataclass
class Contraction:
    """Tensors that are multiplied, and what their product is summed to."""

    spec: TensorSpec  # all axes that meet
    kept: TensorSpec  # those that the sum leaves
    entries: int = 1  # of the largest product of two tensors
    # the factors that are loaded for it, by number
    factors: list[int] = field(default_factory=list)
    # the variables whose evidence comes in here, by number
    evidence: list[int] = field(default_factory=list)
    # the contractions whose sums it takes, by number
    inputs: list[int] = field(default_factory=list)

    @property
    def summed(self) -> tuple[Axis, ...]:
        """The axes that end here."""
        kept = set(self.kept.keys)
        return tuple(axis for axis in self.spec.axes if axis.key not in kept)


def contractions(program: Program) -> list[Contraction]:
    """The contractions that lead to a program's whole sum, the last one first.

    Where no whole sum is stored, those that lead to all of its results.

    Raises:
        Diagnostic: a program that fails to verify.

    Example:
        >>> from lanework.machines.belief.passes.compile import compile_graph
        >>> from lanework.machines.belief.graph.model import FactorGraph
        >>> graph = FactorGraph()
        >>> for name in "abc":
        ...     _ = graph.variable(name, 2)
        >>> _ = graph.factor("ab", [[1, 2], [3, 4]])
        >>> _ = graph.factor("bc", [[1, 2], [3, 4]])
        >>> [(node.spec.entries, node.inputs) for node in contractions(compile_graph(graph))]
        [(2, [1]), (4, [2]), (4, [])]
    """
    program.verify()
    view, known = BeliefView.of(program), walk(program)
    stored = known.stored
    roots = [stored[port.row] for port in program.outputs if view.slots[port.row] == ("Z",)]
    roots = roots or list(dict.fromkeys(stored[port.row] for port in program.outputs))
    reached = dict.fromkeys(roots)
    todo = list(roots)
    while todo:
        fresh = [source for source in known.sources[todo.pop()] if source not in reached]
        reached |= dict.fromkeys(fresh)
        todo += fresh
    uses = Counter(source for number in reached for source in known.sources[number])
    ends = dict.fromkeys(roots)  # the instruction that ends each contraction
    for number in sorted(reached, reverse=True):
        sums = len(_union(known, number).axes) > len(known.spec(number).axes)
        if sums or (uses[number] > 1 and known.sources[number]):
            ends.setdefault(number)
    names = {number: n for n, number in enumerate(ends)}
    return _trimmed([_contraction(view, known, end, names) for end in ends])


def _union(known: Walk, number: int) -> TensorSpec:
    return joined(*map(known.spec, known.sources[number]))


def _contraction(view: BeliefView, known: Walk, end: int, names: dict[int, int]) -> Contraction:
    """What is multiplied before an instruction sums, as far as no other contraction ends."""
    node = Contraction(known.spec(end), known.spec(end))
    todo = [end]
    while todo:
        number = todo.pop()
        instruction, sources = view.instructions[number], known.sources[number]
        node.factors += operands_of(instruction, OperandKind.FACTOR)
        node.evidence += operands_of(instruction, OperandKind.VARIABLE)
        union = joined(known.spec(number), _union(known, number))
        node.spec = joined(node.spec, union)
        node.entries = max(node.entries, union.entries)
        node.inputs += [names[source] for source in sources if source in names]
        todo += [source for source in sources if source not in names]
    return node


def _trimmed(nodes: list[Contraction]) -> list[Contraction]:
    """Without a last one that only hands a number on."""
    if not nodes or nodes[0].spec.axes or nodes[0].factors or nodes[0].inputs != [1]:
        return nodes
    if any(0 in node.inputs for node in nodes):
        return nodes
    for node in nodes[1:]:
        node.inputs = [number - 1 for number in node.inputs]
    return nodes[1:]
