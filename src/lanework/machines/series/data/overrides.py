"""What overrides nodes, along the axes of these nodes: time first, then the lanes they depend on.

What inputs declare of them is in the program; what else a run is given adds the axes that it has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lanework.core.ops.bodies.logic import choose
from lanework.machines.series.data.labels import Labelled, as_labelled
from lanework.machines.series.data.longtables import TIME
from lanework.machines.series.data.shape import Given, Shape

if TYPE_CHECKING:
    from lanework.core.program.program import Port
    from lanework.machines.series.layout import SeriesView


def label_overrides(
    ports: Sequence[Port],
    values: Mapping[int, Any],
    items: dict[int, Labelled],
    view: SeriesView | None,
) -> None:
    """Label what is given for optional ports, after what says itself along which axes it is.

    Args:
        ports: all input ports.
        values: what is given, by the number of the port.
        items: the other inputs by their numbers, to which these are added.
        view: the program, whose tape says what nodes depend on; without it they have the axes
            that are declared.

    Raises:
        Diagnostic: what `as_labelled` says.
    """
    nodes = {} if view is None else _nodes(view)
    rows = {n: nodes.get(ports[n].row, ()) for n in values}
    for number in sorted(values, key=lambda n: (not isinstance(values[n], Labelled), rows[n])):
        port, value = ports[number], values[number]
        present: tuple[str, ...] = ()
        if view is not None and rows[number] and not isinstance(value, float | Labelled):
            port = replace(port, axes=_axes(number, rows[number], ports, items, view))
            met = {TIME, *(axis for item in items.values() for axis in item.axes)}
            present = tuple(axis for axis in port.axes if axis in met)
        items[number] = as_labelled(value, port, present)


def only_lanes(ports: Iterable[Port]) -> list[str]:
    """The lane axis that inputs declare, if there is one alone: it is that of all lanes."""
    lanes = list(dict.fromkeys(axis for port in ports for axis in port.axes if axis != TIME))
    return lanes if len(lanes) == 1 else []


def _nodes(view: SeriesView) -> dict[int, tuple[int, ...]]:
    """By the row of an input the rows of the nodes that it overrides, which choose it."""
    known: dict[int, tuple[int, ...]] | None = view.program.views.get("overridden")
    if known is None:
        optional = {port.row for port in view.inputs if port.optional}
        steps = ((i.target, i.name, i.operands) for i in view.instructions)
        known = view.program.views["overridden"] = overridden(steps, optional)
    return known


def overridden(
    steps: Iterable[tuple[int, str, Sequence[int]]], optional: Collection[int]
) -> dict[int, tuple[int, ...]]:
    """By each of these inputs the values that choose it where it is given: it overrides them.

    Args:
        steps: values with the op that makes each, and its operands.
        optional: the values of inputs that may be missing.

    Example:
        >>> overridden([(7, "select", (5, 2, 6)), (8, "add", (7, 2))], [2])
        {2: (7,)}
    """
    known = dict[int, tuple[int, ...]]()
    for value, op, operands in steps:
        if op == choose.name and operands[1] in optional:
            known[operands[1]] = (*known.get(operands[1], ()), value)
    return known


def _axes(
    number: int,
    rows: Sequence[int],
    ports: Sequence[Port],
    items: Mapping[int, Labelled],
    view: SeriesView,
) -> tuple[str, ...]:
    """The axes of a port: as declared, and those of the run along which its node varies."""
    given = [items[n].axes if n in items else () for n in range(len(ports))]
    order = dict.fromkeys(axis for axes in (*(p.axes for p in ports), *given) for axis in axes)
    own = [axis for axis in order if axis in ports[number].axes]
    for axis in order:
        if axis not in (TIME, *own) and any(axis in axes for axes in given):
            shape = Shape.of(view, tuple(Given(TIME in axes, axis in axes) for axes in given))
            if any(shape.output_varies(row) for row in rows):
                own.append(axis)
    lanes = [axis for axis in order if axis in own and axis != TIME] or only_lanes(ports)
    return (TIME, *lanes) if TIME in own else tuple(lanes)
