"""One order of axes: that in which inputs declare them, whatever sizes a run gives them."""

import itertools

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic


def product(*axes):
    """A model that multiplies an input over each of these axes, some over several."""
    model = lw.series.Model("product", periods=3)
    for n, names in enumerate(axes):
        model.input(f"x{n}", axes=names)
    model.formula("y", " * ".join(f"x{n}" for n in range(len(axes))))
    model.formula("z", "y * (t + 1)")
    return model.compile()


@pytest.mark.parametrize("engine", ["reference", "stencil", "llvm"])
@pytest.mark.parametrize("sizes", list(itertools.permutations([2, 3, 5])))
def test_results_have_the_declared_order_whatever_is_longest(engine, sizes):
    program = product("loan", "scenario", "plan")
    a, b, c = (np.arange(1.0, size + 1) for size in sizes)
    result = program.bind(engine)(x0=a, x1=b, x2=c)
    assert result.axes("y") == ("loan", "scenario", "plan")
    assert result.axes("z") == ("time", "loan", "scenario", "plan")
    assert np.array_equal(result["y"], a[:, None, None] * b[:, None] * c)
    assert np.array_equal(result["z"], np.arange(1, 4)[:, None, None, None] * result["y"])
    ports = {port.name: port.axes for port in program.outputs}
    assert all(ports[name] == result.axes(name) for name in result)
    index = result.to_pandas("z").index
    assert index.names == ["time", "loan", "scenario", "plan"]


def test_axes_of_inputs_that_outputs_do_not_need_are_in_no_order():
    model = lw.series.Model("some", periods=2)
    model.input("unused", axes="b")
    model.input("p", axes="a")
    model.input("q", axes="b")
    model.formula("y", "p * q")
    model.formula("n", "unused + y")
    (port,) = (program := model.compile(outputs=["y"])).outputs
    assert port.axes == program.run(p=np.ones(2), q=np.ones(3)).axes("y") == ("a", "b")


def test_axes_that_no_input_declares_come_last_as_they_come():
    program = product("loan", ())
    result = program.run(x0=np.ones(2), x1=lw.series.along(("m", "k"), np.ones((4, 3))))
    assert result.axes("y") == ("loan", "m", "k")


@pytest.mark.parametrize(
    "axes", [("scenario", "time"), ("time", "scenario"), ("plan", "time", "loan")]
)
def test_plain_arrays_have_the_declared_order(axes):
    program = product(axes)
    sizes = [{"time": 3, "scenario": 3, "plan": 4, "loan": 2}[axis] for axis in axes]
    array = np.arange(float(np.prod(sizes))).reshape(sizes)
    result = program.run(x0=array)
    lanes = [axis for axis in axes if axis != "time"]
    assert result.axes("y") == ("time", *lanes)
    order = [axes.index(axis) for axis in result.axes("y")]
    assert np.array_equal(result["y"], array.transpose(order))
    assert np.array_equal(program.run(x0=array.tolist())["y"], result["y"])
    other = lw.series.along(result.axes("y"), array.transpose(order))
    assert np.array_equal(program.run(x0=other)["y"], result["y"])


@pytest.mark.parametrize(
    ("inputs", "given", "other"),
    [
        ([("scenario", "time")], {"x0": (3, 2)}, "time, scenario"),
        ([("time", "scenario")], {"x0": (2, 3)}, "scenario, time"),
        ([("plan", "loan"), "loan"], {"x0": (5, 4), "x1": (5,)}, "loan, plan"),
        ([("plan", "time", "loan")], {"x0": (4, 2, 3)}, "plan, loan, time"),
        (["time"], {"x0": (2, 3)}, "scenario, time"),
    ],
)
@pytest.mark.parametrize("make", [np.ones, lambda shape: np.ones(shape).tolist()])
def test_an_array_that_fits_only_the_other_way_is_refused(inputs, given, other, make):
    with pytest.raises(Diagnostic, match="in this order") as caught:
        product(*inputs).run(**{name: make(shape) for name, shape in given.items()})
    error = caught.value
    assert error.code.ident == "LW3042"
    assert "'x0'" in error.message
    assert f"only as ({other})" in error.message
    assert "along" in error.help
    assert ("array.T" in error.help) == (len(given["x0"]) == 2)
