"""The gate: what the verifier accepts stays inside its memory.

Damaged programs are refused with diagnostics or run. They run in a process of their own, where
every array that compiled code may touch lies against pages that nobody may touch: first the
arrays end where such pages begin, then they begin where such pages end. Inputs and tables may
not be written either. So a single number read or written outside kills that process.
"""

import ctypes
import functools
import itertools
import json
import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from campaigns import campaign

GUARD = 16 * mmap.PAGESIZE
NO_ACCESS, READ_ONLY = 0, 1
_libc = ctypes.CDLL(None, use_errno=True)
_side = "end"


def guarded(shape, dtype=np.float64, fill=0, like=None):
    """An array that ends (or begins) where pages without access begin (or end)."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    pages = -(-max(size, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, pages + 2 * GUARD, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    _protect(start, GUARD, NO_ACCESS)
    _protect(start + GUARD + pages, GUARD, NO_ACCESS)
    offset = GUARD + (pages - size if _side == "end" else 0)
    array = np.ndarray(shape, dtype, memory, offset)
    if like is not None:
        array[...] = like
        _protect(start + GUARD, pages, READ_ONLY)
    elif fill:
        memory[GUARD : GUARD + pages] = bytes([fill]) * pages
    return array


def _protect(start, size, access):
    assert _libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(size), access) == 0


class GuardedNumPy:
    """NumPy, but for the arrays it makes; memory not set is full of NaN."""

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def zeros(shape, dtype=np.float64):
        return guarded(shape, dtype)

    @staticmethod
    def empty(shape, dtype=np.float64):
        return guarded(shape, dtype, fill=0xFF)

    @staticmethod
    def arange(*args):
        array = np.arange(*args)
        return guarded(array.shape, array.dtype, like=array)


def guard_everything():
    """Let the engines that make code run, and be made, on guarded memory only."""
    from lanework.engines import native
    from lanework.engines.llvm import jit as llvm
    from lanework.engines.vector import kernel
    from lanework.machines.series.data import lanes as target
    from lanework.machines.series.native import compiled, direct, kernels

    for module in (native, kernel, compiled, direct, kernels, target):
        module.np = GuardedNumPy()
    llvm.compile_text = functools.lru_cache(maxsize=16)(llvm.compile_text)  # both sides use it
    make, run = compiled.CompiledExecutor.__init__, compiled.CompiledExecutor.run

    def guarded_init(self, *args):
        make(self, *args)
        self._tables = [guarded(table.shape, like=table) for table in self._tables]

    def guarded_run(self, job):
        job.arrays = [
            guarded(value.shape, like=value) if isinstance(value, np.ndarray) else value
            for value in job.arrays
        ]
        if job.order is not None:
            job.order = guarded(job.order.shape, np.int64, like=job.order)
        return run(self, job)

    compiled.CompiledExecutor.__init__, compiled.CompiledExecutor.run = guarded_init, guarded_run


def child(seeds):
    """Check seeds; each is announced, so that a crash has a name."""
    global _side
    from lanework.machines.series.check import fuzz

    guard_everything()
    accepted, actual = 0, []
    for seed in seeds:
        print(seed, flush=True)
        accepted += not fuzz.mutant(seed).problems()
        for _side in ("end", "begin"):
            divergence = fuzz.check_mutant(seed, (1, 16, "stencil"))
            if divergence is not None:
                actual.append(str(divergence))
                break
    print(json.dumps({"accepted": accepted, "found": actual}))


def overrun(side, distance):
    """Read past (or before) a guarded array by so many numbers."""
    global _side
    _side = side
    array = guarded((5,))
    print(ctypes.c_double.from_address(array.ctypes.data + 8 * distance).value)


def in_child(code):
    paths = (str(Path(__file__).parent), *sys.path)
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", f"import test_gate; test_gate.{code}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.mark.parametrize("those", campaign(4000, 500, daily=150, quick=50))
def test_what_the_gate_lets_through_stays_inside(those):
    done = in_child(f"child({those})")
    *seeds, last = done.stdout.splitlines()
    assert done.returncode == 0, f"seed {last} ends with {done.returncode}:\n{done.stderr[-3000:]}"
    report = json.loads(last)
    assert len(seeds) == len(those)
    assert report["found"] == []
    assert len(those) / 5 < report["accepted"] < len(those) * 4 / 5


@pytest.mark.parametrize(
    ("side", "distance"), list(itertools.product(("end", "begin"), (-1, 0, 4, 5)))
)
def test_guards_stop_the_first_number_outside(side, distance):
    done = in_child(f"overrun({side!r}, {distance})")
    outside = distance == (5 if side == "end" else -1)
    assert done.returncode == (-signal.SIGSEGV if outside else 0), done.stderr
