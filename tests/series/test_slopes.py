"""Derivatives have the axes of their output and of their input, whatever the slope depends on."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from campaigns import campaign

import lanework as lw
from lanework.machines.series.runner import ENGINES

pytestmark = pytest.mark.slow

PERIODS, SIZES = 3, {"loan": 2, "scenario": 4}
SIZES_OF = {"time": PERIODS, **SIZES}
AXES = {
    "x": ("time",),
    "w": ("time", "loan"),
    "a": ("loan",),
    "s": ("scenario",),
    "r": (),
    "b": ("loan", "scenario"),
}
TERMS = (
    "total(2 * {})",
    "last({})",
    "at({}, 1) * 3",
    "total(4)",
    "total({} * {})",
    "total(exp({} / 9) * t)",
    "total(prev({}, initial={}))",
)


def random_model(seed):
    """A model of sums of terms that are linear in some inputs and not in others."""
    rng = np.random.default_rng(seed)
    m = lw.series.Model("m", periods=PERIODS)
    for name, axes in AXES.items():
        m.input(name, axes=axes)
    terms = []
    for _ in range(int(rng.integers(1, 4))):
        term = TERMS[rng.integers(len(TERMS))]
        terms.append(term.format(*rng.choice([*AXES], 2)))
    terms += [f"{rng.integers(1, 5)} * last({name})" for name in rng.choice([*AXES], 2)]
    if rng.random() < 0.3:
        m.input("n", axes="loan")
        m.horizon("n")
    m.formula("y", " + ".join(terms))
    m.formula("v", "cumsum(r * t) + y * 2 + 3 * s")
    m.output("y")
    m.output("v")
    m.output("book", "y", reduce="loan")
    m.output("all", "y", reduce=("loan", "scenario"))
    return m, rng


def random_inputs(program, rng):
    """Inputs as they are declared, or one number for them, or along lanes of no declared axis."""
    given = {}
    for port in program.inputs:
        if port.name == "n":
            given["n"] = lw.series.along("loan", np.arange(1.0, SIZES["loan"] + 1) + 1)
            continue
        axes = port.axes if rng.random() < 0.7 else ()
        if not port.axes and rng.random() < 0.3:
            axes = ("loan",)
        shape = [SIZES_OF[axis] for axis in axes]
        given[port.name] = lw.series.along(axes, rng.uniform(0.5, 2.0, shape)) if axes else 1.25
    return given


def axes_of(given):
    return getattr(given, "axes", ())


def nudged(given, h, place=()):
    if not axes_of(given):
        return given + h
    array = np.array(given.array)
    array[place] += h
    return lw.series.along(given.axes, array)


def differences(run, given, output, name, axes, h=1e-4):
    """The derivative by differences: along axes of the output all at once, others one by one."""
    shared = [axis for axis in axes_of(given[name]) if axis in run(**given).axes(output)]
    own = [axis for axis in axes_of(given[name]) if axis not in shared]
    sides = []
    value = np.zeros([SIZES_OF[axis] for axis in axes])
    for place in np.ndindex(*(SIZES_OF[axis] for axis in own)):
        at = dict(zip(own, place, strict=True))
        where = tuple(at.get(axis, slice(None)) for axis in axes_of(given[name]))
        sides = [run(**{**given, name: nudged(given[name], s, where)}) for s in (h, -h)]
        have = sides[0].axes(output)
        rest = [axis for axis in axes if axis not in at]
        change = (sides[0][output] - sides[1][output]) / (2 * h)
        change = change.reshape([SIZES_OF[axis] if axis in have else 1 for axis in rest])
        value[tuple(at.get(axis, slice(None)) for axis in axes)] = change
    return value


@pytest.mark.parametrize("seeds", campaign(60, 6, daily=12, quick=4))
def test_axes_and_values_are_those_of_differences(seeds):
    for seed in seeds:
        m, rng = random_model(seed)
        program = m.compile()
        given = random_inputs(program, rng)
        over_time = ["v"] if "v" in {port.name for port in program.outputs} else []
        untimed = [port.name for port in program.inputs if "time" not in port.axes]
        untimed = [name for name in untimed if name != "n"]
        everything = [port.name for port in program.inputs if port.name != "n"]
        for outputs, inputs, derived in (
            (["y", "book", "all"], everything, program.gradient(["y", "book", "all"], everything)),
            (over_time, untimed, program.jacobian(over_time, untimed)),
        ):
            plain = program.bind("reference", outputs=outputs)
            results = [derived.bind(engine)(**given) for engine in ENGINES]
            first = results[0]
            order = [axis for axis in SIZES_OF if any(axis in axes_of(x) for x in given.values())]
            for output in outputs:
                for name in inputs:
                    key = f"d_{output}_d_{name}"
                    have = {*first.axes(output), *axes_of(given[name])}
                    axes = tuple(axis for axis in ("time", *order) if axis in have)
                    assert {*first.axes(key)} == {*axes}, (seed, key)
                    right = differences(plain, given, output, name, first.axes(key))
                    assert first[key].shape == right.shape, (seed, key)
                    np.testing.assert_allclose(
                        first[key], right, rtol=1e-5, atol=1e-5, err_msg=f"{seed} {key}"
                    )
            for other in results[1:]:
                for key in first:
                    assert other.axes(key) == first.axes(key)
                    assert other[key].tobytes() == first[key].tobytes(), (seed, key)


def linear():
    m = lw.series.Model("m", periods=3)
    m.input("x", axes="time")
    m.input("s", axes="scenario")
    m.formula("y", "total(2 * x) + s * 3")
    m.output("y")
    m.output("tot", "y", reduce="scenario")
    return m.compile()


LINEAR = {
    "d_y_d_x": (("time", "scenario"), [[2.0, 2.0]] * 3),
    "d_y_d_s": (("scenario",), [3.0, 3.0]),
    "d_tot_d_x": (("time",), [4.0] * 3),
    "d_tot_d_s": (("scenario",), [3.0, 3.0]),
}


@pytest.mark.parametrize("saved", [False, True])
def test_constant_slopes_have_their_axes_in_results_frames_and_saved_programs(saved, tmp_path):
    program = linear().gradient()
    if saved:
        program.save(tmp_path / "slopes.lwp")
        program = lw.load(tmp_path / "slopes.lwp")
        assert lw.compile(program.dis()) == program
    given = {"x": [1.0, 2.0, 3.0], "s": [1.0, 2.0]}
    result = program.run(**given)
    for name, (axes, values) in LINEAR.items():
        assert (result.axes(name), result[name].tolist()) == (axes, values)
        result[name][...] = 0.0  # an array of its own
    result = program.run(**given)
    dataset = result.to_xarray()
    assert dataset["d_y_d_x"].dims == ("time", "scenario")
    assert float(dataset["d_tot_d_x"].sum()) == 12.0
    assert len(result.select(["d_tot_d_x"]).to_pandas()) == 3
    declared = {port.name: port.axes for port in program.outputs}
    assert all(declared[name] == axes for name, (axes, _) in LINEAR.items())


@pytest.mark.parametrize("engine", ENGINES)
def test_the_derivative_by_one_number_is_the_sum(engine):
    runner = linear().gradient().bind(engine)
    for _ in range(3):  # the prepared call too
        one = runner(x=1.0, s=2.0)
        assert {name: one[name].tolist() for name in LINEAR} == {
            "d_y_d_x": 6.0,
            "d_y_d_s": 3.0,
            "d_tot_d_x": 6.0,
            "d_tot_d_s": 3.0,
        }
        each = runner(x=np.array([1.0, 2.0, 3.0]), s=2.0)
        assert each["d_y_d_x"].tolist() == each["d_tot_d_x"].tolist() == [2.0] * 3
    m = lw.series.Model("m", periods=2)
    m.input("amount", axes="loan")
    m.input("rate", axes="loan")
    m.formula("final", "last(amount * (1 + rate) * (t + 1))")
    m.output("book", "final", reduce="loan")
    book = m.compile().gradient().bind(engine)(amount=100.0, rate=[0.1, 0.2])
    assert book["d_book_d_amount"] == pytest.approx(2 * 1.1 + 2 * 1.2)
    assert book["d_book_d_rate"].tolist() == [200.0, 200.0]


def test_lanes_of_no_declared_axis_have_a_derivative_each():
    m = lw.series.Model("m", periods=2)
    m.input("amount", axes="loan")
    m.input("rate", default=0.1)
    m.formula("final", "last(amount * rate)")
    m.output("book", "final", reduce="loan")
    gradient = m.compile().gradient()
    amount = [1.0, 2.0, 5.0]
    assert gradient.run(amount=amount)["d_book_d_rate"] == 8.0
    own = lw.series.along("loan", [0.1, 0.2, 0.3])
    assert gradient.run(amount=amount, rate=own)["d_book_d_rate"].tolist() == amount
    blocks = [{"amount": [1.0, 2.0]}, {"amount": [5.0]}]
    assert gradient.bind().stream(blocks, axis="loan", sink=len)["d_book_d_rate"] == 8.0
    parts = []
    blocks = [{"amount": [1.0, 2.0], "rate": [0.1, 0.2]}, {"amount": [5.0], "rate": [0.3]}]
    total = gradient.bind().stream(blocks, axis="loan", sink=parts.append)
    assert "d_book_d_rate" not in total
    assert [x for part in parts for x in part["d_book_d_rate"].tolist()] == amount


def test_an_input_that_an_output_does_not_depend_on_has_a_derivative_of_zeros():
    m = lw.series.Model("m", periods=2)
    m.input("x")
    m.input("z", axes=("time", "loan"))
    m.formula("y", "last(x * 2)")
    m.formula("other", "total(z)")
    gradient = m.compile(outputs=["y", "other"]).gradient("y")
    assert gradient.run(x=1.0)["d_y_d_x"] == 2.0
    result = gradient.run(x=1.0, z=np.ones((2, 3)))
    assert result["d_y_d_z"].tolist() == [[0.0] * 3] * 2
    assert result["d_y_d_x"].shape == ()


def test_second_derivatives_have_the_axes_of_directions_too():
    m = lw.series.Model("m", periods=2)
    m.input("a")
    m.input("x", axes="time")
    m.formula("y", "total(3 * x) + a * 2")
    second = m.compile(outputs=["y"]).hessian_product("y")
    along = lw.series.along("column", [1.0, 0.0])
    result = second.run(a=1.0, x=[1.0, 2.0], along_a=along)
    assert result["d2_y_d_a"].tolist() == [0.0, 0.0]
    assert result.axes("d2_y_d_x") == ("time", "column")
    assert result["d_y_d_x"].tolist() == [3.0, 3.0]
    again = m.compile(outputs=["y"]).gradient("y").jacobian("d_y_d_x", "a")
    result = again.run(a=1.0, x=[1.0, 2.0])
    assert result["d_d_y_d_x_d_a"].tolist() == [0.0, 0.0]
    assert result["d_y_d_x"].tolist() == [3.0, 3.0]
    assert again.run(a=1.0, x=1.0)["d_y_d_x"] == 6.0


@pytest.mark.parametrize("formula", ["prev(x, initial=b)", "lead(x, 2, final=b)"])
def test_one_number_over_time_that_is_shifted_is_the_same_in_all_lanes(formula):
    m = lw.series.Model("m", periods=3)
    m.input("x", axes=("time", "loan"))
    m.input("b", axes="scenario")
    m.formula("y", formula)
    program, b = m.compile(outputs=["y"]), np.arange(9.0)
    for x in (1.25, lw.series.along("loan", [1.25, 2.5])):
        right = program.run(engine="reference", x=x, b=b)
        for engine in ENGINES[:2]:
            assert program.run(engine=engine, x=x, b=b)["y"].tolist() == right["y"].tolist()


def test_what_is_computed_again_has_the_axes_of_the_inputs_that_changed():
    m = lw.series.Model("m", periods=3)
    m.input("x", axes="time")
    m.input("s", axes="scenario")
    m.formula("w", "prev(w, initial=1) * 0.5 + t")
    m.formula("y", "total(2 * x * w) + s * 3")
    m.output("y")
    m.output("tot", "y", reduce="scenario")
    gradient = m.compile().gradient()
    again = gradient.again(["x", "s"], {"x": [1.0, 2.0, 3.0], "s": [1.0, 2.0]})
    for given in ({"x": 2.0, "s": [1.0, 2.0]}, {"x": [3.0, 1.0, 1.0], "s": [1.0, 2.0, 5.0]}):
        part, right = again(**given), gradient.run(**given)
        for name in right:
            assert part.axes(name) == right.axes(name)
            assert part[name].tobytes() == right[name].tobytes()


def test_slopes_over_time_end_with_the_lane():
    m = lw.series.Model("m", periods=4)
    m.input("x")
    m.input("n", axes="loan")
    m.formula("v", "2 * x + t")
    m.horizon("n")
    derived = m.compile(outputs=["v"]).jacobian("v", "x")
    for engine in ENGINES:
        result = derived.run(engine=engine, x=1.0, n=[1.0, 3.0])
        assert result["d_v_d_x"].T.tolist() == [[2.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 0.0]]


def test_tornado_and_bridge_take_each_period():
    m = lw.series.Model("m", periods=3)
    m.input("x", axes="time")
    m.formula("y", "total(2 * x)")
    program = m.compile(outputs=["y"])
    for x in (1.0, [1.0, 1.0, 1.0]):
        (bar,) = program.tornado("y", {"x": ([0.0, 1.0, 1.0], 2.0)}, inputs={"x": x}).bars
        assert (bar.at_low, bar.slope_low, bar.at_high, bar.slope_high) == (4.0, 4.0, 12.0, 12.0)
    gradient = program.gradient("y")
    before, after = gradient.run(x=[1.0, 2.0, 3.0]), gradient.run(x=[2.0, 2.0, 3.0])
    assert after.bridge(before, "d_y_d_x")


JAX = """
import jax, numpy as np, sys
sys.path.insert(0, sys.argv[1])
from jax_function import jax_function
import lanework as lw
jax.config.update("jax_enable_x64", True)
m = lw.series.Model("m", periods=3)
m.input("x", axes="time"); m.input("y", axes="time"); m.input("r")
m.formula("z", "total(2 * x) + total(y * y) + 5 * r")
f = jax_function(m.compile(outputs=["z"]), "z", ["x", "y", "r"])
x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 2.0])
for given in ((x, y, 1.0), (1.0, y, 1.0), (x, 2.0, 1.0)):
    print([np.asarray(g).tolist() for g in jax.jit(jax.grad(f, (0, 1, 2)))(*given)])
