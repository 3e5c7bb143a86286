"""Derivatives of posteriors, held to enumeration: probabilities are linear in every entry."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.machines.belief.check.enumeration import Enumeration
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.passes.outputs import factor_names
from lanework.machines.belief.passes.query import read_query
from lanework.machines.belief.queries.entries import proportional
from lanework.machines.belief.queries.infer import infer
from lanework.machines.belief.queries.sensitivity import sensitivity

ASIA = Path(__file__).parents[2] / "examples/data/belief/asia.bif"
SEEDS = range(48)


def sums(graph, case, variable, state):
    """For each row P(state, evidence) and P(evidence), not scaled."""
    logs = Enumeration(graph, case.weights(), case.rows).logs
    table = np.moveaxis(np.exp(logs), list(graph.variables).index(variable) + 1, 1)
    table = table.reshape(case.rows, table.shape[1], -1).sum(axis=2)
    return table[:, state], table.sum(axis=1)


def moved(graph, number, cell):
    """The graph with one added to an entry."""
    factors = list(graph.factors)
    table = factors[number].table.copy()
    table[cell] += 1.0
    factors[number] = dataclasses.replace(factors[number], table=table)
    return FactorGraph(graph.name, graph.variables, factors)


@pytest.mark.parametrize("part", range(4))
def test_derivatives_are_those_of_enumeration(part):
    tried = 0
    for seed in SEEDS[part::4]:
        case = random_case(seed)
        graph = case.graph
        rng = np.random.default_rng(seed)
        if not graph.variables or not graph.factors:
            continue
        variable = str(rng.choice(list(graph.variables)))
        state = int(rng.integers(graph.variables[variable].size))
        query = f"sensitivity:{variable}={state}"
        joint, total = sums(graph, case, variable, state)
        results = [infer(graph, case.given, query)]
        for strategy in ("tree", "modes"):
            program = compile_graph(graph, query, strategy=strategy, seconds=0.0)
            assert program.problems() == []
            for engine, semiring in (("native", "prob"), ("reference", "logprob")):
                results.append(program.bind(engine, semiring=semiring)(case.given))
        for number, factor in enumerate(graph.factors[:4]):
            cell = tuple(rng.integers(size) for size in factor.table.shape)
            more, full = sums(moved(graph, number, cell), case, variable, state)
            for row in np.flatnonzero(total > 0):
                p = joint[row] / total[row]
                right = (more - joint)[row] / total[row] - p * (full - total)[row] / total[row]
                size = max(abs(more[row]), abs(full[row])) / total[row]
                for result in results:
                    actual = result[factor.name]
                    actual = actual[row] if "row" in result.axes(factor.name) else actual
                    assert abs(actual[cell] - right) < 1e-9 * max(size, 1), (seed, factor.name)
                    tried += 1
            for row in np.flatnonzero(total == 0):
                for result in results:
                    if "row" in result.axes(factor.name):
                        assert not result[factor.name][row].any()
    assert tried > 30


def test_zero_entries_and_certain_states_have_derivatives():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.variable("b", 2)
    graph.factor(["a"], [1.0, 0.0], child="a")
    graph.factor(["a", "b"], [[0.4, 0.6], [0.9, 0.1]], child="b")
    result = sensitivity(graph, "a", 1, {"b": [None, "0"]})
    assert result["a"][0].tolist() == pytest.approx([0.0, 1.0])
    assert result["a"][1].tolist() == pytest.approx([0.0, 0.9 / 0.4])
    result = sensitivity(graph, "a", 0, {"b": [None, "0"]})
    assert result["a"][0].tolist() == pytest.approx([0.0, -1.0])
    known = sensitivity(graph, "a", 0, {"a": "0"})
    assert not known["a"].any()
    assert not known["b"].any()


def test_proportional_changes_are_what_they_say():
    """Against a change of the table itself: one entry more, the others of its row less."""
    graph = lw.belief.read_network(ASIA)
    given, step = {"xray": "yes", "asia": "no"}, 1e-6
    result = sensitivity(graph, "tub", "yes", given)
    for number, factor in enumerate(graph.factors):
        axis = factor.scope.index(factor.child)
        right = proportional(factor, result[factor.name])
        for cell in np.ndindex(factor.table.shape):
            if factor.table[cell] in (0.0, 1.0):
                continue
            own = list(cell)
            own[axis] = slice(None)
            p = []
            for change in (step, -step):
                table = factor.table.copy()
                table[tuple(own)] *= 1 - change / (1 - factor.table[cell])
                table[cell] = factor.table[cell] + change
                factors = list(graph.factors)
                factors[number] = dataclasses.replace(factor, table=table)
                changed = FactorGraph("changed", graph.variables, factors)
                p.append(infer(changed, given, "tub")["tub"][0])
            assert right[cell] == pytest.approx((p[0] - p[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_entries_in_order():
    graph = lw.belief.read_network(ASIA)
    result = sensitivity(graph, "lung", "yes", {"xray": ["yes", "no"]})
    first = result.largest(5, by="derivative")
    assert [abs(e.derivative) for e in first] == sorted(
        (abs(e.derivative) for e in result.entries()), reverse=True
    )[:5]
    assert first[0].place == "either=no, xray=yes"
    assert (first[0].factor, first[0].value) == ("xray", 0.05)
    assert len(result.largest(1000, row=1)) == 36 == sum(1 for _ in result.entries(1))
    assert "<td>either=no, xray=yes</td>" in first._repr_html_()
    assert repr(first).splitlines()[0].split() == list(first.HEADER)
    assert "either=no" in result._repr_html_()
    frame = result.to_pandas()
    assert list(frame) == ["row", *first.HEADER]
    assert len(frame) == 72
    assert len(result.to_pandas("smoke")) == 4
    assert infer(graph, None, "gradient")._repr_html_()
    none = sensitivity(graph, "lung", "yes", {"xray": []})
    assert none._repr_html_()
    assert none.columns()["entry"].tolist() == []
    certain = [e for e in result.entries() if e.factor == "either"]
    assert "-" in repr(result.largest(36)).splitlines()[-1].split()
    assert all(np.isnan(e.proportional) == (e.value == 1.0) for e in certain)
    for options in ({"by": "size"}, {"row": 2}, {"row": -1}):
        with pytest.raises(Diagnostic) as caught:
            result.largest(**options)
        assert caught.value.code.ident == "LW2005"


def test_what_is_asked():
    graph = FactorGraph()
    graph.variable("a=b", ["c=d", "e"])
    graph.variable("a", ["b=c", "x"])
    graph.factor(["a=b", "a"], [[0.1, 0.2], [0.3, 0.4]], name="posterior")
    graph.factor(["a"], [0.5, 0.5], name="f")
    graph.factor(["a"], [0.5, 0.7], name="f")
    query = read_query(graph, "sensitivity:a=b=c=d")
    assert (query.variables, query.state) == (("a=b",), 0)
    assert read_query(graph, "sensitivity:a=b=c").variables == ("a",)
    result = sensitivity(graph, "a", "x")
    assert list(result) == ["posterior (2)", "f", "f (2)", "posterior", "ln_p_evidence"]
    ratio = result["f"] / result["f (2)"]
    assert ratio.tolist() == pytest.approx([1.0, 0.7 / 0.5])
    assert factor_names(graph.factors) == ["posterior (2)", "f", "f (2)"]
    assert np.isnan(result.largest(1)[0].proportional)
    assert infer(graph, None, "gradient")["f"].tolist() != [0.0, 0.0]
    for call in (
        lambda: read_query(graph, "sensitivity"),
        lambda: read_query(graph, "sensitivity:a"),
        lambda: sensitivity(graph, "a", None),
    ):
        with pytest.raises(Diagnostic) as caught:
            call()
        assert caught.value.code.ident == "LW5009"
    for query in ("sensitivity:c=x", "sensitivity:a=y"):
        with pytest.raises(Diagnostic) as caught:
            read_query(graph, query)
        assert caught.value.code.ident == "LW5005"
    with pytest.raises(Diagnostic) as caught:
        compile_graph(graph, "sensitivity:a=x").bind(semiring="max")
    assert caught.value.code.ident == "LW2005"


def test_a_program_that_names_no_state():
    graph = FactorGraph()
    graph.variable("a", 2)
    text = compile_graph(graph, "sensitivity:a=1").dis()
    for bad in ('"posterior" 0 2', '"posterior" 3 0', '"posterior" 0'):
        assert assemble(text.replace('"posterior" 0 1', bad)).problems()
    other = compile_graph(graph, "z").dis().replace('"query" "z"', '"query" "sensitivity"')
    with pytest.raises(Diagnostic):
        assemble(other).run()


def call(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_on_the_command_line(tmp_path):
    asked = ("run", ASIA, "--given", "xray=yes", "--query", "sensitivity:lung=yes")
    shown = call(*asked)
    assert "either=no, xray=no" in shown.stdout
    assert "posterior 0.4887114" in shown.stdout
    row = json.loads(call(*asked, "--json").stdout)["rows"][0]
    assert row["posterior"]["yes"] == pytest.approx(0.48871140131964763)
    assert row["sensitivity"]["smoke"] == pytest.approx([0.21633988531, -0.21633988531])
    file = tmp_path / "s.csv"
    assert call(*asked, "--out", file).exit_code == 0
    with file.open() as lines:
        table = list(csv.DictReader(lines))
    assert len(table) == 36
    assert table[0]["states"] == "asia=yes"
    program = tmp_path / "s.lwp"
    subject = call("compile", ASIA, "--query", "sensitivity:lung=yes", "-o", program)
    assert subject.exit_code == 0, subject.stderr
    again = json.loads(call("run", program, "--given", "xray=yes", "--json").stdout)["rows"][0]
    for name, right in row["sensitivity"].items():
        np.testing.assert_allclose(again["sensitivity"][name], right, rtol=1e-12, atol=1e-14)
    assert "write .json" in call("run", program, "--out", tmp_path / "t.csv").stderr
