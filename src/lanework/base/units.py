"""Units: pint's registry with every currency as a dimension of its own.

pint is imported when the first unit is parsed, which takes a few tenths of a second; programs
without units never load it.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from lanework.base.codes import UNKNOWN_UNIT
from lanework.base.errors import Diagnostic, did_you_mean

CURRENCIES = tuple(
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN"
        " BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD"
        " FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY"
        " KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP"
        " MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR"
        " RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT"
        " TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR"
        " ZMW ZWG"
    ).split()
)
"""ISO 4217 codes of currencies in circulation."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


@functools.cache
def registry() -> Any:
    """The one registry of the process.

    Currencies are base units of dimensions of their own, so that USD and EUR never add; a
    `policy` and a `person` count; `quarter` is three months.
    """
    import pint

    units: Any = pint.UnitRegistry(cache_folder=None, on_redefinition="ignore")
    for name in CURRENCIES:
        units.define(f"{name} = [currency_{name}]")
    for name in ("policy", "person", "unit_count"):
        units.define(f"{name} = []")
    units.define("quarter = 3 * month")
    return units


def parse(text: str) -> Any:
    """The unit of a text such as ``USD/month``, ``1/year`` or ``kg*m/s**2``; "" has none.

    Raises:
        Diagnostic: LW0401, with a suggestion.

    Example:
        >>> f"{parse('USD/month') * parse('month')}"
        'USD'
    """
    units = registry()
    words = text.strip()
    if words in ("", "1", "-"):
        return units.Unit("")
    if words == "%":
        return units.Unit("percent")
    try:
        quantity = units.parse_expression(words)
        if isinstance(quantity, int | float):
            if quantity == 1:
                return units.Unit("")
            raise ValueError(words)
        if quantity.magnitude != 1:
            raise ValueError(words)
        return quantity.units
    except Exception as error:  # pint raises tokenize, attribute and type errors alike
        raise Diagnostic(
            UNKNOWN_UNIT,
            f"{text!r} is no unit",
            help=_suggest(words) or "write units as USD, 1/month, EUR/MWh or kg*m/s**2",
        ) from error


def factor(source: Any, target: Any) -> float | None:
    """What turns a number in `source` into one in `target`; None if nothing does.

    Example:
        >>> factor(parse("year"), parse("month"))
        12.0
    """
    import pint

    try:
        return float(f"{float((1 * source).to(target).magnitude):.14g}")  # pint is an ulp off
    except pint.DimensionalityError:
        return None


def _suggest(text: str) -> str | None:
    units = registry()
    for name in _NAME.findall(text):
        if name not in units:
            return did_you_mean(name, [*CURRENCIES, *_COMMON])
    return None


_COMMON = (
    *("day", "month", "quarter", "year", "hour", "minute", "second", "week"),
    *("percent", "kWh", "MWh", "kW", "MW", "kg", "tonne", "meter", "km", "liter", "barrel"),
    *("policy", "person"),
)
