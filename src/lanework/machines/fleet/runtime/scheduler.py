"""The runtime: phases, barriers, limits and traps, on any engine, an epoch at a time or many."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lanework.base import sharing
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core.codes import FUEL_SPENT
from lanework.core.runner import LOOPS, check_deadline
from lanework.core.waiting import waited
from lanework.machines.fleet import codes
from lanework.machines.fleet.engine import Engine, Progress, Stop
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Allocated
from lanework.machines.fleet.runtime.traps import are_numbers, bad_table, deadlock, fault
from lanework.machines.fleet.state import Spans, Words

MOST = 1 << 30
"""Epochs at most before an engine comes back."""
GRACE = 0.02
"""Seconds in which an epoch may end that a deadline has come into."""
LARGE = 1 << 17
"""VMs from which one operation on all of them may take so long that Ctrl-C would wait for it."""
T = TypeVar("T")
_working = threading.local()


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


class Desk:
    """An engine is one run's at a time: threads wait, and a run that was pushed aside is refused.

    Attributes:
        lock: held by the thread that works with the engine.
        large: whether the program is.
        run: whose the engine's state is.
    """

    def __init__(self, lock: Any = None, *, large: bool = False) -> None:
        self.lock = sharing.rlock() if lock is None else lock
        self.large = large
        self.run: Runtime | None = None

    def work(self, work: Callable[[], T], until: float | None) -> T:
        """What `work` gives, at which no other thread has the engine; waiting for it counts too.

        What takes long is done aside, and left where it is at the deadline or at Ctrl-C.

        Raises:
            Trap: LW2001.
        """
        me, nested = caller(), hasattr(_working, "caller")

        def held() -> T:
            _working.caller = me
            try:
                with self.lock:
                    return work()
            finally:
                if not nested:
                    del _working.caller

        if nested or (until is None and not self.large):
            return held()
        return waited(held, None if until is None else until + GRACE, LOOPS, stops=True)


def caller() -> int:
    """The thread for which this one works: itself, if for no other."""
    return int(getattr(_working, "caller", threading.get_ident()))


@dataclass(eq=False)
class Runtime:
    """A program on an engine, from its first phase to its last.

    Attributes:
        engine: what executes epochs.
        view: the program.
        limits: fuel (instructions of all VMs) and deadline.
        progress: called with steps of the schedule that have begun, and how many there are.
        cursor: where the run is.
        counts: what the engine has counted so far.
        desk: who may use the engine.
        torn: whether it was stopped within an epoch, of which some VMs have done their part.
    """

    engine: Engine
    view: FleetView
    limits: Limits = field(default_factory=Limits)
    progress: Callable[[int, int], None] | None = None
    cursor: Cursor = field(default_factory=Cursor)
    counts: Progress = field(default_factory=Progress)
    until: float | None = None
    desk: Desk = field(default_factory=Desk)
    torn: bool = False

    def begin(self, shared: Words, until: float | None = None, blank: Spans = ()) -> None:
        """Start anew; what ran on the engine before has ended.

        Args:
            shared: the words of shared memory.
            until: the deadline, if it began before this.
            blank: words that are known to be zeros.
        """
        with self.desk.lock:
            self.desk.run = self
            self.engine.begin(shared, blank)
            self.cursor, self.counts = Cursor(), Progress()
            self.until = self.limits.until() if until is None else until

    @contextmanager
    def held(self) -> Iterator[Engine]:
        """The engine, for as long as no other thread may use it.

        Raises:
            Diagnostic: LW6031, another run has begun on it.
        """
        with self.desk.lock:
            self._still()
            yield self.engine

    def _still(self) -> None:
        if self.desk.run is not self:
            raise Diagnostic(
                codes.PUSHED_ASIDE,
                "this run ended when the runner began another one, or was closed",
                help="bind a runner of its own for each run that is looked at step by step",
            )

    def run(self, epochs: int | None = None, *, pause: bool = False) -> bool:
        """Go on, for so many epochs or to the end; whether the end was reached.

        Args:
            epochs: how many at most.
            pause: whether to come back, too, when VMs are launched, before they execute anything.

        Raises:
            Trap: a fault of a VM, a deadlock, fuel or the deadline.
            Diagnostic: LW6031, another run has begun on the engine.
        """
        return self.desk.work(lambda: self._run(epochs, pause), self.until)

    def _run(self, epochs: int | None, pause: bool) -> bool:
        self._still()
        if self.torn:
            raise Diagnostic(
                codes.PUSHED_ASIDE,
                "this run was stopped within an epoch, and cannot go on from there",
                help="go back to an epoch before, or begin anew",
            )
        left = epochs
        while not self.cursor.ended:
            if not self.cursor.waiting:
                if left is None and not pause and self._ahead():
                    continue
                self._launch()
                if pause and self.cursor.waiting:
                    return False
                continue
            if left == 0:
                return False
            before, fuel = self.counts.epochs, self.limits.fuel
            rest = None if fuel is None else fuel - self.counts.executed
            self.torn = True
            most = MOST if left is None else left
            self.counts = self.engine.run(most, self.cursor.watch, rest, self.until)
            self.torn = False
            left = None if left is None else left - (self.counts.epochs - before)
            self._stopped(self.counts.stop, f", in epoch {self.counts.epochs:,}")
            check_deadline(
                self.until,
                LOOPS,
                f"the run took longer than {self.limits.deadline or 0:g} s, in epoch"
                f" {self.counts.epochs:,}",
            )
        return True

    def _ahead(self) -> bool:
        """Let the engine run whole steps, if it can, from where no VM is live; whether it has."""
        cursor, fuel = self.cursor, self.limits.fuel
        if self.counts.live or cursor.step == len(self.view.plan.schedule):
            return False
        rest = None if fuel is None else fuel - self.counts.executed
        self.torn = True
        begun = self.engine.ahead(cursor.step, rest, self.until)
        self.torn = False
        if begun is None:
            return False
        steps, self.counts = begun
        cursor.step += steps
        cursor.waiting = cursor.step == len(self.view.plan.schedule)
        if self.progress is not None:
            self.progress(cursor.step, len(self.view.plan.schedule))
            self._still()
        if self.counts.stop is not Stop.DONE or cursor.waiting:
            self._stopped(self.counts.stop)
        check_deadline(self.until, LOOPS)
        return True

    def _stopped(self, stop: Stop, where: str = "") -> None:
        """What follows from the engine's stop; when that was, of steps that it ran in epochs."""
        if stop is Stop.FAULT:
            raise fault(self.view, self.engine, self.counts)
        if stop is Stop.DEADLOCK:
            raise deadlock(self.view, self.engine, self.counts)
        if stop is Stop.FUEL:
            raise Trap(
                FUEL_SPENT,
                f"the program needs more than its fuel of {self.limits.fuel:,} instructions of all"
                f" VMs{where}",
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
        self._tables(launches)
        for allocated in launches:
            self.engine.launch(allocated)
        cursor.step += 1
        if self.progress is not None:
            self.progress(cursor.step, len(plan.schedule))
            self._still()  # it may have run something itself
        cursor.waiting = barrier != "none"
        if barrier == "wait_any":
            cursor.watch = tuple(allocated.batch for allocated in launches)

    def _tables(self, launches: list[Allocated]) -> None:
        """Look at the tables of launches, before any of them begins."""
        for each in launches:
            if each.launch.strategy == "custom":
                words = self.engine.peek(each.launch.base, each.launch.count)
                if not are_numbers(words) or len(words) < each.launch.count:
                    self.counts = self.engine.run(0)
                    raise bad_table(self.view, each, words)

    @property
    def phase(self) -> int:
        """The entry of the schedule that was begun last."""
        return max(self.cursor.step - 1, 0)

    def save(self) -> Any:
        """Everything there is, for `restore`."""
        with self.held() as engine:
            return copy.copy(self.cursor), copy.deepcopy(self.counts), engine.save()

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""
        cursor, counts, state = saved
        with self.held() as engine:
            self.cursor, self.counts = copy.copy(cursor), copy.deepcopy(counts)
            engine.restore(state)
            self.torn = False
