"""Every op as WGSL on the graphics device at hand: special values, all patterns, the reference."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device import Array, Device, agrees, behaviour, kind_of, rough, run, same
from exact import error_in_ulp
from points import POINTS
from words import special, wild

from lanework.core.ops.measured import MEASURED
from lanework.core.ops.op import Op
from lanework.core.ops.table import ARITH, SINGLE

TABLE = (*ARITH.values(), *SINGLE.values())
OPS = pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)


def columns(op: Op, size: int) -> list[Array]:
    """Every combination of special values, patterns of all kinds, and points where it matters."""
    kind, n = kind_of(op), len(op.operands)
    rng = np.random.default_rng(13)
    parts: list[Sequence[Array]] = [special(n), wild(rng, n, size)]
    if op.name in POINTS:
        parts.append([p.astype(np.float32) for p in POINTS[op.name](rng, size, "f32")])
    cases = [case.args for case in op.special]
    if op.example is not None:
        cases.append(op.example[0])
    with np.errstate(over="ignore"):
        parts.append([np.array(column, kind) for column in zip(*cases, strict=True)])
    return [
        np.concatenate([part.view(kind) for part in column]) for column in zip(*parts, strict=True)
    ]


def explain(args: list[Array], got: Array, want: Array, fine: Array) -> list[Any]:
    where = np.flatnonzero(~fine)[:5]
    return [(*(a[i] for a in args), got[i], want[i]) for i in where]


@pytest.fixture(scope="module")
def device(gpu: Any) -> Device:
    return behaviour(lambda op, args: run(gpu, op, args), columns(ARITH["add"], 20_000))


@OPS
def test_on_the_device(gpu: Any, device: Device, op: Op) -> None:
    args = columns(op, 200_000)
    got = run(gpu, op, args)
    fine = agrees(device, op, args, got)
    assert fine.all(), explain(args, got, op(*args), fine)


@OPS
def test_special_values_and_example(gpu: Any, op: Op) -> None:
    """What the op table says, without the reference in between."""
    kind = kind_of(op)
    assert op.example is not None
    cases = [(case.args, case.result) for case in op.special]
    exact = op.name not in POINTS
    with np.errstate(over="ignore"):
        rows = [*cases, op.example] if exact else cases
        args = [np.array(column, kind) for column in zip(*(row[0] for row in rows), strict=True)]
        want = np.array([row[1] for row in rows], kind)
    got = run(gpu, op, args)
    assert same(got, want).all(), explain(args, got, want, same(got, want))


@pytest.mark.parametrize("op", [op for op, dtype in MEASURED if dtype == "f32"], ids=str)
def test_worst_error_on_the_device(gpu: Any, device: Device, op: Op) -> None:
    """The worst argument of the op table is as bad here, and no worse than stated."""
    measured = MEASURED[op, "f32"]
    got = run(gpu, op, [np.array([arg], np.float32) for arg in measured.args])
    error = error_in_ulp(op.name, measured.args, float(got[0]), "f32")
    if device.exact:
        assert error == pytest.approx(measured.ulp, abs=6e-4)
    assert error <= op.ulp["f32"] + 4.0


def reciprocal(a: Array, b: Array) -> Array:
    """A division as some devices do it."""
    return np.multiply(a, np.divide(np.ones_like(b), b))


@OPS
def test_a_rough_device_is_let_through(op: Op) -> None:
    """What WGSL allows, played in NumPy: subnormals flushed, quotients not rounded correctly."""

    def call(op: Op, args: list[Array]) -> Array:
        with rough(reciprocal), np.errstate(all="ignore"):
            return op(*args)

    seen = behaviour(call, columns(ARITH["add"], 4000))
    assert seen == Device(exact=False, flushes=True)
    args = columns(op, 4000)
    got = call(op, args)
    fine = agrees(seen, op, args, got)
    assert fine.all(), explain(args, got, op(*args), fine)


@OPS
def test_a_wrong_device_is_not(op: Op) -> None:
    """A result turned around, or zero, is no rounding."""
    args = columns(op, 4000)
    want = op(*args)
    wrong = -want if want.dtype == np.float32 else ~want
    for seen in (Device(True, False), Device(False, True)):
        assert agrees(seen, op, args, want).all()
        assert not agrees(seen, op, args, wrong).all()
    if op.dtypes != ("i32",):
        off = (want.view(np.int32) ^ 1).view(np.float32)
        assert not agrees(Device(True, False), op, args, off).any(where=np.isfinite(want))


@pytest.mark.slow
@pytest.mark.parametrize(("required", "outcome"), [("1", "1 error"), ("0", "1 skipped")])
def test_a_missing_adapter_fails_where_one_is_required(required: str, outcome: str) -> None:
    nothing = dict.fromkeys(("VK_DRIVER_FILES", "VK_ICD_FILENAMES"), os.devnull)
    here = Path(__file__)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
            f"{here}::test_special_values_and_example[add]",
        ],
        env={
            **os.environ,
            **nothing,
            "WGPU_BACKEND_TYPE": "Vulkan",
            "LANEWORK_REQUIRE_GPU": required,
        },
        cwd=here.parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome in done.stdout, done.stdout
    assert (done.returncode != 0) == (required == "1")
    assert "mesa-vulkan-drivers" in done.stdout
