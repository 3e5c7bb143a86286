"""Solving: published problems, models that need no solver, derivatives, what goes wrong."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.optimize

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.machines.series.check.generate import random_program
from lanework.machines.series.nonlinear import driver, ipopt
from lanework.machines.series.nonlinear.blocks import blocks
from lanework.machines.series.nonlinear.problem import Problem
from lanework.machines.series.nonlinear.solution import TRACE
from lanework.machines.series.passes.derive import Deriver
from lanework.machines.series.passes.sparsity import Sparsity, colours
from lanework.machines.series.runner import Runner

pytestmark = pytest.mark.slow


def model(periods=1, inputs=(), **formulas):
    m = lw.series.Model("m", periods=periods)
    for name in inputs:
        default = 0.0
        if ":" in name:
            name, text = name.split(":")
            default = float(text)
        m.input(name.removeprefix("~"), axes="time" if "~" in name else (), default=default)
    for name, text in formulas.items():
        m.formula(name, text)
    return m


# Published problems -------------------------------------------------------------------------------


def hs071():
    """Hock and Schittkowski 1981, problem 71; the solution is that of IPOPT's documentation."""
    m = model(
        inputs=("a:1", "b:5", "c:5", "d:1"),
        f="last(a * d * (a + b + c) + c)",
        product="last(a * b * c * d)",
        squares="last(a * a + b * b + c * c + d * d)",
    )
    bounds = dict.fromkeys("abcd", (1.0, 5.0)) | {"product": (25.0, None), "squares": (40.0, 40.0)}
    return m, bounds


def test_hs071():
    m, bounds = hs071()
    solution = m.solve([*"abcd"], bounds=bounds, objective="f")
    assert solution.ok
    assert solution.objective == pytest.approx(17.0140172892, abs=1e-8)
    values = [solution[name] for name in "abcd"]
    np.testing.assert_allclose(values, [1.0, 4.7429994, 3.8211503, 1.3794082], atol=1e-6)
    assert solution.multipliers["product"] == pytest.approx(0.55229366, abs=1e-6)
    assert solution.multipliers["squares"] == pytest.approx(-0.16146857, abs=1e-6)


def test_rosenbrock_from_far():
    m = model(inputs=("x:-1.2", "y:1"), f="last(100 * (y - x * x) ** 2 + (1 - x) ** 2)")
    solution = m.solve(["x", "y"], objective="f")
    assert (solution["x"], solution["y"]) == pytest.approx((1.0, 1.0), abs=1e-7)


def test_to_maximise_is_to_minimise_the_negative():
    m = model(inputs=("x:1",), f="last(x * (4 - x))", g="last(-(x * (4 - x)))")
    up, down = m.solve("x", objective="f", maximise=True), m.solve("x", objective="g")
    assert up["x"] == pytest.approx(2.0)
    assert down["x"] == pytest.approx(2.0)
    assert up.objective == pytest.approx(4.0)
    assert down.objective == pytest.approx(-4.0)
    np.testing.assert_allclose(up.solver_trace["objective"], -down.solver_trace["objective"])


# Models that need no solver -----------------------------------------------------------------------

DEBT = {
    "opening": "prev(balance, initial=size)",
    "r_interest": "interest - rate * (opening + balance) / 2",
    "r_repay": "(interest + repay) * cover - cash",
    "r_balance": "balance - (opening - repay)",
}
RESIDUALS = ["r_interest", "r_repay", "r_balance"]


def debt(periods):
    inputs = ("~interest", "~repay", "~balance", "rate:0.004", "cover:1.3", "~cash", "size")
    return model(periods, inputs, **DEBT).compile(outputs=RESIDUALS)


def closed_form(cash, size, rate=0.004, cover=1.3):
    """The same loan by substitution: service is known, so each balance is a linear equation."""
    balance, balances = size, []
    for flow in cash:
        balance = (balance * (1 + rate / 2) - flow / cover) / (1 - rate / 2)
        balances.append(balance)
    return np.array(balances)


def test_every_corkscrew_an_unknown():
    cash = 100 + 10 * np.sin(np.arange(360) / 5)
    given = {"cash": cash, "size": 15_000.0}
    solution = debt(360).solve(["interest", "repay", "balance"], RESIDUALS, inputs=given)
    assert solution.ok
    assert solution.iterations <= 2
    np.testing.assert_allclose(solution["balance"], closed_form(cash, 15_000.0), rtol=1e-11)
    for name in RESIDUALS:
        assert np.abs(solution.result[name]).max() < 1e-9


def test_debt_is_sized_to_a_cover_ratio():
    m = model(
        60,
        ("size:100", "~cash", "rate:0.01"),
        repay="size / 60",
        balance="prev(balance, initial=size) - repay",
        interest="prev(balance, initial=size) * rate",
        dscr="cash / (repay + interest)",
        debt="last(size + 0 * balance)",
    )
    cash = np.linspace(50.0, 80.0, 60)
    solution = m.solve(
        "size", bounds={"dscr": (1.3, None), "size": (1.0, None)}, objective="debt",
        maximise=True, inputs={"cash": cash},
    )  # fmt: skip
    opening = 1 - np.arange(60) / 60
    right = (cash / (1.3 * (1 / 60 + opening * 0.01))).min()
    assert solution["size"] == pytest.approx(right, rel=1e-8)
    assert solution["dscr"].min() == pytest.approx(1.3, rel=1e-8)


def test_a_fee_on_the_debt_that_pays_for_it():
    """Debt covers costs, its own fee, and interest on the average balance of a year of building.

    In closed form: debt (1 - fee - rate (n + 1) / (2 n)) = costs, drawn in n equal parts.
    """
    right = 1e6 / (1 - 0.02 - 0.06 / 12 * 13 / 2)
    numbers = ("costs:1000000", "fee:0.02", "rate:0.06")
    uses = "costs + fee * debt + total(rate / 12 * debt * (t + 1) / 12)"
    m = model(12, ("debt:0", *numbers), uses=uses, gap=f"debt - ({uses})")
    solution = m.solve("debt", "gap")
    assert solution.ok
    assert solution["debt"] == pytest.approx(right, rel=1e-8)
    assert m.seek("debt", "gap", bounds=(0.0, 1e9)).value == pytest.approx(right, rel=1e-8)
    loop = model(12, numbers)
    loop.formula("debt", "costs + fee * debt + rate / 12 * debt * 6.5", circular=True)
    assert loop.run()["debt"] == pytest.approx(right, rel=1e-12)


