"""Units: products of powers of symbols, compared and converted without loading pint if it can be.

pint knows what units there are, but to import it and to build its registry takes 0.4 s, more than
compiling a model. So the units that models are made of (currencies, time, counts, common energy)
are listed here, as pint defines them; any other name is looked up in pint once. Every currency is
a dimension of its own: an exchange rate is data, not a factor.

Example:
    >>> price = parse("EUR/MWh")
    >>> str(price * parse("MWh")), price.factor(parse("EUR/kWh"))
    ('EUR', 0.001)
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lanework.base.codes import UNKNOWN_UNIT
from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.unitnames import COUNTS, CURRENCIES, DEFINED, DOUBTFUL, OF_MONEY, PLURALS
from lanework.base.unittext import Powers, product, read, simple


@dataclass(frozen=True)
class Symbol:
    """A unit with a name of its own.

    Attributes:
        name: its full name, such as `megawatt_hour`.
        scale: its size in the base unit of its dimensions.
        dimensions: pint's names of dimensions and their exponents, in order of name.
    """

    name: str
    scale: Fraction
    dimensions: Powers = ()


@dataclass(frozen=True)
class Unit:
    """A product of powers of symbols; equal products are equal, whatever they were written as.

    Attributes:
        powers: full names of symbols and their exponents, none 0, in order of name.

    Example:
        >>> parse("USD/month") * parse("month") == parse("USD")
        True
    """

    powers: Powers = ()

    def __mul__(self, other: Unit) -> Unit:
        return Unit(product([(self.powers, 1), (other.powers, 1)]))

    def __truediv__(self, other: Unit) -> Unit:
        return Unit(product([(self.powers, 1), (other.powers, -1)]))

    def __pow__(self, exponent: float | Fraction) -> Unit:
        return Unit(product([(self.powers, simple(exponent))]))

    def __str__(self) -> str:
        above = "*".join(_shown(name, power) for name, power in self.powers if power > 0)
        below = "".join(f"/{_shown(name, -power)}" for name, power in self.powers if power < 0)
        return (above or "1") + below if self.powers else ""

    def dimensions(self) -> dict[str, Fraction]:
        """Dimensions and exponents; empty for a pure number.

        Example:
            >>> {name: int(power) for name, power in parse("USD/month").dimensions().items()}
            {'[currency_USD]': 1, '[time]': -1}
        """
        return dict(product((_symbols[name].dimensions, power) for name, power in self.powers))

    def factor(self, target: Unit) -> float | None:
        """What turns a number in this unit into one in `target`; None if nothing does.

        The factor is computed as a fraction and rounded once, except under roots and for powers
        beyond 64. One that f64 cannot hold is no factor.

        Example:
            >>> parse("year").factor(parse("month")), parse("USD").factor(parse("EUR"))
            (12.0, None)
        """
        ratio = self / target
        if ratio.dimensions():
            return None
        exact, rest = Fraction(1), 1.0
        try:
            for name, power in ratio.powers:
                scale = _symbols[name].scale
                if power.denominator == 1 and abs(power) <= 64:
                    exact *= scale ** int(power)
                elif scale != 1:
                    rest *= float(scale) ** float(power)
            return float(exact) * rest or None
        except OverflowError:
            return None

    def reduced(self) -> Unit:
        """The same dimensions with fewer symbols: one a dimension, and no pure numbers but counts.

        Symbols whose dimensions are powers of one another become one; percent goes.

        Example:
            >>> unit = parse("kWh*USD/MWh")
            >>> str(unit.reduced()), unit.factor(unit.reduced())
            ('USD', 0.001)
        """
        kept: dict[str, Fraction] = {}
        # The simplest first, so that litres become metres to the third, not the other way round.
        for name, power in sorted(self.powers, key=lambda item: _order(item[0])):
            symbol = _symbols[name]
            if not symbol.dimensions and symbol.scale != 1:
                continue
            for other in kept:
                ratio = _ratio(symbol, _symbols[other])
                if ratio is not None:
                    kept[other] += power * ratio
                    break
            else:
                kept[name] = power
        return Unit(product([(tuple(kept.items()), 1)]))

    def per_time(self) -> str | None:
        """The symbol of time that this is per, such as `month` of USD/month; None if none."""
        for name, power in self.powers:
            if power == -1 and _symbols[name].dimensions == _TIME:
                return name
        return None


_TIME = (("[time]", Fraction(1)),)
_ENERGY = (("[length]", Fraction(2)), ("[mass]", Fraction(1)), ("[time]", Fraction(-2)))
_PER_TIME = (("[time]", Fraction(-1)),)
_MASS = (("[mass]", Fraction(1)),)
_POUND = Fraction(45_359_237, 100_000)
_VOLUME = (("[length]", Fraction(3)),)
_POWER = (*_ENERGY[:2], ("[time]", Fraction(-3)))
_DAY = 86400
_YEAR = Fraction(1461, 4) * _DAY  # the Julian year of 365.25 days

_symbols: dict[str, Symbol] = {}
_names: dict[str, str] = {"dimensionless": ""}


def _plain(scale: Fraction | int, dimensions: Any, *names: str) -> None:
    """Register a symbol that needs no pint, under its full name and others."""
    _symbols[names[0]] = Symbol(names[0], Fraction(scale), dimensions)
    _names.update(dict.fromkeys(names, names[0]))


for _code in CURRENCIES:
    _plain(1, ((f"[currency_{_code}]", Fraction(1)),), _code)
for _count in COUNTS:
    _plain(1, (), _count, *PLURALS.get(_count, ()))
_plain(Fraction(1, 100), (), "percent", "%", "pct", "percentage_point", "pp")
_plain(Fraction(1, 10_000), (), "basis_point", "bp", "bps")  # pint's is a length of printers
_plain(1, _TIME, "second", "seconds", "s")
_plain(60, _TIME, "minute", "minutes", "min")
_plain(3600, _TIME, "hour", "hours", "hr", "h")
_plain(_DAY, _TIME, "day", "days", "d")
_plain(7 * _DAY, _TIME, "week", "weeks")
_plain(_YEAR / 12, _TIME, "month", "months")
_plain(_YEAR / 4, _TIME, "quarter", "quarters")  # of a year; pint's is 28 pounds
_plain(_YEAR, _TIME, "year", "years", "yr")
_plain(_POUND, _MASS, "lb", "lbs")  # pint's names of these are doubtful
_plain(2000 * _POUND, _MASS, "short_ton", "short_tons")
_plain(_POUND / 16, _MASS, "avoirdupois_ounce", "avoirdupois_ounces")
_plain(10 * _YEAR, _TIME, "decade", "decades")  # pint's is the number 10
_plain(1, _PER_TIME, "revolutions_per_second", "rps")  # pint's are of angles, 2 pi of them
_plain(Fraction(1, 60), _PER_TIME, "rpm", "revolutions_per_minute")
# 42 US gallons of 231 cubic inches, as oil is counted; pint's is of 31.5
_plain(42 * 231 * Fraction(254, 10_000) ** 3, _VOLUME, "barrel", "barrels", "bbl", "oil_barrel")
for _letter, _prefix, _scale in (("k", "kilo", 10**3), ("M", "mega", 10**6), ("G", "giga", 10**9)):
    # Scales are in grams, metres and seconds, which are pint's roots.
    _plain(1000 * _scale, _POWER, f"{_prefix}watt", f"{_letter}W")
    _plain(1000 * 3600 * _scale, _ENERGY, f"{_prefix}watt_hour", f"{_letter}Wh")


@functools.cache
def registry() -> Any:
    """The registry of pint, with currencies and counts added, and what models mean otherwise."""
    import pint

    units: Any = pint.UnitRegistry(cache_folder=None, on_redefinition="ignore")
    for name in CURRENCIES:
        units.define(f"{name} = [currency_{name}]")
    for name in COUNTS:
        units.define(f"{name} = []")
    for definition in DEFINED:
        units.define(definition)
    return units


def symbol(name: str) -> Unit:
    """The unit of one name, from the plain ones or from pint.

    Raises:
        Diagnostic: LW0401, with a suggestion; also for units with an offset, such as degC.
    """
    full = _names.get(name)
    if full is None:
        if name in DOUBTFUL:
            raise Diagnostic(UNKNOWN_UNIT, f"{name!r} may mean many things", help=DOUBTFUL[name])
        full = _names[name] = _look_up(name)
    return Unit(((full, Fraction(1)),)) if full else Unit()


def define(name: str, of: str = "", own: Mapping[str, Unit] | None = None) -> Unit:
    """A unit of a model's own: of a new dimension, or so many of another.

    Args:
        name: what it is called.
        of: such as ``1000 USD``; "" for a new dimension, as every currency is.
        own: the units that the model has already.

    Raises:
        Diagnostic: LW0401 for what is no number and unit.

    Example:
        >>> define("lot", "100 barrel").factor(parse("barrel")), str(define("XBTC"))
        (100.0, 'XBTC')
    """
    full = f"{name}{_OF}{' '.join(of.split())}"
    if not of.strip():
        _symbols[full] = Symbol(full, Fraction(1), ((f"[own_{name}]", Fraction(1)),))
        return Unit(((full, Fraction(1)),))
    size, *rest = of.split(maxsplit=1)
    try:
        scale = Fraction(size)
    except (ValueError, ZeroDivisionError):
        scale = Fraction(0)
    if scale <= 0:
        raise Diagnostic(
            UNKNOWN_UNIT,
            f"{of!r} is no number and unit",
            help=f'write how many {name} is, such as "1000 USD"; leave it out for a currency',
        )
    base = parse(rest[0] if rest else "", own)
    if any(power.denominator != 1 for _, power in base.powers):
        raise Diagnostic(UNKNOWN_UNIT, f"{of!r} has a root", help="define units without roots")
    dimensions = tuple(base.dimensions().items())
    for part, power in base.powers:
        scale *= _symbols[part].scale ** int(power)
    _symbols[full] = Symbol(full, scale, product([(dimensions, 1)]))
    return Unit(((full, Fraction(1)),))


_OF = "="
"""Between the name of a unit of a model's own and what it is: another model may have another."""


