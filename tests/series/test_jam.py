"""Two blocks of lanes in one walk: the same bits as one after the other, and it is done."""

import numpy as np
import pytest

import lanework as lw
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
