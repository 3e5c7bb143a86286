"""Which variables are live where, and which uses of one are of values that have to do with another.

A register is used for one thing after another. Where a variable's values never meet, they become
variables of their own (webs, as in Chow and Hennessy, "The priority-based coloring approach to
register allocation", TOPLAS 12(4), 1990), so that what is known of one is not lost by another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from lanework.engines.lanes.program import (
    Block,
    Blocks4,
    Branch,
    Jump,
    LaneProgram,
    Refill,
    Stop,
    makes,
    renamed,
    uses,
)

Live = list[set[int]]


def live(program: LaneProgram) -> Live:
    """For every block the variables whose values at its beginning are of use."""
    blocks = program.blocks
    gains: Live = []
    kills: Live = []
    for block in blocks:
        gain: set[int] = set()
        kill: set[int] = set()
        for step in block.steps:
            gain |= set(uses(step)) - kill
            if isinstance(step, Refill):  # a lane that needs it not keeps what it has
                gain |= set(makes(step)) - kill
            else:
                kill |= set(makes(step))
        gain |= set(uses(block.end)) - kill
        if isinstance(block.end, Stop):
            gain |= set(program.outputs.values()) - kill
        gains.append(gain)
        kills.append(kill)
    out: Live = [set(gain) for gain in gains]
    before = predecessors(blocks)
    waiting = list(range(len(blocks)))
    while waiting:
        number = waiting.pop()
        for each in before[number]:
            more = (out[number] - kills[each]) - out[each]
            if more:
                out[each] |= more
                waiting.append(each)
    return out


def predecessors(blocks: list[Block]) -> list[list[int]]:
    """For every block those that lead to it."""
    out: list[list[int]] = [[] for _ in blocks]
    for number, block in enumerate(blocks):
        for each in set(block.next):
            out[each].append(number)
    return out


class _Sets:
    """Disjoint sets of values."""

    def __init__(self) -> None:
        self.parents: list[int] = []

    def new(self) -> int:
        self.parents.append(len(self.parents))
        return self.parents[-1]

    def find(self, value: int) -> int:
        while self.parents[value] != value:
            self.parents[value] = self.parents[self.parents[value]]
            value = self.parents[value]
        return value

    def join(self, one: int, other: int) -> None:
        self.parents[self.find(other)] = self.find(one)


def _fixed(blocks: Iterable[Block]) -> Iterator[int]:
    """Variables that stay one: those of steps that only some lanes need."""
    for block in blocks:
        for step in block.steps:
            if isinstance(step, Refill | Blocks4):
                yield from (*uses(step), *makes(step))


def split(program: LaneProgram) -> LaneProgram:
    """The same program with a variable for every web."""
    blocks, sets, lives = program.blocks, _Sets(), live(program)
    fixed = {variable: sets.new() for variable in sorted(set(_fixed(blocks)))}
    begins = [
        {each: fixed[each] if each in fixed else sets.new() for each in sorted(alive)}
        for alive in lives
    ]
    ends: dict[int, int] = {}
    walked = [_walk(block, begin, fixed, sets) for block, begin in zip(blocks, begins, strict=True)]
    for block, (_, values) in zip(blocks, walked, strict=True):
        for each in block.next:
            for variable, value in begins[each].items():
                sets.join(value, values[variable])
        if isinstance(block.end, Stop):
            for variable in program.outputs.values():
                sets.join(ends.setdefault(variable, values[variable]), values[variable])
    numbers: dict[int, int] = {}

    def number(value: int) -> int:
        return numbers.setdefault(sets.find(value), len(numbers))

    new = []
    for block, (took, _) in zip(blocks, walked, strict=True):
        steps = [
            renamed(step, _numbered(one, number), _numbered(two, number))
            for step, (one, two) in zip([*block.steps, block.end], took, strict=True)
        ]
        new.append(Block(steps[:-1], steps[-1], block.counts, block.extra))  # type: ignore[arg-type]
    inputs = {number(begins[0][v]): what for v, what in program.inputs.items() if v in begins[0]}
    outputs = {name: number(ends[v]) for name, v in program.outputs.items() if v in ends}
    return LaneProgram(new, len(numbers), inputs, outputs, program.dtype, program.same)


Took = list[tuple[dict[int, int], dict[int, int]]]


def _walk(
    block: Block, begin: dict[int, int], fixed: dict[int, int], sets: _Sets
) -> tuple[Took, dict[int, int]]:
    """For each step of a block the values that it takes and makes, and those in the end."""
    values, out = {**fixed, **begin}, []
    for step in (*block.steps, block.end):
        took = {each: values[each] for each in uses(step)}
        given = () if isinstance(step, Jump | Branch | Stop) else makes(step)
        new = {each: fixed[each] if each in fixed else sets.new() for each in given}
        values.update(new)
        out.append((took, new))
    return out, values


def _numbered(values: dict[int, int], number: Callable[[int], int]) -> dict[int, int]:
    return {variable: number(value) for variable, value in values.items()}
