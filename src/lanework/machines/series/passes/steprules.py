"""What comes of units and kinds in each step of a formula: a rule for every function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.core.ops.bodies.arithmetic import add, div, mul, neg, sub
from lanework.core.ops.table import IN_FORMULAS
from lanework.machines.series.codes import KIND_CLASH, PERIOD_CLASH, UNIT_CLASH
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, NUMBER, Expr
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.passes.unitfit import ANY, NONE, YEAR, Algebra, Type, UnitFit
from lanework.machines.series.passes.values import Kinds

MONEY = frozenset(("stock", "flow"))
PURE = frozenset(("rate", "index", "count"))
_PRODUCTS = {
    frozenset(("stock", "rate")): "flow",
    frozenset(("flow", "rate")): "flow",
    frozenset(("rate",)): "rate",
}
_OPEN = Type(None, "")


def with_article(kind: str) -> str:
    """How a kind is named in a sentence."""
    return f"an {kind}" if kind == "index" else f"a {kind}"


def assignable(declared: str, given: str) -> bool:
    """Whether a formula of one kind may be declared another.

    Pure numbers may be called what they mean; money is no pure number, and neither of a flow and a
    stock is the other (but see `StepRules.parts`).
    """
    if given in (declared, "constant"):
        return True
    if declared == "constant":
        return given not in MONEY
    return declared not in MONEY and given in PURE


def product(a: str, b: str) -> str:
    """The kind of a product, "" where it is open."""
    if not a or not b:
        return ""
    for neutral in ("constant", "index", "count"):
        if neutral in (a, b):
            return a if b == neutral else b
    return _PRODUCTS.get(frozenset((a, b)), "")


def quotient(a: str, b: str) -> str:
    """The kind of a quotient, "" where it is open."""
    if not a or not b:
        return ""
    if a == "constant":
        return "constant" if b == "constant" else "index" if b in PURE else ""
    if b in ("constant", "index", "count"):
        return a
    if a == "flow" and b == "stock":
        return "rate"
    if a == b or (a == "stock" and b == "flow"):
        return "index"
    return ""


def join(a: str, b: str) -> str:
    """The kind of a choice between two, "" where it is open."""
    if a == b:
        return a
    if "constant" in (a, b):
        return a if b == "constant" else b
    return ""


class StepRules(UnitFit):
    """The types of steps, from those of names and tables.

    Attributes:
        names: the type of every name, as far as it is known.
        tables: the type of every table.
        formulas: every formula, by name.
    """

    def __init__(
        self, algebra: Algebra | None, result: Kinds, formulas: Mapping[str, Formula]
    ) -> None:
        super().__init__(algebra, result)
        self.formulas = formulas
        self.names: dict[str, Type] = {}
        self.tables: dict[str, Type] = {}

    def type_of(self, steps: Sequence[Expr], formula: Formula) -> Type:
        """The type of a formula, from its steps in the order of `Expr.walk`."""
        return self._types(steps)[id(formula.expr)]

    def check_days(self, steps: Sequence[Expr], formula: Formula) -> None:
        """Refuse products of days that a bare number of days a year divides: units do that too.

        Raises:
            Diagnostic: LW3014.
        """
        if self.algebra is None or not any(_is_year_of_days(step) for step in steps):
            return
        types, day = self._types(steps), self.algebra.parse("day")
        days, divided = dict[int, Expr](), dict[int, Expr]()  # by the step that has them as factor
        for step in steps:
            here = id(step)
            if types[here].unit == day and (step.head == NAME or step.head == LOOKUP):
                days[here] = step
            for arg in step.args[: _FACTORS.get(step.head, 0)]:
                days |= {here: days[id(arg)]} if id(arg) in days else {}
                divided |= {here: divided[id(arg)]} if id(arg) in divided else {}
            if step.head == div.name and _is_year_of_days(step.args[1]):
                divided[here] = step.args[1]
            if here in days and here in divided:
                raise _twice_a_year(step, days[here], divided[here])

    def parts(self, steps: Sequence[Expr], formula: Formula) -> bool:
        """Whether every stock in a formula is a part of one, or chosen, as a flow may be.

        A number by which a balance is multiplied may be a rate, and what is chosen is what is paid
        out of it; a balance itself, or one with something added, is an amount at a moment.
        """
        types, stack = self._types(steps), [formula.expr]
        while stack:
            expr = stack.pop()
            op = IN_FORMULAS.get(expr.head)
            rule = op.units.name if op is not None and op.units is not None else ""
            kinds = [types[id(arg)].kind for arg in expr.args]
            part = rule in ("product", "quotient") and "constant" in kinds
            if types[id(expr)].kind != "stock" or part or rule in ("choice", "least"):
                continue
            if rule not in ("sum", "keep"):
                return False
            stack += expr.args
        return True

    def _types(self, steps: Sequence[Expr]) -> dict[int, Type]:
        types: dict[int, Type] = {}
        for expr in steps:
            leaf = LEAVES.get(expr.head)
            if leaf is None:
                types[id(expr)] = RULES[expr.head](self, expr, [types[id(a)] for a in expr.args])
            else:
                types[id(expr)] = leaf(self, expr.value)
        return types

    def _pure(self, expr: Expr, args: Sequence[Type]) -> Type:
        """exp, log, erf and the like: pure number in, pure number out."""
        self.need_pure(expr, args, range(len(args)))
        return Type(self.none, "constant" if _all(args, "constant") else "index")

    def _add(self, expr: Expr, args: Sequence[Type]) -> Type:
        a, b = args[0].kind, args[1].kind
        doing = "they cannot be added" if expr.head == add.name else "they cannot be subtracted"
        unit = self.join(expr, args, 0, doing)
        if expr.head == sub.name and a == "stock" and b == "stock" and self._is_before(expr.args):
            return Type(unit, "flow")
        return Type(unit, self._add_kinds(expr, a, b))

    def _add_kinds(self, expr: Expr, a: str, b: str) -> str:
        if a == b or not a or not b:
            return a if a == b else ""
        pair = {a, b}
        if pair == MONEY:
            return "stock"
        if pair <= {"index", "rate", "constant"}:
            return "index"
        if "constant" in pair:
            return a if b == "constant" else b
        if pair & MONEY and pair & PURE and self.checking:
            verb = "added to" if expr.head == add.name else "subtracted from"
            left, right = expr.args
            raise Diagnostic(
                KIND_CLASH,
                f"`{left}` is {with_article(a)} and `{right}` is {with_article(b)}: "
                f"they cannot be {verb} each other",
                span=expr.span,
                help="a price or a rate is multiplied with an amount, not added to it",
            )
        return ""

    def _is_before(self, args: Sequence[Expr]) -> bool:
        """Whether the second operand is the first a period before, through a name or not."""
        now, before = args
        for _ in range(2):
            if before.head == "prev":
                source = before.args[0]
                return source is now or (
                    source.head == NAME and now.head == NAME and source.value == now.value
                )
            formula = self.formulas.get(before.value) if before.head == NAME else None
            if formula is None:
                return False
            before = formula.expr
        return False

    def _mul(self, expr: Expr, args: Sequence[Type]) -> Type:
        a, b = args
        kind = product(a.kind, b.kind)
        if self.algebra is None:
            return Type(None, kind)
        if a.unit is ANY or b.unit is ANY:
            return Type(ANY, kind)
        if a.unit is None or b.unit is None:
            return Type(None, kind)
        unit = self.unit_product(expr, a.unit, b.unit, 1)
        if self.checking and self.algebra.freq is not None:
            for rate, amount, said in ((a, b, expr.args[0]), (b, a, expr.args[1])):
                per = rate.unit.per_time() if rate.unit is not None else None
                if (
                    rate.kind == "rate"
                    and amount.kind in MONEY
                    and per is not None
                    and unit.per_time() is not None
                ):
                    raise self.wrong_period(
                        expr, f"`{said}` is a rate per {per}, and periods are", said
                    )
        return Type(unit, kind)

    def _div(self, expr: Expr, args: Sequence[Type]) -> Type:
        a, b = args
        kind = quotient(a.kind, b.kind)
        if self.algebra is None:
            return Type(None, kind)
        if a.unit is ANY:
            return Type(ANY, kind)
        if a.unit is None or b.unit is None or b.unit is ANY:
            return Type(None if b.unit is None else a.unit, kind)
        return Type(self.unit_product(expr, a.unit, b.unit, -1), kind)

    def _pow(self, expr: Expr, args: Sequence[Type]) -> Type:
        base = args[0]
        kind = "constant" if _all(args, "constant") else "index" if base.kind in PURE else ""
        algebra = self.algebra
        if algebra is None:
            return Type(None, kind)
        self.need_pure(expr, args, [1])
        if base.unit is None or base.unit is ANY or base.unit == NONE:
            return Type(NONE if base.unit is ANY else base.unit, kind)
        power = expr.args[1]
        if power.head == NUMBER:
            return Type(base.unit**power.value, "")
        self.need_pure(expr, args, [0, 1])
        return Type(NONE, kind)

    def _root(self, expr: Expr, args: Sequence[Type]) -> Type:
        unit, rule = args[0].unit, IN_FORMULAS[expr.head].units
        if self.algebra is None or unit is None or unit is ANY or rule is None:
            return Type(unit, "")
        return Type(unit ** (1 / rule.degree), "")

    def _product_sum(self, expr: Expr, args: Sequence[Type]) -> Type:
        """As the product of a and b, then as the sum of that and c, but nothing is converted."""
        product = Expr(mul.name, expr.args[:2], None, expr.place)
        both = Expr(add.name, (product, expr.args[2]), None, expr.place)
        out, factors = self._add(both, [self._mul(product, args[:2]), args[2]]), self.result.factors
        if not factors.keys().isdisjoint((id(product), id(both))):
            raise Diagnostic(
                UNIT_CLASH,
                f"`{expr}` needs a unit conversion, which would round before {expr.head} does",
                span=expr.span,
                help=f"give its operands in units that fit, or write {both}",
            )
        return out

    def _shift(self, expr: Expr, args: Sequence[Type]) -> Type:
        what = "initial" if expr.head == "prev" else "final"
        unit = self.join(expr, args, 0, f"the {what} value needs the unit of what it stands for")
        first, given = args[0].kind, args[1].kind
        return Type(unit, first or ("" if given == "constant" else given))

    def _sum(self, expr: Expr, args: Sequence[Type]) -> Type:
        kind = {"flow": "stock", "stock": ""}.get(args[0].kind, args[0].kind)
        return Type(args[0].unit, kind)

    def _running(self, expr: Expr, args: Sequence[Type]) -> Type:
        self.need_pure(expr, args, [0])
        return Type(self.none, "index")

    def _per_period(self, expr: Expr, args: Sequence[Type]) -> Type:
        algebra, here = self.algebra, args[0]
        if algebra is None or here.unit is None or here.unit is ANY:
            return here
        per = here.unit.per_time()
        if per == "year":
            return Type(here.unit * YEAR, here.kind)
        if per is not None and self.checking:
            raise Diagnostic(
                PERIOD_CLASH,
                f"`{expr.args[0]}` is {self.said(here.unit)}: {expr.head} needs a value per year",
                span=expr.span,
                help="convert it to one per year first, or divide by hand",
            )
        return here

    def _compound(self, expr: Expr, args: Sequence[Type]) -> Type:
        here = self._per_period(expr, args)
        self.need_pure(expr, [here], [0])
        return Type(self.none, here.kind)


_FACTORS = {mul.name: 2, div.name: 1, neg.name: 1}
"""How many of its operands a step has as factors."""
_YEARS = frozenset((360.0, 364.0, 365.0, 365.25, 366.0))


def _is_year_of_days(expr: Expr) -> bool:
    return expr.head == NUMBER and expr.value in _YEARS


def _twice_a_year(expr: Expr, days: Expr, number: Expr) -> Diagnostic:
    """Days over a number of days, which are still days, and are converted once more."""
    count = f"{number.value:g}"
    way = "year_fraction" if count == "365" else f"year_fraction * 365 / {count}"
    return Diagnostic(
        PERIOD_CLASH,
        f"`{days}` has the unit day, and {count} none: `{expr}` would be divided by the days of a"
        " year twice, as units convert days to years (of 365.25 days)",
        span=expr.span,
        help=f"write {way} for days_in_period / {count}, or give the number its unit:"
        f' formula("basis", "{count}", unit="day/year")',
    )


def _all(args: Sequence[Type], kind: str) -> bool:
    return all(arg.kind == kind for arg in args)


Rule = Callable[[StepRules, Expr, Sequence[Type]], Type]
OF_ONE = "{} needs one unit"


def _alike(doing: str, kind: Callable[..., str], *, first: int = 0, pure: bool = False) -> Rule:
    """Operands of one unit, which the result has too unless it is a pure number."""

    def rule(self: StepRules, expr: Expr, args: Sequence[Type]) -> Type:
        unit = self.join(expr, args, first, doing.format(expr.head))
        return Type(self.none if pure else unit, kind(*(arg.kind for arg in args[first:])))

    return rule


def _keep(self: StepRules, expr: Expr, args: Sequence[Type]) -> Type:
    return args[0]


OF_UNITS: dict[str, Rule] = {
    "pure": StepRules._pure,
    "sum": StepRules._add,
    "product": StepRules._mul,
    "quotient": StepRules._div,
    "product_sum": StepRules._product_sum,
    "power": StepRules._pow,
    "root": StepRules._root,
    "remainder": _alike("a remainder needs one unit", lambda a, b: str(a)),
    "compare": _alike("they cannot be compared", lambda *_: "", pure=True),
    "logic": lambda self, expr, args: Type(self.none, ""),
    "least": _alike(OF_ONE, lambda a, b: join(a, b)),
    "choice": _alike("both branches need one unit", join, first=1),
    "keep": _keep,
    "length": _alike(OF_ONE, lambda *_: ""),
    "ratio": _alike(OF_ONE, lambda *_: "index", pure=True),
    "sign": lambda self, expr, args: Type(self.none, "index"),
}
"""What the rules that ops name for units mean here, where values have kinds too."""

RULES: dict[str, Rule] = {
    **{name: OF_UNITS[op.units.name] for name, op in IN_FORMULAS.items() if op.units is not None},
    **dict.fromkeys(SHIFTS, StepRules._shift),
    **dict.fromkeys(("cumsum", "total"), StepRules._sum),
    "cumprod": StepRules._running,
    **dict.fromkeys(("minimum", "maximum", "last", "at"), _keep),
    "per_period": StepRules._per_period,
    "compound_per_period": StepRules._compound,
}
"""The rule of every function; those of ops come from the op table."""

LEAVES: dict[str, Callable[[StepRules, Any], Type]] = {
    NAME: lambda rules, name: rules.names.get(name, _OPEN),
    NUMBER: lambda rules, value: Type(rules.number(value), "constant"),
    LABEL: lambda rules, label: Type(ANY, ""),
    LOOKUP: lambda rules, table: rules.tables.get(table[0], _OPEN),
}
"""The type of a step that is no function, from its value."""
