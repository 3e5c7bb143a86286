"""The tables of a model as sheets, and lookups in them.

A table of one key has its keys in the first column and its values beside them; one of two keys is
a sheet for each column, its second key across. What a table lacks is an error, as it is for us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lanework.base.errors import Advice, Diagnostic
from lanework.machines.series.codes import NOT_IN_SHEETS
from lanework.machines.series.excel.formulas import Text, Writer
from lanework.machines.series.excel.functions import LIMITS, literal
from lanework.machines.series.language.expression import Expr
from lanework.machines.series.language.tables import Column, KeyDim, Table

Cell = float | str | None
NONE = "=NA()"
"""A cell that a table lacks: a lookup of it is an error."""
DIGITS = 9
"""Keys that arithmetic has left beside a whole number are rounded to so many digits."""


@dataclass
class Area:
    """A sheet of a table: its rows, and where keys and values are in it.

    Attributes:
        rows: the cells.
        keys: for each key the range that has it.
        values: the range of values.
    """

    rows: list[list[Cell]]
    keys: list[str]
    values: str


@dataclass
class TableSheets:
    """The tables that formulas look at.

    Attributes:
        tables: the model's.
        title: gives a sheet a name of its own.
        column: the letters of a column, from 1.
    """

    tables: Mapping[str, Table]
    title: Callable[[str], str]
    column: Callable[[int], str]
    areas: dict[str, Area] = field(default_factory=dict)
    _known: dict[tuple[str, str], Area] = field(default_factory=dict)

    def lookup(self, writer: Writer, expr: Expr, t: int | None) -> str:
        """A lookup at a period."""
        name, title = expr.value
        table = self.tables[name]
        column = table.column(title)
        area = self._area(table, column)
        if table.dims[0].knots is not None:
            return self._between(writer, expr, t, table.dims[0], area)
        matches = [
            f"MATCH({_key(dim, writer.text(arg, t))},{keys},0)"
            for dim, arg, keys in zip(table.dims, expr.args, area.keys, strict=True)
        ]
        return f"INDEX({area.values},{','.join(matches)})"

    def _between(self, writer: Writer, expr: Expr, t: int | None, dim: KeyDim, area: Area) -> str:
        """A value between two knots, constant outside of them."""
        (key,), (keys,), knots = expr.args, area.keys, dim.knots
        assert knots is not None
        if len(knots) == 1:
            return f"INDEX({area.values},1)"
        timed = writer.varies(key)
        low, high = literal(float(knots[0])), literal(float(knots[-1]))

        def step(what: str, text: Text, at: int | None) -> str:
            return writer.step(expr, what, timed, text, at)

        def inside(at: int | None) -> str:
            return f"MAX({low},MIN({high},{writer.text(key, at)}))"

        def knot(at: int | None) -> str:
            return f"MIN(MATCH({step('inside', inside, at)},{keys},1),{len(knots) - 1})"

        x, i = step("inside", inside, t), step("knot", knot, t)
        x0, x1 = f"INDEX({keys},{i})", f"INDEX({keys},{i}+1)"
        y0, y1 = f"INDEX({area.values},{i})", f"INDEX({area.values},{i}+1)"
        return f"({y0}+({x}-{x0})*(({y1}-{y0})/({x1}-{x0})))"

    def _area(self, table: Table, column: Column) -> Area:
        key = (table.name, column.name)
        if key not in self._known:
            one = len(table.columns) == 1 or column.name == table.name
            title = self.title(table.name if one else f"{table.name} {column.name}")
            make = self._list if len(table.dims) == 1 else self._matrix
            self._known[key] = self.areas[title] = make(table, column, title)
        return self._known[key]

    def _list(self, table: Table, column: Column, title: str) -> Area:
        (dim,) = table.dims
        pairs = [
            [key, _shown(column, value)]
            for key, value in zip(_keys(dim), column.data.tolist(), strict=True)
            if value == value
        ]
        _check(table, len(pairs) + 1, 2)
        last = len(pairs) + 1
        rows: list[list[Cell]] = [[dim.name, column.name], *pairs]
        return Area(rows, [f"'{title}'!$A$2:$A${last}"], f"'{title}'!$B$2:$B${last}")

    def _matrix(self, table: Table, column: Column, title: str) -> Area:
        down, across = table.dims
        header: list[Cell] = [f"{down.name} / {across.name}", *_keys(across)]
        rows: list[list[Cell]] = [header]
        for key, values in zip(_keys(down), column.data, strict=True):
            if not np.isnan(values).all():
                cells = [_shown(column, value) if value == value else NONE for value in values]
                rows.append([key, *cells])
        _check(table, len(rows), len(header))
        right, last = self.column(len(header)), len(rows)
        return Area(
            rows,
            [f"'{title}'!$A$2:$A${last}", f"'{title}'!$B$1:${right}$1"],
            f"'{title}'!$B$2:${right}${last}",
        )


def _check(table: Table, rows: int, columns: int) -> None:
    if rows > LIMITS.rows or columns > LIMITS.columns:
        raise Diagnostic(
            NOT_IN_SHEETS,
            f"table `{table.name}` has {rows:,} rows and {columns:,} columns, more than a sheet",
            help=Advice(
                "leave the outputs out that need it: to_xlsx(outputs=[...])",
                typed="leave the outputs out that need it: --outputs A,B",
            ),
        )
    for dim in table.dims:
        lower = [label.lower() for label in dim.labels]
        odd = next((x for x in dim.labels if "*" in x or "?" in x or "~" in x), None)
        if len(set(lower)) < len(lower) or odd is not None:
            raise Diagnostic(
                NOT_IN_SHEETS,
                f"key `{dim.name}` of table `{table.name}` has names that a spreadsheet takes for"
                f" one another: {odd or dim.labels[0]!r}",
                help="names differ by more than capitals, and have no *, ? and ~ in them",
            )


def _keys(dim: KeyDim) -> list[Cell]:
    if dim.labels:
        return list(dim.labels)
    if dim.knots is not None:
        return [float(knot) for knot in dim.knots]
    return [dim.base + n for n in range(dim.size)]


def _shown(column: Column, value: float) -> Cell:
    return column.labels[int(value)] if column.labels else float(value)


def _key(dim: KeyDim, text: str) -> str:
    """What is looked for: the key itself, the nearest one, or a name."""
    if dim.labels:
        return text
    if dim.outside == "clamp":
        low, high = literal(dim.base), literal(dim.base + dim.size - 1)
        text = f"MAX({low},MIN({high},{text}))"
    return f"ROUND({text},{DIGITS})"
