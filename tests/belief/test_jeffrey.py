"""Posteriors that are wanted, against what Jeffrey's rule says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic

ASIA = lw.belief.read_network(Path(__file__).parents[2] / "examples/data/belief/asia.bif")


def test_other_variables_are_mixed_as_the_rule_says():
    rows = {"smoke": ["yes", "no", None]}
    result = lw.belief.jeffrey(ASIA, {"xray": [0.3, 0.7]}, rows)
    mixed = lw.belief.infer(ASIA, result)
    np.testing.assert_allclose(mixed["xray"], [[0.3, 0.7]] * 3, atol=1e-12)
    yes, no = (lw.belief.infer(ASIA, {**rows, "xray": [state] * 3}) for state in ("yes", "no"))
    for name in ("lung", "bronc", "dysp"):
        np.testing.assert_allclose(mixed[name], 0.3 * yes[name] + 0.7 * no[name], atol=1e-12)


def test_several_variables_and_what_was_known():
    goals = {"xray": [0.3, 0.7], "dysp": [0.9, 0.1], "smoke": [1.0, 0.0]}
    actual = lw.belief.jeffrey(ASIA, goals, {"asia": "yes", "xray": np.array([0.2, 0.9])})
    result = lw.belief.infer(ASIA, actual)
    for name, goal in goals.items():
        np.testing.assert_allclose(result[name], goal, atol=1e-10)
    assert result["asia"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("goals", "code"),
    [
        ({"xray": [0.3, 0.6]}, "LW5008"),
        ({"xray": [1.0]}, "LW5008"),
        ({"xray": [1.5, -0.5]}, "LW5008"),
        ({"xray": [np.nan, 1.0]}, "LW5008"),
        ({"xray": "yes"}, "LW5008"),
        ({"xray": pd.Series([0.3, 0.7], index=["yes", "maybe"])}, "LW5008"),
        ({"xray": pd.Series([0.3, 0.7], index=["p", "q"])}, "LW5008"),
        ({"xray": pd.Series([0.3, 0.7], index=[5, 6])}, "LW5008"),
        ({"xrays": [0.5, 0.5]}, "LW5005"),
        ({"either": [0.5, 0.5]}, "LW5008"),
        ({"lung": [0.9, 0.1], "tub": [0.1, 0.9]}, None),
    ],
)
def test_what_cannot_be(goals, code):
    known = {"lung": "no", "tub": "no"} if "either" in goals else {}
    if code is None:
        assert lw.belief.jeffrey(ASIA, goals)
        return
    with pytest.raises(Diagnostic) as caught:
        lw.belief.jeffrey(ASIA, goals, known)
    assert caught.value.code.ident == code


def test_goals_that_contradict_each_other():
    graph = lw.belief.FactorGraph()
    graph.variable("a", 2)
    graph.variable("b", 2)
    graph.factor(["a", "b"], np.eye(2))
    with pytest.raises(Diagnostic) as caught:
        lw.belief.jeffrey(graph, {"a": [0.5, 0.5], "b": [0.9, 0.1]})
    assert "contradict" in caught.value.help


def test_goals_are_matched_by_states():
    right = lw.belief.jeffrey(ASIA, {"xray": [0.3, 0.7]})["xray"]
    for goal in (
        pd.Series({"no": 0.7, "yes": 0.3}),
        {"no": 0.7, "yes": 0.3},
        pd.Series([0.3, 0.7]),
    ):
        np.testing.assert_array_equal(lw.belief.jeffrey(ASIA, {"xray": goal})["xray"], right)
