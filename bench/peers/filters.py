"""A filter of three columns, for the register machine and its peers."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.harness import Answer, Job

LANES = 10_000_000
TEXTS = {
    "integers": """
.input "a" r0 i64
.input "b" r1 i64
.input "c" r2 i64
.output "keep" r3
    movi r4, 3
    mul r4, r0, r4
    add r4, r4, r1
    movi r5, 10
    bge r5, r4, .no
    movi r5, 7
    bge r2, r5, .no
    movi r3, 1
    halt
.no:
    movi r3, 0
    halt
""",
    "floats": """
.input "a" r0 f64
.input "b" r1 f64
.input "c" r2 f64
.output "keep" r3
    mov r4, f64:3.0
    fmul r4, r0, r4
    fadd r4, r4, r1
    mov r5, f64:10.0
    flt r3, r5, r4
    mov r5, f64:7.0
    flt r4, r2, r5
    and r3, r3, r4
    halt
""",
}
DTYPES = {"integers": np.int64, "floats": np.float64}


def columns(kind: str) -> dict[str, Any]:
    """Numbers from 0 to 9 or 10."""
    rng = np.random.default_rng(4)
    return {name: (rng.random(LANES) * 10).astype(DTYPES[kind]) for name in "abc"}


def numba_job(kind: str, words: bool = False) -> Job:
    """A ufunc over all cores, whose answers are booleans, or words of 64 bits as ours are."""
    import numba

    given = list(columns(kind).values())
    argument = numba.from_dtype(np.dtype(DTYPES[kind]))
    out = numba.uint64 if words else numba.boolean

    @numba.vectorize([out(argument, argument, argument)], target="parallel")
    def keep(a: Any, b: Any, c: Any) -> Any:
        return (a * 3 + b > 10) & (c < 7)

    return lambda: {"keep": keep(*given)}


def numpy_job(kind: str) -> Job:
    """A temporary for each step."""
    a, b, c = columns(kind).values()

    def job() -> Answer:
        return {"keep": (a * 3 + b > 10) & (c < 7)}

    return job
