"""Solving where lanes end early: native functions give what the engine reference gives, always."""

import numpy as np
import pytest

import lanework as lw
from lanework.base.limits import Limits
from lanework.machines.series.nonlinear import callbacks, driver

pytestmark = pytest.mark.slow
ENGINES = ("llvm", "stencil", "auto")


def cash(horizon="n", **axes):
    model = lw.series.Model("m", periods=6)
    model.input("n", default=6, axes=axes.get("n", ()))
    model.input("size", default=1.0)
    model.formula("a", "10 - size * (t + 1)")
    model.formula("lagged", "prev(a, initial=12) - 0.1 * size")
    model.formula("goal", "(size - 100) * (size - 100)")
    model.horizon(horizon)
    return model.compile()


@pytest.fixture
def natives(monkeypatch):
    """Whether each problem was solved by native functions."""
    said = []

    def native(problem, x):
        functions = callbacks.native(problem, x)
        said.append(functions is not None)
        return functions

    monkeypatch.setattr(driver, "native", native)
    return said


def same(mine, right):
    assert (mine.status, mine.message) == (right.status, right.message)
    assert mine.solver_trace.tobytes() == right.solver_trace.tobytes()
    for values, others in (
        (mine.variables, right.variables),
        (mine.multipliers, right.multipliers),
    ):
        for name, value in values.items():
            assert np.asarray(value).tobytes() == np.asarray(others[name]).tobytes()


BOUNDS = [
    {"a": (0.0, None)},
    {"lagged": (0.0, None)},
    {"a": (0.0, None), "lagged": (-0.5, None), "size": (None, 9.0)},
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bounds", BOUNDS, ids=lambda bounds: "-".join(bounds))
@pytest.mark.parametrize("ends", [[6, 2, 3], [1, 6, 1, 5], [0, 6, 0], [2, 6]], ids=str)
def test_lanes_that_end_early(ends, bounds, engine, natives):
    program = cash(n="scenario")
    given = {"n": np.array(ends, float)}
    right = program.solve("size", bounds=bounds, objective="goal", inputs=given, engine="reference")
    assert not any(natives)
    natives.clear()
    mine = program.solve("size", bounds=bounds, objective="goal", inputs=given, engine=engine)
    assert all(natives)
    for one, other in zip(mine, right, strict=True):
        same(one, other)
    if [*bounds] == ["a"]:
        for end, size in zip(ends, right.variables["size"], strict=True):
            assert size == pytest.approx(10 / end if end else 100, rel=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_solver_that_is_called_again_with_another_end(engine, natives):
    program = cash("min(n, 5) - where(n > 2, 0, 1)")
    how = {"bounds": {"a": (0.0, None), "lagged": (-3.0, None)}, "objective": "goal"}
    mine = program.solver("size", engine=engine, **how)
    right = program.solver("size", engine="reference", **how)
    for end in (6.0, 2.0, 4.0, 1.0, 5.0, 2.0):
        same(mine({"n": end}), right({"n": end}))
    assert natives == [True, False] * 6


def moving(horizon, **formulas):
    model = lw.series.Model("m", periods=8)
    model.input("x", default=5.0)
    model.input("z", axes="time", default=1.0)
    model.input("n", default=7.0)
    keys = {"key": [0, 1, 2, 3], "q": [1.0, 2.0, 4.0, 3.0]}
    model.table("q", keys, keys="key", value="q", outside="error")
    model.formula("a", "x * z + t")
    model.formula("looked", "z * q(floor(abs(z)))")
    model.formula("lagged", "prev(a * z, initial=3) + prev(z, 2, initial=1)")
    model.formula("squares", "maximum(lagged * lagged)")
    model.formula("s", "total(a) + last(looked)")
    model.horizon(horizon)
    return model.compile()


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
@pytest.mark.parametrize(
    "horizon",
    ["min(max(floor(x), 0), 8)", "min(n, 8)", "where(x > n, 3, 8)", "8 - where(n > 4, 5, 0)"],
)
def test_functions_at_many_points(horizon, engine):
    """Points at which lookups fail among others, and ends that unknowns move: nothing is left."""
    program = moving(horizon)
    bounds = {"a": (-1e3, 1e3), "lagged": (-1e3, 1e3), "squares": (0, 1e9)}
    problems = [
        program.solver(["x", "z"], bounds=bounds, objective="s", engine=each)._prepared(8, Limits())
        for each in (engine, "reference")
    ]
    random = np.random.default_rng(0)
    first = np.concatenate([[5.0], np.ones(8)])
    for n in (7.0, 2.0, 6.0):
        for problem in problems:
            problem.begin(None)
            problem.given({"n": n})
        mine, right = callbacks.native(problems[0], first) or problems[0], problems[1]
        assert (mine is problems[0]) == ("x" in horizon)
        sizes = right.rows, len(right.entries[0])
        for _ in range(25):
            x = np.append(random.uniform(-1, 9), random.uniform(-3.9, 3.9 + (_ % 3 == 0), 8))
            values = [np.empty(size) for size in 2 * sizes]
            mine.levels(x, values[0])
            mine.jacobian(x, values[1])
            right.levels(x, values[2])
            right.jacobian(x, values[3])
            assert mine.value(x).hex() == right.value(x).hex()
            assert np.array_equal(values[0], values[2], equal_nan=True)
            assert np.array_equal(values[1], values[3], equal_nan=True)
