"""What goes in is what was meant, and what comes out has its names: evidence, labels, tables."""

import itertools
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from graphs import weather

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.data.evidence import read_table
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.xmlbif import read_xmlbif, write_xmlbif
from lanework.machines.belief.queries.learning import expected_log_likelihood
from lanework.machines.belief.queries.loopy import loopy

PATIENTS = pd.Index(["p3", "p1", "p2"], name="patient")


@pytest.fixture
def graph():
    return weather()


def refused(code, work):
    with pytest.raises(Diagnostic) as caught:
        work()
    assert caught.value.code.ident == code, caught.value
    return caught.value


# Rows ---------------------------------------------------------------------------------------------


def test_labels_of_rows_come_out_again(graph, tmp_path):
    table = pd.DataFrame({"wet": ["yes", None, "no"]}, index=PATIENTS)
    program = lw.belief.compile_graph(graph)
    results = [
        lw.belief.infer(graph, table),
        program.bind()(table),
        loopy(graph, table),
        lw.belief.infer(graph, {"wet": table["wet"]}),
    ]
    for result in results:
        assert list(result.coords["row"]) == list(PATIENTS)
        assert result.columns()["row"].tolist() == [*np.repeat(list(PATIENTS), 5)]
        wide = result.to_pandas(wide=True)
        assert wide.index.tolist() == list(PATIENTS)
        np.testing.assert_array_equal(wide["weather"].to_numpy(), result["weather"])
        assert result.to_xarray()["ln_p_evidence"].sel(row="p1") == result["ln_p_evidence"][1]
    assert [row["row"] for row in results[0].objects()] == list(PATIENTS)
    results[0].save(tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["rows"][2]["row"] == "p2"
    results[0].save(tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["row"].unique().tolist() == list(PATIENTS)
    for query, query_rows in (("mpe", 3), ("kbest:2", 6), ("joint:weather,wet", 18), ("z", 3)):
        assert len(lw.belief.infer(graph, table, query).columns()["row"]) == query_rows
    assert list(expected_log_likelihood(graph, table).coords["row"]) == list(PATIENTS)


def test_labels_of_rows_are_matched(graph):
    wet = pd.Series(["yes", "no", None], index=PATIENTS)
    weather = pd.Series(["sun", "fog", "rain"], index=["p1", "p2", "p3"])
    result = lw.belief.infer(graph, {"wet": wet, "weather": weather})
    right = lw.belief.infer(graph, {"wet": ["yes", "no", None], "weather": ["rain", "sun", "fog"]})
    np.testing.assert_array_equal(result["ln_p_evidence"], right["ln_p_evidence"])
    soft = pd.Series(["sun", "fog", "rain"], index=["p1", "p2", "p9"])
    error = refused("LW5008", lambda: lw.belief.infer(graph, {"wet": wet, "weather": soft}))
    assert "p9" in error.message
    assert "weather" in error.message


def test_labels_of_several_levels_and_of_numbers(graph):
    index = pd.MultiIndex.from_tuples([("north", 1), ("south", 2)], names=["ward", "bed"])
    result = lw.belief.infer(graph, pd.DataFrame({"wet": ["yes", "no"]}, index=index))
    assert result.coords["row"].tolist() == [("north", 1), ("south", 2)]
    assert set(result.columns()["row"]) == {"north, 1", "south, 2"}
    assert result.to_pandas(wide=True).index.tolist() == [("north", 1), ("south", 2)]
    table = pd.DataFrame({"wet": ["yes", "no", "yes"]})
    assert "row" not in lw.belief.infer(graph, table).coords  # which only counts
    some = lw.belief.infer(graph, table[table["wet"] == "yes"])
    assert some.coords["row"].tolist() == [0, 2]


def test_labels_of_rows_in_groups():
    case = next(c for c in map(random_case, range(50)) if len(c.graph.variables) > 3)
    names = list(case.graph.variables)
    rows = {n: [case.graph.variables[n].states[0], None] * 2 for n in names[:2]}
    result = lw.belief.infer(case.graph, pd.DataFrame(rows, index=list("dcba")))
    assert result.to_pandas(wide=True).index.isin(list("abcd")).all()
    assert list(result.coords["row"]) == list("dcba")


# States -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(index=[0, 1]),
        pd.DataFrame({"rain": ["yes"]}, index=["ann"])[[]],
        pd.DataFrame({"rain": ["yes", "no"]}).set_index("rain"),
        pl.DataFrame(),
        pa.table({}),
        np.zeros(3, dtype=[]),
        xr.Dataset(coords={"row": [1, 2]}),
    ],
    ids=lambda table: type(table).__module__.split(".")[0],
)
def test_a_table_without_columns_is_no_row(graph, table):
    for ask in (lw.belief.infer, lw.belief.loopy, lw.belief.expected_counts):
        with pytest.raises(Diagnostic, match="LW5008: the evidence has no columns"):
            ask(graph, table)
    with pytest.raises(Diagnostic, match="has a column named 0"):
        lw.belief.infer(graph, pd.DataFrame([["yes"], ["no"]]))
    with pytest.raises(Diagnostic, match="has a name twice"):
        lw.belief.infer(graph, {0: "yes", "0": "no"})
    model = lw.series.Model("m", periods=1)
    model.input("x", default=1.0)
    model.formula("y", "x + 1")
    with pytest.raises(Diagnostic, match="LW1034: the table of inputs has no columns"):
        model.run(table)
    assert model.run({})["y"] == 2.0


