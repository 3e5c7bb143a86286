"""Linked code is given back with the last who holds it, and what is held keeps running."""

import ctypes
import gc
import os
import subprocess
import sys

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


APART = """
import ctypes
from lanework.engines.llvm import jit

TEXT = '''
@table = private constant [2 x double] [double 1.25, double 2.5]
define void @f(ptr %c, ptr %d, ptr %s, ptr %x) {{
  %i = load i64, ptr %d
  %p = getelementptr double, ptr @table, i64 %i
  %v = load double, ptr %p
  %w = fadd double %v, {}.5
  store double %w, ptr %x
  ret void
}}'''

def check(n):
    kernel = jit.compile_text(TEXT.format(n), "f", 1, disk=False)
    one, result = (ctypes.c_int64 * 1)(1), (ctypes.c_double * 1)()
    kernel.call(None, one, None, result)
    assert result[0] == n + 3.0
    return kernel

kept = [check(0)]
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
PAGE, SIZE = 4096, 3 << 30

def taken(size):  # private, anonymous, without memory behind it
    return libc.mmap(None, size, 0, 0x22 | 0x4000, -1, 0)

block = taken(SIZE)
while taken(PAGE) > block:  # the gaps above it
    pass
for n in range(1, 9):
    libc.munmap(block + SIZE - 64 * n * PAGE, PAGE)  # the one place near: a page
    kept.append(check(n))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mappings as Linux makes them")
def test_code_and_constants_are_never_far_apart():
    """A process whose address space is full up to a page, and free again 3 GiB below."""
    command = [sys.executable, "-X", "faulthandler", "-c", APART]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_code_is_kept_by_all_that_it_depends_on(tmp_path, monkeypatch):
    """The text, the function's processor, and what LLVM is to do with it."""
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(tmp_path / "cache"))

    def cached(number=5, size=1, **more):
        return jit.compile_text(TEXT.format(number), "number", size, **more).cached

    ways = [{}, {"number": 6}, {"size": jit.LARGE + 1}, {"size": 2 * jit.LARGE + 1}]
    ways += [{"full": True}, {"passes": jit.REGISTERS}]
    assert [cached(**way) for way in ways] == [False] * len(ways)
    assert [cached(**way) for way in ways] == [True] * len(ways)
    monkeypatch.setattr(jit, "target_key", lambda: "another processor")
    assert [cached(**way) for way in ways] == [False] * len(ways)
