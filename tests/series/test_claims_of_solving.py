"""What a solver says of its end is looked at there: steps, slopes without end, starts by chance."""

import numpy as np
import pytest

import lanework as lw
from lanework.machines.series.nonlinear import driver, ipopt
from lanework.machines.series.nonlinear.callbacks import Callbacks
from lanework.machines.series.nonlinear.problem import Problem

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
    monkeypatch.setattr(driver, "beside", lambda _, __, x, ___: x + 1.0)
    end = solved({"x": 1.0}, {"f": "cbrt(x - 7) ** 3 + (x - 7) ** 2"}, objective="f")
    assert (end.status, "not a number" in end.message) == ("iterations", False)


# Multipliers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("maximise", [False, True])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e6])
def test_a_multiplier_is_what_one_unit_more_of_a_bound_makes_of_the_objective(maximise, side, unit):
    sign = -unit if maximise else unit

    def at(bound):
        bounds = {"y": (bound, None) if side == 0 else (None, bound)}
        formulas = {"f": f"{sign} * (x - 1) ** 2", "y": "3 * x"}
        return solved({"x": 1.2}, formulas, bounds=bounds, objective="f", maximise=maximise)

    bound = 6.0 if side == 0 else 1.5
    gain = (at(bound + 1e-4).objective - at(bound - 1e-4).objective) / 2e-4
    assert at(bound).multipliers["y"] == pytest.approx(gain, rel=1e-4, abs=0)


def test_a_multiplier_of_an_equation_is_that_of_what_it_is_to_be():
    end = solved({"x": 5.0, "y": 6.0}, {"f": "x * x + y * y", "g": "x + y"},
                 bounds={"g": (4.0, 4.0)}, objective="f")  # fmt: skip
    assert end.multipliers["g"] == pytest.approx(4.0, rel=1e-6)


# Goal seek -------------------------------------------------------------------------------------


def sought(formula, target, start, **how):
    m = lw.series.Model("m", periods=3)
    m.input("x", default=start), m.formula("y", f"last({formula})")
    return m.seek("x", "y", target, failures="nan", **how)


@pytest.mark.parametrize(
    ("formula", "target", "right"),
    [
        ("1e6 * (1 + x) ** 10", 1e6 + 1, 1e-7),
        ("x + 1000", 1000 + 1e-8, 1e-8),
        ("x * 1e6 + 1e12", 1e12 + 1, 1e-6),
        ("1e9 * (1 + x)", 1e9 + 0.01, 1e-11),
    ],
)
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_goal_that_is_hit_as_well_as_its_last_bit_is_reached(formula, target, right, engine):
    goal = sought(formula, target, 0.0, engine=engine)
    assert goal.reached
    assert goal.value == pytest.approx(right, rel=1e-3)
    assert goal.misses <= np.spacing(target)


@pytest.mark.parametrize(
    ("formula", "start"),
    [("abs(x - 1) + 1e-10", 0.0), ("(x - 1) ** 2 + 1e-11", 1e6), ("-3e-11 - abs(x - 2)", 0.1)],
)
def test_a_goal_that_is_only_come_near_to_is_none(formula, start):
    assert not sought(formula, 0.0, start).reached


def test_a_miss_of_rounding_where_it_touches_is_reached():
    for formula in ("x * x - 2 * x + 1", "x ** 4 - 4 * x ** 3 + 6 * x ** 2 - 4 * x + 1"):
        assert sought(formula, 0.0, 3.0).reached


def test_solutions_of_lanes_as_a_table():
    m = lw.series.Model("m", periods=1)
    m.input("x", default=1.0), m.input("c", axes="lane"), m.formula("g", "last(x * x - c)")
    lanes = m.solve("x", "g", inputs={"c": [4.0, -1.0]})
    assert [len(trace) - 1 for trace in lanes.solver_trace] == [one.iterations for one in lanes]
    text = lanes.table()
    assert text.splitlines()[-2].split()[:2] == ["0", "solved"]
    assert "infeasible" in text or "stopped" in text


