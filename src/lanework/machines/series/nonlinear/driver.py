"""The problem of one lane, solved: what is checked where IPOPT ended, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lanework.engines.signals import on_ctrl_c
from lanework.machines.series.codes import LOOKUP_OUTSIDE, NO_SOLUTION
from lanework.machines.series.nonlinear.around import around
from lanework.machines.series.nonlinear.blocks import Floats
from lanework.machines.series.nonlinear.callbacks import Callbacks, native
from lanework.machines.series.nonlinear.checking import NEAR, aside, beside, checked
from lanework.machines.series.nonlinear.ipopt import Run
from lanework.machines.series.nonlinear.problem import Problem
from lanework.machines.series.nonlinear.scales import ends
from lanework.machines.series.nonlinear.solution import TRACE, Solution
from lanework.machines.series.nonlinear.where import NO_NUMBER, SAID, STATUS, put_back, where

BESIDE = 4  # runs of IPOPT from points that are better than slopes say
KEPT = 1e-6  # by how much bounds may be missed, and an objective be better, on the way

_AWAY = ("iterations", "stopped", "diverged")
"""After what it may have been better before."""

AT_A_POINT = (LOOKUP_OUTSIDE, NO_SOLUTION)
"""What a run is refused for at some values of the unknowns, and not at others."""


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
    problem.begin(until)
    session = Run(problem, options)
    low, high = ends(problem.variables)
    x, number = np.clip(start, low, high), 0
    with on_ctrl_c(problem.interrupt):
        if not problem.late():
            problem.value(x)
            problem.levels(x, np.empty(problem.rows))
        if problem.error is not None and problem.error.code not in AT_A_POINT:
            raise problem.error  # of the inputs, whatever the unknowns are
        if not problem.stop:
            session.functions = native(problem, x) or problem
            x, number = session.begin(x, before)
        status, held = _status(session, number, np.clip(start, low, high), x)
        status = problem.stop or status
        better = _better(session, x, status) if status in (*_AWAY, "solved") else ""
        status = "stopped" if better and status in ("diverged", "solved") else status
        message = SAID[status] + held + better
        if status not in ("solved", "interrupted", "deadline"):
            message += where(problem, x, status)
        return _solution(problem, session, x, status, message, run, begin)


def _status(session: Run, number: int, start: Floats, x: Floats) -> tuple[str, str]:
    """What it is where IPOPT ended, and what is said of unknowns that nothing depends on.

    Args:
        session: the run of IPOPT.
        number: its status.
        start: the unknowns to begin with.
        x: those at the end, which come nearer to equations.
    """
    problem, functions = session.problem, session.functions
    status = STATUS.get(number, "stopped")
    if status in ("infeasible", "stopped") and problem.unsure and (x == start).all():
        low, high = ends(problem.variables)  # slopes that are written as 0 lead nowhere
        off = NEAR * np.maximum(np.abs(start), session.scales.unit)
        x[:], number = session.solve(np.clip(start + off, low, high), None)
        status = STATUS.get(number, "stopped")
    for _ in range(BESIDE):
        if problem.stop or status != "solved" or not problem.unsure or not problem.objective:
            break
        other = beside(problem, functions, x, session.scales)
        if other is None:
            break
        x[:], number = session.solve(other, None)
        status = STATUS.get(number, "stopped")
    else:
        status = "iterations"
    if problem.stop:
        return problem.stop, ""
    if status == "solved":
        status = checked(problem, functions, x, session.scales)
    elif status in ("inaccurate", "stopped", NO_NUMBER) and problem.objective is None:
        exact = x.copy()  # in large units rounding leaves much of equations that hold
        if checked(problem, functions, exact, session.scales) == "solved":
            x[:], status = exact, "solved"
    if status == "singular":
        return aside(problem, functions, start, x, session.scales)
    if status != "solved":
        return status, ""
    unit = session.scales.unit
    back = put_back(problem, functions, start, x, unit)
    values = [record[1] for record in session.trace if np.isfinite(record[1])] or [0.0]
    status, said = around(problem, functions, x, unit, max(values) - min(values))
    return status, back + said


def _better(session: Run, x: Floats, status: str) -> str:
    """What is said of an objective that was better on the way, where bounds were kept.

    Without end it goes away from a least value, where it is worse than at the first point.
    """
    problem = session.problem
    most = 0.0 if status == "solved" else KEPT  # what bounds are missed by may be what is gained
    known = [(r[1] * problem.sign, r[2]) for r in session.trace if np.isfinite(r[1])]
    kept = [value for value, missed in known if missed <= most]
    if problem.objective is None or not kept:
        return ""
    end, best = session.functions.value(x), min(kept)
    size = max(abs(end), abs(best))
    size = max(size, max(known)[0] - best) if status == "solved" else size
    if not end - best > KEPT * size or (status == "diverged" and end <= kept[0]):
        return ""
    name, value = problem.objective.name, problem.sign * best
    jump = " or a jump" if problem.jumps else ""
    return f"; {name} was better on the way ({value:.6g}), as it is near a kink{jump}"


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
    functions = session.functions
    weights = 0.0 - problem.sign * state[1]  # of the Lagrangian they have the other sign
    if problem.objective is None:
        goal = np.nan
    elif problem.stop:
        goal = session.trace[-1][1] if session.trace else np.nan
    else:
        goal = problem.sign * functions.value(x)
    return Solution(
        status,
        message,
        {block.name: _plain(block.of(x)) for block in problem.variables},
        goal,
        {block.name: _plain(block.of(weights)) for block in problem.targets},
        np.array(session.trace, TRACE),
        problem.runs + (functions.runs if isinstance(functions, Callbacks) else 0),
        time.perf_counter() - begin,
        run,
        state,
    )


def _plain(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
