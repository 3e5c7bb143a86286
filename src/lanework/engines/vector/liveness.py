"""What the patch loop finds out of a tape before it writes code.

Which values differ between lanes, and which are used in other pieces than the one that makes them
and so need a place in the frame; then, piece by piece and backwards, when each value is used next.
"""

from __future__ import annotations

from lanework.engines.llvm.nativetext import Word
from lanework.engines.vector.emit import JobWriter
from lanework.engines.vector.isa import (
    FRAME_HEAD,
    NONE,
    OPERANDS,
    PLACE,
    RECORD_WORDS,
    STORE,
    TARGET,
    VARYING,
    Job,
    Outcome,
)

# Marks of a value: it differs between lanes; it is in the frame; it has always been there.
VARIES, KEPT, PLACED = 1 << 31, 1 << 30, 1 << 29
NEVER = PLACED - 1  # the piece of a value that was not made yet
RECORD_BYTES = 4 * RECORD_WORDS


class Liveness(JobWriter):
    """Writes these passes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.records, self.blocks = self.get(Job.RECORDS), self.get(Job.BLOCKS)
        self.uses, self.where, self.home = (
            self.get(word) for word in (Job.USES, Job.WHERE, Job.HOME)
        )
        self.capacity = self.get(Job.CAPACITY)
        self.ids = self.get(Job.COUNT) * self.blocks
        self.turn = self.f.variable(0)  # an instruction's number, counted from the piece's end
        self.live, self.most, self.pins = (self.f.variable(0) for _ in range(3))

    # Values -----------------------------------------------------------------------------------

    def info(self, value: Word) -> Word:
        """The address of what is known of a value."""
        return self.get(Job.VALUES) + (value << 2)

    def find_values(self) -> None:
        """Find out which values differ between lanes, and which are used in other pieces."""
        f = self.f
        with self.each(self.get(Job.COUNT)) as value:
            f.store(self.info(value), NEVER, 4)
        with self.each(self.get(Job.PIECE_COUNT)) as number:
            piece = self.get(Job.PIECES) + (number << 5)
            at, after = f.variable(f.load(piece)), f.load(piece + 8)
            with f.loop() as done:
                f.leave(done, at.get().is_("eq", after))
                self._value(self.records + at.get() * RECORD_BYTES, number)
                at.add(1)

    def _value(self, record: Word, piece: Word) -> None:
        f = self.f
        head = f.load(record, 4)
        marks = f.variable((head & VARYING) << 15)  # VARIES
        for n in range(OPERANDS):
            value = f.load(record + 8 + 4 * n, 4)
            with f.when(value.is_("ne", NONE)):
                cell = self.info(value)
                info = f.load(cell, 4)
                with f.when(info.is_("eq", NEVER)):
                    f.give(Outcome.UNKNOWN)
                marks.set(marks.get() | (info & VARIES))
                with f.when((info & (PLACED - 1)).is_("ne", piece)):
                    f.store(cell, info | KEPT, 4)
        with f.when((head & 0xFFFF).is_("eq", STORE)):
            to = f.load(self.info(f.load(record + 20, 4)), 4)
            marks.set(marks.get() | (to & VARIES))
        with f.when((head & 0xFFFF).is_("eq", PLACE)):
            marks.set(marks.get() | (KEPT | PLACED))
        target = f.load(record + 4, 4)
        with f.when(target.is_("ne", NONE)):
            f.store(self.info(target), marks.get() | piece, 4)
        f.store(record, head | ((marks.get() & VARIES) >> 15), 4)

    def allocate(self) -> None:
        """Give the values that need one a place in the frame."""
        f = self.f
        frame, size = f.variable(FRAME_HEAD), self.get(Job.BYTES)
        with self.each(self.get(Job.COUNT)) as value:
            info = f.load(self.info(value), 4)
            with self.each(self.blocks) as block:
                place = f.variable(NONE)
                own = f.emit(f"select i1 {(info & VARIES).is_('ne', 0)}, i64 0, i64 {block.name}")
                with f.when((info & KEPT).is_("ne", 0)), f.when(own.is_("eq", 0)):
                    place.set(frame.get())
                    frame.add(size)
                f.store(self.home + ((value * self.blocks + block) << 2), place.get(), 4)
        self.set(Job.FRAME, frame.get())

    def times(self, record: Word) -> Word:
        """How many blocks an instruction is written for."""
        f = self.f
        varying = f.load(record, 4) & VARYING
        times = f.emit(f"select i1 {varying.is_('ne', 0)}, i64 {self.blocks.name}, i64 1")
        place = (f.load(record, 4) & 0xFFFF).is_("eq", PLACE)
        return f.emit(f"select i1 {place}, i64 0, i64 {times.name}")

    def id(self, value: Word, block: Word) -> Word:
        """A value's number for a block; what no lane changes has block 0 only."""
        f = self.f
        info = f.load(self.info(value), 4)
        own = f.emit(f"select i1 {(info >> 31).is_('ne', 0)}, i64 {block.name}, i64 0")
        return value * self.blocks + own

    # Backwards --------------------------------------------------------------------------------

    def backwards(self, first: Word, after: Word) -> None:
        """Note for each operand and target when it is used next: 0 if never."""
        f = self.f
        last = self.get(Job.LAST)
        with self.each(self.ids) as number:
            f.store(last + (number << 2), 0, 4)
        at = f.variable(after)
        for count in (self.turn, self.live, self.most):
            count.set(0)
        with f.loop() as done:
            f.leave(done, at.get().is_("eq", first))
            at.add(-1)
            record = self.records + at.get() * RECORD_BYTES
            left = f.variable(self.times(record))
            with f.loop() as over:
                f.leave(over, left.get().is_("eq", 0))
                left.add(-1)
                self.turn.add(1)
                uses = self.uses + (self.turn.get() << 4)
                target = f.load(record + 4, 4)
                with f.when(target.is_("ne", NONE)):
                    cell = last + (self.id(target, left.get()) << 2)
                    use = f.load(cell, 4)
                    f.store(uses + 4 * TARGET, use, 4)
                    f.store(cell, 0, 4)
                    self._count(target, use.is_("ne", 0), -1)
                for passes in range(2):  # all are read before one is written
                    for n in range(OPERANDS):
                        value = f.load(record + 8 + 4 * n, 4)
                        with f.when(value.is_("ne", NONE)):
                            cell = last + (self.id(value, left.get()) << 2)
                            if passes == 0:
                                f.store(uses + 4 * n, f.load(cell, 4), 4)
                            else:
                                self._count(value, f.load(cell, 4).is_("eq", 0), 1)
                                f.store(cell, self.turn.get(), 4)

    def _count(self, value: Word, changes: str, by: int) -> None:
        """Keep count of the values of this piece that are in use at the same time: going
        backwards, one is in use from its last use on, up to where it is made.
        """
        f = self.f
        own = (f.load(self.info(value), 4) & KEPT).is_("eq", 0)
        counts = f.emit(f"and i1 {own}, {changes}").name
        self.live.add(f.emit(f"select i1 {counts}, i64 {by}, i64 0"))
        with f.when(self.live.get().is_("sgt", self.most.get())):
            self.most.set(self.live.get())

    def own(self, info: Word) -> Word:
        """How many of a value there are."""
        varies = (info & VARIES).is_("ne", 0)
        return self.f.emit(f"select i1 {varies}, i64 {self.blocks.name}, i64 1")
