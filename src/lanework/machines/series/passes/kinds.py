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

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lanework.base.errors import Diagnostic
from lanework.base.units import Unit
from lanework.machines.series.codes import KIND_CLASH
from lanework.machines.series.language.calendar import COLUMNS
from lanework.machines.series.language.expression import NUMBER, Expr
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.passes.steprules import StepRules, assignable
from lanework.machines.series.passes.unitfit import ANY, Algebra, Type
from lanework.machines.series.passes.values import Kinds

if TYPE_CHECKING:
    from lanework.machines.series.language.registry import Registry

_DEFINED = {"t": "count", "periods": "count", "year": "count", "month": "count"}
TIMED = {"days_in_period": "day", "year_fraction": "year"}
"""The units of these columns of the calendar; the others have none."""


def infer_kinds(model: Registry, ordered: Sequence[Formula], roots: Sequence[str]) -> Kinds:
    """Units and kinds of the nodes that are needed, and the conversions between them.

    `ordered` are the formulas that are needed, in order, and `roots` the names asked for.

    Raises:
        Diagnostic: LW3012, LW3013, LW3014 for what does not fit, LW3015 for unknown units.
    """
    return _Inference(model, ordered).run(roots)


class _Inference:
    def __init__(self, model: Registry, ordered: Sequence[Formula]) -> None:
        self.model = model
        self.ordered = ordered
        self.result = Kinds()
        declared = any(f.unit for f in ordered) or any(node.unit for node in model.given)
        self.algebra = Algebra(model.freq, model.units) if declared else None
        self.rules = StepRules(self.algebra, self.result, model.formulas)
        self.names = self.rules.names
        self.rules.tables = {
            table.name: Type(self._declared(table.unit, table.kind, table.name), table.kind)
            for table in model.tables.values()
        }
        for node in model.inputs.values():
            self.names[node.name] = Type(self._declared(node.unit, node.kind, node.name), node.kind)
        for name in ("t", "periods", *COLUMNS):
            unit = self.rules.none
            if self.algebra is not None and name in TIMED:
                unit = self.algebra.parse(TIMED[name])
            if name not in self.names:
                self.names[name] = Type(unit, _DEFINED.get(name, "constant"))
        for f in ordered:
            unit = None if f.unit is None else self._declared(f.unit, f.kind or "", f.name)
            self.names[f.name] = Type(unit, f.kind or "")

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
                inferred = self.rules.type_of(steps, formula)
                unit = here.unit
                if unit is None and inferred.unit is not ANY and self.algebra is not None:
                    unit = inferred.unit
                kind = here.kind or inferred.kind
                if unit != here.unit or kind != here.kind:
                    self.names[formula.name] = Type(unit, kind)
                    changed = True
        self.rules.checking = True
        for formula, steps in zip(self.ordered, walks, strict=True):
            try:
                self._check(formula, steps)
            except Diagnostic as error:
                raise formula.blamed(error) from None
        for name in (*roots, *(formula.name for formula in self.ordered)):
            self._publish(name)
        return self.result

    def _publish(self, name: str) -> None:
        formula, node = self.model.formulas.get(name), self.model.inputs.get(name)
        declared = formula.unit if formula is not None else node.unit if node is not None else None
        here = self.names[name]
        if declared is not None:
            self.result.units[name] = declared
        elif self.algebra is not None and here.unit is not None:
            self.result.units[name] = self.algebra.text(here.unit)
        self.result.kinds[name] = here.kind

    # Checking a formula against its declaration ---------------------------------------------------

    def _may_be(self, formula: Formula, kind: str, steps: Sequence[Expr]) -> bool:
        """Whether what a formula gives may be of the kind that it declares."""
        if (formula.kind, kind) == ("flow", "stock"):
            return self.rules.parts(steps, formula)
        return assignable(formula.kind or "", kind)

    def _check(self, formula: Formula, steps: Sequence[Expr]) -> None:
        self.rules.check_days(steps, formula)
        given = self.rules.type_of(steps, formula)
        declared = self.names[formula.name]
        algebra = self.algebra
        if formula.unit is not None and algebra is not None and declared.unit is not None:
            literal = formula.expr.head == NUMBER
            if given.unit is not None and given.unit is not ANY and not literal:
                factor = algebra.factor(given.unit, declared.unit)
                if factor is None:
                    raise self.rules.clash(
                        formula.expr,
                        given.unit,
                        declared.unit,
                        f"`{formula.name}` is declared in {self.rules.said(declared.unit)} and its "
                        f"formula gives {self.rules.said(given.unit)}",
                    )
                if factor != 1.0:
                    self.result.scale[formula.name] = factor
                    self.result.notes.append(
                        f"{formula.name} is converted from {self.rules.said(given.unit)} to "
                        f"{self.rules.said(declared.unit)} (times {factor:g})"
                    )
        if formula.kind and given.kind and not self._may_be(formula, given.kind, steps):
            raise Diagnostic(
                KIND_CLASH,
                f"`{formula.name}` is declared a {formula.kind} and its formula gives a "
                f"{given.kind}",
                span=formula.expr.span,
                notes=[f"{formula.name} = {formula.shown}"],
                help="a stock is made of its own value a period before: prev(closing) + flow"
                if formula.kind == "stock"
                else "a flow is the change of a stock, closing - prev(closing), its product with a "
                "rate, or what is chosen: where(t == 11, closing, 0) for one paid out at the end"
                if given.kind == "stock" and formula.kind == "flow"
                else f"declare it a {given.kind}, or check the formula",
            )
