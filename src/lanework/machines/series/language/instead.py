"""What to write instead of what other languages, spreadsheets and libraries write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})
_OVER_TIME = "write total(x) for the sum over time, and a + b for values of one period"
_LANES = 'sums over lanes are outputs with reduce="point"'
_EARLIER = "write prev(x) for the value a period earlier, prev(x, n) for n periods"
_CUT = "write floor(x) to round down, trunc(x) towards zero, round(x) to the nearest"

FUNCTIONS: dict[str, str] = {
    **dict.fromkeys(("sum", "fsum", "nansum"), f"{_OVER_TIME}; {_LANES}"),
    **dict.fromkeys(("mean", "avg", "nanmean"), "write average(x) for the mean over time"),
    **dict.fromkeys(("shift", "lag", "offset", "previous", "delay", "roll"), _EARLIER),
    **dict.fromkeys(("next", "ahead"), "write lead(x) for the value a period later"),
    **dict.fromkeys(("diff", "delta"), "write change(x), or x - prev(x)"),
    **dict.fromkeys(("int", "integer", "truncate", "fix"), _CUT),
    "rint": "write round(x)",
    **dict.fromkeys(("float", "bool", "double"), "write the value alone: all values are numbers"),
    "str": "a formula has no text but names that are compared: sex == 'M'",
    "len": "write periods for the number of periods",
    **dict.fromkeys(("ln", "loge"), "write log(x) for the natural logarithm"),
    "log1p": "write log(1 + x)",
    "expm1": "write exp(x) - 1",
    "log10": "write log(x) / log(10)",
    "log2": "write log(x) / log(2)",
    **dict.fromkeys(("square", "sqr"), "write x ** 2; the square root is sqrt(x)"),
    "power": "write x ** y, or pow(x, y)",
    "exp2": "write 2 ** x",
    "reciprocal": "write 1 / x",
    **dict.fromkeys(("fabs", "absolute"), "write abs(x)"),
    **dict.fromkeys(("sgn", "signum"), "write sign(x)"),
    **dict.fromkeys(("ceiling", "roundup"), "write ceil(x)"),
    "rounddown": "write floor(x)",
    **dict.fromkeys(("fmod", "remainder"), "write x % y"),
    **dict.fromkeys(
        ("if", "iif", "iff", "ifelse", "if_else", "ite", "cond", "choose", "select"),
        "write where(c, a, b)",
    ),
    "isnan": "write x != x",
    **dict.fromkeys(("clamp", "bound"), "write clip(x, low, high)"),
    "prod": "write cumprod(x) for the running product; its last value is last(cumprod(x))",
    **dict.fromkeys(("amin", "nanmin"), "write minimum(x) for the smallest over time"),
    **dict.fromkeys(("amax", "nanmax"), "write maximum(x) for the largest over time"),
    "fmin": "write min(a, b)",
    "fmax": "write max(a, b)",
    "pmt": "write level_payment(rate, n, principal)",
    "fv": "write pv(rate, n, payment, final) * (1 + rate) ** n",
    **dict.fromkeys(
        ("norm", "normsdist", "phi", "ndtr", "cdf"), "write normcdf(x) for the normal distribution"
    ),
    **dict.fromkeys(
        ("std", "var", "quantile", "percentile", "median"),
        "compute it of the result: result.to_pandas()",
    ),
    **dict.fromkeys(
        ("irr", "xirr", "rate"), "find it outside, of a result: lw.series.irr(result['cash'])"
    ),
    **dict.fromkeys(
        ("rand", "random", "randn"), "draw the numbers outside, and give them as an input"
    ),
    "range": "write t for the number of the period, from 0",
    **dict.fromkeys(("vlookup", "hlookup", "index", "match", "xlookup"), "call the table: q(key)"),
    "array": "give the numbers to the model as an input or a table",
}
"""What is called elsewhere, and how it is written here."""

NAMES: dict[str, str] = {
    "pi": "write 3.141592653589793",
    "e": "write exp(1)",
    **dict.fromkeys(("nan", "inf", "null", "none", "na"), "a formula holds finite numbers only"),
    "true": "write 1, or True",
    "false": "write 0, or False",
    **dict.fromkeys(("time", "period"), "write t for the number of the period, from 0"),
}

_TEXTS = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (r"^\s*=", "leave out the = that a spreadsheet has in front"),
        (r"&&", "write `and`"),
        (r"\|\|", "write `or`"),
        (r"!(?!=)", "write `not` for !, and factorials by hand"),
        (r"<>", "write !="),
        (r"=<|=>", "write <= or >="),
        (r"\?", "write a if c else b, or where(c, a, b)"),
        (r"\bif\s*\(", "write where(c, a, b), or a if c else b"),
        (r"\b(and|or)\s*\(", "write it between the values: a and b, a or b"),
        (r"\bif\b(?!.*\belse\b)", "write a if c else b"),
        (r"\d\s*%\s*($|[-+*/,)])", "write a percentage as a fraction: 0.05 for 5 %"),
        (r"[$€£¥]", "leave the sign of the currency out, and give the node a unit"),
        ("[\N{MULTIPLICATION SIGN}\N{DOT OPERATOR}\N{MIDDLE DOT}]", "write * for the product"),
        ("[\N{DIVISION SIGN}\N{DIVISION SLASH}]", "write / for the quotient"),
        ("[\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}]", "write - for minus"),
        ("[\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}]", "write ** for a power: x ** 2"),
        (
            "[\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}\N{NOT EQUAL TO}]",
            "write <=, >= or !=",
        ),
        (
            "[\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
            "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}]",
            "write straight quotes",
        ),
        (r"\b\d+\.?\d*[A-Za-z_]\w*", "write the sign of a product: 2 * x"),
        (r";", "write commas between arguments, and a node for every formula"),
        (r"(?<![=<>!])=(?!=)", "write == to compare; a formula has no name and no = of its own"),
    )
)
_GENERAL = "a formula is one expression of numbers, names, operators and calls, such as a * (b + 1)"


def of_function(name: str, signatures: Mapping[str, str] = _NONE) -> str | None:
    """What to write instead of a function that formulas do not have; None for any other name.

    Args:
        name: what is called.
        signatures: how functions of formulas are called, by name.

    Example:
        >>> of_function("log1p"), of_function("MAX", {"max": "max(a, b, ...)"}), of_function("q")
        ('write log(1 + x)', 'write max(a, b, ...)', None)
    """
    low = name.lower()
    return f"write {signatures[low]}" if low in signatures else FUNCTIONS.get(low)


def of_name(name: str, signatures: Mapping[str, str] = _NONE) -> str | None:
    """What to write instead of a name that the model does not have; None where nobody knows."""
    if name in signatures:
        return f"it is a function: write {signatures[name]}"
    return NAMES.get(name.lower())


def of_attribute(owner: str, name: str, signatures: Mapping[str, str] = _NONE) -> str:
    """What to write instead of `owner.name`: a method of a column, a function of a library.

    Example:
        >>> of_attribute("np", "pi"), of_attribute("cash", "shift")[:14]
        ('write 3.141592653589793', 'write prev(x) ')
    """
    advice = of_function(name, signatures)
    if advice is None and owner in ("np", "numpy", "math", "pd"):
        advice = of_name(name)
    return advice or f"nodes have no attributes; functions take them, as in prev({owner})"


def of_index(name: str, key: str) -> str:
    """What to write instead of `name[key]`: another period of a node.

    Example:
        >>> of_index("x", "t - 1"), of_index("x", "t+2"), of_index("x", "0")
        ('write prev(x)', 'write lead(x, 2)', 'write at(x, 0)')
        >>> of_index("x", "-1"), of_index("q", "'male'")
        ('write last(x)', "a column of a table is looked up with a key: q['male'](key)")
    """
    key = key.removesuffix(".0")
    if key == "t":
        return f"write {name} alone: it is of the period that the formula is of"
    if key.isdecimal():
        return f"write at({name}, {key})"
    if key == "-1":
        return f"write last({name})"
    if key[:1] in ("'", '"'):
        return f"a column of a table is looked up with a key: {name}[{key}](key)"
    step = re.fullmatch(r"t\s*([-+])\s*(\d+)", key)
    if step is None:
        return f"write prev({name}), lead({name}) or at({name}, 0) for another period"
    count = "" if step[2] == "1" else f", {step[2]}"
    return f"write {'prev' if step[1] == '-' else 'lead'}({name}{count})"


def of_operator(symbol: str) -> str | None:
    """What to write instead of an operator that formulas do not have."""
    return {
        "^": "write ** for a power: x ** 2",
        "@": "write total(x * y) for a sum of products over time",
        "<<": "write x * 2 ** n",
        ">>": "write floor(x / 2 ** n)",
    }.get(symbol)


def of_text(line: str, statement: bool = False) -> str:
    """What to write instead of a line that is no Python, a formula or a statement of a file.

    Example:
        >>> of_text("a && b"), of_text("=a + b")
        ('write `and`', 'leave out the = that a spreadsheet has in front')
    """
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", line)
    if statement:
        bare = re.sub(r"^\s*\w+\s*(:[^=]*)?=(?!=)", "", bare)
    return next((advice for pattern, advice in _TEXTS if pattern.search(bare)), _GENERAL)
