"""Register programs on their engines: each goes on from where the state stands.

An executor has the program's code, which is given back with the last who holds it: a runner, a
function, or a thread that runs it.
"""

from __future__ import annotations

import itertools
import time
from ctypes import c_void_p
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.engines.codes import MISSING_STENCIL
from lanework.engines.stencil import arena
from lanework.machines.register.binding import ExternalTable, Words
from lanework.machines.register.codes import TOO_LARGE
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native import patcher
from lanework.machines.register.native.loader import SETS, native
from lanework.machines.register.reference.interpret import Interpreter
from lanework.machines.register.state import (
    CODE,
    EXTERNAL_COUNT,
    EXTERNALS,
    HELPERS,
    MAP,
    MAP_COUNT,
    PC,
    STATUS,
    RegisterBank,
    Status,
)

MOST_CODE = 64 * 1024  # bytes for a function: larger ones are refused
PER_WORD = 12  # bytes of code that a word of the tape takes on average, to begin with


class Executor(Protocol):
    """What an engine offers the runner."""

    seconds: float

    def run(self, bank: RegisterBank) -> Status:
        """Go on from the bank's pc until something stops the program."""


class ReferenceExecutor:
    """Plain Python, instruction by instruction."""

    def __init__(self, view: RegisterView, table: ExternalTable) -> None:
        start = time.perf_counter()
        self.interpreter = Interpreter(view, table)
        self.seconds = time.perf_counter() - start

    def run(self, bank: RegisterBank) -> Status:
        """Step."""
        return self.interpreter.run(bank)


class NativeExecutor:
    """The interpreter that was compiled when the package was built."""

    def __init__(self, view: RegisterView, tape: bytes, table: ExternalTable) -> None:
        start = time.perf_counter()
        self.helpers = native()
        self.view, self.table = view, table
        self.tape = np.frombuffer(tape + bytes(8), np.uint8)
        self.size = len(tape)
        self.map = np.full(len(tape) // 4 + 1, patcher.ABSENT, np.uint32)
        self.map[np.array(view.addresses) // 4] = 0
        self._call = self.helpers.interpret
        self._arguments = (int(self.tape.ctypes.data), self.size)
        self._map = int(self.map.ctypes.data)
        self.seconds = time.perf_counter() - start

    def run(self, bank: RegisterBank) -> Status:
        """Go on until something stops the program; serve its calls of Python functions."""
        words = bank.words
        self.point(words)
        while True:
            self._once(bank)
            if words[STATUS] != Status.EXTERNAL:
                return bank.status
            number = self.view.index[words[PC]]
            called = self.view.instructions[number].operands[0]
            if not self.table.serve(called, bank):
                return Status.EXTERNAL
            words[PC] = self.view.addresses[number + 1]

    def _once(self, bank: RegisterBank) -> None:
        self._call(bank.address, *self._arguments)

    def entry(self, bank: RegisterBank) -> tuple[int, int, int]:
        """The native function that runs a state, and its arguments after the state."""
        return self.helpers.addresses["interpret"], *self._arguments

    def point(self, words: memoryview) -> None:
        """Tell the state where tables are."""
        words[MAP], words[MAP_COUNT] = self._map, self.size
        words[EXTERNALS], words[EXTERNAL_COUNT] = self.table.address, self.table.count


class StencilExecutor(NativeExecutor):
    """Machine code, copied and patched."""

    def __init__(
        self,
        view: RegisterView,
        tape: bytes,
        table: ExternalTable,
        stencils: str = "pinned",
        pool: arena.Pool | None = None,
    ) -> None:
        super().__init__(view, tape, table)
        start = time.perf_counter()
        self.buffer, self.length = patch(self.helpers, self.tape, self.size, self.map, stencils,
                                         pool or arena.code_pool())  # fmt: skip
        self.seconds = time.perf_counter() - start
        self._check_functions(view)
        self._set = stencils
        self._enter = self.helpers.enter[stencils]
        self._code = self.buffer.run
        self._helpers = int(self.helpers.helpers.ctypes.data)
        self._offsets = self.map.tolist()

    def _check_functions(self, view: RegisterView) -> None:
        """Refuse a function of more than 64 KiB; functions begin where calls lead."""
        if self.length <= MOST_CODE:
            return
        starts = {view.target(n) for n, info in enumerate(view.infos) if info.name == "call"}
        offsets = sorted(int(self.map[start // 4]) for start in {0, view.entry, *starts})
        longest = max(b - a for a, b in itertools.pairwise([*offsets, int(self.map[-1])]))
        if longest > MOST_CODE:
            raise Diagnostic(
                TOO_LARGE,
                f"a function takes {longest:,} bytes of code, more than {MOST_CODE // 1024} KiB",
                help="make functions of its parts, or bind it to the engine llvm or native",
            )

    def entry(self, bank: RegisterBank) -> tuple[int, int, int]:
        """The entry stub, and the code where the program begins."""
        code = self._code + self._offsets[bank.words[PC] >> 2]
        return self.helpers.addresses[f"enter_{SETS[self._set]}"], code, 0

    def point(self, words: memoryview) -> None:
        """Tell the state where tables, code and helpers are."""
        super().point(words)
        words[CODE], words[HELPERS] = self._code, self._helpers

    def _once(self, bank: RegisterBank) -> None:
        self._enter(bank.address, self._code + self._offsets[bank.words[PC] >> 2], 0)


def patch(
    helpers: Any,
    tape: npt.NDArray[np.uint8],
    size: int,
    offsets: npt.NDArray[np.uint32],
    stencils: str,
    pool: arena.Pool,
) -> tuple[arena.Buffer, int]:
    """Make code of a tape.

    Args:
        helpers: what `native` gives.
        tape: the tape's bytes, and 8 more.
        size: bytes of the tape.
        offsets: uint32, one a word and one for the end; filled with where each instruction is.
        stencils: the set, `pinned` or `memory`.
        pool: where the code goes.

    Returns:
        The buffer, and how many of its bytes are used.

    Raises:
        Diagnostic: LW2103 where a stencil is missing, LW2101 where there is no memory.
    """
    job, _scratch = patch_job(helpers, tape, size, offsets, stencils)
    address = c_void_p(job.ctypes.data)
    count = -(-(len(offsets) * PER_WORD + 2 * patcher.RESERVE) // pool.size)
    while True:
        buffer = pool.acquire(count)
        job[patcher.OUT], job[patcher.CAPACITY] = buffer.write, buffer.size
        with buffer.mapping.writable():
            status = helpers.patch(address, 0, 0)
        if status == patcher.DONE:
            length = int(job[patcher.LENGTH])
            arena.flush(buffer.run, length)
            return buffer, length
        buffer.release()
        if status == patcher.MISSING:
            raise Diagnostic(MISSING_STENCIL, "an instruction has no stencil on this machine")
        count *= 2


def patch_job(
    helpers: Any,
    tape: npt.NDArray[np.uint8],
    size: int,
    offsets: npt.NDArray[np.uint32],
    stencils: str,
) -> tuple[Words, npt.NDArray[np.uint8]]:
    """A job without its output, and the scratch memory that it points to; arguments as `patch`."""
    half = len(offsets) * patcher.PER_WORD
    scratch = np.empty(2 * half, np.uint8)
    base = int(scratch.ctypes.data)
    job = np.array(
        [tape.ctypes.data, size, helpers.tables[stencils].ctypes.data, 0, 0, offsets.ctypes.data,
         base, base + half, *([0] * 8)],
        np.uint64,
    )  # fmt: skip
    return job, scratch
