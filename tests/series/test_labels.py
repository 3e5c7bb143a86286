"""Labels of inputs: put in order, refused where they differ, and there in results."""

import datetime
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.machines.series import along

ENGINES = ("reference", "stencil", "llvm")
NAMES = {
    "text": ["north", "south", "east", "west"],
    "whole numbers": [1007, 12, 30, 4],
    "numbers": [0.5, 0.25, 2.0, 1.0],
    "dates": list(pd.to_datetime(["2020-03-01", "2019-01-31", "2021-12-31", "2020-02-29"])),
    "pairs": [("a", 1), ("b", 1), ("a", 2), ("b", 2)],
}
A, B = np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 20.0, 30.0, 40.0])


def refused(words, run, *args, code="LW3046", **named):
    with pytest.raises(lw.Diagnostic) as caught:
        run(*args, **named)
    assert caught.value.code.ident == code
    assert words in caught.value.message


def call(words):
    return CliRunner().invoke(cli, words)


def difference():
    model = lw.series.Model("m", periods=2)
    for name in "ab":
        model.input(name)
    model.formula("y", "b - 10 * a")
    model.formula("z", "b - 10 * a + 0 * t")
    return model.compile()


def series(values, names, index_name):
    index = pd.Index(names, name=index_name, tupleize_cols=False)
    return pd.Series(values, index=index)


def frame(values, names, index_name):
    return pd.DataFrame({"value": values}, index=series(values, names, index_name).index)


def array(values, names, index_name):
    labels = np.empty(len(names), object)
    labels[:] = names
    dim = index_name or "scenario"
    return xr.DataArray(values, dims=dim, coords={dim: (dim, labels)})


def labelled(values, names, index_name):
    return along("scenario", series(values, names, index_name))


GIVERS = {"series": series, "frame": frame, "xarray": array, "along": labelled}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("first", GIVERS)
@pytest.mark.parametrize("second", GIVERS)
def test_the_same_labels_in_another_order_are_put_in_order(engine, kind, first, second):
    names, order = NAMES[kind], [2, 0, 3, 1]
    run = difference().bind(engine)
    given = GIVERS[first](A, names, "scenario")
    other = GIVERS[second](B[order], [names[n] for n in order], "scenario")
    result = run(a=given, b=other)
    assert result["y"].tolist() == [0.0] * 4
    assert result["z"].tolist() == [[0.0] * 4] * 2
    labels = result.labels("scenario", 4).tolist()
    assert list(map(str, labels)) == list(map(str, np.asarray(pd.Index(names)).tolist())) or (
        kind in ("pairs", "dates") and len(labels) == 4
    )
    for place in range(4):
        wrong = [*names[:place], "elsewhere" if kind == "text" else 77, *names[place + 1 :]]
        refused("along 'scenario'", run, a=given, b=GIVERS[second](B, wrong, "scenario"))
    assert run(a=given, b=B)["y"].tolist() == [0.0] * 4  # an array goes by place
    short = GIVERS[second](B[:3], names[:3], "scenario")
    refused("along 'scenario'", run, a=given, b=short)


def test_an_index_that_only_counts_has_whole_numbers_for_labels():
    run = difference().bind()
    plain = pd.Series(B)
    turned = pd.Series(A, index=[3, 2, 1, 0])
    assert run(a=turned, b=plain)["y"].tolist() == [30.0, 10.0, -10.0, -30.0]
    refused("has no 7 along 'scenario', and has 0", run, a=pd.Series(A, [7, 5, 3, 1]), b=plain)
    assert run(a=pd.Series(A), b=plain).coords == {}
    assert run(a=pd.Series(A, NAMES["text"]), b=plain)["y"].tolist() == [0.0] * 4


def test_labels_twice_need_one_order():
    run = difference().bind()
    twice = ["a", "a", "b", "c"]
    assert run(a=pd.Series(A, twice), b=pd.Series(B, twice))["y"].tolist() == [0.0] * 4
    refused("more than once", run, a=pd.Series(A, twice), b=pd.Series(B, ["a", "b", "a", "c"]))


