"""Real portfolios against published totals and independently computed values."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from lanework.core.data.files import read_columns
from lanework.machines.series.language.model import load_model

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PUBLISHED = {
    "basicterm_me": ("model_point_table.csv", 215146132.0684811),
    "basicterm_m": ("model_point_table.csv", 14489630.534603368),
    "savings_ex4": ("model_point_table_10K.csv", 3507113709040.141),
}
ENGINES = ("llvm", "stencil", "reference")


def points(program, name, rows=None):
    path = EXAMPLES / "data" / name / PUBLISHED[name][0]
    ports = [port for port in program.inputs if "point" in port.axes]
    labels = {p.name: p.categories for p in ports if p.categories}
    columns = read_columns(path, [p.name for p in ports], labels)
    columns = {key: column[:rows] for key, column in columns.items()}
    if name == "savings_ex4":
        table = read_columns(EXAMPLES / "data" / name / "inv_return_mth.csv", ["inv_return_mth"])
        columns["inv_return_mth"] = table["inv_return_mth"]
    return columns


@pytest.fixture(
    scope="module",
    params=["basicterm_me", *(pytest.param(n, marks=pytest.mark.slow) for n in [*PUBLISHED][1:])],
)
def valued(request):
    program = load_model(EXAMPLES / f"{request.param}.series").compile()
    inputs = points(program, request.param)
    results = {engine: program.bind(engine)(**inputs) for engine in ENGINES}
    return request.param, results


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_published_total(valued, engine):
    name, results = valued
    assert float(results[engine]["pv_net_cf"]) == pytest.approx(PUBLISHED[name][1], rel=1e-10)


def test_engines_agree_to_the_bit(valued):
    _, results = valued
    for output in results["llvm"]:
        for engine in ENGINES:
            assert results[engine][output] == results["reference"][output]


def test_first_hundred_policies():
    model = load_model(EXAMPLES / "basicterm_me.series")
    for name in ("pv_net_cf", "pv_premiums", "pv_claims", "pv_expenses", "pv_commissions"):
        model.output(name)  # by policy instead of their total
    program = model.compile()
    result = program.run(**points(program, "basicterm_me", 100))
    with open(EXAMPLES / "data/basicterm_me/expected_pv_first100.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in result:
        expected = np.array([float(row[name]) for row in rows])
        np.testing.assert_allclose(result[name], expected, rtol=1e-9, atol=1e-6)


def test_cash_flows_by_month():
    model = load_model(EXAMPLES / "basicterm_me.series")
    names = {
        "premiums": "Premiums",
        "claims": "Claims",
        "expenses": "Expenses",
        "commissions": "Commissions",
        "net_cf": "Net Cashflow",
    }
    for name in names:
        model.output(name, reduce=("point",))
    program = model.compile(outputs=list(names))
    result = program.run(**points(program, "basicterm_me"))
    with open(EXAMPLES / "data/basicterm_me/expected_result_cf_first24.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, column in names.items():
        assert result.axes(name) == ("time",)
        expected = np.array([float(row[column]) for row in rows])
        np.testing.assert_allclose(result[name][:24], expected, rtol=1e-10)


def test_policies_mature():
    """In basicterm_me as published; of new business all that is left at the end of the term."""
    model = load_model(EXAMPLES / "basicterm_me.series")
    model.output("pols_maturity", reduce="point")
    program = model.compile(outputs=["pols_maturity"])
    matured = program.run(**points(program, "basicterm_me"))["pols_maturity"]
    assert matured[0] == 1430.0
    assert matured[1] == pytest.approx(2085.93, abs=0.005)
    assert np.all(matured[2:100] > 0)
    model = load_model(EXAMPLES / "basicterm_m.series")
    program = model.compile(outputs=["pols_maturity", "pols", "pols_death", "pols_lapse"])
    result = program.run(age_at_entry=40.0, policy_term=10.0)
    left = result["pols"] - result["pols_death"] - result["pols_lapse"]
    assert result["pols_maturity"][120] == left[119] > 0.5
    assert np.count_nonzero(result["pols_maturity"]) == 1


def project():
    program = load_model(EXAMPLES / "projfin40.series").compile()
    folder = EXAMPLES / "data/projfin40"
    base = json.loads((folder / "base_inputs.json").read_text())
    columns = read_columns(folder / "time_inputs.csv")
    names = {port.name for port in program.inputs}
    return program, {k: v for k, v in {**base, **columns}.items() if k in names}


@pytest.mark.parametrize("engine", ENGINES)
def test_project_finance_base_case(engine):
    program, inputs = project()
    expected = json.loads((EXAMPLES / "data/projfin40/expected_base.json").read_text())
    result = program.run(engine=engine, **inputs)
    for name, value in expected.items():
        output = next(key for key in result if key.startswith(name.split("_cum")[0]))
        assert float(result[output]) == pytest.approx(value, rel=1e-12)
