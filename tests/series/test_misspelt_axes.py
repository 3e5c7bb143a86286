"""Axes that are nearly another are refused, and long tables whose order or rows are in doubt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import lanework as lw
from lanework.base.errors import Diagnostic

NAMES = ("Time", "TIME", "times", "t", "T", "period", "Periods", "date", "Dates", "tiem")


def _model(*axes: str | tuple[str, ...]) -> lw.series.Model:
    model = lw.series.Model("q", periods=2)
    for name, one in zip("xw", axes, strict=False):
        model.input(name, axes=one, default=1.0)
    model.formula("y", " * ".join("xw"[: len(axes)]))
    return model


@pytest.mark.parametrize("axis", NAMES)
@pytest.mark.parametrize("beside", [(), ("scenario",)])
def test_a_misspelt_time_axis_is_refused(axis: str, beside: tuple[str, ...]) -> None:
    with pytest.raises(Diagnostic, match="nearly 'time'") as error:
        _model((*beside, axis))
    assert error.value.code.ident == "LW3021"
    assert "did you mean 'time'?" in str(error.value.help)


@pytest.mark.parametrize("axis", [*NAMES, "Scenario", "scenarios"])
@pytest.mark.parametrize("declared", [(), ("scenario",)])
def test_a_run_names_no_axis_that_is_nearly_another(axis: str, declared: tuple[str, ...]) -> None:
    with pytest.raises(Diagnostic, match="did you mean") as error:
        _model(declared, "scenario").run(x=lw.series.along(axis, [1.0, 2.0]), w=[1.0, 2.0])
    assert error.value.code.ident == "LW3042"


@pytest.mark.parametrize("one", ["scenario", "point", "region_a"])
@pytest.mark.parametrize("way", [str.upper, str.capitalize, lambda x: f"{x}s"])
def test_axes_that_differ_in_case_are_refused(one, way) -> None:
    for axes in ([one, way(one)], [(one, way(one))], ["time", (one, "time"), way(one)][1:]):
        with pytest.raises(Diagnostic) as error:
            _model(*axes)
        assert error.value.code.ident == "LW3021"
        assert f"did you mean {one!r}" in str(error.value.help)


def test_axes_of_names_of_their_own_are_kept() -> None:
    model = _model("tier", "term")
    assert model.run(x=[1.0, 2.0], w=[1.0, 2.0, 3.0]).axes("y") == ("tier", "term")


GIVEN = {
    "along": lambda axis, size: lw.series.along(axis, np.ones(size)),
    "xarray": lambda axis, size: xr.DataArray(np.ones(size), dims=axis),
    "labels": lambda axis, size: xr.DataArray(np.ones(size), {axis: [*range(9, 9 + size)]}, [axis]),
}


@pytest.mark.parametrize("way", GIVEN)
@pytest.mark.parametrize(("one", "other"), [("book", "curve"), ("policy", "policy_no"), ("a", "b")])
def test_two_axes_that_nothing_relates_do_not_cross(way: str, one: str, other: str) -> None:
    model, make = _model((), ()), GIVEN[way]
    with pytest.raises(Diagnostic) as error:
        model.run(x=make(one, 3), w=make(other, 2))
    assert error.value.code.ident == "LW3042"
    assert f"'x' is along {one!r}, and input 'w' along {other!r}" in error.value.message
    assert f"axes={other!r}" in str(error.value.help)
    assert model.run(x=make(one, 3), w=make(one, 3)).axes("y") == (one,)
    assert _model((), other).run(x=make(one, 3), w=make(other, 2)).axes("y") == (other, one)
    both = lw.series.along((other, one), np.ones((2, 3)))
    assert model.run(x=make(one, 3), w=both).axes("y") == (one, other)
    with pytest.raises(Diagnostic, match="along 'scenario'"):
        model.run(x=[1.0, 2.0], w=make(other, 2))
    usual = model.run(x=[1.0, 2.0], w=make("point", 3))
    assert usual.axes("y") == ("scenario", "point")


def _long(rows: list[tuple[str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scenario", "time"])
    return frame.assign(x=np.arange(1.0, len(rows) + 1))


def _ways(frame: pd.DataFrame) -> dict[str, object]:
    return {
        "table": frame,
        "frame": frame,
        "levels": frame.set_index(["scenario", "time"])["x"],
        "dict": {"x": frame["x"], "scenario": frame["scenario"], "time": frame["time"]},
    }


@pytest.mark.parametrize("way", ["table", "frame", "levels", "dict"])
@pytest.mark.parametrize(
    ("rows", "absent"),
    [
        ([("u", 0), ("u", 1), ("d", 0)], "scenario 'd', time 1"),
        ([("u", 1), ("d", 1), ("d", 0)], "scenario 'u', time 0"),
        ([("u", 0), ("d", 1)], r"and none for 1 others"),
    ],
)
def test_a_row_that_is_not_there_is_no_nan(way: str, rows, absent: str) -> None:
    value = _ways(_long(rows))[way]
    model = _model(("scenario", "time"))
    with pytest.raises(Diagnostic, match=f"input 'x' has no row for .*{absent}") as error:
        model.run(value) if way in ("table", "dict") else model.run(x=value)
    assert error.value.code.ident == "LW3043"


@pytest.mark.parametrize("way", ["table", "frame", "levels", "dict"])
def test_what_has_no_labels_is_refused_beside_a_shuffled_long_table(way: str) -> None:
    rows = [("b", 0), ("a", 0), ("a", 1), ("b", 1)]

    def run(rows: list[tuple[str, int]], **more: object) -> lw.series.SeriesResult:
        value = _ways(_long(rows))[way]
        model = _model(("scenario", "time"), "scenario")
        return model.run(value, **more) if way in ("table", "dict") else model.run(x=value, **more)

    with pytest.raises(Diagnostic, match="input 'w' has no labels along 'scenario'") as error:
        run(rows, w=[1.0, 100.0])
    assert error.value.code.ident == "LW3046"
    named = run(rows, w=pd.Series([1.0, 100.0], index=pd.Index(["a", "b"], name="scenario")))
    assert named["y"].tolist() == [[100.0, 2.0], [400.0, 3.0]]
    for plain in (sorted(rows), sorted(rows, key=lambda row: row[::-1])):
        assert run(plain, w=[1.0, 100.0])["y"].shape == (2, 2)
