"""Fleets: millions of VM-instructions per second, by engine, layout and format of matrices.

Two programs: in the uniform one all VMs go round the same loop, in the divergent one each counts
its number's way to 1 by Collatz's rule. A run is measured over some seconds of epochs in the
middle, while at least half of the VMs are live; before that its first epochs are compared with the
reference engine's.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import fleetcases, workloads
from bench.data import DATA
from bench.harness import Case, Contestant
from bench.oracles import fleets as oracle
from bench.peers import fleet_numba
from bench.peers import fleets as peers
from lanework.base.errors import LaneworkError
from lanework.core.program.program import Program
from lanework.core.result.picture import read_picture
from lanework.machines.fleet.runner import Runner

SIZES = (1_000, 100_000, 1_000_000)
SECONDS = 1.2
CHECKED = 4_000_000  # VMs times epochs, at least eight epochs
PROGRAMS = {"uniform": "uniform", "divergent": "collatz"}
TURNS = {"uniform": {"TURNS": 1_000_000}}  # more than a run takes


@dataclass(frozen=True)
class Variant:
    """An engine with its settings."""

    title: str
    engine: str
    settings: dict[str, Any]


VARIANTS = (
    Variant("reference (NumPy)", "reference", {}),
    Variant("epoch, AoS-128, dense", "epoch", {"layout": "aos", "format": "dense"}),
    Variant("epoch, AoS-128, CSR", "epoch", {"layout": "aos", "format": "csr"}),
    Variant("epoch, SoA", "epoch", {"layout": "soa", "format": "rows"}),
)


def program(name: str, count: int) -> Program:
    """One of the two programs, for so many VMs."""
    return workloads.program(PROGRAMS[name], COUNT=count, **TURNS.get(name, {}))


def rate(fleet: Program, variant: Variant, adapter: str = "") -> float:
    """VM-instructions per second.

    Raises:
        LaneworkError: the engine cannot run.
        AssertionError: it does not do what the reference does.
    """
    settings = dict(variant.settings)
    if variant.engine == "epoch" and adapter:
        settings["adapter"] = adapter
    words = np.zeros(int(fleet.header["shared"]), np.uint32)
    with fleet.bind(variant.engine, **settings) as runner, fleet.bind("reference") as checker:
        runtime = runner.runtime(words)
        epochs = max(8, min(40, CHECKED // fleet.header["vms"]))
        runtime.run(epochs)
        expected = checker.runtime(words)
        expected.run(epochs)
        np.testing.assert_array_equal(runtime.engine.vms().words, expected.engine.vms().words)
        del expected
        some = max(8, min(256, CHECKED // fleet.header["vms"]))  # epochs to a submission
        best = 0.0
        for _ in range(3):
            began, before = time.perf_counter(), runtime.counts.executed
            live = fleet.header["vms"]
            while time.perf_counter() - began < SECONDS / 3 and 2 * live > fleet.header["vms"]:
                runtime.run(some)
                live = runtime.counts.live
            seconds = time.perf_counter() - began
            best = max(best, (runtime.counts.executed - before) / seconds)
            if 2 * live <= fleet.header["vms"]:
                runtime = runner.runtime(words)
        return best


def table(sizes: Sequence[int] = SIZES, adapter: str = "") -> str:
    """All programs, sizes and ways, as a Markdown table."""
    titles = " | ".join(variant.title for variant in VARIANTS)
    lines = [f"| program | VMs | {titles} | SoA of dense |"]
    lines.append("| --- | ---: |" + " ---: |" * (len(VARIANTS) + 1))
    for name in PROGRAMS:
        for count in sizes:
            fleet = program(name, count)
            rates: list[float | None] = []
            for variant in VARIANTS:
                try:
                    rates.append(rate(fleet, variant, adapter) / 1e6)
                except LaneworkError as problem:
                    print(f"{variant.title}: {problem.sentence}")
                    rates.append(None)
            cells = [f"{x:,.1f}" if x is not None else "-" for x in rates]
            dense, soa = rates[1], rates[3]
            ratio = f"{soa / dense:.1f}" if dense and soa else "-"
            lines.append(f"| {name} | {count:,} | " + " | ".join(cells) + f" | {ratio} |")
            print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def _ours(work: workloads.Workload) -> list[Contestant]:
    """Engines of whole phases, of which that on a graphics card comes first, and by epochs."""
    known = [name for name in fleetcases.engines("wgsl") if name != "reference"]
    by_phases = [fleetcases.ours(work, engine) for engine in known]
    by_epochs = [fleetcases.ours(work, v.engine, v.title, **v.settings) for v in VARIANTS]
    return by_phases + by_epochs


def collatz(count: int) -> Case:
    """Stopping times, an epoch an instruction, and whole phases."""
    work = workloads.collatz(count)
    compiled = "wgsl" in Runner.ENGINES
    return Case(
        f"fleet_collatz_{count}",
        f"Fleet: Collatz stopping times of 1 to {count:,}, by phases and by epochs",
        (
            *_ours(work),
            Contestant("numba prange", lambda: fleet_numba.collatz(count), "numba"),
            Contestant("NumPy with masks", lambda: lambda: {"steps": oracle.collatz(count)}),
        ),
        tolerance=0.0,
        repeats=3,
        goals={f"Lanework, {VARIANTS[-1].title}": 100.0} if compiled else {},
    )


def children(parents: int = 1000, each: int = 100) -> Case:
    """VMs that others start."""
    work = workloads.children(parents, each)
    title = f"Fleet: Collatz of 1 to {parents * each:,} by VMs that {parents:,} others start"
    known = [name for name in fleetcases.engines() if name != "wgsl"]  # which leaves it to epochs
    ours = [fleetcases.ours(work, engine, outputs=work.output) for engine in known]
    epoch = VARIANTS[-1]
    ours.append(fleetcases.ours(work, epoch.engine, epoch.title, **epoch.settings))
    return Case("fleet_children", title, tuple(ours), tolerance=0.0, repeats=5)


def picture() -> Case:
    """A photograph to grayscale, blurred, and its edges."""
    photo = read_picture((DATA.parent / "fleet" / "photo.ppm").read_bytes())
    inputs = {"image": photo}
    work = workloads.Workload("image", {}, "edges", peers.picture_scipy(photo), inputs)
    return Case(
        "fleet_picture",
        f"Fleet: grayscale, blur and Sobel of a photograph of {photo.shape[1]} x {photo.shape[0]}",
        (
            *_ours(work),
            Contestant("SciPy's ndimage", lambda: peers.picture_scipy(photo), "scipy"),
            Contestant("numba prange", lambda: peers.picture_numba(photo), "numba"),
        ),
        tolerance=2e-3,
        repeats=5,
    )


def halves(count: int = 2048, turns: int = 1000) -> Case:
    """A loop in half precision, by phases and by epochs."""
    work = workloads.logistic(count, turns)
    known = [*fleetcases.engines(), "epoch"]
    return Case(
        "fleet_halves",
        f"Fleet: {turns:,} turns in half precision for each of {count:,}, by phases and by epochs",
        tuple(fleetcases.ours(work, engine, storage="f16") for engine in known),
        tolerance=0.0,
        repeats=5,
        expected=lambda: {work.output: work.expected()},
    )


CASES: dict[str, Callable[[], Case]] = {
    "fleet_collatz_100000": functools.partial(collatz, 100_000),
    "fleet_picture": picture,
    "fleet_halves": halves,
    "fleet_children": children,
}
