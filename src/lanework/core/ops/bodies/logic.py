"""Comparisons and logic: 1.0 is true, 0.0 is false, and what is not zero counts as true."""

from __future__ import annotations

from lanework.core.ops.bodies.layout import NAN, truth
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import exact, op
from lanework.core.ops.rules import CHOICE, COMPARE, LOGIC, SELECTION

_compare = exact(units=COMPARE)
_logic = exact(units=LOGIC)


@_compare(((1.0, 2.0), 1.0), (((0.0, -0.0), 0.0), ((NAN, 1.0), 0.0)), symbol="<", series=27)
def lt(a: Value, b: Value) -> Value:
    """1.0 if a < b, else 0.0; false if either is NaN."""
    return truth(a < b, a)


@_compare(((2.0, 2.0), 1.0), (((1.0, 1.0), 1.0), ((NAN, NAN), 0.0)), symbol="<=", series=28)
def le(a: Value, b: Value) -> Value:
    """1.0 if a <= b, else 0.0; false if either is NaN."""
    return truth(a <= b, a)


@_compare(((2.0, 1.0), 1.0), (((0.0, -0.0), 0.0), ((NAN, 1.0), 0.0)), symbol=">", series=29)
def gt(a: Value, b: Value) -> Value:
    """1.0 if a > b, else 0.0; false if either is NaN."""
    return truth(a > b, a)


@_compare(((1.0, 2.0), 0.0), (((-0.0, 0.0), 1.0), ((1.0, NAN), 0.0)), symbol=">=", series=30)
def ge(a: Value, b: Value) -> Value:
    """1.0 if a >= b, else 0.0; false if either is NaN."""
    return truth(a >= b, a)


@_compare(
    ((2.0, 2.0), 1.0),
    (((-0.0, 0.0), 1.0), ((NAN, NAN), 0.0)),
    commutes=True,
    symbol="==",
    series=31,
)
def eq(a: Value, b: Value) -> Value:
    """1.0 if a equals b, else 0.0; false if either is NaN."""
    return truth(a.equals(b), a)


@_compare(
    ((2.0, 2.0), 0.0),
    (((-0.0, 0.0), 0.0), ((NAN, NAN), 1.0)),
    commutes=True,
    symbol="!=",
    series=32,
)
def ne(a: Value, b: Value) -> Value:
    """1.0 if a differs from b, else 0.0; true if either is NaN."""
    return truth(a.differs(b), a)


@_logic(
    ((2.0, 3.0), 1.0),
    (((NAN, 2.0), 1.0), ((1.0, -0.0), 0.0)),
    commutes=True,
    symbol="and",
    series=33,
)
def and_(a: Value, b: Value) -> Value:
    """1.0 if both are true, else 0.0. What is not zero is true, NaN included."""
    return truth(a.differs(0.0) & b.differs(0.0), a)


@_logic(
    ((0.0, 3.0), 1.0),
    (((NAN, 0.0), 1.0), ((0.0, -0.0), 0.0)),
    commutes=True,
    symbol="or",
    series=34,
)
def or_(a: Value, b: Value) -> Value:
    """1.0 if either is true, else 0.0. What is not zero is true, NaN included."""
    return truth(a.differs(0.0) | b.differs(0.0), a)


@_logic(((3.0,), 0.0), (((NAN,), 0.0), ((-0.0,), 1.0)), symbol="not", series=35)
def not_(a: Value) -> Value:
    """1.0 if a is zero of either sign, else 0.0."""
    return truth(a.equals(0.0), a)


@op(
    special=(((NAN, 1.0, 2.0), 1.0), ((-0.0, 1.0, 2.0), 2.0), ((0.0, NAN, 2.0), 2.0)),
    example=((1.0, 5.0, 7.0), 5.0),
    ulp=0.0,
    name="select",
    called="where",
    units=CHOICE,
    identities=(SELECTION,),
    series=36,
    partials=lambda c, a, b, r: (None, ne(c, 0.0), eq(c, 0.0)),
)
def choose(c: Value, a: Value, b: Value) -> Value:
    """`a` where c is true (not zero; NaN is true), else `b`. Both are evaluated."""
    return select(c.differs(0.0), a, b)
