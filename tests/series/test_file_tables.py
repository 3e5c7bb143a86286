"""Tables on the command line: labels in every block, no column unread, several axes at once."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic

pytestmark = pytest.mark.slow

MODEL = """model("m", periods=3, start="2025-01-01", freq="month")
price = input(axes=("scenario", "time"))
volume = input(axes="point")
fee = input(default=1.0)
cash = price * volume - fee
output(cash)
output(by_point=volume * 2)
"""
FLAT = """model("m", periods=2)
x = input(axes="point")
c = input(default=0.0)
y = x * 2 + c
z = x + t
output(y, z)
output(level=c + 1)
"""
ROWS = 300


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("m.series").write_text(MODEL)
    Path("flat.series").write_text(FLAT)
    return tmp_path


def call(*words, code=0, **settings):
    done = CliRunner().invoke(cli, ["run", *map(str, words)], **settings)
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize("time", [False, True])
@pytest.mark.parametrize("other", ["used", "spare"])
def test_a_column_of_another_input_fills_none(tmp_path, monkeypatch, time, other):
    monkeypatch.chdir(tmp_path)
    text = 'model("m", periods=3)\nx = input(axes="time")\nused = input(default=1)\n'
    text += 'spare = input(axes="time")\ny = x + used\nz = spare + 1\noutput(y)\n'
    Path("m.series").write_text(text)
    columns = {"time": [0, 1, 2]} if time else {}
    frame = pd.DataFrame({**columns, other: [5.0, 6.0, 7.0]})
    tables = [frame, pl.from_pandas(frame), pa.Table.from_pandas(frame, preserve_index=False)]
    program = lw.compile(Path("m.series"))
    for table in [*tables, frame.set_index("time").to_xarray() if time else frame]:
        with pytest.raises(Diagnostic, match=f"the column '{other}', which is another input"):
            program.run(x=table)
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    for file in ("t.csv", "t.parquet"):
        assert f"x={file}:{other}" in call("m.series", f"x={file}", code=1).output
        call("m.series", f"x={file}:{other}")


@pytest.mark.parametrize("title", ["", "Unnamed: 0", "__index_level_0__"])
def test_an_index_without_a_name_says_what_to_do(folder, title):
    Path("t.csv").write_text(f"{title},x\n0,1\n1,2\n")
    done = call("flat.series", "point=t.csv", code=1)
    assert "LW3040" in done.output
    assert "to_csv(index=False)" in done.output


LABELS = {
    "names": [f"P-{n:04}" for n in range(ROWS)],
    "numbers": list(range(5000, 5000 + ROWS)),
    "numbers, then names": [*range(ROWS - 1), "last"],
    "leading zeros and a name": [*(f"{n:05}" for n in range(ROWS - 1)), "x"],
    "fractions": [n + 0.5 for n in range(ROWS)],
    "whole and a fraction": [*(float(n) for n in range(ROWS - 1)), 0.5],
    "large": [2**53 + 1 + 2 * n for n in range(ROWS)],
    "days": [f"{day:%Y-%m-%d}" for day in pd.date_range("2020-01-30", periods=ROWS)],
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_labels_are_in_every_block(folder, kind, ending):
    labels = LABELS[kind]
    if ending == ".parquet" and len({type(label) for label in labels}) > 1:
        labels = [str(label) for label in labels]
    frame = pd.DataFrame({"x": np.arange(float(ROWS)), "point": labels})
    if ending == ".csv":
        frame.to_csv("t.csv", index=False)
    else:
        frame.to_parquet("t.parquet")
    outs = []
    for block in (ROWS, 64, 7):
        call("flat.series", f"point=t{ending}", "--block", block, "--out", f"o{block}.csv")
        outs.append(pd.read_csv(f"o{block}.csv", dtype=str))
    once, *others = outs
    assert list(dict.fromkeys(once["point"])) == [str(label) for label in labels]
    assert [float(x) for x in once["z"][::2]] == np.arange(ROWS).tolist()
    for other in others:
        pd.testing.assert_frame_equal(once, other)
    call("flat.series", f"point=t{ending}", "--block", 64, "--out", "o.parquet")
    got = pd.read_parquet("o.parquet")
    assert list(dict.fromkeys(got["point"].map(str))) == [str(label) for label in labels]
    few = call("flat.series", f"point=t{ending}", "--block", 64, "--lanes", 100, "--out", "f.csv")
    assert "200 rows" in few.stderr
    assert pd.read_csv("f.csv", dtype=str)["point"].iloc[-1].removesuffix(".0") == (
        str(labels[99]).removesuffix(".0")
    )


@pytest.mark.parametrize(
    ("cells", "printed"),
    [
        (["007", "07", "7"], None),
        (["1e300", "2"], None),
        (["1.50", "1.5"], None),
        (["2.0", "2"], None),
        (["+1", "1"], None),
        (["1_0", "10"], None),
        (["1.0", "2.0"], ["1.0", "2.0"]),
        (["3", "2.5"], ["3.0", "2.5"]),
    ],
)
def test_labels_that_differ_stay_apart(folder, cells, printed):
    Path("t.csv").write_text("x,point\n" + "".join(f"1,{cell}\n" for cell in cells))
    for block in (9, 1):
        call("flat.series", "point=t.csv", "--block", block, "--out", "o.csv")
        seen = pd.read_csv("o.csv", dtype=str)["point"]
        assert list(dict.fromkeys(seen)) == (printed or cells)
    pd.DataFrame({"x": [1.0, 2.0], "point": [1e300, 2.0]}).to_parquet("t.parquet")
    call("flat.series", "point=t.parquet", "--out", "o.parquet")
    assert sorted(set(pd.read_parquet("o.parquet")["point"])) == [2.0, 1e300]


def test_labels_of_blocks_in_python():
    program = lw.series.read_model(FLAT).compile()
    frame = pd.DataFrame({"x": np.arange(4.0), "point": list("abcd")})
    blocks = [
        frame[:2].to_dict("series"),
        {"x": pd.Series([2.0, 3.0], index=["c", "d"])},
        {"x": np.array([4.0]), "point_id": np.array(["e"])},
    ]
    seen = []
    program.bind().stream(blocks, sink=lambda r: seen.extend(r.labels("point", len(r["y"]))))
    assert seen == list("abcde")


@pytest.mark.parametrize("block", [2, 10])
def test_outputs_without_lanes_are_kept(folder, block):
    """Also where lanes come in blocks."""
    pd.DataFrame({"x": [1.0, 2.0, 3.0]}).to_csv("t.csv", index=False)
    call("flat.series", "point=t.csv", "c=4", "--block", block, "--out", "o.csv")
    assert pd.read_csv("o.scalar.csv")["level"].tolist() == [5.0]
    said = json.loads(call("flat.series", "point=t.csv", "c=4", "--block", block, "--json").stdout)
    assert said["outputs"]["level"]["values"] == 5.0
    assert said["not_kept"] == (["y", "z"] if block == 2 else [])
    assert ("y" in said["outputs"]) == (block == 10)


UNREAD = [
    ("point,x,sex\na,1,F\n", "has the column 'sex'", "--ignore sex"),
    ("point,x,vol,sex\na,1,2,F\n", "has the columns 'vol', 'sex'", "--ignore vol,sex"),
    ("x,X\n1,2\n", "has the column 'X'", "did you mean 'x'? Otherwise leave X"),
    ("x,point_id,id\n1,2,3\n", "has the column 'id'", "--ignore id"),
    ("x,y\n1,2\n", "has the column 'y'", "--ignore y"),
]


@pytest.mark.parametrize(("text", "said", "advice"), UNREAD)
def test_columns_that_are_no_inputs_are_refused(folder, text, said, advice):
    Path("t.csv").write_text(text)
    done = call("flat.series", "point=t.csv", code=1)
    assert "LW3040" in done.stderr
    assert said in done.stderr
    assert advice in done.stderr
    with pytest.raises(Diagnostic, match=said.replace("the columns", "the columns?")) as caught:
        lw.series.read_model(FLAT).compile().run(pd.read_csv("t.csv"))
    assert caught.value.code.ident == "LW3040"
    names = advice.split()[-1] if "ignore" in advice else "X"
    call("flat.series", "point=t.csv", "--ignore", names)


def test_columns_that_are_given_otherwise_are_refused(folder):
    Path("t.csv").write_text("x,c\n1,2\n")
    Path("u.csv").write_text("c\n3\n")
    assert "LW1026" in call("flat.series", "point=t.csv", "c=3", code=1).stderr
    assert "LW1026" in call("flat.series", "point=t.csv", "scenario=u.csv", code=1).stderr
    call("flat.series", "point=t.csv", "c=3", "--ignore", "c")
    done = call("flat.series", "point=t.csv", "--ignore", "x", code=1)
    assert "LW3055" in done.stderr
    assert "'x' is not given: --ignore leaves out its column" in done.stderr
    done = call("flat.series", "point=t.csv", "--ignore", "d", code=1)
    assert "no table has a column 'd' to ignore" in done.stderr


def test_inputs_that_outputs_do_not_need_may_be_columns(folder):
    call_compile = CliRunner().invoke(cli, ["compile", "flat.series", "--out", "flat.lwp"])
    assert call_compile.exit_code == 0
    model = lw.series.read_model(FLAT)
    model.input("unused", axes="point")
    model.compile(outputs=["y"]).save("part.lwp")
    Path("t.csv").write_text("x,unused\n1,2\n")
    call("part.lwp", "point=t.csv")


def test_columns_of_inputs_along_other_axes_are_refused(folder):
    Path("v.csv").write_text("volume,price\n1,2\n2,3\n")
    done = call("m.series", "point=v.csv", "price=1", code=1)
    assert "LW1026" in done.stderr
    done = call("m.series", "point=v.csv", code=1)
    assert "LW3050" in done.stderr
    assert "'price' is along scenario and time" in done.stderr


# Inputs over scenarios and time -------------------------------------------------------------------

DAYS = ["2025-01-01", "2025-02-01", "2025-03-01"]
GRID = np.array([[10.0, 11.0, 12.0], [20.0, 21.0, 22.0]])
LONG = pd.DataFrame(
    [
        {"scenario": name, "time": day, "price": GRID[n, k]}
        for (n, name), (k, day) in itertools.product(enumerate(["up", "down"]), enumerate(DAYS))
    ]
)
SHUFFLED = LONG.sample(frac=1.0, random_state=3)
WIDE = {
    "by time": LONG.pivot(index="time", columns="scenario", values="price")[["up", "down"]],
    "by scenario": LONG.pivot(index="scenario", columns="time", values="price"),
}


def checked(done, order=("up", "down")):
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    cash = said["outputs"]["cash"]
    assert cash["axes"] == ["time", "scenario"]
    labels = said["coords"]["scenario"]
    assert sorted(labels) == sorted(order)
    wanted = np.stack([GRID[["up", "down"].index(label)] for label in labels])
    assert np.array_equal(np.array(cash["values"]), wanted.T * 2 - 1)
    assert said["coords"]["time"] == DAYS


@pytest.mark.parametrize("table", [LONG, SHUFFLED, LONG[["price", "time", "scenario"]]])
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("way", ["price={}", "price={}:price", "scenario={}", "time={}"])
def test_long_tables(folder, table, ending, way):
    name = f"long{ending}"
    write = {".csv": "to_csv", ".parquet": "to_parquet", ".xlsx": "to_excel"}[ending]
    getattr(table, write)(name, index=False)
    checked(call("m.series", way.format(name), "volume=2", "--json"))


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("shuffled", [False, True])
def test_wide_tables(folder, kind, shuffled):
    table = WIDE[kind].reset_index()
    if shuffled:
        table = table[::-1][[table.columns[0], *table.columns[:0:-1]]]
    table.to_csv("wide.csv", index=False)
    checked(call("m.series", "price=wide.csv", "volume=2", "--json"))


@pytest.mark.parametrize(
    "given",
    [
        LONG,
        SHUFFLED,
        LONG.set_index("time"),
        LONG.set_index(["scenario", "time"]),
        LONG.set_index(["scenario", "time"])["price"],
        WIDE["by time"],
        WIDE["by scenario"],
        WIDE["by time"].reset_index(),
        WIDE["by scenario"].reset_index().rename_axis(columns=None),
        pytest.importorskip("polars").from_pandas(SHUFFLED),
        pytest.importorskip("pyarrow").Table.from_pandas(SHUFFLED, preserve_index=False),
    ],
)
def test_the_same_tables_in_python(given):
    program = lw.series.read_model(MODEL).compile()
    result = program.run(price=given, volume=2.0)
    order = [["up", "down"].index(label) for label in result.labels("scenario", 2)]
    assert np.array_equal(result["cash"], GRID[order].T * 2 - 1)


@pytest.mark.parametrize("make", [lambda t: t, lambda t: t.to_dict("list"), "polars"])
def test_a_long_table_as_the_table_of_a_run(make):
    program = lw.series.read_model(MODEL).compile()
    table = pytest.importorskip("polars").from_pandas(SHUFFLED) if make == "polars" else (
        make(SHUFFLED))  # fmt: skip
    result = program.run(table, volume=2.0)
    order = [["up", "down"].index(label) for label in result.labels("scenario", 2)]
    assert np.array_equal(result["cash"], GRID[order].T * 2 - 1)


BAD = [
    ("price=t.csv", LONG.drop(2), "LW3043", "'up', time '2025-03-01'"),
    ("price=t.csv", pd.concat([LONG, LONG[:1]]), "LW3050", "more than once, in rows 1 and 7"),
    ("scenario=t.csv", pd.concat([LONG, LONG[:1]]), "LW3050", "more than once"),
    ("price=t.csv", LONG.assign(other=1.0), "LW3055", "4 columns, and none is named"),
    ("scenario=t.csv", LONG.assign(other=1.0), "LW3040", "the column 'other'"),
    ("scenario=t.csv", LONG.assign(volume=1.0), "LW3050", "'volume' is along 'point'"),
    ("price=t.csv", LONG.replace(DAYS[0], "2024-01-01"), "LW3046", "has no '2025-01-01'"),
    ("scenario=t.csv", LONG.drop(columns="scenario"), "LW3050", "write time=t.csv"),
    ("price=t.csv", LONG[["price"]], "LW3050", "6 values"),
]


@pytest.mark.parametrize(("word", "table", "ident", "said"), BAD)
def test_tables_that_do_not_fit_are_refused(folder, word, table, ident, said):
    table.to_csv("t.csv", index=False)
    words = [word] if "volume" in table else [word, "volume=2"]
    done = call("m.series", *words, code=1)
    assert ident in done.stderr
    assert said in done.stderr


def test_labels_beside_a_named_column_count_too(folder):
    Path("c.csv").write_text("time,rate\n2025-03-01,3\n2025-01-01,1\n2025-02-01,2\n")
    Path("r.series").write_text(
        'model("r", periods=3, start="2025-01-01", freq="month")\n'
        'rate = input(axes="time")\ny = rate * 10 + 0 * t\n'
    )
    for word in ("rate=c.csv:rate", "rate=c.csv", "time=c.csv"):
        said = json.loads(call("r.series", word, "--json").stdout)
        assert said["outputs"]["y"]["values"] == [10.0, 20.0, 30.0]
    Path("c.csv").write_text("time,rate\n2024-03-01,3\n2024-01-01,1\n2024-02-01,2\n")
    assert "LW3046" in call("r.series", "rate=c.csv:rate", code=1).stderr


def refused(code, *words):
    done = CliRunner().invoke(cli, ["run", *words])
    assert done.exit_code != 0
    assert code in done.stderr
    return " ".join(done.stderr.split())


PARK = """model("park", periods=4, start="2026-01-01", freq="year")
price = input(axes="time", default=2)
rate = input(default=0.1)
cost = 1 + 0 * price
fee = rate * cost
gain = price - cost - fee
"""


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "xlsx", "semicolons"])
@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_what_is_missing_in_a_file_that_overrides_is_computed(folder, ending, labels, alone):
    values = [None, 5.0, None, 3.0]
    frame = pd.DataFrame({"time": [2026, 2027, 2028, 2029], "cost": values})
    frame["more"] = 1.0
    frame = frame[["time"] * labels + ["cost"] + ["more"] * (not alone)]
    Path("park.series").write_text(PARK)
    name = "o.csv" if ending == "semicolons" else f"o.{ending}"
    if ending == "parquet":
        frame.to_parquet(name)
    elif ending == "xlsx":
        frame.to_excel(name, index=False)
    else:
        sign = {"csv": ",", "tsv": "\t", "semicolons": ";"}[ending]
        frame.to_csv(name, sep=sign, index=False, na_rep="NA")
    where = name if alone or not labels else f"{name}:cost"
    call("park.series", "--override", f"cost={where}", "--outputs", "cost,gain", "--out", "got.csv")
    model = lw.series.read_model(PARK)
    wanted = model.run(override={"cost": values})
    got = pd.read_csv("got.csv")
    assert got["cost"].tolist() == [1.0, 5.0, 1.0, 3.0] == wanted["cost"].tolist()
    assert got["gain"].tolist() == wanted["gain"].tolist()


def test_names_alone_that_override_may_be_a_list(folder):
    Path("park.series").write_text(PARK)
    Path("s.csv").write_text("scenario,rate,cost,fee\nbase,1,,\nup,1,2,\ndown,1,,1\n")
    outs = []
    for words in (["cost,fee"], ["cost, fee"], ["cost", "--override", "fee"]):
        call("park.series", "scenario=s.csv", "--override", *words, "--out", "o.csv")
        outs.append(Path("o.csv").read_text())
    assert outs[0] == outs[1] == outs[2]
    plain = refused("LW3040", "park.series", "scenario=s.csv")
    assert "say so: --override cost,fee. Otherwise leave cost,fee out" in plain
    assert "did you mean 'fee'?" in refused("LW3070", "park.series", "--override", "cost,fe")


@pytest.mark.parametrize("header", ["scenario,Rate", "scenario,RATE", "scenario,rates", "Prise"])
def test_columns_that_are_nearly_called_like_an_input_say_which(folder, header):
    Path("park.series").write_text(PARK)
    Path("s.csv").write_text(f"{header}\n" + ",".join("1" * len(header.split(","))) + "\n")
    near = "price" if "Prise" in header else "rate"
    text = refused("LW8005", "park.series", "scenario=s.csv")
    assert f"did you mean '{near}'? Its columns are" in text


def test_an_input_that_no_output_needs_is_named_as_such(folder):
    text = 'model("m", periods=2)\ndebt = input()\ncash = input()\n'
    Path("m.series").write_text(text + "left = debt * 2\nspare = cash\noutput(left)\n")
    said = refused("LW8002", "m.series", "debt=1", "cash=3")
    assert "'cash' is an input of the model, but no output needs it" in said


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("override", [False, True])
def test_a_file_with_a_column_a_lane_is_taken_as_the_same_table_in_memory_is(
    folder, ending, override
):
    text = (
        'model("m", periods=2)\nx = input(axes="time", default=1.0)\ncash = x * 2\ny = cash + 1\n'
    )
    Path("m.series").write_text(text + "output(y)\n")
    table = pd.DataFrame({"time": [0, 1], "a": [1.0, 2.0], "b": [3.0, 4.0]})
    if ending == "csv":
        table.to_csv("w.csv", index=False)
    else:
        table.to_excel("w.xlsx", sheet_name="wide", index=False)
    file = "w.csv" if ending == "csv" else "w.xlsx#wide"
    words = ["--override", f"cash={file}"] if override else [f"x={file}"]
    call("m.series", *words, "--out", "o.csv")
    model = lw.series.load_model("m.series")
    wide = table.set_index("time")
    wanted = model.run(override={"cash": wide}) if override else model.run(x=wide)
    assert pd.read_csv("o.csv")["y"].tolist() == wanted["y"].T.ravel().tolist()
    assert wanted["y"].shape == (2, 2)
    table.rename(columns={"b": "x"}).to_csv("other.csv", index=False)  # an input is no lane
    assert "LW3" in refused("LW3055", "m.series", "--override", "cash=other.csv")
