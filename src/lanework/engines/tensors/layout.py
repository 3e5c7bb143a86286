"""What kernels and those who call them agree on: records, blocks, and how kernels are called."""

from __future__ import annotations

import enum
from collections.abc import Iterator

OPERANDS = 4
# How many operands have lanes, and how many have one number an entry.
SHAPES = ((1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (4, 0))
# Entries of a lane's scale: ``m 2^e`` as two numbers, the least sum, the least positive entry.
SCALE = 4
OTHERS = (
    "normalize",
    "rescale",
    "normalize_largest",
    "rescale_largest",
    "load",
    "store",
    "pick",
    "divide",
    "choose",
    "sample",
)  # what there is of kernels besides contractions


def block_sizes(width: int) -> tuple[int, ...]:
    """How many lanes a block may have, on a machine whose SIMD registers hold `width` f64."""
    return (1, width, 2 * width, 4 * width, 8 * width)


class Word(enum.IntEnum):
    """Words of a record: three for each operand, where it is and two lists of offsets.

    Offsets count numbers of 8 bytes: `AT` has one for each output entry, `APART` one for each term.
    """

    KERNEL = 0  # its address
    OUT = 1
    OUTPUTS = 2  # how many entries there are
    TERMS = 3
    P0 = 4
    AT0 = 5
    APART0 = 6
    P1 = 7
    AT1 = 8
    APART1 = 9
    P2 = 10
    AT2 = 11
    APART2 = 12
    P3 = 13
    AT3 = 14
    APART3 = 15
    COUNT = 16


# Words of a record of contractions by groups; the places of operands are where dense
# contractions have them, and `OUTPUTS` has the number of groups. The lists are of u32:
HEADS = Word.AT0  # for each group how many tiles of outputs and terms, and the first term
PLACES = Word.AT1  # for each output where it is, and what it adds to the places of operands
STEPS = Word.APART1  # for each term what it adds to them


def grouped_name(*, largest: bool, laned: int, spread: int) -> str:
    """The kernel for so many operands with lanes, and with one number an entry."""
    return f"{'largest' if largest else 'sum'}_{laned}{spread}g"


def grouped_sizes(width: int) -> tuple[int, ...]:
    """How many lanes a block may have: a tensor that fits more of them into caches is too small."""
    return block_sizes(width)[:-1]


def tile(operands: int, vectors: int) -> int:
    """Output entries at a time: several, so that sums do not wait for each other.

    Each needs an address for each operand, and there are 15 registers for these.
    """
    return max(1, (4 if operands < 3 else 2) // vectors)


def kernel_name(*, largest: bool, laned: int, spread: int, outputs: int, vectors: int) -> str:
    """The kernel for so many output entries, in a block of so many SIMD registers."""
    many = outputs >= tile(laned + spread, vectors) > 1
    what = "largest" if largest else "sum"
    return f"{what}_{laned}{spread}{'t' if many else ''}"


def dense(vectors: int) -> Iterator[tuple[str, int, int, int, bool]]:
    """The contractions of a block of so many SIMD registers.

    Each with its operands with lanes, those with one number an entry, the output entries at a
    time, and whether it takes the largest.
    """
    for laned, spread in SHAPES:
        for largest in (False, True):
            for step in sorted({1, tile(laned + spread, vectors)}):
                name = kernel_name(
                    largest=largest, laned=laned, spread=spread, outputs=step, vectors=vectors
                )
                yield name, laned, spread, step, largest


def kernel_names(width: int) -> Iterator[str]:
    """All kernels for SIMD registers of `width` f64."""
    for lanes in block_sizes(width):
        for name, laned, spread, step, largest in dense(max(1, lanes // width)):
            yield f"{name}_{lanes}"
            if lanes in grouped_sizes(width) and step == tile(
                laned + spread, max(1, lanes // width)
            ):
                name = grouped_name(largest=largest, laned=laned, spread=spread)
                yield f"{name}_{lanes}"
        yield from (f"{name}_{lanes}" for name in OTHERS)
