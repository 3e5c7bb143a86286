"""Running again what depends on some inputs, and nothing else.

The rows that depend on them make a smaller program. What these read of the others is computed
once, and given to the smaller program as more inputs. The horizon is computed again in any case:
lanes are sorted by it, and totals over lanes depend on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.program.data import Port
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Program
from lanework.machines.series.audit.depends import Dependents, dependents, reached_from
from lanework.machines.series.audit.result import SeriesResult
from lanework.machines.series.codes import UNEXPLAINED
from lanework.machines.series.data.labels import Labelled
from lanework.machines.series.data.slopes import slopes_of
from lanework.machines.series.isa import SERIES
from lanework.machines.series.layout import (
    NO_ROW,
    Row,
    RowKind,
    Segment,
    SeriesView,
    encode_rows,
    encode_segments,
)

Bind = Callable[[Program], Any]


class Again:
    """A program that is run again for some of its inputs.

    Attributes:
        base: the first run, with all outputs.
        dependents: what is computed again, counted in ops.
        program: it, as a program of its own; None where nothing depends on these inputs.
    """

    def __init__(
        self, program: Program, changing: Iterable[str], inputs: Mapping[str, Any], bind: Bind
    ) -> None:
        """Run a program for the first time.

        Args:
            program: the program.
            changing: the inputs that will be given again.
            inputs: all inputs.
            bind: makes a runner of a program.
        """
        self._inputs, self._of = dict(inputs), program
        self._changing = [*changing]
        self.dependents: Dependents = dependents(program, self._changing)
        view = SeriesView.of(program)
        ports = {port.name: port.row for port in program.inputs}
        slopes, moved = slopes_of(program.header), {*self._changing}
        derived = {name for name, slope in slopes.items() if moved.intersection(slope.inputs)}
        rows = reached_from(view, [ports[name] for name in self._changing])
        rows |= {port.row for port in program.outputs if port.name in derived}  # for their axes
        kept = rows | (set() if view.horizon is None else view.cone([view.horizon]))
        border = _border(view, kept)
        more = [Port(_name(row), "out", row, axes=_time(view, row)) for row in border]
        every = bind(replace(program, ports=(*program.ports, *more)))(**inputs)
        names = [port.name for port in program.outputs]
        self.base: SeriesResult = every.select(names).of(program, self._inputs)
        coords = every.coords
        self._given = {
            port.name: Labelled(
                every[port.name],
                every.axes(port.name),
                {axis: coords[axis] for axis in every.axes(port.name) if axis in coords},
            )
            for port in more
        }
        outputs = [port for port in program.outputs if port.row in rows]
        self.program = _smaller(view, kept, border, outputs) if outputs else None
        self._runner = None if self.program is None else bind(self.program)

    def __call__(self, **inputs: Any) -> SeriesResult:
        """Run again with other values for some of the inputs that were said to change.

        Returns:
            All outputs, to the bit what a run of the whole program gives.

        Raises:
            Diagnostic: LW3071 for another input, and what any run says.
        """
        for name in inputs:
            if name not in self._changing:
                raise Diagnostic(
                    UNEXPLAINED,
                    f"{name!r} is not one of the inputs that were to change",
                    help=f"they are {', '.join(self._changing)}",
                )
        if self._runner is None:
            return self.base
        now = {**self._inputs, **inputs}
        part = self._runner(**now, **self._given)
        names = [*self.base]
        values = {name: part[name] if name in part else self.base[name] for name in names}
        return SeriesResult(
            values,
            axes={name: (part if name in part else self.base).axes(name) for name in names},
            units=self.base.units,
            kinds=self.base.kinds,
            coords={**self.base.coords, **part.coords},
            stats=part.stats,
            absent=self.base.absent,
        ).of(self._of, now)


def _name(row: int) -> str:
    return f"#{row}"


def _time(view: SeriesView, row: int) -> tuple[str, ...]:
    return ("time",) if view.timed[row] else ()


def _border(view: SeriesView, kept: set[int]) -> list[int]:
    """The rows that are not computed again, and read by those that are."""
    read = {
        row
        for instruction in view.instructions
        if instruction.target in kept
        for row in view.reads(instruction)
    }
    return sorted(row for row in read - kept if view.rows[row].kind == RowKind.NODE)


def _smaller(view: SeriesView, kept: set[int], border: list[int], outputs: list[Port]) -> Program:
    """The program of some rows, with the border as inputs after its own."""
    program, first = view.program, len(view.inputs)
    rows: list[Row] = []
    renamed: dict[int, int] = {}
    for row, record in enumerate(view.rows):
        if row in border:
            record = Row(RowKind.INPUT, first + border.index(row))
        elif record.kind == RowKind.NODE and row not in kept:
            continue
        renamed[row] = len(rows)
        rows.append(record)
    code: list[Instruction] = []
    numbers: dict[int, int] = {}
    segments: list[Segment] = []
    for segment in view.segments:
        start = len(code)
        for number in range(segment.start, segment.stop):
            instruction = view.instructions[number]
            if instruction.target in kept:
                numbers[number] = len(code)
                code.append(_renamed(instruction, renamed))
        if len(code) > start:
            segments.append(Segment(segment.kind, start, len(code)))
    given = [
        Port(_name(row), "in", renamed[row], axes=_time(view, row), default=float("nan"))
        for row in border
    ]
    own = (replace(port, row=renamed[port.row]) for port in (*program.inputs, *outputs))
    ports = sorted([*own, *given], key=lambda port: port.direction)  # inputs first
    horizon = NO_ROW if view.horizon is None else renamed[view.horizon]
    listing = [
        replace(entry, instruction=numbers[entry.instruction])
        for entry in program.listing
        if entry.instruction in numbers
    ]
    return replace(
        program,
        header={**program.header, "horizon": horizon},
        tape=SERIES.encode(code),
        ports=tuple(ports),
        constants=np.array(program.constants),
        sections={
            **program.sections,
            "rows": encode_rows(rows),
            "segments": encode_segments(segments),
        },
        listing=listing,
        notes=(*program.notes, f"again: {len(code)} of {len(view.instructions)} instructions"),
    )


def _renamed(instruction: Instruction, renamed: Mapping[int, int]) -> Instruction:
    kinds = (operand.kind for operand in SERIES.by_name[instruction.name].operands)
    operands = [
        renamed[operand] if kind is OperandKind.ROW else operand
        for kind, operand in zip(kinds, instruction.operands, strict=True)
    ]
    return replace(instruction, target=renamed[instruction.target], operands=tuple(operands))
