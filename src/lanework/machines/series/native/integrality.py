"""Rows that hold whole numbers whatever the inputs are: exact keys of them need no test.

A row counts as whole if each of its numbers is an integer or infinite; it may be NaN. Rows are
taken for whole until an instruction says otherwise, so that a recurrence of whole numbers is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lanework.core.ops.bounds import bounds
from lanework.core.ops.interval import ANY, Interval, number
from lanework.core.program.isa import Instruction
from lanework.machines.series.isa import AGGREGATES, ENDS, LOOKUPS, SERIES, SHIFTS
from lanework.machines.series.layout import RowKind, SeriesView

_INTEGERS = Interval(-np.inf, np.inf, nan=True, integral=True)

Known = dict[int, Interval]


def integral_keys(view: SeriesView) -> frozenset[int]:
    """The rows that are exact keys of tables, and hold whole numbers; worked out once."""
    known: frozenset[int] | None = view.program.views.get("integral")
    if known is None:
        known = view.program.views["integral"] = _integral_keys(view)
    return known


def _integral_keys(view: SeriesView) -> frozenset[int]:
    keys = {
        row
        for instruction in view.instructions
        if instruction.name in LOOKUPS
        for row, dim in zip(
            instruction.operands, view.tables[instruction.operands[-1]].dims, strict=False
        )
        if dim.mode.exact
    }
    cone = view.cone(keys)
    rows = {row: _leaf(view, row) for row in cone}
    code = [instruction for instruction in view.instructions if instruction.target in cone]
    changed = True
    while changed:  # once, and once more for each level of loops
        changed = False
        for instruction in code:
            target = instruction.target
            if rows[target].integral and not _is_integral(view, instruction, rows):
                rows[target], changed = ANY, True
    return frozenset(row for row in keys if rows[row].integral)


def _leaf(view: SeriesView, row: int) -> Interval:
    record = view.rows[row]
    if record.kind == RowKind.CONST:
        return number(float(view.constants[record.index]))
    if record.kind == RowKind.INPUT and not view.inputs[record.index].categories:
        return ANY
    return _INTEGERS


def _is_integral(view: SeriesView, instruction: Instruction, rows: Known) -> bool:
    own = OWN.get(instruction.name)
    if own is not None:
        return own(view, instruction, rows)
    op = SERIES.by_name[instruction.name].elementwise
    assert op is not None
    return bounds(op, [rows[row] for row in instruction.operands], "f64").integral


def _table(view: SeriesView, instruction: Instruction, rows: Known) -> bool:
    table = view.tables[instruction.operands[-1]]
    data = table.data[~np.isnan(table.data)]
    return table.knots is None and bool((data == np.floor(data)).all())


def _one_of(view: SeriesView, instruction: Instruction, rows: Known) -> bool:
    return all(rows[row].integral for row in view.reads(instruction))


OWN: dict[str, Callable[[SeriesView, Instruction, Any], bool]] = {
    **dict.fromkeys((*SHIFTS, *AGGREGATES), _one_of),
    **dict.fromkeys(LOOKUPS, _table),
    ENDS: lambda view, instruction, rows: True,
}
"""Whether the machine's own instructions give whole numbers; every other is an op of the table."""
