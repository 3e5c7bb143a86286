"""The operations on tensors, over any semiring: the definition that engines are held to."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.options import flag
from lanework.machines.belief.codes import AXES_DISAGREE
from lanework.machines.belief.semiring import VMSemiringRuntime
from lanework.machines.belief.tensor import Array, Axis, AxisKey, TensorSpec, align_array_to, joined

Tensor = tuple[Array, TensorSpec]
PIECE = 1 << 16  # entries of what may be objects multiplied at once, when no other thread runs
FOLD = 1 << 20  # entries up to which tables that no evidence changes are multiplied beforehand


def vm_unit(spec: TensorSpec, sr: VMSemiringRuntime) -> Array:
    """A tensor of ones.

    Example:
        >>> from lanework.machines.belief.semiring import vm_prob_semiring
        >>> from lanework.machines.belief.tensor import Axis, AxisType
        >>> vm_unit(TensorSpec((Axis(0, AxisType.GEOMETRIC, 2),)), vm_prob_semiring())
        array([1., 1.])
    """
    return sr.one(spec.shape)


def vm_contract(inputs: Sequence[Tensor], out: TensorSpec, sr: VMSemiringRuntime) -> Array:
    """The product of tensors, each spread over the axes that it lacks.

    Args:
        inputs: arrays with their axes; lanes may follow these.
        out: the axes of the product: all of theirs, and perhaps more.
        sr: the semiring.

    Raises:
        Diagnostic: LW5006.
    """
    if not inputs:
        return vm_unit(out, sr)
    aligned = [align_array_to(array, spec, out) for array, spec in inputs]
    lanes = max(array.ndim for array in aligned)
    aligned = [array.reshape(array.shape + (1,) * (lanes - array.ndim)) for array in aligned]
    product = functools.reduce(sr.mul, aligned)
    wanted = out.shape + product.shape[len(out.axes) :]
    return product if product.shape == wanted else sr.mul(sr.one(wanted), product)


def vm_eliminate_keep(
    array: Array,
    spec: TensorSpec,
    keep: Iterable[AxisKey],
    sr: VMSemiringRuntime,
    *,
    largest: bool = False,
) -> Tensor:
    """The sum over all axes but some, or the largest over them; these stay in their order."""
    largest, kept = flag("largest", largest), set(keep)
    unknown = kept - set(spec.keys)
    if unknown:
        raise Diagnostic(AXES_DISAGREE, f"there is no axis {sorted(unknown)[0]} to keep")
    axes = tuple(n for n, key in enumerate(spec.keys) if key not in kept)
    out = spec.keep(kept)
    reduce = sr.max_reduce if largest else sr.add_reduce
    return (reduce(array, axes) if axes else array), out


def vm_eliminate(
    array: Array, spec: TensorSpec, drop: Iterable[AxisKey], sr: VMSemiringRuntime
) -> Tensor:
    """The sum over some axes."""
    dropped = set(drop)
    unknown = dropped - set(spec.keys)
    if unknown:
        raise Diagnostic(AXES_DISAGREE, f"there is no axis {sorted(unknown)[0]} to eliminate")
    return vm_eliminate_keep(array, spec, [k for k in spec.keys if k not in dropped], sr)


def vm_contract_eliminate(
    inputs: Sequence[Tensor], out: TensorSpec, sr: VMSemiringRuntime, *, largest: bool = False
) -> Array:
    """The product of tensors, summed over the axes that `out` does not have.

    With `largest` the largest of the products stands for their sum.
    """
    union = joined(*(spec for _, spec in inputs))
    lanes = max((array.size // spec.entries for array, spec in inputs if spec.entries), default=1)
    wide = max(union.axes, key=lambda axis: axis.size, default=None)
    if sr.dtype.kind in "iuO" and union.entries * lanes > PIECE and wide and wide.size > 1:
        return _in_pieces(inputs, out, sr, wide, largest=largest)
    missing = [axis for axis in out.axes if axis.key not in set(union.keys)]
    product = vm_contract(inputs, union, sr)
    array, spec = vm_eliminate_keep(
        product, union, [key for key in out.keys if key in set(union.keys)], sr, largest=largest
    )
    if missing or spec != out:
        return vm_contract([(array, spec)], out, sr)
    return array


def _in_pieces(
    inputs: Sequence[Tensor], out: TensorSpec, sr: VMSemiringRuntime, wide: Axis, *, largest: bool
) -> Array:
    """The same, a piece for each place along an axis, so that clocks are seen between them."""
    rest = TensorSpec(tuple(axis for axis in out.axes if axis.key != wide.key))
    pieces = []
    for place in range(wide.size):
        cut = [_at(array, spec, wide, place) for array, spec in inputs]
        pieces.append(vm_contract_eliminate(cut, rest, sr, largest=largest))
    stacked = np.stack(np.broadcast_arrays(*pieces))
    if wide.key in out.keys:
        return np.moveaxis(stacked, 0, out.keys.index(wide.key))
    return (sr.max_reduce if largest else sr.add_reduce)(stacked, (0,))


def _at(array: Array, spec: TensorSpec, wide: Axis, place: int) -> Tensor:
    if wide.key not in spec.keys:
        return array, spec
    before: tuple[Any, ...] = (slice(None),) * spec.keys.index(wide.key)
    cut: Array = array[(*before, place, ...)]
    return cut, TensorSpec(tuple(axis for axis in spec.axes if axis.key != wide.key))


def vm_normalize(array: Array, spec: TensorSpec, sr: VMSemiringRuntime) -> tuple[Array, Array]:
    """A tensor scaled to a sum of one in every lane, and the logarithm of the sum.

    A tensor of zeros stays as it is, and the logarithm is -inf.
    """
    return sr.normalize(array, tuple(range(len(spec.axes))))


def vm_reduce(
    array: Array, spec: TensorSpec, out: TensorSpec, states: Mapping[int, Array]
) -> Array:
    """A tensor at each lane's states of the variables that `out` lacks: variable -> states."""
    picked = TensorSpec(tuple(axis for axis in spec.axes if axis.key not in set(out.keys)))
    moved = align_array_to(array, spec, TensorSpec((*out.axes, *picked.axes)))
    cells: tuple[Any, ...] = tuple(states[axis.id] for axis in picked.axes)
    entries: Array = moved[(..., *cells)]
    return entries