def parse(text: str, own: Mapping[str, Unit] | None = None) -> Unit:
    """The unit of a text such as ``USD/month``, ``1/year`` or ``kg*m/s**2``; "" has none.

    Those in `own` go before others of their name.

    Raises:
        Diagnostic: LW0401 for a name or a form that is not known, with a suggestion.

    Example:
        >>> str(parse("USD / month")), str(parse("")), str(parse("1/yr"))
        ('USD/month', '', '1/year')
    """
    if own:
        mine = own
        return Unit(read(text, lambda name: (mine.get(name) or symbol(name)).powers))
    plain = _names.get(text)
    if plain:
        return Unit(((plain, Fraction(1)),))
    return _parse(text)


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Unit:
    if text.strip() in ("", "-"):
        return Unit()
    return Unit(read(text, lambda name: symbol(name).powers))


def factor(source: Unit, target: Unit) -> float | None:
    """See `Unit.factor`."""
    return source.factor(target)


def same_dimension(a: Unit, b: Unit) -> bool:
    """Whether values in these units can be added, once converted.

    Example:
        >>> same_dimension(parse("kWh"), parse("MWh")), same_dimension(parse("USD"), parse("EUR"))
        (True, False)
    """
    return a == b or a.dimensions() == b.dimensions()


def _look_up(name: str) -> str:
    """The full name of a symbol in pint, now known here; "" for pint's names of pure numbers."""
    units = registry()
    try:
        symbols = dict(units.parse_units(name)._units)
    except Exception as error:  # pint raises undefined-unit, tokenize and type errors alike
        raise Diagnostic(
            UNKNOWN_UNIT,
            f"{name!r} is no unit",
            help=did_you_mean(name, [*CURRENCIES, *_COMMON])
            or "write units as USD, 1/month, EUR/MWh or kg*m/s**2",
        ) from error
    _check_prefix(name, units)
    if not symbols:
        return ""
    full = next(iter(symbols))
    if len(symbols) > 1 or symbols[full] != 1:  # pint reads m² as meter ** 2
        raise Diagnostic(
            UNKNOWN_UNIT, f"{name!r} is no name of a unit", help="write exponents as in m**2"
        )
    if not units._units[full].is_multiplicative:
        raise Diagnostic(
            UNKNOWN_UNIT,
            f"{name!r} is on a scale that has no factor to others",
            help="use kelvin for temperatures, and pure numbers in place of decibels",
        )
    if full not in _symbols:
        root, _ = units.get_root_units(full)
        dimensions = units.get_dimensionality(full)
        # pint multiplies floats, so the last digit may be off; definitions have fewer digits.
        scale = Fraction(f"{float(root):.14g}")
        exponents = tuple((name, simple(power)) for name, power in dimensions.items())
        _symbols[full] = Symbol(full, scale, product([(exponents, 1)]))
    return str(full)


