"""One runner in many threads: every call is right, and what is looked at is one's own run."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import lanework as lw

SQUARES = """
.machine fleet
.buffer given, 0, 16, in
.buffer sums, auto, 16, out
.routine main
    VMID r0
    READ r1, r0
again:
    ADD r2, r2, r1
    SUBI r3, r3, 1
    ADDI r3, r3, 1
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    ADDI r0, r0, sums
    WRITE r0, r2
    HALT
.phase wait_all
    .launch main, 16
"""


@pytest.fixture(scope="module")
def program():
    return lw.fleet.assemble(SQUARES)


def in_threads(work, threads):
    """What each of some threads comes to, begun at the same time."""
    barrier = threading.Barrier(threads)

    def begin(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("threads", [2, 8])
def test_calls_of_one_runner_do_not_meet(program, threads):
    runner = program.bind("reference")

    def work(number):
        wrong = 0
        for n in range(40):
            given = (np.arange(16) + number + n) % 7 + 1
            wrong += runner(given=given)["sums"].tolist() != (given * (given + 1) / 2).tolist()
        return wrong

    assert in_threads(work, threads) == [0] * threads


def test_vms_are_of_the_runs_of_this_thread_or_refused(program):
    runner = program.bind("reference")
    refused = []

    def work(number):
        for _ in range(20):
            runner(given=np.full(16, number + 1.0))
            try:
                assert runner.vms.floats[3, 0] == (number + 1) * (number + 2) / 2
                assert runner.shared[16] >= 1
            except lw.Diagnostic as problem:
                refused.append(problem.code.ident)

    in_threads(work, 4)
    assert set(refused) <= {"LW6031"}


def test_a_run_that_is_looked_at_knows_when_another_begins(program):
    runner = program.bind("reference")
    given = np.ones(16)
    debugger = runner.debug(given=given)
    debugger.step(3)
    epochs = runner.epochs(given=given)
    next(epochs)
    with pytest.raises(lw.Diagnostic, match="another one") as caught:
        debugger.step()
    assert caught.value.code.ident == "LW6031"
    for look in (lambda: debugger.vms, lambda: debugger.vm(0), lambda: debugger.back(1)):
        with pytest.raises(lw.Diagnostic, match="another one"):
            look()
    assert runner(given=given)["sums"].tolist() == [1.0] * 16
    with pytest.raises(lw.Diagnostic, match="another one"):
        next(epochs)


def test_closing_waits_for_the_run_of_another_thread(program):
    runner = program.bind("reference")
    begun = threading.Event()

    def work(number):
        if number == 0:
            begun.set()
            return [runner(given=np.full(16, 50.0))["sums"][0] for _ in range(10)]
        begun.wait()
        for _ in range(10):
            runner.close()
        return None

    assert in_threads(work, 2)[0] == [1275.0] * 10


def test_a_run_within_a_run_ends_the_outer_one(program):
    calls = []

    def progress(done, steps):
        if not calls:
            calls.append(1)
            assert runner(given=np.ones(16))["sums"][0] == 1.0

    runner = program.bind("reference", progress=progress)
    with pytest.raises(lw.Diagnostic, match="another one"):
        runner(given=np.full(16, 3.0))
