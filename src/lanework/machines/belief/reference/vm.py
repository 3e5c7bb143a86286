"""The reference: a belief program run one instruction after another, in NumPy.

Arrays have the axes of their tensors and, where evidence is in them, one more axis of lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.program.isa import Dispatch, Instruction
from lanework.core.program.program import Program
from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.data.posterior import Posterior, least_positive, may_be_lost
from lanework.machines.belief.isa import BELIEF, CONTRACTIONS
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.reference.kernels import (
    Tensor,
    vm_choose,
    vm_contract_eliminate,
    vm_divide,
    vm_normalize,
    vm_reduce,
    vm_sample,
    vm_unit,
)
from lanework.machines.belief.semiring import NAMED, WEIGHTED, VMSemiringRuntime
from lanework.machines.belief.state import RegisterBank, SlotStore
from lanework.machines.belief.tensor import F64, TensorSpec
from lanework.machines.belief.walk import walk

FactorProvider = Callable[[int], Tensor]
Weights = Mapping[int, npt.NDArray[np.float64]]  # of a variable's states, or chances of its rows
# The whole sum of a scaled number and the logarithm of what it was divided by, in semirings that
# scale; it may be too small for a float64, which the logarithm is not.
_UNSCALED: dict[str, Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "prob": lambda z, logs: z * np.exp(logs),
    "max": lambda z, logs: z * np.exp(logs),
    "logprob": lambda z, logs: z + logs,
    "minsum": lambda z, logs: z - logs,
}


class VirtualMachine:
    """Runs belief programs over a semiring.

    Attributes:
        regs: the registers.
        slots: messages, beliefs and results; the whole sum is in ``("Z",)``.
        scale: its logarithm; one a lane, or one for all.

    Example:
        >>> from lanework.machines.belief.passes.compile import compile_graph
        >>> from lanework.machines.belief.graph.model import FactorGraph
        >>> from lanework.machines.belief.semiring import vm_prob_semiring
        >>> graph = FactorGraph()
        >>> _ = graph.variable("a", 2)
        >>> _ = graph.factor(["a"], [1.0, 3.0])
        >>> vm = VirtualMachine(vm_prob_semiring())
        >>> vm.run(compile_graph(graph))
        >>> z_arr, z_spec = vm.slots.get(("Z",))
        >>> vm.slots.get(("bel", 0))[0], float(z_arr.round(9)), float(vm.scale.round(6))
        (array([0.25, 0.75]), 4.0, 1.386294)
    """

    def __init__(self, sr: VMSemiringRuntime) -> None:
        self.sr = sr
        self.regs = RegisterBank()
        self.slots = SlotStore()
        self.scale: npt.NDArray[Any] = np.zeros(())
        self.chances: Weights = {}
        self.least_sum = self.least_entry = np.ones(())

    def run(
        self,
        program: Program,
        factor_provider: FactorProvider | None = None,
        selector_provider: FactorProvider | None = None,
        evidence: Weights | None = None,
        chances: Weights | None = None,
    ) -> None:
        """Run a program.

        Args:
            program: a verified belief program.
            factor_provider: number -> table and axes; by default the program's own.
            selector_provider: number -> selector and axes; by default the program's own.
            evidence: variable -> weights of its states, of shape (states,) or (states, lanes).
            chances: variable -> a number from 0 to 1 for each lane, where programs sample.
        """
        view = BeliefView.of(program)
        self.use(view, factor_provider, selector_provider)
        self.chances = chances or {}
        for instruction in view.instructions:
            self.step(instruction, view, evidence or {})
        unscaled = _UNSCALED.get(self.sr.name)
        if unscaled is not None and ("Z",) in self.slots:
            self.slots.replace(("Z",), unscaled(self.slots.get(("Z",))[0], self.scale))

    def use(
        self,
        view: BeliefView,
        factor_provider: FactorProvider | None = None,
        selector_provider: FactorProvider | None = None,
    ) -> None:
        """Say where tables and selectors come from: by default from the program itself."""
        self.factor = factor_provider or (lambda n: (self.sr.convert(view.table(n)), view.scope(n)))
        self.selector = selector_provider or (
            lambda n: (view.selector(n, self.sr), view.selected(n))
        )

    def step(self, instruction: Instruction, view: BeliefView, evidence: Weights) -> None:
        """Run one instruction."""
        self.view, self.evidence = view, evidence
        tensor = STEPS[instruction.name](self, *instruction.operands)
        if tensor is not None:
            self.regs.put(instruction.target, *tensor)

    def normalized(self, row: int) -> tuple[Tensor, npt.NDArray[Any]]:
        """A register scaled to a sum of one, and the logarithm of the sum.

        The least sum and the least entry are kept, where entries are numbers that may vanish.
        """
        array, spec = self.regs.get(row)
        array, logs = vm_normalize(array, spec, self.sr)
        if array.dtype == np.float64 and self.sr.name in ("prob", "max"):
            axes = tuple(range(len(spec.axes)))
            self.least_sum = np.minimum(self.least_sum, np.exp(logs))
            entries = np.min(array, axis=axes, initial=1.0, where=array > 0)
            self.least_entry = np.minimum(self.least_entry, entries)
        return (array, spec), logs


STEPS: Dispatch[Callable[..., Tensor | None]] = Dispatch(
    BELIEF,
    unit=lambda vm, spec: (vm_unit(vm.view.specs[spec], vm.sr), vm.view.specs[spec]),
    load_factor=lambda vm, factor: vm.factor(factor),
    load_selector=lambda vm, selector: vm.selector(selector),
    load_slot=lambda vm, slot: vm.slots.get(vm.view.slots[slot]),
    store_slot=lambda vm, row, slot: vm.slots.put(vm.view.slots[slot], *vm.regs.get(row)),
    free=lambda vm, row: vm.regs.free(row),
    normalize=lambda vm, row: vm.normalized(row)[0],
)


@STEPS.register("load_evidence")
def _load_evidence(vm: VirtualMachine, variable: int) -> Tensor:
    spec, known = TensorSpec((vm.view.axis(variable),)), vm.evidence.get(variable)
    return vm_unit(spec, vm.sr) if known is None else vm.sr.weigh(known), spec


@STEPS.register("reduce")
def _reduce(vm: VirtualMachine, factor: int, spec: int) -> Tensor:
    kept, known = vm.view.specs[spec], vm.evidence
    states = {v: np.argmax(known[v], axis=0) for v in vm.view.fixed if v in known}
    return vm_reduce(*vm.factor(factor), kept, states), kept


@STEPS.register("rescale")
def _rescale(vm: VirtualMachine, row: int) -> Tensor:
    tensor, logs = vm.normalized(row)
    vm.scale = vm.scale + logs
    return tensor


@STEPS.register("choose")
def _choose(vm: VirtualMachine, row: int) -> Tensor:
    array, spec = vm.regs.get(row)
    return vm_choose(array, vm.sr), spec


@STEPS.register("sample")
def _sample(vm: VirtualMachine, row: int) -> Tensor:
    array, spec = vm.regs.get(row)
    return vm_sample(array, vm.chances[spec.axes[0].id], vm.sr), spec


@STEPS.register("divide")
def _divide(vm: VirtualMachine, x: int, y: int) -> Tensor:
    dividend = vm.regs.get(x)
    return vm_divide(dividend, vm.regs.get(y), vm.sr), dividend[1]


def _contraction(vm: VirtualMachine, *operands: int, largest: bool) -> Tensor:
    spec = vm.view.specs[operands[-1]]
    inputs = [vm.regs.get(row) for row in operands[:-1]]
    return vm_contract_eliminate(inputs, spec, vm.sr, largest=largest), spec


for _name, (_, _largest) in CONTRACTIONS.items():
    STEPS.register(_name)(partial(_contraction, largest=_largest))


@np.errstate(over="ignore", invalid="ignore")  # such rows are asked again with logarithms
def reference(
    program: Program,
    semiring: str | VMSemiringRuntime,
    evidence: Evidence,
    chances: Mapping[int, F64],
) -> Posterior:
    """Run a verified program in NumPy, over a semiring by name or one of the user's own.

    That one's logarithms of what tensors were divided by are in the slot ``("scale",)``.
    """
    vm = VirtualMachine(NAMED[semiring]() if isinstance(semiring, str) else semiring)
    vm.run(program, evidence=evidence.weights, chances=chances)
    slots = {}
    for key in filter(("Z",).__ne__, vm.slots):  # which is among the totals
        array, spec = vm.slots.get(key)
        flat = array.reshape(spec.entries, -1)
        slots[key] = np.exp(flat) if semiring == "logprob" else flat
    totals = vm.slots.get(("Z",))[0]
    rows = (evidence.rows,)
    if not isinstance(semiring, str):
        slots["scale",] = vm.scale.reshape(1, -1)
        return Posterior(slots, np.broadcast_to(totals, rows).copy(), np.zeros(rows, bool))
    if semiring not in ("bool", "counting", WEIGHTED):
        totals = -vm.scale if semiring == "minsum" else vm.scale
    numbers = least_positive([*evidence.weights.values(), program.constants])
    entries = np.minimum(vm.least_entry, numbers)
    lost = np.zeros((), bool)
    if semiring in ("prob", "max"):
        known = walk(program)
        most = known.most + known.factors * evidence.tops()
        lost = may_be_lost(vm.least_sum, entries, known.factors, most)
    return Posterior(slots, np.broadcast_to(totals, rows).copy(), np.broadcast_to(lost, rows))
