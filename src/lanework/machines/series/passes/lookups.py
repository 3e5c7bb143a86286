"""From lookups in formulas to values: tables, keys, and the labels that numbers stand for.

A lookup in a branch of `where` counts only when the branch is taken: on the other lanes its key
becomes one that the table surely has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import UNKNOWN_LABEL
from lanework.core.ops.bodies.logic import choose
from lanework.machines.series.codes import BAD_KEYS, UNKNOWN_FUNCTION, UNSUPPORTED
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, WHERE, Expr
from lanework.machines.series.language.functions import callable_names, signatures
from lanework.machines.series.language.instead import of_function, of_index
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.language.tables import Table, align, first_valid
from lanework.machines.series.passes.values import TableData, Values

KEEP_LABELS = frozenset((*SHIFTS, "last", "at"))
"""Steps that give one of the values of their first operand."""

Guard = tuple[tuple[int, bool], ...]
"""Conditions, by their values, and whether they must hold."""


@dataclass
class Lookups:
    """Reads lookups into `values`; `categories` are the labels that inputs' numbers stand for."""

    values: Values
    formulas: Mapping[str, Formula]
    tables: Mapping[str, Table]
    categories: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        columns = (column for table in self.tables.values() for column in table.columns.values())
        self.any_labels = any(self.categories.values()) or any(c.labels for c in columns)
        self._tables: dict[tuple[str, str | None, tuple[tuple[str, ...], ...]], int] = {}

    def _advice(self, name: str, expr: Expr) -> str | None:
        """What to write instead of a lookup in a table that there is not."""
        if name in self.formulas or name in self.categories:
            return f"`{name}` is a node, and no table: " + of_index(name, str(expr.args[0]))
        near = did_you_mean(name, self.tables)
        other = of_function(name, signatures()) or did_you_mean(name, callable_names())
        return near or other

    def labels(self, expr: Expr) -> tuple[str, ...]:
        """The labels that an expression's numbers stand for, () if it is just a number."""
        for _ in range(100):  # a chain of plain renamings
            if expr.head == NAME:
                formula = self.formulas.get(expr.value)
                if formula is None:
                    return self.categories.get(expr.value, ())
                expr = formula.expr
            elif expr.head in KEEP_LABELS:
                expr = expr.args[0]
            elif expr.head == WHERE:
                expr = expr.args[1]
            else:
                break
        if expr.head == LOOKUP:
            table = self.tables.get(expr.value[0])
            if table is not None:
                return table.column(expr.value[1]).labels
        return ()

    def check_numbers(self, expr: Expr) -> None:
        """Refuse a step that would take names for numbers, or choose between the two.

        Raises:
            Diagnostic: LW3002.
        """
        if not self.any_labels:
            return
        sides = expr.args
        if expr.head == WHERE or expr.head in SHIFTS:
            sides = expr.args[1:] if expr.head == WHERE else expr.args
            first, second = map(self.labels, sides)
            if first != second:
                raise self._no_number(expr, sides[not first], first or second)
            sides = expr.args[:1] if expr.head == WHERE else ()
        if expr.head not in KEEP_LABELS:
            for arg in sides:
                labels = self.labels(arg)
                if labels:
                    raise self._no_number(expr, arg, labels)

    def _no_number(self, expr: Expr, arg: Expr, labels: tuple[str, ...]) -> Diagnostic:
        some = ", ".join(map(repr, labels[:3])) + (", ..." if len(labels) > 3 else "")
        return Diagnostic(
            UNSUPPORTED,
            f"`{arg}` holds names ({some}), which are no numbers for `{expr}`",
            span=expr.span,
            help=f'compare it with a name (`{arg} == "{labels[0]}"`) or use it as the key of a '
            "table",
        )

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
        """The value of a lookup that counts under a guard; `value_of` reads a key.

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
                help=self._advice(name, expr)
                or f'declare the table: model.table("{name}", ...), or `{name} = table(...)` in a '
                "model file",
            )
        try:
            column = table.column(column_name)
        except Diagnostic as error:
            raise Diagnostic(error.code, error.message, span=expr.span, help=error.help) from None
        if len(expr.args) != len(table.dims):
            raise Diagnostic(
                BAD_KEYS,
                f"table `{name}` has {len(table.dims)} keys and is looked up with {len(expr.args)}",
                span=expr.span,
                help=f"its keys are {', '.join(dim.name for dim in table.dims)}",
            )
        categories: list[tuple[str, ...]] = []
        for dim, arg in zip(table.dims, expr.args, strict=True):
            labels = dim.labels if arg.head == LABEL else self.labels(arg)
            if bool(dim.labels) != bool(labels):
                has = "names" if dim.labels else "numbers"
                gives = "numbers" if dim.labels else "names"
                raise Diagnostic(
                    BAD_KEYS,
                    f"key `{dim.name}` of table `{name}` has {has}, and `{arg}` gives {gives}",
                    span=expr.span,
                    help="declare the input with categories=(...)" if dim.labels else None,
                )
            categories.append(labels)
        tables, shape = self.values.tables, (name, column_name, tuple(categories))
        number = self._tables.get(shape)
        if number is None:
            number = self._tables[shape] = len(tables)
            shown = name if column_name is None else f"{name}[{column_name}]"
            tables.append(TableData(shown, *align(table, column, categories)))
        data = tables[number]
        keys = []
        safe = first_valid(data.dims, data.data) if guard and table.faults else None
        for axis, (dim, arg) in enumerate(zip(data.dims, expr.args, strict=True)):
            if arg.head == LABEL:
                key = self.values.const(float(self.position(arg, dim.labels, expr)))
            else:
                key = value_of(arg)
            if safe is not None:
                other = self.values.const(safe[axis])
                for test, taken in reversed(guard):
                    sides = (key, other) if taken else (other, key)
                    key = self.values.apply(choose.name, (test, *sides))
            keys.append(key)
        return self.values.lookup(number, tuple(keys), expr)


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
