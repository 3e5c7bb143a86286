"""Contestants timed beside each other in one run, after their answers have been compared.

A contestant is a name and a `setup` that returns a callable; calling it does the job once and
returns its answer. The first call is timed apart, as compile time. Then all contestants take
turns, so that what else the machine does falls on all of them alike. The tables say medians and
ratios to Lanework; no time is a promise. Where the machine has other work to do (`BUSY`), they say
the least of all turns, in the processor's time of all threads.
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
BUSY = False  # whether the machine has other work to do
TURN = 0.06  # seconds of calls in a turn; the threads of the one before rest within the first
PACKAGES = (
    *("lanework", "numpy", "llvmlite", "numba", "numexpr", "jax", "wasmtime"),
    *("taichi", "warp-lang", "wgpu", "scipy", "pyarrow", "pandas"),
    *("pyagrum", "pgmpy", "sesum", "opt_einsum"),
)


@dataclass(frozen=True)
class Contestant:
    """One way of doing the job.

    Attributes:
        setup: makes the job; what it takes is told apart.
        needs: the package without which it cannot run.
        rows: of the case's rows it answers the first ones, and its times count for each of them.
        turns: in place of the case's repeats; 0 counts the first call, where it takes minutes.
        tolerance: in place of the case's, for who rounds or draws random numbers otherwise.
        astray: the share of its numbers that may be farther off, where a rounding decides a branch.
    """

    name: str
    setup: Callable[[], Job]
    needs: str | None = None
    rows: int | None = None
    turns: int | None = None
    tolerance: float | None = None
    astray: float = 0.0


@dataclass(frozen=True)
class Case:
    """A job and those who do it; the first contestant is Lanework.

    Attributes:
        goals: contestant -> the least ratio of its time to Lanework's that we want.
        group: cases whose ratios have a geometric mean.
        rivals: the contestants of which the fastest counts there.
        expected: the answer, if not what the first contestant gives.
        digest: what is compared of an answer, if not all of it.
    """

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    tolerance: float = 1e-10
    repeats: int = 15
    goals: Mapping[str, float] = field(default_factory=dict)
    group: str = ""
    rivals: tuple[str, ...] = ()
    expected: Callable[[], Answer] | None = None
    digest: Callable[[Answer], Answer] | None = None


@dataclass
class Outcome:
    """What a contestant took: seconds of the set-up, of the first call, and of the others."""

    name: str
    first: float
    times: list[float]
    missing: str = ""
    setup: float = 0.0
    rows: int | None = None

    @property
    def median(self) -> float:
        """Of a call, or of one row where rows are counted; of a busy machine the least."""
        middle = min if BUSY else statistics.median
        return middle(self.times) / (self.rows or 1)


def clock() -> float:
    """Seconds of the clock, or of the processor where the machine is busy."""
    return time.process_time() if BUSY else time.perf_counter()


def run_case(case: Case, quick: bool = False) -> list[Outcome]:
    """Compare answers, then time in turns."""
    jobs: list[tuple[Outcome, Job | None]] = []
    turns: dict[str, int] = {}
    expected = None if case.expected is None else _digest(case, case.expected())
    for contestant in case.contestants:
        if contestant.needs is not None and not _installed(contestant.needs):
            jobs.append((Outcome(contestant.name, 0.0, [], "not installed"), None))
            continue
        start = clock()
        job = contestant.setup()
        setup = clock() - start
        start = clock()
        answer = job()
        first = clock() - start
        if expected is None:
            expected = _digest(case, answer)
        _compare(case, contestant, expected, answer)
        once = [first] if contestant.turns == 0 else []
        outcome = Outcome(contestant.name, first, once, setup=setup, rows=contestant.rows)
        jobs.append((outcome, None if once else job))
        turns[contestant.name] = contestant.turns or (3 if quick else case.repeats)
    gc.collect()
    gc.disable()
    try:
        shuffled = random.Random(case.name)  # nobody always follows the same other one
        for turn in range(max(turns.values())):
            for outcome, job in shuffled.sample(jobs, len(jobs)):
                if job is not None and turn < turns[outcome.name]:
                    outcome.times.append(_time(job))
                    if outcome.times[-1] > LONG:
                        _settle()
    finally:
        gc.enable()
    return [outcome for outcome, _ in jobs]


LONG = 0.05
"""Seconds of a call that may leave much memory behind."""


def _settle(most: float = 2.0) -> None:
    """Wait until this process does nothing: memory that a contestant gives back on threads of its
    own, a gigabyte in half a second, is no time of the one whose turn is next.
    """
    end = time.perf_counter() + most
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(0.01)
        if time.process_time() - before < 0.001:
            return


def _time(job: Job) -> float:
    """One turn: calls one after another for `TURN` seconds, at least one; their median.

    Calls too short for the clock are timed in runs of many.
    """
    times = []
    began = time.perf_counter()
    while not times or time.perf_counter() - began < TURN:
        start = clock()
        answer = job()
        once = clock() - start
        # the job may have looked at a clock of its own
        times.append(float(answer[SECONDS]) if SECONDS in answer else once)
    middle = statistics.median(times)
    if middle > 1e-4 or SECONDS in answer:
        return middle
    count = int(0.005 / middle) + 1
    start = clock()
    for _ in range(count):
        job()
    return (clock() - start) / count


def _digest(case: Case, answer: Answer) -> Answer:
    """What is compared of an answer."""
    if case.digest is not None:
        return case.digest(answer)
    return {key: value for key, value in answer.items() if key != SECONDS}


def _compare(case: Case, contestant: Contestant, expected: Answer, answer: Answer) -> None:
    name, most = contestant.name, case.contestants[0].rows
    if SECONDS in answer:  # the same run as the one before it, on a clock of its own
        return
    answer = _digest(case, answer)
    if missing := expected.keys() - answer.keys():
        raise AssertionError(f"{case.name}: {name} does not give {', '.join(sorted(missing))}")
    tolerance = case.tolerance if contestant.tolerance is None else contestant.tolerance
    for key, value in expected.items():
        fewer = most is not None and contestant.rows != most
        wanted = np.asarray(value)[: contestant.rows] if fewer else np.asarray(value)
        actual = np.asarray(answer[key])
        if contestant.astray and actual.shape == wanted.shape:
            off = ~np.isclose(actual, wanted, rtol=tolerance, atol=tolerance)
            if off.mean() <= contestant.astray:
                continue
        np.testing.assert_allclose(
            actual, wanted, tolerance, tolerance, err_msg=f"{case.name}: {name} gives another {key}"
        )


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def table(case: Case, outcomes: list[Outcome]) -> str:
    """The outcomes as a Markdown table; where rows are counted, with these and the set-up."""
    ours, rows = outcomes[0].median, outcomes[0].rows is not None
    lines, middle = [f"## {case.title}", ""], "least, of the processor" if BUSY else "median"
    if rows:
        lines.append(f"| | rows | {middle}, a row | of Lanework's | goal | set-up | first call |")
        lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    else:
        lines.append(f"| | {middle} | of Lanework's | goal | first call |")
        lines.append("| --- | ---: | ---: | ---: | ---: |")
    for outcome in outcomes:
        if outcome.missing:
            lines.append(f"| {outcome.name} | {outcome.missing} |" + " |" * (5 if rows else 3))
            continue
        goal = case.goals.get(outcome.name)
        lines.append(
            f"| {outcome.name} |"
            + (f" {outcome.rows:,} |" if rows else "")
            + f" {show(outcome.median)} | {outcome.median / ours:.2f} |"
            f" {'' if goal is None else f'at least {goal:g}'} |"
            + (f" {show(outcome.setup)} |" if rows else "")
            + f" {show(outcome.first)} |"
        )
    return "\n".join(lines) + "\n"


def summary(cases: list[Case], outcomes: Mapping[str, list[Outcome]]) -> str:
    """The ratios of the fastest rival to Lanework by group, and their geometric means."""
    groups: dict[str, list[tuple[str, Outcome, float]]] = {}
    for case in cases:
        ours, *others = outcomes[case.name]
        rivals = [o for o in others if o.name in case.rivals and not o.missing]
        if rivals:
            best = min(rivals, key=lambda outcome: outcome.median)
            row = (case.name, best, best.median / ours.median)
            groups.setdefault(case.group, []).append(row)
    lines = []
    for group, rows in groups.items():
        mean = statistics.geometric_mean(ratio for _, _, ratio in rows)
        lines += [f"## {group[:1].upper()}{group[1:]}: the fastest of the others", ""]
        lines += ["| | fastest | of Lanework's |", "| --- | --- | ---: |"]
        lines += [f"| {name} | {best.name} | {ratio:.2f} |" for name, best, ratio in rows]
        lines += [f"| geometric mean of {len(rows)} | | {mean:.2f} |", ""]
    return "\n".join(lines)


def goals(cases: list[Case], outcomes: Mapping[str, list[Outcome]]) -> str:
    """Every goal of some cases: the ratio of their times to Lanework's, and whether it is met."""
    lines = [
        "## Goals",
        "",
        "| case | beside | of Lanework's | goal | |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for case in cases:
        ours, *others = outcomes[case.name]
        for other in others:
            if other.name in case.goals and not other.missing:
                goal, ratio = case.goals[other.name], other.median / ours.median
                met = "met" if ratio >= goal else "missed"
                lines.append(f"| {case.name} | {other.name} | {ratio:.2f} | {goal:g} | {met} |")
    return "\n".join(lines) + "\n" if len(lines) > 4 else ""


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
                o.name: {
                    "setup": o.setup,
                    "first": o.first,
                    "times": o.times,
                    "rows": o.rows,
                    "missing": o.missing,
                }
                for o in several
            }
            for case, several in outcomes.items()
        },
        indent=1,
    )
