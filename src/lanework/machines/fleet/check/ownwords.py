"""Random statements of VMs that do not see each other, each at words of shared memory of its own.

Before these are words that are only read, at any address, and after them some that integer atomics
count in, each with one word for each kind of update.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lanework.core.ops.bodies import arithmetic, words32
from lanework.machines.fleet.check.blocks import (
    ATOMICS,
    COUNTING,
    Body,
    Statements,
)
from lanework.machines.fleet.check.drafting import FLOAT, INF, KNOWN, NAN, NUMBER
from lanework.machines.fleet.matrices.maps import pattern

READ_ONLY = 16
"""Words that are only read: a power of two."""
ANYWHERE = (-1.0, -0.5, -0.0, 1e-40, -1e-40, 1e9, 2.0**31, -(2.0**31), 2.0**32, INF, -INF, NAN)
UPDATES = COUNTING


@dataclass(frozen=True)
class Area:
    """The words of a routine.

    Attributes:
        begin: the first of them.
        each: words of each VM.
        number: the instruction that gives the number of a VM by which they are its.
        written: whether any of them is written; else any word is read.
        counts: the first of the words that integer atomics count in; none where VMs are kept.
    """

    begin: int
    each: int
    number: str
    written: bool
    counts: int | None = None


@dataclass
class Apart(Body):
    """A routine of random statements that touches no word that another VM is at.

    Attributes:
        area: its words; None for one that touches none.
        held: registers that statements leave as they are.
        outer: whether it is not called by others, so that it may yield outside of loops.
    """

    area: Area | None = None
    held: tuple[int, ...] = ()
    outer: bool = False

    def statements(self) -> Statements:
        """What a block is made of, and how often."""
        if self.held:
            return _HELD
        return _PARENTS if self.spawns else _STATEMENTS

    def register(self, *others: int) -> int:
        """A register that is not loose, not held, and none of the others."""
        return super().register(*others, *self.held)

    @contextmanager
    def holding(self, register: int) -> Iterator[None]:
        """Leave a register as it is."""
        self.held = (register,)
        yield
        self.held = ()

    # Shared memory --------------------------------------------------------------------------------

    def own(self, register: int) -> bool:
        """The address of a word of the VM's own, as an integer or a float; whether an integer."""
        area = self.area
        assert area is not None
        integer = area.number == "SYSCALL_VMID" and self.chance(0.2)
        place = self.rand.randrange(area.each)
        if integer:
            other = self.register(register)
            self.emit("IVMID", KNOWN, dest=register)
            for op, value in ((words32.imul, area.each), (words32.iadd, area.begin + place)):
                self.emit("SETI", KNOWN, dest=other, imm=value)
                self.emit(op, KNOWN, dest=register, src1=register, src2=other)
            return True
        how = self.rand.random()
        if how < 0.3 and area.each > 1:  # some word of its own, by value
            other = self.register(register)
            self.clamp(register, other, 0.0, area.each - 1.0)
            self.emit(arithmetic.floor, NUMBER, dest=register, src=register)
            self.emit(area.number, NUMBER, dest=other)
            self.emit("MULI", NUMBER, dest=other, src=other, imm=pattern(float(area.each)))
            self.emit(arithmetic.add, NUMBER, dest=register, src1=register, src2=other)
            place = 0
        else:
            self.emit(area.number, NUMBER, dest=register)
            if area.each > 1:
                factor = pattern(float(area.each))
                self.emit("MULI", NUMBER, dest=register, src=register, imm=factor)
        at = pattern(float(area.begin + place))
        self.emit("ADDI", NUMBER, dest=register, src=register, imm=at)
        return False

    def keep(self) -> None:
        """Write some registers into words of the VM's own, for all to see."""
        if self.area is None or not self.area.written:
            return
        for _ in range(self.rand.randint(1, 2)):
            self._write(0)

    def anywhere(self, register: int) -> None:
        """An address of what is only read, or of any word where none is written."""
        area = self.area
        if area is None or area.written or self.chance(0.3):
            how, other = self.rand.random(), self.register(register)
            high = READ_ONLY - self.rand.choice((1.0, 0.25))
            if how < 0.3:
                self.clamp(register, other, self.rand.choice((0.0, 0.0, -0.75, -3.0)), high)
            elif how < 0.5:  # of a negative number NaN
                self.clamp(register, other, self.rand.choice((0.0, -9.0)), high * high)
                self.emit(arithmetic.sqrt, dest=register, src=register)
            elif how < 0.7:
                self.know(register)
                self.mask(register, other, READ_ONLY)
                self.emit(words32.itof, NUMBER, dest=register, src=register)
            else:
                self.emit("SETI", KNOWN, dest=register, imm=pattern(self.somewhere()))
            return
        how = self.rand.random()
        if how < 0.3:
            self.emit("SETI", KNOWN, dest=register, imm=pattern(self.somewhere()))
        elif how < 0.6:
            self.emit(area.number, NUMBER, dest=register)
            name = self.rand.choice(("MULI", "ADDI", "SUBI"))
            by = self.rand.choice((1.0, 3.0, 0.5, -2.0, 64.0, 1e30))
            self.emit(name, NUMBER, dest=register, src=register, imm=pattern(by))

    def somewhere(self) -> float:
        """An address of what is only read, or outside."""
        inside = self.rand.uniform(0, READ_ONLY - 1)
        return self.rand.choice((*ANYWHERE, self.room.shared + 0.5, *[inside] * 9))

    def _read(self, nested: int) -> None:
        addr = self.register()
        if self.area is not None and self.area.written and self.chance(0.5):
            name = "IREAD" if self.own(addr) else "SYSCALL_READ"
            self.emit(name, dest=self.register(), addr=addr)
        elif self.chance(0.2):
            self.know(addr)
            self.mask(addr, self.register(addr), READ_ONLY)
            self.emit("IREAD", dest=self.register(), addr=addr)
        else:
            self.anywhere(addr)
            self.emit("SYSCALL_READ", dest=self.register(), addr=addr)

    def _write(self, nested: int) -> None:
        if self.area is None or not self.area.written:
            return
        addr = self.register()
        name = "IWRITE" if self.own(addr) else "SYSCALL_WRITE"
        self.emit(name, addr=addr, src=self.register(addr))

    def _atomic(self, nested: int) -> None:
        area, addr = self.area, self.register()
        if area is None:
            return
        if area.written and self.chance(0.5):
            info = self.rand.choice([each for each in ATOMICS if each.name != "ATOMIC_ADD"])
            if not self.own(addr):
                sources = [spec.name for spec in info.operands[2:]]
                values: dict[str, int | str] = {each: self.register() for each in sources}
                if len(sources) == 2:
                    values["src1"] = self.surely_number(addr)
                self.emit(info.name, FLOAT, dest=self.register(), addr=addr, **values)
        elif area.counts is not None:
            number = self.rand.randrange(len(UPDATES))
            source = self.register(addr)
            self.know(source)
            at = pattern(float(area.counts + number))
            self.emit("SETI", NUMBER, dest=addr, imm=at)
            dest = self.register()
            self.emit(UPDATES[number].name, dest=dest, addr=addr, src=source)
            self.emit("CLEAR", NUMBER, dest=dest)

    def _wait(self, nested: int) -> None:
        if self.outer and not nested and self.chance(0.5):
            self.emit("SYSCALL_YIELD")
            return
        addr = self.register()
        self.emit("SETI", NUMBER, dest=addr, imm=pattern(self.rand.uniform(0, READ_ONLY - 1)))
        other = self.register(addr)
        likely = self.rand.choice((0.0, 1.0)) if self.chance(0.1) else self.rand.uniform(60, 90)
        self.emit("SETI", NUMBER, dest=other, imm=pattern(likely))
        self.emit("WAIT", addr=addr, src=other)

    def _start(self, nested: int) -> None:
        """Start a VM, without a look at its number."""
        fits = [each for each in self.spawns if self.cost + each.cost < self.budget]
        if fits:
            chosen, dest = self.rand.choice(fits), self.register()
            self.emit("SYSCALL_SPAWN", dest=dest, target=chosen.name, src=self.register())
            self.emit("CLEAR", NUMBER, dest=dest)
            self.cost += chosen.cost

    # Control --------------------------------------------------------------------------------------

    def _stride(self, nested: int) -> None:
        """A loop over words of the VM's own, one after another."""
        area = self.area
        if area is None or not area.written or area.each < 2 or self.budget - self.cost < 30:
            return
        addr = self.register()
        other = self.register(addr)
        self.emit(area.number, NUMBER, dest=addr)
        factor = pattern(float(area.each))
        self.emit("MULI", NUMBER, dest=addr, src=addr, imm=factor)
        self.emit("ADDI", NUMBER, dest=addr, src=addr, imm=pattern(float(area.begin)))
        self.emit("CLEAR", NUMBER, dest=other)
        word = self.take()
        if word is None:
            return
        begin = self.label()
        self.put(begin)
        self.emit("STORE", src=other, word=word)
        before = self.cost
        with self.holding(addr):
            self.emit("SYSCALL_READ", dest=self.register(), addr=addr)
            self.block(self.rand.randint(1, 3), nested + 1)
            self.emit("SYSCALL_WRITE", addr=addr, src=self.register())
        self.emit("LOAD", dest=other, word=word)
        for each in (other, addr):
            self.emit("ADDI", dest=each, src=each, imm=pattern(1.0))
        test = self.register(other, addr)
        most = float(self.rand.randint(1, area.each))
        self.emit("SUBI", dest=test, src=other, imm=pattern(most))
        self.emit("BRANCH_LT", cond=test, target=begin)
        self.cost = before + (self.cost - before) * area.each

    def _tangle(self, nested: int) -> None:
        """Parts that lead to each other in any order, so often at most."""
        word, rest = self.take() if nested < 2 else None, self.budget - self.cost
        if word is None or rest < 40:
            return
        trips = self.rand.randint(2, 9)
        self._count(word, trips)
        parts = [self.label() for _ in range(self.rand.randint(2, 4))]
        outs = [self.label() for _ in range(self.rand.randint(1, 2))]
        tests = ("BRANCH_LE", "BRANCH_GE", "BRANCH_EQ", "BRANCH_NE", "BRANCH_LT", "BRANCH_GT")
        if self.chance(0.6):  # in the middle of it
            self._by_number()
            self.emit(self.rand.choice(tests), cond=self.last, target=self.rand.choice(parts))
        before, budget = self.cost, self.budget
        for part in parts:
            self.put(part)
            self.budget = self.cost + rest // (2 * len(parts))
            self.block(self.rand.randint(1, 3), nested + 1)
            count = self.register()
            self.emit("LOAD", dest=count, word=word)
            self.emit("SUBI", dest=count, src=count, imm=pattern(1.0))
            self.emit("STORE", src=count, word=word)
            self.emit("BRANCH_LE", cond=count, target=self.rand.choice(outs))
            for _ in range(self.rand.randint(0, 2)):
                self._by_number()
                target = self.rand.choice((*parts, *outs) if self.chance(0.2) else parts)
                self.emit(self.rand.choice(tests), cond=self.last, target=target)
            if self.chance(0.3):
                self.emit("JUMP", target=self.rand.choice(parts))
        self.budget = budget
        self.cost = before + (self.cost - before) * trips // 2
        for out in outs:
            self.put(out)
            self.block(1, nested + 1)

    def _by_number(self) -> None:
        """Something to test: a VM's number, a word of it, or any value."""
        self.last = self.register()
        if self.chance(0.5):
            self.emit("SYSCALL_VMID", NUMBER, dest=self.last)
            by = pattern(float(self.rand.choice((2, 3, 5))))
            self.emit("MODI", NUMBER, dest=self.last, src=self.last, imm=by)
            by = pattern(float(self.rand.choice((0, 1, 1, 2))))
            self.emit("SUBI", NUMBER, dest=self.last, src=self.last, imm=by)
        elif self.chance(0.5):
            self.emit("RAND", NUMBER, dest=self.last)
            self.emit("SUBI", NUMBER, dest=self.last, src=self.last, imm=pattern(0.5))

    def _ended(self, nested: int) -> None:
        """Some VMs end, or return without a call, here."""
        if self.chance(0.8):
            return
        on, cond = self.label(), self.register()
        self.emit("SYSCALL_VMID", NUMBER, dest=cond)
        self.emit("MODI", NUMBER, dest=cond, src=cond, imm=pattern(7.0))
        self.emit("SUBI", NUMBER, dest=cond, src=cond, imm=pattern(float(self.rand.randrange(6))))
        self.emit("BRANCH_NE", cond=cond, target=on)
        odd = self.outer and self.chance(0.2)
        self.emit("RETURN" if odd else self.rand.choice(("SYSCALL_HALT", "SYSCALL_KILL")))
        self.put(on)


_WORK: Statements = (
    (Body._float, 10),
    (Body._inexact, 5),
    (Body._integer, 5),
    (Body._constant, 4),
    (Body._linear, 12),
    (Body._about, 8),
    (Body._select, 2),
)
_HELD: Statements = _WORK
_STATEMENTS: Statements = (
    *_WORK,
    (Apart._read, 8),
    (Apart._write, 8),
    (Apart._atomic, 6),
    (Apart._wait, 1),
    (Body._branch, 7),
    (Body._loop, 5),
    (Body._call, 5),
    (Apart._stride, 2),
    (Apart._tangle, 3),
    (Apart._ended, 2),
)
_PARENTS: Statements = (*_STATEMENTS, (Apart._start, 8))
