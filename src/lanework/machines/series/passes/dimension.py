"""Units while a model compiles: each one object, every operation done once.

Nothing here runs after compiling. What a unit is, and when pint is asked, is `base.units`' matter.
"""

from __future__ import annotations

from lanework.base import units
from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.base.units import Unit
from lanework.machines.series.codes import BAD_UNIT

NONE = Unit()
YEAR = units.parse("year")


class Algebra:
    """The units of one model.

    Args:
        freq: the model's frequency, or None.
    """

    def __init__(self, freq: str | None) -> None:
        self.freq = freq
        self._texts: dict[Unit, str] = {}
        self._products: dict[tuple[Unit, Unit, int], tuple[Unit, float]] = {}
        self._factors: dict[tuple[Unit, Unit], float | None] = {}

    def parse(self, text: str, what: str = "", span: Span | None = None) -> Unit:
        """The unit of a text.

        Raises:
            Diagnostic: LW3015.
        """
        try:
            unit = units.parse(text)
        except Diagnostic as error:
            raise Diagnostic(
                BAD_UNIT,
                f"the unit {text!r}{f' of `{what}`' if what else ''} is not known",
                span=span,
                help=error.help or error.message,
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
