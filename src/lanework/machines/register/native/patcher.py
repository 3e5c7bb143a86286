"""The patch loop: from a tape to machine code, by copying stencils and filling their holes.

Decode, look up, copy, patch, once over the tape; then the places that were not yet known when a
jump to them was written; then a few bytes for each instruction that may trap, away from the
straight way. Written in the little language of `nativetext` and compiled when the package is
built, so that nothing but this loop is needed at run time.
"""

from __future__ import annotations

from lanework.engines.llvm.nativetext import Function, Variable, Word
from lanework.engines.stencil.stencil import Relocation
from lanework.machines.register.isa import ZERO
from lanework.machines.register.native.stencils import BACK, PINNED
from lanework.machines.register.native.table import (
    CLASSES,
    FIRST_PLACE,
    FIRST_TRAP,
    HOLE,
    KINDS,
    NONE,
    RECORD,
    Section,
    Uses,
)
from lanework.machines.register.state import DISCARD, Status

# Words of a patch job.
TAPE, BYTES, TABLE, OUT, CAPACITY, MAP, FIXES, COLDS, LENGTH = range(9)
JOB_WORDS = 16
DONE, TOO_SMALL, MISSING = range(3)
STAGES = ("decode", "look_up", "patch")  # each with those before it
RESERVE = 1024  # bytes that the stencils of one instruction never exceed
COLD_BYTES = 48  # and those of one trap
ENTRY = 32  # bytes of an entry in the lists of places still to be written
PER_WORD = 8 * ENTRY  # of scratch, for each word of the tape, in each list
ABSENT = 0xFFFFFFFF
_MOVZ, _MOVN, _MOVK = 0xD2800000, 0x92800000, 0xF2A00000  # of 64 bits; movk shifted by 16


