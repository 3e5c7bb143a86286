"""What ops say of themselves beside their bodies: how units go through them, and what is equal.

A rule is a name, with what belongs to it. Machines give each its meaning, in tables by these names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UnitRule:
    """What an op makes of units; series models give each rule its meaning.

    Attributes:
        name: of the rule.
        degree: of a root, which root it is.
    """

    name: str
    degree: int = 1


PURE = UnitRule("pure")
"""Pure numbers in, a pure number out."""
SUM = UnitRule("sum")
"""One unit for all, and for the result."""
PRODUCT = UnitRule("product")
QUOTIENT = UnitRule("quotient")
PRODUCT_SUM = UnitRule("product_sum")
"""The last operand has the unit of the product of the others."""
POWER = UnitRule("power")
REMAINDER = UnitRule("remainder")
COMPARE = UnitRule("compare")
"""One unit for both, and a pure number out."""
LOGIC = UnitRule("logic")
"""Anything in, a pure number out."""
LEAST = UnitRule("least")
"""One unit for both; one of them comes out."""
CHOICE = UnitRule("choice")
"""As `LEAST`, of all operands but the first."""
KEEP = UnitRule("keep")
"""The unit of the first operand."""
LENGTH = UnitRule("length")
"""One unit for both and for the result, which is none of them."""
RATIO = UnitRule("ratio")
"""One unit for all, and an index out."""
SIGN = UnitRule("sign")
"""Anything in, an index out."""


def root(degree: int) -> UnitRule:
    """The rule of a root."""
    return UnitRule("root", degree)


@dataclass(frozen=True)
class Identity:
    """When the result of an op is one of its operands, or of another op; passes apply each.

    Attributes:
        name: of the equation.
        value: of a neutral operand, to the sign of a zero.
        side: which operand that is.
        product: the name of the op by which a division is replaced.
    """

    name: str
    value: float = 0.0
    side: int = 0
    product: str = ""


IDEMPOTENT = Identity("idempotent")
"""Of twice the same operand the result is this operand."""
INVOLUTION = Identity("involution")
"""Applied twice, it gives its operand."""
SELECTION = Identity("selection")
"""One of two operands comes out, as the first one says."""


def neutral(value: float, side: int) -> Identity:
    """An operand of this value on this side leaves the other as it is."""
    return Identity("neutral", value, side)


def reciprocal(product: str) -> Identity:
    """Dividing by a power of two is the product with its reciprocal."""
    return Identity("reciprocal", product=product)
