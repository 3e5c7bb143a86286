"""Linked code is given back with the last who holds it, and what is held keeps running."""

import ctypes
import gc
import os

import pytest

from lanework.engines.llvm import jit

pytestmark = pytest.mark.slow

TEXT = "define i64 @number() {{ ret i64 {} }}"


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's statistics")
def test_libraries_are_given_back():
    code = jit._object_code(TEXT.format(7), 0, False)
    for _ in range(100):
        jit._link(code, "number")
    gc.collect()
    before = resident()
    for _ in range(1000):
        jit._link(code, "number")
    gc.collect()
    assert resident() - before < 2_000_000  # 9 kB each, in one session


def test_libraries_that_are_held_run_when_others_are_gone():
    kept = []
    for n in range(4 * jit.SHARED):
        library = jit._link(jit._object_code(TEXT.format(n), 0, False), "number")
        if n % 10 == 3:
            kept.append((n, library))
    del library
    gc.collect()
    for n, library in kept:
        assert ctypes.CFUNCTYPE(ctypes.c_int64)(library["number"])() == n


@pytest.mark.slow
@pytest.mark.parametrize(("level", "full"), [(1, False), (2, True)])
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's statistics")
def test_what_compilers_use_is_given_back(level, full):
    for n in range(100):
        jit._object_code(TEXT.format(n), level, full)
    gc.collect()
    before = resident()
    for n in range(500):
        jit._object_code(TEXT.format(n), level, full)
    gc.collect()
    assert resident() - before < 500 * 3000  # 6 kB each, and 31 with all passes, if not
