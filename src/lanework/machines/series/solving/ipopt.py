"""IPOPT through ipyopt: the problem of a lane, its limits, its trace, its status.

IPOPT's own relaxation of bounds is off, so that a bound is a bound. See Waechter and Biegler 2006,
"On the implementation of an interior-point filter line-search algorithm for large-scale nonlinear
programming".
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Diagnostic
from lanework.core.result.frames import need
from lanework.machines.series.codes import BAD_PROBLEM, LOOKUP_OUTSIDE, NO_SOLUTION
from lanework.machines.series.solving.problem import Block, Floats, Problem
from lanework.machines.series.solving.solution import TRACE, Solution

WHAT = "solving with IPOPT"
FAR = 2e19  # what IPOPT takes for no bound is 1e19 and more
CLOSE = 1e-6  # how far, relative to its size, a value may lie outside its bounds
POLISH = 4  # steps of Newton's method at the end
FINE = 1e-12  # how small, beside the unknowns, the last of them is
SINGULAR = 1e-12  # how small, beside the largest, a pivot is nought

AT_A_POINT = (LOOKUP_OUTSIDE, NO_SOLUTION)
"""What a run is refused for at some values of the unknowns, and not at others."""
STATUS = {
    0: "solved",
    1: "inaccurate",
    2: "infeasible",
    3: "stopped",
    4: "diverged",
    5: "interrupted",
    6: "solved",
    -1: "iterations",
    -2: "stopped",
    -3: "stopped",
    -4: "deadline",
    -5: "deadline",
    -13: "not a number",
}
SAID = {
    "solved": "solved",
    "inaccurate": "only a looser tolerance is reached",
    "infeasible": "no values of the unknowns near here keep all bounds",
    "stopped": "no step makes it better, and it is not solved",
    "diverged": "the unknowns grow without end",
    "interrupted": "stopped by Ctrl-C",
    "iterations": "not solved after as many iterations as it may take",
    "deadline": "not solved by the deadline",
    "not a number": "a value or derivative is not a number",
    "singular": "the solution is not the only one near it",
}


def ipopt() -> Any:
    """The package.

    Raises:
        Diagnostic: LW1022.
    """
    return need("ipyopt", WHAT)


class Run:
    """One call of IPOPT."""

    def __init__(self, problem: Problem, until: float | None, options: Mapping[str, Any]) -> None:
        self.problem, self.until, self.options = problem, until, options
        self.trace: list[tuple[Any, ...]] = []
        self.stop: str = ""
        self.state: tuple[Floats, ...] = ()

    def interrupt(self, *_: Any) -> None:
        """Ctrl-C: IPOPT stops at its next iteration. No exception goes through its native code."""
        self.stop = "interrupted"

    def iteration(
        self,
        mode: int,
        number: int,
        objective: float,
        *numbers: float,
    ) -> bool:
        """Keep a record, in the order of `TRACE`; whether to go on."""
        self.trace.append((number, objective * self.problem.sign, *numbers, mode != 0))
        if self.until is not None and time.monotonic() > self.until:
            self.stop = self.stop or "deadline"
        return not self.stop

    def solve(self, start: Floats, before: Solution | None) -> tuple[Floats, int]:
        """The last iterate, and IPOPT's status."""
        problem = self.problem
        n, m = problem.size, problem.rows
        low, high = _ends(problem.variables)
        least, most = _ends(problem.targets)
        options: dict[str, Any] = {
            "print_level": 0,
            "sb": "yes",
            "bound_relax_factor": 0.0,
            "honor_original_bounds": "yes",
            "tol": 1e-10,
            **self.options,
        }
        if before is not None:
            options = {"warm_start_init_point": "yes", **_WARM, **options}
        try:
            solver = ipopt().Problem(
                n, low, high, m, least, most, problem.entries, problem.bend_entries,
                problem.value, problem.slope, problem.levels, problem.jacobian, problem.hessian,
                intermediate_callback=self.iteration,
                ipopt_options=options,
            )  # fmt: skip
        except (ValueError, TypeError) as error:
            what = str(error).removeprefix("ipyopt.Problem(): ")
            raise Diagnostic(BAD_PROBLEM, f"IPOPT: {what}", help="see IPOPT's options") from error
        x = np.array(start)
        y, lower, upper = np.zeros(m), np.zeros(n), np.zeros(n)
        if before is not None:
            for array, known in zip((y, lower, upper), before._state[1:], strict=True):
                array[:] = known
        with _on_ctrl_c(self.interrupt):
            x, _, status = solver.solve(x, mult_g=y, mult_x_L=lower, mult_x_U=upper)
        self.state = (x, y, lower, upper)
        return x, status


