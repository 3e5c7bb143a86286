"""Read the example tables with the standard library and NumPy alone.

The oracles must not depend on the package they check, so they read the files themselves.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
F64 = npt.NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "examples" / "data"


def columns(name: str) -> dict[str, Array]:
    """Columns of the csv file ``examples/data/<name>``: int64 or float64 if all cells are numbers.

    Other columns come back as arrays of ``str``; an empty cell makes its column text.
    """
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader)
        rows = list(reader)
    return {key: _typed([row[i] for row in rows]) for i, key in enumerate(header)}


def matrix(name: str) -> F64:
    """The csv file as a float64 table (rows, columns), without its header and first column."""
    return np.column_stack([c.astype(np.float64) for c in list(columns(name).values())[1:]])


def document(name: str) -> dict[str, float]:
    """The JSON object in ``examples/data/<name>``, numbers by name."""
    loaded: dict[str, float] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return loaded


def _typed(cells: list[str]) -> Array:
    for kind in (np.int64, np.float64):
        try:
            return np.array(cells, dtype=kind)
        except ValueError:
            continue
    return np.array(cells)