def test_each_lane_is_a_problem_of_its_own():
    cash = 100 + 10 * np.sin(np.arange(24) / 5)
    sizes = np.array([1_000.0, 1_500.0, 2_000.0])
    given = {"cash": cash, "size": sizes}
    solutions = debt(24).solve(["interest", "repay", "balance"], RESIDUALS, inputs=given)
    assert len(solutions) == 3
    assert solutions.ok
    assert solutions["balance"].shape == (24, 3)
    for lane, size in enumerate(sizes):
        np.testing.assert_allclose(
            solutions["balance"][:, lane], closed_form(cash, size), rtol=1e-10
        )
        alone = debt(24).solve(
            ["interest", "repay", "balance"], RESIDUALS, inputs={"cash": cash, "size": size}
        )
        assert alone["balance"].tobytes() == solutions[lane]["balance"].tobytes()


def test_two_lane_axes():
    m = lw.series.Model("two", periods=2)
    m.input("x"), m.input("p", axes="a"), m.input("q", axes="b")
    m.formula("r", "last(x - p * q)")
    given = {"p": [1.0, 2.0], "q": [3.0, 4.0, 5.0]}
    solutions = m.solve("x", "r", inputs=given)
    assert dict(zip(solutions.axes, solutions.shape, strict=True)) == {"a": 2, "b": 3}
    right = np.multiply.outer([1.0, 2.0], [3.0, 4.0, 5.0])
    order = [solutions.axes.index(axis) for axis in ("a", "b")]
    np.testing.assert_allclose(np.transpose(solutions["x"], order), right)


def test_a_warm_start_takes_fewer_iterations():
    m, bounds = hs071()
    program = m.compile(outputs=["f", "product", "squares"])
    cold = program.solve([*"abcd"], bounds=bounds, objective="f")
    near = {**bounds, "product": (25.5, None)}
    begin = {name: cold[name] for name in "abcd"}
    warm = program.solve([*"abcd"], bounds=near, objective="f", inputs=begin, warm=cold)
    again = program.solve([*"abcd"], bounds=near, objective="f")
    assert warm.objective == pytest.approx(again.objective, rel=1e-8)
    assert warm.iterations < again.iterations


def test_a_warm_start_begins_from_the_solution():
    program = model(inputs=("x:1",), r="last(x * x - 4)").compile(outputs=["r"])
    first = program.solve("x", "r", inputs={"x": -1.5})
    again = program.solve("x", "r", warm=first)
    assert (first["x"], again["x"]) == pytest.approx((-2.0, -2.0))
    other = model(inputs=("x:1", "y"), r="last(x * x - 4)", s="last(y - x)").compile()
    with pytest.raises(Diagnostic, match="has 1 unknowns and 1 outputs") as caught:
        other.solve(["x", "y"], ["r", "s"], warm=first)
    assert caught.value.code.ident == "LW3062"


@pytest.mark.parametrize(
    ("formula", "right"),
    [("1e-12 * (x - 5)", 5.0), ("1e-9 * x * x - 4e-9", 2.0), ("1e9 * (x * x - 2)", 2**0.5)],
)
def test_equations_of_any_size(formula, right):
    solution = model(inputs=("x:1",), r=f"last({formula})").solve("x", "r")
    assert solution["x"] == pytest.approx(right, rel=1e-12)


def test_labels_of_goals_and_starts_are_matched():
    m = model(inputs=("x:1", "a"), y="last(x * x + a)")
    a = pd.Series([-4.0, -9.0], index=list("uv"))
    target = pd.Series([5.0, 0.0], index=list("vu"))
    goal = m.seek("x", "y", target, inputs={"a": a})
    np.testing.assert_allclose(goal.value, [2.0, 14**0.5], rtol=1e-12)
    start = pd.Series([-1.0, 1.0], index=list("vu"))
    goal = m.seek("x", "y", inputs={"a": a, "x": start})
    labels = goal.result.to_pandas("y").index.tolist()
    assert dict(zip(labels, np.round(goal.value, 9), strict=True)) == {"u": 2.0, "v": -3.0}
    with pytest.raises(Diagnostic):
        m.seek("x", "y", pd.Series([5.0, 0.0], index=list("vw")), inputs={"a": a})


def test_lanes_without_a_root_are_passed_over():
    goal = model(inputs=("x:3", "a"), y="last(x * x + a)").seek(
        "x", "y", inputs={"a": [-4.0, 4.0, 1e-300, -1e8]}, failures="nan"
    )
    assert goal.reached.tolist()[:2] == [True, False]
    assert goal.value[0] == pytest.approx(2.0)
    assert goal.value[3] == pytest.approx(1e4)


def test_lanes_after_the_deadline_are_not_begun(monkeypatch):
    program = model(inputs=("x:1", "goal"), r="last(x * x - goal)").compile()
    levels = Problem.levels
    monkeypatch.setattr(Problem, "levels", lambda *args: time.sleep(0.05) or levels(*args))
    solutions = program.solve(
        "x", "r", inputs={"goal": np.arange(1.0, 200.0)}, limits=lw.Limits(deadline=0.5)
    )
    assert set(solutions.statuses) >= {"deadline"}
    assert sum(len(one.solver_trace) > 0 for one in solutions) < 20


def test_inputs_over_two_declared_axes():
    m = lw.series.Model("m", periods=2)
    m.input("rate", axes=("scenario", "time"))
    m.input("pay", default=1.0)
    m.formula("fund", "prev(fund) * (1 + rate) + pay")
    m.formula("miss", "last(fund) - 10")
    given = {"rate": [[0.1, 0.1], [0.2, 0.2]]}
    right = [10 / 2.1, 10 / 2.2]
    np.testing.assert_allclose(m.solve("pay", "miss", inputs=given)["pay"], right, rtol=1e-9)
    np.testing.assert_allclose(m.seek("pay", "miss", inputs=given).value, right, rtol=1e-12)


def test_inputs_from_tables():
    frame = pd.DataFrame({"goal": [4.0, 9.0], "unused": [1.0, 2.0]})
    m = model(1, ("x:1", "goal"), r="last(x * x - goal)")
    bounds = {"x": (0.0, None)}
    table = frame[["goal"]]
    np.testing.assert_allclose(m.solve("x", "r", bounds, inputs=table)["x"], [2, 3], rtol=1e-8)
    np.testing.assert_allclose(m.seek("x", "r", inputs=table).value, [2, 3], rtol=1e-12)
    with pytest.raises(Diagnostic, match="unused"):
        m.seek("x", "r", inputs=frame)


