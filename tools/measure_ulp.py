"""Measure the worst error of the elementary functions over many arguments.

    python tools/measure_ulp.py [--count N] [--seed S] [--write] [name ...]

Every value is compared with NumPy's extended precision (64-bit significand) where it has the
function, and the worst of them again with mpmath; erf and normcdf, which NumPy lacks, are
compared with mpmath throughout, at fewer arguments in double precision. With `--write` the
figures go to `src/lanework/core/ops/measured.py`, from which the ops page is made.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests/ops")]

from exact import EXACT, FRACTION, LEAST, NUMPY, error_in_ulp  # noqa: E402
from points import POINTS  # noqa: E402

from lanework.core.ops.op import Op  # noqa: E402
from lanework.core.ops.table import ARITH  # noqa: E402

EXTENDED = {
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "pow": np.power,
    "atan2": np.arctan2,
}
TARGET = ROOT / "src/lanework/core/ops/measured.py"
CHUNK = 200_000


def rough_errors(name: str, dtype: str, args: tuple[np.ndarray, ...], got: np.ndarray):
    """Errors in ULP against extended precision, good to about a thousandth."""
    if name in EXTENDED:
        want = EXTENDED[name](*(a.astype(np.longdouble) for a in args))
    else:  # double precision is the reference of single precision
        want = ARITH[name](*(a.astype(np.float64) for a in args)).astype(np.longdouble)
    exponent = np.frexp(want)[1] - 1
    unit = np.ldexp(np.longdouble(1), np.maximum(exponent - FRACTION[dtype], LEAST[dtype]))
    errors = np.abs(got.astype(np.longdouble) - want) / unit
    usable = np.isfinite(got) & np.isfinite(want)
    return np.where(usable, errors, 0).astype(np.float64)


def measure(name: str, dtype: str, count: int, seed: int) -> tuple[float, tuple[float, ...], int]:
    """The worst error, where it is, and how many arguments were tried."""
    rng = np.random.default_rng(seed)
    op = ARITH[name]
    slow = name not in EXTENDED and dtype == "f64"
    total = min(count, 400_000) if slow else count
    worst, place, done = 0.0, (0.0,), 0
    while done < total:
        args = POINTS[name](rng, min(CHUNK, total - done), dtype)
        got = op(*args)
        done += got.size
        if slow:
            order = np.arange(got.size)
        else:
            with np.errstate(all="ignore"):
                order = np.argsort(rough_errors(name, dtype, args, got))[-5:]
        for i in order:
            where = tuple(float(a[i]) for a in args)
            error = error_in_ulp(name, where, float(got[i]), dtype)
            if error > worst:
                worst, place = error, where
    return worst, place, done


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    lines = []
    for name in options.names or list(EXACT):
        for dtype in NUMPY:
            start = time.perf_counter()
            worst, place, count = measure(name, dtype, options.count, options.seed)
            print(
                f"{name:8} {dtype} {worst:6.3f} (stated {ARITH[name].ulp[dtype]}) at {place}, "
                f"{count} points, {time.perf_counter() - start:.1f} s",
                flush=True,
            )
            what, figures = reference(ARITH[name]), f"{worst:.3f}, {place!r}, {count}"
            lines.append(f'    ({what}, "{dtype}"): Measured({figures}),')
    if options.write:
        modules = sorted({line.split("(")[1].split(".")[0] for line in lines})
        TARGET.write_text("\n".join([HEADER.replace("MODULES", ", ".join(modules)), *lines, "}\n"]))


def reference(op: Op) -> str:
    """How an op is written outside its file."""
    module = sys.modules[op.body.__module__]
    name = next(name for name, value in vars(module).items() if value is op)
    return f"{module.__name__.rpartition('.')[2]}.{name}"


HEADER = '''"""The worst errors met in a long run of `tools/measure_ulp.py`; do not edit."""

from __future__ import annotations

from typing import NamedTuple

from lanework.core.ops.bodies import MODULES
from lanework.core.ops.op import Op


class Measured(NamedTuple):
    """The worst error in units in the last place, where it is, among how many arguments."""

    ulp: float
    args: tuple[float, ...]
    points: int


# fmt: off
# ruff: noqa: E501
MEASURED: dict[tuple[Op, str], Measured] = {'''

if __name__ == "__main__":
    main()
