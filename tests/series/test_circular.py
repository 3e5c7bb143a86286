"""Loops within a period: against fixed points, closed forms and each other, on every engine."""

import re
from decimal import Decimal, getcontext

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.series.runner import ENGINES

RATES = [0.001, 0.01, 0.02, 0.2]


def revolver(periods=40):
    """Interest on the average balance, tax on what is left after it, cash repays the debt."""
    m = lw.series.Model("revolver", periods=periods)
    m.input("rate", axes="scenario")
    m.input("flow", axes="time")
    m.formula("opening", "prev(closing, initial=1000)")
    m.formula("interest", "rate * (opening + closing) / 2", circular=True)
    m.formula("tax", "0.25 * max(0, flow - interest)")
    m.formula("repay", "min(opening + interest, max(0, flow - tax))")
    m.formula("closing", "opening + interest - repay")
    return m


def everywhere(m, **given):
    """The result, after all engines have given the same bits."""
    program = m.compile()
    results = [program.run(engine=engine, **given) for engine in ENGINES]
    results.append(program.bind("llvm", lane_width=1, threads=1)(**given))
    for other in results[1:]:
        for name in other:
            assert other[name].tobytes() == results[0][name].tobytes(), name
    return results[0]


def test_a_revolver_equals_its_fixed_point_in_fifty_digits():
    getcontext().prec = 50
    flow = np.random.default_rng(0).uniform(0, 60, 40)
    result = everywhere(revolver(), rate=RATES, flow=flow)
    zero, quarter = Decimal(0), Decimal("0.25")
    for lane, rate in enumerate(map(Decimal, RATES)):
        opening = Decimal(1000)
        for t, cash in enumerate(map(Decimal, flow)):
            interest = zero
            for _ in range(300):
                tax = quarter * max(zero, cash - interest)
                repay = min(opening + interest, max(zero, cash - tax))
                closing = opening + interest - repay
                interest = rate * (opening + closing) / 2
            assert result["closing"][t, lane] == pytest.approx(float(closing), rel=1e-12, abs=1e-9)
            opening = closing


def test_interest_on_the_closing_balance():
    m = lw.series.Model("m", periods=1)
    m.formula("closing", "95_000 + interest")
    m.formula("interest", "0.1 * closing", circular=True)
    assert round(float(everywhere(m)["closing"]), 4) == 105_555.5556


@pytest.mark.parametrize(
    ("formulas", "marks", "check"),
    [
        ({"x": "cos(x) * a"}, ["x"], lambda r, a: np.cos(r["x"]) * a - r["x"]),
        ({"x": "exp(-x) + a"}, ["x"], lambda r, a: np.exp(-r["x"]) + a - r["x"]),
        (
            {"x": "0.3 * y + a", "y": "0.2 * x * x - 0.1 * y + 1"},
            ["x", "y"],
            lambda r, a: 0.3 * r["y"] + a - r["x"],
        ),
        (
            {"x": "0.5 * y + a", "y": "0.5 * z - x", "z": "0.2 * x + 0.1 * y"},
            ["x", "y", "z"],
            lambda r, a: 0.5 * r["y"] + a - r["x"],
        ),
        (
            {"x": "2 * y + a", "y": "0.5 * x * w", "w": "0.1 * sqrt(1 + y * y)"},
            ["y"],
            lambda r, a: 2 * r["y"] + a - r["x"],
        ),
        ({"x": "where(t > 1, 0.5 * x, 0) + a"}, ["x"], lambda r, a: None),
        ({"x": "0.2 * x + prev(x, initial=x) * 0.1 + a"}, ["x"], lambda r, a: None),
        ({"x": "0.2 * x + prev(x, initial=x) * 0.7 + a * t"}, ["x"], lambda r, a: None),
        ({"x": "0.2 * x + lead(x, final=a) * 0.5 + a"}, ["x"], lambda r, a: None),
        ({"x": "0.25 * x + cumsum(x) * 0.1 + a"}, ["x"], lambda r, a: None),
    ],
)
def test_loops_of_every_kind_are_solved(formulas, marks, check):
    m = lw.series.Model("m", periods=4)
    m.input("a", axes="scenario")
    for name, text in formulas.items():
        m.formula(name, text)
    for name in marks:
        m.circular(name)
    a = np.array([0.3, 0.5, 1.0])
    result = everywhere(m, a=a)
    left = check(result, a)
    if left is not None:
        assert np.abs(left).max() < 1e-12
    for name, text in formulas.items():  # each node is what its formula makes of the others
        again = lw.series.Model("again", periods=4)
        again.input("a", axes="scenario")
        for other in formulas:
            again.input(f"{other}_", axes=("time", "scenario"))
        again.formula("value", re.sub(r"\b[xyzw]\b", r"\g<0>_", text))
        program = again.compile()
        given = {f"{n}_": np.broadcast_to(result[n], (4, 3)) for n in formulas} | {"a": a}
        value = program.run(**{port.name: given[port.name] for port in program.inputs})["value"]
        np.testing.assert_allclose(value, np.broadcast_to(result[name], value.shape), rtol=1e-12)


