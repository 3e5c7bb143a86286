"""What a program does natively: calls of kernels on tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.native.groups import Groups
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import TensorSpec

F64 = npt.NDArray[np.float64]
SCALAR = TensorSpec()
SCALED = ("normalize", "rescale", "normalize_largest", "rescale_largest")  # kernels that scale


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a block, or numbers that are the same in all lanes."""

    spec: TensorSpec
    array: F64 | None = None


Operands = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """A call of a kernel.

    Attributes:
        kernel: what it does; `sum` and `largest` for contractions.
        out: what it makes, if that is a tensor.
        inputs: what it reads.
        reduced: the axes that are summed over, or picked from by each lane's states.
        key: the variable that it loads, or the slot that it fills.
        groups: of a contraction's outputs, where many terms are zero whatever the evidence.
    """

    kernel: str
    out: Tensor | None
    inputs: Operands = ()
    reduced: TensorSpec = SCALAR
    key: Any = None
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
    """A program as calls.

    Attributes:
        calls: in order.
        fixed: slots that no evidence changes.
        scale: ln Z so far, as far as no evidence changes it.
    """

    calls: list[Call]
    fixed: dict[SlotKey, F64]
    scale: float

    @property
    def terms(self) -> int:
        """Products of one lane."""
        return sum(call.terms for call in self.calls)
