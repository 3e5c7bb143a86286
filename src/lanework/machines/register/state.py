"""The state of a register program: one block of words that every engine reads and writes.

Registers, fuel, where memory is, where the program stopped and why: all of it lies in one array
whose layout is a contract with compiled code. So an engine can stop anywhere between two
instructions and another can go on from there.
"""

from __future__ import annotations

import enum
from ctypes import addressof, c_uint64

import numpy as np
import numpy.typing as npt

from lanework.machines.register.isa import LINK, STACK
from lanework.machines.register.layout import RegisterView

# Words of the state after the 32 registers.
DISCARD = 32  # where results for r31 go
FUEL, MEMORY, SIZE = 33, 34, 35
PC, STATUS = 36, 37
FAILED = 38  # what a native external function returned that was not 0
SEED, LANE, COUNTER = 39, 40, 41
EXTERNALS, EXTERNAL_COUNT = 42, 43
MAP, MAP_COUNT, CODE, HELPERS = 44, 45, 46, 47
LAST = 48  # the last addresses at which 1, 2, 4 and 8 bytes may be
WORDS = 64
MASK = (1 << 64) - 1
NO_LIMIT = (1 << 62) - 1


class Status(enum.IntEnum):
    """Why a program stopped."""

    RUNNING = 0
    HALT = 1
    FUEL = 2
    MEMORY = 3
    DIVIDE = 4
    JUMP = 5
    TRAP = 6
    ALIGN = 7
    EXTERNAL = 8
    YIELD = 9


class RegisterBank:
    """Registers and memory of one run.

    Attributes:
        words: the state, 64 words; the first 32 are the registers.
        memory: the program's bytes.
        failure: what an external function of Python's raised, if that stopped the run.
    """

    def __init__(self, view: RegisterView, seed: int = 0, memory: int | None = None) -> None:
        self._block = (c_uint64 * WORDS)()
        self.address = addressof(self._block)
        self.words = memoryview(self._block).cast("B").cast("Q")
        self._view = view
        size = memory or view.memory  # and 8 bytes, so that a word may be read anywhere
        self.array: npt.NDArray[np.uint8] = np.zeros(size + 8, np.uint8)[:size]
        self.memory = self.array.data
        self.failure: BaseException | None = None
        self.reset(seed)

    def reset(self, seed: int = 0, lane: int = 0) -> None:
        """Begin anew: registers and memory zero but for data, link, stack and entry."""
        words, data = self.words, self._view.data
        for n in range(DISCARD + 1):
            words[n] = 0
        self.array[:] = 0
        self.memory[: len(data)] = data
        words[LINK] = self._view.addresses[-1]  # a return from the outermost level ends
        words[STACK] = len(self.array)
        words[FUEL] = NO_LIMIT
        words[MEMORY] = self.array.ctypes.data
        words[SIZE] = len(self.array)
        for n in range(4):
            words[LAST + n] = len(self.array) - (1 << n)
        words[PC] = self._view.entry
        words[STATUS] = Status.RUNNING
        words[FAILED], self.failure = 0, None
        words[SEED], words[LANE], words[COUNTER] = seed & MASK, lane, 0

    @property
    def fuel(self) -> int:
        """Back edges and calls left; below 0 where the last one was one too many."""
        value = self.words[FUEL]
        return value - (1 << 64) if value >> 63 else value

    @property
    def status(self) -> Status:
        """Why it stopped."""
        return Status(self.words[STATUS])
