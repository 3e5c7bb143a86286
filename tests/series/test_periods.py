"""Periods that are not there are refused, and parts of them override a node by their labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic


@pytest.mark.parametrize(("periods", "period"), [(4, 4), (4, 9), (1, 1), (12, 100)])
def test_a_period_beyond_the_model_is_refused(periods: int, period: int) -> None:
    for known in (periods, None):
        model = lw.series.Model("m", periods=known)
        model.input("x", axes="time")
        model.formula("y", f"1 + at(x, {period}) * 2")
        with pytest.raises(Diagnostic) as error:
            model.run(x=np.ones(periods))
        assert error.value.code.ident == ("LW3005" if known else "LW3022")
        assert f"period {period}" in error.value.message
    for there in range(periods):
        model.formula(f"z{there}", f"at(x, {there})")
    program = model.compile([f"z{there}" for there in range(periods)])
    for engine in ("reference", "stencil", "llvm"):
        result = program.bind(engine)(x=np.arange(float(periods)))
        assert [float(result[f"z{there}"]) for there in range(periods)] == [*range(periods)]


@pytest.mark.parametrize("ends", ["ME", "MS"])
@pytest.mark.parametrize("more", [1, 12])
def test_more_dates_than_periods_are_told_by_their_number(ends: str, more: int) -> None:
    model = lw.series.Model("m", periods=24, start="2026-01-01", freq="month")
    model.input("x", axes="time")
    model.formula("y", "x * 2")
    days = pd.date_range("2026-01-01", periods=24, freq=ends)
    x = pd.Series(np.arange(24.0), index=days)
    with pytest.raises(Diagnostic, match=f"has 24 periods, but the model has {24 - more}") as error:
        model.compile().bind(periods=24 - more)(x=x[::-1])
    assert error.value.code.ident == "LW3042"
    assert model.run(x=x[::-1])["y"].tolist() == (2 * np.arange(24.0)).tolist()


def _plan(dated: bool) -> lw.series.Model:
    dates = {"start": "2026-01-01", "freq": "month"} if dated else {}
    model = lw.series.Model("plan", periods=4, **dates)
    model.input("x", axes="time", default=1.0)
    model.input("w", axes="scenario", default=1.0)
    model.formula("g", "x * (t + 1)")
    model.formula("v", "w * 10")
    model.formula("y", "g + v")
    return model


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize(
    "given", [{1: 0.5}, {3: 0.5, 0: 0.25}, {0: 1.5, 1: 2.5, 2: 3.5, 3: 4.5}, {2: None, 1: 0.5}]
)
def test_an_override_of_some_periods_goes_by_their_labels(dated: bool, given: dict) -> None:
    model = _plan(dated)
    wanted = [given.get(t) if given.get(t) is not None else t + 1 for t in range(4)]
    ways = [given, pd.Series(given, dtype=float)]
    if dated:
        named = {f"2026-{t + 1:02d}-01": value for t, value in given.items()}
        ways += [named, pd.Series(named, dtype=float)]
        ways.append(pd.Series(list(given.values()), pd.to_datetime([*named]), dtype=float))
    for way in ways:
        result = model.run(override={"g": way}, x=np.ones(4))
        assert result["g"].tolist() == wanted


def test_an_override_of_some_lanes_goes_by_their_labels() -> None:
    axis = pd.Index(["a", "b", "c"], name="scenario")
    w = pd.Series([1.0, 2.0, 3.0], index=axis)
    model = _plan(dated=False)
    for labels in (["b"], ["c", "b"]):
        over = {label: 7.0 + n for n, label in enumerate(labels)}
        value = pd.Series(over, index=pd.Index(labels, name="scenario"))
        for way in (over, value):
            result = model.run(override={"v": way}, w=w)
            assert result["v"].tolist() == [over.get(x, 10.0 * w[x]) for x in axis]


@pytest.mark.parametrize("way", [{9: 0.5}, {-1: 0.5}, {"2027-01-01": 0.5}])
def test_an_override_of_no_period_of_the_model_is_refused(way: dict) -> None:
    for value in (way, pd.Series(way)):
        with pytest.raises(Diagnostic) as error:
            _plan(dated=True).run(override={"g": value})
        assert error.value.code.ident == "LW3046"


def test_what_is_overridden_says_how() -> None:
    model = _plan(dated=False)
    with pytest.raises(Diagnostic, match="formula of the model") as error:
        model.run(g=0.5)
    assert "override" in str(error.value.help)
    with pytest.raises(Diagnostic, match="no input 'override'") as error:
        model.compile().run(override={"g": 0.5})
    assert "compile(overrides=" in str(error.value.help)
    assert model.compile(overrides="g").run(g=0.5)["g"].tolist() == [0.5] * 4
