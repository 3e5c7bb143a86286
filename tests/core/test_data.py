"""The borders: numbers come in exactly, labels in order, text not at all."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_ARGUMENT
from lanework.core.data.cells import numbers_with_gaps
from lanework.core.data.files import read_columns
from lanework.core.data.labels import align, one_of_each
from lanework.core.data.spelling import text_advice
from lanework.core.data.tables import is_table, table_of
from lanework.core.data.values import DTYPES, Given, as_array, exactly

RATE = Given("input 'rate'", BAD_ARGUMENT)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), 2**24 + 1]),
    st.integers(-300, 300),
    st.booleans(),
)
KINDS = ["f8", "f4", "i8", "u8", "i4", "u4", "i2", "u1", "?", "O"]


def held(x: float | int, dtype: str) -> bool:
    """Whether a dtype has a number, worked out in Python: fractions are rounded by f32 only."""
    kind = DTYPES[dtype]
    if kind.kind in "iu":
        integral = math.isfinite(x) and Fraction(x).denominator == 1
        return integral and np.iinfo(kind).min <= x <= np.iinfo(kind).max
    if math.isinf(x):
        return True
    if abs(Fraction(x)) >= Fraction(float(np.finfo(kind).max)) + Fraction(2) ** (
        970 if dtype == "f64" else 103
    ):
        return False
    if isinstance(x, float):
        return True
    return bool(Fraction(float(kind.type(x))) == x)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(NUMBERS, min_size=1, max_size=4), st.sampled_from(KINDS), st.sampled_from([*DTYPES])
)
def test_numbers_are_what_they_were_or_refused(items: list[Any], kind: str, dtype: str) -> None:
    with np.errstate(all="ignore"):
        try:
            array = np.array(items, kind)
        except (OverflowError, ValueError):
            return
    values = array.tolist()
    if all(held(x, dtype) for x in values):
        out = exactly(array, dtype, RATE)
        assert out.dtype == DTYPES[dtype]
        assert out.shape == array.shape
        for x, y in zip(values, out.tolist(), strict=True):
            assert x == y or (dtype == "f32" and np.float32(x) == y)
    else:
        with pytest.raises(Diagnostic, match=r"input 'rate' at \d"):
            exactly(array, dtype, RATE)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (["1"], "is the text '1'"),
        (["1", 2.0], "is the text '1'"),
        (np.array([b"7"]), "is the text '7'"),
        ("0.5", "is the text '0.5'"),
        (pd.Series(["0.10%", "0.11%"]), "is the text '0.10%'"),
        (pl.Series(["1,000"]), "is the text '1,000'"),
        (pa.array(["x"]), "is the text 'x'"),
        (pd.Series(["a"], dtype="category"), "is the text 'a'"),
        ([1.0, None], "at 1 is missing"),
        (pl.Series([1.0, None]), "at 1 is missing"),
        (pa.array([1, None]), "at 1 is missing"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), "at 1 is missing"),
        ([datetime.date(2024, 1, 1)], "which is no number"),
        (np.array(["2024-01-01"], "M8[D]"), "holds dates"),
        ([1j], "holds complex numbers"),
        (np.zeros(2, [("a", "f8")]), "holds records"),
        ([[1.0], [1.0, 2.0]], "rows of different lengths"),
        ({1.0}, None),
        (object(), "is"),
        (np.longdouble("1e4000"), "which f64 does not have"),
        (10**400, "which f64 does not have"),
        (10**5000, "thousands of digits"),
    ],
    ids=lambda _: "value",
)
def test_what_is_no_number_is_named(value: Any, said: str | None) -> None:
    if said is None:
        assert exactly(value, "f64", RATE).tolist() == [1.0]
        return
    with pytest.raises(Diagnostic) as caught:
        exactly(value, "f64", RATE)
    assert said in caught.value.message
    assert caught.value.help


@pytest.mark.parametrize(
    "value", [{"a": 1.0}, {1.0, 2.0}, frozenset([1, 2]), {}, {1: 2, 3: 4}.keys()]
)
def test_what_has_no_order_is_no_array(value: Any) -> None:
    with pytest.raises(Diagnostic, match=f"is a {type(value).__name__} .* have no order"):
        as_array(value, RATE)
    assert as_array({"a": 1.0}.values(), RATE).tolist() == [1.0]


def test_what_is_missing_may_be_nan() -> None:
    with pytest.raises(Diagnostic, match="at 1 is"):
        exactly(pd.Series([1, None], dtype="Int64"), "i64", RATE)
    given = (pd.Series([1, None], dtype="Int64"), pl.Series([1, None]), pa.array([1, None]))
    for column in given:
        out = exactly(column, "f64", RATE, missing=True)
        assert out[0] == 1.0
        assert math.isnan(out[1])


def test_an_array_of_the_dtype_is_not_copied() -> None:
    array = np.zeros(3)
    assert exactly(array, "f64", RATE) is array
    assert as_array(array, RATE) is array


@pytest.mark.parametrize(
    "text", ["12 %", "1.000.000,5", "$3", "3 EUR", "1 000", "", "n/a", "x" * 99]
)
def test_advice_is_for_every_text(text: str) -> None:
    assert text_advice(text)


@given(st.lists(st.integers() | st.text(max_size=3), unique=True, max_size=6), st.randoms())
def test_labels_align_exactly(labels: list[Any], random: Any) -> None:
    mixed = [*labels]
    random.shuffle(mixed)
    order = align(np.array(mixed, object), np.array(labels, object), "axis", RATE)
    assert mixed == labels if order is None else [mixed[n] for n in order] == labels
    with pytest.raises(Diagnostic, match="along 'axis'"):
        align(np.array([*mixed, "other"], object), np.array(labels, object), "axis", RATE)


def test_dates_are_the_same_whatever_says_them() -> None:
    days = np.array(["2024-01-31", "2024-02-29"], "M8[D]")
    same = [
        days.astype("M8[ns]"),
        pd.to_datetime(["2024-01-31", "2024-02-29"]),
        [datetime.date(2024, 1, 31), datetime.date(2024, 2, 29)],
        [datetime.datetime(2024, 1, 31), datetime.datetime(2024, 2, 29)],
        np.array(["2024-01-31", "2024-02-29"]),
    ]
    for labels in same:
        assert align(labels, days, "time", RATE) is None
    with pytest.raises(Diagnostic, match="2024-02-29"):
        align(pd.to_datetime(["2024-01-31", "2025-02-28"]), days, "time", RATE)


def test_a_label_twice_makes_no_order() -> None:
    assert align(["a", "a"], ["a", "a"], "x", RATE) is None
    with pytest.raises(Diagnostic, match="more than once"):
        align(["b", "a", "b"], ["a", "b", "b"], "x", RATE)
    assert not one_of_each(["a", "a"])


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=pd.Index([7, 9], name="id"))
TABLES = [
    {"a": [1, 2], "b": ["x", "y"]},
    FRAME,
    pl.from_pandas(FRAME),
    pl.from_pandas(FRAME).lazy(),
    pa.Table.from_pandas(FRAME, preserve_index=False),
    pa.RecordBatch.from_pandas(FRAME, preserve_index=False),
    np.array([(1, "x"), (2, "y")], [("a", "i8"), ("b", "U1")]),
    xr.Dataset({"a": ("row", [1, 2]), "b": ("row", ["x", "y"])}),
]


class Stream:
    """What offers the Arrow stream and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self.table.__arrow_c_stream__(schema)


