"""The patch loop: from a tape of vector instructions to machine code.

For each piece of the tape, once backwards and once forwards. Backwards it notes when each value is
used next; forwards it gives values to registers, and where there are too few it gives up the one
whose next use is farthest (L. A. Belady, IBM Systems Journal 5, 1966), which goes to the frame if
it is not there already. Then stencils are copied and patched: register fields, numbers, distances.

An instruction on values that differ between lanes is written once for each of the blocks that run
together, so that the processor finds independent work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lanework.engines.nativetext import Function, Variable, Word
from lanework.engines.stencil import Way
from lanework.engines.vector.isa import (
    BACK_PERIOD,
    CONSTANT,
    DONE,
    FRAME_HEAD,
    HOLE_KINDS,
    HOLES,
    LOAD,
    MOVE,
    NEXT_BLOCK,
    NEXT_PERIOD,
    NONE,
    OPERANDS,
    PLACE,
    RECORD_WORDS,
    REGISTERS,
    STORE,
    TARGET,
    TARGET_HOLE,
    VARYING,
    Job,
    Kind,
    Outcome,
)
from lanework.engines.vector.table import EARLY, FIELD, HOLE, HOLE_NEXT, RECORD, Part

RESERVE = 4096  # bytes that the stencils of one instruction never exceed
FREE = 255  # the register of a value that is in none
DYNAMIC = 1  # marks a place in the frame that was given to a value for a while
# Marks of a value: it differs between lanes; it is in the frame; it has always been there.
VARIES, KEPT, PLACED = 1 << 31, 1 << 30, 1 << 29
NEVER = PLACED - 1  # the piece of a value that was not made yet
HELD_BACK = 3  # registers that pinned values leave free besides those for what a loop makes
_RECORD = 4 * RECORD_WORDS


class _Piece:
    """Functions over a job; all of them keep what they know in its words."""

    def __init__(self, name: str, *more: str) -> None:
        self.f = Function(name, ("job", *more))
        self.job = self.f["job"]

    def get(self, word: Job) -> Word:
        """A word of the job."""
        return self.f.load(self.job + 8 * word)

    def set(self, word: Job, value: Word | int) -> None:
        """Set a word of the job."""
        self.f.store(self.job + 8 * word, value)

    def cell(self, word: Job, index: Word | int) -> Word:
        """The address of a word in one of the job's own arrays."""
        start = self.job + 8 * word
        return start + (index << 3) if isinstance(index, Word) else start + 8 * index

    @contextmanager
    def each(self, count: Word | int) -> Iterator[Word]:
        """For numbers from 0 up."""
        f = self.f
        number = f.variable(0)
        with f.loop() as done:
            now = number.get()
            f.leave(done, now.is_("uge", count))
            yield now
            number.add(1)

    def text(self) -> str:
        """The function."""
        return self.f.definition()


def _put() -> str:
    """`put(job, stencil)`: append a stencil with the job's registers and numbers."""
    p = _Piece("put", "stencil")
    f = p.f
    table, out, off = p.get(Job.TABLE), p.get(Job.OUT), p.get(Job.OFFSET)
    records, holes, fields, code = (
        table + f.load(table + 8 * part)
        for part in (Part.RECORDS, Part.HOLES, Part.FIELDS, Part.CODE)
    )
    record = records + f["stencil"] * RECORD
    source, length = code + f.load(record, 4), f.load(record + 12, 2)
    to, done = out + off, f.variable(0)
    with f.loop() as copied:
        f.leave(copied, done.get().is_("uge", length))
        f.copy16(to + done.get(), source + done.get())
        done.add(16)
    field = f.variable(fields + f.load(record + 8, 4))
    last = field.get() + f.load(record + 16, 2) * FIELD
    with f.loop() as turned:
        at = field.get()
        f.leave(turned, at.is_("uge", last))
        register = f.load(p.cell(Job.CHOSEN, f.load(at + 2, 1)))
        bit = f.emit(f"lshr i64 {register.name}, {f.load(at + 3, 1).name}") & 1
        mask = bit * f.load(at + 4, 4)
        place = to + f.load(at, 2)
        f.store(place, f.emit(f"xor i64 {f.load(place, 1).name}, {mask.name}"), 1)
        field.add(FIELD)
    hole = f.variable(holes + f.load(record + 4, 4))
    end = hole.get() + f.load(record + 14, 2) * HOLE
    with f.loop() as filled:
        at = hole.get()
        f.leave(filled, at.is_("uge", end))
        _fill(p, at, to, off, off + length)
        hole.add(HOLE)
    p.set(Job.OFFSET, off + length)
    return p.text()


