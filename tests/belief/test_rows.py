"""Rows of evidence are matched by their labels, whatever says these; results carry them."""

import itertools

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.graph.model import FactorGraph

WET, SKY = ["yes", "no", None, "yes"], ["sun", "rain", None, "fog"]
SHUFFLED = [2, 0, 3, 1]


@pytest.fixture(scope="module")
def graph():
    graph = FactorGraph("weather")
    graph.variable("weather", ["sun", "rain", "fog"])
    graph.variable("wet", ["yes", "no"])
    graph.factor(["weather"], [0.2, 0.5, 0.3])
    graph.factor(["weather", "wet"], [[0.1, 0.9], [0.7, 0.3], [0.4, 0.6]])
    return graph


@pytest.fixture(scope="module")
def right(graph):
    """The answers in the order of the places."""
    return lw.belief.infer(graph, {"wet": WET, "weather": SKY})["ln_p_evidence"]


def refused(work, *words):
    with pytest.raises(Diagnostic) as caught:
        work()
    assert caught.value.code.ident == "LW5008", caught.value
    assert caught.value.help
    for word in words:
        assert word in caught.value.message
    return caught.value


def ways(values, labels):
    """Columns that have the labels."""
    xarray = pytest.importorskip("xarray")
    values = np.array(values, object)
    yield pd.Series(values, index=labels)
    yield pd.Series(values, index=pd.Index(labels, name="day"))
    yield pd.DataFrame({"x": values}, index=labels)["x"]
    yield xarray.DataArray(values, dims=["day"], coords={"day": labels})


def days(labels):
    return list(pd.to_datetime("2024-01-01") + pd.to_timedelta(labels, unit="D"))


@pytest.mark.parametrize("name", [list, days, lambda places: [f"p{n}" for n in places]])
def test_columns_are_matched_by_labels(graph, right, name):
    places = list(range(len(WET)))
    plain = name(places)
    others = [SKY[n] for n in SHUFFLED]
    for one, two in itertools.product(ways(WET, plain), ways(others, name(SHUFFLED))):
        for evidence in ({"wet": one, "weather": two}, {"weather": two, "wet": one}):
            result = lw.belief.infer(graph, evidence)
            order = places if next(iter(evidence)) == "wet" else SHUFFLED
            np.testing.assert_array_equal(result["ln_p_evidence"], right[order])
            assert len(result.coords["row"]) == len(WET)


def test_an_index_that_counts_has_labels_beside_others(graph, right):
    counts = pd.Series(WET)
    shuffled = pd.Series([SKY[n] for n in SHUFFLED], index=SHUFFLED)
    for evidence in ({"wet": counts, "weather": shuffled}, {"weather": shuffled, "wet": counts}):
        result = lw.belief.infer(graph, evidence)
        assert result.coords["row"].tolist() == SHUFFLED
        np.testing.assert_array_equal(result["ln_p_evidence"], right[SHUFFLED])
    texts = pd.Series(SKY, index=list("abcd"))
    refused(lambda: lw.belief.infer(graph, {"wet": counts, "weather": texts}), "'wet'", "'a'")
    later = pd.Series(SKY, index=range(1, 5))
    refused(lambda: lw.belief.infer(graph, {"wet": counts, "weather": later}), "row")


def test_columns_without_labels_go_by_place_in_one_order_only(graph, right):
    polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    labelled = pd.Series(WET, index=list("abcd"))
    for plain in (SKY, np.array(SKY, object), polars.Series(SKY), arrow.array(SKY)):
        result = lw.belief.infer(graph, {"wet": labelled, "weather": plain})
        np.testing.assert_array_equal(result["ln_p_evidence"], right)
        assert result.coords["row"].tolist() == list("abcd")
    graph = FactorGraph("more", graph.variables, graph.factors)
    graph.variable("late", ["x", "y"])
    other = pd.Series([SKY[n] for n in SHUFFLED], index=[list("abcd")[n] for n in SHUFFLED])
    evidence = {"wet": labelled, "weather": other, "late": ["x", "y", "x", "y"]}
    for order in itertools.permutations(evidence):
        refused(lambda: lw.belief.infer(graph, {n: evidence[n] for n in order}), "'late'")  # noqa: B023


def test_labels_that_are_there_twice(graph, right):
    twice = list("abba")
    one, two = pd.Series(WET, index=twice), pd.Series(SKY, index=twice)
    result = lw.belief.infer(graph, {"wet": one, "weather": two})
    np.testing.assert_array_equal(result["ln_p_evidence"], right)
    assert result.coords["row"].tolist() == twice
    other = two.iloc[[1, 0, 2, 3]]
    refused(lambda: lw.belief.infer(graph, {"wet": one, "weather": other}), "more than once")


