"""Files of columns: every reader gives the same numbers, or refuses the same cell."""

import datetime
import gzip
import io
import json
import random
import struct
import subprocess
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from lanework.base.errors import Diagnostic
from lanework.core.data import blocks as readers
from lanework.core.data import cells, csvfast, csvtext, sheets
from lanework.core.data.columns import labels_in
from lanework.core.data.csvtext import number_in
from lanework.core.data.files import (
    BLOCK,
    column_names,
    iter_columns,
    read_array,
    read_columns,
    read_grid,
)

READERS = {
    "arrow": {"arrow_for": lambda size: pyarrow.csv},
    "numpy": {"arrow_for": lambda size: None},
    "cells": {"arrow_for": lambda size: None},
}


def outcome(monkeypatch, reader, path, wanted, categories=None):
    """What one reader makes of a file: columns to the bit, or code, message and help."""
    with monkeypatch.context() as patch:
        patch.setattr(readers, "arrow_for", READERS[reader]["arrow_for"])
        if reader == "cells":
            patch.setattr(csvtext, "fast_columns", lambda *_: None)
        try:
            got = read_columns(path, wanted, categories)
        except Diagnostic as error:
            return error.code.ident, error.message, error.help
    return {name: column.tobytes() for name, column in got.items()}


def refused(path, wanted=("a", "b"), categories=None):
    with pytest.raises(Diagnostic) as caught:
        read_columns(path, wanted, categories)
    return caught.value


