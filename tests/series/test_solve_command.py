"""`lanework solve` and `lanework seek`: the answers of Python, files, and what is refused."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli

LOAN = """
model("loan", periods=12)
rate = input(default=0.01)
payment = input(default=0)
balance = prev(balance, initial=100) * (1 + rate) - payment
left = last(balance)
paid = total(payment)
output(balance)
"""
PAYMENT = 8.884878867834168  # 100 * 0.01 / (1 - 1.01 ** -12)


@pytest.fixture
def loan(tmp_path):
    path = tmp_path / "loan.series"
    path.write_text(LOAN)
    return str(path)


def lanework(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_seek(loan, tmp_path):
    out = tmp_path / "balance.csv"
    run = lanework("seek", loan, "--variable", "payment", "--output", "left", "-o", out, "--json")
    assert run.exit_code == 0, run.output
    facts = json.loads(run.stdout)
    assert facts["variables"]["payment"] == pytest.approx(PAYMENT, rel=1e-12)
    assert sorted(file.name for file in tmp_path.glob("balance*.csv"))


def test_lanes_of_a_column(loan, tmp_path):
    (tmp_path / "rates.csv").write_text("rate\n0.01\n0.02\n")
    words = ("--variable", "payment", "--output", "left", "--target", "10", "--json")
    run = lanework("seek", loan, f"rate={tmp_path / 'rates.csv'}:rate", *words)
    rates = np.array([0.01, 0.02])
    right = (100 * (1 + rates) ** 12 - 10) * rates / ((1 + rates) ** 12 - 1)
    np.testing.assert_allclose(json.loads(run.stdout)["variables"]["payment"], right, rtol=1e-12)


def test_solve(loan):
    run = lanework("solve", loan, "--variables", "payment", "--residuals", "left", "--iterations")
    assert run.exit_code == 0, run.output
    assert run.stdout.startswith("iteration")
    assert "payment = 8.8848788678" in run.stdout


def test_solve_says_what_python_says(loan):
    words = ("--variables", "payment", "--bound", "left=:20", "--bound", "payment=0:")
    run = lanework("solve", loan, *words, "--objective", "paid", "--option", "tol=1e-9", "--json")
    model = lw.series.load_model(loan)
    bounds = {"left": (None, 20.0), "payment": (0.0, None)}
    solution = model.solve("payment", bounds=bounds, objective="paid", options={"tol": 1e-9})
    assert json.loads(run.stdout)["variables"]["payment"] == solution["payment"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--variables", "paymnt", "--residuals", "left"), "LW3040"),
        (("--variables", "payment", "--residuals", "lft"), "LW3003"),
        (("--variables", "payment", "--residuals", "left", "--bound", "rate"), "'rate' is not LOW"),
        (("--variables", "payment", "--residuals", "left", "--bound", "left=a:b"), "'a:b' is not"),
        (("--variables", "payment", "--bound", "payment=0:1", "--residuals", "left"), "LW3063"),
        (("--residuals", "left"), "--variables"),
    ],
)
def test_what_is_refused(loan, words, says):
    run = lanework("solve", loan, *words)
    assert run.exit_code in (1, 2)
    assert says in run.output


def test_a_bound_with_a_name_where_there_is_one_unknown(loan):
    words = ("--variable", "payment", "--output", "left", "--bounds", "payment=0:")
    run = lanework("seek", loan, *words)
    assert run.exit_code != 0
    assert "the bound 'payment=0:' has a name" in run.output
    assert "write 0:" in run.output
