"""From lookups in formulas to values: tables, keys, and the labels that numbers stand for.

A lookup in a branch of `where` counts only when the branch is taken: on the other lanes its key
becomes one that the table surely has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.series.codes import BAD_KEYS, UNKNOWN_FUNCTION, UNKNOWN_LABEL
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, Expr
from lanework.machines.series.language.functions import functions
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.language.tables import Table, align, first_valid
from lanework.machines.series.passes.values import TableData, Values

Guard = tuple[tuple[int, bool], ...]
"""Conditions, by their values, and whether they must hold."""


class Lookups:
    """Reads lookups into `values`.

    Attributes:
        values: the value graph.
        formulas: every formula, by name.
        tables: every table, by name.
        categories: for each input the labels that its numbers stand for, () if none.
    """

    def __init__(
        self,
        values: Values,
        formulas: Mapping[str, Formula],
        tables: Mapping[str, Table],
        categories: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.values = values
        self.formulas = formulas
        self.tables = tables
        self.categories = categories
        self._tables: dict[tuple[str, str | None, tuple[tuple[str, ...], ...]], int] = {}

    def labels(self, expr: Expr) -> tuple[str, ...]:
        """The labels that an expression's numbers stand for, () if it is just a number."""
        for _ in range(100):  # a chain of plain renamings
            if expr.head == NAME:
                formula = self.formulas.get(expr.value)
                if formula is None:
                    return self.categories.get(expr.value, ())
                expr = formula.expr
            elif expr.head in SHIFTS:
                expr = expr.args[0]
            elif expr.head == "where":
                expr = expr.args[1]
            else:
                break
        if expr.head == LOOKUP:
            table = self.tables.get(expr.value[0])
            if table is not None:
                return table.column(expr.value[1]).labels
        return ()

    def position(self, label: Expr, labels: tuple[str, ...], owner: Expr) -> int:
        """The number that a label stands for among those of what it is compared with."""
        if not labels:
            raise Diagnostic(
                UNKNOWN_LABEL,
                f"`{owner}` is compared with {label.value!r}, but it has no categories",
                span=label.span,
                help="declare the input with categories=(...)",
            )
        if label.value not in labels:
            raise Diagnostic(
                UNKNOWN_LABEL,
                f"{label.value!r} is not one of the categories of `{owner}`",
                span=label.span,
                help=did_you_mean(label.value, labels)
                or f"its categories are {', '.join(map(repr, labels))}",
            )
        return labels.index(label.value)

    def read(self, expr: Expr, value_of: Callable[[Expr], int], guard: Guard) -> int:
        """The value of a lookup.

        Args:
            expr: the lookup.
            value_of: reads a key.
            guard: the conditions under which it counts.

        Raises:
            Diagnostic: LW3004 for a table that does not exist, LW3019 and LW3020 for keys and
                labels that do not fit.
        """
        name, column_name = expr.value
        table = self.tables.get(name)
        if table is None:
            raise Diagnostic(
                UNKNOWN_FUNCTION,
                f"there is no function or table named `{name}`",
                span=expr.span,
                help=did_you_mean(name, [*self.tables, *functions()]),
            )
        try:
            column = table.column(column_name)
        except Diagnostic as error:
            raise Diagnostic(error.code, error.message, span=expr.span, help=error.help) from None
        if len(expr.args) != len(table.dims):
            raise self._bad_keys(
                expr,
                f"table `{name}` has {len(table.dims)} keys and is looked up with {len(expr.args)}",
                f"its keys are {', '.join(dim.name for dim in table.dims)}",
            )
        categories: list[tuple[str, ...]] = []
        for dim, arg in zip(table.dims, expr.args, strict=True):
            labels = dim.labels if arg.head == LABEL else self.labels(arg)
            if bool(dim.labels) != bool(labels):
                has = "names" if dim.labels else "numbers"
                gives = "numbers" if dim.labels else "names"
                raise self._bad_keys(
                    expr,
                    f"key `{dim.name}` of table `{name}` has {has}, and `{arg}` gives {gives}",
                    "declare the input with categories=(...)" if dim.labels else None,
                )
            categories.append(labels)
        number = self._table(table, column_name, tuple(categories))
        data = self.values.tables[number]
        keys = []
        safe: tuple[float, ...] | None = None
        for axis, (dim, arg) in enumerate(zip(data.dims, expr.args, strict=True)):
            if arg.head == LABEL:
                key = self.values.const(float(self.position(arg, dim.labels, expr)))
            else:
                key = value_of(arg)
            if guard and table.faults:
                if safe is None:
                    safe = first_valid(data.dims, data.data)
                key = self._guarded_key(key, safe[axis], guard)
            keys.append(key)
        assert len(column.data.shape) == len(keys)
        return self.values.lookup(number, tuple(keys), expr)

    def _guarded_key(self, key: int, safe: float, guard: Guard) -> int:
        other = self.values.const(safe)
        for test, taken in reversed(guard):
            sides = (key, other) if taken else (other, key)
            key = self.values.apply("select", (test, *sides))
        return key

    def _table(
        self, table: Table, column: str | None, categories: tuple[tuple[str, ...], ...]
    ) -> int:
        key = (table.name, column, categories)
        number = self._tables.get(key)
        if number is None:
            chosen = table.column(column)
            dims, data = align(table, chosen, categories)
            shown = table.name if column is None else f"{table.name}[{column}]"
            self.values.tables.append(TableData(shown, dims, data))
            number = self._tables[key] = len(self.values.tables) - 1
        return number

    @staticmethod
    def _bad_keys(expr: Expr, message: str, help: str | None) -> Diagnostic:
        return Diagnostic(BAD_KEYS, message, span=expr.span, help=help)


def infer_categories(
    formulas: Sequence[Formula],
    all_formulas: Mapping[str, Formula],
    tables: Mapping[str, Table],
    categories: dict[str, tuple[str, ...]],
) -> None:
    """Give inputs without categories those of the tables that they are keys of."""
    for formula in formulas:
        if not formula.special:
            continue
        for step in formula.expr.walk():
            if step.head != LOOKUP or step.value[0] not in tables:
                continue
            for dim, arg in zip(tables[step.value[0]].dims, step.args, strict=False):
                name = arg.value if arg.head == NAME else None
                for _ in range(100):
                    renamed = all_formulas.get(name) if name is not None else None
                    if renamed is None:
                        break
                    name = renamed.expr.value if renamed.expr.head == NAME else None
                if dim.labels and name is not None and categories.get(name) == ():
                    categories[name] = dim.labels
