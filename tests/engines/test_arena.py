"""Buffers for machine code: never writable and executable, never shared by two, never lost."""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import threading
import time

import pytest

from lanework.app.programs import known_codes
from lanework.base.errors import Diagnostic
from lanework.engines.stencil import arena, mapping
from lanework.engines.stencil.arena import Pool, code_pool, flush
from lanework.engines.stencil.mapping import PAGE, Mapping

CODE = b"\x8d\x47\x01\xc3"  # lea eax, [rdi + 1]; ret
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="the code is for x86-64")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

CHILD = """
import ctypes, os, sys
from lanework.engines.stencil.arena import Pool
CODE = bytes.fromhex("8d4701c3")

def put(buffer, code=CODE):
    with buffer.mapping.writable():
        ctypes.memmove(buffer.write, code, len(code))
    return buffer

def call(buffer, x):
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(buffer.run)(x)
"""


@pytest.fixture(params=["two views", "protect"])
def mode(request, monkeypatch):
    monkeypatch.delenv("LANEWORK_CODE_MAPPING", raising=False)
    if request.param == "protect":
        monkeypatch.setenv("LANEWORK_CODE_MAPPING", "protect")
    elif not Mapping(PAGE).two_views:
        pytest.skip("memory files may not be executed here")
    return request.param


def put(buffer, code=CODE):
    with buffer.mapping.writable():
        ctypes.memmove(buffer.write, code, len(code))
    flush(buffer.run, len(code))
    return buffer


def call(buffer, x):
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(buffer.run)(x)


def content(buffer):
    return ctypes.string_at(buffer.run, buffer.size)


def maps():
    with open("/proc/self/maps") as file:
        for line in file:
            span, permissions = line.split()[:2]
            start, end = (int(word, 16) for word in span.split("-"))
            yield start, end, permissions


def permissions_at(address):
    return next((p for start, end, p in maps() if start <= address < end), None)


