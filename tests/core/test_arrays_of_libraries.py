"""Arrays and tables of other libraries: taken exactly, or refused with a sentence."""

import array
import datetime
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import refusals
import xarray as xr

import lanework as lw
from lanework.core.codes import BAD_ARGUMENT
from lanework.core.data.values import DTYPES, Given, exactly

LARGE = 2**53 + 1
GIVEN = Given("input 'x'", BAD_ARGUMENT)
FLOATS = lw.register.assemble('.input "x" r0 f64\n.output "x" r0 f64\nhalt')
WORDS = lw.fleet.assemble(".buffer x, 0, 2, inout\nHALT")
SERIES = lw.series.read_model("x = input()\ny = x\noutput(y)").compile().bind(periods=1)
INTEGERS = lw.fleet.assemble(".buffer x, 0, 2, inout, i32\nHALT")

MISSING = {
    "Int64": pd.Series([1, None], dtype="Int64"),
    "large Int64": pd.Series([LARGE, None], dtype="Int64"),
    "UInt8": pd.Series([1, None], dtype="UInt8"),
    "Float64": pd.Series([1.5, None], dtype="Float64"),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "pyarrow": pd.Series([1, None], dtype="int64[pyarrow]"),
    "index": pd.Index([1, None], dtype="Int64"),
    "array": pd.array([1, None], dtype="Int64"),
    "categories": pd.Series([1, None], dtype="category"),
    "objects": pd.Series([1, pd.NA], dtype=object),
    "arrow": pa.array([1, None]),
    "chunks": pa.chunked_array([[1], [None]]),
    "polars": pl.Series([1, None]),
    "Int128": pl.Series([1, None], dtype=pl.Int128),
    "masked": np.ma.masked_array([1, 2], [0, 1]),
    "list": [1, None],
    "list of NA": [1, pd.NA],
}


@pytest.mark.parametrize("kind", MISSING)
def test_what_is_missing_is_refused(kind):
    for dtype in DTYPES:
        refusals.refused(lambda d=dtype: exactly(MISSING[kind], d, GIVEN), "LW8001", "'x' at 1")
    for program, code in ((FLOATS, "LW4006"), (WORDS, "LW6010"), (INTEGERS, "LW6010")):
        refusals.refused(lambda p=program: p.run(x=MISSING[kind]), code, "'x' at 1", "missing")
        table = {"x": MISSING[kind]}
        refusals.refused(lambda p=program, t=table: p.run(t), code, "'x' at 1", "missing")
    for call in (lambda: SERIES(x=MISSING[kind]), lambda: SERIES({"x": MISSING[kind]})):
        if kind == "large Int64":  # which comes first, and is no float either
            refusals.refused(call, "LW3050", "'x' at 0", str(LARGE))
        else:
            refusals.refused(call, "LW3043", "'x'", "at scenario 1")


@pytest.mark.parametrize(
    "dtype", ["Int8", "UInt64", "Float32", "boolean", "int64[pyarrow]", "float"]
)
def test_what_is_not_missing_is_taken(dtype):
    series = pd.Series([1, 0], dtype=dtype)
    assert FLOATS.run(x=series)["x"].tolist() == [1.0, 0.0]
    assert WORDS.run(x=series)["x"].tolist() == INTEGERS.run(x=series)["x"].tolist() == [1, 0]
    nothing = pd.Series([1.0, np.nan])  # a float like others
    assert np.isnan(FLOATS.run(x=nothing)["x"][1])


EXACT = {
    "Int64": pd.Series([LARGE, 1], dtype="Int64"),
    "int64": pd.Series([LARGE, 1]),
    "arrow": pa.array([LARGE, 1]),
    "polars": pl.Series([LARGE, 1]),
    "Int128": pl.Series([2**100 + 1, 1], dtype=pl.Int128),
    "list beside a float": [LARGE, 0.5],
    "decimals": [Decimal(LARGE), Decimal(1)],
    "Decimal": pl.Series([Decimal(LARGE), Decimal(1)], dtype=pl.Decimal(38, 0)),
    "objects": np.array([LARGE, 0.5], object),
    "masked": np.ma.array([LARGE, 1]),
    "too large": [Decimal("1e400"), 1],
    "too small": [Decimal("-1e400"), 1],
    "a signal": [Decimal("sNaN"), 1],
    "a large fraction": [Fraction(10**400), 1],
}


@pytest.mark.parametrize("kind", EXACT)
def test_whole_numbers_are_not_rounded(kind):
    for program, code in ((FLOATS, "LW4006"), (WORDS, "LW6010")):
        refusals.refused(lambda p=program: p.run(x=EXACT[kind]), code, "'x' at 0", "does not have")
    refusals.refused(lambda: SERIES(x=EXACT[kind]), "LW3050", "'x' at 0", "does not have")
    refusals.refused(lambda: SERIES({"x": EXACT[kind]}), "LW3050", "'x' at 0", "does not have")
    assert SERIES(x=EXACT[kind][1:])["y"].tolist() in ([1.0], [0.5])


