"""A model as a workbook: sheets, rows, names, formats, and our own values to compare with.

Inputs, nodes and steps have a row each on their sheets, with the same columns: a name, a unit, a
note, the value of what does not depend on time, then a column a period. Every row has a name in the
workbook, that of the node.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.files import write_bytes_atomic
from lanework.core.program.program import Port
from lanework.core.result.frames import need
from lanework.core.result.tablefile import escaped
from lanework.machines.series.codes import NOT_IN_SHEETS
from lanework.machines.series.data.binding import bind
from lanework.machines.series.excel.formulas import Row, Writer
from lanework.machines.series.excel.functions import LIMITS, bare
from lanework.machines.series.excel.tablesheets import NONE, TableSheets
from lanework.machines.series.language.calendar import COLUMNS, Calendar
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.language.registry import Registry
from lanework.machines.series.passes.compile import compile_model, ordered_of
from lanework.machines.series.passes.lookups import Lookups
from lanework.machines.series.passes.values import Values

INPUTS, MODEL, STEPS, CHECK = "Inputs", "Model", "Steps", "Check"
VALUE, FIRST = 4, 5
"""The columns of what does not depend on time, and of the first period."""
CLOCK, TOP = 2, 6
"""The rows of the number of the period, and of the first node."""
_CELL = re.compile(r"[A-Za-z]{1,3}\d+|[rRcC]|[rR]\d*[cC]\d*|(?i:true|false)")
_MONEY = re.compile(r"[kMGc]?[A-Z]{3}")


def write_workbook(
    model: Registry,
    path: str | os.PathLike[str],
    inputs: Mapping[str, Any],
    outputs: Sequence[str] | None,
) -> None:
    """Write a model; see `Model.to_xlsx`."""
    need("openpyxl", "writing .xlsx")
    Book(model, inputs, outputs).save(path)


class Book:
    """A model on its way into a workbook."""

    def __init__(
        self, model: Registry, inputs: Mapping[str, Any], outputs: Sequence[str] | None
    ) -> None:
        self.model = model
        self.read = read = ordered_of(model, outputs)
        for formula in read.formulas:
            if formula.name in model.marks:
                raise Diagnostic(
                    NOT_IN_SHEETS,
                    f"`{formula.name}` is circular, and no workbook solves a loop exactly",
                    help="leave the outputs out that need it: to_xlsx(outputs=[...])",
                )
        self.program = compile_model(model, outputs)
        runner = self.program.bind()
        self.bound = bound = bind(runner.ports, runner.periods, inputs, runner._calendar)
        if bound.lanes * bound.repeats != 1:
            axes = " x ".join(f"{axis} {bound.sizes[axis]}" for axis in bound.axes)
            raise Diagnostic(
                NOT_IN_SHEETS,
                f"the inputs are over lanes ({axes}), and a workbook holds one",
                help="give the inputs of one lane",
            )
        self.periods = bound.periods
        if self.periods + FIRST > LIMITS.columns:
            raise Diagnostic(
                NOT_IN_SHEETS,
                f"the model has {self.periods:,} periods, and a sheet {LIMITS.columns:,} columns",
                help="run fewer periods, or write results: result.save",
            )
        self.result = runner(**inputs)
        self.ports = {port.name: port for port in self.program.inputs}
        self.calendar: Calendar | None = None
        if model.freq is not None:
            self.calendar = Calendar(model.start or "2000-01-01", model.freq, self.periods)
        self._titles: set[str] = set()
        self._names: set[str] = set()
        for title in (INPUTS, MODEL, STEPS, CHECK):
            self.title(title)
        self.named = {name: self._name(name) for name in [*self.ports, *self._formulas()]}
        self.tables = TableSheets(model.tables, self.title, letters())
        self._lay_out()

    def _formulas(self) -> list[str]:
        return [formula.name for formula in self.read.formulas]

    def title(self, name: str) -> str:
        """A name for a sheet that no other has."""
        plain = re.sub(r"[^\w .]", "_", name)[: LIMITS.names - 3].strip() or "table"
        title, number = plain, 1
        while title.lower() in self._titles:
            number += 1
            title = f"{plain}_{number}"
        self._titles.add(title.lower())
        return title

    def _name(self, name: str) -> str:
        """A name in the workbook: capitals are all one there, and A1 is a cell."""
        out = f"{name}_" if _CELL.fullmatch(name) else name
        while out.lower() in self._names:
            out += "_"
        self._names.add(out.lower())
        return out

    def _lay_out(self) -> None:
        """Which node is where."""
        model, read = self.model, self.read
        used = {name for formula in read.formulas for name in (*formula.now, *formula.later)}
        self.clock = [name for name in COLUMNS if name in used and name not in model]
        self.place = {name: (INPUTS, TOP + n) for n, name in enumerate([*self.ports, *self.clock])}
        self.place |= {name: (MODEL, TOP + n) for n, name in enumerate(self._formulas())}
        self.place["t"] = (INPUTS, CLOCK)
        timed = {name: "time" in port.axes for name, port in self.ports.items()}
        timed |= dict.fromkeys(("t", *self.clock), True)
        by_name = {formula.name: formula for formula in read.formulas}
        lookups = Lookups(Values(), model.formulas, model.tables, read.categories)
        horizon = model.horizon_name or ""
        self.writer = writer = Writer(
            self.periods,
            model.freq,
            read.typed.factors,
            timed,
            self.cell,
            self.row,
            self.tables.lookup,
            lookups.labels,
            horizon,
            needed(horizon, by_name),
        )
        self.rows: list[Row] = []
        for formula in read.formulas:
            factor = read.typed.scale.get(formula.name, 1.0)
            text = writer.formula(formula.name, formula.expr, factor)
            timed[formula.name] = writer.varies(formula.expr)
            ends = formula.name not in writer.free
            note = formula.doc or formula.shown
            self.rows.append(Row(formula.name, timed[formula.name], text, note, ends))

    def cell(self, name: str, t: int | None) -> str:
        """Where a node, a step (#) or a column of the calendar has its value at a period."""
        if t is None and name in self.named:
            return self.named[name]
        sheet, row = self._where(name)
        column = VALUE if t is None else FIRST + t
        anchor = "$" if t is None else ""
        return f"{sheet}!{anchor}{letters()(column)}${row}"

    def row(self, name: str) -> str:
        """The cells of all periods of a node or a step."""
        sheet, row = self._where(name)
        left, right = letters()(FIRST), letters()(FIRST + self.periods - 1)
        return f"{sheet}!${left}${row}:${right}${row}"

    def _where(self, name: str) -> tuple[str, int]:
        return (STEPS, TOP + int(name[1:])) if name.startswith("#") else self.place[name]

    # Writing ------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file.

        Raises:
            Diagnostic: LW0201, LW3081.
        """
        self.book = need("openpyxl", "writing .xlsx").Workbook()
        self.sheets = {INPUTS: self.book.active}
        self.sheets[INPUTS].title = INPUTS
        for title in (MODEL, STEPS, CHECK):
            self.sheets[title] = self.book.create_sheet(title)
        for title, sheet in self.sheets.items():
            self._header(title, sheet)
        self._write_inputs()
        self._write_rows(MODEL, self.rows)
        self._write_rows(STEPS, self.writer.steps)
        self._write_check()
        for title, area in self.tables.areas.items():
            sheet = self.book.create_sheet(title)
            for n, row in enumerate(area.rows, 1):
                for m, value in enumerate(row, 1):
                    put(sheet, n, m, value, formula=value == NONE)
        if not self.writer.steps:
            del self.book[STEPS]
        self.book.calculation.fullCalcOnLoad = True
        file = io.BytesIO()
        self.book.save(file)
        write_bytes_atomic(path, file.getvalue())

    def _header(self, title: str, sheet: Any) -> None:
        put(sheet, 1, 1, f"{self.model.name}: {title.lower()}")
        put(sheet, CLOCK, 1, "t")
        for t in range(self.periods):
            put(sheet, CLOCK, FIRST + t, float(t))
        if self.model.start is not None and self.calendar is not None:
            for row, what, days in (
                (3, "from", self.calendar.begins()),
                (4, "to", self.calendar.ends()),
            ):
                put(sheet, row, 1, what)
                for t, day in enumerate(days):
                    shown = str(day) if day < FIRST_DAY else day.astype(object)
                    put(sheet, row, FIRST + t, shown, "yyyy-mm-dd")
        third = "difference" if title == CHECK else "note"
        for column, text in enumerate(("name", "unit", third, "value"), 1):
            put(sheet, TOP - 1, column, text)
        sheet.freeze_panes = sheet.cell(TOP, FIRST)
        sheet.column_dimensions["A"].width = 28

    def _label(self, sheet: Any, row: int, name: str, unit: str, note: str) -> None:
        for column, text in enumerate((name, unit, note), 1):
            put(sheet, row, column, text)

    def _write_inputs(self) -> None:
        sheet = self.sheets[INPUTS]
        for n, (name, port) in enumerate(self.ports.items()):
            row = TOP + n
            self._label(sheet, row, name, port.unit, port.doc)
            timed, style = "time" in port.axes, style_of(port.unit, port.kind)
            values = np.ravel(np.asarray(self.bound.arrays[n], np.float64))
            if timed:
                values = np.broadcast_to(values, (self.periods,))
            for t, value in enumerate(values.tolist()):
                here = port.categories[int(value)] if port.categories else value
                put(sheet, row, FIRST + t if timed else VALUE, here, style)
            self._define(name, timed)
        for n, name in enumerate(self.clock, TOP + len(self.ports)):
            assert self.calendar is not None
            self._label(sheet, n, name, "", "of the calendar")
            for t, value in enumerate(self.calendar.column(name).tolist()):
                put(sheet, n, FIRST + t, value)

    def _define(self, name: str, timed: bool) -> None:
        """Give the cells of a node its name."""
        sheet, row = self.place[name]
        area = self.row(name) if timed else f"{sheet}!${letters()(VALUE)}${row}"
        defined = need("openpyxl.workbook.defined_name", "writing .xlsx").DefinedName
        self.book.defined_names[self.named[name]] = defined(self.named[name], attr_text=area)

    def _write_rows(self, title: str, rows: list[Row]) -> None:
        """Rows of formulas; steps may be added meanwhile."""
        sheet, writer, typed = self.sheets[title], self.writer, self.read.typed
        for n, row in enumerate(rows):
            writer.owner = row.owner
            at, formula = TOP + n, self.model.formulas[row.owner]
            unit, kind = typed.units.get(row.owner, ""), typed.kinds.get(row.owner, "")
            if title == STEPS:
                self._label(sheet, at, row.owner, "", row.note)
            else:
                self._label(sheet, at, row.owner, unit, row.note)
                self._define(row.owner, row.timed)
            style = style_of(unit, kind) if title == MODEL else "General"
            for t in range(self.periods) if row.timed else (None,):
                text = row.text(t)
                if writer.horizon and row.ends and t is not None:
                    text = f"IF({t}<{self.cell(writer.horizon, None)},{text},0)"
                if len(text) >= LIMITS.letters:
                    raise writer.lacking(formula.expr, f"a formula of {len(text):,} letters")
                put(
                    sheet,
                    at,
                    VALUE if t is None else FIRST + t,
                    f"={bare(text)}",
                    style,
                    formula=True,
                )

    def _write_check(self) -> None:
        """Our own values, and how far the workbook's are from them."""
        sheet = self.sheets[CHECK]
        for n, (name, port) in enumerate(self._compared()):
            row, timed = TOP + n, self.writer.timed[name]
            values = np.ravel(np.asarray(self.result[name], np.float64))
            if timed:
                values = np.broadcast_to(values, (self.periods,))
            self._label(sheet, row, name, port.unit, "")
            for t, value in enumerate(values.tolist()):
                put(
                    sheet, row, FIRST + t if timed else VALUE, value, style_of(port.unit, port.kind)
                )
            left, right = letters()(FIRST), letters()(FIRST + self.periods - 1)
            difference = (
                f"=SQRT(SUMXMY2({self.row(name)},${left}${row}:${right}${row}))"
                if timed
                else f"=ABS({self.named[name]}-${letters()(VALUE)}${row})"
            )
            put(sheet, row, 3, difference, formula=True)

    def _compared(self) -> list[tuple[str, Port]]:
        return [(port.name, port) for port in self.program.outputs]


FIRST_DAY = np.datetime64("1900-03-01")
"""From here on a spreadsheet's dates are right."""


def needed(name: str, formulas: Mapping[str, Formula]) -> frozenset[str]:
    """A node and all that it is made of."""
    seen: set[str] = set()
    stack = [name] if name else []
    while stack:
        here = stack.pop()
        if here in formulas and here not in seen:
            seen.add(here)
            stack += [*formulas[here].now, *formulas[here].later]
    return frozenset(seen)


@cache
def letters() -> Any:
    """The letters of a column, from 1."""
    return cache(need("openpyxl.utils", "writing .xlsx").get_column_letter)


def style_of(unit: str, kind: str) -> str:
    """How numbers of a unit are shown.

    Example:
        >>> style_of("kEUR", "flow"), style_of("", "rate"), style_of("", "count")
        ('#,##0.00 "kEUR"', '0.00%', '#,##0')
    """
    if _MONEY.fullmatch(unit):
        return f'#,##0.00 "{unit}"'
    if unit:
        return "#,##0.####"
    return {"rate": "0.00%", "count": "#,##0", "index": "0.0000"}.get(kind, "General")


def put(
    sheet: Any, row: int, column: int, value: Any, style: str = "", *, formula: bool = False
) -> None:
    """Fill a cell: text is text, whatever it begins with, and a number has all of its digits."""
    if value is None or value == "":
        return
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        cell._value = value if formula else escaped(value)[: LIMITS.text]
        cell.data_type = "f" if formula else "s"
        cell.quotePrefix = not formula and value.startswith(("=", "+", "-", "@"))
    elif isinstance(value, float) and not np.isfinite(value):
        cell._value, cell.data_type = "#NUM!", "e"
    elif isinstance(value, float):
        whole_number = value.is_integer() and abs(value) < 1e15
        cell._value, cell.data_type = repr(int(value)) if whole_number else repr(value), "n"
    else:
        cell.value = value
    if style:
        cell.number_format = style
