"""Words of shared memory that are a VM's own.

Where every access to a region is at the same multiple of the VM's number plus the same constant,
and no two VMs that come there have the same number, each word of it belongs to one VM. Then what a
VM reads is what it wrote last, or what was there as the program began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from lanework.core.ops.interval import Interval
from lanework.machines.fleet.analysis.abstract import Affine
from lanework.machines.fleet.analysis.controlflow import Reach
from lanework.machines.fleet.analysis.memory import WordRanges
from lanework.machines.fleet.plan import Launch

Access = tuple[Interval, Affine | None]
"""Where an instruction reads or writes: between which addresses, and how they follow from the VM's
number."""


def own(reach: Reach, words: WordRanges, accesses: Mapping[int, Access]) -> list[list[int]]:
    """The regions of shared memory whose words each belong to one VM.

    Args:
        reach: the program's ways.
        words: its shared memory.
        accesses: for every instruction that reads or writes shared memory, where.

    Returns:
        Regions, put together if an access may be to either.
    """
    launched = Counter(each.launch.routine for step in reach.view.places.steps for each in step)
    spawned = reach.reached(map(reach.target, reach.named("SYSCALL_SPAWN")), calls=True)
    comes: dict[int, set[Launch]] = {}
    for each in reach.placed:
        for ip in reach.reached([reach.entry(each)], calls=True):
            comes.setdefault(ip, set()).add(each.launch)
    out = []
    for together, here in _groups(words, accesses):
        formulas = {accesses[ip][1] for ip in here}
        launches = {launch for ip in here for launch in comes.get(ip, ())}
        once = len(launches) == 1 and spawned.keys().isdisjoint(here)
        if once and len(formulas) == 1 and None not in formulas:
            (launch,) = launches
            if launched[launch.routine] == 1 and _differ(launch):
                out.append(together)
    return out


def _groups(
    words: WordRanges, accesses: Mapping[int, Access]
) -> Iterator[tuple[list[int], list[int]]]:
    """Regions that accesses may be to, put together, and the instructions of these accesses."""
    spans = [(words.regions(address), ip) for ip, (address, _) in accesses.items()]
    together: list[int] = []
    here: list[int] = []
    for span, ip in sorted(spans, key=lambda each: (each[0].start, each[0].stop)):
        if not span:
            continue
        if together and span.start > together[-1]:
            yield together, here
            together, here = [], []
        first = together[0] if together else span.start
        together = list(range(first, max([*together, span.stop - 1]) + 1))
        here.append(ip)
    if together:
        yield together, here


def _differ(launch: Launch) -> bool:
    """Whether all VMs of a launch have different numbers."""
    if launch.strategy == "strided":
        return launch.stride != 0
    return launch.strategy == "contiguous"
