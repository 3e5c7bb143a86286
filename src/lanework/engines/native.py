"""Running a compiled nest: threads over units of lanes, Ctrl-C, deadlines.

Every thread calls the same function, which takes unit after unit from a shared counter, so the
work spreads by itself and the result does not depend on the number of threads. The calls
release the GIL. A stop flag in shared memory ends all of them within a block of lanes.

Short runs share their work with helpers that are quick to come (`threadpool.py`); long ones go to
workers (`workers.py`), and the caller looks after Ctrl-C, the deadline and the progress.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from ctypes import addressof, c_char
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.runner import FEWER, check_deadline
from lanework.engines import threadpool, workers
from lanework.engines.kernel import Kernel
from lanework.engines.threadtext import ARGUMENTS, KERNEL, SCRATCH, THREADS, WORDS

DIRECT = 300_000  # fuel below which a call costs less than waking a thread
OWN_SHARE = 100_000_000  # fuel below which the calling thread works too: under about 50 ms
SIMD = 4  # lanes that are done in the time of one, at least, where a block has as many
LINE = 64  # bytes of a line of the cache, and of the widest registers
_TICK = 0.02  # seconds between looks at Ctrl-C, deadline and progress

_byte: Callable[[Any], Any] = c_char.from_buffer


class Frame:
    """The arguments of one call: memory by slot, dimensions, the shared words, scratch.

    Attributes:
        columns: int64 addresses, one a slot and the address of `faults` last.
        dims: int64 ``[T, L, units, order]`` and the period stride of each slot.
        faults: int64, one a unit; non-zero when a lane of the unit had a lookup fault.
        scratch: float64, one array a thread.
    """

    def __init__(self, slots: int) -> None:
        self.columns = np.zeros(slots + 1, np.int64)
        self.dims = np.zeros(slots + 4, np.int64)
        self.shared = np.zeros(16, np.int64)
        self.faults = np.zeros(0, np.int64)
        self.scratch: list[npt.NDArray[np.float64]] = []
        self._addresses = (address(self.columns), address(self.dims), address(self.shared))
        self._pointers = np.zeros(0, np.int64)
        self._record = np.zeros(WORDS, np.int64)
        self._record[ARGUMENTS : ARGUMENTS + 3] = self._addresses

    def shape(self, periods: int, lanes: int, units: int, scratch: int, threads: int) -> None:
        """Set the dimensions and make the scratch memory that these need."""
        self.dims[0], self.dims[1], self.dims[2] = periods, lanes, units
        if len(self.faults) != units:
            self.faults = np.zeros(units, np.int64)
            self.columns[-1] = address(self.faults)
        while len(self.scratch) < threads:
            self.scratch.append(np.empty(0))
        for n in range(threads):
            if len(self.scratch[n]) < scratch:
                self.scratch[n] = _aligned(scratch)
                self._pointers = np.zeros(0, np.int64)
        if len(self._pointers) < threads:
            self._pointers = np.array([address(memory) for memory in self.scratch], np.int64)
            self._record[SCRATCH] = address(self._pointers)

    def run(
        self,
        kernel: Kernel,
        fuel: int,
        threads: int,
        hold: object = None,
        *,
        until: float | None = None,
        progress: Callable[[int], None] | None = None,
        help: str = FEWER,
    ) -> list[int]:
        """Run all units; the units in which some lane had a fault.

        Args:
            kernel: what runs.
            fuel: how long that may take.
            threads: how many at most.
            hold: whose memory the columns point at; it is kept until every thread has ended.
            until: a deadline, on the clock of `time.monotonic`.
            progress: called with the units that are done.
            help: what to do about the deadline.

        Raises:
            Trap: the deadline has passed.
            KeyboardInterrupt: Ctrl-C, after every thread has stopped.
        """
        self.shared[:3] = 0, 0, kernel.descriptor
        if fuel < DIRECT:
            self._share(kernel, 0)
        else:
            self._threaded(kernel, fuel, threads, hold, until, progress, help)
        check_deadline(until, help)
        if not self.faults.any():
            return []
        units: list[int] = np.flatnonzero(self.faults).tolist()
        self.faults[:] = 0
        return units

    def _threaded(
        self,
        kernel: Kernel,
        fuel: int,
        threads: int,
        hold: object,
        until: float | None,
        progress: Callable[[int], None] | None,
        help: str,
    ) -> None:
        threads = min(threads, int(self.dims[2]))
        own = fuel < OWN_SHARE * min(kernel.width, SIMD) and until is None
        if own and self._helped(kernel, threads, hold):
            return
        futures: list[Future[None]] = []
        try:
            for n in range(int(own), threads):  # one by one: Ctrl-C may come between two
                futures.append(workers.submit(self._share, kernel, n, hold))  # noqa: PERF401
            if own:
                self._share(kernel, 0)
            for future in futures:
                self._wait(future, until, progress, help)
        except BaseException:
            self.shared[1] = 1
            ended = False
            while not ended:
                try:  # noqa: SIM105 - a call, where something may come between
                    ended = workers.ended(futures)
                except BaseException:
                    pass
            raise

    def _helped(self, kernel: Kernel, threads: int, hold: object) -> bool:
        """Run a short job with the thread pool; False when the thread pool is at another one."""
        if threads == 1:
            self._share(kernel, 0)
            return True
        if threadpool.turn.locked():
            return False
        with threadpool.turn:
            helpers = threadpool.pool()
            if helpers.busy():
                return False
            self._record[KERNEL], self._record[THREADS] = kernel.address, threads
            helpers.run(address(self._record), threads, (self, kernel, hold))
        return True

    def _share(self, kernel: Kernel, thread: int, _hold: object = None) -> None:
        columns, dims, shared = self._addresses
        kernel.call(columns, dims, shared, address(self.scratch[thread]))

    def _wait(
        self,
        future: Future[None],
        until: float | None,
        progress: Callable[[int], None] | None,
        help: str,
    ) -> None:
        while True:
            try:
                future.result(timeout=_TICK)
                return
            except TimeoutError:
                pass
            if progress is not None:
                progress(min(int(self.shared[0]), int(self.dims[2])))
            check_deadline(until, help)


def _aligned(count: int) -> npt.NDArray[np.float64]:
    """So many doubles, on a line of the cache: blocks of lanes then lie within lines."""
    memory = np.empty(count + LINE // 8)
    first = -address(memory) % LINE // 8
    return memory[first : first + count]


def address(array: npt.NDArray[np.generic]) -> int:
    """The address of an array's data."""
    try:
        return addressof(_byte(array))  # NumPy's own ways take four to eight times as long
    except (TypeError, ValueError, BufferError):  # read-only, empty, or with gaps
        return int(array.__array_interface__["data"][0])
