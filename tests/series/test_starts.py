"""Starts at which an equation or an objective is flat, so that slopes lead nowhere."""

import re

import numpy as np
import pytest

import lanework as lw
from lanework.machines.series.runner import ENGINES

SIZES = [1.0, 1e-6, 1e3, 1e6, 1e9]


def put(formula, size, periods=1, **inputs):
    m = lw.series.Model("m", periods=periods)
    for name, start in (inputs or {"x": 0.0}).items():
        m.input(name, default=start)
    m.formula("y", f"last({formula})".replace("S", repr(size)))
    return m.compile()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(
    ("formula", "right"),
    [
        ("(x/S)**3 - 8", [2.0]),
        ("(x/S)**2 - 4", [2.0, -2.0]),
        ("(x/S)**5 + 1", [-1.0]),
        ("abs(x/S)**3 - 8", [2.0, -2.0]),
        ("(x/S)**4 - 1e-3", [1e-3**0.25, -(1e-3**0.25)]),
        ("(x/S) * (x/S + 1) * (x/S) - 2", [1.0]),
    ],
)
def test_a_root_is_seen_from_a_flat_start(formula, right, bounded, size):
    program = put(formula, size)
    bounds = (-10 * size, 10 * size) if bounded else (None, None)
    solution = program.solve("x", "y", {"x": bounds} if bounded else None)
    assert solution.ok, solution
    assert solution.iterations < 20
    goal = program.seek("x", "y", 0.0, bounds=bounds)
    for x in (solution["x"], goal.value):
        assert min(abs(x / size - each) for each in right) < 1e-9


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bounded", [False, True])
def test_a_root_of_a_wave_is_one_of_those_near_by(bounded, size):
    bounds = {"x": (-10 * size, 10 * size)} if bounded else None
    x = put("cos(x/S) - 0.5", size).solve("x", "y", bounds)["x"] / size
    assert np.cos(x) == pytest.approx(0.5, abs=1e-9)
    assert abs(x) <= 10


@pytest.mark.parametrize(
    ("size", "engine"), [*((size, "auto") for size in SIZES), *((1e3, each) for each in ENGINES)]
)
@pytest.mark.parametrize(
    ("formula", "maximise", "right", "value"),
    [
        ("(x/S)**4 - (x/S)**2", False, [0.5**0.5, -(0.5**0.5)], -0.25),
        ("((x/S)**2 - 4)**2", False, [2.0, -2.0], 0.0),
        ("((x/S)**3 - 8)**2", False, [2.0], 0.0),
        ("(x/S)**3", False, [-10.0], -1000.0),
        ("(x/S)**2", True, [-10.0, 10.0], 100.0),
        ("(x/S)**2", False, [0.0], 0.0),
        ("max(x/S, 1)", False, [0.0], 1.0),
    ],
)
def test_a_flat_start_is_no_least_value(formula, maximise, right, value, size, engine):
    program, bounds = put(formula, size), {"x": (-10 * size, 10 * size)}
    solution = program.solve("x", [], bounds, "y", maximise=maximise, engine=engine)
    assert solution.ok, solution
    assert min(abs(solution["x"] / size - each) for each in right) < 1e-6 or "max" in formula
    assert solution.objective == pytest.approx(value, abs=1e-6)


def test_unknowns_of_different_sizes_and_signs():
    m = lw.series.Model("m", periods=3)
    m.input("x", axes="time", default=0.0), m.input("z", default=0.0)
    m.formula("one", "(x/1e6)**3 + (1 + t)")
    m.formula("two", "last((z/1e-3)**2 - 4)")
    solution = m.compile().solve(["x", "z"], ["one", "two"])
    np.testing.assert_allclose(solution["x"], -1e6 * np.cbrt([1.0, 2.0, 3.0]), rtol=1e-9)
    assert abs(solution["z"]) == pytest.approx(2e-3)
    pair = put("(x - z)**2 - 4", 1.0, x=0.0, z=0.0)
    solution = pair.solve(["x", "z"], [], {"y": (0.0, 1.0)}, objective="y", maximise=True)
    assert abs(solution["x"] - solution["z"]) == pytest.approx(5**0.5)