CALENDARS = {
    ("2025-01-31", "month"): ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"],
    ("2025-02-01", "month"): ["2025-02-01", "2025-03-01", "2025-04-01", "2025-05-01"],
    ("2024-02-28", "day"): ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"],
    ("2024-01-01", "quarter"): ["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"],
    ("2024-01-01", "year"): ["2024-01-01", "2025-01-01", "2026-01-01", "2027-01-01"],
}
SAID = {
    "text": list,
    "dates": lambda days: [datetime.date.fromisoformat(day) for day in days],
    "timestamps": lambda days: list(pd.to_datetime(days)),
    "numpy": lambda days: np.array(days, "M8[s]"),
}


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("how", SAID)
@pytest.mark.parametrize("periods", [4, None])
@pytest.mark.parametrize("giver", [series, frame, array])
def test_dates_are_compared_with_the_calendar(calendar, how, periods, giver):
    start, freq = calendar
    model = lw.series.Model("m", periods=periods, start=start, freq=freq)
    model.input("a", axes="time")
    model.formula("y", "a + 0 * t")
    run = model.compile().bind()
    days = CALENDARS[calendar]
    for order in ([0, 1, 2, 3], [3, 0, 2, 1], [1, 0, 3, 2]):
        for name in ("time", "day"):
            given = giver(A[order], SAID[how]([days[n] for n in order]), name)
            if how == "text" and name == "day":
                continue  # an axis of that name, or none, where nothing says that it is time
            result = run(a=given)
            assert result["y"].tolist() == A.tolist()
            assert result.labels("time", 4).astype(str).tolist() == days
    off = [str(np.datetime64(day) + 365) for day in days]
    refused(f"has no '{days[0]}' along 'time'", run, a=giver(A, SAID[how](off), "time"))
    shifted = [*days[1:], str(np.datetime64(days[-1]) + 600)]
    refused(f"has no '{days[0]}' along 'time'", run, a=giver(A, SAID[how](shifted), "time"))


def test_last_days_period_numbers_and_years_name_periods_too():
    model = lw.series.Model("m", periods=3, start="2025-01-01", freq="year")
    model.input("a", axes="time")
    model.formula("y", "a + 0 * t")
    run = model.compile().bind()
    for index in (
        pd.to_datetime(["2027-12-31", "2025-12-31", "2026-12-31"]),
        pd.PeriodIndex(["2027", "2025", "2026"], freq="Y"),
        pd.Index([2027, 2025, 2026]),
        pd.Index([2, 0, 1]),
    ):
        assert run(a=pd.Series([3.0, 1.0, 2.0], index=index))["y"].tolist() == [1.0, 2.0, 3.0]
    refused("has no 0 along 'time', and has 3", run, a=pd.Series([1.0, 2.0, 3.0], index=[1, 2, 3]))


