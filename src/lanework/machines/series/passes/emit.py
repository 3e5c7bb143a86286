"""The program of a value graph: rows, tape, sections, ports, listing.

Names, units, kinds and documentation end here: the tape has rows and numbers only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, overload

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.program.data import ListingEntry, Port, ProgramData
from lanework.core.program.isa import Instruction
from lanework.machines.series.codes import NOT_PER_LANE
from lanework.machines.series.data.overrides import overridden
from lanework.machines.series.isa import AGGREGATES, LOOKUPS, SERIES, SHIFTS
from lanework.machines.series.language.nodes import Formula, Input, Output
from lanework.machines.series.language.registry import Registry
from lanework.machines.series.layout import (
    NO_ROW,
    STRAIGHT,
    Dim,
    Row,
    RowKind,
    Segment,
    Table,
    TableMode,
    encode_sections,
)
from lanework.machines.series.passes.values import (
    CONST,
    INPUT,
    PERIODS,
    TIME,
    Kinds,
    TableData,
    Values,
)
from lanework.machines.series.passes.walks import needed_values, segments

MODES = {
    ("error", False): TableMode.ERROR,
    ("error", True): TableMode.EXACT,
    ("clamp", False): TableMode.CLAMP,
    ("clamp", True): TableMode.EXACT_CLAMP,
    ("interpolate", False): TableMode.INTERPOLATE,
}
"""How a key is looked up, by the rule for keys outside and by whether it must be exact."""

OPERANDS: dict[str, Callable[[tuple[int, ...], int], tuple[int, ...]]] = {
    **dict.fromkeys(SHIFTS, lambda rows, lag: (rows[0], lag, rows[1])),
    **dict.fromkeys(LOOKUPS, lambda rows, table: (*rows, table)),
    "at": lambda rows, period: (*rows, period),
}
"""The operands of instructions that have a setting besides rows, in their order on the tape."""


@dataclass
class Emitter:
    """Gives values rows, and writes the tape and the sections."""

    model: Registry
    values: Values
    outputs: Sequence[Output]
    targets: Sequence[int]
    horizon: int | None
    categories: Mapping[str, tuple[str, ...]]
    typed: Kinds

    def __post_init__(self) -> None:
        roots = [*self.targets] if self.horizon is None else [*self.targets, self.horizon]
        self.needed = needed_values(self.values, roots)
        self.rows: list[Row] = []
        self.row_of = [NO_ROW] * len(self.values.ops)

    def _row(self, value: int, row: Row) -> None:
        """Give a value the next row."""
        self.row_of[value] = len(self.rows)
        self.rows.append(row)

    def program(self, notes: list[str]) -> ProgramData:
        """The whole program."""
        model, values = self.model, self.values
        self._check_over_time()
        inputs = self.inputs = self._leaves()
        parts = segments(values, self.needed, self.horizon)
        order = [value for part in parts for value in part.values]
        for number, value in enumerate(order, len(self.rows)):
            self.row_of[value] = number
        self.rows += [Row(RowKind.NODE)] * len(order)
        tables, table_of = self._tables(order)
        instructions = self._instructions(order, table_of)
        records, start = [], 0
        for part in parts:
            records.append(Segment(part.kind, start, start + len(part.values)))
            start += len(part.values)
        walks = sum(part.kind != STRAIGHT for part in parts)
        notes += [
            f"walks: {walks} over time",
            f"emit: {len(order)} instructions, {len(inputs)} inputs, {len(tables)} tables",
        ]
        unused = [name for name in model.inputs if name not in {i.name for i in inputs}]
        header: dict[str, int | float | str] = {
            "name": model.name,
            "periods": model.periods or 0,
            "horizon": NO_ROW if self.horizon is None else self.row_of[self.horizon],
        }
        more = {"freq": model.freq, "start": model.start, "unused": ",".join(unused)}
        named = [i.name for i in inputs if self.categories[i.name] and not i.categories]
        more["named"] = ",".join(named)
        more["tables"] = json.dumps(self.table_names) if tables else None
        header |= {key: value for key, value in more.items() if value}
        if unused:
            notes.append(f"emit: these outputs do not need the inputs {', '.join(unused)}")
        return ProgramData(
            machine="series",
            header=header,
            tape=SERIES.encode(instructions),
            ports=(*self._in_ports(inputs), *self._out_ports()),
            constants=np.array(self.constants, dtype=np.float64),
            sections=encode_sections(self.rows, records, tables),
            listing=_Listing(values, order, model.formulas),
            notes=tuple(notes),
        )

    # Rows ---------------------------------------------------------------------------------------

    def _leaves(self) -> list[Input]:
        """Rows for inputs in their declared order, then constants, time, periods."""
        values = self.values
        needed = [value for value, wanted in enumerate(self.needed) if wanted]
        by_name = {values.settings[value]: value for value in needed if values.ops[value] == INPUT}
        constants = [value for value in needed if values.ops[value] == CONST]
        inputs = [declared for name, declared in self.model.inputs.items() if name in by_name]
        for number, declared in enumerate(inputs):
            self._row(by_name[declared.name], Row(RowKind.INPUT, number))
        for number, value in enumerate(constants):
            self._row(value, Row(RowKind.CONST, number))
        for clock, kind in ((TIME, RowKind.TIME), (PERIODS, RowKind.PERIODS)):
            for value in needed:
                if values.ops[value] == clock:
                    self._row(value, Row(kind))
        self.constants = [values.settings[value] for value in constants]
        return inputs

    def _tables(self, order: Sequence[int]) -> tuple[list[Table], dict[int, int]]:
        """The tables that lookups read, in the order of the tape."""
        values = self.values
        number: dict[int, int] = {}
        for value in order:
            if values.ops[value] in LOOKUPS:
                number.setdefault(values.settings[value], len(number))
        tables = []
        self.table_names = [_named(values.tables[block]) for block in number]
        for block in map(values.tables.__getitem__, number):
            dims = tuple(Dim(MODES[d.outside, d.exact], d.base, d.size) for d in block.dims)
            data = np.ascontiguousarray(block.data.ravel())
            tables.append(Table(dims, data, block.dims[0].knots))
        return tables, number

    def _instructions(self, order: Sequence[int], table_of: Mapping[int, int]) -> list[Instruction]:
        values, row_of = self.values, self.row_of
        ops, all_args, settings = values.ops, values.args, values.settings
        out = []
        for value in order:
            op = ops[value]
            operands = tuple([row_of[arg] for arg in all_args[value]])
            arrange = OPERANDS.get(op)
            if arrange is not None:
                setting = settings[value]
                operands = arrange(operands, table_of[setting] if op in LOOKUPS else setting)
            out.append(Instruction(op, row_of[value], operands))
        return out

    # Ports --------------------------------------------------------------------------------------

    def _in_ports(self, inputs: Sequence[Input]) -> list[Port]:
        typed, lanes = self.typed, self._lanes_of_overridden()
        return [
            Port(
                name=declared.name,
                direction="in",
                row=row,
                unit=declared.unit,
                axes=tuple(dict.fromkeys([*declared.axes, *lanes.get(declared.name, ())])),
                kind=declared.kind or typed.kinds.get(declared.name, ""),
                doc=declared.doc,
                default=declared.default,
                categories=self.categories[declared.name],
            )
            for row, declared in enumerate(inputs)
        ]

    def _out_ports(self) -> list[Port]:
        typed, formulas, inputs = self.typed, self.model.formulas, self.model.inputs
        timed = self.timed
        lanes = self._lane_axes()
        ports = []
        for output, value in zip(self.outputs, self.targets, strict=True):
            node = formulas.get(output.name) or inputs.get(output.name)
            axes = tuple(axis for axis in lanes[value] if axis not in output.reduce)
            ports.append(
                Port(
                    name=output.name,
                    direction="out",
                    row=self.row_of[value],
                    unit=typed.units.get(output.name, node.unit or "" if node else ""),
                    axes=("time", *axes) if timed[value] else axes,
                    kind=typed.kinds.get(output.name, node.kind or "" if node else ""),
                    doc=output.doc or (node.doc if node else ""),
                    reduce=output.reduce,
                )
            )
        return ports

    def _lanes_of_overridden(self) -> dict[str, tuple[str, ...]]:
        """For each input that overrides a node the lane axes of the node, which chooses it."""
        values = self.values
        names = {i.name for i in self.inputs if i.default is not None and isnan(i.default)}
        if not names:
            return {}
        lanes, settings = self._lane_axes(), values.settings
        steps = [(n, op, values.args[n]) for n, op in enumerate(values.ops) if self.needed[n]]
        optional = {n for n, op, _ in steps if op == INPUT and settings[n] in names}
        return {
            settings[port]: tuple(dict.fromkeys(axis for node in nodes for axis in lanes[node]))
            for port, nodes in overridden(steps, optional).items()
        }

    def _lane_axes(self) -> list[tuple[str, ...]]:
        """For each value the lane axes of the inputs that it depends on, as declared."""
        values, inputs = self.values, {one.name: one for one in self.inputs}
        declared = [axis for one in inputs.values() for axis in one.axes if axis != "time"]
        names = list(dict.fromkeys(declared))
        if not names:
            return [()] * len(values.ops)
        bits = [0] * len(values.ops)
        for value, op in enumerate(values.ops):
            if op == INPUT and self.needed[value]:
                axes = inputs[values.settings[value]].axes
                bits[value] = sum(1 << names.index(axis) for axis in axes if axis != "time")
        changed = True
        while changed:  # once, and once more for each level of loops
            changed = False
            for value, args in enumerate(values.args):
                if args and self.needed[value]:
                    seen = bits[value]
                    for arg in args:
                        seen |= bits[arg]
                    if seen != bits[value]:
                        bits[value], changed = seen, True
        sets = {mask: tuple(n for i, n in enumerate(names) if mask >> i & 1) for mask in set(bits)}
        return [sets[mask] for mask in bits]

    # Checks -------------------------------------------------------------------------------------

    def _check_over_time(self) -> None:
        """The horizon and constants have one value a lane; calendars of aggregates end there."""
        values, model = self.values, self.model
        timed = self.timed = over_time(values, model.inputs)
        for output, value in zip(self.outputs, self.targets, strict=True):
            formula = model.formulas.get(output.name)
            if formula is not None and formula.kind == "constant" and timed[value]:
                raise Diagnostic(
                    NOT_PER_LANE,
                    f"`{output.name}` is declared a constant and varies over time",
                    span=formula.expr.span,
                    help="take one period of it with first, last or at, or drop the kind",
                )
        if self.horizon is None:
            return
        name = model.horizon_name or ""
        formula = model.formulas.get(name)
        span = formula.expr.span if formula is not None else None
        if timed[self.horizon]:
            raise Diagnostic(
                NOT_PER_LANE,
                f"the horizon `{name}` varies over time",
                span=span,
                help="a horizon is one number a lane, made of inputs without the axis time",
            )
        for value, wanted in enumerate(needed_values(values, [self.horizon])):
            if wanted and (values.ops[value] in AGGREGATES or values.ops[value] == PERIODS):
                raise Diagnostic(
                    NOT_PER_LANE,
                    f"the horizon `{name}` needs a value of the whole of time, which needs the "
                    "horizon",
                    span=span,
                    help="a horizon is made of inputs without the axis time",
                )


def _named(table: TableData) -> Any:
    """A table as messages name it, and the names that its keys stand for, if they do."""
    labels = [dim.labels or None for dim in table.dims]
    name = table.name.rstrip("*")
    return [name, *labels] if any(labels) else name


class _Listing(Sequence[ListingEntry]):
    """The listing of a program, made when somebody looks at it."""

    def __init__(
        self, values: Values, order: Sequence[int], formulas: Mapping[str, Formula]
    ) -> None:
        self._order = order
        self._owners = values.owners
        self._exprs = values.exprs
        self._formulas = dict(formulas)
        self._known: tuple[ListingEntry, ...] | None = None

    def _entries(self) -> tuple[ListingEntry, ...]:
        if self._known is None:
            texts: dict[str, str] = {}
            entries = []
            for number, value in enumerate(self._order):
                owner = self._owners[value]
                if owner not in texts:
                    formula = self._formulas.get(owner)
                    texts[owner] = f"{owner} = {formula.shown}" if formula else owner
                expr = self._exprs[value]
                span = expr.span if expr is not None else None
                entries.append(ListingEntry(number, span, texts[owner]))
            self._known = tuple(entries)
        return self._known

    @overload
    def __getitem__(self, index: int) -> ListingEntry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ListingEntry, ...]: ...
    def __getitem__(self, index: int | slice) -> ListingEntry | tuple[ListingEntry, ...]:
        return self._entries()[index]

    def __len__(self) -> int:
        return len(self._order)

    def __reduce__(self) -> tuple[type, tuple[tuple[ListingEntry, ...]]]:
        return tuple, (self._entries(),)


def over_time(values: Values, inputs: Mapping[str, Input]) -> list[bool]:
    """For each value whether it depends on the period, inputs being given as declared."""
    timed: list[bool] = []
    for value, op in enumerate(values.ops):
        varies = False
        if op in SHIFTS or op == TIME:
            varies = True
        elif op == INPUT:
            varies = "time" in inputs[values.settings[value]].axes
        elif op not in AGGREGATES:
            for arg in values.args[value]:
                if timed[arg]:
                    varies = True
                    break
        timed.append(varies)
    return timed
