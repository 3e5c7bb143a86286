"""Tensors with keyed axes: two axes are the same if type and number are."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from functools import cached_property


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
