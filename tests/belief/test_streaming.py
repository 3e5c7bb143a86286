"""More rows than the memory cap holds: tables go in and come out in blocks."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.machines.belief.queries import streaming

ALARM = Path(__file__).parents[2] / "examples/data/belief/alarm.bif"
ROWS = 300


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows of states, some unknown, and the path of a table of them."""
    rng, graph = np.random.default_rng(4), lw.belief.read_network(ALARM)
    some = list(graph.variables)[::4]
    table = {v: rng.choice([*graph.variables[v].states, ""], ROWS) for v in some}
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    return path


def run(*args):
    done = CliRunner().invoke(cli, ["run", *map(str, args)])
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.slow
@pytest.mark.parametrize("query", ["all", "z", "LVFAILURE,HR", "joint:HR,CO", "mpe", "kbest:2"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_blocks_give_the_same_file(rows, tmp_path, monkeypatch, query, ending):
    if query[0] in "mk" and ending == ".parquet":
        return
    files = []
    for most in (ROWS, 70):
        monkeypatch.setattr(streaming, "MOST_ROWS", most)
        for wide in ([], ["--wide"]):
            out = tmp_path / f"{most}{len(wide)}{ending}"
            args = ["--evidence", rows, "--query", query, "--out", out, "--threads", 1, *wide]
            assert f"{ROWS} rows" in run(ALARM, *args).stderr
            read = pd.read_csv if ending == ".csv" else pd.read_parquet
            files.append(read(out))
    long, wide, *others = files
    for one, other in zip((long, wide), others, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-12)
    assert long["row"].max() == ROWS - 1
    if query == "all":
        assert len(wide) == wide["row"].nunique()


def test_blocks_of_a_program(rows, tmp_path, monkeypatch):
    program = tmp_path / "alarm.lwp"
    lw.belief.compile_graph(lw.belief.read_network(ALARM), ["HR"], seconds=0.0).save(program)
    run(program, "--evidence", rows, "--out", tmp_path / "one.csv")
    monkeypatch.setattr(streaming, "MOST_ROWS", 101)
    run(program, "--evidence", rows, "--out", tmp_path / "some.csv")
    one, some = pd.read_csv(tmp_path / "one.csv"), pd.read_csv(tmp_path / "some.csv")
    pd.testing.assert_frame_equal(one, some, check_exact=False, rtol=1e-12)


def test_a_fault_in_a_later_block_leaves_no_file(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "MOST_ROWS", 50)
    lines = rows.read_text().splitlines()
    lines[200] = ",".join(["nonsense"] * len(lines[0].split(",")))
    bad, out = tmp_path / "bad.csv", tmp_path / "out.csv"
    bad.write_text("\n".join(lines) + "\n")
    done = CliRunner().invoke(cli, ["run", str(ALARM), "--evidence", str(bad), "--out", str(out)])
    assert done.exit_code == 1
    assert "nonsense" in done.stderr
    assert not out.exists()


def test_what_cannot_be_divided_is_not(rows, tmp_path, monkeypatch):
    """Samples are of all rows, whatever fits."""
    outs = []
    for most in (ROWS, 50):
        monkeypatch.setattr(streaming, "MOST_ROWS", most)
        outs.append(tmp_path / f"{most}.csv")
        run(ALARM, "--evidence", rows, "--query", "sample:2", "--out", outs[-1])
    assert outs[0].read_bytes() == outs[1].read_bytes()


CHILD = """
import sys
from lanework.app.cli import cli
try:
    cli(sys.argv[1:])
finally:
    print([line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line][0])
"""


def peak(*args):
    command = [sys.executable, "-c", CHILD, "run", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return 1024 * int(done.stdout.split()[-1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_cap_bounds_the_resident_size(rows, tmp_path):
    header, *lines = rows.read_text().splitlines()
    many, few, cap = tmp_path / "many.csv", tmp_path / "few.csv", 40_000_000
    many.write_text("\n".join([header, *lines * 100]) + "\n")
    few.write_text("\n".join([header, *lines[:2]]) + "\n")
    out = ["--out", tmp_path / "out.csv", "--memory", cap, "--threads", 1]
    base = peak(ALARM, "--evidence", few, *out)
    assert peak(ALARM, "--evidence", many, *out) - base <= 1.05 * cap
    with (tmp_path / "out.csv").open() as file:
        assert sum(1 for _ in file) == 1 + 100 * len(lines) * 105