def test_wide_tables_have_states_as_they_are_declared(graph):
    result = lw.belief.infer(graph, {"wet": ["yes", "no"]})
    one = result.to_pandas("weather", wide=True)
    assert one.columns.get_level_values("weather").tolist() == ["sun", "rain", "fog"]
    np.testing.assert_array_equal(one.to_numpy(), result["weather"])
    every = result.to_pandas(wide=True)
    assert every["weather"].columns.tolist() == ["sun", "rain", "fog"]
    columns = result.columns(wide=True)
    assert list(columns)[:4] == ["row", "weather=sun", "weather=rain", "weather=fog"]
    np.testing.assert_array_equal(columns["weather=fog"], result["weather"][:, 2])


@pytest.mark.parametrize("query", ["all", "weather", "joint:weather,wet", "mpe", "kbest:2", "z"])
def test_every_answer_is_an_xarray(graph, query):
    for evidence in ({"wet": ["yes", None]}, {}):
        result = lw.belief.infer(graph, evidence, query)
        dataset = result.to_xarray()
        assert set(dataset.data_vars) == set(result)
        for name in result:
            np.testing.assert_array_equal(dataset[name].to_numpy(), result[name])
    if query == "weather":
        assert dataset["weather"].sel(weather_axis="fog") == result["weather"][2]


def test_likelihoods_are_matched_by_states(graph):
    right = lw.belief.infer(graph, {"wet": np.array([0.7, 0.2])})["weather"]
    series = pd.Series({"no": 0.2, "yes": 0.7})
    np.testing.assert_array_equal(lw.belief.infer(graph, {"wet": series})["weather"], right)
    frame = pd.DataFrame({"no": [0.2, 0.5], "yes": [0.7, 0.5]}, index=["a", "b"])
    result = lw.belief.infer(graph, {"wet": frame})
    np.testing.assert_array_equal(result["weather"][0], right)
    assert list(result.coords["row"]) == ["a", "b"]
    frame.columns = ["no", "maybe"]
    assert "maybe" in refused("LW5008", lambda: lw.belief.infer(graph, {"wet": frame})).message


def test_weights_in_an_array_of_objects_are_weights(graph):
    right = lw.belief.infer(graph, {"wet": np.array([0.7, 0.2])})["weather"]
    given = np.array([0.7, 0.2], object)
    np.testing.assert_array_equal(lw.belief.infer(graph, {"wet": given})["weather"], right)
    right = lw.belief.infer(graph, {"wet": ["yes", None, "no"]})["weather"]
    given = np.array([0.0, None, 1.0], object)
    np.testing.assert_array_equal(lw.belief.infer(graph, {"wet": given})["weather"], right)


