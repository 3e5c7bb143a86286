"""The patch loop: from a tape of vector instructions to machine code.

For each piece of the tape, once backwards (`liveness.py`) and once forwards: forwards it gives
values to machine registers, and copies and patches stencils (`emit.py`).

An instruction on values that differ between lanes is written once for each of the blocks that run
together, so that the processor finds independent work.
"""

from __future__ import annotations

from lanework.engines.llvm.nativetext import Function, Variable, Word
from lanework.engines.vector.emit import DYNAMIC, FREE, free_text, put_text, take_text
from lanework.engines.vector.isa import (
    BACK_PERIOD,
    DONE,
    EARLY,
    HOLE_KINDS,
    LOAD,
    MOVE,
    NEXT_BLOCK,
    NEXT_PERIOD,
    NONE,
    OPERANDS,
    RECORD,
    REGISTERS,
    STORE,
    TARGET,
    Job,
    Kind,
    Outcome,
    Section,
)
from lanework.engines.vector.liveness import PLACED, RECORD_BYTES, Liveness

RESERVE = 4096  # bytes that the stencils of one instruction never exceed
HELD_BACK = 3  # registers that pinned values leave free besides those for what a loop makes
_LOOPS = {Kind.FORWARD: NEXT_PERIOD, Kind.BACKWARD: BACK_PERIOD, Kind.FLAT: NEXT_BLOCK}


class _Assemble(Liveness):
    """`assemble(job)`: all pieces."""

    def text(self) -> str:
        f = self.f
        self._constants()
        self.find_values()
        self.allocate()
        with self.each(self.get(Job.PIECE_COUNT)) as number:
            piece = self.get(Job.PIECES) + (number << 5)
            first, after, kind = (f.load(piece + 8 * n) for n in range(3))
            off = (self.get(Job.OFFSET) + 63) & -64
            self.set(Job.OFFSET, off)
            self.set(Job.LOOP, off)
            f.store(piece + 24, off)
            self.backwards(first, after)
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
        size = f.load(table + 8 * Section.SIZE)
        source = table + f.load(table + 8 * Section.CONSTANTS)
        done = f.variable(0)
        with f.loop() as copied:
            f.leave(copied, done.get().is_("uge", size))
            f.copy16(out + done.get(), source + done.get())
            done.add(16)
        self.set(Job.OFFSET, size)

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
            info = f.load(self.info(value), 4)
            with f.when((info & PLACED).is_("eq", mark)), self.each(self.own(info)) as block:
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

    def _unpin(self) -> None:
        """After a loop: what it changed in registers goes to the frame."""
        f = self.f
        with self.each(self.get(Job.REGISTERS)) as register:
            pinned = f.emit(f"lshr i64 {self.get(Job.PINNED).name}, {register.name}") & 1
            with f.when(pinned.is_("ne", 0)):
                number = f.load(self.cell(Job.HELD, register))
                value = f.emit(f"udiv i64 {number.name}, {self.blocks.name}")
                changed = f.load(self.info(value), 4) & PLACED
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
            record = self.records + at.get() * RECORD_BYTES
            with self.each(self.times(record)) as block:
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
                register.set(self._fetch(self.id(value, block)))
                bit = f.emit(f"shl i64 1, {register.get().name}")
                self.set(Job.LOCK, self.get(Job.LOCK) | bit)
        for n, register in enumerate(chosen):
            with f.when(register.get().is_("ne", NONE)):
                f.store(self.cell(Job.NEXT, register.get()), f.load(uses + 4 * n, 4))
        table = self.get(Job.TABLE)
        records = table + f.load(table + 8 * Section.RECORDS)
        early = f.load(records + stencil * RECORD + 18, 2) & EARLY
        with f.when(early.is_("eq", 0)):
            self._release(chosen)
        value = f.load(record + 4, 4)
        target = f.variable(0)
        with f.when(value.is_("ne", NONE)):
            target.set(f.call("take", self.job))
        for n, register in enumerate(chosen):
            f.store(self.cell(Job.CHOSEN, n), register.get())
        f.store(self.cell(Job.CHOSEN, TARGET), target.get())
        self._numbers(record, block, stencil)
        what = f.variable(stencil)
        with f.when(stencil.is_("eq", STORE)):
            to = f.load(self.where + self.id(f.load(record + 20, 4), block), 1)
            with f.when(to.is_("ne", FREE)):  # the other value is in a register for all of a loop
                f.store(self.cell(Job.CHOSEN, TARGET), to)
                what.set(MOVE)
        f.call("put", self.job, what.get())
        with f.when(early.is_("ne", 0)):
            self._release(chosen)
        self.set(Job.LOCK, self.get(Job.PINNED))
        with f.when(value.is_("ne", NONE)):
            self._keep(self.id(value, block), target.get(), f.load(uses + 4 * TARGET, 4))

    def _fetch(self, value: Word) -> Word:
        """The register that holds a value, loaded from the frame if none does."""
        f = self.f
        holder = f.variable(f.load(self.where + value, 1))
        with f.when(holder.get().is_("eq", FREE)):
            register = f.call("take", self.job)
            place = f.load(self.home + (value << 2), 4)
            with f.when(place.is_("eq", NONE)):
                f.give(Outcome.UNKNOWN)
            f.store(self.cell(Job.NUMBERS, HOLE_KINDS["slot"]), place & ~DYNAMIC)
            f.store(self.cell(Job.CHOSEN, TARGET), register)
            f.call("put", self.job, LOAD)
            f.store(self.cell(Job.HELD, register), value)
            f.store(self.where + value, register, 1)
            holder.set(register)
        return holder.get()

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
            to = self.id(f.load(record + 20, 4), block)
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
    parts = [put_text(), free_text(), take_text(), _Assemble("assemble").text(), f.definition()]
    return "\n".join(parts)
