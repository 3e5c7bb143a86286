"""What registers and words of VMs may hold at each instruction, whatever the inputs are.

An abstract interpretation: all VMs at once, with an interval for each element of the vector. It
goes on until nothing new is found. Where control comes back to, ends that keep moving go further:
to the next number that the program names, and after some rounds to infinity. Then the program is
gone through some more times for what the tests of its loops say. What is found holds on every
engine that rounds arithmetic as IEEE 754 does, and elementary functions within their stated error.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

from lanework.core.ops.interval import ANY, INF, NOTHING, Interval, join, single
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.analysis.abstract import AbstractState, widen
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.forms import GAVE, ROUNDS, Symbol, beginning
from lanework.machines.fleet.analysis.induction import follow, loops
from lanework.machines.fleet.analysis.linear import number
from lanework.machines.fleet.analysis.memory import (
    Access,
    Ranges,
    WordRanges,
    declared,
    thread_private,
)
from lanework.machines.fleet.analysis.transfer import Edge, Transfer
from lanework.machines.fleet.layout import FleetView

PATIENCE = 3
"""Changes at the beginning of a loop before ends that move go further."""

STEPS = 12
"""How often they go to a number that the program names, before they go to infinity."""

PASSES = 3
"""How often the program is gone through once more."""

RESUMED = -2
"""Instead of where a VM comes from: it was kept, and goes on."""


class Intervals:
    """What is known of a program's VMs.

    Args:
        view: the program, which is verified.
        ranges: for buffers by name, or for all of shared memory with the name shared, between which
            numbers the inputs lie; else what the buffers themselves say, or any number.
        half: whether registers and memory are stored in half precision. Then it holds as far as
            nothing leaves half precision, which `results` shows; with any inputs, whatever does.
        any_inputs: whether nobody has seen to it that inputs lie where buffers say. Then nothing is
            known of shared memory, and integers are followed.
        most: how many instructions are looked at at most, each as often as more is learnt of it.

    Attributes:
        known: for every instruction what is known of a VM that comes to it; None if none does.
        words: what shared memory may hold.
        private: the regions of it whose words each belong to one VM, put together if one access
            may be to either.
        results: for instructions, by number, what they may write to an element of the vector,
            before it is rounded to half precision.
        loops: those that have induction variables, by their heads.
        accesses: for instructions with an address in shared memory, what it may be.

    Raises:
        Diagnostic: LW6010, LW6007, a range of no buffer, or one that is none.
        OverflowError: more has to be looked at.
    """

    def __init__(
        self,
        view: FleetView,
        ranges: Ranges | None = None,
        *,
        half: bool = False,
        any_inputs: bool = False,
        most: float = INF,
    ) -> None:
        self.view = view
        self.flow = ControlFlow.of(view)
        self._ranges, self._half, self._any = ranges or {}, half, any_inputs
        self._left = most
        self._solve(())
        self.private: list[list[int]] = []
        if not any_inputs:
            self.private = thread_private(self.flow, self.words, self._transfer.accesses)
        if self.private:
            self._solve(self.private)

    def _solve(self, regions: Sequence[Sequence[int]]) -> None:
        """Find what is known, where the words of some regions are a VM's own."""
        view = self.view
        self.words = WordRanges(view.shared, []) if self._any else declared(view, self._ranges)
        self.known: list[AbstractState | None] = [None] * len(self.view.instructions)
        self._transfer = Transfer(self.flow, self.words, self._half, regions, self._any)
        self._incoming: list[dict[tuple[int, int], AbstractState]] = [{} for _ in self.known]
        self._outgoing: dict[int, list[int]] = {}
        self._kept: dict[tuple[int, ...], tuple[AbstractState, Sequence[Interval]]] = {}
        self._later = set[int]()
        self._again = {each: n for n, each in enumerate({*self.flow.resumed.values()})}
        self._heads = {entry for entries in self.flow.resumed.values() for entry in entries}
        self.loops, self._rounds = loops(self.flow), dict[int, float]()
        self._visits = [0] * len(self.known)
        addressed = [any(spec.name == "addr" for spec in each.operands) for each in self.view.infos]
        self._reads = [ip for ip, reads in enumerate(addressed) if reads]
        self._hanging = {*self.flow.callers, *(() if self._any else self._reads)}
        self._thresholds = [] if self._any else self._named()
        for n, entry in enumerate(self.flow.begun):
            self._incoming[entry][-1, n] = self._transfer.start()
        self._climb()
        for _ in range(PASSES):
            if not self._descend():
                break

    @property
    def results(self) -> Mapping[int, Interval]:
        """What instructions may write."""
        return self._transfer.results

    @property
    def accesses(self) -> Mapping[int, Access]:
        """Where instructions may access shared memory."""
        return self._transfer.accesses

    def before(self, ip: int, element: int) -> Interval | None:
        """What an element may hold before an instruction; None if no VM comes there."""
        known = self.known[ip]
        return None if known is None else known.values[element]

    def element(self, element: int) -> Interval:
        """What an element may hold before any instruction."""
        return join(known.values[element] for known in self.known if known is not None)

    def bounds(self, each: Symbol) -> Interval:
        """Between which numbers what an instruction took or gave is; nothing for a VM's number."""
        if each.element == ROUNDS:
            return Interval(0.0, self._rounds[each.ip], integral=True)
        known, transfer = self.known[each.ip], self._transfer
        if each.element in (GAVE, ~GAVE):
            gave = transfer.results if each.element > 0 else transfer.integers
            return gave.get(each.ip, ANY)
        return NOTHING if known is None else known.side(each.element)

    # The fixed point ------------------------------------------------------------------------------

    def _climb(self) -> None:
        """Until nothing new is learnt."""
        waiting = list(self.flow.begun)
        queued = set(waiting)
        while waiting or self._later:
            if not waiting:  # kept VMs go on with all that is learnt at once
                waiting, self._later = sorted(self._later), set()
                queued = set(waiting)
            ip = heappop(waiting)
            queued.discard(ip)
            self._left -= 1
            if self._left < 0:
                raise OverflowError
            for each in self._visit(ip):
                if each not in queued and self._incoming[each]:
                    queued.add(each)
                    heappush(waiting, each)

    def _visit(self, ip: int) -> list[int]:
        """Learn what is known at an instruction; those for which it is news."""
        new, old = self._joined(ip), self.known[ip]
        if new is None:
            return []
        if old is not None:
            new = old.join(new)
            if ip in self._heads and new != old:
                self._visits[ip] += 1
                patience = 0 if self._any else PATIENCE
                if self._visits[ip] > patience:
                    new = self._widened(old, new, self._visits[ip] - patience)
        if new == old and ip not in self._hanging:
            return []
        self.known[ip] = new
        self._transfer.news = False
        changed = self._go(ip) + self.flow.returns.get(ip, [])
        if ip in self.flow.resumed:
            self._resumed(self.flow.resumed[ip])
        return changed + self._reads if self._transfer.news else changed

    def _descend(self) -> bool:
        """Go through once more, in order, for what is known better now; whether anything is."""
        transfer, self._kept, news = self._transfer, {}, False
        held = self.words.values
        for ip, old in enumerate(self.known):
            new = self._joined(ip)
            if new == old and new is not None and ip not in self._hanging:
                if ip in self.flow.resumed:
                    self._resume(ip, new)
                continue
            for learnt in (transfer.results, transfer.integers, transfer.accesses, transfer.writes):
                learnt.pop(ip, None)
            self.known[ip], news = new, news or new != old
            self._go(ip)
        for entries in self._again:
            self._resumed(entries)
        self.words.again(transfer.writes.values())
        return news or self.words.values != held

    def _joined(self, ip: int) -> AbstractState | None:
        """What is known from all ways to an instruction."""
        out = _all(self._incoming[ip].values())
        loop = self.loops.get(ip)
        if out is None or loop is None:
            return out
        incoming = self._incoming[ip].items()
        entered = _all(state for (came, _), state in incoming if came not in loop.body)
        if entered is None or entered is out:
            return out
        out, self._rounds[beginning(ip)] = follow(loop, entered, out, self._transfer.exact)
        return out

    def _go(self, ip: int) -> list[int]:
        """Say where control goes on what is known there; those for which it is news."""
        known = self.known[ip]
        if known is None:
            for n, target in enumerate(self._outgoing.get(ip, ())):
                self._incoming[target].pop((ip, n), None)
            return []
        changed = []
        if ip in self.flow.resumed:
            self._later.update(self._resume(ip, known))
        edges = [edge for edge in self._edges(ip) if edge[0] < len(self.known)]
        for n, (target, known) in enumerate(edges):
            if target <= ip:
                self._heads.add(target)
            if known is None:
                self._incoming[target].pop((ip, n), None)
            elif self._incoming[target].get((ip, n)) != known:
                self._incoming[target][ip, n] = known
                changed.append(target)
        self._outgoing[ip] = [target for target, _ in edges]
        return changed

    def _edges(self, ip: int) -> list[Edge]:
        known = self.known[ip]
        if known is None:
            return []
        back = [
            (call + 1, self._returned(known, self.known[call]))
            for call in self.flow.callers.get(ip, ())
        ]
        return [*self._transfer.run(ip, known), *back]

    def _resume(self, ip: int, known: AbstractState) -> list[int]:
        """Learn what is known of VMs that stopped at an instruction and go on; where it is news."""
        entries = self.flow.resumed[ip]
        kept, joined = self._kept.get(entries, (AbstractState([NOTHING] * len(known.values)), ()))
        new = list(kept.values)
        for n, value in enumerate(known.values):
            if not joined or value is not joined[n]:  # most are what they were one before
                new[n] = new[n].join(value)
        news = new != kept.values
        self._kept[entries] = AbstractState(new) if news else kept, known.values
        return list(entries) if news else []

    def _resumed(self, entries: tuple[int, ...]) -> None:
        """What is known of VMs that go on from now on."""
        for each in entries:
            self._incoming[each].pop((RESUMED, self._again[entries]), None)
            if entries in self._kept:
                self._incoming[each][RESUMED, self._again[entries]] = self._kept[entries][0]

    def _returned(self, known: AbstractState, before: AbstractState | None) -> AbstractState | None:
        """What is known after a call: registers that it keeps are as they were."""
        if before is None:
            return None
        out = known.copy()
        for saved in self.view.convention.saved:
            element = self.view.profile.register(saved)
            out.put(element, before.values[element])
        return out

    def _widened(self, old: AbstractState, new: AbstractState, step: int) -> AbstractState:
        ends = self._thresholds if step <= STEPS else []

        def low(end: float) -> float:
            n = bisect_right(ends, end)
            return ends[n - 1] if n else -INF

        def high(end: float) -> float:
            n = bisect_left(ends, end)
            return ends[n] if n < len(ends) else INF

        return widen(old, new, low, high)

    def _named(self) -> list[float]:
        """The numbers that a program names, and those beside them."""
        view = self.view
        ends = {0.0, float(view.shared), float(view.slots)}
        named = {bits for _, _, many in view.named(OperandKind.PATTERN) for bits in many.tolist()}
        for value in (*map(number, named), *self.words.first):
            ends |= set(filter(math.isfinite, (value.low, value.high)))
        for numbers in self.flow.numbers.values():
            for value in numbers:
                ends |= {value.low, value.high}
        ends |= {-end for end in ends}
        return sorted({single(end + step) for end in ends for step in (-1.0, 0.0, 1.0)})


def _all(states: Iterable[AbstractState]) -> AbstractState | None:
    """What is known if any of some may be."""
    out: AbstractState | None = None
    for each in states:
        out = each if out is None else out.join(each)
    return out
