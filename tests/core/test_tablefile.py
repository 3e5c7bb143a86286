"""Results as files of tables: what is written is read back, on every ending."""

import csv
import gzip
import io

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from lanework.base.errors import Diagnostic
from lanework.core.data.cells import read_cells
from lanework.core.data.files import column_names, read_columns
from lanework.core.result import tablefile
from lanework.core.result.picture import read_picture
from lanework.core.result.result import Result
from lanework.core.result.tablefile import TABLES, write_csv

GRID = np.array([[0.30000000000000004, -2.5e-17, 123456789.12345679], [1e300, 5e-324, -0.0]])
DAYS = np.array(["2024-01-31", "2024-02-29"], "M8[D]")
PLANS = np.array(["=1+1", "a,b", 'c"d'])


def result(values=GRID):
    return Result(
        {"cash": values, "total": np.float64(7.0)},
        axes={"cash": ("time", "plan"), "total": ()},
        units={"cash": "USD"},
        coords={"time": DAYS, "plan": PLANS},
    )


@pytest.mark.parametrize("ending", [*TABLES, ".xlsx"])
def test_what_is_written_is_read_back_to_the_bit(tmp_path, ending):
    paths = result().save(tmp_path / f"out.v1{ending}")
    names = [f"out.v1{ending}"] + [f"out.v1.scalar{ending}"] * (ending != ".xlsx")
    assert [path.name for path in paths] == names
    table = f"{paths[0]}#time-plan" if ending == ".xlsx" else paths[0]
    got = read_columns(table, ["cash", "plan"], {"plan": PLANS.tolist()})
    assert np.array_equal(got["cash"], GRID.T.reshape(-1))
    if ending != ".xlsx":  # which has no -0.0
        assert got["cash"].tobytes() == GRID.T.tobytes()
    assert got["plan"].tolist() == [0, 0, 1, 1, 2, 2]
    days = [str(row[1])[:10] for row in read_cells(table).rows]
    assert days == ["2024-01-31", "2024-02-29"] * 3
    other = f"{paths[0]}#scalar" if ending == ".xlsx" else paths[1]
    assert read_columns(other)["total"].tolist() == [7.0]
    if ending in (".feather", ".arrow"):
        with pa.OSFile(str(table)) as file:
            assert pa.ipc.open_file(file).schema.field("cash").metadata == {b"unit": b"USD"}


@pytest.mark.parametrize("ending", [".csv.gz", ".tsv.gz"])
def test_compressed_files_are_the_same_bytes_each_time(tmp_path, ending):
    one, two = (result().save(tmp_path / f"{name}{ending}")[0].read_bytes() for name in "ab")
    assert one == two
    assert one[4:8] == bytes(4)  # when it was written
    plain = result().save(tmp_path / f"a{ending.removesuffix('.gz')}")[0].read_bytes()
    assert gzip.decompress(one) == plain


