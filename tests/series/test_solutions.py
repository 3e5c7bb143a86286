"""Solutions in other processes, and beside inputs whose labels are in another order."""

import pickle
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest

import lanework as lw


def test_solutions_are_taken_to_other_processes():
    model = lw.series.Model("m", periods=1)
    model.input("x", default=1.0)
    model.input("a", default=2.0)
    model.formula("far", "(x - a) ** 2")
    model.formula("sum", "x + a")
    program = model.compile(outputs=["far", "sum"])
    one = program.solve("x", objective="far")
    many = program.solve("x", objective="far", inputs={"a": [2.0, 3.0]})
    bad = program.solve("x", bounds={"sum": (9.0, 10.0), "x": (0.0, 1.0)}, objective="far")
    for copy in (lambda x: pickle.loads(pickle.dumps(x)), deepcopy):
        assert (copy(one)["x"], copy(one)["sum"]) == pytest.approx((2.0, 4.0))
        assert copy(many)["sum"].tolist() == pytest.approx([4.0, 6.0])
        assert copy(many)[1]["x"] == pytest.approx(3.0)
        assert (copy(bad).status, str(copy(bad).error())) == ("infeasible", str(bad.error()))
        assert program.solve("x", objective="far", warm=copy(one))["x"] == pytest.approx(2.0)


def test_a_solution_that_cannot_be_run_is_taken_to_other_processes():
    model = lw.series.Model("m", periods=1)
    model.table("q", {1: 5.0, 2: 6.0}, outside="error")
    model.input("x", default=1.5)
    model.formula("y", "q(x) - 5.5 + x")
    solution = model.solve("x", "y")
    again = pickle.loads(pickle.dumps(solution))
    assert not again.ok
    for each in (solution, again):
        with pytest.raises(lw.LaneworkError, match="LW3045"):
            _ = each.result


@pytest.mark.parametrize("dates", [False, True])
def test_unknowns_over_time_beside_inputs_in_another_order(dates):
    calendar = {"start": "2026-01-01", "freq": "month"} if dates else {}
    model = lw.series.Model("m", periods=3, **calendar)
    model.input("k", axes="time")
    model.input("cash", axes=("time", "scenario"))
    model.input("x", axes="time", default=1.0)
    model.formula("gap", "x * k - cash")
    days = pd.to_datetime(["2026-03-01", "2026-01-01", "2026-02-01"]) if dates else [2, 0, 1]
    index = pd.Index(days, name="time")
    k, cash = pd.Series([4.0, 1.0, 2.0], index), pd.Series([12.0, 1.0, 4.0], index)
    solution = model.solve("x", "gap", inputs={"k": k, "cash": cash})
    assert solution["x"] == pytest.approx([1.0, 2.0, 3.0])
    assert abs(solution["gap"]).max() < 1e-9
    lanes = pd.DataFrame({"a": cash, "b": 2 * cash})
    both = model.solve("x", "gap", inputs={"k": k, "cash": lanes})
    assert both["x"].T.ravel() == pytest.approx([1.0, 2.0, 3.0, 2.0, 4.0, 6.0])
    assert abs(both["gap"]).max() < 1e-9
    assert both.result.labels("scenario").tolist() == ["a", "b"]
    model.formula("square", "total(gap ** 2)")
    model.output("misfit", "square", reduce="scenario")
    fit = model.solve("x", objective="misfit", inputs={"k": k, "cash": lanes})
    assert fit["x"] == pytest.approx([1.5, 3.0, 4.5])


@pytest.mark.parametrize(
    "options",
    [
        {3: 1},
        {b"tol": 1e-3},
        {"linear_solver": "\udc80"},
        {"linear_solver": "mumps\0"},
        {"t\0": 1.0},
        {"max_iter": True},
        {"max_iter": 2**40},
        {"tol": float("nan")},
        {"max_iter": [3]},
    ],
)
def test_options_by_which_ipopt_would_end_the_process_are_refused(options):
    model = lw.series.Model("m", periods=1)
    model.input("x", default=1.0)
    model.formula("far", "(x - 3) ** 2")
    with pytest.raises(lw.Diagnostic, match=r"LW2005.*IPOPT"):
        model.solve("x", objective="far", options=options)
    kinds = {"max_iter": np.int64(50), "tol": np.float32(1e-9), "mu_strategy": "adaptive"}
    assert model.solve("x", objective="far", options=kinds)["x"] == pytest.approx(3.0)
    with pytest.raises(lw.Diagnostic, match=r"LW3062.*'tol'") as caught:
        model.solve("x", objective="far", options={"tol": 1})
    assert "1.0, not 1" in caught.value.help


def test_no_lanes_have_no_solutions_and_unknowns_over_none():
    model = lw.series.Model("m", periods=3)
    model.input("a", axes="scenario")
    model.input("x", default=1.0)
    model.input("y", axes="time", default=1.0)
    model.formula("gap", "x - a + 0 * total(y)")
    model.formula("each", "y - a")
    program = model.compile(outputs=["gap", "each"])
    none = program.solve(["x", "y"], ["gap", "each"], inputs={"a": np.zeros(0)})
    assert (len(none), none["x"].shape, none["y"].shape) == (0, (0,), (3, 0))
    assert (none["gap"].shape, none["each"].shape) == ((0,), (3, 0))