SQUARE = lw.fleet.assemble(".buffer x, 0, 4, inout\nHALT")
FRAMES = {
    "pandas": pd.DataFrame({"a": [1, 2], "b": [0.5, 4]}),
    "extension": pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": [0.5, 4]}),
    "polars": pl.DataFrame({"a": [1, 2], "b": [0.5, 4]}),
    "arrow": pa.table({"a": [1, 2], "b": [0.5, 4]}),
    "batch": pa.record_batch({"a": [1, 2], "b": [0.5, 4]}),
    "xarray": xr.DataArray([[1, 0.5], [2, 4]], dims=("r", "c"), coords={"c": ["a", "b"]}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_tables_are_arrays_of_two_axes(kind):
    result = SQUARE.run(x=FRAMES[kind])
    assert result["x"].tolist() == [[1, 0.5], [2, 4]]
    assert result.coords["x_1"].tolist() == ["a", "b"]
    refusals.refused(lambda: FLOATS.run(x=FRAMES[kind]), "LW4006", "shape (2, 2)")


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame({"a": [2**24 + 1, 2], "b": [0.5, 4]}),
     pl.DataFrame({"a": [2**24 + 1], "b": [0.5]}),
     pa.table({"a": [2**24 + 1, 2], "b": [0.5, 4]}), pl.DataFrame({"a": [None, 1], "b": [1, 2]}),
     pa.table({"a": [None, 1], "b": [1, 2]}), pd.DataFrame({"a": pd.array([None, 1], "Int64")})],
)  # fmt: skip
def test_no_column_of_a_table_rounds_another(frame):
    refusals.refused(lambda: SQUARE.run(x=frame), "LW6010", "'x' at (0, 0)")


LEVELS = pd.MultiIndex.from_product([[0, 1], ["a", "b"]], names=["time", "scenario"])
TIMED = lw.series.read_model("x = input(axes='time')\ny = x\noutput(y)").compile().bind(periods=2)


@pytest.mark.parametrize("large", [LARGE, -LARGE, 2**63 - 1])
@pytest.mark.parametrize(
    "held",
    [lambda x: pd.DataFrame({"a": [x, 1], "b": [0.5, 1.5]}),
     lambda x: pd.DataFrame({"a": pd.array([x, 1], "Int64"), "b": [0.5, 1.5]}),
     lambda x: pd.DataFrame({"time": [0, 1], "a": [x, 1], "b": [0.5, 1.5]}),
     lambda x: pd.DataFrame({"time": [0, 1], "x": [x, 1]}),
     lambda x: pl.DataFrame({"a": [x, 1], "b": [0.5, 1.5]}),
     lambda x: pl.DataFrame({"time": [0, 1], "a": [x, 1], "b": [0.5, 1.5]}),
     lambda x: pa.table({"a": [x, 1], "b": [0.5, 1.5]}),
     lambda x: pd.Series([x, 1], index=pd.Index([0, 1], name="time")),
     lambda x: pd.Series([x, 0.5, 1, 2], index=LEVELS, dtype=object),
     lambda x: pd.Series([x, 0, 1, 2], index=LEVELS, dtype="Int64"),
     lambda x: np.ma.array([x, 1]), lambda x: np.ma.array([[x, 1], [2, 3]], mask=[[0, 1], [0, 0]]),
     lambda x: deque([x, 0.5]), lambda x: array.array("q", [x, 1]),
     lambda x: lw.series.along("time", [x, 0.5]), lambda x: lw.series.along("time", [x, None]),
     lambda x: lw.series.along(("time", "scenario"), pd.DataFrame({"a": [x, 1], "b": [0.5, 1]}))],
)  # fmt: skip
def test_series_round_no_whole_number(held, large):
    refusals.refused(lambda: TIMED(x=held(large)), "LW3050", "'x' at ", str(large), "does not have")


def test_what_is_masked_is_missing_and_what_is_exact_is_taken():
    masked = np.ma.array([2**53, 1], mask=[0, 1])
    refusals.refused(lambda: TIMED(x=masked), "LW3043", "at time 1")
    assert TIMED(x=np.ma.array([2**53, 1]))["y"].tolist() == [2**53, 1]
    frame = pd.DataFrame({"a": [2**53, -(2**53)], "b": [0.5, 1.5]})
    assert TIMED(x=frame)["y"].tolist() == [[2**53, 0.5], [-(2**53), 1.5]]
    refusals.refused(lambda: lw.series.along("time", [[1], [2, 3]]), "LW3050", "along time")


@pytest.mark.parametrize("kind", ["M8[D]", "m8[h]", "U1", "O"])
def test_columns_of_other_kinds_beside_numbers_are_refused(kind):
    other = np.array(["a", "b"], kind) if kind in ("U1", "O") else np.zeros(2, kind)
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": other})
    refusals.refused(lambda: TIMED(x=frame), "LW3050", "'x'")


