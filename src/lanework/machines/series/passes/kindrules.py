"""Temporal kinds: the tables of what comes of what.

A stock is an amount at a moment, a flow an amount over one period, a rate a share per period, an
index a pure factor or a price, a count a number of things; a constant never varies. "" is open.
"""

from __future__ import annotations

MONEY = frozenset(("stock", "flow"))
PURE = frozenset(("rate", "index", "count"))


def with_article(kind: str) -> str:
    """How a kind is named in a sentence."""
    return f"an {kind}" if kind == "index" else f"a {kind}"


def assignable(declared: str, made: str) -> bool:
    """Whether a formula of one kind may be declared another.

    A flow may be given as a stock (a balance paid out in full), pure numbers may be called what
    they mean; money is no pure number, and a flow alone never makes a stock.
    """
    if declared == made or made == "constant":
        return True
    if declared == "constant":
        return made not in MONEY
    if declared == "stock":
        return made == "stock"
    if declared == "flow":
        return made == "stock"
    return made in PURE


def product(a: str, b: str) -> str:
    """The kind of a product, "" where it is open."""
    if not a or not b:
        return ""
    pair = {a, b}
    if "constant" in pair:
        return a if b == "constant" else b
    if pair == {"stock", "rate"}:
        return "flow"
    for factor in ("index", "count"):
        if factor in pair:
            return a if b == factor else b
    if pair <= {"rate"}:
        return "rate"
    return "flow" if pair == {"flow", "rate"} else ""


def quotient(a: str, b: str) -> str:
    """The kind of a quotient, "" where it is open."""
    if not a or not b:
        return ""
    if a == "constant":
        return "constant" if b == "constant" else "index" if b in PURE else ""
    if b in ("constant", "index", "count"):
        return a
    if a == "flow" and b == "stock":
        return "rate"
    if a == b or (a == "stock" and b == "flow"):
        return "index"
    return ""


def join(a: str, b: str) -> str:
    """The kind of a choice between two, "" where it is open."""
    if a == b:
        return a
    if "constant" in (a, b):
        return a if b == "constant" else b
    return ""
