"""Python that formulas do not have: what it is called, and what to write instead."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.machines.series.codes import UNSUPPORTED
from lanework.machines.series.language.functions import signatures
from lanework.machines.series.language.instead import (
    of_attribute,
    of_index,
    of_name,
    of_operator,
    of_text,
)

SourceOf = Callable[[ast.expr], str]
"""The text of a node."""

_SAID = {
    "Lambda": "a lambda",
    **dict.fromkeys(("ListComp", "GeneratorExp", "SetComp", "DictComp"), "a comprehension"),
    "JoinedStr": "an f-string",
    "Attribute": "an attribute",
    "Subscript": "an index",
    "NamedExpr": "an assignment",
    "Starred": "a starred argument",
    "List": "a list",
    "Tuple": "a tuple",
    "Dict": "a dict",
    "Set": "a set",
    "Await": "await",
    "Yield": "yield",
    "Slice": "a slice",
}

_OTHERS: dict[type[ast.operator], str] = {
    ast.BitXor: "^",
    ast.MatMult: "@",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
"""Operators of Python that formulas do not have."""


def unsupported(node: ast.expr, what: str | None, source_of: SourceOf, span: Span) -> Diagnostic:
    """The diagnostic for a node.

    Args:
        node: what formulas do not have.
        what: what it is called, if not after its class.
        source_of: the text of a node.
        span: where it stands.
    """
    advice: str | None = None
    match node:
        case ast.Attribute():
            advice = of_attribute(source_of(node.value), node.attr, signatures())
        case ast.Subscript():
            advice = of_index(source_of(node.value), source_of(node.slice))
        case ast.Compare():
            advice = "write x == 1 or x == 2"
        case ast.Constant(value=None):
            advice = of_name("none")
        case ast.BinOp(op=ast.Mod()):
            advice = of_text("5%")
        case ast.BinOp():
            symbol = _OTHERS.get(type(node.op), "")
            what, advice = f"this operator ({symbol})", of_operator(symbol)
    said = what or _SAID.get(type(node).__name__, "this")
    return Diagnostic(
        UNSUPPORTED,
        f"a formula cannot contain {said}",
        span=span,
        help=advice
        or "formulas have numbers, names, arithmetic, comparisons, and/or/not, "
        "`a if c else b`, calls and table lookups",
    )


def is_percentage(step: ast.BinOp, source_of: SourceOf) -> bool:
    """Whether a remainder is rather `5% + x`, which Python reads as one of `+x`."""
    signed = isinstance(step.right, ast.UnaryOp)
    return signed and re.search(r"\d%\s", source_of(step)) is not None


def lost_by_python(value: complex, source: Callable[[], str]) -> str | None:
    """What a number is that Python has read as infinity or as nought, None for others.

    Example:
        >>> lost_by_python(1e400, str), lost_by_python(0.0, lambda: "0.0")
        ('a number beyond 1.8e308', None)
    """
    if abs(value) > sys.float_info.max:
        return "a number beyond 1.8e308"
    vanished = value == 0 and re.search("[1-9]", source().lower().split("e")[0])
    return "a number below 4.9e-324" if vanished else None