@pytest.mark.parametrize(
    "value",
    [pl.DataFrame({"a": [1]}).lazy(), xr.Dataset({"a": ("r", [1.0])}), {"a": 1}, {1, 2}, object(),
     pa.table({"a": [["x"]]}), pl.Series([[1], [2, 3]]), pa.array([{"a": 1}, {"a": 2}]), slice(1),
     pl.Series([{"a": 1}, {"a": 2}]), [datetime.date(2024, 1, 1)] * 2, pd.Series(["1", "2"]),
     pa.array([b"1", b"2"]), pl.Series(["1", "2"]), pd.Series([1j, 2]), [[1], [2, 3]], "12",
     pd.Series(pd.to_datetime(["2024-01-01", None], utc=True)), np.datetime64("2024"), lambda: 1],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_array_is_refused_with_a_sentence(value):
    for program, code in ((FLOATS, "LW4006"), (WORDS, "LW6010"), (INTEGERS, "LW6010")):
        refusals.refused(lambda p=program: p.run(x=value), code, "'x'")


TEXTS = {
    "bytearray": bytearray(b"12"),
    "bytes": b"12",
    "text": "12",
    "bytes by row": np.array([b"1", b"2"]),
    "characters": np.char.array(["1", "2"]),
    "texts of any length": np.array(["1", "2"], np.dtypes.StringDType())
    if hasattr(np.dtypes, "StringDType")
    else np.array(["1", "2"]),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_text_is_no_number_however_it_is_held(kind):
    for program, code in ((FLOATS, "LW4006"), (WORDS, "LW6010"), (INTEGERS, "LW6010")):
        refusals.refused(lambda p=program: p.run(x=TEXTS[kind]), code, "is the text '1")
    refusals.refused(lambda: SERIES(x=TEXTS[kind]), "LW3050", "'1", "is not a number")


@pytest.mark.parametrize("odd", [float, int, np.float64, Fraction, Decimal])
def test_classes_are_no_numbers(odd):
    for program, code in ((FLOATS, "LW4006"), (WORDS, "LW6010"), (INTEGERS, "LW6010")):
        refusals.refused(lambda p=program: p.run(x=odd), code, "'x'")
        refusals.refused(lambda p=program: p.run(x=[1, odd]), code, "'x' at 1", "no number")
    refusals.refused(lambda: SERIES(x=odd), "LW3050", "'x'")


def test_an_input_in_the_index_of_a_table_is_said():
    """What a fleet is not given begins as zeros."""
    total = lw.register.assemble("add r2, r0, r1\nhalt")
    pair = lw.fleet.assemble(".buffer r, 0, 2, inout\n.buffer s, 2, 2, inout\nHALT")
    for program, one, two in ((total, "r0", "r1"), (pair, "r", "s")):
        frame = pd.DataFrame({one: [1, 2], two: [3, 4], "k": [5, 6]})
        for index in (one, [one, "k"]):
            table = frame.set_index(index)[[two]]
            said = ("LW1034", f"{one!r} in its index", "reset_index")
            refusals.refused(lambda p=program, t=table: p.run(t), *said)
        assert program.run(frame.set_index(one)[[two]], **{one: [1, 2]})
        assert program.run(frame.set_index("k"))


@pytest.mark.parametrize("odd", ["3", 2.5, None, b"3", 2**70, -(2**70)])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_place_in_a_list_is_that_of_what_is_wrong(odd, place):
    values = [1, 2, 3]
    values[place] = odd
    words = lw.register.assemble("mov r1, r0\nhalt")
    refusals.refused(lambda: words.run(r0=values), "LW4006", f"'r0' at {place}")
    refusals.refused(lambda: words.run(r0=tuple(values)), "LW4006", f"'r0' at {place}")
    three = lw.fleet.assemble(".buffer x, 0, 3, inout, i32\nHALT")
    refusals.refused(lambda: three.run(x=values), "LW6010", f"'x' at {place}")


ENGINES = ("stencil", "native", "llvm", "reference")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["u64", "i64", "f64"])
def test_functions_take_numbers(engine, dtype):
    types = {"r0": dtype, "r1": dtype}
    function = lw.register.assemble("mov r1, r0\nhalt", types=types).bind(engine).function("r0")
    kind = {"u64": np.uint64, "i64": np.int64, "f64": np.float64}[dtype]
    for bad in ([1], (1,), np.ones(1, kind), np.ones(2, kind), np.ones((1, 1), kind), "1", None, 1j,
                pd.Series([1]), pl.Series([1]), {}, b"1", object(), pd.NA, np.ones(0)):  # fmt: skip
        refusals.refused(lambda b=bad: function(b), "LW4006")
    for good in (1, True, np.array(1, kind), np.int8(1), kind(1)):
        assert function(good) == 1


@pytest.mark.parametrize("types", [["f64"], "f64", 5, ("r0", "f64"), {"r0": ["f64"]}, {0: "f64"},
                                   {"r0": None}, [("r0", "f64")], {"r0": float}])  # fmt: skip
def test_types_that_are_none(types):
    refusals.refused(lambda: lw.register.assemble("mov r1, r0\nhalt", types=types), "LW4004")