def test_text_that_a_spreadsheet_would_run_is_marked_when_asked(tmp_path):
    texts = ["=1+1", "+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "\n=x", "a=b", "", "'x", "=a,b"]
    columns = {"=cmd": np.array(texts), "x": np.array([-1.0] * len(texts))}
    for safe in (False, True):
        for mark in (",", "\t"):
            file = io.BytesIO()
            write_csv(file, columns, separator=mark, safe=safe)
            text = io.StringIO(file.getvalue().decode(), newline="")
            header, *rows = csv.reader(text, delimiter=mark, strict=True)
            marked = [f"'{t}" if safe and t[:1] in tuple("=+-@\t\r\n") else t for t in texts]
            assert header == ["'=cmd" if safe else "=cmd", "x"]
            assert [row[0] for row in rows] == marked
            assert {row[1] for row in rows} == {"-1.0"}  # numbers are numbers
    path, _ = result().save(tmp_path / "out.csv", csv_safe=True)
    assert pd.read_csv(path)["plan"].tolist()[::2] == ["'=1+1", "a,b", 'c"d']
    path, _ = result().save(tmp_path / "out.csv")
    assert pd.read_csv(path)["plan"].tolist()[::2] == PLANS.tolist()


def test_text_of_sheets_is_text_and_numbers_that_they_lack_are_errors(tmp_path):
    values = np.array([[np.nan, np.inf, 1.0]] * 2)
    path = result(values).save(tmp_path / "out.xlsx")[0]
    sheet = openpyxl.load_workbook(path)["time-plan"]
    rows = list(sheet.iter_rows(min_row=2))
    assert [cell.data_type for cell in rows[0]] == ["s", "d", "e"]
    assert [row[0].value for row in rows[::2]] == PLANS.tolist()
    assert [row[2].value for row in rows[::2]] == ["#NUM!", "#NUM!", 1.0]


ODD = [
    "a\x01b",
    "\0b",
    "\x1b[31m",
    "c\rd",
    "e\r\nf",
    "_x0041_",
    "_x005F_x0041_",
    "\ufffe",
    "=1",
    "_x",
]


@pytest.mark.parametrize("ending", [".xlsx", ".parquet", ".json", ".npz"])
def test_no_character_of_a_label_is_in_the_way(tmp_path, ending):
    lanes = Result(
        {"x": np.arange(len(ODD)), "control\x02": np.arange(len(ODD))},
        axes={"x": ("lane",), "control\x02": ("lane",)},
        coords={"lane": np.array(ODD, object)},
    )
    (path,) = lanes.save(tmp_path / f"odd{ending}")
    if ending != ".json":
        table = read_cells(path)
        assert table.header == ["lane", "x", "control\x02"]
        assert [row[0] for row in table.rows] == ODD


@pytest.mark.parametrize(
    "numbers", [[2**64 - 1, 0], [2**53 + 1, -(2**63)], [10**15, 1], [-(10**15)]]
)
@pytest.mark.parametrize("ending", [*TABLES, ".xlsx"])
def test_whole_numbers_keep_all_of_their_digits(tmp_path, ending, numbers):
    values = np.array(numbers, np.int64 if min(numbers) < 0 else np.uint64)
    (path,) = Result({"x": values}, axes={"x": ("lane",)}).save(tmp_path / f"out{ending}")
    assert [int(row[1]) for row in read_cells(path).rows] == numbers


def test_texts_that_are_longer_than_a_cell_are_refused(tmp_path):
    long = Result(
        {"x": np.zeros(1)}, axes={"x": ("lane",)}, coords={"lane": np.array(["n" * 32_768])}
    )
    with pytest.raises(Diagnostic) as caught:
        long.save(tmp_path / "out.xlsx")
    assert caught.value.code.ident == "LW1030"
    assert "32,768" in caught.value.message
    assert not list(tmp_path.iterdir())
    long.save(tmp_path / "out.csv")


LEVELS = np.empty(3, object)
LEVELS[:] = [("x", 1), ("x", 2), ("y", 1)]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".parquet", ".npz", ".json"])
@pytest.mark.parametrize("names", [("k", "n"), ("x", "lane"), ()])
def test_levels_of_labels_keep_their_names(tmp_path, ending, names):
    lanes = Result(
        {"x": np.arange(3)}, axes={"x": ("lane",)}, coords={"lane": LEVELS}, levels={"lane": names}
    )
    (path,) = lanes.select(["x"]).save(tmp_path / f"out{ending}")
    columns = list(lanes.columns())
    if not names:
        assert columns == ["lane", "x"]
        assert lanes.columns()["lane"].tolist() == ["x, 1", "x, 2", "y, 1"]
    else:
        first = "x_axis" if names[0] == "x" else "k"
        assert columns == [first, names[1], "x"]
        assert lanes.to_pandas().index.names == list(names)
    if ending != ".json" and (ending != ".npz" or "x" not in names):
        assert column_names(path) == columns
        assert next(str(row[-2]) for row in read_cells(path).rows) == ("1" if names else "x, 1")
    assert len(lanes.to_arrow()) == len(lanes.to_polars()) == 3


def test_more_rows_than_a_sheet_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tablefile, "MOST_ROWS", 6)
    with pytest.raises(Diagnostic) as caught:
        result().save(tmp_path / "out.xlsx")
    assert caught.value.code.ident == "LW1027"
    assert "has 5 rows, and the table 6" in caught.value.message
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(tablefile, "MOST_ROWS", 7)
    assert column_names(f"{result().save(tmp_path / 'out.xlsx')[0]}#scalar") == ["total"]


def test_names_of_sheets_are_what_spreadsheets_take(tmp_path):
    long = ("a" * 40, "b")
    named = Result(
        {"x": np.zeros((2, 3)), "y": np.zeros((2, 3)), "z": np.zeros(2)},
        axes={"x": long, "y": ("a" * 40, "c"), "z": ("t/m",)},
    )
    book = openpyxl.load_workbook(named.save(tmp_path / "out.xlsx")[0])
    assert len(set(book.sheetnames)) == 3
    assert all(len(name) <= 31 and not set(name) & set(r"[]:*?/\\") for name in book.sheetnames)


@pytest.mark.parametrize(
    ("ending", "shape"), [(".pgm", (2, 3)), (".ppm", (2, 3, 3)), (".pgm", (1, 1))]
)
def test_a_picture_is_read_back(tmp_path, ending, shape):
    samples = np.linspace(0, 255, np.prod(shape)).reshape(shape)
    pixels = Result({"edges": samples}, axes={"edges": ("row", "column", "channel")[: len(shape)]})
    (path,) = pixels.save(tmp_path / f"out{ending}")
    assert np.array_equal(read_picture(path.read_bytes()), np.rint(samples))


@pytest.mark.parametrize(
    ("samples", "ending", "said"),
    [
        (np.zeros(6), ".pgm", r"shape \(6,\)"),
        (np.zeros((2, 3)), ".ppm", r"shape \(2, 3\)"),
        (np.zeros((2, 3, 3)), ".pgm", "shape"),
        (np.zeros((2, 3, 4)), ".ppm", "shape"),
        (np.zeros((0, 3)), ".pgm", "shape"),
        (np.array([[0, 255.6]]), ".pgm", r"255.6 at \(0, 1\)"),
        (np.array([[0], [-0.1]]), ".pgm", r"-0.1 at \(1, 0\)"),
        (np.array([[np.nan]]), ".pgm", r"nan at \(0, 0\)"),
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_written(tmp_path, samples, ending, said):
    axes = ("row", "column", "channel")[: samples.ndim]
    with pytest.raises(Diagnostic, match=f"LW1028.*'edges'.*{said}"):
        Result({"edges": samples}, axes={"edges": axes}).save(tmp_path / f"out{ending}")
    assert list(tmp_path.iterdir()) == []
