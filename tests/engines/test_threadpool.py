"""Helper threads: jobs close behind whoever takes part, sleepers wake, nobody is left at exit."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import lanework as lw
from lanework.engines import threadpool

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
    helpers = threadpool.take()
    assert helpers is not None
    try:
        while helpers.words[threadpool.AWAKE :].any():
            time.sleep(0.01)
        assert not helpers.words[threadpool.OPEN]
        assert not helpers.words[threadpool.INSIDE]
    finally:
        threadpool.give(helpers)


def test_helpers_that_are_inside_a_job_are_given_to_nobody():
    """Nor does what they work on go: something may come between two looks at them."""
    run = runner(2)
    run(rate=RATES)
    helpers = threadpool.take()
    assert helpers is not None
    helpers.words[threadpool.INSIDE] = 1
    threadpool.give(helpers)
    try:
        assert threadpool.take() is None
        np.testing.assert_allclose(run(rate=RATES)["sum"], expected(), rtol=1e-13)
    finally:
        helpers.words[threadpool.INSIDE] = 0
        threadpool.give(helpers)


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
