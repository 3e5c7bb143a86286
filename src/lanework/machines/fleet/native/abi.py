"""What native code is told of launches, and what it counts: entries, columns, counters, units.

Those who run it need this, before there is any.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from lanework.engines.lanes.program import Block, LaneProgram, Stop
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.state import Words

ENTRY = tuple("kind count slot base stride stream size units first wait phase".split())
"""Words of an entry: the form, VMs, their places, VMIDs, the stream of random numbers, VMs of a
unit, units, the first ticket, tickets before the step, and the step's place among those that
run."""
EXECUTED, READS, WRITES, STALLED, MIXED, FAULTS, WAITING, LIMIT, FINAL, LATE = range(10)
NOTED, ROOM, CLASSES = range(10, 13)
COUNTS = CLASSES + len(Kernel)
"""Words of counters: instructions; accesses outside; numbers that were added to no effect, and
words of another kind than where they are put; VMs that faulted, and that wait; after how many turns
of loops, or instructions of a VM that may fault, to give up; 1 + the phase after which none begins,
as a VM faulted or gave up; whether one gave up; notes that VMs have taken, and for how many there
is room; and instructions by `Kernel`."""
COUNTED = {READS: "reads", WRITES: "writes", STALLED: "stalled", MIXED: "mixed"}
"""Those that are counted of accesses."""
MEMORY, ROWS, ENTRIES, AGES, EPOCHS, COUNTERS, SIGNALS, LATER, NOTES, PARTS = range(10)
"""Columns: shared memory, the state's rows, entries, ages of VMs that stopped, epochs of phases,
counters, the table for signals, what is done later (`LISTED` rows of VMs for each list), what
they do that who runs them is to know (`NOTE` rows), and from there on where memory would begin, by
each of its parts."""
SLOTS, KEY0, KEY1, FUEL = range(4, 8)
"""Dimensions behind those of a frame."""
LISTED = 4
"""Rows of a list of what is done later: index, operand, and lower and upper half of an age."""
NOTE = 5
"""Rows of notes: the VM's place, the instruction, an operand, and both halves of an age."""
BORN = ("vm_id", "element1", "global_id", "count", "stream", "generation", "status", "fault", "ip")
"""Rows of VMs that others start."""
UNITS = 256
"""Units between two calls of Python: a power of 2."""
DONE = 8
"""The shared word that counts units that are done."""
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


def moved(later: Words, begun: npt.NDArray[np.int64]) -> Words:
    """What VMs do later that began after some epochs: by the epoch, and no more by their age."""
    if later.size:
        low, high = later[2::LISTED], later[3::LISTED]
        ages = low + (high.astype(np.uint64) << 32) + begun.astype(np.uint64)
        low[:], high[:] = ages & 0xFFFFFFFF, ages >> 32
    return later
