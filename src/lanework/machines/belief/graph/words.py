"""Words and numbers of long texts, piece by piece.

While Python splits a text, or makes numbers of a list of words, no other thread runs and no clock
is looked at; of a text of megabytes that is too long, so pieces of it are taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

PIECE = 1 << 18  # characters
SOME = 1 << 15  # words
_BLANK = re.compile(r"\s")


def split_words(text: str) -> list[str]:
    """The words of a text, as `str.split` has them.

    Example:
        >>> split_words(" a  b ")
        ['a', 'b']
    """
    words: list[str] = []
    at = 0
    while at < len(text):
        blank = _BLANK.search(text, min(at + PIECE, len(text)))
        end = len(text) if blank is None else blank.end()
        words += text[at:end].split()
        at = end
    return words


def floats_of(words: Sequence[str]) -> npt.NDArray[np.float64]:
    """Words as numbers, without underscores, which Python takes in them.

    Raises:
        ValueError: for a word that is no number.

    Example:
        >>> floats_of(["1", "0.5"]), floats_of([])
        (array([1. , 0.5]), array([], dtype=float64))
    """
    if len(words) > SOME:
        parts = [floats_of(words[at : at + SOME]) for at in range(0, len(words), SOME)]
        return np.concatenate(parts)
    if "_" in " ".join(words):
        raise ValueError("an underscore is in a number")
    return np.array(words, np.float64)
