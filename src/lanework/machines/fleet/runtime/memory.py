"""Shared memory of calls: what no result needs any longer, another call has again.

New pages of memory cost more than it costs to copy into them.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.machines.fleet.state import Words


class Lent:
    """Shared memory that is for one call, and for its result, as long as these hold this."""

    __slots__ = ("__weakref__", "words")

    def __init__(self, words: Words) -> None:
        self.words = words

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """What NumPy makes an array of: it holds this, and so do all parts of it."""
        return self.words.__array_interface__


class Memories:
    """What the calls of a runner work on.

    Args:
        size: words of each.

    Example:
        >>> memories = Memories(2)
        >>> first = memories.take().words
        >>> second = memories.take().words  # the first is the last call's, which may be looked at
        >>> memories.take().words is first, memories.take().words is second
        (True, True)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._known: list[tuple[Words, weakref.ref[Lent]]] = []

    def take(self) -> Lent:
        """Words that nobody looks at, holding anything; those of the last call are not these."""
        free = next((words for words, lent in self._known[:-1] if lent() is None), None)
        out = Lent(np.empty(self.size, np.uint32) if free is None else free)
        self._known = [*self._known[-1:], (out.words, weakref.ref(out))]
        return out


class Shared:
    """Shared memory as a call left it, copied when it is asked for as an array.

    Attributes:
        shape: the array's, of float32.
    """

    def __init__(self, lent: Lent, shape: tuple[int, ...]) -> None:
        self._lent: Lent | None = lent
        self.shape = shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        lent = self._lent
        if lent is not None:
            array = lent.words.view(np.float32).reshape(self.shape).copy()
            self.__dict__.setdefault("array", array)  # two threads have the same
            self._lent = None
        out: npt.NDArray[np.float32] = self.__dict__["array"]
        out = out if dtype is None else out.astype(dtype, copy=False)
        return out.copy() if copy else out

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is copied and pickled: as the array."""
        return np.asarray, (np.asarray(self),)