@pytest.mark.parametrize("table", [*TABLES, Stream(TABLES[4])], ids=lambda t: type(t).__name__)
def test_columns_come_out_of_any_table(table: Any) -> None:
    assert is_table(table)
    read = table_of(table, RATE)
    assert list(read) == ["a", "b"]
    assert exactly(read["a"], "i64", RATE).tolist() == [1, 2]
    assert list(map(str, as_array(read["b"], RATE).tolist())) == ["x", "y"]


def test_rows_keep_their_labels() -> None:
    assert table_of(FRAME, RATE).labels["id"].tolist() == [7, 9]
    assert table_of(FRAME.reset_index(), RATE).labels == {}
    assert list(table_of(FRAME.set_index("b", append=True), RATE).labels) == ["id", "b"]


@pytest.mark.parametrize(
    "value", [3, [1, 2], "text", pd.Series([1]), pl.Series([1]), pa.array([1])]
)
def test_what_is_no_table_is_refused(value: Any) -> None:
    assert not is_table(value)
    with pytest.raises(Diagnostic, match="no table"):
        table_of(value, RATE)


def test_column_names_are_text_and_differ() -> None:
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(Diagnostic, match="two columns named 'a'"):
        table_of(twice, RATE)
    with pytest.raises(Diagnostic, match="named 0"):
        table_of(pd.DataFrame([[1, 2]]), RATE)


