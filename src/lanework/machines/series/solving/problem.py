"""A program as a nonlinear problem: unknown inputs, outputs with bounds, one output to minimise.

Values are runs of the program; the Jacobian and the Hessian are runs of its derivatives, one lane
a colour: columns that share no row are one direction (see `passes/sparsity.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Diagnostic
from lanework.core.data.values import Given, exactly
from lanework.core.program.data import Port
from lanework.core.program.program import Program
from lanework.machines.series.codes import BAD_PROBLEM
from lanework.machines.series.data.labels import along
from lanework.machines.series.passes.derive import Deriver
from lanework.machines.series.passes.sparsity import Bools, Reach, Sparsity, colours

if TYPE_CHECKING:
    from lanework.machines.series.audit.result import SeriesResult
    from lanework.machines.series.runner import Runner

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
COLOUR = "colour"


@dataclass
class Block:
    """Where the values of an input or an output lie among all of them.

    Attributes:
        port: the input or output.
        begin: its first place.
        size: how many values it has: one, or one a period.
        low: their lower bounds.
        high: their upper bounds.
    """

    port: Port
    begin: int
    size: int
    low: Floats
    high: Floats

    @property
    def name(self) -> str:
        """The port's."""
        return self.port.name

    @property
    def timed(self) -> bool:
        """Whether there is one value a period."""
        return "time" in self.port.axes

    @property
    def where(self) -> slice:
        """Its places."""
        return slice(self.begin, self.begin + self.size)

    def of(self, values: Floats) -> Any:
        """Its part of all values, as inputs take it."""
        part = values[self.where]
        return part if self.timed else float(part[0])

    def place(self, index: int) -> str:
        """What one of its values is called."""
        return f"{self.name}[{index}]" if self.timed else self.name


def blocks(
    ports: Iterable[Port], periods: int, bounds: Mapping[str, tuple[Any, Any]]
) -> list[Block]:
    """Lay the values of some ports out one after another.

    Raises:
        Diagnostic: LW3062 for bounds that are no numbers or exclude each other.
    """
    out: list[Block] = []
    begin = 0
    for port in ports:
        size = periods if "time" in port.axes else 1
        low, high = bounds.get(port.name, (None, None))
        block = Block(
            port, begin, size, *(_bound(port, size, x, s) for x, s in ((low, -1), (high, 1)))
        )
        crossed = np.flatnonzero(block.low > block.high)
        if len(crossed):
            at = int(crossed[0])
            raise Diagnostic(
                BAD_PROBLEM,
                f"the bounds of {block.place(at)} exclude each other: "
                f"{block.low[at]:g} is above {block.high[at]:g}",
                help="give bounds as (lowest, highest), None where there is none",
            )
        out.append(block)
        begin += size
    return out


def _bound(port: Port, size: int, given: Any, sign: int) -> Floats:
    if given is None:
        return np.full(size, sign * np.inf)
    try:
        array = exactly(given, "f64", Given(f"a bound of {port.name!r}", BAD_PROBLEM))
        out = np.array(np.broadcast_to(array, size))
    except (TypeError, ValueError):
        out = np.full(size, np.nan)
    if np.isnan(out).any():
        what = "a number or one a period" if "time" in port.axes else "a number"
        raise Diagnostic(
            BAD_PROBLEM,
            f"a bound of {port.name!r} is {given!r}",
            help=f"give {what}, or None where there is none",
        )
    return out


