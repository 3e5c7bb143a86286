"""Semirings: what adding and multiplying mean for the entries of tensors.

A runtime works on whole arrays. Sums run over the given axes; lanes come after the axes of tensors
and are never summed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.machines.belief.codes import BAD_TABLE

Array = npt.NDArray[Any]
Axes = tuple[int, ...]
_LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class VMSemiringRuntime:
    """A semiring over arrays.

    The laws of a commutative semiring are what makes answers right: sums and products do not depend
    on their order, products distribute over sums, `one` and `zero` are neutral, and `zero` times
    anything is `zero`.

    Attributes:
        name: for people.
        dtype: of entries; ``object`` for entries of any kind.
        mul: the product, entry by entry, of arrays that broadcast.
        add_reduce: the sum over some axes.
        one: an array of ones of a shape.
        zero: an array of zeros of a shape.
        normalize: an array and its sum over the given axes -> the array scaled to a sum of one,
            and the natural logarithm of what it was divided by; by default nothing is divided.
        convert: entries from tables of float64, entry by entry; by default these as they are.
        max_reduce: the best over some axes; by default the largest.
        weights: entries as numbers in proportion to which one along the first axis is sampled.
        div: entry over entry, nothing over nothing; None where there is no division.
    """

    name: str
    dtype: np.dtype[Any]
    mul: Callable[[Array, Array], Array]
    add_reduce: Callable[[Array, Axes], Array]
    one: Callable[[tuple[int, ...]], Array]
    zero: Callable[[tuple[int, ...]], Array]
    normalize: Callable[[Array, Axes], tuple[Array, Array]] = lambda x, axes: _as_it_is(x, axes)
    convert: Callable[[Array], Array] = np.asarray
    max_reduce: Callable[[Array, Axes], Array] = lambda x, axes: np.max(x, axis=axes)
    weights: Callable[[Array], Array] = lambda x: _shares(x)
    div: Callable[[Array, Array], Array] | None = None

    def weigh(self, weights: Array) -> Array:
        """Entries from weights of states: 1 is one, 0 is zero, others are converted.

        Example:
            >>> vm_minsum_semiring().weigh(np.array([1.0, 0.0, 0.5])).round(4).tolist()
            [0.0, inf, 0.6931]
        """
        entries = np.where(weights > 0, self.one(weights.shape), self.zero(weights.shape))
        soft = (weights != 0) & (weights != 1)
        if soft.any():
            some = self.convert(weights[soft])
            entries = entries.astype(object) if some.dtype == object else entries
            entries[soft] = some
        return entries


def _filled(value: Any, dtype: Any) -> Callable[[tuple[int, ...]], Array]:
    return lambda shape: np.full(shape, value, dtype)


def _shares(x: Array) -> Array:
    """Entries over their sum along the first axis, in floating point."""
    total = np.sum(x, axis=0)
    return np.asarray(x / np.where(total == 0, 1, total), np.float64)


def _quotient(x: Array, y: Array) -> Array:
    zeros = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    quotient: Array = np.divide(x, y, out=zeros, where=y != 0)
    return quotient


def _difference(zero: float) -> Callable[[Array, Array], Array]:
    """Of logarithms or costs, of which `zero` stands for nothing."""

    def difference(x: Array, y: Array) -> Array:
        nothing = np.full(np.broadcast_shapes(x.shape, y.shape), zero)
        rest: Array = np.subtract(x, y, out=nothing, where=y != zero)
        return rest

    return difference


def _as_it_is(array: Array, axes: Axes) -> tuple[Array, Array]:
    """No scaling: for semirings without division."""
    lanes = tuple(n for i, n in enumerate(array.shape) if i not in axes)
    return array, np.zeros(lanes)


def vm_sat_semiring() -> VMSemiringRuntime:
    """Or and and: whether there is an assignment.

    Example:
        >>> sat = vm_sat_semiring()
        >>> sat.add_reduce(sat.convert(np.array([0.0, 0.2])), (0,))
        np.True_
    """
    return VMSemiringRuntime(
        "bool",
        np.dtype(np.bool_),
        np.logical_and,
        lambda x, axes: np.logical_or.reduce(x, axis=axes),
        _filled(True, np.bool_),
        _filled(False, np.bool_),
        _as_it_is,
        lambda table: np.asarray(table) != 0,
        max_reduce=lambda x, axes: np.logical_or.reduce(x, axis=axes),
        div=np.logical_and,
    )


def _scaled(array: Array, axes: Axes, add: Callable[..., Array]) -> tuple[Array, Array]:
    total = add(array, axis=axes, keepdims=True)
    return array / np.where(total > 0, total, 1.0), np.squeeze(_logs(total), axis=axes)


def _of_probabilities(
    name: str, add: Callable[..., Array], dtype: npt.DTypeLike
) -> VMSemiringRuntime:
    kind = np.dtype(dtype)
    return VMSemiringRuntime(
        name,
        kind,
        np.multiply,
        lambda x, axes: add(x, axis=axes),
        _filled(1, kind),
        _filled(0, kind),
        lambda x, axes: _scaled(x, axes, add),
        lambda table: np.asarray(table, kind),
        div=_quotient,
    )


def vm_prob_semiring(dtype: npt.DTypeLike = np.float64) -> VMSemiringRuntime:
    """Plus and times: probabilities.

    Example:
        >>> prob = vm_prob_semiring()
        >>> prob.normalize(np.array([1.0, 3.0]), (0,))[0]
        array([0.25, 0.75])
    """
    return _of_probabilities("prob", np.sum, dtype)


def vm_max_semiring(dtype: npt.DTypeLike = np.float64) -> VMSemiringRuntime:
    """Max and times: the most probable assignment.

    Example:
        >>> vm_max_semiring().add_reduce(np.array([0.25, 0.75]), (0,))
        np.float64(0.75)
    """
    return _of_probabilities("max", np.max, dtype)


def _logs(x: Array, dtype: npt.DTypeLike | None = None) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(x, dtype)))


def _log_sum(x: Array, axes: Axes) -> Array:
    """log(sum(exp(x))) with the largest taken out; exact where all are -inf."""
    if not axes:
        return x
    top = np.max(x, axis=axes, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    out = _logs(np.sum(np.exp(x - safe), axis=axes, keepdims=True)) + safe
    return np.asarray(np.squeeze(out, axis=axes))


def _log_scaled(x: Array, axes: Axes) -> tuple[Array, Array]:
    total = _log_sum(x, axes)
    by = np.where(np.isfinite(total), total, 0.0)
    return x - (np.expand_dims(by, axes) if axes else by), total


def vm_logprob_semiring(dtype: npt.DTypeLike = np.float64) -> VMSemiringRuntime:
    """Log-sum-exp and plus: logarithms of probabilities.

    Example:
        >>> log = vm_logprob_semiring()
        >>> log.add_reduce(np.array([-np.inf, -np.inf]), (0,))
        array(-inf)
    """
    kind = np.dtype(dtype)

    return VMSemiringRuntime(
        "logprob",
        kind,
        np.add,
        _log_sum,
        _filled(0, kind),
        _filled(-np.inf, kind),
        _log_scaled,
        lambda table: _logs(table, kind),
        weights=lambda x: np.exp(_log_scaled(x, (0,))[0]),
        div=_difference(-np.inf),
    )


def _count_product(a: Array, b: Array) -> Array:
    machine = a.dtype != object and b.dtype != object and a.size and b.size
    if machine and int(a.max()) * int(b.max()) > _LARGEST:
        a = a.astype(object)
    return np.asarray(np.multiply(a, b))  # NumPy makes a bare integer of two objects without axes


def _count_sum(x: Array, axes: Axes) -> Array:
    if x.dtype != object and x.size:
        count = int(np.prod([x.shape[axis] for axis in axes], dtype=np.int64))
        if int(x.max()) * count > _LARGEST:
            x = x.astype(object)
    return np.asarray(np.sum(x, axis=axes))


def vm_counting_semiring(dtype: npt.DTypeLike = np.int64) -> VMSemiringRuntime:
    """Plus and times over natural numbers, of any size: past 2^63 they become Python's own.

    A table's entry counts as one where it is not zero.

    Example:
        >>> counting = vm_counting_semiring()
        >>> counting.mul(np.array([2**40]), np.array([2**40]))[0] == 2**80
        True
    """
    kind = np.dtype(dtype)
    return VMSemiringRuntime(
        "counting",
        kind,
        _count_product,
        _count_sum,
        _filled(1, kind),
        _filled(0, kind),
        _as_it_is,
        lambda table: (np.asarray(table) != 0).astype(kind),
    )


def vm_weighted_semiring() -> VMSemiringRuntime:
    """Plus and times over natural numbers of any size; a table's entry counts as what it is.

    Example:
        >>> weighted = vm_weighted_semiring()
        >>> weighted.add_reduce(weighted.convert(np.array([3.0, 4.0])), (0,))
        array(7)
    """
    return replace(vm_counting_semiring(), name=WEIGHTED, convert=_integers)


def _integers(table: Array) -> Array:
    """Entries as the integers that they are.

    Raises:
        Diagnostic: LW5002 for a fraction.
    """
    numbers = np.asarray(table)
    bad = numbers != np.floor(numbers)
    if bad.any():
        what = (
            f"weights are counted exactly if they are whole numbers, and one is {numbers[bad][0]:g}"
        )
        help = "multiply tables and likelihoods until they are, or ask for prob"
        raise Diagnostic(BAD_TABLE, what, help=help)
    if numbers.max(initial=0) < 2.0**63:
        return numbers.astype(np.int64)
    integers = np.empty(numbers.size, object)
    integers[:] = [int(number) for number in numbers.ravel().tolist()]
    return integers.reshape(numbers.shape)


def vm_minsum_semiring(dtype: npt.DTypeLike = np.float64) -> VMSemiringRuntime:
    """Min and plus: the least cost; a table's entry p costs -ln p.

    Example:
        >>> vm_minsum_semiring().add_reduce(np.array([0.5, 2.0]), (0,))
        np.float64(0.5)
    """
    kind = np.dtype(dtype)

    def normalize(x: Array, axes: Axes) -> tuple[Array, Array]:
        least = np.min(x, axis=axes, keepdims=True)
        safe = np.where(np.isfinite(least), least, 0.0)
        return x - safe, -np.squeeze(least, axis=axes)

    return VMSemiringRuntime(
        "minsum",
        kind,
        np.add,
        lambda x, axes: np.min(x, axis=axes),
        _filled(0, kind),
        _filled(np.inf, kind),
        normalize,
        lambda table: -_logs(table, kind),
        max_reduce=lambda x, axes: np.min(x, axis=axes),
        weights=lambda x: np.exp(-normalize(x, (0,))[0]),
        div=_difference(np.inf),
    )


SEMIRINGS: dict[str, Callable[[], VMSemiringRuntime]] = {
    "bool": vm_sat_semiring,
    "prob": vm_prob_semiring,
    "logprob": vm_logprob_semiring,
    "counting": vm_counting_semiring,
    "max": vm_max_semiring,
    "minsum": vm_minsum_semiring,
}
# A program for this one multiplies no tables beforehand, which floats do exactly to 2^53 only.
WEIGHTED = "weighted"
NAMED = {**SEMIRINGS, WEIGHTED: vm_weighted_semiring}
CUSTOM = "custom"  # what programs call a semiring of the user's own
# In these a conditional table that nobody asks about can be left out, since it sums to one.
BY_PARTS = ("prob", "logprob")
