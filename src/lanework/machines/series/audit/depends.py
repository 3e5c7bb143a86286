"""What depends on inputs: what would have to be computed again if they changed, in ops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.series.codes import UNEXPLAINED
from lanework.machines.series.layout import SeriesView

if TYPE_CHECKING:
    from lanework.core.program.program import Program


@dataclass(frozen=True)
class Dependents:
    """What depends on some inputs of a program.

    Attributes:
        inputs: their names.
        nodes: by the name of each node that depends on them, how many of its ops do.
        outputs: the names of the outputs that do.
        ops: how many ops do, for each lane and period.
        of: how many the program has.
    """

    inputs: tuple[str, ...]
    nodes: dict[str, int]
    outputs: tuple[str, ...]
    ops: int
    of: int

    def __str__(self) -> str:
        nodes = ", ".join(f"{name} ({ops})" for name, ops in self.nodes.items())
        text = f"{self.ops} of {self.of} ops depend on {', '.join(self.inputs)}"
        return f"{text}: {nodes}" if nodes else text


def dependents(program: Program, inputs: Sequence[str]) -> Dependents:
    """See `SeriesProgram.dependents`."""
    ports = {port.name: port.row for port in program.inputs}
    for name in inputs:
        if name not in ports:
            raise Diagnostic(
                UNEXPLAINED,
                f"the program has no input {name!r}",
                help=did_you_mean(name, ports) or f"it has {', '.join(ports)}",
            )
    view = SeriesView.of(program)
    reached = reached_from(view, [ports[name] for name in inputs])
    text = {entry.instruction: entry.text for entry in program.listing}
    again = [n for n, each in enumerate(view.instructions) if each.target in reached]
    names = (
        text.get(n, "").partition(" = ")[0] or f"row {view.instructions[n].target}" for n in again
    )
    outputs = tuple(port.name for port in program.outputs if port.row in reached)
    return Dependents(
        tuple(inputs), dict(Counter(names)), outputs, len(again), len(view.instructions)
    )


def reached_from(view: SeriesView, rows: Iterable[int]) -> set[int]:
    """These rows, and all that depend on them: every row does on the horizon."""
    users: dict[int, list[int]] = {}
    for instruction in view.instructions:
        for row in view.reads(instruction):
            users.setdefault(row, []).append(instruction.target)
    reached: set[int] = set()
    todo = [*rows]
    while todo:
        row = todo.pop()
        if row not in reached:
            reached.add(row)
            todo += users.get(row, [])
    return reached if view.horizon not in reached else set(range(len(view.rows)))