def test_a_start_near_a_solution_gives_that_one():
    m = lw.series.Model("m", periods=3)
    m.formula("x", "x * x - 2")  # -1 and 2
    m.circular("x", guess=1.5)
    assert everywhere(m)["x"] == pytest.approx(2.0, rel=1e-12)
    m.circular("x", guess=-0.5)
    assert everywhere(m)["x"] == pytest.approx(-1.0, rel=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_solution_is_a_fault_with_period_and_lane(engine):
    m = lw.series.Model("m", periods=4)
    m.input("a", axes="scenario")
    m.formula("x", "x * x + a * t", circular=True)
    with pytest.raises(
        Diagnostic, match=r"LW3061: no solution of x is reached \(period 3, lane 1\)"
    ):
        m.compile().run(a=[0.05, 0.1], engine=engine)
    m.circular("x", failures="nan")
    result = m.compile().run(a=[0.05, 0.1], engine=engine)["x"]
    assert np.isnan(result).tolist() == [[False, False]] * 3 + [[False, True]]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        ([5], r"\(period 1, lane 5\)$"),
        ([5, 77], r"\(period 1, lane 5\), nor in lane 77$"),
        ([5, 6, 9_999], r"\(period 1, lane 5\), nor in lane 6, lane 9999$"),
        ([0, 70, 1_000, 1_001, 1_063, 9_999], "nor in lane 70, lane 1000, lane 1001, and 2 other"),
        ([*range(50, 2_000)], "nor in lane 51, lane 52, lane 53, and at least 458 other lanes$"),
        ([*range(10_000)], "nor in lane 1, lane 2, lane 3, and at least 508 other lanes$"),
    ],
)
def test_all_lanes_without_a_solution_are_named_or_counted(engine, lanes, said):
    m = lw.series.Model("m", periods=2)
    m.input("a", axes="scenario")
    m.formula("x", "x * x + a * t", circular=True)
    a = np.full(10_000, 0.1)
    a[lanes] = 0.3
    with pytest.raises(Diagnostic) as caught:
        m.compile().run(a=a, engine=engine)
    assert re.search(said, caught.value.message), caught.value.message


def test_lanes_without_a_solution_have_their_labels():
    m = lw.series.Model("m", periods=1)
    m.input("a", axes=("region", "scenario"))
    m.formula("x", "x * x + a", circular=True)
    pandas = pytest.importorskip("pandas")
    a = pandas.DataFrame([[0.1, 0.1, 0.2], [0.3, 0.1, 0.4]], index=["n", "s"], columns=[*"abc"])
    a = a.rename_axis(index="region", columns="scenario").stack()
    with pytest.raises(Diagnostic, match=r"region 1 \(s\), lane 0 \(a\)\), nor in lane 2 \(c\)"):
        m.run(a=a)


@pytest.mark.parametrize("a", [0.0, 1.0])
def test_where_nothing_tells_solutions_apart_is_a_fault(a):
    m = lw.series.Model("m", periods=2)
    m.input("a")
    m.formula("x", "x + a", circular=True)
    with pytest.raises(Diagnostic, match="LW3061: no solution of x"):
        m.run(a=a)


