"""Loops of the fleet programs in C with intrinsics (`c/`), for one instruction set, by gcc.

Products and sums are rounded apart, as VMs do it, and threads are OpenMP's.
"""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import Job

SETS = {
    "AVX-512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"),
    "AVX2": ("-mavx2", "-mfma"),
}
ONE = ", a vector at a time"
SETS |= {name + ONE: (*flags, "-DONE") for name, flags in SETS.items()}
BLOCK = 128  # numbers that no loop takes more of at a time
_FOLDER = Path(__file__).parent / "c"


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lanework-bench-")


@functools.cache
def function(name: str, isa: str) -> Callable[..., None]:
    """The loop, compiled: first the numbers that it writes, then integers."""
    library = Path(_scratch().name) / f"{name}-{isa}.so"
    flags = ("-O3", "-fopenmp", "-ffp-contract=off", "-shared", "-fPIC", *SETS[isa])
    command = ["gcc", *flags, "-o", str(library), str(_FOLDER / f"{name}.c")]
    subprocess.run(command, check=True, capture_output=True)
    run: Any = ctypes.CDLL(str(library)).run

    def call(out: Any, *sizes: int) -> None:
        run(ctypes.c_void_p(out.ctypes.data), *map(ctypes.c_long, sizes))

    return call


def _job(name: str, isa: str, port: str, count: int, sizes: tuple[int, ...]) -> Job:
    def job() -> dict[str, Any]:
        run = function(name, isa)
        out = np.empty(-(-count // BLOCK) * BLOCK, np.float32)
        run(out, *sizes)
        return {port: out[:count]}

    return job


def collatz(count: int, isa: str) -> Job:
    """Stopping times."""
    return _job("collatz", isa, "steps", count, (count,))


def uniform(count: int, turns: int, isa: str) -> Job:
    """The loop that all go round equally often."""
    return _job("uniform", isa, "values", count, (count, turns))


def mandelbrot(width: int, height: int, limit: int, isa: str) -> Job:
    """Turns of each pixel; rows of a multiple of 64."""
    assert width % 64 == 0
    return _job("mandelbrot", isa, "turns", width * height, (width, height, limit))
