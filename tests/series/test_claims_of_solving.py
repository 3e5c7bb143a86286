"""What a solver says of its end is looked at there: steps, slopes without end, starts by chance."""

import numpy as np
import pytest

import lanework as lw
from lanework.machines.series.solving import ipopt
from lanework.machines.series.solving.callbacks import Callbacks
from lanework.machines.series.solving.problem import Problem

pytestmark = pytest.mark.slow


def solved(inputs, formulas, residuals=(), **more):
    model = lw.series.Model("m", periods=3)
    for name, begin in inputs.items():
        model.input(name, default=begin)
    for name, formula in formulas.items():
        model.formula(name, f"last({formula})")
    return model.solve([*inputs], residuals, **more)


# Unknowns without a slope ----------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("step", ["floor(y)", "where(y >= 100, 5, 0)"])
def test_a_step_is_no_unknown_that_nothing_depends_on(step, engine):
    formulas = {"g": f"x + {step} - 1.5", "h": "max(0, x - 1000)"}
    start = {"x": 1.0, "y": 100.0}
    end = solved(start, formulas, ["g", "h"], bounds={"y": (0.0, 100.0)}, engine=engine)
    assert end.status == "singular"
    assert "nothing depends" not in end.message
    assert float(end.result["g"]) == pytest.approx(0.0, abs=1e-9)


def test_a_step_over_time_is_none_either():
    m = lw.series.Model("m", periods=3)
    m.input("a", axes="time")
    m.formula("g", "where(t > 0, a + floor(prev(a, initial=0)) - 3, 0)")
    given = {"a": [100.0, 5.0, 5.0]}
    end = m.solve("a", "g", bounds={"a": (-100, 100)}, inputs=given)
    assert end.status == "singular"
    np.testing.assert_allclose(end.result["g"], 0.0, atol=1e-9)


def test_what_is_put_back_is_looked_at_again():
    """The unknown that changes nothing is moved by IPOPT, and equations hold after all."""
    formulas = {"g": "x * x - 9 + 0 * y", "h": "max(0, x - 1000)"}
    end = solved({"x": 1.0, "y": 7.0}, formulas, ["g", "h"])
    assert (end.status, end["y"]) == ("solved", 7.0)
    assert abs(end["x"]) == pytest.approx(3.0, rel=1e-12)
    assert "nothing depends on y" in end.message


@pytest.mark.parametrize(
    ("part", "said"),
    [("max(0, x - 5)", "at the start and the end there is no slope by x"),
     ("0 * x", "nothing depends on x")],
)  # fmt: skip
def test_what_is_said_of_an_unknown_without_a_slope_is_true(part, said):
    formulas = {"f": f"(y - 2) ** 2 + {part}"}
    end = solved({"x": 0.0, "y": 1.0}, formulas, objective="f", bounds={"x": (0, 10)})
    assert (end.status, end["x"]) == ("solved", 0.0)
    assert f"; {said}: as at the start" in end.message


def test_unknowns_are_not_tried_after_an_interruption(monkeypatch):
    looks, ordinary = [0], Callbacks.levels

    def levels(self, x, out):
        looks[0] += 1
        if looks[0] == 20:
            self._problem.interrupt()
        ordinary(self, x, out)

    monkeypatch.setattr(Callbacks, "levels", levels)
    m = lw.series.Model("m", periods=300)
    m.input("a", axes="time", default=100.0), m.input("x", default=1.0)
    m.formula("f", "total(floor(a)) + (x - 2) ** 2")
    end = m.solve(["a", "x"], objective="f", bounds={"a": (0, 100)})
    assert end.status == "interrupted"
    assert 20 <= looks[0] < 40


# Slopes without end ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "third", "status"),
    [
        ("y + z - 1", "2 * (y + z) - 2", "not a number"),
        ("y + z - 1", "y - z + x", "solved"),
        ("y + z - 1", "cbrt(y - z)", "not a number"),
        ("y + z - 1", "x + cbrt(y - 0.5)", "solved"),
    ],
)
def test_a_slope_without_end_speaks_for_its_own_equation_alone(second, third, status):
    formulas = {"g": "cbrt(x)", "h": second, "k": third}
    end = solved({"x": 0.0, "y": 0.5, "z": 0.5}, formulas, ["g", "h", "k"])
    assert end.status == status
    plain = solved({"x": 0.0, "y": 0.5, "z": 0.5}, formulas | {"g": "x"}, ["g", "h", "k"])
    assert status == "solved" or plain.status in ("singular", "not a number")


# Starts that are small or large by chance ------------------------------------------------------


@pytest.mark.parametrize("start", [1e-5, 1e-6, 1e-8])
def test_a_start_that_is_small_by_chance(start):
    bounds = {"g": (0, None), "x": (0, None)}
    least = solved({"x": start}, {"f": "x", "g": "x * x - 25"}, bounds=bounds, objective="f")
    assert (least.status, least["x"]) == ("solved", pytest.approx(5.0, rel=1e-9))


@pytest.mark.parametrize("start", [1e-6, 1e-8, 1e-9])
@pytest.mark.parametrize(("formula", "right"), [("x * x - 25", 5.0), ("x**3 + x*x - 300", 6.37704)])
def test_equations_from_such_a_start(formula, right, start):
    root = solved({"x": start}, {"g": formula}, "g")
    assert (root.status, root["x"]) == ("solved", pytest.approx(right, rel=1e-6))


def test_a_large_start_is_measured_again():
    for right in (1e-3, 0.7, 25.0):
        least = solved({"x": 1e12}, {"f": f"(x - {right}) ** 2"}, objective="f")
        assert (least.status, least["x"]) == ("solved", pytest.approx(right, rel=1e-9))


# What IPOPT is not given -----------------------------------------------------------------------


def test_second_derivatives_are_not_asked_for_where_there_are_to_be_none(monkeypatch):
    def hessian(self, *_):
        raise AssertionError

    monkeypatch.setattr(Problem, "hessian", hessian)
    options = {"hessian_approximation": "limited-memory"}
    formulas, start = {"f": "(x - 2) ** 4 + (y - x) ** 2"}, {"x": 3.0, "y": 0.0}
    end = solved(start, formulas, objective="f", options=options, engine="reference")
    assert (end.status, end["x"]) == ("solved", pytest.approx(2.0, abs=1e-2))


def test_runs_that_go_on_getting_better_end_as_iterations(monkeypatch):
    monkeypatch.setattr(ipopt, "beside", lambda _, __, x, ___: x + 1.0)
    end = solved({"x": 1.0}, {"f": "cbrt(x - 7) ** 3 + (x - 7) ** 2"}, objective="f")
    assert (end.status, "not a number" in end.message) == ("iterations", False)