@pytest.mark.parametrize("value", [[0.5, 0.2, 0.3], np.array([0.5]), (0.1, 0.2, 0.3, 0.4), [2.5]])
def test_likelihoods_of_the_wrong_length(graph, value):
    error = refused("LW5008", lambda: lw.belief.infer(graph, {"wet": value}))
    assert f"{len(value)} weights" in error.message
    assert "2 states" in error.message
    assert "yes, no" in error.help


@pytest.mark.parametrize(
    "word", ["NA", "NaN", "nan", "null", "None", "N/A", " na ", "#N/A", "#NA", "#NV"]
)
def test_words_for_what_is_missing(graph, word, tmp_path):
    right = lw.belief.infer(graph, {"wet": ["yes", None]})["weather"]
    np.testing.assert_array_equal(lw.belief.infer(graph, {"wet": ["yes", word]})["weather"], right)
    path = tmp_path / "rows.csv"
    path.write_text(f"wet\nyes\n{word}\n")
    np.testing.assert_array_equal(lw.belief.infer(graph, read_table(path))["weather"], right)


@pytest.mark.parametrize("word", ["#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#BEZUG!", "Err:502"])
def test_errors_of_spreadsheets(graph, word, tmp_path):
    pd.DataFrame({"wet": ["yes", word]}).to_excel(tmp_path / "rows.xlsx", index=False)
    (tmp_path / "rows.csv").write_text(f"wet\nyes\n{word}\n")
    for given in (
        {"wet": word},
        read_table(tmp_path / "rows.csv"),
        read_table(tmp_path / "rows.xlsx"),
    ):
        error = refused("LW5005", lambda: lw.belief.infer(graph, given))  # noqa: B023
        assert word in error.message
        assert "spreadsheet" in error.help
    graph.variable("odd", [word, "b"])
    assert lw.belief.infer(graph, {"odd": [word]})["odd"].tolist() == [[1, 0]]


