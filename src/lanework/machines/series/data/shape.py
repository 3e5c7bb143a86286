"""What depends on time and on the lane, for one way of giving the inputs of a program."""

from __future__ import annotations

import copy
from typing import NamedTuple

from lanework.core.program.isa import Instruction
from lanework.engines.loops import Layout
from lanework.machines.series.isa import AGGREGATES, SHIFTS
from lanework.machines.series.layout import STRAIGHT, RowKind, SeriesView


class Given(NamedTuple):
    """How one input port is given in a run: over time, over lanes, both or neither."""

    timed: bool
    laned: bool


def layout_of(timed: bool, varying: bool) -> Layout:
    """How a row lies in memory that depends on time, on the lane, on both or on neither."""
    return ("both" if varying else "time") if timed else ("lane" if varying else "scalar")


class Shape:
    """Which rows depend on time and on the lane, for one way of giving the inputs."""

    def __init__(self, view: SeriesView, inputs: tuple[Given, ...]) -> None:
        self.view = view
        self.timed = [False] * len(view.rows)
        self.varying = [False] * len(view.rows)
        for row, record in enumerate(view.rows):
            if record.kind == RowKind.INPUT:
                how = inputs[record.index]
                self.timed[row] = how.timed or "time" in view.inputs[record.index].axes
                self.varying[row] = how.laned
            elif record.kind == RowKind.TIME:
                self.timed[row] = True
        self._settle()
        self.given = inputs

    @staticmethod
    def of(view: SeriesView, inputs: tuple[Given, ...]) -> Shape:
        """The shape for inputs given this way, worked out once."""
        known: dict[tuple[Given, ...], Shape] = view.program.views.setdefault("shapes", {})
        shape = known.get(inputs)
        if shape is None:
            shape = known[inputs] = Shape(view, inputs)
        return shape

    def swapped(self) -> Shape:
        """The same with periods in the place of lanes."""
        shape = copy.copy(self)
        shape.varying = [v or t for v, t in zip(self.varying, self.timed, strict=True)]
        shape.timed = [False] * len(self.timed)
        return shape

    def output_varies(self, row: int) -> bool:
        """Whether an output differs between lanes: over time it also ends with the lane."""
        horizon = self.view.horizon
        ends = horizon is not None and self.varying[horizon]
        return self.varying[row] or (ends and self.timed[row])

    def _settle(self) -> None:
        """Follow dependence until nothing changes: a recurrence carries it round its loop."""
        loops = any(segment.kind != STRAIGHT for segment in self.view.segments)
        horizon = self.view.horizon
        before: tuple[int, int, bool] | None = None
        while True:
            ragged = horizon is not None and self.varying[horizon]
            now = (sum(self.timed), sum(self.varying), ragged)
            if now == before:
                return
            before = now
            for row, record in enumerate(self.view.rows) if ragged else ():
                self.varying[row] |= record.kind == RowKind.PERIODS
            for instruction in self.view.instructions:
                self._visit(instruction, ragged)
            if not loops and not ragged and horizon is None:
                return  # in tape order, once is enough

    def _visit(self, instruction: Instruction, ragged: bool) -> None:
        timed, varying = self.timed, self.varying
        name, target = instruction.name, instruction.target
        aggregate = name in AGGREGATES
        if name in SHIFTS:
            timed[target] = True
        if ragged and (name == "lead" or aggregate):
            varying[target] = True
        for row in self.view.reads(instruction):
            if varying[row]:
                varying[target] = True
            if timed[row] and not aggregate:
                timed[target] = True
