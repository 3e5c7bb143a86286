"""Readers of input columns, against the csv module, pandas and pyarrow."""

import csv
import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanework.base.errors import Diagnostic
from lanework.core.data.files import (
    column_names,
    iter_columns,
    read_array,
    read_columns,
)

EXAMPLES = Path(__file__).parents[2] / "examples"


def refused(path, wanted=("a", "b"), categories=None):
    with pytest.raises(Diagnostic) as caught:
        read_columns(path, wanted, categories)
    return caught.value


@pytest.fixture
def write(tmp_path):
    def make(text, name="points.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(2**53), 2**53),
            st.sampled_from(["A", "B, C", 'say "x"', "two\nlines"]),
        ),
        min_size=1,
        max_size=30,
    ),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(1, 40),
)
def test_what_the_csv_module_writes_is_read_back_to_the_bit(
    tmp_path_factory, rows, quoting, end, block
):
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator=end)
    writer.writerow(["x", "n", "label"])
    writer.writerows([repr(x), n, label] for x, n, label in rows)
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text(text.getvalue(), newline="")
    labels = ("A", "B, C", 'say "x"', "two\nlines")
    blocks = list(iter_columns(path, ["label", "x", "n"], block, {"label": labels}))
    got = {name: np.concatenate([b[name] for b in blocks]) for name in ("x", "n", "label")}
    assert got["x"].tobytes() == np.array([row[0] for row in rows]).tobytes()
    assert got["n"].tolist() == [row[1] for row in rows]
    assert [labels[int(i)] for i in got["label"]] == [row[2] for row in rows]


def test_published_points_are_read_as_pandas_reads_them():
    path = EXAMPLES / "data/basicterm_me/model_point_table.csv"
    frame = pd.read_csv(path)
    wanted = ["sum_assured", "age_at_entry", "duration_mth"]
    got = read_columns(path, [*wanted, "sex"], {"sex": ("F", "M")})
    for name in wanted:
        assert got[name].tolist() == frame[name].tolist()
    assert got["sex"].tolist() == (frame["sex"] == "M").astype(float).tolist()
    assert [len(b["sex"]) for b in iter_columns(path, [*wanted, "sex"], 4096, {"sex": "FM"})] == [
        4096,
        4096,
        1808,
    ]


@pytest.mark.parametrize(
    ("text", "ident", "said"),
    [
        ("a,b\n1,2\n3,x\n", "LW3053", "line 3, column 'b': 'x' is not a number"),
        ("a,b\n1,2\n3,\n", "LW3053", "line 3, column 'b': the cell is empty"),
        ("a,b\n1,nan\n", "LW3053", "line 2, column 'b': the value is missing"),
        ("a,b\n1,1_0\n", "LW3053", "'1_0' is not a number"),
        ("a,b\n1,2\n3\n", "LW3054", "line 3: the row has 1 cells and the header 2"),
        ("a,b\n\n1,2\n3,4,5\n", "LW3054", "line 4: the row has 3"),
        ("a,b\n1,2,\n3\n", "LW3054", "line 2: the row has 3"),
        ('a,b\n1,"2\n"\n3,y\n', "LW3053", "line 4, column 'b'"),
        ('a,b\n1,"2\n3,4\n', "LW3052", "never closes"),
        ("a,a\n1,2\n", "LW3052", "two columns named 'a'"),
        (b"", "LW3052", "is empty"),
        (b"a,b\n\xff,2\n", "LW3052", "line 2: it is not UTF-8"),
        (bytes(range(256)) * 4, "LW3052", "is not text"),
    ],
)
def test_bad_tables_are_refused_with_line_and_column(write, text, ident, said):
    problem = refused(write(text))
    assert problem.code.ident == ident
    assert said in problem.message
    assert problem.help


@pytest.mark.parametrize("row", ["1,2", "1,2,3,4", "1"])
def test_rows_are_ragged_even_where_nobody_looks(write, row):
    problem = refused(write(f"a,b,c\n1,2,3\n{row}\n"), ["a"])
    assert problem.code.ident == "LW3054"


def test_a_bad_cell_far_down_is_found_at_its_line(write):
    lines = ["a,b", *(f"{i},{i}" for i in range(9000)), "1,oops", *("1,1" for _ in range(50))]
    with pytest.raises(Diagnostic, match="line 9002, column 'b': 'oops'"):
        list(iter_columns(write("\n".join(lines)), ["a", "b"], 1000))


def test_a_missing_column_gets_a_suggestion(write):
    problem = refused(write("a,bb\n1,2\n"))
    assert problem.code.ident == "LW3055"
    assert problem.help == "did you mean 'bb'?"


def test_an_unknown_label_names_the_categories(write):
    problem = refused(write("a,b\n1,M\n2,Male\n"), categories={"b": ("F", "M")})
    assert problem.code.ident == "LW3020"
    assert "line 3, column 'b': 'Male'" in problem.message
    assert problem.help == "the categories are F, M"


