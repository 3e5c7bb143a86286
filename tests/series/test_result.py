"""Results as a mapping, as tables, and in files; pandas, xarray and pyarrow read them back."""

import builtins
import json
import os

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.result.result import Result

DATES = np.array(["2024-01-31", "2024-02-29"], "datetime64[D]")
GRID = np.array([[1.0, 2.5, -0.0], [1e-300, 3e8, 1 / 3]])


@pytest.fixture
def result():
    return Result(
        {"cash": GRID, "debt": GRID * 2, "pv": GRID.sum(axis=0), "total": np.array(7.0)},
        axes={
            "cash": ("time", "point"),
            "debt": ("time", "point"),
            "pv": ("point",),
            "total": (),
        },
        units={"cash": "USD", "debt": "USD"},
        kinds={"cash": "flow"},
        coords={"time": DATES},
        stats={"engine": "llvm", "lanes": 3, "periods": 2, "run_seconds": 0.001},
    )


def test_a_result_is_a_mapping(result):
    assert list(result) == ["cash", "debt", "pv", "total"]
    assert len(result) == 4
    assert "pv" in result
    assert "nope" not in result
    assert result["cash"] is GRID
    assert result.axes("pv") == ("point",)
    assert list(result.select(["pv"])) == ["pv"]
    for wrong in (lambda: result["chas"], lambda: result.axes("chas")):
        with pytest.raises(Diagnostic, match="no output 'chas'") as caught:
            wrong()
        assert caught.value.code.ident == "LW1020"
        assert caught.value.help == "did you mean 'cash'?"


def test_pandas_long_and_wide(result):
    frame = result.to_pandas("cash", "debt")
    assert frame.index.names == ["time", "point"]
    assert frame.loc[(pd.Timestamp("2024-02-29"), 1), "cash"] == 3e8
    assert frame.attrs["units"] == {"cash": "USD", "debt": "USD"}
    wide = result.to_pandas("cash", wide=True)
    assert wide.to_numpy().tolist() == GRID.tolist()
    assert wide.columns.names == ["output", "point"]
    frame.loc[:, "cash"] = 0.0
    assert result["cash"][1, 1] == 3e8


def test_outputs_of_different_axes_are_not_mixed(result):
    other = Result(
        {"cash": GRID, "curve": np.zeros(2), "rates": np.zeros(3)},
        axes={"cash": ("time", "point"), "curve": ("time",), "rates": ("scenario",)},
    )
    with pytest.raises(Diagnostic) as caught:
        other.to_pandas()
    assert caught.value.code.ident == "LW1021"
    assert "(time, point): cash; (time): curve; (scenario): rates" in caught.value.message


def test_what_does_not_vary_is_repeated(result):
    frame = result.to_pandas()
    assert frame.index.names == ["time", "point"]
    assert frame["cash"].tolist() == GRID.reshape(-1).tolist()
    assert frame["pv"].tolist() == np.broadcast_to(result["pv"], GRID.shape).reshape(-1).tolist()
    assert set(frame["total"]) == {float(result["total"])}
    columns = result.columns()
    for name in ("cash", "pv", "total"):
        assert columns[name].tolist() == frame[name].tolist()
        assert result.to_arrow()[name].to_pylist() == frame[name].tolist()
    assert result.to_pandas("pv", "total")["total"].tolist() == [float(result["total"])] * len(
        result["pv"]
    )


def test_over_time_or_not_is_the_models_matter():
    """Numbers in the place of columns over time change no axis but those of lanes."""
    model = lw.series.Model("m", periods=3)
    model.input("x", axes="time")
    model.input("r")
    model.input("p", axes="point")
    timed = ("x * 2", "x * r", "t * 1", "prev(r)", "p * x", "where(r > 0, x, 1)", "r + 0 * t")
    flat = ("r * 2", "total(x)", "p * 2", "5", "last(x) + r", "at(x, 1) * p")
    for n, text in enumerate((*timed, *flat)):
        model.formula(f"y{n}", text)
    program = model.compile()
    for engine in ("reference", "stencil", "llvm"):
        run = program.bind(engine)
        for x in (1.0, [1.0, 2.0, 3.0], np.ones((3, 4))):
            for r in (1.0, np.ones(4)):
                for p in (1.0, np.ones(2)):
                    result = run(x=x, r=r, p=p)
                    over = ["time" in result.axes(name) for name in result]
                    assert over == [True] * len(timed) + [False] * len(flat)


