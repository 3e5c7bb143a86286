"""A tape of vector instructions that is being written: pieces, and the values that they make.

A piece is a run of instructions that is called at one time. What a value needs besides, the patch
loop finds out: whether it differs between lanes, and whether it must have a place in the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lanework.engines.vector.isa import NONE, PLACE, STORE, VARYING, Kind


@dataclass
class Piece:
    """Instructions that run together; `words` are their records."""

    kind: Kind
    words: list[int] = field(default_factory=list)


class Tape:
    """Values and pieces; `piece` is where instructions are added.

    Attributes:
        numbers: stencils by name.
        count: how many values there are.
        once: the piece that runs before the first block.
        first: the piece with which every block begins.
    """

    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers = numbers
        self.count = 0
        self.once, self.first = Piece(Kind.ONCE), Piece(Kind.BLOCK)
        self.pieces = [self.once, self.first]
        self.piece = self.first

    def begin(self, kind: Kind) -> None:
        """Go on in a piece of this kind; blocks of code that follow each other are one."""
        if kind is not Kind.BLOCK or self.piece.kind is not Kind.BLOCK:
            self.piece = Piece(kind)
            self.pieces.append(self.piece)

    def make(
        self,
        name: str,
        a: int = NONE,
        b: int = NONE,
        c: int = NONE,
        numbers: tuple[int, int, int] = (0, 0, 0),
        *,
        varying: bool = False,
        piece: Piece | None = None,
    ) -> int:
        """Add an instruction and return its value."""
        head = self.numbers[name] | (VARYING if varying else 0)
        value = self.count
        self.count = value + 1
        words = (piece or self.piece).words
        words += (head, value, a, b, c, *numbers)
        return value

    def act(
        self,
        name: str,
        a: int,
        b: int = NONE,
        c: int = NONE,
        numbers: tuple[int, int, int] = (0, 0, 0),
        *,
        varying: bool = False,
        piece: Piece | None = None,
    ) -> None:
        """Add an instruction that makes no value."""
        head = self.numbers[name] | (VARYING if varying else 0)
        words = (piece or self.piece).words
        words += (head, NONE, a, b, c, *numbers)

    def place(self, varying: bool) -> int:
        """A new value that is in the frame from the beginning."""
        head = PLACE | (VARYING if varying else 0)
        value = self.count
        self.count = value + 1
        words = self.once.words
        words += (head, value, NONE, NONE, NONE, 0, 0, 0)
        return value

    def store(self, value: int, to: int) -> None:
        """Copy a value to the place of another."""
        words = self.piece.words
        words += (STORE, NONE, value, NONE, NONE, to, 0, 0)
