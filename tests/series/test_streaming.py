"""Streams of blocks: what they add up, under which limits, and what they refuse."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits


def owed():
    model = lw.series.Model("owed", periods=12)
    model.input("rate")
    model.input("count", axes="point")
    model.formula("debt", "prev(debt, initial=100.0) * (1 + rate)")
    model.formula("owed", "last(debt) * count")
    model.output("owed", reduce=("point",))
    return model.compile(outputs=["owed"])


BLOCKS = [{"count": np.arange(64.0)}, {"count": np.arange(64.0, 100.0)}]
WHOLE = float((np.arange(100.0) * 100.0 * 1.5**12).sum())


def test_plain_columns_lie_along_the_axis_of_the_stream():
    """Also those of inputs that declare no axis."""
    blocks = [{**block, "rate": np.full(len(block["count"]), 0.5)} for block in BLOCKS]
    result = owed().bind().stream(blocks, axis="point")
    assert float(result["owed"]) == pytest.approx(WHOLE, rel=1e-13)


def test_what_the_blocks_cost_is_added_up():
    runner = owed().bind()
    parts = [runner(rate=0.5, **block).stats["fuel"] for block in BLOCKS]
    stats = runner.stream(BLOCKS, rate=0.5).stats
    assert stats["fuel"] == sum(parts)
    assert stats["lanes"] == 100
    assert stats["code_seconds"] > 0


def test_fuel_is_that_of_all_blocks():
    program = owed()
    needed = program.bind().stream(BLOCKS, rate=0.5).stats["fuel"]
    enough = program.bind(limits=Limits(fuel=needed)).stream(BLOCKS, rate=0.5)
    assert float(enough["owed"]) == pytest.approx(WHOLE, rel=1e-13)
    with pytest.raises(Trap, match="fuel"):
        program.bind(limits=Limits(fuel=needed - 1)).stream(BLOCKS, rate=0.5)


@pytest.mark.timeout(60, method="thread")
def test_the_deadline_is_that_of_all_blocks():
    def endless():
        while True:
            yield BLOCKS[0]

    with pytest.raises(Trap, match="deadline"):
        owed().bind(limits=Limits(deadline=0.2)).stream(endless(), rate=0.5)


@pytest.mark.parametrize(
    ("blocks", "options", "words"),
    [
        (BLOCKS, {"axis": "scenario"}, "no output is summed over 'scenario'"),
        (BLOCKS, {"axis": "scenario", "sink": lambda _: None}, "'count' is over point"),
        ([[1.0, 2.0]], {}, "a block is a list, which is no table"),
        ([{"count": np.ones(2), "rate": 0.1}], {}, "'rate' is given for every block"),
    ],
)
def test_streams_that_make_no_sense_are_refused(blocks, options, words):
    with pytest.raises(Diagnostic, match=words):
        owed().bind().stream(blocks, **options, rate=0.5)


def kept():
    model = lw.series.Model("kept", periods=2)
    model.input("x", axes="point")
    model.input("c")
    model.formula("y", "x * 2")
    model.formula("z", "x + t")
    model.formula("level", "c + t")
    model.formula("sum_x", "x * 1")
    model.output("sum_x", reduce="point")
    for name in ("y", "z", "level"):
        model.output(name)
    return model.compile()


PIECES = [{"x": np.arange(3.0)}, {"x": np.arange(3.0, 5.0)}]


@pytest.mark.parametrize("outputs", [None, ["y"], ["sum_x", "z"], ["y", "level", "sum_x"]])
def test_outputs_that_nobody_would_get_are_refused(outputs):
    with pytest.raises(Diagnostic, match="has a value a lane") as caught:
        kept().bind(outputs=outputs).stream(PIECES, c=1.0)
    assert caught.value.code.ident == "LW2005"
    assert "sink" in caught.value.help


def test_outputs_that_do_not_depend_on_the_axis_come_out():
    program = kept()
    seen = []
    for outputs, sink in ((["level", "sum_x"], None), (None, seen.append)):
        result = program.bind(outputs=outputs).stream(PIECES, sink=sink, c=1.0)
        assert set(result) == {"level", "sum_x"}
        assert result["level"].tolist() == [1.0, 2.0]
        assert float(result["sum_x"]) == 10.0
    assert [block["y"].tolist() for block in seen] == [[0.0, 2.0, 4.0], [6.0, 8.0]]
    blocks = [{**piece, "c": float(n)} for n, piece in enumerate(PIECES)]
    with pytest.raises(Diagnostic, match="'level' is not along 'point', and is another"):
        program.bind(outputs=["level", "sum_x"]).stream(blocks)


@pytest.mark.parametrize("name", ["engine", "limits", "axis", "sink"])
def test_inputs_are_not_named_like_options_of_a_call(name):
    with pytest.raises(Diagnostic, match="option of that name"):
        lw.series.Model("m").input(name)


@pytest.mark.parametrize("z", [[5.0, 6.0], np.array([5.0, 6.0]), lw.series.along("point", [5, 6])])
def test_what_is_over_the_lanes_of_the_stream_comes_in_its_blocks(z):
    """Two values for two blocks of two lanes would be those of each block again."""
    model = lw.series.Model("m", periods=1)
    model.input("x", axes="point")
    model.input("z", axes="point")
    model.formula("y", "x * 10 + z")
    model.output("y", reduce=("point",))
    blocks = [{"x": np.array([1.0, 2.0])}, {"x": np.array([3.0, 4.0])}]
    runner = model.compile(outputs=["y"]).bind()
    with pytest.raises(Diagnostic, match=r"input 'z' is over 'point'.*every block"):
        runner.stream(blocks, axis="point", z=z)
    assert float(runner.stream(blocks, axis="point", z=1.0)["y"]) == 104.0


def blocks_of(kind):
    frames = [pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"a": [3.0]}, index=[2])]
    return {
        "dicts": lambda: [{"a": np.array([1.0, 2.0])}, {"a": [3.0]}],
        "frames": lambda: frames,
        "generator": lambda: (frame for frame in frames),
        "arrow": lambda: pa.table({"a": [1.0, 2.0, 3.0]}).to_batches(max_chunksize=2),
        "polars": lambda: [pl.DataFrame({"a": [1.0, 2.0, 3.0]})],
        "records": lambda: [np.array([(1.0,), (2.0,), (3.0,)], [("a", "f8")])],
    }[kind]()


@pytest.mark.parametrize("kind", ["dicts", "frames", "generator", "arrow", "polars", "records"])
@pytest.mark.parametrize("engine", ["reference", "stencil", "llvm"])
def test_blocks_are_tables_of_any_kind(kind, engine):
    model = lw.series.Model("m", periods=1)
    model.input("a", axes="point")
    model.input("r")
    model.formula("y", "a * r")
    model.output("y", reduce="point")
    run = model.compile().bind(engine)
    assert run.stream(blocks_of(kind), axis="point", r=2.0)["y"] == 12.0
    for wrong in (pd.DataFrame({"a": [1.0]}), {"a": [1.0]}, "points.csv", 5, None):
        with pytest.raises(lw.Diagnostic, match="and not as several tables") as caught:
            run.stream(wrong, axis="point", r=2.0)
        assert caught.value.code.ident == "LW2005"
    with pytest.raises(lw.Diagnostic, match="a block is a int, which is no table"):
        run.stream([1, 2], axis="point", r=2.0)