@pytest.mark.parametrize("axes", [(), ("point",)])
@pytest.mark.parametrize("name", [None, "date", "Date", "index"])
def test_dates_are_time_and_no_scenarios(axes, name):
    model = lw.series.Model("m", periods=12)
    model.input("a", axes=axes)
    model.formula("y", "a * 2")
    run = model.compile().bind()
    index = pd.date_range("2025-01-01", periods=12, freq="MS", name=name)
    refused("constant over time", run, a=pd.Series(np.arange(12.0), index), code="LW3050")
    lanes = pd.Series(np.arange(12.0), index.rename("scenario"))
    assert run(a=lanes)["y"].shape == (12,)
    for form in ("%Y-%m-%d", "%Y-%m", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S"):
        text = pd.Series(np.arange(12.0), index.strftime(form))
        refused("constant over time", run, a=text, code="LW3050")
        assert run(a=text.rename_axis("scenario"))["y"].shape == (12,)
    for ids in ("2025-{}", "{}.1.2", "19-{:02}", "A2025-01-{:02}"):  # which are no days
        some = pd.Series(np.arange(12.0), [ids.format(n + 13) for n in range(12)])
        assert run(a=some)["y"].shape == (12,)


def test_frames_and_levels_keep_their_order_and_labels():
    model = lw.series.Model("m", periods=3, start="2025-01-01", freq="month")
    model.input("a", axes="time")
    model.formula("y", "a + 0 * t")
    run = model.compile().bind()
    days = pd.to_datetime(["2025-02-01", "2025-01-01", "2025-03-01"])
    table = pd.DataFrame([[3.0, 4.0], [1.0, 2.0], [5.0, 6.0]], index=days, columns=["q", "p"])
    long = table.rename_axis(index="time", columns="fund").stack()
    for given, axis in ((table, "scenario"), (table.T, "scenario"), (long, "fund")):
        result = run(a=given)
        assert result.axes("y") == ("time", axis)
        assert result["y"].tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        assert result.coords[axis].tolist() == ["q", "p"]
        frame = result.to_pandas("y", wide=True)
        assert frame["y", "p"].tolist() == [2.0, 4.0, 6.0]
    said = "no row for time '2025-01-01', fund 'p'"
    refused(said, run, a=long.drop(long.index[3]), code="LW3043")
    again = pd.concat([long, long.iloc[:1]])
    refused("more than once", run, a=again, code="LW3050")


def test_labels_without_a_calendar():
    model = lw.series.Model("m", periods=3)
    model.input("a", axes="time")
    model.input("b", axes="time")
    model.formula("y", "a - b")
    run = model.compile().bind()
    days = pd.date_range("2030-06-30", periods=3, freq="D")
    a = pd.Series([1.0, 2.0, 3.0], index=days)
    result = run(a=a, b=a[::-1])
    assert result["y"].tolist() == [0.0] * 3
    assert result.labels("time", 3).astype(str).tolist() == days.astype(str).tolist()
    refused("has no '2030-06-30'", run, a=a, b=a.shift(1, freq="D"))


MODEL = """model("m", periods=3, start="2025-01-01", freq="month")
a = input(axes="time")
y = 2 * a + 0 * t
"""


@pytest.mark.parametrize("title", ["time", "date", "period"])
def test_the_time_column_of_a_table_is_compared_with_the_calendar(title, tmp_path):
    (tmp_path / "m.series").write_text(MODEL)
    (tmp_path / "t.csv").write_text(f"{title},a\n2025-03-01,3\n2025-01-01,1\n2025-02-01,2\n")
    out = tmp_path / "out.csv"
    words = ["run", str(tmp_path / "m.series"), f"time={tmp_path / 't.csv'}", "--out", str(out)]
    assert call(words).exit_code == 0
    assert out.read_text().splitlines()[1:] == [
        "2025-01-01,2.0", "2025-02-01,4.0", "2025-03-01,6.0"]  # fmt: skip
    (tmp_path / "t.csv").write_text(f"{title},a\n2026-01-01,1\n2026-02-01,2\n2026-03-01,3\n")
    failed = call(words)
    assert failed.exit_code != 0
    assert "LW3046" in failed.output
    (tmp_path / "t.csv").write_text(f"{title},a\n2,3\n0,1\n1,2\n")
    assert call(words).exit_code == 0
    assert out.read_text().splitlines()[3] == "2025-03-01,6.0"


def test_labels_of_lanes_come_out(tmp_path):
    (tmp_path / "m.series").write_text(MODEL.replace("+ 0 * t", "+ b") + 'b = input(axes="point")')
    (tmp_path / "p.csv").write_text("point,b\nA-7,1\nB-9,2\n")
    out = tmp_path / "out.csv"
    words = ["run", str(tmp_path / "m.series"), f"point={tmp_path / 'p.csv'}", "a=1,2,3"]
    assert call([*words, "--out", str(out)]).exit_code == 0
    assert {line.split(",")[0] for line in out.read_text().splitlines()[1:]} == {"A-7", "B-9"}


@pytest.mark.parametrize("title", ["time", "date", "period"])
@pytest.mark.parametrize("make", [pd.DataFrame, dict])
def test_the_time_column_of_a_table_in_memory(title, make):
    model = lw.series.Model("m", periods=3, start="2025-01-01", freq="month")
    model.input("a", axes="time")
    model.formula("y", "2 * a + 0 * t")
    program = model.compile()
    days = ["2025-03-01", "2025-01-01", "2025-02-01"]
    columns = {title: days, "a": [3.0, 1.0, 2.0]}
    assert program.run(make(columns))["y"].tolist() == [2.0, 4.0, 6.0]
    columns[title] = pd.to_datetime(days)
    assert program.run(make(columns))["y"].tolist() == [2.0, 4.0, 6.0]
    columns[title] = ["2024-03-01", "2024-01-01", "2024-02-01"]
    refused("has no '2025-01-01' along 'time'", program.run, make(columns))


def test_rows_of_tables_keep_their_labels():
    run = difference().bind()
    table = pd.DataFrame({"a": A, "b": A}, index=NAMES["text"]) * 10
    assert run(table)["y"].tolist() == (-90 * A).tolist()
    assert run(table).coords["scenario"].tolist() == NAMES["text"]
    model = lw.series.Model("m", periods=1)
    model.input("age", axes="point")
    model.input("sum")
    model.formula("y", "age + sum")
    points = pd.DataFrame({"point": ["A-7", "B-9"], "age": [30, 40], "sum": [1.0, 2.0]})
    for given in (points, points.set_index("point")):
        result = model.compile().run(given)
        assert result["y"].tolist() == [31.0, 42.0]
        assert result.labels("point", 2).tolist() == ["A-7", "B-9"]


@pytest.mark.parametrize("labels", [["A"], ["A", "B", "C"], []])
def test_labels_are_as_many_as_places(labels):
    model = lw.series.Model("m", periods=1)
    model.input("age", axes="point")
    model.formula("y", "age * 2")
    given = {"point": labels, "age": [30.0, 40.0]}
    refused(f"has 2 values along 'point', and {len(labels)} labels", model.compile().run, given,
            code="LW3050")  # fmt: skip


def looked_up(data, text="q(x)", x=41.0, **settings):
    model = lw.series.Model("m", periods=1)
    model.table("q", data, **settings)
    model.input("x")
    model.formula("y", text)
    return float(model.run(x=x)["y"])


def test_the_index_of_a_frame_is_a_key():
    rates = pd.DataFrame({"m": [1, 2, 3], "f": [4, 5, 6]}, index=[40, 41, 42])
    named = rates.rename_axis("age")
    assert looked_up(named, 'q["f"](x)') == 5.0
    assert looked_up(named, 'q["m"](x)', keys="age") == 2.0
    assert looked_up(named["m"]) == 2.0
    refused("its index has no name", looked_up, rates, code="LW3018")
    left = rates.assign(age=[40, 41, 42])[1:]  # what is left of a larger frame
    assert looked_up(left, 'q["f"](x)', keys="age") == 5.0
    levels = named.rename_axis(columns="sex").stack().rename("rate")
    assert looked_up(levels, 'q(x, "f")', keys=("age", "sex")) == 5.0


def test_series_among_the_columns_of_a_table_go_by_their_labels():
    ages = pd.Series([40.0, 41.0, 42.0], index=["a", "b", "c"])
    rates = pd.Series([3.0, 2.0, 1.0], index=["c", "b", "a"])
    assert looked_up({"age": ages, "rate": rates}, x=42.0) == 3.0
    other = rates.rename({"c": "d"})
    refused("has no 'c'", looked_up, {"age": ages, "rate": other}, code="LW3018")


def test_tables_of_any_library():
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    columns = {"age": [40, 41, 42], "rate": [1.0, 2.0, 3.0]}
    for data in (pl.DataFrame(columns), pl.LazyFrame(columns), pa.table(columns)):
        assert looked_up(data) == 2.0
    spelt = pl.DataFrame({"age": [40, 41], "rate": ["1,000", "2"]})
    refused("column `rate` holds '1,000'", looked_up, spelt, code="LW3018")


def test_a_fault_names_lanes_and_days():
    model = lw.series.Model("m", periods=3, start="2026-01-01", freq="month")
    model.table("q", {40: 1.0, 41: 2.0})
    model.input("x", axes="point")
    model.input("add", axes="scenario")
    model.formula("y", "q(x + t + add)")
    points = pd.Series([40.0, 40.0], index=["A-7", "B-9"])
    scenarios = along("scenario", pd.Series([1.0, 0.0, 0.0], index=["up", "base", "low"]))
    refused("(period 1 (2026-02-01), point 0 (A-7), lane 0 (up))", model.run, x=points,
            add=scenarios, code="LW3045")  # fmt: skip


def test_dates_are_put_in_order_without_a_calendar_too():
    model = lw.series.Model("m", periods=3)
    model.input("x", axes=("time",))
    model.formula("sum", "prev(sum) + x")
    days = pd.to_datetime(["2026-03-01", "2026-01-01", "2026-02-01"])
    for index in (days, days.strftime("%Y-%m-%d"), [day.date() for day in days]):
        result = lw.compile(model).run(x=pd.Series([3.0, 1.0, 2.0], index=index))
        assert result["sum"].tolist() == [1.0, 3.0, 6.0]
        assert [str(day) for day in result.coords["time"]] == sorted(days.strftime("%Y-%m-%d"))
    for index in ([2, 0, 1], [2032.0, 2030.0, 2031.0]):
        result = lw.compile(model).run(x=pd.Series([3.0, 1.0, 2.0], index=index))
        assert result["sum"].tolist() == [1.0, 3.0, 6.0]
        assert result.coords["time"].tolist() == sorted(index)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_days_are_those_of_their_time_zone(zone):
    model = lw.series.Model("m", periods=3, start="2026-01-01", freq="month")
    model.input("x", axes=("time",))
    model.formula("y", "x * 2")
    days = pd.date_range("2026-01-01", periods=3, freq="MS", tz=zone)
    result = lw.compile(model).run(x=pd.Series([1.0, 2.0, 3.0], index=days)[::-1])
    assert result["y"].tolist() == [2.0, 4.0, 6.0]


SHUFFLED = [
    ("scenario", ["c", "a", "b"], ["a", "b", "c"]),
    ("scenario", [3, 1, 2], [1, 2, 3]),
    ("time", [2, 0, 1], None),
    ("time", list(pd.to_datetime(["2026-01-01", "2024-01-01", "2025-01-01"])), None),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("axis", "names", "others"), SHUFFLED)
@pytest.mark.parametrize("plain", [np.asarray, list, pd.Series])
@pytest.mark.parametrize("dated", [False, True])
def test_what_has_no_labels_does_not_stand_beside_others_in_several_orders(
    engine, axis, names, others, plain, dated
):
    calendar = {"start": "2024-01-01", "freq": "year"} if dated and axis == "time" else {}
    model = lw.series.Model("m", periods=3, **calendar)
    for name in "abc":
        model.input(name, axes=axis, default=0.0)
    model.formula("y", "a + b + c + 0 * t")
    run = model.compile().bind(engine)
    three = [1.0, 2.0, 3.0]
    given = {"a": pd.Series(three, pd.Index(names, name=axis))}
    counts = plain is pd.Series and isinstance(names[0], int) and not calendar
    if others is not None:
        if not counts:
            assert run(**given, c=plain(three))["y"][0].tolist() == [2.0, 4.0, 6.0]
        given["b"] = pd.Series(three, pd.Index(others, name=axis))
    if not (counts and sorted(names) == [0, 1, 2]):  # an index that counts has whole numbers
        words = f"along '{axis}'" if counts else f"input 'c' has no labels along '{axis}'"
        refused(words, run, **given, c=plain(three))
    same = pd.Series(three, pd.Index(names, name=axis))
    assert run(**given, c=same)["y"].size > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["time", None])
