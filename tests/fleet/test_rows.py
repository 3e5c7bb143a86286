"""Words of inputs by their labels: of several shapes, in files, and numbers as they are written."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import refusals
import xarray as xr
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli

GRID = lw.fleet.assemble(
    ".buffer u, 0, 6, inout\n.buffer v, 6, 3, inout\n.buffer w, 9, 2, inout\nHALT"
)
U = pd.DataFrame(np.arange(6.0).reshape(2, 3), index=["r", "s"], columns=list("xyz"))
V = pd.Series([10.0, 20.0, 30.0], index=list("xyz"))
W = pd.Series([7.0, 8.0], index=["r", "s"])


def refused(call, *words):
    refusals.refused(call, "LW6010", *words)


def wide(frame, kind):
    if kind == "xarray":
        coords = {"r": list(frame.index), "c": list(frame.columns)}
        return xr.DataArray(frame.to_numpy(), dims=("r", "c"), coords=coords)
    return frame


@pytest.mark.parametrize("kind", ["pandas", "xarray"])
@pytest.mark.parametrize("rows", [["r", "s"], ["s", "r"]])
@pytest.mark.parametrize("columns", [list("xyz"), list("zxy")])
@pytest.mark.parametrize("first", ["u", "v", "w"])
def test_axes_of_several_shapes_are_matched(kind, rows, columns, first):
    given = {"u": wide(U.loc[rows, columns], kind), "v": V[::-1], "w": W}
    given = {first: given.pop(first), **given}
    result = GRID.run(**given)
    u = pd.DataFrame(result["u"], index=result.coords["u_0"], columns=result.coords["u_1"])
    assert u.loc[["r", "s"], list("xyz")].to_numpy().tolist() == U.to_numpy().tolist()
    assert result.coords["v_word"].tolist() == result.coords["u_1"].tolist()
    assert result.coords["w_word"].tolist() == result.coords["u_0"].tolist()
    assert result["v"].tolist() == V[result.coords["u_1"]].tolist()
    assert result["w"].tolist() == W[result.coords["u_0"]].tolist()


def test_axes_that_differ_in_part_are_refused():
    for labels in (list("xyw"), list("xxy"), ["z", "p", "q"]):
        refused(lambda i=labels: GRID.run(u=U, v=pd.Series([1, 2, 3], index=i)), "'v'", "to_numpy")
    other = pd.Series([1, 2, 3], index=list("pqr"))  # other things
    assert GRID.run(u=U, v=other)["v"].tolist() == [1, 2, 3]
    assert GRID.run(u=U, v=[1, 2, 3], w=W[::-1])["w"].tolist() == [7, 8]
    named = U.rename_axis("way").rename_axis("plan", axis=1)
    for name in ("plan", None):
        v = V[::-1].rename_axis(name)
        assert GRID.run(u=named, v=v)["v"].tolist() == [10, 20, 30]
    refused(lambda: GRID.run(u=named, v=other.rename_axis("plan")), "'v'")  # called the same
    assert GRID.run(u=named, v=V[::-1].rename_axis("day"))["v"].tolist() == [30, 20, 10]


def test_as_many_words_are_the_same_words():
    pair = lw.fleet.assemble(".buffer u, 0, 6, inout\n.buffer v, 6, 6, inout\nHALT")
    long = U.stack()
    assert pair.run(u=U, v=long[::-1])["v"].tolist() == U.to_numpy().reshape(-1).tolist()
    assert pair.run(u=long, v=U)["u"].tolist() == U.to_numpy().reshape(-1).tolist()
    refused(lambda: pair.run(u=U, v=pd.Series(range(6), index=list("abcdef"))), "'v'", "to_numpy")
    assert pair.run(u=U, v=np.arange(6))["v"].tolist() == list(range(6))
    refused(lambda: pair.run(u=U, v=U.T.stack()), "'v'")  # ('x', 'r') is not ('r', 'x')


def test_rows_and_columns_of_a_square():
    square = lw.fleet.assemble(".buffer u, 0, 4, inout\n.buffer v, 4, 2, inout\nHALT")
    cov = pd.DataFrame([[1, 2], [3, 4]], index=["a", "b"], columns=["b", "a"])
    v = pd.Series([5, 6], index=["b", "a"])
    assert square.run(u=cov, v=v)["u"].tolist() == [[2, 1], [4, 3]]
    assert square.run(u=cov, v=v)["v"].tolist() == [6, 5]
    ways = cov.rename_axis("from").rename_axis("to", axis=1)  # and so other things
    assert square.run(u=ways)["u"].tolist() == [[1, 2], [3, 4]]
    years = pd.DataFrame([[1, 2], [3, 4]], index=[2020, 2021], columns=[2021, 2022])
    assert square.run(u=years)["u"].tolist() == [[1, 2], [3, 4]]


def test_labels_that_are_called_like_attributes():
    odd = ["dims", "get_column", "iloc"]
    frame = U.set_axis(odd, axis=1)
    for v in (V.set_axis(odd), V.set_axis(odd)[::-1]):
        result = GRID.run(u=frame, v=v, w=W.set_axis(["columns", "row_labels"]))
        assert result["v"].tolist() == [10, 20, 30]


def test_names_of_columns_are_labels_whatever_the_library():
    frame = pl.DataFrame({"x": [0, 3], "y": [1, 4], "z": [2, 5]})
    for table in (frame, frame.to_arrow()):
        assert GRID.run(u=table, v=V[::-1])["v"].tolist() == [10, 20, 30]
        refused(lambda t=table: GRID.run(u=t, v=V.set_axis(list("xyw"))), "'v'")


# Files --------------------------------------------------------------------------------------------

THREE = ".machine fleet\n.buffer a, 0, 3, inout\n.buffer b, 3, 3, inout, u32\nHALT\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.lasm").write_text(THREE)

    def call(*words, code=None):
        done = CliRunner().invoke(cli, ["run", "p.lasm", *words, "--engine", "reference", "--json"])
        if code is None:
            assert done.exit_code == 0, done.output
            return json.loads(done.stdout)
        assert done.exit_code == 1, done.output
        error = json.loads(done.stdout)["error"]
        assert error["code"] == code, error
        return f"{error['message']} {error['help']}"

    return call


@pytest.mark.parametrize("title", ["id", "word", "word_id", "{}_word"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx", "json", "npz"])
def test_columns_of_files_are_matched_by_labels(run, tmp_path, title, ending):
    for name, labels, values in (
        ("a", ["p", "q", "r"], [1, 2, 3]),
        ("b", ["r", "q", "p"], [9, 8, 7]),
    ):
        columns = {title.format(name): labels, name: values}
        path = tmp_path / f"{name}.{ending}"
        frame = pd.DataFrame(columns)
        if ending == "json":
            path.write_text(json.dumps(columns))
        elif ending == "npz":
            np.savez(path, **columns)
        else:
            write = {"csv": frame.to_csv, "xlsx": frame.to_excel, "parquet": frame.to_parquet}
            write[ending](path, index=False)
    done = run(f"a=a.{ending}:a", f"b=b.{ending}:b")
    assert done["outputs"]["b"] == [7, 8, 9]
    assert done["coords"]["b_word"] == ["p", "q", "r"]
    (tmp_path / "c.csv").write_text("id,c\nq,1\np,2\ns,3\n")
    assert "'s'" in run(f"a=a.{ending}:a", "b=c.csv:c", code="LW6010")


def test_results_are_read_back_with_their_labels(run, tmp_path):
    (tmp_path / "a.csv").write_text("k,n,a\nx,1,0.1\nx,2,2\ny,1,3\n")
    words = ["run", "p.lasm", "a=a.csv:a", "--labels", "k,n", "--engine=reference"]
    for out in ("o.csv", "o.xlsx", "o.npz", "o.parquet"):
        assert CliRunner().invoke(cli, [*words, "--outputs", "a", "--out", out]).exit_code == 0
        back = run(f"a={out}:a", "--labels", "k,n")
        assert back["outputs"]["a"] == [float(np.float32(0.1)), 2, 3]
        assert back["coords"]["a_word"] == ["x, 1", "x, 2", "y, 1"]


@pytest.mark.parametrize("large", ["16777217", "33554433", "-16777217", "99999999999999999999"])
def test_no_number_is_rounded_on_its_way(run, tmp_path, large):
    (tmp_path / "t.txt").write_text(f"# three\n1 2\n{large} 4\n")
    (tmp_path / "g.csv").write_text(f"1,{large},3\n")
    (tmp_path / "c.csv").write_text(f"a\n1\n{large}\n3\n")
    (tmp_path / "j.json").write_text(f'{{"a": [0.5, {large}, 1]}}')
    for word in (f"a=1,{large},3", f"a=0.5,{large},1e3", "a=g.csv", "a=c.csv:a", "a=j.json"):
        assert large in run(word, code="LW6010" if len(large) < 20 or "g" not in word else "LW3053")
    assert large in run("--shared", "t.txt", code="LW6010")
    for number in ("16777218", "1e30", "16777217.0", "1.6777217e7"):  # a float may be rounded
        (tmp_path / "t.txt").write_text(f"1 2\n{number} 4\n")
        for words in ((f"a=1,2,{number}",), ("--shared", "t.txt")):
            assert run(*words)["outputs"]["a"][2] == float(np.float32(number))


@pytest.mark.parametrize("word", ["1e400", "-1e400", "1e39", "9" * 500])
def test_what_is_beyond_the_floats_is_refused(run, tmp_path, word):
    (tmp_path / "t.txt").write_text(f"1 2 {word}\n")
    (tmp_path / "g.csv").write_text(f"1,2,{word}\n")
    for given in (f"a=1,2,{word}", "a=t.txt", "a=g.csv"):
        done = CliRunner().invoke(cli, ["run", "p.lasm", given, "--engine=reference"])
        assert done.exit_code == 1, done.output
        assert word[:20] in done.stderr or "1e+39" in done.stderr


def test_texts_of_numbers_say_where_they_are_none(run, tmp_path):
    path = tmp_path / "t.txt"
    for text, said in (("1 2\n3 x\n", "line 2, column '2': 'x'"),
                       ("1 2\n3\n", "line 2: the row has 1"),
                       ("1\n# 2\n\nnan", "line 4"), ("", "empty"), ("1 1_0 2", "column '2'"),
                       ("1 \xff", "column '2'")):  # fmt: skip
        path.write_text(text, encoding="latin-1")
        done = CliRunner().invoke(cli, ["run", "p.lasm", "a=t.txt", "--engine=reference"])
        assert done.exit_code == 1
        assert said in done.stderr
    path.write_text("1e0\t2.5  # two\n\n3 4\r\n5 6\n")
    assert run("--shared", "t.txt")["outputs"]["b"] == [4, 5, 6]


def test_shared_memory_holds_what_its_buffers_hold(run, tmp_path):
    program = lw.compile(tmp_path / "p.lasm").bind("reference")
    for given in ([0.5, 2, 3, 4, 2**32 - 1, 6], np.array([0.5, 2, 3, 4, 2**32 - 1, 6]),
                  pl.Series([0.5, 2, 3, 4, 2**32 - 1, 6])):  # fmt: skip
        result = program(shared=given)
        assert result["a"].tolist() == [0.5, 2, 3]
        assert result["b"].tolist() == [4, 2**32 - 1, 6]
        assert program(shared=result["shared"])["b"].tolist() == [4, 2**32 - 1, 6]  # words
    for bad, place in ([1, 2, 3, 0.5], 3), ([1, 2, 3, 4, -1], 4), ([1, 2, 2**24 + 1], 2):
        refused(lambda b=bad: program(shared=b), f"'shared' at {place}")
    for text in ("1 2 3 4294967295 5", "1,2,3,4294967295,5"):
        name = "t.csv" if "," in text else "t.txt"
        (tmp_path / name).write_text(text)
        assert run("--shared", name)["outputs"]["b"] == [2**32 - 1, 5, 0]
    both = ".buffer a, 0, 2, temp steps 0 0\n.buffer b, 0, 2, temp, u32, steps 1 1\n"
    both += ".routine m\nHALT\n.repeat 2\n.phase\n.launch m, 1\n.end"
    refused(lambda: lw.fleet.assemble(both).run(shared=[1, 2]), "word 0", "f32 and u32", "names")


def test_archives_say_which_array(run, tmp_path):
    np.savez(tmp_path / "two.npz", x=[1, 2, 3], y=[4, 5, 6])
    (tmp_path / "two.npy").write_bytes((tmp_path / "two.npz").read_bytes())
    np.save(tmp_path / "records.npy", np.zeros(3, [("x", "f4"), ("y", "f4")]))
    for name in ("two.npz", "records.npy", "two.npy"):
        code = "LW3055" if name == "two.npz" else "LW8001"
        assert "2 columns" in run(f"a={name}", code=code)
        assert "2 columns" in run("--shared", name, code=code)
    assert run("a=two.npz:y")["outputs"]["a"] == [4, 5, 6]
    np.savez(tmp_path / "one.npz", a=[1, 2, 3], y=[4, 5, 6])
    assert run("a=one.npz")["outputs"]["a"] == [1, 2, 3]


def test_an_input_is_given_once(run):
    assert "twice" in run("a=1,2,3", "a=1,2,3", code="LW8001")
