"""What VMs do one after another, by global id: atomics, and starting and ending VMs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lanework.machines.fleet.reference import groups, sharing
from lanework.machines.fleet.reference.groups import Members
from lanework.machines.fleet.state import Fault, Status

if TYPE_CHECKING:
    from lanework.machines.fleet.reference.engine import ReferenceEngine

Words = npt.NDArray[np.uint32]
NO_ROOM = np.float32(-1.0).view(np.uint32)


class Ordered:
    """The ordered part of an epoch."""

    def __init__(self, engine: ReferenceEngine) -> None:
        self.engine, self.view, self.state = engine, engine.view, engine.state
        self.ids = {
            ip: info.values(self.view.instructions[ip])
            for ip, info in enumerate(self.view.infos)
            if info.ordered
        }

    def run(self, waiting: dict[int, Members]) -> None:
        """Let every VM that waits for its turn have it."""
        inside: dict[int, Members] = {}
        for ip, members in waiting.items():
            sound = self._checked(ip, members)
            if sound is not None:
                inside[ip] = sound
        if len(inside) == 1:
            (ip, members), *_ = inside.items()
            if self._together(ip, members):
                return
        turns = [(int(vm), ip) for ip, members in inside.items() for vm in groups.ids(members)]
        for vm, ip in sorted(turns):
            self._one(ip, vm)

    def _checked(self, ip: int, members: Members) -> Members | None:
        """Those that do not fault at their address."""
        if self.engine.settings.bounds != "fault" or "addr" not in self.ids[ip]:
            return members
        bad = self._at(ip, members) < 0
        faulty, rest = groups.split(members, bad)
        if faulty is not None:
            self.engine.control.fault(ip, faulty, Fault.BAD_ADDRESS)
        return rest

    def _at(self, ip: int, members: Members) -> sharing.Addresses:
        bits = self._row(ip, "addr")[members]
        return sharing.addresses(bits, len(self.engine.words), False)

    def _row(self, ip: int, name: str) -> Words:
        row: Words = self.state.words[self.state.profile.register(self.ids[ip][name])]
        return row

    def _put(self, ip: int, members: Members, bits: Words) -> None:
        self._row(ip, "dest")[members] = bits
        if self.engine.settings.storage == "f16":
            self.engine.halve(members, (self.state.profile.register(self.ids[ip]["dest"]),))

    def _together(self, ip: int, members: Members) -> bool:
        """All at once, where that comes to the same."""
        name = self.view.infos[ip].name
        if name == "SYSCALL_KILL":
            for vm in groups.ids(members):
                self._one(ip, int(vm))
            return True
        if not {"addr", "src"} <= self.ids[ip].keys():
            return False
        at = self._at(ip, members)
        outside = int(np.count_nonzero(at < 0))
        if outside:
            return False
        found = sharing.atomic(name, self.engine.words, at, np.array(self._row(ip, "src")[members]))
        if found is None:
            return False
        self.engine.wrote = True
        self._put(ip, members, found)
        self.engine.control.go(ip + 1, members)
        return True

    def _one(self, ip: int, vm: int) -> None:
        engine, name = self.engine, self.view.infos[ip].name
        member = slice(vm, vm + 1)
        if name == "SYSCALL_KILL":
            engine.control.end(ip, member, Status.FREE)
            if vm >= self.view.places.slots:
                engine.spare = min(engine.spare, vm)
            return
        if name == "SYSCALL_SPAWN":
            self._put(ip, member, np.array([self._spawn(ip, vm)], np.uint32))
        else:
            at = int(self._at(ip, member)[0])
            old = np.uint32(0)
            if at < 0:
                engine.progress.writes_outside += 1
            else:
                cas = name == "ATOMIC_CAS"
                given = self._row(ip, "src1" if cas else "src")[vm]
                other = self._row(ip, "src2")[vm] if cas else given
                old = engine.words[at]
                engine.words[at] = sharing.atomic_one(name, old, given, other)
                engine.wrote = True
            self._put(ip, member, np.array([old], np.uint32))
        engine.control.go(ip + 1, member)

    def _spawn(self, ip: int, parent: int) -> np.uint32:
        """Start a VM at the lowest free place; the bits of its number."""
        engine, state = self.engine, self.state
        status = state.row("status")
        place = engine.spare
        while place < state.count and status[place] != Status.FREE:
            place += 1
        engine.spare = place
        if place == state.count:
            return np.uint32(NO_ROOM)
        engine.spare = place + 1
        data = self._row(ip, "src")[parent]
        state.words[1 : state.profile.length - 1, place] = 0
        state.words[state.profile.register(0), place] = data
        batch = state.row("batch")[parent]
        fields = {"vm_id": place, "status": Status.RUNNING, "batch": batch}
        for name in ("vm_id", "stack_pointer", "status", "fault", "batch", "counter", "swept"):
            state.row(name)[place] = fields.get(name, 0)
        state.row("generation")[place] += np.uint32(1)
        engine.live[batch] += 1
        engine.progress.live += 1
        engine.wrote = True
        engine.control.go(self.ids[ip]["target"], slice(place, place + 1))
        return np.float32(place).view(np.uint32)
