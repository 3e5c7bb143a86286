"""What a run is asked for and cannot do is refused before it: runs without fuel would trap."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from lanework.app.cli import cli
from lanework.core.result.picture import read_picture
from lanework.machines.belief.queries import infer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FIB = (EXAMPLES / "fib.lasm", "r0=9")
DOUBLE = (EXAMPLES / "fleet" / "double.lasm",)
TURNS = (EXAMPLES / "fleet" / "mandelbrot.lasm", "--outputs", "turns")
TWO = ("two.series", "a=1", "--periods", "9")
NET = ("net.uai",)
FILES = {
    "two.series": 'model("m")\na = input()\nb = prev(b, initial=a) * 2\nc = a + b\n'
    "output(b)\noutput(c)\n",
    "net.uai": "MARKOV\n2\n2 2\n1\n2 0 1\n\n4\n 4.000 2.400\n 1.000 0.000\n",
    "rows.csv": "0\n0\n1\n",
    "time.csv": "a\n1\n2\n",
    "t.csv": "a\n1\n2\n",
    "wide.lasm": ".machine fleet\n.shared 2000000\nHALT\n",
}


def call(*words):
    """`lanework run` with these words."""
    return CliRunner().invoke(cli, ["run", *map(str, words)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)
    Path("here.csv").mkdir()
    monkeypatch.setattr(infer, "run_groups", None)  # networks need no fuel


REFUSED = [
    ("LW0201", "make the folder first", (*FIB, "--out", "no/a.csv")),
    ("LW0201", "make the folder first", (*DOUBLE, "--out", "no/a.csv")),
    ("LW0201", "make the folder first", (*TWO, "--out", "no/a.csv")),
    ("LW0201", "make the folder first", (*NET, "--out", "no/a.csv")),
    ("LW0201", "give a file, not a folder", (*FIB, "--out", "here.csv")),
    ("LW1023", "its ending is '.pgm'", (*FIB, "--out", "a.pgm")),
    ("LW1023", "its ending is '.txt'", (*DOUBLE, "--out", "a.txt")),
    ("LW1024", "the result has 2 outputs", (*TWO, "--out", "a.npy")),
    ("LW1024", "the result has 2 outputs", (*TURNS[:1], "--out", "a.pgm")),
    ("LW1027", "has 1,048,575 rows", ("wide.lasm", "--out", "a.xlsx")),
    ("LW1028", "give --width N", (*TURNS, "--out", "a.pgm")),
    ("LW1028", "no whole rows of 100 samples", (*TURNS, "--out", "a.pgm", "--width", "100")),
    ("LW1028", "samples of three words", (*TURNS, "--out", "a.ppm", "--width", "256")),
    ("LW5012", "write .json or .npz", (*NET, "--query", "gradient", "--out", "a.csv")),
    ("LW5012", "ask with --query all", (*NET, "--query", "z", "--out", "a.mar")),
    ("LW5012", "ask with --query mpe", (*NET, "--out", "a.mpe")),
    ("LW5012", "one row of evidence, not 2", (*NET, "--evidence", "rows.csv", "--out", "a.pr")),
]


@pytest.mark.parametrize(("code", "said", "words"), REFUSED)
def test_what_no_run_can_write_is_refused_before_it(folder, code, said, words):
    done = call(*words, *(() if words[0] in NET else ("--fuel", 0)))
    assert done.exit_code == 1, done.output
    assert f"error[{code}]" in done.stderr
    assert said in done.stderr


IDLE = [
    ("--csv-safe", "give --out FILE.csv", (*FIB, "--csv-safe")),
    ("--csv-safe", "give --out FILE.csv", (*DOUBLE, "--csv-safe", "--out", "a.npy")),
    ("--csv-safe", "give --out FILE.csv", (*NET, "--csv-safe", "--out", "a.xlsx")),
    ("--labels", "r0=FILE.csv:n", (*FIB, "--labels", "a")),
    ("--labels", "x=FILE.csv:x", (*DOUBLE, "--labels", "a")),
    ("--lanes", "point=FILE", (*TWO, "--lanes", "3")),
    ("--lanes", "point=FILE", (*TWO[:1], "time=time.csv", "--lanes", "3")),
    ("--block", "point=FILE", (*TWO, "--block", "3")),
    ("--block", "write .csv", (*TWO[:1], "point=t.csv", "--block", "3", "--out", "a.npz")),
    ("--fuel", "give --deadline", (*NET, "--fuel", "3")),
    ("--seed", "--query sample:N", (*NET, "--seed", "0")),
    ("--lanes", "--evidence FILE", (*NET, "--lanes", "3")),
    ("--wide", "--out FILE.csv", (*NET, "--wide")),
    ("--wide", "--out FILE.csv", (*NET, "--wide", "--out", "a.npz")),
    ("--width", "give --out FILE.pgm", (*DOUBLE, "--width", "3")),
    ("--out", "leave out --trace", (*DOUBLE, "--trace", "vm=1", "--out", "a.npy")),
    ("--outputs", "leave out --trace", (*DOUBLE, "--trace", "vm=1", "--outputs", "shared")),
    ("--width", "leave out --trace", (*DOUBLE, "--trace", "vm=1", "--width", "3")),
]


@pytest.mark.parametrize(("option", "said", "words"), IDLE)
def test_options_without_effect_are_refused_with_what_gives_them_one(folder, option, said, words):
    done = call(*words)
    assert done.exit_code == 1, done.output
    assert f"error[LW8001]: {option} has no effect" in done.stderr
    assert said in done.stderr


def test_programs_that_are_compiled_take_no_options_of_models(folder):
    CliRunner().invoke(cli, ["compile", "two.series"])
    CliRunner().invoke(cli, ["compile", "net.uai"])
    for words in (("two.lwp", "--override", "b"), ("net.lwp", "--query", "z")):
        done = CliRunner().invoke(cli, ["compile", *words, "--out", "a.lwp"])
        assert done.exit_code == 1
        assert f"{words[1]} has no effect" in done.stderr
    assert CliRunner().invoke(cli, ["compile", "net.lwp", "--out", "a.lwp"]).exit_code == 0


def test_a_picture_that_a_fleet_makes_has_the_width_that_it_is_told(folder):
    done = call(*TURNS, "--out", "turns.pgm", "--width", 256, "--engine", "reference")
    assert done.exit_code == 0, done.output
    picture = read_picture(Path("turns.pgm").read_bytes())
    assert picture.shape == (256, 256)
    assert picture[128, 170] == 64  # 0 is inside the set
    assert picture[0, 0] == 1
