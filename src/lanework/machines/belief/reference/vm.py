"""The reference: a belief program run one instruction after another, in NumPy.

Arrays have the axes of their tensors and, where evidence is in them, one more axis of lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.program.isa import Instruction
from lanework.core.program.program import Program
from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.data.posterior import Posterior, least_positive, may_be_lost
from lanework.machines.belief.isa import CONTRACTIONS
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.reference.kernels import (
    Tensor,
    vm_choose,
    vm_contract_eliminate,
    vm_divide,
    vm_draw,
    vm_normalize,
    vm_reduce,
    vm_unit,
)
from lanework.machines.belief.semiring import SEMIRINGS, VMSemiringRuntime
from lanework.machines.belief.state import RegisterBank, SlotStore
from lanework.machines.belief.tensor import TensorSpec
from lanework.machines.belief.verify import walk

FactorProvider = Callable[[int], Tensor]
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
        self.chances: Mapping[int, npt.NDArray[np.float64]] = {}
        self.least_sum = self.least_entry = np.ones(())

    def run(
        self,
        program: Program,
        factor_provider: FactorProvider | None = None,
        selector_provider: FactorProvider | None = None,
        evidence: Mapping[int, npt.NDArray[np.float64]] | None = None,
        chances: Mapping[int, npt.NDArray[np.float64]] | None = None,
    ) -> None:
        """Run a program.

        Args:
            program: a verified belief program.
            factor_provider: number -> table and axes; by default the program's own.
            selector_provider: number -> selector and axes; by default the program's own.
            evidence: variable -> weights of its states, of shape (states,) or (states, lanes).
            chances: variable -> a number from 0 to 1 for each lane, where programs draw.
        """
        view = BeliefView.of(program)
        self.use(view, factor_provider, selector_provider)
        self.chances = chances or {}
        for instruction in view.instructions:
            self.step(instruction, view, evidence or {})
        unscaled = _UNSCALED.get(self.sr.name)
        if unscaled is not None and ("Z",) in self.slots:
            self.slots.replace(("Z",), unscaled(self.slots.get(("Z",))[0], self.scale))

    def _note(self, array: npt.NDArray[Any], spec: TensorSpec, logs: npt.NDArray[Any]) -> None:
        """Keep the least sum and the least entry, where entries are numbers that may vanish."""
        if array.dtype != np.float64 or self.sr.name not in ("prob", "max"):
            return
        axes = tuple(range(len(spec.axes)))
        self.least_sum = np.minimum(self.least_sum, np.exp(logs))
        entries = np.min(array, axis=axes, initial=1.0, where=array > 0)
        self.least_entry = np.minimum(self.least_entry, entries)

    def use(
        self,
        view: BeliefView,
        factor_provider: FactorProvider | None = None,
        selector_provider: FactorProvider | None = None,
    ) -> None:
        """Say where tables and selectors come from: by default from the program itself."""
        self._factor = factor_provider or (
            lambda n: (self.sr.convert(view.table(n)), view.scope(n))
        )
        self._selector = selector_provider or (
            lambda n: (view.selector(n, self.sr), view.selected(n))
        )

    def step(
        self,
        instruction: Instruction,
        view: BeliefView,
        evidence: Mapping[int, npt.NDArray[np.float64]],
    ) -> None:
        """Run one instruction."""
        name, operands, sr = instruction.name, instruction.operands, self.sr
        if name == "free":
            self.regs.free(operands[0])
            return
        if name == "store_slot":
            self.slots.put(view.slots[operands[1]], *self.regs.get(operands[0]))
            return
        array: npt.NDArray[Any]
        if name == "unit":
            spec = view.specs[operands[0]]
            array = vm_unit(spec, sr)
        elif name == "load_factor":
            array, spec = self._factor(operands[0])
        elif name == "load_selector":
            array, spec = self._selector(operands[0])
        elif name == "load_evidence":
            spec = TensorSpec((view.axis(operands[0]),))
            known = evidence.get(operands[0])
            array = vm_unit(spec, sr) if known is None else sr.weigh(known)
        elif name == "reduce":
            spec = view.specs[operands[1]]
            states = {v: np.argmax(evidence[v], axis=0) for v in view.fixed if v in evidence}
            array = vm_reduce(*self._factor(operands[0]), spec, states)
        elif name == "load_slot":
            array, spec = self.slots.get(view.slots[operands[0]])
        elif name in ("normalize", "rescale"):
            array, spec = self.regs.get(operands[0])
            array, logs = vm_normalize(array, spec, sr)
            if name == "rescale":
                self.scale = self.scale + logs
            self._note(array, spec, logs)
        elif name == "choose":
            array, spec = self.regs.get(operands[0])
            array = vm_choose(array, sr)
        elif name == "draw":
            array, spec = self.regs.get(operands[0])
            array = vm_draw(array, self.chances[spec.axes[0].id], sr)
        elif name == "divide":
            dividend, divisor = (self.regs.get(row) for row in operands)
            array, spec = vm_divide(dividend, divisor, sr), dividend[1]
        else:
            inputs = [self.regs.get(row) for row in operands[:-1]]
            spec = view.specs[operands[-1]]
            array = vm_contract_eliminate(inputs, spec, sr, largest=CONTRACTIONS[name][1])
        self.regs.put(instruction.target, array, spec)


def reference(
    program: Program,
    semiring: str | VMSemiringRuntime,
    evidence: Evidence,
    chances: Mapping[int, F64],
) -> Posterior:
    """Run a program in NumPy.

    Args:
        program: a verified program.
        semiring: its name, or one of the user's own; that one's logarithms of what tensors were
            divided by are in the slot ``("scale",)``.
        evidence: its rows.
        chances: variable -> a number from 0 to 1 for each row, where the program draws.
    """
    vm = VirtualMachine(SEMIRINGS[semiring]() if isinstance(semiring, str) else semiring)
    vm.run(program, evidence=evidence.weights, chances=chances)
    slots = {}
    for key in vm.slots:
        array, spec = vm.slots.get(key)
        flat = array.reshape(spec.entries, -1)
        slots[key] = np.exp(flat) if semiring == "logprob" else flat
    totals = vm.slots.get(("Z",))[0]
    rows = (evidence.rows,)
    if not isinstance(semiring, str):
        slots["scale",] = vm.scale.reshape(1, -1)
        return Posterior(slots, np.broadcast_to(totals, rows).copy(), np.zeros(rows, bool))
    if semiring not in ("bool", "counting"):
        totals = -vm.scale if semiring == "minsum" else vm.scale
    numbers = least_positive([*evidence.weights.values(), program.constants])
    entries = np.minimum(vm.least_entry, numbers)
    lost = may_be_lost(vm.least_sum, entries, walk(program).factors)
    return Posterior(slots, np.broadcast_to(totals, rows).copy(), np.broadcast_to(lost, rows))


F64 = npt.NDArray[np.float64]
