"""Branches, calls and system calls of the reference: where VMs go next, and what they wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lanework.core.program.isa import Instruction
from lanework.machines.fleet.isa import FleetInstr
from lanework.machines.fleet.reference import groups, sharing
from lanework.machines.fleet.reference.groups import Index, Members
from lanework.machines.fleet.state import Fault, Status

if TYPE_CHECKING:
    from lanework.machines.fleet.reference.engine import ReferenceEngine

Words = npt.NDArray[np.uint32]
Handler = Callable[[Members], None]
Test = Callable[[npt.NDArray[np.float32], np.float32], Any]

TESTS: dict[str, Test] = {
    "BRANCH_EQ": lambda x, epsilon: (x == 0.0) | (np.abs(x) < epsilon),
    "BRANCH_NE": lambda x, epsilon: ~((x == 0.0) | (np.abs(x) < epsilon)),
    "BRANCH_LT": lambda x, epsilon: x < 0.0,
    "BRANCH_GT": lambda x, epsilon: x > 0.0,
    "BRANCH_LE": lambda x, epsilon: x <= 0.0,
    "BRANCH_GE": lambda x, epsilon: x >= 0.0,
}


class Control:
    """Handlers of branch and I/O instructions, and what an epoch collects.

    Attributes:
        next: instruction -> the VMs that are there after this epoch.
        writes: VMs, addresses and words to be written.
        waiting: instruction -> the VMs whose turn in the ordered part comes.
    """

    def __init__(self, engine: ReferenceEngine) -> None:
        self.engine, self.view, self.state = engine, engine.view, engine.state
        self.pointers = self.state.row("stack_pointer")
        self.frames: Words | None = None
        if any(info.name == "CALL" for info in self.view.infos):
            saved = self.view.convention.saved
            self.frames = np.zeros((self.view.depth, 1 + len(saved), self.state.count), np.uint32)
        self.start()

    def start(self) -> None:
        """A new epoch."""
        self.next: dict[int, list[Members]] = {}
        self.writes: list[tuple[Index, sharing.Addresses, Words]] = []
        self.waiting: dict[int, Members] = {}

    def go(self, ip: int, members: Members | None) -> None:
        """VMs that execute an instruction in the next epoch."""
        if members is None:
            return
        if ip >= len(self.view.infos):
            self.fault(ip, members, Fault.PAST_END)
        else:
            self.next.setdefault(ip, []).append(members)

    def end(self, ip: int, members: Members, status: Status) -> None:
        """VMs that are no longer live."""
        state, engine = self.state, self.engine
        state.row("status")[members] = status
        state.row("ip")[members] = ip
        count = groups.size(members)
        engine.progress.live -= count
        if len(engine.live) == 1:
            engine.live[0] -= count
        else:
            batches = state.row("batch")[members]
            engine.live -= np.bincount(batches, minlength=len(engine.live))

    def fault(self, ip: int, members: Members, fault: Fault) -> None:
        """VMs that stop against their will."""
        progress = self.engine.progress
        self.state.row("fault")[members] = fault
        self.end(ip, members, Status.FAULTED)
        progress.faults += groups.size(members)
        lowest = int(groups.ids(members)[0])
        first = progress.first_fault
        progress.first_fault = lowest if first < 0 else min(first, lowest)

    def handler(self, ip: int, info: FleetInstr, instruction: Instruction) -> Handler:
        """What a branch or I/O instruction does to a group of VMs."""
        values = info.values(instruction)
        if info.name in TESTS:
            return self._branch(ip, info.name, values)
        if info.ordered:
            return lambda members: self.waiting.__setitem__(ip, members)
        made: Handler = getattr(self, "_" + info.name.removeprefix("SYSCALL_").lower())(ip, values)
        return made

    def _row(self, values: dict[str, int], name: str) -> Words:
        row: Words = self.state.words[self.state.profile.register(values[name])]
        return row

    def _put(self, values: dict[str, int], members: Members, bits: Any) -> None:
        element = self.state.profile.register(values["dest"])
        self.state.words[element][members] = bits
        if self.engine.settings.storage == "f16":
            self.engine.halve(members, (element,))

    def _branch(self, ip: int, name: str, values: dict[str, int]) -> Handler:
        cond, test = self._row(values, "cond").view(np.float32), TESTS[name]
        epsilon, target = np.float32(self.view.epsilon), values["target"]

        def run(members: Members) -> None:
            taken, rest = groups.split(members, test(cond[members], epsilon))
            self.go(target, taken)
            self.go(ip + 1, rest)

        return run

    def _jump(self, ip: int, values: dict[str, int]) -> Handler:
        return lambda members: self.go(values["target"], members)

    def _call(self, ip: int, values: dict[str, int]) -> Handler:
        saved, depth = self.view.convention.saved, self.view.depth
        rows = [self.state.words[self.state.profile.register(number)] for number in saved]

        def run(members: Members) -> None:
            full, rest = groups.split(members, self.pointers[members] >= depth)
            if full is not None:
                self.fault(ip, full, Fault.STACK_OVERFLOW)
            if rest is None:
                return
            assert self.frames is not None
            who, level = groups.ids(rest), self.pointers[rest]
            self.frames[level, 0, who] = ip + 1
            for n, row in enumerate(rows, 1):
                self.frames[level, n, who] = row[rest]
            self.pointers[rest] += np.uint32(1)
            self.go(values["target"], rest)

        return run

    def _return(self, ip: int, values: dict[str, int]) -> Handler:
        rows = [
            self.state.words[self.state.profile.register(number)]
            for number in self.view.convention.saved
        ]

        def run(members: Members) -> None:
            empty, rest = groups.split(members, self.pointers[members] == 0)
            if empty is not None:
                self.fault(ip, empty, Fault.STACK_UNDERFLOW)
            if rest is None:
                return
            assert self.frames is not None
            self.pointers[rest] -= np.uint32(1)
            who, level = groups.ids(rest), self.pointers[rest]
            for n, row in enumerate(rows, 1):
                row[rest] = self.frames[level, n, who]
            back = self.frames[level, 0, who]
            for target in np.unique(back).tolist():
                self.go(target, groups.split(rest, back == target)[0])

        return run

    def _inside(self, ip: int, members: Members, bits: Words, integer: bool) -> Any:
        """The VMs whose address counts, where it points, and which of the members they are."""
        at = sharing.addresses(bits, len(self.engine.words), integer)
        if self.engine.settings.bounds != "fault":
            return members, at, slice(None)
        bad = at < 0
        faulty, rest = groups.split(members, bad)
        if faulty is not None:
            self.fault(ip, faulty, Fault.BAD_ADDRESS)
        return rest, at[~bad], ~bad

    def _read(self, ip: int, values: dict[str, int], integer: bool = False) -> Handler:
        row = self._row(values, "addr")

        def run(members: Members) -> None:
            rest, at, _ = self._inside(ip, members, row[members], integer)
            if rest is None:
                return
            found, missing = sharing.read(self.engine.words, at)
            self.engine.progress.reads_outside += missing
            self._put(values, rest, found)
            self.go(ip + 1, rest)

        return run

    def _iread(self, ip: int, values: dict[str, int]) -> Handler:
        return self._read(ip, values, True)

    def _write(self, ip: int, values: dict[str, int], integer: bool = False) -> Handler:
        row, source = self._row(values, "addr"), self._row(values, "src")

        def run(members: Members) -> None:
            rest, at, _ = self._inside(ip, members, row[members], integer)
            if rest is None:
                return
            self.engine.progress.writes_outside += int(np.count_nonzero(at < 0))
            self.writes.append((groups.ids(rest), at, np.array(source[rest])))
            self.go(ip + 1, rest)

        return run

    def _iwrite(self, ip: int, values: dict[str, int]) -> Handler:
        return self._write(ip, values, True)

    def _set(self, ip: int, values: dict[str, int], bits: Callable[[Members], Any]) -> Handler:
        def run(members: Members) -> None:
            self._put(values, members, bits(members))
            self.go(ip + 1, members)

        return run

    def _vmid(self, ip: int, values: dict[str, int]) -> Handler:
        ids = self.state.row("vm_id")
        return self._set(ip, values, lambda m: ids[m].astype(np.float32).view(np.uint32))

    def _ivmid(self, ip: int, values: dict[str, int]) -> Handler:
        ids = self.state.row("vm_id")
        return self._set(ip, values, lambda m: ids[m])

    def _vmgid(self, ip: int, values: dict[str, int]) -> Handler:
        ids = self.state.row("global_id")
        return self._set(ip, values, lambda m: ids[m].astype(np.float32).view(np.uint32))

    def _vmcount(self, ip: int, values: dict[str, int]) -> Handler:
        batch = self.state.row("batch")
        return self._set(ip, values, lambda m: self.engine.counts[batch[m]].view(np.uint32))

    def _yield(self, ip: int, values: dict[str, int]) -> Handler:
        def run(members: Members) -> None:
            self.state.row("status")[members] = Status.YIELDED
            self.state.row("swept")[members] = self.engine.sweep
            self.engine.yielded.append(members)
            self.go(ip + 1, members)

        return run

    def _halt(self, ip: int, values: dict[str, int]) -> Handler:
        return lambda members: self.end(ip, members, Status.HALTED)

    def changed(self, ip: int, members: Members) -> Any:
        """Which VMs at a WAIT may go on, and their addresses."""
        values = self.view.infos[ip].values(self.view.instructions[ip])
        at = sharing.addresses(self._row(values, "addr")[members], len(self.engine.words), False)
        found, _ = sharing.read(self.engine.words, at)
        return found != self._row(values, "src")[members], at

    def _wait(self, ip: int, values: dict[str, int]) -> Handler:
        def run(members: Members) -> None:
            rest, _, _ = self._inside(ip, members, self._row(values, "addr")[members], False)
            if rest is None:
                return
            mask, at = self.changed(ip, rest)
            self.engine.progress.reads_outside += int(np.count_nonzero(at < 0))
            ready, still = groups.split(rest, mask)
            self.go(ip + 1, ready)
            if still is not None:
                self.state.row("status")[still] = Status.BLOCKED
                blocked = self.engine.blocked
                known = blocked.get(ip)
                blocked[ip] = still if known is None else groups.merge([known, still])

        return run

    def save(self) -> Any:
        """The frames of open calls."""
        return None if self.frames is None else self.frames.copy()

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""
        if self.frames is not None:
            self.frames[:] = saved
