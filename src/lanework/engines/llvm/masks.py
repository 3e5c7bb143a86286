"""Variables of lanes, and masks that say which lanes something is for, as LLVM IR.

Both are memory of the function until LLVM makes registers of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from lanework.engines.lanes.halves import NAN, NEAREST
from lanework.engines.lanes.program import LaneProgram, Operand, Word
from lanework.engines.lanes.shape import Shape
from lanework.engines.llvm.ir import Writer, constant, emit_graph, type_of
from lanework.engines.llvm.lanetarget import Target

ALL = "splat (i1 true)"
"""The mask of all lanes."""
WORD = 64
"""Lanes that have a bit each in a word."""


class Variables(Writer):
    """Writes what becomes of variables and masks.

    Args:
        shape: the program, and what its lanes have in common.
        target: what for.

    Attributes:
        all, number: the mask of lanes that there are, and how many.
        leaves: whether lanes may leave before they end, so that fewer and fewer are here.
    """

    def __init__(self, shape: Shape, target: Target) -> None:
        super().__init__(target.width, fused=target.fused)
        self.all, self.number, self.leaves = "", "", False
        self.exit: int | None = None
        self.elsewhere: Callable[[], set[int]] = set
        self.shape, self.target = shape, target
        self.program: LaneProgram = shape.program
        self.word = self.program.dtype
        self.kind = f"<{self.width} x {self.word}>"
        self.ages_kind, self.elder_kind = (f"<{self.width} x i{bits}>" for bits in (32, 64))
        self.mask_kind = f"<{self.width} x i1>"
        self.parts, self.lanes = target.parts, self.width // target.parts
        self.part_kind = f"<{self.lanes} x {'i1' if target.bits else self.word}>"
        self._parts: dict[str, list[str]] = {}  # of masks
        self._pieces: dict[str, list[str]] = {}  # of vectors
        self._floats: dict[str, str] = {}  # of words
        self.values: dict[int, str] = {}  # of variables, within a block
        self.changed: set[int] = set()
        self.labels = 0

    # Variables ------------------------------------------------------------------------------------

    def declare(self, inputs: Mapping[int, str]) -> None:
        """Give every variable its memory, and what it begins with.

        Args:
            inputs: values of the program's inputs.
        """
        for number in range(self.program.variables):
            kind = self.type_of(number)
            value = inputs.get(number, "0" if kind == self.word else "zeroinitializer")
            self.line(f"%x{number} = alloca {kind}")
            self.line(f"store {kind} {value}, ptr %x{number}")
        for number in sorted(self.shape.masked):
            self._room(f"%m{number}")
            self.set_mask(number, None)
        for name, kind in (("turns", "i64"), ("age", "i32"), ("exit", "i32")):
            self.line(f"%{name} = alloca {kind}")
            self.line(f"store {kind} 0, ptr %{name}")
        if self.exit is not None:
            self._room("%live")
            self._keep("%live", self.all)
        if self.leaves:
            self._room("%here")
            self.line("%everyone = alloca i64")
            self.set_here(self.all)
        for place, kind in (("%ages", self.ages_kind), ("%elder", self.elder_kind)):
            self.line(f"{place} = alloca {kind}")
            self.line(f"store {kind} zeroinitializer, ptr {place}")

    def type_of(self, variable: int) -> str:
        """The type of a variable."""
        return self.kind if variable in self.shape.divergent else self.word

    def read(self, operand: Operand, *, wide: bool) -> str:
        """An operand, for all lanes or for each."""
        if isinstance(operand, Word):
            number = signed(operand.bits, int(self.word[1:]))
            return f"splat ({self.word} {number})" if wide else str(number)
        known = self.values.get(operand)
        if known is None:
            known = self.emit(f"load {self.type_of(operand)}, ptr %x{operand}")
            self.values[operand] = known
        return self.splat(known, self.word) if wide and not self.shape.varies(operand) else known

    def write(self, variable: int, value: str) -> None:
        """A variable becomes something else."""
        self.values[variable] = value
        self.changed.add(variable)

    def as_float(self, word: str, width: int) -> str:
        """A word's bits as a number."""
        kinds = type_of("i32", width), type_of("f32", width)
        return self._floats.get(word) or self.emit(f"bitcast {kinds[0]} {word} to {kinds[1]}")

    def as_word(self, number: str, width: int) -> str:
        """A number's bits."""
        word = self.emit(f"bitcast {type_of('f32', width)} {number} to {type_of('i32', width)}")
        self._floats[word] = number
        return word

    def as_half(self, word: str, width: int) -> str:
        """A word's bits as those of the nearest float of half precision; NaN keeps its sign."""
        if not self.target.halves:
            return emit_graph(self, NEAREST, [word], width)
        single, words, bools = (type_of(each, width) for each in ("f32", "i32", "bool"))
        half, number = single.replace("float", "half"), self.as_float(word, width)
        near = self.emit(f"fptrunc {single} {number} to {half}")
        near = self.emit(f"fpext {half} {near} to {single}")
        near = self.emit(f"bitcast {single} {near} to {words}")
        sign, nan = (constant(bits, "i32", width) for bits in (-(1 << 31), NAN))
        other = self.emit(f"or {words} {self.emit(f'and {words} {word}, {sign}')}, {nan}")
        odd = self.emit(f"fcmp uno {single} {number}, {number}")
        return self.emit(f"select {bools} {odd}, {words} {other}, {words} {near}")

    # Masks ----------------------------------------------------------------------------------------

    def _room(self, mask: str) -> None:
        for at, kind in self.memory(mask):
            self.line(f"{at} = alloca {kind}")

    def memory(self, mask: str) -> list[tuple[str, str]]:
        """Where a mask is kept: addresses and types."""
        return [(f"{mask}.{part}", self.part_kind) for part in range(self.parts)]

    def set_mask(self, block: int, mask: str | None) -> None:
        """Which lanes wait for a block from now on; None for none."""
        self._keep(f"%m{block}", mask)

    def get_mask(self, block: int) -> str:
        """The lanes that wait for a block."""
        if block != self.exit:
            return self._kept(f"%m{block}")
        mask = self._kept("%live")
        for each in sorted(self.elsewhere()):
            mask = self.rest(mask, self._kept(f"%m{each}"))
        return mask

    def set_here(self, mask: str) -> None:
        """Which lanes are left."""
        self._keep("%here", mask)
        self.line(f"store i64 {self.count(mask)}, ptr %everyone")

    def here(self) -> str:
        """The lanes that are left."""
        return self._kept("%here") if self.leaves else self.all

    def everyone(self) -> str:
        """How many lanes are left, as i64."""
        return self.emit("load i64, ptr %everyone") if self.leaves else self.number

    def _keep(self, place: str, mask: str | None) -> None:
        values = ["zeroinitializer"] * self.parts if mask is None else self.split(mask)
        for value, (at, kind) in zip(values, self.memory(place), strict=True):
            self.line(f"store {kind} {value}, ptr {at}")

    def _kept(self, place: str) -> str:
        return self.join([self.emit(f"load {kind}, ptr {at}") for at, kind in self.memory(place)])

    def split(self, mask: str) -> list[str]:
        """A mask in parts, one for each register, as the processor has them: bits or words.

        So they are made and used; of masks as a whole LLVM makes others, and then parts of these.
        """
        if mask == ALL:
            return [f"splat ({self.part_kind.split()[-1][:-1]} -1)"] * self.parts
        if mask in self._parts:
            return self._parts[mask]
        return list(map(self.as_mask, self._split(mask, "i1")))

    def as_mask(self, bits: str) -> str:
        """A part of a mask of its bits."""
        if self.target.bits:
            return bits
        return self.emit(f"sext <{self.lanes} x i1> {bits} to {self.part_kind}")

    def join(self, parts: list[str]) -> str:
        """A mask of its parts."""
        mask = self._join([self._bits(part) for part in parts], "i1")
        self._parts[mask] = parts
        return mask

    def _bits(self, part: str) -> str:
        if self.target.bits:
            return part
        return self.emit(f"icmp slt {self.part_kind} {part}, zeroinitializer")

    def mixed(self, mask: str, one: str, other: str, of: str) -> str:
        """Of two vectors, lanes of a mask of the first, and else of the second."""
        if one in self._floats:  # so that LLVM sees that one operation can do both
            values = (self._floats[one], self.as_float(other, self.width))
            return self.as_word(self.mixed(mask, *values, "float"), self.width)
        kind, condition = f"<{self.lanes} x {of}>", f"<{self.lanes} x i1>"
        parts = zip(self.split(mask), self._split(one, of), self._split(other, of), strict=True)
        chosen = [
            self.emit(f"select {condition} {self._bits(m)}, {kind} {a}, {kind} {b}")
            for m, a, b in parts
        ]
        return self._join(chosen, of)

    def _split(self, vector: str, of: str) -> list[str]:
        if self.parts == 1:
            return [vector]
        if vector.startswith(("splat", "zero")):
            return [vector] * self.parts
        return self._pieces.get(vector) or [
            self._some(vector, of, range(first, first + self.lanes))
            for first in range(0, self.width, self.lanes)
        ]

    def _join(self, parts: list[str], of: str) -> str:
        joined, lanes = parts, self.lanes
        while len(joined) > 1:
            joined = [
                self._shuffle(one, other, lanes, of, range(2 * lanes))
                for one, other in zip(joined[::2], joined[1::2], strict=True)
            ]
            lanes *= 2
        self._pieces[joined[0]] = parts
        return joined[0]

    def _some(self, vector: str, of: str, lanes: range) -> str:
        return self._shuffle(vector, "poison", self.width, of, lanes)

    def _shuffle(self, one: str, other: str, lanes: int, of: str, which: Iterable[int]) -> str:
        numbers = [f"i32 {n}" for n in which]
        kind = f"<{lanes} x {of}>"
        picked = f"<{len(numbers)} x i32> <{', '.join(numbers)}>"
        return self.emit(f"shufflevector {kind} {one}, {kind} {other}, {picked}")

    def both(self, one: str, other: str) -> str:
        """The lanes that are in two masks."""
        return self._combined("and {} {}, {}", one, other)

    def either(self, one: str, other: str) -> str:
        """The lanes that are in one of two masks."""
        return self._combined("or {} {}, {}", one, other)

    def rest(self, mask: str, some: str) -> str:
        """The lanes of a mask that are not in another, whose lanes are all in it."""
        return self._combined("xor {} {}, {}", mask, some)

    def _combined(self, text: str, one: str, other: str) -> str:
        pairs = zip(self.split(one), self.split(other), strict=True)
        return self.join([self.emit(text.format(self.part_kind, a, b)) for a, b in pairs])

    def any(self, mask: str) -> str:
        """Whether a lane is in a mask."""
        first, *rest = self.split(mask)
        for part in rest:
            first = self.emit(f"or {self.part_kind} {first}, {part}")
        n = self.lanes
        bits = self.emit(f"bitcast <{n} x i1> {self._bits(first)} to i{n}")
        return self.emit(f"icmp ne i{n} {bits}, 0")

    def words(self, mask: str) -> Iterator[tuple[int, str]]:
        """The bits of a mask, some at a time, and the first lane of each."""
        if self.target.bits:
            n = min(self.width, WORD)
            for first in range(0, self.width, n):
                some = mask if n == self.width else self._some(mask, "i1", range(first, first + n))
                yield first, self.emit(f"bitcast <{n} x i1> {some} to i{n}")
            return
        for number, part in enumerate(self.split(mask)):
            bits = f"bitcast <{self.lanes} x i1> {self._bits(part)} to i{self.lanes}"
            yield number * self.lanes, self.emit(bits)

    @property
    def together(self) -> int:
        """Lanes of a word of bits."""
        return min(self.width, WORD) if self.target.bits else self.lanes

    def count(self, mask: str) -> str:
        """How many lanes are in a mask, as i64."""
        total, n = "", self.together
        for _, bits in self.words(mask):
            number = self.as_i64(self.intrinsic(f"llvm.ctpop.i{n}", f"i{n}", [(f"i{n}", bits)]))
            total = self.emit(f"add i64 {total}, {number}") if total else number
        return total

    def as_i64(self, number: str) -> str:
        """A number of lanes, or of one, from a word with a bit for each."""
        n = self.together
        return number if n == WORD else self.emit(f"zext i{n} {number} to i{WORD}")

    def fresh(self, what: str) -> str:
        """A new label."""
        self.labels += 1
        return f"{what}.{self.labels}"


def signed(bits: int, size: int = 32) -> int:
    """A word of so many bits as LLVM writes it."""
    return bits - (1 << size) if bits >> size - 1 else bits
