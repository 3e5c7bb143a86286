"""Variables with named states, and tables over some of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float64]
MOST_STATES = 1 << 24
MOST_AXES = 62  # NumPy has 64, and lanes are one


@dataclass(frozen=True)
class Variable:
    """A variable.

    Attributes:
        name: its name, any text.
        states: the names of its states, in the order of tables.
    """

    name: str
    states: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many states it has."""
        return len(self.states)


@dataclass(frozen=True, eq=False)
class Factor:
    """A table over variables.

    Attributes:
        name: for messages.
        scope: the names of its variables, one an axis of the table.
        table: float64, not negative; its shape is the sizes of the variables.
        child: the variable that it is the conditional table of, or None.
    """

    name: str
    scope: tuple[str, ...]
    table: Table
    child: str | None = None


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names for a message, not too many of them.

    Example:
        >>> listed(["a", "b", "c"], 2), listed([])
        ('a, b, ... (3)', 'none')
    """
    every = list(names)
    shown = ", ".join(every[:most]) or "none"
    return f"{shown}, ... ({len(every)})" if len(every) > most else shown
