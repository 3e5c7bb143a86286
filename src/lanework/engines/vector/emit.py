"""Appending stencils to code, and the machine registers that hold values.

`put` copies a stencil and patches it: register fields, numbers, distances. `take` finds a free
register; where there is none, it gives up the value whose next use is farthest (L. A. Belady, IBM
Systems Journal 5, 1966), which goes to the frame if it is not there already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lanework.engines.llvm.nativetext import Function, Word
from lanework.engines.stencil.stencil import Relocation
from lanework.engines.vector.isa import (
    CONSTANT,
    FIELD,
    HOLE,
    HOLE_KINDS,
    HOLE_NEXT,
    HOLES,
    NONE,
    RECORD,
    STORE,
    TARGET_HOLE,
    Job,
    Section,
)

FREE = 255  # the register of a value that is in none
DYNAMIC = 1  # marks a place in the frame that was given to a value for a while


class JobWriter:
    """Writes a function over a job; all of them keep what they know in its words."""

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


def put_text() -> str:
    """`put(job, stencil)`: append a stencil with the job's registers and numbers."""
    p = JobWriter("put", "stencil")
    f = p.f
    table, out, off = p.get(Job.TABLE), p.get(Job.OUT), p.get(Job.OFFSET)
    records, holes, fields, code = (
        table + f.load(table + 8 * section)
        for section in (Section.RECORDS, Section.HOLES, Section.FIELDS, Section.CODE)
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
    return p.f.definition()


def _fill(p: JobWriter, hole: Word, to: Word, off: Word, follows: Word) -> None:
    f = p.f
    offset, how, kind = f.load(hole, 2), f.load(hole + 2, 1), f.load(hole + 3, 1)
    value = f.variable(f.load(hole + 4, 4, signed=True))
    with f.when(kind.is_("ult", len(HOLES))):
        value.add(f.load(p.cell(Job.NUMBERS, kind)))
    with f.when(kind.is_("eq", HOLE_KINDS[TARGET_HOLE])):
        value.add(p.get(Job.LOOP))
    with f.when(kind.is_("eq", HOLE_NEXT)):
        value.add(follows)
    assert HOLE_KINDS[CONSTANT] >= len(HOLES)  # whose place is in the addend
    with f.when(how.is_("eq", Relocation.REL32)):
        value.set(value.get() - off - offset)
    with f.when(how.is_("eq", Relocation.ABS64)):
        f.store(to + offset, value.get())
    with f.when(how.is_("ne", Relocation.ABS64)):
        f.store(to + offset, value.get(), 4)


def free_text() -> str:
    """`free(job, register)`: what is in the register is not used any more."""
    p = JobWriter("free", "register")
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
    return p.f.definition()


def take_text() -> str:
    """`take(job)`: a register that is free now; what was in it is in the frame."""
    p = JobWriter("take")
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
    return p.f.definition()