def test_large_floats_are_floats_and_large_whole_numbers_stay_whole() -> None:
    assert as_array([1e20, 2.5], RATE).dtype == np.float64
    assert as_array([[1e20], [np.inf]], RATE).dtype == np.float64
    assert as_array([2**53 + 1, 2.0**60], RATE).tolist() == [2**53 + 1, 2.0**60]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 000", "in one piece, 1000"),
        ("12'345.5", "in one piece, 12345.5"),
        ("1_000_000", "in one piece, 1000000"),
        ("0x10", "another notation"),
        ("1d3", "another notation"),
        ("1|2", "several numbers"),
        ("USD 5", "the number alone, 5"),
        ("12,34,567", "another notation"),
        ("1,5.2", "another notation"),
        ("0 055", "another notation"),
        ("3k", "write it out"),
        ("€2M", "write it out"),
    ],
)
def test_advice_gives_no_part_of_a_number(text: str, words: str) -> None:
    assert words in text_advice(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0,055", "0.055"),
        ("-0,125", "-0.125"),
        ("+00,500", "+00.500"),
        ("1234,567", "1234.567"),
        ("1,2345", "1.2345"),
        ("1.234,5", "1234.5"),
        ("1.234.567,891", "1234567.891"),
        ("1,234", "1234 1.234"),
        ("1,234,567", "1234567"),
        ("1,234.5", "1234.5"),
        ("1 234,5", "1234.5"),
        ("0,055%", "0.00055"),
        ("1,000 %", "10 0.01"),
        ("EUR 0,055", "0.055"),
        ("€1,234", "1234 1.234"),
        ("(1,5)", "-1.5"),
        ("-€5", "-5"),
        ("1.234,56-", "-1234.56"),
        ("10 bps", "0.001"),
        ("5‰", "0.005"),
    ],
)
def test_advice_names_every_number_that_a_text_may_be_and_no_other(text: str, numbers: str) -> None:
    assert re.findall(r"[-+]?\d+(?:\.\d+)?", text_advice(text)) == numbers.split()


@pytest.mark.parametrize(
    ("file", "said", "left_out"),
    [
        ("name;rate\nbase;0,055\n", "0.055", "0055"),
        ("name;rate\nbase;1,234\n", "give it with a point, 1.234", "1234"),
        ("name;rate\nbase;1,234,567\n", "without the commas, 1234567", "point"),
        ('name,rate\nbase,"0,055"\n', "0.055", "0055"),
        ('name,rate\nbase,"1,234"\n', "without the commas, 1234; or one with a decimal comma", "é"),
    ],
)
def test_commas_in_files_are_decimal_ones_where_they_can_be_nothing_else(
    tmp_path: Path, file: str, said: str, left_out: str
) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(file)
    for read in (lambda: read_columns(path, ["rate"]), lambda: numbers_with_gaps(path, "rate")):
        with pytest.raises(Diagnostic, match="is not a number") as caught:
            read()
        assert said in str(caught.value.help)
        assert left_out not in str(caught.value.help)


@pytest.mark.parametrize("items", [[-16777217, 2**63], [16777217, 0.5], [2**70 + 1, 1]])
def test_whole_numbers_among_others_are_not_rounded(items: list[Any]) -> None:
    with pytest.raises(Diagnostic, match="which f32 does not have"):
        exactly(np.array(items, object), "f32", RATE)


