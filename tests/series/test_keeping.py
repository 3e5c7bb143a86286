"""What walks keep for each other: the cheapest choice, and the same bits whatever it is."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest

import lanework as lw
from lanework.core.ops.table import ARITH
from lanework.engines.llvm.values import Kept
from lanework.engines.loops import READS, Apply
from lanework.engines.native import Frame, address
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.data.labels import along
from lanework.machines.series.data.lanes import add_units
from lanework.machines.series.data.shape import Given
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.native import keeping
from lanework.machines.series.native.lower import lower

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2] / "examples/projfin40.series"
FORMULAS = {
    "straight": ("prev(v, initial=a) * (1 + r) - max(prev(v, initial=a) - b, 0) * s", "last(v)"),
    "costly": ("exp(prev(v, initial=a) / b) * s + sqrt(abs(r)) / (1 + s)", "total(v * v)"),
    "lags": (
        "prev(v, 6, initial=a) * s + prev(v, initial=b) * r + min(s, r)",
        "total(v) + max(a, b)",
    ),
    "ahead": ("lead(v, final=b) * (1 - r) + s * a", "total(v * prev(v, initial=0) * s)"),
    "branches": ("where(prev(v, initial=a) > b, prev(v, initial=a) * r, s + a)", "maximum(v)"),
    "clock": ("prev(v, initial=a) + where(t < periods - 2, s * t, r)", "total(v * t) / b"),
}


def build(formula, end, horizon=False):
    model = lw.series.Model("m", periods=12)
    for name in "abr":
        model.input(name, axes="lane")
    model.input("s", axes="time")
    if horizon:
        model.input("ends", axes="lane")
        model.horizon("ends")
    model.formula("v", formula)
    model.formula("y", end)
    return model.compile(outputs=["y"]).gradient("y", [*"abrs"])


def inputs(lanes, horizon=False):
    rng = np.random.default_rng(lanes)
    given = {name: along("lane", rng.uniform(0.5, 1.5, lanes)) for name in "abr"}
    given["s"] = rng.uniform(0.1, 0.9, 12)
    if horizon:
        given["ends"] = along("lane", rng.integers(0, 13, lanes).astype(float))
    return given


@pytest.mark.parametrize("kept", [0, 3, 40, 1000])
@pytest.mark.parametrize("horizon", [False, True])
@pytest.mark.parametrize("kind", FORMULAS)
def test_the_same_bits_whatever_is_kept(kind, horizon, kept, monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", kept)
    program = build(*FORMULAS[kind], horizon)
    for lanes in (1, 37):
        given = inputs(lanes, horizon)
        expected = program.run(engine="reference", **given)
        for engine in ("llvm", "stencil"):
            result = program.bind(engine, cache=False)(**given)
            for name in expected:
                assert same_bits(expected[name], result[name]), (engine, name)


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("kind", ["straight", "branches", "clock", "ahead"])
def test_flags_are_kept_as_bits(kind, width):
    for horizon in (False, True):
        program, given = build(*FORMULAS[kind], horizon), inputs(131, horizon)
        expected = program.run(engine="reference", **given)
        result = program.bind("llvm", lane_width=width, cache=False)(**given)
        for name in expected:
            assert same_bits(expected[name], result[name]), (horizon, name)


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
def test_what_is_kept_has_room_of_its_own(width, monkeypatch):
    nest = nest_of(project(), 0, monkeypatch)
    kept = Kept(nest, width)
    assert len(kept.flags) >= 8 or width == 1
    taken = sorted(
        (place, place + (kept.bits // 8 if value in kept.flags else 8 * width))
        for value, place in kept.offsets.items()
    )
    assert set(kept.offsets) == set(nest.saved)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(taken))
    assert taken[-1][1] <= 8 * kept.size
    assert kept.size % width == 0
    assert kept.size <= width * (len(nest.saved) - len(kept.flags) + 8 / width + 1)


def nest_of(program, kept, monkeypatch, laned=True):
    """The nest over lanes of a gradient, scalars given by lane and series the same for all."""
    monkeypatch.setattr(keeping, "KEPT", kept)
    program.views.pop("nests", None)
    view = SeriesView.of(program)
    given = tuple(Given("time" in p.axes, laned and "time" not in p.axes) for p in view.inputs)
    nests = lower(view, given, tuple(range(len(view.outputs))))
    nest = (nests.lanes if laned else nests.shared).nest
    program.views.pop("nests", None)
    return nest


def project():
    return lw.series.load_model(PROJECT).compile(outputs=["npv_end"]).gradient("npv_end")


@pytest.mark.parametrize("laned", [False, True])
def test_a_gradient_keeps_less_than_crosses(laned, monkeypatch):
    program = project()
    rows = [len(nest_of(program, kept, monkeypatch, laned).saved) for kept in (0, 3, 6, 1000)]
    assert rows == sorted(rows, reverse=True)
    assert rows[1] <= 20
    assert rows[0] >= 30


@pytest.mark.parametrize("kept", [0, 3, 1000])
def test_nothing_is_computed_that_nothing_reads(kept, monkeypatch):
    nest = nest_of(project(), kept, monkeypatch)
    steps = [step for stage in nest.stages for step in stage.steps]
    read = {row for step in steps for row in READS[type(step)](step)}
    read |= {store.value for store in nest.stores}
    assert all(step.target in read for step in steps if isinstance(step, Apply))
    assert len({step.target for step in steps}) == len(steps)


@pytest.mark.parametrize("seed", range(80))
def test_the_choice_is_the_cheapest(seed, monkeypatch):
    """Of all there are, and of those that cost as much it computes the least again."""
    rng = random.Random(seed)
    monkeypatch.setattr(keeping, "KEPT", rng.choice([3, 4, 7]))
    leaves, count = rng.randint(1, 4), rng.randint(2, 8)
    home = dict.fromkeys(range(leaves + count), 0)
    cheap = {
        value: Apply(value, ARITH[op], tuple(rng.randrange(-2, value) for _ in range(2)))
        for value in range(leaves, leaves + count)
        for op in rng.choices(["add", "mul", "min", "max"])
    }  # what is below 0 is there anyway
    wanted = rng.sample([*home], rng.randint(1, len(home)))
    bound = rng.sample([*home], rng.randint(0, 2))
    chosen = keeping._Closure(cheap, home, wanted, bound).choose()
    assert not chosen & {*bound}
    prices = {
        again: price(cheap, home, wanted, bound, {*again})
        for some in range(count + 1)
        for again in itertools.combinations(cheap, some)
    }
    least = min(prices.values())
    assert price(cheap, home, wanted, bound, chosen) == least
    assert len(chosen) <= min(len(again) for again, cost in prices.items() if cost == least)


def price(cheap, home, wanted, bound, again):
    """What it costs to have what is wanted, these being computed again."""
    there, cost = {*bound}, 0
    stack = [*wanted, *again]
    while stack:
        value = stack.pop()
        if value in there:
            continue
        there.add(value)
        if value in again:
            cost += cheap[value].op.graph("f64").cost
            stack += [arg for arg in cheap[value].args if arg in home]
        else:
            cost += keeping.KEPT
    return cost


def test_what_is_met_last_is_not_looked_for(monkeypatch):
    """What ends in period 0 is what the walk backwards ends with, and sums are sums."""
    nest = nest_of(project(), 3, monkeypatch)
    folds = [step for stage in nest.stages for step in stage.steps if hasattr(step, "how")]
    assert len(folds) > 10
    assert {fold.how for fold in folds} == {"sum"}
    model = lw.series.Model("m", periods=12)
    model.input("a")
    model.formula("v", "lead(v, final=1) * a")
    model.formula("y", "at(v, 0)")
    nest = nest_of(model.compile(outputs=["y"]), 3, monkeypatch)
    folds = [step for stage in nest.stages for step in stage.steps if hasattr(step, "how")]
    assert [fold.how for fold in folds] == ["last"]


def test_scratch_memory_begins_on_a_line():
    for doubles in (1, 100, 1000, 100_000):
        frame = Frame(3)
        frame.shape(4, 64, 1, doubles, 2)
        assert [address(memory) % 64 for memory in frame.scratch] == [0, 0]
        assert all(len(memory) == doubles for memory in frame.scratch)


@pytest.mark.parametrize(
    "shape", [(1,), (70,), (70, 1), (70, 31), (70, 32), (1, 32), (9, 360), (4000, 33), (2, 9000)]
)
def test_totals_of_units_are_added_in_order(shape):
    rng = np.random.default_rng(len(shape))
    partials = rng.normal(size=shape) * 10.0 ** rng.integers(-8, 8, shape)
    partials[0] = -0.0
    partials[..., -1:] = -0.0
    expected = np.zeros(shape[1:])
    for unit in partials:
        expected = expected + unit
    assert same_bits(add_units(partials.copy()), expected)
    assert same_bits(add_units(np.asfortranarray(partials)), expected)


@pytest.mark.parametrize("engine", ["reference", "stencil", "llvm"])
def test_totals_of_runs_are_added_in_order(engine):
    """Lanes in units of 64, of which every sixteenth is added to one of 16 totals."""
    m = lw.series.Model("m", periods=1)
    m.input("x", axes="lane")
    m.formula("y", "last(x)")
    m.output("all", "y", reduce="lane")
    rng = np.random.default_rng(5)
    x, total = rng.normal(size=64 * 300), 0.0
    for unit in x.reshape(-1, 4, 16):
        parts = [((a + b) + c) + d for a, b, c, d in unit.T.tolist()]
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [a + b for a, b in zip(parts[:half], parts[half:], strict=True)]
        total += parts[0]
    assert float(m.compile(outputs=["all"]).run(engine=engine, x=x)["all"]) == total
