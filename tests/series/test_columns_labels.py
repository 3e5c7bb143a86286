"""What a caller may give for an input port, and which axes it gets."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.program.program import Port
from lanework.machines.series import along
from lanework.machines.series.data.labels import as_labelled

PLAIN = Port("rate", "in", 0)
TIME = Port("rate", "in", 0, axes=("time",))
POINT = Port("rate", "in", 0, axes=("point",))
BOTH = Port("rate", "in", 0, axes=("time", "point"))
SEX = Port("sex", "in", 0, axes=("point",), categories=("F", "M"))
GRID = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("port", "value", "axes"),
    [
        (PLAIN, 3, ()),
        (TIME, np.float32(3), ()),
        (PLAIN, [1, 2], ("scenario",)),
        (TIME, (1.0, 2.0), ("time",)),
        (POINT, np.array([True, False]), ("point",)),
        (TIME, GRID, ("time", "scenario")),
        (BOTH, GRID, ("time", "point")),
        (POINT, along("scenario", [1.0]), ("scenario",)),
        (TIME, along(("scenario", "time"), GRID), ("scenario", "time")),
        (POINT, pd.Series([1.0, 2.0], index=[7, 9]), ("point",)),
        (POINT, pd.Series([1.0, 2.0], index=pd.Index([1, 2], name="scenario")), ("scenario",)),
        (POINT, pl.Series("x", [1, 2]), ("point",)),
        (POINT, pa.array([1, 2]), ("point",)),
        (POINT, pa.chunked_array([[1], [2]]), ("point",)),
        (BOTH, xr.DataArray(GRID, dims=("point", "time")), ("point", "time")),
        (TIME, pd.DataFrame(GRID), ("time", "scenario")),
        (TIME, pl.DataFrame(GRID), ("time", "scenario")),
        (POINT, pd.DataFrame({"other": [1.0], "rate": [2.0]}), ("point",)),
        (POINT, pl.DataFrame({"other": [1.0], "rate": [2.0]}), ("point",)),
        (POINT, pa.table({"other": [1.0], "rate": [2.0]}), ("point",)),
        (POINT, xr.Dataset({"rate": ("point", [2.0]), "z": ("point", [3.0])}), ("point",)),
    ],
    ids=str,
)
def test_axes(port, value, axes):
    got = as_labelled(value, port)
    assert got.axes == axes
    assert got.array.dtype == np.float64
    assert got.array.ndim == len(axes)


def test_values_come_through_whatever_held_them():
    numbers = [1.0, -2.5, 1e300]
    for value in (
        numbers,
        np.array(numbers),
        pd.Series(numbers),
        pl.Series(numbers),
        pa.array(numbers),
        pa.chunked_array([numbers]),
        xr.DataArray(numbers, dims="point"),
    ):
        assert as_labelled(value, POINT).array.tolist() == numbers
    long = pd.Series(
        np.arange(6.0),
        index=pd.MultiIndex.from_product([[0, 1], [0, 1, 2]], names=["time", "scenario"]),
    )
    got = as_labelled(long, TIME)
    assert (got.axes, got.array.tolist()) == (("time", "scenario"), GRID.tolist())
    table = as_labelled(pa.table({"a": [0.0, 3.0], "b": [1.0, 4.0], "c": [2.0, 5.0]}), TIME)
    assert table.array.tolist() == GRID.tolist()


def test_labels_become_codes():
    for value in (
        ["M", "F"],
        np.array([" M", "F"]),
        pd.Series(["M", "F"]),
        pd.Series(["M", "F"], dtype="category"),
        pl.Series(["M", "F"]),
        pa.array(["M", "F"]),
        [1, 0],
    ):
        assert as_labelled(value, SEX).array.tolist() == [1.0, 0.0]
    assert as_labelled("M", SEX).array == 1.0
    with pytest.raises(Diagnostic, match="input 'sex' at 1: 'm' is not one") as caught:
        as_labelled(["F", "m"], SEX)
    assert caught.value.code.ident == "LW3020"
    assert caught.value.help == "did you mean 'M'?"


def test_missing_values_are_kept_for_the_runner_to_refuse():
    for value in ([1.0, None], pd.Series([1, None], dtype="Int64"), pa.array([1, None])):
        assert np.isnan(as_labelled(value, POINT).array).tolist() == [False, True]


@pytest.mark.parametrize(
    ("port", "value", "said"),
    [
        (PLAIN, GRID, "2 x 3 values"),
        (POINT, GRID, "2 x 3 values"),
        (BOTH, [1.0, 2.0], "2 values"),
        (POINT, along("time", [1.0]), "constant over time"),
        (POINT, xr.DataArray([1.0], dims="time"), "constant over time"),
        (POINT, [[1, 2], [3]], "different lengths"),
        (POINT, {"a": 1.0}, "is a mapping"),
        (POINT, object(), "is a object"),
        (POINT, np.array([1j]), "complex"),
        (POINT, np.array(["2024-01-01"], "datetime64[D]"), "dates"),
        (POINT, ["a"], "'a' is not a number"),
        (POINT, xr.Dataset({"x": ("point", [2.0]), "y": ("point", [3.0])}), "not in the Dataset"),
        (BOTH, along(("point", "point2", "x"), np.zeros((1, 1, 1))), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_does_not_fit_is_refused(port, value, said):
    if said is None:
        assert as_labelled(value, port).axes == ("point", "point2", "x")
        return
    with pytest.raises(Diagnostic, match=said) as caught:
        as_labelled(value, port)
    assert caught.value.code.ident == "LW3050"
    assert caught.value.help


def test_along_counts_dimensions():
    with pytest.raises(Diagnostic, match="2 dimensions"):
        along("point", GRID)
    with pytest.raises(Diagnostic, match="2 dimensions"):
        along(("point", "point"), GRID)


@pytest.mark.parametrize("make", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("dates", [{}, {"start": "2024-01-01", "freq": "month"}])
def test_columns_along_time_are_called_like_periods(make, dates):
    model = lw.series.Model("m", periods=2, **dates)
    model.input("x", axes=("scenario", "time"))
    model.formula("y", "x * 10")
    runner = model.compile(outputs=["y"]).bind()
    values = {"up": [1.0, 3.0], "down": [2.0, 4.0]}
    named = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}[make]
    with pytest.raises(Diagnostic, match=r"LW3050.*called 'up', 'down'"):
        runner(x=named(values))
    with pytest.raises(Diagnostic, match=r"LW3050.*called 'up', 'down'"):
        runner(x=named({"scenario": ["a", "b"], **values}))
    months = dict(zip(["2024-02-29", "2024-01-31"], values.values(), strict=True))
    assert runner(x=named(months))["y"].tolist() == [[20.0, 40.0], [10.0, 30.0]]