def vm_divide(x: Tensor, y: Tensor, sr: VMSemiringRuntime) -> Array:
    """Entry over entry, `y` spread over the axes that it lacks; over nothing it is nothing.

    Raises:
        Diagnostic: LW5006 in a semiring without division.
    """
    if sr.div is None:
        raise Diagnostic(AXES_DISAGREE, f"the semiring {sr.name} has no division")
    array, below = x[0], align_array_to(*y, x[1])
    lanes = max(array.ndim, below.ndim)
    array, below = (a.reshape(a.shape + (1,) * (lanes - a.ndim)) for a in (array, below))
    return sr.div(array, below)


def vm_choose(array: Array, sr: VMSemiringRuntime) -> Array:
    """One at the largest entry along the first axis, the first of several; else zero."""
    best = array == np.expand_dims(sr.max_reduce(array, (0,)), 0)
    return _ones(np.argmax(best, axis=0), array.shape, sr)


def vm_sample(array: Array, chances: Array, sr: VMSemiringRuntime) -> Array:
    """One at an entry along the first axis that each lane samples by its chance; else zero."""
    weights = sr.weights(array)
    weights = np.broadcast_to(weights.reshape(len(weights), -1), (len(weights), len(chances)))
    before = np.cumsum(weights, axis=0) - weights
    reached = (before <= chances * weights.sum(axis=0)) & (weights > 0)
    last = len(weights) - 1 - np.argmax(reached[::-1], axis=0)
    return _ones(np.where(reached.any(axis=0), last, 0), weights.shape, sr)


def _ones(cells: Array, shape: tuple[int, ...], sr: VMSemiringRuntime) -> Array:
    entries = np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    return np.where(entries == cells, sr.one(shape), sr.zero(shape))