@pytest.mark.parametrize("names", [["c", "a", "b"], ["Jan", "Feb", "Mar"], ["Q1", "Q2", "Q3"]])
def test_text_along_time_has_no_order_without_a_calendar(engine, name, names):
    model = lw.series.Model("m", periods=3)
    model.input("a", axes="time")
    model.formula("y", "a + 0")
    run = model.compile().bind(engine)
    for giver in (series, frame):
        refused("in no order", run, a=giver([1.0, 2.0, 3.0], names, name))
    refused("in no order", run, {"a": [1.0, 2.0, 3.0], "time": names})
    turned = series([1.0, 2.0, 3.0], ["1", "-2", "0"], name)
    assert run(a=turned)["y"].tolist() == [2.0, 3.0, 1.0]
    assert run(a=turned).labels("time", 3).tolist() == [-2, 0, 1]
    turned = series([1.0, 2.0, 3.0], ["10", "2", "9"], name)
    assert run(a=turned)["y"].tolist() == [2.0, 3.0, 1.0]  # numbers as they are written
    assert run(a=np.array([1.0, 2.0, 3.0]))["y"].tolist() == [1.0, 2.0, 3.0]


def test_coordinates_that_are_no_index_are_labels_too():
    run = difference().bind()
    names, order = NAMES["text"], [2, 0, 3, 1]

    def along_dim(values, names, dim="scenario", **more):
        coords = {"region": (dim, names), **{name: (dim, x) for name, x in more.items()}}
        return xr.DataArray(values, dims=dim, coords=coords)

    turned = [names[n] for n in order]
    result = run(a=along_dim(A, names), b=along_dim(B[order], turned))
    assert result["y"].tolist() == [0.0] * 4
    assert result.labels("scenario", 4).tolist() == names
    refused(
        "has no 'north' along 'scenario'", run, a=along_dim(A, names), b=along_dim(B, ["x"] * 4)
    )
    where = {"lat": [1.0, 2.0, 3.0, 4.0]}
    there = {"lat": np.array(where["lat"])[order]}
    result = run(a=along_dim(A, names, **where), b=along_dim(B[order], turned, **there))
    assert result["y"].tolist() == [0.0] * 4
    model = lw.series.Model("m", periods=4)
    model.input("a", axes="time")
    model.formula("y", "a + 0")
    run = model.compile().bind()
    for dim, name in (("x", "time"), ("dim_0", "time"), ("dim_0", "day"), ("x", "day")):
        days = np.array(["2024-03-01", "2024-01-01", "2024-04-01", "2024-02-01"], "M8[D]")
        given = xr.DataArray(A, dims=dim, coords={name: (dim, days)})
        assert run(a=given)["y"].tolist() == [2.0, 4.0, 1.0, 3.0], (dim, name)
    assert run(a=xr.DataArray(A))["y"].tolist() == A.tolist()  # dim_0 is no name


