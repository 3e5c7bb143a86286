"""An op on a graphics device, and what WGSL lets a device do to it.

Most devices do as IEEE 754 says, and then an op has to give the bits of the reference. WGSL asks
for less: subnormals may become zeros, a quotient may be off by 2.5 ULP, a root by as much as
1 / inverseSqrt(x), a sum or a product may be either neighbour. A device that makes use of that in
the plain ops is held to the stated error of each op with these added.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lanework.core.ops import evaluate
from lanework.core.ops.op import Op
from lanework.core.ops.prims import ARITHMETIC, EQUALITY, ORDER, Prim
from lanework.core.ops.table import ARITH
from lanework.engines.gpu.wgsl import PREAMBLE, function_name, render_op

Array = np.ndarray[Any, Any]
TINY = np.float32(2.0**-126)
PLAIN = ("add", "sub", "mul", "div", "sqrt")

KERNEL = """
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
  if (id.x >= arrayLength(&out)) {{ return; }}
  out[id.x] = bitcast<u32>({name}({args}));
}}
"""


def kind_of(op: Op) -> type[np.generic]:
    return np.int32 if op.dtypes == ("i32",) else np.float32


def run(device: Any, op: Op, args: list[Array]) -> Array:
    """The op over columns of its dtype, up to 65,535 x 64 rows."""
    import wgpu

    n, kind = len(args), "i32" if kind_of(op) is np.int32 else "f32"
    texts = (f"bitcast<{kind}>(words[(id.x * {n}u) + {k}u])" for k in range(n))
    text = KERNEL.format(name=function_name(op), args=", ".join(texts))
    module = device.create_shader_module(code=f"{PREAMBLE}\n{render_op(op)}{text}")
    pipeline = device.create_compute_pipeline(
        layout="auto", compute={"module": module, "entry_point": "main"}
    )
    rows = np.stack([arg.view(np.uint32) for arg in args], axis=1)
    usage = wgpu.BufferUsage
    source = device.create_buffer_with_data(data=rows, usage=usage.STORAGE)
    out = device.create_buffer(size=4 * len(rows), usage=usage.STORAGE | usage.COPY_SRC)
    group = device.create_bind_group(
        layout=pipeline.get_bind_group_layout(0),
        entries=[
            {"binding": i, "resource": {"buffer": buffer}} for i, buffer in enumerate((source, out))
        ],
    )
    encoder = device.create_command_encoder()
    work = encoder.begin_compute_pass()
    work.set_pipeline(pipeline)
    work.set_bind_group(0, group)
    work.dispatch_workgroups(-(-len(rows) // 64))
    work.end()
    device.queue.submit([encoder.finish()])
    return np.frombuffer(device.queue.read_buffer(out), kind_of(op))


def same(got: Array, want: Array) -> Array:
    """The same bits, or both not a number."""
    bits = got.view(np.uint32) == want.view(np.uint32)
    return bits | (np.isnan(got) & np.isnan(want)) if got.dtype == np.float32 else bits


def flush(x: Array) -> Array:
    """Subnormals as zeros of their sign."""
    if np.asarray(x).dtype != np.float32:
        return x
    return np.where(np.abs(x) < TINY, np.copysign(np.float32(0.0), x), x)


@contextlib.contextmanager
def rough(divide: Callable[..., Array] = np.divide) -> Iterator[None]:
    """The reference on a device that flushes subnormals, and may divide in its own way."""
    rules = evaluate.ELEMENTWISE
    known = dict(rules)
    evaluate.interpreter.cache_clear()  # bodies that were prepared have the rules of before
    try:
        rules[Prim.DIV] = divide
        rounding = Prim.FLOOR, Prim.CEIL, Prim.TRUNC
        for prim in (*ARITHMETIC, Prim.DIV, Prim.SQRT, *rounding, *ORDER, *EQUALITY):
            rules[prim] = lambda *args, rule=rules[prim]: flush(rule(*map(flush, args)))
        yield
    finally:
        rules.update(known)
        evaluate.interpreter.cache_clear()


@dataclass(frozen=True)
class Device:
    """What a device was seen to do in the plain ops: exactly what IEEE 754 says, or flush."""

    exact: bool
    flushes: bool


def behaviour(call: Callable[[Op, list[Array]], Array], args: list[Array]) -> Device:
    """How the plain ops come out, over two columns of floats."""
    exact = flushes = True
    for name in PLAIN:
        op = ARITH[name]
        mine = args[: len(op.operands)]
        got, want = call(op, mine), op(*mine)
        exact &= bool(same(got, want).all())
        below = (np.abs(want) < TINY) & (want != 0)
        flushes &= not (np.abs(got[below]) < TINY)[got[below] != 0].any()
    return Device(exact, flushes)


def slack(op: Op) -> float:
    """How many ULP of the result a device that is not exact may be off."""
    prims = [value.prim for value in op.graph(op.dtypes[-1]).values]
    quotients, roots = prims.count(Prim.DIV), prims.count(Prim.SQRT)
    if op.dtypes == ("i32",) or (op.ulp["f32"] == 0.0 and not quotients + roots):
        return 0.0
    stated = op.ulp["f32"] if np.isfinite(op.ulp["f32"]) else 1.0
    return stated + 2.5 * quotients + 4.5 * roots + 1.0


def agrees(device: Device, op: Op, args: list[Array], got: Array) -> Array:
    """Where a result is what this device may give."""
    want = op(*args)
    fine = same(got, want)
    if device.exact or got.dtype != np.float32:
        return fine
    wants = [want]
    if device.flushes:
        with rough():
            wants += [op(*args), flush(want)]
    for want in wants:
        fine |= same(got, want) | _near(op, args, got, want)
    return fine


def _near(op: Op, args: list[Array], got: Array, want: Array) -> Array:
    with np.errstate(all="ignore"):
        off = np.abs(got.astype(np.float64) - want)
        near = off <= slack(op) * np.spacing(np.abs(want))
        if op.name in ("mod", "rem", "floordiv"):  # its quotient may round to another whole number
            a, b = (np.abs(arg) for arg in args)
            wholes = 1.0 + 2.5 * np.spacing(a / b).astype(np.float64)
            near |= off <= wholes * (1.0 if op.name == "floordiv" else b) + np.spacing(a)
    return near