def child(text, *words, **environment):
    return subprocess.run(
        [sys.executable, "-c", CHILD + text, *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


def refused(pool, count=1):
    with pytest.raises(Diagnostic) as caught:
        pool.acquire(count)
    assert caught.value.code.ident == "LW2101"


# what a buffer is


@x86_64
@pytest.mark.parametrize("count", [1, 3])
def test_code_runs(mode, count):
    with Pool().acquire(count) as buffer:
        assert buffer.size == count * 4096
        assert buffer.mapping.two_views == (mode == "two views")
        assert (buffer.write != buffer.run) == buffer.mapping.two_views
        assert call(put(buffer), 41) == 42


PAGES = """
def pages():
    with open("/proc/self/maps") as file:
        for line in file:
            span, permissions = line.split()[:2]
            assert not {"w", "x"} <= set(permissions), line
            yield (*(int(word, 16) for word in span.split("-")), permissions)

def at(address):
    return [p for start, end, p in pages() if start <= address < end][0][:3]

pool = Pool()
buffers = [put(pool.acquire(count)) for count in (1, 1, 5)]
assert buffers[0].mapping.two_views == (sys.argv[1:] == ["two views"])
for buffer in buffers:
    assert at(buffer.run) == "r-x"
    with buffer.mapping.writable():
        assert at(buffer.write) == "rw-"
    assert at(buffer.run) == "r-x"
    buffer.release()
assert list(pages())
print("well")
"""


@linux
def test_no_page_is_writable_and_executable(mode):
    """In a process of its own: llvmlite and ctypes callbacks have such a page, of libffi."""
    done = child(PAGES, mode)
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr


@linux
@pytest.mark.parametrize("way", ["", "protect"])
def test_writing_where_it_runs_ends_the_process(way):
    text = "b = put(Pool().acquire()); print('put', flush=True); ctypes.memset(b.run, 0, 1)"
    done = child(text, LANEWORK_CODE_MAPPING=way)
    assert (done.stdout, done.returncode) == ("put\n", -signal.SIGSEGV), done.stderr


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="there are no memory files here")
@pytest.mark.parametrize("what", ["missing", "forbidden", "not executable"])
def test_without_executable_memory_files_pages_are_protected_by_turns(what, monkeypatch):
    def forbidden(*_):
        raise PermissionError(1, "forbidden")

    original = mapping._map

    def not_executable(size, protection, flags, file=-1):
        return forbidden() if file >= 0 and protection & 4 else original(
            size, protection, flags, file)  # fmt: skip

    if what == "missing":
        monkeypatch.delattr(os, "memfd_create")
    elif what == "forbidden":
        monkeypatch.setattr(os, "memfd_create", forbidden)
    else:
        monkeypatch.setattr(mapping, "_map", not_executable)
    files = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    with Pool().acquire() as buffer:
        assert not buffer.mapping.two_views
        assert content(put(buffer)).startswith(CODE)
    assert not files or len(os.listdir("/proc/self/fd")) == files


@x86_64
def test_others_run_while_one_is_written(mode):
    pool = Pool()
    first, second = put(pool.acquire()), put(pool.acquire())
    with second.mapping.writable():
        assert call(first, 1) == 2
    second.release()
    assert call(first, 1) == 2


def test_wiped_when_given_back(mode):
    pool = Pool(buffers=1)
    buffer = put(pool.acquire())
    buffer.release()
    again = pool.acquire()
    assert again.run == buffer.run
    assert content(again) == arena.TRAP * (4096 // len(arena.TRAP))


def test_released_twice_is_released_once():
    pool = Pool(buffers=2, most=2, wait=0)
    buffer = pool.acquire()
    with buffer:
        buffer.release()
    pool.release(buffer)
    held = [pool.acquire(), pool.acquire()]
    assert held[0].run != held[1].run
    refused(pool)


@linux
def test_large_ones_have_memory_of_their_own_until_given_back(mode):
    pool = Pool()
    small, large = pool.acquire(), pool.acquire(100)
    put(large, b"\xc3" * large.size)
    assert large.size == 409600
    assert large.mapping.size == large.size
    assert large.mapping is not small.mapping
    assert permissions_at(large.run)
    large.release()
    large.release()
    assert permissions_at(large.run) is None
    assert permissions_at(large.write) is None
    assert permissions_at(small.run)


# how many there are


def test_thousands_alive(mode):
    pool = Pool()
    files = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    buffers = [pool.acquire() for _ in range(4000)] + [pool.acquire(2) for _ in range(500)]
    for n, buffer in enumerate(buffers):
        put(buffer, n.to_bytes(8, "little"))
    assert [content(b)[:8] for b in buffers] == [n.to_bytes(8, "little") for n in range(4500)]
    if files:
        assert len(os.listdir("/proc/self/fd")) == files
    for buffer in buffers:
        buffer.release()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("count", [1, 2])
def test_exhaustion_is_an_error_after_waiting(count):
    pool = Pool(buffers=4, most=10, wait=0.05)
    held = [pool.acquire(count) for _ in range(10 // count)]
    start = time.perf_counter()
    refused(pool, count)
    assert time.perf_counter() - start >= 0.05
    held[3].release()
    pool.acquire(count).release()
    assert known_codes()["LW2101"].explanation


@pytest.mark.parametrize("count", [1, 2])
def test_one_that_comes_back_in_time_is_taken(count):
    pool = Pool(most=4, wait=30)
    held = [pool.acquire(count) for _ in range(4 // count)]
    later = threading.Timer(0.05, held[0].release)
    later.start()
    assert pool.acquire(count).size == count * 4096
    later.join()


@pytest.mark.timeout(60)
def test_more_than_there_will_ever_be_is_refused_at_once():
    refused(Pool(most=4, wait=600), 5)


def test_free_small_ones_make_room_for_large_ones_and_back():
    pool = Pool(buffers=8, most=16, wait=0)
    for buffer in [pool.acquire() for _ in range(16)]:
        buffer.release()
    for _ in range(3):
        large = pool.acquire(12)
        small = [pool.acquire() for _ in range(4)]
        refused(pool)
        refused(pool, 2)
        large.release()
        small += [pool.acquire() for _ in range(12)]
        refused(pool)
        assert len({buffer.run for buffer in small}) == 16
        for buffer in small:
            buffer.release()


def test_no_memory_from_the_system_is_an_error_and_nothing_is_lost(monkeypatch):
    pool = Pool(buffers=4, most=4, wait=0)
    with monkeypatch.context() as patched:
        patched.setattr(arena, "Mapping", lambda size: (_ for _ in ()).throw(OSError(12, "none")))
        refused(pool)
        refused(pool, 4)
    pool.acquire(4).release()
    held = [pool.acquire() for _ in range(4)]
    assert len({buffer.run for buffer in held}) == 4
    refused(pool)


# threads, time, processes


def test_no_buffer_is_handed_out_twice_at_once():
    pool = Pool(buffers=4, most=12, wait=60)
    owners, wrong = {}, []
    start = threading.Barrier(8)

    def work(me):
        start.wait()
        for _ in range(20_000):
            buffer = pool.acquire()
            if owners.setdefault(buffer.run, me) != me:
                wrong.append(buffer.run)
            ctypes.c_uint64.from_address(buffer.write).value = me
            if ctypes.c_uint64.from_address(buffer.run).value != me:
                wrong.append(buffer.run)
            del owners[buffer.run]
            buffer.release()

    def guarded(me):
        try:
            work(me)
        except BaseException as error:
            wrong.append(error)

    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=guarded, args=(n + 1,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(old)
    assert not wrong
    pool.wait = 0
    held = [pool.acquire() for _ in range(12)]
    assert len({buffer.run for buffer in held}) == 12
    refused(pool)


def test_large_ones_from_many_threads_are_all_accounted_for():
    pool = Pool(buffers=2, most=12, wait=60)
    wrong = []

    def work():
        try:
            for n in range(300):
                with pool.acquire(1 + n % 3) as buffer:
                    ctypes.memset(buffer.write, n & 255, buffer.size)
                    if content(buffer) != bytes([n & 255]) * buffer.size:
                        wrong.append(n)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    pool.wait = 0
    assert pool.acquire(12).size == 12 * 4096


@linux
def test_nothing_leaks():
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * PAGE

    pool = Pool()
    for _ in range(200):  # touch what will be touched
        pool.acquire().release()
        pool.acquire(2).release()
    before = resident()
    for _ in range(100_000):
        pool.acquire().release()
    for _ in range(2_000):
        put(pool.acquire(2)).release()
    assert resident() - before < 1 << 20


@linux
def test_a_pool_that_is_dropped_takes_its_memory_along(mode):
    pool = Pool()
    buffer = pool.acquire()
    address = buffer.run
    buffer.release()
    del pool, buffer
    assert permissions_at(address) is None


def test_a_slab_that_is_all_garbage_is_not_wiped_after_it_is_gone():
    """A collector takes pages before it calls what gives back the buffers in them."""
    ended = child(
        """
import gc

class Held:
    def __init__(self, buffer):
        self.buffer, self.me = buffer, self

    def __del__(self):
        self.buffer.release()

gc.disable()
pool = Pool(buffers=2)
held = [Held(pool.acquire()) for _ in range(6)]
del held
gc.collect()
buffers = [pool.acquire() for _ in range(4)]
assert pool._room() == pool.most - 4
"""
    )
    assert ended.returncode == 0, ended.stderr


FORK = """
def forked(work):
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0

other = bytes.fromhex("8d4764c3")  # lea eax, [rdi + 100]; ret
pool = Pool(buffers=4, most=6)
small, large = put(pool.acquire()), put(pool.acquire(2))
free = pool.acquire()
free.release()

def work():
    assert (call(small, 1), call(large, 1)) == (2, 2)
    mine = [put(pool.acquire(), other) for _ in range(4)] + [put(pool.acquire(2), other)]
    assert not {b.run for b in mine} & {small.run, free.run, large.run}
    assert [call(b, 1) for b in mine] == [101] * 5
    small.release(), large.release()
    assert (call(small, 1), call(large, 1)) == (2, 2)
    mine[0].release()
    assert put(pool.acquire()).run == mine[0].run
    forked(lambda: pool.acquire().release())

forked(work)

held, told = os.pipe(), os.pipe()
shared = Pool(buffers=2, most=2)
kept = put(shared.acquire())
pid = os.fork()
if not pid:  # runs what its parent gives back meanwhile
    os.write(told[1], b"1")
    os.read(held[0], 1)
    os._exit(0 if call(kept, 1) == 2 else 1)
os.read(told[0], 1)
kept.release()
mine = [put(shared.acquire(), other), put(shared.acquire(), other)]
assert kept.run not in [b.run for b in mine] or not kept.mapping.two_views
os.write(held[1], b"1")
assert os.waitpid(pid, 0)[1] == 0

assert (call(small, 1), call(large, 1)) == (2, 2)
assert ctypes.string_at(free.run, 4096) == b"\\xcc" * 4096
small.release(), large.release()
assert pool.acquire(6).size == 6 * 4096

with pool._lock:  # as if another thread were making a slab
    forked(lambda: pool.acquire().release())
print("well")
"""


@forks
@x86_64
@pytest.mark.parametrize("way", ["", "protect"])
def test_a_forked_child_leaves_its_parents_code_alone(way):
    done = child(FORK, LANEWORK_CODE_MAPPING=way)
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr


def test_one_pool_a_process():
    assert code_pool() is code_pool()
    code_pool().acquire().release()


def test_one_view_where_a_change_through_another_is_not_seen(monkeypatch):
    """As in emulators that keep what they translated."""
    monkeypatch.delenv("LANEWORK_CODE_MAPPING", raising=False)
    monkeypatch.setattr(mapping, "_seen_through_both", lambda: False)
    with Pool().acquire() as buffer:
        assert not buffer.mapping.two_views
        assert content(put(buffer)).startswith(CODE)


def test_no_code_is_placed_where_the_processor_cannot_be_told_of_it(monkeypatch):
    def missing():
        raise OSError("nothing clears the cache")

    monkeypatch.setattr(mapping, "_is_arm", lambda: True)
    monkeypatch.setattr(mapping, "_flusher", missing)
    with pytest.raises(Diagnostic) as caught:
        Pool().place(CODE)
    assert caught.value.code.ident == "LW2101"
    assert "nothing clears the cache" in str(caught.value)


def test_nothing_is_given_back_when_the_interpreter_ends(monkeypatch):
    buffer = Pool().acquire()
    with monkeypatch.context() as ending:
        ending.setattr("lanework.engines.stencil.arena._forks", None)  # as names are then
        buffer.release(lambda: True)
    buffer.release()
    buffer.release()
