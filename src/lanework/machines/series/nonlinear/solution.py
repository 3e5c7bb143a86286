"""What a solver gives back: whether it solved, the values, and the way that led there."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Advice, Diagnostic, LaneworkError
from lanework.core.result.frames import need
from lanework.core.result.show import text_table
from lanework.machines.series.codes import NOT_SOLVED

if TYPE_CHECKING:
    import matplotlib.axes

    from lanework.machines.series.audit.result import SeriesResult

Floats = NDArray[np.float64]

TRACE = np.dtype(
    [
        ("iteration", np.int64),
        ("objective", np.float64),
        ("primal", np.float64),
        ("dual", np.float64),
        ("mu", np.float64),
        ("step", np.float64),
        ("regularisation", np.float64),
        ("dual_step", np.float64),
        ("primal_step", np.float64),
        ("line_search", np.int64),
        ("restoration", np.bool_),
    ]
)
"""One record an iteration: the objective, the largest violation of constraints (primal) and of
optimality (dual), the barrier parameter, the length of the step, what was added to the Hessian,
the shares of the step that were taken, tries of the line search, and whether it only sought
feasibility."""


@dataclass(frozen=True)
class _Known:
    """What a run gave where it can be run: a solution is taken to other processes with that."""

    result: SeriesResult | None
    error: LaneworkError | None

    def __call__(self, _: Mapping[str, Any]) -> SeriesResult | None:
        if self.error is not None:
            raise self.error
        return self.result


class _Kept:
    """What has a result that is run when it is asked for, and at the latest to be pickled."""

    _run: Any
    result: Any

    def __getstate__(self) -> dict[str, Any]:
        try:
            known = _Known(self.result, None)
        except LaneworkError as error:
            known = _Known(None, error)
        return {**vars(self), "_run": known}


@dataclass
class Solution(_Kept):
    """What a solver found, or where it stopped.

    Attributes:
        status: `solved`, or what happened instead: `infeasible`, `diverged`, `iterations`,
            `deadline`, `interrupted`, `singular`, `not a number`, `inaccurate`, `stopped`.
        message: a sentence about it, with names.
        variables: the values of the unknowns: those of the last iterate where it is not solved.
        objective: the value of the objective, NaN without one.
        multipliers: by output with bounds, how much more the objective is for one unit more of a
            bound that holds it; 0 where none does. Less than 0 where it becomes less.
        solver_trace: one record an iteration; the fields are those of `TRACE`.
        iterations: how many there were.
        runs: runs of programs, for values and derivatives.
        seconds: how long it took, compiling aside.
    """

    status: str
    message: str
    variables: dict[str, Any]
    objective: float
    multipliers: dict[str, Any]
    solver_trace: NDArray[Any]
    runs: int
    seconds: float
    _run: Any = field(repr=False)
    _state: Any = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is solved."""
        return self.status == "solved"

    @property
    def iterations(self) -> int:
        """How many iterations there were."""
        return max(len(self.solver_trace) - 1, 0)

    def __getitem__(self, name: str) -> Any:
        """The value of an unknown, or of an output at the solution.

        Raises:
            Diagnostic: LW3063 where it is not solved; LW1020 for a name that it does not have.
        """
        if not self.ok:
            raise self.error()
        return self.variables[name] if name in self.variables else self.result[name]

    def error(self) -> Diagnostic:
        """The error of what is not solved."""
        return Diagnostic(
            NOT_SOLVED,
            self.message,
            help=Advice(
                "`variables` and `result` of the solution are those of its last iterate, "
                "`solver_trace` is the way there",
                typed="begin elsewhere (UNKNOWN=VALUE) or loosen bounds; --iterations shows more",
            ),
        )

    @functools.cached_property
    def result(self) -> SeriesResult:
        """All outputs of the program, run at the last iterate."""
        result: SeriesResult = self._run(self.variables)
        return result

    def table(self) -> str:
        """The iterations as a table.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("root", periods=1)
            >>> _ = model.input("x", default=1.0)
            >>> _ = model.formula("y", "x * x - 2")
            >>> print(model.solve(["x"], ["y"]).table())  # doctest: +SKIP
        """
        head = ("iteration", "objective", "primal", "dual", "mu", "step", "primal step", "tries")
        fields = (
            "iteration", "objective", "primal", "dual", "mu", "step", "primal_step", "line_search",
        )  # fmt: skip
        rows = [
            [f"{record[name]:.6g}" if name != "iteration" else str(record[name]) for name in fields]
            for record in self.solver_trace
        ]
        return text_table(head, rows)

    def plot(self, ax: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """Draw how the violations and the barrier parameter went down, over the iterations.

        Raises:
            Diagnostic: LW1022 without matplotlib.
        """
        pyplot = need("matplotlib.pyplot", "a plot")
        axes = pyplot.figure().subplots() if ax is None else ax
        for name in ("primal", "dual", "mu"):
            axes.semilogy(
                self.solver_trace["iteration"],
                np.maximum(self.solver_trace[name], 1e-16),
                marker=".",
                label=name,
            )
        axes.set_xlabel("iteration")
        axes.legend()
        axes.set_title(self.status)
        return axes

    def __repr__(self) -> str:
        goal = "" if np.isnan(self.objective) else f", objective {self.objective:.10g}"
        return f"Solution: {self.status}{goal}, {self.iterations} iterations, {self.message}"


class Solutions(_Kept, Sequence[Solution]):
    """The solutions of many lanes, one problem each.

    Attributes:
        axes: the lane axes.
        shape: their lengths.
    """

    def __init__(
        self,
        solutions: Sequence[Solution],
        axes: tuple[str, ...],
        shape: tuple[int, ...],
        run: Any,
        known: Mapping[str, tuple[int, ...]],
    ) -> None:
        self._solutions, self.axes, self.shape = list(solutions), axes, shape
        self._run, self._known = run, known  # unknowns, and their shapes in one lane

    def __len__(self) -> int:
        return len(self._solutions)

    def __iter__(self) -> Iterator[Solution]:
        return iter(self._solutions)

    def __getitem__(self, key: Any) -> Any:
        """A lane's solution by its number, or an unknown or output of all lanes by its name.

        Raises:
            Diagnostic: LW3063 where a lane is not solved.
        """
        if not isinstance(key, str):
            return self._solutions[key]
        for lane, solution in enumerate(self._solutions):
            if not solution.ok:
                error = solution.error()
                raise Diagnostic(error.code, f"lane {lane}: {solution.message}", help=error.help)
        return self.variables[key] if key in self.variables else self.result[key]

    @property
    def ok(self) -> bool:
        """Whether all lanes are solved."""
        return all(solution.ok for solution in self._solutions)

    @property
    def statuses(self) -> list[str]:
        """The status of each lane."""
        return [solution.status for solution in self._solutions]

    @property
    def solver_trace(self) -> list[NDArray[Any]]:
        """The records of the iterations of each lane, as a solution has them."""
        return [solution.solver_trace for solution in self._solutions]

    @property
    def variables(self) -> Mapping[str, Any]:
        """The unknowns, axes ``(time, lane axes...)``: last iterates where a lane is not solved."""
        out: dict[str, Any] = {}
        for name, one in self._known.items():
            values = [solution.variables[name] for solution in self._solutions]
            array = np.moveaxis(np.reshape(values, (len(values), *one)), 0, -1)
            out[name] = array.reshape(*array.shape[:-1], *self.shape)
        return out

    @functools.cached_property
    def result(self) -> SeriesResult:
        """All outputs of the program, run with the unknowns of all lanes."""
        result: SeriesResult = self._run(self.variables)
        return result

    def table(self) -> str:
        """A line for each lane; the iterations of one are in its own table, ``solutions[0]``'s."""
        rows = [
            [str(lane), one.status, f"{one.objective:.6g}", str(one.iterations)]
            for lane, one in enumerate(self._solutions)
        ]
        return text_table(("lane", "status", "objective", "iterations"), rows)

    def __repr__(self) -> str:
        solved = sum(solution.ok for solution in self._solutions)
        return f"Solutions: {solved} of {len(self)} lanes solved"
