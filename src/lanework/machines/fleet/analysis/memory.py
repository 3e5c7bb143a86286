"""What the words of shared memory may hold: inputs as declared, and whatever a program writes.

Where every access to a region is at the same multiple of the VM's number plus the same constant,
and no two VMs that come there have the same number, each word of it belongs to one VM. Then what a
VM reads is what it wrote last, or what was there as the program began.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.ops.interval import ANY, INF, ZERO, Interval, between, join
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.forms import NUMBERS, Form
from lanework.machines.fleet.codes import BAD_BUFFER, BAD_INPUT
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Launch

Ranges = Mapping[str, tuple[float, float]]

LEAST = 2.0**-126
"""The least float that is an address, but for 0."""

TOUCHES = 8
"""Changes of a region after which its ends go on to infinity."""


class WordRanges:
    """Intervals of regions of shared memory.

    Attributes:
        starts: the first word of each region.
        values: what its words may hold.

    Example:
        >>> words = WordRanges(8, [(0, 4, between(0.0, 1.0)), (2, 6, between(5.0, 6.0))])
        >>> words.starts, [str(each) for each in words.values]
        ([0, 2, 4, 6], ['0 to 1', '0 to 6', '5 to 6', '-inf to inf or NaN'])
        >>> str(words.read(between(-1.0, 1.0))), words.write(between(7.0, 9.0), ZERO)
        ('0 to 1', False)
    """

    def __init__(self, count: int, declared: list[tuple[int, int, Interval]]) -> None:
        self.count = count
        inside = {0} | {end for first, last, _ in declared for end in (first, last)}
        self.starts = sorted(each for each in inside if 0 <= each < count)
        self.first = []
        for start in self.starts:
            here = [each for first, last, each in declared if first <= start < last]
            self.first.append(join(here) if here else ANY)
        self.values = list(self.first)
        self.touched = [0] * len(self.starts)

    def declared(self) -> Iterator[tuple[int, int, Interval]]:
        """For every region its first word, the one after its last, and what was declared."""
        yield from zip(self.starts, [*self.starts[1:], self.count], self.first, strict=False)

    def regions(self, address: Interval) -> range:
        """The regions that addresses in an interval may lie in."""
        if address.empty or address.high < 0.0 or address.low >= self.count:
            return range(0)
        low = math.trunc(max(address.low, 0.0))
        high = math.trunc(max(min(address.high, self.count - 1.0), 0.0))
        return range(bisect_right(self.starts, low) - 1, bisect_right(self.starts, high))

    def outside(self, address: Interval) -> bool:
        """Whether an address may be outside."""
        below = LEAST if not address.integral and address.high > 0.0 else 0.0
        return address.nan or address.low < below or address.high >= self.count

    def read(self, address: Interval) -> Interval:
        """What is at an address; 0 outside."""
        values = [self.values[n] for n in self.regions(address)]
        if self.outside(address) or not values:
            values.append(ZERO)
        return join(values)

    def write(self, address: Interval, value: Interval) -> bool:
        """A word may become something else; whether that is news."""
        news = False
        for n in self.regions(address):
            known = self.values[n]
            joined = known.join(value)
            if joined != known:
                self.touched[n] += 1
                if self.touched[n] > TOUCHES:
                    low = -INF if joined.low < known.low else joined.low
                    high = INF if joined.high > known.high else joined.high
                    joined = Interval(low, high, joined.nan, joined.integral)
                self.values[n] = joined
                news = True
        return news

    def again(self, writes: Iterable[tuple[Interval, Interval]]) -> None:
        """Forget what was written but for these addresses and values."""
        self.values, self.touched = list(self.first), [0] * len(self.starts)
        for address, value in writes:
            for n in self.regions(address):
                self.values[n] = self.values[n].join(value)


def declared(view: FleetView, ranges: Ranges) -> WordRanges:
    """What shared memory holds as the program begins.

    Args:
        view: the program, whose buffers may have ranges of their own.
        ranges: for buffers by name, or for all others with the name shared, between which numbers
            their words lie.

    Raises:
        Diagnostic: LW6010, LW6007, a range of no buffer, or one that is none.
    """
    names = {each.name for each in view.buffers} | {"shared"}
    for name, (low, high) in ranges.items():
        if name not in names:
            raise Diagnostic(
                BAD_INPUT, f"there is no buffer {name!r}", help=did_you_mean(name, names)
            )
        _check(name, low, high)
    everywhere = between(*ranges["shared"]) if "shared" in ranges else ANY
    known = []
    for each in view.buffers:
        value = everywhere
        if each.name in ranges:
            value = between(*ranges[each.name])
        elif each.low is not None or each.high is not None:
            _check(each.name, *each.ends)
            value = between(*each.ends)
        known.append((each.offset, each.offset + each.size, value))
    inside = WordRanges(view.shared, known)
    for n, start in enumerate(inside.starts):
        if not any(first <= start < last for first, last, _ in known):
            inside.first[n] = inside.values[n] = everywhere
    return inside


def _check(name: str, low: float, high: float) -> None:
    if not low <= high:
        what = f"the range of buffer {name!r} is from {low} to {high}"
        raise Diagnostic(BAD_BUFFER, what, help="give two numbers, the lower first")


# Thread-private words -----------------------------------------------------------------------------

Access = tuple[Interval, Form | None]
"""Where an instruction reads or writes: between which addresses, and as a sum of whole numbers."""


def thread_private(
    flow: ControlFlow, words: WordRanges, accesses: Mapping[int, Access]
) -> list[list[int]]:
    """The regions of shared memory whose words each belong to one VM.

    Args:
        flow: the program's control flow.
        words: its shared memory.
        accesses: for every instruction that reads or writes shared memory, where.

    Returns:
        Regions, put together if an access may be to either.
    """
    launched = Counter(each.launch.routine for step in flow.view.allocation.steps for each in step)
    spawned = flow.reached(map(flow.target, flow.named("SYSCALL_SPAWN")), calls=True)
    comes: dict[int, set[Launch]] = {}
    for each in flow.allocated:
        for ip in flow.reached([flow.entry(each)], calls=True):
            comes.setdefault(ip, set()).add(each.launch)
    out = []
    for together, here in _groups(words, accesses):
        formulas = {accesses[ip][1] for ip in here}
        launches = {launch for ip in here for launch in comes.get(ip, ())}
        once = len(launches) == 1 and spawned.keys().isdisjoint(here)
        if once and len(formulas) == 1 and _numbered(*formulas):
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


def _numbered(form: Form | None) -> bool:
    """Whether it is a multiple of the VM's number and a constant."""
    return form is not None and [each.name in NUMBERS for each, _ in form.terms] == [True]


def _differ(launch: Launch) -> bool:
    """Whether all VMs of a launch have different numbers."""
    if launch.strategy == "strided":
        return launch.stride != 0
    return launch.strategy == "contiguous"
