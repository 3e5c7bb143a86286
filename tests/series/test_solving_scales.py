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
    assert most.multipliers["both"] == pytest.approx(unit / 6, rel=1e-6, abs=0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("unit", UNITS)
def test_bounds_in_any_unit(unit, engine):
    sized = solved(
        {"x": 50.0, "y": 60.0},
        {"f": "x * x + y", "g": f"{unit} * (x + y * y)"},
        engine, bounds={"x": (1.0, 1e3), "y": (0.0, None), "g": (5 * unit, None)}, objective="f",
    )  # fmt: skip
    assert (sized["x"], sized["y"]) == pytest.approx((1.0, 2.0), rel=1e-8)
    assert sized.multipliers["g"] == pytest.approx(0.25 / unit, rel=1e-6, abs=0)
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


# Units of unknowns --------------------------------------------------------------------------------

OWN_UNITS = [10.0**power for power in (-15, -12, -9, -6, -3, 3, 6, 9, 12, 15)]


@pytest.mark.parametrize("unit", [1e-15, 1e-8, 1e8, 1e10, 1e12, 1e15])
@pytest.mark.parametrize("begin", [3.0, 1.0])
def test_an_objective_however_large_is_solved(begin, unit):
    quartic = solved({"x": begin}, {"f": f"{unit} * ((x - 2) ** 4 + x)"}, objective="f")
    assert (quartic.status, quartic["x"]) == ("solved", pytest.approx(2 - 0.25 ** (1 / 3)))
    right = unit * (0.25 ** (4 / 3) + quartic["x"])
    assert quartic.objective == pytest.approx(right, rel=1e-9, abs=0)
    assert quartic.solver_trace["objective"][-1] == pytest.approx(right, rel=1e-9, abs=0)


@pytest.mark.parametrize("unit", OWN_UNITS)
def test_unknowns_in_any_unit(unit):
    bounds = {"x": (5 * unit, 1000 * unit)}
    held = solved({"x": 100 * unit}, {"f": f"(x / {unit} - 3) ** 2"}, bounds=bounds, objective="f")
    assert (held.status, held["x"] / unit) == ("solved", pytest.approx(5.0, rel=1e-8))
    line = solved({"x": 100 * unit}, {"f": "x"}, bounds=bounds, objective="f")
    assert (line.status, line["x"] / unit) == ("solved", pytest.approx(5.0, rel=1e-8))
    most = solved(
        {"x": 5 * unit, "y": 5 * unit},
        {"f": f"log(x / {unit}) + log(y / {unit})", "g": "x + 3 * y"},
        bounds={"g": (None, 12 * unit)}, objective="f", maximise=True,
    )  # fmt: skip
    assert (most["x"] / unit, most["y"] / unit) == pytest.approx((6.0, 2.0), rel=1e-7)
    assert most.multipliers["g"] == pytest.approx(1 / (6 * unit), rel=1e-6, abs=0)
    root = solved({"x": 100 * unit}, {"g": f"x * x - {2 * unit * unit}"}, residuals="g")
    assert (root.status, root["x"] / unit) == ("solved", pytest.approx(2**0.5, rel=1e-12))
    free = solved({"x": unit}, {"f": "x"}, objective="f")
    assert free.status == "diverged"
    none = {"g": (None, -unit * unit)}
    never = solved({"x": unit}, {"f": "x", "g": "x * x"}, bounds=none, objective="f")
    assert never.status == "infeasible"
    assert "g is" in never.message


@pytest.mark.parametrize("unit", [1e-15, 1e-9, 1e-3, 1e6, 1e15])
def test_a_published_problem_in_any_unit(unit):
    """Problem 71 of Hock and Schittkowski."""
    starts = {"a": unit, "b": 5 * unit, "c": 5 * unit, "d": unit}
    bounds = dict.fromkeys("abcd", (unit, 5 * unit))
    bounds |= {"product": (25 * unit**4, None), "squares": (40 * unit**2, 40 * unit**2)}
    formulas = {
        "f": f"a * d * (a + b + c) + c * {unit * unit}",
        "product": "a * b * c * d",
        "squares": "a * a + b * b + c * c + d * d",
    }
    solution = solved(starts, formulas, bounds=bounds, objective="f")
    values = [solution[name] / unit for name in "abcd"]
    np.testing.assert_allclose(values, [1.0, 4.7429994, 3.8211503, 1.3794082], atol=1e-6)
    assert solution.objective / unit**3 == pytest.approx(17.0140172892, rel=1e-8)


def in_units(seed, wide):
    """A random problem with numbers in random units, and the answer in these."""
    random = np.random.default_rng(seed)
    names = list("xyz")[: random.integers(1, 4)]
    powers = wide * random.uniform(-1, 1, (2, 4)).round(2)
    unit = dict(zip(names, (10.0 ** powers[0]).tolist(), strict=False))
    other = (10.0 ** powers[1]).tolist()
    a, b, c = (random.normal(size=(3, 3)).round(2) * 3).tolist()
    own = [f"({name} / {unit[name]!r})" for name in names]
    start = {
        name: x * unit[name] for name, x in zip(names, random.uniform(0.5, 5, 3), strict=False)
    }
    if random.random() < 0.25:
        start[names[0]] = 0.0
    least = " + ".join(
        f"({x} - {p}) ** 2 * {1 + q * q}" for x, p, q in zip(own, a, b, strict=False)
    )
    line = " + ".join(f"{x} * {p}" for x, p in zip(own, c, strict=False))
    kind = seed % 4
    if kind == 3:
        formulas = {
            f"g{n}": f"{other[n]!r} * ({line} + 9 * {x} + {x} ** 3 - {p})"
            for n, (x, p) in enumerate(zip(own, a, strict=False))
        }
        solution = solved(start, formulas, residuals=[*formulas])
    else:
        formulas = {"f": f"{other[3]!r} * ({least} + exp(0.1 * {own[0]}))"}
        bounds = {}
        if kind == 1:
            bounds = {x: (p * unit[x], (p + 4) * unit[x]) for x, p in zip(names, b, strict=False)}
        if kind == 2:
            formulas["g"] = f"{other[0]!r} * ({line})"
            bounds = {"g": (other[0], None if seed % 8 == 2 else other[0])}
        solution = solved(start, formulas, bounds=bounds, objective="f")
    return solution.status, [solution.variables[name] / unit[name] for name in names]


@pytest.mark.parametrize("seed", range(48))
def test_random_problems_in_random_units(seed):
    status, values = in_units(seed, 0)
    assert status == "solved"
    for wide in (6, 15):
        other, mine = in_units(seed, wide)
        assert other == status
        np.testing.assert_allclose(mine, values, rtol=1e-5, atol=1e-5)


def test_default_starts_are_not_the_unit():
    """Unknowns that begin with 1 and end far off."""
    for unit in (1e-9, 1e-6, 1e6, 1e9, 1e12, 1e21):
        root = solved({"x": 1.0, "y": 1.0}, {"g": f"x - 3 * {unit}", "h": f"y - x / {unit}"},
                      residuals=["g", "h"])  # fmt: skip
        assert (root["x"] / unit, root["y"]) == pytest.approx((3.0, 3.0), rel=1e-9)
        if unit > 1e20:  # nothing of an objective changes over 1
            continue
        least = solved({"x": 1.0}, {"f": f"(x / {unit} - 3) ** 2"}, objective="f",
                       bounds={"x": (0.0, None)})  # fmt: skip
        assert (least.status, least["x"] / unit) == ("solved", pytest.approx(3.0, rel=1e-6))


def test_what_fades_out_is_no_solution_in_any_unit():
    for unit in (1e-12, 1.0, 1e12):
        faded = solved({"x": 1.0}, {"g": f"{unit} * exp(-x)"}, residuals="g")
        assert faded.status in ("inaccurate", "stopped")


@pytest.mark.parametrize("add", [0.25, 1e6, 1e9, -3.0])
@pytest.mark.parametrize("bounds", [(-9.0, None), (None, 9.0), (-9.0, 9.0), (-1.0, 1e9)])
def test_what_goes_to_nought_beside_more_is_solved(add, bounds):
    m = lw.series.Model("m", periods=1)
    m.input("x", default=3.0), m.input("z", default=3.0)
    m.formula("y", f"last((x - 4)**2 + z**2 + {add})")
    solution = m.compile().solve(["x", "z"], [], {"x": (4.5, 9.0), "z": bounds}, "y")
    assert solution.ok, solution
    assert solution.iterations < 60
    assert (solution["x"], solution["z"]) == (pytest.approx(4.5), pytest.approx(0.0, abs=1e-6))


@pytest.mark.parametrize("start", [1e12, 1e16, -1e20, 1e40, 1e100])
def test_a_start_that_is_far_too_large(start):
    curve = solved({"x": start}, {"f": "(x - 1) ** 2"}, objective="f")
    assert (curve.status, curve["x"]) == ("solved", pytest.approx(1.0, abs=1e-9))
    two = solved({"x": start, "y": 5.0}, {"f": "(x - 1) ** 2 + (y - x) ** 2"}, objective="f")
    assert two.status == "solved"
    assert (two["x"], two["y"]) == pytest.approx((1.0, 1.0), abs=1e-6)
    nought = solved({"x": start}, {"f": "x ** 2"}, objective="f")
    assert (nought.status, nought["x"]) == ("solved", 0.0)
