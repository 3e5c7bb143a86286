"""Traced scalars: the small set of primitives from which every op body is made.

An op body is an ordinary Python function over `Value` objects. Running it once records a graph
of primitives; every engine is an interpreter over that graph (NumPy in `core.ops.evaluate`,
LLVM IR in `engines.llvm.ir`, WGSL in `engines.gpu.wgsl`). The idea is that of JAX's autodidax: a
set of primitives, and a set of interpreters over them.

Nothing is contracted: `fma` is a primitive that a body asks for, rounded once on every engine
(`core.ops.fused` where there is no instruction for it), and products and sums stay apart.

Example:
    >>> graph = trace(lambda x: select(x < 0.0, -x, x), ("f64",))
    >>> [str(value.prim) for value in graph.values]
    ['arg', 'const', 'lt', 'neg', 'select']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TypeVar

from lanework.core.ops.prims import ARG, CONST, EQUALITY, LEAVES, LOGIC, ORDER, SELECT, Prim

FLOATS = ("f64", "f32")
INTS = ("i64", "i32")

INT_OF = {"f64": "i64", "f32": "i32"}
FLOAT_OF = {"i64": "f64", "i32": "f32"}


def _lift(x: Value | float | int, dtype: str) -> Value:
    return x if isinstance(x, Value) else const(x, dtype)


def _pair(a: Value | float, b: Value | float, prim: Prim) -> tuple[Value, Value]:
    if isinstance(a, Value):
        left, right = a, _lift(b, a.dtype)
    elif isinstance(b, Value):
        left, right = _lift(a, b.dtype), b
    else:
        raise TypeError(f"{prim} needs at least one traced side")
    _same(left, right, prim)
    return left, right


def _same(a: Value, b: Value, prim: Prim) -> None:
    if a.dtype != b.dtype:
        raise TypeError(f"{prim} mixes {a.dtype} and {b.dtype}")


def _arithmetic(prim: Prim, a: Value | float, b: Value | float) -> Value:
    left, right = _pair(a, b, prim)
    if left.dtype == "bool":
        raise TypeError(f"{prim} does not take bool")
    return Value(prim, (left, right), left.dtype)


def _float_binary(prim: Prim, a: Value | float, b: Value | float) -> Value:
    left, right = _pair(a, b, prim)
    return Value(prim, (_float(left, prim), right), left.dtype)


def _bitwise(prim: Prim, a: Value, b: Value | int) -> Value:
    left, right = _pair(a, b, prim)
    if left.dtype == "bool" and prim in LOGIC:
        return Value(prim, (left, right), "bool")
    return Value(prim, (_int(left, prim), right), left.dtype)


def _compare(prim: Prim, a: Value | float, b: Value | float) -> Value:
    left, right = _pair(a, b, prim)
    if left.dtype == "bool" and prim not in EQUALITY:
        raise TypeError(f"{prim} does not take bool")
    return Value(prim, (left, right), "bool")


def _unary(prim: Prim, x: Value) -> Value:
    return Value(prim, (_float(x, prim),), x.dtype)


def _integer(prim: Prim, x: Value) -> Value:
    return Value(prim, (_int(x, prim),), x.dtype)


def _float(x: Value, prim: Prim) -> Value:
    if x.dtype not in FLOATS:
        raise TypeError(f"{prim} needs a float, got {x.dtype}")
    return x


def _int(x: Value, prim: Prim) -> Value:
    if x.dtype not in INTS:
        raise TypeError(f"{prim} needs an integer, got {x.dtype}")
    return x


def _converted(
    prim: Prim, checked: Callable[[Value, Prim], Value], dtypes: Mapping[str, str], x: Value
) -> Value:
    return Value(prim, (checked(x, prim),), dtypes[x.dtype])


N = TypeVar("N")


def _operator(rule: Callable[[Prim, Value, N], Value], prim: Prim) -> Callable[[Value, N], Value]:
    return lambda value, other: rule(prim, value, other)


def _reversed(rule: Callable[[Prim, N, Value], Value], prim: Prim) -> Callable[[Value, N], Value]:
    return lambda value, other: rule(prim, other, value)


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One traced scalar: the primitive that made it, its arguments and its dtype.

    Python operators record primitives; a Python number on either side becomes a constant of the
    other side's dtype. Shifts take Python ints or integer values; `>>` is arithmetic.
    """

    prim: Prim
    args: tuple[Value, ...] = field(repr=False)  # shared by many: their text would have no end
    dtype: str
    payload: float | int | bool | None = None  # a constant's value, an argument's index

    __add__, __radd__ = _operator(_arithmetic, Prim.ADD), _reversed(_arithmetic, Prim.ADD)
    __sub__, __rsub__ = _operator(_arithmetic, Prim.SUB), _reversed(_arithmetic, Prim.SUB)
    __mul__, __rmul__ = _operator(_arithmetic, Prim.MUL), _reversed(_arithmetic, Prim.MUL)
    __truediv__ = _operator(_float_binary, Prim.DIV)
    __rtruediv__ = _reversed(_float_binary, Prim.DIV)
    __and__, __or__, __xor__ = (_operator(_bitwise, prim) for prim in LOGIC)
    __lshift__, __rshift__ = _operator(_bitwise, Prim.SHL), _operator(_bitwise, Prim.ASHR)
    __lt__, __le__, __gt__, __ge__ = (_operator(_compare, prim) for prim in ORDER)

    def __neg__(self) -> Value:
        return _negative(self) if self.dtype in FLOATS else 0 - self

    def __invert__(self) -> Value:
        if self.dtype == "bool":
            return Value(Prim.NOT, (self,), "bool")
        return _bitwise(Prim.XOR, self, -1)

    def equals(self, other: Value | float) -> Value:
        """The comparison ``==`` as a traced bool (``==`` itself stays identity of objects)."""
        return _compare(Prim.EQ, self, other)

    def differs(self, other: Value | float) -> Value:
        """The comparison ``!=`` as a traced bool; true when either side is NaN."""
        return _compare(Prim.NE, self, other)

    def __bool__(self) -> bool:
        raise TypeError("a traced value has no truth value; use select(condition, a, b)")


