"""A vector instruction as it is written in LLVM IR, and the writer: holes, addresses, masks.

Modules note theirs in `Bodies`, one registered function an instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lanework.engines.llvm.ir import Writer, constant, type_of
from lanework.engines.vector.isa import Level, Word


class BodyWriter(Writer):
    """Writes one body over vectors of a level's width."""

    def __init__(self, level: Level) -> None:
        super().__init__(level.width)
        self.level = level
        self.kind = type_of("f64", self.width)
        self.integer = type_of("i64", self.width)
        self.test = type_of("bool", self.width)

    # Numbers and addresses --------------------------------------------------------------------

    def hole(self, name: str) -> str:
        """The number that the patch loop writes here."""
        return self.emit(f"ptrtoint ptr @hole_{name} to i64")

    def at(self, base: str, offset: str, kind: str = "i8") -> str:
        """The address so many elements after another."""
        return self.emit(f"getelementptr {kind}, ptr {base}, i64 {offset}")

    def frame_word(self, word: Word, kind: str = "i64") -> str:
        """A word of the frame's head."""
        return self.emit(f"load {kind}, ptr {self.at('%frame', str(int(word)), 'i64')}")

    def slot(self) -> str:
        """The memory that the instruction's first number says."""
        return self.emit(f"load ptr, ptr {self.at('%columns', self.hole('n1'))}")

    def stride(self) -> str:
        """How far periods of that memory are apart."""
        first = self.at("%dims", "4", "i64")
        return self.emit(f"load i64, ptr {self.at(first, self.hole('n1'))}")

    def periods(self) -> str:
        """T."""
        return self.emit("load i64, ptr %dims")

    def lane(self) -> str:
        """The first lane of the block."""
        return self.emit(f"add i64 %lane, {self.hole('block')}")

    def earlier(self) -> str:
        """The period that lies the second number before this one, or the nearest there is."""
        there = self.emit(f"sub i64 %t, {self.hole('n2')}")
        top = self.emit(f"sub i64 {self.periods()}, 1")
        low = self.intrinsic("llvm.smax.i64", "i64", [("i64", there), ("i64", "0")])
        return self.intrinsic("llvm.smin.i64", "i64", [("i64", low), ("i64", top)])

    def moment(self, ahead: str | None = None) -> str:
        """The period as a number, in every lane."""
        t = "%t" if ahead is None else self.emit(f"add i64 %t, {ahead}")
        return self.splat(self.emit(f"sitofp i64 {t} to double"), "double")

    # Vectors ----------------------------------------------------------------------------------

    def number(self, value: float) -> str:
        """A constant in every lane."""
        return constant(value, "f64", self.width)

    def bits(self, value: str) -> str:
        """A value's lanes as 64-bit words."""
        return self.emit(f"bitcast {self.kind} {value} to {self.integer}")

    def value(self, bits: str) -> str:
        """64-bit words as a value."""
        return self.emit(f"bitcast {self.integer} {bits} to {self.kind}")

    def holds(self, mask: str) -> str:
        """A mask as conditions: what is negative holds."""
        return self.emit(f"icmp slt {self.integer} {self.bits(mask)}, zeroinitializer")

    def mask(self, condition: str) -> str:
        """Conditions as a mask."""
        return self.value(self.emit(f"sext {self.test} {condition} to {self.integer}"))

    def compare(self, how: str, a: str, b: str) -> str:
        """A comparison of values."""
        return self.emit(f"fcmp {how} {self.kind} {a}, {b}")

    def select(self, condition: str, a: str, b: str) -> str:
        """Lane by lane, a where the condition holds, else b."""
        kind = self.kind
        return self.emit(f"select {self.test} {condition}, {kind} {a}, {kind} {b}")

    def choose(self, condition: str, a: str, b: str) -> str:
        """A if a condition on no lane holds, else b."""
        return self.emit(f"select i1 {condition}, {self.kind} {a}, {self.kind} {b}")

    def scatter(self, value: str, base: str, order: str, condition: str) -> None:
        """Store elements at places that the value `order` says."""
        super().scatter(value, base, self.bits(order), condition)


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
