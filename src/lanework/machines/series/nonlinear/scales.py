"""How large a problem's numbers are, so that no answer depends on the units that they are in.

IPOPT takes 1 for an ordinary number: of unknowns, so that it steps over bounds that are nearer; of
slopes, so that it stops where what is left to gain is a small number, though it may be most of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lanework.machines.series.nonlinear.blocks import Block, Floats

if TYPE_CHECKING:
    from lanework.machines.series.nonlinear.callbacks import Callbacks
    from lanework.machines.series.nonlinear.problem import Problem

SMALL, MUCH = 1e-2, 1e4  # what is smaller is made about 1; what is more may be too much
LARGE, LEAST = 100.0, 1e-8  # slopes that are larger become that; the least factor of IPOPT's own
STEEP = 10.0  # slopes by unknowns in units of their own become that
EXACT = 1e-10  # how exact, beside its value, an objective is thought to be at least
ORDINARY = (1e-2, 1e5)  # unknowns of which IPOPT makes no difference
GROWN, SHRUNK, NOUGHT = 1e6, 1e-3, 1e-14  # beside their units, the last beside 1 if that is less
CLOSE = 1e-8  # to a bound, beside it
BENT = 1e-2  # a slope that changes as much towards a bound says that the bound may hold nothing
TINY = 1e-300
FAR = 1e300  # what is more is no bound


@dataclass(frozen=True)
class Scales:
    """What a problem's numbers are multiplied by.

    Attributes:
        goal: the objective.
        unit: what the unknowns are divided by: powers of two, lest they are rounded.
        rows: the outputs.
    """

    goal: float
    unit: Floats
    rows: Floats

    @property
    def unknowns(self) -> Floats | None:
        """What the unknowns are multiplied by; None where that is 1."""
        return None if (self.unit == 1.0).all() else 1.0 / self.unit

    @property
    def tolerances(self) -> dict[str, float]:
        """What IPOPT compares with numbers as they are given, for these units; powers of ten."""
        steepest = max(float(self.rows.max(initial=1.0)), 1.0 / float(self.unit.min(initial=1.0)))
        least = {
            "dual_inf_tol": self.goal / steepest,
            "compl_inf_tol": 1e4 * self.goal,
            "constr_viol_tol": 1e4 * float(self.rows.min(initial=1.0)),
        }
        powers = {name: np.round(-np.log10(max(x, TINY))) for name, x in least.items()}
        return {name: float(10.0 ** np.clip(x, -290, 290)) for name, x in powers.items()}


def ends(blocks: list[Block]) -> tuple[Floats, Floats]:
    """The bounds of some blocks, as IPOPT takes them."""
    low = np.concatenate([block.low for block in blocks] or [np.zeros(0)])
    high = np.concatenate([block.high for block in blocks] or [np.zeros(0)])
    return np.maximum(low, -2 * FAR), np.minimum(high, 2 * FAR)


@np.errstate(all="ignore")  # what is not a number is named in the end
def first(problem: Problem, functions: Problem | Callbacks, x: Floats) -> tuple[Scales, bool]:
    """What IPOPT makes of a start, and whether it has to be said to it.

    All units are 1 where the unknowns are ordinary numbers, and slopes become `LARGE`.
    """
    unit = _units(problem, functions, x)
    steep = steepness(problem, functions, x, unit)
    finite = bool(np.isfinite(steep).all())  # else IPOPT is not told of slopes
    factors = np.where(finite, LARGE / np.fmax(steep, LARGE), 1.0)
    own = bool((unit == 1.0).all() and (factors >= LEAST).all())
    if own or not (finite and (factors > 0).all()):
        return Scales(float(factors[0]), np.ones(len(x)), factors[1:]), False
    if (unit != 1.0).any():
        factors = np.where(steep > 0, STEEP / np.maximum(steep, TINY), 1.0)
    return Scales(float(factors[0]), unit, factors[1:]), True


@np.errstate(all="ignore")
def instead(
    problem: Problem, functions: Problem | Callbacks, x: Floats, before: Scales
) -> Scales | None:
    """Other units where those of a start lead nowhere: 1, or what outputs say by their bends.

    Of unknowns that are nought products have no slope, and how far they should go is seen by how
    their slopes change.
    """
    if (before.unit != 1.0).any():
        return Scales(1.0, np.ones(len(x)), np.ones(problem.rows))
    levels, bends = np.empty(problem.rows), np.zeros(len(problem.bend_entries[0]))
    functions.levels(x, levels)
    low, high = ends(problem.targets)
    misses = np.maximum(low - levels, levels - high)
    rows = np.where(misses > 0, 1.0 / misses, 0.0)
    if problem.twice:
        functions.hessian(x, rows, 0.0, bends)
    bent = np.zeros(len(x))
    for entry in problem.bend_entries:
        np.fmax.at(bent, entry, np.abs(bends))
    unit = np.ones(len(x))
    for block in problem.variables:
        size = 1.0 / float(np.sqrt(bent[block.where].max(initial=0.0)) or np.inf)
        if not x[block.where].any() and size > 0 and not ORDINARY[0] <= size <= ORDINARY[1]:
            unit[block.where] = power(size)
    steep = steepness(problem, functions, x, unit)
    if (unit == 1.0).all() or not np.isfinite(steep).all():
        return None
    factors = np.where(steep > 0, STEEP / np.maximum(steep, TINY), 1.0)
    rows = np.where((steep[1:] == 0) & (rows > 0), rows, factors[1:])
    return Scales(float(factors[0]), unit, rows)


@np.errstate(all="ignore")
def again(
    problem: Problem,
    functions: Problem | Callbacks,
    state: tuple[Floats, ...],
    before: Scales,
    failed: bool,
) -> Scales | None:
    """What to multiply by from where IPOPT ended; None where that would make no difference.

    Args:
        problem: the problem.
        functions: its functions, native ones where there are.
        state: unknowns and multipliers of an optimum as far as IPOPT can see.
        before: what numbers were multiplied by.
        failed: whether IPOPT went no further.
    """
    x = state[0]
    unit = _grown(problem, x, before.unit)
    if not failed:
        unit = _shrunk(problem, functions, state, unit)
    steep = steepness(problem, functions, x, unit)
    size = sizes(problem, functions, x, steep, unit)
    factors = np.concatenate([[before.goal], before.rows])
    scaled = size * factors
    small = (scaled < SMALL) & (size > 0) & (factors <= 1.0)  # once: what fades out stays small
    other = small | (failed & (scaled > MUCH))
    if not (other.any() or (unit != before.unit).any()) or not np.isfinite(size).all():
        return None
    return by_sizes(steep, size, unit)


def by_sizes(steep: Floats, size: Floats, unit: Floats) -> Scales:
    """What makes objective and outputs of these slopes and sizes ordinary numbers."""
    large = steep.copy()
    large[0] = size[0]
    factors = np.where(size < SMALL, 1 / np.maximum(size, TINY), LARGE / np.fmax(large, LARGE))
    factors = np.where(size > 0, factors, 1.0)
    return Scales(float(factors[0]), unit, factors[1:])


def sizes(
    problem: Problem, functions: Problem | Callbacks, x: Floats, steep: Floats, unit: Floats
) -> Floats:
    """How large the objective's changes and the outputs are at a point, shape (1 + rows,)."""
    levels, out = np.empty(problem.rows), np.zeros(len(steep))
    functions.levels(x, levels)
    bent = _bent(problem, functions, x, unit)
    out[0] = max(steep[0], EXACT * abs(functions.value(x)), bent)
    known = (np.where(np.abs(end) < FAR, np.abs(end), 0.0) for end in ends(problem.targets))
    out[1:] = np.maximum.reduce([steep[1:], np.abs(levels), *known])
    return out


