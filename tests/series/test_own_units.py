"""Basis points, units and currencies that a model defines, and rates of exchange."""

import pytest

import lanework as lw


def value(text, out=None, defined=(), **units):
    """The formula with inputs 2, 3, 4 ... in these units: number and unit."""
    model = lw.series.Model("m", periods=1)
    for words in defined:
        model.unit(*words)
    for name, unit in units.items():
        model.input(name, unit=unit)
    model.formula("y", text, unit=out)
    result = model.run(**{name: n + 2.0 for n, name in enumerate(units)})
    return float(result["y"]), result.units["y"]


@pytest.mark.parametrize("bp", ["bp", "bps", "basis_point"])
def test_a_basis_point_is_a_part_of_ten_thousand(bp):
    assert value("a * b", a="USD", b=bp) == (pytest.approx(0.0006), "USD")
    assert value("a * b", "USD", a="USD", b=bp) == (pytest.approx(0.0006), "USD")
    assert value("a + b", a="percent", b=bp) == (pytest.approx(2.03), "percent")
    assert value("1 + b", b=bp) == (pytest.approx(1.0002), "")
    assert value("b * 1", bp, b="percent") == (pytest.approx(200.0), bp)
    assert value("a * b * c", "USD", a="USD", b=f"{bp}/year", c="year")[0] == pytest.approx(0.0024)


def test_units_of_a_models_own():
    lot = [("lot", "100 barrel")]
    assert value("a * b", "USD", lot, a="lot", b="USD/barrel") == (600.0, "USD")
    assert value("a + b", None, lot, a="lot", b="barrel") == (2.03, "lot")
    other = [("lot", "50 barrel")]  # of another model
    assert value("a * b", "USD", other, a="lot", b="USD/barrel") == (300.0, "USD")
    chain = [("grand", "1000 USD"), ("mega", "1000 grand")]
    assert value("a + b", "USD", chain, a="mega", b="USD") == (2_000_003.0, "USD")
    assert value("a * b", "USD", [("point",)], a="point", b="USD/point") == (6.0, "USD")


@pytest.mark.parametrize("rate", ["EUR/USD", "XBTC/USD", "EUR/point"])
def test_rates_of_exchange_convert_and_currencies_alone_do_not(rate):
    own = [("XBTC",), ("point",)]
    above, below = rate.split("/")
    assert value("a * r", above, own, a=below, r=rate) == (6.0, above)
    assert value("a / r", below, own, a=above, r=rate) == (pytest.approx(2 / 3), below)
    for text, out in (("a + b", None), ("a * r", below), ("a - a * r", None)):
        with pytest.raises(lw.Diagnostic) as caught:
            value(text, out, own, a=below, b=above, r=rate)
        assert caught.value.code.ident == "LW3012"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("lot", "x barrel"), "LW3015"),
        (("lot", "0 barrel"), "LW3015"),
        (("lot", "-1 barrel"), "LW3015"),
        (("lot", "1/0 barrel"), "LW3015"),
        (("lot", "5 barrell"), "LW3015"),
        (("lot", "5 USD**(1/2)"), "LW3015"),
        (("a b",), "LW3007"),
        (("for",), "LW3007"),
    ],
)
def test_definitions_that_make_no_sense(words, code):
    with pytest.raises(lw.Diagnostic) as caught:
        lw.series.Model("m", periods=1).unit(*words)
    assert caught.value.code.ident == code
    text = f'model("m", periods=1)\nunit{words!r}\n'.replace(",)", ")")
    with pytest.raises(lw.Diagnostic) as caught:
        lw.series.Model.from_text(text)
    assert caught.value.code.ident == code
    assert caught.value.span.line == 2


