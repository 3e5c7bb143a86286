"""Model files: read, never run; and the examples that come with the package."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.machines.series.language.model import Model, load_model, read_model

EXAMPLES = Path(__file__).parents[2] / "examples"

TEXT = '''"""A loan."""
# Comments are fine.
model("loan", periods=3, freq="month", start="2025-01-01")

principal = input(unit="USD", kind="stock", axes="scenario", default=300)
rate: rate["1/year"] = input(default=0.12)
"The yearly rate."
share = table({0: 1, 1: 2, 2: 3}, outside="clamp", doc="By period.")

opening: stock["USD"] = prev(closing, initial=principal)
interest: flow = (
    opening
    * per_period(rate)
)
"What the lender earns."
repaid: flow["USD"] = principal / 6 * share(t)
closing = opening - repaid

output(interest, reduce="scenario")
output(end=last(closing))
horizon(3)
'''


def test_a_file_says_what_python_would():
    model = Model.from_text(TEXT, "loan.series")
    assert (model.name, model.periods, model.freq, model.doc) == ("loan", 3, "month", "A loan.")
    assert model.inputs["rate"].unit == "1/year"
    assert model.inputs["rate"].doc == "The yearly rate."
    assert model.formulas["interest"].doc == "What the lender earns."
    assert model.formulas["interest"].shown == "( opening * per_period(rate) )" or (
        model.formulas["interest"].shown == "opening * per_period(rate)"
    )
    program = model.compile()
    assert {p.name: (p.unit, p.kind) for p in program.outputs} == {
        "interest": ("USD", "flow"),
        "end": ("USD", "stock"),
    }
    result = program.run(engine="reference")
    np.testing.assert_allclose(result["interest"], [3.0, 2.5, 1.5])
    assert float(result["end"]) == 0.0
    names = {entry.span.source for entry in program.listing if entry.span}
    assert names == {"loan.series"}


def test_spans_are_those_of_the_file():
    with pytest.raises(Diagnostic) as caught:
        Model.from_text(
            TEXT.replace("opening - repaid", "opening - repayd"), "loan.series"
        ).compile()
    error = caught.value
    assert (error.span.source, error.span.line, error.span.column) == ("loan.series", 17, 21)
    assert "repaid" in error.help
    with pytest.raises(Diagnostic) as caught:
        Model.from_text(TEXT.replace("* per_period(rate)", "+ per_period(rate)"), "x").compile()
    assert (caught.value.span.line, caught.value.span.end_line) == (12, 13)


REFUSED = {
    "def f(): pass": ("LW3023", 1),
    "x = 1\nimport os": ("LW3023", 2),
    "for i in x: pass": ("LW3023", 1),
    "x += 1": ("LW3023", 1),
    "x, y = 1, 2": ("LW3023", 1),
    "x = y = 1": ("LW3023", 1),
    "x: flow": ("LW3023", 1),
    "x: flwo = 1": ("LW3023", 1),
    "x: flow[1] = 1": ("LW3023", 1),
    "'lonely'": (None, None),
    "x = 1\n'doc'\n'lonely'": ("LW3023", 3),
    "print(1)": ("LW3023", 1),
    "outptu(x)": ("LW3023", 1),
    "x = input(unti='USD')": ("LW3023", 1),
    "x = input(unit=USD)": ("LW3023", 1),
    "x = input(unit=3)": ("LW3023", 1),
    "x = input(axes=3)": ("LW3023", 1),
    "x = input(default=[1])": ("LW3023", 1),
    "x = input(**y)": ("LW3023", 1),
    "x = table()": ("LW3023", 1),
    "x = table('nowhere.csv')": ("LW3025", 1),
    "model('a')\nmodel('b')": ("LW3023", 2),
    "model(periods='3')": ("LW3016", 1),
    "horizon(1, 2)": ("LW3023", 1),
    "output(1 + 2)": ("LW3023", 1),
    "output(**x)": ("LW3023", 1),
    "output(x, reduce=3)": ("LW3023", 1),
    "\n  x = 1": ("LW3001", 2),
    "x = (1": ("LW3001", 1),
    "x = 1\nx = 2": ("LW3006", 2),
    "x = lambda: 1": ("LW3002", 1),
    "x = exp(1, 2)": ("LW3005", 1),
    "x = '\0'": ("LW3001", None),
    "x = " + "-" * 4000 + "1": ("LW3024", None),
}


@pytest.mark.parametrize("text", REFUSED)
def test_other_lines_are_refused_with_their_place(text):
    code, line = REFUSED[text]
    if code is None:
        Model.from_text(text)
        return
    with pytest.raises(Diagnostic) as caught:
        Model.from_text(text, "m.series")
    assert caught.value.code.ident == code
    if line is not None:
        assert caught.value.span.line == line
        assert caught.value.span.source == "m.series"


def test_reading_runs_nothing(tmp_path):
    marker = tmp_path / "marker"
    text = f"x = __import__('os').system('touch {marker}')\ny = open({str(marker)!r}, 'w')"
    with pytest.raises(Diagnostic):
        Model.from_text(text).compile()
    assert not marker.exists()


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(Diagnostic) as caught:
        load_model(tmp_path / "none.series")
    assert caught.value.code.ident == "LW3025"
    bad = tmp_path / "bad.series"
    bad.write_bytes(b"x = '\xff'")
    with pytest.raises(Diagnostic) as caught:
        load_model(bad)
    assert "UTF-8" in caught.value.message


def test_tables_are_found_beside_the_file(tmp_path):
    (tmp_path / "q.csv").write_text("k,v\n1,2\n")
    (tmp_path / "m.series").write_text("model('m', periods=1)\nq = table('q.csv')\ny = q(1)\n")
    assert float(load_model(tmp_path / "m.series").compile().run(engine="reference")["y"]) == 2.0


def columns(path, rows=None):
    with open(path, newline="") as file:
        table = list(csv.DictReader(file))[:rows]
    return {name: [row[name] for row in table] for name in table[0]}


def given(program, *tables):
    merged = {}
    for table in tables:
        merged.update(table)
    return {
        port.name: merged[port.name]
        if port.categories
        else np.array(merged[port.name], dtype=float)
        for port in program.inputs
        if port.name in merged
    }


def test_projfin40_has_its_expected_values():
    folder = EXAMPLES / "data" / "projfin40"
    program = load_model(EXAMPLES / "projfin40.series").compile()
    result = program.run(engine="reference", **given(program, columns(folder / "time_inputs.csv")))
    expected = json.loads((folder / "expected_base.json").read_text())
    for name, output in (("npv", "npv_end"), ("short_cum", "short_end"), ("cash", "cash_end")):
        assert float(result[output]) == pytest.approx(expected[name], rel=1e-12)


def test_basicterm_me_has_the_expected_values_of_each_policy():
    folder = EXAMPLES / "data" / "basicterm_me"
    model = load_model(EXAMPLES / "basicterm_me.series")
    names = ["pv_net_cf", "pv_premiums", "pv_claims", "pv_expenses", "pv_commissions"]
    for name in names:
        model.output(name)
    program = model.compile()
    points = columns(folder / "model_point_table.csv", 100)
    result = program.run(engine="reference", **given(program, points))
    expected = columns(folder / "expected_pv_first100.csv")
    for name in names:
        np.testing.assert_allclose(
            result[name], np.array(expected[name], float), rtol=1e-11, atol=1e-6
        )


PUBLISHED = {
    "basicterm_me": ("model_point_table.csv", 215146132.0684811),
    "basicterm_m": ("model_point_table.csv", 14489630.534603368),
    "savings_ex4": ("model_point_table_10K.csv", 3507113709040.141),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_totals(name):
    points, total = PUBLISHED[name]
    folder = EXAMPLES / "data" / name
    program = load_model(EXAMPLES / f"{name}.series").compile(outputs=["pv_net_cf"])
    tables = [columns(folder / points)]
    if name == "savings_ex4":
        tables.append(columns(folder / "inv_return_mth.csv"))
    result = program.run(**given(program, *tables))
    assert float(result["pv_net_cf"]) == pytest.approx(total, rel=1e-10)


def test_the_loan_is_repaid_in_both_spellings():
    result = load_model(EXAMPLES / "loan.series").compile().run(rate=np.array([0.0, 0.06]))
    assert np.abs(result["closing"][-1]).max() < 1e-6
    rate, n = 0.06 / 12, 120
    level = 100_000 * rate / (1 - (1 + rate) ** -n)
    np.testing.assert_allclose(result["payment"][:, 1], level, rtol=1e-10)
    np.testing.assert_allclose(result["total_cost"], [600, 120 * level - 100_000 + 600], rtol=1e-9)
    assert result.units == {"closing": "USD", "payment": "USD", "total_cost": "USD"}
    namespace = runpy.run_path(str(EXAMPLES / "loan.py"))
    assert float(namespace["loan"]().run(rate=0.03)["closing"][-1]) == 0.0


@pytest.mark.parametrize(
    "statement",
    [
        "x = input(default={})",
        "q = table({{0: 1, 1: {}}}); x = q(t)",
        "x = 0.5 * x + 1; circular(x, guess={})",
    ],
)
def test_settings_that_overflow_or_vanish_are_refused_as_in_formulas(statement):
    for number, said in (("1e400", "beyond"), ("-1e999", "beyond"), ("1e-400", "below")):
        text = f'model("m", periods=2); {statement.format(number)}; output(x)'
        with pytest.raises(Diagnostic, match=f"LW3023.*{said}") as caught:
            read_model(text)
        assert caught.value.span.column > 20
    for number in ("1e308", "0.0", "-0e9", "5e-324"):
        read_model(f'model("m", periods=2); {statement.format(number)}; output(x)')
