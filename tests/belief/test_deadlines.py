"""Deadlines and Ctrl-C: in compiling, on both engines, and in what asks them many times."""

import time

import numpy as np
import pytest
from stopping import over

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

pytestmark = pytest.mark.slow

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
    over()  # what was not waited for ends soon


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


WORDS = " ".join(["0.25"] * 2**19)


def long_texts():
    """The same table of 2^19 numbers in every format of networks."""
    names = [f"v{n}" for n in range(19)]
    yield ".uai", f"MARKOV 19 {'2 ' * 19} 1 19 {' '.join(map(str, range(19)))} {2**19} {WORDS}"
    variables = "".join(f"variable {v} {{ type discrete [ 2 ] {{ x, y }}; }}\n" for v in names)
    tables = "".join(f"probability ( {v} ) {{ table 0.5, 0.5; }}\n" for v in names[:-1])
    last = f"probability ( v18 | {', '.join(names[:-1])} ) {{ table {WORDS}; }}\n"
    yield ".bif", variables + tables + last
    values = f"[{WORDS.replace(' ', ', ')}]"
    sizes = ", ".join(f'"{v}": 2' for v in names)
    factor = f'{{"scope": ["v0"], "values": {values}}}'
    yield ".json", f'{{"variables": {{{sizes}}}, "factors": {{"f": {factor}}}}}'
    text = "".join(f"<VARIABLE><NAME>{v}</NAME><OUTCOME>x</OUTCOME></VARIABLE>" for v in names)
    table = f"<DEFINITION><FOR>v0</FOR><TABLE>{WORDS}</TABLE></DEFINITION>"
    yield ".xmlbif", f"<BIF><NETWORK><NAME>n</NAME>{text}{table}</NETWORK></BIF>"


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".uai", ".bif", ".json", ".xmlbif"])
def test_long_texts(tmp_path, ending):
    """Whatever reads them takes no long step, in which the clock could not be looked at."""
    path = tmp_path / f"long{ending}"
    path.write_text(dict(long_texts())[ending])
    for deadline in (0.02, 0.05, 0.1):
        limits = Limits(deadline=deadline)
        start = time.process_time()
        with pytest.raises(Trap):
            lw.belief.read_network(path, limits=limits)
        assert time.process_time() - start < deadline + 0.15


@pytest.mark.parametrize("word", ["1_0", "x", "1,0", "0x1"])
def test_numbers_are_written_as_numbers(tmp_path, word):
    for ending, text in (
        (".uai", f"MARKOV 1 2 1 1 0 2 {word} 1"),
        (".xmlbif", "<BIF><NETWORK><NAME>n</NAME><VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME>"
         "<OUTCOME>y</OUTCOME></VARIABLE><DEFINITION><FOR>a</FOR><TABLE>"
         f"{word} 1</TABLE></DEFINITION></NETWORK></BIF>"),
        (".bif", "variable a { type discrete [ 2 ] { x, y }; }\n"
         f"probability ( a ) {{ table {word.replace(',', ';')} 1; }}\n"),
    ):  # fmt: skip
        (tmp_path / f"n{ending}").write_text(text)
        with pytest.raises(lw.Diagnostic) as caught:
            lw.belief.read_network(tmp_path / f"n{ending}")
        assert caught.value.code.ident == "LW5003"


def test_counts_of_objects_take_no_long_step():
    program = compile_graph(WIDE, "z", seconds=0.0, semiring="counting")
    stopped(lambda: program.bind("reference", limits=SOON)())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_evidence_is_read_by_the_deadline(engine):
    many = {f"v{i}_0": ["0", "1", None, "2"] * 300_000 for i in range(3)}
    runner = compile_graph(grid(3, 3), seconds=0.0).bind(engine, limits=SOON)
    stopped(lambda: runner(many))
