"""Deadlines and Ctrl-C: in compiling, on both engines, and in what asks them many times."""

import threading
import time

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.core.waiting import waited
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.queries.jeffrey import jeffrey
from lanework.machines.belief.queries.learning import expected_counts, expected_log_likelihood
from lanework.machines.belief.queries.loopy import loopy
from lanework.machines.belief.queries.sensitivity import sensitivity

SOON = Limits(deadline=0.05)
LATE = 0.5  # seconds of work by all threads


def grid(size, states):
    rng, graph = np.random.default_rng(1), FactorGraph("grid")
    for i in range(size):
        for j in range(size):
            graph.variable(f"v{i}_{j}", states)
            for a, b in ((i - 1, j), (i, j - 1)):
                if min(a, b) >= 0:
                    graph.factor([f"v{a}_{b}", f"v{i}_{j}"], rng.random((states, states)) + 0.1)
    return graph


WIDE, LARGE = grid(12, 3), grid(40, 2)
MANY = {"v0_0": ["0", "1"] * 1000, "v3_3": ["1"] * 2000}


@pytest.fixture(scope="module")
def program():
    return compile_graph(WIDE, "z", seconds=0.0)


def stopped(work):
    start = time.process_time()
    with pytest.raises(Trap) as caught:
        work()
    assert time.process_time() - start < 0.05 + LATE
    assert caught.value.code.ident == "LW2001"
    for thread in threading.enumerate():  # what was not waited for ends soon
        if thread.name == "lanework-work":
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_run(program, engine):
    stopped(lambda: program.bind(engine, limits=SOON)())


WAYS = {
    "compiling": lambda: lw.belief.infer(LARGE, limits=SOON),
    "rows": lambda: lw.belief.infer(grid(8, 3), MANY, limits=SOON),
    "kbest": lambda: lw.belief.infer(grid(8, 3), query="kbest:200", limits=SOON),
    "loopy": lambda: loopy(LARGE, limits=SOON),
    "counts": lambda: expected_counts(grid(7, 3), MANY, limits=SOON),
    "likelihood": lambda: expected_log_likelihood(grid(7, 3), MANY, limits=SOON),
    "jeffrey": lambda: jeffrey(grid(8, 3), {"v7_7": [0.2, 0.3, 0.5]}, MANY, limits=SOON),
    "sensitivity": lambda: sensitivity(grid(8, 3), "v7_7", "1", MANY, limits=SOON),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_asked(way):
    stopped(WAYS[way])


def test_a_run_in_time_is_as_without_a_deadline():
    graph = grid(4, 2)
    for query in ("all", "mpe", "sample:3"):
        timely = lw.belief.infer(graph, MANY, query, limits=Limits(deadline=600.0))
        plain = lw.belief.infer(graph, MANY, query)
        assert list(timely) == list(plain)
        for name in plain:
            np.testing.assert_array_equal(timely[name], plain[name])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_ctrl_c(program, engine, ctrl_c):
    runner = program.bind(engine)
    ctrl_c.press(0.3)
    with pytest.raises(KeyboardInterrupt):
        runner()
    assert ctrl_c.work_since() < LATE


def test_errors_of_work_are_raised_where_it_is_waited_for():
    with pytest.raises(ZeroDivisionError):
        waited(lambda: 1 // 0, None, "")
    assert waited(lambda: 7, Limits(deadline=60.0).until(), "") == 7