def _units(problem: Problem, functions: Problem | Callbacks, x: Floats) -> Floats:
    """How large unknowns are by their start, else by how far equations say that they should go."""
    unit, far = np.ones(len(x)), None
    low, high = ends(problem.variables)
    for block in problem.variables:
        size = float(np.abs(x[block.where]).max(initial=0.0))
        if not size:
            far = _distances(problem, functions, x) if far is None else far
            most = np.maximum(np.abs(low), np.abs(high))[block.where]
            size = float(np.minimum(far[block.where], most).max()) or min(1.0, float(most.max()))
        if size > 0 and not ORDINARY[0] <= size <= ORDINARY[1]:
            unit[block.where] = power(size)
    return unit


def _distances(problem: Problem, functions: Problem | Callbacks, x: Floats) -> Floats:
    """How far unknowns would go by the slopes: all of them, or each alone; nought where unsaid."""
    levels, jacobian = np.empty(problem.rows), np.empty(len(problem.entries[0]))
    functions.levels(x, levels)
    functions.jacobian(x, jacobian)
    (low, high), (row, column) = ends(problem.targets), problem.entries
    far = np.full(len(x), np.inf)
    misses = np.maximum(low - levels, levels - high)
    _nearest(far, column, misses[row] / np.abs(jacobian))
    slopes, bends = np.empty(len(x)), np.zeros(len(problem.bend_entries[0]))
    functions.slope(x, slopes)
    if problem.twice:
        functions.hessian(x, np.zeros(problem.rows), 1.0, bends)
    one, two = problem.bend_entries
    own = one == two
    _nearest(far, one[own], np.abs(slopes[one[own]] / bends[own]))
    far[~np.isfinite(far)] = 0.0
    size, equal = float(far.max(initial=0.0)), low == high
    said = ORDINARY[0] <= size <= ORDINARY[1] or problem.objective is not None
    if not said and np.isfinite(jacobian).all():
        step = problem.equations.step(jacobian, (levels - low)[equal])
        return far if step is None else np.abs(step)
    return far


