"""Unknowns of which nothing depends on some cells: these stay where they began, and are named."""

import numpy as np
import pandas as pd
import pytest

import lanework as lw

pytestmark = pytest.mark.slow

PERIODS = 4


def model(used):
    m = lw.series.Model("m", periods=PERIODS)
    m.input("a", axes="time")
    m.input("goal", default=3.0)
    m.table("mask", {0: 0.0, 1: 1.0, 2: 0.0, 3: 1.0}, keys="t")
    m.formula("used", used)
    m.formula("miss", "total((used - goal * (used != 0)) ** 2)")
    m.formula("sum", "total(used)")
    m.formula("level", "used + 0")
    return m


@pytest.mark.parametrize(
    ("used", "cells"),
    [
        ("a * (t > 0)", [0]),
        ("where(t > 1, a, 0)", [0, 1]),
        ("a * mask(t)", [0, 2]),
        ("where(mask(t) == 1, a, 0)", [0, 2]),
        ("a * 1", []),
    ],
)
@pytest.mark.parametrize("bounds", [(0, None), (None, 50.0), (-20, 40), (None, None)])
def test_cells_that_change_nothing_stay(used, cells, bounds):
    start = [1.0, 2.0, 5.0, 4.0]
    solver = model(used).compile().solver("a", objective="miss", bounds={"a": bounds})
    solution = solver({"a": start})
    right = np.full(PERIODS, 3.0)
    right[cells] = np.array(start)[cells]
    assert solution["a"] == pytest.approx(right, rel=1e-6)
    assert solution["a"][cells].tolist() == right[cells].tolist()
    if bounds == (0, None):
        assert [f"a[{n}]" in solution.message for n in range(PERIODS)] == [
            n in cells for n in range(PERIODS)
        ]
    assert solution.objective == pytest.approx(0.0, abs=1e-9)


def test_beside_outputs_with_bounds_and_in_every_lane():
    program = model("a * mask(t)").compile()
    bounds = {"a": (0, None), "sum": (None, 5.0)}
    solver = program.solver("a", objective="sum", bounds=bounds, maximise=True)
    solution = solver({"a": [7.0, 1.0, 9.0, 1.0]})
    assert solution["a"][[0, 2]].tolist() == [7.0, 9.0]
    assert float(solution["sum"]) == pytest.approx(5.0, rel=1e-7)
    solver = program.solver("a", objective="miss", bounds={"a": (0, None)})
    several = solver({"a": [7.0, 1.0, 9.0, 1.0], "goal": pd.Series([2.0, 3.0])})["a"]
    assert several[[0, 2]].tolist() == [[7.0, 7.0], [9.0, 9.0]]
    assert several[1] == pytest.approx([2.0, 3.0], rel=1e-6)


def test_a_start_outside_bounds_is_put_to_the_bound():
    solver = model("a * (t > 0)").compile().solver("a", objective="miss", bounds={"a": (2, None)})
    assert solver({"a": [-5.0, 3.0, 3.0, 4.0]})["a"][0] == 2.0


def test_what_begins_where_it_is_flat_and_moves_is_not_put_back():
    m = lw.series.Model("m", periods=2)
    m.input("a", axes="time")
    m.formula("miss", "total(where(t > 0, (a - 3) ** 2 * (a > 0.5), 0)) + total(a ** 2 * (t < 0))")
    solution = m.compile().solve(
        "a", objective="miss", bounds={"a": (0, None)}, inputs={"a": [1.0, 2.0]}
    )
    assert solution["a"] == pytest.approx([1.0, 3.0], rel=1e-6)


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize(
    ("used", "cells"),
    [("a * (t > 0)", [0]), ("where(t > 1, a, 0)", [0, 1]), ("a * mask(t)", [0, 2])],
)
def test_equations_that_leave_cells_aside(used, cells, engine):
    m = lw.series.Model("m", periods=PERIODS)
    m.input("a", axes="time"), m.input("b", axes="time", default=0.0)
    m.table("mask", {0: 0.0, 1: 1.0, 2: 0.0, 3: 1.0}, keys="t")
    m.formula("used", used)
    m.formula("r", "used ** 3 - 8 * (used != 0) + b * 0")
    start = [1.0, 2.5, 5.0, 4.0]
    solution = m.solve("a", "r", inputs={"a": start}, engine=engine)
    right = np.full(PERIODS, 2.0)
    right[cells] = np.array(start)[cells]
    assert solution["a"] == pytest.approx(right, rel=1e-12)
    assert solution["a"][cells].tolist() == right[cells].tolist()
    assert [f"a[{n}]" in solution.message for n in range(PERIODS)] == [
        n in cells for n in range(PERIODS)
    ]


def test_equations_that_cannot_hold_where_nothing_changes_them():
    m = lw.series.Model("m", periods=PERIODS)
    m.input("a", axes="time", default=1.0)
    m.formula("r", "a * (t > 0) - 3")
    solution = m.solve("a", "r")
    assert solution.status == "infeasible"
    assert "r[0] is -3" in solution.message


def test_what_is_still_only_near_the_start_is_no_idle_unknown():
    m = lw.series.Model("m", periods=PERIODS)
    m.input("a", axes="time", default=1.0)
    m.formula("r", "where(a > 100, a - 200, 0)")
    assert m.solve("a", "r").status == "singular"
    m = lw.series.Model("m", periods=PERIODS)
    m.input("a", axes="time", default=1.0)
    m.formula("r", "where(t > 0, total(a * (t > 0)) - 3, 0)")
    solution = m.solve("a", "r")
    assert solution.status == "singular"
    assert "nothing depends on a[0]" in solution.message
