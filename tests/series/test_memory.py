"""The memory cap bounds what a run adds to the process: in blocks, streamed, and at once."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import lanework as lw

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's"),
]

MODEL = """model("m", periods=12)
x = input(axes="point")
r = input(axes="point")
y = prev(y, initial=x) * (1 + r)
output(y)
output(all=total(y), reduce="point")
"""
GOAL = """model("goal", periods=1)
x = input(axes="point")
r = input(axes="point")
k = input(default=1.0)
z = last(x * k + r - 3)
output(z)
"""
PEAK = """
def peak():
    import pyarrow.csv, pyarrow.parquet  # libraries are not of the run
    line = [line for line in open("/proc/self/status") if "VmHWM" in line][0]
    return 1024 * int(line.split()[1])
"""
COMMAND = f"""{PEAK}
import sys
from lanework.app.cli import cli
try:
    cli(sys.argv[1:], standalone_mode=False)
finally:
    print()
    print(peak())
"""
ROWS = 150_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("memory")
    (path / "m.series").write_text(MODEL)
    (path / "goal.series").write_text(GOAL)
    for rows, name in ((ROWS, "many"), (10, "few")):
        labels = [f"P{n:07}" for n in range(rows)]
        frame = pd.DataFrame({"point": labels, "x": np.arange(rows) + 0.25, "r": 0.01})
        frame.to_csv(path / f"{name}.csv", index=False)
        frame.to_parquet(path / f"{name}.parquet")
    return path


def last_line(text, *words, cwd=None):
    command = [sys.executable, "-c", text, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize(
    ("table", "engine", "out"),
    [
        (".csv", "reference", ["--json"]),
        (".parquet", "llvm", ["--json"]),
        (".csv", "llvm", ["--out", "out.csv"]),
        (".parquet", "reference", ["--out", "out.csv"]),
    ],
)
def test_tables_of_any_length_run_under_the_cap(folder, table, engine, out):
    cap = 40_000_000
    words = ["run", "m.series", *out, "--engine", engine, "--memory", cap, "--threads", 1]
    base = last_line(COMMAND, *words, f"point=few{table}", cwd=folder)
    assert last_line(COMMAND, *words, f"point=many{table}", cwd=folder) - base <= 1.05 * cap
    if out == ["--out", "out.csv"]:
        with (folder / "out.csv").open() as file:
            assert sum(1 for _ in file) == 1 + 12 * ROWS


def refused(text, *words, cwd):
    """The peak, and what was said, of a command that does not do what it was asked for.

    Its error holds what it had, and libraries would be loaded beside that.
    """
    command = [sys.executable, "-c", text, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    return int(done.stdout.split()[-1]), done.stderr


@pytest.mark.parametrize("out", ["out.json", "out.npz"])
def test_results_are_written_under_the_cap_in_every_form(folder, out):
    """Of a file that is no table all lanes are held; what is written of them is not, beside it."""
    cap = 60_000_000
    words = ["run", "m.series", "--out", out, "--memory", cap, "--threads", 1]
    base = last_line(COMMAND, *words, "point=few.csv", cwd=folder)
    assert last_line(COMMAND, *words, "point=many.csv", cwd=folder) - base <= 1.05 * cap


@pytest.mark.parametrize("out", ["wide.csv", "wide.tsv.gz"])
def test_wide_tables_are_written_under_the_cap(folder, out):
    """Many outputs of lanes, fewer of which are in a block."""
    cap = 32_000_000
    outputs = (f"x{n} = prev(x{n}, initial=x) + r\noutput(x{n})\n" for n in range(60))
    begin = 'model("w", periods=12)\nx = input(axes="point")\nr = input(axes="point")\n'
    (folder / "w.series").write_text(begin + "".join(outputs))
    words = ["run", "w.series", "--out", out, "--memory", cap, "--threads", 1, "--lanes", 6000]
    base = last_line(COMMAND, *words, "point=few.csv", cwd=folder)
    assert last_line(COMMAND, *words, "point=many.csv", cwd=folder) - base <= 1.05 * cap


@pytest.mark.parametrize("cap", [8_000_000, 24_000_000])
@pytest.mark.parametrize(
    "words",
    [
        ["run", "m.series", "--out", "out.npz"],
        ["seek", "goal.series", "--variable", "k", "--output", "z"],
        ["solve", "goal.series", "--variables", "k", "--residuals", "z"],
    ],
    ids=lambda words: words[0],
)
def test_lanes_that_do_not_fit_are_refused_before_they_are_held(folder, words, cap):
    """By what is read so far, or by what is to be done with it."""
    words = [*words, "--memory", cap]
    text = f"import pyarrow.csv, pyarrow.parquet\n{COMMAND}"
    base = last_line(text, *words, "point=few.csv", cwd=folder)
    peak, said = refused(text, *words, "point=many.csv", cwd=folder)
    assert "LW0101" in said
    assert peak - base <= 1.05 * cap


def test_searches_in_python_are_refused_before_they_begin():
    program = lw.series.read_model(GOAL).compile()
    inputs, limits = {"x": np.ones(20_000), "r": 0.01}, lw.Limits(memory=3_000_000)
    with pytest.raises(lw.Diagnostic, match=r"LW0101: 20,000 lanes of a search need 3\.8 MB"):
        program.seek("k", "z", inputs=inputs, limits=limits)
    with pytest.raises(lw.Diagnostic, match=r"LW0101: 20,000 solutions need 42\.6 MB"):
        program.solve("k", "z", inputs=inputs, limits=limits)
    assert program.seek("k", "z", inputs={"x": 1.0, "r": 0.01}, limits=limits).reached


STREAM = f"""{PEAK}
import sys
import numpy as np
import lanework as lw
model = lw.series.Model("m", periods=60)
model.input("x", axes="point")
model.formula("y", "prev(y, initial=x) * 1.01")
model.formula("all", "total(y)")
model.output("all", reduce="point")
model.output("y")
engine, cap, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
runner = model.compile().bind(engine, lw.Limits(memory=cap), threads=1)
lanes = cap // (60 * 8) - 4000
blocks = lambda count, size: ({{"x": np.full(size, 1.0)}} for _ in range(count))
few = runner.stream(blocks(2, 200), sink=lambda block: None)  # all code that is needed, too
runner(x=np.ones(10))
before = peak()
if way == "stream":
    runner.stream(blocks(12, lanes), sink=lambda block: float(block["y"][-1, -1]))
else:
    runner(x=np.ones(lanes))
print(peak() - before)
"""


@pytest.mark.parametrize(
    "engine", [pytest.param("reference", marks=pytest.mark.long), "stencil", "llvm"]
)
@pytest.mark.parametrize("way", ["stream", "at once"])
def test_blocks_and_runs_in_python_keep_the_cap(engine, way):
    cap = 40_000_000
    assert last_line(STREAM, engine, cap, way) <= 1.05 * cap


def test_what_does_not_fit_is_refused_before_it_runs():
    runner = lw.series.read_model(MODEL).compile().bind(limits=lw.Limits(memory=1_000_000))
    with pytest.raises(lw.Diagnostic, match="LW0101"):
        runner(x=np.ones(20_000), r=0.01)
