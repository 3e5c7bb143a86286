"""A run by hand: forwards, back, to a breakpoint, or until a word changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.options import integer, text
from lanework.core.result.show import show_word
from lanework.machines.fleet.codes import BAD_STEP
from lanework.machines.fleet.runtime.scheduler import Runtime
from lanework.machines.fleet.runtime.watching import Run, check_vm, vm_of
from lanework.machines.fleet.state import Status, VMState

EVERY = 64
"""Epochs between the snapshots that steps back begin from, at first."""
MOST = 32
"""Snapshots at most: when there are more, every second one goes."""

Point = Callable[[], str | None]
"""Says why a run stops here, or None."""


class Debugger(Run):
    r"""A run that goes forwards and back by hand.

    A snapshot is kept every `EVERY` epochs, and less often in long runs and where the memory cap
    leaves little; a step back begins from the one before.

    Attributes:
        runtime: the run.
        ended: whether everything has run.
        stopped: why `run` came back: which breakpoint or word it was, or "".

    Example:
        >>> import lanework as lw
        >>> text = ".machine fleet\n.buffer n, 0, 1, out\nSETI r1, 7\nWRITE r0, r1\nHALT"
        >>> debugger = lw.fleet.assemble(text).bind("reference").debug()
        >>> debugger.watchpoint("n")
        >>> debugger.run(), debugger.stopped
        (2, 'n[0] is 7, and was 0')
    """

    def __init__(self, runtime: Runtime, every: int = EVERY) -> None:
        self.runtime, self.every = runtime, every
        self.ended, self.stopped = False, ""
        self._kept: dict[int, Any] = {0: runtime.save()}
        view = runtime.view
        snapshot = 4 * (view.slots * view.profile.rows + view.shared)
        room = runtime.limits.memory_cap // 4 // max(snapshot, 1)
        self._most = max(2, min(MOST, room))
        self._points: list[Point] = []

    def __reduce__(self) -> NoReturn:
        help = "pickle the program: what runs again from the same inputs goes the same way"
        raise Diagnostic(BAD_STEP, "a debugger goes along a run of its process", help=help)

    def __repr__(self) -> str:
        counts = self.runtime.counts
        where = "at the end" if self.ended else f"in phase {self.runtime.phase}"
        return f"<Debugger: epoch {counts.epochs:,}, {where}, {counts.live:,} live VMs>"

    @property
    def epoch(self) -> int:
        """Epochs that have run."""
        return self.runtime.counts.epochs

    def step(self, epochs: int = 1) -> int:
        """Go forwards; the epoch that was reached, which is the last if there are fewer.

        Raises:
            Diagnostic: LW6032 for what is no number of epochs.
            Trap: what the program ran into; the run stays there.
        """
        goal = self.epoch + _count("step", epochs)
        while self.epoch < goal and not self.ended:
            self._go(goal - self.epoch)
        return self.epoch

    def _go(self, epochs: int, pause: bool = False) -> None:
        """Go on for so many epochs at most, to the next snapshot, or to a launch if asked."""
        before = self.epoch
        most = min(before + epochs, (before // self.every + 1) * self.every) - before
        try:
            self.ended = self.runtime.run(most, pause=pause)
        except KeyboardInterrupt:  # some VMs may have done their part of an epoch
            self.runtime.restore(self._kept[max(known for known in self._kept if known <= before)])
            raise
        if self.epoch % self.every == 0 and self.epoch > before:
            self._kept.setdefault(self.epoch, self.runtime.save())
        while len(self._kept) > self._most:
            self.every *= 2
            self._kept = {at: kept for at, kept in self._kept.items() if at % self.every == 0}

    def back(self, epochs: int = 1) -> int:
        """Go back, to the beginning at most; the epoch that was reached.

        Raises:
            Diagnostic: LW6032.
        """
        return self.goto(max(self.epoch - _count("back", epochs), 0))

    def goto(self, epoch: int) -> int:
        """Go to an epoch; the one that was reached, which is the last if there are fewer.

        Raises:
            Diagnostic: LW6032.
            Trap: what the program ran into on the way.
        """
        if _count("goto", epoch) < self.epoch:
            nearest = max(known for known in self._kept if known <= epoch)
            self.runtime.restore(self._kept[nearest])
            self.ended = False
        return self.step(epoch - self.epoch)

    # Points -------------------------------------------------------------------------------------

    def breakpoint(self, place: int | str, vm: int | None = None) -> None:
        """Let `run` stop when a VM comes to an instruction, before it executes it.

        Args:
            place: a line of the text, a routine (its first instruction), or `routine+3`, as
                listings and errors name instructions.
            vm: only this one.

        Raises:
            Diagnostic: LW6032 for a place that is none, LW6030 for a VM that there is not.
        """
        ips = np.array(self._instructions(place))
        if vm is not None:
            check_vm(self.runtime.view, vm)
        only = slice(None) if vm is None else slice(vm, vm + 1)

        def reached() -> str | None:
            vms = self.vms
            going = np.isin(vms.row("status"), (Status.RUNNING, Status.YIELDED))
            here = np.flatnonzero((going & np.isin(vms.row("ip"), ips))[only])
            if not len(here):
                return None
            number = int(here[0]) + (vm or 0)
            others = f", and {len(here) - 1:,} others," * (len(here) > 1)
            return f"VM {number}{others} at {self.runtime.view.where(int(vms.row('ip')[number]))}"

        self._points.append(reached)

    def _instructions(self, place: int | str) -> list[int]:
        """The instructions of a line, or the one that is named."""
        view = self.runtime.view
        if isinstance(place, int | np.integer) and not isinstance(place, bool):
            spans = ((ip, entry.span) for ip, entry in view.listing.items())
            ips = [ip for ip, span in spans if span is not None and span.line == place]
            help = "give a line with an instruction, or a name such as 'routine+3'"
        else:
            place = text("the place", place, BAD_STEP)
            name, _, more = place.partition("+")
            known = {each.name: each for each in view.routines}
            offset = int(more) if more.isdecimal() and len(more) < 10 else -(name != place)
            inside = name in known and 0 <= offset < known[name].count
            ips = [known[name].entry + offset] if inside else []
            help = did_you_mean(name, known) or f"there are: {', '.join(known)}"
        if not ips:
            raise Diagnostic(BAD_STEP, f"there is no instruction at {place!r}", help=help)
        return ips

    def watchpoint(self, name: str, index: int = 0) -> None:
        """Let `run` stop when a word of shared memory changes.

        Args:
            name: a buffer, or `shared`.
            index: the word's place in it.

        Raises:
            Diagnostic: LW6032 for a word that is not there.
        """
        view = self.runtime.view
        known = {each.name: (each.offset, each.size, each.dtype) for each in view.buffers}
        known["shared"] = 0, view.shared, "f32"
        if not isinstance(name, str) or name not in known:
            help = did_you_mean(name, known) or f"there are: {', '.join(known)}"
            raise Diagnostic(BAD_STEP, f"there is no buffer {name!r}", help=help)
        first, size, dtype = known[name]
        index = integer(f"the word of {name}", index, 0, size - 1, BAD_STEP)

        def now() -> Any:
            with self.runtime.held() as engine:
                return engine.peek(first + index, 1)[0]

        last = [now()]

        def changed() -> str | None:
            word, before = now(), last[0]
            last[0] = word
            if word == before:
                return None
            kind = {"f32": np.float32, "i32": np.int32, "u32": np.uint32}[dtype]
            now_is, was = (np.uint32(each).view(kind) for each in (word, before))
            shown = [show_word(x, 9) if dtype == "f32" else str(x) for x in (now_is, was)]
            return f"{name}[{index}] is {shown[0]}, and was {shown[1]}"

        self._points.append(changed)

    def clear(self) -> None:
        """Forget all breakpoints and watchpoints."""
        self._points.clear()

    def run(self, epochs: int | None = None) -> int:
        """Go on to the next breakpoint or watchpoint, or to the end; the epoch that was reached.

        Args:
            epochs: so many at most.

        Raises:
            Diagnostic: LW6032.
            Trap: what the program ran into; the run stays there.
        """
        goal = None if epochs is None else self.epoch + _count("run", epochs)
        self.stopped = ""
        for point in self._points:
            point()  # as it is now
        while not self.ended and not self.stopped and (goal is None or self.epoch < goal):
            far = (1 << 30) if goal is None else goal - self.epoch
            self._go(1 if self._points else far, pause=bool(self._points))
            reasons = [point() for point in self._points]
            self.stopped = "; ".join(filter(None, reasons))
        return self.epoch

    # Looking ------------------------------------------------------------------------------------

    def vm(self, number: int) -> VMState:
        """One VM as it is now.

        Raises:
            Diagnostic: LW6030.
        """
        check_vm(self.runtime.view, number)
        return vm_of(self.runtime, number)

    def where(self, number: int) -> str:
        """What a VM does now: its status, and its next instruction."""
        vm = self.vm(number)
        status = Status(int(vm.row("status")[0]))
        return f"{status.name.lower()} at {self.runtime.view.where(int(vm.row('ip')[0]))}"


def _count(what: str, number: Any) -> int:
    """A number of epochs.

    Raises:
        Diagnostic: LW6032.
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
        help = "give a whole number from 0 on; `back` goes back"
        raise Diagnostic(BAD_STEP, f"{what}({number!r}) is no number of epochs", help=help)
    return int(number)
