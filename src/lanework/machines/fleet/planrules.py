"""Rules about what runs when, and about the regions of shared memory that have names."""

from __future__ import annotations

from collections.abc import Iterator

from lanework.core.program.program import Program
from lanework.core.program.verify import Finding
from lanework.machines.fleet.compile import ports
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import BARRIERS, DTYPES, NAME, STRATEGIES, Buffer, Launch, Phase

WORDS = 1 << 32
"""Numbers of VMs are words."""
PLACES = "places"
"""The view of a program that has where its text declares buffers, by their names."""
_DIRECTIONS = ("in", "out", "inout", "temp")


def phases(view: FleetView) -> Iterator[Finding]:
    """Phases launch something that is there, and the schedule names phases."""
    plan = view.plan
    for number, phase in enumerate(plan.phases):
        yield from _phase(view, phase, f"phase {number}")
    for step, number in enumerate(plan.schedule):
        if not 0 <= number < len(plan.phases):
            yield Finding(f"step {step} of the schedule is phase {number}, which is not there")
    if not plan.schedule:
        help = "write .phase wait_all, and below it .launch NAME, 1000"
        yield Finding("the schedule is empty, so that nothing would run", help=help)
    if plan.spawn < 0:
        yield Finding(f"there are {plan.spawn} places for VMs that others start")


def _phase(view: FleetView, phase: Phase, where: str) -> Iterator[Finding]:
    if phase.barrier not in BARRIERS:
        yield Finding(f"{where} has the barrier {phase.barrier!r}")
    if not phase.launches:
        yield Finding(f"{where} launches nothing")
    for launch in phase.launches:
        yield from _numbers(view, launch, f"{where} launches")
        yield from _names(launch, f"{where} launches VMs")


def _numbers(view: FleetView, launch: Launch, where: str) -> Iterator[Finding]:
    if not 0 <= launch.routine < len(view.routines):
        yield Finding(f"{where} routine {launch.routine}, which is not there")
    if launch.count < 1:
        yield Finding(f"{where} {launch.count} VMs")
    if launch.strategy not in STRATEGIES:
        yield Finding(f"{where} VMs with {launch.strategy!r} numbers, which there are not")
    elif launch.stride != 1 and launch.strategy != "strided":
        yield Finding(f"{where} {launch.strategy} VMs with a stride of {launch.stride}")
    step = launch.stride if launch.strategy == "strided" else 1
    last = launch.base + (launch.count - 1) * step
    if not (0 <= launch.base < WORDS and 0 <= last < WORDS):
        yield Finding(f"{where} VMs with numbers from {launch.base} to {last}")


def _names(launch: Launch, where: str) -> Iterator[Finding]:
    for name in {launch.keep, launch.resume} - {""}:
        if not NAME.fullmatch(name):
            yield Finding(f"{where} that are kept as {name!r}, which is no name")
    if launch.keep and launch.resume and launch.keep != launch.resume:
        yield Finding(f"{where} kept as {launch.resume!r}, and would keep them as {launch.keep!r}")


def kept(view: FleetView) -> Iterator[Finding]:
    """VMs that go on were kept before, as many of them, and have ended by then."""
    counts: dict[str, int] = {}
    live: set[str] = set()  # kept VMs that may still run
    for step, number in enumerate(view.plan.schedule):
        phase = view.plan.phases[number]
        for launch in phase.launches:
            name = launch.resume or launch.keep
            if not name:
                continue
            if launch.resume and name not in counts:
                yield Finding(f"step {step} goes on with {name!r}, which no step before it keeps")
            elif counts.setdefault(name, launch.count) != launch.count:
                yield Finding(
                    f"step {step} launches {launch.count} VMs as {name!r}, of which there are"
                    f" {counts[name]}"
                )
            if name in live:
                yield Finding(f"step {step} launches {name!r} while these VMs may still run")
            live.add(name)
        if phase.barrier == "wait_all":
            live.clear()


