"""Lanes out of files: labels beside them, whole numbers as they are written, and one input once."""

import json

import numpy as np
import pandas as pd
import pytest
import refusals
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.machines.register.cli import parse

pytestmark = pytest.mark.slow

SUM = lw.register.assemble("add r2, r0, r1\nhalt")
FLOATS = lw.register.assemble('.input "x" r0 f64\n.output "y" r1 f64\nmov r1, r0\nhalt')
ENDINGS = ("csv", "tsv", "csv.gz", "xlsx", "json", "npz", "parquet", "feather")


def refused(call, *words, code="LW4006"):
    refusals.refused(call, code, *words)


def write(path, ending, columns):
    """A table as a file of each kind; the path."""
    file = path / f"table{len(list(path.iterdir()))}.{ending}"
    frame = pd.DataFrame(columns)
    if ending.startswith(("csv", "tsv")):
        frame.to_csv(file, index=False, sep="\t" if ending == "tsv" else ",")
    elif ending == "xlsx":
        frame.to_excel(file, index=False)
    elif ending == "json":
        file.write_text(json.dumps(columns))
    elif ending == "npz":
        np.savez(file, **{name: np.array(values) for name, values in columns.items()})
    else:
        getattr(frame, f"to_{ending}")(file)
    return file


def run(tmp_path, program, *words):
    (tmp_path / "p.lasm").write_text(program.dis())
    return CliRunner().invoke(cli, ["run", str(tmp_path / "p.lasm"), *map(str, words)])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("title", ["lane", "lane_id", "id"])
@pytest.mark.parametrize("labels", [["a", "b", "c"], [30, 10, 20], ["007", "7", "x"]])
def test_lanes_of_files_are_matched_by_labels(tmp_path, ending, title, labels):
    one = write(tmp_path, ending, {title: labels, "v": [1, 2, 3]})
    two = write(tmp_path, ending, {title: labels[::-1], "w": [30, 20, 10]})
    result = SUM.run(**parse([f"r0={one}:v", f"r1={two}:w"], SUM.inputs))
    assert result["r2"].tolist() == [11, 22, 33]
    assert result.labels("lane", 3).tolist() == labels
    out = tmp_path / "out.csv"
    done = run(tmp_path, SUM, f"r0={one}:v", f"r1={two}", "--out", out)
    assert done.exit_code == 0, done.stderr
    assert out.read_text().split() == ["lane,r2", *map("{},{}".format, labels, (11, 22, 33))]
    assert json.loads(run(tmp_path, SUM, f"r0={one}:v", "r1=1", "--json").stdout)["coords"] == {
        "lane": labels
    }


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("labels", [["a", "b", "d"], ["a", "b"], ["a", "b", "b"], [0, 1, 2]])
def test_other_labels_in_files_are_refused(tmp_path, ending, labels):
    one = write(tmp_path, ending, {"id": ["a", "b", "c"], "v": [1, 2, 3]})
    two = write(tmp_path, ending, {"id": labels, "w": list(range(len(labels)))})
    done = run(tmp_path, SUM, f"r0={one}:v", f"r1={two}:w")
    assert done.exit_code == 1
    assert "LW4006" in done.stderr
    assert "input 'r1'" in done.stderr
    assert "along 'lane'" in done.stderr


def test_files_without_labels_go_by_place(tmp_path):
    one = write(tmp_path, "csv", {"v": [1, 2, 3]})
    two = write(tmp_path, "csv", {"id": ["c", "b", "a"], "w": [30, 20, 10]})
    counted = write(tmp_path, "csv", {"lane": [0, 1, 2], "v": [1, 2, 3]})
    for first in (f"r0={one}", f"r0={one}:v", "r0=1,2,3"):
        result = SUM.run(**parse([first, f"r1={two}"], SUM.inputs))
        assert result["r2"].tolist() == [31, 22, 13]
        assert result.labels("lane", 3).tolist() == ["c", "b", "a"]
    assert SUM.run(**parse([f"r0={counted}", f"r1={one}"], SUM.inputs)).coords == {}
    refused(lambda: SUM.run(**parse([f"r0={counted}", f"r1={two}"], SUM.inputs)), "'c'")


def test_labels_of_several_levels_and_other_names(tmp_path):
    one = write(tmp_path, "csv", {"k": ["x", "x", "y"], "n": [1, 2, 1], "v": [1, 2, 3]})
    two = write(tmp_path, "csv", {"n": [2, 1, 1], "k": ["x", "y", "x"], "v": [20, 30, 10]})
    words = [f"r0={one}:v", f"r1={two}:v", "--labels", "k,n"]
    out = tmp_path / "out.csv"
    assert run(tmp_path, SUM, *words, "--out", out).exit_code == 0
    assert out.read_text() == "k,n,r2\nx,1,11\nx,2,22\ny,1,33\n"
    done = run(tmp_path, SUM, *words[:2], "--labels", "k,m")
    assert "LW3055" in done.stderr
    assert "no column 'm'" in done.stderr
    unnamed = run(tmp_path, SUM, f"r0={one}:v", f"r1={two}:v", "--labels", "n")
    assert "more than once" in unnamed.stderr