def test_xarray_keeps_units_and_dates(result):
    data = result.to_xarray()
    assert isinstance(data, xr.Dataset)
    assert data["cash"].attrs == {"units": "USD", "kind": "flow"}
    assert data["cash"].sel(time="2024-01-31").values.tolist() == GRID[0].tolist()
    assert data["total"].item() == 7.0


def test_arrow_keeps_units(result):
    table = result.to_arrow("cash")
    assert table.column_names == ["time", "point", "cash"]
    assert table.schema.field("cash").metadata == {b"unit": b"USD"}
    assert table["cash"].to_pylist() == GRID.reshape(-1).tolist()


def test_csv_and_parquet_hold_one_table_for_each_shape(result, tmp_path):
    for ending, read in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
        paths = result.save(tmp_path / f"out{ending}")
        assert [path.name for path in paths] == [
            f"out{ending}",
            f"out.point{ending}",
            f"out.scalar{ending}",
        ]
        frame = read(paths[0])
        assert list(frame.columns) == ["point", "time", "cash", "debt"]
        assert frame["cash"].to_numpy().tobytes() == GRID.T.tobytes()
        assert [str(day)[:10] for day in frame["time"]] == ["2024-01-31", "2024-02-29"] * 3
        assert read(paths[1])["pv"].tolist() == result["pv"].tolist()
        assert read(paths[2])["total"].tolist() == [7.0]
    assert pq.read_schema(tmp_path / "out.parquet").field("cash").metadata[b"unit"] == b"USD"


def test_csv_numbers_come_back_to_the_bit(tmp_path):
    random = np.random.default_rng(5)
    values = random.integers(0, 2**64, 5000, dtype=np.uint64).view(np.float64)
    values = values[np.isfinite(values)]
    for extra in ([], [np.inf, -np.inf]):
        x = np.concatenate([values, extra])
        Result({"x": x}, axes={"x": ("point",)}).save(tmp_path / "x.csv")
        lines = (tmp_path / "x.csv").read_text().splitlines()[1:]
        assert np.array([float(line.split(",")[1]) for line in lines]).tobytes() == x.tobytes()


def test_labels_with_commas_are_quoted(tmp_path):
    r = Result({"x": np.ones(2)}, axes={"x": ("plan",)}, coords={"plan": ["a,b", 'c"d']})
    r.save(tmp_path / "x.csv")
    assert pd.read_csv(tmp_path / "x.csv")["plan"].tolist() == ["a,b", 'c"d']


def test_an_output_named_like_its_axis_keeps_its_column():
    r = Result({"time": np.array([5.0, 6.0])}, axes={"time": ("time",)})
    assert {k: v.tolist() for k, v in r.columns().items()} == {
        "time_axis": [0, 1],
        "time": [5.0, 6.0],
    }