def test_levels(graph, right):
    pairs = [(1, 2), (2, 1), (1, 1), (2, 2)]
    index = pd.MultiIndex.from_tuples(pairs, names=["ward", "bed"])
    one = pd.Series(WET, index=index)
    two = pd.Series([SKY[n] for n in SHUFFLED], index=index[SHUFFLED])
    result = lw.belief.infer(graph, {"wet": one, "weather": two})
    np.testing.assert_array_equal(result["ln_p_evidence"], right)
    assert result.coords["row"].tolist() == pairs
    swapped = pd.Series(SKY, index=index.swaplevel())  # the same pairs, which mean others
    refused(lambda: lw.belief.infer(graph, {"wet": one, "weather": swapped}), "bed, ward")
    flat = pd.Series(SKY, index=list("abcd"))
    refused(lambda: lw.belief.infer(graph, {"wet": one, "weather": flat}), "row")


def test_labels_of_different_things(graph):
    xarray = pytest.importorskip("xarray")
    patients = pd.Series(WET, index=pd.Index([1, 2, 3, 4], name="patient"))
    visits = pd.Series(SKY, index=pd.Index([4, 3, 2, 1], name="visit"))
    refused(lambda: lw.belief.infer(graph, {"wet": patients, "weather": visits}), "visit")
    array = xarray.DataArray(np.array(SKY, object), dims=["visit"])
    refused(lambda: lw.belief.infer(graph, {"wet": patients, "weather": array}), "visit")


def test_likelihoods_are_matched_by_states_in_any_table(graph):
    xarray, polars = pytest.importorskip("xarray"), pytest.importorskip("polars")
    weights = np.array([[0.7, 0.2], [0.5, 0.4]])
    right = lw.belief.infer(graph, {"wet": weights})["weather"]
    turned, states = weights[:, ::-1], ["no", "yes"]
    columns = dict(zip(states, turned.T, strict=True))
    tables = [
        columns,
        pd.DataFrame(columns),
        pd.DataFrame(columns, index=["a", "b"]),
        pd.DataFrame(columns).T,
        polars.DataFrame(columns),
        polars.DataFrame(columns).to_arrow(),
        xarray.DataArray(turned, dims=["row", "state"], coords={"state": states}),
        xarray.DataArray(turned.T, dims=["state", "row"], coords={"state": states}),
    ]
    for table in tables:
        np.testing.assert_array_equal(lw.belief.infer(graph, {"wet": table})["weather"], right)
    singles = [
        dict(zip(states, turned[0], strict=True)),
        pd.Series(turned[0], index=states),
        xarray.DataArray(turned[0], dims=["state"], coords={"state": states}),
    ]
    for single in singles:
        np.testing.assert_array_equal(lw.belief.infer(graph, {"wet": single})["weather"], right[0])
    whole = lw.belief.infer(graph, {"wet": pd.Series({"no": 1, "yes": 3})})["weather"]
    np.testing.assert_array_equal(whole, lw.belief.infer(graph, {"wet": [3.0, 1.0]})["weather"])
    refused(lambda: lw.belief.infer(graph, {"wet": {"no": [0.1], "maybe": [0.2]}}), "maybe")
    refused(lambda: lw.belief.infer(graph, {"wet": {"no": [0.1], "yes": [0.2, 0.3]}}), "lengths")


def test_jeffrey_keeps_rows_and_states(graph):
    labels = list("abcd")
    one = pd.Series(WET, index=labels)
    late = FactorGraph("more", graph.variables, graph.factors)
    late.variable("late", ["x", "y"])
    late.factor(["weather", "late"], [[0.1, 0.9], [0.7, 0.3], [0.4, 0.6]])
    two = pd.Series(["x", "y", None, "x"], index=[labels[n] for n in SHUFFLED])
    goal = pd.Series({"fog": 0.3, "rain": 0.2, "sun": 0.5})
    seen = lw.belief.jeffrey(late, {"weather": goal}, {"wet": one, "late": two})
    result = lw.belief.infer(late, seen)
    np.testing.assert_allclose(result["weather"], [[0.5, 0.2, 0.3]] * 4)
    assert result.coords["row"].tolist() == labels
    plain = {"wet": WET, "late": [["x", "y", None, "x"][SHUFFLED.index(n)] for n in range(4)]}
    seen = lw.belief.jeffrey(late, {"weather": [0.5, 0.2, 0.3]}, plain)
    np.testing.assert_allclose(lw.belief.infer(late, seen)["late"], result["late"])
