"""Names of units that mean something of their own in models, or nothing certain.

pint takes every prefix before every unit, and what is short means something of physics: `pcs` are
parsecs, `mt` is a kilogram, `TEUR` a million million euros, `cfm` a length. Such names are refused
with what to write instead; a model may still define them.
"""

from __future__ import annotations

CURRENCIES = tuple(
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD"
        " BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD"
        " EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD"
        " IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL"
        " MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN"
        " PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN"
        " SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES"
        " VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XUA YER ZAR"
        " ZMW ZWG"
    ).split()
)
"""The codes of ISO 4217 (funds and metals too; not the test code and `no currency`)."""

COUNTS = ("policy", "person", "unit_count", "unit")
"""Things that are counted: of no dimension, but shown."""

PLURALS = {
    "policy": ("policies",),
    "person": ("persons", "people"),
    "unit_count": ("unit_counts",),
    "unit": ("units",),
}

OF_MONEY = ("kilo", "mega", "giga", "centi")
"""The prefixes that currencies have: T may be thousands, m millions."""

DEFINED = (
    "barrel = 9702 * inch ** 3 = bbl = oil_barrel",  # 42 gallons, as oil is counted
    "revolutions_per_minute = 1 / minute = rpm",
    "revolutions_per_second = 1 / second = rps",
    "decade = 10 * year",
    "basis_point = 0.0001 = bp",
    "quarter = 3 * month",
)
"""What pint has another definition for: a barrel of beer, angles, a number, a length, a weight."""

_DEFINE = "define what is meant, such as unit({!r}, {!r}), or write {}"
_MASS = "write tonne (1000 kg), short_ton or long_ton"
_ANGLE = "write degree or radian for an angle, unit for a number of them"
_DATA = "write bit or byte, such as megabyte"

DOUBTFUL = {
    **dict.fromkeys(("pt", "pts", "point", "points"), "write percent, percentage_point or bp"),
    **dict.fromkeys(("k", "M", "MM"), "write a unit of your own, such as kUSD for 1000 USD"),
    **dict.fromkeys(("mth", "mths"), "write month"),
    **dict.fromkeys(("ton", "tons", "kiloton", "kilotons", "kton", "megaton", "megatons"), _MASS),
    **dict.fromkeys(("mt", "MT"), "write tonne, or Mt for a million of them"),
    "kt": "write kilotonne, or knot",
    **dict.fromkeys(("revolution", "revolutions", "turn", "turns", "cycle", "cycles"), _ANGLE),
    **dict.fromkeys(("b", "kb", "mb", "Mb", "Gb", "Tb"), _DATA),
    **dict.fromkeys(("pc", "pcs", "dz", "doz", "hd"), "write unit"),
    **dict.fromkeys(("c", "ct", "cts"), _DEFINE.format("ct", "0.01 USD", "cUSD; carat for gems")),
    **dict.fromkeys(("pound", "pounds"), "write GBP for the money, lb for the mass"),
    **dict.fromkeys(
        ("oz", "ounce", "ounces"), "write troy_ounce for metals, avoirdupois_ounce for other goods"
    ),
    **dict.fromkeys(("pa", "PA"), "write 1/year"),
    **dict.fromkeys(("pm", "PM"), "write 1/month"),
    **dict.fromkeys(("pd", "PD"), "write 1/day"),
    **dict.fromkeys(("ph", "PH"), "write 1/hour"),
    **dict.fromkeys(("md", "MD"), _DEFINE.format("md", "8 hour", "day")),
    **dict.fromkeys(("Mbbl", "mbbl", "Mbbls", "mbbls"), "write kbbl for thousands of barrels"),
    **dict.fromkeys(("Mrd", "th"), "write a prefix, such as GEUR or kEUR"),
    "pkt": "write unit",
    "hc": "write person",
    "dd": "write day",
    **dict.fromkeys(("mil", "mils"), "write thou for a length, kUSD for 1000 USD"),
    "cfm": "write ft**3/minute",
    "kmph": "write km/hour",
    "Gal": "write gallon",
    "ppt": "write permille, or define it",
    "dpi": "write 1/inch",
    **dict.fromkeys(("PS", "cv"), "write metric_horsepower"),
    **dict.fromkeys(("TR", "RT", "rt"), "write refrigeration_ton"),
    **dict.fromkeys(("e", "R", "u", "U", "pe", "PE", "cp", "hk", "ah"), "write its name in full"),
    **dict.fromkeys(("bag", "bags"), _DEFINE.format("bag", "60 kg", "kg")),
}
"""Names that mean something else in pint than in a model, or to one reader than to another."""
