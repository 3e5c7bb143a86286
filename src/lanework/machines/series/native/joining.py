"""What a nest need not do, which shows only when it is known how inputs are given.

A running sum of which only the last value is read is a sum: the value that goes on from period to
period is then kept once, not twice. And a value is multiplied by one so that it is taken to differ
between lanes (`derive.py`, for totals over lanes); where it does so by itself, it stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from lanework.core.ops.bodies.arithmetic import add, mul
from lanework.core.ops.bodies.logic import or_
from lanework.engines.loops import READS, Apply, Fold, LoopNest, Shift, Stage, Step
from lanework.machines.series.native.keeping import renamed


def join_steps(nest: LoopNest) -> None:
    """Leave out factors of one and what nobody reads, and make sums of running sums."""
    makers = {step.target: step for stage in nest.stages for step in stage.steps}
    same = _unchanged(nest, makers)
    if same:
        makers = {value: renamed(step, same) for value, step in makers.items() if value not in same}
        for stage in nest.stages:
            stage.steps = [makers[s.target] for s in stage.steps if s.target not in same]
        nest.stores = [replace(s, value=same.get(s.value, s.value)) for s in nest.stores]
    ends = any(type(step) is Fold and step.how == "last" for step in makers.values())
    if ends and nest.horizon is None:  # else a lane without periods has no last value, and a sum 0
        readers = Counter(store.value for store in nest.stores)
        readers.update(row for step in makers.values() for row in READS[type(step)](step))
        for stage in nest.stages:
            _make_sums(nest, stage, makers, readers)
    _leave_out_unread(nest)


def _leave_out_unread(nest: LoopNest) -> None:
    """Leave out the steps that nobody reads, but for those that may fault.

    These are lookups, horizons, and what alone reads a column that is tested.
    """
    makers = {step.target: step for stage in nest.stages for step in stage.steps}
    faults = [step.target for step in makers.values() if type(step) not in (Apply, Shift, Fold)]
    ends = [] if nest.horizon is None else [nest.horizon]
    read = _read_for([*faults, *ends, *(store.value for store in nest.stores)], makers)
    for step in makers.values():
        if (nest.checked & {*READS[type(step)](step)}) - read:
            read |= _read_for([step.target], makers)
    for stage in nest.stages:
        stage.steps = [step for step in stage.steps if step.target in read]


def _read_for(values: list[int], makers: Mapping[int, Step]) -> set[int]:
    """These values and all that they are made of."""
    read, todo = set(values), list(values)
    while todo:
        step = makers.get(todo.pop())
        more = set() if step is None else {*READS[type(step)](step)} - read
        read |= more
        todo += more
    return read


def _unchanged(nest: LoopNest, makers: Mapping[int, Step]) -> dict[int, int]:
    """Products with one, by the value that they are."""
    ones = {
        step.target
        for step in makers.values()
        if type(step) is Apply and step.op is or_ and any(map(nest.constants.get, step.args))
    }
    same: dict[int, int] = {}
    for step in makers.values():
        if type(step) is Apply and step.op is mul and step.args[1] in ones:
            value = same.get(step.args[0], step.args[0])
            alike = all((value in kind) == (step.target in kind) for kind in _kinds(nest))
            if value in makers and alike:
                same[step.target] = value
    return same


def _kinds(nest: LoopNest) -> tuple[set[int], set[int]]:
    return nest.varying, nest.timed


def _make_sums(
    nest: LoopNest, stage: Stage, makers: Mapping[int, Step], readers: Mapping[int, int]
) -> None:
    """Make sums of the running sums of a walk of which only the last is read."""
    here = {step.target for step in stage.steps}
    unread: set[int] = set()
    for number, step in enumerate(stage.steps):
        if type(step) is not Fold or step.how != "last" or step.source not in here:
            continue
        total = makers[step.source]
        if type(total) is not Apply or total.op is not add or readers[total.target] != 2:
            continue
        for before, part in (total.args, total.args[::-1]):
            if _runs(nest, makers.get(before), total.target, stage) and readers[before] == 1:
                unread |= {before, total.target}
                stage.steps[number] = Fold(step.target, part, "sum")
                break
    stage.steps = [step for step in stage.steps if step.target not in unread]


def _runs(nest: LoopNest, step: Step | None, total: int, stage: Stage) -> bool:
    """Whether a step brings a total from period to period, from 0."""
    return (
        type(step) is Shift
        and (step.source, step.lag, step.carried) == (total, stage.direction, True)
        and str(nest.constants.get(step.fill)) == "0.0"
    )
