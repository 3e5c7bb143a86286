"""Units and temporal kinds: what may be added to what, and what comes of it.

A stock is an amount at a moment, a flow an amount over one period, a rate a share per period, an
index a pure factor or a price, a count a number of things; a constant never varies.

    stock + flow = stock            stock * rate = flow       flow / stock = rate
    flow + flow = flow              flow * index = flow       x / x = index
    stock - prev(stock) = flow      index * rate = rate       cumsum(flow) = stock

A flow or rate per period of the calendar (`USD/month` in monthly periods) counts as an amount, so
that it adds to a stock in USD. Where the two sides have one dimension and differ in size (kUSD and
USD), the right one is converted; the factor goes on the tape. What is not declared is inferred:
units and kinds are carried through the formulas until nothing changes, then everything is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from lanework.base.errors import Diagnostic
from lanework.base.units import Unit
from lanework.machines.series.calendar import COLUMNS
from lanework.machines.series.codes import KIND_CLASH, PERIOD_CLASH, UNIT_CLASH
from lanework.machines.series.dimension import NONE, YEAR, Algebra
from lanework.machines.series.expression import LABEL, LOOKUP, NAME, NUMBER, Expr
from lanework.machines.series.graph import Formula
from lanework.machines.series.kindrules import (
    MONEY,
    PURE,
    assignable,
    join,
    product,
    quotient,
    with_article,
)

if TYPE_CHECKING:
    from lanework.machines.series.model import Model

ANY = Unit((("0", Fraction(1)),))
"""The unit of a written 0, which fits every unit; compared with `is`."""

_COMPARISONS = frozenset(("lt", "le", "gt", "ge", "eq", "ne"))
_LOGIC = frozenset(("and", "or", "not"))
_JOINS = frozenset(("min", "max"))
_KEEPS = frozenset(
    (
        "neg",
        "abs",
        "floor",
        "ceil",
        "trunc",
        "round",
        "copysign",
        "minimum",
        "maximum",
        "last",
        "at",
    )
)
_DEFINED = {"t": "count", "periods": "count", "year": "count", "month": "count"}
_TIMED = {"days_in_period": "day", "year_fraction": "year"}


@dataclass
class Kinds:
    """What was found out.

    Attributes:
        units: the unit of each node, as text; "" is none.
        kinds: the kind of each node, "" where it is open.
        factors: for a step of a formula (by id) a factor for each operand.
        scale: for a formula the factor into its declared unit.
        notes: a line for each conversion.
    """

    units: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    factors: dict[int, tuple[float, ...]] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Type:
    """Unit and kind of a step: the unit is None while it is not known."""

    unit: Unit | None
    kind: str


_OPEN = Type(None, "")


def infer_kinds(model: Model, ordered: Sequence[Formula], roots: Sequence[str]) -> Kinds:
    """Units and kinds of the nodes that are needed, and the conversions between them.

    Args:
        model: the model.
        ordered: the formulas that are needed, in order.
        roots: the names that are asked for.

    Raises:
        Diagnostic: LW3012, LW3013, LW3014 for what does not fit, LW3015 for unknown units.
    """
    return _Inference(model, ordered).run(roots)


class _Inference:
    def __init__(self, model: Model, ordered: Sequence[Formula]) -> None:
        self.model = model
        self.ordered = ordered
        self.found = Kinds()
        declared = any(f.unit for f in ordered) or any(node.unit for node in model.given)
        self.algebra = Algebra(model.freq) if declared else None
        self.checking = False
        self.names: dict[str, Type] = {}
        self.tables = {
            table.name: Type(self._declared(table.unit, table.kind, table.name), table.kind)
            for table in model.tables.values()
        }
        for node in model.inputs.values():
            self.names[node.name] = Type(self._declared(node.unit, node.kind, node.name), node.kind)
        none = NONE if self.algebra is not None else None
        for name in ("t", "periods", *COLUMNS):
            unit = none
            if self.algebra is not None and name in _TIMED:
                unit = self.algebra.parse(_TIMED[name])
            if name not in self.names:
                self.names[name] = Type(unit, _DEFINED.get(name, "constant"))
        for formula in ordered:
            unit = None
            if formula.unit is not None:
                unit = self._declared(formula.unit, formula.kind or "", formula.name)
            self.names[formula.name] = Type(unit, formula.kind or "")

    def _declared(self, text: str, kind: str, name: str) -> Unit | None:
        """The unit that a declaration means: per-period amounts lose their period."""
        if self.algebra is None:
            return None
        unit = self.algebra.parse(text, name)
        return self.algebra.per_period(unit) if kind in ("flow", "rate", "") else unit

    def run(self, roots: Sequence[str]) -> Kinds:
        walks = [list(formula.expr.walk()) for formula in self.ordered]
        changed = True
        while changed:
            changed = False
            for formula, steps in zip(self.ordered, walks, strict=True):
                here = self.names[formula.name]
                if here.unit is not None and here.kind:
                    continue
                made = self._type(steps, formula)
                unit = here.unit
                if unit is None and made.unit is not ANY and self.algebra is not None:
                    unit = made.unit
                kind = here.kind or made.kind
                if unit != here.unit or kind != here.kind:
                    self.names[formula.name] = Type(unit, kind)
                    changed = True
        self.checking = True
        for formula, steps in zip(self.ordered, walks, strict=True):
            self._check(formula, self._type(steps, formula))
        for name in (*roots, *(formula.name for formula in self.ordered)):
            self._publish(name)
        return self.found

    def _publish(self, name: str) -> None:
        formula, node = self.model.formulas.get(name), self.model.inputs.get(name)
        declared = formula.unit if formula is not None else node.unit if node is not None else None
        here = self.names[name]
        if declared is not None:
            self.found.units[name] = declared
        elif self.algebra is not None and here.unit is not None:
            self.found.units[name] = self.algebra.text(here.unit)
        self.found.kinds[name] = here.kind

    # Checking a formula against its declaration ---------------------------------------------------

    def _check(self, formula: Formula, made: Type) -> None:
        declared = self.names[formula.name]
        algebra = self.algebra
        if formula.unit is not None and algebra is not None and declared.unit is not None:
            literal = formula.expr.head == NUMBER
            if made.unit is not None and made.unit is not ANY and not literal:
                factor = algebra.factor(made.unit, declared.unit)
                if factor is None:
                    raise self._clash(
                        formula.expr,
                        made.unit,
                        declared.unit,
                        f"`{formula.name}` is declared in {self._said(declared.unit)} and its "
                        f"formula gives {self._said(made.unit)}",
                    )
                if factor != 1.0:
                    self.found.scale[formula.name] = factor
                    self.found.notes.append(
                        f"{formula.name} is converted from {self._said(made.unit)} to "
                        f"{self._said(declared.unit)} (times {factor:g})"
                    )
        if formula.kind and made.kind and not assignable(formula.kind, made.kind):
            raise Diagnostic(
                KIND_CLASH,
                f"`{formula.name}` is declared a {formula.kind} and its formula gives a "
                f"{made.kind}",
                span=formula.expr.span,
                notes=[f"{formula.name} = {formula.shown}"],
                help="a stock is made of its own value a period before: prev(closing) + flow"
                if formula.kind == "stock"
                else f"declare it a {made.kind}, or check the formula",
            )

    # Steps --------------------------------------------------------------------------------------

    def _type(self, steps: Sequence[Expr], formula: Formula) -> Type:
        made: dict[int, Type] = {}
        for expr in steps:
            head = expr.head
            if head == NAME:
                made[id(expr)] = self.names.get(expr.value, _OPEN)
            elif head == NUMBER:
                made[id(expr)] = Type(self._number(expr.value), "constant")
            elif head == LABEL:
                made[id(expr)] = Type(ANY, "")
            elif head == LOOKUP:
                made[id(expr)] = self.tables.get(expr.value[0], _OPEN)
            else:
                args = [made[id(arg)] for arg in expr.args]
                rule = _RULES.get(head, _Inference._pure)
                made[id(expr)] = rule(self, expr, args)
        return made[id(formula.expr)]

    def _number(self, value: float) -> Unit | None:
        if self.algebra is None:
            return None
        return ANY if value == 0.0 else NONE

    def _join(self, expr: Expr, args: Sequence[Type], first: int, doing: str) -> Unit | None:
        """The one unit of operands that need the same, from number `first` on."""
        algebra = self.algebra
        if algebra is None:
            return None
        unit: Unit | None = None
        wild = False
        owner = first
        for index in range(first, len(args)):
            here = args[index].unit
            if here is ANY:
                wild = True
            elif here is not None and unit is None:
                unit, owner = here, index
        if unit is None:
            return ANY if wild else None
        if not self.checking:
            return unit
        factors = [1.0] * len(args)
        for index in range(first, len(args)):
            here = args[index].unit
            if here is None or here is ANY or here == unit:
                continue
            factor = algebra.factor(here, unit)
            if factor is None:
                left, right = expr.args[owner], expr.args[index]
                raise self._clash(
                    expr,
                    unit,
                    here,
                    f"`{left}` is {self._said(unit)} and `{right}` is {self._said(here)}: {doing}",
                )
            factors[index] = factor
        self._convert(expr, factors)
        return unit

    def _convert(self, expr: Expr, factors: Sequence[float]) -> None:
        if any(factor != 1.0 for factor in factors):
            self.found.factors[id(expr)] = tuple(factors)
            converted = [
                f"`{arg}` times {factor:g}"
                for arg, factor in zip(expr.args, factors, strict=True)
                if factor != 1.0
            ]
            self.found.notes.append(f"unit conversion in `{expr}`: {', '.join(converted)}")

    def _need_pure(self, expr: Expr, args: Sequence[Type], which: Sequence[int]) -> None:
        """These operands must be pure numbers; percentages and the like are converted."""
        algebra = self.algebra
        if algebra is None or not self.checking:
            return
        factors = [1.0] * len(args)
        for index in which:
            unit = args[index].unit
            if unit is None or unit is ANY or unit == NONE:
                continue
            factor = algebra.factor(unit, NONE)
            if factor is None:
                raise self._clash(
                    expr,
                    NONE,
                    unit,
                    f"`{expr.args[index]}` is {self._said(unit)}: {expr.head} needs a pure number",
                )
            factors[index] = factor
        self._convert(expr, factors)

    def _pure(self, expr: Expr, args: Sequence[Type]) -> Type:
        """exp, log, erf and the like: pure number in, pure number out."""
        self._need_pure(expr, args, range(len(args)))
        return Type(self._none, "constant" if _all(args, "constant") else "index")

    @property
    def _none(self) -> Unit | None:
        return NONE if self.algebra is not None else None

    def _add(self, expr: Expr, args: Sequence[Type]) -> Type:
        a, b = args[0].kind, args[1].kind
        doing = "they cannot be added" if expr.head == "add" else "they cannot be subtracted"
        unit = self._join(expr, args, 0, doing)
        if expr.head == "sub" and a == "stock" and b == "stock" and self._is_before(expr.args):
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
        if pair & MONEY and pair & PURE:
            if self.checking:
                verb = "added to" if expr.head == "add" else "subtracted from"
                left, right = expr.args
                raise Diagnostic(
                    KIND_CLASH,
                    f"`{left}` is {with_article(a)} and `{right}` is {with_article(b)}: "
                    f"they cannot be {verb} each other",
                    span=expr.span,
                    help="a price or a rate is multiplied with an amount, not added to it",
                )
            return ""
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
            formula = self.model.formulas.get(before.value) if before.head == NAME else None
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
        unit = self._product(expr, a.unit, b.unit, 1)
        if self.checking and self.algebra.freq is not None:
            for rate, amount, said in ((a, b, expr.args[0]), (b, a, expr.args[1])):
                per = rate.unit.per_time() if rate.unit is not None else None
                if (
                    rate.kind == "rate"
                    and amount.kind in MONEY
                    and per is not None
                    and unit.per_time() is not None
                ):
                    raise self._wrong_period(
                        expr, f"`{said}` is a rate per {per}, and periods are", said
                    )
        return Type(unit, kind)

    def _wrong_period(self, expr: Expr, message: str, said: Expr | None = None) -> Diagnostic:
        freq = self.algebra.freq if self.algebra is not None else None
        shown = f"({said})" if said is not None else "(...)"
        return Diagnostic(
            PERIOD_CLASH,
            f"{message} {freq}s",
            span=expr.span,
            help=f"write per_period{shown} for a simple rate, or compound_per_period{shown} for "
            "one that compounds",
        )

    def _div(self, expr: Expr, args: Sequence[Type]) -> Type:
        a, b = args
        kind = quotient(a.kind, b.kind)
        if self.algebra is None:
            return Type(None, kind)
        if a.unit is ANY:
            return Type(ANY, kind)
        if a.unit is None or b.unit is None or b.unit is ANY:
            return Type(None if b.unit is None else a.unit, kind)
        return Type(self._product(expr, a.unit, b.unit, -1), kind)

    def _product(self, expr: Expr, a: Unit, b: Unit, sign: int) -> Unit:
        """A product's unit with each dimension once; the factor goes to the first operand."""
        assert self.algebra is not None
        made, factor = self.algebra.product(a, b, sign)
        if self.checking:
            self._convert(expr, (factor, 1.0))
        return made

    def _pow(self, expr: Expr, args: Sequence[Type]) -> Type:
        base = args[0]
        kind = "constant" if _all(args, "constant") else "index" if base.kind in PURE else ""
        algebra = self.algebra
        if algebra is None:
            return Type(None, kind)
        self._need_pure(expr, args, [1])
        if base.unit is None or base.unit is ANY or base.unit == NONE:
            return Type(NONE if base.unit is ANY else base.unit, kind)
        power = expr.args[1]
        if power.head == NUMBER:
            return Type(base.unit**power.value, "")
        self._need_pure(expr, args, [0, 1])
        return Type(NONE, kind)

    def _sqrt(self, expr: Expr, args: Sequence[Type]) -> Type:
        unit = args[0].unit
        if self.algebra is None or unit is None or unit is ANY:
            return Type(unit, "")
        return Type(unit**0.5, "")

    def _compare(self, expr: Expr, args: Sequence[Type]) -> Type:
        self._join(expr, args, 0, "they cannot be compared")
        return Type(self._none, "")

    def _logic(self, expr: Expr, args: Sequence[Type]) -> Type:
        return Type(self._none, "")

    def _least(self, expr: Expr, args: Sequence[Type]) -> Type:
        unit = self._join(expr, args, 0, f"{expr.head} needs one unit")
        return Type(unit, join(args[0].kind, args[1].kind))

    def _where(self, expr: Expr, args: Sequence[Type]) -> Type:
        unit = self._join(expr, args, 1, "both branches need one unit")
        return Type(unit, join(args[1].kind, args[2].kind))

    def _shift(self, expr: Expr, args: Sequence[Type]) -> Type:
        what = "initial" if expr.head == "prev" else "final"
        unit = self._join(expr, args, 0, f"the {what} value needs the unit of what it stands for")
        first, given = args[0].kind, args[1].kind
        return Type(unit, first or ("" if given == "constant" else given))

    def _keep(self, expr: Expr, args: Sequence[Type]) -> Type:
        return args[0]

    def _mod(self, expr: Expr, args: Sequence[Type]) -> Type:
        unit = self._join(expr, args, 0, "a remainder needs one unit")
        return Type(unit, args[0].kind)

    def _sum(self, expr: Expr, args: Sequence[Type]) -> Type:
        kind = {"flow": "stock", "stock": ""}.get(args[0].kind, args[0].kind)
        return Type(args[0].unit, kind)

    def _running(self, expr: Expr, args: Sequence[Type]) -> Type:
        self._need_pure(expr, args, [0])
        return Type(self._none, "index")

    def _angle(self, expr: Expr, args: Sequence[Type]) -> Type:
        self._join(expr, args, 0, "atan2 needs one unit")
        return Type(self._none, "index")

    def _sign(self, expr: Expr, args: Sequence[Type]) -> Type:
        return Type(self._none, "index")

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
                f"`{expr.args[0]}` is {self._said(here.unit)}: {expr.head} needs a value per year",
                span=expr.span,
                help="convert it to one per year first, or divide by hand",
            )
        return here

    def _compound(self, expr: Expr, args: Sequence[Type]) -> Type:
        here = self._per_period(expr, args)
        self._need_pure(expr, [here], [0])
        return Type(self._none, here.kind)

    # Saying it ----------------------------------------------------------------------------------

    def _said(self, unit: Unit | None) -> str:
        text = self.algebra.text(unit) if self.algebra is not None and unit is not None else ""
        return text or "a pure number"

    def _clash(self, expr: Expr, a: Unit, b: Unit, message: str) -> Diagnostic:
        """Units that do not fit; said differently when they differ just by a period."""
        algebra = self.algebra
        assert algebra is not None
        per = [a.per_time(), b.per_time()]
        ratio = a / b
        pure_time = algebra.factor(ratio, YEAR) or algebra.factor(ratio, NONE / YEAR)
        if algebra.freq is not None and pure_time is not None and per[0] != per[1]:
            found = self._wrong_period(expr, "")
            said = next(p for p in per if p is not None)
            return Diagnostic(
                PERIOD_CLASH,
                f"{message} (one is per {said}, and periods are {algebra.freq}s)",
                span=expr.span,
                help=found.help,
            )
        return Diagnostic(
            UNIT_CLASH,
            message,
            span=expr.span,
            help="both sides need the same dimension; a bare number has none, and 0 fits all",
        )


def _all(args: Sequence[Type], kind: str) -> bool:
    return all(arg.kind == kind for arg in args)


_RULES: dict[str, Callable[[_Inference, Expr, Sequence[Type]], Type]] = {
    "add": _Inference._add,
    "sub": _Inference._add,
    "mul": _Inference._mul,
    "div": _Inference._div,
    "floordiv": _Inference._div,
    "mod": _Inference._mod,
    "pow": _Inference._pow,
    "sqrt": _Inference._sqrt,
    "where": _Inference._where,
    "prev": _Inference._shift,
    "lead": _Inference._shift,
    "cumsum": _Inference._sum,
    "total": _Inference._sum,
    "cumprod": _Inference._running,
    "atan2": _Inference._angle,
    "sign": _Inference._sign,
    "per_period": _Inference._per_period,
    "compound_per_period": _Inference._compound,
    **dict.fromkeys(_COMPARISONS, _Inference._compare),
    **dict.fromkeys(_LOGIC, _Inference._logic),
    **dict.fromkeys(_JOINS, _Inference._least),
    **dict.fromkeys(_KEEPS, _Inference._keep),
}