def test_what_has_no_solution_has_none_from_a_flat_start():
    assert put("x**2 + 4", 1.0).solve("x", "y").status == "infeasible"
    assert put("1e3 + exp(-x**2)", 1.0).solve("x", "y").status != "solved"
    assert put("(x/1e3)**3 - 8", 1.0).solve("x", "y", {"x": (-1.0, 1.0)}).status != "solved"


def test_each_lane_begins_by_itself():
    solutions = put("x**3 - a", 1.0, x=0.0, a=0.0).solve("x", "y", inputs={"a": [8.0, -27.0, 1e9]})
    np.testing.assert_allclose(solutions["x"], [2.0, -3.0, 1e3])


# What slopes do not see at the end ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "start", "said"),
    [
        ("(x - 4)**2 + (x >= 4) + 1e3", 7.0, "by a jump y is 1 better where x is a little smaller"),
        ("(x - 4)**2 - 2 * (x > 4)", 7.0, "by a jump y is 2 better where x is a little larger"),
        ("(x - 4)**2 - x % 4 + x", 7.0, "by a jump y is 4 better where x is a little smaller"),
        ("(x - 4)**2 + 1e-3 * floor(x)", 7.0, "is 0.001 better where x is a little smaller"),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_jump_right_beside_is_no_least_value(formula, start, said, engine):
    program = put(formula, 1.0, x=start)
    solution = program.solve("x", objective="y", engine=engine)
    assert solution.status == "stopped"
    assert solution.message.endswith(said)
    assert program.solve("x", bounds={"x": (4.5, 9.0)}, objective="y", engine=engine).ok


@pytest.mark.parametrize(
    ("formula", "side"),
    [("exp(-x)", "above"), ("tanh(x)", "below"), ("max(x - 3, 0)", "below"), ("-atan2(x, 1)", "")],
)
def test_an_objective_that_levels_out_is_said(formula, side):
    solution = put(formula, 1.0, x=1.0).solve("x", objective="y")
    assert solution.ok
    assert f"; y levels out: it is about the same for x {side}" in solution.message
    bounded = put(formula, 1.0, x=1.0).solve("x", bounds={"x": (-9.0, 9.0)}, objective="y")
    assert bounded.ok
    assert "levels out" not in bounded.message


@pytest.mark.parametrize(
    "formula", ["(x - 4)**2", "(x - 4)**2 + (x > 5)", "where(x > 3, x, 3) + x**2"]
)
def test_what_neither_jumps_there_nor_levels_out_is_solved(formula):
    solution = put(formula, 1.0, x=9.0).solve("x", objective="y")
    assert (solution.ok, solution.message) == (True, "solved")


def test_of_an_unknown_that_bounds_alone_depend_on_nothing_is_said():
    m = lw.series.Model("m", periods=1)
    m.input("x", default=3.0), m.input("z", default=3.0)
    m.formula("y", "last((x - 1)**2)")
    m.formula("room", "last(x + z)")
    solution = m.compile().solve(["x", "z"], [], {"room": (0.0, None)}, "y")
    assert (solution.ok, solution.message) == (True, "solved")


def test_where_bounds_are_not_kept_nothing_is_seen():
    m = lw.series.Model("m", periods=1)
    m.input("x", default=3.0), m.input("z", default=3.0)
    m.formula("y", "last(x + z)")
    m.formula("rest", "last(x * z)")
    solution = m.compile().solve(["x", "z"], [], {"rest": (4.0, 4.0), "x": (0.1, None)}, "y")
    assert (solution.ok, solution.message) == (True, "solved")
    m.formula("stairs", "last((x - 4)**2 + (x > 4) + z**2)")
    bounds = {"x": (4.5, 9.0), "z": (-9.0, None)}
    assert m.compile().solve(["x", "z"], [], bounds, "stairs").message == "solved"


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    ("formula", "start", "bounds", "status", "best"),
    [
        ("max(x - 1, 1 - 2 * x)", 0.0, None, "stopped", -1 / 3),  # and not diverged
        ("abs(x - 1)", 3.0, (-10.0, 100.0), "iterations", 0.0),
    ],
)
def test_an_objective_that_was_better_on_the_way_is_said(
    formula, start, bounds, status, best, sign
):
    program, bounds = put(f"{sign}({formula})", 1.0, x=start), {"x": bounds} if bounds else None
    solution = program.solve("x", [], bounds, "y", maximise=bool(sign), options={"max_iter": 200})
    assert solution.status == status
    said = re.search(r"; y was better on the way \((.*)\), as it is near a kink", solution.message)
    assert abs(float(said[1])) == pytest.approx(abs(best), abs=1e-4)
    endless = put("-x", 1.0, x=1.0).solve("x", objective="y")
    assert (endless.status, "on the way" in endless.message) == ("diverged", False)


