"""Lanes by their labels, inputs that are left out, and which lane was stopped."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import refusals
import xarray as xr

from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.core.program.asm import assemble
from lanework.core.program.program import loads
from lanework.machines.register.check.testing import read_tests
from lanework.machines.register.runner import ENGINES

SUM = assemble("add r2, r0, r1\nhalt")
DAYS = pd.date_range("2024-01-30", periods=3)
LABELS = {
    "texts": ["a", "b", "c"],
    "numbers": [30, 10, 20],
    "dates": DAYS,
    "levels": pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)], names=["k", "n"]),
    "zones": pd.date_range("2024", periods=3, tz="Europe/Rome"),
    "intervals": pd.IntervalIndex.from_breaks([0, 1, 2, 3]),
    "durations": pd.to_timedelta([1, 2, 3], "h"),
    "categories": pd.CategoricalIndex(["a", "b", "c"]),
    "truth": [True, False, None],
    "several types": ["a", 1, 2.5],
    "periods": pd.period_range("2024-01", periods=3, freq="M"),
}


def refused(call, *words, code="LW4006"):
    refusals.refused(call, code, *words)


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
@pytest.mark.parametrize("kind", LABELS)
def test_lanes_are_matched_by_labels(kind, engine, tmp_path):
    x = pd.Series([1, 2, 3], index=LABELS[kind])
    y = pd.Series([10, 20, 30], index=x.index)[::-1]
    result = SUM.run(engine=engine, r0=x, r1=y)
    assert result["r2"].tolist() == [11, 22, 33]
    frame = result.to_pandas()
    assert len(frame) == 3
    if kind != "periods":
        assert frame.index.tolist() == x.index.tolist()
    table = {"r0": x, "r1": y} if kind == "several types" else pd.DataFrame({"r0": x, "r1": y})
    assert sorted(SUM.run(table, engine=engine)["r2"]) == [11, 22, 33]
    assert SUM.run({"r0": x}, r1=y)["r2"].tolist() == [11, 22, 33]
    assert len(result.to_polars()) == len(result.to_arrow()) == len(result.to_xarray().r2) == 3
    result.save(tmp_path / "out.csv")
    result.save(tmp_path / "out.json")
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert [line.rpartition(",")[2] for line in rows] == ["r2", "11", "22", "33"]


@pytest.mark.parametrize("count", [3, 40, 1000])
def test_labels_of_many_lanes(count):
    order = np.random.default_rng(count).permutation(count)
    x, y = pd.Series(np.arange(count)), pd.Series(np.arange(count))[order]
    for result in (SUM.run(r0=x, r1=y), SUM.run(r0=y, r1=x)):
        frame = result.to_pandas()["r2"]
        assert (frame.sort_index() == 2 * np.arange(count)).all()


def test_coordinates_are_labels():
    x = xr.DataArray([1, 2], dims="way", coords={"way": ["n", "s"]})
    y = pd.Series([10, 20], index=["s", "n"])
    result = SUM.run(r0=x, r1=y)
    assert result.to_pandas()["r2"].to_dict() == {"n": 21, "s": 12}
    data = xr.Dataset({"r0": x, "r1": x[::-1]})
    assert SUM.run(data).to_pandas()["r2"].to_dict() == {"n": 2, "s": 4}


def test_what_has_no_labels_goes_by_place():
    y = pd.Series([10, 20, 30], index=list("cba"))
    for x in ([1, 2, 3], np.arange(1, 4), pl.Series([1, 2, 3]), (1, 2, 3)):
        result = SUM.run(r0=x, r1=y)
        assert result.to_pandas()["r2"].to_dict() == {"c": 11, "b": 22, "a": 33}
    assert SUM.run(r0=5, r1=y).to_pandas()["r2"].to_dict() == {"c": 15, "b": 25, "a": 35}
    assert SUM.run(r0=pd.Series([1, 2]), r1=1).coords == {}
    refused(lambda: SUM.run(r0=pd.Series([1, 2, 3]), r1=y), "has no 'c'")  # it counts from 0
    three = assemble("add r3, r0, r1\nadd r3, r3, r2\nhalt")
    refused(lambda: three.run(r0=y, r1=y[::-1], r2=[1, 2, 3]), "'r2' has no labels")
    assert three.run(r0=y, r1=y[::-1], r2=7)["r3"].tolist() == [27, 47, 67]


@pytest.mark.parametrize(
    ("index", "said"),
    [(["a", "b", "d"], "'d'"), (["a", "b"], "'c'"), (["a", "b", "c", "d"], "'d'"),
     (["b", "a", "a"], "'c'"), ([1, 2, 3], "'a'"), (["A", "b", "c"], "'A'"), (DAYS, "'a'")],
)  # fmt: skip
def test_other_labels_are_refused(index, said):
    x = pd.Series([1, 2, 3], index=list("abc"))
    y = pd.Series(np.arange(len(index)), index=index)
    refused(lambda: SUM.run(r0=x, r1=y), "input 'r1'", said, "lane")
    refused(lambda: SUM.run(r0=y, r1=x), "input 'r1'", "lane")


def test_labels_that_are_there_twice():
    x = pd.Series([1, 2, 3], index=list("aab"))
    assert SUM.run(r0=x, r1=x)["r2"].tolist() == [2, 4, 6]
    refused(lambda: SUM.run(r0=x, r1=x[::-1]), "'a'", "more than once")
    shifted = pd.Series([1, 2, 3], index=[1, 2, 3])  # an index that counts from 0 has no 3
    refused(lambda: SUM.run(r0=shifted, r1=pd.Series([1, 2, 3])), "'r1'", "has no 3")


# Left out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_inputs_are_given(engine):
    declared = assemble('.input "n" r0\n.input "m" r1 f64\nmov r2, r0\nmov r0, 5\nhalt')
    for program, given, name in (
        (SUM, {"r0": 1}, "'r1'"),
        (SUM, {}, "'r0'"),
        (declared, {"n": 1}, "'m'"),
        (declared, {"m": [1.0, 2.0]}, "'n'"),
        (assemble("load.d r0, [r1 + 8]\nhalt"), {}, "'r1'"),
        (assemble("beq r4, zero, .x\n.x: halt"), {}, "'r4'"),
    ):
        runner = program.bind(engine)
        refused(lambda r=runner, g=given: r(**g), name, "not given", ".input", code="LW4016")
    refused(lambda: SUM.bind(engine).function("r0"), "'r1'", code="LW4016")
    refused(lambda: declared.bind(engine).function("m", output="r2"), "no port")


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [("u64", "0", 0), ("u64", "7", 7), ("u64", "0x10", 16), ("i64", "-3", -3), ("f64", "0.5", 0.5),
     ("f64", "-0.0", -0.0), ("f64", "1", 1.0), ("u64", "-1", 2**64 - 1), ("f64", "inf", np.inf)],
)  # fmt: skip
def test_defaults(engine, dtype, text, value):
    source = f".input r0 {dtype} = {text}\n.output r1 {dtype}\nmov r1, r0\nmov r0, 9\nhalt"
    program = assemble(source)
    assert assemble(program.dis()).hash == program.hash
    again = loads(bytes(program))
    for each in (program, again):
        runner = each.bind(engine)
        for got in (runner()["r1"], runner.function()()):
            assert (
                np.asarray(got, f"{dtype[0]}8").tobytes()
                == np.asarray(value, f"{dtype[0]}8").tobytes()
            )
    extra = assemble(source.replace(".output", ".input r3\n.output").replace("mov r0, 9", "nop"))
    lanes = extra.run(engine=engine, r3=np.arange(40))["r1"]
    assert (lanes.view("u8") == np.full(40, value, f"{dtype[0]}8").view("u8")).all()
    assert extra.run(engine=engine, r3=1, r0=1)["r1"] == 1


@pytest.mark.parametrize(
    "line",
    [".input r0 =", ".input r0 = 1 2", ".output r0 = 1", ".input r0 = 0.5", ".input r0 i64 = x",
     ".input r0 = 18446744073709551615", ".input r0 i64 = 9223372036854775808", ".input = 1",
     ".input r0 f64 = one", ".input r0 = 1 f64"],
)  # fmt: skip
def test_defaults_that_are_none(line):
    refused(lambda: assemble(f"{line}\nhalt"), "1", code="LW1010")


def test_scratch_registers_begin_as_zeros():
    total = assemble(".next: add r1, r1, r0\nsubi r0, r0, 1\nbne r0, zero, .next\nhalt")
    assert total.run(r0=4)["r1"] == 10
    assert loads(bytes(total)).run(r0=4)["r1"] == 10
    assert assemble(total.dis()).run(r0=4)["r1"] == 10


# Stopped ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
@pytest.mark.parametrize("count", [3, 40])
def test_a_trap_says_in_which_lane(engine, count):
    divide = assemble("div r2, r0, r1\nhalt")
    by = np.ones(count, int)
    by[2] = 0
    labels = [f"row {n}" for n in range(count)]
    for given, said in ((by, "in lane 2"), (pd.Series(by, index=labels), "in lane 2 ('row 2')")):
        with pytest.raises(Trap) as caught:
            divide.run(engine=engine, r0=1, r1=given)
        assert caught.value.message.endswith(said)
        assert caught.value.lane == 2
        assert caught.value.code.ident == "LW4011"
        assert caught.value.instruction == 0
    with pytest.raises(Trap) as caught:
        divide.run(engine=engine, r0=1, r1=0)
    assert "lane" not in caught.value.message
    count_down = assemble(".l: subi r0, r0, 1\nbne r0, zero, .l\nhalt")
    with pytest.raises(Trap, match=r"fuel of 3 .* in lane 1") as caught:
        count_down.run(engine=engine, limits=Limits(fuel=3), r0=np.full(count, 3))
    assert caught.value.lane == 1


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_functions_of_several_outputs_say_which(engine):
    runner = assemble("div r2, r0, r1\nmod r3, r0, r1\nhalt").bind(engine)
    refused(lambda: runner.function("r0", "r1"), "r2, r3", "output='r2'")
    assert runner.function("r0", "r1", output="r3")(7, 4) == 3
    refused(lambda: runner.function("r0", "r0", output="r3"), "twice")
    refused(lambda: assemble("nop\nhalt").bind(engine).function(), "no output")


# Floats in texts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
@pytest.mark.parametrize(
    "text", ["0.5", "-0.1", "1", "1e300", "-0.0", "inf", "nan", ".5", "5e-324"]
)
def test_bits_of_floats(engine, text):
    value = np.float64(text)
    for line in (
        f"mov r7, f64:{text}\nhalt",
        f"load.d r7, [x]\nhalt\n.data\nx: .quad f64:{text}",
        f"load.d r7, [x]\nhalt\n.data\nx: .double {text}",
    ):
        program = assemble(f".output r7 f64\n{line}")
        assert program.run(engine=engine)["r7"].tobytes() == value.tobytes()
        assert assemble(program.dis()).hash == program.hash


@pytest.mark.parametrize("text", ["0.5", "-0.1", "1e3", ".5", "1.", "+2.5"])
def test_a_float_where_bits_are_meant_says_how_to_write_it(text):
    for line in (f"mov r7, {text}", f"addi r7, r7, {text}", f".data\n.quad {text}"):
        refused(lambda n=line: assemble(f"{n}\nhalt"), f"f64:{text}", code="LW1010")


@pytest.mark.parametrize("text", ["f64:", "f64:x", "f64:1e400", "f64:0x1p3", "0x", "5x"])
def test_what_is_no_float(text):
    refused(lambda: assemble(f"mov r7, {text}\nhalt"), text[4:] or text, code="LW1010")


@pytest.mark.parametrize(
    "text", ["9007199254740993", "-9007199254740993", "1" * 40, "+36028797018963969"]
)
def test_whole_numbers_that_no_float_is_are_refused(text):
    for line in (f"mov r7, f64:{text}\nhalt", f".data\n.double {text}",
                 f".input r0 f64 = {text}\nmov r1, r0\nhalt"):  # fmt: skip
        refused(lambda n=line: assemble(n), "nearest", f"{float(text):.0f}.0", code="LW1010")
    assemble(f".output r7 f64\nmov r7, f64:{text}.0\nhalt").run()


def test_test_lines_hold_what_is_written():
    tests = "; @test: r0=1e400 -> r1=inf"
    refused(lambda: read_tests(tests, "test"), "cannot be read", code="LW4020")
    assert read_tests(tests.replace("1e400", "inf"), "test")