@pytest.mark.parametrize(
    "text", ["min(x * x + 1, 1e30)", "max(x * x + 1, -1e99)", "where(a > 0, 1e99, x * x + 1)"]
)
def test_the_other_branch_says_nothing_of_the_size(text):
    m = lw.series.Model("m", periods=1)
    m.input("a", default=0.0)
    m.formula("x", text, circular=True)
    with pytest.raises(Diagnostic, match="LW3061"):
        m.run()


def test_periods_after_one_without_a_solution_have_theirs():
    m = lw.series.Model("m", periods=4)
    m.input("a", axes="time")
    m.formula("x", "x * x + a", circular=True, failures="nan")
    x = everywhere(m, a=[0.1, 0.5, 0.1, 0.2])["x"]
    np.testing.assert_allclose(x, [0.1127016654, np.nan, 0.1127016654, 0.2763932023], rtol=1e-9)


@pytest.mark.parametrize("text", ["x * x + a", "exp(x) * a / 3", "0.5 * x - 0.5 * a / x"])
def test_where_there_is_no_solution_there_is_no_derivative(text):
    m = lw.series.Model("m", periods=2)
    m.input("a", axes="scenario")
    m.input("b")
    m.formula("x", text)
    m.circular("x", guess=0.5, failures="nan")
    m.formula("end", "last(x) * 2 + b")
    program = m.compile(outputs=["end"])
    a = np.array([0.1, 9.0, 0.2])
    if text[-1] == "x":
        a = np.array([-2.0, 9.0, -4.0])
    over_time = m.compile(outputs=["x"]).jacobian("x", "a")
    for engine in ENGINES:
        for derived in (program.gradient(), program.jacobian(), over_time):
            names = {port.name for port in derived.inputs}
            given = {name: value for name, value in (("a", a), ("b", 0.0)) if name in names}
            result = derived.run(engine=engine, **given)
            for name in {*result} - {"d_end_d_b"}:
                assert np.isnan(result[name]).tolist() == [False, True, False], name


@pytest.mark.parametrize("guess", [3.5, 0.0, -50.0])
def test_keys_may_go_anywhere_on_the_way(guess):
    m = lw.series.Model("m", periods=1)
    m.table("q", {"k": [0, 1, 2, 3], "v": [0.0, 1.0, 2.0, 3.0]})
    m.formula("x", "q(floor(x)) + x * x * 0.1 + 0.5")
    m.circular("x", guess=guess, iterations=40)
    assert everywhere(m)["x"] == pytest.approx(0.5278640450004206, rel=1e-12)


def test_second_derivatives_take_two_steps():
    m = lw.series.Model("m", periods=1)
    m.input("a")
    m.formula("x", "x * x - a", circular=True, guess=2, iterations=2)
    m.formula("y", "last(x)")
    second = m.compile(outputs=["y"]).hessian_product("y").run(a=2.0, along_a=1.0)
    assert second["d2_y_d_a"] == pytest.approx(-2 / 27, rel=1e-9)


def test_sums_that_cancel_are_solved_as_well_as_they_can_be():
    m = lw.series.Model("m", periods=2)
    m.formula("x", "(1e12 + 0.5 * x) - 1e12 + 3 * t", circular=True)
    assert everywhere(m)["x"] == pytest.approx([0.0, 6.0], abs=1e-3)


def test_derivatives_go_through_loops():
    m = lw.series.Model("m", periods=4)
    m.input("rate")
    m.input("debt")
    m.formula("opening", "prev(closing, initial=debt)")
    m.formula("interest", "rate * (opening + closing) / 2", circular=True)
    m.formula("closing", "opening + interest")
    m.formula("end", "last(closing)")
    program = m.compile(outputs=["end"])
    growth = 1.05 / 0.95
    slope = 100 * 4 * growth**3 / 0.95**2  # of growth: 1 / (1 - rate / 2) ** 2
    for engine in ENGINES:
        result = program.gradient().run(engine=engine, rate=0.1, debt=100.0)
        assert result["d_end_d_debt"] == pytest.approx(growth**4, rel=1e-12)
        assert result["d_end_d_rate"] == pytest.approx(slope, rel=1e-12)
    second = program.hessian_product("end").run(rate=0.1, debt=100.0, along_rate=1.0)
    right = 100 * (12 * growth**2 / 0.95**4 + 4 * growth**3 / 0.95**3)
    assert second["d2_end_d_rate"] == pytest.approx(right, rel=1e-10)


