"""Random factor graphs against enumeration, in every semiring and on every engine."""

import math

import numpy as np
import pytest
from campaigns import campaign
from click.testing import CliRunner

from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.machines.belief.check import fuzz
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.passes.messages import Distribute
from lanework.machines.belief.semiring import SEMIRINGS, vm_counting_semiring

COUNT = 1500


@pytest.mark.parametrize("seeds", campaign(COUNT, 100, daily=150, quick=50))
def test_enumeration(seeds):
    assert fuzz.campaign().run(len(seeds), seeds.start) == []


def test_cases_are_of_all_kinds():
    cases = [random_case(seed) for seed in range(COUNT)]
    graphs = [case.graph for case in cases]
    kinds = {
        "cut": [bool(case.observed) for case in cases],
        "rows": [case.rows > 8 for case in cases],
        "part": [len(case.query) < len(case.graph.variables) for case in cases],
        "directed": [graph.directed and len(graph.variables) > 2 for graph in graphs],
        "empty": [not graph.variables for graph in graphs],
        "scalar": [any(not f.scope for f in graph.factors) for graph in graphs],
        "alone": [
            bool(set(graph.variables) - {v for f in graph.factors for v in f.scope})
            for graph in graphs
        ],
        "zeros": [any((f.table == 0).any() for f in graph.factors) for graph in graphs],
        "missing": [
            any(None in c for c in case.given.values() if isinstance(c, list)) for case in cases
        ],
        "soft": [any(isinstance(c, np.ndarray) for c in case.given.values()) for case in cases],
    }
    assert {name for name, those in kinds.items() if sum(those) < 40} == set()


def test_a_defect_is_found_and_shrunk(monkeypatch):
    """Beliefs of one part of a graph only, whatever the others say."""
    belief = Distribute.belief

    def forgetful(self, number, target):
        self.received[number] = None
        return belief(self, number, target)

    monkeypatch.setattr(Distribute, "belief", forgetful)
    actual = fuzz.campaign().run(20)
    assert actual[0].kind == "belief"
    small = fuzz.shrink(random_case(actual[0].seed), actual[0])
    assert len(small.graph.factors) <= 2
    assert small.rows == 1
    assert fuzz.check(small, [actual[0].way]) is not None
    done = CliRunner().invoke(cli, ["fuzz", "belief", "--count", "20", "--jobs", "1"])
    assert done.exit_code == 4
    assert f"--seed {actual[0].seed} --count 1" in done.stderr
    assert "lw.belief.compile_graph(graph" in done.stderr
    monkeypatch.undo()
    exec(fuzz.script(small, actual[0].way), {"print": lambda _: None})


def test_fuzzing_from_the_command_line():
    done = CliRunner().invoke(
        cli, ["fuzz", "belief", "--count", "30", "--seed", "9", "--jobs", "1"]
    )
    assert done.exit_code == 0, done.stderr
    assert "30 graphs from seed 9: 0 divergences" in done.stdout


def test_an_interrupted_run_says_where_to_go_on(monkeypatch):
    def interrupted(seed):
        if seed == 17:
            raise KeyboardInterrupt

    monkeypatch.setattr(fuzz, "check_seed", interrupted)
    done = CliRunner().invoke(
        cli, ["fuzz", "belief", "--count", "30", "--seed", "9", "--jobs", "1"]
    )
    assert done.exit_code == 130
    assert "8 of 30 graphs were checked; --seed 17 --count 22 goes on" in done.stderr


def test_what_was_left_out_is_needed_in_other_semirings():
    graph = FactorGraph()
    for name in "ab":
        graph.variable(name, 2)
    graph.factor(["a"], [0.5, 0.5], child="a")
    graph.factor(["a", "b"], [[0.5, 0.5], [0.0, 1.0]], child="b")
    program = compile_graph(graph, "z", evidence=["a"])
    for semiring in ("counting", "bool", "max", "minsum"):
        with pytest.raises(Diagnostic) as caught:
            program.bind(semiring=semiring)
        assert caught.value.code.ident == "LW2005"
        assert f"semiring='{semiring}'" in str(caught.value.help)
    counting = compile_graph(graph, "z", evidence=["a"], semiring="counting")
    assert int(counting.run()["count"]) == 3


def test_counting_is_exact_past_any_machine_word():
    graph = FactorGraph()
    for number in range(200):
        graph.variable(f"v{number}", 3)
        if number:
            graph.factor([f"v{number - 1}", f"v{number}"], 1.0 - np.eye(3))
    count = compile_graph(graph, "z", seconds=0.0).bind(semiring="counting")()["count"]
    assert int(count) == 3 * 2**199
    sr = vm_counting_semiring()
    many = sr.add_reduce(np.full(10, 2**62), (0,))
    assert int(many) == 10 * 2**62


@pytest.mark.slow
@pytest.mark.parametrize("semiring", ["prob", "logprob"])
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_long_chain_does_not_underflow(engine, semiring):
    graph = FactorGraph()
    for number in range(1000):
        graph.variable(f"v{number}", 2)
        if number:
            graph.factor([f"v{number - 1}", f"v{number}"], [[3e-5, 1e-5], [1e-5, 3e-5]])
    result = compile_graph(graph, ["v0"], seconds=0.0).bind(engine, semiring=semiring)()
    assert float(result["ln_p_evidence"]) == pytest.approx(math.log(2) + 999 * math.log(4e-5))
    np.testing.assert_allclose(result["v0"], [0.5, 0.5], rtol=1e-12)


def test_all_semirings_are_tried():
    assert set(SEMIRINGS) == {"prob", "logprob", "max", "minsum", "counting", "bool"}


def test_tables_that_are_gone_are_not_taken_for_others():
    """Seed 1002367, shrunk: a factor was multiplied in twice, and another one never."""
    graph = FactorGraph()
    for name, size in (("v0", 2), ("v1", 1), ("v2", 1), ("v3", 3)):
        graph.variable(name, size)
    graph.factor([], 0.09203770846581538)
    graph.factor(["v2"], [1.0])
    graph.factor([], 1.0)
    graph.factor(["v1", "v2", "v0"], [[[1.0, 0.0]]])
    graph.factor(["v2", "v1", "v3"], [[[1.0, 1.0, 1.0]]])
    result = compile_graph(graph, "z", observed=["v2"], seconds=0.0).bind()({"v2": ["0"]})
    np.testing.assert_allclose(result["ln_p_evidence"], math.log(3 * 0.09203770846581538))
