"""The primitives: all that an op body may be made of, in groups that interpreters treat alike.

Each interpreter over graphs has a table of rules keyed by them. A new one is a member here, a
function in `core.ops.expr`, and a rule in each table; a test holds the tables to be total.
"""

from __future__ import annotations

from enum import StrEnum, auto


class Prim(StrEnum):
    """What a traced value was made by.

    Comparisons are ordered; `NE` is not, as IEEE 754 says. `UDIV`, `UREM`, `UMULH`, `ULT` and
    `LSHR` take integers as unsigned. `RINT` rounds ties to even.
    """

    ARG, CONST, SELECT, NOT = auto(), auto(), auto(), auto()
    ADD, SUB, MUL, DIV, FMA = auto(), auto(), auto(), auto(), auto()
    NEG, SQRT, ABS, FLOOR, CEIL, TRUNC, RINT = (auto() for _ in range(7))
    AND, OR, XOR, SHL, ASHR, LSHR = (auto() for _ in range(6))
    UDIV, UREM, UMULH, POPCOUNT, CLZ, CTZ, BSWAP = (auto() for _ in range(7))
    LT, LE, GT, GE, EQ, NE, ULT = (auto() for _ in range(7))
    BITS, FROM_BITS, TO_INT, TO_FLOAT = auto(), auto(), auto(), auto()


# By names of their own, since an attribute of an enumeration is slow to get at.
ARG, CONST, SELECT = Prim.ARG, Prim.CONST, Prim.SELECT
LEAVES = (ARG, CONST)
ARITHMETIC = (Prim.ADD, Prim.SUB, Prim.MUL)  # of floats, and of integers, that wrap
ROUNDING = (Prim.FLOOR, Prim.CEIL, Prim.TRUNC, Prim.RINT)  # to integers, as floats
FLOAT_UNARY = (Prim.NEG, Prim.SQRT, Prim.ABS, *ROUNDING)
LOGIC = (Prim.AND, Prim.OR, Prim.XOR)  # of integers and of truth values
SHIFTS = (Prim.SHL, Prim.ASHR, Prim.LSHR)
INTEGER = (
    *(Prim.UDIV, Prim.UREM, Prim.UMULH, Prim.ULT),
    *(Prim.POPCOUNT, Prim.CLZ, Prim.CTZ, Prim.BSWAP),
)
CASTS = (Prim.BITS, Prim.FROM_BITS, Prim.TO_INT, Prim.TO_FLOAT)
ORDER = (Prim.LT, Prim.LE, Prim.GT, Prim.GE)
EQUALITY = (Prim.EQ, Prim.NE)
_WRITTEN = (*ARITHMETIC, *LOGIC, *ORDER, *EQUALITY)
SIGNS = dict(zip(_WRITTEN, "+ - * & | ^ < <= > >= == !=".split(), strict=True))
"""How they are written where they are operators, as in Python."""
