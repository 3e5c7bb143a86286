"""Random fleet programs in every way there is to run them, against the reference.

The seed names everything: program, shared memory, settings, the epoch at which a run is looked at
for the first time, and the fuel. Everything that can be seen must be the same: shared memory, all
VMs, counts, and why the run stopped.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.fuzzing import Campaign, Divergence
from lanework.core.runner import check_engine
from lanework.engines.codes import NO_ADAPTER
from lanework.engines.gpu import device as gpu
from lanework.engines.llvm import cache, jit
from lanework.machines.fleet.check.apart import apart_program
from lanework.machines.fleet.check.generate import random_program, random_shared
from lanework.machines.fleet.check.shrink import shrink
from lanework.machines.fleet.check.snapshots import Case, Snapshot, difference, outcome, snapshots
from lanework.machines.fleet.engine import CHOICES, Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.runtime import choice as engines


@dataclass(frozen=True, order=True)
class Variant:
    """How a program is run.

    Attributes:
        engine: the engine.
        layout, format, sort: its settings of these names.
        steps: one epoch at a time, saved and restored now and then.
        own: kernels for this program's instructions, and not those for all, which are made once.
        apart: a program whose VMs do not see each other, which is native code.
        small: one of these that is small.
        vms: of phases that run whole, how VMs are looked at: they are kept in a run after the
            first (`again`), or in the first (`kept`), or are not looked at (`left`).
    """

    engine: str
    layout: str = "soa"
    format: str = "rows"
    sort: bool = False
    steps: bool = False
    own: bool = False
    apart: bool = False
    small: bool = False
    vms: str = "again"

    def __str__(self) -> str:
        names = [self.engine]
        if self.engine == "epoch":
            names += [self.layout, self.format, *["sorted"] * self.sort]
        names += ["step by step"] * self.steps + ["VMs apart"] * self.apart
        names += ["small"] * self.small + [f"VMs {self.vms}"] * (self.vms != "again")
        return ", ".join([*names, *["kernels of its own"] * self.own])

    def suits(self, settings: Settings) -> bool:
        """Whether there is such a way: halves are stored as a structure of arrays only."""
        return settings.storage == "f32" or self.layout == "soa"

    def settings(self, case: Case) -> Settings:
        """The settings of a case, run this way."""
        same: dict[str, Any] = {n: getattr(self, n) for n in ("layout", "format", "sort")}
        return replace(case.settings, **same, general=not self.own)


REFERENCE = Variant("reference")
AHEAD = ("llvm", "wgsl")
"""Engines that run phases as a whole."""

LOOKS = ("kept",) * 5 + ("left",) * 4 + ("again",)
"""How VMs are looked at, and how often."""

BLOCK = 250
"""Seeds that are run in the same way, one after another."""


def case_of(seed: int, *, apart: bool = False, small: bool = False) -> Case:
    """The case of a seed; its VMs may be apart from each other, and it may be small then."""
    rand = random.Random(seed ^ 0xF1EE7)
    program = apart_program(seed, small=small) if apart else random_program(seed)

    def rarely(name: str, share: float) -> str:
        return CHOICES[name][rand.random() < share]

    settings = Settings(
        seed=rand.choice((0, 1, rand.getrandbits(64))),
        storage=rarely("storage", 0.2 if apart else 0.1),
        bounds=rarely("bounds", 0.1),
        conflicts=rarely("conflicts", 0.1),
        arithmetic=rarely("arithmetic", 0.1 * (not apart)),
        on_fault=rarely("on_fault", 0.5),
        patience=rand.choice((1, 2, 3, 1000)),
        compose=rand.random() < 0.1 * (not apart),
        threshold=rand.choice((0.0, 0.05, 0.15, 1.0)),
    )
    words = random_shared(seed, program).view(np.uint32)
    fuel = rand.randint(1, 3000) if rand.random() < 0.15 else None
    return Case(program, words, settings, rand.choice((1, 7, 30, 100)), fuel)


def run_way(case: Case, way: Variant) -> list[Snapshot]:
    """Run a case in one way."""
    view, settings = FleetView.of(case.program), way.settings(case)
    engine = engines.make(way.engine, view, settings, record=way.vms == "kept")
    try:
        return snapshots(engine, case, way.steps, blind=way.vms == "left")
    finally:
        engine.close()


def tolerance(way: Variant) -> int | None:
    """How far loose values may be off, in ULP: None, as far as they like, on GPUs in hardware.

    Those may divide to 2.5 ULP, from which the remainder, say, is off by the whole divisor.
    """
    return 0 if way.engine not in engines.GRAPHICS or gpu.pick().kind == "software" else None


def check(case: Case, some: Iterable[Variant], seed: int = 0) -> Divergence | None:
    """Run a case in some ways; the first that does not do what the reference does."""
    expected = run_way(case, REFERENCE)
    for way in (each for each in some if each.suits(case.settings)):
        what, _ = _compared(case, way, expected)
        if what is not None:
            return Divergence(seed, way, what)
    return None


def _compared(case: Case, way: Variant, expected: list[Snapshot]) -> tuple[str | None, bool]:
    """What a case does otherwise when it runs in some way, and whether phases of it ran whole."""
    try:
        actual = run_way(case, way)
        if way.engine in AHEAD:  # which are not looked at while they run
            what = outcome(case, expected[-1], actual[-1], tolerance(way))
        else:
            what = difference(case, expected, actual, tolerance(way))
    except Exception as error:  # whatever comes out is what is looked for
        return f"raises {error!r}", False
    return what, actual[-1].ahead


@functools.cache
def ways(name: str = "all") -> tuple[Variant, ...]:
    """How programs are run by the engines of this name; `all` are those that can run here."""
    ways: list[Variant] = []
    for engine in engines.ENGINES:
        if engine == "reference" or name not in ("all", engine) or why_not(engine):
            continue
        if engine in AHEAD:
            ways += [Variant(engine), Variant(engine, apart=True)]
            continue
        pairs = itertools.product(CHOICES["layout"], CHOICES["format"])
        ways += [Variant(engine, layout, format) for layout, format in pairs]
        ways += [Variant(engine, sort=True), Variant(engine, steps=True), Variant(engine, own=True)]
    ways.append(replace(REFERENCE, steps=True))
    return tuple(way for way in ways if name in ("all", way.engine))


def why_not(engine: str) -> str | None:
    """Why an engine cannot run here, or None."""
    if engine == "llvm":
        return jit.why_not()
    return None if engine == "reference" else gpu.why_not()


def check_seed(seed: int, name: str = "all", some: int = 4) -> Divergence | None:
    """Run the case of a seed in some of the ways, others for every seed."""
    every = ways(name)
    for way in random.Random(seed).sample(every, min(some, len(every))):
        divergence = check(case_of(seed, apart=way.apart), [way], seed)
        if divergence is not None:
            return divergence
    return None


def way_in_turn(seed: int, name: str = "all") -> Variant:
    """How the case of a seed runs: its neighbours share that, as they do kernels.

    Where phases run whole, what takes time is to compile them: so most programs are small, and
    are compiled once, with VMs that are kept or without.
    """
    every = ways(name)
    way = every[seed // BLOCK % len(every)]
    if way.engine not in AHEAD:
        return way
    rand = random.Random(seed ^ 0x3A7)
    apart = rand.random() < 0.9
    small = apart and rand.random() < 0.95
    return replace(way, apart=apart, small=small, vms=rand.choice(LOOKS))


def check_in_turn(seed: int, name: str = "all") -> Divergence | str | None:
    """Run the case of a seed in the way whose turn it is: what is wrong, or how it ran, if so."""
    way = way_in_turn(seed, name)
    case = case_of(seed, apart=way.apart, small=way.small)
    if not way.suits(case.settings):
        return None
    with cache.unused():
        what, ahead = _compared(case, way, run_way(case, REFERENCE))
    if what is not None:
        return Divergence(seed, way, what)
    return f"{way.engine}: phases as a whole" if ahead else f"{way.engine}: epochs"


def shrunk(case: Case, divergence: Divergence) -> Case:
    """A smaller case that diverges in the same way, at the end of its run."""

    def wrong(each: Case) -> bool:
        again = check(each, [divergence.way], divergence.seed)
        if again is None or "does not end" in again.what:
            return False
        return again.what.startswith("raises") == divergence.what.startswith("raises")

    smaller: Case | None = case
    while smaller is not None:
        case = smaller
        smaller = next(filter(wrong, _plainer(case)), None)
    return replace(
        case, program=shrink(case.program, lambda each: wrong(replace(case, program=each)))
    )


def _plainer(case: Case) -> Iterator[Case]:
    """The case with one thing less that is unusual."""
    if case.cut != 1:
        yield replace(case, cut=1)
    if case.fuel is not None:
        yield replace(case, fuel=None)
    usual = Settings()
    for name in (*CHOICES, "patience", "seed", "compose"):
        change: dict[str, Any] = {name: getattr(usual, name)}
        settings = replace(case.settings, **change)
        if settings != case.settings:
            yield replace(case, settings=settings)


def script(case: Case, way: Variant) -> str:
    """What makes a case again: its settings, and the program as assembly text."""
    words = ", ".join(f"{word:#x}" for word in case.shared.tolist())
    head = f"; {way}; {way.settings(case)}; fuel {case.fuel}\n; shared memory: {words}\n"
    return head + case.program.dis()


def campaign(engine: str = "all") -> Campaign:
    """The ways of an engine, or all, on random programs.

    Raises:
        Diagnostic: LW2003 for an engine that does not exist, LW2201 for one that cannot run here.
    """
    if engine != "all":
        check_engine(engine, engines.ENGINES)
    every = ways(engine)
    if not every:
        raise Diagnostic(NO_ADAPTER, f"engine {engine!r} cannot run: {why_not(engine)}")

    def small(divergence: Divergence) -> str:
        way = divergence.way
        case = case_of(divergence.seed, apart=way.apart, small=way.small)
        return script(shrunk(case, divergence), way)

    return Campaign(
        "fleet",
        functools.partial(check_in_turn, name=engine),
        small,
        ways="each in one of these ways, in turn: " + "; ".join(map(str, every)),
        options=f"--engine {engine} " * (engine != "all"),
        block=BLOCK,
        process="spawn",  # from the start: the driver of a GPU does not survive a fork
    )