def test_a_state_called_like_what_is_missing():
    graph = FactorGraph()
    graph.variable("pain", ["none", "some"])
    graph.factor(["pain"], [0.5, 0.5])
    assert lw.belief.infer(graph, {"pain": ["none", "NA"]})["pain"].tolist() == [[1, 0], [0.5, 0.5]]
    assert "none" in refused("LW5005", lambda: lw.belief.infer(graph, {"pain": ["None"]})).help


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ln_p_evidence", "row", "joint", "count", "ln_p_best"])
def test_variables_called_like_what_else_is_answered(name):
    graph = FactorGraph()
    graph.variable(name, ["x", "y"])
    graph.variable("b", 2)
    graph.factor([name], [1.0, 3.0])
    graph.factor([name, "b"], [[1.0, 1.0], [0.0, 2.0]])
    for semiring, query, rows in itertools.product(
        ("prob", "counting"), ("all", [name], "mpe"), ({}, {"b": ["1", None]}, {"b": "1"})
    ):
        if semiring == "counting" and query == "mpe":
            continue
        result = lw.belief.infer(graph, rows, query, semiring=semiring)
        total, own = result.total, [n for n in result.names if n.startswith(name)]
        assert len(own) == 1
        assert own[0] == (name if name != total else f"{name} (variable)")
        value, all_of_it = result[own[0]], result[total]
        if semiring == "prob" and query != "mpe":
            share = 6 / 7 if rows == {"b": "1"} else 0.75
            np.testing.assert_allclose(value.reshape(-1, 2)[-1][1], share)
        assert all_of_it.shape == ((2,) if isinstance(rows.get("b"), list) else ())
        assert set(result.to_xarray().data_vars) == set(result)
        assert result.to_pandas() is not None
        assert list(result.objects())
    about = loopy(graph, {"b": ["1"]})
    assert about["ln_p_evidence"].shape == (1,)
    np.testing.assert_allclose(about[about.names[0]], [[1 / 7, 6 / 7]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["decision", "utility", "UTILITY", "Decision"])
def test_nodes_that_are_no_chance(graph, kind):
    for factor in list(graph.factors):
        graph.factors.remove(factor)
    graph.factor(["weather"], [0.2, 0.5, 0.3], child="weather")
    graph.factor(["weather", "wet"], [[0.1, 0.9], [0.7, 0.3], [0.4, 0.6]], child="wet")
    text = write_xmlbif(graph)
    assert read_xmlbif(text.replace('TYPE="nature"', "", 1)).variables.keys() == {"weather", "wet"}
    head, tail = text.rsplit('TYPE="nature"', 1)
    error = refused("LW5003", lambda: read_xmlbif(f'{head}TYPE="{kind}"{tail}'))
    assert "'wet'" in error.message
    assert kind.lower() in error.message
    assert text.splitlines()[error.span.line - 1].strip() == "<NAME>wet</NAME>"
    for attribute in ("type", "Type"):
        other = f"{head}{attribute}='{kind}'{tail}"
        assert "'wet'" in refused("LW5003", lambda: read_xmlbif(other)).message  # noqa: B023


# Weights that are whole ---------------------------------------------------------------------------


def weighted(graph, known):
    """The count of every assignment in Python's integers."""
    total, sizes = 0, [range(v.size) for v in graph.variables.values()]
    number = {name: n for n, name in enumerate(graph.variables)}
    for states in itertools.product(*sizes):
        product = 1
        for factor in graph.factors:
            product *= int(factor.table[tuple(states[number[v]] for v in factor.scope)])
        for name, weights in known.items():
            product *= int(weights[states[number[name]]])
        total += product
    return total


@pytest.mark.parametrize("strategy", ["tree", "modes"])
def test_whole_weights_are_counted_exactly(strategy):
    for seed in range(25):
        rng, case = np.random.default_rng(seed), random_case(seed)
        graph = FactorGraph()
        for variable in case.graph.variables.values():
            graph.variable(variable.name, variable.states)
        for factor in case.graph.factors:
            top = 10 ** int(rng.integers(0, 16))
            table = rng.integers(0, top + 1, factor.table.shape) * (factor.table > 0)
            graph.factor(factor.scope, table)
        known = {}
        if graph.variables:
            name = next(iter(graph.variables))
            known[name] = rng.integers(0, 9, graph.variables[name].size).astype(float)
        program = lw.belief.compile_graph(
            graph, semiring="weighted", strategy=strategy, seconds=0.0
        )
        result = program.bind()(known)
        assert result["count"].item() == weighted(graph, known)
        for name in graph.variables:
            assert sum(result[name].tolist()) == result["count"].item()


def test_weights_that_are_not_whole_are_refused():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [3.0, 4.0])
    assert lw.belief.infer(graph, semiring="counting")["count"] == 2
    assert lw.belief.infer(graph, semiring="weighted")["count"] == 7
    half = {"a": [0.5, 1.0]}
    assert (
        "0.5"
        in refused("LW5002", lambda: lw.belief.infer(graph, half, semiring="weighted")).message
    )
    program = lw.belief.compile_graph(graph)
    assert "compile" in refused("LW2005", lambda: program.bind(semiring="weighted")).help
    graph.factor(["a"], [0.25, 1.0])
    refused("LW5002", lambda: lw.belief.infer(graph, semiring="weighted"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[0.5, 0.5], [0.1]], "rows of different lengths"),
        (np.array([np.nan, 0.5]), "weights of which one is missing"),
        (pd.Series([0.9, 0.1], index=["yes", "dry"]), "weights whose labels are not its states"),
        (np.array([0.5, 0.2, 0.3]), "3 weights, and it has 2 states"),
        (np.array([0.5, 0.2, 0.3], object), "3 weights, and it has 2 states"),
        (np.array([0.5, None], object), "weights of which one is missing"),
        ([0.5, None], "weights of which one is missing"),
        (np.ma.masked_array([0.5, 0.2], [0, 1]), "weights of which one is missing"),
        (pd.Series([0.5, None], dtype="Float64"), "weights of which one is missing"),
        (np.array([3, 1]), "3 is the place of no state"),
        (pd.Series([0, 7]), "7 is the place of no state"),
        (np.array([2, 2], np.uint8), "2 is the place of no state"),
    ],
)
def test_weights_that_are_none_say_why(graph, value, words):
    error = refused("LW5008", lambda: lw.belief.infer(graph, {"wet": value}))
    assert words in error.message
    assert error.help
