"""How many VMs are a unit of work, and what of their code says how long they may take."""

from __future__ import annotations

from collections import Counter

from lanework.engines.lanes.program import Block, LaneProgram, Stop

LEAST, UNIT, SHARES, MANY = 128, 1024, 16, 1024
"""VMs of a unit of work, at least and at most, both whole vectors of any width; units at least, and
those above which units are larger, as each costs some turns of all threads at one counter."""
EVEN, SHORT = 128, 64
"""Those above which units are larger where VMs do no more than so many steps, all of them alike."""


def faults(block: Block) -> bool:
    """Whether a block ends with a fault."""
    return isinstance(block.end, Stop) and bool(block.end.fault)


def loops(program: LaneProgram) -> bool:
    """Whether a lane may come to a block twice."""
    before = Counter(each for block in program.blocks for each in block.next)
    ready = [n for n in range(len(program.blocks)) if not before[n]]
    for n in ready:
        for each in program.blocks[n].next:
            before[each] -= 1
            if not before[each]:
                ready.append(each)
    return len(ready) < len(program.blocks)


def unit(count: int, program: LaneProgram) -> int:
    """VMs of a unit of a launch of so many: threads are to have some units each.

    Where there are loops, those of one may take much longer than those of another. Short programs
    without any have larger ones: words are loaded sooner of what goes on where it was left.

    Example:
        >>> program = LaneProgram([Block()], 0, {})
        >>> unit(10, program), unit(4096, program), unit(1 << 20, program)
        (128, 256, 8192)
    """
    short = sum(len(block.steps) for block in program.blocks) <= SHORT and not loops(program)
    many = EVEN if short else MANY
    few, more = (-(-count // (units * LEAST)) * LEAST for units in (SHARES, many))
    return max(min(few, UNIT), more)
