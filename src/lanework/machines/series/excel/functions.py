"""How a spreadsheet writes the ops of formulas.

Comparisons are numbers in our formulas and truths in a spreadsheet, where sums pass these over: so
they are multiplied by 1 wherever a number is meant.
"""

from __future__ import annotations

from dataclasses import dataclass

from lanework.core.ops.bodies import (
    arctangent,
    arithmetic,
    erf,
    exp,
    log,
    logic,
    roots,
    tanh,
    trig,
)

TRUTHS = {
    logic.lt.name: "{0}<{1}",
    logic.le.name: "{0}<={1}",
    logic.gt.name: "{0}>{1}",
    logic.ge.name: "{0}>={1}",
    logic.eq.name: "{0}={1}",
    logic.ne.name: "{0}<>{1}",
}
"""Comparisons, of numbers."""

_FORMS = {
    arithmetic.add: "({0}+{1})",
    arithmetic.sub: "({0}-{1})",
    arithmetic.mul: "({0}*{1})",
    arithmetic.div: "({0}/{1})",
    arithmetic.neg: "(-{0})",
    arithmetic.abs_: "ABS({0})",
    arithmetic.floor: "INT({0})",
    arithmetic.ceil: "(-INT(-{0}))",
    arithmetic.trunc: "TRUNC({0})",
    arithmetic.sqrt: "SQRT({0})",
    arithmetic.sign: "SIGN({0})",
    arithmetic.copysign: "(ABS({0})*IF({1}<0,-1,1))",
    arithmetic.stop_gradient: "{0}",
    exp.exp: "EXP({0})",
    log.log: "LN({0})",
    trig.sin: "SIN({0})",
    trig.cos: "COS({0})",
    trig.tan: "TAN({0})",
    tanh.tanh: "TANH({0})",
    arctangent.atan2: "IF(AND({0}=0,{1}=0),0,ATAN2({1},{0}))",
    erf.erf: "ERF({0})",
    erf.normcdf: "NORMSDIST({0})",
    roots.hypot: "SQRT({0}*{0}+{1}*{1})",
    roots.cbrt: "(SIGN({0})*POWER(ABS({0}),1/3))",
}
WRITTEN = {op.called or op.name: form for op, form in _FORMS.items()}
"""For each op its form, with places for operands.

`fma` has none at all: a spreadsheet rounds a product and a sum twice.
"""

FOLDED = {arithmetic.min_.name: "MIN", arithmetic.max_.name: "MAX"}
"""Ops of any number of operands."""


@dataclass(frozen=True)
class Limits:
    """What a workbook can hold."""

    columns: int = 16_384
    rows: int = 1_048_576
    letters: int = 8_192
    names: int = 31
    text: int = 1_000


LIMITS = Limits()


def rounded(value: str) -> str:
    """The nearest whole number, ties to even: a spreadsheet's own rounding is away from zero.

    Example:
        >>> rounded("A1")
        'IF(ABS(A1-TRUNC(A1))=0.5,2*ROUND(A1/2,0),ROUND(A1,0))'
    """
    return f"IF(ABS({value}-TRUNC({value}))=0.5,2*ROUND({value}/2,0),ROUND({value},0))"


LARGEST, PARTS = 4e12, 1024
"""Up to where whole multiples of whole 1024ths are floats, and a quotient is rounded to no whole
number that it is not."""


def divides(number: float) -> bool:
    """Whether INT(a/b) and MOD(a,b) are exact for this b.

    Example:
        >>> divides(12.0), divides(-0.25), divides(0.1)
        (True, True, False)
    """
    return abs(number) < LARGEST and (number * PARTS).is_integer()


def guarded(form: str, dividend: str, divisor: str) -> str:
    """A formula where these cells are such that it is exact, "" for what is so in any case.

    Example:
        >>> guarded("INT(A1/B1)", "A1", "")
        'IF(ABS(A1)<4E+12,INT(A1/B1),NA())'
    """
    sizes = [f"ABS({cell})<4E+12" for cell in (dividend, divisor) if cell]
    fine = [*sizes, f"{divisor}*{PARTS}=INT({divisor}*{PARTS})"] if divisor else sizes
    if not fine:
        return form
    condition = f"AND({','.join(fine)})" if len(fine) > 1 else fine[0]
    return f"IF({condition},{form},NA())"


def literal(value: float) -> str:
    """A number as formulas have it.

    Example:
        >>> literal(-2.0), literal(1e-05), literal(0.1)
        ('(-2)', '1E-05', '0.1')
    """
    text = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value).upper()
    return f"({text})" if value < 0 else text


def quoted(text: str) -> str:
    """A text as formulas have it.

    Example:
        >>> quoted('a"b')
        '"a""b"'
    """
    return '"' + text.replace('"', '""') + '"'


def bare(text: str) -> str:
    """A formula without brackets around all of it.

    Example:
        >>> bare("(A1+B1)"), bare("(A1)*(B1)")
        ('A1+B1', '(A1)*(B1)')
    """
    depth = 0
    for at, char in enumerate(text if text.startswith("(") and '"' not in text else ""):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return text[1:-1] if at == len(text) - 1 else text
    return text
