"""Short ways that lanes take apart from each other become one, with selections of what they make.

If-conversion (Allen, Kennedy, Porterfield and Warren, "Conversion of control dependence to data
dependence", POPL 1983): where both ways from a divergent branch are short, compute only, and lead
to the same block, every lane computes both, and takes what is of its own way.
"""

from __future__ import annotations

from lanework.core.ops.expr import select, trace
from lanework.engines.lanes.program import (
    Arms,
    Block,
    Branch,
    Compute,
    Copy,
    Jump,
    LaneProgram,
    Operand,
    Step,
    makes,
    renamed,
)
from lanework.engines.lanes.shape import Shape, shape
from lanework.engines.lanes.webs import predecessors, split

MOST = 24
"""Primitives of both ways together: about what it costs to look which lanes go where, twice."""


def converted(program: LaneProgram) -> Shape:
    """What lanes have in common, with short ways made one."""
    known = shape(split(program))
    while _convert(known):
        known = shape(split(known.program))
    return known


def _convert(known: Shape) -> bool:
    """Make the ways from branches one where that is worth it; whether there are such."""
    program, news = known.program, False
    before = predecessors(program.blocks)
    for number, block in enumerate(program.blocks):
        end = block.end
        if not isinstance(end, Branch) or end.paid:
            continue
        if number not in known.masked and not any(map(known.varies, end.args)):
            continue
        arms = _arms(program, before, number, end)
        if arms is None:
            continue
        taken, other, join = arms
        _merge(known, block, end, (taken, other), join)
        news = True
        for each in {end.taken, end.other} - {join.to}:
            program.blocks[each] = Block([], Jump(join.to))
        before = predecessors(program.blocks)
    return news


def _arms(
    program: LaneProgram, before: list[list[int]], number: int, end: Branch
) -> tuple[Block, Block, Jump] | None:
    """Both ways from a branch, and where they lead to; None where they are not to be made one."""
    blocks = program.blocks
    if end.taken == end.other:
        return None
    simple = {each: _simple(blocks[each], before[each], number) for each in (end.taken, end.other)}
    joins = {blocks[each].end for each, right in simple.items() if right}
    nothing = Block([], Jump(0))
    if all(simple.values()) and len(joins) == 1:
        arms = blocks[end.taken], blocks[end.other]
    elif simple[end.taken] and joins == {Jump(end.other)}:
        arms = blocks[end.taken], nothing
    elif simple[end.other] and joins == {Jump(end.taken)}:
        arms = nothing, blocks[end.other]
    else:
        return None
    cost = sum(step.graph.cost for arm in arms for step in arm.steps if isinstance(step, Compute))
    join = joins.pop()
    assert isinstance(join, Jump)
    return (*arms, join) if cost <= MOST else None


def _simple(block: Block, before: list[int], number: int) -> bool:
    """Whether only the branch leads to a block, and it computes and goes on."""
    plain = all(isinstance(step, Compute | Copy) for step in block.steps)
    return before == [number] and plain and isinstance(block.end, Jump)


def _merge(known: Shape, block: Block, end: Branch, arms: tuple[Block, Block], join: Jump) -> None:
    """Let a block go both ways."""
    program = known.program

    def fresh() -> int:
        program.variables += 1
        return program.variables - 1

    test = fresh()
    steps: list[Step] = [*block.steps, Compute(test, end.graph, end.args)]
    names: list[dict[int, int]] = []
    for arm in arms:
        own: dict[int, int] = {}
        for step in arm.steps:
            took = dict(own)
            own |= {each: own.get(each, fresh()) for each in makes(step)}
            steps.append(renamed(step, took, own))
        names.append(own)
    taken, other = names
    for each in sorted({*taken, *other} & known.live[join.to]):
        args: tuple[Operand, ...] = (test, taken.get(each, each), other.get(each, each))
        steps.append(Compute(each, SELECT[program.dtype], args))
    counts = arms[0].counts, arms[1].counts
    if counts[0] or counts[1]:
        steps.append(Arms(test, *counts))
    block.steps, block.end = steps, join
    block.extra += min(each.total() for each in counts)


SELECT = {
    word: trace(lambda test, a, b: select(test.differs(0), a, b), (word, word, word))
    for word in ("i32", "i64")
}
