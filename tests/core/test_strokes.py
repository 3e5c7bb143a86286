"""Work that is stopped between any two steps, but not where that would be felt ever after."""

import gc
import importlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress

import pytest

from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.core.waiting import SOON, TICK, left, waited
from lanework.engines.llvm import jit
from lanework.engines.stencil import arena

pytestmark = pytest.mark.slow


def stopped(work):
    """Let its deadline go by, and a few strokes after it."""
    with pytest.raises(Trap):
        waited(work, Limits(deadline=0.02).until(), "", stops=True)
    time.sleep(SOON + 5 * TICK)


def over():
    """Whether nothing is at work any more, which may take a moment."""
    for _ in range(1000):
        if not left():
            return True
        time.sleep(0.01)
    return False


# Locks ---------------------------------------------------------------------------------------


def of_llvm():
    """A call of LLVM, which waits for those of other threads."""
    llvm = jit._llvm()
    return jit._lock(), llvm.get_host_cpu_name


def of_the_last_of_some_code():
    """The same, in a finalizer."""
    code = jit._object_code("define i32 @f(i32 %x) {\n ret i32 %x\n}\n", 0, False)
    libraries = [jit._link(code, "f")]
    return jit._lock(), libraries.clear


def of_a_condition():
    condition = threading.Condition()

    def work():
        with condition:
            pass

    return condition._lock, work


def of_a_semaphore():
    semaphore = threading.Semaphore()
    return semaphore._cond._lock, semaphore.acquire


def of_a_future():
    future = Future()
    return future._condition._lock, future.done


def of_a_queue():
    items = queue.Queue()
    return items.mutex, lambda: items.put(1)


def of_a_log():
    handler = logging.StreamHandler(sys.stderr)
    record = logging.makeLogRecord({"levelno": logging.DEBUG})
    handler.emit = lambda record: None
    return handler.lock, lambda: handler.handle(record)


LOCKS = [
    *(of_llvm, of_the_last_of_some_code, of_a_condition),
    *(of_a_semaphore, of_a_future, of_a_queue, of_a_log),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("lock_of", LOCKS)
def test_a_lock_that_was_waited_for_is_free_again(lock_of):
    lock, work = lock_of()
    with lock:
        stopped(work)
    assert over()
    assert lock.acquire(timeout=5)
    lock.release()


# Steps that are ended ------------------------------------------------------------------------


class Gate:
    """Something that goes on until it is let go; whether it has come to its end."""

    def __init__(self):
        self.open = self.passed = False

    def wait(self, *_):
        while not self.open:
            time.sleep(0.001)
        self.passed = True


def ended(gate, work):
    stopped(work)
    assert not gate.passed
    gate.open = True
    assert over()
    return gate.passed


def test_a_module_is_loaded_to_its_end(tmp_path, monkeypatch):
    (tmp_path / "slow_to_load.py").write_text("import sys\nsys.gate.wait()\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "gate", Gate(), raising=False)
    assert ended(sys.gate, lambda: importlib.import_module("slow_to_load"))
    assert sys.modules.pop("slow_to_load")


def test_a_finalizer_runs_to_its_end():
    gate = Gate()

    class Held:
        def __del__(self):
            gate.wait()

    held = [Held()]
    assert ended(gate, held.clear)


def test_code_that_is_being_put_in_its_place_is_not_lost(monkeypatch):
    gate, pool = Gate(), arena.Pool(buffers=1, most=1)
    monkeypatch.setattr(arena, "flush", gate.wait)
    assert ended(gate, lambda: pool.place(b"\xc3"))
    pool.acquire()


def test_a_buffer_without_an_owner_comes_back():
    """Such as of one that something came between before it had it."""
    pool = arena.Pool(buffers=2, most=2)
    for count in (1, 1, 1, 2, 1, 2):
        pool.acquire(count)
        gc.collect()
    with pool.acquire(2) as buffer:
        assert buffer.size == 2 * pool.size


# Waits ---------------------------------------------------------------------------------------


def waits():
    condition = threading.Condition()
    other = threading.Thread(target=time.sleep, args=(30,), daemon=True)
    other.start()
    log = logging.Logger("a file")  # to write there lets others have their turn
    log.addHandler(logging.FileHandler("/dev/null" if os.name == "posix" else "NUL"))

    def await_condition():
        with condition:
            condition.wait_for(lambda: False, timeout=0.01)

    def catch(work, error):
        def run():
            with suppress(error):
                work()

        return run

    return {
        "event": lambda: threading.Event().wait(0.01),
        "semaphore": lambda: threading.Semaphore(0).acquire(timeout=0.01),
        "condition": await_condition,
        "future": catch(lambda: Future().result(timeout=0.01), TimeoutError),
        "queue": catch(lambda: queue.Queue().get(timeout=0.01), queue.Empty),
        "thread": lambda: other.join(0.01),
        "question": threading.Event().is_set,
        "calls of LLVM": jit._llvm().get_host_cpu_name,
        "log": lambda: log.warning("again"),
        "sleep": lambda: time.sleep(0.01),
    }


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", list(waits()))
def test_work_that_waits_again_and_again_ends(name):
    wait = waits()[name]

    def work():
        while True:
            wait()

    stopped(work)
    assert over()


@pytest.mark.parametrize("name", ["queues", "logging_model", "threading2", "lanework.machines"])
def test_what_is_called_like_a_module_of_locks_ends(name):
    space = {"__name__": name}
    exec("def work():\n    while True:\n        pass\n", space)
    stopped(space["work"])
    assert over()


# The memory that a process has ----------------------------------------------------------------

DAEMON = """
import os, sys
from lanework.core.resident import resident
before = resident()
os.closerange(3, 256)
assert resident() >= before > 0, resident()
others = [open(sys.argv[1]) for _ in range(9)]
assert resident() >= before > 0, resident()
os.closerange(3, 256)
pipes = [os.pipe() for _ in range(9)]
assert resident() >= before > 0, resident()
known = bytearray(b"1") * 50_000_000
assert resident() > before + 49_000_000
files = os.listdir("/proc/self/fd")
for _ in range(100):
    resident()
assert os.listdir("/proc/self/fd") == files
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("text", ["a,b\n1,2\n", "1 2 3\n", "9 9 9 9 9 9 9\n"])
def test_what_a_process_has_is_seen_whatever_files_it_closes(text, tmp_path):
    (tmp_path / "other").write_text(text)
    command = [sys.executable, "-c", DAEMON, str(tmp_path / "other")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FULL = """
import os, resource
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.resident import Growth
growth, free = Growth(Limits(memory=1_000_000)), Growth(Limits())
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
opened = []
try:
    while True:
        opened.append(os.dup(0))
except OSError:
    pass
known = bytearray(b"1") * 50_000_000
free.check()
try:
    growth.check()
except Diagnostic as refused:
    print(refused.code.ident, refused.message)
os.close(opened.pop())
try:
    growth.check()
except Diagnostic as refused:
    print(refused.message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_cap_that_cannot_be_looked_at_is_refused():
    command = [sys.executable, "-c", FULL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    unseen, over = done.stdout.splitlines()
    assert unseen.startswith("LW0101 the memory that is taken cannot be seen")
    assert over.startswith("the command has taken 5")
