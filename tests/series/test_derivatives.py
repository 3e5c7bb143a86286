"""Derivatives: against differences, each other, closed forms; on every engine the same bits."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from campaigns import campaign

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.ops.table import ARITH
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.check.generate import random_program
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.passes.adjoint import Adjoint
from lanework.machines.series.passes.derive import Deriver
from lanework.machines.series.passes.tangent import Tangent
from lanework.machines.series.passes.values import INPUT
from lanework.machines.series.program import SeriesProgram
from lanework.machines.series.runner import ENGINES

EXAMPLES = Path(__file__).parents[2] / "examples"


def model(periods=4, inputs=("x", "z"), **formulas):
    m = lw.series.Model("m", periods=periods)
    for name in inputs:
        m.input(name.removeprefix("~"), axes="time" if name.startswith("~") else ())
    for name, text in formulas.items():
        m.formula(name, text)
    return m


def slopes(program, output, given, name, h=1e-6):
    """Central differences by each entry of an input."""
    value = np.array(given[name], float)
    slope_of = np.zeros(value.shape)
    for at in np.ndindex(value.shape or (1,)):
        at = at if value.shape else ()
        step = h * max(1.0, abs(value[at]))
        up, down = value.copy(), value.copy()
        up[at] += step
        down[at] -= step
        high, low = (
            program.run(engine="reference", **{**given, name: side})[output] for side in (up, down)
        )
        slope_of[at] = (high - low) / (2 * step)
    return slope_of


def agree(m, output, given, rel=1e-6):
    """The gradient of an output against differences, on every engine."""
    program = m.compile(outputs=[output])
    derived = program.gradient(output)
    results = [derived.run(engine=engine, **given) for engine in ENGINES]
    for name in given:
        key = f"d_{output}_d_{name}"
        right = slopes(program, output, given, name)
        assert results[0][key].shape == right.shape
        np.testing.assert_allclose(results[0][key], right, rtol=rel, atol=rel)
        for other in results[1:]:
            assert results[0][key].tobytes() == other[key].tobytes()
    return results[0]


SMOOTH = {"x": 0.7, "z": 1.3}


@pytest.mark.parametrize("name", sorted(op.name for op in ARITH.values() if op.partials))
def test_every_op_has_the_slope_of_its_differences(name):
    op = ARITH[name]
    points = [(0.7, 1.3, 0.4), (2.5, -0.6, -1.1), (0.2, 0.9, 3.0)]
    tried = 0
    for point in points:
        args = point[: len(op.operands)]
        for place, partial in enumerate(op.gradient()):
            if partial is None:
                continue
            step = 1e-6
            up, down = (
                float(op.evaluate(*(x + s * (n == place) for n, x in enumerate(args))))
                for s in (step, -step)
            )
            m = lw.series.Model("m", periods=1)
            names = [m.input(f"a{n}") for n in range(len(args))]
            m.formula("y", lw.series.Expr(name, tuple(names)))
            m.formula("end", "last(y)")
            given = {f"a{n}": x for n, x in enumerate(args)}
            slope_of = m.compile(outputs=["end"]).gradient("end").run(**given)
            slope = (up - down) / (2 * step)
            if math.isfinite(slope):
                tried += 1
                assert slope_of[f"d_end_d_a{place}"] == pytest.approx(slope, rel=1e-6, abs=1e-8)
    assert tried


@pytest.mark.parametrize(
    "formulas",
    [
        {"y": "last(prev(y0, initial=z))", "y0": "prev(y0, initial=x) * z + x"},
        {"y": "total(prev(c, 3, initial=z))", "c": "x * c2", "c2": "t * z"},
        {"y": "total(lead(c, 2, final=x * z) * z)", "c": "x ** 2 + t"},
        {"y": "total(b)", "b": "lead(b, final=x) * z + 1 / x"},
        {"y": "last(b) + total(b)", "b": "prev(a, initial=0) * x", "a": "prev(b, initial=z) + z"},
        {"y": "at(cumprod(1 + x / (t + 1)), 2) * z"},
        {"y": "total(cumsum(x * z * t))"},
        {"y": "minimum((t - x * 2) ** 2) + maximum(z * t - t * t * x)"},
        {"y": "total(where(t > 1, exp(x * t), log(z)))"},
        {"y": "total(min(x * t, z)) + total(max(z - t, x)) + abs(x - 2 * z)"},
        {"y": "x * periods + z"},
        {"y": "total(floor(x * t) * z)"},
    ],
    ids=lambda formulas: formulas["y"],
)
def test_time_in_every_form(formulas):
    agree(model(**formulas), "y", SMOOTH)


def test_inputs_over_time_have_derivatives_over_time():
    m = model(5, ("x", "~rate"), v="prev(v, initial=x) * (1 + rate)", end="last(v) * rate_sum")
    m.formula("rate_sum", "total(rate * t)")
    given = {"x": 100.0, "rate": [0.1, 0.02, 0.3, -0.1, 0.05]}
    result = agree(m, "end", given)
    assert result.axes("d_end_d_rate") == ("time",)


def test_interpolated_tables_have_the_slope_of_the_segment_to_the_right():
    m = model(1)
    m.table("curve", {"k": [0.0, 1.0, 3.0, 4.5], "v": [1.0, 2.0, -2.0, 7.0]}, outside="interpolate")
    m.formula("y", "curve(x) * z")
    program = m.compile(outputs=["y"]).gradient("y")
    xs = [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0]
    for engine in ENGINES:
        result = program.run(engine=engine, x=lw.series.along("lane", xs), z=2.0)
        np.testing.assert_allclose(
            result["d_y_d_x"], [0.0, 2.0, 2.0, -4.0, -4.0, 12.0, 12.0, 0.0, 0.0]
        )


def test_exact_tables_and_steps_have_none():
    m = model(2)
    m.table("q", {"k": [0, 1, 2], "v": [5.0, 6.0, 7.0]})
    m.formula("y", "total(q(floor(x)) * z + (x > 1) + round(x))")
    result = m.compile(outputs=["y"]).gradient("y").run(x=1.5, z=2.0)
    assert result["d_y_d_x"] == 0.0
    assert result["d_y_d_z"] == 12.0


@pytest.mark.parametrize(
    ("text", "x", "slope"),
    [
        ("min(x, 2 * x)", 0.0, 2.0),  # min(a, b) is b at a tie
        ("max(3 * x, x)", 0.0, 1.0),
        ("max(x, 0)", 0.0, 0.0),
        ("max(0, x)", 0.0, 1.0),
        ("abs(x)", 0.0, 1.0),
        ("where(x > 0, 5 * x, 7 * x)", 0.0, 7.0),
        ("where(x > 0, log(x), 0)", 0.0, 0.0),
        ("where(x > 0, x ** 0.5, x)", 0.0, 1.0),
        ("where(x != 0, 1 / x, 3 * x)", 0.0, 3.0),
        ("sqrt(x) * 0", 0.0, 0.0),
        ("where(x > 0, x * log(x), 0)", 0.0, 0.0),
        ("where(x > 0, 3 * (1 / x), 0)", 0.0, 0.0),
        ("where(x > 0, exp(1 / x) * x, 2 * x)", 0.0, 2.0),
    ],
)
def test_ties_follow_the_branch_and_the_other_leaves_no_nan(text, x, slope):
    m = model(1, ("x",), y=text)
    m.formula("end", "last(y)")
    for engine in ENGINES:
        assert (
            m.compile(outputs=["end"]).gradient("end").run(engine=engine, x=x)["d_end_d_x"] == slope
        )


def test_lanes_and_totals_over_lanes():
    m = lw.series.Model("m", periods=3)
    m.input("own", axes="lane")
    m.input("shared")
    m.input("curve", axes="time")
    m.formula("v", "prev(v, initial=own) * (shared + curve)")
    m.formula("end", "last(v)")
    m.output("end")
    m.output("book", "end", reduce="lane")
    given = {"own": [1.0, 2.0, 5.0], "shared": 1.1, "curve": [0.1, 0.2, 0.3]}
    growth = np.array([1.2, 1.3, 1.4])
    for engine in ENGINES:
        result = m.compile().gradient().run(engine=engine, **given)
        own = np.prod(growth)
        np.testing.assert_allclose(result["d_end_d_own"], [own] * 3)
        np.testing.assert_allclose(result["d_book_d_own"], [own] * 3)
        each = np.prod(growth) / growth
        np.testing.assert_allclose(result["d_book_d_shared"], 8 * each.sum())
        np.testing.assert_allclose(result["d_end_d_shared"], np.array([1, 2, 5]) * each.sum())
        np.testing.assert_allclose(result["d_book_d_curve"], 8 * each)
        assert result["d_end_d_curve"].shape == (3, 3)


def test_lanes_that_end_at_times_of_their_own():
    m = lw.series.Model("m", periods=8)
    m.input("n", axes="lane")
    m.input("rate", axes="lane")
    m.formula("v", "prev(v, initial=1) * (1 + rate)")
    m.formula("end", "last(v)")
    m.formula("tail", "total(lead(v, final=rate))")
    m.horizon("n")
    program = m.compile(outputs=["end", "tail"])
    n, rate = np.array([1.0, 3.0, 8.0, 5.0]), np.array([0.1, 0.2, 0.05, -0.1])
    results = [program.gradient(inputs="rate").run(engine=e, n=n, rate=rate) for e in ENGINES]
    np.testing.assert_allclose(results[0]["d_end_d_rate"], n * (1 + rate) ** (n - 1))
    tail = [
        sum(k * (1 + r) ** (k - 1) for k in range(2, int(count) + 1))
        for count, r in zip(n, rate, strict=True)
    ]
    np.testing.assert_allclose(results[0]["d_tail_d_rate"], np.array(tail) + 1)
    for other in results[1:]:
        for name in other:
            assert other[name].tobytes() == results[0][name].tobytes()


def test_lanes_that_have_ended_have_no_slope_and_those_without_a_period_none_at_all():
    m = lw.series.Model("m", periods=4)
    m.input("n", axes="lane")
    m.input("c", axes="time")
    m.input("x")
    m.formula("all", "total(c)")
    m.formula("end", "total(c * x) + last(c)")
    m.horizon("n")
    given = {"n": [0.0, 2.0, 4.0], "c": [1.0, 2.0, 3.0, 4.0], "x": 2.0}
    for engine in ENGINES:
        result = m.compile().gradient("all", "c").run(engine=engine, **given)["d_all_d_c"]
        assert result.T.tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
        result = m.compile().gradient("end", "x").run(engine=engine, **given)["d_end_d_x"]
        assert result.tolist() == [0.0, 3.0, 10.0]


@pytest.mark.parametrize("c", [[0.1, -0.3, 0.7, 0.25, 0.1], 0.1])
@pytest.mark.parametrize(
    ("text", "walks"),
    [
        ("prev(run) + c * x", False),
        ("c * x + prev(run)", False),
        ("prev(run, initial=z) + c * x", True),
        ("prev(run, 2) + c * x", True),
        ("prev(run) + x * lead(c, final=0)", True),
        ("prev(run) - c * x", True),
    ],
)
def test_the_last_of_a_running_sum_is_the_sum_and_takes_no_recurrence(text, walks, c):
    m = model(5, ("~c", "x", "z"), run=text, y="last(run) * z")
    given = {"c": c, "x": 0.7, "z": 1.3}
    agree(m, "y", given)
    program = m.compile(outputs=["y"])
    derived = program.gradient("y", "c")
    steps = {each.name for each in SeriesView.of(derived).instructions}
    assert bool(steps & {"prev", "lead"}) == walks
    for engine in ENGINES:
        value = derived.run(engine=engine, **given)["y"]
        assert same_bits(value, program.run(engine=engine, **given)["y"])


@pytest.mark.parametrize(
    "y", ["last(run) * total(run)", "last(run) + at(run, 2)", "last(run) ** 2"]
)
def test_a_running_sum_that_others_read_too_has_both_slopes(y):
    m = model(5, ("~c", "x"), run="prev(run) + c * x * x", y=y)
    agree(m, "y", {"c": [0.1, -0.3, 0.7, 0.25, 0.1], "x": 0.7})


def test_of_equal_extremes_the_last_one_counts():
    m = model(4, ("~c",), y="maximum(c) + 2 * minimum(c)")
    for engine in ENGINES:
        slope = m.compile(outputs=["y"]).gradient("y").run(engine=engine, c=[1.0, 3.0, 3.0, 1.0])
        assert slope["d_y_d_c"].tolist() == [0.0, 0.0, 1.0, 2.0]


def test_projects_sensitivities():
    m = lw.series.load_model(EXAMPLES / "projfin40.series")
    given = project_inputs()
    program = m.compile(outputs=["npv_end", "short_end"])
    results = [program.gradient().run(engine=engine, **given) for engine in ENGINES]
    for name in m.inputs:
        if name == "dep_life":  # has a kink here
            continue
        for output in ("npv_end", "short_end"):
            slope_of = results[0][f"d_{output}_d_{name}"]
            if "time" in m.inputs[name].axes:
                for at in (100, 359):
                    assert slope_of[at] == pytest.approx(
                        bump(program, output, given, name, at), rel=2e-4, abs=2e-3
                    )
            else:
                assert slope_of == pytest.approx(
                    bump(program, output, given, name), rel=2e-5, abs=1e-4
                )
    for other in results[1:]:
        assert all(other[name].tobytes() == results[0][name].tobytes() for name in other)


def project_inputs():
    names = ("price_curve", "season", "ops", "capex_prof", "amort")
    path = EXAMPLES / "data" / "projfin40"
    table = lw.series.read_columns(next(path.glob("*.csv")))
    return {name: table[name] for name in names}


def bump(program, output, given, name, at=None):
    value = np.array(given.get(name, next(p.default for p in program.inputs if p.name == name)))
    step = np.zeros(value.shape)
    size = 1e-5 * max(1e-3, abs(float(value if at is None else value[at])))
    step[() if at is None else at] = size
    run = program.bind("stencil")
    high, low = (run(**{**given, name: value + s})[output] for s in (step, -step))
    return float((high - low) / (2 * size))


@pytest.mark.parametrize("seeds", campaign(2000, 200, daily=200, quick=60))
def test_reverse_and_forward_mode_agree_on_random_programs(seeds):
    compared = 0
    for seed in seeds:
        compared += duality(seed)
    assert compared > len(seeds) / 4


def duality(seed):
    """The product of the gradient and a direction, against the tangent along it."""
    program = lw.compile(random_program(seed).dis())
    deriver = Deriver(program)
    values = deriver.values
    leaves = deriver.leaves(None)
    targets = {}
    for port in program.outputs:
        value = deriver.of[port.row]
        targets[value] = values.fold("tsum", value) if deriver.timed[value] else value
    total = values.const(0.0)
    for value in targets.values():
        total = values.apply("add", (total, value))
    port = replace(program.outputs[0], reduce=())
    back = Adjoint(values, deriver.timed, deriver.ragged).of(
        {total: values.const(1.0)}, [*leaves.values()]
    )
    directions = {}
    for name, leaf in leaves.items():
        deriver.inputs[f"along_{name}"] = replace(deriver.inputs[name], name=f"along_{name}")
        directions[leaf] = values.leaf(INPUT, f"along_{name}")
    ahead = Tangent(values, deriver.timed, deriver.ragged).of(directions, [total])[total]
    for name, leaf in leaves.items():
        deriver.add(f"back_{name}", port, deriver.inputs[name], back[leaf])
    deriver.add("ahead", port, port, ahead)
    derived = SeriesProgram(**vars(deriver.finish("duality")))
    rng = np.random.default_rng(seed)
    given, periods = {}, max(5, SeriesView.of(derived).latest + 1)
    for p in derived.inputs:
        given[p.name] = rng.uniform(0.5, 3.0, periods if "time" in p.axes else ())
    outs = [derived.bind(e, periods=periods)(**given) for e in ("reference", "stencil")]
    for name in outs[0]:
        assert np.array_equal(outs[0][name], outs[1][name], equal_nan=True), (seed, name)
    left = 0.0
    for name in leaves:
        along = given.get(f"along_{name}")
        if along is not None:
            with np.errstate(all="ignore"):
                left += float(np.sum(outs[0][f"back_{name}"] * along))
    right = float(outs[0]["ahead"])
    if not (math.isfinite(left) and math.isfinite(right)) or max(abs(left), abs(right)) > 1e100:
        return 0
    assert left == pytest.approx(right, rel=1e-8, abs=1e-8), seed
    return int(left != 0.0)


def test_second_derivatives_along_a_direction():
    m = model(4, ("x", "z", "~c"), v="prev(v, initial=x) * (z + c) + x * x", end="last(v) * z")
    program = m.compile(outputs=["end"])
    given = {"x": 0.7, "z": 1.3, "c": np.array([0.1, 0.4, 0.2, 0.3])}
    along = {"x": 0.5, "z": -1.0, "c": np.array([1.0, 0.0, 2.0, -0.5])}
    derived = program.hessian_product("end")
    h = 1e-6
    high, low = (
        program.gradient().run(**{n: np.asarray(given[n]) + s * h * along[n] for n in given})
        for s in (1, -1)
    )
    for engine in ENGINES:
        result = derived.run(engine=engine, **given, **{f"along_{n}": along[n] for n in along})
        for name in given:
            right = (high[f"d_end_d_{name}"] - low[f"d_end_d_{name}"]) / (2 * h)
            np.testing.assert_allclose(result[f"d2_end_d_{name}"], right, rtol=1e-7)


def test_jacobians_over_time():
    m = model(4, ("x", "z"), v="prev(v, initial=x) * z + t", end="last(v)")
    result = m.compile().jacobian().run(x=2.0, z=1.5)
    np.testing.assert_allclose(result["d_v_d_x"], 1.5 ** np.arange(1, 5))
    assert result.axes("d_v_d_x") == ("time",)
    assert result["d_end_d_x"] == result["d_v_d_x"][-1]
    np.testing.assert_allclose(result["d_end_d_z"], result["d_v_d_z"][-1])


def test_derivatives_are_programs_that_are_saved_and_derived_again(tmp_path):
    program = model(3, ("x", "z"), y="total(x ** 3 * z * t)").compile(outputs=["y"])
    path = tmp_path / "gradient.lwp"
    program.gradient("y", "x").save(path)
    first = lw.load(path)
    assert first == program.gradient("y", "x")
    again = first.gradient("d_y_d_x", ["x", "z"]).run(x=2.0, z=1.0)
    assert again["d_d_y_d_x_d_x"] == pytest.approx(36.0)
    assert again["d_d_y_d_x_d_z"] == pytest.approx(36.0)
    assert lw.compile(first.dis()) == first


def test_units_and_what_it_is_of():
    m = lw.series.Model("m", periods=2)
    m.input("years", unit="year")
    m.input("amount", unit="USD")
    m.formula("y", "total(amount * years * years)")
    program = m.compile(outputs=["y"])
    ports = {p.name: p for p in program.hessian_product("y").outputs}
    of = ports["y"].unit
    assert ports["d_y_d_amount"].unit == f"{of}/USD"
    assert ports["d_y_d_years"].unit == ports["d2_y_d_years"].unit == f"{of}/year"
    assert "derivative of y by years" in ports["d_y_d_years"].doc


@pytest.mark.parametrize(
    ("text", "slopes"),
    [
        ("last(a + 5 * r)", {"r": 15.0, "a": [1.0] * 3}),
        ("total(a * t - r)", {"r": -9.0, "a": [3.0] * 3}),
        ("last(a * r + b)", {"r": 6.0, "a": [2.0] * 3, "b": 3.0}),
    ],
)
def test_totals_count_each_lane(text, slopes):
    m = model(3, ("a", "b", "r"), f=text)
    m.inputs["a"] = replace(m.inputs["a"], axes=("lane",))
    m.output("s", "f", reduce="lane")
    given = {"a": [1.0, 2.0, 3.0], "b": 4.0, "r": 2.0}
    program = m.compile()
    given = {port.name: given[port.name] for port in program.inputs}
    for engine in ENGINES:
        result = program.gradient().run(engine=engine, **given)
        for name, right in slopes.items():
            assert result[f"d_s_d_{name}"].tolist() == right


def test_totals_over_two_axes_and_over_time_count_each_lane():
    m = lw.series.Model("m", periods=3)
    m.input("a", axes="p")
    m.input("b", axes="q")
    m.input("r")
    m.formula("f", "last(a * r + b)")
    m.formula("g", "a + 5 * r * t")
    m.output("s", "f", reduce=("p", "q"))
    m.output("v", "g", reduce="p")
    given = {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0], "r": 2.0}
    result = m.compile(outputs=["s"]).gradient().run(**given)
    assert result["d_s_d_r"] == 12.0
    assert result["d_s_d_a"].tolist() == [4.0] * 3
    assert result["d_s_d_b"].tolist() == [3.0] * 2
    over = m.compile(outputs=["v"]).jacobian("v", "r").run(a=given["a"], r=2.0)
    assert over["d_v_d_r"].tolist() == [0.0, 15.0, 30.0]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda p: p.gradient("v"), r"LW3060.*'v' has a value in each period(.|\n)*last\(v\)"),
        (lambda p: p.gradient("yy"), r"LW3044.*'yy'"),
        (lambda p: p.gradient("end", "xx"), r"LW3040.*'xx'(.|\n)*did you mean 'x'"),
        (lambda p: p.gradient("end", "sex"), r"LW3060.*'sex'"),
        (lambda p: p.jacobian("v", "c"), r"LW3060.*'v' and input 'c' both are over time"),
        (lambda p: p.hessian_product("v"), r"LW3060.*'v'"),
        (lambda p: p.gradient(5), "LW3044"),
        (lambda p: p.gradient("end", 5), "LW3040"),
        (lambda p: p.gradient("taken"), r"LW3060.*'d_taken_d_x' is a node already"),
    ],
)
def test_what_cannot_be_derived_is_said(ask, said):
    m = model(3, ("x", "~c"), v="prev(v, initial=x) + c", end="last(v) * (sex == 'F')")
    m.input("sex", categories=("F", "M"))
    m.formula("taken", "last(v) + 1")
    m.input("d_taken_d_x")
    m.formula("use", "d_taken_d_x + last(v)")
    program = m.compile(outputs=["v", "end", "taken", "use"])
    with pytest.raises(Diagnostic, match=said):
        ask(program)


@pytest.mark.parametrize("formula", ["sqrt(a) * sqrt(a)", "cbrt(a)**3", "a**a"])
def test_no_change_times_an_infinite_slope_is_none(formula):
    """As the page of sensitivities says of such steps."""
    m = lw.series.Model("m", periods=1)
    m.input("a")
    m.formula("y", formula)
    assert m.compile().gradient("y", "a").run(a=0.0)["d_y_d_a"] == 0.0


@pytest.mark.parametrize("others", [(), ("w",)])
def test_a_lane_has_the_derivative_among_others_that_it_has_alone(others):
    m = lw.series.Model("m", periods=100)
    m.input("a", axes="time")
    m.input("s", axes="time")
    m.input("c", axes="scenario")
    for name in others:
        m.input(name, axes="loan")
    m.formula("y", "total(a * a * s * c)" + "".join(f" * {name}" for name in others))
    program = m.compile().gradient("y", ["a"])
    rng = np.random.default_rng(3)
    given = {"a": 1.7, "s": rng.normal(size=100)} | {name: np.arange(3.0) for name in others}
    c = rng.normal(size=5)
    for engine in ("stencil", "llvm", "reference"):
        many = program.run(c=c, engine=engine, **given)["d_y_d_a"]
        for lane in range(5):
            alone = program.run(c=c[lane], engine=engine, **given)["d_y_d_a"]
            assert same_bits(many[lane], alone)


def along_direction(text, given, direction, engine="auto"):
    """What a product with the Hessian of one formula is, by name."""
    program = model(1, given, y=text).compile().hessian_product("y")
    along = {f"along_{name}": value for name, value in direction.items()}
    return program.run(engine=engine, **given, **along)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("text", "given", "direction", "name", "right"),
    [  # where no change meets a slope that might be infinite, and is not
        ("last(annuity(x, n))", {"x": 0.0, "n": 4.0}, {"x": 1.0}, "x", 40.0),
        ("last(annuity(x, n))", {"x": 0.0, "n": 0.0}, {"n": 1.0}, "x", -0.5),
        ("last(annuity(x, n))", {"x": 0.05, "n": 0.0}, {"n": 1.0}, "x", -0.4684),
        ("last(level_payment(x, 4, 100))", {"x": 0.0}, {"x": 1.0}, "x", 62.5),
        ("last(pv(x, 4, 10, 100))", {"x": 0.0}, {"x": 1.0}, "x", 2400.0),
        ("last(x * x / z)", {"x": 0.0, "z": 4.0}, {"x": 1.0}, "x", 0.5),
        ("last(x * log(z))", {"x": 0.0, "z": 4.0}, {"z": 1.0}, "x", 0.25),
        ("last(exp(x) ** 2 * z / x)", {"x": 1.0, "z": 0.0}, {"z": 1.0}, "x", math.e**2),
        ("last(x ** n)", {"x": 2.0, "n": 0.0}, {"n": 1.0}, "x", 0.5),
        ("last(x ** n)", {"x": 2.0, "n": 0.0}, {"x": 1.0}, "n", 0.5),
        ("last(x ** n)", {"x": 2.0, "n": 0.0}, {"x": 1.0}, "x", 0.0),
        ("last(x ** n)", {"x": 0.0, "n": 0.0}, {"x": 1.0}, "x", 0.0),
        ("last(x ** n)", {"x": -2.0, "n": 3.0}, {"n": 1.0}, "n", math.nan),
        ("last(x ** n)", {"x": -2.0, "n": 3.0}, {"x": 1.0}, "x", -12.0),
        ("last(where(x > 0, log(x), z))", {"x": 0.0, "z": 1.0}, {"x": 1.0}, "x", 0.0),
        ("last(where(x > 0, sqrt(x) * z, z))", {"x": 0.0, "z": 1.0}, {"x": 1.0}, "z", 0.0),
    ],
)
def test_second_derivatives_where_a_first_one_is_none(text, given, direction, name, right, engine):
    second = along_direction(text, given, direction, engine)[f"d2_y_d_{name}"]
    assert second == pytest.approx(right, rel=1e-4, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("size", [1e160, 1e-160, 3.0, 1e-200])
def test_slopes_of_an_angle_are_of_any_size(size):
    result = model(1, ("x", "z"), y="last(atan2(x, z))").compile().gradient().run(x=size, z=size)
    assert result["d_y_d_x"] == pytest.approx(0.5 / size, rel=1e-14, abs=0)
    assert result["d_y_d_z"] == pytest.approx(-0.5 / size, rel=1e-14, abs=0)


@pytest.mark.parametrize("formula", ["a * a", "a * a + b", "b + a"])
def test_a_direction_along_an_input_that_no_output_needs_may_be_given(formula):
    m = lw.series.Model("m", periods=1)
    m.input("a"), m.input("b", default=0.0)
    m.formula("y", f"last({formula})")
    program = m.compile(outputs=["y"]).hessian_product("y")
    result = program.run(a=1.0, b=2.0, along_a=1.0, along_b=[5.0, 6.0])
    assert result["d2_y_d_a"].max() == (0.0 if formula == "b + a" else 2.0)
    with pytest.raises(lw.Diagnostic, match="LW3040"):
        program.run(a=1.0, along_c=1.0)
