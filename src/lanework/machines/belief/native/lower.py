"""From a tape to calls of native kernels: what no evidence changes is worked out here and now.

A product that is only summed afterwards is not written out: its operands go to the sum's kernel,
which multiplies them again for each term. That pays unless the product is used often.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lanework.core.program.isa import Dispatch, Instruction
from lanework.engines.tensors.layout import SHAPES
from lanework.machines.belief.isa import BELIEF, CONTRACTIONS, EFFECTS
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.native.calls import Call, Lowered, Operands, Tensor
from lanework.machines.belief.reference.kernels import FOLD, vm_contract, vm_contract_eliminate
from lanework.machines.belief.reference.vm import VirtualMachine
from lanework.machines.belief.semiring import SEMIRINGS
from lanework.machines.belief.tensor import TensorSpec, align_array_to, joined
from lanework.machines.belief.walk import Walk

LARGE = 1 << 15  # entries from which writing a product out is dear, since caches do not hold it
DEAR = 3  # how much dearer


def lower(view: BeliefView, walk: Walk, semiring: str) -> Lowered:
    """The calls of a verified program, over `prob` or `max`."""
    return _Lowering(view, walk, semiring).run()


class _Lowering:
    def __init__(self, view: BeliefView, walk: Walk, semiring: str) -> None:
        self.view, self.walk = view, walk
        self.sr = SEMIRINGS[semiring]()
        self.largest = semiring == "max"
        self.vm = VirtualMachine(self.sr)
        self.rows: dict[int, Operands] = {}  # registers that differ between lanes
        self.slots: dict[int, Operands] = {}
        self.uses = _uses(view, walk)
        self.number, self.spec = 0, TensorSpec()  # of the instruction, and what it makes
        self.out = Lowered([], {}, 0.0)

    def run(self) -> Lowered:
        self.vm.use(self.view)
        # what leaves the range of numbers is asked again with logarithms
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            for number, instruction in enumerate(self.view.instructions):
                if not self._varies(number, instruction):
                    self.vm.step(instruction, self.view, {})
                    continue
                self.number, self.spec = number, self.walk.specs[number] or TensorSpec()
                operands = LOWERED[instruction.name](self, *instruction.operands)
                if operands is not None:
                    self.rows[instruction.target] = operands
        self.out.fixed = {key: self.vm.slots.get(key)[0] for key in self.vm.slots}
        self.out.scale = float(self.vm.scale)
        self.out.least_sum = float(self.vm.least_sum)
        self.out.least_entry = float(self.vm.least_entry)
        return self.out

    def _varies(self, number: int, instruction: Instruction) -> bool:
        if instruction.name in EFFECTS:
            return instruction.operands[0] in self.rows
        return self.walk.laned[number]

    def call(self, kernel: str, spec: TensorSpec, inputs: Operands = (), **more: Any) -> Tensor:
        out = Tensor(spec)
        self.out.calls.append(Call(kernel, out, inputs, **more))
        return out

    def _operands(self, row: int) -> Operands:
        if row in self.rows:
            return self.rows[row]
        array, spec = self.vm.regs.get(row)
        return (Tensor(spec, np.asarray(array, np.float64)),)

    def written(self, row: int) -> Tensor:
        """A register as one tensor, written out."""
        operands = self._operands(row)
        if len(operands) > 1:
            spec = joined(*(tensor.spec for tensor in operands))
            self.rows[row] = operands = (self.call("sum", spec, operands),)
        (tensor,) = operands
        if tensor.array is not None:  # numbers beside tensors, for kernels that want lanes
            ones = self.call("load", TensorSpec())
            tensor = self.call("sum", tensor.spec, (ones, tensor))
        return tensor

    def scaled(self, kernel: str, row: int) -> Operands:
        kernel = f"{kernel}_largest" if self.largest else kernel
        return (self.call(kernel, self.spec, (self.written(row),)),)

    def contract(self, rows: tuple[int, ...], *, largest: bool) -> Operands:
        """A product of registers, summed over the axes that it may lose."""
        operands = self._together(rows)
        union = joined(*(tensor.spec for tensor in operands))
        if len(self.spec.axes) < len(union.axes):
            return (self._summed(operands, largest),)
        if self._stays(len(operands)):
            return operands
        return (self.call("sum", self.spec, operands),)

    def _stays(self, count: int) -> bool:
        """Whether a product is not written out: it is multiplied again at each use instead."""
        uses = self.uses[self.number]
        if not all(use in CONTRACTIONS for use in uses):
            return False
        dear = DEAR if self.spec.entries >= LARGE else 1
        return len(uses) * (count - 1) < (count + 1) * dear

    def _summed(self, operands: Operands, largest: bool) -> Tensor:
        """A sum of products; what does not depend on the terms is multiplied afterwards."""
        kept, kernel = set(self.spec.keys), "largest" if largest else "sum"
        inner = tuple(t for t in operands if not kept.issuperset(t.spec.keys))
        outer = tuple(t for t in operands if t not in inner)
        union = joined(*(tensor.spec for tensor in inner))
        reduced = TensorSpec(tuple(axis for axis in union.axes if axis.key not in kept))
        if not outer:
            return self.call(kernel, self.spec, operands, reduced=reduced)
        between = self.spec.keep(set(union.keys))
        pairs = [(tensor.array, tensor.spec) for tensor in inner if tensor.array is not None]
        if len(pairs) == len(inner):
            numbers = vm_contract_eliminate(pairs, between, self.sr, largest=largest)
            return self.call("sum", self.spec, self._merged((*outer, Tensor(between, numbers))))
        first = self.call(kernel, between, inner, reduced=reduced)
        return self.call("sum", self.spec, self._merged((first, *outer)))

    def _together(self, rows: tuple[int, ...]) -> Operands:
        """The operands of a product of registers, as many as there are kernels for."""
        while True:
            operands = self._merged(tuple(t for row in rows for t in self._operands(row)))
            laned = sum(tensor.array is None for tensor in operands)
            if (laned, len(operands) - laned) in SHAPES:
                return operands
            self.written(max(rows, key=lambda row: len(self._operands(row))))

    def _merged(self, operands: Operands) -> Operands:
        """Operands with lanes first; numbers multiplied with each other where that is small."""
        numbers = [tensor for tensor in operands if tensor.array is not None]
        while len(numbers) > 1:
            numbers.sort(key=lambda tensor: tensor.spec.entries)
            first, second, *rest = numbers
            spec = joined(second.spec, first.spec)
            if spec.entries > max(FOLD, second.spec.entries):
                break
            pair = [(t.array, t.spec) for t in (first, second) if t.array is not None]
            numbers = [Tensor(spec, vm_contract(pair, spec, self.sr)), *rest]
        return (*(tensor for tensor in operands if tensor.array is None), *numbers)


def _uses(view: BeliefView, walk: Walk) -> list[list[str]]:
    """For each instruction the names of those that read what it makes."""
    uses: list[list[str]] = [[] for _ in view.instructions]
    for instruction, sources in zip(view.instructions, walk.sources, strict=True):
        for source in sources if instruction.name != "free" else ():
            uses[source].append(instruction.name)
    return uses


# What no evidence is in is worked out by the reference.
LOWERED: Dispatch[Callable[..., Operands | None]] = Dispatch(
    BELIEF,
    never=("unit", "load_factor", "load_selector"),
    free=lambda to, row: to.rows.__delitem__(row),
    load_slot=lambda to, slot: to.slots[slot],
    load_evidence=lambda to, variable: (to.call("load", to.spec, key=variable),),
    normalize=lambda to, row: to.scaled("normalize", row),
    rescale=lambda to, row: to.scaled("rescale", row),
    choose=lambda to, row: (to.call("choose", to.spec, (to.written(row),)),),
    divide=lambda to, *rows: (to.call("divide", to.spec, tuple(map(to.written, rows))),),
)


@LOWERED.register("store_slot")
def _store_slot(to: _Lowering, row: int, slot: int) -> None:
    to.slots[slot] = (to.written(row),)
    to.out.calls.append(Call("store", None, to.slots[slot], key=to.view.slots[slot]))


@LOWERED.register("sample")
def _sample(to: _Lowering, row: int) -> Operands:
    return (to.call("sample", to.spec, (to.written(row),), key=to.spec.axes[0].id),)


@LOWERED.register("reduce")
def _reduce(to: _Lowering, factor: int, _: int) -> Operands:
    """A table with the axes that rows pick from last."""
    scope, kept = to.view.scope(factor), set(to.spec.keys)
    picked = TensorSpec(tuple(axis for axis in scope.axes if axis.key not in kept))
    order = TensorSpec((*to.spec.axes, *picked.axes))
    table = np.ascontiguousarray(align_array_to(to.view.table(factor), scope, order))
    return (to.call("pick", to.spec, (Tensor(order, table),), reduced=picked),)


def _contraction(to: _Lowering, *operands: int, largest: bool) -> Operands:
    return to.contract(operands[:-1], largest=largest or to.largest)


for _name, (_, _largest) in CONTRACTIONS.items():
    LOWERED.register(_name)(partial(_contraction, largest=_largest))