def test_units_in_model_files():
    model = lw.series.Model.from_text(
        'model("m", periods=1)\nunit("lot", "100 barrel")\nunit("XBTC")\n'
        'a = input(unit="lot", default=2)\np = input(unit="XBTC/barrel", default=3)\n'
        'y: "XBTC" = a * p\nspread = y * input_spread\ninput_spread = input(unit="bp", default=5)\n'
    )
    result = model.run()
    assert (float(result["y"]), result.units["y"]) == (600.0, "XBTC")
    assert float(result["spread"]) == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["pt", "pts", "point", "points", "k", "M", "MM", "mth"])
def test_short_names_that_may_mean_many_things_are_refused(name):
    with pytest.raises(lw.Diagnostic, match="help: write "):
        value("a * b", a="USD", b=name)
    assert value("a * b", "USD", [(name, "1000 USD")], a="USD/USD", b=name) == (6000.0, "USD")


def test_percentage_points_have_a_short_name():
    assert value("a * b", "USD", a="USD", b="pp") == (pytest.approx(0.06), "USD")
    assert value("a + b", "percent", a="pct", b="percent") == (5.0, "percent")


@pytest.mark.parametrize(
    "name",
    [
        *("TEUR", "TUSD", "mEUR", "mUSD", "hEUR", "dUSD", "PEUR", "milliEUR", "teraGBP"),
        *("ton", "tons", "kton", "kiloton", "mt", "MT", "kt", "pcs", "pc", "doz"),
        *("revolution", "turn", "cycle", "b", "Mb", "ct", "pound", "ounce", "oz", "pa", "pm", "ph"),
        *("Gbp", "php", "khr", "Myr", "Mbbl", "mbbl", "Mrd", "pkt", "hc", "dd", "th"),
        *("koz", "Mton", "mil", "mths", "cfm", "kmph", "ppt", "dpi", "PS", "TR", "bag"),
    ],
)
def test_names_that_pint_takes_for_something_else_are_refused(name):
    with pytest.raises(lw.Diagnostic, match=r"help: (write|define)") as caught:
        value("a * b", a="USD", b=name)
    assert "may mean many things" in caught.value.message
    assert value("a * b", "USD", [(name, "1000 USD")], a="USD/USD", b=name) == (6000.0, "USD")


@pytest.mark.parametrize(
    ("unit", "other", "factor"),
    [
        *(("bbl", "liter", 158.987294928), ("barrels", "m**3", 0.158987294928)),
        *(("rpm", "1/minute", 1.0), ("rpm", "hertz", 1 / 60), ("rps", "1/second", 1.0)),
        *(
            ("kbbl", "bbl", 1000.0),
            ("krpm", "rpm", 1000.0),
            ("klb", "lb", 1000.0),
            ("GBP", "GBP", 1.0),
            ("megayear", "year", 1e6),
        ),
        *(("kEUR", "EUR", 1000.0), ("MEUR", "kEUR", 1000.0), ("cUSD", "USD", 0.01)),
        *(("decade", "year", 10.0), ("tonne", "kg", 1000.0), ("Mt", "tonne", 1e6)),
        *(("lb", "kg", 0.45359237), ("short_ton", "lb", 2000.0), ("kilotonne", "tonne", 1000.0)),
        *(("avoirdupois_ounce", "lb", 0.0625), ("troy_ounce", "gram", 31.1034768)),
        *(("metric_horsepower", "kW", 0.73549875), ("km/hour", "m/second", 1 / 3.6)),
    ],
)
def test_common_units_are_what_they_are_in_models(unit, other, factor):
    got = value("a + 0 * b", other, a=unit, b=other)
    assert got == (pytest.approx(2.0 * factor, rel=1e-9), other)
    assert value("a * b", "USD", a=unit, b=f"USD/({unit})")[0] == 6.0
    shown = value("a * 1", a=unit)[1]
    assert value("a * 1", a=shown) == (2.0, shown), "what is shown is read as the same"


def test_things_are_counted_in_the_plural_too():
    assert value("a + b", a="unit", b="units") == (5.0, "unit")
    assert value("a * b", "USD", a="persons", b="USD/person") == (6.0, "USD")
    assert value("a * b", "USD", a="policies", b="USD/policy") == (6.0, "USD")