def test_a_solver_in_threads():
    solver = model(inputs=("x:1", "goal"), r="last(x * x - goal)").compile().solver(
        "x", "r", {"x": (0.0, None)}
    )  # fmt: skip
    goals = np.arange(1.0, 61.0)
    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(lambda goal: solver({"goal": float(goal)})["x"], goals))
    np.testing.assert_allclose(values, np.sqrt(goals), rtol=1e-8)


# Native functions ---------------------------------------------------------------------------------

BENT_TWICE = {
    "path": "prev(path, initial=1) * cos(x / 10) + x * u",
    "level": "where(path > 2, path * u, path)",
    "goal": "total(path * path) + exp(u / 5) * last(level)",
    "flat": "log(x + 4) * 2",
}


def hard(engine, native, monkeypatch):
    """Solutions of many kinds of problems, with native functions or Python's."""
    if not native:
        monkeypatch.setattr(driver, "native", lambda *_: None)
    m, bounds = hs071()
    yield m.solve([*"abcd"], bounds=bounds, objective="f", engine=engine)
    cash = 100 + 10 * np.sin(np.arange(90) / 5)
    names = ["interest", "repay", "balance"]
    yield debt(90).solve(names, RESIDUALS, inputs={"cash": cash, "size": 5e3}, engine=engine)
    bent = model(5, ("~x:1", "u:2", "scale:3"), **BENT_TWICE).compile()
    more = {"x": (-2.0, 4.0), "u": (-1.0, 3.0), "level": (-4.0, 9.0), "goal": (None, 40.0)}
    solver = bent.solver(["x", "u"], bounds=more, objective="goal", maximise=True, engine=engine)
    first = solver({"x": [1.0, 2.0, 0.5, 0.1, 3.0]})
    yield first
    yield solver({"x": 1.5}, warm=first)
    yield bent.solve("x", bounds={"flat": (1.0, 2.0)}, objective="goal", engine=engine)
    yield from (of.solve(*args, **more, engine=engine) for of, args, more in STATUS.values())
    looked = lw.series.Model("m", periods=1)
    looked.input("x", default=1.0)
    given = {"key": [0, 1, 2], "q": [1.0, 2.0, 4.0]}
    looked.table("q", given, keys="key", value="q", outside="error")
    looked.formula("r", "last(x * x - 6 + q(floor(x)))")
    yield looked.solve("x", "r", inputs={"x": 0.5}, engine=engine)
    yield looked.solve("x", "r", inputs={"x": 2.5}, engine=engine)


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_native_functions_give_the_same_bits(engine, monkeypatch):
    for mine, other in zip(
        hard(engine, True, monkeypatch), hard(engine, False, monkeypatch), strict=True
    ):
        assert (mine.status, mine.message) == (other.status, other.message)
        assert mine.solver_trace.tobytes() == other.solver_trace.tobytes()
        for values, others in (
            (mine.variables, other.variables),
            (mine.multipliers, other.multipliers),
        ):
            for name, value in values.items():
                assert np.asarray(value).tobytes() == np.asarray(others[name]).tobytes()


def test_native_functions_are_called(monkeypatch):
    def never(*_):
        raise AssertionError("Python is called")

    for name in ("slope", "jacobian", "hessian"):
        monkeypatch.setattr(Problem, name, never)
    m, bounds = hs071()
    assert m.solve([*"abcd"], bounds=bounds, objective="f").ok


LASTING = {"y": "prev(y, initial=1) * sin(x) + cos(x * 7) * 100", "f": "total(y * y)"}


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("status", ["interrupted", "deadline"])
def test_a_solver_is_stopped_between_iterations(status, engine, ctrl_c, monkeypatch):
    """At its next iteration, whether IPOPT calls native code or Python."""
    solver = model(6, ("~x",), **LASTING).compile(outputs=["f"]).solver(
        "x", objective="f", engine=engine
    )  # fmt: skip
    start, began, iteration = np.linspace(1, 9, 6), threading.Event(), ipopt.Run.iteration
    all_of_it = solver({"x": start}).iterations

    def watched(run, *numbers):
        began.set()
        time.sleep(0.1)
        return iteration(run, *numbers)

    monkeypatch.setattr(ipopt.Run, "iteration", watched)
    limits = lw.Limits(deadline=0.05) if status == "deadline" else None
    if status == "interrupted":
        ctrl_c.press(began.is_set)
    solution = solver({"x": start}, limits=limits)
    assert solution.status == status
    assert solution.iterations < all_of_it
    assert solution.objective == solution.solver_trace["objective"][-1]


def test_native_code_goes_with_its_solver():
    solver = model(inputs=("x:1",), r="last(x * x - 4)").compile().solver("x", "r")
    assert solver().ok
    native = weakref.ref(solver._problem.native[1])
    gc.collect()
    assert native() is not None
    assert solver()["x"] == pytest.approx(2.0)
    del solver
    gc.collect()
    assert native() is None


# Derivatives, one by one --------------------------------------------------------------------------

BENT = {
    "x2": "x * x + 0.5 * prev(x2, initial=z)",
    "y": "x2 * exp(w / 10) + lead(x, 2, final=1.0) * z",
    "last_y": "last(y)",
    "all": "total(y * y + z * w)",
}


def problem(periods=5):
    m = model(periods, ("~x", "~w", "z"), **BENT)
    program = m.compile(outputs=["y", "last_y", "all"])
    inputs = {port.name: port for port in program.inputs}
    outputs = {port.name: port for port in program.outputs}
    unknowns = blocks([inputs[name] for name in "xwz"], periods, {})
    targets = blocks([outputs["y"], outputs["last_y"]], periods, {})
    nonlinear = Problem(program, unknowns, targets, outputs["all"], -1.0, periods, "auto")
    nonlinear.given({})
    return nonlinear


def dense(entries, values, shape):
    out = np.zeros(shape)
    out[entries] = values
    return out


def test_jacobian_and_slope_are_those_of_differences():
    nonlinear = problem()
    x = np.random.default_rng(1).uniform(0.2, 1.5, nonlinear.size)
    values = np.empty(len(nonlinear.entries[0]))
    nonlinear.jacobian(x, values)
    matrix = dense(nonlinear.entries, values, (nonlinear.rows, nonlinear.size))
    slope = np.empty(nonlinear.size)
    nonlinear.slope(x, slope)
    h, up, down = 1e-6, np.empty(nonlinear.rows), np.empty(nonlinear.rows)
    for place in range(nonlinear.size):
        step = h * np.eye(nonlinear.size)[place]
        nonlinear.levels(x + step, up)
        nonlinear.levels(x - step, down)
        np.testing.assert_allclose(matrix[:, place], (up - down) / (2 * h), rtol=1e-6, atol=1e-7)
        by_differences = (nonlinear.value(x + step) - nonlinear.value(x - step)) / (2 * h)
        assert slope[place] == pytest.approx(by_differences, rel=1e-6, abs=1e-6)


