"""Belief programs on native kernels: a record for each instruction, a block of lanes at a time.

What no evidence changes is worked out once, by the reference. The rest becomes records for the
kernels of `engines.tensors`, which were compiled when the package was built: there is no code to
make, so a program is ready as soon as its records are written.
"""

from __future__ import annotations

import ctypes
import itertools
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Trap
from lanework.core.program import Program
from lanework.engines.codes import DEADLINE_PASSED
from lanework.engines.tensors.contract import kernel_name
from lanework.engines.tensors.scale import SCALE
from lanework.engines.tensors.writer import VECTORS, Word
from lanework.engines.vector import loader
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.lower import Call, Tensor, lower
from lanework.machines.belief.places import Places, offsets
from lanework.machines.belief.posterior import Posterior
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import TensorSpec
from lanework.machines.belief.underflow import least_positive, may_be_lost
from lanework.machines.belief.verify import walk

F64 = npt.NDArray[np.float64]
CACHE = 512 * 1024  # bytes that the tensors of a block should fit in
TICK = 0.02  # seconds between looks at Ctrl-C while other threads work
STEP = 10_000_000  # terms times lanes between two looks at Ctrl-C
SHARE = 10_000_000  # and for which another thread pays
_RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
IN_PLACE = ("normalize", "rescale", "normalize_largest", "rescale_largest", "choose", "draw")


