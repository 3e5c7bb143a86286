"""The WGSL text is accepted by a grammar and means what the reference says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from points import POINTS
from wgsl_reader import Module

from lanework.core import expr
from lanework.core.arith import ARITH
from lanework.core.op import Op
from lanework.engines import llvm_ir
from lanework.engines.wgsl import (
    RULED,
    function_name,
    literal,
    render_graph,
    render_module,
    render_op,
)

TEXT = render_module(ARITH.values())
MODULE = Module(TEXT)


def same(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    return (got.view(np.int32) == want.view(np.int32)) | (np.isnan(got) & np.isnan(want))


@pytest.mark.parametrize("op", list(ARITH.values()), ids=list(ARITH))
def test_agrees_with_the_reference_to_the_bit(op: Op) -> None:
    rng = np.random.default_rng(8)
    if op.name in POINTS:
        args = [a.astype(np.float32) for a in POINTS[op.name](rng, 4000, "f32")]
    else:
        args = [rng.normal(0, 10, 4000).astype(np.float32) for _ in op.operands]
        for a in args:
            a[:2000] = np.rint(a[:2000])
    with np.errstate(over="ignore"):
        columns = zip(*(case.args for case in op.special), strict=True)
        args = [
            np.concatenate((np.asarray(c, np.float32), a))
            for c, a in zip(columns, args, strict=True)
        ]
    got, want = MODULE.call(function_name(op), *args), op(*args)
    assert got.dtype == want.dtype == np.float32
    assert same(np.broadcast_to(got, want.shape).copy(), want).all()


def test_constants_make_no_infinity_or_nan() -> None:
    """A constant expression with such a value is an error in WGSL."""
    assert not re.search(r"bitcast<f32>\(0x[7f]f[89a-f]", TEXT)
    assert not re.search(r"[^a-z_](inf|nan)[^a-z]", re.sub("//.*", "", TEXT))


def test_nothing_of_64_bits() -> None:
    assert not re.search(r"\b(f64|i64)\b", TEXT)
    with pytest.raises(TypeError, match="WGSL has no f64"):
        render_graph("f", ARITH["exp"].graph("f64"))


def test_every_primitive_has_a_rule() -> None:
    leaves = {"arg", "const", "promote", "demote"}
    words = {*expr.INTEGER, "ult"}  # in ops on 64-bit words only, which WGSL does not have
    assert set(expr.PRIMITIVES) - leaves - words == RULED
    assert set(expr.PRIMITIVES) - {"arg", "const"} == llvm_ir.RULED


@pytest.mark.parametrize(
    "value", [0.1, 1e-45, -0.0, 3.4028234663852886e38, -2.5, 1e10, 7.0, 2**-130]
)
def test_literals_are_exact(value: float) -> None:
    single = np.float32(value)
    text = f"fn f(x: f32) -> f32 {{ let v = {literal(float(single), 'f32')}; return v; }}"
    assert Module(text).call("f", single).view(np.int32) == single.view(np.int32)


def test_sums_of_sums_are_held() -> None:
    """In (a + b) - a the inner sum must not be merged with the outer one."""
    graph = expr.trace(lambda a, b: (a + b) - a, ("f32", "f32"))
    assert "let v1 = lw_hold(a0 + a1, zero);" in render_graph("f", graph)
    horner = expr.trace(lambda a, b: (a * b + 1.0) * b + 2.0, ("f32", "f32"))
    assert "lw_hold" not in render_graph("f", horner)


def test_one_op_by_itself() -> None:
    text = render_op(ARITH["select"])
    assert text.startswith("// `a` where c is true")
    assert Module(text).call("lw_select", *np.float32([[1.0], [2.0], [3.0]])) == np.float32(2.0)
