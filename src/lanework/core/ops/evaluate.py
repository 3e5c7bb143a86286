"""The reference interpreter of op bodies: one NumPy function for each primitive.

This is the living definition. Whatever an engine computes is compared with it, bit for bit
(NaN payloads aside).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.ops.expr import FLOAT_UNARY, Graph
from lanework.core.ops.fused import without_fma

Array = npt.NDArray[Any]

NUMPY_DTYPE: dict[str, type[np.generic]] = {
    "f64": np.float64,
    "f32": np.float32,
    "i64": np.int64,
    "i32": np.int32,
    "bool": np.bool_,
}
_UNSIGNED = {"i64": np.uint64, "i32": np.uint32}


def _unsigned(function: Callable[..., Any]) -> Callable[..., Array]:
    """The function over the same bits as unsigned integers."""

    def run(*args: Array) -> Array:
        dtype = args[0].dtype
        wide = _UNSIGNED["i64" if dtype.itemsize == 8 else "i32"]
        out = np.asarray(function(*(np.asarray(arg).view(wide) for arg in args)))
        return out if out.dtype == np.bool_ else out.astype(wide).view(dtype)

    return run


def _umulh(a: Array, b: Array) -> Array:
    """The upper half of a product, from four products of halves."""
    size = a.dtype.itemsize * 4
    half, low = np.asarray(size, a.dtype), np.asarray((1 << size) - 1, a.dtype)
    a1, a0, b1, b0 = a >> half, a & low, b >> half, b & low
    middle = a1 * b0 + ((a0 * b0) >> half)
    return np.asarray(a1 * b1 + (middle >> half) + ((a0 * b1 + (middle & low)) >> half))


def _below(a: Array) -> Array:
    """The bits below the lowest one that is set; all of them for 0."""
    return np.asarray(~a & (a - np.asarray(1, a.dtype)))


def _clz(a: Array) -> Array:
    for shift in (1, 2, 4, 8, 16, 32):
        if shift < a.dtype.itemsize * 8:
            a = a | (a >> np.asarray(shift, a.dtype))
    return np.asarray(a.dtype.itemsize * 8 - np.bitwise_count(a).astype(np.int64))


_ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    **{prim: getattr(np, prim, np.negative) for prim in FLOAT_UNARY},
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "shl": np.left_shift,
    "ashr": np.right_shift,
    "lshr": _unsigned(np.right_shift),
    "not": np.logical_not,
    "ult": _unsigned(np.less),
    "udiv": _unsigned(np.floor_divide),
    "urem": _unsigned(np.remainder),
    "umulh": _unsigned(_umulh),
    "popcount": _unsigned(np.bitwise_count),
    "clz": _unsigned(_clz),
    "ctz": _unsigned(lambda a: np.bitwise_count(_below(a))),
    "bswap": lambda a: np.asarray(a).byteswap(),
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "select": np.where,
}
_CONVERSIONS = frozenset(("to_int", "to_float", "promote", "demote"))
_REINTERPRETS = frozenset(("bits", "from_bits"))


def evaluate(graph: Graph, args: Sequence[Array]) -> Array:
    """Run a traced body over arrays of its argument dtypes; shapes broadcast.

    Example:
        >>> import numpy as np
        >>> from lanework.core.ops.expr import trace
        >>> evaluate(trace(lambda x, y: x * y + 1.0, ("f64", "f64")), [np.arange(3.0), 2.0])
        array([1., 3., 5.])
    """
    graph = without_fma(graph)
    values: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for value in graph.values:
            prim = value.prim
            dtype = NUMPY_DTYPE[value.dtype]
            if prim == "arg":
                out = np.asarray(args[int(value.payload or 0)], dtype=dtype)
            elif prim == "const":
                out = np.asarray(value.payload, dtype=dtype)
            else:
                operands = [values[id(arg)] for arg in value.args]
                if prim in _REINTERPRETS:
                    out = np.asarray(operands[0]).view(dtype)
                elif prim in _CONVERSIONS:
                    out = np.asarray(operands[0]).astype(dtype)
                else:
                    out = np.asarray(_ELEMENTWISE[prim](*operands))
            values[id(value)] = out
    return values[id(graph.result)]


def direct(graph: Graph) -> np.ufunc | None:
    """The NumPy function that a body is, if it is one primitive over its arguments in order.

    Example:
        >>> from lanework.core.ops.expr import trace
        >>> direct(trace(lambda x, y: x * y, ("f64", "f64")))
        <ufunc 'multiply'>
    """
    function = _ELEMENTWISE.get(graph.result.prim)
    order = [arg.payload for arg in graph.result.args if arg.prim == "arg"]
    in_order = order == list(range(len(graph.dtypes))) and len(order) == len(graph.result.args)
    return function if isinstance(function, np.ufunc) and in_order else None
