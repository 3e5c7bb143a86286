"""Every interpreter over graphs has a rule for every primitive."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from lanework.core.ops import bounds, evaluate, scalar
from lanework.core.ops.expr import trace
from lanework.core.ops.fused import EXPANSIONS, without_fma
from lanework.core.ops.prims import LEAVES, Prim
from lanework.core.ops.table import ARITH, INTEGER, SINGLE
from lanework.engines.gpu import wgsl
from lanework.engines.llvm import ir

TABLES: dict[str, tuple[Collection[Prim], Collection[Prim]]] = {
    "NumPy": ({*evaluate.ELEMENTWISE, *evaluate.CASTS}, EXPANSIONS),
    "Python": ({*scalar.OF_FLOATS, *scalar.OF_WORDS}, EXPANSIONS),
    "LLVM": (ir.RULES, ()),
    "WGSL": (wgsl.RULES, EXPANSIONS),
    "intervals": (set(bounds.RULES) - set(LEAVES), bounds.APART),
}
"""The rules of an interpreter, and the primitives that no graph has when it sees it."""


@pytest.mark.parametrize("name", TABLES)
def test_every_primitive_has_a_rule(name: str) -> None:
    rules, absent = TABLES[name]
    assert sorted([*rules, *absent, *LEAVES]) == sorted(Prim)


def test_every_primitive_is_in_some_body() -> None:
    ops = [*ARITH.values(), *INTEGER.values(), *SINGLE.values()]
    graphs = [op.graph(dtype) for op in ops for dtype in op.dtypes]
    graphs += [without_fma(graph) for graph in graphs]
    assert {value.prim for graph in graphs for value in graph.values} == set(Prim)


@pytest.mark.parametrize("name", ["__lt__", "__ge__", "__add__"])
def test_truth_values_have_no_order_and_no_arithmetic(name: str) -> None:
    """Engines hold them in ways of their own, in which true may be -1."""
    with pytest.raises(TypeError, match="does not take bool"):
        trace(lambda a, b: getattr(a, name)(b), ("bool", "bool"))


@pytest.mark.parametrize(("dtype", "bytes"), [("f64", 8), ("i64", 8), ("f32", 4), ("i32", 4)])
def test_rows_are_as_aligned_as_their_elements(dtype, bytes):
    writer = ir.Writer(8)
    writer.masked_load("%row", "%mask", dtype)
    assert f"ptr align {bytes} %row" in writer.lines[-1]
