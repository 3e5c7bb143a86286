"""How well each loop of circular nodes was closed: `SeriesResult.residuals`.

What is left of a loop is made where it is solved, by the same steps. The program of that is
compiled when somebody asks, and run on what the result was given, so that a run itself pays
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.printable import shown
from lanework.core.result.frames import spread
from lanework.core.result.result import Array, Result
from lanework.core.result.show import figure, html_table, many, text_table
from lanework.machines.series.audit.nodes import computed, model_of
from lanework.machines.series.audit.origin import Held, origin_of
from lanework.machines.series.codes import UNEXPLAINED
from lanework.machines.series.passes.newton import TOLERANCE

if TYPE_CHECKING:
    from lanework.core.program.program import Program

NAMED = 3
"""So many places without a solution are named, and the others counted."""


@dataclass(frozen=True)
class Place:
    """A period and a lane.

    Attributes:
        period: the period, None where the loop does not depend on it.
        label: what the period is called, such as its first day.
        lane: axis -> place and label of the lane.
    """

    period: int | None
    label: str
    lane: Mapping[str, tuple[int, str]]

    def __str__(self) -> str:
        parts = []
        if self.period is not None:
            parts.append(f"period {self.period}" + (f" ({self.label})" if self.label else ""))
        for axis, (place, label) in self.lane.items():
            parts.append(f"{axis} {place}" + (f" ({label})" if label else ""))
        return shown(", ".join(parts))


@dataclass(frozen=True)
class Loop:
    """What is left of a loop, over all periods and lanes.

    Attributes:
        nodes: the circular nodes that are solved for together.
        steps: how many steps of Newton's method there are.
        iterations: how many of them the tolerance took at most, where there is a solution.
        node: that of the worst residual, the largest as a share of its terms; "" where no
            period of any lane has a solution.
        residual: what its formula gives there, less its value.
        relative: this as a share of the size of its terms.
        at: where that is.
        failed: in how many periods and lanes there is no solution.
        failed_at: the first of these.
    """

    nodes: tuple[str, ...]
    steps: int
    iterations: int
    node: str
    residual: float
    relative: float
    at: Place | None
    failed: int
    failed_at: tuple[Place, ...]

    def row(self) -> list[str]:
        """The loop as a line of a table."""
        at = " in ".join(filter(None, (self.node, str(self.at or "")))) or "-"
        failed = ""
        if self.failed:
            named = "; ".join(str(place) or "everywhere" for place in self.failed_at)
            failed = f"{self.failed:,}: {named}" + ("; ..." if self.failed > NAMED else "")
        left = [figure(self.residual), figure(self.relative)] if self.node else ["-", "-"]
        return [", ".join(self.nodes), f"{self.iterations} of {self.steps}", *left, at, failed]


@dataclass(frozen=True, repr=False)
class Residuals:
    """How well the loops of a run were closed.

    Attributes:
        loops: the loops that the outputs need, in the order in which they are solved.
        values: for each circular node `x` over periods and lanes `x.residual`, which is what its
            formula gives less its value, and `x.relative`, its size as a share of that of the
            terms; for each loop, by the name of its first node, `x.iterations` until the
            tolerance was met, and `x.failed`, 1 where there is no solution, else 0.
    """

    loops: tuple[Loop, ...]
    values: Result

    @property
    def worst(self) -> Loop | None:
        """The loop with the worst residual, None where there is none."""
        solved = [loop for loop in self.loops if loop.node]
        return max(solved, key=lambda loop: loop.relative, default=None)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows as text."""
        head = ["loop", "iterations", "worst residual", "of its terms", "at", "no solution"]
        rows = [loop.row() for loop in self.loops]
        if not any(loop.failed for loop in self.loops):
            return head[:-1], [row[:-1] for row in rows]
        return head, rows

    @property
    def title(self) -> str:
        """How many loops there are."""
        if not self.loops:
            return "residuals: no loop within a period is solved"
        return f"residuals of {many(len(self.loops), 'loop')}, tolerance {TOLERANCE:g}"

    def __str__(self) -> str:
        return f"{self.title}\n{text_table(*self.table())}" if self.loops else self.title

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_table(*self.table(), self.title)

    def to_dict(self) -> dict[str, Any]:
        """The loops as plain values."""
        return {"tolerance": TOLERANCE, "loops": [asdict(loop) for loop in self.loops]}


