"""Random numbers by counter: the number depends on seed, lane and index, and on nothing else.

The generator is Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
easy as 1, 2, 3" (SC11, 2011), section 4.3: ten rounds that multiply, fold and exchange four
words. Lanes need no state, so results do not depend on how lanes are spread over workers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.codes import BAD_SEED
from lanework.base.errors import Diagnostic

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)
ROUNDS = 10
FEW = 16
"""Words of which so many are done faster one after another."""

Words = npt.NDArray[np.uint32]


def philox(counter: Words, key: Words) -> Words:
    """Philox4x32-10.

    Args:
        counter: uint32, shape (..., 4).
        key: uint32, shape (..., 2); broadcasts against the counter.

    Returns:
        uint32, shape (..., 4): four random words.

    Example:
        >>> zero = np.zeros(4, np.uint32)
        >>> [f"{word:08x}" for word in philox(zero, zero[:2])]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    shape = np.broadcast_shapes(counter.shape[:-1], key.shape[:-1])
    state = np.empty((4, *shape), np.uint64)
    for n in range(4):
        state[n] = counter[..., n]
    rounds(state, key[..., 0], key[..., 1])
    return np.moveaxis(state.astype(np.uint32), 0, -1)


def rounds(state: npt.NDArray[np.uint64], k0: npt.ArrayLike, k1: npt.ArrayLike) -> None:
    """All rounds of Philox4x32-10, in place: the four words of counters become random words.

    Args:
        state: each word below 2**32; shape (4, ...).
        k0: the first word of the key, uint32; broadcasts against a word.
        k1: the second.
    """
    if state.size <= FEW and isinstance(k0, int) and isinstance(k1, int):
        _one_by_one(state, k0, k1)
        return
    x0, x1, x2, x3 = (state[n, ...] for n in range(4))
    p0, p1 = np.empty_like(x0), np.empty_like(x0)
    key0, key1 = (np.asarray(each, np.uint64) for each in (k0, k1))
    for _ in range(ROUNDS):
        np.multiply(x0, M0, out=p0)
        np.multiply(x2, M1, out=p1)
        np.right_shift(p1, _WORD, out=x0)
        np.bitwise_xor(x0, x1, out=x0)
        np.bitwise_xor(x0, key0, out=x0)
        np.bitwise_and(p1, _LOW, out=x1)
        np.right_shift(p0, _WORD, out=x2)
        np.bitwise_xor(x2, x3, out=x2)
        np.bitwise_xor(x2, key1, out=x2)
        np.bitwise_and(p0, _LOW, out=x3)
        key0, key1 = (key0 + W0) & _LOW, (key1 + W1) & _LOW


def _one_by_one(state: npt.NDArray[np.uint64], k0: int, k1: int) -> None:
    m0, m1, w0, w1, low = map(int, (M0, M1, W0, W1, _LOW))
    keys = [(k0 + n * w0 & low, k1 + n * w1 & low) for n in range(ROUNDS)]
    for at in np.ndindex(state.shape[1:]):
        x0, x1, x2, x3 = state[:, *at].tolist()
        for key0, key1 in keys:
            p0, p1 = m0 * x0, m1 * x2
            x0, x1, x2, x3 = p1 >> 32 ^ x1 ^ key0, p1 & low, p0 >> 32 ^ x3 ^ key1, p0 & low
        state[:, *at] = x0, x1, x2, x3


def words(seed: int, lane: npt.ArrayLike, index: npt.ArrayLike) -> Words:
    """Four random words for each lane and index.

    The key is the seed; the counter is the index (words 0 and 1) and the lane (words 2 and 3),
    low word first.

    Args:
        seed: from 0 to 2**64 - 1.
        lane: whole numbers from 0 to 2**64 - 1.
        index: whole numbers from 0 to 2**64 - 1; shapes broadcast.

    Returns:
        uint32, shape (..., 4).

    Raises:
        Diagnostic: LW0501 for what is not a whole number in that range.
    """
    (start,) = _integers("seed", seed).ravel()[:1]
    lanes, indices = np.broadcast_arrays(_integers("lane", lane), _integers("index", index))
    parts = [indices & _LOW, indices >> _WORD, lanes & _LOW, lanes >> _WORD]
    counter = np.stack(parts, axis=-1).astype(np.uint32)
    key = np.array([start & _LOW, start >> _WORD]).astype(np.uint32)
    return philox(counter, key)


def uniform(seed: int, lane: npt.ArrayLike, index: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Uniform f64 in [0, 1): the top 53 of 64 random bits over 2^53.

    The 64 bits are words 0 (high) and 1 (low) of `words`, whose arguments these are.

    Raises:
        Diagnostic: LW0501.

    Example:
        >>> x = uniform(1, np.arange(1000), 0)
        >>> bool(((x >= 0) & (x < 1)).all()), abs(float(x.mean()) - 0.5) < 0.05
        (True, True)
    """
    four = words(seed, lane, index).astype(np.uint64)
    bits = (four[..., 0] << _WORD) | four[..., 1]
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _integers(what: str, value: Any) -> npt.NDArray[np.uint64]:
    """Whole numbers as uint64; a cast alone would wrap negative ones and cut fractions off."""
    array = np.asarray(value)
    if array.size == 0:
        return array.astype(np.uint64)
    if array.dtype.kind not in "iu" or (array.dtype.kind == "i" and array.min() < 0):
        shown = f"{value!r}" if array.ndim == 0 else f"an array of {array.dtype}"
        raise Diagnostic(
            BAD_SEED,
            f"the {what} is {shown}",
            help="use whole numbers from 0 to 2**64 - 1",
        )
    return array.astype(np.uint64)
