"""Slopes without end: IPOPT never gets them, and they make no miss small."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import lanework as lw

pytestmark = pytest.mark.slow

ENGINES = ("auto", "reference")


def series(formula, start=0.0):
    m = lw.series.Model("m", periods=3)
    m.input("x", axes="time", default=start), m.input("a", axes="time", default=1.0)
    m.formula("y", formula)
    m.formula("q", "sqrt(x * x - 1)")
    m.formula("goal", "total(q ** 2)")
    m.formula("bent", "total(x ** 1.5 - x)")
    m.formula("steep", "total(sqrt(x) + x ** 2)")
    return m


ENDLESS = [
    ("sqrt(x) - a", 0.0, {"residuals": "y"}, "the derivative of y[0] by x[0] is inf"),
    ("x ** 0.5 + x - a", 0.0, {"residuals": "y"}, "y[1] by x[1] is inf"),
    ("sqrt(prev(x) + x) - a", 0.0, {"residuals": "y"}, "y[1] by x[0] is inf"),
    ("cbrt(x - 2) - a", 2.0, {"residuals": "y"}, "y[2] by x[2] is inf"),
    ("sqrt(x) - a", 0.0, {"residuals": "y", "options": {
        "hessian_approximation": "limited-memory", "nlp_scaling_method": "none"}}, "y[0]"),
    ("x", -1.0, {"objective": "goal", "bounds": {"q": (0.0, None)}}, "q[0] by x[0] is -inf"),
    ("x", 0.0, {"objective": "steep"}, "the derivative of steep by x[0] is inf"),
    ("x", 0.0, {"objective": "bent"}, "a second derivative by x[0] and x[0] is inf"),
]  # fmt: skip


def solve_all(engine):
    for formula, start, how, name in ENDLESS:
        solution = series(formula, start).solve("x", engine=engine, **how)
        assert solution.status == "not a number", (formula, how, solution)
        assert name in solution.message, solution
        assert f"where x = {start:g}" in solution.message, solution


@pytest.mark.parametrize("engine", ENGINES)
def test_a_slope_without_end_is_said(engine):
    """In a process of its own, so that a crash is one failure."""
    code = f"import sys; sys.path.insert(0, {__file__.rpartition('/')[0]!r})"
    code += f"; from test_steep import solve_all; solve_all({engine!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("formula", "start", "bounds"),
    [
        ("sqrt(x) - a", 0.5, {}),
        ("sqrt(x) - a", 0.0, {"x": (0.0, None)}),
        ("cbrt(x) + x - 2 * a", 0.0, {"x": (0.0, None)}),
    ],
)
def test_ipopt_may_move_a_start_off_it(formula, start, bounds, engine):
    solution = series(formula, start).solve("x", "y", bounds, engine=engine)
    np.testing.assert_allclose(solution["x"], 1.0, rtol=1e-9)


# Goal seek ----------------------------------------------------------------------------------------


def goal_of(formula, target, start=0.0, engine="auto", **how):
    m = lw.series.Model("m", periods=1)
    m.input("x", default=start), m.input("c", default=1.0)
    m.formula("y", formula)
    return m.seek("x", "y", target, engine=engine, **how)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("formula", "target", "start", "bounds", "right"),
    [
        ("sqrt(x)", 1.0, 0.0, (None, None), 1.0),
        ("cbrt(x)", 1.0, 0.0, (None, None), 1.0),
        ("cbrt(x)", -2.0, 0.0, (None, None), -8.0),
        ("x ** 0.5", 3.0, 0.0, (None, None), 9.0),
        ("pow(x, 0.3)", 1.0, 0.0, (None, None), 1.0),
        ("log(1 + sqrt(x))", 1.0, 0.0, (None, None), (np.e - 1) ** 2),
        ("sqrt(x) + x", 2.0, 0.0, (None, None), 1.0),
        ("sqrt(x - 3)", 1.0, 0.0, (3.0, 100.0), 4.0),
        ("cbrt(x - 3)", 1.0, 3.0000000000000004, (None, None), 4.0),
        ("1 / x", 5.0, 1e-200, (None, None), 0.2),
        ("1 / x", 5.0, -1e-200, (None, None), 0.2),
        ("1 / x", -5.0, 1e-200, (None, None), -0.2),
        ("-0.203 * cbrt(x - 1) + 0.615 * abs(x - 1)", 1.0, 1.0, (1.0, None), 3.044987772053907),
        ("cbrt(x - 1 / 7)", 0.0, 5.0, (None, None), 1 / 7),
    ],
)
def test_where_a_slope_has_no_end_nothing_is_reached_by_it(
    formula, target, start, bounds, right, engine
):
    goal = goal_of(formula, target, start, engine, bounds=bounds)
    assert goal.reached
    assert goal.value == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("start", [0.0, 0.3, 1 / 3, 3.0, -5.0, 100.0])
@pytest.mark.parametrize(
    ("formula", "target", "right"),
    [
        ("sqrt(abs(x - 1))", 0.0, 1.0),
        ("3 - sqrt(abs(x - 1 / 3))", 3.0, 1 / 3),
        ("abs(x + 2) ** 0.2", 0.0, -2.0),
        ("log(1 + sqrt(abs(x - 1e6)))", 0.0, 1e6),
        ("cbrt(abs(x - 0.7))", 0.0, 0.7),
    ],
)
@pytest.mark.parametrize("bounds", [(None, None), (-1e3, 1e7)])
def test_a_cusp_that_touches_the_target_is_sought(formula, target, right, start, bounds, engine):
    assert goal_of(formula, target, start, engine, bounds=bounds).value == right


def test_cusps_of_lanes_and_where_they_only_come_near():
    c = [1.0, 2.0, -5.5, 0.3, 1 / 3]
    np.testing.assert_array_equal(goal_of("sqrt(abs(x - c))", 0.0, inputs={"c": c}).value, c)
    assert goal_of("sqrt(x - 3)", 0.0, 10.0).value == 3.0
    for formula, start in (
        ("sqrt(abs(x - 1)) + 0.5", 0.0),
        ("abs(x - 3) + 1e-6", 0.0),
        ("sqrt(abs(x - 1))", 0.3),
    ):
        with pytest.raises(lw.Diagnostic, match="LW3063"):
            goal_of(formula, 0.0, start, bounds=(-4.0, 0.75))


def test_each_lane_of_a_slope_without_end():
    c = np.array([1.0, 0.5, 2.0, -1.0])
    goal = goal_of("sqrt(x) * c", 1.0, inputs={"c": c}, failures="nan")
    np.testing.assert_allclose(goal.value, [1.0, 4.0, 0.25, np.nan], rtol=1e-12)
    assert goal.reached.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("formula", "target"),
    [("sqrt(x)", -5.0), ("abs(cbrt(x))", -1e-3), ("where(x > 0.3, 1, -1) + cbrt(x - 0.3)", 0.0)],
)
def test_no_root_is_said_in_spite_of_the_slope(formula, target):
    with pytest.raises(lw.Diagnostic, match="LW3063"):
        goal_of(formula, target)


PARTS = (
    "cbrt(x - {p})", "sqrt(abs(x - {p}))", "abs(x - {p}) ** 0.1", "(x - {p})", "abs(x - {p})",
    "1 / (x - {p})", "log(abs(x - {p}))", "1e6 * cbrt(x - {p})", "(x - {p}) ** 2",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_what_is_reached_misses_little_or_lies_between_neighbours(seed):
    random = np.random.default_rng(seed)
    middles = np.round(random.normal(size=3), 1)
    chosen = random.choice(PARTS, 3)
    terms = [f"{random.normal():.3f} * {part.format(p=f'({p})')}"
             for part, p in zip(chosen, middles, strict=True)]  # fmt: skip
    formula = " + ".join(terms)
    target, start = float(np.round(random.normal(), 1)), float(random.choice(middles))
    goal = goal_of(formula, target, start, failures="nan")
    m = lw.series.Model("m", periods=1)
    m.input("x"), m.formula("y", formula)
    for number, term in enumerate(terms):
        m.formula(f"part{number}", term)
    program = m.compile()
    if not goal.reached:
        return
    x = goal.value
    near = [program.run(x=each) for each in (x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf))]
    misses = [float(run["y"]) - target for run in near]
    scale = sum(abs(float(near[0][f"part{number}"])) for number in range(3))
    small = abs(misses[0]) <= 1e-9 * (1 + abs(target) + scale)
    assert small or min(misses) < 0 < max(misses), (formula, target, start, goal)


# Lanes and ends -----------------------------------------------------------------------------------


def test_lanes_that_failed_are_nan_in_the_result():
    m = lw.series.Model("m", periods=2)
    m.input("x", default=1.0), m.input("c", axes="p"), m.input("d", axes="q")
    m.formula("y", "total(x * c + d * 0)")
    m.formula("path", "x * c + t")
    m.formula("other", "c + t")
    m.output("y"), m.output("path"), m.output("other"), m.output("book", "y", reduce="p")
    given = {"c": [1.0, 0.0, 2.0], "d": [1.0, 2.0]}
    goal = m.compile().seek("x", "y", 6.0, inputs=given, failures="nan")
    assert goal.reached.tolist() == [[True] * 2, [False] * 2, [True] * 2]
    for result in (goal.result, pickle.loads(pickle.dumps(goal)).result):
        np.testing.assert_array_equal(result["y"], np.where(goal.reached, 6.0, np.nan))
        assert np.isnan(result["path"][:, 1]).all()
        assert np.isfinite(result["path"][:, [0, 2]]).all()
        assert np.isfinite(result["other"]).all()
        assert np.isnan(result["book"]).all()
    alone = goal_of("x * 0", 6.0, failures="nan")
    assert np.isnan(alone.result["y"]).all()
    assert np.isnan(pickle.loads(pickle.dumps(alone)).value)


@pytest.mark.parametrize("engine", ENGINES)
def test_targets_over_lanes_are_goals_of_their_own(engine):
    goal = goal_of("x * c", [1.0, 2.0, 5.0], engine=engine, inputs={"c": 2.0})
    np.testing.assert_allclose(goal.value, [0.5, 1.0, 2.5])
    assert goal.result.axes("y")[-1:] == ("scenario",)
    m = lw.series.Model("book", periods=1)
    m.input("x", default=0.0), m.input("c", axes="loan")
    m.formula("f", "x * c")
    m.output("book", "last(f)", reduce="loan")
    goal = m.seek("x", "book", [6.0, 12.0], inputs={"c": [1.0, 2.0]}, engine=engine)
    np.testing.assert_allclose(goal.value, [2.0, 4.0])
    with pytest.raises(lw.Diagnostic, match="'the target' varies along 'loan', over which"):
        m.seek("x", "book", lw.series.along("loan", [6.0, 12.0]), inputs={"c": [1.0, 2.0]})


def test_bounds_of_one_point():
    assert goal_of("x * x", 4.0, bounds=(2.0, 2.0)).value == 2.0
    assert goal_of("sqrt(x)", 0.0, 5.0, bounds=(0, 0)).reached
    with pytest.raises(lw.Diagnostic, match="with 2 it misses by 5"):
        goal_of("x * x", 9.0, bounds=(2, 2))


# Slopes that are written as 0 ---------------------------------------------------------------------


def of(formula, start, engine="auto", **how):
    m = lw.series.Model("m", periods=1)
    m.input("x", default=start), m.input("y", default=1.0)
    m.formula("f", f"last({formula})")
    return m.solve("x", engine=engine, **how)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("formula", "maximise", "bounds", "status", "right"),
    [
        ("cbrt(x) ** 3", False, {}, "diverged", None),
        ("cbrt(x) ** 3", False, {"x": (-3.0, 5.0)}, "solved", -3.0),
        ("cbrt(x) ** 3", True, {"x": (-3.0, 5.0)}, "solved", 5.0),
        ("1e-9 * cbrt(x) * cbrt(x) * cbrt(x)", True, {"x": (-3.0, 5.0)}, "solved", 5.0),
        ("cbrt(x) ** 3 + (x - 2) ** 2", False, {}, "solved", 1.5),
        ("sqrt(x) ** 2", True, {"x": (-3.0, 5.0)}, "solved", 5.0),
        ("sqrt(x) ** 2", False, {}, "solved", 0.0),
        ("abs(cbrt(x)) ** 3", False, {}, "solved", 0.0),
        ("(x / 1e9) ** 2 / (1 + x * x)", False, {}, "solved", 0.0),
    ],
)
def test_no_slope_of_nought_ends_a_way(formula, maximise, bounds, status, right, engine):
    solution = of(formula, 0.0, engine, objective="f", maximise=maximise, bounds=bounds)
    assert solution.status == status
    if right is not None:
        assert solution["x"] == pytest.approx(right, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("formula", "start", "status", "right"),
    [
        ("cbrt(x) ** 3", 0.0, "solved", 0.0),
        ("cbrt(x) ** 3", 1.0, "solved", 0.0),
        ("cbrt(x ** 3)", 0.0, "solved", 0.0),
        ("cbrt(x ** 3) - 8", 0.0, "solved", 8.0 ** (1 / 3) * 4),
        ("cbrt(x) ** 3 - x", 0.0, "not a number", None),
        ("cbrt(x) ** 3 + x * x - 6", 0.0, "not a number", None),
        ("sqrt(x) ** 2", 0.0, "not a number", None),
        ("cbrt(x ** 3) ** 3", 0.0, "singular", None),
        ("(x - 1) ** 2 / x", 1.0, "singular", None),
    ],
)
def test_equations_are_solved_by_slopes_that_there_are(formula, start, status, right, engine):
    solution = of(formula, start, engine, residuals="f")
    assert solution.status == status
    if right is not None:
        assert solution["x"] == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("formula", "start", "how", "name"),
    [
        ("cbrt(x) ** 3 - 8", 0.0, {"residuals": "f"}, "the derivative of f by x is nan"),
        ("cbrt(x) ** 3", 0.0, {"objective": "g", "bounds": {"f": (1.0, 2.0)}}, "of f by x is nan"),
        ("log(x) + x", -1.0, {"objective": "f"}, "f is nan"),
        ("log(x) + x", -1.0, {"residuals": "f"}, "f is nan"),
        ("log(x) * sqrt(x) + x", 0.0, {"objective": "f"}, "f is nan"),
        ("1 / x", 0.0, {"objective": "f"}, "f is inf"),
    ],
)
def test_a_start_without_slopes_is_named_and_nothing_is_printed(formula, start, how, name, engine):
    m = lw.series.Model("m", periods=1)
    m.input("x", default=start)
    m.formula("f", f"last({formula})"), m.formula("g", "last(x * x)")
    solution = m.solve("x", engine=engine, **how)
    assert solution.status == "not a number"
    assert name in solution.message