def test_derivatives_of_a_curved_loop():
    m = lw.series.Model("m", periods=3)
    m.input("a", axes="scenario")
    m.formula("x", "cos(x) * a", circular=True)
    m.formula("end", "last(x)")
    a = np.array([0.5, 1.0])
    result = m.compile(outputs=["end"]).gradient().run(a=a)
    x = result["end"]
    np.testing.assert_allclose(result["d_end_d_a"], np.cos(x) / (1 + a * np.sin(x)), rtol=1e-12)


def test_lanes_that_end_and_model_files():
    m = lw.series.Model.from_text(
        """
model("m", periods=5)
n = input(axes="lane")
opening = prev(closing, initial=100)
interest = 0.1 * (opening + closing) / 2
closing = opening + interest
horizon(n)
circular(interest, guess=5, iterations=3)
output(total=total(interest))
output(closing)
"""
    )
    result = everywhere(m, n=[1, 3, 5])
    growth = 1.05 / 0.95
    np.testing.assert_allclose(result["total"], 100 * (growth ** np.array([1, 3, 5]) - 1))


def test_a_mark_outside_a_loop_is_a_note_and_changes_nothing():
    m = lw.series.Model("m", periods=2)
    m.formula("x", "t + 1", circular=True)
    program = m.compile()
    assert any("x is marked as circular and is in no loop" in note for note in program.notes)
    assert program.run()["x"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: m.formula("x", "y + 1"), r"LW3009(.|\n)*model.circular\('y'\)"),
        (lambda m: m.circular("y", guess="a"), "LW3029: the guess of 'y' is 'a'"),
        (lambda m: m.circular("y", guess=np.inf), "LW3029"),
        (lambda m: m.circular("y", iterations=0), "LW3029: the number of iterations of 'y' is 0"),
        (lambda m: m.circular("y", iterations=1), "LW3029: the number of iterations of 'y' is 1"),
        (lambda m: m.circular("y", iterations=True), "LW3029"),
        (lambda m: m.circular("y", guess=10**400), "LW3029"),
        (lambda m: m.formula("x", "y", guess=1.5), "LW3029: 'x' is not circular"),
        (lambda m: (m.input("x"), m.circular("x")), "LW3029: 'x' is an input"),
        (lambda m: m.circular("y", failures="skip"), "LW3029: failures of 'y' is 'skip'"),
        (lambda m: m.circular("yy"), r"LW3003(.|\n)*did you mean 'y'"),
        (lambda m: (m.formula("x", "total(y)"), m.circular("y")), "LW3010.*whole of time"),
    ],
)
def test_what_makes_no_sense_is_said(make, said):
    m = lw.series.Model("m", periods=2)
    m.formula("y", "0.5 * x")
    with pytest.raises(Diagnostic, match=said):
        make(m)
        if "x" not in m.formulas and "x" not in m.inputs:
            m.formula("x", "y + 1")
        m.compile()


SOLVED = {
    "q(x)*0.25 + 0.5": "between",  # 0.75
    "0.001*q(x) + 1.4": "between",  # 1.402
    "q(x)*x*0.1 + 7": "outside",  # 10
    "where(x > 2, q(x), 3) + x*0.5": "outside",  # 6
    "r(x, k) * 0.1 + 1.5": "between",
    "q(half) + 0.1": "between",  # through another node
}


@pytest.mark.parametrize("failures", ["fault", "nan"])
@pytest.mark.parametrize("formula", SOLVED)
def test_the_lookups_of_a_solution_are_checked(formula, failures):
    m = lw.series.Model("m", periods=2)
    m.table("q", {0: 1.0, 1: 2.0, 2: 3.0})
    m.table("r", {"k": [0, 1, 2], "0": [1.0, 2.0, 3.0], "1": [4.0, 5.0, 6.0]}, keys=("k", "s"))
    m.formula("k", "t - t")
    m.formula("half", "x / 4")
    m.formula("x", formula, circular=True, failures=failures)
    for engine in ENGINES:
        for optimise in (True, False):
            with pytest.raises(Diagnostic, match=f"LW3045.*{SOLVED[formula]}"):
                m.compile(["x"], optimise=optimise).bind(engine)()


