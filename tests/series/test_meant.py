"""What is meant by a name, a period or a label that is not quite there: taken, or said."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic

DATES = ["2026-01-01", "2026-07-01", "2027-01-01"]
FLOWS = [-100.0, 5.0, 105.0]


def model(freq="year", periods=4):
    m = lw.series.Model("m", periods=periods, start="2026-01-01", freq=freq)
    m.input("growth", default=0.5)
    m.formula("costs", "1 + growth * t")
    m.formula("profit", "10 - costs")
    m.output("profit")
    return m


# Names of nodes that are no outputs -----------------------------------------------------------


@pytest.mark.parametrize("name", ["costs", "growth"])
def test_a_node_that_is_no_output_is_named_as_such(name):
    m = model()
    what = "an input" if name == "growth" else "a node"
    said = rf"'{name}' is {what} of the model, and no output: write output\({name}\)"
    with pytest.raises(Diagnostic, match=said):
        m.run()[name]
    with pytest.raises(Diagnostic, match=said):
        m.compile().bind(outputs=[name])
    assert name in m.compile(outputs=[name]).run()  # as it says


def test_outputs_that_were_left_out_of_a_run_are_no_nodes_to_declare():
    result = model().compile(outputs=["profit", "costs"]).bind(outputs=["profit"])()
    with pytest.raises(Diagnostic) as error:
        result["costs"]
    assert "no output:" not in (error.value.help or "")


# Periods --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "t", [2027, "2027", 1, "2027-01-01", np.int64(2027), datetime.date(2027, 12, 31), "2027-12-31"]
)
def test_what_an_override_takes_as_a_period_is_explained(t):
    m = model()
    assert m.run().explain("costs", t=t).root.period == 1
    assert m.run(override={"costs": {t: 7.0}})["profit"].tolist() == [9.0, 3.0, 8.0, 7.5]


@pytest.mark.parametrize("t", [4, 2030, -1, True, "2030"])
def test_other_periods_are_not_explained(t):
    with pytest.raises(Diagnostic, match="LW3071"):
        model().run().explain("costs", t=t)
    if not isinstance(t, str):
        with pytest.raises(Diagnostic, match=r"0 to 3, or a label such as|labels along"):
            model().run().explain("costs", t=t)


@pytest.mark.parametrize("freq", ["year", "month"])
@pytest.mark.parametrize(
    ("given", "bad"),
    [
        ({12: 1.0}, "12"),
        ({1: 1.0, 7: 2.0}, "7"),
        ({"2026-01-01": 1.0, "2040-01-01": 2.0}, "'2040-01-01'"),
        (pd.Series([1.0] * 4, index=["2026-01-01", "2026-04-01", "2025-01-01", "x"]), None),
        ({0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}, "4"),
    ],
)
def test_an_override_of_no_period_names_it(freq, given, bad):
    with pytest.raises(Diagnostic) as error:
        model(freq).run(override={"costs": given})
    assert "exactly the same labels" not in error.value.help
    if bad is not None:
        assert f"has {bad} along 'time', which is none of its labels" in error.value.message
        assert "some or all of them" in error.value.help


def test_a_table_of_years_names_the_one_that_is_not_there():
    table = pd.Series([1.0, 2.0], index=pd.Index([2027, 2040], name="time"))
    with pytest.raises(Diagnostic, match=r"has 2040 along 'time'.*\n.*2026 to 2029, or 0 to 3"):
        model().run(override={"costs": table})
    with pytest.raises(Diagnostic, match="has 2027 more than once"):
        model().run(override={"costs": pd.Series([1.0, 2.0], index=[2027, 2027])})


# Rates of return ------------------------------------------------------------------------------


@pytest.mark.parametrize("dates", [DATES, np.array(DATES, "M8[D]"), pd.to_datetime(DATES)])
def test_flows_with_dates_of_their_own_have_to_have_these(dates):
    right = lw.series.xirr(FLOWS, DATES).rate
    flows = pd.Series(FLOWS, index=pd.to_datetime(DATES))
    assert lw.series.xirr(flows, dates).rate == right
    turned = flows[::-1]
    assert lw.series.xirr(turned, turned.index).rate == right
    for other in (turned, flows.set_axis(DATES[::-1]), flows.set_axis(["2026-01-01"] * 3)):
        with pytest.raises(Diagnostic, match=r"by its label, and its date is .*\n.*flows.index"):
            lw.series.xirr(other, dates)
    assert lw.series.xirr(turned.to_numpy()[::-1], dates).rate == right


@pytest.mark.parametrize(
    "index", [[2, 1, 0], [2028, 2027, 2026], [2.0, 0.0, 1.0], pd.RangeIndex(2, -1, -1), DATES[::-1]]
)
def test_flows_with_labels_out_of_order_are_refused(index):
    flows = pd.Series(FLOWS[::-1], index=index)
    with pytest.raises(Diagnostic, match="that are not in order"):
        lw.series.irr(flows)
    with pytest.raises(Diagnostic, match="that are not in order"):
        lw.series.irr(flows.to_frame("a"))
    right = lw.series.irr(FLOWS).rate
    assert lw.series.irr(pd.Series(FLOWS, index=sorted(index))).rate == right
    assert lw.series.irr(pd.Series(FLOWS, index=["buy", "a", "sell"])).rate == right


def test_rates_keep_the_labels_of_lanes():
    table = pd.DataFrame({"A": FLOWS, "B": [-90.0, 4.0, 104.0]})
    dated = table.set_axis(pd.to_datetime(DATES))
    for rates in (lw.series.irr(table), lw.series.xirr(dated, DATES)):
        assert list(rates.rate.index) == list(rates.roots.index) == ["A", "B"]
        assert rates.roots["B"] == (rates.rate["B"],)
    assert lw.series.irr(table).rate.tolist() == lw.series.irr(table.to_numpy()).rate.tolist()


def test_rows_that_are_flows_are_told_of():
    table = pd.DataFrame([[-100.0, 5, 105], [-95, 4, 104], [-98, 6, 103]])
    with pytest.warns(lw.series.NoRate, match=r"3 of 3 lanes .* give flows\.T"):
        lw.series.irr(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lw.series.irr(table.T)


# Shares and inputs ----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [10, 1.5, 100.0])
def test_shares_above_one_are_no_shares(share):
    m = lw.series.Model("m", periods=1)
    m.input("price", default=3.0)
    m.formula("sales", "last(2 * price)")
    with pytest.raises(Diagnostic, match=rf"is {share}, which is .* % less.*\n.*such as 0.1"):
        m.compile().tornado("sales", {"price": share})
    assert m.compile().tornado("sales", {"price": 1.0}).bars[0].at_low == 0.0


def test_a_solver_takes_inputs_by_name_too():
    m = lw.series.Model("m", periods=1)
    m.input("square")
    m.input("x", default=1.0)
    m.formula("miss", "last(x * x - square)")
    solver = m.compile().solver("x", "miss", {"x": (0.0, None)})
    for solution in (solver(square=9.0), solver({"square": 9.0}), solver({"x": 2.0}, square=9.0)):
        assert solution["x"] == pytest.approx(3.0, rel=1e-9)
    several = solver(pd.DataFrame({"square": [4.0, 9.0]}), x=1.0)["x"]
    assert several == pytest.approx([2.0, 3.0], rel=1e-9)
    with pytest.raises(Diagnostic, match=r"LW1026.*by name too"):
        solver({"square": 9.0}, square=4.0)
    with pytest.raises(Diagnostic, match="squares"):
        solver(squares=9.0)