def _check_prefix(name: str, units: Any) -> None:
    """Refuse prefixes of money that are none, and those that make a unit of a currency's code."""
    code = name.upper()
    for prefix, base, _ in units.parse_unit_name(name):
        if prefix and base in CURRENCIES and prefix not in OF_MONEY:
            advice = f"write k{base} for thousands, M{base} for millions, or define it: " + (
                f'unit("{name}", "1000 {base}")'
            )
        elif prefix and base in DOUBTFUL and base != "pound":  # klb
            advice = DOUBTFUL[base]
        elif prefix and code in CURRENCIES:
            advice = f"write {code} for the money, or the unit in full: {prefix}{base}"
        else:
            continue
        raise Diagnostic(UNKNOWN_UNIT, f"{name!r} may mean many things", help=advice)


def _order(name: str) -> tuple[Fraction, str]:
    return sum((abs(power) for _, power in _symbols[name].dimensions), Fraction(0)), name


def _ratio(a: Symbol, b: Symbol) -> Fraction | None:
    """The power of `b` that has the dimensions of `a`, or None."""
    if not a.dimensions or [name for name, _ in a.dimensions] != [n for n, _ in b.dimensions]:
        return None
    ratios = {p / q for (_, p), (_, q) in zip(a.dimensions, b.dimensions, strict=True)}
    return ratios.pop() if len(ratios) == 1 else None


def _shown(name: str, power: Fraction) -> str:
    name = name.partition(_OF)[0]
    if power == 1:
        return name
    return f"{name}**{power}" if power.denominator == 1 else f"{name}**({power})"


_COMMON = (
    *("day", "month", "quarter", "year", "hour", "minute", "second", "week"),
    *("percent", "kWh", "MWh", "kW", "MW", "kg", "tonne", "meter", "km", "liter", "barrel"),
    *COUNTS,
)
