"""Units and temporal kinds: checked, converted and inferred when the model compiles."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.machines.series.language.model import Model


def rejection(model):
    with pytest.raises(Diagnostic) as caught:
        model.compile()
    return caught.value


def account(**formulas):
    """A monthly account in USD."""
    model = Model("account", periods=6, freq="month")
    model.input("start", unit="USD", kind="stock", default=1200.0)
    model.input("rate", unit="1/year", kind="rate", default=0.12)
    model.input("saved", unit="kUSD/month", kind="flow", default=0.1)
    model.input("fee", unit="EUR", kind="flow", default=1.0)
    model.input("share", unit="percent", default=50.0)
    model.formula("opening", "prev(closing, initial=start)")
    model.formula("interest", "opening * per_period(rate)")
    model.formula("closing", "opening + interest + saved")
    for name, text in formulas.items():
        model.formula(name, text)
    return model


def test_units_and_kinds_are_inferred_round_a_recurrence():
    program = account(gain="closing - opening").compile()
    actual = {port.name: (port.unit, port.kind) for port in program.outputs}
    assert actual["opening"] == ("USD", "stock")
    assert actual["interest"] == ("USD", "flow")
    assert actual["closing"] == ("USD", "stock")
    assert actual["gain"] == ("USD", "flow")


def test_values_of_one_dimension_are_converted():
    model = account(half="closing * share", growth="1 + share", yearly="total(interest)")
    model.formula("in_thousands", "closing", unit="kUSD")
    model.formula("due", "half + closing")
    result = model.compile().run(engine="reference")
    closing = [1200.0]
    for _ in range(6):
        closing.append(closing[-1] + closing[-1] * 0.12 / 12 + 0.1 * 1000)
    np.testing.assert_allclose(result["closing"], closing[1:], rtol=1e-15)
    np.testing.assert_allclose(result["in_thousands"], np.array(closing[1:]) / 1000, rtol=1e-15)
    assert float(result["growth"]) == 1.5
    assert result.units["due"] == "USD"
    np.testing.assert_allclose(result["due"], 1.5 * np.array(closing[1:]), rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("opening + fee", "LW3012", ("USD", "EUR")),
        ("max(opening, fee)", "LW3012", ("USD", "EUR")),
        ("opening if opening > fee else 0", "LW3012", ("USD", "EUR")),
        ("opening if t > 3 else fee", "LW3012", ("USD", "EUR")),
        ("opening + 1", "LW3012", ("USD", "1.0")),
        ("prev(opening, initial=fee)", "LW3012", ("USD", "EUR")),
        ("exp(opening)", "LW3012", ("opening", "USD")),
        ("2 ** opening", "LW3012", ("opening", "USD")),
        ("cumprod(opening)", "LW3012", ("opening", "USD")),
        ("opening * rate", "LW3014", ("rate", "year")),
        ("1 + rate", "LW3014", ("rate", "year")),
        ("opening + opening * 0.5 * rate", "LW3014", ("year",)),
    ],
)
def test_what_does_not_fit_is_underlined(text, code, said):
    model = account()
    model.formula("bad", "0 + (" + text + ")")
    error = rejection(model)
    assert error.code.ident == code
    assert error.span is not None
    assert error.help
    for word in said:
        assert word in error.message


def test_zero_fits_every_unit_and_squares_and_roots_have_theirs():
    program = account(
        floor_="max(opening, 0)", area="opening ** 2", side="sqrt(area)", ratio="side / opening"
    ).compile()
    units = {port.name: port.unit for port in program.outputs}
    assert units["floor_"] == units["side"] == "USD"
    assert units["area"].replace(" ", "") in ("USD**2", "USD^2")
    assert units["ratio"] == ""


def test_units_of_one_dimension_cancel_in_products():
    model = Model("power", periods=1)
    model.input("energy", unit="MWh", default=2.0)
    model.input("price", unit="EUR/kWh", default=0.1)
    model.input("days", unit="day", default=365.25)
    model.formula("cost", "energy * price")
    model.formula("power", "energy / days", unit="MWh/year")
    result = model.compile().run(engine="reference")
    assert result.units["cost"] == "EUR"
    assert float(result["cost"]) == pytest.approx(200.0)
    assert float(result["power"]) == pytest.approx(2.0)


def test_unknown_units_are_named():
    model = Model("m", periods=2)
    model.input("x", unit="USDD")
    model.formula("y", "x")
    error = rejection(model)
    assert error.code.ident == "LW3015"
    assert "USD" in error.help


def test_currencies_do_not_add_and_convert_with_a_rate():
    model = Model("fx", periods=2)
    model.input("cash", unit="EUR", default=10.0)
    model.input("fx", unit="USD/EUR", kind="index", default=1.1)
    model.formula("dollars", "cash * fx", unit="USD")
    assert float(model.compile().run(engine="reference")["dollars"]) == 11.0


@pytest.mark.parametrize(
    ("kinds", "text", "declared", "fails"),
    [
        ({"a": "index", "b": "flow"}, "a + b", None, True),
        ({"a": "rate", "b": "stock"}, "b - a", None, True),
        ({"a": "count", "b": "flow"}, "a + b", None, True),
        ({"a": "index", "b": "flow"}, "a * b", "flow", False),
        ({"a": "stock", "b": "rate"}, "a * b", "flow", False),
        ({"a": "stock", "b": "rate"}, "a * b", "stock", True),
        ({"a": "stock", "b": "rate"}, "a * (1 + b)", "stock", False),
        ({"a": "stock", "b": "flow"}, "a + b", "stock", False),
        ({"a": "flow", "b": "flow"}, "a + b", "stock", True),
        ({"a": "flow", "b": "flow"}, "cumsum(a - b)", "stock", False),
        ({"a": "stock", "b": "flow"}, "b / a", "rate", False),
        ({"a": "stock", "b": "flow"}, "b", "rate", True),
        ({"a": "stock", "b": "stock"}, "a - prev(a)", "flow", False),
        ({"a": "stock", "b": "flow"}, "min(a, b)", "flow", False),
        ({"a": "stock", "b": "flow"}, "where(t == 2, a, 0) - b", "flow", False),
        ({"a": "stock", "b": "flow"}, "-(0.05 * prev(a)) + b", "flow", False),
        ({"a": "stock", "b": "flow"}, "a / 12", "flow", False),
        ({"a": "stock", "b": "flow"}, "a", "flow", True),
        ({"a": "stock", "b": "flow"}, "-a", "flow", True),
        ({"a": "stock", "b": "flow"}, "b + a", "flow", True),
        ({"a": "stock", "b": "flow"}, "b - prev(a)", "flow", True),
        ({"a": "stock", "b": "flow"}, "cumsum(b)", "flow", True),
        ({"a": "stock", "b": "flow"}, "total(b) + b", "flow", True),
        ({"a": "stock", "b": "flow"}, "last(a)", "flow", True),
        ({"a": "stock", "b": "index"}, "a * b", "flow", True),
    ],
)
def test_kinds_follow_the_rules_of_finance(kinds, text, declared, fails):
    model = Model("m", periods=3)
    for name, kind in kinds.items():
        model.input(name, kind=kind, default=1.0)
    model.formula("out", text, kind=declared)
    if fails:
        assert rejection(model).code.ident == "LW3013"
    else:
        (out,) = model.compile().outputs
        assert out.kind == (declared or "")


def test_compounding_and_calendar_units():
    model = Model("m", periods=2, freq="quarter", start="2024-01-01")
    model.input("rate", unit="1/year", kind="rate", default=0.0824)
    model.input("amount", unit="USD", kind="stock", default=100.0)
    model.formula("simple", "amount * per_period(rate)", unit="USD", kind="flow")
    model.input("growth", kind="rate", default=0.21550625)
    model.formula("compound", "compound_per_period(growth)")
    model.formula("actual", "amount * (rate * year_fraction)", unit="USD")
    result = model.compile().run(engine="reference")
    assert float(result["simple"]) == pytest.approx(2.06)
    assert float(result["compound"]) == pytest.approx(0.05)
    np.testing.assert_allclose(result["actual"], 8.24 * np.array([91, 91]) / 365)


def test_periods_need_a_frequency():
    model = Model("m", periods=2)
    model.input("rate")
    model.formula("out", "per_period(rate)")
    assert rejection(model).code.ident == "LW3017"


def test_pint_is_loaded_only_for_units():
    script = (
        "import sys; from lanework.machines.series.language.model import Model\n"
        "m = Model('m', periods=2); m.input('x', kind='stock'); m.formula('y', 'x * 2')\n"
        "m.compile(); print('pint' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.strip() == "False"