@contextmanager
def _on_ctrl_c(handler: Callable[..., None]) -> Iterator[None]:
    """What Ctrl-C does meanwhile, on the main thread, where it means anything."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_WARM = {
    "warm_start_bound_push": 1e-9,
    "warm_start_bound_frac": 1e-9,
    "warm_start_slack_bound_push": 1e-9,
    "warm_start_slack_bound_frac": 1e-9,
    "warm_start_mult_bound_push": 1e-9,
    "mu_init": 1e-7,
}


def _ends(blocks: list[Block]) -> tuple[Floats, Floats]:
    low = np.concatenate([block.low for block in blocks] or [np.zeros(0)])
    high = np.concatenate([block.high for block in blocks] or [np.zeros(0)])
    return np.maximum(low, -FAR), np.minimum(high, FAR)


def solve(
    problem: Problem,
    start: Floats,
    until: float | None,
    options: Mapping[str, Any],
    before: Solution | None,
    run: Callable[[Mapping[str, Any]], Any],
) -> Solution:
    """Solve the problem of one lane.

    Args:
        problem: the problem, with its inputs given.
        start: the unknowns to begin with.
        until: the deadline, on the clock of `time.monotonic`.
        options: IPOPT's own.
        before: a solution near by, to begin from with its multipliers.
        run: runs the program with these unknowns.
    """
    begin = time.perf_counter()
    problem.runs, problem.error = 0, None
    session = Run(problem, until, options)
    low, high = _ends(problem.variables)
    start = np.clip(start, low, high)
    if until is not None and time.monotonic() > until:
        return _solution(problem, session, start, "deadline", SAID["deadline"], run, begin)
    problem.value(start)
    problem.levels(start, np.empty(problem.rows))
    if problem.error is not None and problem.error.code not in AT_A_POINT:
        raise problem.error  # of the inputs, whatever the unknowns are
    x, number = session.solve(start, before)
    status = session.stop or STATUS.get(number, "stopped")
    message = SAID[status]
    if status == "solved":
        status = _checked(problem, x)
        message = SAID[status]
    if status != "solved":
        message += _where(problem, x, status)
    return _solution(problem, session, x, status, message, run, begin)


def _solution(
    problem: Problem,
    session: Run,
    x: Floats,
    status: str,
    message: str,
    run: Callable[[Mapping[str, Any]], Any],
    begin: float,
) -> Solution:
    nothing = tuple(np.zeros(size) for size in (problem.rows, problem.size, problem.size))
    state = session.state or (x, *nothing)
    weights = problem.sign * state[1]
    goal = np.nan if problem.objective is None else problem.sign * problem.value(x)
    return Solution(
        status,
        message,
        {block.name: _plain(block.of(x)) for block in problem.variables},
        goal,
        {block.name: _plain(block.of(weights)) for block in problem.targets},
        np.array(session.trace, TRACE),
        problem.runs,
        time.perf_counter() - begin,
        run,
        state,
    )


def _plain(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _checked(problem: Problem, x: Floats) -> str:
    """IPOPT says that it is solved: is it? Where equations say all, `x` comes nearer to them."""
    levels = np.empty(problem.rows)
    low, high = _ends(problem.targets)
    if problem.objective is None:
        equal, off = low == high, np.inf
        for _ in range(POLISH):
            problem.levels(x, levels)
            step = _step(problem, x, levels[equal] - low[equal], equal)
            if step is None:
                return "singular"
            off = float((np.abs(step) / (1.0 + np.abs(x))).max(initial=0.0))
            if off <= FINE:
                break
            least, most = _ends(problem.variables)
            x[:] = np.clip(x - step, least, most)
        if not off <= CLOSE:
            return "inaccurate"
    problem.levels(x, levels)
    size = 1.0 + np.maximum(np.abs(levels), np.minimum(np.abs(low), np.abs(high)))
    held = (np.maximum(low - levels, levels - high) <= CLOSE * size).all()
    return "solved" if held else "inaccurate"


def _step(problem: Problem, x: Floats, misses: Floats, equal: NDArray[np.bool_]) -> Floats | None:
    """The step from where equations hold, by their slopes; None where these leave unknowns open."""
    sparse, linalg = need("scipy.sparse", WHAT), need("scipy.sparse.linalg", WHAT)
    row, column = problem.entries
    slopes = np.empty(len(row))
    problem.jacobian(x, slopes)
    matrix = sparse.csc_matrix((slopes, (row, column)), (problem.rows, problem.size))[equal]
    free = np.concatenate([block.low < block.high for block in problem.variables])
    matrix = matrix[:, free]
    if matrix.shape[0] != matrix.shape[1]:
        return None
    scales = []
    for axis in (1, 0):  # rows, then columns, to a largest entry of 1
        most = np.abs(matrix).max(axis=axis).toarray().ravel()
        if not (most > 0).all():
            return None
        scales.append(1 / most)
        scale = sparse.diags(1 / most)
        matrix = (scale @ matrix if axis else matrix @ scale).tocsc()
    try:
        factors = linalg.splu(matrix)
    except RuntimeError:
        return None
    pivots = np.abs(factors.U.diagonal())
    if pivots.min() < SINGULAR * pivots.max():
        return None
    step = np.zeros(problem.size)
    step[free] = scales[1] * factors.solve(scales[0] * misses)
    return step


def _where(problem: Problem, x: Floats, status: str) -> str:
    """Names to go with a status."""
    if status in ("interrupted", "deadline"):
        return ""
    if problem.error is not None:
        return f": {problem.error.message}"
    levels = np.empty(problem.rows)
    problem.levels(x, levels)
    low, high = _ends(problem.targets)
    bad = np.flatnonzero(~np.isfinite(levels))
    over = np.maximum(low - levels, levels - high)
    if not len(bad) and status in ("infeasible", "iterations", "stopped", "inaccurate"):
        size = 1.0 + np.abs(levels)
        bad = np.flatnonzero(over > CLOSE * size)
        bad = bad[np.argsort(-(over / size)[bad])]
    said = [
        f"{block.place(int(index) - block.begin)} is {levels[index]:.6g}"
        for index in bad[:3]
        for block in problem.targets
        if block.begin <= index < block.begin + block.size
    ]
    return ": " + ", ".join(said) + (" ..." if len(bad) > 3 else "") if said else ""
