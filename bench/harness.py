"""Contestants timed beside each other in one run, after their answers have been compared.

A contestant is a name and a `setup` that returns a callable; calling it does the job once and
returns its answer. The first call is timed apart, as compile time. Then all contestants take
turns, so that what else the machine does falls on all of them alike. The tables say medians and
ratios to Lanework; no time is a promise.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Answer = Mapping[str, Any]
Job = Callable[[], Answer]
SECONDS = "seconds"  # in an answer: the time to take in place of the whole call's
TURN = 0.06  # seconds of calls in a turn; the threads of the one before rest within the first
PACKAGES = ("lanework", "numpy", "llvmlite", "numba", "numexpr", "jax", "wasmtime")


@dataclass(frozen=True)
class Contestant:
    """One way of doing the job; `needs` names the package without which it cannot run."""

    name: str
    setup: Callable[[], Job]
    needs: str | None = None


@dataclass(frozen=True)
class Case:
    """A job and those who do it; the first contestant is Lanework.

    Attributes:
        goals: contestant -> the least ratio of its time to Lanework's that we want.
    """

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    tolerance: float = 1e-10
    repeats: int = 15
    goals: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a contestant took: seconds of the first call, and of the others."""

    name: str
    first: float
    times: list[float]
    missing: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.times)


def run_case(case: Case, quick: bool = False) -> list[Outcome]:
    """Compare answers, then time in turns."""
    jobs: list[tuple[Outcome, Job | None]] = []
    expected: Answer | None = None
    for contestant in case.contestants:
        if contestant.needs is not None and not _installed(contestant.needs):
            jobs.append((Outcome(contestant.name, 0.0, [], "not installed"), None))
            continue
        job = contestant.setup()
        start = time.perf_counter()
        answer = job()
        first = time.perf_counter() - start
        if expected is None:
            expected = {key: value for key, value in answer.items() if key != SECONDS}
        _compare(case, contestant.name, expected, answer)
        jobs.append((Outcome(contestant.name, first, []), job))
    gc.collect()
    gc.disable()
    try:
        turns = random.Random(case.name)  # nobody always follows the same other one
        for _ in range(3 if quick else case.repeats):
            for outcome, job in turns.sample(jobs, len(jobs)):
                if job is not None:
                    outcome.times.append(_time(job))
    finally:
        gc.enable()
    return [outcome for outcome, _ in jobs]


def _time(job: Job) -> float:
    """One turn: calls one after another for `TURN` seconds, at least one; their median.

    Calls too short for the clock are timed in runs of many.
    """
    times = []
    began = time.perf_counter()
    while not times or time.perf_counter() - began < TURN:
        start = time.perf_counter()
        answer = job()
        once = time.perf_counter() - start
        # the job may have looked at a clock of its own
        times.append(float(answer[SECONDS]) if SECONDS in answer else once)
    middle = statistics.median(times)
    if middle > 1e-4 or SECONDS in answer:
        return middle
    count = int(0.005 / middle) + 1
    start = time.perf_counter()
    for _ in range(count):
        job()
    return (time.perf_counter() - start) / count


def _compare(case: Case, name: str, expected: Answer, answer: Answer) -> None:
    if SECONDS in answer:  # the same run as the one before it, on a clock of its own
        return
    if missing := expected.keys() - answer.keys():
        raise AssertionError(f"{case.name}: {name} does not give {', '.join(sorted(missing))}")
    for key, value in expected.items():
        np.testing.assert_allclose(
            np.asarray(answer[key]),
            np.asarray(value),
            rtol=case.tolerance,
            atol=case.tolerance,
            err_msg=f"{case.name}: {name} gives another {key}",
        )


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def table(case: Case, outcomes: list[Outcome]) -> str:
    """The outcomes as a Markdown table."""
    ours = outcomes[0].median
    lines = [f"## {case.title}", "", "| | median | of Lanework's | goal | first call |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for outcome in outcomes:
        if outcome.missing:
            lines.append(f"| {outcome.name} | {outcome.missing} | | | |")
            continue
        goal = case.goals.get(outcome.name)
        lines.append(
            f"| {outcome.name} | {show(outcome.median)} | {outcome.median / ours:.2f} |"
            f" {'' if goal is None else f'at least {goal:g}'} | {show(outcome.first)} |"
        )
    return "\n".join(lines) + "\n"


def show(seconds: float) -> str:
    """A time for people."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def machine() -> str:
    """The machine and the versions, in a line or two."""
    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    cores = len(os.sched_getaffinity(0))
    versions = [f"{p} {importlib.metadata.version(p)}" for p in PACKAGES if _installed(p)]
    return (
        f"{name}, {cores} cores, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}; {', '.join(versions)}."
    )


def record(outcomes: Mapping[str, list[Outcome]]) -> str:
    """Everything measured, as JSON."""
    return json.dumps(
        {
            case: {
                o.name: {"first": o.first, "times": o.times, "missing": o.missing} for o in found
            }
            for case, found in outcomes.items()
        },
        indent=1,
    )
