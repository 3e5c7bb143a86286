"""What a program does natively: calls of kernels on tensors, and where these lie in a block.

Zeros of tables are followed through the calls: what is zero whatever the evidence says.
Contractions most of whose terms are such zeros are done by groups of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.engines.tensors.layout import SCALE, tile
from lanework.machines.belief.native.groups import Bools, Groups, TermSets, term_sets
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import F64, AxisKey, TensorSpec

SCALAR = TensorSpec()
SCALED = ("normalize", "rescale", "normalize_largest", "rescale_largest")  # kernels that scale
IN_PLACE = (*SCALED, "choose", "sample")  # kernels that may write where they read
WIDE = 1 << 22  # entries from which on the zeros of a tensor are not followed, to save memory
SAME = (*SCALED, "divide")
PAYS = 0.8  # the share of all products that groups may cost at most
TURN = 4  # what an output by groups costs besides its products, in products


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a block, or numbers that are the same in all lanes."""

    spec: TensorSpec
    array: F64 | None = None


Operands = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """A call of a kernel."""

    kernel: str  # what it does; `sum` and `largest` for contractions
    out: Tensor | None  # what it makes, if that is a tensor
    inputs: Operands = ()  # what it reads
    # the axes that are summed over, or picked from by each lane's states
    reduced: TensorSpec = SCALAR
    key: Any = None  # the variable that it loads, or the slot that it fills
    # of a contraction's outputs, where many terms are zero whatever the evidence
    groups: Groups | None = None

    @property
    def terms(self) -> int:
        """Products of one lane."""
        if self.out is None or self.kernel not in ("sum", "largest", "pick"):
            return 0
        if self.groups is not None:
            return self.groups.products()
        return self.out.spec.entries * self.reduced.entries


@dataclass
class Lowered:
    """A program as calls."""

    calls: list[Call]  # in order
    fixed: dict[SlotKey, F64]  # slots that no evidence changes
    scale: float  # ln Z so far, as far as no evidence changes it
    least_sum: float = 1.0  # that was divided by, and the least entry: what may have been lost
    least_entry: float = 1.0

    @property
    def terms(self) -> int:
        """Products of one lane."""
        return sum(call.terms for call in self.calls)


@dataclass
class BlockMemory:
    """The memory of a block of lanes, in which free places are used again."""

    free: list[tuple[int, int]] = field(default_factory=list)  # size, place
    size: int = 0

    def allocate(self, size: int) -> int:
        """A place of so many numbers: the smallest that fits, or a new one."""
        fits = [(have, n) for n, (have, _) in enumerate(self.free) if have >= size]
        if not fits:
            place, self.size = self.size, self.size + size
            return place
        have, n = min(fits)
        _, place = self.free.pop(n)
        if have > size:
            self.free.append((have - size, place + size))
        return place

    def release(self, place: int, size: int) -> None:
        """Let a place be used again, joined with its free neighbours."""
        self.free.append((size, place))
        self.free.sort(key=lambda entry: entry[1])
        merged: list[tuple[int, int]] = []
        for have, at in self.free:
            if merged and merged[-1][1] + merged[-1][0] == at:
                merged[-1] = (merged[-1][0] + have, merged[-1][1])
            else:
                merged.append((have, at))
        self.free = merged


def offsets(order: TensorSpec, spec: TensorSpec, unit: int = 1) -> npt.NDArray[np.uint32]:
    """Where the entries of `order` are in a tensor of `spec`, of `unit` numbers an entry."""
    apart: dict[AxisKey, int] = {}
    step = unit
    for axis in reversed(spec.axes):
        apart[axis.key] = step
        step *= axis.size
    offsets = np.zeros(1, np.int64)
    for axis in order.axes:
        starts = np.arange(axis.size) * apart.get(axis.key, 0)
        offsets = (offsets[:, np.newaxis] + starts).ravel()
    return offsets.astype(np.uint32)


def buffer_starts(calls: list[Call]) -> tuple[dict[Tensor, int], int]:
    """Where each tensor lies, in entries, and how many there are; the scale comes first.

    A tensor lies where another did that is not read any more.
    """
    last: dict[Tensor, int] = {}
    for number, call in enumerate(calls):
        for tensor in call.inputs:
            last[tensor] = number
    memory = BlockMemory()
    memory.allocate(SCALE)
    starts: dict[Tensor, int] = {}
    for number, call in enumerate(calls):
        out = call.out
        dead = [t for t in dict.fromkeys(call.inputs) if t in starts and last[t] == number]
        if out is not None:
            if call.kernel in IN_PLACE and call.inputs[0] in dead:
                starts[out] = starts[dead.pop(dead.index(call.inputs[0]))]
            else:
                starts[out] = memory.allocate(out.spec.entries)
            if out not in last:
                dead.append(out)
        for tensor in dead:
            memory.release(starts[tensor], tensor.spec.entries)
    return starts, memory.size


def without_zeros(calls: list[Call]) -> list[Call]:
    """The same calls, with groups where these pay."""
    last = {tensor: n for n, call in enumerate(calls) for tensor in call.inputs}
    known: dict[Tensor, Bools] = {}  # of tensors with zeros: where entries may be others
    grouped = []
    for number, call in enumerate(calls):
        for tensor in call.inputs:
            if tensor.array is not None and tensor not in known:
                _note(known, tensor, tensor.array != 0)
        some = any(tensor in known for tensor in call.inputs)
        follow = some and call.out is not None and call.out.spec.entries <= WIDE
        grouped.append(_followed(call, known) if follow else call)
        for tensor in call.inputs:
            if last[tensor] == number:
                known.pop(tensor, None)
    return grouped


def _followed(call: Call, known: dict[Tensor, Bools]) -> Call:
    """A call of which some inputs have zeros; those of what it makes become known."""
    out = call.out
    assert out is not None
    if call.kernel in ("sum", "largest"):
        supports = [(known[x], x.spec) for x in call.inputs if x in known]
        which = term_sets(out.spec, call.reduced, supports)
        _note(known, out, which.support)
        return replace(call, groups=_worth(call, which))
    if call.kernel == "pick":  # any state may be picked
        table = known[call.inputs[0]]
        axes = tuple(range(len(out.spec.axes), table.ndim))
        _note(known, out, np.logical_or.reduce(table, axis=axes))
    elif call.kernel in SAME and call.inputs[0] in known:
        known[out] = known[call.inputs[0]]
    return call


def _note(known: dict[Tensor, Bools], tensor: Tensor, support: Bools) -> None:
    if not support.all():
        known[tensor] = support


def _worth(call: Call, which: TermSets) -> Groups | None:
    """The groups of a contraction, if they are quicker than all terms."""
    assert call.out is not None
    outputs, step = call.out.spec.entries, tile(len(call.inputs), 1)
    least = int(np.bincount(which.of.ravel()) @ which.sets.sum(axis=1))
    most = PAYS * outputs * call.reduced.entries - TURN * outputs
    if least > most:
        return None
    groups = which.groups(step)
    return groups if groups.products(step) <= most else None
