"""Fleets by class of instruction: millions of VM-instructions a second, and what a launch costs.

Each class has a loop of its instructions, with linear ones between where what they read or draw has
to go somewhere. Every engine first gives what the reference does, to the bit, after a few turns;
then the loop goes round as often as takes a tenth of a second, and the best of three runs counts,
by the engine's own clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lanework.base.errors import LaneworkError
from lanework.core.program.program import Program
from lanework.machines.fleet import assemble
from lanework.machines.fleet.runner import Runner

SIZES = (1, 64, 1_000, 100_000, 1_000_000)
SECONDS = 0.1
MOST = 2_000_000  # turns, and words beyond those of VMs
STEPS = 10_000

TEXT = """
.machine fleet
.state S32
.const VMS {vms}
.buffer turns, 0, 1, in
{buffer}
.buffer words, 64, {words}, inout
.buffer values, auto, VMS, out
.routine main
    SETI r0, turns
    READ r0, r0
    VMID r6
    ADDI r7, r6, words
    SETI r2, 1
    {before}
again:
    {body}
    SUBI r0, r0, 1
    BRANCH_GT r0, again
    ADDI r6, r6, values
    WRITE r6, r2
    HALT
.routine next
    ADDI r2, r2, 1
    RETURN
.phase wait_all
    .launch main, VMS
"""

LAUNCH = """
.machine fleet
.const VMS {vms}
.buffer words, 0, VMS, inout
.routine main
    VMID r0
    READ r1, r0
    ADDI r1, r1, 1
    WRITE r0, r1
    HALT
.repeat {steps}
.phase wait_all
    .launch main, VMS
.end
"""


@dataclass(frozen=True)
class Class:
    """Instructions of a class.

    Attributes:
        name: what the table calls it.
        body: the loop's.
        before: what comes before the loop.
        words: those of shared memory for each VM, at least.
        chain: whether words lead from one to another.
        buffer: one more of shared memory.
    """

    name: str
    body: str
    before: str = ""
    words: int = 1
    chain: bool = False
    buffer: str = ""


CLASSES = (
    Class("linear", "ADD r2, r2, r6\n SCALE r2, r2, 0.5\n" * 4),
    Class(
        "oracle",
        "MUL r2, r2, r3\n MAX r2, r2, r3\n ABS r2, r2\n SQRT r2, r2\n"
        " MULI r2, r2, 3\n MIN r2, r2, r6\n FLOOR r4, r2\n DIV r2, r2, r3",
        "SETI r3, 1.5",
    ),
    Class("oracle: SIN, EXP, LOG, COS", "SIN r2, r2\n EXP r2, r2\n LOG r3, r2\n COS r2, r3\n" * 2),
    Class(
        "READ, neighbours (1 of 3)",
        "ADD r1, r0, r7\n" + "READ r3, r1\n ADD r2, r2, r3\n ADDI r1, r1, VMS\n" * 4,
        words=5,
    ),
    Class(
        "READ, scattered (1 of 2)",
        "READ r1, r1\n ADDI r1, r1, words\n" * 4,
        "MOV r1, r7",
        words=2,
        chain=True,
    ),
    Class(
        "WRITE, neighbours (1 of 2)",
        "".join(f"WRITE r{n}, r1\n ADD r1, r1, r2\n" for n in (7, 5, 4, 3)),
        "CLEAR r1\n ADDI r5, r7, VMS\n ADDI r4, r5, VMS\n ADDI r3, r4, VMS",
        words=4,
    ),
    Class("RAND (1 of 2)", "RAND r1\n ADD r2, r2, r1\n" * 4),
    Class("ATOMIC, a word each", "ATOMIC_ADD r3, r7, r6\n" * 8),
    Class(
        "ATOMIC, one word",
        "ATOMIC_IADD r3, r1, r4\n" * 8,
        "SETI r1, count\n ISETI r4, 1",
        buffer=".buffer count, 1, 1, inout, u32",
    ),
    Class("CALL and RETURN (2 of 3)", "CALL next\n" * 4),
)


def program(one: Class, vms: int) -> tuple[Program[Runner], dict[str, Any]]:
    """The loop of a class for so many VMs, and the words that it begins with."""
    words = one.words * vms + MOST
    if one.chain:
        words = 1 << (one.words * vms + 64).bit_length()
    parts = {"before": one.before, "body": one.body, "buffer": one.buffer}
    text = TEXT.format(vms=vms, words=words, **parts)
    begin = np.zeros(words, np.float32)
    if one.chain:  # a way through all of them, as of a generator of random numbers
        begin[:] = (np.arange(words) * 5 + 12_347) % words
    return assemble(text, one.name), {"words": begin}


def rate(one: Class, vms: int, engine: str) -> float:
    """VM-instructions a second.

    Raises:
        LaneworkError: the engine cannot run.
        AssertionError: it does not do what the reference does.
    """
    fleet, given = program(one, vms)
    with fleet.bind(engine, seed=1) as runner:
        if engine != "reference":
            with fleet.bind("reference", seed=1) as checker:
                expected = checker(turns=[3], **given)["shared"]
            np.testing.assert_array_equal(runner(turns=[3], **given)["shared"], expected)
        turns, seconds = 1, 0.0
        while True:
            seconds = runner(turns=[turns], **given).stats["run_seconds"]
            if seconds >= SECONDS or turns == MOST:
                break
            turns = min(MOST, turns * max(2, min(16, int(SECONDS / seconds))))
        best = 0.0
        for _ in range(3):
            stats = runner(turns=[turns], **given).stats
            best = max(best, stats["instructions"] / stats["run_seconds"])
        return best


def launch(vms: int, engine: str, steps: int) -> float:
    """Seconds of a step of a schedule whose phases launch so many VMs each."""
    with assemble(LAUNCH.format(vms=vms, steps=steps), "launch").bind(engine) as runner:
        times = []
        for _ in range(3):
            result = runner()
            assert (result["words"] == steps).all()
            times.append(float(result.stats["run_seconds"]))
        return min(times) / steps


def table(sizes: Sequence[int] = SIZES, engines: Sequence[str] = Runner.ENGINES) -> str:
    """All classes, sizes and engines; and the launches."""
    return "\n".join([*_rates(sizes, engines), "", *_launches(engines)])


def _rates(sizes: Sequence[int], engines: Sequence[str]) -> Iterator[str]:
    yield f"| millions a second | VMs | {' | '.join(engines)} |"
    yield "| --- | ---: |" + " ---: |" * len(engines)
    for one in CLASSES:
        for vms in sizes:
            cells = [_cell(one, vms, engine) for engine in engines]
            yield f"| {one.name} | {vms:,} | {' | '.join(cells)} |"


def _cell(one: Class, vms: int, engine: str) -> str:
    try:
        return _shown(rate(one, vms, engine) / 1e6)
    except LaneworkError as problem:
        print(f"{one.name}, {vms:,} VMs, {engine}: {problem.sentence}", flush=True)
        return "-"


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _launches(engines: Sequence[str]) -> Iterator[str]:
    yield f"| microseconds a step, {STEPS:,} steps | {' | '.join(engines)} |"
    yield "| --- |" + " ---: |" * len(engines)
    for vms in (1, 64, 1_000):
        cells = []
        for engine in engines:
            steps = STEPS if engine != "epoch" else STEPS // 20
            try:
                cells.append(f"{launch(vms, engine, steps) * 1e6:,.2f}")
            except LaneworkError as problem:
                print(f"launches of {vms}, {engine}: {problem.sentence}", flush=True)
                cells.append("-")
        yield f"| {vms:,} VMs | {' | '.join(cells)} |"
