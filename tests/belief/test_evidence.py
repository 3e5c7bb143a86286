"""What evidence may be given as: names, numbers, booleans, bytes, arrays of every kind, frames."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.data.evidence import read_evidence
from lanework.machines.belief.data.states import state_place
from lanework.machines.belief.graph.factor import Variable

RAIN = Variable("rain", ("yes", "no"))
COIN = Variable("coin", ("heads", "tails"))
DICE = Variable("dice", ("1", "2", "3"))
BINS = Variable("bins", ("0.5", "1.5", "10"))


def weights(variable, value):
    evidence = read_evidence((variable,), frozenset([0]), {variable.name: value})
    return evidence.weights[0].T.tolist(), evidence.single


@pytest.mark.parametrize(
    "value",
    ["no", b"no", np.str_("no"), np.bytes_(b"no"), np.array("no"), np.array(b"no"), 1, 1.0, False]
    + [np.int8(1), np.float32(1), np.array(1), np.bool_(False), np.array(False)],
    ids=repr,
)
def test_one_state(value):
    assert weights(RAIN, value) == ([[0.0, 1.0]], True)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        b"",
        float("nan"),
        np.nan,
        np.array(None),
        np.array(np.nan),
        pd.NA,
        pd.NaT,
        np.str_(),
    ],
    ids=repr,
)
def test_nothing_known(value):
    assert weights(RAIN, value) == ([[1.0, 1.0]], True)


COLUMNS = [
    ["no", None, "yes"],
    ("no", "", "yes"),
    ["no", float("nan"), "yes"],
    [b"no", None, "yes"],
    [False, None, True],
    [1, None, 0],
    ["no", None, True],
    np.array(["no", "", "yes"]),
    np.array([b"no", b"", b"yes"]),
    np.array([1.0, np.nan, 0.0]),
    np.array([0, 1, 1]) > 5,
    np.ma.array([1, 0, 0], mask=[False, True, False]),
    np.ma.array(["no", "no", "yes"], mask=[False, True, False]),
    pd.Series(["no", None, "yes"], index=[7, 8, 9]),
    pd.Categorical(["no", None, "yes"]),
    pd.Series(pd.Categorical(["no", None, "yes"], categories=["yes", "no", "maybe"])),
    pd.Series(["no", pd.NA, "yes"], dtype="string"),
    pd.Series([1, pd.NA, 0], dtype="Int64"),
    pd.Series([False, pd.NA, True], dtype="boolean"),
    pl.Series(["no", None, "yes"]),
    pl.Series([False, None, True]),
    pa.chunked_array([["no"], [None, "yes"]]),
]


@pytest.mark.parametrize("value", COLUMNS, ids=range(len(COLUMNS)))
def test_columns(value):
    actual, single = weights(RAIN, value)
    if isinstance(value, np.ndarray) and value.dtype == bool:
        assert actual == [[0.0, 1.0]] * 3
    else:
        assert actual == [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]
    assert not single


def test_a_number_is_the_state_that_it_names():
    assert [state_place(DICE, n) for n in (1, 2.0, np.int64(3), "3")] == [0, 1, 2, 2]
    assert [state_place(BINS, n) for n in (0.5, np.float32(1.5), 10, 10.0)] == [0, 1, 2, 2]
    assert [state_place(COIN, n) for n in (0, 1.0)] == [0, 1]
    counted = lw.belief.FactorGraph().variable("counted", 3)
    assert [state_place(counted, n) for n in range(3)] == [0, 1, 2]
    assert weights(DICE, np.array([3, 1]))[0] == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (DICE, 0),
        (BINS, 0),
        (BINS, 1),
        (COIN, 2),
        (COIN, -1),
        (COIN, 0.5),
        (COIN, np.inf),
        (COIN, 1e300),
    ]
    + [(COIN, b"\xff"), (COIN, "Heads"), (COIN, datetime.date(2024, 1, 1))],
    ids=repr,
)
def test_what_no_state_is_called(variable, value):
    with pytest.raises(Diagnostic) as caught:
        weights(variable, value)
    assert caught.value.code.ident == "LW5005"
    assert caught.value.help


def test_a_boolean_is_a_name_and_never_a_place():
    for states in (("yes", "no"), ("TRUE", "FALSE"), ("t", "f"), ("On", "Off"), ("1", "0")):
        for order in (states, states[::-1]):
            variable = Variable("v", order)
            assert order[state_place(variable, True)] == states[0]
            assert order[state_place(variable, np.bool_(False))] == states[1]
    for variable in (COIN, Variable("both", ("yes", "true", "no"))):
        with pytest.raises(Diagnostic) as caught:
            weights(variable, [True, None])
        assert caught.value.code.ident == "LW5008"
    assert weights(RAIN, [1, True])[0] == [[0.0, 1.0], [1.0, 0.0]]


def test_masked_weights_are_refused():
    with pytest.raises(Diagnostic):
        weights(RAIN, np.ma.array([[0.5, 0.5]], mask=[[True, False]]))
    assert weights(RAIN, np.ma.array([0.7, 0.2]))[0] == [[0.7, 0.2]]


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_frames(frame):
    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.2, 0.8])
    rows = frame({"rain": ["yes", "no"]})
    right = [[1.0, 0.0], [0.0, 1.0]]
    assert lw.belief.compile_graph(graph).bind()(rows)["rain"].tolist() == right
    assert lw.belief.infer(graph, rows)["rain"].tolist() == right


def test_what_is_no_table():
    graph = lw.belief.FactorGraph()
    graph.variable("rain", 2)
    for evidence in ([1, 2], "rain=1", 3):
        with pytest.raises(Diagnostic) as caught:
            lw.belief.infer(graph, evidence)
        assert caught.value.code.ident == "LW5008"
