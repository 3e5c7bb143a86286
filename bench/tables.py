"""Reading a file of numbers, as a run does first."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np

import lanework as lw
from bench.harness import Answer, Case, Contestant, Job

ROWS, COLUMNS = 1_000_000, 6


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lanework-bench-")


@functools.cache
def _file() -> Path:
    """Floats with all their digits, 113 MB of text."""
    import pyarrow as pa
    import pyarrow.csv

    rng = np.random.default_rng(1)
    path = Path(_folder().name, "numbers.csv")
    columns = {f"c{n}": rng.normal(size=ROWS) * 1000 for n in range(COLUMNS)}
    pyarrow.csv.write_csv(pa.table(columns), path)
    return path


def csv() -> Case:
    """A million rows of six columns."""

    def ours() -> Job:
        return lambda: dict(lw.series.read_columns(_file()))

    def arrow() -> Job:
        import pyarrow.csv

        def job() -> Answer:
            table = pyarrow.csv.read_csv(_file())
            return {name: table.column(name).to_numpy() for name in table.column_names}

        return job

    def pandas() -> Job:
        import pandas as pd

        def job() -> Answer:
            table = pd.read_csv(_file(), float_precision="round_trip")
            return {name: table[name].to_numpy() for name in table}

        return job

    return Case(
        "csv",
        f"CSV, {ROWS:,} rows of {COLUMNS} floats to NumPy columns (goal: at most 1.5 times the"
        " time of pyarrow)",
        (
            Contestant("Lanework", ours),
            Contestant("pyarrow", arrow, "pyarrow"),
            Contestant("pandas", pandas, "pandas"),
        ),
        tolerance=0.0,
        repeats=9,
        goals={"pyarrow": 0.67},
    )
