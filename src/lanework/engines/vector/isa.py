"""The vector instructions' encoding, and the layout of all that native code shares with Python.

An instruction is eight 32-bit words: stencil and flags, target, three operands, three numbers.
Operands are values of a tape: each has a place in the frame, or is only ever in registers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

RECORD_WORDS = 8  # stencil | flags << 16, target, a, b, c, three numbers
NONE = 0xFFFFFFFF  # no operand; as the place of a value: none in the frame
REGISTERS = 32  # at most, that the patch loop hands out
OPERANDS = 3
TARGET = 3  # the place of the target among the operands of a stencil's fields


VARYING = 1 << 16  # beside the stencil: written for each of the blocks of lanes that run together
PLACE = 0xFFFF  # in the place of a stencil: the target is in the frame from the beginning


class Kind(enum.IntEnum):
    """What a piece of code is for."""

    ONCE = 0  # before the first block
    BLOCK = 1  # once a block
    FORWARD = 2  # in every period
    BACKWARD = 3  # in every period, from the last to the first
    FLAT = 4  # once a block, and goes on to the unit's next block by itself


class Word(enum.IntEnum):
    """Words at the beginning of a frame, by index; values follow at `FRAME_HEAD`."""

    LANE_END = 0  # the first lane after the unit
    STEPS = 1  # periods that the blocks have
    SAVED = 2  # where saved rows are
    TOTALS = 3  # where running totals are
    FAULT = 4  # the unit's fault flag
    ORDER = 5  # the lanes in the order in which they run
    CONSTANTS = 6  # the tape's constants


FRAME_HEAD = 64  # bytes, and the alignment of frames


class Descriptor(enum.IntEnum):
    """Words of a nest's descriptor, which the driver reads. Pieces and totals follow."""

    LANES = 0  # that pieces of code run at a time
    FRAME = 1  # bytes of a frame
    SAVED = 2  # bytes of saved rows, for a period
    CONSTANTS = 3  # the address of the constants
    ALL_LANES = 4  # 1 if all lanes have all periods
    CLEAR_TIMED = 5  # bytes of running totals, for a period
    CLEAR_FLAT = 6  # and without time
    TIMED = 7  # how many totals there are over time
    FLAT = 8  # and without
    PIECES = 9  # how many pieces there are
    FAULTS = 10  # where the address of fault flags is, in bytes of the slots
    FLAT_CODE = 11  # the code of a nest without walks and totals, which is all there is to a block
    # Pieces (address, kind); then for each total where its slot is, those over time first.
    ENTRIES = 12


class Job(enum.IntEnum):
    """Words of a job of the patch loop. Arrays of words are in the job itself, others behind
    addresses; an id is a value's number times the blocks, and the block.
    """

    RECORDS = 0
    PIECES = 1  # first record, record after the last, kind, and then where its code begins
    PIECE_COUNT = 2
    VALUES = 3  # u32 by value: the piece that makes it, and marks
    COUNT = 4  # of values
    BLOCKS = 5  # that run together
    TABLE = 6
    OUT = 7
    CAPACITY = 8  # bytes there
    HOME = 9  # u32 by id: its place in the frame
    WHERE = 10  # u8 by id: the register that it is in
    LAST = 11  # u32 by id: when it is used next
    USES = 12  # u32, four an instruction and block: when operands and target are used next
    SPARE = 13  # u32: places in the frame that are free again
    SPARE_COUNT = 14
    FRAME = 15  # bytes of the frame so far
    BYTES = 16  # of a value
    WIDTH = 17  # lanes of a value
    REGISTERS = 18
    OFFSET = 19  # where the next stencil goes
    LOOP = 20  # where the piece begins
    LOCK = 21  # registers that must be left alone, a bit each
    PINNED = 22  # registers that hold the same value in all of a loop
    NUMBERS = 23  # six words, by hole
    CHOSEN = 29  # four words: the registers of operands and target
    HELD = 33  # by register: the value that it holds
    NEXT = 65  # by register: when that is used next
    WORDS = 97


class Outcome(enum.IntEnum):
    """What the patch loop says."""

    DONE = 0
    TOO_SMALL = 1
    UNKNOWN = 2  # a value is used before it is made


# Numbers that are written into holes. `slot`: a value's place in the frame; `block`: the first
# lane of the block among those that run together; `reach`: lanes that run together.
HOLES = ("slot", "n1", "n2", "n3", "block", "reach")
NEXT, TARGET_HOLE, CONSTANT = "next", "target", "pool"
HOLE_KINDS = {name: number for number, name in enumerate((*HOLES, TARGET_HOLE, CONSTANT))}

# The numbers of stencils that the patch loop uses by itself; all tables begin with them.
LOAD, STORE, MOVE, NEXT_PERIOD, BACK_PERIOD, NEXT_BLOCK, DONE = range(7)
BASIC = ("load", "store", "move", "next_period", "back_period", "next_block", "done")


# A level's table: records of stencils, holes, register fields, constants, code.
RECORD, HOLE, FIELD = 24, 8, 8
EARLY = 1


class Section(enum.IntEnum):
    """Words of the header of a table of stencils: where each part begins."""

    RECORDS = 0  # code u32, holes u32, fields u32, bytes u16, holes u16, fields u16, flags u16
    HOLES = 1  # offset u16, relocation u8, kind u8, addend i32
    FIELDS = 2  # offset u16, operand u8, bit u8, mask u32
    CONSTANTS = 3
    CODE = 4
    SIZE = 5  # of the constants, in bytes


HEADER = 64
HOLE_NEXT = len(HOLE_KINDS)  # the distance to what follows


@dataclass(frozen=True)
class Level:
    """A level of processors.

    Attributes:
        name: as LLVM names it.
        width: f64 in a register.
        registers: the numbers of the machine registers that hold values.
        flags: the features that are asked for, as Linux names them.
        clean: whether the upper halves of registers must be cleared before other code runs.
    """

    name: str
    width: int
    registers: range
    flags: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Bytes of a value."""
        return 8 * self.width

    @property
    def prefix(self) -> str:
        """What registers of this width are called."""
        return {8: "zmm", 4: "ymm"}[self.width]


LEVELS = {
    level.name: level
    for level in (
        Level(
            "x86-64-v4",
            8,
            range(16),
            ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "bmi2", "fma"),
        ),
        Level("x86-64-v3", 4, range(8, 16), ("avx2", "bmi1", "bmi2", "fma", "movbe")),
    )
}
