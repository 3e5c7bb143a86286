"""The execution plan: routines, phases of launches, barriers, and where each VM has its slot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import msgspec

from lanework.core.options import flag
from lanework.machines.fleet.codes import BAD_SETTING

BARRIERS = ("wait_all", "wait_any", "none")
"""wait_all: the next phase starts when every VM has halted. wait_any: when one batch of the phase
has. none: at once, together with the next phase."""

STRATEGIES = ("contiguous", "strided", "custom")
"""What SYSCALL_VMID gives to the i-th VM of a launch: ``base + i``, ``base + i * stride``, or the
word of shared memory at ``base + i``."""


DTYPES = ("f32", "u32", "i32")
"""What the words of a buffer are."""

NAME = re.compile(r"[^\W\d][\w.$-]*")
"""What routines, buffers and kept VMs may be called, so that assembly can say it."""


class Routine(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A routine.

    Attributes:
        name: as assembly names it.
        entry: its first instruction.
        count: how many instructions it has.
    """

    name: str
    entry: int
    count: int


class Launch(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Some VMs that begin with one routine: a batch.

    Attributes:
        routine: the routine's number.
        count: how many VMs.
        strategy: one of `STRATEGIES`.
        base: the first number, or for custom the address of the numbers in shared memory.
        stride: of a strided launch.
        keep: a name under which the VMs stay, with registers and memory, when they have halted.
        resume: the name of kept VMs that go on instead of new ones.
    """

    routine: int
    count: int
    strategy: str = "contiguous"
    base: int = 0
    stride: int = 1
    keep: str = ""
    resume: str = ""


class Phase(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Launches that run together, and the barrier after them."""

    barrier: str
    launches: tuple[Launch, ...]


class Buffer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A named region of shared memory.

    Attributes:
        name: the port.
        offset: its first word.
        size: its words.
        direction: `in`, `out`, `inout`, or `temp` for what is no port.
        lifetime: the first and the last step of the schedule that uses it; empty if not known.
        low, high: between which numbers its words lie before a program writes to it, NaN not among
            them; None if not known.
        dtype: what its words are to those who give and take them: one of `DTYPES`.
        pad: whether less may be given for it than it holds: the rest begins as zeros.
    """

    name: str
    offset: int
    size: int
    direction: str = "temp"
    lifetime: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
    dtype: str = "f32"
    pad: bool = False

    def __post_init__(self) -> None:
        flag("pad", self.pad, BAD_SETTING)
        for name in ("low", "high"):
            end = getattr(self, name)
            if end is not None:  # an integer would have other bytes, and the program another hash
                msgspec.structs.force_setattr(self, name, float(end))

    @property
    def ends(self) -> tuple[float, float]:
        """Between which numbers its words lie, infinite where that is not known."""
        low, high = self.low, self.high
        return float("-inf") if low is None else low, float("inf") if high is None else high


@dataclass(frozen=True)
class Plan:
    """What runs when.

    Attributes:
        phases: the phases.
        schedule: the phases by number, in the order in which they run.
        spawn: places for VMs that others start.
    """

    phases: tuple[Phase, ...]
    schedule: tuple[int, ...]
    spawn: int = 0


@dataclass(frozen=True)
class Allocated:
    """A launch with its slots.

    Attributes:
        launch: the launch.
        step: which entry of the schedule it belongs to.
        slot: the global id of its first VM.
        batch: its number among the batches that may run at the same time.
    """

    launch: Launch
    step: int
    slot: int
    batch: int


class Steps(Sequence[list[Allocated]]):
    """The launches of each entry of a schedule, made when looked at: there may be a million.

    Args:
        plan: what runs when.
        kept: the first slots of VMs that are kept, by name.
        begins: for each entry the first free slot and batch.
    """

    def __init__(self, plan: Plan, kept: dict[str, int], begins: list[tuple[int, int]]) -> None:
        self._plan, self._kept, self._begins = plan, kept, begins

    def __len__(self) -> int:
        return len(self._begins)

    @overload
    def __getitem__(self, at: int) -> list[Allocated]: ...
    @overload
    def __getitem__(self, at: slice) -> list[list[Allocated]]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[step] for step in range(*at.indices(len(self)))]
        (slot, batch), out = self._begins[at], []
        for launch in self._plan.phases[self._plan.schedule[at]].launches:
            name = launch.resume or launch.keep
            out.append(Allocated(launch, at, self._kept.get(name, slot) if name else slot, batch))
            slot += 0 if name else launch.count
            batch += 1
        return out


@dataclass(frozen=True)
class Allocation:
    """Where all launches go.

    Attributes:
        steps: for each entry of the schedule its launches.
        slots: those that launches take.
        batches: the most batches at one time.
        kept: how many slots are of VMs that are kept; these come first.
    """

    steps: Sequence[list[Allocated]]
    slots: int
    batches: int
    kept: int


def allocate(plan: Plan) -> Allocation:
    """Give every launch of the schedule its slots.

    Kept VMs have slots of their own, first; the others begin anew after each wait_all.

    Example:
        >>> two = Phase("none", (Launch(0, 10), Launch(1, 5)))
        >>> last = Phase("wait_all", (Launch(0, 4),))
        >>> allocation = allocate(Plan((two, last), (0, 1, 1)))
        >>> [[(p.slot, p.batch) for p in step] for step in allocation.steps], allocation.slots
        ([[(0, 0), (10, 1)], [(15, 2)], [(0, 0)]], 19)
    """
    kept: dict[str, int] = {}
    at = 0
    for number in dict.fromkeys(plan.schedule):
        for launch in plan.phases[number].launches:
            if launch.keep and launch.keep not in kept:
                kept[launch.keep] = at
                at += launch.count
    total, fresh = extent(plan), _fresh(plan)
    first = here = at, 0
    begins = []
    for number in plan.schedule:
        begins.append(here)
        here = here[0] + fresh[number], here[1] + len(plan.phases[number].launches)
        if plan.phases[number].barrier == "wait_all":
            here = first
    return Allocation(Steps(plan, kept, begins), total.slots, total.batches, at)


def _fresh(plan: Plan) -> list[int]:
    """For each phase the slots that it takes beside those of VMs that are kept."""
    return [
        sum(each.count for each in phase.launches if not (each.resume or each.keep))
        for phase in plan.phases
    ]


@dataclass(frozen=True)
class Symbol:
    """A number that is made of names of buffers.

    Attributes:
        buffer: the number of the buffer in which it is a place; -1 for what is none in any.
        away: for the way to there from a place in another buffer, that buffer's; else -1.
    """

    buffer: int
    away: int = -1


@dataclass(frozen=True)
class Extent:
    """How much there is to allocate.

    Attributes:
        slots: those that launches take.
        batches: the most batches at one time.
        launches: launches of the whole schedule.
    """

    slots: int
    batches: int
    launches: int


def extent(plan: Plan) -> Extent:
    """What `allocate` would give, counted without allocating anything.

    It takes no more time than the plan is long. Steps that name no phase count for nothing.

    Example:
        >>> phase = Phase("wait_all", (Launch(0, 2**60), Launch(0, 1, keep="a")))
        >>> extent(Plan((phase,), (0, 0)))
        Extent(slots=1152921504606846977, batches=2, launches=4)
    """
    kept: dict[str, int] = {}
    for number in dict.fromkeys(plan.schedule):
        if 0 <= number < len(plan.phases):
            for launch in plan.phases[number].launches:
                if launch.keep:
                    kept.setdefault(launch.keep, launch.count)
    fresh = _fresh(plan)
    begin = sum(kept.values())
    slots, batches, launches, at, batch = begin, 0, 0, begin, 0
    for number in (each for each in plan.schedule if 0 <= each < len(plan.phases)):
        phase = plan.phases[number]
        at, batch = at + fresh[number], batch + len(phase.launches)
        launches += len(phase.launches)
        slots, batches = max(slots, at), max(batches, batch)
        if phase.barrier == "wait_all":
            at, batch = begin, 0
    return Extent(slots, batches, launches)


def encode(items: object) -> bytes:
    """Structures of this module as the bytes of a section."""
    return msgspec.msgpack.encode(items)


# Each raises msgspec.DecodeError for a section that holds something else.


def decode_routines(data: bytes) -> tuple[Routine, ...]:
    """The routines of a section."""
    return msgspec.msgpack.decode(data, type=tuple[Routine, ...])


def decode_plan(data: bytes) -> Plan:
    """The plan of a section."""
    kind = tuple[tuple[Phase, ...], tuple[int, ...], int]
    return Plan(*msgspec.msgpack.decode(data, type=kind))


def encode_plan(plan: Plan) -> bytes:
    """A plan as the bytes of a section."""
    return encode((plan.phases, plan.schedule, plan.spawn))


def encode_buffers(buffers: Sequence[Buffer]) -> bytes:
    """Buffers as the bytes of a section; without what earlier versions did not know, if possible.

    Example:
        >>> len(encode_buffers([Buffer("x", 0, 4)])), len(encode_buffers([Buffer("x", 0, 4, "in",
        ...     dtype="u32")]))
        (14, 16)
    """
    return encode([_fields(each) for each in buffers])


def _fields(buffer: Buffer) -> list[object]:
    fields = [getattr(buffer, name) for name in Buffer.__struct_fields__]
    return fields[: None if buffer.pad else -1 if buffer.dtype != "f32" else -2]


def decode_buffers(data: bytes) -> tuple[Buffer, ...]:
    """The buffers of a section."""
    return msgspec.msgpack.decode(data, type=tuple[Buffer, ...])


def encode_names(names: Mapping[int, Symbol]) -> bytes:
    """What instructions name as the bytes of a section."""
    return encode([(ip, symbol.buffer, symbol.away) for ip, symbol in sorted(names.items())])


def decode_names(data: bytes) -> dict[int, Symbol]:
    """What instructions name."""
    rows = msgspec.msgpack.decode(data, type=tuple[tuple[int, int, int], ...])
    return {ip: Symbol(buffer, away) for ip, buffer, away in rows}


def launches(plan: Plan) -> Sequence[Launch]:
    """Every launch of every phase, in order."""
    return [launch for phase in plan.phases for launch in phase.launches]
