"""The runtime: phases, barriers, limits and traps, on any engine, an epoch at a time or many."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lanework.base.errors import Code, Trap
from lanework.base.limits import Limits
from lanework.core.codes import FUEL_SPENT
from lanework.core.runner import check_deadline
from lanework.machines.fleet import codes
from lanework.machines.fleet.engine import Engine, Progress, Stop
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.state import Fault, Status, Words

TURN = 0.06
"""Seconds that an engine runs before the clock is looked at."""
MOST = 1 << 14
"""Epochs in one turn at most."""


@dataclass
class Cursor:
    """Where in the schedule a run is.

    Attributes:
        step: the next entry of the schedule.
        watch: batches of which one must end before the next step; none: all must.
        waiting: whether a barrier holds the next step back.
        ended: whether everything has run.
    """

    step: int = 0
    watch: tuple[int, ...] = ()
    waiting: bool = False
    ended: bool = False


@dataclass
class Runtime:
    """A program on an engine, from its first phase to its last.

    Attributes:
        engine: what executes epochs.
        view: the program.
        limits: fuel (instructions of all VMs) and deadline.
        progress: called with steps of the schedule that have begun, and how many there are.
        cursor: where the run is.
        counts: what the engine has counted so far.
        turn: epochs that the engine runs at a time, chosen by how long they take.
    """

    engine: Engine
    view: FleetView
    limits: Limits = field(default_factory=Limits)
    progress: Callable[[int, int], None] | None = None
    cursor: Cursor = field(default_factory=Cursor)
    counts: Progress = field(default_factory=Progress)
    turn: int = 1
    until: float | None = None

    def begin(self, shared: Words) -> None:
        """Start anew with these words of shared memory."""
        self.engine.begin(shared)
        self.cursor, self.counts = Cursor(), Progress()
        self.until = self.limits.until()

    def run(self, epochs: int | None = None) -> bool:
        """Go on, for so many epochs or to the end; whether the end was reached.

        Raises:
            Trap: a fault of a VM, a deadlock, fuel or the deadline.
        """
        left = epochs
        while not self.cursor.ended:
            if not self.cursor.waiting:
                self._launch()
                continue
            if left == 0:
                return False
            began, before = time.monotonic(), self.counts.epochs
            most = self.turn if left is None else min(self.turn, left)
            fuel = self.limits.fuel
            rest = None if fuel is None else fuel - self.counts.executed
            self.counts = self.engine.run(most, self.cursor.watch, rest)
            done = self.counts.epochs - before
            left = None if left is None else left - done
            self._adapt(time.monotonic() - began)
            self._stopped(self.counts.stop)
            check_deadline(
                self.until,
                "raise the deadline, or look for a loop that does not end",
                f"the run took longer than {self.limits.deadline or 0:g} s, in epoch"
                f" {self.counts.epochs:,}",
            )
        return True

    def _adapt(self, seconds: float) -> None:
        if seconds < TURN / 2:
            self.turn = min(self.turn * 2, MOST)
        elif seconds > 2 * TURN:
            self.turn = max(self.turn // 2, 1)

    def _stopped(self, stop: Stop) -> None:
        """What follows from the engine's stop."""
        if stop is Stop.FAULT:
            raise fault(self.view, self.engine, self.counts)
        if stop is Stop.DEADLOCK:
            raise deadlock(self.view, self.engine, self.counts)
        if stop is Stop.FUEL:
            raise Trap(
                FUEL_SPENT,
                f"the program needs more than its fuel of {self.limits.fuel:,} instructions of all"
                f" VMs, in epoch {self.counts.epochs:,}",
                help="raise the fuel limit, or look for a loop that does not end",
            )
        if stop is Stop.DONE or (stop is Stop.BATCH and self.cursor.watch):
            self._past(stop)

    def _past(self, stop: Stop) -> None:
        """A barrier is open."""
        cursor, plan = self.cursor, self.view.plan
        cursor.waiting, cursor.watch = False, ()
        if cursor.step == len(plan.schedule):
            cursor.ended = stop is Stop.DONE
            cursor.waiting = not cursor.ended
            return
        last = plan.phases[plan.schedule[cursor.step - 1]].barrier
        if stop is Stop.DONE and last == "wait_all":
            self.engine.clear(self.view.allocation.kept, self.view.slots)

    def _launch(self) -> None:
        """Begin the next step of the schedule."""
        cursor, plan = self.cursor, self.view.plan
        if cursor.step == len(plan.schedule):
            cursor.waiting = True
            return
        barrier = plan.phases[plan.schedule[cursor.step]].barrier
        launches = self.view.allocation.steps[cursor.step]
        for allocated in launches:
            self.engine.launch(allocated)
        cursor.step += 1
        if self.progress is not None:
            self.progress(cursor.step, len(plan.schedule))
        cursor.waiting = barrier != "none"
        if barrier == "wait_any":
            cursor.watch = tuple(allocated.batch for allocated in launches)

    @property
    def phase(self) -> int:
        """The entry of the schedule that was begun last."""
        return max(self.cursor.step - 1, 0)

    def save(self) -> Any:
        """Everything there is, for `restore`."""
        return copy.copy(self.cursor), copy.deepcopy(self.counts), self.engine.save()

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""
        cursor, counts, state = saved
        self.cursor, self.counts = copy.copy(cursor), copy.deepcopy(counts)
        self.engine.restore(state)