def residuals(result: Held) -> Residuals:
    """See `SeriesResult.residuals`."""
    program, inputs = origin_of(result)
    measured = _measured(program)
    loops = measured.views["loops"]
    if not loops:
        return Residuals((), Result({}, axes={}))
    taken = {port.name: inputs[port.name] for port in measured.inputs if port.name in inputs}
    engine = str(result.stats.get("engine", "auto"))
    got = measured.bind(engine, periods=int(result.stats["periods"]))(**taken)
    for name in (name for names, _ in loops for name in names):
        _check_same(program, result, got, name)
    values: dict[str, Array] = {}
    axes: dict[str, tuple[str, ...]] = {}
    for names, _ in loops:
        for part in ("iterations", "failed"):
            values[f"{names[0]}.{part}"] = got[f"{names[0]}.{part}"]
        for name in names:
            rest, size = got[f"{name}.residual"], got[f"{name}.size"]
            values[f"{name}.residual"] = rest
            with np.errstate(all="ignore"):
                values[f"{name}.relative"] = np.where(rest == 0.0, 0.0, np.abs(rest) / size)
            axes[f"{name}.relative"] = got.axes(f"{name}.residual")
    axes |= {name: got.axes(name) for name in values if name not in axes}
    units = {name: got.units.get(name, "") for name in values}
    kept = Result(values, axes=axes, units=units, coords=got.coords, stats=got.stats)
    return Residuals(tuple(_loop(kept, names, steps) for names, steps in loops), kept)


def _measured(program: Program) -> Program:
    """The program of what is left of the loops that the outputs of a program need."""
    known: Program | None = program.views.get("residuals")
    if known is None:
        plain, overridden = computed(model_of(program))
        names = [port.name for port in program.outputs if port.name in plain.formulas]
        known = program.views["residuals"] = plain._measured(names, overridden)
    return known


def _check_same(program: Program, result: Held, got: Result, name: str) -> None:
    """Refuse to measure another run than that of the result.

    Raises:
        Diagnostic: LW3071 where inputs were changed after the run.
    """
    port = next((port for port in program.outputs if port.name == name), None)
    if name not in result or port is None or port.reduce:
        return
    axes, given = result.axes(name), result[name]
    if not np.array_equal(spread(got, name, axes, given.shape), given, equal_nan=True):
        raise Diagnostic(
            UNEXPLAINED,
            f"the inputs give {name!r} other values now than the result has",
            help="arrays that a run was given were changed after it: run again",
        )


def _loop(values: Result, names: list[str], steps: int) -> Loop:
    """A loop over all of its periods and lanes."""
    parts = [*(f"{names[0]}.{part}" for part in ("iterations", "failed"))]
    parts += [f"{name}.relative" for name in names]
    axes = max((values.axes(part) for part in parts), key=len)
    shape = max((values[part].shape for part in parts), key=len)
    taken, failed, *relative = (spread(values, part, axes, shape) for part in parts)
    solved = failed != 1.0
    failed_at = tuple(_place(values, axes, each) for each in np.argwhere(~solved)[:NAMED].tolist())
    node, residual, share, at = "", 0.0, 0.0, None
    if solved.any():
        shares = np.array([np.where(solved, each, -1.0) for each in relative])
        which, *where = (int(i) for i in np.unravel_index(int(shares.argmax()), shares.shape))
        node, share = names[which], float(shares[(which, *where)])
        rest = spread(values, f"{node}.residual", axes, shape)
        residual, at = float(rest[tuple(where)]), _place(values, axes, where)
    most = int(taken.max(where=solved, initial=0))
    count = int(failed.size - solved.sum())
    return Loop(tuple(names), steps, most, node, residual, share, at, count, failed_at)


def _place(values: Result, axes: tuple[str, ...], where: Sequence[int]) -> Place:
    """A period and a lane with their labels."""
    named = {}
    for axis, place in zip(axes, where, strict=True):
        labels = values.coords.get(axis)
        named[axis] = (place, "" if labels is None else str(labels[place]))
    period, label = named.pop("time", (None, ""))
    return Place(period, label, named)
