"""From formulas to values: every formula is read once, in order, into the value graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lanework.base.errors import Diagnostic
from lanework.core.codes import UNKNOWN_LABEL
from lanework.core.ops.bodies.arithmetic import add, div, mul, round_, sub
from lanework.core.ops.bodies.logic import choose, eq, ne
from lanework.core.ops.bodies.power import power
from lanework.machines.series.codes import BAD_CALL, NO_CALENDAR, TOO_DEEP, UNSUPPORTED
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language.calendar import COLUMNS, PER_YEAR, Calendar
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, NUMBER, WHERE, Expr
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.language.tables import KeyDim, Table
from lanework.machines.series.passes.lookups import Guard, Lookups
from lanework.machines.series.passes.values import (
    INPUT,
    PERIODS,
    TIME,
    UNKNOWN,
    TableData,
    Values,
)

FOLD_OF = {"total": "tsum", "minimum": "tmin", "maximum": "tmax", "last": "last", "at": "at"}
T = TypeVar("T")
_STONE = 100  # levels of a formula that are read by recursion at a time


@dataclass
class Flattener:
    """Reads formulas, in an order that `order_formulas` gives, into `values`.

    Attributes:
        categories: for each input the labels that its numbers stand for, () if none. An input that
            is called like a formula overrides it where it is no NaN.
        calendar: for calendar columns.
        freq: for `per_period`.
        factors: for a step of a formula (by id) a factor for each operand, where units of one
            dimension differ in size.
        circular: the names of nodes that are solved for: a leaf stands for each.
        known: the value of every name read so far.
        solved: of circular nodes the value of the formula.
        periods: how many there are, None where each run says.
    """

    values: Values
    formulas: Mapping[str, Formula]
    tables: Mapping[str, Table]
    categories: Mapping[str, tuple[str, ...]]
    calendar: Calendar | None
    freq: str | None
    factors: Mapping[int, Sequence[float]]
    circular: Collection[str] = ()
    periods: int | None = None

    def __post_init__(self) -> None:
        self.known = {name: self.values.leaf(UNKNOWN, name) for name in self.circular}
        self.solved: dict[str, int] = {}
        self._memo: dict[int, int] = {}
        self._guarded: dict[tuple[int, Guard], int] = {}
        self._guard: Guard = ()
        self._pending: list[tuple[int, Expr, str, float]] = []
        self._sums: dict[tuple[str, int], int] = {}
        self.lookups = Lookups(self.values, self.formulas, self.tables, self.categories)

    def read(self, ordered: Sequence[Formula], scale: Mapping[str, float]) -> None:
        """Read formulas; `scale` multiplies a formula's value into its declared unit."""
        values = self.values
        for formula in ordered:
            values.owner = formula.name
            self._memo.clear()
            read = self.solved if formula.name in self.circular else self.known
            try:
                read[formula.name] = self._formula(formula, scale.get(formula.name, 1.0))
            except Diagnostic as error:
                raise formula.blamed(error) from None
        while self._pending:
            shift, expr, owner, factor = self._pending.pop(0)
            values.owner = owner
            try:
                values.close(shift, self._times(self._deep(expr), factor, expr))
            except Diagnostic as error:
                raise self.formulas[owner].blamed(error) from None

    def _formula(self, formula: Formula, factor: float) -> int:
        """A formula, or what an input of its name gives where that gives a number."""
        values, expr = self.values, formula.expr
        if formula.name not in self.categories:
            return self._times(self._deep(expr), factor, expr)
        port = values.leaf(INPUT, formula.name)
        given = values.apply(eq.name, (port, port))
        guard: Guard = ((given, False),) if _has_lookup(expr) else ()
        value = self._times(self._under(guard, self._deep, expr), factor, expr)
        return values.apply(choose.name, (given, port, value), expr)

    def name(self, name: str) -> int:
        """The value of a name."""
        if name not in self.known:
            self.known[name] = self._leaf(name)
        return self.known[name]

    def _leaf(self, name: str) -> int:
        values = self.values
        if name == "t":
            return values.leaf(TIME)
        if name == "periods":
            return values.leaf(PERIODS)
        if name in self.categories:
            return values.leaf(INPUT, name)
        assert self.calendar is not None
        assert name in COLUMNS
        column = self.calendar.column(name)
        dims = (KeyDim("t", "error", 0.0, len(column)),)
        values.tables.append(TableData(name, dims, column))
        return values.lookup(len(values.tables) - 1, (values.leaf(TIME),))

    # Steps --------------------------------------------------------------------------------------

    def _deep(self, expr: Expr) -> int:
        """The value of a formula of any depth: deep ones are read bottom up, in stages."""
        if expr.depth > _STONE:
            guarded = _guarded_steps(expr)
            for step in expr.walk():
                if step.depth % _STONE == 0 and id(step) not in guarded:
                    self._expr(step)
        try:
            return self._expr(expr)
        except RecursionError:
            raise Diagnostic(
                TOO_DEEP,
                f"the formula of `{self.values.owner}` is nested too deeply",
                span=expr.span,
                help="give the inner part a name of its own",
            ) from None

    def _expr(self, expr: Expr) -> int:
        head = expr.head
        if head == NAME:
            name = expr.value
            value = self.known.get(name)
            return value if value is not None else self.name(name)
        if head == NUMBER:
            return self.values.const(expr.value)
        if self._guard:
            key = (id(expr), self._guard)
            value = self._guarded.get(key)
            if value is None:
                value = self._guarded[key] = self._step(expr, head)
            return value
        value = self._memo.get(id(expr))
        if value is None:
            value = self._memo[id(expr)] = self._step(expr, head)
        return value

    def _operands(self, expr: Expr) -> tuple[int, ...]:
        read = self._expr
        operands = tuple([read(arg) for arg in expr.args])
        if self.factors:
            factors = self.factors.get(id(expr))
            if factors is not None:
                operands = tuple(map(self._times, operands, factors))
        return operands

    def _times(self, value: int, factor: float, expr: Expr | None = None) -> int:
        """A value in the unit that is wanted."""
        values = self.values
        if factor == 1.0:
            return value
        return values.apply(mul.name, (value, values.const(factor)), expr)

    def _under(self, guard: Guard, read: Callable[[Expr], T], expr: Expr) -> T:
        """What is read of an expression under other conditions than these here."""
        outer, self._guard = self._guard, guard
        try:
            return read(expr)
        finally:
            self._guard = outer

    def _step(self, expr: Expr, head: str) -> int:
        special = SPECIAL.get(head)
        if head not in COMPARED:
            self.lookups.check_numbers(expr)
        if special is not None:
            return special(self, expr)
        return self.values.apply(head, self._operands(expr), expr)

    def _label(self, expr: Expr) -> int:
        raise Diagnostic(
            UNSUPPORTED,
            f"the label {expr.value!r} stands where a number is needed",
            span=expr.span,
            help='labels are compared with categories (sex == "M") or used as keys of tables',
        )

    def _where(self, expr: Expr) -> int:
        condition, yes, no = expr.args
        if not (_has_lookup(yes) or _has_lookup(no)):
            return self.values.apply(choose.name, self._operands(expr), expr)
        test = self._expr(condition)
        sides = [
            self._under((*self._guard, (test, taken)), self._expr, side)
            for side, taken in ((yes, True), (no, False))
        ]
        factors = self.factors.get(id(expr))
        if factors is not None:
            sides = list(map(self._times, sides, factors[1:]))
        return self.values.apply(choose.name, (test, *sides), expr)

    def _equality(self, expr: Expr) -> int:
        left, right = expr.args
        if LABEL in (left.head, right.head):
            if left.head == LABEL:
                left, right = right, left
            value = self._expr(left)
            position = self.lookups.position(right, self.lookups.labels(left), left)
            return self.values.apply(expr.head, (value, self.values.const(float(position))), expr)
        if self.lookups.any_labels:
            mine, other = self.lookups.labels(left), self.lookups.labels(right)
            if mine and other and mine != other:
                raise Diagnostic(
                    UNKNOWN_LABEL,
                    f"`{left}` and `{right}` have different categories",
                    span=expr.span,
                    help="give both inputs the same categories=, in the same order",
                )
            if mine != other:
                self.lookups.check_numbers(expr)
        return self.values.apply(expr.head, self._operands(expr), expr)

    def _power(self, expr: Expr) -> int:
        exponent = expr.args[1]
        if exponent.head == NUMBER and exponent.value == 2.0:
            # A written square is a product: exact to half a unit, and one instruction.
            (value, _) = self._operands(expr)
            return self.values.apply(mul.name, (value, value), expr)
        return self.values.apply(power.name, self._operands(expr), expr)

    def _round(self, expr: Expr) -> int:
        values, (value,), digits = self.values, self._operands(expr), expr.value
        if digits == 0:
            return values.apply(round_.name, (value,), expr)
        scale = values.const(10.0 ** abs(digits))
        there, back = (mul, div) if digits > 0 else (div, mul)
        rounded = values.apply(round_.name, (values.apply(there.name, (value, scale), expr),), expr)
        return values.apply(back.name, (rounded, scale), expr)

    # Over time ----------------------------------------------------------------------------------

    def _shift(self, expr: Expr) -> int:
        source, fill_expr = expr.args
        values, op, lag = self.values, expr.head, expr.value
        fill = self._expr(fill_expr)
        factor, of_fill = self.factors.get(id(expr), (1.0, 1.0))
        fill = self._times(fill, of_fill)
        if source.head == NAME and factor == 1.0:
            name = source.value
            shift = values.shift_of_name(op, name, fill, lag, expr)
            if values.args[shift][0] < 0:
                if name in self.known or name not in self.formulas:
                    values.close(shift, self.name(name))
                else:
                    self._pending.append((shift, source, values.owner, 1.0))
            return shift
        if self._ready(source):
            value = self._times(self._under((), self._expr, source), factor)
            return values.shift(op, value, fill, lag, expr)
        shift = values.open_shift(op, fill, lag, expr)
        self._pending.append((shift, source, values.owner, factor))
        return shift

    def _ready(self, expr: Expr) -> bool:
        """Whether every name that is needed now has been read."""
        stack = [expr]
        while stack:
            step = stack.pop()
            if step.head == NAME:
                if step.value not in self.known and step.value in self.formulas:
                    return False
            elif step.head in SHIFTS:
                stack.append(step.args[1])
            else:
                stack.extend(step.args)
        return True

    def _running(self, expr: Expr) -> int:
        """Running sum y[t] = y[t-1] + x[t] from 0; product y[t] = y[t-1] * x[t] from 1."""
        values = self.values
        (value,) = self._under((), self._operands, expr)
        total = self._sums.get((expr.head, value))
        if total is None:
            op, start = (add, 0.0) if expr.head == "cumsum" else (mul, 1.0)
            before = values.open_shift("prev", values.const(start), 1, expr)
            total = values.apply(op.name, (before, value), expr)
            values.close(before, total)
            self._sums[expr.head, value] = total
        return total

    def _fold(self, expr: Expr) -> int:
        if expr.head == "at" and self.periods is not None and expr.value >= self.periods:
            raise Diagnostic(
                BAD_CALL,
                f"`{expr}` is of period {expr.value}, and the periods are 0 to {self.periods - 1}",
                span=expr.span,
                help=f"they are counted from 0; write last({expr.args[0]}) for the last one",
            )
        (value,) = self._under((), self._operands, expr)
        return self.values.fold(FOLD_OF[expr.head], value, expr.value, expr)

    def _per_year(self, expr: Expr) -> float:
        if self.freq is None:
            raise Diagnostic(
                NO_CALENDAR,
                f"`{expr.head}` needs to know how long a period is",
                span=expr.span,
                help="give the model freq=",
            )
        return PER_YEAR[self.freq]

    def _per_period(self, expr: Expr) -> int:
        per_year = self._per_year(expr)
        return self.values.apply(
            div.name, (*self._operands(expr), self.values.const(per_year)), expr
        )

    def _compound(self, expr: Expr) -> int:
        values, per_year = self.values, self._per_year(expr)
        (rate,) = self._operands(expr)
        one = values.const(1.0)
        growth = values.apply(add.name, (one, rate), expr)
        root = values.apply(power.name, (growth, values.const(1.0 / per_year)), expr)
        return values.apply(sub.name, (root, one), expr)


