"""The two float formats as the bodies see them, and the small tools the bodies share.

Bodies ask for no fused multiply-add, so exact products are made by splitting a factor in a head of
half the fraction and a tail (T. J. Dekker, A floating-point technique for extending the
available precision, 1971); the head is cut off with a mask, which costs one operation.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from lanework.core.ops import expr
from lanework.core.ops.expr import Value

INF = float("inf")
NAN = float("nan")


@dataclass(frozen=True)
class Layout:
    """A binary float format: `fraction` stored bits, exponent `bias`, `word` bits in all."""

    dtype: str
    fraction: int
    bias: int
    word: int

    @property
    def half(self) -> int:
        """Half the bits of a word."""
        return self.word // 2

    @property
    def sign(self) -> int:
        """The sign bit, as a signed integer."""
        return -(1 << (self.word - 1))

    @property
    def fraction_mask(self) -> int:
        """The stored fraction bits."""
        return (1 << self.fraction) - 1

    @property
    def head_mask(self) -> int:
        """Keeps sign, exponent and the upper half of the significand (26 or 12 bits)."""
        return -(1 << ((self.fraction + 2) // 2))

    @property
    def smallest_normal(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def rounder(self) -> float:
        """1.5 times 2 to the fraction: adding it rounds to an integer held in the low bits."""
        return 1.5 * 2.0**self.fraction

    def pattern(self, value: float) -> int:
        """The bit pattern of a value in this format, as a signed integer."""
        if self.dtype == "f64":
            return int(struct.unpack("<q", struct.pack("<d", value))[0])
        return int(struct.unpack("<i", struct.pack("<f", value))[0])


DOUBLE = Layout("f64", 52, 1023, 64)
SINGLE = Layout("f32", 23, 127, 32)
LAYOUTS = {"f64": DOUBLE, "f32": SINGLE}


def layout(x: Value) -> Layout:
    """The format of a traced float."""
    return LAYOUTS[x.dtype]


def head(x: Value) -> Value:
    """The upper half of the significand; what is left of x after subtracting it is exact."""
    return expr.from_bits(expr.bits(x) & layout(x).head_mask)


def sign_bit(x: Value) -> Value:
    """The sign bit of x as an integer, the other bits zero."""
    return expr.bits(x) & layout(x).sign


def with_sign(magnitude: Value, sign: Value) -> Value:
    """Flip the sign of `magnitude` where the bits `sign` say so."""
    return expr.from_bits(expr.bits(magnitude) ^ sign)


def parts(x: Value) -> tuple[Value, Value]:
    """The significand of |x| as an integer, and its exponent, 1 for subnormal numbers."""
    form, pattern = layout(x), expr.bits(expr.fabs(x))
    exponent, rest = expr.lshr(pattern, form.fraction), pattern & form.fraction_mask
    normal = exponent > 0
    significand = expr.select(normal, rest | (1 << form.fraction), rest)
    return significand, expr.select(normal, exponent, 1)


def horner(x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, lowest power first."""
    total = x * coefficients[-1] + coefficients[-2]
    for c in reversed(coefficients[:-2]):
        total = total * x + c
    return total


def truth(condition: Value, x: Value) -> Value:
    """1.0 or 0.0 in the dtype of x."""
    return expr.select(condition, expr.like(x, 1.0), 0.0)


def cut(value: float, bits: int) -> float:
    """A constant with its significand cut towards zero to so many bits."""
    mantissa, exponent = math.frexp(value)
    return math.ldexp(int(math.ldexp(mantissa, bits)), exponent - bits)