def test_hessian_is_that_of_differences_of_the_slopes():
    nonlinear = problem()
    random = np.random.default_rng(2)
    x, weights = random.uniform(0.2, 1.5, nonlinear.size), random.normal(size=nonlinear.rows)
    values = np.empty(len(nonlinear.bend_entries[0]))
    nonlinear.hessian(x, weights, 0.7, values)
    matrix = dense(nonlinear.bend_entries, values, (nonlinear.size, nonlinear.size))
    matrix += np.tril(matrix, -1).T

    def lagrangian_slope(at):
        slope, jacobian = np.empty(nonlinear.size), np.empty(len(nonlinear.entries[0]))
        nonlinear.slope(at, slope)
        nonlinear.jacobian(at, jacobian)
        return 0.7 * slope + weights @ dense(
            nonlinear.entries, jacobian, (nonlinear.rows, nonlinear.size)
        )

    h = 1e-6
    for place in range(nonlinear.size):
        step = h * np.eye(nonlinear.size)[place]
        right = (lagrangian_slope(x + step) - lagrangian_slope(x - step)) / (2 * h)
        np.testing.assert_allclose(matrix[place], right, rtol=1e-5, atol=1e-6)


def test_what_depends_on_neighbours_is_sparse():
    program = debt(360)
    deriver = Deriver(program)
    names = ["interest", "repay", "balance"]
    roots = [deriver.of[port.row] for port in program.outputs]
    reach = Sparsity(deriver.values, deriver.leaves(names), deriver.timed.__getitem__, 360).of(
        roots
    )
    pattern = np.block(
        [[reach[root].pattern(name, 360, True, True) for name in names] for root in roots]
    )
    assert pattern.sum() == 360 * 6 + 2 * 359
    assert colours(pattern).max() < 6


@pytest.mark.parametrize("seed", range(60))
def test_what_changes_with_an_input_is_in_the_pattern(seed):
    """One period of one input of a random program changes: nothing else than said does."""
    program, periods = random_program(seed, 12), 6
    random = np.random.default_rng(seed)
    given = {
        port.name: random.uniform(-4, 9, (periods,) if "time" in port.axes else ())
        for port in program.inputs
    }
    deriver = Deriver(program)
    leaves = deriver.leaves(None)
    roots = {port.name: deriver.of[port.row] for port in program.outputs}
    reach = Sparsity(deriver.values, leaves, deriver.timed.__getitem__, periods).of(
        [*roots.values()]
    )
    ports = {port.name: port for port in (*program.inputs, *program.outputs)}
    runner = program.bind("reference", periods=periods)
    before = runner(**given)
    for name in leaves:
        timed = "time" in ports[name].axes
        for place in range(periods if timed else 1):
            value = np.array(given[name], float)
            value[place if timed else ()] += 0.37
            after = runner(**{**given, name: value if timed else float(value)})
            for output, root in roots.items():
                changed = np.atleast_1d(
                    (before[output] != after[output])
                    & ~(np.isnan(before[output]) & np.isnan(after[output]))
                )
                may = reach[root].pattern(name, periods, len(changed) > 1, timed)
                assert not (changed & ~may[:, place]).any(), (name, place, output)


@pytest.mark.parametrize("seed", range(20))
def test_no_row_has_a_colour_twice(seed):
    pattern = np.random.default_rng(seed).random((30, 40)) < 0.1
    of = colours(pattern)
    for row in pattern:
        assert len(set(of[row])) == row.sum()


# What goes wrong ----------------------------------------------------------------------------------

REFUSED = [
    (("x", ()), {}, "1 unknowns and 0 equations"),
    ((["x", "y"], "r"), {}, "2 unknowns and 1 equations"),
    (("x", ["r", "s"]), {}, "2 equations for 1 unknowns"),
    (("q", "r"), {}, "no input 'q'"),
    (("x", "rr"), {}, "no output 'rr'"),
    (((), "r"), {}, "nothing to solve for"),
    (("z", "r"), {}, "unknown z reaches no output"),
    ((["x", "z"], ["r", "k"]), {}, "no unknown reaches the equation k"),
    (("x", "r"), {"bounds": {"x": (2.0, 1.0)}}, "bounds of x exclude each other"),
    (("x", "r"), {"bounds": {"x": ("low", 1.0)}}, "a bound of 'x' is the text 'low'"),
    (("x", "r"), {"bounds": {"x": (float("nan"), 1.0)}}, "a bound of 'x' is nan"),
    (("x", "r"), {"bounds": {"x": ("0", 5.0)}}, "a bound of 'x' is the text '0'"),
    (("x", "r"), {"bounds": {"x": (0.0, 1.0, 2.0)}}, "the bounds of 'x' are"),
    (("x", "r"), {"maximise": True}, "no objective to maximise"),
    (("x", "r"), {"bounds": {"r": (0.0, 1.0)}}, "is a residual and has bounds"),
    (("x", "r"), {"options": {"no_such_option": 1}}, "no_such_option"),
    (("x",), {"objective": "pay"}, "has a value in each period"),
]


@pytest.mark.parametrize(("args", "more", "words"), REFUSED)
def test_what_cannot_be_put(args, more, words, capfd):
    m = model(
        3, ("x", "y", "z"), r="last(x - y)", s="last(x + y)", k="last(y * 2)", pay="x * t",
        other="last(z)",
    )  # fmt: skip
    program = m.compile(outputs=["r", "s", "k", "pay", "other"])
    if args[0] == ["x", "z"]:
        program = model(3, ("x", "y", "z"), r="last(x - z)", k="last(y)").compile()
    with pytest.raises(Diagnostic, match=words) as caught:
        program.solve(*args, **more)
    assert caught.value.help
    assert caught.value.code.ident in ("LW3062", "LW3040", "LW3044")


OPTIONS = [
    {"limits": 5}, {"options": [1]}, {"bounds": 5}, {"warm": 5}, {"objective": ["s"]},
    {"residuals": 5}, {"variables": [1]}, {"maximise": "yes"},
]  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: next(iter(option)))
def test_options_of_the_wrong_type(option):
    program = model(1, ("x", "y"), r="last(x - y)", s="last(x + y)").compile()
    source = model(1, ("x", "y"), r="last(x - y)", s="last(x + y)")
    for one in (program, source):
        with pytest.raises(Diagnostic) as caught:
            one.solve(**{"variables": "x", "residuals": "r", **option})
        assert caught.value.code.ident == "LW2005"


