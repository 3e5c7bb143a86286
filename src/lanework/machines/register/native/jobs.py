"""Lane after lane in native code (`lanes`), and one lane as a plain function of numbers."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from ctypes import c_void_p
from typing import Any

import numpy as np

from lanework.base.sharing import Spares
from lanework.core.program.program import Port
from lanework.machines.register.binding import Words
from lanework.machines.register.layout import TYPES
from lanework.machines.register.native import lanes
from lanework.machines.register.native.execute import NativeExecutor
from lanework.machines.register.state import WORDS, RegisterBank

Number = int | float


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
        enter, first, second = executor.entry(bank)
        writes = any(info.group in ("store", "atomic", "ext") for info in view.infos)
        data = np.frombuffer(view.data or b"\0", np.uint8)
        self._call = executor.helpers.lanes
        fresh = np.array(bank.words[:WORDS], np.uint64)
        tables = [
            np.array([[row, words.ctypes.data] for row, words in pairs], np.uint64).reshape(-1)
            for pairs in (columns, outputs)
        ]
        self._keep = [executor, bank, fresh, data, *tables, columns, outputs]
        self.job = np.array(
            [
                bank.address, fresh.ctypes.data, enter, first, second, 0, 0,
                tables[0].ctypes.data, len(columns), tables[1].ctypes.data, len(outputs),
                bank.array.ctypes.data, len(bank.array) if writes else 0,
                data.ctypes.data, len(view.data) if writes else 0, 0, 0,
            ],
            np.uint64,
        )  # fmt: skip

    @property
    def moved(self) -> int:
        """Words and bytes that are set, given and taken for each lane."""
        words = (
            self.job[lanes.SIZE] // 8 + self.job[lanes.INPUT_COUNT] + self.job[lanes.OUTPUT_COUNT]
        )
        return int(words + self.job[lanes.DATA_SIZE])

    @property
    def used(self) -> int:
        """Fuel of all lanes that came to their end."""
        return int(self.job[lanes.USED])

    def run(self, start: int, stop: int, most: int) -> int:
        """Run lanes until more than so much fuel is used; the first that did not end, or `stop`."""
        self.job[lanes.NEXT], self.job[lanes.END] = start, stop
        self.job[lanes.MOST] = self.used + most
        self._call(c_void_p(int(self.job.ctypes.data)), 0, 0)
        return int(self.job[lanes.NEXT])


_ONE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
_FORMATS = {"u64": "Q", "i64": "q", "f64": "d"}


class _Call:
    """What one call of a function writes and reads: its own, so that threads may call at once."""

    __slots__ = ("given", "job", "taken", "where")

    def __init__(
        self, executor: NativeExecutor, bank: RegisterBank, inputs: Sequence[Port], output: Port
    ) -> None:
        cells, result = np.zeros(max(len(inputs), 1), np.uint64), np.zeros(1, np.uint64)
        columns = [(port.row, cells[n : n + 1]) for n, port in enumerate(inputs)]
        self.job = LaneJob(executor, bank, columns, [(output.row, result)])
        self.job.job[lanes.END] = 1
        self.where = c_void_p(int(self.job.job.ctypes.data))
        self.given, self.taken = cells.data, result.view(TYPES[output.dtype]).data


def quick_function(
    executor: NativeExecutor,
    bank: Callable[[], RegisterBank],
    inputs: Sequence[Port],
    output: Port,
    slowly: Callable[..., Number],
) -> Callable[..., Number]:
    """A function of numbers that runs one lane and returns a number.

    Args:
        executor: the engine with the program on it, which the function keeps.
        bank: makes a bank that is set back and has the fuel of a call.
        inputs: the ports of the arguments.
        output: the port of the result.
        slowly: what does the call if it cannot be done quickly.
    """
    native, spares = _ONE(executor.helpers.addresses["once"]), Spares[_Call]()
    pack = struct.Struct("".join(_FORMATS[port.dtype] for port in inputs)).pack_into
    # a float's place takes whole numbers too, and would round them
    count, floats = len(inputs), [n for n, port in enumerate(inputs) if port.dtype == "f64"]

    def run(*numbers: Any, **named: Any) -> Number:
        if named or len(numbers) != count:
            return slowly(numbers, **named)
        for n in floats:
            if not isinstance(numbers[n], float):
                return slowly(numbers)
        free = spares.free
        call = free.pop() if free else _Call(executor, bank(), inputs, output)
        try:
            pack(call.given, 0, *numbers)
        except (struct.error, TypeError):  # arrays have an error of their own
            return slowly(numbers)
        if native(call.where):
            free.append(call)
            return slowly(numbers)
        number: Number = call.taken[0]
        free.append(call)
        return number

    return run
