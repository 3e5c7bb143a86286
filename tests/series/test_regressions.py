"""Defects that were found once, each with the smallest run that showed it."""

import dataclasses
import itertools
import time
from types import SimpleNamespace

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core.program.asm import assemble
from lanework.engines.native import Frame
from lanework.machines.series.check.fuzz import same_bits

ENGINES = ("reference", "llvm", "stencil")


def refused(call, code, *words):
    with pytest.raises(Diagnostic) as caught:
        call()
    assert caught.value.code.ident == code, caught.value.render()
    for word in words:
        assert word in caught.value.render()


def plain():
    model = lw.series.Model("m", periods=3)
    model.input("x")
    model.formula("y", "x * t")
    return model.compile()


@pytest.mark.parametrize("engine", ENGINES)
def test_number_of_periods_where_time_runs_as_lanes(engine):
    model = lw.series.Model("m")
    model.input("x", axes=("time",))
    model.formula("y", "x / periods + t")
    x = np.arange(100.0)
    result = model.compile().run(engine=engine, x=x)
    assert np.array_equal(result["y"], x / 100.0 + np.arange(100.0))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sizes", [(10, 5), (5, 10), (70, 3), (3, 70), (70, 70)])
def test_total_over_the_outer_or_the_inner_axis(engine, sizes):
    many, points = sizes
    x, s = np.arange(1.0, points + 1), np.arange(1.0, many + 1)
    full = x[:, None] * s
    for reduce, axis, left in (("point", 0, "scenario"), ("scenario", 1, "point")):
        model = lw.series.Model("m", periods=2)
        model.input("x", axes=("point",))
        model.input("s", axes=("scenario",))
        model.output("z", "x * s", reduce=reduce)
        model.output("zt", "x * s + 0 * t", reduce=reduce)
        result = model.compile().run(engine=engine, x=x, s=s)
        assert result.axes("z") == (left,)
        assert np.array_equal(result["z"], full.sum(axis))
        assert np.array_equal(result["zt"], np.tile(full.sum(axis), (2, 1)))


