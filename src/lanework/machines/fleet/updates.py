"""What integer atomics make of a word that no instruction computes."""

from __future__ import annotations

from lanework.core.ops.bounds import anything
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import exact

_word = exact(("i32",), interval=anything)


@_word(((3, -5), -5))
def imin(a: Value, b: Value) -> Value:
    """The lesser of both, signed."""
    return select(a < b, a, b)


@_word(((3, -5), 3))
def imax(a: Value, b: Value) -> Value:
    """The greater of both, signed."""
    return select(a < b, b, a)


@_word(((3, 5), 5))
def ixch(a: Value, b: Value) -> Value:
    """The other one."""
    return b
