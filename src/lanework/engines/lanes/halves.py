"""Words as floats of half precision, which variables are when a copy says so."""

from __future__ import annotations

from lanework.core.ops.bodies.words32 import from_half, to_half
from lanework.core.ops.expr import trace

NEAREST = trace(lambda word: from_half(to_half(word)), ("i32",))
"""A float to the nearest that half precision has, by integers alone: exact on every engine."""
NAN = 0x7FC00000
"""The NaN of half precision, without its sign."""