def test_last_days_of_a_wrong_count_are_named_as_last_days():
    model = lw.series.Model("m", periods=12, start="2025-01-01", freq="month")
    model.input("a", axes="time")
    model.formula("y", "a + 0")
    run = model.compile().bind()
    ends = pd.date_range("2025-01-31", periods=11, freq="ME")
    refused("has no '2025-12-31' along 'time'", run, a=pd.Series(np.ones(11), ends))
    late = pd.date_range("2025-02-28", periods=12, freq="ME")
    refused("has no '2025-01-31' along 'time', and has '2026-01-31'", run,
            a=pd.Series(np.ones(12), late))  # fmt: skip
    refused(
        "has no 11 along 'time'",
        run,
        a=pd.Series(np.ones(11), pd.Index(range(11), name="time")[::-1]),
    )


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([1, 1, 2], "has 1 more than once along 'time'"),
        ([0.5, 2.0, 0.5], "has 0.5 more than once"),
        (pd.to_datetime(["2024-01-31", "2024-03-31", "2024-01-31"]), "has '2024-01-31' more than"),
        (pd.to_datetime(["2024-01-31", None, "2024-02-29"]), "lacks a label along 'time'"),
        ([1.0, np.nan, 2.0], "lacks a label along 'time'"),
    ],
)
def test_periods_have_one_label_each(labels, words):
    model = lw.series.Model("m", periods=3)
    model.input("a", axes="time")
    model.formula("y", "a + 0")
    given = pd.Series([1.0, 2.0, 3.0], pd.Index(labels, name="time"))
    refused(words, model.run, a=given)
    refused(words, model.run, pd.DataFrame({"a": given}).reset_index())