COMPARED = frozenset((eq.name, ne.name, LOOKUP, LABEL))
"""Steps that say themselves what they make of names."""

SPECIAL: dict[str, Callable[[Flattener, Expr], int]] = {
    LABEL: Flattener._label,
    LOOKUP: lambda self, expr: self.lookups.read(expr, self._expr, self._guard),
    WHERE: Flattener._where,
    **dict.fromkeys((eq.name, ne.name), Flattener._equality),
    power.name: Flattener._power,
    round_.name: Flattener._round,
    **dict.fromkeys(SHIFTS, Flattener._shift),
    **dict.fromkeys(("cumsum", "cumprod"), Flattener._running),
    "per_period": Flattener._per_period,
    "compound_per_period": Flattener._compound,
    **dict.fromkeys(FOLD_OF, Flattener._fold),
}


def _has_lookup(expr: Expr) -> bool:
    return any(step.head == LOOKUP for step in expr.walk())


def _guarded_steps(expr: Expr) -> set[int]:
    """Steps inside branches of `where` that hold lookups: they are read under their guard."""
    steps: set[int] = set()
    for step in expr.walk():
        if step.head == WHERE:
            for side in step.args[1:]:
                if _has_lookup(side):
                    steps.update(id(inner) for inner in side.walk())
        elif step.head in SHIFTS:
            steps.update(id(inner) for inner in step.args[0].walk())
    return steps
