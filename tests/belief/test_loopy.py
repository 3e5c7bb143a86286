"""Loopy belief propagation: exact on trees, close where coupling is weak, honest elsewhere."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic, Trap
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.queries import loopy as approximate
from lanework.machines.belief.queries.loopy import convergence
from lanework.machines.belief.queries.propagation import Links, Propagation

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "examples/data/belief"
ASIA = str(DATA / "asia.bif")


def tree(seed, count=40):
    """A tree of factors, some of three variables, with zeros and parts that are not connected."""
    rng = np.random.default_rng(seed)
    graph = lw.belief.FactorGraph("tree")
    for number in range(count):
        graph.variable(f"v{number}", int(rng.integers(1, 4)))
    names = list(graph.variables)
    number = 1
    while number < count:
        step = min(int(rng.integers(1, 3)), count - number)
        scope = [names[rng.integers(0, number)], *names[number : number + step]]
        scope = [scope[n] for n in rng.permutation(len(scope))]
        shape = [graph.variables[name].size for name in scope]
        zeros = rng.random(shape) < 0.15
        if rng.random() < 0.9:
            graph.factor(scope, np.where(zeros, 0.0, rng.random(shape) * 3))
        number += step
    for name in names[::3]:
        graph.factor([name], rng.random(graph.variables[name].size))
    graph.factor([], 0.25)
    return graph


def ising(side, coupling, seed=0):
    """A grid of two states a variable, with couplings of both signs: strong ones frustrate it."""
    rng = np.random.default_rng(seed)
    graph = lw.belief.FactorGraph("ising")
    for row in range(side):
        for column in range(side):
            graph.variable(f"v{row}_{column}", 2)
            field = rng.normal() * 0.1
            graph.factor([f"v{row}_{column}"], np.exp([field, -field]))
            for above, left in ((row - 1, column), (row, column - 1)):
                if above >= 0 and left >= 0:
                    j = rng.normal() * coupling
                    scope = [f"v{above}_{left}", f"v{row}_{column}"]
                    graph.factor(scope, np.exp([[j, -j], [-j, j]]))
    return graph


def errors(actual, right):
    return [float(np.abs(actual[name] - right[name]).max()) for name in right]


@pytest.mark.parametrize("damping", [0.0, 0.2, 0.6])
def test_exact_on_trees(damping):
    for seed in range(6):
        graph = tree(seed)
        rng = np.random.default_rng(seed)
        states = graph.variables["v3"].states
        size = graph.variables["v20"].size
        given = {"v3": [*states, None], "v20": rng.random((len(states) + 1, size))}
        result = lw.belief.loopy(graph, given, damping=damping)
        right = lw.belief.infer(graph, given)
        assert list(result) == list(right)
        assert result.stats["not_converged"] == []
        assert result.stats["impossible"] == right.stats["impossible"]
        for name in right:
            assert result.axes(name) == right.axes(name)
            np.testing.assert_allclose(result[name], right[name], rtol=1e-7, atol=1e-9)


def test_close_where_coupling_is_weak():
    given = {"v2_2": ["0", "1", None]}
    near, far = (ising(7, coupling) for coupling in (0.1, 0.5))
    result = lw.belief.loopy(near, given)
    assert result.stats["not_converged"] == []
    assert max(errors(result, lw.belief.infer(near, given))) < 1e-3
    result = lw.belief.loopy(far, given)
    right = lw.belief.infer(far, given)
    assert max(errors(result.select(far.variables), right.select(far.variables))) < 0.1


def test_honest_where_messages_do_not_settle():
    graph = ising(8, 2.0)
    result = lw.belief.loopy(graph, {"v0_0": ["0", None]}, most=30)
    assert result.stats["not_converged"]
    for row in result.stats["not_converged"]:
        assert result.stats["residual"][row] > 1e-3
        assert result.stats["iterations"][row] == 30
    assert "did not converge in 30 iterations" in convergence(result.stats)
    np.testing.assert_allclose(result["v3_3"].sum(axis=1), 1.0)


def test_networks_and_rows_in_blocks(monkeypatch):
    alarm = lw.belief.read_network(DATA / "alarm.bif")
    rng = np.random.default_rng(4)
    some = list(alarm.variables.values())[::6]
    given = {v.name: [str(rng.choice(v.states)) for _ in range(7)] for v in some}
    full = lw.belief.loopy(alarm, given)
    done = []
    monkeypatch.setattr(approximate, "BLOCK", 1)
    apart = lw.belief.loopy(alarm, given, progress=lambda *pair: done.append(pair))
    assert done[-1][1] == 7 * 200
    for name in full:
        np.testing.assert_allclose(apart[name], full[name], rtol=1e-6, atol=1e-8)
    few = lw.belief.loopy(alarm, given, ["CVP", "HR"])
    assert list(few) == ["CVP", "HR", "ln_p_evidence"]


def test_one_row_has_no_axis_of_rows():
    graph = lw.belief.read_network(ASIA)
    result = lw.belief.loopy(graph, {"xray": "yes"})
    assert result.axes("lung") == ("lung",)
    assert result["ln_p_evidence"].shape == ()
    assert result.coords["lung"] == ["yes", "no"]
    assert result.stats["approximate"] is True
    assert "(approximate)" in repr(result)


def test_what_messages_prove_impossible():
    graph = lw.belief.FactorGraph()
    for name in "abcd":
        graph.variable(name, 2)
    for scope in ("ab", "bc", "ca"):
        graph.factor(scope, np.eye(2))
    result = lw.belief.loopy(graph, {"a": ["0", "0"], "c": ["1", "0"]})
    assert result["ln_p_evidence"].tolist() == [-np.inf, pytest.approx(np.log(2))]
    assert result["d"].tolist() == [[0.0, 0.0], [0.5, 0.5]]
    assert result.stats["impossible"] == 1


def test_random_graphs_never_break_it():
    """Whatever the graph: posteriors are distributions, and what is possible is not excluded."""
    for seed in range(120):
        case = random_case(seed)
        result = lw.belief.loopy(case.graph, case.given, most=50)
        right = lw.belief.infer(case.graph, case.given)
        possible = np.asarray(right["ln_p_evidence"]) > -np.inf
        assert (np.asarray(result["ln_p_evidence"])[possible] > -np.inf).all()
        for name in case.graph.variables:
            sums = np.asarray(result[name]).sum(axis=-1)
            assert np.isin(sums.round(9), [0.0, 1.0]).all(), seed
            assert not ((result[name] == 0) & (right[name] > 0)).any(), seed


def test_empty_graphs():
    graph = lw.belief.FactorGraph()
    assert float(lw.belief.loopy(graph)["ln_p_evidence"]) == 0.0
    graph.factor([], 0.5)
    graph.variable("a", 4)
    result = lw.belief.loopy(graph)
    assert result["a"].tolist() == [0.25] * 4
    assert float(result["ln_p_evidence"]) == pytest.approx(np.log(2.0))


def test_the_message_that_would_change_most_is_sent_first():
    links = Links(dict.fromkeys(range(3), 2), [(0, 1), (1, 2)], [np.eye(2) + 9.0, np.eye(2) + 0.1])
    run = Propagation(links, {0: np.array([[1.0], [0.0]]), 2: np.array([[1.0], [0.0]])}, 1)
    sent = []
    send = run._send
    run._send = lambda number: (sent.append(links.edges[number]), send(number))
    run.settle()
    assert (sent[0].factor, sent[0].variable) == (1, 1)


@pytest.mark.parametrize("options", [{"damping": 1.0}, {"tolerance": 0.0}, {"most": 0}])
def test_options_that_make_no_sense(options):
    with pytest.raises(Diagnostic) as caught:
        lw.belief.loopy(ising(2, 0.1), **options)
    assert caught.value.code.ident == "LW2005"


def test_limits():
    graph = ising(6, 0.1)
    with pytest.raises(Diagnostic) as caught:
        lw.belief.loopy(graph, limits=lw.Limits(memory=5000))
    assert caught.value.code.ident == "LW0101"
    with pytest.raises(Trap) as stopped:
        lw.belief.loopy(graph, limits=lw.Limits(deadline=0.0))
    assert stopped.value.code.ident == "LW2001"
    with pytest.raises(Diagnostic) as caught:
        lw.belief.loopy(graph, query="mpe")
    assert caught.value.code.ident == "LW5009"


def run(*arguments):
    return CliRunner().invoke(cli, ["run", *arguments])


def test_on_the_command_line(tmp_path):
    done = run(ASIA, "--given", "xray=yes", "--approximate", "loopy")
    assert done.exit_code == 0, done.stderr
    assert "posterior (approximate)" in done.stdout
    assert "approximate: loopy belief propagation converged" in done.stderr
    done = run(ASIA, "--given", "xray=yes", "--approximate", "loopy", "--json")
    actual = json.loads(done.stdout)
    assert actual["approximate"] is True
    assert actual["stats"]["not_converged"] == []
    exact = json.loads(run(ASIA, "--given", "xray=yes", "--json").stdout)
    assert "approximate" not in exact
    one, other = (each["rows"][0]["posteriors"]["lung"]["yes"] for each in (actual, exact))
    assert one == pytest.approx(other, abs=0.05)
    files = [tmp_path / "a.json", tmp_path / "a.csv"]
    for file in files:
        assert run(ASIA, "--approximate", "loopy", "--out", str(file)).exit_code == 0
    assert json.loads(files[0].read_text())["approximate"] is True
    with files[1].open(newline="") as lines:
        assert {line["approximate"] for line in csv.DictReader(lines)} == {"True"}


def test_refused_on_the_command_line(tmp_path):
    program = str(tmp_path / "asia.lwp")
    assert CliRunner().invoke(cli, ["compile", ASIA, "-o", program]).exit_code == 0
    for arguments in ([program], [ASIA, "--query", "mpe"], [ASIA, "--engine", "native"]):
        done = run(*arguments, "--approximate", "loopy")
        assert done.exit_code == 1
        assert "help" in done.stderr


def test_interrupted(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Propagation, "_send", interrupt)
    done = run(ASIA, "--given", "xray=yes", "--approximate", "loopy")
    assert done.exit_code == 130
