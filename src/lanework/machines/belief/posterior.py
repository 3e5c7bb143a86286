"""What a run found, and runs of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.program.program import Program
from lanework.machines.belief.evidence import Evidence
from lanework.machines.belief.semiring import SEMIRINGS, VMSemiringRuntime
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.underflow import least_positive, may_be_lost
from lanework.machines.belief.verify import walk
from lanework.machines.belief.vm import VirtualMachine

F64 = npt.NDArray[np.float64]


@dataclass
class Posterior:
    """What a run found.

    Attributes:
        slots: slot -> (entries, rows), or (entries, 1) where all rows have the same.
        totals: one a row: ln Z, -inf for evidence that is impossible, or the semiring's own value.
        lost: one a row, whether numbers were so small that they may have vanished.
    """

    slots: dict[SlotKey, npt.NDArray[Any]]
    totals: npt.NDArray[Any]
    lost: npt.NDArray[np.bool_]

    def put(self, rows: npt.NDArray[np.intp], logs: Posterior, semiring: str) -> None:
        """Replace some rows by what a run on logarithms found."""
        costs = semiring == "minsum"
        self.totals[rows] = -logs.totals if costs else logs.totals
        for key, value in logs.slots.items():
            wide = np.broadcast_to(self.slots[key], (len(value), len(self.lost))).copy()
            wide[:, rows] = np.exp(-value) if costs else value
            self.slots[key] = wide


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