def _nearest(far: Floats, column: NDArray[np.intp], steps: Floats) -> None:
    np.fmin.at(far, column, np.where(steps > 0, steps, np.inf))


def _grown(problem: Problem, x: Floats, unit: Floats) -> Floats:
    """Units of unknowns that became much larger."""
    out = unit.copy()
    for block in problem.variables:
        size = float(np.abs(x[block.where]).max(initial=0.0))
        if GROWN < size / float(unit[block.begin]) < np.inf:
            out[block.where] = power(size)
    return out


def _shrunk(
    problem: Problem, functions: Problem | Callbacks, state: tuple[Floats, ...], unit: Floats
) -> Floats:
    """Units of unknowns that became much smaller, other than by a bound that holds them."""
    x, multipliers, *held = state
    far: Floats | None = None
    size = []
    for block in problem.variables:
        most = float(np.abs(x[block.where]).max(initial=0.0))
        if not most and unit[block.begin] > ORDINARY[1]:  # rounded to nought in that unit
            far = _distances(problem, functions, x) if far is None else far
            most = float(far[block.where].max(initial=0.0))
        size.append(most)
    small = [
        NOUGHT * min(1.0, unit[block.begin]) < one < SHRUNK * unit[block.begin]
        for one, block in zip(size, problem.variables, strict=True)
    ]
    if not any(small):
        return unit
    (low, high), (row, column) = ends(problem.variables), problem.bend_entries
    bends, own = np.zeros(len(row)), row == column
    if problem.twice:
        functions.hessian(x, multipliers, 1.0, bends)
    bent = np.zeros(len(x))
    bent[row[own]] = np.abs(bends[own])
    near = np.minimum(x - low, high - x)
    off = near / np.maximum(np.abs(x), TINY)
    free = (off > 2) | ((off < 0.5) & (off > CLOSE)) | (bent * near > BENT * np.maximum(*held))
    out = unit.copy()
    for one, block, is_small in zip(size, problem.variables, small, strict=True):
        here = free[block.where] & ((x[block.where] != 0) | (not x[block.where].any()))
        if is_small and here.any():
            out[block.where] = power(one)
    return out


def power(size: float) -> float:
    """The power of two next to a number."""
    return float(2.0 ** np.clip(np.round(np.log2(size)), -1000, 1000))


def steepness(problem: Problem, functions: Problem | Callbacks, x: Floats, unit: Floats) -> Floats:
    """The largest slope of the objective and of each output by units, shape (1 + rows,)."""
    slopes, jacobian = np.empty(len(x)), np.empty(len(problem.entries[0]))
    functions.slope(x, slopes)
    functions.jacobian(x, jacobian)
    steep = np.zeros(1 + problem.rows)
    steep[0] = np.abs(slopes * unit).max(initial=0.0)
    row, column = problem.entries
    np.maximum.at(steep[1:], row, np.abs(jacobian * unit[column]))
    return steep


def _bent(problem: Problem, functions: Problem | Callbacks, x: Floats, unit: Floats) -> float:
    """How much the slopes of the objective change over distances as large as the unknowns."""
    row, column = problem.bend_entries
    bends = np.zeros(len(row))
    if problem.twice:
        functions.hessian(x, np.zeros(problem.rows), 1.0, bends)
    wide = 1.0 + np.maximum(np.abs(x[row] / unit[row]), np.abs(x[column] / unit[column]))
    return float((np.abs(bends * unit[row] * unit[column]) * wide).max(initial=0.0))
