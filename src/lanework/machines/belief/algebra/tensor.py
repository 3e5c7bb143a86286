"""Tensors with keyed axes: two axes are the same if type and number are, wherever they lie."""

from __future__ import annotations

import enum
import math
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
    found: dict[AxisKey, Axis] = {}
    for spec in specs:
        for axis in spec.axes:
            found.setdefault(axis.key, axis)
    return TensorSpec(tuple(found.values()))


Array = npt.NDArray[Any]


def align_array_to(array: Array, spec: TensorSpec, out: TensorSpec) -> Array:
    """A view with the axes of `out`, those that it lacks of length 1.

    Args:
        array: with the axes of `spec`; axes after them are lanes, and stay last.
        spec: its axes.
        out: the axes that are wanted; it has all of `spec`'s.

    Raises:
        Diagnostic: LW5006 where an axis is missing or has another length.

    Example:
        >>> from lanework.machines.belief.algebra.tensor import Axis, AxisType
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
