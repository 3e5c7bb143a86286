"""Selectors: tensors that say to which mode each state of an interface belongs.

A selector has the axes of some variables, the interface, and one topological axis, the modes. It
is one where the state belongs to the mode, and zero elsewhere. So two ends of a chord that agree
on a mode agree on a class of states (arXiv 2601.04456, holonomy-aware compilation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.machines.belief.algebra.tensor import Array, Axis, AxisType, TensorSpec
from lanework.machines.belief.codes import AXES_DISAGREE

NONE = -1  # the label of a state that belongs to no mode
Tensor = tuple[Array, TensorSpec]


@dataclass(frozen=True, eq=False)
class SelectorPayload:
    """What a selector is made from.

    Attributes:
        mode_axis_id: the number of the mode axis.
        interface_axis_ids: the variables of the interface.
        quotient_map: the mode of each state of the interface, the last variable fastest; -1 for a
            state that belongs to none.
        num_modes: how many modes there are.
        diag_mask: if given, whether each state may belong to a mode at all.
    """

    mode_axis_id: int
    interface_axis_ids: tuple[int, ...]
    quotient_map: npt.NDArray[np.int64]
    num_modes: int
    diag_mask: npt.NDArray[np.bool_] | None = None

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The mode of each state, the mask taken into account."""
        labels = np.asarray(self.quotient_map, np.int64)
        return labels if self.diag_mask is None else np.where(self.diag_mask, labels, NONE)


def vm_load_selector(
    payload: SelectorPayload,
    domains: Mapping[int, int],
    mode_sizes: Mapping[int, int],
    dtype: npt.DTypeLike = np.float64,
    one_val: Any = 1,
    zero_val: Any = 0,
) -> Tensor:
    """The tensor of a selector.

    Args:
        payload: what it is made from.
        domains: variable -> how many states it has.
        mode_sizes: mode axis -> its length.
        dtype: of the entries.
        one_val: the one of a semiring.
        zero_val: the zero of a semiring.

    Returns:
        The array, of the shape (states of each variable..., modes), and its axes.

    Raises:
        Diagnostic: LW5006 where the labels do not fit the interface and the modes.

    Example:
        >>> payload = SelectorPayload(0, (7,), np.array([0, 1, 0, -1]), 2)
        >>> array, spec = vm_load_selector(payload, {7: 4}, {0: 2})
        >>> array.T.tolist()
        [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    """
    number, labels = payload.mode_axis_id, payload.labels
    axes = [Axis(v, AxisType.GEOMETRIC, domains[v]) for v in payload.interface_axis_ids]
    spec = TensorSpec((*axes, Axis(number, AxisType.TOPOLOGICAL, mode_sizes[number])))
    states, modes = math.prod(axis.size for axis in axes), mode_sizes[number]
    if labels.shape != (states,):
        raise Diagnostic(
            AXES_DISAGREE, f"a selector has labels of the shape {labels.shape}, not ({states},)"
        )
    if modes < payload.num_modes or labels.max(initial=NONE) >= payload.num_modes:
        raise Diagnostic(AXES_DISAGREE, f"a selector names modes past the {modes} that there are")
    chosen = np.arange(modes) == labels[:, np.newaxis]
    return np.where(chosen, one_val, zero_val).astype(dtype).reshape(spec.shape), spec


def vm_load_selector_dense(payload: SelectorPayload, domains: Mapping[int, int]) -> Tensor:
    """The tensor of a selector, of zeros and ones in float64, as long as it has modes.

    Example:
        >>> payload = SelectorPayload(0, (7,), np.array([0, 1]), 2)
        >>> vm_load_selector_dense(payload, {7: 2})[0].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    return vm_load_selector(payload, domains, {payload.mode_axis_id: payload.num_modes})
