"""From the series tape to loop nests.

Rows that are the same for every lane are computed once, in a nest of one lane; the rest go in a
nest over lanes that reads them as columns. How a nest is made is in `nests.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lanework.base.sharing import keep
from lanework.core.program.isa import Instruction
from lanework.machines.series.data.shape import Given, Shape
from lanework.machines.series.isa import ENDS, SERIES
from lanework.machines.series.layout import RowKind, SeriesView
from lanework.machines.series.native.nests import Lowered, Nest

SLIGHT = 6  # primitives up to which shared rows are not worth a nest of their own
KEPT = 32  # ways of giving inputs whose nests stay with a program


@dataclass
class Nests:
    """The nests of one way of giving inputs: the shared rows, then the lanes."""

    shared: Lowered | None
    lanes: Lowered | None


def swappable(view: SeriesView) -> bool:
    """Whether periods are independent of each other, so that time can be run as lanes."""
    if any(record.kind == RowKind.PERIODS for record in view.rows):
        return False  # run as lanes, a nest has one period
    return view.horizon is None and all(
        SERIES.by_name[i.name].elementwise is not None or i.name.startswith("lookup")
        for i in view.instructions
    )


def lower(
    view: SeriesView,
    inputs: tuple[Given, ...],
    outputs: tuple[int, ...],
    *,
    swap: bool = False,
    totals: frozenset[int] = frozenset(),
) -> Nests:
    """The nests for inputs given this way, computing these output ports; worked out once.

    Of the ports in `totals` lanes are added up.

    With `swap` (see `swappable`) the periods of a single lane are run as lanes.
    """
    known: dict[tuple[object, ...], Nests] = view.program.views.setdefault("nests", {})
    key = (inputs, outputs, swap, totals)
    nests = known.get(key)
    if nests is None:
        nests = _lower(view, inputs, outputs, swap, totals)
        keep(known, key, nests, KEPT)
    return nests


def _lower(
    view: SeriesView,
    inputs: tuple[Given, ...],
    outputs: tuple[int, ...],
    swap: bool,
    totals: frozenset[int],
) -> Nests:
    shape = Shape.of(view, inputs)
    if swap:
        shape = shape.swapped()
    ports = view.outputs
    flat = [i for i in outputs if not shape.output_varies(ports[i].row)]
    laned = [i for i in outputs if shape.output_varies(ports[i].row)]
    lane_rows = {ports[i].row for i in laned}
    if not laned and view.horizon is not None and shape.varying[view.horizon]:
        lane_rows.add(view.horizon)  # which is checked, if nothing else of lanes is asked for
    lane_code = _needed(view, lane_rows, lambda row: shape.varying[row])
    read = {row for instruction in lane_code for row in view.reads(instruction)} | lane_rows
    if lane_rows and view.horizon is not None:
        read.add(view.horizon)
    bridges = {
        row for row in read if not shape.varying[row] and view.rows[row].kind == RowKind.NODE
    }
    shared = lanes = None
    if flat or bridges:
        rows = {ports[i].row for i in flat} | bridges
        code = _needed(view, rows, lambda row: not shape.varying[row])
        if not flat and _slight(code):  # cheaper done again in every block than run apart
            lane_code = _needed(view, lane_rows, lambda row: True)
            lanes = Nest(view, shape, lane_code, swap, lanes=True).lower(laned, [], totals)
            return Nests(None, lanes)
        shared = Nest(view, shape, code, swap, lanes=False).lower(flat, sorted(bridges))
    if lane_rows:
        nest = Nest(view, shape, lane_code, swap, bridges, lanes=True)
        lanes = nest.lower(laned, [], totals)
    return Nests(shared, lanes)


def _slight(code: list[Instruction]) -> bool:
    """Whether instructions cost next to nothing: a few primitives, element-wise."""
    ops = [SERIES.by_name[i.name].elementwise for i in code if i.name != ENDS]
    return sum(SLIGHT + 1 if op is None else op.graph("f64").cost for op in ops) <= SLIGHT


def _needed(view: SeriesView, rows: set[int], belongs: Callable[[int], bool]) -> list[Instruction]:
    """The instructions on which these rows depend and which belong to the nest, in order."""
    ends = [] if view.horizon is None or not rows else [view.horizon]
    cone = view.cone([*rows, *ends], belongs)
    return [i for i in view.instructions if i.target in cone]