STATUS = {
    "infeasible": (model(inputs=("x:1",), r="last(x * x + 1)"), ("x", "r"), {}),
    "singular": (
        model(inputs=("x", "y"), r="last(x + y - 1)", s="last(2 * x + 2 * y - 2)"),
        (["x", "y"], ["r", "s"]),
        {},
    ),
    "diverged": (model(inputs=("x:1",), f="last(-x * x)"), ("x",), {"objective": "f"}),
    "iterations": (
        model(inputs=("x:-1.2", "y:1"), f="last(100 * (y - x * x) ** 2 + (1 - x) ** 2)"),
        (["x", "y"],),
        {"objective": "f", "options": {"max_iter": 3}},
    ),
    "inaccurate": (model(inputs=("x:1",), r="last(exp(-x))"), ("x", "r"), {}),
    "not a number": (model(inputs=("x:-1",), r="last(log(x))"), ("x", "r"), {}),
}


@pytest.mark.parametrize("status", STATUS)
def test_what_is_not_solved_says_so(status):
    m, args, more = STATUS[status]
    solution = m.solve(*args, **more)
    assert solution.status == status
    assert not solution.ok
    assert solution.message in repr(solution)
    with pytest.raises(Diagnostic) as caught:
        solution["x"]
    assert caught.value.code.ident == "LW3063"
    assert np.isfinite(solution.variables["x"])  # the last iterate is there


def test_equations_that_nearly_follow_from_each_other():
    m = model(inputs=("x", "y"), r="last(x + y - 1)", s="last(1.00000000000001 * x + y - 1)")
    assert m.solve(["x", "y"], ["r", "s"]).status == "singular"


def test_names_of_what_is_not_reached():
    m = model(4, ("~x:1", "~level"), r="x * x + level")
    solution = m.solve("x", "r", inputs={"level": [-1.0, -4.0, 2.0, -1.0]})
    assert solution.status == "infeasible"
    assert "r[2] is " in solution.message


def test_a_lookup_outside_during_a_solve_is_named():
    m = lw.series.Model("m", periods=1)
    m.input("x", default=1.0)
    m.table("q", {"key": [0, 1, 2], "q": [1.0, 2.0, 4.0]}, keys="key", value="q", outside="error")
    m.formula("r", "last(x * x - 2 + q(floor(x) + 5))")
    solution = m.solve("x", "r")
    assert not solution.ok
    assert "lookup" in solution.message


SLOW = {"y": "prev(y, initial=goal) * sin(x) + cos(x * z) * 100", "z": "x * x", "f": "total(y * y)"}
BEGIN = {"x": np.linspace(1, 9, 200)}


def test_a_deadline(monkeypatch):
    slow = model(200, ("~x", "goal"), **SLOW).compile(outputs=["f"])
    slope = Problem.slope
    monkeypatch.setattr(Problem, "slope", lambda *args: time.sleep(0.2) or slope(*args))
    solution = slow.solve("x", objective="f", inputs=BEGIN, limits=lw.Limits(deadline=0.5))
    assert len(solution.solver_trace) < 10
    assert solution.status == "deadline"
    assert len(solution.solver_trace)
    assert np.isfinite(solution.variables["x"]).all()


def test_ctrl_c(ctrl_c, monkeypatch):
    slow = model(200, ("~x", "goal"), **SLOW).compile(outputs=["f"])
    began, slope = threading.Event(), Problem.slope

    def watched(*args):
        began.set()
        slope(*args)

    monkeypatch.setattr(Problem, "slope", watched)
    ctrl_c.press(began.is_set)
    solution = slow.solve("x", objective="f", inputs=BEGIN)
    assert solution.status == "interrupted"
    assert ctrl_c.work_since() < 1.0


LONG = {"y": "prev(y, initial=1) * cos(x) + sin(x * t)", "f": "last(y * y)"}


def long_solver(periods=400_000):
    """Of a problem each of whose runs takes the reference seconds; derived already."""
    solver = model(periods, ("x:1",), **LONG).compile(outputs=["f"]).solver(
        "x", objective="f", engine="reference"
    )  # fmt: skip
    solver._prepared(periods, lw.Limits())
    return solver


def test_a_deadline_within_one_run():
    solution = long_solver()(limits=lw.Limits(deadline=0.3))
    assert solution.status == "deadline"
    assert len(solution.solver_trace) == 0
    assert solution.runs == 1
    assert solution.variables == {"x": 1.0}
    assert np.isnan(solution.objective)


def test_ctrl_c_within_one_run(ctrl_c, monkeypatch):
    solver, began, run = long_solver(), threading.Event(), Runner.run_within

    def watched(*args):
        began.set()
        return run(*args)

    monkeypatch.setattr(Runner, "run_within", watched)
    ctrl_c.press(began.is_set)
    solution = solver()
    assert solution.status == "interrupted"
    assert solution.variables == {"x": 1.0}
    assert ctrl_c.work_since() < 1.0


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_solver_after_one_that_was_stopped(engine):
    solver = model(inputs=("x:1",), r="last(x * x - 4)").compile().solver("x", "r", engine=engine)
    solver._prepared(1, lw.Limits())
    assert solver._solve({"x": 3.0}, None, lw.Limits(ends=0.0)).status == "deadline"
    assert solver()["x"] == pytest.approx(2.0)


# Totals over lanes --------------------------------------------------------------------------------


def fitting():
    """Unknowns that fit a curve to points, and one that has to do with none of them."""
    m = lw.series.Model("fit", periods=1)
    m.input("x", axes="point"), m.input("y", axes="point")
    for name in "abc":
        m.input(name, default=1.0)
    m.formula("miss", "last((a * exp(b * x) + c - y) ** 2)")
    m.formula("size", "last(a * a + c * c)")
    m.formula("moment", "last((a * exp(b * x) + c - y) * x)")
    m.output("all", "miss", reduce="point")
    m.output("moments", "moment", reduce="point")
    m.output("size")
    m.output("miss")
    return m.compile()


X = np.linspace(-1.0, 2.0, 101)
Y = 2.0 * np.exp(0.7 * X) - 0.5 + 0.1 * np.sin(9 * X)