def _apart(program: Program, view: FleetView) -> Iterator[Finding]:
    """Buffers share no words, unless the steps in which they are in use are others."""
    open: list[Buffer] = []
    for each in sorted(view.buffers, key=lambda one: one.offset):
        open = [one for one in open if one.offset + one.size > each.offset]
        for one in open:
            if not _in_turn(one.lifetime, each.lifetime):
                yield Finding(
                    f"buffers {_declared(program, one)} and {_declared(program, each)} both have"
                    f" word {each.offset} of shared memory, and no steps say that they are in use"
                    " one after the other"
                )
        open.append(each)


def _declared(program: Program, buffer: Buffer) -> str:
    """A buffer and where it is declared, as far as that is known."""
    place = program.views.get(PLACES, {}).get(buffer.name)
    return repr(buffer.name) + ("" if place is None else f" ({place})")


def _in_turn(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return len(one) == len(other) == 2 and (one[1] < other[0] or other[1] < one[0])


def tables(view: FleetView) -> Iterator[Finding]:
    """Numbers of VMs are taken from words that are floats."""
    for number, phase in enumerate(view.plan.phases):
        for launch in (each for each in phase.launches if each.strategy == "custom"):
            for each in (one for one in view.buffers if one.dtype != "f32"):
                if (
                    each.offset < launch.base + launch.count
                    and launch.base < each.offset + each.size
                ):
                    yield Finding(
                        f"phase {number} launches VMs with numbers from buffer {each.name!r}, which"
                        f" is of {each.dtype} and not of f32"
                    )


def symbols(view: FleetView) -> Iterator[Finding]:
    """Instructions that name buffers are there and have a number, and so are the buffers."""
    for ip, symbol in view.symbols.items():
        if not (
            0 <= ip < len(view.infos) and "imm" in view.infos[ip].values(view.instructions[ip])
        ):
            yield Finding(f"instruction {ip} names a buffer, and has no number")
        for number in (symbol.buffer, symbol.away):
            if not -1 <= number < len(view.buffers):
                yield Finding(f"instruction {ip} names buffer {number}, which is not there")


def buffers(program: Program, view: FleetView) -> Iterator[Finding]:
    """Buffers lie inside shared memory, and ports are those that they make."""
    names = {"shared"}
    for each in view.buffers:
        if each.name in names or not NAME.fullmatch(each.name):
            yield Finding(f"a buffer cannot be called {each.name!r}, or a second one not")
        names.add(each.name)
        end = each.offset + each.size
        if each.offset < 0 or each.size < 1 or end > view.shared:
            yield Finding(
                f"buffer {_declared(program, each)} has the words from {each.offset} to before"
                f" {end}, and shared memory has {view.shared}"
            )
        if each.direction not in _DIRECTIONS:
            yield Finding(f"buffer {each.name!r} has the direction {each.direction!r}")
        steps = [0, *each.lifetime, len(view.plan.schedule) - 1]
        if len(each.lifetime) not in (0, 2) or steps != sorted(steps):
            yield Finding(f"buffer {each.name!r} is in use in the steps {each.lifetime}")
        integer = each.dtype != "f32" and (each.low is not None or each.high is not None)
        if each.dtype not in DTYPES or integer or (each.pad and "in" not in each.direction):
            yield Finding(
                f"buffer {each.name!r} is {each.direction} of {each.dtype}{' with pad' * each.pad}"
                f"{' in a range' * integer}, which does not go together"
            )
        low, high = each.ends
        if not low <= high:
            what = f"the words of buffer {each.name!r} lie between {low} and {high}"
            swapped = f"write the lower end first: range {high} {low}"
            yield Finding(what, help=swapped if high < low else "an end is a number, and no NaN")
    yield from _apart(program, view)
    if program.ports != ports(view.shared, view.buffers):
        yield Finding("the ports are not all of shared memory and the buffers that are no temp")
