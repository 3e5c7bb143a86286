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
    place = {value: number for number, value in enumerate(reads)}
    first = _goes_on(stage, reads)
    known = {value: place[value] for value in first}  # after which step a value can be made
    for value, rows in reads.items():
        if value not in first:
            known[value] = max((known.get(row, -1) for row in rows), default=-1)
    turn: dict[int, int] = {}  # after which it is: that is when the first that reads it can be
    for value in reversed(reads):
        if value not in first:
            turn.setdefault(value, known[value])
            for row in reads[value]:
                turn[row] = min(turn.get(row, turn[value]), turn[value])
    return sorted(
        stage.steps,
        key=lambda step: (
            (place[step.target], 0) if step.target in first else (turn[step.target], 1)
        ),
    )


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