@pytest.fixture
def write(tmp_path):
    def make(text, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(
            text if isinstance(text, bytes) else text.encode("utf8", "surrogateescape")
        )
        return path

    return make


PLAIN = (
    "1 -1 +1 0 -0 1. .5 -.5 1e3 1E+05 1e-400 4.9e-324 2.2250738585072011e-308 00012 0.1"
    " 123456789.123456789 0.30000000000000004"
).split()
LARGE = "9007199254740992 1e300 1.7976931348623157e308 9007199254740993.0 true FALSE".split()
GOOD = PLAIN + LARGE  # those that a fast parser leaves to the other are no more than some
PADDED = [" 1.5 ", "\t2", '"3"', '" 4"', "\u00a05", "\u0661"]
BAD = (
    "1e400 -1e400 inf -Infinity nan NaN nan(1) NA <NA> null x 0x10 1_0 1e 1d3 --1 +-1 -+1 . - +"
    " 9007199254740993 -18446744073709551617 0.10% 1.000,5 1;5 EUR5 5EUR 1e5f 1\x0b2 1\x002 1\r2"
).split(" ")
ODD = ["", " ", '""', '"1"5', '1"', '"1,5"', '"1\n2"', '"a""b"', "1 2", "1,2", "é", "A", "\udcff"]


def test_every_reader_gives_the_same_cells_or_the_same_refusal(monkeypatch, write):
    """Files of random cells: most of plain numbers, with one or two cells that are not."""
    rng = random.Random(7)
    seen = set()
    for _ in range(1500):
        width, end = rng.randint(1, 3), rng.choice(["\n", "\n", "\r\n"])
        good = rng.choice([GOOD, PLAIN, PLAIN])
        rows = [[rng.choice(good) for _ in range(width)] for _ in range(rng.randint(1, 5))]
        for _ in range(rng.randint(0, 2)):  # bad ones
            row = rng.choice(rows)
            row[rng.randrange(width)] = rng.choice(PADDED + BAD + ODD)
        lines = [",".join(row) for row in [[*"abc"[:width]], *rows]]
        if rng.random() < 0.2:
            lines.insert(rng.randint(1, len(lines)), rng.choice(["", " ", ",", '"']))
        path = write(end.join(lines) + end * rng.randint(0, 2))
        wanted = rng.sample("abc"[:width], rng.randint(1, width))
        outcomes = {r: outcome(monkeypatch, r, path, wanted) for r in READERS}
        assert outcomes["arrow"] == outcomes["numpy"] == outcomes["cells"], path.read_bytes()
        seen.add(outcomes["cells"][0] if isinstance(outcomes["cells"], tuple) else "read")
    assert seen == {"read", "LW3052", "LW3053", "LW3054"}


@pytest.mark.parametrize(
    "other", ["true", "FALSE", " False", '"True"', "1", "0.5", "yes", "", "truth"]
)
@pytest.mark.parametrize("first", ["True", "FALSE", " true ", '"false"'])
def test_truth_is_a_number_by_every_reader(monkeypatch, write, first, other):
    path = write(f"a,b\n1,{first}\n2,{other}\n")
    outcomes = {r: outcome(monkeypatch, r, path, ["b", "a"]) for r in READERS}
    assert outcomes["arrow"] == outcomes["numpy"] == outcomes["cells"]
    if other in ("true", "1"):
        number = float("true" in first.lower())
        assert outcomes["cells"]["b"] == np.array([number, 1.0]).tobytes()


@pytest.mark.parametrize("cell", [*BAD, "1 2", "é", "A"])
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_what_is_no_number_is_refused_at_its_line(write, cell, ending):
    text = f"a,b\n1,2\n3,{cell}\n".encode()
    problem = refused(write(gzip.compress(text) if ending.endswith("gz") else text, f"t.{ending}"))
    assert problem.code.ident in ("LW3053", "LW3052", "LW3054")
    assert f"t.{ending}, line 3" in problem.message
    assert problem.help
    assert problem.span.line == 3
    if "," not in cell:
        assert number_in(cell) is None


@pytest.mark.parametrize("cell", [*GOOD, *PADDED])
def test_a_number_is_what_python_says_it_is(write, cell):
    text = cell.strip('"').strip()
    number = {"true": 1.0, "FALSE": 0.0}.get(text) or float(text if text != "FALSE" else 0)
    assert (
        read_columns(write(f"a,b\n{cell},0\n"), ["a"])["a"].tobytes()
        == np.array([number]).tobytes()
    )


@pytest.mark.parametrize(
    ("cell", "said", "advice"),
    [
        ("0.10%", "is not a number", "give the fraction, 0.001"),
        ('"1,000"', "is not a number", "without the commas, 1000"),
        ('"1,5"', "is not a number", "give it with a point, 1.5"),
        ("EUR 3", "is not a number", "give the number alone, 3"),
        ("north", "is not a number", "declare categories"),
        ("inf", "is infinite", "finite"),
        ("-1e400", "is too large for float64", "1.8e308"),
        ("-nan", "'-nan' is not a number", "the value is missing"),
        ("9007199254740993", "is an integer that float64 does not have", "2**53"),
        ("n/a", "the value is missing (n/a)", "fill it in"),
        ("<NA>", "the value is missing (<NA>)", "fill it in"),
        ("#N/A", "the value is missing (#N/A)", "fill it in"),
        ("#NV", "the value is missing (#NV)", "fill it in"),
        ("#DIV/0!", "is not a number", "spreadsheet"),
        ("#NOMBRE?", "is not a number", "spreadsheet"),
        ("Err:502", "is not a number", "spreadsheet"),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_the_refusal_says_how_to_write_it(write, cell, said, advice, quoted):
    extra = '"x, y"' if quoted else "z"
    problem = refused(write(f"a,c,b\n1,{extra},2\n3,{extra},{cell}\n"))
    assert problem.code.ident == "LW3053"
    assert "line 3, column 'b'" in problem.message
    assert said in problem.message
    assert advice in problem.help


def test_errors_of_spreadsheets_are_no_labels(write):
    for ending in (".csv", ".tsv"):
        with pytest.raises(Diagnostic) as caught:
            read_columns(
                write("s,a\nF,1\n#REF!,2\n".replace(",", "\t" if ending == ".tsv" else ",")),
                ["s"],
                {"s": ("F", "M")},
            )
        assert caught.value.code.ident == "LW3020"
        assert "spreadsheet" in caught.value.help


def test_quotes_are_looked_at_some_rows_at_a_time(monkeypatch):
    rng = random.Random(1)
    for _ in range(300):
        cells = ('"a"', "b", '"c\nd"', '"e""f"', '""', 'x"', '"y')
        text = "".join(rng.choice(cells) + rng.choice(",,\n") for _ in range(12)).encode()
        monkeypatch.setattr(csvfast, "ROWS", 1 << 16)
        at_once = csvfast._well_quoted(text, ",")
        monkeypatch.setattr(csvfast, "ROWS", rng.choice((0, 1, 5, 9)))
        assert csvfast._well_quoted(text, ",") == at_once


def test_labels_are_the_same_by_every_reader(monkeypatch, write):
    labels = {"s": ("F", "M", "B, C", 'say "x"', "ü")}
    for texts in (["F", "M"], ["F", "x"], ['"B, C"', '"say ""x"""', "ü"], [" M ", ""], ["f"],
                  ['"F"', '"M'], ["F" * 40]):  # fmt: skip
        path = write("s,a\n" + "".join(f"{text},1\n" for text in texts))
        outcomes = {r: outcome(monkeypatch, r, path, ["a", "s"], labels) for r in READERS}
        assert outcomes["arrow"] == outcomes["numpy"] == outcomes["cells"], texts


@pytest.mark.parametrize("reader", READERS)
def test_rows_come_in_blocks_of_one_size_whatever_the_pieces(monkeypatch, write, reader):
    monkeypatch.setattr(readers, "arrow_for", READERS[reader]["arrow_for"])
    rows = 30_000
    text = "a,b\n" + "".join(f"{n},{n / 7!r}\n" + "\n" * (n % 1000 == 0) for n in range(rows))
    blocks = list(iter_columns(write(text), ["b", "a"], 7000))
    assert [len(block["a"]) for block in blocks] == [7000, 7000, 7000, 7000, 2000]
    assert np.concatenate([b["a"] for b in blocks]).tolist() == list(range(rows))
    text += "1,oops\n"
    with pytest.raises(Diagnostic, match=f"line {rows + 32}, column 'b': 'oops'"):
        list(iter_columns(write(text), ["b"], 7000))


@pytest.mark.parametrize("quote", ['"', '"' + "1\n" * 100])
def test_a_quote_may_span_pieces_and_has_to_close(write, quote):
    rows = "".join(f'"two\nlines",{n}\n' for n in range(20_000))
    got = read_columns(write("s,a\n" + rows), ["a", "s"], {"s": ("two\nlines",)})
    assert got["a"].tolist() == list(range(20_000))
    problem = refused(write("s,a\n" + rows + quote + "x,1\n"), ["a"])
    assert (problem.code.ident, "never closes" in problem.message) == ("LW3052", True)


def test_pyarrow_is_loaded_for_much_text_only(tmp_path):
    (tmp_path / "small.csv").write_text("a\n1\n")
    (tmp_path / "large.csv").write_text("a\n" + "12345678\n" * 300_000)
    code = (
        "import sys; from lanework.core.data.files import read_columns\n"
        "for name in ('small', 'large'):\n"
        "    read_columns(name + '.csv'); print('pyarrow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "True"], done.stderr


# Separators, compression --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mark"),
    [("t.csv", ","), ("t.csv", ";"), ("t.csv", "\t"), ("t.tsv", "\t"), ("t.TSV.gz", "\t"),
     ("t.csv.gz", ";")],
)  # fmt: skip
def test_what_separates_cells_is_said_by_the_ending_or_the_header(monkeypatch, write, name, mark):
    text = f'"a"{mark}b\n1{mark}2\n'.encode()
    path = write(gzip.compress(text) if name.endswith("gz") else text, name)
    assert column_names(path) == ["a", "b"]
    for reader in READERS:
        assert outcome(monkeypatch, reader, path, ["b"])["b"] == np.array([2.0]).tobytes()
    assert cells.read_cells(path).rows == [["1", "2"]]


def test_a_comma_in_the_header_separates_and_decimal_commas_are_refused(write):
    assert column_names(write("a;b,c\n1,2\n")) == ["a;b", "c"]
    assert column_names(write('"a;b"\n1\n')) == ["a;b"]
    problem = refused(write("a;b\n1;2,5\n"))
    assert "line 2, column 'b': '2,5' is not a number" in problem.message
    assert problem.help == "a number with a decimal comma: give it with a point, 2.5"
    assert refused(write("a\tb\n1,2\n", "t.tsv")).code.ident == "LW3054"
    assert refused(write("a b;c\n1,2\n")).code.ident == "LW3055"
    assert refused(write("a;b\n1,2\n")).code.ident == "LW3054"


def test_damaged_compression_is_refused_and_bombs_are_read_in_pieces(write):
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    for cut in (0, 1, 9, 12, len(packed) - 1, len(packed) // 2):
        assert refused(write(packed[:cut], "t.csv.gz")).code.ident == "LW3052"
    assert refused(write(b"a,b\n1,2\n", "t.csv.gz")).code.ident == "LW3052"
    packed = bytearray(packed)
    packed[-6] ^= 1
    assert refused(write(bytes(packed), "t.csv.gz")).code.ident == "LW3052"
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb") as file:
        file.write(b"a,b\n1,")
        for _ in range(64):
            file.write(b" " * 2**20)
    problem = refused(write(bomb.getvalue(), "t.csv.gz"))
    assert (problem.code.ident, "has no end" in problem.message) == ("LW3052", True)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_grids_have_no_header(write, name, mark):
    mark = "\t" if "tsv" in name else mark
    rows = [[1.0, -0.0, 3.5], [4.0, 4.0, 4.0]]
    for first in ("", "\ufeff", "\n"):
        text = first + "".join(mark.join(map(repr, row)) + "\n" for row in rows)
        path = write(gzip.compress(text.encode()) if name.endswith("gz") else text, name)
        assert read_grid(path).tobytes() == np.array(rows).tobytes()
    assert read_grid(write("7", "one.csv")).tolist() == [[7.0]]
    for text, said in (("x,y\n1,2\n", "line 1, column '1': 'x'"), ("1,2\n3\n", "line 2: the row"),
                       ("1,2\n3,1e999\n", "line 2, column '2'"), ("", "is empty")):  # fmt: skip
        with pytest.raises(Diagnostic) as caught:
            read_grid(write(text))
        assert said in caught.value.message


@pytest.mark.parametrize(
    ("data", "said", "advice"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "is text in UTF-16", "UTF-8"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "is compressed", ".csv.gz"),
        (b"PK\3\4\x14\0\x06\0\x08\0", "is a workbook", ".xlsx"),
        (b"PAR1\x15\x04\x15", "is Parquet", ".parquet"),
        (b"a,b\0\n1,2\n", "is not text", "CSV"),
        (b"x" * 2**20, "is not text", "CSV"),
    ],
)
def test_what_is_no_csv_is_called_what_it_is(write, data, said, advice):
    problem = refused(write(data))
    assert problem.code.ident == "LW3052"
    assert said in problem.message
    assert advice in problem.help


# Files whose values have types --------------------------------------------------------------------


def arrow(path, table):
    if path.suffix == ".arrow":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as sink:
            sink.write_table(table, 300)
    else:
        pa.feather.write_feather(table, path, chunksize=300)


@pytest.mark.parametrize("ending", ["feather", "arrow"])
def test_arrow_files_and_streams(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    columns = {"a": np.arange(1000), "b": np.arange(1000) / 7, "s": ["x", "y"] * 500}
    arrow(path, pa.table({**columns, "s": pa.array(columns["s"]).dictionary_encode()}))
    assert column_names(path) == ["a", "b", "s"]
    blocks = list(iter_columns(path, ["s", "b"], 400, {"s": "xy"}))
    assert [len(block["b"]) for block in blocks] == [400, 400, 200]
    assert np.concatenate([b["b"] for b in blocks]).tolist() == columns["b"].tolist()
    assert np.concatenate([b["s"] for b in blocks]).tolist() == [0.0, 1.0] * 500
    assert cells.read_cells(path, 2).rows == [[0, 0.0, "x"], [1, 1 / 7, "y"]]
    full = path.read_bytes()
    for cut in range(0, len(full) - 8, max(1, len(full) // 30)):
        path.write_bytes(full[:cut])
        try:
            read_columns(path, ["b"])
        except Diagnostic as error:
            assert error.code.ident == "LW3052"
        else:
            assert ending == "arrow"  # a stream may end after any batch


def book(path, sheets):
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_sheets_of_workbooks(tmp_path):
    rows = [[None], ["age", "sex", None], [47, "M"], [None, None], [29.5, "F"], [True, "F"]]
    path = book(tmp_path / "t.xlsx", {"notes": [], "Q 1": rows})
    got = read_columns(path, ["age", "sex"], {"sex": ("F", "M")})
    assert [got["age"].tolist(), got["sex"].tolist()] == [[47.0, 29.5, 1.0], [1.0, 0.0, 0.0]]
    table = cells.read_cells(path)
    assert (table.header, table.lines, table.unit) == (["age", "sex"], [3, 5, 6], "row")
    path = book(path, {"a": [["x"], [1]], "b": [["x"], [2]]})
    problem = refused(path, ["x"])
    assert "has 2 sheets with cells" in problem.message
    assert problem.help == f"name one: {path}#a"
    assert read_array(f"{path}#b").tolist() == [2.0]
    assert refused(f"{path}#c", ["x"]).message.endswith("there is no sheet 'c'")
    assert "is empty" in refused(book(path, {"a": []}), ["x"]).message
    assert refused(book(path, {"a": [["x", "x"], [1, 2]]}), ["x"]).code.ident == "LW3052"
    assert refused(book(path, {"a": [["x"], [1, 2]]}), ["x"]).code.ident == "LW3054"


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([["x"], ["=1+1"], [5], ["=2+2"]], "row 2, cell 1: the formula =1\\+1"),
        ([["x"], [5], ["=2+2"]], "row 3, cell 1"),
        ([["x", "y"], [1, 2], ["=1+1", "=3"]], "row 3, cell 1"),
        ([["x", "y"], [1, 2], [3, "=A2"]], "row 3, cell 2"),
        ([["x"], [1], [2], [None], ["=3"]], "row 5, cell 1"),
    ],
)
def test_formulas_without_values_are_no_empty_cells(tmp_path, rows, place):
    with pytest.raises(Diagnostic, match=f"(?s)LW3052.*{place}.*spreadsheet and save"):
        read_columns(book(tmp_path / "t.xlsx", {"a": rows}), ["x"])


def test_an_empty_row_of_one_column_is_a_row(tmp_path):
    path = tmp_path / "t.xlsx"
    assert "row 3" in refused(book(path, {"a": [["x"], [1], [None], [2]]}), ["x"]).message
    assert "row 2" in refused(book(path, {"a": [["x"], [None], [2]]}), ["x"]).message
    rows = [[None], ["x"], [1], [2], [None]]
    assert read_columns(book(path, {"a": rows}), ["x"])["x"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "said", "advice"),
    [
        (None, "the cell is empty", "fill it in"),
        ("0.10%", "'0.10%' is not a number", "0.001"),
        ("5", "'5' is text", "spells a number"),
        ("#DIV/0!", "'#DIV/0!' is not a number", "mend"),
        (datetime.date(2024, 1, 31), "it is datetime", "numbers"),
    ],
)
def test_a_bad_cell_of_a_typed_file_is_refused_by_row(tmp_path, value, said, advice):
    rows = [["a", "b"], [1, 1], [value, 1], [2, 1]]
    problem = refused(book(tmp_path / "t.xlsx", {"s": rows}), ["a"])
    assert problem.code.ident == "LW3053"
    assert f"row 3, column 'a': {said}" in problem.message
    assert advice in problem.help
    if isinstance(value, str | None):
        path = tmp_path / "t.json"
        path.write_text(json.dumps({"a": [1, value, 2]}))
        assert f"row 2, column 'a': {said}" in refused(path, ["a"]).message
        path = tmp_path / "t.parquet"
        pa.parquet.write_table(pa.table({"a": pa.array([value, "1"])}), path)
        assert f"row 1, column 'a': {said}" in refused(path, ["a"]).message


def test_integers_of_typed_files_are_exact_or_refused(tmp_path):
    for name, values in (("a", [1, 2**53 + 1]), ("b", [1, 2**64 - 1])):
        path = tmp_path / "t.parquet"
        pyarrow.parquet.write_table(pa.table({name: pa.array(values, pa.uint64())}), path)
        assert f"row 2, column '{name}': it is {values[1]}" in refused(path, [name]).message
        np.savez(tmp_path / "t.npz", **{name: np.array(values, np.uint64)})
        assert "row 2" in refused(tmp_path / "t.npz", [name]).message
    (tmp_path / "t.json").write_text('{"a": [1, 1e400], "b": [Infinity, 1], "c": [NaN, 1]}')
    for name, said in (("a", "row 2"), ("b", "row 1"), ("c", "row 1")):
        assert said in refused(tmp_path / "t.json", [name]).message


def test_a_claim_of_more_than_there_is_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" % 10**15
    header += b" " * (118 - len(header) - 1) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"1234")
    assert refused(path, [""]).code.ident == "LW3052"
    path = book(tmp_path / "t.xlsx", {"a": [["x"], [1]]})
    assert read_array(path).tolist() == [1.0]
    monkeypatch.setattr(sheets, "LARGEST", 1000)
    assert "unpacks to more than" in refused(path, ["x"]).message
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "x")
    assert refused(path, ["x"]).code.ident == "LW3052"


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.feather", "t.arrow"])
def test_a_missing_extra_is_named(tmp_path, name, monkeypatch):
    (tmp_path / name).write_bytes(b"")
    package = "openpyxl" if name == "t.xlsx" else "pyarrow"
    extra = "excel" if name == "t.xlsx" else "arrow"
    for module in [m for m in sys.modules if m.split(".")[0] == package] + [package]:
        monkeypatch.setitem(sys.modules, module, None)
    problem = refused(tmp_path / name)
    assert problem.code.ident == "LW1022"
    assert problem.help == f"pip install 'lanework[{extra}]'"


@pytest.mark.parametrize("cell", ["ab        NOT", "ab\0", "ab\0x"])
@pytest.mark.parametrize("arrow", [True, False])
def test_long_cells_and_nul_are_no_labels_for_the_fast_readers(cell, arrow, tmp_path, monkeypatch):
    from lanework.core.data import csvfast

    data = f"{cell}\nab\n".encode()
    read = csvfast._by_arrow if arrow else csvfast._by_numpy
    assert read(data, ["x"], ",", ["x"], {"x": ["ab"]}, pa.csv) is None
    path = tmp_path / "t.csv"
    path.write_bytes(b"x\n" + data)
    with pytest.raises(Diagnostic):
        read_columns(path, ["x"], {"x": ["ab"]})


@pytest.mark.parametrize("text", ['[{"x": 1, "x": 3}]', '{"x": [1], "y": [2], "x": [3]}'])
def test_a_name_that_is_there_twice_in_an_object_of_json(tmp_path, text):
    (tmp_path / "t.json").write_text(text)
    assert "the name 'x' twice" in refused(tmp_path / "t.json", ["x"]).message


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"x": [1, 2],\n "x": [3]}', 2, 2, "the name 'x' twice"),
        ('{"y": {"x": 1},\n "z": ["x", "x"],\n "x": [1], "x": [3]}', 3, 12, "the name 'x' twice"),
        ('[{"x": 1}, {"y": "x", "x": 2,\n  "x": 3}]', 2, 3, "the name 'x' twice"),
        ('{"x": [1, 2 3]}', 1, 13, "not JSON"),
        ('{"x": [1,\n 2}', 2, 3, "not JSON"),
        ("", 1, 1, "not JSON"),
    ],
)
def test_places_in_json(tmp_path, text, line, column, message):
    (tmp_path / "t.json").write_text(text)
    error = refused(tmp_path / "t.json", ["x"])
    assert (error.span.line, error.span.column) == (line, column)
    assert message in error.message
    assert f"line {line}:" in error.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"x": {"a": 1}}', "'x' is an object, and no list"),
        ('{"x": [[1, 2], [3]]}', "'x' has rows of different lengths"),
        ("[[1], 2]", "'the array' has rows of different lengths"),
    ],
)
def test_what_is_no_column_of_json(tmp_path, data, message):
    (tmp_path / "t.json").write_text(data)
    assert message in refused(tmp_path / "t.json", ["x"]).message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"x,y\r1,2\r3,4\r", 1),
        (b"x;y\r1;2\r", 1),
        (b"x\r1\r2", 1),
        (b"x,y\n1,2\r3,4\r", 2),
        (b"x,y\r\n1,2\r\n3,4\r5,6\r", 3),
        (b"x,y\r" + 300_000 * b"1,2\r", 1),
        (b"x,y\n" + 300_000 * b"1,2\r", 2),
    ],
)
def test_lines_that_end_in_a_carriage_return_alone(tmp_path, text, line):
    (tmp_path / "t.csv").write_bytes(text)
    error = refused(tmp_path / "t.csv", ["x"])
    assert (error.code.ident, error.span.line) == ("LW3052", line)
    assert f"line {line}: a line ends in a carriage return alone" in error.message
    assert "LF" in error.help


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ([True, False, True], [True, False, True]),
        ([1, "1", 2.5], [1, "1", 2.5]),
        (["a", None, "b"], ["a", "", "b"]),
        ([1, None, 3], [1, "", 3]),
        (["007", "7", "7.0"], ["007", "7", "7.0"]),
        ([2**53, 2**53 + 1, 2**63 - 1], [2**53, 2**53 + 1, 2**63 - 1]),
        ([1, 2, 3], [1, 2, 3]),
        ([0.5, 1.0, 1e300], [0.5, 1.0, 1e300]),
    ],
)
@pytest.mark.parametrize("ending", [".json", ".xlsx", ".parquet", ".feather", ".npz"])
def test_labels_in_files_are_what_was_written(tmp_path, ending, cells, labels):
    """What is true is no 1, a text no number, and what is empty has no label of its own."""
    path, kinds = tmp_path / f"t{ending}", {type(cell) for cell in cells}
    frame = pd.DataFrame({"id": pd.Series(cells, dtype=object).infer_objects(), "x": 0.5})
    if ending == ".json":
        path.write_text(json.dumps({"id": cells}))
    elif ending == ".xlsx":
        if any(isinstance(cell, int) and cell > 2**53 for cell in cells):
            return  # which a workbook has not
        frame.to_excel(path, index=False)
    elif len(kinds - {type(None)}) > 1 or (ending == ".npz" and None in cells):
        return  # columns of one type
    elif ending == ".npz":
        np.savez(path, id=np.array(cells))
    else:
        frame.to_parquet(path) if ending == ".parquet" else frame.to_feather(path)
    read = labels_in(str(path), "id").tolist()
    assert read == labels
    assert [isinstance(label, bool) for label in read] == [
        isinstance(label, bool) for label in labels
    ]