def const(value: float | bool, dtype: str) -> Value:
    """A constant of the given dtype (f64 f32 i64 i32 bool)."""
    if dtype in FLOATS:
        return Value(CONST, (), dtype, float(value))
    if dtype == "bool":
        return Value(CONST, (), dtype, bool(value))
    return Value(CONST, (), dtype, int(value))


def like(x: Value, f64: float, f32: float | None = None) -> Value:
    """A constant of x's float dtype; `f32` gives the value to use in single precision."""
    return const(f64 if x.dtype == "f64" or f32 is None else f32, x.dtype)


def select(condition: Value, a: Value | float, b: Value | float) -> Value:
    """`a` where the condition holds, else `b`; both sides are evaluated."""
    left, right = _pair(a, b, SELECT)
    if condition.dtype != "bool":
        raise TypeError(f"select needs a bool condition, got {condition.dtype}")
    return Value(SELECT, (condition, left, right), left.dtype)


_negative = partial(_unary, Prim.NEG)
sqrt = partial(_unary, Prim.SQRT)  # correctly rounded; NaN below zero
fabs = partial(_unary, Prim.ABS)  # the sign bit cleared, NaN included
floor = partial(_unary, Prim.FLOOR)  # the largest integer not above x, as a float
ceil = partial(_unary, Prim.CEIL)  # the smallest integer not below x, as a float
trunc = partial(_unary, Prim.TRUNC)  # the integer part, towards zero, as a float
rint = partial(_unary, Prim.RINT)  # the nearest integer, ties to even, as a float


def fma(a: Value, b: Value, c: Value) -> Value:
    """The product a * b plus c, rounded once."""
    _same(a, b, Prim.FMA)
    _same(b, c, Prim.FMA)
    return Value(Prim.FMA, (_float(a, Prim.FMA), b, c), a.dtype)


