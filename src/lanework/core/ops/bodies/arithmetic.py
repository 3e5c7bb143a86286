"""Arithmetic: the ops that IEEE 754 rounds correctly, and those made of a few of them."""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.layout import INF, NAN, head, layout, sign_bit
from lanework.core.ops.bodies.logic import choose, gt, lt
from lanework.core.ops.bounds import anything, floored, integers, least, mirrored
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import Offer, Term, exact, op
from lanework.core.ops.rules import (
    IDEMPOTENT,
    INVOLUTION,
    KEEP,
    LEAST,
    PRODUCT,
    QUOTIENT,
    REMAINDER,
    SIGN,
    SUM,
    neutral,
    reciprocal,
    root,
)

_keep = exact(units=KEEP)
_least = exact(units=LEAST, folds=True, identities=(IDEMPOTENT,))


@op(
    special=(
        ((INF, -INF), NAN),
        ((INF, 1.0), INF),
        ((-0.0, -0.0), -0.0),
        ((-0.0, 0.0), 0.0),
        ((NAN, 1.0), NAN),
    ),
    example=((2.0, 3.0), 5.0),
    commutes=True,
    symbol="+",
    units=SUM,
    series=0,
    register=Offer(88, common=True),
    partials=lambda a, b, r: (1.0, 1.0),
)
def add(a: Value, b: Value) -> Value:
    """The sum a + b, correctly rounded."""
    return a + b


@op(
    special=(((INF, INF), NAN), ((0.0, 0.0), 0.0), ((-0.0, 0.0), -0.0), ((1.0, NAN), NAN)),
    example=((2.0, 3.0), -1.0),
    symbol="-",
    units=SUM,
    identities=(neutral(0.0, 1),),
    series=1,
    register=Offer(89, common=True),
    fleet=Offer(13, "CMP", immediate=23),
    partials=lambda a, b, r: (1.0, -1.0),
)
def sub(a: Value, b: Value) -> Value:
    """The difference a - b, correctly rounded."""
    return a - b


@op(
    special=(
        ((0.0, INF), NAN),
        ((-2.0, INF), -INF),
        ((-0.0, 3.0), -0.0),
        ((-0.0, -3.0), 0.0),
        ((NAN, 0.0), NAN),
    ),
    example=((2.0, 3.0), 6.0),
    commutes=True,
    symbol="*",
    units=PRODUCT,
    identities=(neutral(1.0, 1), neutral(1.0, 0)),
    series=2,
    register=Offer(90, common=True),
    fleet=Offer(10, immediate=20),
    partials=lambda a, b, r: (b, a),
)
def mul(a: Value, b: Value) -> Value:
    """The product a * b, correctly rounded."""
    return a * b


def _div_partials(a: Term, b: Term, r: Term) -> tuple[Term, Term]:
    inverse = div(1.0, b)  # once, where b is the same for all of time
    return inverse, neg(mul(r, inverse))


@op(
    special=(
        ((1.0, 0.0), INF),
        ((1.0, -0.0), -INF),
        ((0.0, 0.0), NAN),
        ((INF, INF), NAN),
        ((1.0, -INF), -0.0),
        ((1.0, NAN), NAN),
    ),
    example=((3.0, 2.0), 1.5),
    symbol="/",
    units=QUOTIENT,
    identities=(neutral(1.0, 1), reciprocal(mul.name)),
    series=3,
    register=Offer(91),
    fleet=Offer(11, immediate=21),
    partials=_div_partials,
)
def div(a: Value, b: Value) -> Value:
    """The quotient a / b, correctly rounded; a / 0 is an infinity and 0 / 0 is NaN."""
    return a / b


@_keep(
    ((2.0,), -2.0),
    (((0.0,), -0.0), ((-0.0,), 0.0), ((INF,), -INF)),
    symbol="__neg__",
    identities=(INVOLUTION,),
    series=16,
    partials=lambda a, r: (-1.0,),
)
def neg(a: Value) -> Value:
    """The negation -a: the sign bit is flipped."""
    return -a


@_keep(
    ((-2.0,), -2.0),
    (((-0.0,), -0.0), ((-INF,), -INF), ((NAN,), NAN)),
    series=Offer(52, since=3),
)
def stop_gradient(a: Value) -> Value:
    """A itself, taken as given: derivatives do not look behind it."""
    return a


