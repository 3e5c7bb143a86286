"""A tape of vector instructions that is being written: values, records, pieces.

A piece is a run of instructions that is called at one time. A value that is used in another piece
than the one that makes it gets a place in the frame; others live in registers, and go to the frame
only where registers run out.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from lanework.engines.vector.isa import FRAME_HEAD, NONE, STORE, Flag, Kind

VARIES = 1 << 31  # marks a value that differs between lanes, for the patch loop


@dataclass
class Piece:
    """Instructions that run together; `words` are their records."""

    kind: Kind
    words: list[int] = field(default_factory=list)


class Tape:
    """Values and pieces; `piece` is where instructions are added."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers = numbers
        self.varying: list[int] = []  # VARIES or 0
        self.kept: list[bool] = []
        self.made: list[Piece | None] = []
        self.once = Piece(Kind.ONCE)
        self.pieces = [self.once, Piece(Kind.BLOCK)]
        self.first = self.piece = self.pieces[1]

    def begin(self, kind: Kind) -> None:
        """Go on in a piece of this kind; blocks of code that follow each other are one."""
        if kind is not Kind.BLOCK or self.piece.kind is not Kind.BLOCK:
            self.piece = Piece(kind)
            self.pieces.append(self.piece)

    def value(self, varying: bool, piece: Piece | None = None) -> int:
        """A new value; without a piece it is in the frame from the beginning."""
        self.varying.append(VARIES if varying else 0)
        self.kept.append(piece is None)
        self.made.append(piece)
        return len(self.varying) - 1

    def make(
        self,
        name: str,
        operands: tuple[int, ...] = (),
        n1: int = 0,
        n2: int = 0,
        n3: int = 0,
        *,
        varying: bool = False,
        piece: Piece | None = None,
    ) -> int:
        """Add an instruction and return its value, which varies if asked for or if one does."""
        piece = piece or self.piece
        wide = VARIES if varying else 0
        for operand in operands:
            wide |= self.varying[operand]
            if self.made[operand] is not piece:
                self.kept[operand] = True
        target = len(self.varying)
        self.varying.append(wide)
        self.kept.append(False)
        self.made.append(piece)
        a, b, c = (*operands, NONE, NONE, NONE)[:3]
        head = self.numbers[name] | (Flag.VARYING << 16 if wide else 0)
        piece.words += (head, target, a, b, c, n1, n2 & NONE, n3)
        return target

    def act(
        self,
        name: str,
        operands: tuple[int, ...],
        n1: int = 0,
        n2: int = 0,
        *,
        varying: bool,
        piece: Piece | None = None,
    ) -> None:
        """Add an instruction that makes no value."""
        piece = piece or self.piece
        for operand in operands:
            if self.made[operand] is not piece:
                self.kept[operand] = True
        a, b, c = (*operands, NONE, NONE, NONE)[:3]
        head = self.numbers[name] | (Flag.VARYING << 16 if varying else 0)
        piece.words += (head, NONE, a, b, c, n1, n2, 0)

    def store(self, value: int, to: int) -> None:
        """Copy a value to the place of another, which is kept in the frame."""
        if self.made[value] is not self.piece:
            self.kept[value] = True
        head = STORE | (Flag.VARYING << 16 if self.varying[to] else 0)
        self.piece.words += (head, NONE, value, NONE, NONE, to, 0, 0)

    def places(self, blocks: int, size: int) -> tuple[array[int], int]:
        """Where values are in the frame, by id, and the bytes of the frame.

        Args:
            blocks: that run together.
            size: bytes of a value.
        """
        home = array("I", [NONE]) * (len(self.varying) * blocks)
        at = FRAME_HEAD
        for value, kept in enumerate(self.kept):
            if kept:
                for block in range(blocks if self.varying[value] else 1):
                    home[value * blocks + block] = at
                    at += size
        return home, at