def _fill(p: _Piece, hole: Word, to: Word, off: Word, follows: Word) -> None:
    f = p.f
    offset, way, kind = f.load(hole, 2), f.load(hole + 2, 1), f.load(hole + 3, 1)
    value = f.variable(f.load(hole + 4, 4, signed=True))
    with f.when(kind.is_("ult", len(HOLES))):
        value.add(f.load(p.cell(Job.NUMBERS, kind)))
    with f.when(kind.is_("eq", HOLE_KINDS[TARGET_HOLE])):
        value.add(p.get(Job.LOOP))
    with f.when(kind.is_("eq", HOLE_NEXT)):
        value.add(follows)
    assert HOLE_KINDS[CONSTANT] >= len(HOLES)  # whose place is in the addend
    with f.when(way.is_("eq", Way.REL32)):
        value.set(value.get() - off - offset)
    with f.when(way.is_("eq", Way.ABS64)):
        f.store(to + offset, value.get())
    with f.when(way.is_("ne", Way.ABS64)):
        f.store(to + offset, value.get(), 4)


def _free() -> str:
    """`free(job, register)`: what is in the register is not used any more."""
    p = _Piece("free", "register")
    f, register = p.f, p.f["register"]
    value = f.load(p.cell(Job.HELD, register))
    f.store(p.cell(Job.HELD, register), NONE)
    f.store(p.get(Job.WHERE) + value, FREE, 1)
    home = p.get(Job.HOME) + (value << 2)
    place = f.load(home, 4)
    dynamic = place & DYNAMIC
    given = f.emit(f"select i1 {place.is_('eq', NONE)}, i64 0, i64 {dynamic.name}")
    with f.when(given.is_("ne", 0)):
        count = p.get(Job.SPARE_COUNT)
        f.store(p.get(Job.SPARE) + (count << 2), place, 4)
        p.set(Job.SPARE_COUNT, count + 1)
        f.store(home, NONE, 4)
    return p.text()


def _take() -> str:
    """`take(job)`: a register that is free now; what was in it is in the frame."""
    p = _Piece("take")
    f = p.f
    lock = p.get(Job.LOCK)
    best, farthest = f.variable(0), f.variable(NONE)
    with p.each(p.get(Job.REGISTERS)) as register:
        locked = f.emit(f"lshr i64 {lock.name}, {register.name}") & 1
        with f.when(locked.is_("eq", 0)):
            with f.when(f.load(p.cell(Job.HELD, register)).is_("eq", NONE)):
                f.give(register)
            use = f.load(p.cell(Job.NEXT, register))
            with f.when(use.is_("ult", farthest.get())):  # uses count down to the end
                farthest.set(use)
                best.set(register)
    register = best.get()
    value = f.load(p.cell(Job.HELD, register))
    home = p.get(Job.HOME) + (value << 2)
    with f.when(f.load(home, 4).is_("eq", NONE)):
        count = p.get(Job.SPARE_COUNT)
        place = f.variable(p.get(Job.FRAME) + DYNAMIC)
        with f.when(count.is_("ne", 0)):
            p.set(Job.SPARE_COUNT, count - 1)
            place.set(f.load(p.get(Job.SPARE) + ((count - 1) << 2), 4))
        with f.when(count.is_("eq", 0)):
            p.set(Job.FRAME, p.get(Job.FRAME) + p.get(Job.BYTES))
        f.store(home, place.get(), 4)
        f.store(p.cell(Job.CHOSEN, 0), register)
        f.store(p.cell(Job.NUMBERS, HOLE_KINDS["slot"]), place.get() & ~DYNAMIC)
        f.call("put", p.job, STORE)
    f.store(p.get(Job.WHERE) + value, FREE, 1)
    f.store(p.cell(Job.HELD, register), NONE)
    f.give(register)
    return p.text()


