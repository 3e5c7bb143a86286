"""Text that spells a number: whether it does, and how to write what it may have meant."""

from __future__ import annotations

import math
import re

MISSING_TEXT = frozenset(
    " na n/a nan null none <na> #n/a #na #nv #n/d #n/b".split(" "),
)
"""Texts, in lower case, by which tables say that a value is missing (pandas, R, SQL, Excel)."""

SHEET_ERROR = re.compile(r"#[^\s#]+[!?]|#GETTING_DATA|Err:\d{3}")
"""What stands in a cell of a spreadsheet whose formula failed, in any language."""
SEVERAL = "several numbers or another notation: give one decimal number, such as 2.5e-3"
MISSING_ADVICE = "the value is missing: fill it in, or leave the row out"
NAMES_ADVICE = "give numbers, or declare categories if it holds names"
ERROR_ADVICE = "an error of a spreadsheet's formula: mend it there, or leave the row out"
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d{4}/\d\d?/\d\d?|\d\d?([/.])\d\d?\2\d{4}")
DATE_ADVICE = "a date: dates are labels, in a column called time or date, or in an index"
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?")


_MONEY = (
    r"(?:[$€£¥₹₽₩]|(?:USD|EUR|GBP|JPY|CHF|AUD|CAD|NZD|SEK|NOK|DKK|CNY|INR|BRL|ZAR|MXN|SGD|HKD|PLN"
    r"|CZK|HUF|KRW)(?![A-Za-z]))"
)
_SPELT = re.compile(
    rf"\(?\s*[+-]?\s*(?:{_MONEY}\s*)?[+-]?"
    r"(?:\d{1,3}(?:[ ,.'\u2019]\d{3})+(?:[.,]\d*)?|\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?"
    rf"\s*(?:[%‰]|bps?|{_MONEY})?\s*\)?"
)


def spells_number(text: str) -> bool:
    """Whether a text was meant as a number, in whatever way it is written.

    Example:
        >>> [spells_number(text) for text in ("0.10%", "1,000", "EUR 3", "(2.5)", "inf", "1 000")]
        [True, True, True, True, True, True]
        >>> [spells_number(text) for text in ("north", "A1", "20-24", "3M", "2024-01-31", "")]
        [False, False, False, False, False, False]
    """
    bare = re.sub("[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]", " ", text.strip())
    try:
        float(bare)
    except ValueError:
        return _SPELT.fullmatch(bare.replace("\N{MINUS SIGN}", "-")) is not None
    return True


def text_advice(text: str, integral: bool = False, semicolons: bool = False) -> str:
    """How to write the number that a text may have meant.

    Args:
        text: what was given.
        integral: whether an integer is wanted.
        semicolons: whether semicolons separate the values: commas are decimal ones then.

    Example:
        >>> texts = "0.10%", "1,234,567", "1,234", "0,055", "EUR 3", "(1,5)", "7"
        >>> for text in (*texts, "9007199254740993", "1.2.3", "#REF!", "north", "31.12.2025"):
        ...     print(text_advice(text))
        a percentage: give the fraction, 0.001
        a number with thousands in groups: give it without the commas, 1234567
        a number with thousands in groups: give it without the commas, 1234; or one with a decimal \
comma: give it with a point, 1.234
        a number with a decimal comma: give it with a point, 0.055
        a number beside other signs: give the number alone, 3
        a number in brackets or with its sign apart: give the number alone, -1.5
        text that spells a number: convert it where it was read, such as with float()
        an integer that float64 does not have: give one below 2**53, or a name
        several numbers or another notation: give one decimal number, such as 2.5e-3
        an error of a spreadsheet's formula: mend it there, or leave the row out
        give numbers, or declare categories if it holds names
        a date: dates are labels, in a column called time or date, or in an index
    """
    bare = text.strip().replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    match = _NUMBER.search(bare)
    if bare.lower().lstrip("+-") in ("inf", "infinity"):
        return "not finite: give a number that a float holds"
    if bare.lower() in MISSING_TEXT:
        return MISSING_ADVICE
    if SHEET_ERROR.fullmatch(bare):
        return ERROR_ADVICE
    if _DATE.fullmatch(bare):
        return DATE_ADVICE
    if match is None or sum(char.isalpha() for char in bare) > 4:
        return NAMES_ADVICE
    number = match[0]
    return (
        _beside(bare, number, semicolons)
        if bare != number
        else (
            _with_comma(number, integral, semicolons) if "," in number else _alone(number, integral)
        )
    )