class Problem:
    """The values and derivatives of a problem of one lane.

    Args:
        program: the program; `targets` and the objective are among its outputs.
        variables: its unknown inputs.
        targets: its outputs with bounds.
        objective: the output to minimise, or None.
        sign: -1 to maximise it.
        periods: how many.
        engine: which engine runs it.

    Attributes:
        pattern: which entries of the Jacobian may be other than zero.
        moves: which unknowns the objective may depend on.
        error: what the last run that failed was refused for; its values are NaN.
        runs: how many runs of programs there were.
    """

    def __init__(
        self,
        program: Program[Any],
        variables: list[Block],
        targets: list[Block],
        objective: Port | None,
        sign: float,
        periods: int,
        engine: str,
    ) -> None:
        self.variables, self.targets, self.objective = variables, targets, objective
        self.sign, self.periods = sign, periods
        self.names = [block.name for block in variables]
        self.size = sum(block.size for block in variables)
        self.rows = sum(block.size for block in targets)
        self.error: Diagnostic | None = None
        self.runs = 0
        self._program, self._engine = program, engine
        self._inputs: dict[str, Any] = {}
        ports = [*_ports(targets), *([objective] if objective else [])]
        names = list(dict.fromkeys(port.name for port in ports))
        self._values = self._bind(program, names)
        self._x = np.full(self.size, np.nan)
        self._last: SeriesResult | None = None
        self._gradient: Runner | None = None
        if objective is not None:
            deriver = Deriver(program)
            deriver.adjoint(objective, deriver.leaves(self.names))
            self._gradient = self._bind(Program(**vars(deriver.finish("gradient"))))
        self._derive_targets()
        self._derive_twice(ports)

    def _bind(self, program: Program[Any], outputs: list[str] | None = None) -> Runner:
        runner: Runner = program.bind(
            self._engine, threads=1, outputs=outputs, periods=self.periods
        )
        return runner

    def given(self, inputs: Mapping[str, Any]) -> None:
        """What the inputs are that are known: numbers, and arrays over time."""
        self._inputs = dict(inputs)
        self._x.fill(np.nan)

    # What is compiled once ------------------------------------------------------------------------

    def _derive_targets(self) -> None:
        deriver = Deriver(self._program)
        leaves = deriver.leaves(self.names)
        goal = [] if self.objective is None else [self.objective]
        roots = [deriver.of[port.row] for port in (*_ports(self.targets), *goal)]
        reach = _reach(deriver, leaves, self.periods, roots)
        parts = [reach[root] for root in roots]
        self.pattern = self._pattern(parts[: len(self.targets)], self.targets)
        self.moves = np.zeros(self.size, bool)
        if self.objective is not None:
            row = Block(self.objective, 0, 1, np.zeros(1), np.zeros(1))
            self.moves = self._pattern(parts[-1:], [row])[0]
        self._jacobian = _Compressed(self.pattern, self.targets, self.variables)
        if self.pattern.any():
            deriver.forward([block.port for block in self.targets], leaves)
            self._slopes = self._bind(Program(**vars(deriver.finish("directions"))))

    def _derive_twice(self, ports: list[Port]) -> None:
        deriver = Deriver(self._program)
        leaves = deriver.leaves(self.names)
        unique = {port.name: port for port in ports}.values()
        first = deriver.lagrangian(unique, leaves)
        reach = _reach(deriver, leaves, self.periods, [*first.values()])
        parts = [reach[first[name]] for name in self.names]
        pattern = self._pattern(parts, self.variables)
        pattern |= pattern.T
        self._hessian = _Compressed(pattern, self.variables, self.variables, lower=True)
        self._weights = {port.name: f"multiplier_{port.name}" for port in unique}
        if pattern.any():
            self._bends = self._bind(Program(**vars(deriver.finish("second"))))

    def _pattern(self, reach: list[Reach], rows: list[Block]) -> Bools:
        out = np.zeros((sum(block.size for block in rows), self.size), bool)
        for part, row in zip(reach, rows, strict=True):
            for column in self.variables:
                out[row.where, column.where] = part.pattern(
                    column.name, self.periods, row.timed, column.timed
                )
        return out

    # What is run at each point --------------------------------------------------------------------

    def _run(self, runner: Runner, more: Mapping[str, Any]) -> SeriesResult | None:
        self.runs += 1
        try:
            return runner.run_within(runner.limits, {**self._inputs, **more})
        except Diagnostic as error:
            self.error = error
            return None

    def point(self, x: Floats) -> dict[str, Any]:
        """The unknown inputs at a point."""
        return {block.name: block.of(x) for block in self.variables}

    def _at(self, x: Floats) -> SeriesResult | None:
        if not np.array_equal(self._x, x):
            self._x = x.copy()
            self._last = self._run(self._values, self.point(self._x))
        return self._last

    def value(self, x: Floats) -> float:
        """What is to become least; NaN where the program finds no value."""
        if self.objective is None:
            return 0.0
        values = self._at(x)
        return np.nan if values is None else self.sign * float(values[self.objective.name])

    def slope(self, x: Floats, out: Floats) -> None:
        """The derivatives of the objective, shape (variables,)."""
        out.fill(0.0)
        if self.objective is None or self._gradient is None:
            return
        slopes = self._run(self._gradient, self.point(x.copy()))
        for block in self.variables:
            part: Any = np.nan
            if slopes is not None:
                part = self.sign * slopes[f"d_{self.objective.name}_d_{block.name}"]
            out[block.where] = part

    def levels(self, x: Floats, out: Floats) -> None:
        """The outputs with bounds, shape (rows,)."""
        values = self._at(x)
        for block in self.targets:
            part = np.nan if values is None else values[block.name]
            out[block.where] = part

    def jacobian(self, x: Floats, out: Floats) -> None:
        """The derivatives of these outputs, in the order of `entries`."""
        if len(out):
            point = self.point(x.copy())
            slopes = self._run(self._slopes, {**point, **self._jacobian.directions})
            names = [f"d_{block.name}" for block in self.targets]
            self._jacobian.gather(slopes, names, out)

    def hessian(self, x: Floats, multipliers: Floats, weight: float, out: Floats) -> None:
        """The second derivatives of objective and outputs times multipliers, lower triangle."""
        if not len(out):
            return
        given = {self._weights[block.name]: block.of(multipliers) for block in self.targets}
        if self.objective is not None:
            own = self._weights[self.objective.name]
            given[own] = self.sign * weight + given.get(own, 0.0)
        more = {**self.point(x.copy()), **_copied(given), **self._hessian.directions}
        bends = self._run(self._bends, more)
        self._hessian.gather(bends, [f"d2_{name}" for name in self.names], out)

    @property
    def entries(self) -> tuple[Places, Places]:
        """The rows and columns of what may be other than zero in the Jacobian."""
        return self._jacobian.entries

    @property
    def bend_entries(self) -> tuple[Places, Places]:
        """The rows and columns of what may be other than zero in the Hessian's lower triangle."""
        return self._hessian.entries