_LOOPS = {Kind.FORWARD: NEXT_PERIOD, Kind.BACKWARD: BACK_PERIOD, Kind.FLAT: NEXT_BLOCK}


class _Assemble(_Piece):
    """`assemble(job)`: all pieces."""

    def __init__(self) -> None:
        super().__init__("assemble")
        self.records, self.blocks = self.get(Job.RECORDS), self.get(Job.BLOCKS)
        self.uses, self.where, self.home = (
            self.get(word) for word in (Job.USES, Job.WHERE, Job.HOME)
        )
        self.capacity = self.get(Job.CAPACITY)
        self.ids = self.get(Job.COUNT) * self.blocks
        self.turn = self.f.variable(0)  # an instruction's number, counted from the piece's end
        self.live, self.most, self.pins = (self.f.variable(0) for _ in range(3))

    def text(self) -> str:
        f = self.f
        self._constants()
        self._values()
        self._places()
        with self.each(self.get(Job.PIECE_COUNT)) as number:
            piece = self.get(Job.PIECES) + (number << 5)
            first, after, kind = (f.load(piece + 8 * n) for n in range(3))
            off = (self.get(Job.OFFSET) + 63) & -64
            self.set(Job.OFFSET, off)
            self.set(Job.LOOP, off)
            f.store(piece + 24, off)
            self._backwards(first, after)
            self._empty()
            with f.when(kind.is_("uge", Kind.FORWARD)):
                self._pin(PLACED)
                self._pin(0)
                self.set(Job.LOOP, self.get(Job.OFFSET))
            self._forwards(first, after)
            for which, stencil in _LOOPS.items():
                with f.when(kind.is_("eq", which)):
                    f.call("put", self.job, stencil)
            self._unpin()
            f.call("put", self.job, DONE)
        f.give(Outcome.DONE)
        return f.definition()

    def _constants(self) -> None:
        f = self.f
        table, out = self.get(Job.TABLE), self.get(Job.OUT)
        size = f.load(table + 8 * Part.SIZE)
        source = table + f.load(table + 8 * Part.CONSTANTS)
        done = f.variable(0)
        with f.loop() as copied:
            f.leave(copied, done.get().is_("uge", size))
            f.copy16(out + done.get(), source + done.get())
            done.add(16)
        self.set(Job.OFFSET, size)

    # Values -----------------------------------------------------------------------------------

    def _info(self, value: Word) -> Word:
        """The address of what is known of a value."""
        return self.get(Job.VALUES) + (value << 2)

    def _values(self) -> None:
        """Find out which values differ between lanes, and which are used in other pieces."""
        f = self.f
        with self.each(self.get(Job.COUNT)) as value:
            f.store(self._info(value), NEVER, 4)
        with self.each(self.get(Job.PIECE_COUNT)) as number:
            piece = self.get(Job.PIECES) + (number << 5)
            at, after = f.variable(f.load(piece)), f.load(piece + 8)
            with f.loop() as done:
                f.leave(done, at.get().is_("eq", after))
                self._value(self.records + at.get() * _RECORD, number)
                at.add(1)

    def _value(self, record: Word, piece: Word) -> None:
        f = self.f
        head = f.load(record, 4)
        marks = f.variable((head & VARYING) << 15)  # VARIES
        for n in range(OPERANDS):
            value = f.load(record + 8 + 4 * n, 4)
            with f.when(value.is_("ne", NONE)):
                cell = self._info(value)
                info = f.load(cell, 4)
                with f.when(info.is_("eq", NEVER)):
                    f.give(Outcome.UNKNOWN)
                marks.set(marks.get() | (info & VARIES))
                with f.when((info & (PLACED - 1)).is_("ne", piece)):
                    f.store(cell, info | KEPT, 4)
        with f.when((head & 0xFFFF).is_("eq", STORE)):
            to = f.load(self._info(f.load(record + 20, 4)), 4)
            marks.set(marks.get() | (to & VARIES))
        with f.when((head & 0xFFFF).is_("eq", PLACE)):
            marks.set(marks.get() | (KEPT | PLACED))
        made = f.load(record + 4, 4)
        with f.when(made.is_("ne", NONE)):
            f.store(self._info(made), marks.get() | piece, 4)
        f.store(record, head | ((marks.get() & VARIES) >> 15), 4)

    def _places(self) -> None:
        """Give the values that need one a place in the frame."""
        f = self.f
        frame, size = f.variable(FRAME_HEAD), self.get(Job.BYTES)
        with self.each(self.get(Job.COUNT)) as value:
            info = f.load(self._info(value), 4)
            with self.each(self.blocks) as block:
                place = f.variable(NONE)
                own = f.emit(f"select i1 {(info & VARIES).is_('ne', 0)}, i64 0, i64 {block.name}")
                with f.when((info & KEPT).is_("ne", 0)), f.when(own.is_("eq", 0)):
                    place.set(frame.get())
                    frame.add(size)
                f.store(self.home + ((value * self.blocks + block) << 2), place.get(), 4)
        self.set(Job.FRAME, frame.get())

    def _times(self, record: Word) -> Word:
        """How many blocks an instruction is written for."""
        f = self.f
        varying = f.load(record, 4) & VARYING
        times = f.emit(f"select i1 {varying.is_('ne', 0)}, i64 {self.blocks.name}, i64 1")
        place = (f.load(record, 4) & 0xFFFF).is_("eq", PLACE)
        return f.emit(f"select i1 {place}, i64 0, i64 {times.name}")

    def _id(self, value: Word, block: Word) -> Word:
        """A value's number for a block; what no lane changes has block 0 only."""
        f = self.f
        info = f.load(self._info(value), 4)
        own = f.emit(f"select i1 {(info >> 31).is_('ne', 0)}, i64 {block.name}, i64 0")
        return value * self.blocks + own

    # Backwards --------------------------------------------------------------------------------

    def _backwards(self, first: Word, after: Word) -> None:
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
            record = self.records + at.get() * _RECORD
            left = f.variable(self._times(record))
            with f.loop() as over:
                f.leave(over, left.get().is_("eq", 0))
                left.add(-1)
                self.turn.add(1)
                uses = self.uses + (self.turn.get() << 4)
                made = f.load(record + 4, 4)
                with f.when(made.is_("ne", NONE)):
                    cell = last + (self._id(made, left.get()) << 2)
                    use = f.load(cell, 4)
                    f.store(uses + 4 * TARGET, use, 4)
                    f.store(cell, 0, 4)
                    self._count(made, use.is_("ne", 0), -1)
                for passes in range(2):  # all are read before one is written
                    for n in range(OPERANDS):
                        value = f.load(record + 8 + 4 * n, 4)
                        with f.when(value.is_("ne", NONE)):
                            cell = last + (self._id(value, left.get()) << 2)
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
        own = (f.load(self._info(value), 4) & KEPT).is_("eq", 0)
        counts = f.emit(f"and i1 {own}, {changes}").name
        self.live.add(f.emit(f"select i1 {counts}, i64 {by}, i64 0"))
        with f.when(self.live.get().is_("sgt", self.most.get())):
            self.most.set(self.live.get())

    # Loops ------------------------------------------------------------------------------------

    def _empty(self) -> None:
        """Nothing is in registers."""
        f = self.f
        with self.each(REGISTERS) as number:
            f.store(self.cell(Job.HELD, number), NONE)
        with self.each(self.ids) as number:
            f.store(self.where + number, FREE, 1)
        self.set(Job.LOCK, 0)
        self.set(Job.PINNED, 0)
        self.pins.set(0)

    def _pin(self, mark: int) -> None:
        """Hold values that a loop does not make in registers, as far as there are some left.

        Those come first that are copied at the end of each turn: there the next turn waits.
        """
        f = self.f
        last, registers = self.get(Job.LAST), self.get(Job.REGISTERS)
        with self.each(self.get(Job.COUNT)) as value:
            info = f.load(self._info(value), 4)
            with f.when((info & PLACED).is_("eq", mark)), self.each(self._own(info)) as block:
                number = value * self.blocks + block
                used = f.load(last + (number << 2), 4).is_("ne", 0)
                needed = self.pins.get() + self.most.get() + HELD_BACK
                room = f.emit(f"and i1 {used}, {needed.is_('ult', registers)}").name
                with f.when(room):
                    register = self._fetch(number)
                    bit = f.emit(f"shl i64 1, {register.name}")
                    self.set(Job.PINNED, self.get(Job.PINNED) | bit)
                    self.set(Job.LOCK, self.get(Job.PINNED))
                    self.pins.add(1)

    def _own(self, info: Word) -> Word:
        """How many of a value there are."""
        varies = (info & VARIES).is_("ne", 0)
        return self.f.emit(f"select i1 {varies}, i64 {self.blocks.name}, i64 1")

    def _unpin(self) -> None:
        """After a loop: what it changed in registers goes to the frame."""
        f = self.f
        with self.each(self.get(Job.REGISTERS)) as register:
            pinned = f.emit(f"lshr i64 {self.get(Job.PINNED).name}, {register.name}") & 1
            with f.when(pinned.is_("ne", 0)):
                number = f.load(self.cell(Job.HELD, register))
                value = f.emit(f"udiv i64 {number.name}, {self.blocks.name}")
                changed = f.load(self._info(value), 4) & PLACED
                with f.when(changed.is_("ne", 0)):
                    self._to_frame(register, f.load(self.home + (number << 2), 4))

    def _to_frame(self, register: Word, place: Word) -> None:
        f = self.f
        f.store(self.cell(Job.CHOSEN, 0), register)
        f.store(self.cell(Job.NUMBERS, HOLE_KINDS["slot"]), place)
        f.call("put", self.job, STORE)

    # Forwards ---------------------------------------------------------------------------------

    def _forwards(self, first: Word, after: Word) -> None:
        f = self.f
        at = f.variable(first)
        with f.loop() as done:
            f.leave(done, at.get().is_("eq", after))
            record = self.records + at.get() * _RECORD
            with self.each(self._times(record)) as block:
                full = (self.get(Job.OFFSET) + RESERVE).is_("ugt", self.capacity)
                with f.when(full):
                    f.give(Outcome.TOO_SMALL)
                self._one(record, block)
                self.turn.add(-1)
            at.add(1)

    def _one(self, record: Word, block: Word) -> None:
        """One instruction for one block."""
        f = self.f
        uses = self.uses + (self.turn.get() << 4)
        stencil = f.load(record, 4) & 0xFFFF
        chosen = [f.variable(NONE) for _ in range(OPERANDS)]
        for n, register in enumerate(chosen):
            value = f.load(record + 8 + 4 * n, 4)
            with f.when(value.is_("ne", NONE)):
                register.set(self._fetch(self._id(value, block)))
                bit = f.emit(f"shl i64 1, {register.get().name}")
                self.set(Job.LOCK, self.get(Job.LOCK) | bit)
        for n, register in enumerate(chosen):
            with f.when(register.get().is_("ne", NONE)):
                f.store(self.cell(Job.NEXT, register.get()), f.load(uses + 4 * n, 4))
        table = self.get(Job.TABLE)
        records = table + f.load(table + 8 * Part.RECORDS)
        early = f.load(records + stencil * RECORD + 18, 2) & EARLY
        with f.when(early.is_("eq", 0)):
            self._release(chosen)
        made = f.load(record + 4, 4)
        target = f.variable(0)
        with f.when(made.is_("ne", NONE)):
            target.set(f.call("take", self.job))
        for n, register in enumerate(chosen):
            f.store(self.cell(Job.CHOSEN, n), register.get())
        f.store(self.cell(Job.CHOSEN, TARGET), target.get())
        self._numbers(record, block, stencil)
        what = f.variable(stencil)
        with f.when(stencil.is_("eq", STORE)):
            to = f.load(self.where + self._id(f.load(record + 20, 4), block), 1)
            with f.when(to.is_("ne", FREE)):  # the other value is in a register for all of a loop
                f.store(self.cell(Job.CHOSEN, TARGET), to)
                what.set(MOVE)
        f.call("put", self.job, what.get())
        with f.when(early.is_("ne", 0)):
            self._release(chosen)
        self.set(Job.LOCK, self.get(Job.PINNED))
        with f.when(made.is_("ne", NONE)):
            self._keep(self._id(made, block), target.get(), f.load(uses + 4 * TARGET, 4))

    def _fetch(self, value: Word) -> Word:
        """The register that holds a value, loaded from the frame if none does."""
        f = self.f
        found = f.variable(f.load(self.where + value, 1))
        with f.when(found.get().is_("eq", FREE)):
            register = f.call("take", self.job)
            place = f.load(self.home + (value << 2), 4)
            with f.when(place.is_("eq", NONE)):
                f.give(Outcome.UNKNOWN)
            f.store(self.cell(Job.NUMBERS, HOLE_KINDS["slot"]), place & ~DYNAMIC)
            f.store(self.cell(Job.CHOSEN, TARGET), register)
            f.call("put", self.job, LOAD)
            f.store(self.cell(Job.HELD, register), value)
            f.store(self.where + value, register, 1)
            found.set(register)
        return found.get()

    def _release(self, chosen: list[Variable]) -> None:
        """Free the registers of operands that are used no more, each once."""
        f = self.f
        for register in chosen:
            now = register.get()
            with f.when(now.is_("ne", NONE)):
                bit = f.emit(f"shl i64 1, {now.name}")
                unused = f.load(self.cell(Job.NEXT, now)) | (self.get(Job.PINNED) & bit)
                with (
                    f.when(unused.is_("eq", 0)),
                    f.when(f.load(self.cell(Job.HELD, now)).is_("ne", NONE)),
                ):
                    f.call("free", self.job, now)
                    lock = f.emit(f"xor i64 {self.get(Job.LOCK).name}, {bit.name}")
                    self.set(Job.LOCK, lock)

    def _numbers(self, record: Word, block: Word, stencil: Word) -> None:
        f = self.f

        def number(name: str, value: Word) -> None:
            f.store(self.cell(Job.NUMBERS, HOLE_KINDS[name]), value)

        for n, name in enumerate(("n1", "n2", "n3")):
            number(name, f.load(record + 20 + 4 * n, 4, signed=True))
        number("block", block * self.get(Job.WIDTH))
        number("reach", self.blocks * self.get(Job.WIDTH))
        with f.when(stencil.is_("eq", STORE)):  # to the place of another value
            to = self._id(f.load(record + 20, 4), block)
            number("slot", f.load(self.home + (to << 2), 4))

    def _keep(self, value: Word, register: Word, use: Word) -> None:
        """Note that a register holds a value; one with a place in the frame goes there, too."""
        f = self.f
        f.store(self.cell(Job.HELD, register), value)
        f.store(self.cell(Job.NEXT, register), use)
        f.store(self.where + value, register, 1)
        place = f.load(self.home + (value << 2), 4)
        with f.when(place.is_("ne", NONE)):
            self._to_frame(register, place)
        with f.when(use.is_("eq", 0)):
            f.call("free", self.job, register)


def patch_text() -> str:
    """The patch loop as LLVM IR; `repeat` runs it many times, to measure it."""
    f = Function("repeat", ("job", "count"))
    left = f.variable(f["count"])
    with f.loop() as done:
        f.leave(done, left.get().is_("eq", 0))
        f.call("assemble", f["job"])
        left.add(-1)
    parts = [_put(), _free(), _take(), _Assemble().text(), f.definition()]
    return "\n".join(parts)
