"""NumPy and LLVM agree to the bit on every op, as scalars and as vectors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from compiled import Compiled
from exact import NUMPY
from points import POINTS
from words import special, wild

from lanework.core.ops.op import Op
from lanework.core.ops.table import ARITH, SINGLE

SPECIAL = [0.0, 0.5, 1.0, 2.5, 3.0, 1e-40, 5e-324, 1e300, math.inf]
BITS = {"f64": np.int64, "f32": np.int32}


def arguments(op: Op, dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    n = len(op.operands)
    if op.name in POINTS:
        columns = [a.astype(NUMPY[dtype]) for a in POINTS[op.name](rng, 4000, dtype)]
    else:
        table = rng.normal(0, 10, (n, 4000))
        table[:, :2000] = np.rint(table[:, :2000])
        columns = list(table.astype(NUMPY[dtype]))
    # any bit pattern whatever, and every combination of special values
    wild = [rng.integers(-(2**63), 2**63, 2000, dtype=np.int64) for _ in range(n)]
    columns = [
        np.concatenate((c, w.view(NUMPY[dtype])[:2000])) for c, w in zip(columns, wild, strict=True)
    ]
    signed = [*SPECIAL, *(-x for x in SPECIAL), math.nan]
    with np.errstate(over="ignore"):
        product = np.array(list(itertools.product(signed, repeat=n))).T.astype(NUMPY[dtype])
    columns = [np.concatenate((p, c)) for p, c in zip(product, columns, strict=True)]
    size = columns[0].size // 16 * 16
    return [np.ascontiguousarray(c[:size]) for c in columns]


@pytest.mark.parametrize(("dtype", "width"), [("f64", 8), ("f64", 1), ("f32", 16)])
@pytest.mark.parametrize("op", list(ARITH.values()), ids=list(ARITH))
def test_agrees_to_the_bit(op: Op, dtype: str, width: int) -> None:
    args = arguments(op, dtype)
    got, want = Compiled(op, dtype, width)(*args), op(*args)
    same = (got.view(BITS[dtype]) == want.view(BITS[dtype])) | (np.isnan(got) & np.isnan(want))
    where = np.flatnonzero(~same)[:5]
    assert same.all(), [(*(a[i] for a in args), got[i], want[i]) for i in where]


@pytest.mark.parametrize("width", [16, 1])
@pytest.mark.parametrize("op", list(SINGLE.values()), ids=list(SINGLE))
def test_ops_on_words_agree_to_the_bit(op: Op, width: int) -> None:
    kind = np.float32 if op.dtypes == ("f32",) else np.int32
    n = len(op.operands)
    words = zip(special(n), wild(np.random.default_rng(12), n, 20_000), strict=True)
    args = [np.concatenate(pair).view(kind) for pair in words]
    args = [np.ascontiguousarray(arg[: arg.size // 16 * 16]) for arg in args]
    got, want = Compiled(op, op.dtypes[0], width)(*args), op(*args)
    same = got.view(np.int32) == want.view(np.int32)
    if kind is np.float32:
        same |= np.isnan(got) & np.isnan(want)
    where = np.flatnonzero(~same)[:5]
    assert same.all(), [(*(a[i] for a in args), got[i], want[i]) for i in where]