def test_a_label_longer_than_any_category_is_not_cut_to_fit(write):
    problem = refused(write("a,b\n1,typewriter\n"), categories={"b": ("type",)})
    assert "'typewriter'" in problem.message


@pytest.mark.parametrize("name", ["points.xls", "points", "points.cvs"])
def test_unknown_endings_are_refused(write, name):
    problem = refused(write("a,b\n1,2\n", name))
    assert problem.code.ident == "LW3056"


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(Diagnostic) as caught:
            column_names(path if path.suffix else path / ".." / path.name / "x.parquet")
        assert caught.value.code.ident == "LW3051"


def test_blank_lines_a_byte_order_mark_and_truth_values_are_fine(write):
    got = read_columns(write(b"\xef\xbb\xbf a , b\r\n1,True\r\n\r\n3,false\r\n"), ["a", "b"])
    assert {name: column.tolist() for name, column in got.items()} == {
        "a": [1.0, 3.0],
        "b": [1.0, 0.0],
    }
    assert read_columns(write("a\n1\n\n2\n"), ["a"])["a"].tolist() == [1.0, 2.0]


def test_parquet_in_blocks(tmp_path):
    rows = 2500
    frame = pd.DataFrame({"a": np.arange(rows), "b": np.arange(rows) / 7, "s": ["x", "y"] * 1250})
    path = tmp_path / "t.parquet"
    frame.to_parquet(path, row_group_size=700)
    blocks = list(iter_columns(path, ["b", "s"], 1000, {"s": ("x", "y")}))
    assert np.concatenate([b["b"] for b in blocks]).tolist() == frame["b"].tolist()
    assert np.concatenate([b["s"] for b in blocks]).tolist() == [0.0, 1.0] * 1250
    frame.loc[1700, "b"] = np.nan
    frame.to_parquet(path)
    with pytest.raises(Diagnostic, match="row 1701, column 'b': the value is missing"):
        list(iter_columns(path, ["b"], 1000))


@pytest.mark.parametrize("ending", [".parquet", ".npy", ".npz", ".json"])
def test_damaged_files_are_refused(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    good = {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    if ending == ".parquet":
        pd.DataFrame(good).to_parquet(path)
    elif ending == ".npy":
        np.save(path, pd.DataFrame(good).to_records(index=False))
    elif ending == ".npz":
        np.savez(path, **good)
    else:
        path.write_text(json.dumps(good))
    assert read_columns(path, ["b"])["b"].tolist() == [3.0, 4.0]
    full = path.read_bytes()
    for cut in range(0, len(full) - 1, max(1, len(full) // 40)):
        path.write_bytes(full[:cut])
        assert refused(path).code.ident == "LW3052"


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickles_are_never_loaded(tmp_path):
    path, sprung = tmp_path / "t.npy", tmp_path / "sprung"
    np.save(path, np.array([Trap(sprung)], dtype=object), allow_pickle=True)
    assert refused(path, [""]).code.ident == "LW3052"
    np.savez(tmp_path / "t.npz", a=np.array([Trap(sprung)], dtype=object))
    problem = refused(tmp_path / "t.npz", ["a"])
    assert problem.code.ident == "LW3052"
    assert "Python objects" in problem.message
    assert "astype" in problem.help
    assert not sprung.exists()


def test_json_columns_and_rows(write):
    rows = write('[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]', "t.json")
    assert read_columns(rows, ["a"])["a"].tolist() == [1.0, 2.0]
    assert read_array(rows, "b", ("y", "x")).tolist() == [1.0, 0.0]
    assert refused(rows).code.ident == "LW3053"
    ragged = write('{"a": [1, 2], "b": [1]}', "r.json")
    assert refused(ragged).code.ident == "LW3054"
    assert read_array(write("[[1, 2], [3, 4]]", "m.json")).shape == (2, 2)


def test_one_array_of_many_has_to_be_named(write):
    path = write("a,b\n1,x\n2,y\n")
    assert read_array(path, "a").tolist() == [1.0, 2.0]
    assert read_array(path, "b", ("x", "y")).tolist() == [0.0, 1.0]
    with pytest.raises(Diagnostic, match="line 2, column 'b': 'x' is not a number"):
        read_array(path, "b")
    with pytest.raises(Diagnostic, match="2 columns, and none is named"):
        read_array(path)


def test_streaming_needs_memory_for_blocks_only(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write("a,b,c\n")
        for _ in range(40):
            file.write("1.5,2.5,3.5\n" * 5000)
    tracemalloc.start()
    total = sum(len(block["a"]) for block in iter_columns(path, ["a", "c"], 4096))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 200_000
    assert peak < 2_000_000  # the columns alone are 3.2 MB
