"""Lane after lane in native code: inputs from columns, outputs to columns.

For each lane the state is set back, the inputs are put into their registers, the program is
entered, and the outputs are taken. The first lane that does not come to its end stops the loop, so
that Python can say why, or give it more fuel, and go on after it.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from ctypes import c_void_p
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lanework.engines.llvm.nativetext import Function
from lanework.machines.register.state import FUEL, LANE, STATUS, WORDS, RegisterBank, Status

if TYPE_CHECKING:
    from lanework.machines.register.native.execute import NativeExecutor

# Words of a job.
STATE, FRESH, ENTER, FIRST_ARG, SECOND_ARG, NEXT, END = range(7)
INPUTS, INPUT_COUNT, OUTPUTS, OUTPUT_COUNT = range(7, 11)
MEMORY, SIZE, DATA, DATA_SIZE, USED = range(11, 16)
JOB_WORDS = 16
Words = npt.NDArray[np.uint64]


def lanes_text() -> str:
    """`lanes(job)`: runs to the end or the first lane that does not halt; `once`: lane 0."""
    f = Function("lanes", ("job",))
    job = f["job"]
    state, fresh, enter, first, second = (f.load(job + 8 * n) for n in range(5))
    inputs, input_count = f.load(job + 8 * INPUTS), f.load(job + 8 * INPUT_COUNT)
    outputs, output_count = f.load(job + 8 * OUTPUTS), f.load(job + 8 * OUTPUT_COUNT)
    memory, size = f.load(job + 8 * MEMORY), f.load(job + 8 * SIZE)
    data, data_size = f.load(job + 8 * DATA), f.load(job + 8 * DATA_SIZE)
    lane, end = f.variable(f.load(job + 8 * NEXT)), f.load(job + 8 * END)
    at = f.variable()
    with f.loop() as done:
        f.leave(done, lane.get().is_("uge", end))
        at.set(0)
        with f.loop() as copied:
            f.leave(copied, at.get().is_("uge", WORDS * 8))
            f.copy16(state + at.get(), fresh + at.get())
            at.add(16)
        at.set(0)
        with f.loop() as cleared:  # memory: a multiple of 64 bytes, none if nothing writes to it
            f.leave(cleared, at.get().is_("uge", size))
            f.store(memory + at.get(), 0)
            at.add(8)
        at.set(0)
        with f.loop() as filled:
            f.leave(filled, at.get().is_("uge", data_size))
            f.store(memory + at.get(), f.load(data + at.get(), 1), 1)
            at.add(1)
        f.store(state + 8 * LANE, lane.get())
        at.set(0)
        with f.loop() as given:
            f.leave(given, at.get().is_("uge", input_count))
            entry = inputs + (at.get() << 4)
            column = f.load(entry + 8)
            f.store(state + (f.load(entry) << 3), f.load(column + (lane.get() << 3)))
            at.add(1)
        f.call_at(enter, state, first, second)
        with f.when(f.load(state + 8 * STATUS).is_("ne", Status.HALT)):
            f.store(job + 8 * NEXT, lane.get())
            f.give(1)
        used = f.load(job + 8 * USED) + f.load(fresh + 8 * FUEL) - f.load(state + 8 * FUEL)
        f.store(job + 8 * USED, used)
        at.set(0)
        with f.loop() as taken:
            f.leave(taken, at.get().is_("uge", output_count))
            entry = outputs + (at.get() << 4)
            column = f.load(entry + 8)
            f.store(column + (lane.get() << 3), f.load(state + (f.load(entry) << 3)))
            at.add(1)
        lane.add(1)
    f.store(job + 8 * NEXT, end)
    once = Function("once", ("job",))
    once.store(once["job"] + 8 * NEXT, 0)
    once.give(once.call("lanes", once["job"]))
    return f.definition() + once.definition()


class LaneJob:
    """Columns in, columns out, and a state for all lanes one after another."""

    def __init__(
        self,
        executor: NativeExecutor,
        bank: RegisterBank,
        columns: list[tuple[int, Words]],
        outputs: list[tuple[int, Words]],
    ) -> None:
        """Prepare.

        Args:
            executor: the engine with the program on it.
            bank: a bank that was set back; its fuel is that of each lane.
            columns: register and uint64 words, one a lane.
            outputs: register and where its words go, one a lane.
        """
        view = executor.view
        executor.point(bank.words)
        enter, first, second = executor.way_in(bank)
        writes = any(info.group in ("store", "atomic", "ext") for info in view.infos)
        data = np.frombuffer(view.data or b"\0", np.uint8)
        self._call = executor.helpers.lanes
        fresh = np.array(bank.words[:WORDS], np.uint64)
        tables = [
            np.array([[row, words.ctypes.data] for row, words in pairs], np.uint64).reshape(-1)
            for pairs in (columns, outputs)
        ]
        self._keep = [fresh, data, *tables, columns, outputs]
        self.job = np.array(
            [
                bank.address, fresh.ctypes.data, enter, first, second, 0, 0,
                tables[0].ctypes.data, len(columns), tables[1].ctypes.data, len(outputs),
                bank.array.ctypes.data, len(bank.array) if writes else 0,
                data.ctypes.data, len(view.data) if writes else 0, 0,
            ],
            np.uint64,
        )  # fmt: skip

    @property
    def used(self) -> int:
        """Fuel of all lanes that came to their end."""
        return int(self.job[USED])

    def run(self, start: int, stop: int) -> int:
        """Run lanes; the first that did not halt, or `stop`."""
        self.job[NEXT], self.job[END] = start, stop
        self._call(c_void_p(int(self.job.ctypes.data)), 0, 0)
        return int(self.job[NEXT])


_ONE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)


def quick_function(
    executor: Any,
    bank: RegisterBank,
    rows: list[int],
    target: int,
    slowly: Callable[[tuple[int, ...]], int],
) -> Callable[..., int]:
    """A function of words that runs one lane and returns a word.

    Args:
        executor: the engine with the program on it.
        bank: a bank that was set back, with the fuel of a call.
        rows: the registers of the arguments.
        target: the register of the result.
        slowly: what does the call if it cannot be done quickly.
    """
    cells, result = np.zeros(max(len(rows), 1), np.uint64), np.zeros(1, np.uint64)
    columns = [(row, cells[n : n + 1]) for n, row in enumerate(rows)]
    job = LaneJob(executor, bank, columns, [(target, result)])
    job.job[END] = 1
    native, where = _ONE(executor.helpers.places["once"]), c_void_p(int(job.job.ctypes.data))
    pack, given, taken = struct.Struct(f"{len(rows)}Q").pack_into, cells.data, result.data

    def run(*words: int) -> int:
        try:
            pack(given, 0, *words)
        except struct.error:
            return slowly(words)
        if native(where):
            return slowly(words)
        return taken[0]

    run.__dict__["keep"] = (job, bank, executor)  # what native code reads
    return run
