"""Helper threads: jobs close behind whoever takes part, sleepers wake, nobody is left at exit."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

import lanework as lw
from lanework.engines import threadpool
from lanework.engines.kernel import CALL, UNIT, Kernel
from lanework.engines.native import DIRECT, OWN_SHARE, Frame

RATES = np.linspace(0.0, 0.01, 3000)


def runner(threads):
    model = lw.series.Model("growth", periods=120)
    model.input("rate")
    model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
    model.formula("sum", "total(value)")
    return model.compile(outputs=["sum"]).bind("llvm", threads=threads)


def expected():
    value, total = np.full(len(RATES), 100.0), 0.0
    for _ in range(120):
        value = value * (1 + RATES)
        total = total + value
    return total


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("pause", [0.0, 0.003])
def test_spinning_and_sleeping_helpers_give_the_same(threads, pause):
    """After a pause of 3 ms every helper sleeps."""
    run = runner(threads)
    right = expected()
    for _ in range(20 if pause else 200):
        np.testing.assert_allclose(run(rate=RATES)["sum"], right, rtol=1e-13)
        time.sleep(pause)


def test_callers_at_once():
    """One of them has the pool; the others do without."""
    right = expected()
    wrong = []

    def call():
        run = runner(2)
        for _ in range(50):
            if not np.allclose(run(rate=RATES)["sum"], right, rtol=1e-13, atol=0):
                wrong.append(1)

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.timeout(60)
def test_helpers_sleep_soon_after_the_last_job():
    run = runner(2)
    run(rate=RATES)
    with threadpool.turn:
        words = threadpool.pool().words
        while words[threadpool.AWAKE :].any():
            time.sleep(0.01)
        assert not words[threadpool.OPEN]
        assert not words[threadpool.INSIDE]


def jobs():
    """How many there have been, and this one."""
    return next(threadpool.pool()._jobs)


@pytest.mark.parametrize("word", [threadpool.INSIDE, threadpool.OPEN])
def test_helpers_are_there_again_once_they_have_left_what_was_cut_short(word):
    """Nor does what they work on go: something may come between two looks at them."""
    run = runner(2)
    run(rate=RATES)
    words, before = threadpool.pool().words, jobs()
    words[word] = 1
    np.testing.assert_allclose(run(rate=RATES)["sum"], expected(), rtol=1e-13)
    if word == threadpool.INSIDE:  # somebody is: the run does without them
        assert jobs() == before + 1
        words[word], before = 0, before + 1
        run(rate=RATES)
    assert jobs() == before + 2


def test_a_pool_that_could_not_be_made_is_made_later(monkeypatch):
    run = runner(2)
    run(rate=RATES)
    kept = threadpool.pool()
    threadpool.pool.cache_clear()

    def missing():
        raise MemoryError

    try:
        with monkeypatch.context() as patch:
            patch.setattr(threadpool, "_code", missing)
            with pytest.raises(MemoryError):
                run(rate=RATES)
        before = jobs()
        np.testing.assert_allclose(run(rate=RATES)["sum"], expected(), rtol=1e-13)
        assert jobs() == before + 2
    finally:
        threadpool.pool().stop()
        kept.stop()


class Slow:
    """Two units of work, the helper's until it is let go; `inside` while that is at it."""

    def __init__(self):
        self.begun, self.end = threading.Event(), threading.Event()
        self.inside = False
        self.function = CALL(self._work)
        at = ctypes.cast(self.function, ctypes.c_void_p).value
        self.kernel = Kernel(self.function, at, False, 0.0, None)
        self.frame = Frame(1)
        self.frame.shape(1, 2 * UNIT, 2, 8, 2)

    def _work(self, _columns, _dims, _shared, _scratch):
        if threading.current_thread() is threading.main_thread():
            assert self.begun.wait(20)
            return
        self.inside = True
        self.begun.set()
        self.end.wait(20)
        time.sleep(0.05)
        self.inside = False


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("entered", ["busy", "_close", "ended"])
def test_whatever_is_raised_while_helpers_are_waited_for_they_are_waited_for(entered, error):
    """As it is raised where a function begins; once more is no case that a test could make."""
    slow, raised = Slow(), []

    def once(frame, event, _):
        if event == "call" and frame.f_code.co_name == entered and slow.begun.is_set():
            slow.end.set()
            if not raised:
                raised.append(entered)
                raise error

    def fails(_):
        raise ValueError("progress")

    fuel = OWN_SHARE if entered == "ended" else DIRECT
    before = sys.gettrace()
    with suppress(error, ValueError):
        try:
            sys.settrace(once)
            slow.frame.run(slow.kernel, fuel, 2, progress=fails)
        finally:
            sys.settrace(before)
    inside = slow.inside
    slow.end.set()
    assert raised
    assert not inside


@pytest.mark.parametrize("width", [1, 2, 8])
def test_the_caller_works_too_where_a_block_does_lanes_at_once(width):
    threads = []
    function = CALL(lambda *_: threads.append(threading.current_thread()))
    at = ctypes.cast(function, ctypes.c_void_p).value
    frame = Frame(1)
    frame.shape(1, UNIT, 1, 8, 1)
    frame.run(Kernel(function, at, False, 0.0, None, width=width), 3 * OWN_SHARE, 1)
    assert (threads == [threading.main_thread()]) == (width > 3)


PROGRAM = """
import os, sys
sys.path.insert(0, {here!r})
import numpy as np
from test_threadpool import RATES, expected, runner
run = runner(2)
run(rate=RATES)
{more}
"""


def child(more):
    code = PROGRAM.format(here=os.path.dirname(__file__), more=more)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_the_process_ends_while_helpers_spin():
    for _ in range(5):
        done = child("run(rate=RATES)")
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Linux and macOS have")
def test_a_fork_has_helpers_of_its_own():
    done = child(
        "child = os.fork()\n"
        "assert np.allclose(run(rate=RATES)['sum'], expected(), rtol=1e-13)\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    assert done.returncode == 0, done.stderr
