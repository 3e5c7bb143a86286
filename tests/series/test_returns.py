"""Rates of return: published examples, roots of polynomials in many digits, roots put in."""

import datetime
import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.machines.series.solving.returns import NoRate, irr, xirr

# The examples of IRR and XIRR in the documentation of Microsoft Excel.
FLOWS = [-70_000, 12_000, 15_000, 18_000, 21_000, 26_000]
DATED = [-10_000, 2_750, 4_250, 3_250, 2_750]
DAYS = np.datetime64("2000-01-01") + np.arange(3000)
DATES = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]


def test_published_examples():
    assert round(irr(FLOWS).rate, 3) == 0.087
    assert round(irr(FLOWS[:5]).rate, 3) == -0.021
    assert irr(FLOWS[:3], guess=-0.1).rate == pytest.approx(-0.443506941, abs=5e-10)
    assert xirr(DATED, DATES).rate == pytest.approx(0.373362535, abs=2e-9)


def test_dates_are_taken_as_they_come_and_in_any_order():
    right = xirr(DATED, DATES)
    assert xirr(DATED, [datetime.date.fromisoformat(day) for day in DATES]) == right
    assert xirr(DATED, np.array(DATES, "datetime64[ns]")) == right
    turned = [DATED[0], *DATED[:0:-1]], [DATES[0], *DATES[:0:-1]]
    assert xirr(*turned) == right


