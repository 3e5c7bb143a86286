"""How matrices are stored: words that a kernel walks, in one of several formats.

All matrices of a program are one array of 32-bit words. It begins with a table, four words for
each matrix:

| word | what |
| --- | --- |
| 0 | its format (`Format`), and `HALF` beside it if coefficients are stored in half precision |
| 1 | the word of this array at which it begins |
| 2 | its length: how much IP advances |
| 3 | how many rows (rows), coefficients (csr), blocks (bsr) or elements (dense) are stored |

``index[ip]`` is the number of an instruction's matrix, or -1. Equal matrices are stored once. A
coefficient is the bits of a float. One whose bits are all zero is not stored, whatever the format:
a kernel skips it. All numbers of words are absolute, counted from the beginning of the array. With
n for the length of the vector, a matrix that begins at word w is:

- rows: for each row first ``element | terms << 16``, then its terms, two words each: column,
  coefficient. With HALF a term is one word, ``column << 16 | half``. Rows of the identity are left
  out, and that of IP, for which the length is enough. Rows can be done in place, one after another:
  none reads an element that one before it has made.
- dense: n * n coefficients, row by row.
- csr: n + 1 pointers, then the columns of all coefficients, then as many coefficients. Row r has
  the columns in words ``pointer[r]`` to before ``pointer[r + 1]``.
- bsr2, bsr4: blocks of 2 x 2 or 4 x 4 elements, of m = ceil(n / 2) or ceil(n / 4) rows of blocks:
  m + 1 pointers, the column of each block (in blocks), then the blocks, 4 or 16 coefficients each,
  row by row. Block row r has the block columns in words ``pointer[r]`` to before
  ``pointer[r + 1]``. What lies beyond n is zero.

With HALF the coefficients of dense, csr and bsr are packed, two to a word: coefficient i is in word
i // 2, in its lower half if i is even. A matrix is stored so only if all its coefficients are exact
in half precision.

What is read is meant as `maps` says: terms in the order of columns, each sum rounded, a
coefficient 1.0 copies bits, the last column gives the coefficient's own bits, no terms give 0.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.ops.bodies import words32
from lanework.core.ops.evaluate import evaluate as run
from lanework.machines.fleet.codes import BAD_SETTING
from lanework.machines.fleet.matrices.maps import LinearMap
from lanework.machines.fleet.state import Profile, Words

ENTRY = 4
"""Words of a matrix in the table."""

HALF = 0x100
"""Set beside a format whose coefficients are in half precision."""

THRESHOLD = 0.15
"""The density from which hybrid stores a matrix dense."""


class Format(enum.IntEnum):
    """How one matrix is stored."""

    ROWS = 0
    DENSE = 1
    CSR = 2
    BSR2 = 3
    BSR4 = 4

    @property
    def block(self) -> int:
        """The side of a block; 1 for formats without."""
        return {Format.BSR2: 2, Format.BSR4: 4}.get(self, 1)


CHOICES: dict[str, tuple[Format, ...]] = {
    "rows": (Format.ROWS,),
    "dense": (Format.DENSE,),
    "csr": (Format.CSR,),
    "bsr2": (Format.BSR2,),
    "bsr4": (Format.BSR4,),
    "bsr": (Format.BSR2, Format.BSR4),
    "hybrid": (Format.DENSE, Format.CSR),
    "adaptive": tuple(Format),
}
"""What can be asked for. Of several formats a matrix gets the one with the fewest words, the first
of equals; but hybrid takes dense from a density on, and csr below."""


@dataclass(frozen=True)
class Encoded:
    """The matrices of a program in one array.

    Attributes:
        profile: the size of VMs.
        index: int32, for every instruction the number of its matrix, or -1.
        words: uint32: the table, and the matrices.
        count: how many matrices there are.
    """

    profile: Profile
    index: npt.NDArray[np.int32]
    words: Words
    count: int

    @property
    def table(self) -> Words:
        """The table, shape (matrices, 4): format, beginning, length, how many are stored."""
        out: Words = self.words[: ENTRY * self.count].reshape(-1, ENTRY)
        return out

    def format(self, number: int) -> Format:
        """How a matrix is stored."""
        return Format(int(self.table[number, 0]) & ~HALF)

    def half(self, number: int) -> bool:
        """Whether its coefficients are in half precision."""
        return bool(self.table[number, 0] & HALF)


def encode(
    maps: Sequence[LinearMap | None],
    profile: Profile,
    format: str = "rows",
    *,
    threshold: float = THRESHOLD,
    half: bool = False,
) -> Encoded:
    """Store matrices.

    Args:
        maps: for every instruction its matrix (`matrices.maps`, or `compose.compose` for several
            instructions at once), or None.
        profile: the size of VMs.
        format: one of `CHOICES`.
        threshold: the density from which hybrid stores a matrix dense.
        half: store coefficients in half precision where all of a matrix are exact in it.

    Raises:
        Diagnostic: LW6011, there is no such format.

    Example:
        >>> from lanework.machines.fleet.matrices.maps import Row, pattern
        >>> from lanework.machines.fleet.state import PROFILES
        >>> double = LinearMap((Row(1, ((1, pattern(2.0)),)),))
        >>> encoded = encode([double, None, double], PROFILES["S22"])
        >>> encoded.index.tolist(), encoded.table.tolist()
        ([0, -1, 0], [[0, 4, 1, 1]])
        >>> [hex(word) for word in encoded.words[4:]]
        ['0x10001', '0x1', '0x40000000']
    """
    if format not in CHOICES:
        known = ", ".join(CHOICES)
        raise Diagnostic(BAD_SETTING, f"there is no matrix format {format!r}", help=known)
    different = dict.fromkeys(each for each in maps if each is not None)
    numbers = {each: number for number, each in enumerate(different)}
    index = [-1 if each is None else numbers[each] for each in maps]
    table: list[int] = []
    body: list[int] = []
    start = ENTRY * len(numbers)
    for each in numbers:
        at = start + len(body)
        packed = half and all(exact(bits) for bits in _coefficients(each, profile))
        chosen = choose(each, profile, format, threshold, packed)
        words, stored = _writer(chosen)(each, profile, at, packed)
        table += [chosen | HALF * packed, at, each.length, stored]
        body += words
    array = np.array(table + body, np.uint32)
    return Encoded(profile, np.array(index, np.int32), array, len(numbers))


def choose(
    each: LinearMap,
    profile: Profile,
    format: str,
    threshold: float = THRESHOLD,
    half: bool = False,
) -> Format:
    """Which format a matrix gets."""
    formats = CHOICES[format]
    if format == "hybrid":
        return Format.DENSE if density(each, profile) >= threshold else Format.CSR
    if len(formats) == 1:
        return formats[0]
    return min(formats, key=lambda one: len(_writer(one)(each, profile, 0, half)[0]))


def density(each: LinearMap, profile: Profile) -> float:
    """Stored coefficients as a part of all elements."""
    return sum(1 for _ in _coefficients(each, profile)) / profile.length**2


def exact(bits: int) -> bool:
    """Whether a float, given by its bits, is one in half precision."""
    return nearest(bits) == bits


def nearest(bits: int) -> int:
    """The bits of the float in half precision that is nearest to one.

    Example:
        >>> hex(nearest(0x3F800001))
        '0x3f800000'
    """
    return from_half(to_half(bits))


@lru_cache(1 << 16)
def to_half(bits: int) -> int:
    """The half-precision pattern of the float with these bits."""
    return int(run(words32.to_half.graph("i32"), [_word(bits)])) & 0xFFFF


@lru_cache(1 << 16)
def from_half(half: int) -> int:
    """The bits of the float with this half-precision pattern."""
    return int(run(words32.from_half.graph("i32"), [_word(half)])) & 0xFFFFFFFF


def _word(bits: int) -> npt.NDArray[np.int32]:
    return np.array(bits, np.uint32).view(np.int32)


def _coefficients(each: LinearMap, profile: Profile) -> Iterator[int]:
    return (bits for row in each.full(profile) for _, bits in row.terms)


# Writing ------------------------------------------------------------------------------------------

_Writer = Callable[[LinearMap, Profile, int, bool], tuple[list[int], int]]


def _writer(format: Format) -> _Writer:
    if format.block > 1:
        return lambda each, profile, at, half: _bsr(each, profile, at, half, format.block)
    return {Format.ROWS: _rows, Format.DENSE: _dense, Format.CSR: _csr}[format]


def _rows(each: LinearMap, profile: Profile, at: int, half: bool) -> tuple[list[int], int]:
    out: list[int] = []
    for row in each.rows:
        out.append(row.element | len(row.terms) << 16)
        for column, bits in row.terms:
            out += [column << 16 | to_half(bits)] if half else [column, bits]
    return out, len(each.rows)


def _dense(each: LinearMap, profile: Profile, at: int, half: bool) -> tuple[list[int], int]:
    flat = each.square(profile, profile.length).ravel().tolist()
    return _packed(flat, half), len(flat)


def _csr(each: LinearMap, profile: Profile, at: int, half: bool) -> tuple[list[int], int]:
    n = profile.length
    pointers, columns, values = [at + n + 1], [], []
    for row in each.full(profile):
        columns += [column for column, _ in row.terms]
        values += [bits for _, bits in row.terms]
        pointers.append(at + n + 1 + len(columns))
    return [*pointers, *columns, *_packed(values, half)], len(values)


def _bsr(
    each: LinearMap, profile: Profile, at: int, half: bool, side: int
) -> tuple[list[int], int]:
    many = -(-profile.length // side)
    blocks = each.square(profile, many * side).reshape(many, side, many, side).swapaxes(1, 2)
    kept = blocks.any((2, 3))
    first = at + many + 1
    pointers = [first, *(first + np.cumsum(kept.sum(1))).tolist()]
    columns = [int(column) for _, column in np.argwhere(kept)]
    return [*pointers, *columns, *_packed(blocks[kept].ravel().tolist(), half)], len(columns)


def _packed(values: list[int], half: bool) -> list[int]:
    if not half:
        return values
    halves = [to_half(bits) for bits in values] + [0] * (len(values) % 2)
    return [low | high << 16 for low, high in zip(halves[::2], halves[1::2], strict=True)]
