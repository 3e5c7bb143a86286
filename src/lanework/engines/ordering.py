"""In which order a walk takes its steps, so that few values wait in registers.

The steps that the next period hangs on stay in their order. All others, such as what sums, outputs
and kept values are made of, follow as soon as they can: the tape has them after the recurrences,
where each of their operands would have to wait, and registers are few.
"""

from __future__ import annotations

from collections.abc import Mapping

from lanework.engines.loops import READS, Shift, Stage, Step


def in_order(stage: Stage) -> list[Step]:
    """The steps of a walk in the order that keeps few values waiting."""
    reads = {step.target: _now(step) for step in stage.steps}
    first = _goes_on(stage, reads)
    if len(first) in (0, len(reads)):
        return stage.steps
    after: dict[
        int, int
    ] = {}  # value -> the place of the step after which it can be made, or its own
    for place, (value, rows) in enumerate(reads.items()):
        after[value] = (
            place if value in first else max([after.get(row, -1) for row in rows] or [-1])
        )
    turn: dict[int, int] = {}  # the place after which it is: when the first that reads it can be
    for value in reversed(reads):
        if value not in first:
            now = turn.setdefault(value, after[value])
            for row in reads[value]:
                turn[row] = min(turn.get(row, now), now)
    ranks = {v: 2 * after[v] if v in first else 2 * turn[v] + 1 for v in reads}
    return sorted(stage.steps, key=lambda step: ranks[step.target])


def _now(step: Step) -> tuple[int, ...]:
    """What a step reads of the same period."""
    return (step.fill,) if isinstance(step, Shift) else READS[type(step)](step)


def _goes_on(stage: Stage, reads: Mapping[int, tuple[int, ...]]) -> set[int]:
    """The values that the next period hangs on."""
    stack = [step.source for step in stage.steps if isinstance(step, Shift) and step.carried]
    reached: set[int] = set()
    while stack:
        value = stack.pop()
        if value in reads and value not in reached:
            reached.add(value)
            stack += reads[value]
    return reached