@pytest.mark.parametrize("engine", ["llvm", "stencil", "reference"])
def test_one_problem_for_all_lanes(engine):
    solution = fitting().solve([*"abc"], objective="all", inputs={"x": X, "y": Y}, engine=engine)
    right = scipy.optimize.least_squares(
        lambda p: p[0] * np.exp(p[1] * X) + p[2] - Y, [1.0, 1.0, 1.0], xtol=1e-15, ftol=1e-15
    )
    assert solution.ok
    np.testing.assert_allclose([solution[name] for name in "abc"], right.x, rtol=1e-7)
    assert solution.objective == pytest.approx(2 * right.cost, rel=1e-12)
    assert solution["miss"].shape == (101,)
    assert solution.iterations < 30


@pytest.mark.parametrize("bounds", [{"size": (3.0, 3.0)}, {"size": (None, 2.5), "b": (0.2, None)}])
def test_totals_and_what_is_the_same_in_all_lanes(bounds):
    solution = fitting().solve([*"abc"], "moments", bounds, "all", inputs={"x": X, "y": Y})
    assert solution.ok
    assert solution.iterations < 40  # hundreds where second derivatives are not exact
    a, b, c = (solution[name] for name in "abc")
    assert ((a * np.exp(b * X) + c - Y) * X).sum() == pytest.approx(0.0, abs=1e-7)
    assert a * a + c * c == pytest.approx(bounds["size"][1])
    # no step along both equations makes the total less
    names, h = "abc", 1e-6

    def run(**more):
        result = fitting().run(x=X, y=Y, **{**dict(zip(names, (a, b, c), strict=True)), **more})
        return np.array([result["all"], result["moments"], result["size"]])

    rows = np.array(
        [
            (run(**{name: solution[name] + h}) - run(**{name: solution[name] - h})) / (2 * h)
            for name in names
        ]
    ).T
    if "b" not in bounds:
        weights = np.linalg.lstsq(rows[1:].T, -rows[0], rcond=None)[0]
        np.testing.assert_allclose(rows[0] + weights @ rows[1:], 0.0, atol=1e-5)
        multipliers = [solution.multipliers[name] for name in ("moments", "size")]
        np.testing.assert_allclose(multipliers, -weights, rtol=1e-4)


def test_the_second_derivatives_of_a_total_are_exact():
    """Newton's method takes one step where the total is a parabola, of any number of lanes."""
    m = lw.series.Model("mean", periods=3)
    m.input("x", axes="time", default=0.0), m.input("y", axes=("loan", "time"))
    m.formula("miss", "total((x - y) ** 2)")
    m.formula("sum", "total(x)")
    m.output("all", "miss", reduce="loan")
    m.output("sum")
    y = np.random.default_rng(1).normal(size=(50, 3))
    solver = m.compile().solver("x", objective="all")
    solution = solver({"y": y})
    assert solution.iterations == 1
    np.testing.assert_allclose(solution["x"], y.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(solver({"y": y[:7]})["x"], y[:7].mean(axis=0), atol=1e-9)
    bound = m.compile().solve("x", bounds={"sum": (2.0, 2.0)}, objective="all", inputs={"y": y})
    assert bound.iterations == 1
    mean = y.mean(axis=0)
    np.testing.assert_allclose(bound["x"], mean + (2.0 - mean.sum()) / 3, atol=1e-9)


def test_a_total_over_two_axes():
    m = lw.series.Model("two", periods=1)
    m.input("x", default=1.0), m.input("a", axes="p"), m.input("b", axes="q")
    m.formula("miss", "last((x * a - b) ** 2)")
    m.output("all", "miss", reduce=("p", "q"))
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])
    solution = m.compile().solve("x", objective="all", inputs={"a": a, "b": b})
    assert solution["x"] == pytest.approx(np.outer(a, b).sum() / (3 * (a * a).sum()))


NOT_IN_COMMON = [
    (("x", "all"), {"bounds": {"r": (0.0, None)}}, "'r' has a value for each loan"),
    (("x", "all"), {"inputs": {"amount": [1.0, 2.0], "x": [1.0, 2.0]}}, "the unknown 'x' may"),
    (("own", "all"), {}, "the unknown 'own' may differ"),
    (
        ("x", "all"),
        {"inputs": {"amount": [1.0, 2.0], "other": lw.series.along("kind", [1.0, 2.0, 3.0])}},
        "the same for each kind",
    ),
]


@pytest.mark.parametrize(("args", "more", "words"), NOT_IN_COMMON)
def test_what_differs_from_lane_to_lane_is_refused_beside_a_total(args, more, words):
    m = lw.series.Model("m", periods=2)
    m.input("x", default=0.0), m.input("own", axes="loan", default=0.0)
    m.input("amount", axes="loan"), m.input("other", axes="kind", default=0.0)
    m.formula("r", "last(amount - x + own)")
    m.formula("s", "last(other + x)")
    m.output("all", "r", reduce=("loan", "kind"))
    m.output("r"), m.output("s")
    with pytest.raises(Diagnostic, match=words) as caught:
        m.compile().solve(*args, **{"inputs": {"amount": [1.0, 2.0]}, **more})
    assert caught.value.code.ident == "LW3062"
    assert "leave the total out" in caught.value.help or "axes of the total" in caught.value.help


# What is kept -------------------------------------------------------------------------------------


def test_the_trace_is_of_every_iteration():
    m, bounds = hs071()
    solution = m.solve([*"abcd"], bounds=bounds, objective="f")
    trace = solution.solver_trace
    assert trace.dtype == TRACE
    assert trace["iteration"].tolist() == list(range(solution.iterations + 1))
    assert trace["objective"][-1] == pytest.approx(17.0140172892, abs=1e-7)
    assert trace["primal"][-1] < 1e-9 < trace["primal"][0]
    assert (trace["primal_step"][1:] > 0).all()
    assert (trace["line_search"][1:] >= 1).all()
    assert solution.table().count("\n") == solution.iterations + 1


def test_the_plot_has_three_lines():
    import matplotlib

    matplotlib.use("Agg")
    m, bounds = hs071()
    axes = m.solve([*"abcd"], bounds=bounds, objective="f").plot()
    assert [line.get_label() for line in axes.lines] == ["primal", "dual", "mu"]
    assert axes.lines[0].get_xdata().tolist() == list(range(10))


