"""What instructions compute that have no op: tests, sums, addresses, random numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import cache, reduce

from lanework.core.ops.bodies import arithmetic, logic, words32
from lanework.core.ops.expr import (
    Graph,
    Value,
    bits,
    const,
    fabs,
    from_bits,
    lshr,
    select,
    to_float,
    to_int,
    trace,
    trunc,
    ult,
)
from lanework.core.ops.op import Op
from lanework.core.ops.prims import Prim
from lanework.engines.lanes.program import Compute, Operand, Word
from lanework.machines.fleet.matrices.formats import exact
from lanework.machines.fleet.matrices.maps import ONE
from lanework.machines.fleet.reference.sharing import LEAST


def _float(x: Value) -> Value:
    """A whole number without a sign, to the nearest float.

    Its halves are exact, and their sum is rounded once.
    """
    high, low = to_float(lshr(x, 16)), to_float(x & 0xFFFF)
    return high * const(65536.0, "f32") + low


@cache
def as_float() -> Graph:
    """A whole number without a sign as a float."""
    return trace(_float, ("i32",))


@cache
def as_word() -> Graph:
    """A whole number as it is."""
    return trace(lambda x: x, ("i32",))


GIVES: dict[str, tuple[str, Callable[[], Graph]]] = {
    "SYSCALL_VMID": ("vm_id", as_float),
    "VMGID": ("global_id", as_float),
    "VMCOUNT": ("count", as_float),
    "IVMID": ("vm_id", as_word),
}
"""What a VM knows of itself: from which variable, and how."""


def _number(word: Value) -> Value:
    return to_float(lshr(word, 8)) * const(2.0**-24, "f32")


NUMBER = trace(_number, ("i32",))
FIRST = trace(lambda n: select((n & 3).equals(0), const(1, "i32"), const(0, "i32")), ("i32",))


def _chosen(n: Value, *words: Value) -> Value:
    low = n & 1
    one, other = (select(low.equals(0), words[k], words[k + 1]) for k in (0, 2))
    return _number(select((n & 2).equals(0), one, other))


ONE_OF_FOUR = trace(_chosen, ("i32",) * 5)
NEXT = trace(lambda x: x + 1, ("i32",))
QUARTER = trace(lambda x: lshr(x, 2), ("i32",))
INSIDE = trace(lambda x: x >= 0, ("i32",))
SWAP = trace(lambda old, a, b: select(old.equals(a), b, old), ("i32", "i32", "i32"))
DIFFERS = trace(lambda a, b: a.differs(b), ("i32", "i32"))
HALVES = (
    *(words32.fmin, words32.fmax, arithmetic.abs_),
    *(arithmetic.floor, arithmetic.ceil, arithmetic.trunc, arithmetic.round_),
)
"""Ops that make of numbers of half precision such numbers."""
SELECT = trace(lambda c, a, b: select(c > 0.0, a, b), ("f32", "i32", "i32"))


@cache
def row_sum(terms: tuple[tuple[bool, int], ...]) -> Graph:
    """Terms of a row, each a constant alone or times a column, added up from the left."""

    def body(*columns: Value) -> Value:
        left, out = list(columns), None
        for alone, coefficient in terms:
            number = from_bits(const(coefficient - (coefficient >> 31 << 32), "i32"))
            if alone:
                term = number
            else:
                term = left.pop(0)
                term = term if coefficient == ONE else term * number
            out = term if out is None else out + term
        assert out is not None
        return out

    return trace(body, ("f32",) * sum(not alone for alone, _ in terms))


@cache
def test(test: Op, epsilon: float) -> Graph:
    """What a branch asks of a register."""

    def body(x: Value) -> Value:
        if test not in (logic.eq, logic.ne):
            return COMPARES[test](x, const(0.0, "f32"))
        zero = x.equals(0.0)
        if epsilon:
            zero = zero | (fabs(x) < epsilon)
        return zero if test is logic.eq else ~zero

    return trace(body, ("f32",))


def compared(
    test: Op, epsilon: float, last: Compute, *, half: bool = False
) -> tuple[Graph, tuple[Operand, ...]] | None:
    """A test of a difference as a comparison of its operands, where that is the same.

    The difference of two floats is 0 only if they are equal, and has its sign. That of two
    infinities is NaN: so unless a test fails for equal operands, one must be a finite number. In
    half precision both must be of that, else what is left of a small difference may be 0.
    """
    graph, args = last.graph, last.args
    first, *rest = graph.result.args or (graph.result,)
    if graph.result.dtype != "f32" or first.prim is not Prim.ARG or len(rest) != 1:
        return None
    (second,) = rest
    if graph.result.prim is Prim.ADD and second.prim is Prim.FROM_BITS and len(args) == 1:
        args = (args[0], Word(int(second.args[0].payload or 0) & 0xFFFFFFFF ^ SIGN))
    elif (
        graph.result.prim is not Prim.SUB
        or second.prim is not Prim.ARG
        or len(args) != 2
        or (first.payload, second.payload) != (0, 1)
    ):
        return None
    if half and not all(exact(each.bits) for each in args if isinstance(each, Word)):
        return None
    finite = any(isinstance(each, Word) and _finite(each.bits) for each in args)
    strict = test in (logic.lt, logic.gt)
    if not (strict or finite) or (epsilon and test in (logic.eq, logic.ne)):
        return None
    return _comparison(test), args


SIGN = 1 << 31
COMPARES: dict[Op, Callable[[Value, Value], Value]] = {
    logic.eq: Value.equals,
    logic.ne: Value.differs,
    logic.lt: operator.lt,
    logic.gt: operator.gt,
    logic.le: operator.le,
    logic.ge: operator.ge,
}
"""What branches ask, of two numbers."""


def _finite(bits: int) -> bool:
    return bits & 0x7F800000 != 0x7F800000


@cache
def _comparison(test: Op) -> Graph:
    return trace(COMPARES[test], ("f32", "f32"))


def _stalled(index: Value, before: Value, more: Value) -> Value:
    integral = more.equals(trunc(more)) & more.differs(0.0) & (fabs(before) < math.inf)
    return (index >= 0) & integral & (before + more).equals(before)


STALLED = trace(_stalled, ("i32", "f32", "f32"))
"""Whether a number is added to a word to no effect; see `reference.sharing.stalled`."""


@cache
def within(where: tuple[tuple[int, int], ...]) -> Graph:
    """Whether an index is in one of some regions."""

    def body(index: Value) -> Value:
        return reduce(operator.or_, (ult(index - low, high - low) for low, high in where))

    return trace(body, ("i32",))


@cache
def multiple(factor: int, constant: int) -> Graph:
    """A multiple of a number, and a constant."""
    return trace(lambda n: n * factor + constant, ("i32",))


@cache
def index(integer: bool) -> Graph:
    """The index of a word that certainly is inside."""
    return trace(lambda x: x, ("i32",)) if integer else trace(to_int, ("f32",))


@cache
def address(integer: bool, low: int, high: int) -> Graph:
    """The index of a word of shared memory between two ends, or -1; see `reference.sharing`."""

    def body(x: Value) -> Value:
        at = x
        if not integer:
            zero = (bits(x) << 1).equals(0)
            right = (x >= float(LEAST)) & (x < 2.0**31)
            at = to_int(select(right, x, select(zero, const(0.0, "f32"), const(-1.0, "f32"))))
        return select(ult(at - low, high - low), at, const(-1, "i32"))

    return trace(body, ("i32",) if integer else ("f32",))
