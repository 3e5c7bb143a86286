"""Units while a model compiles: their algebra, and whether the operands of a step fit.

Each unit is one object, and every operation is done once. Nothing here runs after compiling. What
a unit is, and when pint is asked, is `base.units`' matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lanework.base import units
from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.base.units import Unit
from lanework.machines.series.codes import BAD_UNIT, PERIOD_CLASH, UNIT_CLASH
from lanework.machines.series.language.expression import NUMBER, Expr
from lanework.machines.series.passes.values import Kinds

NONE = Unit()
YEAR = units.parse("year")
ANY = Unit((("0", Fraction(1)),))
"""The unit of a written 0, which fits every unit; compared with `is`."""


class Algebra:
    """The units of one model.

    Args:
        freq: the model's frequency, or None.
        own: units that the model defines.
    """

    def __init__(self, freq: str | None, own: Mapping[str, Unit] | None = None) -> None:
        self.freq = freq
        self.own = own
        self._texts: dict[Unit, str] = {}
        self._products: dict[tuple[Unit, Unit, int], tuple[Unit, float]] = {}
        self._factors: dict[tuple[Unit, Unit], float | None] = {}

    def parse(self, text: str, what: str = "", span: Span | None = None) -> Unit:
        """The unit of a text.

        Raises:
            Diagnostic: LW3015.
        """
        try:
            unit = units.parse(text, self.own) if text.strip() not in ("", "-") else NONE
        except Diagnostic as error:
            whose = f" of `{what}`" if what else ""
            raise Diagnostic(
                BAD_UNIT,
                f"the unit {text!r}{whose} cannot be read: {error.message}",
                span=span,
                help=error.help,
            ) from None
        self._texts.setdefault(unit, text.strip())
        return unit

    def text(self, unit: Unit) -> str:
        """How a unit is shown: as it was declared first if it was, "" for none."""
        return self._texts.get(unit, str(unit))

    def product(self, a: Unit, b: Unit, sign: int = 1) -> tuple[Unit, float]:
        """The product (or the quotient, with sign -1), each dimension once.

        Returns:
            The unit, and the factor into it: kWh times USD/MWh is USD, times 0.001.
        """
        key = (a, b, sign)
        known = self._products.get(key)
        if known is None:
            plain = a * b if sign == 1 else a / b
            reduced = plain.reduced()
            known = self._products[key] = (reduced, plain.factor(reduced) or 1.0)
        return known

    def factor(self, source: Unit, target: Unit) -> float | None:
        """What turns a number in `source` into one in `target`; None if nothing does."""
        if source == target:
            return 1.0
        key = (source, target)
        if key not in self._factors:
            self._factors[key] = source.factor(target)
        return self._factors[key]

    def per_period(self, unit: Unit) -> Unit:
        """An amount per period of the model as an amount: USD/month is USD a month."""
        if self.freq is not None and unit.per_time() == self.freq:
            return unit * units.parse(self.freq)
        return unit


@dataclass(frozen=True, slots=True)
class Type:
    """Unit and kind of a step: the unit is None while it is not known."""

    unit: Unit | None
    kind: str


class UnitFit:
    """Finds the units of steps, and what must be converted.

    Attributes:
        algebra: of units; None where no unit is declared, and then none is looked at.
        result: where conversions are noted.
        checking: whether all units are known, so that what does not fit is refused.
    """

    def __init__(self, algebra: Algebra | None, result: Kinds) -> None:
        self.algebra = algebra
        self.result = result
        self.checking = False

    @property
    def none(self) -> Unit | None:
        """The unit of a pure number."""
        return NONE if self.algebra is not None else None

    def number(self, value: float) -> Unit | None:
        """The unit of a written number."""
        if self.algebra is None:
            return None
        return ANY if value == 0.0 else NONE

    def join(self, expr: Expr, args: Sequence[Type], first: int, doing: str) -> Unit | None:
        """The one unit of operands that need the same, from number `first` on."""
        if self.algebra is None:
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
        left = f"`{expr.args[owner]}` is {self.said(unit)} and "
        self._fit(expr, args, range(first, len(args)), unit, left, doing)
        return unit

    def _fit(
        self,
        expr: Expr,
        args: Sequence[Type],
        which: Sequence[int],
        unit: Unit,
        left: str,
        doing: str,
    ) -> None:
        """Convert these operands to a unit, or refuse the first that does not fit."""
        assert self.algebra is not None
        factors = [1.0] * len(args)
        for index in which:
            here = args[index].unit
            if here is None or here is ANY or here == unit:
                continue
            factor = self.algebra.factor(here, unit)
            if factor is None:
                message = f"{left}`{expr.args[index]}` is {self.said(here)}: {doing}"
                raise self.clash(expr, unit, here, message)
            factors[index] = factor
        self.convert(expr, factors)

    def convert(self, expr: Expr, factors: Sequence[float]) -> None:
        """Note the factors of a step's operands, if one is not 1."""
        if any(factor != 1.0 for factor in factors):
            self.result.factors[id(expr)] = tuple(factors)
            converted = [
                f"`{arg}` times {factor:g}"
                for arg, factor in zip(expr.args, factors, strict=True)
                if factor != 1.0
            ]
            self.result.notes.append(f"unit conversion in `{expr}`: {', '.join(converted)}")

    def need_pure(self, expr: Expr, args: Sequence[Type], which: Sequence[int]) -> None:
        """These operands must be pure numbers; percentages and the like are converted."""
        if self.algebra is not None and self.checking:
            self._fit(expr, args, which, NONE, "", f"{expr.head} needs a pure number")

    def unit_product(self, expr: Expr, a: Unit, b: Unit, sign: int) -> Unit:
        """A product's unit with each dimension once; the factor goes to the first operand."""
        assert self.algebra is not None
        unit, factor = self.algebra.product(a, b, sign)
        if self.checking:
            self.convert(expr, (factor, 1.0))
        return unit

    def said(self, unit: Unit | None) -> str:
        """A unit in a sentence."""
        text = self.algebra.text(unit) if self.algebra is not None and unit is not None else ""
        return text or "a pure number"

    def clash(self, expr: Expr, a: Unit, b: Unit, message: str) -> Diagnostic:
        """Units that do not fit; said differently when they differ just by a period."""
        algebra = self.algebra
        assert algebra is not None
        per = [a.per_time(), b.per_time()]
        ratio = a / b
        pure_time = algebra.factor(ratio, YEAR) or algebra.factor(ratio, NONE / YEAR)
        if algebra.freq is not None and pure_time is not None and per[0] != per[1]:
            wrong = self.wrong_period(expr, "")
            said = next(p for p in per if p is not None)
            return Diagnostic(
                PERIOD_CLASH,
                f"{message} (one is per {said}, and periods are {algebra.freq}s)",
                span=expr.span,
                help=wrong.help,
            )
        return Diagnostic(
            UNIT_CLASH,
            message,
            span=expr.span,
            help="both sides need the same dimension; a bare number has none, and 0 fits all"
            + self._named(expr, a, b),
        )

    def _named(self, expr: Expr, a: Unit, b: Unit) -> str:
        """How a number that a formula writes gets a unit: by a name of its own."""
        number = next((arg for arg in expr.args if arg.head == NUMBER), None)
        if number is None or NONE not in (a, b):
            return ""
        unit = self.said(b if a == NONE else a)
        return f'. Give the number a name: formula("limit", "{number.value:.15g}", unit="{unit}")'

    def wrong_period(self, expr: Expr, message: str, said: Expr | None = None) -> Diagnostic:
        """A rate whose period is not the calendar's, and how to convert it."""
        freq = self.algebra.freq if self.algebra is not None else None
        shown = f"({said})" if said is not None else "(...)"
        return Diagnostic(
            PERIOD_CLASH,
            f"{message} {freq}s",
            span=expr.span,
            help=f"write per_period{shown} for a simple rate, or compound_per_period{shown} for "
            "one that compounds",
        )