# Goal seek ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "start", "bounds", "right"),
    [
        ("x * x - 2", 1.0, (None, None), 2**0.5),
        ("exp(x) - 1e6", 0.0, (None, None), np.log(1e6)),
        ("log(x) - 3", 1.0, (1e-300, None), np.exp(3)),
        ("x ** 3", 5.0, (-10.0, 10.0), 0.0),
        ("abs(x) * x - 4", -3.0, (None, None), 2.0),
        ("1 / x - 1e-3", 1.0, (1e-6, 1e6), 1e3),
        ("tanh(x - 30)", 0.0, (None, None), 30.0),
        ("where(x > 3, x - 5, -2)", 0.0, (None, None), 5.0),
    ],
)
def test_goals_of_known_roots(formula, start, bounds, right):
    m = model(inputs=("x",), y=f"last({formula})")
    goal = m.seek("x", "y", bounds=bounds, inputs={"x": start})
    assert goal.value == pytest.approx(right, rel=1e-9, abs=1e-4 if right == 0 else 0)
    assert goal.reached
    assert abs(goal.result["y"]) < 1e-9


def test_goals_in_many_lanes():
    m = model(12, ("rate", "payment"), balance="prev(balance, initial=100) * (1 + rate) - payment",
              left="last(balance)")  # fmt: skip
    rates = np.linspace(0.001, 0.2, 1000)
    goal = m.seek("payment", "left", inputs={"rate": rates})
    np.testing.assert_allclose(goal.value, 100 * rates / (1 - (1 + rates) ** -12), rtol=1e-12)
    assert goal.reached.all()
    assert goal.iterations < 10
    assert goal.result["left"].shape == (1000,)


def test_a_goal_that_is_not_reached_names_its_lane():
    m = model(inputs=("x", "c"), y="last(x * x + c)")
    with pytest.raises(Diagnostic, match="in lane 1") as caught:
        m.seek("x", "y", inputs={"c": [-1.0, 1.0], "x": 3.0})
    assert caught.value.code.ident == "LW3063"
    goal = m.seek("x", "y", inputs={"c": [-1.0, 1.0], "x": 3.0}, failures="nan")
    assert goal.reached.tolist() == [True, False]
    assert np.isnan(goal.value[1])


def test_a_jump_is_no_root():
    m = model(inputs=("x",), y="last(where(x > 3.3, 1.0, -1.0))")
    with pytest.raises(Diagnostic, match="misses by 1"):
        m.seek("x", "y")


@pytest.mark.parametrize("lanes", [(3, 2), (3, 3)])
def test_goals_over_two_axes(lanes):
    m = lw.series.Model("two", periods=1)
    m.input("x", default=1.0), m.input("a", axes="p"), m.input("b", axes="q")
    m.formula("y", "last(x * a + b)")
    a, b = np.arange(1.0, lanes[0] + 1), np.arange(5.0, lanes[1] + 5)
    given = {"a": a, "b": b}
    goal = m.seek("x", "y", inputs=given)
    assert goal.iterations < 6
    right = -b / a[:, None]
    axes = goal.result.axes("y")
    value = goal.value if axes == ("p", "q") else goal.value.T
    np.testing.assert_allclose(value, right, rtol=1e-14)


@pytest.mark.parametrize(
    ("formula", "target", "bounds"),
    [
        ("x * 1e-10", 1e-9, (0.0, 5.0)),
        ("(x * x + 1) * 1e-10", 0.0, (None, None)),
        ("1 / (x - 1)", 0.0, (None, None)),
        ("where(x < 1, -5, 5) + 1e10 * (x - 1)", 0.0, (None, None)),
    ],
)
def test_what_comes_near_is_not_reached(formula, target, bounds):
    goal = model(inputs=("x",), y=f"last({formula})").seek(
        "x", "y", target, bounds=bounds, failures="nan"
    )
    assert not goal.reached


def test_small_numbers_are_sought_as_large_ones_are():
    for size in (1e-200, 1e-10, 1e200):
        m = model(inputs=("x",), y=f"last({size} * (x * x * x + x))")
        assert m.seek("x", "y", 2 * size).value == pytest.approx(1.0, rel=1e-9)


def test_a_goal_of_a_whole_book():
    m = lw.series.Model("m", periods=2)
    m.input("rate", default=0.0)
    m.input("amount", axes="loan")
    m.formula("f", "last(amount * (1 + rate) ** t)")
    m.output("book", "f", reduce="loan")
    goal = m.seek("rate", "book", 660.0, inputs={"amount": [100.0, 200.0, 300.0]})
    assert goal.value == pytest.approx(0.1, rel=1e-12)
    assert goal.result["book"] == pytest.approx(660.0)
    with pytest.raises(Diagnostic, match="varies along 'loan'"):
        given = {"amount": [1.0, 2.0], "rate": lw.series.along("loan", [0, 1])}
        m.seek("rate", "book", inputs=given)


def test_limits_of_a_goal():
    m = model(12, ("x", "c"), y="last(prev(y_, initial=x) + c)", y_="x * c")
    given = {"c": np.ones(50_000)}
    with pytest.raises(Diagnostic, match="LW0101"):
        m.seek("x", "y", inputs=given, limits=lw.Limits(memory=100_000))
    with pytest.raises(Trap, match="fuel"):
        m.seek("x", "y", inputs=given, limits=lw.Limits(fuel=1))


@pytest.mark.parametrize("what", ["solve", "seek"])
def test_a_deadline_while_derivatives_are_compiled(what):
    formulas = {f"v{n}": f"sin(v{n - 1}) + x" if n else "x * x" for n in range(1500)}
    program = model(2, ("x",), **formulas, y="last(v1499)").compile(outputs=["y"])
    with pytest.raises(Trap) as caught:
        getattr(program, what)("x", "y", limits=lw.Limits(deadline=0.05))
    assert caught.value.code.ident == "LW2001"


@pytest.mark.parametrize(
    ("args", "more", "words"),
    [
        (("x", "pay"), {}, "'pay' has a value in each period"),
        (("w", "y"), {}, "'w' has a value in each period"),
        (("y", "y"), {}, "no input 'y'"),
        (("x", "y"), {"bounds": (3.0, 1.0)}, "exclude each other"),
        (("x", "y"), {"bounds": ("a", 1.0)}, "bounds of 'x'"),
        (("x", "y"), {"failures": "ignore"}, "failures is 'ignore'"),
        (("x", "y"), {"target": float("nan")}, "target"),
        (("x", "y"), {"target": [1.0, float("nan")]}, "target"),
    ],
)
def test_goals_that_cannot_be_put(args, more, words):
    program = model(2, ("x", "~w"), y="last(x + w)", pay="x + w").compile(outputs=["y", "pay"])
    with pytest.raises(Diagnostic, match=words):
        program.seek(*args, **more)


