"""Units against pint, whose definitions the plain ones repeat; and the text they are read from."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanework.base import units
from lanework.base.errors import Diagnostic

PLAIN = sorted(name for name in units._names if name)


OTHERS = {
    "barrel": (158.987294928, "liter"),
    "rpm": (1 / 60, "1/second"),
    "revolutions_per_second": (1.0, "hertz"),
    "decade": (10.0, "year"),
    "lb": (453.59237, "gram"),
    "short_ton": (907184.74, "gram"),
    "avoirdupois_ounce": (28.349523125, "gram"),
    "unit": (1.0, ""),
    "person": (1.0, "unit"),
    "policy": (1.0, "unit"),
    "unit_count": (1.0, "unit"),
}


def theirs(name):
    return units.registry().parse_units("percent" if name == "%" else name)


def test_plain_units_are_as_pint_defines_them():
    registry = units.registry()
    for name in PLAIN:
        full = units._names[name]
        if not full:
            assert theirs(name).dimensionless
            continue
        if full == "quarter":  # a weight in pint, a period here
            assert units.parse(name).factor(units.parse("month")) == 3.0
            continue
        if name in ("pct", "pp", "percentage_point"):  # others in pint, or none
            assert full == "percent"
            continue
        if full == "basis_point":  # a length of printers in pint
            assert units.parse(name).factor(units.parse("percent")) == 0.01
            continue
        if full in OTHERS:  # others in pint, or none, or of a doubtful name there
            size, unit = OTHERS[full]
            assert units.parse(name).factor(units.parse(unit)) == size
            continue
        root, _ = registry.get_root_units(theirs(name))
        symbol = units._symbols[full]
        assert f"{theirs(name)}" == full
        assert float(symbol.scale) == pytest.approx(root, rel=1e-14), name
        assert dict(symbol.dimensions) == dict(theirs(name).dimensionality), name


def test_names_that_are_not_plain_come_from_pint():
    assert units.parse("lb").factor(units.parse("kg")) == 0.45359237
    assert units.parse("kUSD").factor(units.parse("USD")) == 1000.0
    assert units.parse("watt*hour").factor(units.parse("kWh")) == 0.001
    assert units.parse("m").reduced() == units.parse("meter")
    assert str(units.parse("foot*m/foot**2").reduced()) == ""
    assert str(units.parse("liter/m**2").reduced()) == "meter"
    assert units.parse("liter/m**2").factor(units.parse("mm")) == 1.0


NAMES = st.sampled_from(["kWh", "MWh", "USD", "year", "month", "day", "kg", "W", "%", "m", "hour"])
TERMS = st.lists(st.tuples(NAMES, st.integers(-3, 3)), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(TERMS, TERMS)
def test_factors_are_pints(a, b):
    def make(terms, of, unit):
        for name, power in terms:
            unit = unit * of(name) ** power
        return unit

    mine = make(a, units.parse, units.Unit()), make(b, units.parse, units.Unit())
    none = units.registry().Unit("")
    pint = make(a, theirs, none), make(b, theirs, none)
    same = pint[0].dimensionality == pint[1].dimensionality
    assert units.same_dimension(*mine) == same
    factor = mine[0].factor(mine[1])
    if not same:
        assert factor is None
    else:
        assert factor == pytest.approx((1 * pint[0]).to(pint[1]).magnitude, rel=1e-12)
    reduced = mine[0].reduced()
    assert reduced.dimensions() == mine[0].dimensions()
    assert mine[0].factor(reduced) is not None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(NAMES, st.fractions(-3, 3, max_denominator=3)), max_size=4))
def test_the_text_of_a_unit_reads_back(terms):
    unit = units.Unit()
    for name, power in terms:
        unit = unit * units.parse(name) ** power
    assert units.parse(str(unit)) == unit
    assert hash(units.parse(str(unit))) == hash(unit)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("USD/month", "USD/month"),
        (" USD / month ", "USD/month"),
        ("EUR per MWh", "EUR/megawatt_hour"),
        ("1/year", "1/year"),
        ("1", ""),
        ("", ""),
        ("%", "percent"),
        ("USD/month/policy", "USD/month/policy"),
        ("USD/(month policy)", "USD/month/policy"),
        ("m^2", "meter**2"),
        ("m**-2", "1/meter**2"),
        ("USD**(1/2)", "USD**(1/2)"),
        ("USD**0.5", "USD**(1/2)"),
        ("USD/USD", ""),
    ],
)
def test_texts(text, shown):
    assert str(units.parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "said", "help"),
    [
        ("USDD/month", "'USDD'", "did you mean 'USD'?"),
        ("mounth", "'mounth'", "did you mean 'month'?"),
        ("USD/", "missing at its end", "EUR/MWh"),
        ("3*USD", "'3'", "factors"),
        ("USD*2", "'2'", "factors"),
        ("USD)", "')'", "EUR/MWh"),
        ("(USD", "missing", "EUR/MWh"),
        ("USD**", "missing", "EUR/MWh"),
        ("USD**(1/0)", "", ""),
        ("USD**1000", "'1000'", ""),
        ("((USD**64)**64)", "at most 64", ""),
        ("USD + EUR", "'+'", ""),
        ("m²", "'m²'", "m**2"),
        ("degC", "'degC'", "kelvin"),
        ("__import__('os')", "", ""),
        ("USD*" * 60, "200", ""),
        ("(" * 199, "missing", ""),
        ("\0", "", ""),
    ],
)
def test_what_is_no_unit(text, said, help):
    with pytest.raises(Diagnostic) as caught:
        units.parse(text)
    error = caught.value
    assert error.code.ident == "LW0401"
    assert said in error.message
    assert help in (error.help or "")
    if error.span is not None:
        assert "^" in error.render()


@settings(max_examples=300, deadline=None)
@given(st.text("USDMWhm/*^()% 1.2-", max_size=12))
def test_any_text_is_a_unit_or_a_diagnostic(text):
    try:
        unit = units.parse(text)
    except Diagnostic:
        return
    assert units.parse(str(unit)) == unit


def test_factors_are_exact_or_none():
    factor = units.parse("year**3").factor(units.parse("month**3"))
    assert factor == 1728.0
    assert units.parse("USD").factor(units.parse("EUR")) is None
    assert units.parse("percent").factor(units.Unit()) == 0.01
    assert (units.parse("GW") ** 64).factor(units.parse("kW") ** 64) is None  # 1e384
    assert (units.parse("year") ** 0.5).factor(units.parse("month") ** 0.5) == pytest.approx(
        12**0.5, rel=1e-15
    )
    assert units.parse("USD") ** 0 == units.Unit()
    assert (units.parse("m") ** (1 / 3)).powers == (("meter", Fraction(1, 3)),)
    assert units.parse("USD/year").per_time() == "year"
    assert units.parse("USD*year").per_time() is None


def test_common_units_do_not_load_pint():
    code = (
        "import sys; from lanework.base import units as u;"
        "x = u.parse('EUR/MWh') * u.parse('kWh');"
        "assert str(x.reduced()) == 'EUR' and x.factor(u.parse('EUR')) == 0.001;"
        "u.parse('1/month').factor(u.parse('1/year'));"
        "assert 'pint' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
