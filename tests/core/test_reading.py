"""Reading keeps to limits: a deadline and a memory cap stop it, in every kind of file."""

import csv
import json
import time

import numpy as np
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core.data.cells import read_cells
from lanework.core.data.files import iter_columns, read_array, read_columns, read_grid
from lanework.core.data.holding import reading

pytestmark = pytest.mark.slow

ROWS = 60_000
KINDS = [".csv", ".tsv", ".csv.gz", ".parquet", ".feather", ".xlsx", ".json", ".npz", ".npy"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Large tables of every kind with the columns a and b, and a model of every machine."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.random(ROWS), "b": rng.random(ROWS)})
    for ending in (".csv", ".tsv", ".csv.gz"):
        frame.to_csv(folder / f"t{ending}", index=False, sep="\t" if ending == ".tsv" else ",")
    texts = frame.assign(text="x, y")
    texts.to_csv(folder / "quoted.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
    frame.to_parquet(folder / "t.parquet")
    frame.to_feather(folder / "t.feather")
    columns = {name: frame[name].tolist() for name in frame}
    (folder / "t.json").write_text(json.dumps(columns))
    np.savez(folder / "t.npz", **{name: frame[name].to_numpy() for name in frame})
    np.save(folder / "t.npy", np.rec.fromarrays([frame["a"], frame["b"]], names="a,b"))
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("t")
    sheet.append(["a", "b"])
    for row in frame.iloc[:5000].itertuples(index=False):
        sheet.append(list(row))
    book.save(folder / "t.xlsx")
    return folder


WAYS = {
    "columns": lambda path: read_columns(path, ["a", "b"]),
    "array": lambda path: read_array(path, "a"),
    "cells": read_cells,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ending", KINDS)
def test_what_is_read_as_a_whole_keeps_to_the_cap(folder, ending, way):
    path = folder / f"t{ending}"
    with reading(Limits(memory=200_000)), pytest.raises(Diagnostic) as caught:
        WAYS[way](path)
    assert caught.value.code.ident == "LW0101"
    assert path.name in caught.value.message
    assert "200.0 kB" in caught.value.message
    assert caught.value.help
    with reading(Limits(memory=2_000_000_000)):
        assert WAYS[way](path) is not None


def test_a_grid_and_columns_of_python_keep_to_it_too(folder):
    grid = folder / "grid.csv"
    np.savetxt(grid, np.ones((5000, 5)), delimiter=",")
    with reading(Limits(memory=200_000)), pytest.raises(Diagnostic) as caught:
        read_grid(grid)
    assert caught.value.code.ident == "LW0101"
    with pytest.raises(Diagnostic) as caught:
        read_columns(folder / "t.csv", limits=Limits(memory=1_000_000))
    assert caught.value.code.ident == "LW0101"
    blocks = iter_columns(folder / "t.csv", ["a"], 1000, limits=Limits(memory=1_000_000))
    assert sum(len(block["a"]) for block in blocks) == ROWS


def all_blocks(path, wanted, limits):
    return list(iter_columns(path, wanted, 100, limits=limits))


@pytest.mark.parametrize("name", ["t.csv", "quoted.csv", "t.csv.gz", "t.xlsx", "t.json"])
def test_a_deadline_stops_reading_in_python(folder, name):
    path = folder / name
    for read in (
        read_columns,
        lambda path, wanted, limits: list(iter_columns(path, wanted, 100, limits=limits)),
    ):
        start = time.process_time()
        with pytest.raises(Trap) as caught:
            read(path, ["a", "b"], limits=Limits(deadline=0.001))
        assert time.process_time() - start < 0.3
        assert caught.value.code.ident == "LW2001"
    assert len(read_columns(path, ["a"], limits=Limits(deadline=600.0))["a"]) >= 5000


SERIES = """model("m", periods=1)
a = input(axes="scenario")
output(b=a + 1)
"""
REGISTER = """.machine register
    mul r0, r0, r0
    halt
"""
FLEET = """.machine fleet
.shared 131072
.routine main
    HALT
.phase wait_all
    .launch main, 1
"""
COMMANDS = {
    "series": ("m.series", ["scenario=FILE"]),
    "belief": ("net.json", ["--evidence", "FILE"]),
    "program": ("net.lwp", ["--evidence", "FILE", "--out", "out.csv"]),
    "register": ("r.lasm", ["r0=FILE:a"]),
    "fleet": ("f.lasm", ["--shared", "FILE:a"]),
}


@pytest.fixture(scope="module")
def models(folder):
    """The folder with a model of every machine, and tables with states and names of columns."""
    (folder / "m.series").write_text(SERIES)
    (folder / "r.lasm").write_text(REGISTER)
    (folder / "f.lasm").write_text(FLEET)
    graph = lw.belief.FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [0.5, 0.5])
    (folder / "net.json").write_text(lw.belief.write_json(graph))
    lw.belief.compile_graph(graph).save(folder / "net.lwp")
    states = {"a": np.arange(2 * ROWS) % 2}
    pd.DataFrame(states).to_csv(folder / "one.csv", index=False)
    (folder / "one.json").write_text(json.dumps({"a": states["a"].tolist()}))
    return folder


def run(models, machine, file, *options):
    model, args = COMMANDS[machine]
    args = [arg.replace("FILE", str(models / file)) for arg in args]
    args = [arg.replace("out.csv", str(models / "out.csv")) for arg in args]
    start = time.process_time()
    done = CliRunner().invoke(cli, ["run", str(models / model), *args, *options])
    return done, time.process_time() - start


@pytest.mark.parametrize("machine", COMMANDS)
def test_a_deadline_is_for_reading_too(models, machine):
    done, took = run(models, machine, "one.csv", "--deadline", "1ms")
    assert done.exit_code == 3, done.output
    assert "LW2001" in done.stderr
    assert took < 0.6
    assert not (models / "out.csv").exists()


@pytest.mark.parametrize("machine", COMMANDS)
def test_a_cap_is_for_reading_too(models, machine):
    done, _ = run(models, machine, "one.json", "--memory", "2MB")
    assert done.exit_code == 1, done.output
    assert "LW0101" in done.stderr
    assert "one.json need" in done.stderr


def test_blocks_have_one_deadline_together(models, monkeypatch):
    """However short the run of each."""
    monkeypatch.setattr("lanework.machines.belief.queries.streaming.MOST_ROWS", 64)
    done, took = run(models, "program", "one.csv", "--deadline", "200ms")
    assert done.exit_code == 3, done.output
    assert took < 2.0
