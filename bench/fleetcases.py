"""Fleets beside numba, Taichi, Warp, JAX and C with intrinsics; every answer is checked by NumPy's.

The engines are those that the fleet machine has, without the kernels that go epoch by epoch
(`fleets` has these). Goals are what we want of code of the instruction set that ours is made for:
half as much with AVX2 as with AVX-512. Others use what they find; of C there is one of each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bench import workloads
from bench.harness import SECONDS, Answer, Case, Contestant, Job
from bench.oracles import fleets as oracle
from bench.peers import fleet_jax as jax
from bench.peers import fleet_numba as numba
from bench.peers import intrinsics, kernels
from bench.workloads import Workload
from lanework.base import host
from lanework.machines.fleet.runner import Runner

NUMBA, TAICHI, WARP, JAX = "numba prange", "Taichi", "Warp, one thread", "JAX"
ALONE = "numba, one thread"
PHILOX = "numba prange, Philox"  # the random numbers of the fleet
WHERE_BRANCHES_TURN = 0.02  # of numbers: JAX makes one rounding of a product and a sum


def isa() -> str:
    """What our code is made for."""
    wide = "avx512f" in host.cpu_flags() and host.cpu_level() != "x86-64-v3"
    return "AVX-512" if wide else "AVX2"


def machine() -> str:
    """What our code is made for, and that of the others."""
    has = "AVX-512" if "avx512f" in host.cpu_flags() else "AVX2"
    return (
        f"Fleets: Lanework's code is for {isa()}, and so is that of numba and JAX;"
        f" that of Taichi and Warp is for {has}."
    )


def engines(first: str = "llvm") -> list[str]:
    """Those of whole phases, and the reference; the first is what is compared with others."""
    known = [name for name in Runner.ENGINES if name != "epoch"]
    return sorted(known, key=lambda name: (name != first, name == "reference"))


def lazily(setup: Callable[[], Job]) -> Job:
    """A job that is set up in its first call, so that this has all that is compiled."""
    jobs: list[Job] = []

    def job() -> Answer:
        if not jobs:
            jobs.append(setup())
        return jobs[0]()

    return job


def ours(work: Workload, engine: str, title: str = "", **settings: Any) -> Contestant:
    """A workload on one of our engines, with all outputs unless some are named; what takes long is
    timed once.
    """

    def bound() -> Job:
        runner = work.program().bind(engine, seed=workloads.SEED, **settings)
        return lambda: {work.output: np.ravel(runner(**work.inputs)[work.output])}

    setup = functools.partial(lazily, bound)
    turns = 0 if engine == "reference" or settings.get("layout") == "aos" else None
    return Contestant(f"Lanework, {title or engine}", setup, turns=turns)


def _inside(work: Workload, engine: str) -> Contestant:
    """The same by its own clock, which inputs and outputs are no part of."""

    def bound() -> Job:
        runner = work.program().bind(engine, seed=workloads.SEED, outputs=work.output)
        return lambda: {SECONDS: runner(**work.inputs).stats["run_seconds"]}

    name = f"Lanework, {engine}, without inputs and outputs"
    return Contestant(name, functools.partial(lazily, bound))


def _ours(work: Workload) -> list[Contestant]:
    """Our engines, but for those that would take very long.

    The first gives the output that all others give; what it costs to have all of shared memory
    beside that is told, too.
    """
    first, *others = engines()
    if work.program().header["vms"] > 1 << 21:
        others = []
    alone = ours(work, first, outputs=work.output)
    together = ours(work, first, f"{first}, all of shared memory")
    return [alone, together, _inside(work, first), *(ours(work, each) for each in others)]


def _peer(name: str, make: Callable[..., Job], *given: Any, **more: Any) -> Contestant:
    packages = {"numba": "numba", "Taichi": "taichi", "Warp": "warp-lang", "JAX": "jax"}
    needs = next((package for start, package in packages.items() if name.startswith(start)), None)
    setup = functools.partial(lazily, functools.partial(make, *given))
    return Contestant(name, setup, needs, **more)


def _c(make: Callable[..., Job], *given: Any) -> list[Contestant]:
    """C for each instruction set that this processor has."""
    wide = "avx512f" in host.cpu_flags()
    sets = [name for name in intrinsics.SETS if wide or name.startswith("AVX2")]
    return [_peer(f"C, {name}", make, *given, name) for name in sets]


def _case(
    name: str, title: str, work: Workload, peers: list[Contestant], goals: Mapping[str, float],
    c: float | None = None, **more: Any,
) -> Case:  # fmt: skip
    """A case; with a goal for C, of the same instruction set, the others are for AVX-512."""
    wanted = dict(goals)
    if c is not None:
        factor = 1.0 if isa() == "AVX-512" else 0.5
        wanted = {each: goal * factor for each, goal in goals.items()}
        wanted |= {f"C, {isa()}{how}": c for how in ("", intrinsics.ONE)}
    return Case(
        f"fleet_{name}",
        f"Fleet: {title}",
        (*_ours(work), *peers),
        expected=lambda: {work.output: np.ravel(work.expected())},
        goals=wanted,
        **{"tolerance": 0.0, "repeats": 7, **more},
    )


def collatz(count: int = 1_000_000) -> Case:
    """VMs that go separate ways."""
    peers = [
        _peer(NUMBA, numba.collatz, count),
        _peer("numba prange, integers", numba.collatz_integers, count, astray=WHERE_BRANCHES_TURN),
        _peer(TAICHI, kernels.taichi, "collatz", "steps", (count,)),
        _peer(WARP, kernels.warp, "collatz", "steps", (count,)),
        _peer(JAX, jax.collatz, count, astray=WHERE_BRANCHES_TURN),
        *_c(intrinsics.collatz, count),
    ]
    goals = {NUMBA: 10.0, TAICHI: 10.0, WARP: 15.0, JAX: 8.0}
    title = f"Collatz, stopping times of 1 to {count:,}"
    return _case("collatz", title, workloads.collatz(count), peers, goals, c=0.9)


def mandelbrot(side: int = 1024, limit: int = 256) -> Case:
    """Pixels that leave early or late."""
    size = (side, side, limit)
    peers = [
        _peer(NUMBA, numba.mandelbrot, *size),
        _peer(TAICHI, kernels.taichi, "mandelbrot", "turns", (side, side), limit),
        _peer(WARP, kernels.warp, "mandelbrot", "turns", (side, side), 3 / side, 3 / side, limit),
        _peer(JAX, jax.mandelbrot, *size, astray=WHERE_BRANCHES_TURN),
        *_c(intrinsics.mandelbrot, *size),
    ]
    goals = {TAICHI: 10.0, WARP: 10.0, JAX: 50.0}
    title = f"the Mandelbrot set, {side} x {side}, {limit} turns"
    return _case("mandelbrot", title, workloads.mandelbrot(*size), peers, goals, c=0.6)


def uniform(count: int = 1_000_000, turns: int = 256) -> Case:
    """All go round one loop."""
    peers = [
        _peer(NUMBA, numba.uniform, count, turns),
        _peer(TAICHI, kernels.taichi, "uniform", "values", (count,), turns),
        _peer(WARP, kernels.warp, "uniform", "values", (count,), turns),
        _peer(JAX, jax.uniform, count, turns),
        *_c(intrinsics.uniform, count, turns),
    ]
    title = f"a loop of {turns} turns for each of {count:,}"
    goals = {NUMBA: 30.0, TAICHI: 30.0}
    return _case("uniform", title, workloads.uniform(count, turns), peers, goals, c=0.8)


def grayscale(side: int = 2048) -> Case:
    """Three planes in, one out."""
    work = workloads.grayscale(side * side)
    planes = tuple(work.inputs.values())
    peers = [
        _peer(NUMBA, numba.grayscale, *planes),
        _peer(TAICHI, kernels.taichi, "grayscale", "gray", (side * side,), *planes),
        _peer(WARP, kernels.warp, "grayscale", "gray", (side * side,), *planes),
        _peer(JAX, jax.grayscale, *planes),
    ]
    title = f"grayscale of three planes of {side} x {side}"
    return _case("grayscale", title, work, peers, {NUMBA: 1.0}, tolerance=1e-6)


def life(side: int = 4096, generations: int = 10) -> Case:
    """A phase a generation."""
    work = workloads.life(side, side, generations)
    cells = work.inputs["cells"]
    digest = functools.partial(_ravelled, work.output)
    peers = [
        _peer(NUMBA, numba.life, cells, generations),
        _peer("numba prange, bytes", numba.life, cells, generations, np.uint8),
        _peer(TAICHI, kernels.life_taichi, cells, generations),
        _peer(WARP, kernels.life_warp, cells, generations),
        _peer(JAX, jax.life, cells, generations),
    ]
    title = f"Life on a torus of {side} x {side}, {generations} generations"
    return _case("life", title, work, peers, {NUMBA: 1.0}, digest=digest, repeats=5)


def total(count: int = 10_000_000) -> Case:
    """Numbers added up."""
    work = workloads.total(count)
    numbers = work.inputs["numbers"]
    peers = [
        _peer(NUMBA, numba.total, numbers, False, tolerance=2e-3),
        _peer("numba prange, fastmath", numba.total, numbers, True, tolerance=2e-3),
        _peer(JAX, jax.total, numbers, tolerance=1e-5),
    ]
    title = f"the sum of {count:,} numbers, in an order that is stated"
    return _case("sum", title, work, peers, {NUMBA: 1.0})


def sir(agents: int = 1_000_000, fortnights: int = 6) -> Case:
    """Agents that meet by chance."""
    work = workloads.sir(agents, fortnights)
    first, days = work.inputs["agents"], 14 * fortnights
    peers = [
        _peer(NUMBA, numba.sir, first, days, 0.6, 0.1, None, tolerance=0.01),
        _peer(PHILOX, numba.sir, first, days, 0.6, 0.1, workloads.SEED),
        _peer(JAX, jax.sir, first, days, 0.6, 0.1, tolerance=0.01),
    ]
    title = f"an epidemic among {agents:,} agents, {days} days"
    return _case("sir", title, work, peers, {NUMBA: 1.0, PHILOX: 1.0}, digest=_shares, repeats=5)


def option(paths: int = 250_000, pairs: int = 32) -> Case:
    """Paths that are normally distributed."""
    work = workloads.option(paths, pairs)
    numbers = kernels.option_numbers(pairs)
    own = {"tolerance": 0.02}  # random numbers of their own
    peers = [
        _peer(NUMBA, numba.option, paths, pairs, None, **own),
        _peer(PHILOX, numba.option, paths, pairs, workloads.SEED),
        _peer(TAICHI, kernels.taichi, "option", "payoffs", (paths,), *numbers, **own),
        _peer(WARP, kernels.warp, "option", "payoffs", (paths,), *numbers, **own),
        _peer(JAX, jax.option, paths, pairs, **own),
    ]
    title = f"an option by {paths:,} paths of {2 * pairs} steps"
    return _case(
        "option", title, work, peers, {NUMBA: 3.0, PHILOX: 3.0}, tolerance=1e-5, digest=_value
    )


def boids(count: int = 64, steps: int = 100) -> Case:
    """Everyone sees all others."""
    work = workloads.boids(count, steps)
    start = work.inputs["start"]
    digest = functools.partial(_ravelled, work.output)
    peers = [
        _peer(NUMBA, numba.boids, start, steps, True),
        _peer(ALONE, numba.boids, start, steps, False),
        _peer(JAX, jax.boids, start, steps, tolerance=0.1, astray=0.2),  # flocks are chaotic
    ]
    title = f"{count} boids, {steps} steps"
    goals = {NUMBA: 1.0, ALONE: 1.0}
    return _case("boids", title, work, peers, goals, digest=digest)


def _ravelled(port: str, answer: Answer) -> Answer:
    return {port: np.ravel(answer[port])}


def _shares(answer: Answer) -> Answer:
    """Who never had it, has it and had it; some draw other random numbers."""
    counts = np.bincount(answer["agents"].astype(int), minlength=3)
    return {"shares": counts / counts.sum()}


def _value(answer: Answer) -> Answer:
    """The mean of payoffs, as a share of what it comes near."""
    return {"value": np.mean(answer["payoffs"], dtype=float) / oracle.black_scholes()}


CASES: dict[str, Callable[[], Case]] = {
    "fleet_collatz": collatz,
    "fleet_mandelbrot": mandelbrot,
    "fleet_uniform": uniform,
    "fleet_grayscale": grayscale,
    "fleet_life": life,
    "fleet_sum": total,
    "fleet_sir": sir,
    "fleet_option": option,
    "fleet_boids": boids,
}
