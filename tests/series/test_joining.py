"""Running sums that are sums, and factors of one that are none: fewer steps, the same bits."""

import numpy as np
import pytest

import lanework as lw
from lanework.engines.loops import Apply, Fold, Shift
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.data.labels import along
from lanework.machines.series.data.shape import Given
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.native import compiled
from lanework.machines.series.native.lower import lower

SUMS = {
    "forwards": ("prev(v, initial=0) + a * s", "last(v)"),
    "backwards": ("a * s + lead(v, final=0)", "at(v, 0)"),
}
NONE = {
    "another beginning": ("prev(v, initial=1) + a * s", "last(v)"),
    "-0.0": ("prev(v, initial=-0.0) + a * s", "last(v)"),
    "another lag": ("prev(v, 2, initial=0) + a * s", "last(v)"),
    "twice": ("prev(v, initial=0) + a * s", "last(v) + last(v * v)"),
    "a product": ("prev(v, initial=0) * s + a", "last(v)"),
    "itself": ("prev(v, initial=0) + v0 * 0 + prev(v, initial=0)", "last(v)"),
    "not the last": ("prev(v, initial=0) + a * s", "at(v, 2)"),
    "the other end": ("a * s + lead(v, final=0)", "last(v)"),
}


def program_of(formula, end, reduce=(), horizon=False):
    model = lw.series.Model("m", periods=5)
    model.input("a", axes="lane")
    model.input("s", axes="time")
    if horizon:
        model.input("ends", axes="lane")
        model.horizon("ends")
    model.formula("v0", "a + s")
    model.formula("v", formula)
    model.formula("y", end)
    model.output("out", "y", reduce=reduce)
    return model.compile(outputs=["out"])


def steps_of(program, laned=True):
    view = SeriesView.of(program)
    given = tuple(Given("time" in p.axes, laned and "time" not in p.axes) for p in view.inputs)
    nests = lower(view, given, tuple(range(len(view.outputs))))
    nest = (nests.lanes if laned else nests.shared).nest
    return [step for stage in nest.stages for step in stage.steps]


def agree(program, lanes=37, **more):
    rng = np.random.default_rng(lanes)
    given = {"a": along("lane", rng.normal(size=lanes)), "s": rng.normal(size=5), **more}
    given["s"][2] = -0.0
    expected = program.run(engine="reference", **given)
    for engine in ("llvm", "stencil"):
        result = program.bind(engine, cache=False)(**given)
        for name in expected:
            assert same_bits(expected[name], result[name]), (engine, name)


@pytest.mark.parametrize("kind", SUMS)
def test_a_running_sum_whose_end_is_read_is_a_sum(kind):
    program = program_of(*SUMS[kind])
    steps = steps_of(program)
    assert [step.how for step in steps if isinstance(step, Fold)] == ["sum"]
    assert not any(isinstance(step, Shift) for step in steps)
    agree(program)
    agree(program, 1)


@pytest.mark.parametrize("kind", NONE)
def test_what_is_no_sum_stays_as_it_is(kind):
    program = program_of(*NONE[kind])
    steps = steps_of(program)
    assert any(isinstance(step, Shift) for step in steps)
    assert "sum" not in [step.how for step in steps if isinstance(step, Fold)]
    agree(program)


@pytest.mark.parametrize("kind", SUMS)
def test_where_lanes_end_a_lane_without_periods_has_no_last_value(kind):
    program = program_of(*SUMS[kind], horizon=True)
    assert any(isinstance(step, Shift) for step in steps_of(program))
    agree(program, ends=along("lane", np.arange(37.0) % 6))


@pytest.mark.parametrize(("end", "stays"), [("last(v * v)", False), ("last(v)", True)])
def test_what_differs_between_lanes_is_not_multiplied_by_one(end, stays):
    program = program_of("prev(v, initial=1) * s + a", end, "lane").gradient("out")
    steps = steps_of(program)
    ones = {step.target for step in steps if isinstance(step, Apply) and step.op.name == "or"}
    factors = [step for step in steps if isinstance(step, Apply) and ones & {*step.args}]
    assert bool(factors) == stays  # a slope that is the same in all lanes is added up over them
    assert bool(ones) == stays  # and what nobody reads is not computed
    agree(program)
    agree(program, 1)
    agree(program, 37, a=2.0)


def test_what_outputs_are_like_is_found_out_once():
    program = program_of("prev(v, initial=1) * s + a", "last(v * v)", "lane").gradient("out")
    runner = program.bind("stencil")
    for lanes in (70, 0, 3):
        a = along("lane", np.arange(float(lanes))) if lanes else 2.0
        shapes = [runner(a=a, s=np.ones(5))[name].shape for name in ("d_out_d_a", "d_out_d_s")]
        assert shapes == [(lanes,) if lanes else (), (5,)]
    assert len(program.views["outputs"]) == 2  # lanes and none, however many
    bound = runner._bound({"a": along("lane", np.arange(9.0)), "s": np.ones(5)})
    assert [each.shape for each in runner.outputs_of(bound)] == [(), (9,), (5,)]
    assert len(program.views["outputs"]) == 2


def test_work_that_keeps_rows_moves_to_llvm_sooner(monkeypatch):
    monkeypatch.setattr(compiled, "LOADING", 0)
    program = program_of("prev(v, initial=1) * s + a", "last(v * v)")
    worth = {}
    for name, each in (("plain", program), ("gradient", program.gradient("out"))):
        runner = each.bind()
        runner(a=along("lane", np.arange(70.0)), s=np.ones(5))
        (variant,) = runner._executor._variants.values()
        nests = [low.nest for low in (variant.nests.shared, variant.nests.lanes) if low]
        worth[name] = variant.worth / sum(nest.size for nest in nests)
    assert worth["plain"] == compiled.WORTH
    assert worth["gradient"] == pytest.approx(compiled.WORTH / compiled.KEEPING, rel=1e-3)