@pytest.mark.parametrize("engine", ENGINES)
def test_total_counts_no_lane_again_along_an_axis_that_changes_nothing(engine):
    model = lw.series.Model("m", periods=2)
    for name in "abc":
        model.input(name, axes=(name.upper(),))
    model.output("plain", "a * 2", reduce="A")
    model.output("over", "a * c", reduce="A")
    model.output("all", "a + b + c")
    a, b, c = np.array([1.0, 2.0]), np.arange(3.0), np.arange(4.0)
    result = model.compile().run(engine=engine, a=a, b=b, c=c)
    assert result["plain"] == 6.0
    assert result["over"].tolist() == [0.0, 3.0, 6.0, 9.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_outputs_that_need_no_lane_are_there_without_lanes(engine):
    model = lw.series.Model("m", periods=3)
    model.input("x", axes=("point",))
    model.input("c", axes=("scenario",))
    model.formula("flat", "prev(flat, initial=1.0) * 2 + total(t)")
    model.formula("outer", "c * 7 + t")
    model.formula("none", "x + t")
    model.output("sum", "x * 2 + c", reduce=("point", "scenario"))
    program = model.compile(outputs=["flat", "outer", "none", "sum"])
    result = program.run(engine=engine, x=np.zeros(0), c=np.arange(4.0))
    assert result["flat"].tolist() == [5.0, 13.0, 29.0]
    assert np.array_equal(result["outer"], np.arange(4.0) * 7 + np.arange(3.0)[:, None])
    assert result["none"].size == 0
    assert result["sum"] == 0.0


def test_a_long_chain_before_the_horizon():
    model = lw.series.Model("m", periods=4)
    model.input("h", axes=("point",))
    names = ["h", *(f"c{i}" for i in range(1500))]
    for number, (before, name) in enumerate(itertools.pairwise(names)):
        model.formula(name, f"{before} * 1.0001 + 0.5" if number % 2 else f"{before} - 0.25")
    model.horizon(f"min(max(floor({names[-1]}), 0), 4)")
    model.formula("y", "t + 1")
    runner = [model.compile(outputs=["y"]).bind(engine) for engine in ENGINES]
    h = np.linspace(-190.0, -140.0, 100)
    expected, *actual = (run(h=h)["y"] for run in runner)
    assert set(expected.sum(0)) == {0.0, 1.0, 3.0, 6.0, 10.0}  # all that may be
    assert all(same_bits(expected, result) for result in actual)


@pytest.mark.parametrize("value", [10**400, [10**400], np.array([10**400], object)])
def test_an_integer_past_every_float(value):
    runner = plain().bind()
    refused(lambda: runner(x=value), "LW3050", "too large")
    runner(x=1.0)
    refused(lambda: runner(x=value), "LW3050", "too large")


def test_masked_values_are_missing():
    refused(lambda: plain().run(x=np.ma.array([1.0, 2.0], mask=[0, 1])), "LW3043", "scenario 1")


def test_options_of_the_wrong_type():
    program = plain()
    for options in (
        {"threads": "2"},
        {"threads": 2.5},
        {"lane_width": 2.0},
        {"lane_width": True},
        {"periods": -1},
        {"periods": 2.5},
        {"periods": "12"},
    ):
        refused(lambda options=options: program.bind(**options)(x=1.0), "LW2005")
    refused(lambda: program.bind(outputs=[1]), "LW2005")
    assert list(program.bind(outputs="y")(x=1.0)) == ["y"]
    assert program.bind(threads=10**9)(x=1.0)["y"].tolist() == [0.0, 1.0, 2.0]


def test_an_input_named_self():
    model = lw.series.Model("m", periods=2)
    model.input("self")
    model.formula("y", "self * 2")
    assert float(np.max(model.compile().run(self=3.0)["y"])) == 6.0
    assert float(np.max(model.compile().bind()(self=3.0)["y"])) == 6.0


def test_stream_adds_up_what_the_blocks_change():
    model = lw.series.Model("m", periods=2)
    model.input("x", axes=("point",))
    model.input("r")
    model.output("varies", "x * r", reduce="point")
    model.output("same", "r * 5", reduce="point")
    runner = model.compile().bind()
    x = np.arange(10.0)
    full = runner(x=x, r=2.0)
    parts = runner.stream([{"x": x[:4]}, {"x": x[4:]}], r=2.0)
    assert all(same_bits(full[name], parts[name]) for name in ("varies", "same"))
    refused(lambda: runner.stream([{"x": x, "r": 1.0}], r=2.0), "LW2005", "'r'")


@pytest.mark.parametrize("field", ["periods", "horizon"])
@pytest.mark.parametrize("value", ["x", float("nan"), float("inf"), 2.5])
def test_header_fields_that_are_no_integers(field, value):
    program = plain()
    broken = dataclasses.replace(program, header={**program.header, field: value})
    refused(broken.verify, "LW1007", field)


@pytest.mark.parametrize(
    "line", [".table clamp 0.0 99999999999", '.header "z" 99999999999999999999999']
)
def test_assembly_numbers_that_do_not_fit(line):
    text = plain().dis()
    refused(lambda: assemble(text.replace(".periods 3", f".periods 3\n{line}", 1)), "LW1010")


@pytest.mark.timeout(60, method="thread")
def test_the_reference_keeps_its_deadline():
    model = lw.series.Model("m", periods=300)
    model.input("x", axes=("point",))
    model.formula("y", "prev(y, initial=0.0) + exp(x * t * 0.001)")
    runner = model.compile().bind("reference", limits=Limits(deadline=0.02))
    with pytest.raises(Trap):
        runner(x=np.zeros(6000))


def test_one_long_lane_is_not_refused_for_memory():
    model = lw.series.Model("m")
    model.input("x", axes=("time",))
    for number in range(70):
        model.formula(f"y{number}", f"prev(y{number}, initial=0.0) * 0.5 + x * {number}")
    runner = model.compile().bind(outputs=["y1"], limits=Limits(memory=1 << 30))
    assert runner(x=np.ones(1_000_000))["y1"][-1] == 2.0


@pytest.mark.timeout(60, method="thread")
def test_a_second_interrupt_does_not_leave_threads_behind(ctrl_c):
    frame, ended = Frame(0), []
    frame.shape(1, 128, 2, 1, 2)

    def call(*_):
        while not frame.shared[1]:
            time.sleep(0.001)
        time.sleep(0.3)
        ended.append(True)

    def interrupt(_):
        ctrl_c.press(0.1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        frame.run(SimpleNamespace(call=call, descriptor=0, width=1), 10**12, 2, progress=interrupt)
    assert ended == [True, True]
