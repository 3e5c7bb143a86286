"""From a tape to calls of native kernels: what no evidence changes is worked out here and now.

A product that is only summed afterwards is not written out: its operands go to the sum's kernel,
which multiplies them again for each term. That pays unless the product is used often.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lanework.core.program.isa import Instruction, OperandKind
from lanework.engines.tensors.layout import SHAPES
from lanework.machines.belief.isa import BELIEF, CONTRACTIONS
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.native.calls import Call, Lowered, Parts, Tensor
from lanework.machines.belief.reference.kernels import FOLD, vm_contract, vm_contract_eliminate
from lanework.machines.belief.reference.vm import VirtualMachine
from lanework.machines.belief.semiring import SEMIRINGS
from lanework.machines.belief.tensor import TensorSpec, align_array_to, joined
from lanework.machines.belief.verify import Walk

LARGE = 1 << 15  # entries from which writing a product out is dear, since caches do not hold it
DEAR = 3  # how much dearer


def lower(view: BeliefView, walk: Walk, semiring: str) -> Lowered:
    """The calls of a program.

    Args:
        view: a verified program.
        walk: what it does to axes.
        semiring: `prob` or `max`.
    """
    return _Lowering(view, walk, semiring).run()


class _Lowering:
    def __init__(self, view: BeliefView, walk: Walk, semiring: str) -> None:
        self.view, self.walk = view, walk
        self.sr = SEMIRINGS[semiring]()
        self.largest = semiring == "max"
        self.vm = VirtualMachine(self.sr)
        self.rows: dict[int, Parts] = {}  # registers that differ between lanes
        self.slots: dict[int, Parts] = {}
        self.uses = _uses(view)
        self.out = Lowered([], {}, 0.0)

    def run(self) -> Lowered:
        self.vm.use(self.view)
        with np.errstate(divide="ignore"):
            for number, instruction in enumerate(self.view.instructions):
                if self._varies(number, instruction):
                    self._lower(number, instruction)
                else:
                    self.vm.step(instruction, self.view, {})
        self.out.fixed = {key: self.vm.slots.get(key)[0] for key in self.vm.slots}
        self.out.scale = float(self.vm.scale)
        return self.out

    def _varies(self, number: int, instruction: Instruction) -> bool:
        if instruction.name in ("free", "store_slot"):
            return instruction.operands[0] in self.rows
        return self.walk.laned[number]

    def _lower(self, number: int, instruction: Instruction) -> None:
        name, operands, target = instruction.name, instruction.operands, instruction.target
        spec = self.walk.specs[number]
        if name == "free":
            del self.rows[operands[0]]
            return
        if name == "store_slot":
            tensor = self._whole(operands[0])
            self.slots[operands[1]] = (tensor,)
            self._call("store", None, (tensor,), key=self.view.slots[operands[1]])
            return
        assert spec is not None
        if name == "load_slot":
            parts = self.slots[operands[0]]
        elif name == "load_evidence":
            parts = (self._call("load", spec, key=operands[0]),)
        elif name == "reduce":
            parts = (self._reduce(operands[0], spec),)
        elif name in ("normalize", "rescale", "choose", "draw"):
            scaling = name in ("normalize", "rescale")
            kernel = f"{name}_largest" if self.largest and scaling else name
            key = spec.axes[0].id if name == "draw" else None
            parts = (self._call(kernel, spec, (self._whole(operands[0]),), key=key),)
        elif name == "divide":
            parts = (self._call(name, spec, tuple(map(self._whole, operands))),)
        else:
            largest = CONTRACTIONS[name][1] or self.largest
            parts = self._contract(operands[:-1], spec, largest, self.uses[number])
        self.rows[target] = parts

    # Operands ---------------------------------------------------------------------------------

    def _call(
        self, kernel: str, spec: TensorSpec | None, inputs: Parts = (), **more: Any
    ) -> Tensor:
        out = Tensor(spec or TensorSpec())
        self.out.calls.append(Call(kernel, None if spec is None else out, inputs, **more))
        return out

    def _parts(self, row: int) -> Parts:
        """The operands whose product a register holds."""
        if row in self.rows:
            return self.rows[row]
        array, spec = self.vm.regs.get(row)
        return (Tensor(spec, np.asarray(array, np.float64)),)

    def _whole(self, row: int) -> Tensor:
        """A register as one tensor, written out."""
        parts = self._parts(row)
        if len(parts) > 1:
            spec = joined(*(part.spec for part in parts))
            parts = (self._call("sum", spec, parts),)
            self.rows[row] = parts
        (tensor,) = parts
        if tensor.array is not None:  # numbers beside tensors, for kernels that want lanes
            ones = self._call("load", TensorSpec())
            tensor = self._call("sum", tensor.spec, (ones, tensor))
        return tensor

    def _reduce(self, factor: int, out: TensorSpec) -> Tensor:
        """A table with the axes that rows pick from last."""
        whole = self.view.scope(factor)
        gone = TensorSpec(tuple(a for a in whole.axes if a.key not in set(out.keys)))
        order = TensorSpec((*out.axes, *gone.axes))
        table = np.ascontiguousarray(align_array_to(self.view.table(factor), whole, order))
        return self._call("pick", out, (Tensor(order, table),), gone=gone)

    # Products ---------------------------------------------------------------------------------

    def _contract(
        self, rows: tuple[int, ...], out: TensorSpec, largest: bool, uses: list[str]
    ) -> Parts:
        parts = self._together(rows)
        whole = joined(*(part.spec for part in parts))
        if len(out.axes) == len(whole.axes):
            if self._stays(parts, out, uses):
                return parts
            return (self._call("sum", out, parts),)
        return (self._summed(parts, out, largest),)

    def _stays(self, parts: Parts, out: TensorSpec, uses: list[str]) -> bool:
        """Whether a product is not written out: it is multiplied again at each use instead."""
        if not all(use in CONTRACTIONS for use in uses):
            return False
        dear = DEAR if out.entries >= LARGE else 1
        return len(uses) * (len(parts) - 1) < (len(parts) + 1) * dear

    def _summed(self, parts: Parts, out: TensorSpec, largest: bool) -> Tensor:
        """A sum of products; what does not depend on the terms is multiplied afterwards."""
        kept = set(out.keys)
        inner = tuple(p for p in parts if any(key not in kept for key in p.spec.keys))
        outer = tuple(p for p in parts if p not in inner)
        whole = joined(*(part.spec for part in inner))
        gone = TensorSpec(tuple(axis for axis in whole.axes if axis.key not in kept))
        kernel = "largest" if largest else "sum"
        if outer:
            between = out.keep(set(whole.keys))
            pairs = [(part.array, part.spec) for part in inner if part.array is not None]
            if len(pairs) == len(inner):
                known = vm_contract_eliminate(pairs, between, self.sr, largest=largest)
                return self._call("sum", out, self._merged((*outer, Tensor(between, known))))
            made = self._call(kernel, between, inner, gone=gone)
            return self._call("sum", out, self._merged((made, *outer)))
        return self._call(kernel, out, parts, gone=gone)

    def _together(self, rows: tuple[int, ...]) -> Parts:
        """The operands of a product of registers, as many as there are kernels for."""
        while True:
            parts = self._merged(tuple(part for row in rows for part in self._parts(row)))
            laned = [part for part in parts if part.array is None]
            if (len(laned), len(parts) - len(laned)) in SHAPES:
                return parts
            self._whole(max((row for row in rows), key=lambda row: len(self._parts(row))))

    def _merged(self, parts: Parts) -> Parts:
        """Operands with lanes first; numbers multiplied with each other where that is small."""
        laned = tuple(part for part in parts if part.array is None)
        numbers = sorted(
            (part for part in parts if part.array is not None), key=lambda part: part.spec.entries
        )
        while len(numbers) > 1:
            first, second, *rest = numbers
            spec = joined(second.spec, first.spec)
            if spec.entries > max(FOLD, second.spec.entries):
                break
            pair = [(part.array, part.spec) for part in (first, second) if part.array is not None]
            numbers = sorted(
                [Tensor(spec, vm_contract(pair, spec, self.sr)), *rest],
                key=lambda part: part.spec.entries,
            )
        return (*laned, *numbers)


def _uses(view: BeliefView) -> list[list[str]]:
    """For each instruction the names of those that read what it makes."""
    found: list[list[str]] = [[] for _ in view.instructions]
    made: dict[int, int] = {}
    for number, instruction in enumerate(view.instructions):
        if instruction.name == "free":
            continue
        info = BELIEF.by_name[instruction.name]
        for operand, spec in zip(instruction.operands, info.operands, strict=True):
            if spec.kind is OperandKind.ROW:
                found[made[operand]].append(instruction.name)
        if instruction.name != "store_slot":
            made[instruction.target] = number
    return found
