"""Derive the polynomial coefficients of the elementary functions.

Run from the repository root; writes `src/lanework/core/ops/bodies/coefficients.py`:

    python tools/coefficients.py

Each polynomial is the minimax approximation in a relative (weighted) sense, found with the
exchange algorithm of Remez in multiple precision (J.-M. Muller, Elementary Functions, 3rd ed.,
chapter 3), then rounded to the target format; where it helps, the lowest coefficients are rounded
first and the others fitted again. Needs mpmath.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 80
Real = Callable[[mpf], mpf]
TARGET = Path(__file__).parent.parent / "src/lanework/core/ops/bodies/coefficients.py"


@dataclass(frozen=True)
class Fit:
    """One polynomial: ``weight * (function - sum c[i] x**i)`` is made small on [low, high]."""

    name: str
    function: Real
    weight: Real
    low: mpf
    high: mpf
    f64: int  # coefficients in double precision
    f32: int
    what: str


def solve(fit: Fit, count: int, fixed: list[mpf], rounds: int = 12) -> tuple[list[mpf], mpf]:
    """Minimax coefficients of x**len(fixed) and up, the lower ones given; and the error."""
    first = len(fixed)
    free = count - first
    middle, half = (fit.high + fit.low) / 2, (fit.high - fit.low) / 2
    grid = [middle + half * mp.cos(mp.pi * i / (24 * free + 24)) for i in range(24 * free + 25)]
    grid.reverse()
    weights = [fit.weight(x) for x in grid]
    rest = [fit.function(x) - sum((c * x**i for i, c in enumerate(fixed)), mpf(0)) for x in grid]
    reference = [24 * i for i in range(free + 1)]
    coefficients: list[mpf] = []
    error = mpf(0)
    for _ in range(rounds):
        matrix = mp.matrix(free + 1, free + 1)
        right = mp.matrix(free + 1, 1)
        for row, index in enumerate(reference):
            for column in range(free):
                matrix[row, column] = weights[index] * grid[index] ** (first + column)
            matrix[row, free] = (-1) ** row
            right[row] = weights[index] * rest[index]
        solution = mp.lu_solve(matrix, right)
        coefficients = [solution[i] for i in range(free)]
        errors = []
        for x, weight, value in zip(grid, weights, rest, strict=True):
            total = mpf(0)
            for c in reversed(coefficients):
                total = total * x + c
            errors.append(weight * (value - total * x**first))
        error = max(abs(e) for e in errors)
        if error <= abs(solution[free]) * mpf("1.001"):
            break
        reference = exchange(errors, free + 1, reference)
    return coefficients, error


def exchange(errors: list[mpf], count: int, before: list[int]) -> list[int]:
    """The alternating extremes of the error curve, `count` of them around the largest."""
    runs: list[int] = []
    for index, value in enumerate(errors):
        if value == 0:
            continue
        if runs and (errors[runs[-1]] > 0) == (value > 0):
            if abs(value) > abs(errors[runs[-1]]):
                runs[-1] = index
        else:
            runs.append(index)
    while len(runs) > count:
        runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
    return runs if len(runs) == count else before


def to_format(value: mpf, dtype: str) -> mpf:
    """Round to the nearest double or single."""
    nearest = float(value)
    if dtype == "f32":
        nearest = struct.unpack("<f", struct.pack("<f", nearest))[0]
    return mpf(nearest)


def rounded(fit: Fit, dtype: str) -> tuple[list[mpf], mpf]:
    """Coefficients in the target format, and the error of the real polynomial they form.

    How many low coefficients are worth rounding before the rest is fitted again differs from
    one function to the next: the best of a few is kept.
    """
    count = fit.f64 if dtype == "f64" else fit.f32
    best: tuple[list[mpf], mpf] | None = None
    fixed: list[mpf] = []
    for _ in range(3):
        free, _ = solve(fit, count, fixed)
        trial = fixed + [to_format(c, dtype) for c in free]
        error = measured(fit, trial)
        if best is None or error < best[1]:
            best = trial, error
        fixed.append(trial[len(fixed)])
    assert best is not None
    return best


def measured(fit: Fit, coefficients: list[mpf]) -> mpf:
    """The largest weighted error over a grid that the fit has not seen."""
    error = mpf(0)
    for i in range(2001):
        x = fit.low + (fit.high - fit.low) * i / 2000
        if x != 0:
            value = fit.function(x) - sum(c * x**k for k, c in enumerate(coefficients))
            error = max(error, abs(fit.weight(x) * value))
    return error


def near_zero(function: Real, limit: mpf) -> Real:
    """The function, with x = 0 replaced by a point close to it."""
    return lambda x: function(x if abs(x) > mpf("1e-22") else limit)


TINY = mpf("1e-20")
LN2 = mp.log(2)


def _exp(r: mpf) -> mpf:
    return (mp.expm1(r) - r) / r**2


def _atanh(z: mpf) -> mpf:
    u = mp.sqrt(z)
    return 2 * (mp.atanh(u) - u) / u**3


def _sin(z: mpf) -> mpf:
    r = mp.sqrt(z)
    return (mp.sin(r) - r) / r**3


def _cos(z: mpf) -> mpf:
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def _coth(g: mpf) -> mpf:
    x = mp.sqrt(g)
    return (x * mp.coth(x) - 1) / g


def _atan(g: mpf) -> mpf:
    q = mp.sqrt(g)
    return (mp.atan(q) - q) / q**3


def _erf(g: mpf) -> mpf:
    x = mp.sqrt(g)
    return mp.erf(x) / x - 1


def scaled_tail(t: mpf, a: mpf) -> mpf:
    """``(1 + 2y) exp(y*y) erfc(y)`` at y = a (1 + t) / (1 - t)."""
    if t >= 1:
        return 2 / mp.sqrt(mp.pi)
    y = a * (1 + t) / (1 - t)
    return (1 + 2 * y) * mp.exp(y * y) * mp.erfc(y)


def normal_tail(t: mpf, a: mpf) -> mpf:
    """``(1.296875 + y) exp(y*y/2) cdf(-y)`` at y = a (1 + t) / (1 - t)."""
    if t >= 1:
        return 1 / mp.sqrt(2 * mp.pi)
    y = a * (1 + t) / (1 - t)
    return (mpf(1.296875) + y) * mp.exp(y * y / 2) * mp.erfc(y / mp.sqrt(2)) / 2


ERF_CENTRE = mpf(3)
NORMAL_CENTRE = mpf(5)
ERF_SPLIT = mpf(0.75)


def _to_t(y: mpf, a: mpf) -> mpf:
    return (y - a) / (y + a)


def _erf_weight(t: mpf) -> mpf:
    y = ERF_CENTRE * (1 + t) / (1 - t)
    return mp.exp(-y * y) / (1 + 2 * y)


FITS = (
    Fit(
        "EXP",
        near_zero(_exp, TINY),
        lambda r: r**2 / mp.exp(r),
        mpf("-0.3467"),
        mpf("0.3467"),
        11,
        5,
        "(exp(r) - 1 - r) / r**2 in r",
    ),
    Fit(
        "LOG",
        near_zero(_atanh, TINY),
        lambda z: z / 2,
        mpf(0),
        mpf("0.02945"),
        7,
        4,
        "(2 atanh(u) - 2 u) / u**3 in u**2, |u| <= 0.1716",
    ),
    Fit(
        "LOG_NARROW",
        near_zero(_atanh, TINY),
        lambda z: z / 2,
        mpf(0),
        mpf("0.00203"),
        5,
        3,
        "the same, |u| <= 0.045",
    ),
    Fit(
        "SIN",
        near_zero(_sin, TINY),
        lambda z: z,
        mpf(0),
        mpf("0.6169"),
        6,
        3,
        "(sin(r) - r) / r**3 in r**2, |r| <= pi/4",
    ),
    Fit(
        "COS",
        near_zero(_cos, TINY),
        lambda z: z**2,
        mpf(0),
        mpf("0.6169"),
        6,
        3,
        "(cos(r) - 1 + r**2/2) / r**4 in r**2, |r| <= pi/4",
    ),
    Fit(
        "COTH",
        near_zero(_coth, TINY),
        lambda g: g,
        mpf(0),
        mpf("0.3026"),
        8,
        4,
        "(x coth(x) - 1) / x**2 in x**2, |x| <= 0.55",
    ),
    Fit(
        "ATAN",
        near_zero(_atan, TINY),
        lambda g: g,
        mpf(0),
        mpf("0.0977"),
        9,
        5,
        "(atan(q) - q) / q**3 in q**2, |q| <= 1/3",
    ),
    Fit(
        "ERF",
        near_zero(_erf, TINY),
        lambda g: mpf(1),
        mpf(0),
        ERF_SPLIT**2,
        12,
        6,
        "erf(x) / x - 1 in x**2, |x| <= 0.75",
    ),
    Fit(
        "ERFC",
        lambda t: scaled_tail(t, ERF_CENTRE),
        _erf_weight,
        _to_t(ERF_SPLIT, ERF_CENTRE),
        _to_t(mpf(6), ERF_CENTRE),
        14,
        7,
        "(1 + 2 x) exp(x*x) erfc(x) in (x - 3) / (x + 3), 0.75 <= x <= 6",
    ),
    Fit(
        "NORMAL",
        lambda t: normal_tail(t, NORMAL_CENTRE),
        lambda t: 1 / normal_tail(t, NORMAL_CENTRE),
        mpf(-1),
        _to_t(mpf(40), NORMAL_CENTRE),
        24,
        13,
        "(1.296875 + x) exp(x*x/2) cdf(-x) in (x - 5) / (x + 5), 0 <= x <= 40",
    ),
)


def main() -> None:
    """Fit everything (or the polynomials named on the command line, printed only)."""
    wanted = set(sys.argv[1:])
    lines = [
        '"""Minimax polynomial coefficients, lowest power first, by dtype.',
        "",
        "Made by `tools/coefficients.py`; do not edit. The comment at each states what is",
        "approximated and the error of the rounded polynomial, in powers of two of the result.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "# fmt: off",
    ]
    for fit in FITS:
        if wanted and fit.name not in wanted:
            continue
        lines += ["", f"# {fit.what}", f"{fit.name}: dict[str, tuple[float, ...]] = {{"]
        for dtype in ("f64", "f32"):
            coefficients, error = rounded(fit, dtype)
            size = f"2**{float(mp.log(error, 2)):.1f}"
            print(fit.name, dtype, len(coefficients), size, flush=True)
            lines.append(f'    "{dtype}": (  # {size}')
            lines += [f"        {float(c)!r}," for c in coefficients]
            lines.append("    ),")
        lines.append("}")
    if not wanted:
        TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
