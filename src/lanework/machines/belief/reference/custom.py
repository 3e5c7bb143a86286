"""Semirings of the user's own: what their functions return is held to what the machine needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.machines.belief.codes import BAD_SEMIRING
from lanework.machines.belief.semiring import CUSTOM, Array, Axes, VMSemiringRuntime

Shape = tuple[int, ...]
TRIED = 16  # numbers of tables


def settled(runtime: VMSemiringRuntime, tables: Array) -> VMSemiringRuntime:
    """The same semiring, whose functions always return arrays of its dtype and of the right shape.

    NumPy returns a bare entry where a result has no axes, which is no array if entries are objects.

    Args:
        runtime: the semiring.
        tables: numbers of tables, on some of which one and zero are tried.

    Raises:
        Diagnostic: LW5011 where one and zero are not neutral, and, when the functions are called,
            where a result has another shape or cannot be held by the dtype: where it is no number,
            or infinite, of entries that are finite, or an integer that is too large.

    Example:
        >>> largest = VMSemiringRuntime(
        ...     "bottleneck",
        ...     np.dtype(float),
        ...     np.minimum,
        ...     lambda x, axes: np.max(x, axis=axes),
        ...     lambda shape: np.full(shape, np.inf),
        ...     lambda shape: np.zeros(shape),
        ... )
        >>> settled(largest, np.array([0.5])).add_reduce(np.array([2.0, 3.0]), (0,))
        array(3.)
    """

    def entries(what: str, value: Any, shape: Shape) -> Array:
        return _entries(runtime, what, value, shape)

    def mul(x: Array, y: Array) -> Array:
        out = entries("mul", runtime.mul(x, y), np.broadcast_shapes(x.shape, y.shape))
        inside = _finite(x) & _finite(y)
        return _in_range(runtime, "mul", out, inside, lambda: runtime.mul(_wide(x), _wide(y)))

    def add_reduce(x: Array, axes: Axes) -> Array:
        left = tuple(n for axis, n in enumerate(x.shape) if axis not in axes)
        out = entries("add_reduce", runtime.add_reduce(x, axes), left)
        inside = np.all(_finite(x), axis=axes)
        return _in_range(
            runtime, "add_reduce", out, inside, lambda: runtime.add_reduce(_wide(x), axes)
        )

    def normalize(x: Array, axes: Axes) -> tuple[Array, Array]:
        scaled, logs = runtime.normalize(x, axes)
        return entries("normalize", scaled, x.shape), np.asarray(logs, np.float64)

    checked = dataclasses.replace(
        runtime,
        name=CUSTOM,  # the machine knows some semirings by their names
        mul=mul,
        add_reduce=add_reduce,
        normalize=normalize,
        one=lambda shape: entries("one", runtime.one(shape), shape),
        zero=lambda shape: entries("zero", runtime.zero(shape), shape),
        convert=lambda table: entries("convert", runtime.convert(table), np.shape(table)),
    )
    _check(runtime.name, checked, np.unique(tables)[:TRIED])
    return checked


def _entries(runtime: VMSemiringRuntime, what: str, value: Any, shape: Shape) -> Array:
    entries: Array = value
    if not isinstance(value, np.ndarray):
        loose = runtime.dtype == object
        entries = np.empty((), runtime.dtype if loose else np.asarray(value).dtype)
        entries[()] = value
    if entries.shape != shape:
        raise Diagnostic(
            BAD_SEMIRING,
            f"{what} of the semiring {runtime.name} gives the shape {entries.shape}, not {shape}",
            help="its functions work on whole arrays; sums are over the given axes only",
        )
    if not np.can_cast(entries.dtype, runtime.dtype, "same_kind"):
        what = f"{what} of the semiring {runtime.name} gives {entries.dtype}, not {runtime.dtype}"
        help = "give the semiring a dtype that holds its entries"
        raise Diagnostic(BAD_SEMIRING, what, help=help)
    return entries.astype(runtime.dtype, copy=False)


def _finite(x: Array) -> Array:
    return np.isfinite(x) if x.dtype.kind in "fc" else np.ones(x.shape, np.bool_)


def _wide(x: Array) -> Array:
    """Integers as floats, which do not wrap around."""
    return x.astype(np.float64) if x.dtype.kind in "iu" else x


def _in_range(
    runtime: VMSemiringRuntime, what: str, out: Array, inside: Array, wide: Callable[[], Any]
) -> Array:
    """The same, if nothing left the range of the dtype that came from what was inside of it."""
    lost = np.zeros(out.shape, np.bool_)
    if out.dtype.kind in "fc":
        lost = ~np.isfinite(out) & inside
    elif out.dtype.kind in "iu":
        try:
            exact = np.asarray(wide(), np.float64)
        except (TypeError, ValueError):  # of bits, say, which do not grow
            return out
        info = np.iinfo(out.dtype)
        lost = (exact >= 2.0**info.bits / (2 if info.min else 1)) | (exact < float(info.min))
    if lost.any():
        message = f"{what} of the semiring {runtime.name} leaves the range of {out.dtype}"
        help = "scale the tables, let its normalize scale, or take dtype=object and exact entries"
        raise Diagnostic(BAD_SEMIRING, message, help=help)
    return out


def _check(name: str, sr: VMSemiringRuntime, tables: Array) -> None:
    """One and zero are neutral, and zero times anything is zero."""
    one, zero = sr.one((1,)), sr.zero((1,))
    some = np.concatenate([one, zero, sr.convert(tables)])
    ones, zeros = sr.one(some.shape), sr.zero(some.shape)
    laws = {
        "one times something is not that": (sr.mul(some, ones), some),
        "zero times something is not zero": (sr.mul(some, zeros), zeros),
        "zero plus something is not that": (sr.add_reduce(np.stack([some, zeros]), (0,)), some),
    }
    for wrong, (result, right) in laws.items():
        same = result == right if sr.dtype == object else np.isclose(result, right)
        if not bool(np.all(same)):
            raise Diagnostic(BAD_SEMIRING, f"in the semiring {name} {wrong}")
