"""Where control goes in a fleet program, and which VMs come by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple

from lanework.core.ops.interval import Interval, between, join
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Allocated, Launch

Numbers = tuple[Interval, Interval, Interval, Interval]
"""What VMID, VMGID and VMCOUNT may give, as floats, and IVMID."""

WORD = 2.0**32


LARGE = 1 << 14
"""Instructions of programs of which it is not kept where each leads to."""


class Leads(NamedTuple):
    """Where an instruction leads to: within its routine, into calls, and where VMs are started."""

    next: tuple[int, ...]
    called: tuple[int, ...] = ()
    started: tuple[int, ...] = ()


def _within(target: int, after: tuple[int, ...]) -> Leads:
    return Leads((target, *after))


ELSEWHERE: dict[str, Callable[[int, tuple[int, ...]], Leads]] = {
    "CALL": lambda target, after: Leads(after, called=(target,)),
    "SYSCALL_SPAWN": lambda target, after: Leads(after, started=(target,)),
}
"""Instructions whose target is not within their routine."""


class ControlFlow:
    """The ways through a program.

    Attributes:
        view: the program; verified, or some ways are left out.
    """

    def __init__(self, view: FleetView) -> None:
        self.view = view
        self.count = len(view.instructions)

        self._leads: dict[int, Leads] = {}

    @staticmethod
    def of(view: FleetView) -> ControlFlow:
        """The ways through a program, which are looked for once and kept unless it is large."""
        known: ControlFlow | None = vars(view).get("flow")
        if known is None:
            known = ControlFlow(view)
            if known.count <= LARGE:
                vars(view)["flow"] = known
        return known

    def leads(self, ip: int) -> Leads:
        """Where an instruction leads to."""
        known = self._leads.get(ip)
        if known is None:
            known = self._lead(ip)
            if self.count <= LARGE:
                self._leads[ip] = known
        return known

    def _lead(self, ip: int) -> Leads:
        info = self.view.infos[ip]
        after = () if info.ends else (ip + 1,)
        if info.target is None:
            return Leads(after)
        return ELSEWHERE.get(info.name, _within)(self.target(ip), after)

    def after(self, ip: int, *, calls: bool = False) -> list[int]:
        """The instructions that a VM may come to next, within its routine.

        Args:
            ip: the instruction.
            calls: whether to go into what is called, besides on to the next.
        """
        leads = self.leads(ip)
        out = leads.called + leads.next if calls else leads.next
        return [each for each in out if each < self.count]

    def before(self, ip: int) -> list[int]:
        """The instructions after which a VM may come to one, within its routine."""
        return self._before[ip]

    @cached_property
    def _before(self) -> list[list[int]]:
        out: list[list[int]] = [[] for _ in range(self.count)]
        for ip in range(self.count):
            for each in self.after(ip):
                out[each].append(ip)
        return out

    def onward(self, ip: int) -> list[int]:
        """The instructions that a VM may come to next, into calls and back from them."""
        back = [call + 1 for call in self.callers.get(ip, ())]
        return [each for each in self.after(ip, calls=True) + back if each < self.count]

    def again(self, ip: int) -> bool:
        """Whether a VM may come to an instruction more than once."""
        waiting, seen = self.onward(ip), set[int]()
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                waiting += self.onward(each)
        return ip in seen

    @cached_property
    def cyclic(self) -> set[int]:
        """Instructions that a VM may come to more than once, and some between such."""
        after = {ip: self.onward(ip) for ip in range(self.count)}
        for _ in range(2):  # take away what nothing leads to, and then what leads to nothing
            left = Counter(each for ip in after for each in after[ip] if each in after)
            waiting = [ip for ip in after if not left[ip]]
            while waiting:
                for each in after.pop(waiting.pop()):
                    left[each] -= 1
                    if not left[each] and each in after:
                        waiting.append(each)
            before: dict[int, list[int]] = {ip: [] for ip in after}
            for ip, aims in after.items():
                for each in (aim for aim in aims if aim in after):
                    before[each].append(ip)
            after = before
        return set(after)

    def target(self, ip: int) -> int:
        """Where an instruction leads to that has a target."""
        return self.view.instructions[ip].operands[0]

    def named(self, name: str) -> list[int]:
        """Instructions of a mnemonic."""
        return [ip for ip, info in enumerate(self.view.infos) if info.name == name]

    def reached(
        self, entries: Iterable[int], *, calls: bool, inside: range | None = None
    ) -> dict[int, int]:
        """What is reached from some instructions, and from which one it is reached first.

        Args:
            entries: where to begin; they are reached from themselves.
            calls: whether to go into what is called.
            inside: the instructions that count; by default all.
        """
        inside = range(self.count) if inside is None else inside
        came = {each: each for each in entries if each in inside}
        waiting = [*came]
        while waiting:
            ip = waiting.pop()
            for each in self.after(ip, calls=calls):
                if each in inside and each not in came:
                    came[each] = ip
                    waiting.append(each)
        return came

    def started(self, entries: Iterable[int]) -> list[int]:
        """Where VMs begin that others start which begin at some instructions, and that those do."""
        waiting, out = list(entries), set[int]()
        while waiting:
            new = {t for ip in self.reached(waiting, calls=True) for t in self.leads(ip).started}
            waiting = sorted(new - out)
            out |= new
        return sorted(out)

    @cached_property
    def callers(self) -> dict[int, list[int]]:
        """For every RETURN the calls that it may belong to."""
        out: dict[int, list[int]] = {}
        inside: dict[int, list[int]] = {}
        for call in self.named("CALL"):
            target = self.target(call)
            if target not in inside:
                body = sorted(self.reached([target], calls=False))
                inside[target] = [ip for ip in body if self.view.infos[ip].name == "RETURN"]
            for each in inside[target]:
                out.setdefault(each, []).append(call)
        return out

    @cached_property
    def returns(self) -> dict[int, list[int]]:
        """For every call the RETURNs that it may come back from."""
        out: dict[int, list[int]] = {}
        for end, calls in self.callers.items():
            for call in calls:
                out.setdefault(call, []).append(end)
        return out

    @cached_property
    def allocated(self) -> list[Allocated]:
        """Launches with their places; of each routine and place once."""
        first: dict[tuple[Launch, int], Allocated] = {}
        for step in self.view.allocation.steps:
            for each in step:
                first.setdefault((each.launch, each.slot), each)
        return list(first.values())

    def entry(self, allocated: Allocated) -> int:
        """The first instruction of a launch."""
        return self.view.routines[allocated.launch.routine].entry

    @cached_property
    def begun(self) -> list[int]:
        """Where VMs begin with nothing but zeros."""
        return sorted({self.entry(each) for each in self.allocated if not each.launch.resume})

    @cached_property
    def resumed(self) -> dict[int, tuple[int, ...]]:
        """For every instruction that kept VMs may have stopped at: where they go on.

        The first of their routine is among them, where nothing is known of their numbers: they may
        have other ones now.
        """
        out: dict[int, set[int]] = {}
        for again in (each for each in self.allocated if each.launch.resume):
            name = again.launch.resume
            same = [e for e in self.allocated if name in (e.launch.keep, e.launch.resume)]
            kept = map(self.entry, same)
            for ip in self.reached(kept, calls=True):
                out.setdefault(ip, set()).add(self.entry(again))
        return {ip: tuple(sorted(entries)) for ip, entries in out.items()}

    @cached_property
    def numbers(self) -> dict[int, Numbers]:
        """What VMs that come to an instruction are numbered, for every one that is reached."""
        by_entry: dict[int, Numbers] = {}
        for each in self.allocated:
            _add(by_entry, self.entry(each), _numbers(each))
        spawns = self.named("SYSCALL_SPAWN") if self.view.plan.spawn else []
        if spawns and by_entry:
            first = self.view.allocation.slots
            place = between(first, first + self.view.plan.spawn - 1, integral=True)
            count = join(each[2] for each in by_entry.values())
            for spawn in spawns:
                _add(by_entry, self.target(spawn), (place, place, count, place))
        out: dict[int, Numbers] = {}
        for entry, numbers in by_entry.items():
            for ip in self.reached([entry], calls=True):
                _add(out, ip, numbers)
        return out


def _add(to: dict[int, Numbers], key: int, numbers: Numbers) -> None:
    known = to.get(key, numbers)
    a, b, c, d = (x.join(y) for x, y in zip(known, numbers, strict=True))
    to[key] = a, b, c, d


def _numbers(allocated: Allocated) -> Numbers:
    launch = allocated.launch
    stride = {"contiguous": 1, "strided": launch.stride}.get(launch.strategy)
    ends = sorted((launch.base, launch.base + (launch.count - 1) * (stride or 0)))
    if stride is None or ends[0] < 0 or ends[1] >= WORD:
        ends = [0, int(WORD)]
    return (
        between(ends[0], ends[1], integral=True),
        between(allocated.slot, allocated.slot + launch.count - 1, integral=True),
        between(launch.count, launch.count, integral=True),
        Interval(float(ends[0]), float(ends[1]), integral=True),
    )
