"""Rows of evidence by what they know: the same answers, whatever is compiled together."""

import time
from pathlib import Path

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.machines.belief.data.evidence import evidence_of
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.queries import infer as module
from lanework.machines.belief.queries.infer import grouped, infer

DATA = Path(__file__).parents[2] / "examples/data/belief"


@pytest.fixture(scope="module")
def alarm():
    return lw.belief.read_network(DATA / "alarm.bif")


def table(graph, rows, seed=0):
    """Rows that know some variables each, all of them one, and one of them by a likelihood."""
    rng = np.random.default_rng(seed)
    actual = {}
    for number, variable in enumerate(list(graph.variables.values())[::4]):
        cells = [
            str(rng.choice(variable.states)) if number == 0 or rng.random() < 0.5 else None
            for _ in range(rows)
        ]
        actual[variable.name] = cells
    last = list(graph.variables.values())[-1]
    actual[last.name] = rng.random((rows, last.size))
    return actual


@pytest.mark.parametrize("query", ["all", "mpe", "z", "joint:LVFAILURE,CVP", "kbest:2"])
def test_patterns_apart_and_together(alarm, query, monkeypatch):
    rows = table(alarm, 12)
    together = infer(alarm, rows, query)
    assert "programs" not in together.stats
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "_pays", lambda *_: True)
    apart = infer(alarm, rows, query)
    assert apart.stats["programs"] > 3
    assert apart.stats["lanes"] == 12
    assert list(together) == list(apart)
    for name in together:
        assert together.axes(name) == apart.axes(name)
        if together[name].dtype == object:  # states: equally good ones, if not the same
            continue
        np.testing.assert_allclose(apart[name], together[name], rtol=1e-9, atol=1e-12)


def test_the_cheaper_way_is_taken():
    pigs = lw.belief.read_network(DATA / "pigs.bif.gz")
    rng = np.random.default_rng(2)
    names = [str(name) for name in rng.choice(list(pigs.variables), 60, replace=False)]
    state = {name: variable.states[0] for name, variable in pigs.variables.items()}
    few = {name: [state[name] if n % 2 else None for n in range(2000)] for name in names}
    many = {
        name: [state[name] if rng.random() < 0.5 else None for _ in range(40)] for name in names
    }
    variables = pigs.variables.values()
    assert len(grouped(pigs, evidence_of(variables, few), "all")) == 2
    assert len(grouped(pigs, evidence_of(variables, many), "z")) == 1  # cheap as it is


def test_one_row():
    graph = lw.belief.FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [0.25, 0.75])
    assert infer(graph)["a"].tolist() == [0.25, 0.75]
    assert infer(graph, {"a": "1"})["a"].tolist() == [0.0, 1.0]
    assert infer(graph, {"a": "1"}, "gradient")["f0"].tolist() == [0.0, pytest.approx(4 / 3)]


@pytest.mark.parametrize("query", ["all", "mpe", "sample:3", "gradient"])
def test_rows_beyond_the_cap_say_how_to_stream(alarm, query):
    rows = {v: [alarm.variables[v].states[0], None] * 20_000 for v in list(alarm.variables)[::4]}
    small = Limits(memory=10_000_000)
    runner = lw.belief.compile_graph(alarm, query, seconds=0.0).bind(limits=small)
    for work in (lambda: infer(alarm, rows, query, limits=small), lambda: runner(rows)):
        with pytest.raises(Diagnostic) as caught:
            work()
        assert caught.value.code.ident == "LW0101"
        assert "fewer rows at a time" in caught.value.help
        assert "--evidence" in caught.value.help


@pytest.mark.slow
@pytest.mark.parametrize("query", ["all", "z"])
def test_what_is_far_too_wide_is_refused_soon(query):
    """Findings that have many causes in common, as in QMR-DT, of which many are known."""
    rng, graph = np.random.default_rng(0), FactorGraph("findings")
    for n in range(100):
        graph.variable(f"d{n}", 2)
        graph.factor([f"d{n}"], [0.98, 0.02], child=f"d{n}")
    for n in range(60):
        graph.variable(f"f{n}", 2)
        none = np.ones((2,) * 12)
        for place, chance in enumerate(rng.uniform(0.2, 0.9, 12)):
            shape = [-1 if place == other else 1 for other in range(12)]
            none = none * np.array([1.0, 1.0 - chance]).reshape(shape)
        causes = [f"d{d}" for d in rng.choice(100, 12, replace=False)]
        graph.factor([*causes, f"f{n}"], np.stack([none, 1 - none], -1), child=f"f{n}")
    start = time.process_time()
    with pytest.raises(Diagnostic) as caught:
        infer(graph, {f"f{n}": "01"[n < 4] for n in range(60)}, query)
    assert time.process_time() - start < 15
    assert "loopy" in caught.value.help
