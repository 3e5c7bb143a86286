"""What a walk over time keeps for a later one, and what the later one computes again.

A walk backwards needs, period by period, what the walk forwards had. To keep a value costs a store,
a load and memory that is near, of which there is little; to compute it again from others that are
kept often takes one operation. The cheapest choice is a closure of greatest profit: a value that is
computed again saves what keeping it costs, and asks for its operands, each of which must be kept
or computed again too (J.-C. Picard, "Maximal closure of a graph and applications to combinatorial
problems", Management Science 22(11), 1976). It is the cheap side of a minimum cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lanework.core.ops.prims import Prim
from lanework.engines.loops import (
    READS,
    Apply,
    Ends,
    Fold,
    Interpolate,
    Lookup,
    LoopNest,
    Shift,
    Step,
)

KEPT = 3  # primitives that keeping a value costs: measured, with what is kept in L2
MOST = 1500  # steps; in larger nests looking for the cheapest choice takes too long
_SLOW = {Prim.DIV, Prim.SQRT}  # primitives that take as long as many others

OPERANDS: dict[type[Step], tuple[str, ...]] = {
    Apply: ("args",),
    Shift: ("source", "fill"),
    Lookup: ("keys",),
    Interpolate: ("key",),
    Ends: ("source",),
    Fold: ("source",),
}
"""The fields in which a step names what it reads."""


def settle_kept(nest: LoopNest, first: int) -> None:
    """Choose what walks keep, and let them compute again what is cheaper so.

    Args:
        nest: it has its stages and stores; its `saved` is filled in.
        first: the first number that no value has.
    """
    home = {
        step.target: number
        for number, stage in enumerate(nest.stages)
        if stage.direction
        for step in stage.steps
        if not isinstance(step, Fold)
    }
    wanted, bound = _crossing(nest, home)
    if wanted and nest.size <= MOST:
        cheap = {step.target: step for step in _applied(nest) if _is_cheap(step)}
        again = _Closure(cheap, home, wanted, bound).choose()
        _compute_again(nest, home, cheap, again, first)
        _drop_unused(nest)
        wanted, bound = _crossing(nest, home)
    nest.saved = {row: place for place, row in enumerate(dict.fromkeys([*bound, *wanted]))}


def _applied(nest: LoopNest) -> Iterator[Apply]:
    """The ops of all walks."""
    for stage in nest.stages:
        if stage.direction:
            yield from (step for step in stage.steps if isinstance(step, Apply))


def _is_cheap(step: Apply) -> bool:
    graph = step.op.graph("f64")
    return graph.cost < KEPT and not any(value.prim in _SLOW for value in graph.values)


def _crossing(nest: LoopNest, home: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """The values that a walk has of an earlier one: for the same period, and for another."""
    wanted: dict[int, None] = {}
    bound: dict[int, None] = {}
    for number, stage in enumerate(nest.stages):
        for step in stage.steps:
            for row in READS[type(step)](step):
                if isinstance(step, Shift) and row == step.source and not step.carried:
                    if row in home:
                        bound[row] = None
                elif home.get(row, number) != number:
                    wanted[row] = None
    return [*wanted], [*bound]


class _Closure:
    """Which values to compute again.

    Args:
        cheap: the steps that may be done again, by target.
        home: the stages in which values are computed.
        wanted: the values that cross from walk to walk.
        bound: those of other periods, which are kept whatever happens.
    """

    def __init__(
        self,
        cheap: Mapping[int, Apply],
        home: Mapping[int, int],
        wanted: Collection[int],
        bound: Collection[int],
    ) -> None:
        self.saves: dict[int, int] = {}  # value -> what is saved if it is computed again
        self.asks: dict[int, list[int]] = {}  # value -> what must be there for that
        self.costs: dict[int, int] = {}  # value -> what it costs to have it there
        self.flow: dict[int, dict[int, int]] = {}  # asked -> asking -> how much it pays
        free, seen = {*wanted, *bound}, set(bound)
        stack = list(wanted)
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen.add(value)
            if value not in cheap:
                continue
            step = cheap[value]
            operands = [arg for arg in dict.fromkeys(step.args) if arg in home]
            stack += operands
            self.saves[value] = KEPT - step.op.graph("f64").cost
            self.asks[value] = [each for each in (*operands, value) if each not in free]
        for asked in self.asks.values():
            self.costs.update(dict.fromkeys(asked, KEPT))
        self.flow = {value: {} for value in self.costs}

    def choose(self) -> set[int]:
        """The values of the closure."""
        chosen: set[int] = set()
        for value in self.saves:
            while self.saves[value]:
                if (reached := self._pay(value)) is not None:
                    chosen |= reached
                    break
        return chosen

    def _pay(self, value: int) -> set[int] | None:
        """Let what a value saves pay for what is asked; where all is paid, what it reaches."""
        by: dict[int, int] = {}  # asked -> asking
        back: dict[int, int] = {value: -1}  # asking -> the asked that it pays for now
        queue = [value]
        for asking in queue:
            for asked in self.asks[asking]:
                if asked in by:
                    continue
                by[asked] = asking
                if self.costs[asked]:
                    self._move(asked, by, back)
                    return None
                for other, pays in self.flow[asked].items():
                    if pays and other not in back:
                        back[other] = asked
                        queue.append(other)
        return {*queue}

    def _move(self, asked: int, by: Mapping[int, int], back: Mapping[int, int]) -> None:
        """Pay for what is asked, along the way to it."""
        way, last = [], asked
        while last >= 0:
            asking = by[last]
            way.append((last, asking))
            last = back[asking]
        value = way[-1][1]
        turned = [self.flow[back[asking]][asking] for _, asking in way[:-1]]
        amount = min(self.saves[value], self.costs[asked], *turned)
        self.saves[value] -= amount
        self.costs[asked] -= amount
        for place, asking in way:
            self.flow[place][asking] = self.flow[place].get(asking, 0) + amount
            if back[asking] >= 0:
                self.flow[back[asking]][asking] -= amount


def _compute_again(
    nest: LoopNest,
    home: Mapping[int, int],
    cheap: Mapping[int, Apply],
    again: Collection[int],
    first: int,
) -> None:
    """Put copies of these steps before those that read them in another walk."""
    order = {value: place for place, value in enumerate(home)}
    for number, stage in enumerate(nest.stages):
        copies: dict[int, int] = {}
        steps: list[Step] = []
        for step in stage.steps if stage.direction else ():
            cone: set[int] = set()
            stack = [*READS[type(step)](step)]
            while stack:
                value = stack.pop()
                if value in cone or value in copies or value not in again:
                    continue
                if home[value] != number:
                    cone.add(value)
                    stack += cheap[value].args
            for value in sorted(cone, key=order.__getitem__):
                copies[value] = first
                steps.append(renamed(replace(cheap[value], target=first), copies))
                for kind in (nest.timed, nest.varying):
                    if value in kind:
                        kind.add(first)
                first += 1
            steps.append(renamed(step, copies))
        stage.steps = steps if stage.direction else stage.steps


def renamed(step: Step, names: Mapping[int, int]) -> Step:
    """The step, reading other values."""
    if names.keys().isdisjoint(READS[type(step)](step)):
        return step
    fields: dict[str, Any] = {}
    for name in OPERANDS[type(step)]:
        value = getattr(step, name)
        several = isinstance(value, tuple)
        fields[name] = tuple(names.get(v, v) for v in value) if several else names.get(value, value)
    return replace(step, **fields)


def _drop_unused(nest: LoopNest) -> None:
    """Leave out what nothing reads any more."""
    readers = dict.fromkeys((store.value for store in nest.stores), 1)
    for stage in nest.stages:
        for step in stage.steps:
            for row in READS[type(step)](step):
                readers[row] = readers.get(row, 0) + 1
    makers = {step.target: step for step in _applied(nest)}
    unused = [value for value in makers if value not in readers and value != nest.horizon]
    for value in unused:
        for row in makers[value].args:
            readers[row] -= 1
            if not readers[row] and row in makers:
                unused.append(row)
    left_out = set(unused)
    for stage in nest.stages:
        stage.steps = [step for step in stage.steps if step.target not in left_out]