@_keep(
    ((-2.0,), 2.0),
    (((-0.0,), 0.0), ((-INF,), INF), ((NAN,), NAN)),
    symbol="__abs__",
    series=17,
    fleet=16,
    partials=lambda a, r: (choose(lt(a, 0.0), -1.0, 1.0),),
)
def abs_(a: Value) -> Value:
    """The magnitude of a. The derivative is -1 below zero and 1 elsewhere."""
    return expr.fabs(a)


@op(
    special=(((-0.0,), -0.0), ((INF,), INF), ((-1.0,), NAN), ((NAN,), NAN)),
    example=((9.0,), 3.0),
    units=root(2),
    series=18,
    fleet=17,
    register=92,
    partials=lambda a, r: (div(0.5, r),),
)
def sqrt(a: Value) -> Value:
    """The square root of a, correctly rounded; NaN below zero."""
    return expr.sqrt(a)


_KEEPS = (((-0.0,), -0.0), ((INF,), INF), ((-INF,), -INF), ((NAN,), NAN))


@_keep(
    ((-1.5,), -2.0),
    (*_KEEPS, ((0.5,), 0.0), ((-0.5,), -1.0)),
    symbol="__floor__",
    series=19,
    fleet=71,
    register=94,
)
def floor(a: Value) -> Value:
    """The largest integer not above a. Flat: its derivative is zero."""
    return expr.floor(a)


@_keep(
    ((1.5,), 2.0),
    (*_KEEPS, ((0.5,), 1.0), ((-0.5,), -0.0)),
    symbol="__ceil__",
    series=20,
    fleet=72,
    register=95,
)
def ceil(a: Value) -> Value:
    """The smallest integer not below a. Flat: its derivative is zero."""
    return expr.ceil(a)


@_keep(
    ((-1.5,), -1.0),
    (*_KEEPS, ((0.5,), 0.0), ((-0.5,), -0.0)),
    symbol="__trunc__",
    series=21,
    fleet=73,
)
def trunc(a: Value) -> Value:
    """The integer part of a, towards zero. Flat: its derivative is zero."""
    return expr.trunc(a)


@_keep(
    ((2.5,), 2.0),
    (*_KEEPS, ((0.5,), 0.0), ((1.5,), 2.0), ((2.5,), 2.0), ((-0.5,), -0.0)),
    symbol="__round__",
    series=22,
    fleet=74,
)
def round_(a: Value) -> Value:
    """The integer nearest to a, ties to even. Flat: its derivative is zero."""
    return expr.rint(a)


@_least(
    ((2.0, 3.0), 2.0),
    (
        ((NAN, 1.0), 1.0),
        ((1.0, NAN), NAN),
        ((0.0, -0.0), -0.0),
        ((-0.0, 0.0), 0.0),
        ((-INF, 1.0), -INF),
    ),
    interval=least,
    series=23,
    partials=lambda a, b, r: (taken := lt(a, b), sub(1.0, taken)),
)
def min_(a: Value, b: Value) -> Value:
    """`a` if a < b, else `b`.

    So `b` comes back when either side is NaN, and when both are zeros of whatever sign. At a
    tie the derivative goes to `b`.
    """
    return select(a < b, a, b)


@_least(
    ((2.0, 3.0), 3.0),
    (
        ((NAN, 1.0), 1.0),
        ((1.0, NAN), NAN),
        ((0.0, -0.0), -0.0),
        ((-0.0, 0.0), 0.0),
        ((INF, 1.0), INF),
    ),
    interval=mirrored(least),
    series=24,
    partials=lambda a, b, r: (taken := gt(a, b), sub(1.0, taken)),
)
def max_(a: Value, b: Value) -> Value:
    """`a` if a > b, else `b`.

    So `b` comes back when either side is NaN, and when both are zeros of whatever sign. At a
    tie the derivative goes to `b`.
    """
    return select(a > b, a, b)


def _floored(a: Value, b: Value) -> tuple[Value, Value, Value]:
    """The parts of a floored division.

    They are floor(a / b) as the division gives it, the remainder that belongs to it (exact), and
    whether this remainder has not the sign of b: then the quotient is one too large.
    """
    q = expr.floor(a / b)
    q_head, b_head = head(q), head(b)
    q_tail, b_tail = q - q_head, b - b_head
    product = q * b
    error = ((q_head * b_head - product) + q_head * b_tail + q_tail * b_head) + q_tail * b_tail
    rest = select(q.equals(0.0), a, (a - product) - error)
    wrong = rest.differs(0.0) & ((rest < 0.0) ^ (b < 0.0))
    return q, rest, wrong


