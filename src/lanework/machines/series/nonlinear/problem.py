"""A program as a nonlinear problem: unknown inputs, outputs with bounds, one output to minimise.

Values are runs of the program; the Jacobian and the Hessian are runs of its derivatives, one lane
a colour: columns that share no row are one direction (see `passes/sparsity.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Diagnostic, Trap
from lanework.core.ops.bodies.arithmetic import mod
from lanework.core.ops.table import ARITH
from lanework.core.program.data import Port
from lanework.core.program.program import Program
from lanework.machines.series.data.labels import along
from lanework.machines.series.layout import RowKind, SeriesView
from lanework.machines.series.nonlinear.blocks import Block, Floats
from lanework.machines.series.nonlinear.common import Lanes, Products
from lanework.machines.series.nonlinear.polish import Equations
from lanework.machines.series.passes.derive import Deriver
from lanework.machines.series.passes.sparsity import Bools, Reach, Sparsity, colours

if TYPE_CHECKING:
    from lanework.machines.series.audit.result import SeriesResult
    from lanework.machines.series.runner import Runner

Places = NDArray[np.intp]
COLOUR = "colour"


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
        unsure: whether slopes may be written as 0 where they are none.
        error: what the last run that failed was refused for; its values are NaN.
        runs: how many runs of programs there were.
        until: the deadline, on the clock of `time.monotonic`.
        stop: why it goes no further; values are NaN from then on.
        weights: the input that is the multiplier of each output.
        twice: whether IPOPT is given second derivatives.
        native: what `callbacks.py` made of it, kept for the next inputs.
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
        self._known: dict[Runner, SeriesResult | None] = {}
        self.begin(None)
        self._inside = False
        self._program, self._engine = program, engine
        self.given({})
        ports = [*_ports(targets), *([objective] if objective else [])]
        names = list(dict.fromkeys(port.name for port in ports))
        self._values = self._bind(program, names)
        self._x = b""
        self.native: Any = None
        self.twice = True
        self._gradient: Runner | None = None
        self.unsure = False
        if objective is not None:
            deriver = Deriver(program)
            deriver.adjoint(objective, deriver.leaves(self.names))
            self._gradient = self._bind(Program(**vars(deriver.finish("gradient"))))
            self.unsure = deriver.unsure
        self._derive_targets()
        self._derive_twice(ports)

    def _bind(self, program: Program[Any], outputs: list[str] | None = None) -> Runner:
        runner: Runner = program.bind(
            self._engine, threads=1, outputs=outputs, periods=self.periods
        )
        return runner

    def given(self, inputs: Mapping[str, Any], lanes: Lanes | None = None) -> None:
        """What the inputs are that are known: numbers, arrays over time, over lanes in common."""
        self._inputs, self._lanes = dict(inputs), lanes or Lanes({}, frozenset())
        self._known.clear()

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
        self._slopes: Runner | None = None
        self._slope_names = [f"d_{block.name}" for block in self.targets]
        if self.pattern.any():
            deriver.forward([block.port for block in self.targets], leaves)
            self._slopes = self._bind(Program(**vars(deriver.finish("directions"))))
            self.unsure |= deriver.unsure

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
        self.weights = {port.name: f"multiplier_{port.name}" for port in unique}
        self._bends: Runner | None = None
        self._bend_names = [f"d2_{name}" for name in self.names]
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

    def begin(self, until: float | None) -> None:
        """Solve anew, by a deadline."""
        self.error: Diagnostic | None = None
        self.runs, self.until, self.stop = 0, until, ""
        self._known.clear()

    def again(self) -> None:
        """After a stop, look at points as before it."""
        self.stop = ""
        self._known.clear()

    def late(self) -> bool:
        """Whether to go no further: to be asked between runs of native code, which do not."""
        if self.until is not None and time.monotonic() > self.until:
            self.stop = self.stop or "deadline"
        return bool(self.stop)

    def interrupt(self, *_: Any) -> None:
        """Ctrl-C: what runs stops at once, and IPOPT as soon as it asks again.

        No exception goes through its native code.
        """
        self.stop = "interrupted"
        if self._inside:
            raise KeyboardInterrupt

    def _run(self, runner: Runner, more: Mapping[str, Any], lanes: int = 1) -> SeriesResult | None:
        self.runs += 1
        limits = runner.limits
        if not runner._is_short(lanes * self._lanes.count):
            limits = replace(limits, ends=self.until)
        result = None
        try:
            self._inside = True
            if not self.stop:
                result = runner.run_within(limits, {**self._inputs, **more})
            self._inside = False
        except Diagnostic as error:
            self._inside, self.error = False, error
        except Trap:
            self._inside, self.stop = False, self.stop or "deadline"
        except KeyboardInterrupt:
            self._inside, self.stop = False, "interrupted"
        return result

    def point(self, x: Floats) -> dict[str, Any]:
        """The unknown inputs at a point."""
        return {block.name: block.of(x) for block in self.variables}

    def _at(
        self, runner: Runner, x: Floats, more: Mapping[str, Any], lanes: int = 1
    ) -> SeriesResult | None:
        """A run at a point; once as long as the point is the same."""
        if self._x != x.tobytes():
            self._x = x.tobytes()
            self._known.clear()
        if runner not in self._known:
            self._known[runner] = self._run(runner, {**self.point(x.copy()), **more}, lanes)
        return self._known[runner]

    def value(self, x: Floats) -> float:
        """What is to become least; NaN where the program finds no value."""
        if self.objective is None:
            return 0.0
        values = self._at(self._values, x, {})
        return np.nan if values is None else self.sign * float(values[self.objective.name])

    def slope(self, x: Floats, out: Floats) -> None:
        """The derivatives of the objective, shape (variables,)."""
        out.fill(0.0)
        if self.objective is None or self._gradient is None:
            return
        slopes = self._at(self._gradient, x, {})
        for block in self.variables:
            part: Any = np.nan
            if slopes is not None:
                part = self.sign * slopes[f"d_{self.objective.name}_d_{block.name}"]
            out[block.where] = part

    def levels(self, x: Floats, out: Floats) -> None:
        """The outputs with bounds, shape (rows,)."""
        values = self._at(self._values, x, {})
        for block in self.targets:
            part = np.nan if values is None else values[block.name]
            out[block.where] = part

    def jacobian(self, x: Floats, out: Floats) -> None:
        """The derivatives of these outputs, in the order of `entries`."""
        if self._slopes is not None:
            products = self._jacobian
            slopes = self._at(self._slopes, x, products.directions, products.count)
            summed = [f"d_{name}" for name in self._lanes.summed]
            products.gather(self._lanes.added(slopes, summed), self._slope_names, out)

    def hessian(self, x: Floats, multipliers: Floats, weight: float, out: Floats) -> None:
        """The second derivatives of objective and outputs times multipliers, lower triangle."""
        if self._bends is None:
            return
        more = {**self.point(x.copy()), **self._weighed(multipliers, weight)}
        products = self._hessian
        bends = self._run(self._bends, {**more, **products.directions}, products.count)
        products.gather(self._lanes.added(bends, self._bend_names), self._bend_names, out)

    def _weighed(self, multipliers: Floats, weight: float) -> dict[str, Any]:
        given = {block.name: block.of(multipliers) for block in self.targets}
        if self.objective is not None:
            own = self.objective.name
            given[own] = self.sign * weight + given.get(own, 0.0)
        return {self.weights[name]: self._lanes.share(name, x) for name, x in given.items()}

    # As native code -------------------------------------------------------------------------------

    @property
    def given_numbers(self) -> dict[str, Any]:
        """What the inputs are that are known."""
        return self._inputs

    def work(self, x: Floats) -> tuple[tuple[Runner, dict[str, Any]] | None, ...]:
        """What is run for values, gradient, Jacobian and Hessian: runners and inputs at a point."""
        known = {**self._inputs, **self.point(x.copy())}
        weights = self._weighed(np.zeros(self.rows), 0.0)
        along, twice = self._jacobian.directions, self._hessian.directions
        return (
            (self._values, known),
            (self._gradient, known) if self._gradient else None,
            (self._slopes, {**known, **along}) if self._slopes else None,
            (self._bends, {**known, **weights, **twice}) if self._bends else None,
        )

    @cached_property
    def ends_move(self) -> bool:
        """Whether an unknown may change how many periods a lane has."""
        view = SeriesView.of(self._program)
        rows = () if view.horizon is None else view.cone([view.horizon])
        known = [view.rows[row] for row in rows]
        return any(
            row.kind == RowKind.INPUT and view.inputs[row.index].name in self.names for row in known
        )

    @cached_property
    def jumps(self) -> bool:
        """Whether the program has tables, or ops without slopes: values may jump there."""
        view = SeriesView.of(self._program)
        ops = [ARITH[name] for name in {i.name for i in view.instructions} if name in ARITH]
        steps = any(op is mod or any(by is None for by in op.gradient()) for op in ops)
        return bool(view.tables) or steps

    @cached_property
    def equations(self) -> Equations:
        """Those of the outputs that have to be one value."""
        equal = np.concatenate([block.low == block.high for block in self.targets] or [[False]])
        free = np.concatenate([block.low < block.high for block in self.variables])
        return Equations(self.entries, equal, free)

    def jacobian_addresses(self, parts: Products | None) -> Places:
        """Where the entries of the Jacobian lie, if outputs lie at `parts`."""
        return self._jacobian.take(parts, self._slope_names, np.int64)

    def hessian_addresses(self, parts: Products | None) -> Places:
        """Where the entries of the Hessian lie, likewise."""
        return self._hessian.take(parts, self._bend_names, np.int64)

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
        self.count = int(self._colours.max(initial=-1)) + 1
        row, column = np.nonzero(np.tril(pattern) if lower else pattern)
        self.entries = (row, column)
        seeds = np.zeros((pattern.shape[1], self.count))
        seeds[np.arange(len(self._colours)), self._colours] = 1.0
        self.directions = {}
        for block in columns:
            part = seeds[block.where]
            axes: Any = ("time", COLOUR) if block.timed else COLOUR
            array = np.ascontiguousarray(part if block.timed else part[0])
            self.directions[f"along_{block.name}"] = along(axes, array)
        self._flat = row * self.count + self._colours[column]
        self._shape = (pattern.shape[0], self.count)

    def gather(self, parts: Products | None, names: list[str], out: Floats) -> None:
        """Take the entries from the products; NaN where there are none."""
        out[:] = np.nan if parts is None else self.take(parts, names, np.float64)

    def take(self, parts: Products | None, names: list[str], kind: type) -> NDArray[Any]:
        """The entries of products, by output of the program; none of none."""
        products: NDArray[Any] = np.zeros(self._shape, kind)
        for block, name in zip(self._rows, names if parts else (), strict=bool(parts)):
            part, axes = (parts or {})[name]
            if block.timed and part.ndim == 1:
                # without lanes it is over time, without time over lanes
                part = part[:, None] if "time" in axes else part
            products[block.where] = part
        return np.take(products.ravel(), self._flat)


def _ports(targets: Iterable[Block]) -> list[Port]:
    """The ports of some blocks."""
    return [block.port for block in targets]


def _reach(
    deriver: Deriver, leaves: Mapping[str, int], periods: int, roots: list[int]
) -> dict[int, Reach]:
    return Sparsity(deriver.values, leaves, deriver.timed.__getitem__, periods).of(roots)
