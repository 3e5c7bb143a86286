"""Units while a model compiles: pint's algebra, remembered, in the few forms that rules need.

Nothing here runs after compiling. pint is loaded by the first model that declares a unit.
"""

from __future__ import annotations

from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.machines.series.codes import BAD_UNIT

Unit = Any
"""A `pint.Unit`. Equal units are one object here, so they are compared with `is`."""

_PERIOD_UNITS = {"day": "day", "month": "month", "quarter": "quarter", "year": "year"}


class Algebra:
    """Units of one registry, with every operation done once.

    Args:
        freq: the model's frequency, or None.
    """

    def __init__(self, freq: str | None) -> None:
        from lanework.base import units

        self._units = units
        self.registry = units.registry()
        self.freq = freq
        self._known: dict[str, Unit] = {}
        self._memo: dict[tuple[Any, ...], Any] = {}
        self._texts: dict[int, str] = {}
        self.none = self.parse("")
        self.year = self.parse("year")

    def parse(self, text: str, what: str = "", span: Span | None = None) -> Unit:
        """The unit of a text.

        Raises:
            Diagnostic: LW3015.
        """
        try:
            unit = self._one(self._units.parse(text))
        except Diagnostic as error:
            raise Diagnostic(
                BAD_UNIT,
                f"the unit {text!r}{f' of `{what}`' if what else ''} is not known",
                span=span,
                help=error.help or error.message,
            ) from None
        self._texts.setdefault(id(unit), text.strip())
        return unit

    def _one(self, unit: Unit) -> Unit:
        return self._known.setdefault(f"{unit}", unit)

    def text(self, unit: Unit) -> str:
        """How a unit is shown: as it was declared first if it was, "" for none."""
        declared = self._texts.get(id(unit))
        if declared is not None:
            return declared
        shown = f"{unit}"
        return "" if shown == "dimensionless" else shown.replace(" ", "")

    def mul(self, a: Unit, b: Unit) -> Unit:
        """The product."""
        return a if b is self.none else b if a is self.none else self._do("mul", a, b)

    def div(self, a: Unit, b: Unit) -> Unit:
        """The quotient."""
        return a if b is self.none else self._do("div", a, b)

    def pow(self, a: Unit, n: float) -> Unit:
        """A power."""
        return self._do("pow", a, n)

    def _do(self, how: str, a: Unit, b: Any) -> Unit:
        key = (how, id(a), b if how == "pow" else id(b))
        found = self._memo.get(key)
        if found is None:
            made = a * b if how == "mul" else a / b if how == "div" else a**b
            found = self._memo[key] = self._one(made)
        return found

    def reduced(self, unit: Unit) -> tuple[Unit, float]:
        """A unit with each dimension once, and what turns a number in `unit` into one in it.

        kWh*USD/MWh is USD, times 0.001; percent is no unit, times 0.01.
        """
        key = ("reduced", id(unit))
        if key not in self._memo:
            made = (1 * unit).to_reduced_units().units
            for name, power in (1 * made).unit_items():
                scale = self.factor(self.registry.Unit(name), self.none)
                if scale is not None and scale != 1.0:
                    made = made / self.registry.Unit(name) ** power
            made = self._one(made)
            self._memo[key] = (made, self.factor(unit, made))
        found: tuple[Unit, float] = self._memo[key]
        return found

    def factor(self, source: Unit, target: Unit) -> float | None:
        """What turns a number in `source` into one in `target`; None if nothing does."""
        if source is target:
            return 1.0
        key = ("factor", id(source), id(target))
        if key not in self._memo:
            self._memo[key] = self._units.factor(source, target)
        factor: float | None = self._memo[key]
        return factor

    def per_time(self, unit: Unit) -> str | None:
        """The unit of time that a unit is per, such as `month` of USD/month; None if none."""
        key = ("per", id(unit))
        if key not in self._memo:
            found = None
            for name, power in (1 * unit).unit_items():
                time = self.registry.get_dimensionality(name) == {"[time]": 1}
                if power == -1 and (time or name in _PERIOD_UNITS):
                    found = name
            self._memo[key] = found
        per: str | None = self._memo[key]
        return per

    def per_period(self, unit: Unit) -> Unit:
        """An amount per period of the model as an amount: USD/month is USD a month."""
        if self.freq is not None and self.per_time(unit) == _PERIOD_UNITS[self.freq]:
            return self.mul(unit, self.parse(_PERIOD_UNITS[self.freq]))
        return unit
