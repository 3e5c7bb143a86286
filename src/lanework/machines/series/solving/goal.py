"""Goal seek: the one unknown with which an output is what it should be, in all lanes at once.

Newton's method with exact derivatives, and bisection where it would leave what is known to hold a
root; no other package is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.data.values import Given, exactly
from lanework.core.program.program import Program
from lanework.core.runner import check_deadline
from lanework.machines.series.codes import BAD_PROBLEM, NOT_SOLVED, UNKNOWN_INPUT, UNKNOWN_OUTPUT
from lanework.machines.series.data.binding import bind
from lanework.machines.series.data.labels import along
from lanework.machines.series.passes.derive import Deriver
from lanework.machines.series.solving.solve import check_lanes, named_port

if TYPE_CHECKING:
    from lanework.machines.series.audit.result import SeriesResult

Floats = NDArray[np.float64]
Slope = Callable[[Floats], tuple[Floats, Floats]]

FREE = 60  # steps of Newton's method before two sides of a root are looked for
WIDER = 60  # times that the search doubles its distance
STEPS = 200
NEAR = 1e-10  # a step that small, beside the unknown, is one at the end
CLOSE = 1e-9  # how near, beside its size, the output or the unknown must come
LATE = "raise the deadline"


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

    def __float__(self) -> float:
        return float(self.value)

    @property
    def result(self) -> SeriesResult:
        """All outputs of the program with this value."""
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
    inputs: Mapping[str, Any],
    failures: str,
    limits: Limits,
    engine: str,
) -> Goal:
    """What `SeriesProgram.seek` does."""
    until = limits.until()
    unknown = named_port(variable, program.inputs, "input", UNKNOWN_INPUT)
    goal = named_port(output, program.outputs, "output", UNKNOWN_OUTPUT)
    for port in (unknown, goal):
        if "time" in port.axes:
            raise _bad(
                f"{port.name!r} has a value in each period",
                "seek one number for one number: an input without the axis time and such as "
                f"total({port.name}); `solve` takes more",
            )
    if unknown.categories:
        raise _bad(f"{variable!r} is one of some labels", "only numbers can be sought")
    if failures not in ("fault", "nan"):
        raise _bad(f"failures is {failures!r}", "write 'fault' or 'nan'")
    low, high = _ends(variable, bounds)
    deriver = Deriver(program)
    (port,) = deriver.asked(output)
    deriver.adjoint(port, deriver.leaves(variable))
    derived: Program[Any] = Program(**vars(deriver.finish("gradient")))
    runner = derived.bind(engine, limits=limits)
    first = inputs.get(variable)
    inputs = {**inputs, variable: unknown.start if first is None else first}
    ports = program.bind(engine, limits=limits)
    bound = bind(ports.ports, ports.periods, inputs, ports._calendar)
    check_lanes(bound, [goal])
    shape = tuple(bound.sizes[axis] for axis in bound.axes)
    start = bind_value(bound, [port.name for port in ports.ports].index(variable), shape)
    runs = [0]

    def given(x: Any) -> dict[str, Any]:
        return {**inputs, variable: along(bound.axes, np.reshape(x, shape)) if shape else float(x)}

    aim = _aim(target, shape)

    def slope(x: Floats) -> tuple[Floats, Floats]:
        check_deadline(until, LATE)
        runs[0] += 1
        result = runner.run_within(Limits(), given(x if shape else x[0]))
        y = np.broadcast_to(result[output], shape).ravel()
        by = np.broadcast_to(result[f"d_{output}_d_{variable}"], shape).ravel()
        return y - aim, by

    with np.errstate(all="ignore"):
        search = _Search(slope, np.clip(start.ravel(), low, high), low, high)
        search.free()
        search.widen()
        search.narrow()
    reached = search.missed <= CLOSE * (1.0 + np.abs(aim))
    reached |= search.off <= CLOSE * np.abs(search.best)  # as near as rounding lets it come
    if not reached.all() and failures == "fault":
        lane = int(np.argmin(reached))
        where = f" in lane {lane}" if shape else ""
        raise Diagnostic(
            NOT_SOLVED,
            f"no {variable} is found with which {output} is {aim[lane]:.6g}{where}: with "
            f"{search.best[lane]:.6g} it misses by {search.missed[lane]:.3g}",
            help=f"give bounds on both sides of it, begin elsewhere ({variable}=... among the "
            "inputs), or mark such lanes with failures='nan'",
        )
    value = np.where(reached, search.best, np.nan).reshape(shape)
    return Goal(
        value if shape else float(value),
        reached.reshape(shape) if shape else bool(reached[0]),
        search.missed.reshape(shape) if shape else float(search.missed[0]),
        runs[0],
        lambda x: ports.run_within(Limits(), given(x)),
    )


def bind_value(bound: Any, number: int, shape: tuple[int, ...]) -> Floats:
    """The value of an input in each lane, shape (lane axes...)."""
    if not shape:
        return np.array([float(bound.arrays[number])])
    out = np.empty(shape)
    names = list(bound.axes)
    array = np.asarray(bound.arrays[number], float)
    held = [*bound.outers[number], *([bound.inner] if bound.given[number].laned else [])]
    order = sorted(range(len(held)), key=lambda place: names.index(held[place]))
    array = np.transpose(array, order)
    out[...] = array.reshape([bound.sizes[axis] if axis in held else 1 for axis in names])
    return out


def _aim(target: Any, shape: tuple[int, ...]) -> Floats:
    given = Given("the target", BAD_PROBLEM)
    numbers = exactly(target, "f64", given)
    if not np.isfinite(numbers).all() or numbers.shape not in ((), shape):
        what = "holds NaN or infinity" if numbers.shape in ((), shape) else f"is {numbers.shape}"
        given.refuse(f"{what}", "give a number, or one a lane")
    return np.array(np.broadcast_to(numbers, shape)).ravel()


def _ends(name: str, bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    try:
        low, high = (x if x is None else float(x) for x in bounds)
    except (TypeError, ValueError):
        raise _bad(f"the bounds of {name!r} are {bounds!r}", "give (lowest, highest)") from None
    least, most = -np.inf if low is None else low, np.inf if high is None else high
    if not least < most:
        raise _bad(f"the bounds of {name!r} exclude each other", "give (lowest, highest)")
    return least, most


def _bad(what: str, help: str) -> Diagnostic:
    return Diagnostic(BAD_PROBLEM, what, help=help)


class _Search:
    """Lanes on their way to a root.

    Attributes:
        best: where each missed least so far.
        missed: by how much.
        off: how far from the root that is, by its slope there.
    """

    def __init__(self, slope: Slope, start: Floats, low: float, high: float) -> None:
        self._slope, self._low, self._high = slope, low, high
        self._start = start
        self._under = np.full(start.shape, np.nan)  # where it is known to be below nought
        self._over = np.full(start.shape, np.nan)
        self.best, self.missed = start.copy(), np.full(start.shape, np.inf)
        self.off = self.missed.copy()
        self._done = np.zeros(start.shape, bool)
        self._stalled = np.zeros(start.shape, int)

    @property
    def _both(self) -> NDArray[np.bool_]:
        both: NDArray[np.bool_] = ~(np.isnan(self._under) | np.isnan(self._over))
        return both

    def _look(self, x: Floats) -> tuple[Floats, Floats]:
        x = np.where(self._done, self.best, x)
        y, by = self._slope(x)
        self._under = np.where((y < 0) & self._nearer(x, self._under, self._over), x, self._under)
        self._over = np.where((y > 0) & self._nearer(x, self._over, self._under), x, self._over)
        better = np.abs(y) < self.missed
        step = np.abs(y / by)
        tiny = step <= NEAR * np.abs(x)
        self._stalled = np.where(tiny & ~better, self._stalled + 1, self._stalled)
        self.best = np.where(better, x, self.best)
        self.missed = np.where(better, np.abs(y), self.missed)
        self.off = np.where(better, step, self.off)
        self._done |= (self.missed == 0) | (self._stalled > 1)
        return y, by

    @staticmethod
    def _nearer(x: Floats, own: Floats, other: Floats) -> NDArray[np.bool_]:
        nearer: NDArray[np.bool_] = np.abs(x - other) < np.abs(own - other)
        known: NDArray[np.bool_] = ~np.isnan(own) & ~np.isnan(other)
        return nearer | ~known

    def free(self) -> None:
        """Newton's method until each lane is done or has a root between two places."""
        x = self._start
        for _ in range(FREE):
            y, by = self._look(x)
            step = y / by
            new = np.clip(x - np.where(np.isfinite(step), step, 0.0), self._low, self._high)
            new = np.where(np.isfinite(y), new, (x + self._start) / 2)
            if (self._done | self._both).all():
                break
            x = new

    def widen(self) -> None:
        """Look ever further to both sides of the start for places of different signs."""
        reach = np.maximum(np.abs(self._start), 1.0) * 2.0**-20
        for _ in range(WIDER):
            if (self._done | self._both).all():
                return
            for way in (reach, -reach):
                self._look(np.clip(self._start + way, self._low, self._high))
            reach *= 2

    def narrow(self) -> None:
        """Newton's method between two sides, bisection where it leaves them or is slow."""
        self._done |= ~self._both
        width = np.abs(self._over - self._under)
        x = self.best
        for turn in range(STEPS):
            y, by = self._look(x)
            low, high = np.fmin(self._under, self._over), np.fmax(self._under, self._over)
            middle = low + (high - low) / 2
            self._done |= (middle == low) | (middle == high)
            if self._done.all():
                return
            new = x - y / by
            slow = np.zeros_like(self._done)
            if turn % 3 == 2:
                slow = (high - low) > width / 2
                width = high - low
            x = np.where((new > low) & (new < high) & ~slow, new, middle)