LABELS = {
    "even": [2**53, 2**53 + 2],
    "odd": [2**53 + 1, 2**53],
    "unlike": [2**53 + 1, 1],
    "unsigned": [2**64 - 1, 2**64 - 2],
    "small": [7, 12],
    "fractions": [0.5, 1e300],
}


@pytest.mark.parametrize("ids", LABELS)
@pytest.mark.parametrize("ending", [".parquet", ".json", ".npz"])
def test_labels_that_are_whole_numbers_stay_what_they_are(ids, ending, tmp_path):
    path, values = tmp_path / f"labels{ending}", LABELS[ids]
    if ending == ".parquet":
        pd.DataFrame({"id": values}).to_parquet(path)
    elif ending == ".json":
        path.write_text(json.dumps({"id": values}))
    else:
        np.savez(path, id=np.array(values))
    labels = labels_in(str(path), "id")
    assert labels.tolist() == values
    assert [type(label) for label in labels.tolist()] == [type(value) for value in values]


@pytest.mark.parametrize("values", [[True, 2], [0.5, 2**53 + 1], ["a", 1]])
def test_labels_of_several_kinds_stay_what_they_are(values, tmp_path):
    path = tmp_path / ("labels.xlsx" if values[0] is True else "labels.json")
    path.write_text(json.dumps({"id": values}))
    if values[0] is True:
        book = openpyxl.Workbook()
        for cell in ["id", *values]:
            book.active.append([cell])
        book.save(path)
    labels = labels_in(str(path), "id").tolist()
    assert labels == values
    assert [type(label) for label in labels] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("rows", "columns"), [(BLOCK, 1), (BLOCK + 1, 1), (1, BLOCK), (8, BLOCK // 4)]
)
def test_text_of_as_many_numbers_as_a_block_has(tmp_path, rows, columns):
    path = tmp_path / "grid.txt"
    path.write_text("\n".join([" ".join(["0.5"] * columns)] * rows) + "\n")
    assert read_grid(path).shape == (rows, columns)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a,b\n1,x\n", (2, 3, 4)),
        ("a,b\nx,1\n", (2, 1, 2)),
        ("n;a;b\n1;2;0,055\n", (2, 5, 10)),
        ('n,a,b\n"p, q",2,"0,055"\n', (2, 10, 17)),
        ('n,a,b\n"say ""so""",2,x y\n', (2, 16, 19)),
        ("n\ta\tb\n1\t2\t3\n\u00e9\t2\tx\r\n", (3, 5, 6)),
        ("a,b\n1,\n", (2, 3, 4)),
        ('n,b\n"two\nlines",x\n', (2, 1, 2)),
    ],
)
def test_the_column_of_a_cell_is_where_it_stands(write, text, place):
    wanted = "a" if text.startswith("a,b\nx") else "b"
    span = refused(write(text, "t.tsv" if "\t" in text else "t.csv"), [wanted]).span
    assert (span.line, span.column, span.end_column) == place
