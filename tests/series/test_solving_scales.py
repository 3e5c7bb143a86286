"""No solution depends on the unit of an objective or of an output with bounds."""

import numpy as np
import pytest

import lanework as lw

pytestmark = pytest.mark.slow
UNITS = [10.0**power for power in (-15, -12, -9, -6, -3, -1, 0, 2, 4, 6, 9, 12)]
ENGINES = ("auto", "reference")


def solved(inputs, formulas, engine="auto", residuals=(), **more):
    model = lw.series.Model("m", periods=3)
    for name, begin in inputs.items():
        model.input(name, default=begin)
    for name, formula in formulas.items():
        model.formula(name, f"last({formula})")
    return model.solve([*inputs], residuals, engine=engine, **more)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("unit", UNITS)
def test_a_cost_in_any_unit(unit, engine):
    bounds = {"x": (1.0, 1000.0)}
    line = solved({"x": 100.0}, {"f": f"{unit} * x"}, engine, bounds=bounds, objective="f")
    assert (line.status, line["x"]) == ("solved", pytest.approx(1.0, abs=1e-9))
    curve = solved({"x": 100.0}, {"f": f"{unit} * (x - 3) ** 2"}, engine, objective="f")
    assert (curve.status, curve["x"]) == ("solved", pytest.approx(3.0, abs=1e-9))
    most = solved(
        {"x": 5.0, "y": 5.0},
        {"f": f"(log(x) + log(y)) * {unit}", "both": "x + 3 * y"},
        engine, bounds={"both": (None, 12.0)}, objective="f", maximise=True,
    )  # fmt: skip
    assert (most["x"], most["y"]) == pytest.approx((6.0, 2.0), rel=1e-8)
    assert most.multipliers["both"] == pytest.approx(-unit / 6, rel=1e-6, abs=0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("unit", UNITS)
def test_bounds_in_any_unit(unit, engine):
    sized = solved(
        {"x": 50.0, "y": 60.0},
        {"f": "x * x + y", "g": f"{unit} * (x + y * y)"},
        engine, bounds={"x": (1.0, 1e3), "y": (0.0, None), "g": (5 * unit, None)}, objective="f",
    )  # fmt: skip
    assert (sized["x"], sized["y"]) == pytest.approx((1.0, 2.0), rel=1e-8)
    assert sized.multipliers["g"] == pytest.approx(-0.25 / unit, rel=1e-6, abs=0)
    other = solved(
        {"x": 5.0, "y": 6.0},
        {"f": "x * x + y * y", "g": f"{unit} * (x + y - 4)"},
        engine, residuals=["g"], objective="f",
    )  # fmt: skip
    assert (other["x"], other["y"]) == pytest.approx((2.0, 2.0), rel=1e-8)


@pytest.mark.parametrize("unit", [*UNITS, 1e14])
@pytest.mark.parametrize("square", [9.0, 2.0, 1e6])
def test_equations_in_any_unit(square, unit):
    root = solved({"x": 100.0}, {"g": f"{unit} * (x * x - {square})"}, residuals="g")
    assert (root.status, root["x"]) == ("solved", pytest.approx(square**0.5, rel=1e-12))


STEEP = [
    ("x + exp(x - 30)", 60.0, (1.0, 1000.0), 1.0),
    ("exp(x) - x", 25.0, (None, None), 0.0),
    ("x * x * x * x + x / 1000", 1e5, (1.0, None), 1.0),
]


@pytest.mark.parametrize(("formula", "begin", "bounds", "right"), STEEP)
def test_a_start_that_is_steep(formula, begin, bounds, right):
    least = solved({"x": begin}, {"f": formula}, bounds={"x": bounds}, objective="f")
    assert (least.status, least["x"]) == ("solved", pytest.approx(right, abs=1e-9))


def test_what_has_no_least_value_has_none_in_small_units():
    for unit in (1.0, 1e-9, 1e-13):
        assert solved({"x": 100.0}, {"f": f"{unit} * x"}, objective="f").status == "diverged"


def test_lanes_of_different_units():
    model = lw.series.Model("m", periods=1)
    model.input("unit", axes="lane")
    model.input("x", default=100.0)
    model.formula("f", "last(unit * x)")
    model.formula("g", "last(x * x * unit)")
    units = np.array([1e-12, 1.0, 1e-7, 1e7])
    how = {"bounds": {"x": (1.0, 1e3), "g": (0.0, None)}, "objective": "f"}
    mine = model.solve("x", inputs={"unit": units}, **how)
    np.testing.assert_allclose(mine["x"], 1.0, atol=1e-9)
    for unit, one in zip(units, mine, strict=True):
        alone = model.solve("x", inputs={"unit": unit}, **how)
        assert alone["x"] == one["x"]
        assert alone.solver_trace.tobytes() == one.solver_trace.tobytes()
        assert one.solver_trace["iteration"].tolist() == [*range(len(one.solver_trace))]
        assert one.solver_trace["objective"][0] == pytest.approx(100 * unit, rel=0.1)


def test_scaling_of_ones_own_stays():
    for options in ({"nlp_scaling_method": "none"}, {"obj_scaling_factor": 1.0}):
        how = {"bounds": {"x": (1.0, 1000.0)}, "objective": "f", "options": options}
        assert solved({"x": 100.0}, {"f": "1e-12 * x"}, **how).variables["x"] > 2


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("loop", "residual", "begin"),
    [
        ("0.3 * w + x * sqrt(w)", "w - 4", 1.0),
        ("0.3 * w + x * sqrt(w)", "w * w - 16", 0.5),
        ("x + 0.25 * w * w", "w - 3", 0.5),
    ],
)
def test_steps_that_runs_without_a_solution_cut_short_end(loop, residual, begin, engine):
    model = lw.series.Model("m", periods=1)
    model.input("x", default=begin)
    model.formula("w", loop, circular=True, guess=1.0)
    model.formula("f", f"last({residual})")
    stopped = model.solve("x", "f", engine=engine)
    assert stopped.status == "stopped"
    assert "no solution of w" in stopped.message
    assert stopped.iterations < 60
