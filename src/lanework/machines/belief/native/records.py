"""The records of a program: what its kernels read, for blocks of so many lanes.

There is no code to make, so a program is ready as soon as its records are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.engines.tensors.layout import (
    HEADS,
    PLACES,
    SCALE,
    STEPS,
    Word,
    grouped_name,
    kernel_name,
    tile,
)
from lanework.machines.belief.native.calls import Call, Tensor, offsets
from lanework.machines.belief.native.groups import Groups
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import F64, TensorSpec


class Records:
    """A table of records.

    Attributes:
        table: a row of words for each call; the first loads the scale, the last stores it.
        within: which words are places in the block's memory.
        inputs: variable -> where its weights begin among the rows of what goes in; ones at None.
            The scale comes first.
        outputs: slot -> where its entries begin among the rows of what comes out, and how many.
            The scale comes last.
        samples: variable -> the record that reads its chances.
        picks: records that pick by states, and of which variables.
    """

    def __init__(
        self,
        calls: list[Call],
        allocation: Mapping[Tensor, int],
        kernels: Mapping[str, int],
        lanes: int,
        width: int,
    ) -> None:
        """Write the records of calls, in order; `places` of tensors are in entries."""
        self.lanes, self.vectors = lanes, max(1, lanes // width)
        self._allocation, self._kernels = allocation, kernels
        self._keep: list[Any] = []
        self._lists: dict[tuple[TensorSpec, TensorSpec, int], int] = {}
        self._words: list[list[int]] = []
        self._inside: list[list[bool]] = []
        self.inputs: dict[Any, int] = {}
        self.outputs: dict[SlotKey, tuple[int, int]] = {}
        self.samples: dict[int, int] = {}
        self.picks: list[tuple[int, TensorSpec]] = []
        self._loads: list[tuple[int, int]] = [(0, 0)]  # records, and where they read
        self._stores: list[tuple[int, int]] = []
        self.rows_in, self.rows_out = SCALE, 0
        self._record("load", (Word.OUT,), OUT=0, OUTPUTS=SCALE)
        for call in calls:
            WRITERS.get(call.kernel, Records._unary)(self, call)
        self._stores.append((len(self._words), self.rows_out))
        self._record("store", (Word.P0,), P0=0, OUTPUTS=SCALE)
        self.rows_out += SCALE
        self.table = np.array(self._words, np.int64)
        self.within = np.array(self._inside)
        self._read, self._written = np.array(self._loads).T, np.array(self._stores).T

    def pointed(self, given: F64, out: F64) -> npt.NDArray[np.int64]:
        """The table for what goes in and comes out, of the shapes (rows in or out, lanes)."""
        table = self.table.copy()
        for array, (numbers, starts), word in (
            (given, self._read, Word.P0),
            (out, self._written, Word.OUT),
        ):
            table[numbers, word] = array.ctypes.data + array.strides[0] * starts
            table[numbers, Word.TERMS] = array.shape[1]
        return table

    def divided(self, most: int) -> list[tuple[int, int]]:
        """Records that are called at a time, the first and how many: of so many terms at most."""
        groups, first, terms = [], 0, 0
        for number, record in enumerate(self._words):
            terms += record[Word.OUTPUTS] * max(record[Word.TERMS], 1) * self.lanes
            if terms > most or number == len(self._words) - 1:
                groups.append((first, number + 1 - first))
                first, terms = number + 1, 0
        return groups

    def _record(self, kernel: str, inside: tuple[Word, ...], **words: int) -> int:
        record = [0] * Word.COUNT
        record[Word.KERNEL] = self._kernels[f"{kernel}_{self.lanes}"]
        for name, value in words.items():
            record[Word[name]] = value
        self._words.append(record)
        self._inside.append([Word(n) in inside for n in range(Word.COUNT)])
        return len(self._words) - 1

    def _array(self, values: npt.NDArray[Any]) -> int:
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
            return 8 * self.lanes * self._allocation[tensor]
        return self._array(tensor.array)

    def _unary(self, call: Call, *, scale: bool = True) -> int:
        """A kernel of one tensor; the scale is at the block's beginning."""
        inside = (Word.OUT, Word.P0, Word.P1) if scale else (Word.OUT, Word.P0)
        place = self._place(call.inputs[0])
        return self._record(call.kernel, inside, **self._out(call), P0=place)

    def _out(self, call: Call) -> dict[str, int]:
        """Where a call writes, and how many entries."""
        assert call.out is not None
        return {"OUT": self._place(call.out), "OUTPUTS": call.out.spec.entries}

    def _sample(self, call: Call) -> None:
        self.samples[call.key] = self._unary(call, scale=False)

    def _load(self, call: Call) -> None:
        assert call.out is not None
        record = self._record(call.kernel, (Word.OUT,), **self._out(call))
        if call.key not in self.inputs:
            self.inputs[call.key] = self.rows_in
            self.rows_in += call.out.spec.entries
        self._loads.append((record, self.inputs[call.key]))

    def _store(self, call: Call) -> None:
        entries, place = call.inputs[0].spec.entries, self._place(call.inputs[0])
        record = self._record(call.kernel, (Word.P0,), P0=place, OUTPUTS=entries)
        self._stores.append((record, self.rows_out))
        self.outputs[call.key] = (self.rows_out, entries)
        self.rows_out += entries

    def _pick(self, call: Call) -> None:
        words = self._out(call) | {"TERMS": call.reduced.entries}
        record = self._record(call.kernel, (Word.OUT,), P0=self._place(call.inputs[0]), **words)
        self.picks.append((record, call.reduced))

    def _divide(self, call: Call) -> None:
        assert call.out is not None
        x, y = call.inputs
        words = {"P0": self._place(x), "P1": self._place(y)}
        words["AT1"] = self._offsets(call.out.spec, y)
        self._record(call.kernel, (Word.OUT, Word.P0, Word.P1), **self._out(call), **words)

    def _contract(self, call: Call) -> None:
        assert call.out is not None
        if call.groups is not None:
            self._grouped(call, call.groups)
            return
        laned = sum(tensor.array is None for tensor in call.inputs)
        kernel = kernel_name(
            largest=call.kernel == "largest",
            laned=laned,
            spread=len(call.inputs) - laned,
            outputs=call.out.spec.entries,
            vectors=self.vectors,
        )
        words = self._out(call) | {"TERMS": call.reduced.entries}
        inside = [Word.OUT]
        for n, tensor in enumerate(call.inputs):
            words[f"P{n}"] = self._place(tensor)
            words[f"AT{n}"] = self._offsets(call.out.spec, tensor)
            words[f"APART{n}"] = self._offsets(call.reduced, tensor)
            if tensor.array is None:
                inside.append(Word[f"P{n}"])
        self._record(kernel, tuple(inside), **words)

    def _grouped(self, call: Call, groups: Groups) -> None:
        """Lists of a contraction by groups: of outputs and of terms, all operands side by side."""
        assert call.out is not None
        count, out = len(call.inputs), call.out.spec
        laned = sum(tensor.array is None for tensor in call.inputs)
        step = tile(count, self.vectors)
        outputs = groups.padded(step)
        tensors = [(t.spec, self.lanes if t.array is None else 1) for t in call.inputs]
        cells = [offsets(out, *tensor)[outputs] for tensor in [(out, self.lanes), *tensors]]
        steps = [offsets(call.reduced, *tensor)[groups.terms] for tensor in tensors]
        heads = groups.heads(step).astype(np.uint32)
        mean = -(-groups.products(step) // len(heads))  # terms of a group, for `divided`
        words = {"OUT": self._place(call.out), "OUTPUTS": len(heads), "TERMS": mean}
        for n, tensor in enumerate(call.inputs):
            words[f"P{n}"] = self._place(tensor)
        words[HEADS.name] = self._array(heads)
        words[PLACES.name] = self._array(np.stack(cells, axis=1))
        words[STEPS.name] = self._array(np.stack(steps, axis=1))
        inside = [Word.OUT, *(Word[f"P{n}"] for n in range(laned))]
        largest = call.kernel == "largest"
        kernel = grouped_name(largest=largest, laned=laned, spread=count - laned)
        self._record(kernel, tuple(inside), **words)


# Other kernels read one tensor and write one.
WRITERS: dict[str, Callable[[Records, Call], object]] = {
    "load": Records._load,
    "store": Records._store,
    "pick": Records._pick,
    "sum": Records._contract,
    "largest": Records._contract,
    "divide": Records._divide,
    "sample": Records._sample,
}


def group_bytes(call: Call, groups: Groups) -> int:
    """The bytes of a contraction's groups and their lists, at most."""
    count = len(call.inputs)
    step = tile(count, 1)
    outputs = step * int(groups.tiles(step).sum())
    lists = (1 + count) * outputs + count * len(groups.terms) + 3 * len(groups.sizes)
    return 4 * lists + groups.nbytes