def test_npz_npy_and_json(result, tmp_path):
    result.save(tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz") as loaded:
        assert loaded["cash"].tobytes() == GRID.tobytes()
    result.select(["pv"]).save(tmp_path / "r.npy")
    assert np.load(tmp_path / "r.npy").tolist() == result["pv"].tolist()
    result.save(tmp_path / "r.json")
    loaded = json.loads((tmp_path / "r.json").read_text())
    assert loaded["outputs"]["cash"]["values"] == GRID.tolist()
    assert loaded["outputs"]["cash"]["unit"] == "USD"
    assert loaded["coords"]["time"] == ["2024-01-31", "2024-02-29"]
    nan = Result({"x": np.array([np.nan, np.inf])}, axes={"x": ("point",)})
    nan.save(tmp_path / "n.json")
    assert json.loads((tmp_path / "n.json").read_text())["outputs"]["x"]["values"] == ["nan", "inf"]


def test_arrays_of_any_name_and_labels_are_read_back(tmp_path):
    path, names = tmp_path / "r.npz", ("file", "allow_pickle", "args", "kwds", "a/b", "arr_0")
    values = {name: np.array([n + 0.5, n]) for n, name in enumerate(names)}
    for labels in (["x", "y"], np.array(["2024-01-31", "2024-02-29"], "M8[D]"), [7, 9]):
        result = Result(values, axes=dict.fromkeys(names, ("self",)), coords={"self": labels})
        result.save(path)
        with np.load(path) as loaded:
            assert loaded["self"].tolist() == np.asarray(labels).tolist()
        read = lw.series.read_columns(path)
        for name in names:
            assert read[name].tolist() == values[name].tolist()
    assert read["self"].tolist() == [7, 9]


def test_whole_numbers_of_more_than_64_bits(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    large = [2**70, -(2**70)]
    result = Result({"x": np.ones(2)}, axes={"x": ("id",)}, coords={"id": large})
    result.save(tmp_path / "r.parquet")
    assert pq.read_table(tmp_path / "r.parquet")["id"].to_pylist() == [str(x) for x in large]
    count = Result({"x": np.array(large, object)}, axes={"x": ("id",)})
    for work in (count.to_arrow, lambda: count.save(tmp_path / "x.parquet")):
        with pytest.raises(Diagnostic, match="LW1029"):
            work()


def test_files_that_cannot_be_written(result, tmp_path):
    for name, ident in (("r.xls", "LW1023"), ("r", "LW1023"), ("r.npy", "LW1024")):
        with pytest.raises(Diagnostic) as caught:
            result.save(tmp_path / name)
        assert caught.value.code.ident == ident
    with pytest.raises(Diagnostic) as caught:
        result.save(tmp_path / "no" / "r.csv")
    assert caught.value.code.ident == "LW0201"
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_what_was_there(result, tmp_path, monkeypatch):
    path = tmp_path / "r.csv"
    path.write_text("old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Diagnostic, match="No space left"):
        result.save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.csv"]


@pytest.mark.parametrize(
    ("package", "extra", "use"),
    [
        ("pandas", "pandas", lambda r: r.to_pandas("pv")),
        ("xarray", "xarray", lambda r: r.to_xarray()),
        ("pyarrow", "arrow", lambda r: r.to_arrow("pv")),
        ("pyarrow", "arrow", lambda r: r.save("never.parquet")),
    ],
)
def test_a_missing_extra_is_named(result, monkeypatch, package, extra, use):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(Diagnostic) as caught:
        use(result)
    assert caught.value.code.ident == "LW1022"
    assert caught.value.help == f"pip install 'lanework[{extra}]'"


def test_printing_is_bounded():
    names = [f"output_{i}" for i in range(500)]
    big = Result({n: np.zeros(10**5) for n in names}, axes=dict.fromkeys(names, ("point",)))
    assert len(repr(big)) < 3000
    assert "... and 480 more" in repr(big)
    assert len(big._repr_html_()) < 6000


def test_html_is_escaped():
    r = Result({"x": np.zeros(1)}, axes={"x": ("point",)}, units={"x": "<b>"})
    assert "&lt;b&gt;" in r._repr_html_()


@pytest.mark.parametrize("engine", ["reference", "stencil", "llvm"])
def test_a_node_that_is_no_output_says_how_it_becomes_one(engine):
    model = lw.series.Model("m", periods=2)
    model.input("x")
    model.formula("interest", "x * t")
    model.output("debt", "last(interest)")
    run = model.compile().bind(engine)
    for result in (run(x=1.0), run(x=1.0), run(x=np.ones(3)), run(x=1.0).select(["debt"])):
        with pytest.raises(lw.Diagnostic, match=r"compile\(outputs=\[.*\.\.\.\]\)") as caught:
            result["interest"]
        assert caught.value.code.ident == "LW1020"
        assert "its outputs are debt; " in str(caught.value)