def test_outputs_that_a_model_declares_are_those_of_a_solution():
    m = lw.series.Model("m", periods=2)
    m.input("x", default=1.0), m.input("c", axes="lane", default=1.0)
    m.formula("g", "last(x - 3)"), m.formula("left", "x * 2"), m.formula("other", "x * c")
    with pytest.raises(lw.Diagnostic, match="LW1020"):
        m.solve("x", "g")["left"]
    m.output("left"), m.output("sum", "other", reduce="lane")
    np.testing.assert_allclose(m.solve("x", "g")["left"], 6.0)


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_trial_at_which_a_loop_has_no_solution_is_a_step_too_far(engine):
    m = lw.series.Model("m", periods=1)
    m.input("x", default=0.1), m.formula("z", "z * z + x", circular=True, guess=0.0)
    m.formula("c", "last(z)")
    assert m.seek("x", "c", 0.45, engine=engine).value == pytest.approx(0.2475, rel=1e-9)
    assert not m.seek("x", "c", 0.7, failures="nan", engine=engine).reached
    with pytest.raises(lw.Diagnostic, match="LW3061"):
        m.seek("x", "c", 0.45, inputs={"x": 3.0}, engine=engine)


# Residuals and bounds --------------------------------------------------------------------------


@pytest.mark.parametrize("miss", [5e-7, 1e-7, 1e-8])
def test_equations_that_only_come_near_are_not_solved(miss):
    assert not solved({"x": 0.0}, {"a": f"abs(x - 1) + {miss}"}, "a").ok


@pytest.mark.parametrize("power", [2, 3])
def test_equations_of_many_equal_roots_are(power):
    root = solved({"x": 0.0}, {"a": f"(x - 1) ** {power}"}, "a")
    assert (root.ok, root["x"]) == (True, pytest.approx(1.0, abs=1e-3))


def test_a_bound_that_cannot_be_kept_is_said():
    bounds = {"x": (0.0, 1.0), "g": (1.3, None)}
    end = solved({"x": 0.5}, {"f": "x", "g": "x * 0.5"}, objective="f", bounds=bounds)
    assert end.status == "infeasible"
    assert "g is 0.5" in end.message
    assert "(at least 1.3)" in end.message


# What bounds leave open ------------------------------------------------------------------------


def product(one, other, **more):
    """Two unknowns in units of these sizes, of which a bound holds the product alone."""
    formulas = {"f": f"x / {one!r} + y / {other!r}", "c": "x * y"}
    bounds = {"c": (one * other, None), "x": (0, None), "y": (0, None)}
    return solved({"x": 0.0, "y": 0.0}, formulas, objective="f", bounds=bounds, **more)


@pytest.mark.parametrize(
    ("one", "other"), [(1e9, 1e-9), (1e-9, 1e9), (1e6, 1e-6), (1e12, 1e-12), (1e3, 1e-9)]
)
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_bounds_leave_nothing_open_in_units_far_apart(one, other, engine):
    end = product(one, other, engine=engine)
    assert (end.status, end.objective) == ("solved", pytest.approx(2.0, rel=1e-9))
    assert (end["x"] / one, end["y"] / other) == pytest.approx((1.0, 1.0), rel=1e-6)
    assert end["c"] == pytest.approx(one * other, rel=1e-7, abs=0)


def test_what_bounds_leave_open_is_not_solved(monkeypatch):
    own = {"nlp_scaling_method": "gradient-based"}  # of which units are left alone
    assert product(1e9, 1e-9, options=own).status == "inaccurate"
    monkeypatch.setattr(ipopt, "CLOSER", 0)
    assert product(1e9, 1e-9).status == "inaccurate"


@pytest.mark.parametrize(
    ("formula", "start", "high"),
    [
        ("x", 0.0, None),
        ("x ** 2", 0.0, None),
        ("x ** 4", 1e6, None),
        ("exp(x) - 1", 1.0, None),
        ("(x - 2) ** 2 + 1e-9 * x", 0.0, None),
        ("(x - 2) ** 2", 0.0, 2.0),
    ],
)
def test_an_objective_that_goes_down_to_nought_leaves_nothing_open(formula, start, high):
    assert solved({"x": start}, {"f": formula}, objective="f", bounds={"x": (0, high)}).ok


@pytest.mark.parametrize(("one", "other"), [(1e-9, 1e-9), (1e-8, 1e-10), (1e-12, 1e-12)])
def test_small_unknowns_of_which_only_a_product_is_bounded(one, other):
    end = product(one, other)
    assert (end.status, end.objective) == ("solved", pytest.approx(2.0, rel=1e-9))
    assert (end["x"] / one, end["y"] / other) == pytest.approx((1.0, 1.0), rel=1e-6)
