"""Putting a tensor's axes where another tensor has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.machines.belief.codes import AXES_DISAGREE
from lanework.machines.belief.tensor import TensorSpec

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
