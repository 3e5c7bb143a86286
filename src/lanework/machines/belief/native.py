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
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Trap
from lanework.core.program import Program
from lanework.engines.codes import DEADLINE_PASSED
from lanework.engines.tensors import VECTORS, Word
from lanework.engines.vector import loader
from lanework.machines.belief.align import align_array_to
from lanework.machines.belief.kernels import (
    vm_contract,
    vm_contract_eliminate,
    vm_eliminate_keep,
    vm_normalize,
    vm_unit,
)
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.places import Places, offsets
from lanework.machines.belief.semiring import vm_prob_semiring
from lanework.machines.belief.tensor import TensorSpec, joined
from lanework.machines.belief.verify import Walk, walk

F64 = npt.NDArray[np.float64]
CACHE = 512 * 1024  # bytes that the tensors of a block should fit in
TICK = 0.02  # seconds between looks at Ctrl-C while other threads work
STEP = 10_000_000  # terms times lanes between two looks at Ctrl-C
SHARE = 10_000_000  # and for which another thread pays
_RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_SCALE = TensorSpec()
_PROB = vm_prob_semiring()


@dataclass
class Posterior:
    """What a run found.

    Attributes:
        beliefs: slot -> (states, rows) or (states,).
        ln_z: one a row, -inf for evidence that is impossible.
    """

    beliefs: dict[tuple[Any, ...], F64]
    ln_z: F64