class _Compressed:
    """A sparse matrix as products with a few directions, one lane each."""

    def __init__(
        self, pattern: Bools, rows: list[Block], columns: list[Block], lower: bool = False
    ) -> None:
        self._rows = rows
        self._colours = colours(pattern)
        self._count = int(self._colours.max(initial=-1)) + 1
        row, column = np.nonzero(np.tril(pattern) if lower else pattern)
        self.entries = (row, column)
        seeds = np.zeros((pattern.shape[1], self._count))
        seeds[np.arange(len(self._colours)), self._colours] = 1.0
        self.directions = {}
        for block in columns:
            part = seeds[block.where]
            axes: Any = ("time", COLOUR) if block.timed else COLOUR
            array = np.ascontiguousarray(part if block.timed else part[0])
            self.directions[f"along_{block.name}"] = along(axes, array)
        self._flat = row * self._count + self._colours[column]
        self._products = np.zeros((pattern.shape[0], self._count))

    def gather(self, values: SeriesResult | None, names: list[str], out: Floats) -> None:
        """Take the entries from the products; NaN where there are none."""
        if values is None:
            out.fill(np.nan)
            return
        for block, name in zip(self._rows, names, strict=True):
            part = np.asarray(values[name])
            if block.timed and part.ndim == 1 and self._count != 0:
                # without lanes it is over time, without time over lanes
                axes = values.axes(name)
                part = part[:, None] if "time" in axes else part
            self._products[block.where] = part
        np.take(self._products.ravel(), self._flat, out=out)


def _copied(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: x.copy() if isinstance(x, np.ndarray) else x for name, x in given.items()}


def _ports(targets: Iterable[Block]) -> list[Port]:
    """The ports of some blocks."""
    return [block.port for block in targets]


def _reach(
    deriver: Deriver, leaves: Mapping[str, int], periods: int, roots: list[int]
) -> dict[int, Reach]:
    return Sparsity(deriver.values, leaves, deriver.timed.__getitem__, periods).of(roots)
