"""Temporal kinds: the tables of what comes of what.

A stock is an amount at a moment, a flow an amount over one period, a rate a share per period, an
index a pure factor or a price, a count a number of things; a constant never varies. "" is open.
"""

from __future__ import annotations

MONEY = frozenset(("stock", "flow"))
PURE = frozenset(("rate", "index", "count"))
_PRODUCTS = {
    frozenset(("stock", "rate")): "flow",
    frozenset(("flow", "rate")): "flow",
    frozenset(("rate",)): "rate",
}


def with_article(kind: str) -> str:
    """How a kind is named in a sentence."""
    return f"an {kind}" if kind == "index" else f"a {kind}"


def assignable(declared: str, given: str) -> bool:
    """Whether a formula of one kind may be declared another.

    A flow may be given as a stock (a balance paid out in full), pure numbers may be called what
    they mean; money is no pure number, and a flow alone never makes a stock.
    """
    if given in (declared, "constant"):
        return True
    if declared == "constant":
        return given not in MONEY
    return given == "stock" if declared in MONEY else given in PURE


def product(a: str, b: str) -> str:
    """The kind of a product, "" where it is open."""
    if not a or not b:
        return ""
    for neutral in ("constant", "index", "count"):
        if neutral in (a, b):
            return a if b == neutral else b
    return _PRODUCTS.get(frozenset((a, b)), "")


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