# The bit pattern of a float as an integer of the same width, and the float with a bit pattern.
bits = partial(_converted, Prim.BITS, _float, INT_OF)
from_bits = partial(_converted, Prim.FROM_BITS, _int, FLOAT_OF)
# Truncated to an integer of the same width. The body must keep x in range: outside it the engines'
# hardware differs, so an unclamped argument is a defect of the body.
to_int = partial(_converted, Prim.TO_INT, _float, INT_OF)
to_float = partial(_converted, Prim.TO_FLOAT, _int, FLOAT_OF)  # the nearest float of the same width

lshr = partial(_bitwise, Prim.LSHR)  # a shift to the right, zeros from the left
udiv = partial(_bitwise, Prim.UDIV)  # the unsigned quotient; the body must keep b from zero:
urem = partial(_bitwise, Prim.UREM)  # and the remainder; there the engines differ
umulh = partial(_bitwise, Prim.UMULH)  # the upper half of the unsigned product
popcount = partial(_integer, Prim.POPCOUNT)  # how many bits are set
clz = partial(_integer, Prim.CLZ)  # zeros above the highest bit that is set; the width for 0
ctz = partial(_integer, Prim.CTZ)  # zeros below the lowest bit that is set; the width for 0
bswap = partial(_integer, Prim.BSWAP)  # the bytes in the opposite order


def ult(a: Value, b: Value | int) -> Value:
    """Whether a < b, both taken as unsigned."""
    return _compare(Prim.ULT, _int(a, Prim.ULT), b)


@dataclass(frozen=True)
class Graph:
    """The primitives of one body in evaluation order, and the value it returns."""

    values: tuple[Value, ...]
    result: Value
    dtypes: tuple[str, ...]

    @cached_property
    def cost(self) -> int:
        """Primitives that do work: what the op's fuel is derived from."""
        return sum(value.prim not in LEAVES for value in self.values)


def trace(body: Callable[..., Value], dtypes: tuple[str, ...]) -> Graph:
    """Run `body` over fresh arguments of these dtypes and record what it does.

    Equal constants and equal primitives over equal arguments are recorded once.

    Raises:
        TypeError: the body mixes dtypes, or returns something that is no traced value.
    """
    args = tuple(Value(ARG, (), dtype, i) for i, dtype in enumerate(dtypes))
    result = body(*args)
    if not isinstance(result, Value):
        raise TypeError(f"the body returned {type(result).__name__}, not a traced value")
    order: list[Value] = []
    seen: dict[tuple[object, ...], Value] = {}
    canonical: dict[int, Value] = {}
    for arg in args:
        order.append(arg)
        canonical[id(arg)] = arg
    stack = [result]
    while stack:
        value = stack[-1]
        if id(value) in canonical:
            stack.pop()
            continue
        waiting = [arg for arg in value.args if id(arg) not in canonical]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        operands = tuple(canonical[id(arg)] for arg in value.args)
        key = (value.prim, value.dtype, repr(value.payload), *(id(arg) for arg in operands))
        known = seen.get(key)
        if known is None:
            same = all(a is b for a, b in zip(operands, value.args, strict=True))
            known = value if same else Value(value.prim, operands, value.dtype, value.payload)
            seen[key] = known
            canonical[id(known)] = known
            order.append(known)
        canonical[id(value)] = known
    return Graph(tuple(order), canonical[id(result)], dtypes)


def retrace(graph: Graph, rules: Mapping[Prim, Callable[..., Value]]) -> Graph:
    """The same body with some of its primitives written by other means."""

    def body(*args: Value) -> Value:
        copies: dict[int, Value] = {}
        for value in graph.values:
            operands = tuple(copies[id(arg)] for arg in value.args)
            if value.prim is ARG:
                copies[id(value)] = args[int(value.payload or 0)]
            elif value.prim in rules:
                copies[id(value)] = rules[value.prim](*operands)
            else:
                copies[id(value)] = Value(value.prim, operands, value.dtype, value.payload)
        return copies[id(graph.result)]

    return trace(body, graph.dtypes)