@pytest.mark.parametrize("axis", ["p", "time"])
@pytest.mark.parametrize("title", ["time", "scenario", "point", "p"])
@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame])
def test_labels_in_a_table_are_along_its_rows_or_refused(axis, title, make):
    model = lw.series.Model("m", periods=3)
    model.input("c", axes=axis)
    model.formula("y", "c * 2")
    table = make({title: [2, 0, 1], "c": [3.0, 1.0, 2.0]})
    if title == axis:
        result = model.run(table)
        assert result["y"][result.coords[axis].argsort()].tolist() == [2.0, 4.0, 6.0]
        return
    words = "has no such input" if title == "p" else f"{title!r} has labels along {title!r}"
    code = "LW3040" if title == "p" else "LW3050"
    refused(words, model.run, table, code=code)


def test_an_order_along_one_axis_says_nothing_of_another():
    model = lw.series.Model("m", periods=3)
    model.input("a", axes=("time", "point"))
    model.input("b", axes="point")
    model.input("c", axes="time", default=0.0)
    model.formula("y", "a + b + c")
    values = np.arange(6.0).reshape(3, 2)
    coords = {"time": [2, 0, 1], "point": ["x", "y"]}
    a = xr.DataArray(values, dims=("time", "point"), coords=coords)
    run = model.compile().bind()
    assert run(a=a, b=np.zeros(2))["y"].tolist() == values[[1, 2, 0]].tolist()
    refused("input 'c' has no labels along 'time'", run, a=a, b=np.zeros(2), c=np.zeros(3))
    b = pd.Series([1.0, 2.0], pd.Index(["y", "x"], name="point"))
    assert run(a=a, b=b)["y"].tolist() == (values[[1, 2, 0]] + [2.0, 1.0]).tolist()


TABLES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "batch": lambda d: pa.RecordBatch.from_pydict(d),
    "xarray": lambda d: xr.Dataset({name: ("scenario", cells) for name, cells in d.items()}),
}