LARGE = [2**64 - 1, 2**53 + 1, 2**63, 0, 7]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("count", [5, 7000])
def test_words_of_any_size_are_read_back(tmp_path, ending, count):
    words = np.resize(np.array(LARGE, np.uint64), count)
    copy = lw.register.assemble(".input r0 u64\n.output r1 u64\nmov r1, r0\nhalt")
    (file,) = copy.run(r0=words).save(tmp_path / f"out.{ending}")
    again = copy.run(**parse([f"r0={file}:r1"], copy.inputs))
    assert again["r1"].tolist() == words.tolist()
    signed = lw.register.assemble(".input r0 i64\n.output r1 i64\nmov r1, r0\nhalt")
    (file,) = signed.run(r0=words.view(np.int64)).save(tmp_path / f"signed.{ending}")
    assert (signed.run(**parse([f"r0={file}:r1"], signed.inputs))["r1"] == words.view("i8")).all()


@pytest.mark.parametrize("ending", ENDINGS)
def test_results_are_read_back_with_their_labels(tmp_path, ending):
    x = pd.Series([2**64 - 1, 2, 3], index=["a", "b", "c"])
    (file,) = SUM.run(r0=x, r1=[0, 0, 0]).save(tmp_path / f"out.{ending}")
    y = write(tmp_path, "csv", {"id": ["c", "b", "a"], "w": [3, 2, 0]})
    again = SUM.run(**parse([f"r0={file}:r2", f"r1={y}:w"], SUM.inputs))
    assert again["r2"].tolist() == [2**64 - 1, 4, 6]
    assert again.labels("lane", 3).tolist() == ["a", "b", "c"]


def test_columns_may_be_called_like_the_parts_of_a_result(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('{"outputs": [1, 2], "coords": [3, 4], "stats": [5, 6]}')
    assert SUM.run(**parse([f"r0={path}:outputs", f"r1={path}:stats"]))["r2"].tolist() == [6, 8]


@pytest.mark.parametrize("cell", ["1.0", "2.5", "1e3", "-0.0", "1e400", "", "NA", "0x10", "1,5"])
@pytest.mark.parametrize("rows", [2, 20_000])
def test_columns_are_as_strict_as_arguments(tmp_path, cell, rows):
    path = tmp_path / "t.tsv"
    path.write_text("v\tw\n" + "1\t1\n" * (rows - 1) + f"{cell}\t1\n")
    done = run(tmp_path, SUM, f"r0={path}:v", "r1=0")
    assert done.exit_code == 1
    assert f"line {rows + 1}, column 'v'" in done.stderr
    if cell not in ("", "NA", "0x10", "1,5"):
        assert run(tmp_path, SUM, f"r0={cell}", "r1=0").exit_code == 1


def test_floats_are_what_is_written(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x\n0.5\n1\n-0.0\n-0\nTrue\n9007199254740992\n1e16\n")
    result = FLOATS.run(**parse([f"x={path}"], FLOATS.inputs))["y"]
    expected = np.array([0.5, 1, -0.0, -0.0, 1, 2**53, 1e16])
    assert result.tobytes() == expected.tobytes()
    path.write_text("x\n0.5\n9007199254740993\n")
    refused(lambda: FLOATS.run(**parse([f"x={path}"], FLOATS.inputs)), "line 3, column 'x'", "f64")


@pytest.mark.parametrize("word", ["1e400", "-1e999", "9" * 400 + ".0", "x", "0x", "1 2", "50%"])
def test_arguments_that_no_float_holds(word):
    refused(lambda: parse([f"x={word}"], FLOATS.inputs), f"x={word}"[:20], code="LW8001")
    refused(lambda: parse([f"x=1,{word}"], FLOATS.inputs), code="LW8001")


def test_an_input_is_given_once(tmp_path):
    path = write(tmp_path, "csv", {"v": [1, 2]})
    for words in (["r0=1", "r0=2"], ["r0=1", f"r0={path}:v"], [f"r0={path}:v", "r1=1", "r0=1"]):
        refused(lambda w=words: parse(w, SUM.inputs), "'r0' is given twice", code="LW8001")


@pytest.mark.parametrize("text", ["1_0", "0x1_0", "1_0.5", "1,2_0"])
def test_numbers_have_no_underscores_on_the_command_line_either(text, tmp_path):
    path = tmp_path / "m.lasm"
    path.write_text('.machine register\n.input "a" r0 f64\n.output "b" r0 f64\nhalt\n')
    done = CliRunner().invoke(cli, ["run", str(path), f"a={text}"])
    assert done.exit_code == 1
    assert "LW8001" in done.output