def test_lookups_on_the_way_to_a_solution_may_go_anywhere():
    m = lw.series.Model("m", periods=1)
    m.table("q", {0: 1.0, 1: 2.0, 2: 3.0})
    m.formula("x", "where(x > 20, q(x), 3) + x*0.5", circular=True, guess=100.0)
    m.formula("y", "q(floor(y))*0.001 + 1.4", circular=True, guess=99.0)
    m.formula("z", "q(z - z/3)", circular=True, guess=50.0)
    result = everywhere(m)
    assert result["x"] == pytest.approx(6.0)
    assert result["y"] == pytest.approx(1.402)
    assert result["z"] == 3.0  # q(2)


def test_where_there_is_no_solution_no_lookup_is_checked():
    m = lw.series.Model("m", periods=1)
    m.table("q", {0: 1.0, 1: 2.0})
    m.formula("x", "x*x + q(x)", circular=True, failures="nan")
    assert np.isnan(everywhere(m)["x"])


APART = (
    "the formula gives a value back, but its slope there (1, or none that is finite) does not"
    " tell it from others near by"
)


@pytest.mark.parametrize("steps", [9, 20, 25, 40, 200])
@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("x * x + 0.25", 0.0),
        ("x + (x - 1) * (x - 1) * (x - 1)", 0.5),
        ("exp(x - 1)", 0.0),
        ("x + 1 - cos(x - 2)", 1.0),
        ("y * y + 0.25", 0.1),
    ],
)
def test_where_two_solutions_are_one_is_a_fault_however_many_steps_there_are(text, guess, steps):
    m = lw.series.Model("m", periods=1)
    m.formula("x", text)
    m.circular("x", guess=guess, iterations=steps)
    m.formula("y", "x", circular=True)
    with pytest.raises(Diagnostic, match="LW3061: no solution of x") as caught:
        m.run()
    assert caught.value.notes == (APART,) or steps < 20


@pytest.mark.parametrize("text", ["sqrt(x)", "2 * sqrt(x) - x", "x - sqrt(x)"])
def test_of_a_root_at_nought_no_slope_of_1_is_said(text):
    m = lw.series.Model("m", periods=1)
    m.formula("x", text, circular=True)
    with pytest.raises(Diagnostic, match="LW3061: no solution of x") as caught:
        m.run()
    assert caught.value.notes == (APART,)


@pytest.mark.parametrize(
    ("text", "guess", "right"),
    [
        ("x + x * x - 4", 0.0, -2.0),  # a slope of 1 at the start
        ("x + x * x - 4", 1e-13, -2.0),
        ("where(x < 2, x + 1, 2 + 0.5 * x)", 0.0, 4.0),  # in all of a branch
        ("sqrt(x) + 1", 0.0, (3 + 5**0.5) / 2),  # a slope without end
    ],
)
def test_a_step_without_end_is_not_the_end(text, guess, right):
    m = lw.series.Model("m", periods=2)
    m.formula("x", text)
    m.circular("x", guess=guess)
    assert everywhere(m)["x"] == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("guess", [0.0, 7.0, 40.0])
