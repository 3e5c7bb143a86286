"""Random fleet programs whose VMs do not see each other, so that native code runs them.

Routines have words of shared memory of their own, one after another, where each VM of theirs has a
few (`ownwords`). Phases launch a routine once.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from lanework.core.program.isa import Instruction
from lanework.core.program.program import Program
from lanework.machines.fleet.check.blocks import Callee
from lanework.machines.fleet.check.drafting import Room
from lanework.machines.fleet.check.generate import assembled, recursive
from lanework.machines.fleet.check.ownwords import READ_ONLY, UPDATES, Apart, Area
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.layout import SEED_EPSILON
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine
from lanework.machines.fleet.state import PROFILES, Convention

OFTEN = (1, 2, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 200, 1023, 1024, 1025, 3000)
"""Numbers of VMs at the borders of vectors and of units, and others."""


class _Draft:
    """A program while it is drawn."""

    def __init__(self, seed: int, small: bool) -> None:
        self.rand = rand = random.Random(seed ^ (0x5AA11 if small else 0xA9A27))
        self.small = small
        profile = PROFILES[rand.choice(("S22", "S22", "S32", "S64"))]
        self.kept = rand.random() < (0.1 if small else 0.3)
        self.vms = rand.choice(OFTEN) if rand.random() < 0.5 else rand.randint(1, 150)
        self.free = list(range(profile.memory // 2))
        self.depth = rand.choice((1, 2, 3, 5, 8))
        self.mains = rand.choice((1,) * 9 + (2,) if small else (1, 1, 2, 3))
        begin, self.areas = READ_ONLY, list[Area]()
        written = rand.random() < 0.75
        for _ in range(self.mains):
            number = rand.choice(("SYSCALL_VMID", "VMGID"))
            each = rand.choice((1, 1, 2, 4))
            self.areas.append(Area(begin, each, number, written))
            begin += each * (self.mains * self.vms * 3 + 8)
        odd = random.Random(seed ^ 0xB12D)  # without which other programs would be others
        births = not self.kept and odd.random() < 0.3
        self.children, self.spawn = odd.choice((1, 1, 2)) * births, odd.choice((1, 7, 60, 900))
        self.spawn *= births
        for _ in range(self.children):
            number, each = rand.choice(("SYSCALL_VMID", "VMGID")), rand.choice((1, 1, 2, 4))
            self.areas.append(Area(begin, each, number, written))
            begin += each * (self.mains * self.vms * 3 + 8 + self.spawn)
        self.areas = [replace(area, counts=begin * (not self.kept) or None) for area in self.areas]
        self.room = Room(profile, profile.memory // 2, profile.memory - profile.memory // 4,
                         READ_ONLY, begin, begin + len(UPDATES))  # fmt: skip
        self.bodies: dict[str, Apart] = {}
        self.special = rand.random() < 0.4

    def take(self) -> int | None:
        """A word of the VM's own memory for a loop."""
        return self.free.pop() if self.free else None

    def body(
        self,
        name: str,
        budget: int,
        calls: list[Callee],
        area: Area | None,
        spawns: Sequence[Callee] = (),
    ) -> Apart:
        """A routine, without anything in it."""
        body = Apart(self.rand, self.room, self.special, name, budget=budget, calls=calls,
                     spawns=spawns, take=self.take, area=area)  # fmt: skip
        self.bodies[name] = body
        return body

    def subroutines(self) -> list[Callee]:
        """Routines that are called, also by each other; some call themselves."""
        callees: list[Callee] = []
        small = self.small
        for n in range(self.rand.choice((0, 0, 0, 0, 1) if small else (0, 1, 2, 3))):
            word = self.take() if self.rand.random() < (0.1 if small else 0.4) else None
            body = self.body(f"sub{n}", 20, list(callees), None)
            body.end = "RETURN"
            if word is None:
                body.block(2 if small else 6)
                body.finish()
                callees.append(Callee(body.prefix, body.cost))
            else:
                recursive(body, word)
                callees.append(Callee(body.prefix, 5 * body.cost, word))
        return callees

    def born(self, calls: list[Callee]) -> list[Callee]:
        """Routines that VMs are started on; they may start VMs on those before them."""
        callees: list[Callee] = []
        for n, area in enumerate(self.areas[self.mains :]):
            body = self.body(f"child{n}", 30, calls, area, list(callees))
            body.outer = True
            body.end = self.rand.choice(("SYSCALL_HALT", "SYSCALL_KILL"))
            body.block(1 if self.small else 6)
            body.finish()
            callees.append(Callee(body.prefix, body.cost))
        return callees

    def routines(self) -> tuple[list[Instruction], list[Routine], list[int]]:
        """The tape, the routines on it, and which of them phases launch."""
        rand, calls = self.rand, self.subroutines()
        budget, spawns = min(max(100_000 // self.vms, 50), 150), self.born(calls)
        budget = 50 if self.small else budget
        mains = [f"main{n}" for n in range(self.mains)]
        for name, area in zip(mains, self.areas, strict=False):
            body = self.body(name, budget, calls, area, spawns)
            body.outer = True
            body.end = "SYSCALL_KILL" if rand.random() < 0.1 else body.end
            if self.small:
                body.block(rand.randint(1, 4))
                body.keep()
            else:
                body.block(rand.randint(4, 14))
            body.finish()
        names = list(self.bodies)
        rand.shuffle(names)
        code, routines = assembled(dict(self.bodies), names)
        return code, routines, [names.index(name) for name in mains]

    def plan(self, mains: list[int]) -> Plan:
        """Phases on the main routines; of those that run at once each is launched once."""
        rand, phases = self.rand, []
        count = rand.choice((1, 1, 1, 1, 2) if self.small else (1, 1, 2, 3))
        for _ in range(count):
            chosen = rand.sample(mains, rand.randint(1, len(mains)))
            several = tuple(self.launch(each) for each in chosen)
            if len(several) > 1 and not self.kept and rand.random() < 0.2:
                phases.append(Phase("none", several[:1]))
                several = several[1:]
            phases.append(Phase("wait_all", several))
        if self.kept:
            one = self.launch(rand.choice(mains), keep="k")
            again = [
                Launch(each, one.count, one.strategy, one.base, one.stride, resume="k")
                for each in rand.choices(mains, k=rand.randint(1, 2))
            ]
            phases = [Phase("wait_all", (each,)) for each in (one, *again)] + phases
        schedule = [*range(len(phases))]
        if rand.random() < 0.2 and phases[-1].barrier == "wait_all":
            schedule += [len(phases) - 1] * rand.randint(1, 3)
        return Plan(tuple(phases), tuple(schedule), self.spawn)

    def launch(self, routine: int, keep: str = "") -> Launch:
        """Some VMs; all of their words are inside, but for a few."""
        rand, count = self.rand, self.vms
        if rand.random() < 0.3:
            count = rand.randint(1, self.vms)
        strategy, stride = "contiguous", 1
        base = rand.choice((0, 0, 0, 0, 5, 2**24 - 3 - count))
        if rand.random() < 0.25:
            strategy, stride = "strided", rand.choice((2, 3, -1))
            base = rand.choice((0, 5)) + (count if stride < 0 else 0)
        return Launch(routine, count, strategy, base, stride, keep)


def apart_program(seed: int, *, small: bool = False) -> Program:
    """The program of a seed, whose VMs do not see each other; the verifier takes it.

    A `small` one is compiled in a tenth of the time, and has most that others have.

    Example:
        >>> program = apart_program(7)
        >>> program.problems(), apart_program(7).hash == program.hash
        ([], True)
    """
    draft = _Draft(seed, small)
    rand, room = draft.rand, draft.room
    code, routines, mains = draft.routines()
    return package(
        code,
        routines,
        draft.plan(mains),
        state=room.profile.name,
        shared=room.shared,
        epsilon=rand.choice((0.0, SEED_EPSILON)),
        convention=rand.choice(list(Convention)),
        depth=draft.depth,
    )
