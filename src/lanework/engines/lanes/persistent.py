"""Lanes that have ended begin anew, so that they do not wait for those that go on for long.

Persistent threads (Aila and Laine, "Understanding the efficiency of ray traversal on GPUs", HPG
2009): a lane takes the next number of a unit of work, and does with it what else a lane of its own
would. Where lanes go round a loop unequally often, those that have left it go for new numbers as
soon as they are more than those that are left.
"""

from __future__ import annotations

from dataclasses import replace

from lanework.core.ops.expr import trace
from lanework.engines.lanes.program import (
    Block,
    Branch,
    Compute,
    Copy,
    Fetch,
    Jump,
    LaneProgram,
    Later,
    Load,
    Note,
    Refill,
    Step,
    Stop,
    Store,
    Word,
    renumbered,
)
from lanework.engines.lanes.shape import Shape
from lanework.engines.lanes.webs import live

ONCE = 4
"""How many times more there may be outside loops than in those that lanes leave one by one."""
MANY, SOME = 6, 4
"""Lanes of eight that are to be in a loop: where there is less outside of it, and where more."""
UNIFORM = ("slot", "base", "stride", "last")
"""Inputs that numbers are made with: what is added for `global_id`; `vm_id` of the first, and how
far they are apart; the first number that is not of the unit."""
LESS = trace(lambda a, b: a < b, ("i32", "i32"))
SUM = trace(lambda a, b: a + b, ("i32", "i32"))
SCALED = trace(lambda n, stride, base: n * stride + base, ("i32", "i32", "i32"))
BEFORE = 3
"""Blocks before the program's own."""


def suited(shape: Shape) -> bool:
    """Whether lanes leave loops one by one in which most is done, and nothing is to be kept."""
    program = shape.program
    apart = [body for head, body in shape.loops if head in shape.masked]
    if program.outputs or not apart:
        return False
    inside = set[int]().union(*apart)
    for number, block in enumerate(program.blocks):
        if isinstance(block.end, Stop) and (block.end.fault or not block.end.quiet):
            return False
        for step in block.steps:
            if isinstance(step, Later | Note) or (number in inside and getattr(step, "row", False)):
                return False
    return _ratio(shape) <= ONCE


def _ratio(shape: Shape) -> float:
    """How many instructions there are outside loops for each in those that lanes leave apart."""
    inside = set[int]().union(*(body for head, body in shape.loops if head in shape.masked))
    work = [0, 0]
    for number, block in enumerate(shape.program.blocks):
        work[number in inside] += block.length
    return work[0] / max(work[1], 1)


def persistent(program: LaneProgram, shape: Shape) -> LaneProgram:
    """The same for lanes that begin anew.

    Args:
        program: its inputs are `vm_id`, `global_id`, and what all lanes have in common.
        shape: what its lanes have in common.
    """
    least = MANY if _ratio(shape) <= 1 else SOME
    number, *more = range(program.variables, program.variables + 1 + len(UNIFORM))
    slot, base, stride, last = more
    own = {"global_id": (SUM, (number, slot)), "vm_id": (SCALED, (number, stride, base))}
    inputs = {v: what for v, what in program.inputs.items() if what not in own}
    begin: list[Step] = [Copy(v, Word(0)) for v in sorted(live(program)[0] - set(program.inputs))]
    for v, what in program.inputs.items():
        if what in own:
            begin.append(Compute(v, *own[what]))
    blocks = [
        Block([], Jump(1)),
        Block(
            [Fetch(number, least)], Branch(LESS, (number, last), 2, BEFORE + len(program.blocks))
        ),
        Block(begin, Jump(BEFORE)),
    ]
    for block in program.blocks:
        end = Jump(1) if isinstance(block.end, Stop) else renumbered(block.end, BEFORE)
        steps = [_apart(step) for step in block.steps]
        blocks.append(replace(block, steps=steps, end=end))
    blocks.append(Block([], Stop()))
    inputs |= dict(zip(more, UNIFORM, strict=True))
    same = program.same | set(UNIFORM)
    return replace(
        program, blocks=blocks, variables=program.variables + 5, inputs=inputs, same=same
    )


def _apart(step: Step) -> Step:
    """A step of lanes whose numbers are not in a row."""
    if isinstance(step, Load | Store):
        return replace(step, row=False)
    if isinstance(step, Refill):
        return replace(step, steps=tuple(map(_apart, step.steps)))
    return step
