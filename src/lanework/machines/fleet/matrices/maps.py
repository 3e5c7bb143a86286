"""Linear instructions as matrices: which terms each element of the vector is the sum of.

A matrix is square in the length of the vector ``[IP, r0.., mem0.., 1]``. It is the identity, but
for the row of the destination, whose coefficients accumulate (``ADD r0, r1, r1`` has 2.0 in column
r1), and for the row of IP, which has a 1 in the last column.

What a matrix means is "stored non-zeros only", so that 0 x inf is nothing instead of NaN: a
coefficient whose bits are all zero is not stored and is no term. The value of a row is the sum of
its terms in the order of columns, each rounded to single precision. A coefficient of 1.0 is the
element itself, all bits of it; in the last column the term is the coefficient itself. A row
without terms is 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lanework.core.program.isa import Instruction, OperandKind
from lanework.machines.fleet.isa import FLEET, FleetInstr, Kernel
from lanework.machines.fleet.state import Profile, Words

Matrix = npt.NDArray[np.float32]
ONE = 0x3F800000
"""The bits of 1.0."""


@dataclass(frozen=True)
class Row:
    """A row that is not the identity's.

    Attributes:
        element: which element of the vector it makes.
        terms: `(column, bits of the coefficient)` in the order of columns.
    """

    element: int
    terms: tuple[tuple[int, int], ...]

    @property
    def same(self) -> bool:
        """Whether it is the identity's row after all, as that of ``MOV r0, r0``."""
        return self.terms == ((self.element, ONE),)


@dataclass(frozen=True)
class LinearMap:
    """A matrix: what one linear instruction, or some in a row, do to the vector.

    Attributes:
        rows: those that differ from the identity, but for that of IP. They are in an order in which
            they can be done in place: none reads an element that one before it has made.
        length: how much IP advances.
    """

    rows: tuple[Row, ...]
    length: int = 1

    def full(self, profile: Profile) -> list[Row]:
        """All rows of the matrix, those of IP and of the identity too.

        Example:
            >>> from lanework.machines.fleet.state import PROFILES
            >>> clear = LinearMap((Row(1, ()),))
            >>> [len(row.terms) for row in clear.full(PROFILES["S22"])][:4]
            [2, 0, 1, 1]
        """
        rows = [Row(n, ((n, ONE),)) for n in range(profile.length)]
        for row in self.rows:
            rows[row.element] = row
        rows[0] = Row(0, ((0, ONE), (profile.length - 1, pattern(self.length))))
        return rows

    def square(self, profile: Profile, side: int) -> Words:
        """The matrix in full, as bits, padded with zeros to so many rows and columns."""
        square = np.zeros((side, side), np.uint32)
        for row in self.full(profile):
            for column, bits in row.terms:
                square[row.element, column] = bits
        return square


@lru_cache(1 << 12)
def linear_map(profile: Profile, instruction: Instruction) -> LinearMap:
    """The matrix of a linear instruction."""
    row = linear_row(profile, instruction)
    return LinearMap(() if row.same else (row,))


def maps(profile: Profile, instructions: Iterable[Instruction]) -> list[LinearMap | None]:
    """The matrix of every instruction; None for those that are not linear.

    None, too, for one whose operands are not there, which the verifier refuses.
    """
    return [
        linear_map(profile, each) if _has_matrix(profile, each) else None for each in instructions
    ]


def _has_matrix(profile: Profile, instruction: Instruction) -> bool:
    info = FLEET.by_name[instruction.name]
    if info.kernel is not Kernel.LINEAR:
        return False
    most = {OperandKind.REGISTER: profile.registers, OperandKind.WORD: profile.memory}
    values = info.values(instruction)
    return all(values[spec.name] < most.get(spec.kind, 1 << 32) for spec in info.operands)


def linear_row(profile: Profile, instruction: Instruction) -> Row:
    """The row of a linear instruction's destination.

    Example:
        >>> from lanework.machines.fleet.state import PROFILES
        >>> double = FLEET.by_name["ADD"].make(dest=2, src1=0, src2=0)
        >>> linear_row(PROFILES["S22"], double)
        Row(element=3, terms=((1, 1073741824),))
    """
    info = FLEET.by_name[instruction.name]
    assert info.linear is not None
    values = info.values(instruction)
    sums: dict[int, np.float32] = {}
    pattern: int | None = None  # of a single constant, kept as it is: it may be an integer or NaN
    for coefficient, name in info.linear:
        if coefficient == "imm" and name is None and len(info.linear) == 1:
            pattern = values["imm"]
            sums[profile.length - 1] = np.float32(1.0)
            continue
        number = _coefficient(coefficient, values)
        column = profile.length - 1 if name is None else element(profile, info, name, values)
        if column in sums:
            with np.errstate(all="ignore"):
                number = sums[column] + number
        sums[column] = number
    terms = [
        (column, int(sums[column].view(np.uint32)) if pattern is None else pattern)
        for column in sorted(sums)
    ]
    written = "dest" if info.dest is not None else "word"
    return Row(element(profile, info, written, values), tuple(each for each in terms if each[1]))


def _coefficient(coefficient: float | str, values: dict[str, int]) -> np.float32:
    if isinstance(coefficient, float):
        return np.float32(coefficient)
    number = np.uint32(values[coefficient.removeprefix("-")]).view(np.float32)
    return -number if coefficient.startswith("-") else number


def element(profile: Profile, info: FleetInstr, name: str, values: dict[str, int]) -> int:
    """The element of the vector that an operand names."""
    spec = next(each for each in info.operands if each.name == name)
    place = profile.own if spec.kind is OperandKind.WORD else profile.register
    return place(values[name])


def dense(profile: Profile, instruction: Instruction) -> Matrix:
    """The whole matrix of a linear instruction: float32, square in the vector's length.

    Example:
        >>> from lanework.machines.fleet.state import PROFILES
        >>> add = FLEET.by_name["ADD"].make(dest=2, src1=0, src2=1)
        >>> matrix = dense(PROFILES["S22"], add)
        >>> matrix[3, :5].tolist(), matrix[0, [0, 21]].tolist()
        ([0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0])
    """
    return linear_map(profile, instruction).square(profile, profile.length).view(np.float32)


def pattern(value: float) -> int:
    """The bits of a number in single precision.

    Example:
        >>> hex(pattern(2.0))
        '0x40000000'
    """
    return int(struct.unpack("<I", np.float32(value).tobytes())[0])
