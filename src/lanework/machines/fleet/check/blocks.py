"""Random statements for random programs: what one routine does, instruction by instruction.

Every program ends, and does the same on every engine, because routines keep to this:

* Loops count down a word of the VM's own memory that nothing else writes, and recursions likewise.
* An operation that a GPU may round otherwise writes to the *loose* register, from which values go
  only to loose words: the end of the VM's own memory and of shared memory.
* Integer operations, and comparisons of bits, take only registers of which the bits are known:
  which NaN a float operation gives is the engine's choice.
* An address is a constant, or is brought inside right before it is used, so that it leads to the
  part of shared memory that is meant, or to nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lanework.core.ops.bodies import words32
from lanework.core.ops.bounds import bounds
from lanework.core.ops.interval import ANY
from lanework.core.ops.op import Op
from lanework.core.ops.prims import ARITHMETIC, Prim
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.check.drafting import FLOAT, FROM_FLOATS, KNOWN, NAN, NUMBER, Draft
from lanework.machines.fleet.isa import FLEET, FleetInstr, Kernel
from lanework.machines.fleet.layout import SEED_EPSILON
from lanework.machines.fleet.matrices.maps import pattern
from lanework.machines.fleet.updates import ixch

_INEXACT = frozenset((Prim.DIV, Prim.SQRT))


def exact(op: Op) -> bool:
    """Whether every GPU gives the bits of an op: WGSL rounds one sum or product correctly."""
    prims = [value.prim for value in op.graph("f32").values]
    if _INEXACT.intersection(prims):
        return False
    return op.ulp.get("f32", 0.0) == 0 or sum(prim in ARITHMETIC for prim in prims) <= 1


def _applying(which: Callable[[Op], bool]) -> tuple[FleetInstr, ...]:
    every = FLEET.by_name.values()
    return tuple(each for each in every if each.elementwise and which(each.elementwise))


@cache
def floats(which: bool) -> tuple[FleetInstr, ...]:
    """Operations on floats that are exact, or those that are not."""
    return _applying(lambda op: "f32" in op.dtypes and exact(op) is which)


@cache
def integers() -> tuple[FleetInstr, ...]:
    """Operations on bits."""
    return _applying(lambda op: op.dtypes == ("i32",))


@cache
def numbers() -> tuple[FleetInstr, ...]:
    """Operations on bits that give floats, whatever the bits: no NaN."""
    anything = [ANY, ANY]
    return _applying(
        lambda op: op.dtypes == ("i32",) and not bounds(op, anything[: len(op.operands)]).nan
    )


ATOMICS = [
    info
    for info in FLEET.by_name.values()
    if info.atomic and (info.updates in (None, ixch) or "f32" in info.updates.dtypes)
]
"""Atomics that do not tell which NaN a word is."""

COUNTING = [info for info in FLEET.by_name.values() if info.atomic and info not in ATOMICS]
"""Those that work on words that are integers, and never NaN."""

_LINEAR = [info for info in FLEET.by_name.values() if info.kernel is Kernel.LINEAR]


Statements = Sequence[tuple[Callable[[Any, int], None], int]]


@dataclass
class Callee:
    """A routine that others may call or start: its name and what a call costs."""

    name: str
    cost: int
    counter: int | None = None


@dataclass
class Body(Draft):
    """A routine of random statements.

    Attributes:
        budget: instructions that a VM may execute in it, about.
        calls: routines that it may call.
        spawns: routines that it may start VMs on.
        take: gives a free counter word, or None.
        end: the instruction that ends it.
        local: labels of parts after its end that it calls.
    """

    budget: int = 0
    calls: Sequence[Callee] = ()
    spawns: Sequence[Callee] = ()
    take: Callable[[], int | None] = lambda: None
    end: str = "SYSCALL_HALT"
    local: list[str] = field(default_factory=list)

    def block(self, most: int, nested: int = 0) -> None:
        """Some statements, within the budget."""
        for _ in range(most):
            if self.cost >= self.budget:
                return
            statements, weights = zip(*self.statements(), strict=True)
            self.rand.choices(statements, weights)[0](self, nested)

    def statements(self) -> Statements:
        """What a block is made of, and how often."""
        return _STATEMENTS

    def _float(self, nested: int) -> None:
        self._operate(self.rand.choice(floats(True)), self.register())

    def _inexact(self, nested: int) -> None:
        self._operate(self.rand.choice(floats(False)), self.room.loose)
        if self.chance(0.5):
            self.emit("STORE", src=self.room.loose, word=self.word(True))

    def _operate(self, info: FleetInstr, dest: int, kind: int = FLOAT) -> None:
        values: dict[str, int | str] = {}
        for spec in info.operands:
            if spec.kind is OperandKind.PATTERN:
                values[spec.name] = pattern(NAN if self.chance(0.02) else self.number())
            elif spec.name != "dest":
                values[spec.name] = self.register()
        self.emit(info.name, kind, dest=dest, **values)

    def _integer(self, nested: int) -> None:
        """An operation on bits; sources whose bits are not known become integers first."""
        info = self.rand.choice(integers())
        values: dict[str, int | str] = {}
        for spec in info.operands:
            if spec.name == "dest":
                continue
            source = self.register()
            if info.elementwise not in FROM_FLOATS and not self.kinds.get(source):
                self.know(source)
            values[spec.name] = source
        self.emit(info.name, NUMBER if info in numbers() else KNOWN, dest=self.register(), **values)

    def _constant(self, nested: int) -> None:
        dest = self.register()
        if self.chance(0.1):
            self.emit("SETI", KNOWN, dest=dest, imm=self.rand.getrandbits(32))
        else:
            self.emit("SETI", NUMBER, dest=dest, imm=pattern(self.number()))

    def _linear(self, nested: int) -> None:
        """Any linear instruction; a loose register or word only ever as a whole, to a loose one."""
        info = self.rand.choice(_LINEAR)
        assert info.linear is not None
        moves = len(info.linear) == 1 and info.linear[0][0] == 1.0 and info.linear[0][1] is not None
        loose = moves and self.chance(0.25)
        values: dict[str, int | str] = {}
        for spec in info.operands:
            written = spec.name == "dest" or (info.dest is None and spec.name == "word")
            free = loose and (written or self.chance(0.6))
            if spec.kind is OperandKind.PATTERN:
                values[spec.name] = pattern(self.number())
            elif spec.kind is OperandKind.REGISTER:
                values[spec.name] = self.room.loose if free else self.register()
            elif written or free:
                values[spec.name] = self.word(free)
            else:
                values[spec.name] = self.rand.randrange(self.room.loose_own)
        source = values.get("src")
        kept = self.kinds.get(source, FLOAT) if moves and isinstance(source, int) else FLOAT
        self.emit(info.name, kept, **values)

    def _about(self, nested: int) -> None:
        name = self.rand.choice(("SYSCALL_VMID", "VMGID", "VMCOUNT", "IVMID", "RAND", "RAND1"))
        self.emit(name, KNOWN if name == "IVMID" else NUMBER, dest=self.register())

    def _select(self, nested: int) -> None:
        dest = self.room.loose if self.chance(0.2) else self.register()
        either = [self.register(), self.register()]
        self.emit("SELECT", dest=dest, cond=self.register(), src1=either[0], src2=either[1])

    # Shared memory --------------------------------------------------------------------------------

    def _read(self, nested: int) -> None:
        addr = self.register()
        if self.chance(0.2):
            self.integer_address(addr)
            self.emit("IREAD", dest=self.register(), addr=addr)
        elif self.chance(0.2):
            self.loose_address(addr)
            self.emit("SYSCALL_READ", dest=self.room.loose, addr=addr)
        else:
            self.address(addr)
            dest = self.room.loose if self.chance(0.1) else self.register()
            self.emit("SYSCALL_READ", dest=dest, addr=addr)

    def _write(self, nested: int) -> None:
        addr = self.register()
        if self.chance(0.2):
            self.integer_address(addr)
            self.emit("IWRITE", addr=addr, src=self.register())
        elif self.chance(0.25):
            self.loose_address(addr)
            source = self.room.loose if self.chance(0.8) else self.register()
            self.emit("SYSCALL_WRITE", addr=addr, src=source)
        else:
            self.address(addr)
            self.emit("SYSCALL_WRITE", addr=addr, src=self.register())

    def _atomic(self, nested: int) -> None:
        addr = self.register()
        if self.chance(0.4):
            info, source = self.rand.choice(COUNTING), self.register(addr)
            at = self.rand.randrange(self.room.counts, self.room.shared)
            self.know(source)
            self.emit("SETI", NUMBER, dest=addr, imm=pattern(float(at)))
            self.emit(info.name, KNOWN, dest=self.register(), addr=addr, src=source)
            return
        info = self.rand.choice(ATOMICS)
        self.address(addr)
        sources = [spec.name for spec in info.operands[2:]]
        values: dict[str, int | str] = {each: self.register() for each in sources}
        if len(sources) == 2:
            values["src1"] = self.surely_number(addr)
        self.emit(info.name, FLOAT, dest=self.register(), addr=addr, **values)

    def _wait(self, nested: int) -> None:
        if self.chance(0.6):
            self.emit("SYSCALL_YIELD")
            return
        addr = self.register()
        self.address(addr)
        other = self.register(addr)
        likely = self.rand.choice((0.0, 1.0)) if self.chance(0.3) else self.rand.uniform(1, 9)
        self.emit("SETI", NUMBER, dest=other, imm=pattern(likely))
        self.emit("WAIT", addr=addr, src=other)

    def _meet(self, nested: int) -> None:
        """Some VMs wait for a word to become other than 0, and the others see to it."""
        at, waits, after = self.rand.randrange(self.room.tight), self.label(), self.label()
        cond = self.register()
        addr = self.register(cond)
        self.emit("SETI", NUMBER, dest=addr, imm=pattern(float(at)))
        self.emit("SYSCALL_VMID", NUMBER, dest=cond)
        self.emit("BRANCH_GT", cond=cond, target=waits)
        self.emit("SETI", NUMBER, dest=cond, imm=pattern(1.0))
        self.emit("SYSCALL_WRITE", addr=addr, src=cond)
        self.emit("JUMP", target=after)
        self.put(waits)
        self.emit("CLEAR", NUMBER, dest=cond)
        self.emit("WAIT", addr=addr, src=cond)
        self.put(after)

    # Control --------------------------------------------------------------------------------------

    def _branch(self, nested: int) -> None:
        """Something, or something else, by the value of a register."""
        if nested > 3:
            return
        other, after = self.label(), self.label()
        cond = self.register()
        if self.chance(0.4):  # by the VM's number
            self.emit("SYSCALL_VMID", NUMBER, dest=cond)
            at = pattern(float(self.rand.randrange(1, 9)))
            self.emit(self.rand.choice(("SUBI", "CMPI")), dest=cond, src=cond, imm=at)
        elif self.chance(0.15):
            limit = self.rand.choice((0.0, -0.0, SEED_EPSILON, -SEED_EPSILON, 9.9e-5, NAN))
            self.emit("SETI", KNOWN, dest=cond, imm=pattern(limit))
        names = [name for name, info in FLEET.by_name.items() if info.test]
        self.emit(self.rand.choice(names), cond=cond, target=other)
        self.block(self.rand.randint(1, 4), nested + 1)
        if self.chance(0.06):
            self.emit(self.end)
            self.put(other)
            return
        if self.chance(0.5):
            self.put(other)
            return
        self.emit("JUMP", target=after)
        self.put(other)
        self.block(self.rand.randint(1, 3), nested + 1)
        self.put(after)

    def _loop(self, nested: int) -> None:
        """Some statements, several times over: as often for all VMs, or by number, or by value."""
        word = self.take() if nested < 3 else None
        rest = self.budget - self.cost
        if word is None or rest < 12:
            return
        trips = self.rand.randint(1, min(8, rest // 6))
        self._count(word, trips)
        begin = self.label()
        self.put(begin)
        before, budget = self.cost, self.budget
        self.budget = before + rest // trips
        self.block(self.rand.randint(1, 5), nested + 1)
        self.budget = budget
        count = self.register()
        self.emit("LOAD", dest=count, word=word)
        self.emit("SUBI", dest=count, src=count, imm=pattern(1.0))
        self.emit("STORE", src=count, word=word)
        self.emit("BRANCH_GT", cond=count, target=begin)
        self.cost = before + (self.cost - before) * trips

    def _count(self, word: int, most: int) -> None:
        """A count of at most so many in a counter word."""
        count, how = self.register(), self.rand.random()
        other = self.register(count)
        if how < 0.5:
            self.emit("SETI", NUMBER, dest=count, imm=pattern(float(most)))
        elif how < 0.8:
            self.emit("IVMID", KNOWN, dest=count)
            self.mask(count, other, 1 << (most.bit_length() - 1))
            self.emit(words32.itof, NUMBER, dest=count, src=count)
        else:
            self.clamp(count, other, 0.0, float(most))
        self.emit("STORE", src=count, word=word)

    def _call(self, nested: int) -> None:
        """Another routine, which may call itself, or a part of this one after its end."""
        fits = [each for each in self.calls if self.cost + each.cost < self.budget]
        if fits and self.chance(0.8):
            chosen = self.rand.choice(fits)
            if chosen.counter is not None:
                self._count(chosen.counter, 4)
            self.emit("CALL", target=chosen.name)
            self.cost += chosen.cost
        elif nested < 2 and len(self.local) < 2:
            self.local.append(self.label())
            self.emit("CALL", target=self.local[-1])
            self.cost += LOCAL
        self.kinds.clear()

    def _spawn(self, nested: int) -> None:
        fits = [each for each in self.spawns if self.cost + each.cost < self.budget]
        if fits:
            chosen = self.rand.choice(fits)
            dest = self.register()
            self.emit("SYSCALL_SPAWN", NUMBER, dest=dest, target=chosen.name, src=self.register())
            self.cost += chosen.cost

    # The whole ------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The end, and the parts after it that are called."""
        self.emit(self.end)
        calls, self.calls, self.spawns = self.calls, (), ()
        for label in self.local:
            self.put(label)
            self.budget = self.cost + LOCAL - 4
            for _ in range(self.rand.randint(1, 3)):
                one = self.rand.choice((self._float, self._linear, self._inexact, self._constant))
                one(0)
            self.emit("RETURN")
        self.calls = calls


LOCAL = 10
"""What a part after the end costs at most."""

_STATEMENTS: Statements = (
    (Body._float, 10),
    (Body._inexact, 5),
    (Body._integer, 5),
    (Body._constant, 4),
    (Body._linear, 12),
    (Body._about, 5),
    (Body._select, 2),
    (Body._read, 8),
    (Body._write, 8),
    (Body._atomic, 6),
    (Body._wait, 2),
    (Body._meet, 1),
    (Body._branch, 7),
    (Body._loop, 4),
    (Body._call, 4),
    (Body._spawn, 4),
)