@pytest.mark.parametrize("bounds", [(0.0, 9.0), (5.0, None), (-1e6, 1e6)])
@pytest.mark.parametrize("formula", ["2 * x + 0 * floor(x / 1e9)", "x**3 + where(x > 1e9, 1, 0)"])
def test_a_bound_close_by_is_no_jump(formula, bounds):
    solution = put(formula, 1.0, x=7.0).solve("x", bounds={"x": bounds}, objective="y")
    assert (solution.ok, solution.message) == (True, "solved")
    up = put(f"-({formula})", 1.0, x=-7.0)
    assert up.solve("x", bounds={"x": (-9.0, -1.0)}, objective="y").message == "solved"


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_flat_start_that_is_best_is_where_it_begins(engine):
    m = lw.series.Model("m", periods=1)
    m.input("x", default=0.0)
    m.formula("f", "last(x ** 2 - 3)")
    end = m.solve(["x"], objective="f", engine=engine)
    assert (end.status, end["x"], end.iterations) == ("solved", 0.0, 0)


def test_places_around_are_within_bounds():
    """From one far outside it takes many times as long."""
    m = lw.series.Model("m", periods=1)
    m.input("x", default=0.0)
    m.formula("f", "last(-(x**4))")
    m.formula("g", "last(x**3)")
    end = m.solve(["x"], [], bounds={"g": (-1.0, 27.0)}, objective="f")
    assert (end.status, end["x"]) == ("solved", pytest.approx(3.0))
    assert end.iterations < 40


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_stairs_without_end_have_no_least_value(engine):
    for formula, side in (("floor(x)", "smaller"), ("-round(x / 7)", "larger")):
        model = lw.series.Model("m", periods=1)
        model.input("x", default=3.0)
        model.formula("f", formula)
        solution = model.solve("x", objective="f", engine=engine)
        assert solution.status == "stopped"
        assert f"f is the less the {side} x is" in solution.message
        held = model.solve("x", bounds={"x": (-50.5, 50.5)}, objective="f", engine=engine)
        assert held.status == "solved"
        assert held["f"] == {"smaller": -51.0, "larger": -7.0}[side]


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_plain_that_is_worse_than_the_way_there_is_no_least_value(engine):
    model = lw.series.Model("m", periods=1)
    model.input("x", default=3.0)
    model.formula("f", "where(x < 1, 5, x)")
    solution = model.solve("x", objective="f", engine=engine)
    assert solution.status == "stopped"
    assert "f was better on the way (1), as it is near a kink or a jump" in solution.message
    for formula in ("x ** 2", "abs(x) * x * x", "where(x < 1, 1, x)", "exp(x) - x"):
        other = lw.series.Model("m", periods=1)
        other.input("x", default=3.0)
        other.formula("f", formula)
        assert other.solve("x", objective="f", engine=engine).ok
