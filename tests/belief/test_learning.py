"""Expected counts and log-likelihoods, held to enumeration; EM on networks with missing cells."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.check.enumeration import Enumeration
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.queries import learning
from lanework.machines.belief.queries.learning import expected_counts, expected_log_likelihood

ASIA = Path(__file__).parents[2] / "examples/data/belief/asia.bif"


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("block", [1, 1 << 26])
def test_against_enumeration(seed, block, monkeypatch):
    monkeypatch.setattr(learning, "BLOCK", block)
    case = random_case(seed)
    graph, names = case.graph, list(case.graph.variables)
    logs = Enumeration(graph, case.weights(), case.rows).logs
    plain = Enumeration(graph, {}, 1).logs[0]
    often = np.random.default_rng(seed).integers(0, 4, case.rows).astype(float)
    tables = np.exp(logs)
    sums = tables.reshape(case.rows, -1).sum(axis=1)
    some = sums > 0
    posterior = tables / np.where(some, sums, 1.0).reshape(-1, *[1] * len(names))
    ends = expected_log_likelihood(graph, case.given)
    right = (posterior * np.where(np.isfinite(plain), plain, 0.0)).reshape(case.rows, -1).sum(1)
    right[~some] = -np.inf
    actual = np.atleast_1d(ends["expected_log_likelihood"])
    np.testing.assert_allclose(actual, right[: len(actual)], rtol=1e-9, atol=1e-10)
    if actual.size != case.rows:  # nothing is given that has rows
        return
    rowed = ends["ln_p_evidence"].shape == (case.rows,)
    counts = expected_counts(graph, case.given, weights=often if rowed else None)
    often = often if rowed else np.ones(1)
    full = np.tensordot(often, posterior, 1)
    for factor in graph.factors:
        scope = [names.index(name) for name in factor.scope]
        others = tuple(n for n in range(len(names)) if n not in scope)
        order = np.argsort(np.argsort(scope))
        expected = np.transpose(full.sum(axis=others), order)
        np.testing.assert_allclose(counts[factor.name], expected, atol=1e-9)
    assert counts.stats["impossible"] == int((~some).sum())


def rows_with_gaps(graph, count, seed=3):
    drawn = lw.belief.infer(graph, None, f"sample:{count}", seed=seed)
    rng = np.random.default_rng(seed)
    return {
        name: [None if rng.random() < 0.3 else state for state in drawn[name].tolist()]
        for name in graph.variables
    }


def fitted(graph, counts):
    """The M step: counts scaled to conditional tables."""
    copy = FactorGraph(graph.name, graph.variables)
    for factor in graph.factors:
        copy.factor(factor.scope, counts[factor.name] + 1e-9, child=factor.child)
    return copy.normalized()


def test_em_never_loses_likelihood():
    graph = lw.belief.read_network(ASIA)
    rows = rows_with_gaps(graph, 400)
    start = FactorGraph("start", graph.variables)
    rng = np.random.default_rng(0)
    for factor in graph.factors:
        start.factor(factor.scope, rng.random(factor.table.shape) + 0.5, child=factor.child)
    model, before = start.normalized(), -np.inf
    for step in range(6):
        counts = expected_counts(model, rows)
        after = float(counts["ln_p_evidence"])
        assert after > before - 1e-6
        assert step != 1 or after > before + 10
        for factor in graph.factors:
            assert counts[factor.name].sum() == pytest.approx(400)
        model, before = fitted(model, counts), after


def test_complete_data_are_counted():
    graph = lw.belief.read_network(ASIA)
    drawn = lw.belief.infer(graph, None, "sample:50")
    rows = {name: drawn[name].tolist() for name in graph.variables}
    counts = expected_counts(graph, rows)
    pairs = list(zip(rows["smoke"], rows["lung"], strict=True))
    right = [[pairs.count((a, b)) for b in ("yes", "no")] for a in ("yes", "no")]
    assert counts["lung"].tolist() == pytest.approx(np.array(right, float))
    result = expected_log_likelihood(graph, rows)
    np.testing.assert_allclose(result["expected_log_likelihood"], result["ln_p_evidence"])


def test_the_difference_to_the_probability_is_entropy():
    graph = lw.belief.read_network(ASIA)
    result = expected_log_likelihood(graph)
    assert result["ln_p_evidence"] == pytest.approx(0.0)
    assert result["expected_log_likelihood"].shape == ()
    logs = Enumeration(graph, {}, 1).logs
    some = logs[np.isfinite(logs)]
    assert result["expected_log_likelihood"] == pytest.approx((np.exp(some) * some).sum())


def test_impossible_rows_count_nowhere():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [1.0, 0.0], child="a")
    counts = expected_counts(graph, {"a": ["0", "1"]})
    assert counts["a"].tolist() == [1.0, 0.0]
    assert counts["ln_p_evidence"] == -np.inf
    assert counts.stats["impossible"] == 1
    counts = expected_counts(graph, {"a": ["0", "1"]}, weights=[2, 0])
    assert (counts["a"].tolist(), float(counts["ln_p_evidence"])) == ([2.0, 0.0], 0.0)
    assert expected_counts(graph, {"a": []})["a"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.nan], "ab", [[1.0, 1.0]]])
def test_weights_that_do_not_fit(weights):
    graph = FactorGraph()
    graph.variable("a", 2)
    with pytest.raises(Diagnostic) as caught:
        expected_counts(graph, {"a": ["0", "1"]}, weights=weights)
    assert caught.value.code.ident == "LW5008"


@pytest.mark.parametrize(
    "weights", [["1", "2"], ["one", "two"], [None, 1.0], [1j, 1], [2**53 + 1, 1]]
)
def test_weights_are_numbers_exactly(weights):
    graph = FactorGraph()
    graph.variable("a", 2)
    with pytest.raises(Diagnostic, match="the column of weights") as caught:
        expected_counts(graph, {"a": ["0", "1"]}, weights=weights)
    assert caught.value.code.ident == "LW5008"


def test_weights_are_matched_by_labels_of_rows():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [0.5, 0.5])
    rows = pd.DataFrame({"a": ["0", "1"]}, index=["p", "q"])
    for given in ({"q": 3.0, "p": 1.0}, {"p": 1.0, "q": 3.0}):
        counts = expected_counts(graph, rows, weights=pd.Series(given))
        assert counts["f0"].tolist() == [1.0, 3.0]
    assert expected_counts(graph, rows, weights=[1, 3])["f0"].tolist() == [1.0, 3.0]
    plain = {"a": ["0", "1"]}
    weights = pd.Series([1.0, 3.0], index=["x", "y"])
    assert expected_counts(graph, plain, weights=weights)["f0"].tolist() == [1.0, 3.0]
    for index in (["p", "z"], [0, 1]):
        with pytest.raises(Diagnostic, match="along 'row'"):
            expected_counts(graph, rows, weights=pd.Series([1.0, 3.0], index=index))


@pytest.mark.parametrize(
    ("tables", "count", "ln_z"),
    [
        ([[5e-324, 1.0], [1.0, 0.0]], [1, 0], np.log(5e-324)),
        ([[0.0, 1e-200], [1e200, 1.0]], [0, 1], np.log(1e-200)),
        ([[0.0, 5e-324], [1e308, 1.0]], [0, 1], np.log(5e-324)),
        ([[1e-320, 1e-320], [1e-320, 1e-320]], [0.5, 0.5], 2 * np.log(1e-320) + np.log(2)),
        ([[5e-324, 1e-323]] * 3, [1 / 9, 8 / 9], 3 * np.log(5e-324) + np.log(9)),
        ([[1e308, 1e308], [1e308, 3e307]], [1 / 1.3, 0.3 / 1.3], 2 * np.log(1e308) + np.log(1.3)),
    ],
)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_entries_at_the_ends_of_the_range_are_counted(tables, count, ln_z, engine):
    graph = FactorGraph()
    graph.variable("a", 2)
    for table in tables:
        graph.factor(["a"], table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counts = expected_counts(graph, engine=engine)
        ends = expected_log_likelihood(graph, engine=engine)
    for number in range(len(tables)):
        np.testing.assert_allclose(counts[f"f{number}"], count, rtol=1e-9)
    assert counts["ln_p_evidence"] == pytest.approx(ln_z, rel=1e-12)
    assert ends["ln_p_evidence"] == pytest.approx(ln_z, rel=1e-12)
    logs = [np.log(np.where(np.array(table) > 0, table, 1.0)) for table in tables]
    assert ends["expected_log_likelihood"] == pytest.approx(np.sum(logs, axis=0) @ count, rel=1e-9)


def test_entries_too_far_apart_for_derivatives_are_refused():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [5e-324, 1e308], name="wide")
    graph.factor(["a"], [1.0, 0.0])
    for ask in (expected_counts, expected_log_likelihood):
        with pytest.raises(Diagnostic, match="'wide' are too far apart") as caught:
            ask(graph)
        assert caught.value.code.ident == "LW5002"