def _mod_partials(a: Term, b: Term, r: Term) -> tuple[float, Term]:
    return 1.0, neg(floordiv(a, b))


@op(
    special=(
        ((5.0, 3.0), 2.0),
        ((-5.0, 3.0), 1.0),
        ((5.0, -3.0), -1.0),
        ((-5.0, -3.0), -2.0),
        ((6.0, -3.0), -0.0),
        ((-6.0, 3.0), 0.0),
        ((-0.0, 3.0), 0.0),
        ((1.0, 0.0), NAN),
        ((INF, 3.0), NAN),
        ((5.0, INF), 5.0),
        ((-5.0, INF), INF),
        ((5.0, -INF), -INF),
        ((1e30, 7.0), NAN),
        ((NAN, 1.0), NAN),
    ),
    example=((-7.0, 3.0), 2.0),
    symbol="%",
    units=REMAINDER,
    interval=floored,
    series=25,
    partials=_mod_partials,
)
def mod(a: Value, b: Value) -> Value:
    """The floored remainder a - b * floor(a / b), with the sign of b, as ``%`` in Python.

    The remainder is exact where a and b have the same sign and correctly rounded elsewhere; a
    zero result has the sign of b. Where a / b is ``2**53`` or more in magnitude (``2**24`` in
    single precision), or a is infinite, or b is zero, the result is NaN: there neighbouring
    values of a have unrelated remainders. The derivative with respect to b is -floor(a / b).
    """
    q, rest, wrong = _floored(a, b)
    signed = select(wrong, rest + b, rest)
    zero = expr.from_bits(sign_bit(b))
    exact = expr.fabs(q) < 2.0 ** (layout(a).fraction + 1)
    return select(exact, select(signed.equals(0.0), zero, signed), NAN)


@op(
    special=(
        ((5.0, 3.0), 1.0),
        ((-5.0, 3.0), -2.0),
        ((5.0, -3.0), -2.0),
        ((1.0, 0.0), INF),
        ((-1.0, 0.0), -INF),
        ((0.0, 0.0), NAN),
        ((INF, 3.0), NAN),
        ((5.0, INF), 0.0),
        ((-5.0, INF), -1.0),
        ((NAN, 1.0), NAN),
    ),
    example=((-7.0, 3.0), -3.0),
    ulp=1.0,
    symbol="//",
    units=QUOTIENT,
    interval=integers,
    series=26,
)
def floordiv(a: Value, b: Value) -> Value:
    """The floor of the exact quotient a / b, as ``//`` in NumPy.

    Exact below ``2**53`` in magnitude (``2**24`` in single precision); from there on it is a / b
    rounded to nearest. A zero divisor gives an infinity, an infinite a gives NaN. Flat: its
    derivative is zero.
    """
    q, _, wrong = _floored(a, b)
    exact = expr.fabs(q) < 2.0 ** (layout(a).fraction + 1)
    floored = select(wrong & exact, q - 1.0, q)
    return select(expr.fabs(a).equals(INF), NAN, floored)


@op(
    special=(((0.0,), 0.0), ((-0.0,), 0.0), ((INF,), 1.0), ((NAN,), NAN)),
    example=((-3.0,), -1.0),
    ulp=0.0,
    units=SIGN,
    series=37,
)
def sign(a: Value) -> Value:
    """1.0 above zero, -1.0 below, 0.0 at zeros of either sign, NaN for NaN. Flat."""
    ordered = select(a > 0.0, expr.like(a, 1.0), select(a < 0.0, expr.like(a, -1.0), 0.0))
    return select(a.equals(a), ordered, a)


def _copysign_partials(a: Term, b: Term, r: Term) -> tuple[Term, None]:
    return mul(copysign(1.0, a), copysign(1.0, b)), None


@_keep(
    ((3.0, -2.0), -3.0),
    (
        ((1.0, -0.0), -1.0),
        ((-INF, 0.0), INF),
        ((0.0, -1.0), -0.0),
        ((-1.0, NAN), 1.0),
        ((NAN, -1.0), NAN),
    ),
    interval=anything,
    series=38,
    partials=_copysign_partials,
)
def copysign(a: Value, b: Value) -> Value:
    """The magnitude of a with the sign of b.

    A NaN counts as positive: the sign of a computed NaN differs between processors.
    """
    # Not with masks and an "or": LLVM 22 merges a masked "or" into one AVX-512 instruction with
    # the wrong truth table.
    size = expr.fabs(a)
    return select((expr.bits(b) < 0) & b.equals(b), -size, size)