BIG = 2**53 + 1


@pytest.mark.parametrize(
    "value",
    [[Decimal(BIG)], [np.int64(BIG), 1.0], [Fraction(BIG), 0.5], pa.array([Decimal(BIG)])],
    ids=lambda _: "value",
)
def test_whole_numbers_of_any_type_are_not_rounded(value: Any) -> None:
    with pytest.raises(Diagnostic, match="which f64 does not have"):
        exactly(value, "f64", RATE)
    integral = [x for x in as_array(value, RATE).tolist() if x == int(x)]
    assert exactly(np.array(integral, object), "i64", RATE).tolist() == [int(x) for x in integral]
    assert exactly([Decimal("0.1"), Fraction(1, 3)], "f64", RATE).tolist() == [0.1, 1 / 3]


@pytest.mark.parametrize(
    ("items", "dtype", "said"),
    [
        ([-1, 2**63], "u64", "at 0 is -1,"),
        ([1, 2**64], "u64", "at 1 is 18446744073709551616,"),
        ([BIG, 0.5], "i64", "at 1 is 0.5,"),
        ([Decimal("1e5000")], "i64", "at 0 is Decimal('1E+5000'),"),
        ([BIG, Decimal("NaN")], "i64", "at 1 is Decimal('NaN'),"),
    ],
)
def test_objects_are_refused_one_by_one(items: list[Any], dtype: str, said: str) -> None:
    with pytest.raises(Diagnostic) as caught:
        exactly(np.array(items, object), dtype, RATE)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("label", "text"), [(True, "True"), (False, "False"), (np.True_, "True"), (np.nan, "nan")]
)
def test_labels_are_not_the_text_that_spells_them(label: Any, text: str) -> None:
    given = Given("input 'x'", BAD_ARGUMENT)
    own, wanted = np.array([label, "x"], object), np.array([text, "x"], object)
    with pytest.raises(Diagnostic, match=f"has no '{text}' along 'row', and has {text}"):
        align(own, wanted, "row", given)
    assert one_of_each([label, text])
    assert align(own, own[::-1], "row", given).tolist() == [1, 0]  # type: ignore[union-attr]


def test_labels_that_differ_by_a_nanosecond_or_in_type_differ() -> None:
    stamps = np.array(["2024-01-01T00:00:00.000000001", "2024-01-01T00:00:00.000000002"], "M8[ns]")
    order = align(stamps[::-1], stamps, "time", RATE)
    assert order is not None
    assert order.tolist() == [1, 0]
    with pytest.raises(Diagnostic):
        align(np.array([True, False], object), np.array([1, 0], object), "x", RATE)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["U1", "S3", "O", "M8[D]", "?", "f8", "c16"])
@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_nothing_is_of_any_dtype(dtype: str, kind: str, shape: tuple[int, ...]) -> None:
    out = exactly(np.zeros(shape, kind), dtype, RATE)
    assert (out.dtype, out.shape) == (DTYPES[dtype], shape)


@pytest.mark.parametrize("value", [b"5", b"", [b"5"], b"\x01\x02", np.bytes_(b"7")])
def test_bytes_are_text_and_no_numbers(value: Any) -> None:
    with pytest.raises(Diagnostic, match="is the text"):
        exactly(value, "f64", RATE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.2.3", "another notation"),
        ("31.12.2024", "a date"),
        ("1,234,5", "another notation"),
        ("192.168.0.1", "another notation"),
        ("9007199254740993", "below 2**53"),
        ("-18446744073709551615", "below 2**53"),
        ("USD1,000.50", "alone, 1000.50"),
        ("$12,345,678", "alone, 12345678"),
        ("9" * 5000, "not finite"),
    ],
)
def test_text_that_is_nearly_a_number_is_refused_with_advice(text: str, words: str) -> None:
    with pytest.raises(Diagnostic) as caught:
        exactly([text], "f64", RATE)
    assert words in str(caught.value.help)
