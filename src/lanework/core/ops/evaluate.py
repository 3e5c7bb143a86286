"""The reference interpreter of op bodies: one NumPy function for each primitive.

This is the living definition. Whatever an engine computes is compared with it, bit for bit
(NaN payloads aside).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.ops.expr import Graph, Value
from lanework.core.ops.fused import without_fma
from lanework.core.ops.prims import ARG, CONST, Prim

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


ELEMENTWISE: dict[Prim, Callable[..., Array]] = {
    Prim.SELECT: np.where,
    Prim.NOT: np.logical_not,
    Prim.ADD: np.add,
    Prim.SUB: np.subtract,
    Prim.MUL: np.multiply,
    Prim.DIV: np.divide,
    Prim.NEG: np.negative,
    Prim.SQRT: np.sqrt,
    Prim.ABS: np.abs,
    Prim.FLOOR: np.floor,
    Prim.CEIL: np.ceil,
    Prim.TRUNC: np.trunc,
    Prim.RINT: np.rint,
    Prim.AND: np.bitwise_and,
    Prim.OR: np.bitwise_or,
    Prim.XOR: np.bitwise_xor,
    Prim.SHL: np.left_shift,
    Prim.ASHR: np.right_shift,
    Prim.LSHR: _unsigned(np.right_shift),
    Prim.UDIV: _unsigned(np.floor_divide),
    Prim.UREM: _unsigned(np.remainder),
    Prim.UMULH: _unsigned(_umulh),
    Prim.POPCOUNT: _unsigned(np.bitwise_count),
    Prim.CLZ: _unsigned(_clz),
    Prim.CTZ: _unsigned(lambda a: np.bitwise_count(_below(a))),
    Prim.BSWAP: lambda a: np.asarray(a).byteswap(),
    Prim.LT: np.less,
    Prim.LE: np.less_equal,
    Prim.GT: np.greater,
    Prim.GE: np.greater_equal,
    Prim.EQ: np.equal,
    Prim.NE: np.not_equal,
    Prim.ULT: _unsigned(np.less),
}
CASTS: dict[Prim, Callable[[Array, type[np.generic]], Array]] = {
    **dict.fromkeys((Prim.BITS, Prim.FROM_BITS), np.ndarray.view),
    **dict.fromkeys((Prim.TO_INT, Prim.TO_FLOAT), np.ndarray.astype),
}


def evaluate(graph: Graph, args: Sequence[Array]) -> Array:
    """Run a traced body over arrays of its argument dtypes; shapes broadcast.

    Example:
        >>> import numpy as np
        >>> from lanework.core.ops.expr import trace
        >>> evaluate(trace(lambda x, y: x * y + 1.0, ("f64", "f64")), [np.arange(3.0), 2.0])
        array([1., 3., 5.])
    """
    return interpreter(graph)(args)


@lru_cache(1024)
def interpreter(graph: Graph) -> Callable[[Sequence[Array]], Array]:
    """The same for many calls: what to do is looked up once.

    A value's slot is another's as soon as nothing needs it any more, so that few arrays are there
    at one time.
    """
    graph = without_fma(graph)
    last = {id(arg): n for n, value in enumerate(graph.values) for arg in value.args}
    last[id(graph.result)] = len(graph.values)
    slots: dict[int, int] = {}
    free: list[int] = []
    first: list[Any] = []  # what slots hold at first: constants
    given: list[tuple[int, int, type[np.generic]]] = []
    steps: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
    leaves = [value for value in graph.values if value.prim in (ARG, CONST)]
    for value in leaves:
        slots[id(value)], dtype = len(first), NUMPY_DTYPE[value.dtype]
        if value.prim is ARG:
            given.append((len(first), int(value.payload or 0), dtype))
        first.append(None if value.prim is ARG else np.asarray(value.payload, dtype))
    for number, value in enumerate(graph.values):
        if id(value) in slots:
            continue
        sources = tuple(slots[id(arg)] for arg in value.args)
        free += {slots[id(arg)] for arg in value.args if last[id(arg)] == number}
        if not free:
            free.append(len(first))
            first.append(None)
        slots[id(value)] = free.pop()
        steps.append((slots[id(value)], _function(value), sources))
    result, constant = slots[id(graph.result)], graph.result.prim is CONST

    def run(args: Sequence[Array]) -> Array:
        values = list(first)
        for at, number, dtype in given:
            values[at] = np.asarray(args[number], dtype=dtype)
        with np.errstate(all="ignore"):
            for at, function, sources in steps:
                values[at] = function(*[values[source] for source in sources])
        return np.array(values[result]) if constant else np.asarray(values[result])

    return run


def _function(value: Value) -> Callable[..., Any]:
    """What computes a value."""
    if value.prim not in CASTS:
        return ELEMENTWISE[value.prim]
    cast, dtype = CASTS[value.prim], NUMPY_DTYPE[value.dtype]
    return lambda array: cast(np.asarray(array), dtype)


def direct(graph: Graph) -> np.ufunc | None:
    """The NumPy function that a body is, if it is one primitive over its arguments in order.

    Example:
        >>> from lanework.core.ops.expr import trace
        >>> direct(trace(lambda x, y: x * y, ("f64", "f64")))
        <ufunc 'multiply'>
    """
    function = ELEMENTWISE.get(graph.result.prim)
    order = [arg.payload for arg in graph.result.args if arg.prim is ARG]
    in_order = order == list(range(len(graph.dtypes))) and len(order) == len(graph.result.args)
    return function if isinstance(function, np.ufunc) and in_order else None
