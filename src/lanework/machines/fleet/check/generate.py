"""Random fleet programs, drawn from the instruction table; `blocks` says what they keep to.

The verifier takes all of them, and all of them end: with the last VM, a fault, or a deadlock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lanework.core.program.isa import Instruction
from lanework.core.program.program import Program
from lanework.machines.fleet.check.blocks import Body, Callee
from lanework.machines.fleet.check.drafting import NAN, PLAIN, SPECIAL, Room
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import SEED_EPSILON, FleetView
from lanework.machines.fleet.matrices.maps import pattern
from lanework.machines.fleet.plan import (
    BARRIERS,
    STRATEGIES,
    Buffer,
    Launch,
    Phase,
    Plan,
    Routine,
    launches,
)
from lanework.machines.fleet.state import PROFILES, Convention

LOOSE = "loose"
"""The buffer of the loose words of shared memory."""
COUNTS = 4
"""Words of shared memory for integer atomics."""
_SIZES = ((1, 4, 35), (5, 40, 45), (50, 150, 15), (200, 600, 5))  # VMs: from, to, how often
_WORK = 24_000  # instructions of all VMs, about


@dataclass(frozen=True)
class Loose:
    """Where a program may have values that a GPU rounds otherwise.

    Attributes:
        registers: their numbers.
        own_words: words of the VM's own memory.
        shared_words: words of shared memory.
    """

    registers: range
    own_words: range
    shared_words: range


def loose(program: Program) -> Loose:
    """Which registers, own words and shared words of a random program are loose."""
    view = FleetView.of(program)
    spans = (range(b.offset, b.offset + b.size) for b in view.buffers if b.name == LOOSE)
    profile = view.profile
    own = range(_loose_own(profile.memory), profile.memory)
    return Loose(range(profile.registers)[-1:], own, next(spans, range(0)))


def _loose_own(memory: int) -> int:
    return memory - memory // 4


class _Draft:
    """A program while it is drawn."""

    def __init__(self, seed: int) -> None:
        self.rand = rand = random.Random(seed)
        profile = PROFILES[rand.choice(("S22", "S22", "S32", "S64"))]
        tight, rest = 2 ** rand.randint(3, 8), 2 ** rand.randint(2, 4)
        counters = profile.memory // 2
        self.room = Room(profile, counters, _loose_own(profile.memory), tight, tight + rest,
                         tight + rest + COUNTS)  # fmt: skip
        self.free = list(range(counters))
        self.special = rand.random() < 0.4
        self.bodies: dict[str, Body] = {}
        low, high, _ = rand.choices(_SIZES, [each[2] for each in _SIZES])[0]
        self.vms = rand.randint(low, high)

    def take(self) -> int | None:
        """A word of the VM's own memory for a loop."""
        return self.free.pop() if self.free else None

    def body(self, name: str, budget: int, calls: list[Callee], spawns: list[Callee]) -> Body:
        part = (self.rand, self.room, self.special, name)
        body = Body(*part, budget=budget, calls=calls, spawns=spawns, take=self.take)
        self.bodies[name] = body
        return body

    def subroutines(self) -> list[Callee]:
        """Routines that are called; some call themselves."""
        callees: list[Callee] = []
        for n in range(self.rand.choice((0, 1, 1, 2, 3))):
            word = self.take() if self.rand.random() < 0.4 else None
            body = self.body(f"sub{n}", 14, callees, [])
            body.end = "RETURN"
            if word is None:
                body.block(6)
                body.finish()
                callees.append(Callee(f"sub{n}", body.cost))
            else:
                recursive(body, word)
                callees.append(Callee(f"sub{n}", 5 * body.cost, word))
        return callees

    def children(self, calls: list[Callee]) -> list[Callee]:
        """Routines that VMs are started on; they may start VMs on those before them."""
        callees: list[Callee] = []
        for n in range(self.rand.choice((0, 1, 1, 2))):
            body = self.body(f"child{n}", 16, calls, list(callees))
            body.end = self.rand.choice(("SYSCALL_HALT", "SYSCALL_KILL"))
            body.block(6)
            body.finish()
            callees.append(Callee(f"child{n}", body.cost))
        return callees

    def routines(self) -> tuple[list[Instruction], list[Routine], list[int]]:
        """The tape, the routines on it, and which of them phases may launch."""
        calls = self.subroutines()
        spawns = self.children(calls)
        budget = min(max(_WORK // self.vms, 24), 200)
        mains = [f"main{n}" for n in range(self.rand.choice((1, 1, 2, 3)))]
        for name in mains:
            body = self.body(name, budget, calls, spawns)
            if self.rand.random() < 0.05:
                body.end = "SYSCALL_KILL"
            body.block(self.rand.randint(4, 24))
            if self.rand.random() < 0.02:  # without a call, but not on every way
                body.emit("BRANCH_NE", cond=body.register(), target=(out := body.label()))
                body.emit("RETURN")
                body.put(out)
            body.finish()
        names = list(self.bodies)
        self.rand.shuffle(names)
        return *assembled(self.bodies, names), [names.index(name) for name in mains]

    def plan(self, mains: list[int]) -> Plan:
        """Phases on the main routines."""
        rand = self.rand
        keeps = rand.random() < 0.3
        count = max(rand.choice((1, 1, 2, 3)), 2 * keeps)
        phases = []
        for _ in range(count):
            barrier = "wait_all" if keeps else rand.choice(BARRIERS)
            several = range(rand.choice((1, 1, 2, 3)))
            launches = [self.launch(rand.choice(mains)) for _ in several]
            phases.append(Phase(barrier, tuple(launches)))
        if keeps:
            kept = self.launch(rand.choice(mains), keep="k")
            again = self.launch(rand.choice(mains), resume="k", count=kept.count)
            phases[0] = Phase("wait_all", (*phases[0].launches[1:], kept))
            phases[-1] = Phase("wait_all", (again, *phases[-1].launches[1:]))
        schedule = list(range(count))
        if rand.random() < 0.2:
            schedule += [rand.randrange(count) for _ in range(2)]
        return Plan(tuple(phases), tuple(schedule), self.rand.choice((0, 1, 3, 8)))

    def launch(self, routine: int, keep: str = "", resume: str = "", count: int = 0) -> Launch:
        """Some VMs; their numbers where such come from shared memory are no loose words."""
        rand, room = self.rand, self.room
        count = count or max(1, rand.randint(self.vms // 5, self.vms // 2))
        strategy = rand.choices(STRATEGIES, (6, 2, 2))[0]
        base = rand.choice((0, 0, 0, 5, 2**24 - 3, 2**32 - count))
        stride = 1
        if strategy == "strided":
            stride = rand.choice((0, 2, 3, 7, -1))
            base = rand.choice((0, 10)) + (count if stride < 0 else 0)
        elif strategy == "custom":
            if count < room.tight:
                base = rand.randint(0, room.tight - count)
            else:
                strategy = "contiguous"
        return Launch(routine, count, strategy, base, stride, keep, resume)


def recursive(body: Body, word: int) -> None:
    """Let a routine call itself as often as its counter says."""
    count, out = body.register(), body.label()
    body.emit("LOAD", dest=count, word=word)
    body.emit("SUBI", dest=count, src=count, imm=pattern(1.0))
    body.emit("STORE", src=count, word=word)
    body.emit("BRANCH_LE", cond=count, target=out)
    body.block(3)
    body.emit("CALL", target=body.prefix)
    body.kinds.clear()
    body.block(2)
    body.put(out)
    body.finish()


def assembled(bodies: dict[str, Body], names: list[str]) -> tuple[list[Instruction], list[Routine]]:
    """Routines in this order: labels become instruction numbers."""
    numbers: dict[str, int] = {}
    routines = []
    at = 0
    for name in names:
        body = bodies[name]
        routines.append(Routine(name, at, len(body.lines)))
        numbers[name] = at
        numbers |= {label: at + line for label, line in body.labels.items() if line >= 0}
        at += len(body.lines)
    code = []
    for name in names:
        for mnemonic, operands in bodies[name].lines:
            values = {k: numbers[v] if isinstance(v, str) else v for k, v in operands.items()}
            code.append(FLEET.by_name[mnemonic].make(**values))
    return code, routines


def random_program(seed: int) -> Program:
    """The program of a seed; the verifier takes it.

    Example:
        >>> program = random_program(7)
        >>> program.problems(), random_program(7).hash == program.hash
        ([], True)
    """
    draft = _Draft(seed)
    rand, room = draft.rand, draft.room
    code, routines, mains = draft.routines()
    plan = draft.plan(mains)
    buffers = [Buffer(LOOSE, room.tight, room.counts - room.tight)]
    if rand.random() < 0.3:
        buffers.insert(0, Buffer("x", 0, room.tight // 2, rand.choice(("in", "out", "inout"))))
    return package(
        code,
        routines,
        plan,
        state=room.profile.name,
        shared=room.shared,
        epsilon=rand.choice((0.0, SEED_EPSILON)),
        convention=rand.choice(list(Convention)),
        depth=rand.choice((1, 2, 3, 5, 8)),
        buffers=buffers,
    )


def random_shared(seed: int, program: Program) -> npt.NDArray[np.float32]:
    """What shared memory of a random program begins with: float32, as many words as it has."""
    rand = random.Random(seed ^ 0x5EED)
    unusual = (*SPECIAL, NAN, 2.0**24)
    words = np.zeros(FleetView.of(program).shared, np.float32)
    for n in range(len(words)):
        how = rand.random()
        if how < 0.4:
            words[n] = rand.choice(PLAIN)
        elif how < 0.6:
            words[n] = rand.randrange(40)
        elif how < 0.65:
            words[n] = rand.choice(unusual)
        elif how < 0.9:
            words[n] = rand.uniform(-50, 50)
    for launch in launches(FleetView.of(program).plan):
        if launch.strategy == "custom":
            for n in range(launch.base, min(launch.base + launch.count, len(words))):
                words[n] = rand.randrange(40)
    return words