@pytest.mark.parametrize("library", TABLES)
def test_no_column_of_a_table_for_one_input_is_lost(library):
    table = TABLES[library]
    m = lw.series.Model("m", periods=1)
    m.input("x")
    m.input("z", default=1.0)
    m.formula("y", "x * z")
    cells, labels = {"x": [1.0, 2.0]}, {"scenario": ["a", "b"]}
    for plain in (cells, {"q": [1.0, 2.0]}):
        assert m.run(x=table(plain))["y"].tolist() == [1.0, 2.0]
    for more in ({"z": [5.0, 6.0]}, {"note": [1.0, 2.0]}, {"z": [5.0, 6.0], "w": [1.0, 2.0]}):
        for given in (cells | more, labels | cells | more, more | cells):
            with pytest.raises(
                lw.Diagnostic, match=r"LW3050.*'x' is given a table that has .*beside"
            ):
                m.run(x=table(given))
    with pytest.raises(lw.Diagnostic, match=r"LW3050.*'x' is given the column 'z'"):
        m.run(x=table({"z": [5.0, 6.0]}))
    if library != "xarray":
        assert m.run(x=table(labels | cells))["y"].tolist() == [1.0, 2.0]
    assert m.run(table(cells | {"z": [5.0, 6.0]}))["y"].tolist() == [5.0, 12.0]


@pytest.mark.parametrize("dates", [False, True])
def test_bounds_and_changes_by_labels_of_periods(dates):
    calendar = {"start": "2026-01-01", "freq": "month"} if dates else {}
    m = lw.series.Model("m", periods=3, **calendar)
    m.input("x", axes="time", default=1.0)
    m.formula("y", "2 * x")
    m.formula("far", "total((x - 1) ** 2)")
    m.formula("sum", "total(x * (t + 1))")
    days = pd.to_datetime(["2026-03-01", "2026-01-01", "2026-02-01"]) if dates else [2, 0, 1]
    low = pd.Series([4.0, 2.0, 3.0], index=days)
    given = [low, xr.DataArray(low.to_numpy(), {"time": days}, "time"), along("time", low)]
    for ends in [*given, np.array([2.0, 3.0, 4.0])]:
        solution = m.solve("x", bounds={"x": (ends, None)}, objective="far")
        assert solution["x"] == pytest.approx([2.0, 3.0, 4.0])
        outputs = {"y": (ends, ends)}
        assert m.solve("x", bounds=outputs)["x"] == pytest.approx([1.0, 1.5, 2.0])
        (bar,) = m.compile().tornado("sum", {"x": (ends, 5.0)}).bars
        assert (bar.at_low, bar.at_high) == (20.0, 30.0)
    for wrong in (low[1:], low.rename({days[0]: days[0] + (days[0] - days[1])})):
        code = "LW3042" if len(wrong) < 3 else "LW3046" if dates else None
        if code:
            with pytest.raises(lw.Diagnostic, match=f"{code}.*a bound of x"):
                m.solve("x", bounds={"x": (wrong, None)}, objective="far")
            with pytest.raises(lw.Diagnostic, match=f"{code}.*the change of x"):
                m.compile().tornado("sum", {"x": (wrong, 5.0)})
    with pytest.raises(lw.Diagnostic, match="LW3062"):
        m.solve("x", bounds={"x": (xr.DataArray(A[:3], dims="scenario"), None)}, objective="far")
    if not dates:
        years, others = pd.Series(A[:3], [2028, 2026, 2027]), pd.Series(A[:3], [2025, 2026, 2027])
        program, inputs = m.compile(), {"x": years}
        (bar,) = program.tornado("sum", {"x": (years, 5.0)}, inputs=inputs).bars
        assert bar.at_low == 2 + 2 * 3 + 3 * 1
        with pytest.raises(lw.Diagnostic, match=r"LW3046.*the change of x"):
            program.tornado("sum", {"x": (others, 5.0)}, inputs=inputs)