"""


def test_the_recipe_for_jax_takes_constant_slopes():
    pytest.importorskip("jax", reason="the recipe is JAX's")
    folder = str(Path(__file__).parents[2] / "examples")
    run = [sys.executable, "-c", JAX, folder]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [
        "[[2.0, 2.0, 2.0], [2.0, 1.0, 4.0], 5.0]",
        "[6.0, [2.0, 1.0, 4.0], 5.0]",
        "[[2.0, 2.0, 2.0], 12.0, 5.0]",
    ]


def test_axes_of_a_run_are_those_of_its_inputs_and_not_of_the_run_before():
    m = lw.series.Model("m", periods=2)
    m.input("x")
    m.input("z", axes="loan")
    m.formula("y", "last(x * z * z)")
    program, z = m.compile(), np.array([1.0, 2.0, 3.0])
    runners = [program.bind("reference"), program.gradient("y", "x").bind("reference")]
    for axis, x in (("a", [1.0, 2.0]), ("b", [1.0, 2.0]), ("b", [4.0, 5.0, 6.0, 7.0])):
        for run, name, right in zip(runners, ("y", "d_y_d_x"), (x, np.ones(len(x))), strict=True):
            result = run(x=lw.series.along(axis, x), z=z)
            assert set(result.axes(name)) == {axis, "loan"}
            value = result[name] if result.axes(name)[0] == axis else result[name].T
            assert value.tolist() == np.outer(right, z * z).tolist()
