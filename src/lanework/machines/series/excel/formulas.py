"""A formula at a period as the formula of a cell.

Time runs across columns, so what `prev` looks at is written with the columns before: the cells of a
recurrence refer to each other. What is used more than once, is long, or is needed over all of time
gets a row of its own among the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lanework.base.errors import Advice, Diagnostic
from lanework.core.ops.bodies.arithmetic import floordiv, mod, neg, round_
from lanework.core.ops.bodies.logic import and_, eq, ne, not_, or_
from lanework.core.ops.bodies.power import power
from lanework.machines.series.codes import NOT_IN_SHEETS
from lanework.machines.series.excel.functions import (
    FOLDED,
    TRUTHS,
    WRITTEN,
    divides,
    guarded,
    literal,
    quoted,
    rounded,
)
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language.calendar import PER_YEAR
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, NUMBER, WHERE, Expr
from lanework.machines.series.passes.flatten import FOLD_OF

LONG, MANY, DEEP = 100, 6, 30
"""Steps that get a row of their own: of so many parts, used twice and of so many, so deep."""

RUNNING = ("cumsum", "cumprod")
Text = Callable[[int | None], str]


@dataclass
class Row:
    """A row of formulas.

    Attributes:
        owner: the node that it is of.
        timed: whether it has a cell a period.
        text: what is there.
        note: what it computes.
        ends: whether it is 0 beyond the horizon.
    """

    owner: str
    timed: bool
    text: Text
    note: str = ""
    ends: bool = True


@dataclass
class Writer:
    """Writes formulas; see `workbook.py` for where things stand.

    Attributes:
        periods: how many there are.
        freq: for `per_period`.
        factors: for a step of a formula (by id) a factor for each operand.
        timed: of each name whether it has a value a period.
        cell: where a named node has its value at a period.
        row: where it has them all.
        lookup: writes a lookup at a period.
        labels: the names that an expression's numbers stand for.
        horizon: the name of the number of periods that count, "" where all do.
        free: nodes that the horizon itself is made of.
        ending: nodes that are 0 beyond the horizon, as inputs and the calendar are not.
    """

    periods: int
    freq: str | None
    factors: Mapping[int, tuple[float, ...]]
    timed: dict[str, bool]
    cell: Callable[[str, int | None], str]
    row: Callable[[str], str]
    lookup: Callable[[Writer, Expr, int | None], str]
    labels: Callable[[Expr], tuple[str, ...]]
    horizon: str = ""
    free: frozenset[str] = frozenset()
    ending: frozenset[str] = frozenset()
    steps: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owner = ""
        self._known: dict[tuple[int, str], int] = {}
        self._varies: dict[int, bool] = {}
        self._kept: list[Expr] = []  # their ids are keys
        self._apart: set[int] = set()

    def formula(self, name: str, expr: Expr, factor: float) -> Text:
        """A node's formula: the text of its cell at a period, None of a node without time."""
        self.owner = name
        self._survey(expr)
        if factor == 1.0:
            return lambda t: self.text(expr, t)
        return lambda t: f"({self.text(expr, t)}*{literal(factor)})"

    def varies(self, expr: Expr) -> bool:
        """Whether an expression has a value a period."""
        if id(expr) not in self._varies:
            self._kept.append(expr)
            for step in expr.walk():
                self._varies[id(step)] = self._step_varies(step)
        return self._varies[id(expr)]

    def _step_varies(self, step: Expr) -> bool:
        if step.head == NAME:
            return self.timed.get(step.value, False)
        if step.head in SHIFTS or step.head in RUNNING:
            return True
        return step.head not in FOLD_OF and any(self._varies[id(arg)] for arg in step.args)

    def _survey(self, expr: Expr) -> None:
        """Which steps of a formula get a row of their own."""
        self.varies(expr)
        size: dict[int, int] = {}
        uses: dict[int, int] = {}
        for step in expr.walk():
            for arg in step.args:
                uses[id(arg)] = uses.get(id(arg), 0) + 1
        for step in expr.walk():
            size[id(step)] = here = 1 + sum(size[id(arg)] for arg in step.args)
            twice = uses.get(id(step), 0) > 1 and here >= MANY
            if step is not expr and (
                here > LONG or twice or (step.args and step.depth % DEEP == 0)
            ):
                self._apart.add(id(step))
                size[id(step)] = 1

    # Steps --------------------------------------------------------------------------------------

    def step(self, expr: Expr, what: str, timed: bool, text: Text, t: int | None) -> str:
        """The cell of a step at a period; `what` it is of an expression, if not all of it."""
        return self._cell(self._step(expr, what, timed, text), t)

    def _step(self, expr: Expr, what: str, timed: bool, text: Text) -> int:
        key = (id(expr), what)
        if key not in self._known:
            self._known[key] = len(self.steps)
            note = f"{what}: {expr}" if what else str(expr)
            self.steps.append(Row(self.owner, timed, text, note))
        return self._known[key]

    def _cell(self, number: int, t: int | None) -> str:
        return self.cell(f"#{number}", t if self.steps[number].timed else None)

    def _all_periods(self, step: Expr, text: Text) -> str:
        """Where the operand of a step over all of time has its values."""
        (source,) = step.args
        plain = source.head == NAME and id(step) not in self.factors
        if plain and self.timed.get(source.value) and self._stops(source.value):
            return self.row(source.value)
        return self.row(f"#{self._step(step, 'of', True, text)}")

    def _stops(self, name: str) -> bool:
        """Whether the row of a node has what counts and no more: 0 beyond the horizon."""
        return not self.horizon or name in self.ending

    def text(self, expr: Expr, t: int | None) -> str:
        """What stands for an expression at a period, as a number or a name of a category."""
        head = expr.head
        if head == NUMBER:
            return literal(self._finite(expr))
        if head == NAME:
            return self._name(expr.value, t)
        if head == LABEL:
            return quoted(expr.value)
        if id(expr) in self._apart:
            plain: Text = lambda at: self._plain(expr, at)  # noqa: E731
            return self.step(expr, "", self.varies(expr), plain, t)
        return self._plain(expr, t)

    def _finite(self, expr: Expr) -> float:
        value: float = expr.value
        if value - value != 0.0:
            raise self.lacking(expr, f"the number {value}")
        return value

    def _name(self, name: str, t: int | None) -> str:
        if name == "periods":
            bounded = self.horizon and self.owner not in self.free
            return self.cell(self.horizon, None) if bounded else str(self.periods)
        return self.cell(name, t if self.timed[name] else None)

    def _plain(self, expr: Expr, t: int | None) -> str:
        head = expr.head
        special = SPECIAL.get(head)
        if special is not None:
            return special(self, expr, t)
        if head in TRUTHS or head in LOGIC:
            return f"({self.truth(expr, t)})*1" if head in LOGIC else f"(({self.truth(expr, t)})*1)"
        operands = self._operands(expr, t)
        if head in FOLDED:
            return f"{FOLDED[head]}({','.join(operands)})"
        form = WRITTEN.get(head, "")
        if not form:
            raise self.lacking(expr, f"`{head}`")
        return form.format(*operands)

    def truth(self, expr: Expr, t: int | None) -> str:
        """What stands for a condition: a comparison as it is, not as a number."""
        head = expr.head
        if id(expr) in self._apart or (head not in TRUTHS and head not in LOGIC):
            return self.text(expr, t)
        if head in LOGIC:
            return f"{LOGIC[head]}({','.join(self.truth(arg, t) for arg in expr.args)})"
        left, right = self._operands(expr, t)
        if head in (eq.name, ne.name) and self._named(expr):
            same = f"EXACT({left},{right})"  # `=` passes over capitals
            return same if head == eq.name else f"NOT({same})"
        return TRUTHS[head].format(left, right)

    def _named(self, expr: Expr) -> bool:
        return any(arg.head == LABEL or self.labels(arg) for arg in expr.args)

    def operand(self, expr: Expr, n: int, t: int | None) -> str:
        """An operand in the unit that is wanted."""
        text = self.text(expr.args[n], t)
        factor = self.factors.get(id(expr), (1.0,) * len(expr.args))[n]
        return text if factor == 1.0 else f"({text}*{literal(factor)})"

    def _operands(self, expr: Expr, t: int | None) -> list[str]:
        return [self.operand(expr, n, t) for n in range(len(expr.args))]

    def lacking(self, expr: Expr, what: str) -> Diagnostic:
        """The error for what a workbook cannot say."""
        return Diagnostic(
            NOT_IN_SHEETS,
            f"`{self.owner}` has {what}, which no formula of a workbook says exactly",
            span=expr.span,
            help=Advice(
                "write it with other functions, or leave the output out: to_xlsx(outputs=[...])",
                typed="write it with other functions, or leave the output out: --outputs A,B",
            ),
        )

    # Functions ----------------------------------------------------------------------------------

    def _where(self, expr: Expr, t: int | None) -> str:
        yes, no = self.operand(expr, 1, t), self.operand(expr, 2, t)
        return f"IF({self.truth(expr.args[0], t)},{yes},{no})"

    def _power(self, expr: Expr, t: int | None) -> str:
        x, y = self._operands(expr, t)
        exponent = expr.args[1]
        if exponent.head == NUMBER and exponent.value != 0.0:
            return f"POWER({x},{y})"
        return f"IF({y}=0,1,POWER({x},{y}))"  # a spreadsheet has no 0 to the power of 0

    def _floored(self, expr: Expr, t: int | None) -> str:
        """A quotient or a remainder where a spreadsheet's is exact, and an error elsewhere."""
        number = None if id(expr) in self.factors else _fixed(expr.args[1])
        if number is not None and not divides(number):
            raise self.lacking(expr, f"`{'%' if expr.head == mod.name else '//'}` by {number:g}")
        a, b = self._once(expr, 0, "dividend", t), self._once(expr, 1, "divisor", t)
        form = ("MOD({0},{1})" if expr.head == mod.name else "INT({0}/{1})").format(a, b)
        counted = expr.args[0].head == NAME and expr.args[0].value == "t"
        return guarded(form, "" if counted else a, "" if number is not None else b)

    def _once(self, expr: Expr, n: int, what: str, t: int | None) -> str:
        """An operand that is used more than once: its cell, or that of a step."""
        arg = expr.args[n]
        if id(expr) not in self.factors and arg.head in (NAME, NUMBER):
            return self.operand(expr, n, t)
        text: Text = lambda at: self.operand(expr, n, at)  # noqa: E731
        return self.step(expr, what, self.varies(arg), text, t)

    def _round(self, expr: Expr, t: int | None) -> str:
        digits, value = expr.value, self._once(expr, 0, "before", t)
        if digits == 0:
            return rounded(value)
        scale = literal(10.0 ** abs(digits))
        there, back = ("*", "/") if digits > 0 else ("/", "*")
        return f"({rounded(f'({value}{there}{scale})')}{back}{scale})"

    def _shift(self, expr: Expr, t: int | None) -> str:
        assert t is not None
        ahead = expr.head == "lead"
        at = t + expr.value if ahead else t - expr.value
        if not 0 <= at < self.periods:
            return self.operand(expr, 1, t)
        value = self.operand(expr, 0, at)
        if not ahead or not self.horizon:
            return value
        return f"IF({at}<{self.cell(self.horizon, None)},{value},{self.operand(expr, 1, t)})"

    def _running(self, expr: Expr, t: int | None) -> str:
        sign, start = ("+", "0") if expr.head == "cumsum" else ("*", "1")

        def text(at: int | None) -> str:
            assert at is not None
            before = self._cell(self._known[key], at - 1) if at else start
            return f"({before}{sign}{self.operand(expr, 0, at)})"

        key = (id(expr), "")
        return self.step(expr, "", True, text, t)

    def _total(self, expr: Expr, t: int | None) -> str:
        return f"SUM({self._all_periods(expr, lambda at: self.operand(expr, 0, at))})"

    def _extreme(self, expr: Expr, t: int | None) -> str:
        """The least or largest: of lanes that end, of what it has been so far."""
        called = "MIN" if expr.head == "minimum" else "MAX"
        text: Text = lambda at: self.operand(expr, 0, at)  # noqa: E731
        if not self.horizon:
            return f"{called}({self._all_periods(expr, text)})"

        count = self.cell(self.horizon, None)

        def so_far(at: int | None) -> str:
            assert at is not None
            if at == 0:
                return text(0)
            before = self._cell(self._known[key], at - 1)
            return f"IF({at}<{count},{called}({before},{text(at)}),{before})"

        key = (id(expr), "so far")
        number = self._step(expr, "so far", True, so_far)
        self.steps[number].ends = False
        return f"IF({count}<1,NA(),{self._cell(number, self.periods - 1)})"

    def _last(self, expr: Expr, t: int | None) -> str:
        if not self.horizon:
            return self.operand(expr, 0, self.periods - 1)
        row = self._all_periods(expr, lambda at: self.operand(expr, 0, at))
        count = self.cell(self.horizon, None)
        return f"IF({count}<1,NA(),INDEX({row},{count}))"

    def _at(self, expr: Expr, t: int | None) -> str:
        if expr.value >= self.periods:
            return "NA()"
        value = self.operand(expr, 0, expr.value)
        return (
            f"IF({expr.value}<{self.cell(self.horizon, None)},{value},NA())"
            if self.horizon
            else value
        )

    def _per_period(self, expr: Expr, t: int | None) -> str:
        return f"({self.operand(expr, 0, t)}/{literal(PER_YEAR[self.freq or 'year'])})"

    def _compound(self, expr: Expr, t: int | None) -> str:
        root = f"1/{literal(PER_YEAR[self.freq or 'year'])}"
        return f"(POWER(1+{self.operand(expr, 0, t)},{root})-1)"


def _fixed(expr: Expr) -> float | None:
    """The number that an expression is, if it is one as it was written."""
    if expr.head == neg.name:
        number = _fixed(expr.args[0])
        return None if number is None else -number
    return float(expr.value) if expr.head == NUMBER else None


LOGIC = {and_.name: "AND", or_.name: "OR", not_.name: "NOT"}
SPECIAL: dict[str, Callable[[Writer, Expr, int | None], str]] = {
    WHERE: Writer._where,
    LOOKUP: lambda self, expr, t: self.lookup(self, expr, t),
    power.name: Writer._power,
    round_.name: Writer._round,
    **dict.fromkeys((floordiv.name, mod.name), Writer._floored),
    **dict.fromkeys(SHIFTS, Writer._shift),
    **dict.fromkeys(RUNNING, Writer._running),
    "total": Writer._total,
    "minimum": Writer._extreme,
    "maximum": Writer._extreme,
    "last": Writer._last,
    "at": Writer._at,
    "per_period": Writer._per_period,
    "compound_per_period": Writer._compound,
}
