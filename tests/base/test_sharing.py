"""What threads share: locks that a child of fork finds free, memory that goes with its thread."""

import importlib
import os
import re
import signal
import sys
import threading
import types
from functools import cached_property
from pathlib import Path

import pytest

import lanework
from lanework.base import sharing

pytestmark = pytest.mark.slow

MAKERS = {"lock": sharing.lock, "rlock": sharing.rlock}
PLAIN = re.compile(r"\b(?:threading\.)?(R?Lock|Condition|Barrier|BoundedSemaphore)\(\)")


def in_child(check):
    """What a child of fork says of it."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        status = 4
        try:
            status = 0 if check() else 3
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_child_finds_the_locks_of_other_threads_free(make):
    lock = make()
    taken, end = threading.Event(), threading.Event()

    def hold():
        with lock:
            taken.set()
            end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        assert in_child(lambda: lock.acquire(timeout=1))
        assert not lock.acquire(blocking=False)
    finally:
        end.set()
        thread.join()


def test_a_child_computes_properties_that_another_thread_is_at(monkeypatch):
    """Python 3.11 has a lock for them."""
    module = types.ModuleType("lanework.made_up")
    begun, end = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, wait):
            self.wait = wait

        @cached_property
        def length(self):
            begun.set()
            return self.wait and end.wait()

    Slow.__module__, module.Slow = module.__name__, Slow
    monkeypatch.setitem(sys.modules, module.__name__, module)
    first = Slow(True)
    thread = threading.Thread(target=lambda: first.length)
    thread.start()
    begun.wait()
    try:
        assert in_child(lambda: Slow(False).length is False)
    finally:
        end.set()
        thread.join()


def test_a_fork_waits_for_imports_of_other_threads(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.3)\nword = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    begun = threading.Event()

    def work():
        begun.set()
        importlib.import_module("slow_to_import")

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    while "slow_to_import" not in sys.modules:
        pass
    try:
        assert in_child(lambda: importlib.import_module("slow_to_import").word == 1)
    finally:
        thread.join()
        del sys.modules["slow_to_import"]


def test_a_child_holds_what_its_thread_held():
    lock = sharing.rlock()

    def check():
        lock.release()
        thread = threading.Thread(target=lambda: seen.append(lock.acquire(blocking=False)))
        seen = []
        thread.start()
        thread.join()
        lock.release()
        return seen == [False]

    with lock, lock:
        assert in_child(check)


def test_locks_that_outlive_a_call_are_made_here():
    root = Path(lanework.__file__).parent
    seen = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if PLAIN.search(path.read_text())
    }
    # the locks on which helpers sleep, whom a child does not have
    assert seen == {"base/sharing.py", "engines/threadpool.py"}


def test_spares_go_with_their_thread():
    spares = sharing.Spares[object]()
    seen = []

    class Big:
        def __del__(self):
            seen.append("gone")

    def work():
        assert spares.free == []
        spares.free.append(Big())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (seen, spares.free) == (["gone"], [])
