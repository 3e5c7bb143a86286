"""IPOPT through ipyopt: its options, its limits, its trace, and again in other units.

IPOPT's own relaxation of bounds is off, so that a bound is a bound. See Waechter and Biegler 2006,
"On the implementation of an interior-point filter line-search algorithm for large-scale nonlinear
programming".
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.options import refused
from lanework.core.result.frames import need
from lanework.machines.series.codes import BAD_PROBLEM
from lanework.machines.series.nonlinear.blocks import Floats
from lanework.machines.series.nonlinear.callbacks import Callbacks
from lanework.machines.series.nonlinear.checking import ROUNDING
from lanework.machines.series.nonlinear.gap import GAP, closer, gap
from lanework.machines.series.nonlinear.polish import WHAT
from lanework.machines.series.nonlinear.problem import Problem
from lanework.machines.series.nonlinear.scales import (
    EXACT,
    FAR,
    Scales,
    again,
    ends,
    first,
    instead,
)
from lanework.machines.series.nonlinear.solution import Solution
from lanework.machines.series.nonlinear.starts import moved
from lanework.machines.series.nonlinear.where import NO_NUMBER, STATUS

SHORT, STUCK = 1e-4, 8  # shares of a step, and how many as short as that, each after a failed run
AGAIN = 40  # runs of IPOPT after the first, each in other units
IDLE = 3  # of those, none of which makes an objective less
CLOSER = 2  # runs after those, where bounds leave much of the objective open
FAR_OFF = 1e3  # how much larger or smaller than its start an unknown is, of which it said nothing
ABOUT = 1  # IPOPT's number of `inaccurate`
MOST = 2**31 - 1  # the largest whole number that options of IPOPT have
WRITTEN = "see IPOPT's options; a number that need not be whole has a point there: 1.0, not 1"
STAYS = 1e-9  # of unknowns beside their units: how far a run moves them that makes no difference


def ipopt() -> Any:
    """The package.

    Raises:
        Diagnostic: LW1022.
    """
    return need("ipyopt", WHAT)


def ipopt_options(given: Mapping[Any, Any]) -> dict[str, Any]:
    """Options as IPOPT takes them; the process would end by others, or they would be cut off.

    Raises:
        Diagnostic: LW2005 for names that are no texts, and values that are of no kind it has.
    """
    out: dict[str, Any] = {}
    for name, value in given.items():
        if not _plain(name):
            raise refused("the name of an option of IPOPT", name, 'give a text, such as "max_iter"')
        if isinstance(value, numbers.Integral) and not isinstance(value, bool):
            value = int(value)
        elif isinstance(value, numbers.Real) and not isinstance(value, bool):
            value = float(value)
        number = isinstance(value, float) and value == value
        if not (number or _plain(value) or (type(value) is int and abs(value) <= MOST)):
            help = f'give a number (whole ones up to {MOST}) or a text, such as "yes"'
            raise refused(f"IPOPT's option {name!r}", value, help)
        out[name] = value
    return out


def _plain(text: Any) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()


class _Watch:
    """What IPOPT tells of each iteration: the run that it is in hears of it."""

    run: Run | None = None

    def __call__(self, *numbers: Any) -> bool:
        return self.run is not None and self.run.iteration(*numbers)


class Run:
    """One call of IPOPT.

    Attributes:
        functions: the problem's, for IPOPT and at its end: native ones where there are.
    """

    def __init__(self, problem: Problem, options: Mapping[str, Any]) -> None:
        self.problem, self.options = problem, options
        problem.twice = options.get("hessian_approximation") != "limited-memory"
        self.functions: Problem | Callbacks = problem
        self.trace: list[tuple[Any, ...]] = []
        self._short, self._error = 0, problem.error
        self.state: tuple[Floats, ...] = ()
        self.scales = Scales(1.0, np.ones(problem.size), np.ones(problem.rows))
        self._endless: set[Callable[..., None]] = set()  # what is not finite at the last point

    def iteration(
        self,
        mode: int,
        _: int,
        objective: float,
        *numbers: float,
    ) -> bool:
        """Keep a record, in the order of `TRACE`; whether to go on."""
        problem, share = self.problem, numbers[6]
        failed = problem.error is not self._error
        self._short = self._short + 1 if failed and share < SHORT else 0
        self._error = problem.error
        if self._short >= STUCK:
            problem.stop = problem.stop or "stopped"
        if self._endless:
            problem.stop = problem.stop or NO_NUMBER
        number = len(self.trace)
        self.trace.append((number, objective * problem.sign, *numbers, mode != 0))
        return not problem.late()

    def _solver(self, options: dict[str, Any]) -> tuple[Any, _Watch]:
        """IPOPT with these options: the same as before where native functions are."""
        functions, key = self.functions, repr(options)
        known = functions.solvers if isinstance(functions, Callbacks) else {}
        if key not in known:
            known[key] = self._new_solver(options)
        solver, watch = known[key]
        watch.run = self
        return solver, watch

    def _new_solver(self, options: dict[str, Any]) -> tuple[Any, _Watch]:
        problem, functions, watch = self.problem, self.functions, _Watch()
        low, high = ends(problem.variables)
        least, most = ends(problem.targets)
        slope, jacobian = self._finite(problem.slope), self._finite(problem.jacobian)
        hessian = self._finite(problem.hessian)
        own = (problem.value, slope, problem.levels, jacobian, hessian)
        calls = functions.capsules if isinstance(functions, Callbacks) else own
        try:
            solver = ipopt().Problem(
                problem.size, low, high, problem.rows, least, most, problem.entries,
                problem.bend_entries, *calls, intermediate_callback=watch, ipopt_options=options,
            )  # fmt: skip
        except (ValueError, TypeError) as error:
            what = str(error).removeprefix("ipyopt.Problem(): ")
            raise Diagnostic(BAD_PROBLEM, f"IPOPT: {what}", help=WRITTEN) from error
        return solver, watch

    def _finite(self, derive: Callable[..., None]) -> Callable[..., None]:
        """Derivatives for IPOPT: where one is not finite it hears of noughts, and then stops.

        A factorisation of such numbers may write where it must not, and from Python a function
        cannot say that it failed. IPOPT may have asked at a start that it then moves.
        """

        def derived(*given: Any) -> None:
            derive(*given)
            self._endless.discard(derive)
            if not np.isfinite(given[-1]).all():
                given[-1].fill(0.0)
                self._endless.add(derive)
                if derive == self.problem.hessian:  # which a step follows, before it is heard
                    self.problem.stop = self.problem.stop or NO_NUMBER

        return derived

    def begin(self, start: Floats, before: Solution | None) -> tuple[Floats, int]:
        """From a start, or from beside it where it is flat; what `solve` gives."""
        problem = self.problem
        other = moved(problem, self.functions, start) if before is None else None
        if other is not None:
            x, status = self.solve(other, None)
            solved = STATUS.get(status) == "solved"
            if (
                solved
                and not problem.rows
                and self.functions.value(other) < self.functions.value(x)
            ):
                x[:] = other  # IPOPT begins inside of bounds, and slopes did not lead back
            if solved or problem.stop in ("deadline", "interrupted"):
                return x, status
            problem.again()
        return self.solve(start, before)

    def solve(self, start: Floats, before: Solution | None) -> tuple[Floats, int]:
        """The last iterate, and IPOPT's status: in other units, too, where these lead nowhere."""
        problem = self.problem
        scales, said = first(problem, self.functions, start)
        free = not _SCALING & {*self.options}
        x, status = self._measured(start, before, scales, said and free, free)
        nowhere = STATUS.get(status, "stopped") in _NOWHERE and free and not problem.stop
        own = instead(problem, self.functions, start, scales) if nowhere else None
        if own is not None:
            kept = x, status, self.state, self.scales
            x, status = self._measured(start, None, own, bool((own.unit != 1.0).any()), True)
            size, less = np.abs(x) / scales.unit, scales.unit < own.unit
            far = np.where(less, size > FAR_OFF, size < 1 / FAR_OFF) & (scales.unit != own.unit)
            if STATUS.get(status) != "solved" or not far.any():
                x, status, self.state, self.scales = kept
                if problem.stop in (NO_NUMBER, "stopped"):
                    problem.again()
        if problem.stop == NO_NUMBER:
            problem.again()
            status = -13
        return x, status

    def _measured(
        self, start: Floats, before: Solution | None, scales: Scales, said: bool, free: bool
    ) -> tuple[Floats, int]:
        """From a start in some units: again where numbers turn out small or large."""
        problem, functions = self.problem, self.functions
        x, status = self._solve(start, before, scales if said else None)
        other, idle = scales, 0
        best: tuple[Any, ...] = ()
        for _ in range(AGAIN if free else 0):
            ended = STATUS.get(status, "stopped")
            if problem.stop or ended not in _ENDED or (ended == "diverged" and problem.objective):
                break
            failed = ended not in ("solved", "inaccurate")
            new = again(problem, functions, self.state, other, failed)
            if new is None or problem.stop:
                break
            kept = x, status, self.state, other
            x, status = self._solve(x, None, new)
            if ended in ("infeasible", "diverged") and STATUS.get(status) != "solved":
                x, status, self.state, other = kept  # it was no matter of units
                if problem.stop == NO_NUMBER:
                    problem.again()
                break
            moved = float(np.max(np.abs(x - kept[0]) / new.unit))
            stays, other = moved < STAYS and (new.unit == other.unit).all(), new
            if STATUS.get(status) == ended == "solved":
                best = best or kept
                better = self._better(x, best[0])
                best, idle = ((x, status, self.state, other), 0) if better else (best, idle + 1)
            if idle == IDLE:
                x, status, self.state, other = best  # what is small is so by rounding
            if stays or idle == IDLE:
                break
        else:
            status = ABOUT if free and STATUS.get(status) == "solved" else status
        self.scales = other
        return self._closed(x, status, free)

    def _better(self, x: Floats, before: Floats) -> bool:
        """Whether the objective is less than before, or bounds that were not kept are."""
        if self.problem.objective is None:
            return True
        (low, high), levels = ends(self.problem.targets), np.empty(self.problem.rows)
        misses, value = [], self.functions.value(before)
        for point in (before, x):
            self.functions.levels(point, levels)
            misses.append(np.maximum(np.maximum(low - levels, levels - high), 0.0))
        kept = (misses[0] <= misses[1] + EXACT * np.abs(levels)).all()
        return not kept or self.functions.value(x) < value - ROUNDING * abs(value)

    def _closed(self, x: Floats, status: int, free: bool) -> tuple[Floats, int]:
        """Solve again where bounds leave much of the objective open; not solved if they still do.

        IPOPT's tolerance is beside slopes in units in which an objective may be a small number.
        What it changed says how large it is only where unknowns have kept their units.
        """
        problem, functions = self.problem, self.functions
        for turn in range(CLOSER + 1):
            if problem.objective is None or problem.stop or STATUS.get(status) != "solved":
                break
            values = [record[1] for record in self.trace if np.isfinite(record[1])] or [0.0]
            change = max(values) - min(values)
            size = max(abs(values[-1]), GAP * change)
            left = gap(problem, functions, self.state)
            if left <= GAP * size:
                break
            new = closer(problem, functions, self.state, self.scales, size)
            if turn == 0 and (new.unit == self.scales.unit).all() and left <= GAP * change:
                break
            if turn == CLOSER or not free:
                return x, ABOUT
            before = x, self.state, self.scales
            x, status = self._solve(x, None, new)
            self.scales = new
            if STATUS.get(status) != "solved" and problem.stop in ("", NO_NUMBER):
                x, self.state, self.scales = before
                problem.again()
                return x, ABOUT
        return x, status

    def _solve(
        self, start: Floats, before: Solution | None, scales: Scales | None
    ) -> tuple[Floats, int]:
        problem = self.problem
        n, m = problem.size, problem.rows
        options: dict[str, Any] = {
            "print_level": 0,
            "sb": "yes",
            "bound_relax_factor": 0.0,
            "honor_original_bounds": "yes",
            "tol": 1e-10,
            "nlp_lower_bound_inf": -FAR,
            "nlp_upper_bound_inf": FAR,
            **({} if scales is None else scales.tolerances),
            **self.options,
        }
        if before is not None:
            options = {"warm_start_init_point": "yes", **_WARM, **options}
        if scales is not None:
            options["nlp_scaling_method"] = "user-scaling"
        solver, watch = self._solver(options)
        if scales is not None:
            solver.set_problem_scaling(scales.goal, scales.unknowns, scales.rows)
        x = np.array(start)
        y, lower, upper = np.zeros(m), np.zeros(n), np.zeros(n)
        if before is not None:
            for array, known in zip((y, lower, upper), before._state[1:], strict=True):
                array[:] = known
        try:
            x, _, status = solver.solve(x, mult_g=y, mult_x_L=lower, mult_x_U=upper)
        finally:
            watch.run = None  # else they would hold each other
        self.state = (x, y, lower, upper)
        return x, status


_ENDED = ("solved", "inaccurate", "stopped", "infeasible", "diverged")
"""After what other units may say more."""
_NOWHERE = ("iterations", "stopped")
"""What a start that is small or large by chance leads to."""

_WARM = {
    "warm_start_bound_push": 1e-9,
    "warm_start_bound_frac": 1e-9,
    "warm_start_slack_bound_push": 1e-9,
    "warm_start_slack_bound_frac": 1e-9,
    "warm_start_mult_bound_push": 1e-9,
    "mu_init": 1e-7,
}

_SCALING = {
    "nlp_scaling_method",
    "nlp_scaling_obj_target_gradient",
    "nlp_scaling_constr_target_gradient",
    "obj_scaling_factor",
}
"""Options of those who scale by themselves."""