@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize("slope", [1e3, -1e7, 1e12])
@pytest.mark.parametrize("place", [0.1, 1.0, -30.0])
def test_a_jump_over_the_target_is_no_root_however_steep(place, slope, engine):
    """Lanes with a jump of a part of what the slope makes of the tolerance, and one without."""
    shares = np.array([0.9, 0.1, 0.003, 0.0])
    model = lw.series.Model("jump", periods=1)
    model.input("x", default=place + 1.5)
    model.input("half")
    model.formula("line", f"(x - ({place})) * ({slope})")
    model.formula("y", f"line + where(x < ({place}), -half, half)")
    half = shares * abs(place * slope) * 1e-10 * np.sign(slope)
    goal = model.seek("x", "y", inputs={"half": half}, failures="nan", engine=engine)
    assert goal.reached.tolist() == [False, False, False, True]
    assert goal.value[3] == pytest.approx(place)
    with pytest.raises(Diagnostic, match=r"LW3063.*and there it jumps over it"):
        model.seek("x", "y", inputs={"half": float(half[1])}, engine=engine)


@pytest.mark.parametrize("large", [3.0, 41.5, 1e3, -1e5, 7e5])
def test_a_stair_of_rounding_is_no_jump(large):
    model = lw.series.Model("stair", periods=1)
    model.input("x", default=1.0)
    model.formula("y", f"((x + ({large})) - ({large})) - 1.2345e-7")
    goal = model.seek("x", "y")
    assert goal.value == pytest.approx(1.2345e-7, abs=1e-10)


@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize(
    ("formula", "target", "start"),
    [
        ("exp(-x)", 0.0, 0.0),
        ("exp(x) * 1e-300", 0.0, 0.0),
        ("-1e30 * exp(-x * x)", 0.0, 1.0),
        ("exp(-x / 1000)", 0.0, -5.0),
        ("tanh(x)", 1.0, 0.5),
        ("x / (abs(x) + 1)", -1.0, -0.5),
        ("1e6 - exp(-x)", 1e6, 0.0),
        ("5 / (1 + exp(-x))", 5.0, 1.0),
        ("log(1 + exp(-x))", 0.0, 0.0),
        ("1e12 * log(1 + exp(-x))", 0.0, -1.0),
    ],
)
def test_what_fades_out_is_no_root(formula, target, start, engine):
    m = model(inputs=("x",), y=f"last({formula})")
    with pytest.raises(Diagnostic, match="LW3063"):
        m.seek("x", "y", target, inputs={"x": start}, engine=engine)
    lanes = m.seek("x", "y", [target, m.compile().run(x=2 * start + 0.5)["y"]],
                   inputs={"x": [start, start]}, failures="nan", engine=engine)  # fmt: skip
    assert lanes.reached.tolist() == [False, True]
    assert lanes.value[1] == pytest.approx(2 * start + 0.5)


@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize(
    ("formula", "target", "start"),
    [
        ("exp(-x)", 0.0, 800.0),
        ("exp(-x) * x", 0.0, 800.0),
        ("tanh(x)", 1.0, 30.0),
        ("tanh(x)", -1.0, -800.0),
        ("log(1 + exp(-x))", 0.0, 30.0),
        ("log(1 + exp(-x))", 0.0, 60.0),
        ("log(1 + exp(-x))", 0.0, 1e6),
    ],
)
def test_a_start_at_which_it_has_faded_out_is_no_root(formula, target, start, engine):
    m = model(inputs=("x",), y=f"last({formula})")
    assert not m.seek("x", "y", target, inputs={"x": start}, failures="nan", engine=engine).reached


@pytest.mark.parametrize(
    ("formula", "target", "start"),
    [
        ("max(0, x - 5)", 0.0, 0.0),
        ("max(0, x) ** 2", 0.0, -3.0),
        ("x * x", 0.0, 0.0),
        ("0 * x + 3", 3.0, 3.0),
        ("floor(x / 10)", 0.0, 5.0),
        ("where(x > 5, 0, exp(-x))", 0.0, 10.0),
        ("(x - 1) ** 4 + 5", 5.0, 3.0),
        ("x - 3", 0.0, 3.0),
        ("(x - 3) ** 3 * 1e-20", 0.0, 3.0),
        ("sqrt(x)", 0.0, 0.0),
    ],
)
def test_a_flat_start_that_is_as_aimed_at_is_reached(formula, target, start):
    assert model(inputs=("x",), y=f"last({formula})").seek("x", "y", target, inputs={"x": start})


@pytest.mark.parametrize(
    ("formula", "target", "start", "low", "high"),
    [
        ("max(0, x - 3)", 0.0, 10.0, -np.inf, 3.0),
        ("max(0, x * x - 4)", 0.0, 10.0, -2.0, 2.0),
        ("min(x, 7)", 7.0, 0.0, 7.0, np.inf),
        ("where(x > 3, 5, 0)", 0.0, 4.0, -np.inf, 3.0),
        ("round(x * 100) / 100", 0.33, 0.1, 0.325, 0.335),
        ("x * x", 0.0, 1.0, -1e-5, 1e-5),
        ("x ** 4 * 1e-200", 0.0, 1.0, -1e-5, 1e-5),
        ("(x - 1) * (x - 1)", 0.0, 3.0, 1 - 1e-5, 1 + 1e-5),
        ("max(0, 1 - x / 1e9)", 0.0, 1.0, 1e9, np.inf),
    ],
)
def test_a_plain_that_is_as_aimed_at_is_reached(formula, target, start, low, high):
    goal = model(inputs=("x",), y=f"last({formula})").seek("x", "y", target, inputs={"x": start})
    assert goal.reached
    assert low <= goal.value <= high


@pytest.mark.parametrize(
    "bound", [[1.0, 2.0], pd.Series([1.0, 2.0]), lw.series.along("lane", [1.0, 2.0])]
)
@pytest.mark.parametrize("name", ["x", "g"])
def test_bounds_that_differ_from_lane_to_lane_are_refused_with_what_to_write(bound, name):
    m = lw.series.Model("m", periods=3)
    m.input("x", default=5.0), m.input("c", axes="lane"), m.input("lowest", axes="lane")
    m.formula("f", "last(x * x * c)"), m.formula("g", "last(x)"), m.formula("over", "g - lowest")
    given = {"c": [1.0, 2.0], "lowest": [1.0, 2.0]}
    with pytest.raises(Diagnostic, match=f"a bound of '{name}'.* the same in all lanes") as caught:
        m.solve("x", objective="f", bounds={name: (bound, None)}, inputs=given)
    assert f"{name} - lowest" in caught.value.help
    solutions = m.solve("x", objective="f", bounds={"over": (0.0, None)}, inputs=given)
    np.testing.assert_allclose(solutions["x"], [1.0, 2.0], rtol=1e-7)