class NativeExecutor:
    """A program as records."""

    def __init__(self, program: Program, semiring: str = "prob", lanes: int | None = None) -> None:
        """Plan the records; they are written when they are needed.

        Args:
            program: a verified program.
            semiring: `prob` or `max`.
            lanes: in a block, if not as many as fit the cache.
        """
        level = loader.level()
        assert level is not None
        self.view = BeliefView.of(program)
        self.kernels = loader.helpers(level.name).places
        self.walk = walk(program)
        lowered = self.lowered = lower(self.view, self.walk, semiring)
        self._places, self.entries = _placed(lowered.calls)
        vectors = _vectors(self.entries, level.width) if lanes is None else lanes // level.width
        self.vectors, self.lanes = vectors, vectors * level.width
        self._keep: list[Any] = []
        self._lists: dict[tuple[TensorSpec, TensorSpec, int], int] = {}
        self._words: list[list[int]] = []
        self._inside: list[list[bool]] = []  # which words are places in the block's memory
        self._loads: dict[Any, list[int]] = {}  # variable -> records that read its weights
        self._draws: dict[int, int] = {}  # variable -> the record that reads its chances
        self._picks: list[tuple[int, TensorSpec]] = []  # records that pick by states, and which
        self._outputs: dict[SlotKey, tuple[int, int]] = {}  # slot -> record, entries

    def prepare(self) -> None:
        """Write the records, if that was not done yet."""
        if self._words:
            return
        self._record("load", (Word.OUT,), OUT=0, OUTPUTS=SCALE)
        for call in self.lowered.calls:
            self._write(call)
        self._record("store", (Word.P0,), P0=0, OUTPUTS=SCALE)
        self._table = np.array(self._words, np.int64)
        self._within = np.array(self._inside)
        self._groups = self._divided()

    def _divided(self) -> list[tuple[int, int]]:
        """Records that are called at a time: all, or fewer where a block takes long."""
        if self.terms * self.lanes <= STEP:
            return [(0, len(self._words))]
        groups, first, terms = [], 0, 0
        for number, record in enumerate(self._words):
            terms += record[Word.OUTPUTS] * max(record[Word.TERMS], 1)
            if terms * self.lanes > STEP or number == len(self._words) - 1:
                groups.append((first, number + 1 - first))
                first, terms = number + 1, 0
        return groups

    @property
    def terms(self) -> int:
        """Products of one lane."""
        return self.lowered.terms

    # Records ----------------------------------------------------------------------------------

    def _record(self, kernel: str, inside: tuple[Word, ...], **words: int) -> int:
        record = [0] * Word.COUNT
        record[Word.KERNEL] = self.kernels[f"{kernel}_{self.vectors}"]
        for name, value in words.items():
            record[Word[name]] = value
        self._words.append(record)
        self._inside.append([Word(n) in inside for n in range(Word.COUNT)])
        return len(self._words) - 1

    def _array(self, values: npt.NDArray[Any]) -> int:
        """The address of an array that is kept."""
        values = np.ascontiguousarray(values)
        self._keep.append(values)
        return int(values.ctypes.data)

    def _offsets(self, order: TensorSpec, tensor: Tensor) -> int:
        """The address of a list of offsets; equal lists are kept once."""
        unit = self.lanes if tensor.array is None else 1
        key = order, tensor.spec, unit
        if key not in self._lists:
            self._lists[key] = self._array(offsets(order, tensor.spec, unit))
        return self._lists[key]

    def _place(self, tensor: Tensor) -> int:
        """Where a tensor is, in bytes from the block's memory on, or the address of numbers."""
        if tensor.array is None:
            return 8 * self.lanes * self._places[tensor]
        return self._array(tensor.array)

    def _write(self, call: Call) -> None:
        kernel, out, inputs = call.kernel, call.out, call.inputs
        if out is None:  # store
            entries = inputs[0].spec.entries
            record = self._record(kernel, (Word.P0,), P0=self._place(inputs[0]), OUTPUTS=entries)
            self._outputs[call.key] = (record, entries)
            return
        place, entries = self._place(out), out.spec.entries
        if kernel in ("sum", "largest"):
            self._contract(call, place, entries)
            return
        if kernel == "load":
            record = self._record(kernel, (Word.OUT,), OUT=place, OUTPUTS=entries)
            self._loads.setdefault(call.key, []).append(record)
        elif kernel == "pick":
            table = self._place(inputs[0])
            record = self._record(
                kernel, (Word.OUT,), OUT=place, P0=table, OUTPUTS=entries, TERMS=call.gone.entries
            )
            self._picks.append((record, call.gone))
        elif kernel == "divide":
            self._record(
                kernel,
                (Word.OUT, Word.P0, Word.P1),
                OUT=place,
                P0=self._place(inputs[0]),
                P1=self._place(inputs[1]),
                AT1=self._offsets(out.spec, inputs[1]),
                OUTPUTS=entries,
            )
        else:  # of one tensor; the scale is at the block's beginning
            inside = (Word.OUT, Word.P0) if kernel == "draw" else (Word.OUT, Word.P0, Word.P1)
            record = self._record(
                kernel, inside, OUT=place, P0=self._place(inputs[0]), OUTPUTS=entries
            )
            if kernel == "draw":
                self._draws[call.key] = record

    def _contract(self, call: Call, place: int, entries: int) -> None:
        assert call.out is not None
        laned = sum(tensor.array is None for tensor in call.inputs)
        kernel = kernel_name(
            largest=call.kernel == "largest",
            laned=laned,
            spread=len(call.inputs) - laned,
            outputs=entries,
            vectors=self.vectors,
        )
        words = {"OUT": place, "OUTPUTS": entries, "TERMS": call.gone.entries}
        inside = [Word.OUT]
        for n, tensor in enumerate(call.inputs):
            words[f"P{n}"] = self._place(tensor)
            words[f"AT{n}"] = self._offsets(call.out.spec, tensor)
            words[f"APART{n}"] = self._offsets(call.gone, tensor)
            if tensor.array is None:
                inside.append(Word[f"P{n}"])
        self._record(kernel, tuple(inside), **words)

    # Running ----------------------------------------------------------------------------------

    @property
    def block_bytes(self) -> int:
        """Memory for the tensors of a block, in each thread."""
        return 8 * self.entries * self.lanes

    @property
    def shared_bytes(self) -> int:
        """Memory for lists of offsets and for tables, which all threads read."""
        lists: dict[tuple[TensorSpec, TensorSpec, bool], int] = {}
        tables: dict[Tensor, int] = {}
        for call in self.lowered.calls:
            for tensor in call.inputs:
                if tensor.array is not None:
                    tables[tensor] = tensor.array.nbytes
                orders = [call.gone] if call.out is None else [call.out.spec, call.gone]
                for order in orders if call.kernel in ("sum", "largest") else []:
                    lists[order, tensor.spec, tensor.array is None] = 4 * order.entries
        return sum(lists.values()) + sum(tables.values())

    def run(
        self,
        evidence: Mapping[int, F64],
        rows: int,
        threads: int = 1,
        until: float | None = None,
        chances: Mapping[int, F64] | None = None,
    ) -> Posterior:
        """Answer for rows of evidence.

        Args:
            evidence: variable -> weights, (states, rows); nothing is known of the others.
            rows: how many.
            threads: at most so many.
            until: the deadline on the clock of `time.monotonic`.
            chances: variable -> a number from 0 to 1 for each row, where programs draw.

        Raises:
            Trap: the deadline has passed.
        """
        self.prepare()
        blocks = -(-rows // self.lanes)
        padded = blocks * self.lanes
        table = self._table.copy()
        hold: list[npt.NDArray[Any]] = []
        start = np.ones((SCALE, padded))
        start[1] = 0.0
        self._point(table, [0], start, Word.P0, padded)
        for variable, records in self._loads.items():
            states = 1 if variable is None else self.view.variables[variable].size
            weights = np.ones((states, padded))
            if variable in evidence:
                weights[:, :rows] = evidence[variable]
            hold.append(weights)
            self._point(table, records, weights, Word.P0, padded)
        for variable, record in self._draws.items():
            drawn = np.zeros(padded)
            drawn[:rows] = (chances or {})[variable]
            hold.append(drawn)
            table[record, Word.P1] = drawn.ctypes.data
        said = {v: np.argmax(evidence[v], axis=0) for v in self.view.fixed}
        for record, gone in self._picks:
            places = np.zeros(padded, np.int64)
            for axis in gone.axes:
                places[:rows] = places[:rows] * axis.size + said[axis.id]
            hold.append(places)
            table[record, Word.P1] = places.ctypes.data
        found = {}
        for key, (record, states) in self._outputs.items():
            found[key] = np.empty((states, padded))
            self._point(table, [record], found[key], Word.OUT, padded)
        scale = np.empty((SCALE, padded))
        self._point(table, [len(table) - 1], scale, Word.OUT, padded)
        worth = 1 + self.terms * rows // SHARE
        self._shares(table, blocks, min(threads, max(blocks, 1), worth), until)
        product, exponent, least, smallest = scale[:, :rows]
        with np.errstate(divide="ignore"):
            ln_z = np.log(product) + exponent * np.log(2.0) + self.lowered.scale
        smallest = np.minimum(smallest, least_positive([*evidence.values(), self.view.constants]))
        lost = may_be_lost(least, smallest, self.walk.factors)
        slots = {key: value[:, :rows] for key, value in found.items()}
        slots |= {key: value.reshape(-1, 1) for key, value in self.lowered.fixed.items()}
        del hold
        return Posterior(slots, ln_z, lost)

    @staticmethod
    def _point(
        table: npt.NDArray[np.int64], records: list[int], array: F64, word: Word, apart: int
    ) -> None:
        for record in records:
            table[record, word] = array.ctypes.data
            table[record, Word.TERMS] = apart

    def _shares(
        self,
        table: npt.NDArray[np.int64],
        blocks: int,
        threads: int,
        until: float | None,
    ) -> None:
        """Each thread has memory of its own and takes the next blocks until none are left.

        A call of native code is short, so that Ctrl-C and the deadline are seen between two.
        """
        call = _RUN(self.kernels["tensors"])
        step = max(1, STEP // max(self.terms * self.lanes, 1))
        starts = itertools.count(0, step)
        ended: list[bool] = []

        def work() -> None:
            memory = np.empty(self.entries * self.lanes + 8)
            base = -(-int(memory.ctypes.data) // 64) * 64
            own = np.where(self._within, table + base, table)
            address = int(own.ctypes.data)
            for start in starts:
                if start >= blocks:
                    return
                for first, count in self._groups:
                    if ended:
                        return
                    if until is not None and time.monotonic() > until:
                        raise Trap(
                            DEADLINE_PASSED,
                            "the run was stopped at its deadline",
                            help="raise the deadline, or run fewer rows",
                        )
                    place = address + first * own.itemsize * Word.COUNT
                    call(place, count, start, min(start + step, blocks))

        if threads == 1:
            work()
            return
        with ThreadPoolExecutor(threads) as pool:
            try:
                for future in [pool.submit(work) for _ in range(threads)]:
                    while not future.done():  # a signal may reach another thread than this one
                        wait([future], TICK)
                    future.result()
            except BaseException:
                ended.append(True)
                raise


def _vectors(entries: int, width: int) -> int:
    """How many SIMD registers wide a block is: as many as keep it in the cache."""
    fits = [n for n in VECTORS if entries * n * width * 8 <= CACHE]
    return max(fits, default=VECTORS[0])


def _placed(calls: list[Call]) -> tuple[dict[Tensor, int], int]:
    """Where each tensor lies, in entries, and how many there are; the scale comes first.

    A tensor lies where another did that is not read any more.
    """
    last: dict[Tensor, int] = {}
    for number, call in enumerate(calls):
        for tensor in call.inputs:
            last[tensor] = number
    memory = Places()
    memory.take(SCALE)
    places: dict[Tensor, int] = {}
    for number, call in enumerate(calls):
        out = call.out
        dead = [t for t in dict.fromkeys(call.inputs) if t in places and last[t] == number]
        if out is not None:
            if call.kernel in IN_PLACE and call.inputs[0] in dead:
                places[out] = places[dead.pop(dead.index(call.inputs[0]))]
            else:
                places[out] = memory.take(out.spec.entries)
            if out not in last:
                dead.append(out)
        for tensor in dead:
            memory.give(places[tensor], tensor.spec.entries)
    return places, memory.size
