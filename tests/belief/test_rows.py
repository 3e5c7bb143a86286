"""Rows of evidence are matched by their labels, whatever says these; results carry them."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from graphs import weather

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.core.result.result import Result
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.queries import streaming

WET, SKY = ["yes", "no", None, "yes"], ["sun", "rain", None, "fog"]
SHUFFLED = [2, 0, 3, 1]


@pytest.fixture(scope="module")
def graph():
    return weather()


@pytest.fixture(scope="module")
def right(graph):
    """The answers in order."""
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


@pytest.mark.parametrize("name", [list, days, lambda rows: [f"p{n}" for n in rows]])
def test_columns_are_matched_by_labels(graph, right, name):
    rows = list(range(len(WET)))
    plain = name(rows)
    others = [SKY[n] for n in SHUFFLED]
    for one, two in itertools.product(ways(WET, plain), ways(others, name(SHUFFLED))):
        for evidence in ({"wet": one, "weather": two}, {"weather": two, "wet": one}):
            result = lw.belief.infer(graph, evidence)
            order = rows if next(iter(evidence)) == "wet" else SHUFFLED
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
    integers = lw.belief.infer(graph, {"wet": pd.Series({"no": 1, "yes": 3})})["weather"]
    np.testing.assert_array_equal(integers, lw.belief.infer(graph, {"wet": [3.0, 1.0]})["weather"])
    refused(lambda: lw.belief.infer(graph, {"wet": {"no": [0.1], "maybe": [0.2]}}), "maybe")
    refused(lambda: lw.belief.infer(graph, {"wet": {"no": [0.1], "yes": [0.2, 0.3]}}), "lengths")


@pytest.mark.parametrize("bad", [float("nan"), -1.0, float("inf"), "0.5", None])
def test_weights_that_are_none_are_no_rows(graph, bad):
    """Also where the others look like places of states."""
    ways = [{"no": bad, "yes": 1.0}, pd.DataFrame({"no": [bad, 1.0], "yes": [1.0, 0.0]})]
    if isinstance(bad, float):
        ways += [pd.Series({"no": bad, "yes": 1.0}), np.array([[bad, 1.0]])]
    for way in ways:
        error = refused(lambda: lw.belief.infer(graph, {"wet": way}), "'wet'")  # noqa: B023
        assert "shape" not in error.message


def test_weights_may_be_integers_or_nullable(graph):
    right = lw.belief.infer(graph, {"wet": np.array([[1.0, 0.0], [0.0, 1.0]])})["weather"]
    frame = pd.DataFrame({"no": [0, 1], "yes": [1, 0]})
    for way in (frame, frame.convert_dtypes(), frame.astype(bool), np.array([[1, 0], [0, 1]])):
        np.testing.assert_array_equal(lw.belief.infer(graph, {"wet": way})["weather"], right)


def test_labels_that_are_missing(graph, right):
    labels = ["a", np.nan, "c", "d"]
    one, two = pd.Series(WET, index=labels), pd.Series(SKY, index=labels)
    result = lw.belief.infer(graph, {"wet": one, "weather": two})
    np.testing.assert_array_equal(result["ln_p_evidence"], right)
    result = lw.belief.infer(graph, {"wet": one, "weather": two.iloc[SHUFFLED]})
    np.testing.assert_array_equal(result["ln_p_evidence"], right)


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


# Labels in a column of their own -----------------------------------------------------------------

LABELS = ["p3", "p1", "p1", "-x"]


def test_a_column_row_has_labels_in_any_table(graph, right):
    polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    columns = {"row": LABELS, "wet": WET, "weather": SKY}
    runner = lw.belief.compile_graph(graph).bind()
    for table in (columns, pd.DataFrame(columns), polars.DataFrame(columns), arrow.table(columns)):
        for result in (lw.belief.infer(graph, table), runner(table), lw.belief.loopy(graph, table)):
            np.testing.assert_allclose(result["ln_p_evidence"], right, atol=1e-12)
            assert result.coords["row"].tolist() == LABELS
    mixed = {"row": ["b", "a"], "wet": pd.Series(["yes", "no"], index=["a", "b"])}
    result = lw.belief.infer(graph, mixed)
    assert result.coords["row"].tolist() == ["b", "a"]
    assert result["wet"].tolist() == [[0, 1], [1, 0]]
    mixed["wet"] = pd.Series(["yes", "no"], index=[1, 0])
    refused(lambda: lw.belief.infer(graph, mixed), "'wet'")
    apart = {"row": pd.Series(["b", "a"], index=[0, 1]), "wet": pd.Series(["yes", "no"], [1, 0])}
    result = lw.belief.infer(graph, apart)
    assert result.coords["row"].tolist() == ["b", "a"]
    assert result["wet"].tolist() == [[0, 1], [1, 0]]
    for bad in (["a", None], ["", "b"], [["a", "b"]], "a", ["a"]):
        refused(lambda: lw.belief.infer(graph, {"row": bad, "wet": ["yes", "no"]}), "'row'")  # noqa: B023


def test_columns_are_no_likelihoods(graph, tmp_path):
    """As many numbers as there are states are one state a row in a table, and beside labels."""
    polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    graph = FactorGraph()
    graph.variable("a", ["0", "1"])
    graph.variable("b", ["0", "1"])
    graph.factor(["a", "b"], [[0.1, 0.2], [0.3, 0.4]])
    right = lw.belief.infer(graph, {"b": ["0", "1"]})["a"]
    frame = pd.DataFrame({"b": [0, 1, None]}).head(2)
    records = np.array([(0.0,), (1.0,)], [("b", "f8")])
    labels = {"row": ["p1", "p2"]}
    polar = polars.DataFrame({"b": [0.0, 1.0]})
    tables = [frame, polar, polar.lazy(), arrow.table({"b": [0.0, 1.0]}), records]
    tables += [frame.set_index(pd.Index([0, 1], name="id")), {**labels, "b": [0.0, 1.0]}]
    tables += [xr.Dataset({"b": ("row", [0.0, 1.0])})]
    tables += [{**labels, "b": np.array([0.0, 1.0])}, {**labels, "b": pd.Series([0.0, 1.0])}]
    runner = lw.belief.compile_graph(graph, evidence=["b"]).bind()
    for table in tables:
        np.testing.assert_allclose(lw.belief.infer(graph, table, "a")["a"], right)
        np.testing.assert_allclose(runner(table)["a"], right)
        np.testing.assert_allclose(lw.belief.loopy(graph, table, "a")["a"], right)
    soft = lw.belief.infer(graph, {"b": [0.3, 0.7]}, "a")["a"]
    for way in ({"0": 0.3, "1": 0.7}, pd.Series({"0": 0.3, "1": 0.7})):
        both = lw.belief.infer(graph, {"b": way, "a": [None, None]}, "a")["a"]
        np.testing.assert_allclose(both, [soft, soft])
    both = lw.belief.infer(graph, {**labels, "b": {"0": 0.3, "1": 0.7}, "a": [None, None]}, "a")
    np.testing.assert_allclose(both["a"], [soft, soft])
    refused(lambda: lw.belief.infer(graph, {"b": [0.0, 1.0], "a": [None, None]}), "or for 2")
    with pytest.raises(Diagnostic, match=r"no state 0\.3"):
        lw.belief.infer(graph, {"b": [0.3, 0.7], **labels})
    polar.write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "g.json").write_text(lw.belief.write_json(graph))
    out = tmp_path / "out.csv"
    done = run(tmp_path / "g.json", "--evidence", tmp_path / "rows.parquet", "--query", "a",
               "--wide", "--out", out)  # fmt: skip
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(pd.read_csv(out)[["a=0", "a=1"]], right)


def test_no_rows_have_no_assignments(graph):
    for query in ("kbest:3", "mpe", "sample:2", "all"):
        assert len(lw.belief.infer(graph, {"wet": []}, query).columns()["row"]) == 0


def test_a_variable_may_be_called_row():
    graph = FactorGraph()
    graph.variable("row", ["x", "y"])
    graph.factor(["row"], [0.25, 0.75])
    result = lw.belief.infer(graph, {"row": ["x", None]})
    assert result["row"].tolist() == [[1, 0], [0.25, 0.75]]
    assert "row" not in result.coords


# On the command line -----------------------------------------------------------------------------


def run(*args):
    return CliRunner().invoke(cli, ["run", *map(str, args)])


@pytest.fixture(scope="module")
def model(graph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "net.json").write_text(lw.belief.write_json(graph))
    lw.belief.compile_graph(graph).save(folder / "net.lwp")
    return folder


def table(path, name="id"):
    frame = pd.DataFrame({name: LABELS, "wet": WET, "weather": SKY})
    ending = path.suffix
    if ending == ".parquet":
        frame.to_parquet(path)
    elif ending == ".xlsx":
        frame.to_excel(path, index=False)
    elif ending == ".json":
        path.write_text(frame.to_json(orient="records"))
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".xlsx", ".json"])
@pytest.mark.parametrize("file", ["net.json", "net.lwp"])
def test_labels_on_the_command_line(model, tmp_path, ending, file, right):
    for name, option in (
        ("id", ["--row-labels", "id"]),
        ("row", []),
        ("row", ["--row-labels", "row"]),
    ):
        evidence, out = table(tmp_path / f"rows{ending}", name), tmp_path / "out.json"
        done = run(model / file, "--evidence", evidence, *option, "--out", out)
        assert done.exit_code == 0, done.output
        rows = json.loads(out.read_text())["rows"]
        assert [row["row"] for row in rows] == LABELS
        np.testing.assert_allclose([row["ln_p_evidence"] for row in rows], right, atol=1e-12)


@pytest.mark.parametrize("out", [".csv", ".parquet", ".xlsx", ".feather"])
@pytest.mark.parametrize("query", ["all", "z", "mpe", "kbest:2"])
def test_labels_in_blocks(model, tmp_path, monkeypatch, out, query):
    evidence, tables = table(tmp_path / "rows.csv"), []
    for most in (100, 1, 3):
        monkeypatch.setattr(streaming, "MOST_ROWS", most)
        target = tmp_path / f"out{most}{out}"
        done = run(model / "net.json", "--evidence", evidence, "--row-labels", "id", "--query",
                   query, "--out", target)  # fmt: skip
        assert done.exit_code == 0, done.output
        read = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".xlsx": pd.read_excel}
        tables.append(read.get(out, pd.read_feather)(target))
    assert list(dict.fromkeys(tables[0]["row"])) == list(dict.fromkeys(LABELS))
    for other in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], other)


def test_labels_that_are_numbers(model, tmp_path):
    frame = pd.DataFrame({"id": [7, 5], "wet": ["yes", "no"]})
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    for ending, labels in ((".parquet", [7, 5]), (".csv", ["7", "5"])):
        done = run(model / "net.json", "--evidence", tmp_path / f"rows{ending}", "--row-labels",
                   "id", "--json")  # fmt: skip
        assert [row["row"] for row in json.loads(done.stdout)["rows"]] == labels


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--evidence", "rows.csv", "--row-labels", "idd"], ["LW3055", "idd", "id"]),
        (["--evidence", "rows.csv"], ["LW5005", "id", "--row-labels", "index"]),
        (["row=rows.csv"], ["LW8001", "--evidence rows.csv"]),
        (["row=3"], ["LW8001", "--evidence FILE"]),
        (["--given", "row=zzz"], ["LW8001", "no variable 'row'"]),
        (["--given", "wet=yes", "--row-labels", "id"], ["LW8001", "no table"]),
        (["--evidence", "both.csv", "--row-labels", "id"], ["LW8001", "row"]),
        (["--evidence", "empty.csv", "--row-labels", "id"], ["LW5008", "nothing"]),
    ],
)
def test_labels_that_are_none(model, tmp_path, monkeypatch, args, words):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "rows.csv")
    (tmp_path / "both.csv").write_text("id,row,wet\n1,2,yes\n")
    (tmp_path / "empty.csv").write_text("id,wet\n1,yes\n,no\n")
    done = run(model / "net.json", *args)
    assert done.exit_code != 0
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("file", ["net.json", "net.lwp"])
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx", ".json"])
@pytest.mark.parametrize("out", [".csv", ".npz"])
def test_columns_that_are_ignored(model, tmp_path, file, ending, out):
    frame = pd.DataFrame({"id": LABELS, "wet": WET, "weather": SKY})
    name = tmp_path / f"rows{ending}"
    table(name)
    answers = []
    for evidence, more in ((name, ["--ignore", "id"]), (tmp_path / "plain.csv", [])):
        frame[["wet", "weather"]].to_csv(tmp_path / "plain.csv", index=False)
        target = tmp_path / f"out{len(answers)}{out}"
        done = run(model / file, "--evidence", evidence, *more, "--out", target)
        assert done.exit_code == 0, done.output
        answers.append(
            target.read_text() if out == ".csv" else np.load(target)["ln_p_evidence"].tolist()
        )
    assert answers[0] == answers[1]
    for words in (["--ignore", "idd"], ["--ignore", "id,wett"]):
        done = run(model / file, "--evidence", name, *words)
        assert "LW8001" in done.stderr
        assert "did you mean" in done.stderr
    done = run(model / file, "--given", "wet=yes", "--ignore", "id")
    assert "leave --ignore out" in done.stderr


def test_words_of_evidence_may_be_a_list(model, tmp_path):
    outs = []
    for words in (["--given", "wet=yes,weather=sun"], ["wet=yes, weather=sun"],
                  ["--given", "wet=yes", "weather=sun"]):  # fmt: skip
        outs.append(run(model / "net.json", *words).stdout)
    assert outs[0] == outs[1] == outs[2] != ""
    assert "did you mean 'weather'?" in run(model / "net.json", "wet=yes,wether=sun").stderr
    graph = lw.belief.FactorGraph("commas")
    graph.variable("a", ["x,b=y", "z"])
    graph.variable("b", ["y", "n"])
    graph.factor(["a"], [0.25, 0.75])
    graph.factor(["a", "b"], [[0.5, 0.5], [0.5, 0.5]])
    (tmp_path / "g.json").write_text(lw.belief.write_json(graph))
    assert "x,b=y 1" in run(tmp_path / "g.json", "a=x,b=y").stdout


def test_rows_are_printed_with_the_names_of_states(model, tmp_path):
    table(tmp_path / "rows.csv")
    done = run(model / "net.json", "--evidence", tmp_path / "rows.csv", "--row-labels", "id",
               "--query", "weather")  # fmt: skip
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["row", "variable", "posterior"]
    assert [line[0] for line in lines[1::2]] == LABELS
    assert lines[1][1:4] == ["weather", "sun", "1"]
    assert [line[1] for line in lines[2::2]] == ["ln_p_evidence"] * 4
    frame = pd.DataFrame({"wet": ["yes", "no"] * 50})
    frame.to_csv(tmp_path / "long.csv", index=False)
    done = run(model / "net.json", "--evidence", tmp_path / "long.csv", "--query", "weather")
    assert "80 more rows; --out writes all of them" in done.stderr


def test_states_in_files_of_arrays(graph, tmp_path):
    """Which are read without running what is in them."""
    for query in ("mpe", "kbest:7"):
        result = lw.belief.infer(graph, {"wet": WET}, query)
        result.save(tmp_path / "out.npz")
        with np.load(tmp_path / "out.npz") as read:
            states = result["weather"]
            assert read["weather"].tolist() == np.where(states == None, "", states).tolist()  # noqa: E711
            np.testing.assert_array_equal(read["ln_p_best"], result["ln_p_best"])
    for number in (2**62, 2**70):
        count = Result({"n": np.array([1, number], object)}, axes={"n": ("row",)})
        count.save(tmp_path / "out.npz")
        with np.load(tmp_path / "out.npz") as read:
            assert [int(n) for n in read["n"]] == [1, number]


def test_labels_in_files_of_arrays(graph, tmp_path):
    result = lw.belief.infer(graph, {"row": LABELS, "wet": WET})
    result.save(tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as read:
        assert read["row"].tolist() == LABELS
        np.testing.assert_array_equal(read["weather"], result["weather"])


@pytest.mark.parametrize("make", [list, tuple, np.array, pd.Series])
@pytest.mark.parametrize(
    ("states", "floats"),
    [
        (["no", "yes"], [1.0, 0.0]),
        (["no", "yes"], [0.0, 0.0]),
        (["no", "yes"], [1.0, 1.0]),
        (["0", "1"], [0.0, 1.0]),
        (["2", "4", "8"], [8.0, 2.0, 4.0]),
        (["a", "b", "c"], [0.0, 2.0, 1.0]),
    ],
)
def test_floats_that_are_states_too_are_no_weights(states, floats, make):
    """Their meaning would hang on how many rows there are."""
    graph = FactorGraph("g")
    graph.variable("flag", states)
    graph.variable("x", ["u", "v"])
    graph.factor(["flag"], np.arange(1.0, len(states) + 1))
    graph.factor(["flag", "x"], np.arange(1.0, 2 * len(states) + 1).reshape(-1, 2))
    refused(lambda: lw.belief.infer(graph, {"flag": make(floats)}), "or a state for each of")
    rows = lw.belief.infer(graph, {"flag": make([*floats, floats[0]])})["x"]
    assert rows.shape == (len(states) + 1, 2)
    table = lw.belief.infer(graph, pd.DataFrame({"flag": floats}))["x"]
    np.testing.assert_array_equal(table, rows[:-1])
    soft = lw.belief.infer(graph, {"flag": [floats]})["x"]
    named = lw.belief.infer(graph, {"flag": dict(zip(states, floats, strict=True))})["x"]
    np.testing.assert_array_equal(soft[0], named)
    if any(floats):
        half = lw.belief.infer(graph, {"flag": make([x / 16 for x in floats])})["x"]
        np.testing.assert_allclose(half, named)


def test_evidence_of_jeffrey_is_taken_for_weights(graph):
    for goal in ([1.0, 0.0], [0.0, 1.0], lw.belief.infer(graph)["wet"]):
        seen = lw.belief.jeffrey(graph, {"wet": goal})
        np.testing.assert_allclose(lw.belief.infer(graph, seen)["wet"], goal)
