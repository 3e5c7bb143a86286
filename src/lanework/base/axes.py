"""Named axes: arrays are aligned by the names of their axes, never by position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.codes import AXES_DISAGREE, AXES_MISNAMED
from lanework.base.errors import Diagnostic


@dataclass(frozen=True)
class Axis:
    """An axis: its name, its length and, if it has them, the labels along it.

    Raises:
        Diagnostic: LW0302 when there are not as many labels as places.
    """

    name: str
    size: int
    labels: tuple[object, ...] | None = None

    def __post_init__(self) -> None:
        if self.labels is not None and len(self.labels) != self.size:
            raise Diagnostic(
                AXES_MISNAMED,
                f"the axis {self.name!r} has {len(self.labels)} labels for {self.size} places",
                help="give one label for each place",
            )


def merge(named: Iterable[tuple[str, Sequence[str], Sequence[int]]]) -> dict[str, int]:
    """The length of every axis, in order of first appearance.

    Args:
        named: for each array its name, its axes and its shape.

    Raises:
        Diagnostic: LW0301 naming both arrays; LW0302 for axes that do not fit a shape.

    Example:
        >>> merge([("price", ("time",), (3,)), ("volume", ("time", "scenario"), (3, 5))])
        {'time': 3, 'scenario': 5}
    """
    arrays = []
    for name, axes, shape in named:
        check_axes(name, axes, shape)
        arrays.append((name, [Axis(*pair) for pair in zip(axes, shape, strict=True)]))
    return {axis.name: axis.size for axis in combine(arrays)}


def combine(arrays: Iterable[tuple[str, Sequence[Axis]]]) -> tuple[Axis, ...]:
    """All axes of some arrays, in order of first appearance, each with the labels that are known.

    Args:
        arrays: for each array its name and its axes.

    Raises:
        Diagnostic: LW0301 when lengths or labels disagree, naming both arrays.

    Example:
        >>> both = combine([("a", [Axis("x", 2)]), ("b", [Axis("x", 2, ("p", "q")), Axis("y", 3)])])
        >>> [axis.name for axis in both], both[0].labels
        (['x', 'y'], ('p', 'q'))
    """
    known: dict[str, Axis] = {}
    owner: dict[str, str] = {}
    for name, axes in arrays:
        for axis in axes:
            before = known.get(axis.name)
            if before is None:
                known[axis.name], owner[axis.name] = axis, name
                continue
            other = owner[axis.name]
            if before.size != axis.size:
                raise Diagnostic(
                    AXES_DISAGREE,
                    f"{name!r} has {axis.size} along {axis.name!r}, but {other!r} has"
                    f" {before.size}",
                    help="give both the same length, or label the axes differently",
                )
            if before.labels is None:
                if axis.labels is not None:
                    known[axis.name], owner[axis.name] = axis, name
            elif axis.labels is not None and axis.labels != before.labels:
                pairs = zip(axis.labels, before.labels, strict=True)
                place, (here, there) = next((n, p) for n, p in enumerate(pairs) if p[0] != p[1])
                raise Diagnostic(
                    AXES_DISAGREE,
                    f"{name!r} has {here!r} at place {place} along {axis.name!r}, but {other!r}"
                    f" has {there!r}",
                    help="put both in the same order, or name one axis differently",
                )
    return tuple(known.values())


def mapped(onto: Iterable[str], core: Iterable[str]) -> tuple[str, ...]:
    """The axes to map over: all but those that the callee handles itself (`core`), in order.

    Example:
        >>> mapped(("scenario", "time", "point"), ["time"])
        ('scenario', 'point')
    """
    own = frozenset(core)
    return tuple(axis for axis in onto if axis not in own)


def align(array: npt.NDArray[Any], axes: Sequence[str], onto: Mapping[str, int]) -> Any:
    """A view of an array over all axes of `onto`, in that order: axes it lacks have length 1.

    Args:
        array: any dtype, one dimension for each of `axes`.
        axes: the names of its axes.
        onto: the length of every axis, as `merge` gives them.

    Returns:
        The same dtype, ``len(onto)`` dimensions; aligned arrays broadcast with one another.

    Raises:
        Diagnostic: LW0302 for axes that do not fit the array or are not among `onto`; LW0301 for
            another length than `onto` has.

    Example:
        >>> align(np.ones((3, 2)), ("b", "a"), {"a": 2, "c": 4, "b": 3}).shape
        (2, 1, 3)
    """
    check_axes("array", axes, array.shape)
    for axis, size in zip(axes, array.shape, strict=True):
        if axis not in onto:
            raise Diagnostic(
                AXES_MISNAMED,
                f"the axis {axis!r} is not one of {', '.join(onto) or 'none'}",
                help="name the array's axes as the others do",
            )
        if onto[axis] != size:
            raise Diagnostic(
                AXES_DISAGREE,
                f"the array has {size} along {axis!r}, and {onto[axis]} are needed",
                help="give both the same length, or name one axis differently",
            )
    order = [axes.index(axis) for axis in onto if axis in axes]
    moved = np.transpose(array, order)
    return moved[tuple(slice(None) if axis in axes else None for axis in onto)]


def check_axes(name: str, axes: Sequence[str], shape: Sequence[int]) -> None:
    """Refuse names that do not fit a shape.

    Raises:
        Diagnostic: LW0302.
    """
    if len(axes) != len(shape):
        raise Diagnostic(
            AXES_MISNAMED,
            f"{name!r} has {len(shape)} dimensions and {len(axes)} axes"
            + (f" ({', '.join(axes)})" if axes else ""),
            help="name one axis for each dimension",
        )
    if len(set(axes)) != len(axes):
        twice = next(axis for axis in axes if axes.count(axis) > 1)
        raise Diagnostic(
            AXES_MISNAMED,
            f"{name!r} has two axes of the name {twice!r}",
            help="name each axis differently",
        )