_IN_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")
_COMMA = re.compile(r"[+-]?(?:\d*|[1-9]\d{0,2}(?:\.\d{3})+),\d*(?:[eE][+-]?\d+)?")


def readings(number: str, semicolons: bool = False) -> tuple[str | None, str | None]:
    """What a number with commas is with thousands in groups, and with a decimal comma.

    Example:
        >>> readings("1,234"), readings("0,055"), readings("1.234,5"), readings("1,2,3")
        (('1234', '1.234'), (None, '0.055'), (None, '1234.5'), (None, None))
        >>> readings("1,234", semicolons=True)
        (None, '1.234')
    """
    groups = number.replace(",", "") if _IN_GROUPS.fullmatch(number) else None
    decimal = number.replace(".", "").replace(",", ".") if _COMMA.fullmatch(number) else None
    return (None if semicolons and decimal else groups), decimal


def _with_comma(number: str, integral: bool, semicolons: bool) -> str:
    """What to write for a number with commas and nothing else."""
    groups, decimal = readings(number, semicolons)
    grouped = f"a number with thousands in groups: give it without the commas, {groups}"
    point = f"a decimal comma: give it with a point, {decimal}"
    if groups and (integral or not decimal):
        return grouped
    if not decimal:
        return SEVERAL
    return f"{grouped}; or one with {point}" if groups else f"a number with {point}"


def _alone(number: str, integral: bool) -> str:
    """What to write for a text that looks like a number and nothing else."""
    try:
        value = float(number)
    except ValueError:  # 1.2.3, 31.12.2024
        return SEVERAL
    if math.isinf(value):
        return "not finite: give a number that a float holds"
    digits = number.lstrip("+-").isdigit()
    if digits and int(number) != value and not integral:
        return "an integer that float64 does not have: give one below 2**53, or a name"
    if integral and not digits:
        return "give a whole number"
    into = "int()" if integral else "float()"
    return f"text that spells a number: convert it where it was read, such as with {into}"


_PARTS = {"%": ("a percentage", 1e2), "‰": ("a number per mille", 1e3)} | dict.fromkeys(
    ("bp", "bps"), ("basis points", 1e4)
)
_SCALE = re.compile(
    rf"[ (]*(?:{_MONEY})? *(?:k|mn?|mm|mio|bn?|mrd|tsd|t)\.? *(?:{_MONEY})?[ )]*", re.I
)


def _beside(bare: str, number: str, semicolons: bool) -> str:
    """What to write for a text of which only a part looks like a number."""
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(?:[ _'\u2019\u202f]\d{3})+(?:[.,]\d*)?", bare):
        plain = re.sub(r"[^\d.,+-]", "", bare).replace(",", ".")
        return f"a number with thousands in groups: give it in one piece, {plain}"
    rest = bare.replace(number, "", 1)
    if any(char.isdigit() for char in rest):  # 0x10, 1d3, 1|2: the part is not what was meant
        return SEVERAL
    meant = [text for text in readings(number, semicolons) if text] if "," in number else [number]
    if not meant or number.count(".") > 1:
        return SEVERAL
    if rest.strip().lower() in _PARTS:
        what, parts = _PARTS[rest.strip().lower()]
        return f"{what}: give the fraction, " + " or ".join(
            f"{float(text) / parts:.12g}" for text in meant
        )
    if _SCALE.fullmatch(rest):
        return "a number with thousands or millions as a letter, or a unit: write it out, in digits"
    what = "beside other signs"
    if bare[0] + bare[-1] == "()" or bare[0] == "-" or re.search(r"\d-$", bare):
        what = "in brackets or with its sign apart"
        meant = ["-" + text.lstrip("+-") for text in meant]
    return f"a number {what}: give the number alone, " + " or ".join(meant)