def test_a_shown_result_says_in_which_order_lanes_are(tmp_path):
    (tmp_path / "m.series").write_text(
        'model("m", periods=2)\nx = input(axes="scenario")\ny = input(axes="scenario")\n'
        "z = x * y + t\noutput(z)\n"
    )
    (tmp_path / "x.csv").write_text("scenario,x\nb,1\na,2\n")
    (tmp_path / "y.csv").write_text("scenario,y\na,10\nb,20\n")
    tables = [f"x={tmp_path}/x.csv", f"y={tmp_path}/y.csv"]
    out = CliRunner().invoke(cli, ["run", f"{tmp_path}/m.series", *tables]).output
    assert [line.split() for line in out.splitlines() if line.startswith(("z", "scenario"))] == [
        ["z", "time", "2", "x", "scenario", "2", "20", "20", "21", "21"],
        ["scenario", "labels", "b", "a"],
    ]
    m = lw.series.Model("m", periods=2, start="2026-01-01", freq="month")
    m.input("x", axes="scenario")
    m.formula("y", "x + t")
    shown = repr(m.run(x=pd.Series(np.arange(9.0), [None, *"abcdefgh"])))
    assert shown.splitlines()[-1].split() == ["scenario", "labels", "-", "a", "b", "...", "h"]
    assert "labels" not in repr(m.run(x=np.arange(9.0)))


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, "file"])
def test_the_only_column_of_a_wide_table_goes_by_its_label(library, tmp_path):
    text = (
        'model("m", periods=2)\np = input(axes=("s", "time"))\nz = input(axes="s", default=1)\n'
        "e = total(p * (t + 1)) * z\noutput(e)\n"
    )
    (tmp_path / "m.series").write_text(text)
    m = lw.series.read_model(text)

    def run(columns, z=None):
        if library != "file":
            return m.run(p=library(columns), **({} if z is None else {"z": z}))
        pd.DataFrame(columns).to_csv(tmp_path / "p.csv", index=False)
        words = ["run", f"{tmp_path}/m.series", f"p={tmp_path}/p.csv", "--json"]
        if z is not None:
            z.rename_axis("s").rename("z").to_csv(tmp_path / "z.csv")
            words.append(f"z={tmp_path}/z.csv")
        out = CliRunner().invoke(cli, words)
        error = json.loads(out.output).get("error")
        if error:
            raise LookupError(error["code"])
        return {"e": np.array(json.loads(out.output)["outputs"]["e"]["values"])}

    two = pd.Series([1.0, 2.0], ["up", "down"])
    assert run({"time": [1, 0], "up": [2.0, 1.0]})["e"].tolist() == [5.0]
    assert run({"time": [1, 0], "up": [2.0, 1.0]}, two[:1])["e"].tolist() == [5.0]
    assert run({"time": [1, 0], "p": [2.0, 1.0]}, two)["e"].tolist() == [5.0, 10.0]
    for columns, z, code in (
        ({"time": [1, 0], "up": [2.0, 1.0]}, two, "LW3046"),
        ({"s": ["u", "v"], "1": [1.0, 2.0]}, None, "LW3042"),
    ):
        with pytest.raises((lw.Diagnostic, LookupError), match=code):
            run(columns, z)
    if library == "file":  # a column that is named is meant for all
        run({"time": [1, 0], "up": [2.0, 1.0], "down": [0.0, 0.0]}, two)
        words = ["run", f"{tmp_path}/m.series", f"z={tmp_path}/z.csv"]
        out = CliRunner().invoke(cli, [*words, f"p={tmp_path}/p.csv:up", "--json"]).output
        assert json.loads(out)["outputs"]["e"]["values"] == [5.0, 10.0]


@pytest.mark.parametrize("names", [("s", "time"), (None, None)])
def test_the_only_period_of_a_frame_is_no_value_of_all(names):
    m = lw.series.Model("m", periods=2)
    m.input("p", axes=("s", "time"))
    m.formula("e", "total(p * (t + 1))")
    rows = pd.Index(["u", "v"], name=names[0])
    for label in (0, 1, "1"):
        frame = pd.DataFrame([[1.0], [2.0]], rows, pd.Index([label], name=names[1]))
        refused("'p' has 1 periods, but the model has 2", m.run, p=frame, code="LW3042")
    if names[0]:
        frame = pd.DataFrame([[1.0], [2.0]], rows, pd.Index(["p"], name=names[1]))
        assert m.run(p=frame)["e"].tolist() == [3.0, 6.0]
    one = lw.series.Model("m", periods=1)
    one.input("p", axes=("s", "time"))
    one.formula("e", "total(p * p)")
    frame = pd.DataFrame([[1.0], [2.0]], rows, pd.Index([0], name=names[1]))
    assert one.compile().gradient("e").run(p=frame).axes("d_e_d_p") == ("time", "s")
