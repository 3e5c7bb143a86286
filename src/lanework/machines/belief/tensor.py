"""Tensors with keyed axes: two axes are the same if type and number are, wherever they lie.

A selector has the axes of some variables, the interface, and one topological axis, the modes. It
is one where the state belongs to the mode, and zero elsewhere. So two ends of a chord that agree
on a mode agree on a class of states (arXiv 2601.04456, holonomy-aware compilation).
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.machines.belief.codes import AXES_DISAGREE


class AxisType(enum.IntEnum):
    """What an axis stands for; numbers of different types never meet."""

    GEOMETRIC = 0  # a variable
    TOPOLOGICAL = 1  # a mode, which goes round a cycle


AxisKey = tuple[AxisType, int]


@dataclass(frozen=True)
class Axis:
    """An axis of a tensor: its number, its type, its length."""

    id: int
    type: AxisType
    size: int

    @property
    def key(self) -> AxisKey:
        """What axes are matched by."""
        return (self.type, self.id)


@dataclass(frozen=True)
class TensorSpec:
    """The axes of a tensor, in order.

    Example:
        >>> spec = TensorSpec((Axis(0, AxisType.GEOMETRIC, 2), Axis(0, AxisType.TOPOLOGICAL, 3)))
        >>> spec.shape, spec.entries, len(set(spec.keys))
        ((2, 3), 6, 2)
    """

    axes: tuple[Axis, ...] = ()

    @cached_property
    def keys(self) -> tuple[AxisKey, ...]:
        """The axes' keys, in order."""
        return tuple(axis.key for axis in self.axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The axes' lengths, in order."""
        return tuple(axis.size for axis in self.axes)

    @cached_property
    def entries(self) -> int:
        """How many numbers a tensor has."""
        return math.prod(self.shape)

    def keep(self, keys: set[AxisKey]) -> TensorSpec:
        """The axes of these keys, in the order that they have here."""
        return TensorSpec(tuple(axis for axis in self.axes if axis.key in keys))


def joined(*specs: TensorSpec) -> TensorSpec:
    """The axes of several tensors, each once, in order of appearance."""
    axes: dict[AxisKey, Axis] = {}
    for spec in specs:
        for axis in spec.axes:
            axes.setdefault(axis.key, axis)
    return TensorSpec(tuple(axes.values()))


Array = npt.NDArray[Any]
F64 = npt.NDArray[np.float64]


def align_array_to(array: Array, spec: TensorSpec, out: TensorSpec) -> Array:
    """A view with the axes of `out`, those that it lacks of length 1.

    Args:
        array: with the axes of `spec`; axes after them are lanes, and stay last.
        spec: its axes.
        out: the axes that are wanted; it has all of `spec`'s.

    Raises:
        Diagnostic: LW5006 where an axis is missing or has another length.

    Example:
        >>> from lanework.machines.belief.tensor import Axis, AxisType
        >>> a, b = (Axis(n, AxisType.GEOMETRIC, n + 2) for n in range(2))
        >>> align_array_to(np.ones((3,)), TensorSpec((b,)), TensorSpec((a, b))).shape
        (1, 3)
    """
    if spec == out and array.shape[: len(spec.axes)] == spec.shape:
        return array
    known = {axis.key: n for n, axis in enumerate(spec.axes)}
    wanted = {axis.key: axis for axis in out.axes}
    lanes = array.shape[len(spec.axes) :]
    for axis in spec.axes:
        other = wanted.get(axis.key)
        if other is None or other.size != axis.size:
            what = "is missing" if other is None else f"has {other.size} places, not {axis.size}"
            raise Diagnostic(AXES_DISAGREE, f"the axis {axis.type.name} {axis.id} {what}")
    if array.shape[: len(spec.axes)] != spec.shape:
        raise Diagnostic(
            AXES_DISAGREE, f"an array of the shape {array.shape} does not have {spec.shape}"
        )
    order = [known[key] for key in out.keys if key in known]
    rest = range(len(spec.axes), array.ndim)
    shape = tuple(axis.size if axis.key in known else 1 for axis in out.axes)
    return np.transpose(array, (*order, *rest)).reshape(shape + lanes)


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
