"""The WGSL text is accepted by a grammar and means what the reference says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from points import POINTS
from wgsl_reader import Module
from words import special, wild

from lanework.core.ops import expr
from lanework.core.ops.evaluate import evaluate
from lanework.core.ops.op import Op
from lanework.core.ops.prims import INTEGER
from lanework.core.ops.scalar import python_function
from lanework.core.ops.table import ARITH, SINGLE
from lanework.engines.gpu.wgsl import (
    PREAMBLE,
    function_name,
    literal,
    render_graph,
    render_op,
)

TEXT = "\n".join([PREAMBLE, *map(render_op, (*ARITH.values(), *SINGLE.values()))])
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


@pytest.mark.parametrize("op", list(SINGLE.values()), ids=list(SINGLE))
def test_ops_on_words_agree_to_the_bit(op: Op) -> None:
    kind = np.float32 if op.dtypes == ("f32",) else np.int32
    n = len(op.operands)
    words = zip(special(n), wild(np.random.default_rng(8), n, 4000), strict=True)
    args = [np.concatenate(pair).view(kind) for pair in words]
    got, want = MODULE.call(function_name(op), *args), op(*args)
    assert got.dtype == want.dtype == kind
    if kind is np.float32:
        assert same(got, want).all()
    else:
        assert (got == want).all()


@pytest.mark.parametrize("name", INTEGER)
def test_primitives_on_words_agree(name: str) -> None:
    """With the bodies of the ops on 64-bit words, traced in i32."""
    primitive = getattr(expr, name)
    n = 1 if name in ("popcount", "clz", "ctz", "bswap") else 2
    args = [column.view(np.int32) for column in special(n)]
    if name in ("udiv", "urem"):
        args[1] = np.where(args[1] == 0, 1, args[1])

    def body(*values: expr.Value) -> expr.Value:
        subject = primitive(*values)
        return expr.select(subject, expr.const(1, "i32"), 0) if subject.dtype == "bool" else subject

    graph = expr.trace(body, ("i32",) * n)
    got = Module(f"{PREAMBLE}\n{render_graph('f', graph)}").call("f", *args)
    assert got.tolist() == evaluate(graph, args).tolist()
    function = python_function(graph)
    words = zip(*(column.view(np.uint32).tolist() for column in args), strict=True)
    assert got.view(np.uint32).tolist() == [function(*row) for row in words]


def test_nan_is_known_by_its_bits() -> None:
    """A compiler that rules NaN out may drop x == x."""
    text = render_graph("f", expr.trace(lambda x: expr.select(x.equals(x), x, 0.0), ("f32",)))
    assert "(bitcast<u32>(a0) & 0x7fffffffu) <= 0x7f800000u" in text
    assert "a0 == a0" not in TEXT


def test_constants_make_no_infinity_or_nan() -> None:
    """A constant expression with such a value is an error in WGSL."""
    assert not re.search(r"bitcast<f32>\(0x[7f]f[89a-f]", TEXT)
    assert not re.search(r"[^a-z_](inf|nan)[^a-z]", re.sub("//.*", "", TEXT))


def test_nothing_of_64_bits() -> None:
    assert not re.search(r"\b(f64|i64)\b", TEXT)
    with pytest.raises(TypeError, match="WGSL has no f64"):
        render_graph("f", ARITH["exp"].graph("f64"))


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
    words = expr.trace(lambda i: expr.bits((expr.to_float(i) + 1.0) + 2.0), ("i32",))
    text = f"{PREAMBLE}\n{render_graph('f', words)}"
    assert "lw_hold(" in text
    assert Module(text).call("f", np.int32(-7)).view(np.float32) == -4.0


KINDS = {"f32": np.float32, "i32": np.int32}


@pytest.mark.parametrize(("dtype", "minus"), [("f32", -1.0), ("i32", -0x40800000)])
def test_no_choice_between_minus_one_and_zero(dtype: str, minus: float) -> None:
    """Mesa writes it as a negated truth value, which gives -0."""

    def body(a: expr.Value) -> expr.Value:
        return expr.select(a < 0, expr.const(minus, dtype), 0)

    text = render_graph("f", expr.trace(body, (dtype,)))
    assert f"select({'bitcast<f32>(zero)' if dtype == 'f32' else 'zero'}, " in text
    assert Module(f"{PREAMBLE}\n{text}").call("f", KINDS[dtype](5)) == 0
    assert "let zero" not in render_graph("f", expr.trace(lambda a: a + 1, (dtype,)))


def test_one_op_by_itself() -> None:
    text = render_op(ARITH["select"])
    assert text.startswith("// `a` where c is true")
    assert Module(text).call("lw_select", *np.float32([[1.0], [2.0], [3.0]])) == np.float32(2.0)