class NativeExecutor:
    """A program as records."""

    def __init__(self, program: Program, lanes: int | None = None) -> None:
        """Write the records.

        Args:
            program: a verified program.
            lanes: in a block, if not as many as fit the cache.
        """
        level = loader.level()
        assert level is not None
        self.view, self.walk = BeliefView.of(program), walk(program)
        self.places = loader.helpers(level.name).places
        vectors = _vectors(self.walk, level.width) if lanes is None else lanes // level.width
        self.vectors, self.lanes = vectors, vectors * level.width
        self._keep: list[Any] = []
        self._lists: dict[bytes, int] = {}
        self._words: list[list[int]] = []
        self._inside: list[list[bool]] = []  # which words are places in the block's memory
        self._inputs: dict[int, list[int]] = {}  # variable -> records that read its weights
        self._picks: list[tuple[int, TensorSpec]] = []  # records that pick by states, and which
        self._outputs: dict[tuple[Any, ...], tuple[int, int]] = {}  # slot -> record, states
        self._fixed: dict[tuple[Any, ...], F64] = {}  # slots that no evidence changes
        self._fixed_scale = 0.0
        self.terms = 0
        self._arena = Places()
        self._write()
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

    # Records ----------------------------------------------------------------------------------

    def _record(self, kernel: str, inside: tuple[Word, ...], **words: int) -> int:
        record = [0] * Word.COUNT
        record[Word.KERNEL] = self.places[f"{kernel}_{self.vectors}"]
        for name, value in words.items():
            record[Word[name]] = value
        self._words.append(record)
        self._inside.append([Word(n) in inside for n in range(Word.COUNT)])
        return len(self._words) - 1

    def _array(self, values: npt.NDArray[Any]) -> int:
        """The address of an array that is kept; equal lists are kept once."""
        values = np.ascontiguousarray(values)
        if values.dtype == np.int32:
            key = values.tobytes()
            if key not in self._lists:
                self._keep.append(values)
                self._lists[key] = int(values.ctypes.data)
            return self._lists[key]
        self._keep.append(values)
        return int(values.ctypes.data)

    def _write(self) -> None:
        self._scale = self._arena.take(2 * self.lanes)
        self._first = self._record("load", (Word.OUT,), OUT=8 * self._scale, OUTPUTS=2)
        fixed: dict[int, tuple[F64, TensorSpec]] = {}
        held: dict[int, tuple[int, TensorSpec]] = {}
        slots: dict[int, tuple[F64, TensorSpec]] = {}
        for number, instruction in enumerate(self.view.instructions):
            name, operands, target = instruction.name, instruction.operands, instruction.target
            if name == "free":
                row = operands[0]
                if row in held:
                    place, spec = held.pop(row)
                    self._arena.give(place, spec.entries * self.lanes)
                else:
                    del fixed[row]
            elif name == "store_slot":
                self._store(operands, fixed, held, slots)
            elif not self.walk.laned[number]:
                fixed[target] = self._known(name, operands, fixed, slots)
            else:
                held[target] = self._laned(number, name, operands, fixed, held)
        self._last = self._record("store", (Word.A,), A=8 * self._scale, OUTPUTS=2)

    def _store(
        self,
        operands: tuple[int, ...],
        fixed: dict[int, tuple[F64, TensorSpec]],
        held: dict[int, tuple[int, TensorSpec]],
        slots: dict[int, tuple[F64, TensorSpec]],
    ) -> None:
        row, slot = operands
        key = self.view.slots[slot]
        if row in fixed:
            slots[slot] = fixed[row]
            self._fixed[key] = fixed[row][0]
            return
        place, spec = held[row]
        record = self._record("store", (Word.A,), A=8 * place, OUTPUTS=spec.entries)
        self._outputs[key] = (record, spec.entries)

    def _known(
        self,
        name: str,
        operands: tuple[int, ...],
        fixed: dict[int, tuple[F64, TensorSpec]],
        slots: dict[int, tuple[F64, TensorSpec]],
    ) -> tuple[F64, TensorSpec]:
        """A tensor that no evidence changes."""
        view = self.view
        if name == "unit":
            return vm_unit(view.specs[operands[0]], _PROB), view.specs[operands[0]]
        if name == "load_factor":
            return view.table(operands[0]), view.scope(operands[0])
        if name == "load_selector":
            return view.selector(operands[0], _PROB), view.selected(operands[0])
        if name == "load_slot":
            return slots[operands[0]]
        if name in ("normalize", "rescale"):
            array, spec = fixed[operands[0]]
            array, log = vm_normalize(array, spec, _PROB)
            if name == "rescale":
                self._fixed_scale += float(log)
            return array, spec
        spec = view.specs[operands[-1]]
        inputs = [fixed[row] for row in operands[:-1]]
        if name == "contract":
            return vm_contract(inputs, spec, _PROB), spec
        if name == "eliminate":
            part = vm_eliminate_keep(*inputs[0], spec.keys, _PROB)
            return vm_contract([part], spec, _PROB), spec
        return vm_contract_eliminate(inputs, spec, _PROB), spec

    def _laned(
        self,
        number: int,
        name: str,
        operands: tuple[int, ...],
        fixed: dict[int, tuple[F64, TensorSpec]],
        held: dict[int, tuple[int, TensorSpec]],
    ) -> tuple[int, TensorSpec]:
        """Records for a tensor that differs between lanes, and where it is."""
        spec = self.walk.specs[number]
        assert spec is not None
        place = self._arena.take(spec.entries * self.lanes)
        if name == "load_evidence":
            record = self._record("load", (Word.OUT,), OUT=8 * place, OUTPUTS=spec.entries)
            self._inputs.setdefault(operands[0], []).append(record)
        elif name == "reduce":
            self._reduce(place, spec, operands[0])
        elif name in ("normalize", "rescale"):
            self._record(
                name,
                (Word.OUT, Word.A, Word.B),
                OUT=8 * place,
                A=8 * held[operands[0]][0],
                B=8 * self._scale,
                OUTPUTS=spec.entries,
            )
        else:
            rows = operands[:-1] if name != "eliminate" else (operands[0], -1)
            rows = tuple(sorted(rows, key=lambda row: row not in held))
            self._contract(place, spec, rows, fixed, held)
        return place, spec

    def _reduce(self, place: int, out: TensorSpec, factor: int) -> None:
        """A table with the axes that rows pick from last."""
        whole = self.view.scope(factor)
        gone = TensorSpec(tuple(a for a in whole.axes if a.key not in set(out.keys)))
        order = TensorSpec((*out.axes, *gone.axes))
        table = align_array_to(self.view.table(factor), whole, order)
        record = self._record(
            "pick",
            (Word.OUT,),
            OUT=8 * place,
            A=self._array(table.ravel()),
            OUTPUTS=out.entries,
            TERMS=gone.entries,
        )
        self._picks.append((record, gone))
        self.terms += out.entries

    def _contract(
        self,
        place: int,
        out: TensorSpec,
        rows: tuple[int, ...],
        fixed: dict[int, tuple[F64, TensorSpec]],
        held: dict[int, tuple[int, TensorSpec]],
    ) -> None:
        first, second = rows
        at, spec = held[first]
        inside: tuple[Word, ...] = (Word.OUT, Word.A)
        if second in held:
            kernel, (other, other_spec) = "contract", held[second]
            inside, address = (*inside, Word.B), 8 * other
        else:
            table, other_spec = fixed.get(second, (np.ones(()), _SCALE))
            kernel, address = "contract_spread", self._array(np.asarray(table, np.float64).ravel())
        gone = TensorSpec(
            tuple(a for a in joined(spec, other_spec).axes if a.key not in set(out.keys))
        )
        self._record(
            kernel,
            inside,
            OUT=8 * place,
            A=8 * at,
            B=address,
            A0=self._array(offsets(out, spec)),
            B0=self._array(offsets(out, other_spec)),
            OUTPUTS=out.entries,
            AE=self._array(offsets(gone, spec)),
            BE=self._array(offsets(gone, other_spec)),
            TERMS=gone.entries,
        )
        self.terms += out.entries * gone.entries

    # Running ----------------------------------------------------------------------------------

    @property
    def block_bytes(self) -> int:
        """Memory for the tensors of a block, in each thread."""
        return 8 * self._arena.size

    def run(
        self,
        evidence: Mapping[int, F64],
        rows: int,
        threads: int = 1,
        until: float | None = None,
    ) -> Posterior:
        """Answer for rows of evidence.

        Args:
            evidence: variable -> weights, (states, rows); nothing is known of the others.
            rows: how many.
            threads: at most so many.
            until: the deadline on the clock of `time.monotonic`.

        Raises:
            Trap: the deadline has passed.
        """
        blocks = -(-rows // self.lanes)
        padded = blocks * self.lanes
        table = self._table.copy()
        hold: list[npt.NDArray[Any]] = []
        start = np.zeros((2, padded))
        start[0] = 1.0
        self._point(table, [self._first], start, Word.A, padded)
        for variable, records in self._inputs.items():
            weights = np.ones((self.view.variables[variable].size, padded))
            if variable in evidence:
                weights[:, :rows] = evidence[variable]
            hold.append(weights)
            self._point(table, records, weights, Word.A, padded)
        said = {v: np.argmax(evidence[v], axis=0) for v in self.view.fixed}
        for record, gone in self._picks:
            places = np.zeros(padded, np.int64)
            for axis in gone.axes:
                places[:rows] = places[:rows] * axis.size + said[axis.id]
            hold.append(places)
            table[record, Word.B] = places.ctypes.data
        found = {}
        for key, (record, states) in self._outputs.items():
            found[key] = np.empty((states, padded))
            self._point(table, [record], found[key], Word.OUT, padded)
        scale = np.empty((2, padded))
        self._point(table, [self._last], scale, Word.OUT, padded)
        worth = 1 + self.terms * rows // SHARE
        self._shares(table, blocks, min(threads, max(blocks, 1), worth), until)
        with np.errstate(divide="ignore"):
            ln_z = np.log(scale[0, :rows]) + scale[1, :rows] * np.log(2.0) + self._fixed_scale
        beliefs = {key: value[:, :rows] for key, value in found.items()}
        del hold
        return Posterior({**beliefs, **self._fixed}, ln_z)

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
        call = _RUN(self.places["tensors"])
        step = max(1, STEP // max(self.terms * self.lanes, 1))
        starts = itertools.count(0, step)
        ended: list[bool] = []

        def work() -> None:
            memory = np.empty(self._arena.size + 8)
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


def _vectors(known: Walk, width: int) -> int:
    """How many SIMD registers wide a block is: as many as keep it in the cache."""
    fits = [n for n in VECTORS if known.varying * n * width * 8 <= CACHE]
    return max(fits, default=VECTORS[0])
