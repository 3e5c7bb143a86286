"""A model as a workbook: cells, names, formats, and our own values to compare with."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lanework.base.files import write_bytes_atomic
from lanework.core.options import path_of
from lanework.core.program.program import Port
from lanework.core.result.frames import need
from lanework.core.result.saving import check_ending
from lanework.core.result.tablefile import escaped
from lanework.machines.series.excel.arrangement import (
    CHECK,
    CLOCK,
    FIRST,
    INPUTS,
    MODEL,
    STEPS,
    TOP,
    VALUE,
    Arrangement,
    letters,
)
from lanework.machines.series.excel.formulas import Row
from lanework.machines.series.excel.functions import LIMITS, bare, literal, quoted
from lanework.machines.series.excel.tablesheets import NONE
from lanework.machines.series.language.registry import Registry

_MONEY = re.compile(r"[kMGc]?[A-Z]{3}")


def write_workbook(
    model: Registry,
    path: str | os.PathLike[str],
    inputs: Mapping[str, Any],
    override: Mapping[str, Any],
    outputs: Sequence[str] | None,
) -> None:
    """Write a model; see `Model.to_xlsx`."""
    check_ending(path_of(path), (".xlsx",))
    need("openpyxl", "writing .xlsx")
    Book(model, inputs, override, outputs).save(path)


class Book(Arrangement):
    """A model on its way into a workbook."""

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
        if self.calendar is not None:
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
            for t, value in enumerate(self.given[name]):
                put(sheet, row, FIRST + t if timed else VALUE, value, style)
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
                note = _note(row.note, self.given.get(row.owner, []))
                self._label(sheet, at, row.owner, unit, note)
                self._define(row.owner, row.timed)
            style = style_of(unit, kind) if title == MODEL else "General"
            given = self.given.get(row.owner, []) if title == MODEL else []
            for t in range(self.periods) if row.timed else (None,):
                column = VALUE if t is None else FIRST + t
                over = given[t or 0] if given else math.nan
                text = row.text(t) if over != over else constant(over)
                if writer.horizon and row.ends and t is not None:
                    text = f"IF({t}<{self.cell(writer.horizon, None)},{text},0)"
                if len(text) >= LIMITS.letters:
                    raise writer.lacking(formula.expr, f"a formula of {len(text):,} letters")
                put(sheet, at, column, f"={bare(text)}", style, formula=True)

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


def _note(formula: str, over: Sequence[float | str]) -> str:
    """What stands beside a row: its formula, and whether it is overridden."""
    given = [value == value for value in over]
    if not any(given):
        return formula
    return "override" if all(given) else f"override, in part; else {formula}"


def constant(value: float | str) -> str:
    """An override, as the formula of a cell."""
    return quoted(value) if isinstance(value, str) else literal(value)


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