@pytest.mark.parametrize(
    "text",
    ["floor(x * 0.5) + 3", "round(x / 3) + 0.25", "3 + 2 * (x > 1)", "q(floor(x)) + 0.5"],
)
def test_what_goes_in_stairs_is_solved_too(text, guess):
    m = lw.series.Model("m", periods=1)
    m.table("q", {"k": [0, 1, 2, 3], "v": [2.0, 1.0, 1.0, 1.0]}, outside="clamp")
    m.formula("x", text)
    m.circular("x", guess=guess)
    x = float(everywhere(m)["x"])
    q = [2.0, 1.0, 1.0, 1.0][min(max(int(x // 1), 0), 3)]
    again = {"f": x * 0.5 // 1 + 3, "r": round(x / 3) + 0.25, "3": 3 + 2 * (x > 1), "q": q + 0.5}
    assert x == again[text[0]]


@pytest.mark.parametrize("money", [1.0, 1e6, 1e9, 1e13])
@pytest.mark.parametrize("curve", [0, 1])
def test_nodes_of_a_loop_may_have_units_of_their_own(money, curve):
    m = lw.series.Model("m", periods=3)
    m.input("money")
    m.formula("rate", f"0.05 + 0.1 * debt * (1 + rate * {curve}) / money", circular=True)
    m.formula("debt", f"money * rate * (1 + rate * {curve})", circular=True)
    result = everywhere(m, money=money)
    roots = np.roots([curve * 0.1, curve * 0.2, -0.9, 0.05]).real
    rate = roots[np.abs(roots).argmin()]
    assert result["rate"] == pytest.approx(rate, rel=1e-12)
    assert result["debt"] == pytest.approx(money * rate * (1 + rate * curve), rel=1e-12)


def test_on_the_way_numbers_may_be_beyond_floats():
    m = lw.series.Model("m", periods=1)
    m.formula("x", "x * x * x * x * 1e-300 + 1e100")
    m.circular("x", guess=1e100)
    with pytest.raises(Diagnostic, match="LW3061: no solution of x"):  # and not of a constant
        m.run()
    m.circular("x", guess=1e70)
    with pytest.raises(Diagnostic, match="LW3061"):
        m.run()


@pytest.mark.parametrize("text", ["x * x + 1", "where(x > 1, 0, 2)", "-1 / x", "exp(x)", "log(x)"])
def test_where_all_is_constant_the_fault_has_its_formula(text):
    m = lw.series.Model("m", periods=1)
    m.formula("x", text, circular=True)
    with pytest.raises(Diagnostic, match="LW3061: no solution of x") as caught:
        m.run()
    assert caught.value.notes == ()  # of a slope of 1, which it has not
    assert caught.value.span is not None
    assert text in str(caught.value)


def test_where_nan_begins_in_a_loop_is_said():
    m = lw.series.Model("m", periods=3)
    m.input("a", axes=("time", "scenario"))
    m.formula("l", "log(a)")
    m.formula("x", "y * y + l", circular=True, failures="nan")
    m.formula("y", "x + 0 * prev(x, initial=0)")
    a = np.full((3, 4), np.exp(0.1))
    for place, value, node, what in (
        ((1, 2), np.exp(0.7), "x", "no solution is reached"),
        ((1, 2), -1.0, "l", "log(-1) is nan"),
    ):
        given = a.copy()
        given[place] = value
        result = m.run(a=lw.series.along(("time", "scenario"), given))
        trouble = result.trouble()[0]
        assert (trouble.node, trouble.what) == (node, what)
        assert (trouble.period, trouble.lane) == (1, {"scenario": 2})
        root = result.explain("y", t=1, scenario=2, depth=9).root
        arising = {(step.name, step.note) for step in root.walk() if step.arises}
        assert arising == {(node, "no solution is reached" if node == "x" else "")}
        shown = {1} if node == "x" else set()  # what is before that is not
        root = result.explain("y", t=2, scenario=2, back=1).root  # of prev(x), which is NaN
        assert {step.period for step in root.walk() if step.arises} == shown
        assert not any(s.arises for s in result.explain("x", t=1, scenario=1).root.walk())


def test_where_steps_come_to_no_number_that_is_why():
    m = lw.series.Model("m", periods=1)
    m.formula("x", "1 / x", circular=True, failures="nan")
    (trouble,) = m.run().trouble()
    assert str(trouble) == "x = 1 / x: division by zero: 1 / 0 is inf"
    m.formula("w", "w * w + 1", circular=True, failures="nan")  # and all is constant
    (trouble,) = m.compile(outputs=["w"]).run().trouble()
    assert str(trouble) == "w: the value is nan"
    m = lw.series.Model("m", periods=1)
    m.input("a")
    m.formula("y", "where(a > 1, a, 0 / 0)")  # a NaN of the formula's own
    (trouble,) = m.run(a=0.5).trouble()
    assert (trouble.node, trouble.period) == ("y", None)
    m.formula("z", "log(-a)", circular=True)  # in no loop
    root = m.run(a=0.5).explain("z").root
    assert (root.arises, root.note) == (True, "")


def test_runs_within_say_which_one_has_no_solution():
    m = lw.series.Model("m", periods=2)
    m.input("a", default=0.2)
    m.input("b", default=0.0)
    m.formula("x", "x * x + a + b", circular=True)
    m.formula("end", "last(x)")
    program = m.compile(outputs=["end"])
    with pytest.raises(Diagnostic, match=r"LW3061(.|\n)*note: in the run with a = 0\.3"):
        program.tornado("end", {"a": (0.1, 0.3)})
    with pytest.raises(Diagnostic, match=r"LW3061(.|\n)*note: while a = [0-9.]+ is tried"):
        program.seek("a", "end", 2.0, bounds=(0.0, 1.0))
    before, after = program.run(a=0.2, b=0.0), program.run(a=-0.3, b=0.5)
    with pytest.raises(Diagnostic, match=r"LW3061(.|\n)*in which only b is as afterwards"):
        after.bridge(before, "end")


def test_a_mark_outside_a_loop_keeps_no_workbook(tmp_path):
    pytest.importorskip("openpyxl")
    m = lw.series.Model("m", periods=2)
    m.formula("x", "t + 1", circular=True)
    m.formula("y", "x * 2 + prev(y, initial=0)", circular=True)
    m.to_xlsx(tmp_path / "m.xlsx")
    m.formula("z", "0.5 * w")
    m.formula("w", "z + 1", circular=True)
    m.to_xlsx(tmp_path / "m.xlsx", outputs=["y"])
    with pytest.raises(Diagnostic, match="LW3081: `w` is circular"):
        m.to_xlsx(tmp_path / "m.xlsx")


@pytest.mark.parametrize("seed", range(12))
def test_loops_of_several_nodes_that_draw_together_are_solved_in_every_lane(seed):
    rng = np.random.default_rng(seed)
    names = "abcde"[: 2 + seed % 4]

    def term():
        x, c, k = rng.choice([*names]), rng.uniform(-0.3, 0.3), rng.uniform(-2, 2)
        texts = ["{c} * {x}", "min({c} * {x}, {k})", "max({c} * {x}, {k})", "abs({c} * {x} + {k})"]
        texts += ["where({x} > {k}, {c} * ({x} - {k}), {c} * ({x} - {k}) / 2)"]
        texts += ["{c} * cos({x})", "{c} * sqrt(1 + {x} * {x})", "{c} * {x} / (1 + abs({x}))"]
        return str(rng.choice(texts[: 5 if seed % 2 else 8])).format(c=c, x=x, k=f"({k})")

    formulas = {
        name: f"{rng.uniform(-5, 5)} + i + {term()} + {term()} + {term()}" for name in names
    }
    m = lw.series.Model("m", periods=1)
    m.input("i", axes="scenario")
    for name, text in formulas.items():
        m.formula(name, text, circular=True)
    i = np.linspace(-3.0, 3.0, 601)
    result = m.run(i=i)
    known = {"min": np.minimum, "max": np.maximum, "abs": abs, "where": np.where}
    known |= {"cos": np.cos, "sqrt": np.sqrt, "i": i}
    values = dict.fromkeys(names, np.zeros_like(i))
    for _ in range(400):
        values = {name: eval(text, known, values) for name, text in formulas.items()}
    for name in names:
        np.testing.assert_allclose(result[name], values[name], rtol=1e-11, atol=1e-11)


def test_too_many_marks_on_loops_are_named():
    m = lw.series.Model("m", periods=1)
    names = "abcdefg"
    for name, other in zip(names, names[1:] + names[0], strict=True):
        m.formula(name, f"{other} / 2 + 1", circular=True)
    with pytest.raises(Diagnostic, match=r"LW3029: 7 circular nodes(.|\n)*: [a-g](, [a-g]){6}\n"):
        m.compile()
    m = lw.series.Model("m", periods=1)
    for name, other in zip(names, names[1:] + names[0], strict=True):
        m.formula(name, f"{other} / 2 + 1", circular=name != "d")
    assert everywhere(m)["d"] == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize(
    ("loop", "output", "fine", "lost"),
    [
        ("w + x", "last(w)", [], [1.0]),
        ("x * x + w * w", "total(w * y)", [0.3], [2.0]),
        ("x + sqrt(w) / 2 + y * 0", "total(w)", [1.0], [-1e9]),
        ("x + w * w", "total(w) + y * y", [0.1], [2.0]),
        ("x + w * w", "3 * last(w) - last(w) * y", [0.1], [2.0]),
    ],
)
def test_no_derivative_of_any_order_where_there_is_no_solution(loop, output, fine, lost):
    m = lw.series.Model("m", periods=3)
    m.input("x"), m.input("y", default=1.0)
    m.formula("w", loop, circular=True, failures="nan")
    m.formula("f", f"{output} + 0 * y")
    program = m.compile(outputs=["f"]).hessian_product("f")
    x = np.array([*fine, *lost])
    for along in ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 1.0)):
        mine = dict(zip(("along_x", "along_y"), along, strict=True))
        results = [program.bind(engine)(x=x, **mine) for engine in ("reference", "llvm", "stencil")]
        for name in results[0]:
            values = np.broadcast_to(results[0][name], x.shape)
            assert np.isfinite(values[: len(fine)]).all()
            assert np.isnan(values[len(fine) :]).all(), (name, along)
            assert len({np.asarray(result[name]).tobytes() for result in results}) == 1


def test_a_solution_that_is_not_taken_leaves_derivatives_as_they_are():
    m = lw.series.Model("m", periods=3)
    m.input("x"), m.input("y", default=2.0)
    m.formula("w", "x + w * w", circular=True, failures="nan")
    m.formula("f", "total(where(x > 1, y * x * x, w))")
    program = m.compile(outputs=["f"]).hessian_product("f")
    result = program.run(x=np.array([0.1, 5.0]), along_x=1.0)
    assert result["d_f_d_x"][1] == pytest.approx(60.0)
    assert result["d2_f_d_x"][1] == pytest.approx(12.0)
    assert result["d2_f_d_y"][1] == pytest.approx(30.0)


def test_a_mark_of_no_node_is_named():
    m = lw.series.Model("m", periods=1)
    m.formula("debt", "100 + interest")
    m.formula("interest", "0.05 * debt")
    m.circular("intrest")
    with pytest.raises(
        Diagnostic, match="'intrest' is marked as circular, and is no node"
    ) as error:
        m.run()
    assert error.value.code.ident == "LW3003"
    assert "did you mean" in error.value.help


def of_balances(**how):
    m = lw.series.Model("m", periods=3)
    m.input("rate", axes="scenario")
    m.formula("opening", "prev(closing, initial=1000)")

    @m.node(circular=True, **how)
    def interest(rate, opening, closing):
        return rate * (opening + closing) / 2

    m.formula("closing", "opening + interest - 100")
    return m


def test_a_function_may_be_circular():
    m = of_balances(guess=3.0, iterations=4, failures="nan")
    assert m.marks["interest"].guess == 3.0
    assert m.run(rate=[0.05])["closing"][0, 0] == pytest.approx((1000 * 1.025 - 100) / 0.975)
    with pytest.raises(Diagnostic, match="LW3029"):
        of_balances(failures="skip")


def test_a_step_that_no_formula_has_is_not_what_is_blamed():
    result = of_balances(failures="nan").run(rate=[0.05, 2.0])
    assert np.isnan(result["closing"]).tolist() == [[False, True]] * 3
    assert [each.what for each in result.trouble()] == ["no solution is reached"]
    m = lw.series.Model("m", periods=1)  # but a division that is there is
    m.input("x")
    m.formula("a", "0.5 * b + 1 / (x - 2)")
    m.formula("b", "0.5 * a")
    m.circular("a", failures="nan")
    assert [each.what for each in m.run(x=2.0).trouble()] == ["division by zero: 1 / 0 is inf"]
