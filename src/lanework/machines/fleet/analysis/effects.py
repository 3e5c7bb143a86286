"""Whether VMs that run together can see each other, or may run one after another as well.

Epochs can be seen: a VM reads what others have written before. Where no VM reads a word that
another one writes, each may go through all of its instructions by itself, and shared memory comes
out the same. Of words that several write and none reads, the order of the writes counts, unless
what they do comes to the same in any order.

All of it holds for whatever inputs there are. In doubt, VMs can see each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from lanework.machines.fleet.analysis.accesses import Access, access, span
from lanework.machines.fleet.analysis.conflicts import (
    Budget,
    Conflict,
    Touch,
    Verdict,
    judge,
    place,
)
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Allocated, Launch

PAIRS = 1 << 17
"""Pairs of accesses that are looked at in all groups of phases together."""
LARGE = 4096
"""Instructions of programs from which on VMs are said to see each other, unseen."""
VISITS = 20_000
"""The same for how often one of them is looked at."""
SHOWN = 8
"""Groups of phases that are described."""


class Effects:
    """What VMs of a program can see of each other.

    Phases that run together are a group: a step of the schedule whose barrier is wait_all, with the
    steps before it from the last such barrier on.

    Args:
        view: the program, which is verified.
        half: whether registers and memory are stored in half precision.
    """

    def __init__(self, view: FleetView, *, half: bool = False) -> None:
        self.view, self._half = view, half
        self.flow = ControlFlow.of(view)
        self._accesses: dict[int, Access | None] = {}
        self._reached: dict[int, list[int]] = {}
        self._verdicts: dict[tuple[int, ...], Verdict] = {}
        self._budget = Budget(PAIRS)

    @cached_property
    def known(self) -> Intervals | None:
        """What registers hold; None for a program that is too large to look at."""
        if self.flow.count > LARGE:
            return None
        try:
            return Intervals(self.view, half=self._half, any_inputs=True, most=VISITS)
        except OverflowError:
            return None

    def access(self, ip: int) -> Access | None:
        """Where an instruction accesses shared memory; None if no VM does so there."""
        if ip not in self._accesses:
            self._accesses[ip] = access(self.view, self.known, ip)
        return self._accesses[ip]

    def together(self, step: int) -> range:
        """The steps of the schedule that may run at the same time as one of them, and itself."""
        n = bisect_right(self.begins, step)
        last = n == len(self.begins)
        return range(self.begins[n - 1], len(self.view.plan.schedule) if last else self.begins[n])

    @cached_property
    def begins(self) -> list[int]:
        """The first step of each group."""
        plan = self.view.plan
        all_ = np.array([phase.barrier == "wait_all" for phase in plan.phases], np.bool_)
        after = np.flatnonzero(all_[np.array(plan.schedule, np.intp)][:-1]) + 1
        return [0, *after.tolist()]

    def verdict(self, step: int) -> Verdict:
        """Whether VMs can see each other that run at the same time as those of a step."""
        steps = self.together(step)
        phases = self.view.plan.schedule[steps.start : steps.stop]
        known = self._verdicts.get(phases)
        if known is None:
            known = self._verdicts[phases] = self._verdict(steps)
        return known

    def describe(self) -> Iterator[str]:
        """A line for each group of phases: how it runs, and why."""
        schedule = self.view.plan.schedule
        ends = [*self.begins[1:], len(schedule)]
        groups = {schedule[a:b]: a for a, b in zip(self.begins, ends, strict=True)}
        for phases, step in list(groups.items())[:SHOWN]:
            yield f"{_phases(phases)}: {self._said(self.verdict(step))}"
        if len(groups) > SHOWN:
            yield f"and {len(groups) - SHOWN} more groups of phases"

    def _said(self, verdict: Verdict) -> str:
        if verdict.conflict is not None:
            return f"epochs are needed, as {verdict.conflict.reason}"
        if not verdict.ordered:
            return "VMs are independent"
        first = place(self.view, min(verdict.ordered))
        return f"VMs are independent, but for the order of writes to the same words, as at {first}"

    def _verdict(self, steps: range) -> Verdict:
        several = [self.view.allocation.steps[step] for step in steps]
        launches = [each for step in several for each in step]
        launches += self._born(launches)
        try:
            conflict = self._visible(launches)
            touches = [] if conflict else self.touches(launches)
            conflict = conflict or self._tables(several[1:], touches)
            if conflict is not None:
                return Verdict(False, conflict)
            return judge(self.view, touches, self._budget)
        except OverflowError:
            entry = self.flow.entry(launches[0])
            reason = (
                f"the program is too large to look at everything that {place(self.view, entry)}"
            )
            return Verdict(False, Conflict(entry, entry, "", f"{reason} leads to"))

    def _born(self, launches: Sequence[Allocated]) -> list[Allocated]:
        """VMs that others start, for each routine as if it had all places for them."""
        numbers = {each.entry: n for n, each in enumerate(self.view.routines)}
        room = self.view.plan.spawn
        first, step = self.view.allocation.slots, launches[0].step if launches else 0
        begun = self.flow.started(map(self.flow.entry, launches)) if room else ()
        return [
            Allocated(Launch(numbers[entry], room, base=first), step, first, 0) for entry in begun
        ]

    def _comes(self, entry: int) -> list[int]:
        """The instructions that matter here which a VM may come to."""
        if entry not in self._reached:
            infos = self.view.infos
            self._reached[entry] = [
                ip
                for ip in sorted(self.flow.reached([entry], calls=True))
                if infos[ip].name in ALONE or any(o.name == "addr" for o in infos[ip].operands)
            ]
        return self._reached[entry]

    def touches(self, launches: Sequence[Allocated]) -> list[Touch]:
        """What the VMs of launches access.

        Raises:
            OverflowError: the program is too large to look at.
        """
        if self.known is None:
            raise OverflowError
        out = []
        for n, allocated in enumerate(launches):
            for ip in self._comes(self.flow.entry(allocated)):
                each = self.access(ip)
                if each is not None and each.first <= each.last:
                    self._budget.spend()
                    touch = Touch(ip, each, n, span(self.known, each, allocated))
                    out += [touch] * (touch.span.begin <= touch.span.end)
        return out

    def _visible(self, launches: Sequence[Allocated]) -> Conflict | None:
        """What others see without looking at a word."""
        flow = self.flow
        for ip in sorted({ip for each in launches for ip in self._comes(flow.entry(each))}):
            name = self.view.infos[ip].name
            if name == "SYSCALL_YIELD" and flow.again(ip):
                reason = f"a VM may let others run at {place(self.view, ip)} time and again"
                return Conflict(ip, ip, "", reason)
        return None

    def _tables(
        self, later: Sequence[Sequence[Allocated]], touches: Sequence[Touch]
    ) -> Conflict | None:
        """Numbers of VMs that are read while others run, which may write them."""
        for each in (each for step in later for each in step):
            launch = each.launch
            for touch in touches if launch.strategy == "custom" else ():
                first, last = launch.base, launch.base + launch.count - 1
                if touch.access.writes and touch.span.first <= last and first <= touch.span.last:
                    where = place(self.view, touch.ip)
                    reason = f"a VM may write at {where} what gives later VMs their numbers"
                    return Conflict(self.flow.entry(each), touch.ip, "", reason)
        return None


ALONE = ("SYSCALL_YIELD",)
"""Instructions that others may notice, although they access no word."""


def _phases(phases: Sequence[int]) -> str:
    names = sorted(set(phases))
    if len(names) == 1:
        return f"phase {names[0]}"
    shown = ", ".join(map(str, names[:-1]))
    return f"phases {shown} and {names[-1]}"


def effects(view: FleetView, *, half: bool = False) -> Effects:
    r"""What VMs of a program can see of each other, analysed once for a program.

    Example:
        >>> import lanework as lw
        >>> text = "VMID r0\nREAD r1, r0\nADDI r0, r0, {}\nWRITE r0, r1\nHALT\n.shared 20"
        >>> for step in (10, 1):
        ...     program = lw.fleet.assemble(text.format(step) + "\n.phase\n.launch main, 10")
        ...     print(effects(FleetView.of(program)).verdict(0).independent)
        True
        False
    """
    known: dict[bool, Effects] = vars(view).setdefault("effects", {})
    if half not in known:
        known[half] = Effects(view, half=half)
    return known[half]
