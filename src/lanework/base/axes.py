"""Named axes: arrays are aligned by the names of their axes, never by position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lanework.base.codes import AXES_DISAGREE
from lanework.base.errors import Diagnostic


@dataclass(frozen=True)
class Axis:
    """An axis: its name, its length and, if it has them, the labels along it."""

    name: str
    size: int
    labels: tuple[object, ...] | None = None


def merge(named: Iterable[tuple[str, Sequence[str], Sequence[int]]]) -> dict[str, int]:
    """The length of every axis, in order of first appearance.

    Args:
        named: for each array its name, its axes and its shape.

    Raises:
        Diagnostic: LW0301 naming both arrays.

    Example:
        >>> merge([("price", ("time",), (3,)), ("volume", ("time", "scenario"), (3, 5))])
        {'time': 3, 'scenario': 5}
    """
    sizes: dict[str, int] = {}
    owner: dict[str, str] = {}
    for name, axes, shape in named:
        for axis, size in zip(axes, shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise Diagnostic(
                    AXES_DISAGREE,
                    f"{name!r} has {size} along {axis!r}, but {owner[axis]!r} has {sizes[axis]}",
                    help="give both the same length, or label the axes differently",
                )
            owner.setdefault(axis, name)
    return sizes


def align(
    array: npt.NDArray[np.float64], axes: Sequence[str], onto: Mapping[str, int]
) -> npt.NDArray[np.float64]:
    """An array over all axes of `onto`, in that order: axes that it lacks have length 1.

    Example:
        >>> align(np.ones((3, 2)), ("b", "a"), {"a": 2, "c": 4, "b": 3}).shape
        (2, 1, 3)
    """
    have = [axis for axis in onto if axis in axes]
    moved = np.transpose(array, [axes.index(axis) for axis in have])
    shape = [onto[axis] if axis in axes else 1 for axis in onto]
    return moved.reshape(shape)
