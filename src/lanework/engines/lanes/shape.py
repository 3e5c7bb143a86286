"""What all lanes of a vector have in common: which blocks they run together, and which variables
have one value for all of them.

A branch whose test differs from lane to lane (a divergent one) lets them go apart until all ways
from it have come together again, which is at its immediate postdominator. Blocks on these ways
are run under a mask, all others without. A variable that such a block changes has a value for each
lane, and so has one that is computed of such; see Karrenberg and Hack, "Whole-function
vectorization" (CGO 2011). What is left is computed once for all lanes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lanework.engines.lanes.program import (
    Block,
    Branch,
    Fetch,
    LaneProgram,
    Refill,
    Step,
    Word,
    makes,
    operands,
)
from lanework.engines.lanes.webs import Live, live, predecessors


@dataclass
class Shape:
    """What is known of a program's lanes.

    Attributes:
        program: it.
        live: for every block the variables that are of use at its beginning.
        divergent: variables with a value for each lane.
        masked: blocks that some lanes run, and others not.
        joins: for each block the first that all ways from it lead through; None where lanes end.
        loops: the first block of each loop, and all of it; smaller ones first.
    """

    program: LaneProgram
    live: Live
    divergent: set[int] = field(default_factory=set)
    masked: set[int] = field(default_factory=set)
    joins: list[int | None] = field(default_factory=list)
    loops: list[tuple[int, set[int]]] = field(default_factory=list)

    def meet(self, block: int) -> int | None:
        """Where all lanes of a vector are together again after a block; None where they end."""
        join = self.joins[block]
        while join is not None and join in self.masked:
            join = self.joins[join]
        return join

    def varies(self, operand: int | Word) -> bool:
        """Whether an operand has a value for each lane."""
        return not isinstance(operand, Word) and operand in self.divergent


def shape(program: LaneProgram) -> Shape:
    """What lanes have in common."""
    out = Shape(program, live(program))
    out.joins, out.loops = postdominators(program), loops(program)
    out.divergent = {v for v, what in program.inputs.items() if what not in program.same}
    split: set[int] = set()
    while True:
        before = len(out.divergent), len(split)
        for number, block in enumerate(program.blocks):
            for step in block.steps:
                _spread(out, number, step)
            apart = number in out.masked or any(map(out.varies, operands(block.end)))
            if isinstance(block.end, Branch) and number not in split and apart:
                split.add(number)
                _apart(out, number)
        if before == (len(out.divergent), len(split)):
            break
    return out


def _spread(shape: Shape, number: int, step: Step) -> None:
    """Variables that a step gives each lane its own of."""
    own = number in shape.masked or any(map(shape.varies, operands(step)))
    if own or isinstance(step, Refill | Fetch):
        shape.divergent.update(makes(step))


def _apart(shape: Shape, number: int) -> None:
    """Blocks that lanes run apart from each other after a branch."""
    join = shape.joins[number]
    waiting = [each for each in shape.program.blocks[number].next if each != join]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        waiting += [after for after in shape.program.blocks[each].next if after != join]
    shape.masked |= seen


def loops(program: LaneProgram) -> list[tuple[int, set[int]]]:
    """Natural loops: what leads back to a block without leading through it, smaller ones first."""
    before = predecessors(program.blocks)
    bodies: dict[int, set[int]] = {}
    for number, block in enumerate(program.blocks):
        for head in block.next:
            if head <= number:
                body = bodies.setdefault(head, {head})
                waiting = [number]
                while waiting:
                    each = waiting.pop()
                    if each not in body:
                        body.add(each)
                        waiting += before[each]
    return sorted(bodies.items(), key=lambda item: len(item[1]))


def postdominators(program: LaneProgram) -> list[int | None]:
    """For every block the first that all ways from it lead through; None where there is none.

    Example:
        >>> from lanework.engines.lanes.program import Block, Jump, Stop
        >>> two = Block([], Branch(None, (), 1, 2))
        >>> blocks = [two, Block([], Jump(3)), Block([], Jump(3)), Block([], Stop())]
        >>> postdominators(LaneProgram(blocks, 0, {}))
        [3, 3, 3, None]
    """
    blocks, end = program.blocks, len(program.blocks)
    every = (1 << end + 1) - 1
    after = _ways(blocks)
    sets = [every] * end + [1 << end]
    before = predecessors(blocks)
    waiting = set(range(end))
    order = sorted(waiting, reverse=True)
    while waiting:
        for number in order:
            if number not in waiting:
                continue
            waiting.discard(number)
            new = every
            for each in after[number]:
                new &= sets[each]
            new |= 1 << number
            if new != sets[number]:
                sets[number] = new
                waiting.update(before[number])
    return [_nearest(sets, number, end) for number in range(end)]


def _ways(blocks: list[Block]) -> list[tuple[int, ...]]:
    """Where blocks lead; one of each loop that has no end leads to the end, too.

    Without that all blocks would be on each of its ways to the end, for there are none.
    """
    end, before = len(blocks), predecessors(blocks)
    after = [each.next or (end,) for each in blocks]
    ending: set[int] = set()
    while len(ending) < end:
        rest = [n for n in range(end) if n not in ending]
        waiting = [n for n in rest if end in after[n]] or [max(rest)]
        if end not in after[waiting[0]]:
            after[waiting[0]] += (end,)
        while waiting:
            each = waiting.pop()
            if each not in ending:
                ending.add(each)
                waiting += before[each]
    return after


def _nearest(sets: list[int], number: int, end: int) -> int | None:
    """Of the postdominators of a block the one that all others postdominate."""
    left = sets[number] & ~(1 << number)
    size = left.bit_count()
    while left:
        each = (left & -left).bit_length() - 1
        if each == end:
            if size == 1:
                return None
        elif sets[each].bit_count() == size:
            return each
        left &= left - 1
    return None
