"""A random routine while it is written: instructions, labels, registers, constants, addresses.

Integer operations, and comparisons of bits, take only registers of which the bits are known: which
NaN a float operation gives is the engine's choice. An address is a constant, or is brought inside
right before it is used, so that it leads to the part of shared memory that is meant, or to nowhere.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from lanework.core.ops.bodies import words32
from lanework.core.ops.op import Op
from lanework.machines.fleet.isa import mnemonic
from lanework.machines.fleet.matrices.maps import pattern
from lanework.machines.fleet.state import Profile

FROM_FLOATS = (words32.ftoi, words32.ftou)
"""Integers of floats, which are told by value: any NaN gives 0."""

FLOAT, KNOWN, NUMBER = range(3)
"""What is known of a register: nothing; its bits do not depend on the engine; and it is no NaN."""

INF, NAN = float("inf"), float("nan")
PLAIN = (0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 3.0, 7.25, -2.5, 10.0, 1.0 / 3.0, 100.0, 255.0)
SPECIAL = (INF, -INF, -0.0, 1e-40, -1.4e-45, 1.17549435e-38, 3.4028235e38, 1e-4, -5e-5, 1e9)
Line = tuple[str, dict[str, int | str]]


@dataclass(frozen=True)
class Room:
    """Where values may go.

    Attributes:
        profile: the size of VMs; its last register is loose.
        counters: own memory words from 0 on that only loops and recursions write.
        loose_own: the first loose word of the VM's own memory.
        tight: words of shared memory that are not loose, a power of two.
        counts: the first word of shared memory on which integer atomics work and nothing else;
            loose ones end there.
        shared: all words of shared memory.
    """

    profile: Profile
    counters: int
    loose_own: int
    tight: int
    counts: int
    shared: int

    @property
    def loose(self) -> int:
        """The loose register."""
        return self.profile.registers - 1


@dataclass
class Draft:
    """A routine while it is written.

    Attributes:
        rand: where everything comes from.
        room: where values may go.
        special: whether unusual floats are frequent.
        prefix: of its labels.
        lines: what is written.
        labels: label -> line.
        kinds: register -> what is known of it.
        cost: instructions that a VM executes at most.
    """

    rand: random.Random
    room: Room
    special: bool
    prefix: str
    lines: list[Line] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    kinds: dict[int, int] = field(default_factory=dict)
    cost: int = 0

    def emit(self, what: str | Op, kind: int = FLOAT, **values: int | str) -> None:
        """Write an instruction, or that of an op; what is known of its destination from then on."""
        self.lines.append((what if isinstance(what, str) else mnemonic(what), values))
        self.cost += 1
        dest = values.get("dest")
        if isinstance(dest, int):
            self.kinds[dest] = kind

    def label(self) -> str:
        """A new label, to be put somewhere."""
        self.labels[name := f"{self.prefix}.{len(self.labels)}"] = -1
        return name

    def put(self, label: str) -> None:
        """A label is here; from anywhere one may come."""
        self.labels[label] = len(self.lines)
        self.kinds.clear()

    def chance(self, share: float) -> bool:
        """True that often."""
        return self.rand.random() < share

    def register(self, *others: int) -> int:
        """A register that is not loose and none of the others."""
        return self.rand.choice([n for n in range(self.room.loose) if n not in others])

    def number(self) -> float:
        """A constant."""
        if self.chance(0.3 if self.special else 0.03):
            return self.rand.choice(SPECIAL)
        if self.chance(0.5):
            return self.rand.choice(PLAIN)
        plain = self.chance(0.7)
        return self.rand.uniform(-20, 20) if plain else float(self.rand.randrange(-9, 99))

    def word(self, loose: bool) -> int:
        """A word of the VM's own memory that may be written."""
        room = self.room
        if loose:
            return self.rand.randrange(room.loose_own, room.profile.memory)
        return self.rand.randrange(room.counters, room.loose_own)

    def address(self, register: int) -> None:
        """An address in the tight part of shared memory, or outside of all of it."""
        room, how = self.room, self.rand.random()
        other = self.register(register)
        if how < 0.25:
            inside = self.rand.randrange(room.tight) + self.rand.choice((0.0, 0.0, 0.25, 0.875))
            self.emit("SETI", NUMBER, dest=register, imm=pattern(inside))
        elif how < 0.35:
            outside = (-1.0, -0.5, -0.0, -7.0, 1e9, 2.0**32, 2.0**31, INF, -INF, 1e-40, NAN)
            chosen = self.rand.choice((*outside, float(room.shared), room.shared + 0.5))
            self.emit("SETI", KNOWN, dest=register, imm=pattern(chosen))
        elif how < 0.65:
            if self.chance(0.7):
                self.emit("IVMID", KNOWN, dest=register)
            else:
                self.emit(words32.ftoi, KNOWN, dest=register, src=register)
            self.mask(register, other, room.tight)
            self.emit(words32.itof, NUMBER, dest=register, src=register)
            if self.chance(0.3):  # outside for some VMs: the lowest, or all but the first
                name, number = self.rand.choice((("SUBI", 2.5), ("MULI", 4096.0)))
                self.emit(name, NUMBER, dest=register, src=register, imm=pattern(number))
        else:
            low = self.rand.choice((0.0, 0.0, 0.0, -0.75, -2.0))
            high = room.tight - self.rand.choice((1.0, 1.0, 0.25))
            self.clamp(register, other, low, high)

    def loose_address(self, register: int) -> None:
        """An address in the loose part of shared memory."""
        room = self.room
        size = room.counts - room.tight
        if self.chance(0.4):
            at = room.tight + self.rand.randrange(size)
            self.emit("SETI", NUMBER, dest=register, imm=pattern(at))
            return
        self.emit("IVMID", KNOWN, dest=register)
        self.mask(register, self.register(register), size)
        self.emit(words32.itof, NUMBER, dest=register, src=register)
        self.emit("ADDI", NUMBER, dest=register, src=register, imm=pattern(room.tight))

    def integer_address(self, register: int) -> None:
        """An address as an integer, in the tight part of shared memory or outside."""
        if self.chance(0.2):
            outside = (2**32 - 1, self.room.shared, 2**31)
            self.emit("SETI", KNOWN, dest=register, imm=self.rand.choice(outside))
            return
        self.know(register)
        self.mask(register, self.register(register), self.room.tight)

    def clamp(self, register: int, other: int, low: float, high: float) -> None:
        """Bring a float between two numbers."""
        for op, limit in ((words32.fmax, low), (words32.fmin, high)):
            self.emit("SETI", NUMBER, dest=other, imm=pattern(limit))
            self.emit(op, NUMBER, dest=register, src1=register, src2=other)

    def mask(self, register: int, other: int, size: int) -> None:
        """Bring an integer below a power of two."""
        self.emit("SETI", KNOWN, dest=other, imm=size - 1)
        self.emit(words32.iand, KNOWN, dest=register, src1=register, src2=other)

    def know(self, register: int) -> None:
        """Give a register bits that are known."""
        how = self.rand.randrange(4)
        if how == 0:
            self.emit("SETI", KNOWN, dest=register, imm=self.integer())
        elif how == 1:
            self.emit("IVMID", KNOWN, dest=register)
        else:
            self.emit(self.rand.choice(FROM_FLOATS), KNOWN, dest=register, src=register)

    def integer(self) -> int:
        """A word."""
        if self.chance(0.5):
            return self.rand.choice((0, 1, 2, 7, 31, 32, 255, 2**31, 2**31 - 1, 2**32 - 1, 2**24))
        return self.rand.getrandbits(32) if self.chance(0.3) else self.rand.randrange(64)

    def surely_number(self, *others: int) -> int:
        """A register whose bits are known, and no NaN: what words may be compared with."""
        register = self.register(*others)
        if self.kinds.get(register) != NUMBER:
            number = float(self.rand.choice((0, 0, 1, 2))) if self.chance(0.7) else self.number()
            self.emit("SETI", NUMBER, dest=register, imm=pattern(number))
        return register
