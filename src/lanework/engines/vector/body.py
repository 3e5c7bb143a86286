"""A vector instruction as it is written in LLVM IR, and a note of those that a module has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lanework.engines.vector.bodywriter import BodyWriter

NAN = float("nan")

Write = Callable[..., str | None]


@dataclass(frozen=True)
class Body:
    """A vector instruction: how many values it takes, whether it makes one, how it is written.

    `write(writer, *values)` returns the name of what it makes.
    """

    name: str
    arity: int
    makes: bool
    write: Write = field(repr=False)


class Bodies(dict[str, Body]):
    """Vector instructions by name, in the order in which their functions are written."""

    def note(self, arity: int, *, makes: bool = True) -> Callable[[Write], Write]:
        """A decorator: the function writes the instruction of its name."""

        def add(write: Write) -> Write:
            name = write.__name__.rstrip("_")
            self[name] = Body(name, arity, makes, write)
            return write

        return add


def period_row(w: BodyWriter, period: str) -> str:
    """The address of a period's row in memory over time and lanes."""
    offset = w.emit(f"mul i64 {period}, {w.stride()}")
    return w.at(w.slot(), offset, "double")
