"""What to write instead of what other languages, spreadsheets and libraries write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})
_OVER_TIME = "write total(x) for the sum over time, and a + b for values of one period"
_LANES = 'sums over lanes are outputs with reduce="point"'
_EARLIER = "write prev(x) for the value a period earlier, prev(x, n) for n periods"
_RESULT = "compute it of the result: result.to_pandas()"
_WINDOW = "write the periods out, such as x + prev(x) + prev(x, 2)"
_FULL = "leave it out: no value is missing; an input may have a default"
_LARGEST = "write maximum(x) for the largest over time, max(a, b, ...) for that of several values"
_SMALLEST = "write minimum(x) for the smallest over time, min(a, b, ...) for that of several values"
_LARGER = "write max(a, b, ...) for the largest of several values; over time it is maximum(x)"
_SMALLER = "write min(a, b, ...) for the smallest of several values; over time it is minimum(x)"
_WRITTEN = {
    "logical_and": "a and b",
    "logical_or": "a or b",
    "logical_not": "not a",
    "add": "a + b",
    "subtract": "a - b",
    "multiply": "a * b",
    **dict.fromkeys(("divide", "true_divide", "truediv"), "a / b"),
    "floor_divide": "a // b",
    "negative": "-a",
    "positive": "a",
    "greater": "a > b",
    "greater_equal": "a >= b",
    "less": "a < b",
    "less_equal": "a <= b",
    "equal": "a == b",
    "not_equal": "a != b",
    "between": "(low <= x) and (x <= high)",
    "heaviside": "where(x > 0, 1, where(x == 0, y, 0))",
    "sinh": "(exp(x) - exp(-x)) / 2",
    "cosh": "(exp(x) + exp(-x)) / 2",
    **dict.fromkeys(("arctan", "atan"), "atan2(x, 1)"),
    "arctan2": "atan2(y, x)",
    **dict.fromkeys(("arcsin", "asin"), "atan2(x, sqrt(1 - x * x))"),
    **dict.fromkeys(("arccos", "acos"), "atan2(sqrt(1 - x * x), x)"),
    **dict.fromkeys(("deg2rad", "radians"), "x * 3.141592653589793 / 180"),
}
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
    "remainder": "write x % y",
    "fmod": "write x - trunc(x / y) * y",
    "around": "write round(x, digits)",
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
    "cummax": "write a formula of its own: peak = where(t == 0, x, max(prev(peak), x))",
    "cummin": "write a formula of its own: trough = where(t == 0, x, min(prev(trough), x))",
    "ptp": "write maximum(x) - minimum(x)",
    "pct_change": "write change(x) / prev(x)",
    **dict.fromkeys(("rolling", "expanding", "ewm"), _WINDOW),
    **dict.fromkeys(("fillna", "isna", "isnull", "notna", "nan_to_num", "isfinite"), _FULL),
    "any": "write maximum(x != 0), 1 where any period has it",
    "all": "write minimum(x != 0), 1 where all periods have it",
    **dict.fromkeys(("argmax", "argmin", "idxmax", "idxmin", "argsort", "sort", "rank"), _RESULT),
    **{name: f"write {text}" for name, text in _WRITTEN.items()},
    "pmt": "write level_payment(rate, n, principal)",
    "fv": "write pv(rate, n, payment, final) * (1 + rate) ** n",
    **dict.fromkeys(
        ("norm", "normsdist", "phi", "ndtr", "cdf"), "write normcdf(x) for the normal distribution"
    ),
    **dict.fromkeys(("std", "var", "quantile", "percentile", "median", "nanmedian"), _RESULT),
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

_LIBRARIES = frozenset(("np", "numpy", "math", "pd", "pandas", "pl", "jnp"))
METHODS: dict[str, str] = {
    "max": _LARGEST,
    "min": _SMALLEST,
    "maximum": _LARGER,
    "minimum": _SMALLER,
    "maximum.accumulate": FUNCTIONS["cummax"],
    "minimum.accumulate": FUNCTIONS["cummin"],
    "add.accumulate": "write cumsum(x)",
    "multiply.accumulate": "write cumprod(x)",
    "maximum.reduce": _LARGEST,
    "minimum.reduce": _SMALLEST,
    "add.reduce": FUNCTIONS["sum"],
    "multiply.reduce": FUNCTIONS["prod"],
    "logical_or.reduce": FUNCTIONS["any"],
    "logical_and.reduce": FUNCTIONS["all"],
    **dict.fromkeys(("size", "count", "shape"), "write periods for the number of periods"),
    **dict.fromkeys(("iloc", "loc", "iat"), "write at(x, 0) for a period's value, last(x)"),
    "head": "write first(x), or at(x, n)",
    "tail": "write last(x)",
    **dict.fromkeys(
        ("values", "copy", "astype", "item", "tolist", "to_numpy", "asarray", "array"),
        "write the name alone: a formula has numbers only",
    ),
    **dict.fromkeys(
        ("zeros", "zeros_like", "ones", "ones_like", "full", "full_like"),
        "write the number alone: it is that of every period",
    ),
    "arange": "write t for the number of the period, from 0",
    **dict.fromkeys(("interp", "digitize", "searchsorted", "map"), "call a table: q(key)"),
    "dot": "write total(x * y) for a sum of products over time",
}
"""What libraries call otherwise than formulas, and what columns have."""

MEANT = {
    "maximum": ", over time; of several values it is max(a, b, ...)",
    "minimum": ", over time; of several values it is min(a, b, ...)",
    "log": "; to another base it is log(x) / log(base)",
}
"""What a call with more arguments than a function has may have meant."""

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
        ('write log(1 + x)', 'write max(a, b, ...); over time it is maximum(x)', None)
    """
    low = name.lower()
    if low != name and low in ("max", "min"):  # a spreadsheet's
        return f"write {signatures[low]}; over time it is {low}imum(x)" if signatures else None
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
        >>> of_attribute("np", "maximum")
        'write max(a, b, ...) for the largest of several values; over time it is maximum(x)'
    """
    library, _, ufunc = owner.partition(".")
    if library in _LIBRARIES and ufunc:
        owner, name = library, f"{ufunc}.{name}"
    advice = _of_column(owner, name) or METHODS.get(name) or of_function(name, signatures)
    if owner not in _LIBRARIES:
        return advice or f"nodes have no attributes; functions take them, as in prev({owner})"
    advice = advice or of_name(name)
    return advice or "formulas have operators and functions of their own, such as prev(x)"


def _of_column(owner: str, name: str) -> str | None:
    """Methods of columns whose own values are one of two that are chosen."""
    if owner in _LIBRARIES or name not in ("where", "mask"):
        return None
    return f"write where(c, {owner}, b)" if name == "where" else f"write where(c, b, {owner})"


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
