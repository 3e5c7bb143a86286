"""One loop nest from instructions of the series tape: walks over time, memory slots, results.

Instructions are placed in as few walks over time as their dependences allow: walk 0 goes forwards,
walk 1 backwards, walk 2 forwards, and so on. A row may use another of the same walk in the same
period, through `prev` if the walk goes forwards and through `lead` if it goes backwards;
everything else it uses must come from an earlier walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lanework.core.program.isa import Instruction
from lanework.engines.loops import (
    Apply,
    Column,
    Dimension,
    Ends,
    Fold,
    How,
    Interpolate,
    Layout,
    Lookup,
    LoopNest,
    Shift,
    Stage,
    Step,
    Store,
)
from lanework.machines.series.data.shape import Shape, layout_of
from lanework.machines.series.isa import AGGREGATES, ENDS, EXTREMES, LOOKUPS, SERIES, SHIFTS
from lanework.machines.series.layout import FORWARD, STRAIGHT, RowKind, SeriesView
from lanework.machines.series.native.integrality import integral_keys
from lanework.machines.series.native.joining import join_steps
from lanework.machines.series.native.keeping import settle_kept

CARRY_LIMIT = 4  # a longer lag is read back from memory instead of held in registers
KINDS = ("input", "table", "bridge", "periods", "output")


@dataclass(frozen=True)
class Slot:
    """What a nest finds in one of its memory slots."""

    kind: str  # one of KINDS; a bridge is a row that the nest of one lane gives to the other
    index: int  # port, table or row
    layout: Layout


@dataclass
class Lowered:
    """A nest with the meaning of its slots.

    Attributes:
        tapes: what the stencil engine made of the nest, by whether lanes are in an order.
    """

    nest: LoopNest
    slots: list[Slot]
    tapes: dict[bool, Any] = field(default_factory=dict)

    @cached_property
    def by_kind(self) -> dict[str, list[tuple[int, Slot]]]:
        """The slots and their numbers, by what they are."""
        return {kind: [s for s in enumerate(self.slots) if s[1].kind == kind] for kind in KINDS}


class Nest:
    """A nest in the making.

    Args:
        view: the program.
        shape: what depends on what, as its inputs are given.
        code: the instructions that belong to the nest, in the order of the tape.
        swap: whether periods run as lanes.
        bridges: rows that the nest of one lane gives to it.
        lanes: whether it runs over lanes.
    """

    def __init__(
        self,
        view: SeriesView,
        shape: Shape,
        code: list[Instruction],
        swap: bool,
        bridges: Iterable[int] = (),
        *,
        lanes: bool,
    ) -> None:
        self.view, self.shape, self.code, self.swap = view, shape, code, swap
        self.bridges = set(bridges)
        self.slots: list[Slot] = []
        self.level: dict[int, int] = {}  # row over time -> the walk that makes it
        self.ready: dict[int, int] = {}  # row without time -> the walk before which it is known
        self.walk_of: dict[int, int] = {}  # target -> the walk its instruction runs in
        self.targets = {instruction.target for instruction in code}
        # what no lane changes is computed for all periods when lanes end at times of their own
        own = view.horizon is not None and (lanes or not shape.varying[view.horizon])
        self.horizon = view.horizon if own else None

    def lower(
        self, outputs: list[int], bridges: list[int], totals: frozenset[int] = frozenset()
    ) -> Lowered:
        """The nest, which computes these output ports and gives these rows to another.

        Of the ports in `totals` lanes are added up.
        """
        self.asked = {self.view.outputs[port].row for port in outputs} | set(bridges)
        self._place()
        nest = self._build()
        for port in outputs:
            row = self.view.outputs[port].row
            layout = self._layout(row, self.shape.output_varies(row))
            slot = self._slot("output", port, layout)
            nest.stores.append(Store(row, slot, layout, port in totals))
        for row in bridges:
            layout = self._layout(row)
            nest.stores.append(Store(row, self._slot("bridge", row, layout), layout))
        join_steps(nest)
        self._homes(nest)
        settle_kept(nest, len(self.view.rows))
        nest.slots = len(self.slots)
        return Lowered(nest, self.slots)

    def _slot(self, kind: str, index: int, layout: Layout) -> int:
        self.slots.append(Slot(kind, index, layout))
        return len(self.slots) - 1

    def _layout(self, row: int, varying: bool | None = None) -> Layout:
        varying = self.shape.varying[row] if varying is None else varying
        return layout_of(self.shape.timed[row], varying)

    def _given_layout(self, port: int) -> Layout:
        given = self.shape.given[port]
        return layout_of(False, given.timed) if self.swap else layout_of(*given)

    # Placement ----------------------------------------------------------------------------------

    def _place(self) -> None:
        tape = self.view.instructions
        self.base = 0
        for segment in self.view.segments:
            part = [i for i in tape[segment.start : segment.stop] if i.target in self.targets]
            if segment.kind == STRAIGHT or not any(self.shape.timed[i.target] for i in part):
                for instruction in part:
                    self._place_one(instruction)
            else:
                self._assign_loop(part, 0 if segment.kind == FORWARD else 1)

    def _place_one(self, instruction: Instruction) -> None:
        target, name = instruction.target, instruction.name
        rows = self.view.reads(instruction)
        if name in AGGREGATES:
            walk = max(self.base, *(self._after(row, "now") for row in rows))
            if name != "at":  # which is the same both ways
                walk += walk % 2  # sums run forwards, as they are defined
            self.walk_of[target] = walk
            self.ready[target] = walk + 1
        elif self.shape.timed[target]:
            walk = self.base
            for number, row in enumerate(rows):
                walk = max(walk, self._after(row, name if number == 0 else "now"))
            self.walk_of[target] = self.level[target] = walk
        else:
            self.ready[target] = max((self.ready.get(row, 0) for row in rows), default=0)
        if target == self.horizon:
            self.base = self.ready.get(target, 0)

    def _after(self, row: int, how: str) -> int:
        """The first walk in which `row` can be used: now, or through prev or lead."""
        walk = self.level.get(row)
        if walk is None:
            return self.ready.get(row, 0)
        backwards = walk % 2 == 1
        if (how == "prev" and backwards) or (how == "lead" and not backwards):
            return walk + 1
        return walk

    def _assign_loop(self, part: list[Instruction], parity: int) -> None:
        own = {instruction.target for instruction in part}
        walk = self.base
        for instruction in part:
            for number, row in enumerate(self.view.reads(instruction)):
                if row not in own:
                    how = instruction.name if number == 0 else "now"
                    walk = max(walk, self._after(row, how))
        if walk % 2 != parity:
            walk += 1
        for instruction in part:
            self.walk_of[instruction.target] = self.level[instruction.target] = walk

    # Building -----------------------------------------------------------------------------------

    def _build(self) -> LoopNest:
        view, shape = self.view, self.shape
        nest = LoopNest(
            constants={},
            time=set(),
            periods=set(),
            columns={},
            stages=[],
            stores=[],
            home={},
            saved={},
            horizon=self.horizon,
            varying={row for row, v in enumerate(shape.varying) if v},
            timed={row for row, t in enumerate(shape.timed) if t},
            slots=0,
        )
        used = {row for i in self.code for row in view.reads(i)} | self.asked
        if self.horizon is not None:
            used.add(self.horizon)
        for row in sorted(used):
            record = view.rows[row]
            ROWS[record.kind](self, nest, row, record.index)
        nest.stages = self._stages()
        return nest

    def _column(self, nest: LoopNest, row: int, kind: str, index: int, layout: Layout) -> None:
        nest.columns[row] = Column(row, self._slot(kind, index, layout), layout)

    def _constant(self, nest: LoopNest, row: int, index: int) -> None:
        nest.constants[row] = float(self.view.constants[index])

    def _time(self, nest: LoopNest, row: int, index: int) -> None:
        if self.swap:
            self._column(nest, row, "periods", 0, "lane")
        else:
            nest.time.add(row)

    def _input(self, nest: LoopNest, row: int, index: int) -> None:
        layout = self._given_layout(index)
        self._column(nest, row, "input", index, layout)
        if layout == "lane" and not self.swap:
            nest.checked.add(row)

    def _node(self, nest: LoopNest, row: int, index: int) -> None:
        if row in self.bridges:
            self._column(nest, row, "bridge", row, self._layout(row))

    def _stages(self) -> list[Stage]:
        walks: dict[int, list[Step]] = {}
        between: dict[int, list[Step]] = {}
        self.tables: dict[int, int] = {}
        for instruction in self.code:
            step = self._step(instruction)
            walk = self.walk_of.get(instruction.target)
            if walk is None:
                between.setdefault(self.ready[instruction.target], []).append(step)
            else:
                walks.setdefault(walk, []).append(step)
        if not walks and any(
            self.shape.timed[port.row] and port.row not in self.level for port in self.view.outputs
        ):
            walks[self.base] = []  # an input that is asked for still has to be walked over
        stages = []
        self.stage_of: dict[int, int] = {}
        for number in range(max([*walks, *between, 0]) + 1):
            if number in between:
                stages.append(Stage(0, between[number]))
            if number in walks:
                self.stage_of[number] = len(stages)
                stages.append(Stage(1 if number % 2 == 0 else -1, walks[number]))
        return stages

    def _step(self, instruction: Instruction) -> Step:
        op = SERIES.by_name[instruction.name].elementwise
        if op is None:
            return STEPS[instruction.name](self, instruction)
        return Apply(instruction.target, op, instruction.operands)

    def _shift(self, instruction: Instruction) -> Step:
        target, (source, lag, fill) = instruction.target, instruction.operands
        earlier, walk = instruction.name == "prev", self.level[target]
        carried = lag <= CARRY_LIMIT and self.level.get(source) == walk
        carried = carried and (walk % 2 == 0) == earlier
        return Shift(target, source, lag if earlier else -lag, fill, carried)

    def _lookup(self, instruction: Instruction) -> Step:
        *keys, number = instruction.operands
        table = self.view.tables[number]
        if number not in self.tables:
            self.tables[number] = self._slot("table", number, "time")
        slot = self.tables[number]
        if table.knots is not None:
            return Interpolate(instruction.target, keys[0], slot, len(table.knots))
        integral = integral_keys(self.view)
        dims = tuple(
            Dimension(
                dim.base,
                dim.size,
                dim.mode.clamps,
                dim.mode.exact and not (key in integral and float(dim.base).is_integer()),
            )
            for key, dim in zip(keys, table.dims, strict=True)
        )
        return Lookup(instruction.target, tuple(keys), slot, dims)

    def _ends(self, instruction: Instruction) -> Step:
        return Ends(instruction.target, instruction.operands[0], self.view.periods)

    def _fold(self, instruction: Instruction) -> Step:
        name, (source, *period) = instruction.name, instruction.operands
        if period == [0] and self.walk_of[instruction.target] % 2 == 1:  # it is met last
            return Fold(instruction.target, source, "last")
        return Fold(instruction.target, source, FOLDS[name], EXTREMES.get(name), *period)

    def _homes(self, nest: LoopNest) -> None:
        some = next((n for n, stage in enumerate(nest.stages) if stage.direction), None)
        for store in nest.stores:
            if store.layout in ("time", "both"):
                walk = self.level.get(store.value)
                home = some if walk is None else self.stage_of[walk]
                assert home is not None
                nest.home[store.value] = home


ROWS: dict[int, Callable[[Nest, LoopNest, int, int], None]] = {
    RowKind.CONST: Nest._constant,
    RowKind.TIME: Nest._time,
    RowKind.PERIODS: lambda self, nest, row, index: nest.periods.add(row),
    RowKind.INPUT: Nest._input,
    RowKind.NODE: Nest._node,
}
"""What a nest knows of a row that it reads but does not make, by the kind of the row."""

FOLDS: dict[str, How] = {
    "tsum": "sum",
    **dict.fromkeys(EXTREMES, "fold"),
    "last": "last",
    "at": "at",
}
STEPS: dict[str, Callable[[Nest, Instruction], Step]] = {
    **dict.fromkeys(SHIFTS, Nest._shift),
    **dict.fromkeys(LOOKUPS, Nest._lookup),
    ENDS: Nest._ends,
    **dict.fromkeys(FOLDS, Nest._fold),
}
"""What the machine's own instructions are in a nest; every other is an op of the table."""
