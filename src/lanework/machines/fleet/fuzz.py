"""Random fleet programs in every way there is to run them, against the reference.

The seed names everything: program, shared memory, settings, the epoch at which a run is looked at
for the first time, and the fuel. Everything that can be seen must be the same: shared memory, all
VMs, counts, and why the run stopped.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core.program import Program
from lanework.engines import gpu
from lanework.machines.fleet import engines
from lanework.machines.fleet.engine import CHOICES, Engine, Settings
from lanework.machines.fleet.generate import Loose, loose, random_program, random_shared
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.runtime import Runtime
from lanework.machines.fleet.shrink import shrink
from lanework.machines.fleet.state import METADATA

Words = npt.NDArray[np.uint32]
MOST = 20_000
"""Epochs after which a random program does not end, which would be a defect of the generator."""
COUNTS = (
    *("epochs", "executed", "by_kernel", "live"),
    *("reads_outside", "writes_outside", "faults", "first_fault"),
)


@dataclass(frozen=True, order=True)
class Way:
    """How a program is run.

    Attributes:
        engine: the engine.
        layout, format, sort: its settings of these names.
        steps: one epoch at a time, saved and restored now and then.
    """

    engine: str
    layout: str = "soa"
    format: str = "rows"
    sort: bool = False
    steps: bool = False

    def __str__(self) -> str:
        names = [self.engine, self.layout, self.format, *["sorted"] * self.sort]
        return ", ".join([*names, *["step by step"] * self.steps])


REFERENCE = Way("reference")


@dataclass(frozen=True)
class Case:
    """Something to run.

    Attributes:
        program: the program.
        shared: what shared memory begins with, as words.
        settings: how it runs; layout, format and sort come from the way.
        cut: the epoch at which it is looked at for the first time.
        fuel: instructions of all VMs, or None.
    """

    program: Program
    shared: Words
    settings: Settings
    cut: int = 0
    fuel: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """What can be seen of a run.

    Attributes:
        stop: `done`, `epochs` for where it was cut, or the code of a trap and its instruction.
        counts: in the order of `COUNTS`.
        shared: shared memory.
        vms: the rows of `VMState`; that of the mirrored IP is 0.
    """

    stop: str
    counts: tuple[object, ...]
    shared: Words
    vms: Words


@dataclass(frozen=True)
class Divergence:
    """A seed whose program does not do the same."""

    seed: int
    way: Way
    what: str

    def __str__(self) -> str:
        return f"seed {self.seed}, on {self.way}: {self.what}"


def case_of(seed: int) -> Case:
    """The case of a seed."""
    rand = random.Random(seed ^ 0xF1EE7)
    program = random_program(seed)

    def rarely(name: str, share: float) -> str:
        return CHOICES[name][rand.random() < share]

    settings = Settings(
        seed=rand.choice((0, 1, rand.getrandbits(64))),
        storage=rarely("storage", 0.1),
        bounds=rarely("bounds", 0.1),
        arithmetic=rarely("arithmetic", 0.1),
        on_fault=rarely("on_fault", 0.5),
        patience=rand.choice((1, 2, 3, 1000)),
        compose=rand.random() < 0.1,
    )
    words = random_shared(seed, program).view(np.uint32)
    fuel = rand.randint(1, 3000) if rand.random() < 0.15 else None
    return Case(program, words, settings, rand.choice((1, 7, 30, 100)), fuel)


def snapshots(engine: Engine, case: Case, steps: bool = False) -> list[Snapshot]:
    """Run a case: what there is at its cut, and at the end."""
    view = FleetView.of(case.program)
    runtime = Runtime(engine, view, Limits(fuel=case.fuel))
    runtime.begin(case.shared)
    found = [_until(runtime, case.cut, steps)]
    if found[0].stop == "epochs":
        found.append(_until(runtime, MOST, steps))
    return found


def _until(runtime: Runtime, epochs: int, steps: bool) -> Snapshot:
    stop = "epochs"
    try:
        if not steps:
            stop = "done" if runtime.run(epochs) else stop
        else:
            for number in range(epochs):
                if number % 16 == 3:
                    saved = runtime.save()
                    with contextlib.suppress(Trap):
                        runtime.run(5)
                    runtime.restore(saved)
                if runtime.run(1):
                    stop = "done"
                    break
    except Trap as trap:
        stop = f"{trap.code.ident} at {trap.instruction}"
    vms = runtime.engine.vms().words
    vms[0] = 0
    counts = tuple(
        tuple(value) if isinstance(value, list) else value
        for value in (getattr(runtime.counts, name) for name in COUNTS)
    )
    return Snapshot(stop, counts, runtime.engine.shared(), vms)


def difference(
    case: Case, expected: Sequence[Snapshot], found: Sequence[Snapshot], ulp: int | None = 0
) -> str | None:
    """How two runs of a case differ, or None.

    Args:
        case: what was run.
        expected: one run.
        found: the other.
        ulp: how far loose values may be apart; None leaves them out.
    """
    view, free = FleetView.of(case.program), loose(case.program)
    for a, b in zip(expected, found, strict=False):
        when = "at the end" if a is expected[-1] else f"after epoch {case.cut}"
        what = _stopped(a, b) or _shared(a, b, free, ulp) or _vms(a, b, view, free, ulp)
        if what:
            return f"{when} {what}"
    if len(expected) != len(found):
        return f"there are {len(found)} stops and not {len(expected)}"
    if expected[-1].stop == "epochs":
        return f"it does not end within {MOST:,} epochs"
    return None


def _stopped(a: Snapshot, b: Snapshot) -> str | None:
    if a.stop != b.stop:
        return f"it stopped with {b.stop} and not {a.stop}"
    for name, x, y in zip(COUNTS, a.counts, b.counts, strict=True):
        if x != y:
            return f"{name} is {y} and not {x}"
    return None


def _shared(a: Snapshot, b: Snapshot, free: Loose, ulp: int | None) -> str | None:
    wrong = ~same(a.shared, b.shared)
    wrong[free.shared_words] &= ~_close(
        a.shared[free.shared_words], b.shared[free.shared_words], ulp
    )
    if not wrong.any():
        return None
    n = int(np.flatnonzero(wrong)[0])
    return f"shared word {n} is {_shown(b.shared[n])} and not {_shown(a.shared[n])}"


def _vms(a: Snapshot, b: Snapshot, view: FleetView, free: Loose, ulp: int | None) -> str | None:
    profile = view.profile
    wrong = a.vms != b.vms
    wrong[: profile.length] = ~same(a.vms[: profile.length], b.vms[: profile.length])
    for row in [
        *(profile.register(n) for n in free.registers),
        *(profile.own(n) for n in free.own_words),
    ]:
        wrong[row] &= ~_close(a.vms[row], b.vms[row], ulp)
    if not wrong.any():
        return None
    row, vm = (int(each) for each in np.argwhere(wrong)[0])
    name, x, y = profile.fields[row], a.vms[row, vm], b.vms[row, vm]
    if name in METADATA:
        return f"{name} of VM {vm} is {y} and not {x}"
    return f"{name} of VM {vm} is {_shown(y)} and not {_shown(x)}"


def _shown(word: np.uint32) -> str:
    return f"{float(word.view(np.float32)):.9g} ({int(word):#010x})"


def same(a: Words, b: Words) -> npt.NDArray[np.bool_]:
    """Where words are equal, or both NaN."""
    x, y = np.isnan(a.view(np.float32)), np.isnan(b.view(np.float32))
    out: npt.NDArray[np.bool_] = (a == b) | (x & y)
    return out


def _close(a: Words, b: Words, ulp: int | None) -> npt.NDArray[np.bool_]:
    """Where floats are at most so many units in the last place apart."""
    if ulp is None:
        return np.ones(a.shape, np.bool_)
    x, y = (_ordered(each) for each in (a, b))
    near: npt.NDArray[np.bool_] = np.abs(x - y) <= ulp
    numbers = ~np.isnan(a.view(np.float32)) & ~np.isnan(b.view(np.float32))
    return same(a, b) | (near & numbers)


def _ordered(words: Words) -> npt.NDArray[np.int64]:
    """Integers in the order of floats, neighbours next to each other."""
    size = (words & np.uint32(0x7FFFFFFF)).astype(np.int64)
    return np.where(words >> np.uint32(31), -size, size)


def run_way(case: Case, way: Way) -> list[Snapshot]:
    """Run a case in one way."""
    settings = replace(case.settings, layout=way.layout, format=way.format, sort=way.sort)
    engine = engines.make(way.engine, FleetView.of(case.program), settings)
    try:
        return snapshots(engine, case, way.steps)
    finally:
        engine.close()


def check(case: Case, some: Iterable[Way], seed: int = 0, ulp: int | None = 0) -> Divergence | None:
    """Run a case in some ways; the first that does not do what the reference does."""
    expected = run_way(case, REFERENCE)
    for way in some:
        try:
            what = difference(case, expected, run_way(case, way), ulp)
        except Exception as error:  # whatever comes out is what is looked for
            what = f"raises {error!r}"
        if what is not None:
            return Divergence(seed, way, what)
    return None


@functools.cache
def ways(name: str = "all") -> tuple[Way, ...]:
    """How programs are run by the engines of this name; `all` are those that can run here."""
    found = [replace(REFERENCE, steps=True)]
    for engine in engines.ENGINES:
        if engine == "reference" or why_not(engine):
            continue
        pairs = itertools.product(CHOICES["layout"], CHOICES["format"])
        found += [Way(engine, layout, format) for layout, format in pairs]
        found += [Way(engine, sort=True), Way(engine, steps=True)]
    return tuple(way for way in found if name in ("all", way.engine))


def why_not(engine: str) -> str:
    """Why an engine cannot run here; "" if it can."""
    if engine != "reference":
        try:
            gpu.pick()
        except Diagnostic as problem:
            return problem.message
    return ""


def check_seed(seed: int, name: str = "all", some: int = 4) -> Divergence | None:
    """Run the case of a seed in some of the ways, others for every seed."""
    every = ways(name)
    chosen = random.Random(seed).sample(every, min(some, len(every)))
    return check(case_of(seed), chosen, seed)


def shrunk(case: Case, found: Divergence, ulp: int | None = 0) -> Case:
    """A smaller case that diverges in the same way, at the end of its run."""

    def wrong(each: Case) -> bool:
        again = check(each, [found.way], found.seed, ulp)
        return again is not None and "does not end" not in again.what

    for change in (
        {"cut": 0},
        {"fuel": None},
        *({name: values[0]} for name, values in CHOICES.items()),
        {"patience": 1000},
        {"compose": False},
        {"seed": 0},
    ):
        name = next(iter(change))
        if hasattr(case.settings, name):
            other = replace(case, settings=replace(case.settings, **change))
        else:
            other = replace(case, **change)
        case = other if wrong(other) else case
    return replace(
        case, program=shrink(case.program, lambda each: wrong(replace(case, program=each)))
    )


def script(case: Case, way: Way) -> str:
    """What makes a case again: its settings, and the program as assembly text."""
    settings = replace(case.settings, layout=way.layout, format=way.format, sort=way.sort)
    words = ", ".join(f"{word:#x}" for word in case.shared.tolist())
    head = f"; {way}; {settings}; fuel {case.fuel}\n; shared memory: {words}\n"
    return head + case.program.dis()


def run(
    count: int,
    start: int = 0,
    jobs: int = 1,
    report: Callable[[int], None] | None = None,
    name: str = "all",
) -> list[Divergence]:
    """Check seeds ``start`` to ``start + count``, on several processes; the divergences."""
    seeds = range(start, start + count)
    one = functools.partial(check_seed, name=name)
    found: list[Divergence] = []
    pool = ProcessPoolExecutor(jobs) if jobs > 1 else None
    outcomes: Iterable[Divergence | None]
    outcomes = map(one, seeds) if pool is None else pool.map(one, seeds, chunksize=20)
    try:
        for number, divergence in enumerate(outcomes, 1):
            if divergence is not None:
                found.append(divergence)
            if report is not None:
                report(number)
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    return found
