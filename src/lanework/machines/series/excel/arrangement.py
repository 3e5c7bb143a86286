"""Where everything of a model stands in a workbook, and what it is called there.

Inputs, nodes and steps have a row each on their sheets, with the same columns: a name, a unit, a
note, the value of what does not depend on time, then a column a period.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from lanework.base.errors import Advice, Diagnostic
from lanework.core.options import refused
from lanework.core.result.frames import need
from lanework.machines.series.codes import NOT_IN_SHEETS
from lanework.machines.series.excel.formulas import Row, Writer
from lanework.machines.series.excel.functions import LIMITS
from lanework.machines.series.excel.naming import names_in
from lanework.machines.series.excel.tablesheets import TableSheets
from lanework.machines.series.language.calendar import COLUMNS, Calendar
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.language.registry import Registry
from lanework.machines.series.passes.compile import compile_model, ordered_of
from lanework.machines.series.passes.graph import loop_of, order_formulas
from lanework.machines.series.passes.lookups import Lookups
from lanework.machines.series.passes.values import Values

INPUTS, MODEL, STEPS, CHECK = "Inputs", "Model", "Steps", "Check"
TAKEN = (INPUTS, MODEL, STEPS, CHECK, "History")
"""Sheets of ours, and one that Excel keeps for itself."""
VALUE, FIRST = 4, 5
"""The columns of what does not depend on time, and of the first period."""
CLOCK, TOP = 2, 6
"""The rows of the number of the period, and of the first node."""


class Arrangement:
    """A model, the inputs of one lane, and where they stand.

    Attributes:
        ports: the inputs.
        given: for each of them, and each override, its values: one, or one a period.
        named: what nodes are called in the workbook.
        place: the sheet and the row of each.
        rows: the formulas of the nodes.
        writer: writes formulas, and has their steps.
        tables: the tables that they look at.
    """

    def __init__(
        self,
        model: Registry,
        inputs: Mapping[str, Any],
        override: Mapping[str, Any],
        outputs: Sequence[str] | None,
    ) -> None:
        for what, values in (("inputs", inputs), ("override", override)):
            if not isinstance(values, Mapping):
                raise refused(what, values, "give a dict of values by name")
        self.model = model
        self.read = ordered_of(model, outputs)
        self._check_loops(override)
        self.program = compile_model(model, outputs, overrides=list(override))
        runner = self.program.bind()
        inputs = {**inputs, **override}
        read_here = {n: value for n, value in inputs.items() if n not in runner._unused}
        bound = runner._bound(read_here)
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
        ports = {port.name: port for port in self.program.inputs}
        self.ports = {name: port for name, port in ports.items() if not port.optional}
        self.given: dict[str, list[Any]] = {}
        for port, array in zip(runner.ports, bound.arrays, strict=True):
            cells = np.ravel(np.asarray(array, np.float64))
            if "time" in port.axes:
                cells = np.broadcast_to(cells, (self.periods,))
            labels = port.categories
            self.given[port.name] = [
                labels[int(x)] if labels and x == x else x for x in cells.tolist()
            ]
        covered = {n for n in override if not np.isnan(cells_of(self.given.get(n))).any()}
        self._check_loops(covered)
        self._cut = {n: "time" in ports[n].axes for n in covered}
        if model.marks:  # nodes after what they need, now that nothing is solved
            dated, roots = model.freq is not None, self.read.roots
            order = order_formulas(model.formulas, model.inputs, roots, dated, covered)
            self.read = replace(self.read, formulas=order)
        self.calendar: Calendar | None = None
        if model.start is not None and model.freq is not None:
            self.calendar = Calendar(model.start, model.freq, self.periods)
        self._titles: set[str] = set()
        for title in TAKEN:
            self.title(title)
        self.named = names_in(model)
        self.tables = TableSheets(model.tables, self.title, letters())
        self._lay_out()

    def _check_loops(self, covered: Iterable[str]) -> None:
        """Refuse loops within a period, unless nodes that are covered cut them.

        Raises:
            Diagnostic: LW3081.
        """
        out = {*covered}
        left = {n: f for n, f in self.model.formulas.items() if n not in out}
        for formula in self.read.formulas:
            name = formula.name
            if name in left and name in self.model.marks and loop_of(left, name):
                raise Diagnostic(
                    NOT_IN_SHEETS,
                    f"`{name}` is circular, and no workbook solves a loop exactly",
                    help=Advice(
                        "leave the outputs out that need it: to_xlsx(outputs=[...]), or give it"
                        f" in every period: override={{{name!r}: ...}}",
                        typed="leave the outputs out that need it: --outputs A,B, or give it in"
                        f" every period: --override {name}=FILE:column",
                    ),
                )

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
        timed |= self._cut
        by_name = {formula.name: formula for formula in read.formulas}
        lookups = Lookups(Values(), model.formulas, model.tables, read.categories)
        horizon = model.horizon_name or ""
        free = needed(horizon, by_name)
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
            free,
            frozenset(by_name) - free,
        )
        self.rows: list[Row] = []
        for formula in read.formulas:
            factor = read.typed.scale.get(formula.name, 1.0)
            text = writer.formula(formula.name, formula.expr, factor)
            timed[formula.name] = self._cut.get(formula.name, writer.varies(formula.expr))
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


def cells_of(given: Sequence[Any] | None) -> Any:
    """The numbers of an override, NaN where a node is as computed; a name counts as one."""
    cells = [math.nan] if given is None else given
    return np.array([0.0 if isinstance(cell, str) else cell for cell in cells], float)


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
