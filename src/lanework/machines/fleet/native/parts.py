"""Parts of shared memory that native code may have elsewhere: where an input is given.

These are buffers that nothing writes, and that nothing comes to but reads that certainly are of
none of the words around.
"""

from __future__ import annotations

from dataclasses import dataclass

from lanework.machines.fleet.analysis.effects import Effects
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Buffer, Launch

READS = ("SYSCALL_READ", "IREAD")


@dataclass(frozen=True)
class Regions:
    """Regions of the shared memory of a program.

    Attributes:
        buffers: these.
        reads: for instructions that read one of them its number, from 1 on.
    """

    buffers: list[Buffer]
    reads: dict[int, int]


def parts(effects: Effects) -> Regions:
    """Which parts there are, as far as it is known where instructions access shared memory."""
    known: Regions | None = vars(effects).get("parts")
    if known is None:
        known = vars(effects)["parts"] = _parts(effects)
    return known


def _parts(effects: Effects) -> Regions:
    view = effects.view
    spans = [(each.base, each.base + each.count) for each in _tables(view)]
    reads: dict[str, list[int]] = {}
    for ip, info in enumerate(view.infos):
        access = effects.access(ip)
        if access is None or access.first > access.last:
            continue
        first, end = access.first, access.last + 1
        around = [b for b in view.buffers if b.offset <= first and end <= b.offset + b.size]
        if info.name in READS and len(around) == 1:
            reads.setdefault(around[0].name, []).append(ip)
        else:
            spans.append((first, end))
    spans += [(b.offset, b.offset + b.size) for b in view.buffers if b.direction != "in"]
    chosen = [
        b
        for b in view.buffers
        if b.direction == "in"
        and b.name in reads
        and all(end <= b.offset or b.offset + b.size <= first for first, end in spans)
        and all(not _meet(b, other) for other in view.buffers if other is not b)
    ]
    numbers = {b.name: n for n, b in enumerate(chosen, 1)}
    which = {ip: numbers[name] for name, ips in reads.items() if name in numbers for ip in ips}
    return Regions(chosen, which)


def _tables(view: FleetView) -> list[Launch]:
    """Launches that have the numbers of their VMs from shared memory."""
    launches = (each for phase in view.plan.phases for each in phase.launches)
    return [each for each in launches if each.strategy == "custom"]


def _meet(one: Buffer, other: Buffer) -> bool:
    """Whether two buffers share words."""
    return one.offset < other.offset + other.size and other.offset < one.offset + one.size