# Traps: which VM stopped, where, and why ----------------------------------------------------------

SHOWN = 5

_FAULTS: dict[Fault, tuple[Code, str]] = {
    Fault.STACK_OVERFLOW: (codes.STACK_OVERFLOW, "calls within calls are too deep"),
    Fault.STACK_UNDERFLOW: (codes.STACK_UNDERFLOW, "RETURN without a call"),
    Fault.BAD_ADDRESS: (codes.BAD_ADDRESS, "an address outside shared memory"),
    Fault.BAD_OPCODE: (codes.BAD_OPCODE, "an instruction that is none"),
    Fault.PAST_END: (codes.PAST_END, "the end of the program"),
    Fault.BAD_VALUE: (codes.BAD_VALUE, "an operation without a finite result"),
}
_HELP = {
    Fault.STACK_OVERFLOW: "look for a recursion that does not end, or raise .depth (now {depth})",
    Fault.STACK_UNDERFLOW: "end a routine that is launched with HALT",
    Fault.BAD_ADDRESS: "look at the register of the address; shared memory has {shared:,} words",
    Fault.BAD_VALUE: "test the operands before, or run with arithmetic='ieee'",
}


def fault(view: FleetView, engine: Engine, counts: Progress) -> Trap:
    """The trap for the first VM that faulted."""
    number = counts.first_fault
    vm = engine.vm(number)
    kind, ip = Fault(int(vm.row("fault")[0])), int(vm.row("ip")[0])
    code, sentence = _FAULTS[kind]
    others = f", and {counts.faults - 1:,} others" if counts.faults > 1 else ""
    values = ", ".join(
        f"r{n}={value:.9g}" for n, value in enumerate(vm.floats[1 : 1 + view.profile.registers, 0])
    )
    help = _HELP.get(kind)
    return Trap(
        code,
        f"VM {number}{others}: {sentence}, at {view.where(ip)}, in epoch {counts.epochs:,}",
        help=None if help is None else help.format(depth=view.depth, shared=view.shared),
        notes=[f"VM {number} has {values}"],
        lane=number,
        **_listed(view, ip),
    )


def deadlock(view: FleetView, engine: Engine, counts: Progress) -> Trap:
    """The trap for VMs that all wait, with where they wait."""
    vms = engine.vms()
    status, ips = vms.row("status"), vms.row("ip")
    notes = []
    waiting: Counter[tuple[int, int]] = Counter()
    for kind in (Status.BLOCKED, Status.YIELDED, Status.RUNNING):
        waiting.update((int(kind), int(ip)) for ip in ips[status == kind].tolist())
    for (status_now, ip), count in waiting.most_common(SHOWN):
        does = Status(status_now).name.lower()
        notes.append(f"{count:,} VM{'s' * (count != 1)} {does} at {view.where(ip)}")
    if len(waiting) > SHOWN:
        notes.append(f"... and at {len(waiting) - SHOWN} more instructions")
    first = min(waiting, default=(0, 0))[1]
    return Trap(
        codes.DEADLOCK,
        f"all {counts.live:,} VMs that still run wait, in epoch {counts.epochs:,}",
        help="look at what they wait for: who should have written it?",
        notes=notes,
        **_listed(view, first),
    )


def _listed(view: FleetView, ip: int) -> dict[str, Any]:
    """An instruction, with its place in a text, as errors take it."""
    entry = view.listing.get(ip)
    span, text = (None, None) if entry is None else (entry.span, entry.text)
    return {"instruction": ip, "span": span, "listing": text}
