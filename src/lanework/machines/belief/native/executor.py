"""Belief programs on native kernels: a record for each instruction, a block of lanes at a time.

What no evidence changes is worked out once, by the reference. The rest becomes records for the
kernels of `engines.tensors`, which were compiled when the package was built.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, wait
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.sharing import Spares
from lanework.core.program.program import Program
from lanework.core.runner import check_deadline
from lanework.engines import workers
from lanework.engines.tensors.layout import SCALE, Word, block_sizes, grouped_sizes
from lanework.engines.vector import loader
from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.data.posterior import Posterior, least_positive, may_be_lost
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.native.calls import Tensor, buffer_starts, without_zeros
from lanework.machines.belief.native.lower import lower
from lanework.machines.belief.native.records import Records, group_bytes
from lanework.machines.belief.tensor import F64, TensorSpec
from lanework.machines.belief.walk import walk

CACHE = 512 * 1024  # bytes that the tensors of a block should fit in
TICK = 0.02  # seconds between looks at Ctrl-C while other threads work
STEP = 10_000_000  # terms times lanes between two looks at Ctrl-C
MANY = 1 << 20  # rows
SHARE = 10_000_000  # and for which another thread pays
RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


class NativeExecutor:
    """A program on native kernels."""

    def __init__(self, program: Program, semiring: str = "prob") -> None:
        """Plan what is called, and where tensors lie; records are written when they are needed."""
        level = loader.level()
        assert level is not None
        self.view, self.walk, self.width = BeliefView.of(program), walk(program), level.width
        self._helpers = loader.helpers(level.name)  # which own the code
        self.kernels = self._helpers.addresses
        self.lowered = lower(self.view, self.walk, semiring)
        self.starts, self.entries = buffer_starts(self.lowered.calls)
        if self.lanes(MANY) in grouped_sizes(self.width):
            self.lowered.calls = without_zeros(self.lowered.calls)
        self._records: dict[int, Records] = {}  # by lanes
        self._spare = Spares[F64]()
        self.least = min(least_positive([self.view.constants]), self.lowered.least_entry)

    @cached_property
    def terms(self) -> int:
        """Products of one lane."""
        return self.lowered.terms

    def lanes(self, rows: int) -> int:
        """How many lanes a block has: as many as fit the cache, and no more than are needed."""
        sizes = block_sizes(self.width)
        fits = [n for n in sizes if n <= self.width or 8 * self.entries * n <= CACHE]
        return next((n for n in fits if n >= rows), fits[-1])

    def records(self, lanes: int) -> Records:
        """The records for blocks of so many lanes."""
        records = self._records.get(lanes)
        if records is None:  # of two threads that write them, both take the first: they own lists
            records = Records(self.lowered.calls, self.starts, self.kernels, lanes, self.width)
            records = self._records.setdefault(lanes, records)
        return records

    def _memory(self, lanes: int) -> F64:
        """Memory of a block, that of a run before if there is some: pages are dear when new."""
        memory = self._spare.free.pop() if self._spare.free else np.empty(0)
        needed = self.entries * lanes + 8
        return memory if len(memory) >= needed else np.empty(needed)

    def block_bytes(self, rows: int) -> int:
        """Memory for the tensors of a block, in each thread."""
        return 8 * self.entries * self.lanes(rows)

    @cached_property
    def shared_bytes(self) -> int:
        """Memory for lists of offsets and for tables, which all threads read."""
        lists: dict[tuple[TensorSpec, TensorSpec, bool], int] = {}
        tables: dict[Tensor, int] = {}
        for call in self.lowered.calls:
            for tensor in call.inputs:
                if tensor.array is not None:
                    tables[tensor] = tensor.array.nbytes
                if call.groups is not None:
                    continue
                orders = [call.reduced] if call.out is None else [call.out.spec, call.reduced]
                for order in orders if call.kernel in ("sum", "largest") else []:
                    lists[order, tensor.spec, tensor.array is None] = 4 * order.entries
        grouped = (group_bytes(c, c.groups) for c in self.lowered.calls if c.groups)
        return sum(lists.values()) + sum(tables.values()) + sum(grouped)

    def run(
        self,
        given: Evidence,
        threads: int = 1,
        until: float | None = None,
        chances: Mapping[int, F64] | None = None,
    ) -> Posterior:
        """Answer for rows of evidence, before `until` on the clock of `time.monotonic`.

        Raises:
            Trap: the deadline has passed.
        """
        evidence, rows, states = given.weights, given.rows, given.states
        lanes = self.lanes(rows)
        records = self.records(lanes)
        blocks = -(-rows // lanes)
        padded = blocks * lanes
        weights = np.ones((records.rows_in, padded))
        weights[1] = 0.0  # the exponent of the scale
        for variable, first in records.inputs.items():
            if variable in evidence:
                known = evidence[variable]
                weights[first : first + len(known), :rows] = known
        out = np.empty((records.rows_out, padded))
        hold: list[npt.NDArray[Any]] = [weights, out]  # what the kernels read and write
        table = records.pointed(weights, out)
        for variable, record in records.samples.items():
            numbers = np.zeros(padded)
            numbers[:rows] = (chances or {})[variable]
            hold.append(numbers)
            table[record, Word.P1] = numbers.ctypes.data
        said = {v: states[v] if v in states else evidence[v].argmax(0) for v in self.view.fixed}
        for record, reduced in records.picks:
            cells = np.zeros(padded, np.int64)
            for axis in reduced.axes:
                cells[:rows] = cells[:rows] * axis.size + said[axis.id]
            hold.append(cells)
            table[record, Word.P1] = cells.ctypes.data
        worth = 1 + self.terms * rows // SHARE
        shares = min(threads, max(blocks, 1), worth)
        self._shares(records, table, hold, blocks, shares, until)
        product, exponent, least, smallest = out[-SCALE:, :rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            ln_z = np.log(product) + exponent * np.log(2.0) + self.lowered.scale
        soft = [known for variable, known in evidence.items() if variable not in states]
        smallest = np.minimum(smallest, min(self.least, least_positive(soft)))
        most = self.walk.most + self.walk.factors * given.tops()
        least = np.minimum(least, self.lowered.least_sum)
        lost = may_be_lost(least, smallest, self.walk.factors, most)
        slots = {key: out[at : at + n, :rows] for key, (at, n) in records.outputs.items()}
        slots |= {key: value.reshape(-1, 1) for key, value in self.lowered.fixed.items()}
        del hold, weights
        return Posterior(slots, ln_z, lost)

    def _shares(
        self,
        records: Records,
        table: npt.NDArray[np.int64],
        hold: list[npt.NDArray[Any]],
        blocks: int,
        threads: int,
        until: float | None,
    ) -> None:
        """Each thread has memory of its own and takes the next blocks until none are left.

        A call of native code is short, so that Ctrl-C and the deadline are seen between two.
        """
        call = RUN(self.kernels["tensors"])
        lanes, most = records.lanes, STEP
        step = max(1, most // max(self.terms * lanes, 1))
        groups = [(0, len(table))] if self.terms * lanes <= most else records.divided(most)
        starts = itertools.count(0, step)
        ended: list[bool] = []

        def work(_hold: object = hold) -> None:  # which is not to go before the work has ended
            memory = self._memory(lanes)
            base = -(-int(memory.ctypes.data) // 64) * 64
            own = np.where(records.within, table + base, table)
            address = int(own.ctypes.data)
            for start in starts:
                if start >= blocks:
                    self._spare.free.append(memory)
                    return
                for first, count in groups:
                    if ended:
                        return
                    check_deadline(until, "raise the deadline, or run fewer rows")
                    place = address + first * own.itemsize * Word.COUNT
                    call(place, count, start, min(start + step, blocks))

        if threads == 1:
            work()
            return
        futures: list[Future[None]] = []
        try:
            for _ in range(threads):  # one by one: Ctrl-C may come between two
                futures.append(workers.submit(work))  # noqa: PERF401
            _waited(futures)
        except BaseException:
            ended.append(True)
            left = False
            while not left:
                try:  # noqa: SIM105 - a call, where something may come between
                    left = workers.ended(futures)
                except BaseException:
                    pass
            raise


def _waited(futures: Iterable[Future[None]]) -> None:
    """Wait for threads so that a signal is seen, which may reach another thread than this one."""
    for future in futures:
        while not future.done():
            wait([future], TICK)
        future.result()
