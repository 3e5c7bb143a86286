"""32-bit words that are worth trying: special floats, edges of integers and halves, any pattern."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_POSITIVE = (
    *(0x00000000, 0x00000001, 0x00000002, 0x00400000, 0x007FFFFF, 0x00800000, 0x00800001),
    *(0x01000000, 0x0B800000, 0x32FFFFFF, 0x33000000, 0x33000001, 0x33800000, 0x34000000),
    *(0x387FC000, 0x387FE000, 0x387FFFFF, 0x38800000, 0x3EFFFFFF, 0x3F000000, 0x3F000001),
    *(0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FC00000, 0x40000000, 0x40200000, 0x40400000),
    *(0x40490FDB, 0x42B17218, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x4AFFFFFF, 0x4B000001),
    *(0x4B800000, 0x4EFFFFFF, 0x4F000000, 0x4F7FFFFF, 0x4F800000, 0x7149F2CA, 0x7F7FFFFF),
    *(0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF, 3, 5, 7, 12, 31, 32, 33, 63, 100, 0xFFFF),
)
PATTERNS = np.array([p | sign for sign in (0, 1 << 31) for p in _POSITIVE], np.uint32)
"""Zeros, subnormals, the ends of halves and of integers, infinities, NaNs; of both signs."""


def special(count: int) -> list[Array]:
    """Every combination of the special words, as columns of patterns."""
    if count > 2:  # only what differs in kind
        few = PATTERNS[[0, 1, 5, 22, 25, 48, 49, 51, 58, 80, 107]]
        return [
            np.array(c, np.uint32) for c in zip(*itertools.product(few, repeat=count), strict=True)
        ]
    columns = zip(*itertools.product(PATTERNS, repeat=count), strict=True)
    return [np.array(column, np.uint32) for column in columns]


def wild(rng: np.random.Generator, count: int, size: int) -> list[Array]:
    """Columns of patterns: half of them any word, half close to each other or small."""
    out = [rng.integers(0, 2**32, size, np.uint32) for _ in range(count)]
    shift = rng.integers(0, 32, size // 4, np.uint32)
    for column in out:
        column[: size // 4] >>= shift
    for column in out[1:]:
        near = slice(size // 4, size // 2)
        column[near] = out[0][near] + rng.integers(0, 5, size // 4, np.uint32)
    return out
