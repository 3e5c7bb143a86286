"""Calendars against pandas, and the day counts against worked examples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.machines.series.language.calendar import Calendar
from lanework.machines.series.language.model import Model

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize("start", ["2024-01-31", "2023-12-30", "2024-02-29", "2021-06-15"])
@pytest.mark.parametrize(
    ("freq", "step"), [("month", {"months": 1}), ("quarter", {"months": 3}), ("year", {"years": 1})]
)
def test_periods_begin_where_pandas_offsets_do(start, freq, step):
    calendar = Calendar(start, freq, 30)
    scaled = [pd.DateOffset(**{unit: n * k for unit, n in step.items()}) for k in range(31)]
    edges = [pd.Timestamp(start) + offset for offset in scaled]
    assert calendar.begins().tolist() == [edge.date() for edge in edges[:-1]]
    assert calendar.ends().tolist() == [(e - pd.Timedelta(days=1)).date() for e in edges[1:]]
    assert calendar.days().tolist() == [(b - a).days for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("word", ["year", "month", "days_in_period", "year_fraction"])
def test_dates_need_a_start(word):
    model = Model("m", periods=3, freq="month")
    model.formula("y", f"{word} + 0 * t")
    with pytest.raises(Diagnostic, match="needs a calendar"):
        model.compile()


def test_days():
    calendar = Calendar("2024-02-28", "day", 3)
    assert calendar.begins().astype(str).tolist() == ["2024-02-28", "2024-02-29", "2024-03-01"]


def test_year_fractions():
    calendar = Calendar("2024-01-31", "month", 3)
    np.testing.assert_array_equal(calendar.year_fractions(), np.array([29, 31, 30]) / 365)
    # 31 Jan (30) to 29 Feb: 29 days; 29 Feb to 31 Mar: 32; 31 Mar (30) to 30 Apr: 30.
    np.testing.assert_array_equal(calendar.year_fractions("30/360"), np.array([29, 32, 30]) / 360)
    full = Calendar("2024-03-01", "year", 2).year_fractions("30/360")
    assert full.tolist() == [1.0, 1.0]


def test_conversion_by_kind():
    calendar = Calendar("2024-01-01", "month", 14)
    x = np.arange(14.0)
    assert calendar.convert(x, "quarter").tolist() == [3.0, 12.0, 21.0, 30.0, 25.0]
    assert calendar.convert(x, "year", "stock").tolist() == [11.0, 13.0]
    assert calendar.convert(x, "year", "rate").tolist() == [5.5, 12.5]
    rates = np.full((2, 14), 0.01)
    compounded = calendar.convert(rates, "quarter", "rate", compound=True)
    np.testing.assert_allclose(compounded[:, :4], 1.01**3 - 1, rtol=1e-14)
    assert calendar.coarser("quarter").periods == 5
    days = Calendar("2024-01-01", "day", 60)
    assert days.convert(np.ones(60), "month").tolist() == [31.0, 29.0]
    assert days.convert(np.arange(60.0), "day", "index").tolist() == list(range(60))


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda: Calendar("2024-13-01", "month", 3), "LW3016"),
        (lambda: Calendar("2024-01-01", "week", 3), "LW3016"),
        (lambda: Calendar("2024-01-01", "month", 0), "LW3016"),
        (lambda: Calendar("2024-01-01", "year", 9000), "LW3016"),
        (lambda: Calendar("2024-01-01", "year", 2).year_fractions("act/360"), "LW3016"),
        (lambda: Calendar("2024-01-01", "year", 2).convert([1, 2], "month"), "LW3028"),
        (lambda: Calendar("2024-01-01", "month", 2).convert([1, 2, 3], "year"), "LW3028"),
        (lambda: Calendar("2024-01-01", "month", 2).convert([1, 2], "year", "price"), "LW3028"),
    ],
)
def test_nonsense_is_refused(action, code):
    with pytest.raises(Diagnostic) as caught:
        action()
    assert caught.value.code.ident == code


def test_columns_in_formulas():
    model = Model("m", periods=4, freq="quarter", start="2023-11-30")
    model.formula("when", "year * 100 + month")
    model.formula("length", "days_in_period + 1000 * year_fraction")
    result = model.compile().run(engine="reference")
    assert result["when"].tolist() == [202311, 202402, 202405, 202408]
    days = np.array([91, 91, 92, 92.0])
    np.testing.assert_allclose(result["length"], days + 1000 * (days / 365))


def test_a_node_may_have_the_name_of_a_column():
    model = Model("m", periods=2)
    model.input("year", default=7.0)
    model.formula("out", "year + 1")
    assert float(model.compile().run(engine="reference")["out"]) == 8.0


def test_columns_need_periods():
    model = Model("m", freq="month", start="2024-01-01")
    model.formula("out", "month")
    with pytest.raises(Diagnostic) as caught:
        model.compile()
    assert caught.value.code.ident == "LW3022"


def interest(formula, **more):
    model = Model("loan", periods=2, start="2026-01-01", freq="month")
    model.input("debt", unit="EUR", default=100.0)
    model.input("rate", unit="1/year", default=0.05)
    model.formula("basis", "360", unit="day/year")
    for name, text in more.items():
        model.formula(name, text)
    model.formula("interest", formula, unit="EUR", kind="flow")
    return model


@pytest.mark.parametrize(
    ("formula", "more"),
    [
        ("debt * rate * days_in_period / 360", {}),
        ("debt * (rate / 360) * -days_in_period", {}),
        ("debt * rate * days / 365", {"days": "days_in_period"}),
        ("debt * rate * share", {"share": "days_in_period / 365.25"}),
    ],
)
def test_days_are_not_divided_by_the_days_of_a_year_twice(formula, more):
    with pytest.raises(Diagnostic, match="days of a year twice") as error:
        interest(formula, **more).run()
    assert error.value.code.ident == "LW3014"
    assert "write year_fraction" in (error.value.help or "")
    plain = Model("loan", periods=2, start="2026-01-01", freq="month")  # which has no units
    plain.formula("interest", "100 * 0.05 * days_in_period / 360")
    assert plain.run()["interest"][0] == pytest.approx(100 * 0.05 * 31 / 360)


@pytest.mark.parametrize(
    "formula",
    ["debt * rate * year_fraction * 365 / 360", "debt * rate * days_in_period / basis"],
)
def test_interest_on_actual_days_over_360_has_ways_to_be_written(formula):
    assert interest(formula).run()["interest"][0] == pytest.approx(100 * 0.05 * 31 / 360)


def test_the_tree_of_a_number_has_the_units_of_the_calendar_and_what_they_multiply_by():
    model = interest("debt * rate * days_in_period")
    model.formula("thousands", "debt + kilo", unit="kEUR")
    model.input("kilo", unit="kEUR", default=1.0)
    result = model.run()
    tree = result.explain("interest", t=0)
    debt, rate, days = tree.root.children
    assert (days.unit, days.value) == ("day", 31.0)
    product, _, factor = tree.root.note.rpartition(" times ")
    assert product == "`debt * rate`"
    own = debt.value * rate.value * float(factor) * days.value
    assert own == pytest.approx(result["interest"][0], rel=1e-9)
    assert "(`kilo` times 1000; all times 0.001)" in str(result.explain("thousands"))