class _Patch:
    """Writes the function."""

    def __init__(self, machine: str, stage: str = "patch") -> None:
        self.machine, self.stage = machine, stage
        self.f = f = Function(stage, ("job",))
        job = f["job"]
        self.tape, self.end, self.table, self.out, self.capacity, self.map, fixes, colds = (
            f.load(job + 8 * n) for n in range(8)
        )
        self.records, self.holes, self.code, self.by_code, self.index = (
            self.table + f.load(self.table + 8 * part) for part in list(Section)[:5]
        )
        self.pinned = f.load(self.table + 8 * Section.PINNED)
        self.values = f.array(16)
        self.queue = f.array(2 * PINNED + 4)
        self.at, self.off, self.count = f.variable(), f.variable(), f.variable()
        self.fixes, self.first_fix = f.variable(fixes), fixes
        self.colds, self.first_cold = f.variable(colds), colds
        self.sum = f.variable()  # of what a shorter stage finds, so that it is not left out

    def value(self, name: str, what: Word | int) -> None:
        self.f.store(self.values + 8 * KINDS[name], what)

    def text(self) -> str:
        f = self.f
        if self.stage == "patch":
            self._copy(f.load(self.table + 8 * Section.EXIT))  # first: so its place is known
        with f.loop() as done:
            f.leave(done, self.at.get().is_("uge", self.end))
            self._instruction()
        if self.stage == "patch":
            self._finish()
            f.store(f["job"] + 8 * LENGTH, self.off.get())
        else:
            f.store(f["job"] + 8 * LENGTH, self.sum.get())
        f.give(DONE)
        return f.definition()

    # One instruction --------------------------------------------------------------------------

    def _instruction(self) -> None:
        f = self.f
        at, off = self.at.get(), self.off.get()
        f.store(self.map + at, off, 4)
        word = f.load(self.tape + at, 4)
        code = f.variable(((word >> 23) & 0x1F8) | ((word >> 8) & 7))
        rd, rs1, rs2 = (word >> 21) & 31, (word >> 16) & 31, (word >> 11) & 31
        number, size = f.variable(), f.variable(4)
        with f.when((word & 1).is_("ne", 0)):
            number.set(f.load(self.tape + at + 4, 4, signed=True))
            size.set(8)
            f.store(self.map + at + 4, ABSENT, 4)
        entry = f.load(self.by_code + (code.get() << 3))
        with f.when(((entry >> 16) & Uses.DIRECT).is_("ne", 0)), f.when(number.get().is_("sle", 0)):
            back = f.load(self.by_code + ((code.get() + BACK) << 3))
            with f.when((back & 0xFFFF).is_("ne", NONE)):  # calls pay either way
                code.add(BACK)
        entry = f.load(self.by_code + (code.get() << 3))
        flags = entry >> 16
        after = at + size.get()
        if self.stage == "decode":
            self.sum.add(rd + rs1 + rs2 + number.get() + entry)
            self.at.set(after)
            return
        self.value("rd", self._slot(rd) << 3)
        self.value("was", rd << 3)
        self.value("rs1", rs1 << 3)
        self.value("rs2", rs2 << 3)
        self.value("imm", number.get())
        self.value("minus", f.emit(f"sub i64 0, {number.get().name}"))
        self.value("after", after)
        self.value("pc", at)
        self.count.set(0)
        lowest = number.get().is_("eq", -(1 << 31))  # the only one whose negative does not fit
        free = f.emit(f"select i1 {lowest}, i64 0, i64 {int(Uses.PINNED)}")
        with f.when((flags & free).is_("ne", 0)):
            self._find_pinned(entry >> 32, rd, rs1, rs2)
        with f.when(self.count.get().is_("eq", 0)):
            self._in_state(entry & 0xFFFF, flags, rd, rs1, rs2)
        with f.when(self._full()):
            f.give(TOO_SMALL)
        turn = f.variable()
        with f.loop() as done:
            f.leave(done, turn.get().is_("uge", self.count.get()))
            stencil = f.load(self.queue + (turn.get() << 3))
            if self.stage == "look_up":
                self.sum.add(stencil)
            else:
                with f.when(stencil.is_("eq", NONE)):
                    f.give(MISSING)
                self._copy(stencil)
            turn.add(1)
        self.at.set(after)

    def _slot(self, rd: Word) -> Word:
        """Where a result goes: what is written to r31 is not read again."""
        f = self.f
        zero = f.emit(f"icmp eq i64 {rd.name}, {ZERO}")
        return f.emit(f"select i1 {zero.name}, i64 {DISCARD}, i64 {rd.name}")

    def _push(self, stencil: Word) -> None:
        f = self.f
        count = self.count.get()
        f.store(self.queue + (count << 3), stencil)
        self.count.set(count + 1)

    def _class(self, register: Word) -> Word:
        """r0 to r7 as they are, zero as 8, all others as 64, which is out of range."""
        f = self.f
        low = f.emit(f"icmp ult i64 {register.name}, {PINNED}")
        zero = f.emit(f"icmp eq i64 {register.name}, {ZERO}")
        other = f.emit(f"select i1 {zero.name}, i64 {CLASSES - 1}, i64 64")
        return f.emit(f"select i1 {low.name}, i64 {register.name}, i64 {other.name}")

    def _find_pinned(self, place: Word, rd: Word, rs1: Word, rs2: Word) -> None:
        f = self.f
        a, b, c = self._class(rd), self._class(rs1), self._class(rs2)
        with f.when((a | b | c).is_("ult", 64)):
            key = place + (a * CLASSES + b) * CLASSES + c
            stencil = f.load(self.index + (key << 1), 2)
            with f.when(stencil.is_("ne", NONE)):
                self._push(stencil)

    def _in_state(self, stencil: Word, flags: Word, rd: Word, rs1: Word, rs2: Word) -> None:
        """With operands in the state, and what is pinned brought there and back."""
        f = self.f
        spill = f.load(self.table + 8 * Section.SPILL)
        reload = f.load(self.table + 8 * Section.RELOAD)

        def move(flag: Uses, register: Word, first: Word) -> None:
            with f.when((flags & flag).is_("ne", 0)), f.when(register.is_("ult", self.pinned)):
                self._push(first + register)

        move(Uses.RS1, rs1, spill)
        move(Uses.RS2, rs2, spill)
        move(Uses.RD_READ, rd, spill)
        self._push(stencil)
        move(Uses.RD_WRITTEN, rd, reload)

    def _full(self) -> str:
        f = self.f
        colds = (self.colds.get() - self.first_cold) >> 5
        needed = self.off.get() + colds * COLD_BYTES + RESERVE
        return f.emit(f"icmp ugt i64 {needed.name}, {self.capacity.name}").name

    # Copy and patch ---------------------------------------------------------------------------

    def _copy(self, stencil: Word) -> None:
        """Append a stencil and fill its holes."""
        f = self.f
        record = self.records + stencil * RECORD
        source = self.code + f.load(record, 4)
        length, holes = f.load(record + 4, 2), f.load(record + 6, 2)
        hole = f.variable(self.holes + f.load(record + 8, 4))
        off = self.off.get()
        done = f.variable()
        with f.loop() as copied:
            f.leave(copied, done.get().is_("uge", length))
            f.copy16(self.out + off + done.get(), source + done.get())
            done.add(16)
        last = hole.get() + holes * HOLE
        with f.loop() as filled:
            where = hole.get()
            f.leave(filled, where.is_("uge", last))
            place = off + f.load(where, 2)
            how, kind = f.load(where + 2, 1), f.load(where + 3, 1)
            addend = f.load(where + 4, 4, signed=True)
            with f.when(kind.is_("ult", FIRST_PLACE)):
                value = f.load(self.values + (kind << 3)) + addend
                if self.machine == "aarch64":
                    self._halves(how, place, value)
                else:
                    with f.when(how.is_("eq", Relocation.ABS64)):
                        f.store(self.out + place, value)
                    with f.when(how.is_("ne", Relocation.ABS64)):
                        f.store(self.out + place, value, 4)
            with f.when(kind.is_("uge", FIRST_PLACE)):
                self._reach(kind, place, addend, off + length)
            hole.add(HOLE)
        self.off.set(off + length)

    def _reach(self, kind: Word, place: Word, addend: Word, follows: Word) -> None:
        """Fill a hole with the way to another place."""
        f = self.f
        to = f.variable()  # the way out is at 0
        with f.when(kind.is_("eq", KINDS["next"])):
            to.set(follows)
        with f.when(kind.is_("eq", KINDS["target"])):
            number = f.load(self.values + 8 * KINDS["imm"])
            target = self.at.get() + number
            with f.when(number.is_("sle", 0)):
                to.set(f.load(self.map + target, 4))
            with f.when(number.is_("sgt", 0)):
                self._note(self.fixes, place, addend, target, f.load(self.values))
        with f.when(kind.is_("uge", FIRST_TRAP)):
            status = kind - FIRST_TRAP
            yields = f.emit(f"icmp eq i64 {status.name}, {int(Status.YIELD)}")
            here = f.load(self.values + 8 * KINDS["pc"])
            after = f.load(self.values + 8 * KINDS["after"])
            pc = f.emit(f"select i1 {yields.name}, i64 {after.name}, i64 {here.name}")
            self._note(self.colds, place, addend, pc, status)
        self._jump(place, to.get() - place + addend)

    def _halves(self, how: Word, place: Word, value: Word) -> None:
        """On aarch64: two instructions that make a signed number of 32 bits, the first of which
        sets all bits above its own to the sign.
        """
        f = self.f
        register = f.load(self.out + place, 4) & 31
        with f.when(how.is_("eq", Relocation.LOW16)):
            negative = f.emit(f"icmp slt i64 {value.name}, 0")
            op = f.emit(f"select i1 {negative.name}, i64 {_MOVN}, i64 {_MOVZ}")
            sign = f.emit(f"select i1 {negative.name}, i64 65535, i64 0")
            low = f.emit(f"xor i64 {(value & 0xFFFF).name}, {sign.name}")
            f.store(self.out + place, op | (low << 5) | register, 4)
        with f.when(how.is_("eq", Relocation.HIGH16)):
            high = (value >> 16) & 0xFFFF
            f.store(self.out + place, (high << 5) | register | _MOVK, 4)

    def _jump(self, place: Word, distance: Word) -> None:
        """Write a distance, as the architecture's jumps have it."""
        f = self.f
        if self.machine == "aarch64":
            word = f.load(self.out + place, 4) & 0xFC000000
            distance = word | ((distance >> 2) & 0x3FFFFFF)
        f.store(self.out + place, distance, 4)

    def _note(
        self, entries: Variable, place: Word, addend: Word, first: Word, second: Word
    ) -> None:
        f = self.f
        entry = entries.get()
        for n, what in enumerate((place, addend, first, second)):
            f.store(entry + 8 * n, what)
        entries.set(entry + ENTRY)

    # After the tape ---------------------------------------------------------------------------

    def _finish(self) -> None:
        f = self.f
        with f.when(self._full()):
            f.give(TOO_SMALL)
        cold = f.load(self.table + 8 * Section.COLD)
        f.store(self.map + self.end, self.off.get(), 4)
        self.value("pc", self.end)
        self.value("status", Status.HALT)
        self._copy(cold)
        entry = f.variable(self.first_fix)
        with f.loop() as fixed:
            at = entry.get()
            f.leave(fixed, at.is_("uge", self.fixes.get()))
            place, addend = f.load(at), f.load(at + 8)
            to = f.load(self.map + f.load(at + 16), 4)
            self._jump(place, to - place + addend)
            entry.set(at + ENTRY)
        entry.set(self.first_cold)
        stub = f.variable()
        with f.loop() as stubbed:
            at = entry.get()
            f.leave(stubbed, at.is_("uge", self.colds.get()))
            place, addend, pc, status = (f.load(at + 8 * n) for n in range(4))
            known = f.variable()
            with f.when(at.is_("ne", self.first_cold)):
                before = at - ENTRY
                same = (f.load(before + 16) - pc) | (f.load(before + 24) - status)
                with f.when(same.is_("eq", 0)):
                    known.set(1)
            with f.when(known.get().is_("eq", 0)):
                stub.set(self.off.get())
                self.value("pc", pc)
                self.value("status", status)
                self._copy(cold)
            self._jump(place, stub.get() - place + addend)
            entry.set(at + ENTRY)


def patch_text(machine: str) -> str:
    """The patch loop for an architecture as LLVM IR; to measure it, also its first stages alone,
    and loops that run each many times.
    """
    parts = []
    for stage in STAGES:
        f = Function(f"repeat_{stage}", ("job", "count"))
        left = f.variable(f["count"])
        with f.loop() as done:
            f.leave(done, left.get().is_("eq", 0))
            f.call(stage, f["job"])
            left.add(-1)
        parts += [_Patch(machine, stage).text(), f.definition()]
    return "\n".join(parts)
