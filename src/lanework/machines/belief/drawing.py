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
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec, joined
from lanework.machines.belief.walk import walk

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
        everything = len(node.summed) == len(names)
        ending = ["all"] if everything else _names(view, node.summed)
        first, *more = _wrapped(ending)
        lines += [f"sums {first}", *more]
    return (*lines, f"{node.entries:,} entries")


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


def _title(view: BeliefView, node: Contraction) -> str:
    """All names, and what is multiplied."""
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
    """Tensors that are multiplied, and what their product is summed to.

    Attributes:
        spec: all axes that meet.
        kept: those that the sum leaves.
        entries: of the largest product of two tensors.
        factors: the factors that are loaded for it, by number.
        evidence: the variables whose evidence comes in here, by number.
        inputs: the contractions whose sums it takes, by number.
    """

    spec: TensorSpec
    kept: TensorSpec
    entries: int = 1
    factors: list[int] = field(default_factory=list)
    evidence: list[int] = field(default_factory=list)
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
    view = BeliefView.of(program)
    sources, stored = _uses(view)
    roots = [stored[port.row] for port in program.outputs if view.slots[port.row] == ("Z",)]
    roots = roots or list(dict.fromkeys(stored[port.row] for port in program.outputs))
    reached = dict.fromkeys(roots)
    todo = list(roots)
    while todo:
        for source in sources[todo.pop()]:
            if source not in reached:
                reached[source] = None
                todo.append(source)
    return _grouped(program, view, sources, roots, reached)


def _uses(view: BeliefView) -> tuple[list[list[int]], dict[int, int]]:
    """The instructions whose results each instruction takes, and the one that each slot keeps."""
    held: dict[int, int] = {}  # register -> the instruction that made what is in it
    stored: dict[int, int] = {}
    sources: list[list[int]] = []
    for number, instruction in enumerate(view.instructions):
        kinds = [spec.kind for spec in BELIEF.by_name[instruction.name].operands]
        pairs = list(zip(kinds, instruction.operands, strict=True))
        taken = [held[operand] for kind, operand in pairs if kind is OperandKind.ROW]
        if instruction.name == "load_slot":
            taken.append(stored[instruction.operands[0]])
        elif instruction.name == "store_slot":
            stored[instruction.operands[1]] = taken[0]
        sources.append(taken)
        if instruction.name not in ("store_slot", "free"):
            held[instruction.target] = number
    return sources, stored


def _grouped(
    program: Program,
    view: BeliefView,
    sources: list[list[int]],
    roots: list[int],
    reached: dict[int, None],
) -> list[Contraction]:
    specs = walk(program).specs

    def spec(number: int) -> TensorSpec:
        nodes = specs[number]
        assert nodes is not None  # the instruction makes a register
        return nodes

    uses = Counter(source for number in reached for source in sources[number])
    ends = dict.fromkeys(roots)  # the instruction that ends each contraction
    for number in sorted(reached, reverse=True):
        union = joined(*(spec(source) for source in sources[number]))
        sums = len(union.axes) > len(spec(number).axes)
        if sums or (uses[number] > 1 and sources[number]):
            ends.setdefault(number)
    names = {number: n for n, number in enumerate(ends)}
    nodes = []
    for end in ends:
        node = Contraction(spec(end), spec(end))
        todo = [end]
        while todo:
            number = todo.pop()
            operands = view.instructions[number].operands
            name = view.instructions[number].name
            if name in ("load_factor", "reduce"):
                node.factors.append(operands[0])
            elif name == "load_evidence":
                node.evidence.append(operands[0])
            taken = sources[number]
            union = joined(spec(number), *(spec(source) for source in taken))
            node.spec = joined(node.spec, union)
            node.entries = max(node.entries, union.entries)
            node.inputs += [names[source] for source in taken if source in names]
            todo += [source for source in taken if source not in names]
        nodes.append(node)
    return _trimmed(nodes)


def _trimmed(nodes: list[Contraction]) -> list[Contraction]:
    """Without a last one that only hands a number on."""
    first = nodes[0] if nodes else None
    taken = [number for node in nodes for number in node.inputs]
    if first is None or first.spec.axes or first.factors or len(first.inputs) != 1:
        return nodes
    if first.inputs != [1] or 0 in taken:
        return nodes
    for node in nodes[1:]:
        node.inputs = [number - 1 for number in node.inputs]
    return nodes[1:]
