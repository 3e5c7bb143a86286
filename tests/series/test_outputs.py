"""Streamed outputs: the files of blocks are the files of one run."""

import itertools

import numpy as np
import pandas as pd
import pytest

from lanework.base.errors import Diagnostic
from lanework.core.result.result import Result
from lanework.machines.series.data.outputs import TableSink

GRID = np.arange(20.0).reshape(2, 10) / 3


def part(start, stop):
    return Result(
        {"cash": GRID[:, start:stop], "pv": GRID[0, start:stop], "total": GRID.sum(axis=1)},
        axes={"cash": ("time", "point"), "pv": ("point",), "total": ("time",)},
        units={"cash": "USD"},
        coords={"time": np.array(["2024-01-01", "2024-02-01"], "datetime64[D]")},
    )


def stream(path, cuts):
    with TableSink(path, "point") as sink:
        for start, stop in itertools.pairwise(cuts):
            sink(part(start, stop))
        sink.totals(part(0, 10).select(["total"]))
    return sink


@pytest.mark.parametrize("cuts", [(0, 10), (0, 4, 8, 10), (0, 1, 10)])
def test_blocks_make_the_files_of_one_run(tmp_path, cuts):
    paths = part(0, 10).save(tmp_path / "whole.csv")
    sink = stream(tmp_path / "blocks.csv", cuts)
    assert [p.name for p in sink.paths.values()] == [
        p.name.replace("whole", "blocks") for p in paths
    ]
    for full, streamed in zip(paths, sink.paths.values(), strict=True):
        assert streamed.read_bytes() == full.read_bytes()
    assert (sink.rows, sink.lanes) == (20, 10)


def test_parquet(tmp_path):
    stream(tmp_path / "blocks.parquet", (0, 3, 10))
    part(0, 10).save(tmp_path / "whole.parquet")
    for name in ("", ".point", ".time"):
        got = pd.read_parquet(tmp_path / f"blocks{name}.parquet")
        pd.testing.assert_frame_equal(got, pd.read_parquet(tmp_path / f"whole{name}.parquet"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_run_that_fails_half_way_writes_nothing(tmp_path, ending):
    old = tmp_path / f"out.{ending}"
    old.write_text("old")

    def interrupted():
        with TableSink(old, "point") as sink:
            sink(part(0, 4))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert old.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == [old.name]


def test_only_totals(tmp_path):
    with TableSink(tmp_path / "out.csv", "point") as sink:
        sink(part(0, 4).select(["total"]))
        sink.totals(part(0, 4).select(["total"]))
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert pd.read_csv(tmp_path / "out.csv")["total"].tolist() == GRID.sum(axis=1).tolist()


def test_formats_that_cannot_grow_are_refused(tmp_path):
    with pytest.raises(Diagnostic) as caught:
        TableSink(tmp_path / "out.npz", "point")
    assert caught.value.code.ident == "LW1023"