@pytest.mark.parametrize("seed", range(200))
def test_all_roots_of_a_polynomial(seed):
    random = np.random.default_rng(seed)
    flows = random.integers(-9, 10, random.integers(2, 10)).astype(float)
    kept = [mpmath.mpf(x) for x in np.trim_zeros(flows)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoRate)
        roots = irr(flows).roots
    discounts = (
        mpmath.polyroots(kept, maxsteps=1000, extraprec=1000, asc=True) if len(kept) > 1 else []
    )
    right = sorted(
        float(1 / mpmath.re(v) - 1)
        for v in discounts
        if abs(mpmath.im(v)) < 1e-12 * abs(v) and mpmath.re(v) > 0
    )
    apart = [r for n, r in enumerate(right) if not n or r - right[n - 1] > 1e-6 * (1 + abs(r))]
    assert len(roots) == len(apart)
    np.testing.assert_allclose(roots, apart, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("rates", [[0.1], [0.1, 0.4], [-0.5, 0.2, 1.0], [-0.3, 0.0, 0.05, 0.1]])
def test_rates_that_were_put_in(rates):
    flows = np.array([1.0])
    for rate in rates:
        flows = np.convolve(flows, [-1.0, 1.0 + rate])
    rates_of = irr(flows)
    np.testing.assert_allclose(rates_of.roots, rates, atol=1e-9)
    assert rates_of.rate == pytest.approx(min(rates, key=abs), abs=1e-9)
    assert irr(flows, guess=rates[-1]).rate == pytest.approx(rates[-1], abs=1e-9)


def test_rates_that_lie_close():
    flows = np.array([1.0])
    for rate in range(1, 8):
        flows = np.convolve(flows, [-1.0, 1.0 + rate / 100])
    kept = [mpmath.mpf(x) for x in flows]
    exact = mpmath.polyroots(kept, maxsteps=1000, extraprec=500, asc=True)
    right = sorted(float(1 / mpmath.re(v) - 1) for v in exact)
    np.testing.assert_allclose(irr(flows).roots, right, atol=1e-12)


def test_labels_are_matched():
    flows = pd.Series([-100.0, 110.0], index=["a", "b"])
    days = pd.Series(["2021-01-01", "2020-01-01"], index=["b", "a"])
    assert xirr(flows, days) == xirr([-100.0, 110.0], ["2020-01-01", "2021-01-01"])
    with pytest.raises(Diagnostic, match="labels of the dates"):
        xirr(flows, days.rename({"a": "c"}))
    turned = pd.Series([110.0, -100.0], index=pd.to_datetime(["2021-01-01", "2020-01-01"]))
    with pytest.raises(Diagnostic, match="not in order"):
        irr(turned)


def test_days_without_dashes_and_with_time_zones():
    right = xirr([-100.0, 110.0], ["2020-01-01", "2021-01-01"])
    assert xirr([-100.0, 110.0], ["20200101", "20210101"]) == right
    zoned = pd.to_datetime(["2020-01-01", "2021-01-01"]).tz_localize("Europe/Berlin")
    assert xirr([-100.0, 110.0], zoned) == right


def test_a_rate_that_is_touched_only():
    assert irr([-100.0, 220.0, -121.0]).roots == pytest.approx((0.1,))
    assert irr([-1.0, 3.0, -3.0, 1.0]).roots == pytest.approx((0.0,), abs=1e-12)


def test_a_mortgage_of_thirty_years():
    rate = 0.0625 / 12
    payment = 1e6 * rate / (1 - (1 + rate) ** -360)
    assert irr([-1e6, *[payment] * 360]).rate == pytest.approx(rate, rel=1e-11)


def test_many_changes_of_sign():
    flows = np.random.default_rng(3).normal(size=120)
    roots = irr(flows).roots
    for root in roots:
        terms = [mpmath.mpf(c) / mpmath.mpf(1 + root) ** t for t, c in enumerate(flows)]
        assert abs(mpmath.fsum(terms)) < 1e-9 * mpmath.fsum(abs(term) for term in terms)


@pytest.mark.parametrize(
    "flows",
    [
        np.random.default_rng(1).normal(size=500),
        np.array([-1.0, 5e-324, 1.0]),
        1e306 * np.random.default_rng(2).normal(size=400),
        np.full(3, 1.7e308) * [-1, 1, 1],
    ],
    ids=["hundreds of turns", "subnormal", "large", "largest"],
)
def test_flows_of_any_size_end(flows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoRate)
        roots = irr(flows).roots
    size = np.abs(flows).max()
    for root in roots:
        terms = [mpmath.mpf(c / size) / mpmath.mpf(1 + root) ** t for t, c in enumerate(flows)]
        assert abs(mpmath.fsum(terms)) < 1e-8 * mpmath.fsum(abs(term) for term in terms)


def test_lanes():
    flows = np.array([[-100.0, -100.0, 1.0], [110.0, 120.0, 1.0]])
    with pytest.warns(NoRate, match="1 of 3 lanes"):
        rates = lw.series.irr(flows)
    np.testing.assert_allclose(rates.rate, [0.1, 0.2, np.nan], rtol=1e-12)
    assert rates.roots[2] == ()


def of_one_change(lanes, flows=30):
    random = np.random.default_rng(lanes)
    out = random.exponential(size=(flows, lanes)) * 10.0 ** random.integers(-3, 4, lanes)
    for lane, first in enumerate(random.integers(1, flows, lanes)):
        out[:first, lane] *= -random.exponential(3)
    out[1:-1][random.random((flows - 2, lanes)) < 0.1] = 0.0
    return out


@pytest.mark.parametrize("lanes", [1, 2, 7, 40])
def test_lanes_are_as_if_alone(lanes):
    flows = of_one_change(lanes)
    flows[:, ::5] = np.random.default_rng(1).normal(size=flows[:, ::5].shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoRate)
        rates = irr(flows)
        for lane in range(lanes):
            assert irr(flows[:, lane]).roots == rates.roots[lane]


@pytest.mark.parametrize("dated", [False, True])
def test_rates_of_one_change_in_many_digits(dated):
    flows = of_one_change(60)
    times = np.arange(30.0)
    if dated:
        days = np.sort(np.random.default_rng(5).integers(0, 4000, 30))
        days[10:14] = days[10]
        times = (days - days[0]) / 365.0
        rates = xirr(flows, np.datetime64("2020-01-01") + days.astype("timedelta64[D]"))
    else:
        rates = irr(flows)
    for lane, rate in enumerate(rates.rate):
        terms = [
            (mpmath.mpf(c), mpmath.mpf(float(t)))
            for c, t in zip(flows[:, lane], times, strict=True)
        ]
        with mpmath.workdps(40):  # how far Newton's method would go from there
            discounted = [(c * (1 + mpmath.mpf(rate)) ** -t, t) for c, t in terms]
            value = mpmath.fsum(c for c, _ in discounted)
            slope = mpmath.fsum(-t * c for c, t in discounted) / (1 + mpmath.mpf(rate))
            assert abs(value / slope) <= 2e-16 * max(1, abs(rate))


@pytest.mark.parametrize("call", [irr, lambda flows, **more: xirr(flows, DAYS, **more)])
def test_a_deadline_holds(call):
    flows = np.random.default_rng(1).normal(size=3000)
    with pytest.raises(Trap) as caught:
        call(flows, limits=lw.Limits(deadline=0.05))
    assert caught.value.code.ident == "LW2001"
    assert "deadline" in caught.value.help
    few = [-10.0, 1.0, *[0.01] * 2998]
    assert call(few, limits=lw.Limits(deadline=60.0)) == call(few)
    with pytest.raises(Diagnostic, match="limits"):
        call(flows, limits=5)


def test_none_is_not_a_number_and_said():
    with pytest.warns(NoRate, match="no rate of return"):
        assert np.isnan(irr([1.0, 2.0]).rate)
    with pytest.warns(NoRate):
        assert irr([0.0, 0.0]).roots == ()


@pytest.mark.parametrize(
    ("first", "last", "gap"),
    [
        (-1e-300, 1e300, 401), (-5e-324, 1.7e308, 1000), (1e300, -1e-300, 401), (-1, 1e300, 1),
        (1e-250, -1e50, 3), (-1e308, 5e-324, 90), (-1e-200, 1.0, 7), (-1e-199, 1.0, 7),
    ],
)  # fmt: skip
def test_flows_that_differ_by_more_than_doubles_hold(first, last, gap):
    flows = np.zeros(gap + 1)
    flows[0], flows[-1] = first, last
    with mpmath.workdps(40):
        right = float((-mpmath.mpf(last) / mpmath.mpf(first)) ** (mpmath.mpf(1) / gap) - 1)
    assert irr(flows).roots == (pytest.approx(right, rel=1e-13),)
    lanes = np.stack([flows, np.r_[-1.0, np.zeros(gap - 1), 2.0]], 1)
    assert irr(lanes).roots[0] == irr(flows).roots


@pytest.mark.parametrize("small", [1e-250, 1e-300, 1e-320])
def test_far_flows_with_several_rates(small):
    """A square of which both roots are known, its terms far apart."""
    middle, far = 3.0, 2.0 * (1 / small if small > 1e-308 else 1e307)
    flows = np.zeros(801)
    flows[0], flows[400], flows[800] = small, -middle, far
    with mpmath.workdps(60):
        a, b, c = (mpmath.mpf(x) for x in (far, -middle, small))
        bent = b * b - 4 * a * c
        shares = [(-b + turn * mpmath.sqrt(bent)) / (2 * a) for turn in (1, -1)] if bent > 0 else []
        right = [float(share ** (-mpmath.mpf(1) / 400) - 1) for share in shares]
    assert irr(flows).roots == pytest.approx(tuple(right), rel=1e-12)
    assert len(right) == 2 or small > 1e-308


def test_rates_at_the_ends_of_numbers_are_said():
    for flows in ([-100.0, 0.0, 0.0, 1e-300], [-1e300, 1.0], [-1e300, 1e-300], [1.0, -1e-17]):
        with pytest.warns(NoRate, match="the flows have a rate so little above -1"):
            assert irr(flows).roots == (-1.0,)
    days = ["2020-01-01", "2020-01-02"]
    for flows in ([-1.0, 10.0], [5.0, -35.0]):
        with pytest.warns(NoRate, match="a rate of return too large for a number"):
            rates = xirr(flows, days)
        assert np.isnan(rates.rate)
        assert rates.roots == ()
    with pytest.warns(NoRate, match="1 of 2 lanes have a rate of return too large"):
        rates = irr([[-1e-10, -1.0], [1e300, 2.0]])
    assert rates.roots.tolist() == [(), (1.0,)]
    with pytest.warns(NoRate, match="no rate of return above -1"):
        assert irr([1e300, -1.0, 1e-300]).roots == ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert xirr([-1.0, 6.0], days).rate == pytest.approx(6.0**365 - 1, rel=1e-12)
        assert irr([-1e15, 1.0]).rate > -1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: irr(5.0), "one number"),
        (lambda: irr([1.0, float("nan")]), "not all finite"),
        (lambda: irr([1.0, float("inf")]), "not all finite"),
        (lambda: irr(["1", "-2"]), "flows"),
        (lambda: xirr(DATED, DATES[:3]), "5 flows and 3 dates"),
        (lambda: xirr([1, -2], ["2008-01-01", "1.3.2008"]), "date 1 is '1.3.2008'"),
        (lambda: xirr([1, -2], ["2008-01-01", None]), "date 1 is None"),
        (lambda: xirr([], []), "no flows"),
        (lambda: irr([-1, 2], guess="ten"), "guess"),
        (lambda: irr([-1, 2], guess=float("nan")), "guess"),
        (lambda: xirr([-1, 2], [20250101, 20260101]), "date 0 is 20250101"),
        (lambda: xirr([-1, 2], 5), "the dates are 5"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(Diagnostic, match=words) as caught:
        call()
    assert caught.value.code.ident == "LW3050"


@pytest.mark.parametrize(
    "day",
    [
        datetime.datetime(2021, 1, 1, 23, 59),
        datetime.datetime(2021, 1, 1, 0, 0, 0, 1, datetime.UTC),
        np.datetime64("2021-01-01T12", "h"),
        np.datetime64("2021-01-01T00:00:00.000000001", "ns"),
        pd.Timestamp("2021-01-01T06:00"),
        pd.Timestamp(1609459200 * 10**9 + 1),
    ],
)
def test_a_time_of_day_is_no_date(day):
    with pytest.raises(Diagnostic, match=r"LW3050.*date 1 is 2021-01-01.*with a time of day"):
        xirr([-100.0, 110.0], ["2020-01-01", day])
    with pytest.raises(Diagnostic, match=r"LW3016.*the start .* is no day"):
        lw.series.Model("m", periods=2, freq="month", start=day)


def test_midnight_is_a_date():
    right = xirr([-100.0, 110.0], ["2020-01-01", "2021-01-01"])
    for day in (datetime.datetime(2021, 1, 1), np.datetime64("2021-01-01T00", "ns")):
        assert xirr([-100.0, 110.0], ["2020-01-01", day]) == right


def of_scenarios():
    model = lw.series.Model("deal", periods=3, start="2026-01-01", freq="year")
    model.input("r", axes="scenario")
    model.formula("cf", "where(t == 0, -100, 60 * (1 + r))")
    result = model.run(r=[0.0, 0.1, 0.2])
    return result, [irr(result["cf"][:, n]).rate for n in range(3)]


def test_flows_of_several_scenarios_are_not_mixed():
    result, rates = of_scenarios()
    table = result.to_pandas("cf")
    dates = table.index.get_level_values("time")
    calls = [
        lambda: irr(table["cf"]),
        lambda: irr(table),
        lambda: xirr(table["cf"], dates),
        lambda: irr(result.to_xarray()["cf"].stack(both=("time", "scenario"))),
    ]
    for call, way in zip(calls, ["'scenario'"] * 3 + ["'both'"], strict=True):
        with pytest.raises(Diagnostic, match="several would be mixed") as error:
            call()
        assert error.value.code.ident == "LW3050"
        assert f"flows.unstack({way})" in error.value.help
    assert irr(table["cf"].unstack("scenario")).rate.tolist() == rates
    one = table[table.index.get_level_values("scenario") == 1]["cf"]
    assert irr(one).rate == rates[1]
    assert irr(one.iloc[[1, 2, 0]].sort_index()).rate == rates[1]
    with pytest.raises(Diagnostic, match="not in order"):
        irr(one.iloc[[1, 2, 0]])
    quarters = pd.MultiIndex.from_product([[2026, 2027], [1, 2]], names=["year", "quarter"])
    assert irr(pd.Series([-100.0, 40, 40, 40], quarters)).rate == irr([-100.0, 40, 40, 40]).rate


def test_the_dimension_that_is_called_time_is_that_of_periods():
    result, rates = of_scenarios()
    flows = result.to_xarray()["cf"]
    assert irr(flows.T).rate.tolist() == irr(flows).rate.tolist() == rates
    wide = result.to_pandas("cf")["cf"].unstack("time")
    assert irr(wide).rate.tolist() == rates
    assert irr(wide).rate.index.name == "scenario"


def test_rates_are_the_nearest_doubles():
    assert irr([-100, 230, -132]).roots == (0.1, 0.2)
    assert irr([-100, 110]).rate == 0.1
    random = np.random.default_rng(1)
    for _ in range(60):
        flows = random.normal(size=random.integers(3, 30)).round(2) * 100
        with warnings.catch_warnings(), mpmath.workdps(50):
            warnings.simplefilter("ignore", NoRate)
            for rate in irr(flows).roots:
                terms = [(mpmath.mpf(c), n) for n, c in enumerate(flows.tolist())]

                def value(r, terms=terms):
                    return mpmath.fsum(c * (1 + r) ** -n for c, n in terms)

                near = mpmath.mpf(rate), mpmath.mpf(rate) * (1 + mpmath.mpf(10) ** -12)
                assert rate == float(mpmath.findroot(value, near, tol=1e-70, verify=False))
