"""What VMs that run together can see of each other: pairs of accesses that may be to one word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lanework.machines.fleet.analysis.accesses import Access
from lanework.machines.fleet.analysis.disjoint import Span, itself, meet
from lanework.machines.fleet.layout import FleetView


@dataclass(frozen=True)
class Conflict:
    """Why VMs of some phases can see each other.

    Attributes:
        first, second: the instructions, by number; the same where one suffices.
        words: what they access; "" for none in particular.
        reason: one sentence.
    """

    first: int
    second: int
    words: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """Whether VMs that run together can see each other.

    Attributes:
        independent: whether none can. Then VMs may run one after another, from begin to end.
        conflict: why they can.
        ordered: instructions whose writes have to be done in the order of epochs, and of VMs within
            one, although nobody reads these words in these phases.
    """

    independent: bool
    conflict: Conflict | None = None
    ordered: frozenset[int] = frozenset()


class Touch(NamedTuple):
    """An instruction that accesses shared memory, for the VMs of a launch."""

    ip: int
    access: Access
    launch: int
    span: Span


class Budget:
    """Pairs of accesses that are still looked at."""

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs

    def spend(self) -> None:
        """Look at one more.

        Raises:
            OverflowError: there have been too many.
        """
        self.pairs -= 1
        if self.pairs < 0:
            raise OverflowError


def judge(view: FleetView, touches: Sequence[Touch], budget: Budget) -> Verdict:
    """Whether VMs can see each other by these accesses.

    Raises:
        OverflowError: there are too many pairs of them.
    """
    ordered: set[int] = set()
    seen: tuple[Touch, Touch] | None = None
    for a, b in _pairs(touches, budget):
        if not meet(a.span, b.span, a.launch == b.launch):
            continue
        if a.access.reads or b.access.reads:
            pair = (a, b) if a.access.reads else (b, a)
            if seen is None or pair[0].ip < seen[0].ip:
                seen = pair
        elif a.access.update is None or a.access.update is not b.access.update:
            ordered |= {a.ip, b.ip}
    if seen is not None:
        return Verdict(False, _conflict(view, *seen))
    late = _late(view, touches, ordered, budget)
    return Verdict(late is None, late, frozenset(ordered if late is None else ()))


def _pairs(touches: Sequence[Touch], budget: Budget) -> Iterator[tuple[Touch, Touch]]:
    """Accesses of which one writes, to words that overlap, each pair once."""
    open_: list[Touch] = []
    for each in sorted(touches, key=lambda touch: touch.span.first):
        open_ = [other for other in open_ if other.span.last >= each.span.first]
        open_.append(each)
        for other in open_:
            if each.access.writes or other.access.writes:
                budget.spend()
                yield other, each


def _late(
    view: FleetView, touches: Sequence[Touch], ordered: set[int], budget: Budget
) -> Conflict | None:
    """What a VM does to words that it has written in order, which is not there before the end.

    Writes to them are to be done in order, too; they are added.
    """
    waiting = [touch for touch in touches if touch.ip in ordered]
    while waiting:
        late = waiting.pop()
        for each in touches:
            budget.spend()
            if each.launch != late.launch or each.ip in ordered or not itself(each.span, late.span):
                continue
            if each.access.reads:
                return _conflict(view, each, late)
            ordered.add(each.ip)
            waiting += [touch for touch in touches if touch.ip == each.ip]
    return None


VERBS = {"SYSCALL_READ": "read {} what", "IREAD": "read {} what", "WAIT": "wait {} for what"}


def _conflict(view: FleetView, reader: Touch, writer: Touch) -> Conflict:
    words = _words(view, max(reader.span.first, writer.span.first),
                   min(reader.span.last, writer.span.last))  # fmt: skip
    verb = VERBS.get(view.infos[reader.ip].name, "take {} what")
    reads, writes = (f"at {place(view, each.ip)}" for each in (reader, writer))
    reason = f"a VM may {verb.format(reads)} another writes {writes}, in {words}"
    return Conflict(reader.ip, writer.ip, words, reason)


def place(view: FleetView, ip: int) -> str:
    """Where an instruction is, without its text."""
    return view.where(ip).partition(": ")[0]


def _words(view: FleetView, first: int, last: int) -> str:
    for each in view.buffers:
        if each.offset <= first and last < each.offset + each.size:
            return each.name
    return f"word {first:,}" if first == last else f"the words from {first:,} to {last:,}"
