"""Two blocks of lanes in the same walks: the same bits as one after the other, and it is done."""

import numpy as np
import pytest

import lanework as lw
from lanework.engines.llvm import jit, steps
from lanework.engines.llvm import nest as llvm_nest
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.data.labels import along


def build():
    model = lw.series.Model("jam", periods=40)
    model.input("rate", axes="point")
    model.input("start", axes="point")
    model.input("season", axes="time")
    model.formula("grown", "prev(grown, initial=start) * (1 + rate * season)")
    model.formula("slow", "prev(slow, initial=1.0) * 0.5 + max(grown - 100, 0)")
    model.formula("both", "grown * season - slow")
    model.formula("ends", "last(both)")
    model.formula("sums", "total(slow)")
    model.formula("summed", "both * 1.0")
    model.output("summed", reduce=("point",))
    return model.compile(outputs=["ends", "sums", "both", "summed"])


@pytest.mark.parametrize("lanes", [64, 65, 80, 95, 96, 97, 127, 128, 200, 1000])
@pytest.mark.parametrize("width", [8, 16])
def test_the_same_bits_as_the_reference(lanes, width, monkeypatch):
    jammed = []
    real = llvm_nest.jam
    monkeypatch.setattr(llvm_nest, "jam", lambda *args: jammed.append(args[1]) or real(*args))
    rng = np.random.default_rng(lanes)
    given = {
        "rate": along("point", rng.uniform(-0.01, 0.05, lanes)),
        "start": along("point", rng.uniform(50, 150, lanes)),
        "season": rng.uniform(0.5, 1.5, 40),
    }
    program = build()
    expected = program.run(engine="reference", **given)
    for threads in (1, 2):
        runner = program.bind("llvm", lane_width=width, threads=threads, cache=False)
        result = runner(**given)
        for name in expected:
            assert same_bits(expected[name], result[name]), name
    assert jammed


def build_gradient():
    model = lw.series.Model("jam", periods=40)
    model.input("rate", axes="point")
    model.input("start", axes="point")
    model.input("season", axes="time")
    model.formula("grown", "prev(grown, initial=start) * (1 + rate * season)")
    model.formula("slow", "prev(slow, initial=1.0) * 0.5 + max(grown - 100, 0) / (1 + rate)")
    model.formula("late", "min(grown * slow, prev(grown, 6) * prev(late, 6, initial=1.0))")
    model.formula("ends", "last(late) + total(slow * grown)")
    model.output("summed", "ends", reduce=("point",))
    return model.compile(outputs=["summed"]).gradient("summed")


@pytest.mark.parametrize("lanes", [64, 65, 72, 73, 120, 127, 128, 200, 1000])
@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize("registers", [16, 32])
def test_walks_there_and_back_have_the_same_bits(lanes, width, registers, monkeypatch):
    """In two blocks at once with many registers, with steps in another order with few."""
    jammed, sorted_ = [], []
    real, order = llvm_nest.jam, steps.in_order
    monkeypatch.setattr(jit, "vector_registers", lambda: registers)
    monkeypatch.setattr(llvm_nest, "jam", lambda *args: jammed.append(args[1]) or real(*args))
    monkeypatch.setattr(steps, "in_order", lambda stage: sorted_.append(1) or order(stage))
    rng = np.random.default_rng(lanes)
    given = {
        "rate": along("point", rng.uniform(-0.01, 0.05, lanes)),
        "start": along("point", rng.uniform(50, 150, lanes)),
        "season": rng.uniform(0.5, 1.5, 40),
    }
    program = build_gradient()
    expected = program.run(engine="reference", **given)
    runner = program.bind("llvm", lane_width=width, cache=False)
    for _ in range(2):  # the second with what the first left in its memory
        result = runner(**given)
        for name in expected:
            assert same_bits(expected[name], result[name]), name
    both = width == 8 and registers == 32
    assert [len(walks) for walks in jammed] == [2] * both
    assert bool(sorted_) == (both or registers == 16)
