"""Goal seek: the one unknown with which an output is what it should be, in all lanes at once.

Newton's method with exact derivatives, and bisection where it would leave what is known to hold a
root; no other package is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Advice, Diagnostic, noting
from lanework.base.limits import Limits
from lanework.core.data.tables import TableLike
from lanework.core.options import choice, limits_of, text
from lanework.core.program.data import Port
from lanework.core.program.program import Program
from lanework.core.resident import look
from lanework.core.result.frames import spread
from lanework.core.result.show import preview
from lanework.core.runner import check_deadline
from lanework.core.waiting import within
from lanework.machines.series.codes import (
    BAD_PROBLEM,
    NO_SOLUTION,
    NOT_SOLVED,
    UNKNOWN_INPUT,
    UNKNOWN_OUTPUT,
)
from lanework.machines.series.data.binding import Bound, bind
from lanework.machines.series.layout import RowKind, SeriesView
from lanework.machines.series.passes.derive import Deriver
from lanework.machines.series.solving.search import Search
from lanework.machines.series.solving.solve import FEWER, given_inputs, named, named_port

if TYPE_CHECKING:
    from lanework.machines.series.audit.result import SeriesResult
    from lanework.machines.series.runner import Runner

Floats = NDArray[np.float64]

TARGET = "the target"
LATE = "raise the deadline"
LANE = 190  # bytes that a lane takes: where it is, what was tried, and a run with derivatives


@dataclass
class Goal:
    """What was sought.

    Attributes:
        value: the unknown: a float, or one a lane; NaN where none was reached.
        reached: whether it was, likewise.
        misses: by how much the output misses what it should be, likewise.
        iterations: runs of the program.
    """

    value: Any
    reached: Any
    misses: Any
    iterations: int
    _run: Any = field(repr=False)
    _result: Any = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """With the result, which can be run here only."""
        return {**vars(self), "_result": self.result, "_run": None}

    def __float__(self) -> float:
        return float(self.value)

    @property
    def result(self) -> SeriesResult:
        """All outputs of the program with this value; NaN in lanes without one."""
        if self._result is None:
            self._result = self._run(self.value)
        result: SeriesResult = self._result
        return result


def seek(
    program: Program[Any],
    variable: str,
    output: str,
    target: Any,
    bounds: tuple[float | None, float | None],
    inputs: Mapping[str, Any] | TableLike | None,
    failures: str,
    limits: Limits,
    engine: str,
) -> Goal:
    """What `SeriesProgram.seek` does."""
    variable, output = text("variable", variable), text("output", output)
    choice("failures", failures, ("fault", "nan"))
    limits = limits_of(limits).started()
    low, high = _ends(variable, bounds)

    def work() -> Goal:
        sought = _Sought(program, variable, output, target, inputs, limits, engine)
        return sought.seek(low, high, failures)

    return within(limits, work, LATE)


class _Sought:
    """One output of one input, in all lanes."""

    def __init__(
        self,
        program: Program[Any],
        variable: str,
        output: str,
        target: Any,
        inputs: Mapping[str, Any] | TableLike | None,
        limits: Limits,
        engine: str,
    ) -> None:
        unused = SeriesView.of(program).unused
        unknown = named_port(variable, program.inputs, "input", UNKNOWN_INPUT, unused)
        goal = named_port(output, program.outputs, "output", UNKNOWN_OUTPUT)
        for port in (unknown, goal):
            if "time" in port.axes:
                help = "seek one number for one number: an input without the axis time and such as"
                more = f" total({port.name}); "
                help = Advice(
                    f"{help}{more}`solve` takes more",
                    typed=f"{help}{more}lanework solve takes more",
                )
                raise _bad(f"{port.name!r} has a value in each period", help)
        if unknown.categories:
            raise _bad(f"{variable!r} is one of some labels", "only numbers can be sought")
        self.variable, self.output, self.limits = variable, output, limits
        self._runner: Runner = program.bind(engine, limits=limits)
        known = given_inputs(self._runner, inputs)
        first = known.get(variable)
        self._inputs = {**known, variable: unknown.start if first is None else first}
        ports, periods = self._runner.ports, self._runner.periods
        bound = self._runner._bound(self._inputs)
        axes = tuple(axis for axis in bound.axes if axis not in goal.reduce)
        aim, values = Port(TARGET, "in", -1, axes=axes), {**self._inputs, TARGET: target}
        view = self._runner.view
        bound = bind((*ports, aim), periods, values, self._runner._calendar, view=view)
        self.axes = tuple(axis for axis in bound.axes if axis not in goal.reduce)
        self._coords = bound.coords
        self.shape = tuple(bound.sizes[axis] for axis in self.axes)
        lanes = math.prod(self.shape)
        limits.check_memory(LANE * lanes, f"{lanes:,} lanes of a search", FEWER)
        look(LANE * lanes)
        number = [port.name for port in self._runner.ports].index(variable)
        self.start = bind_value(bound, number, self.axes, variable).ravel()
        self.aim = bind_value(bound, len(ports), self.axes, TARGET).ravel()
        deriver = Deriver(program)
        (port,) = deriver.asked(output)
        deriver.adjoint(port, deriver.leaves(variable))
        derived: Program[Any] = Program(**vars(deriver.finish("gradient")))
        self._slopes: Runner = derived.bind(engine, limits=limits)
        self.runs = 0
        self._refused: Diagnostic | None = None  # what the last trial without a value was
        self._best, self._failed = self.start, np.zeros(self.shape, bool)

    def run(self, value: Any) -> SeriesResult:
        """All outputs with this value of the unknown; NaN where none was reached."""
        rest = replace(self.limits, deadline=None, ends=None)
        if not self._failed.any():
            return self._runner.run_within(rest, self._given(value))
        return self._marked(self._runner.run_within(rest, self._given(self._best)))

    def _given(self, value: Any) -> dict[str, Any]:
        value = np.reshape(value, self.shape)
        return {
            **self._inputs,
            self.variable: named(self.axes, value, self._coords) if self.axes else float(value),
        }

    def slope(self, x: Floats) -> tuple[Floats, Floats]:
        """The output and its derivative, shape (lanes,)."""
        check_deadline(self.limits.until(), LATE)
        self.runs += 1
        rest = replace(self.limits, deadline=None, ends=None)
        try:
            with noting(f"while {self.variable} = {preview(np.asarray(x))} is tried"):
                result = self._slopes.run_within(rest, self._given(x))
        except Diagnostic as error:
            if error.code != NO_SOLUTION or self.shape or self.runs == 1:
                raise
            self._refused = error
            return np.full(x.shape, np.nan), np.full(x.shape, np.nan)  # a step that is halved
        names = (self.output, f"d_{self.output}_d_{self.variable}")
        y, by = (
            np.broadcast_to(spread(result, name, self.axes, self.shape), self.shape).ravel()
            for name in names
        )
        return y, by

    def seek(self, low: float, high: float, failures: str) -> Goal:
        """Search all lanes."""
        shape, aim = self.shape, self.aim

        def miss(x: Floats) -> tuple[Floats, Floats]:
            y, by = self.slope(x)
            return y - aim, by

        with np.errstate(all="ignore"):
            search = Search(miss, np.clip(self.start, low, high), low, high, aim)
            search.find()
            jumps, fades, nears = search.jumps(), search.fades(aim), search.nears()
            reached = search.reached() & ~jumps & ~fades & ~nears | search.hits()
        if not reached.all() and failures == "fault":
            if self._refused is not None:
                raise self._refused
            lane = int(np.argmin(reached))
            where = f" in lane {lane}" if shape else ""
            raise Diagnostic(
                NOT_SOLVED,
                f"no {self.variable} is found with which {self.output} is {aim[lane]:.6g}{where}:"
                f" with {search.best[lane]:.6g} it misses by {search.missed[lane]:.3g}"
                + (", and there it jumps over it" if jumps[lane] else "")
                + (", for there numbers end: it comes ever nearer" if fades[lane] else ""),
                help=Advice(
                    f"give bounds on both sides of it, begin elsewhere ({self.variable}=... among"
                    " the inputs), or mark such lanes with failures='nan'",
                    typed="give --bounds LOW:HIGH on both sides of it, or begin elsewhere:"
                    f" {self.variable}=VALUE",
                ),
            )
        self._best, self._failed = search.best, ~reached.reshape(shape)
        value = np.where(reached, search.best, np.nan).reshape(shape)
        missed = search.missed.reshape(shape)
        return Goal(
            value if shape else float(value),
            reached.reshape(shape) if shape else bool(reached[0]),
            missed if shape else float(missed),
            self.runs,
            self.run,
        )

    def _marked(self, result: SeriesResult) -> SeriesResult:
        """The outputs that the unknown reaches are NaN where it is none."""
        view = self._runner.view
        rows = {
            number
            for number, row in enumerate(view.rows)
            if row.kind == RowKind.INPUT and view.inputs[row.index].name == self.variable
        }
        out: dict[str, Any] = {}
        for name in result:
            array, axes = np.asarray(result[name]), result.axes(name)
            port = next(port for port in view.outputs if port.name == name)
            if rows & view.cone([port.row]):
                lacking = tuple(n for n, axis in enumerate(self.axes) if axis not in axes)
                held = [axis for axis in self.axes if axis in axes]
                failed = np.asarray(self._failed.any(axis=lacking))
                failed = np.transpose(failed, [held.index(axis) for axis in axes if axis in held])
                shape = [
                    n if axis in held else 1 for n, axis in zip(array.shape, axes, strict=True)
                ]
                array = np.where(failed.reshape(shape), np.nan, array)
            out[name] = array
        return result.replaced(out, result.stats)


def bind_value(bound: Bound, number: int, axes: tuple[str, ...], name: str) -> Floats:
    """The value of an input in each lane, shape (these axes...).

    Raises:
        Diagnostic: LW3062 for one that varies along other axes, over which an output is summed.
    """
    array = np.asarray(bound.arrays[number], float)
    inner = [bound.inner] if bound.given[number].laned and bound.inner else []
    held = [*bound.outers[number], *inner]
    for axis in held:
        if axis not in axes:
            raise _bad(
                f"{name!r} varies along {axis!r}, over which the output is summed",
                "seek one value for all of it: begin with one number",
            )
    array = np.transpose(array, [held.index(axis) for axis in axes if axis in held])
    array = array.reshape([bound.sizes[axis] if axis in held else 1 for axis in axes])
    return np.array(np.broadcast_to(array, [bound.sizes[axis] for axis in axes]))


def _ends(name: str, bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    try:
        low, high = bounds
        for end in (low, high):
            if isinstance(end, str | bool):
                raise TypeError(end)
        low, high = (x if x is None else float(x) for x in bounds)
    except (TypeError, ValueError):
        raise _bad(f"the bounds of {name!r} are {bounds!r}", "give (lowest, highest)") from None
    least, most = -np.inf if low is None else low, np.inf if high is None else high
    if np.isnan(least) or np.isnan(most):
        help = Advice(
            "give numbers, None for no bound", typed="give numbers: --bounds 0:1e6, or 1.3:"
        )
        raise _bad(f"the bounds of {name!r} are {bounds!r}", help)
    if not least <= most:
        help = Advice("give (lowest, highest)", typed="give --bounds LOWEST:HIGHEST")
        raise _bad(f"the bounds of {name!r} exclude each other", help)
    return least, most


def _bad(what: str, help: str) -> Diagnostic:
    return Diagnostic(BAD_PROBLEM, what, help=help)
