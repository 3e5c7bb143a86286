"""Models and tables on standard input, told by what comes in."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lanework.app.cli import cli

pytestmark = pytest.mark.slow

MODEL = """# A line that says nothing.
rate: "1" = input(axes="point")
y = rate * 2 + t * 0
output(y)
model("m", periods=2)
"""
FRAME = pd.DataFrame({"point": ["a", "b", "c"], "rate": [0.5, 1.5, 2.5]})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    Path("m.series").write_text(MODEL)
    return tmp_path


def call(data, *words, code=0):
    done = CliRunner().invoke(cli, list(map(str, words)), input=data)
    assert done.exit_code == code, done.output
    return done


def packed(frame, how):
    """A table as the bytes of a file of some kind."""
    file = io.BytesIO()
    if how in ("csv", "semicolons", "tsv"):
        return frame.to_csv(index=False, sep={"csv": ",", "tsv": "\t"}.get(how, ";")).encode()
    if how == "csv.gz":
        frame.to_csv(file, index=False, compression="gzip")
    elif how == "parquet":
        frame.to_parquet(file)
    elif how == "feather":
        frame.to_feather(file)
    elif how == "xlsx":
        frame.to_excel(file, index=False)
    elif how == "npz":
        np.savez(file, rate=frame["rate"], point=np.array(frame["point"].tolist()))
    elif how == "npy":
        np.save(file, frame["rate"])
    else:
        return json.dumps(frame.to_dict("list" if how == "json" else "records")).encode()
    return file.getvalue()


KINDS = ["csv", "semicolons", "tsv", "csv.gz", "parquet", "feather", "xlsx", "npz", "json", "rows"]


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("words", [["point=-"], ["point=-", "--block", "2"], ["rate=-:rate"]])
def test_tables_of_every_kind(how, words):
    call(packed(FRAME, how), "run", "m.series", *words, "--out", "out.csv")
    out = pd.read_csv("out.csv")
    assert out["y"].tolist()[::2] == (2 * FRAME["rate"]).tolist()
    if how not in ("npz",) or words[0] == "point=-":
        assert list(dict.fromkeys(out["point"])) == ["a", "b", "c"]


def test_an_array():
    done = call(packed(FRAME, "npy"), "run", "m.series", "rate=-", "--json")
    assert json.loads(done.stdout)["outputs"]["y"]["values"][0] == [1.0, 3.0, 5.0]


def test_a_model():
    FRAME.to_csv("t.csv", index=False)
    by_file = json.loads(call("", "run", "m.series", "point=t.csv", "--json").stdout)
    by_text = json.loads(call(MODEL, "run", "-", "point=t.csv", "--json").stdout)
    assert by_text["outputs"] == by_file["outputs"]
    assert "rate" in call(MODEL, "inspect", "-").stdout
    assert call(MODEL, "verify", "-").stdout
    call(MODEL, "compile", "-", "--out", "m.lwp")
    again = json.loads(call("", "run", "m.lwp", "point=t.csv", "--json").stdout)
    assert again["outputs"] == by_file["outputs"]


def test_a_model_has_its_tables_in_the_working_directory():
    Path("q.csv").write_text("age,q\n40,0.5\n")
    text = 'model("m", periods=1)\nq = table("q.csv", keys="age")\nx = input()\ny = q(x)\n'
    said = json.loads(call(text, "run", "-", "x=40", "--json").stdout)
    assert said["outputs"]["y"]["values"] == 0.5


@pytest.mark.parametrize("text", ["mul r0, r0, r1\n halt", ".machine register\n.input r0\nhalt"])
def test_assembly_is_no_model(text):
    assert "machine" in call(text, "inspect", "-").stdout


@pytest.mark.parametrize(
    ("data", "words", "said"),
    [
        (MODEL, ["-", "point=-"], "standard input is the program, and cannot be a table too"),
        ("rate\n1\n", ["m.series", "rate=-", "point=-"], "given for 'rate' and 'point'"),
        ("", ["m.series", "point=-"], "standard input is empty"),
        ("rate\n1\n1,5\n", ["m.series", "point=-"], "standard input, line 3: the row has 2"),
        ("rate\n1\n5%\n", ["m.series", "point=-"], "standard input, line 3, column 'rate': '5%'"),
        ("rate,sex\n1,F\n", ["m.series", "point=-"], "the column 'sex'"),
        (b"PAR1\0\0", ["m.series", "point=-"], "cannot be read"),
        ("x = input()\ny = x +* 2\n", ["-"], "standard input:2:8"),
        ("x = input()\ny = x + z\n", ["-", "x=1"], "names `z`"),
    ],
)
def test_what_is_wrong_with_it_is_said(data, words, said):
    assert said in call(data, "run", *words, code=1).stderr


def test_nothing_is_left_behind(folder):
    import subprocess
    import sys

    command = [sys.executable, "-m", "lanework", "run", "m.series", "point=-", "--out", "o.csv"]
    done = subprocess.run(command, input=packed(FRAME, "csv"), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv("o.csv")["point"].tolist()[::2] == ["a", "b", "c"]
    assert not list(folder.glob("lanework-*"))


def test_nothing_is_left_behind_by_who_is_ended(folder):
    import subprocess
    import sys

    before = set(folder.iterdir())
    command = [sys.executable, "-m", "lanework", "run", "m.series", "point=-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as running:
        running.stdin.write(b"point,rate\n" + b"a,1\n" * 100_000)  # more than a pipe holds
        running.terminate()
        running.wait()
    assert set(folder.iterdir()) == before
