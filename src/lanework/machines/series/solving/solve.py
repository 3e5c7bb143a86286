"""A problem from what a person says of it: names, bounds, an objective; its lanes one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from lanework.base import sharing
from lanework.base.errors import Advice, Code, Diagnostic, did_you_mean
from lanework.base.limits import Limits
from lanework.core.codes import BAD_OPTION, GIVEN_TWICE
from lanework.core.data.tables import TableLike
from lanework.core.options import flag, limits_of, names, refused, text
from lanework.core.program.data import Port
from lanework.core.program.program import Program
from lanework.core.resident import look
from lanework.core.runner import Remade
from lanework.core.waiting import within
from lanework.machines.series.codes import BAD_PROBLEM, UNKNOWN_INPUT, UNKNOWN_OUTPUT
from lanework.machines.series.data.binding import Bound
from lanework.machines.series.data.labels import Labelled, along
from lanework.machines.series.data.tableinputs import table_inputs
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.nonlinear.blocks import Block, blocks
from lanework.machines.series.nonlinear.common import common
from lanework.machines.series.nonlinear.driver import solve
from lanework.machines.series.nonlinear.ipopt import ipopt, ipopt_options
from lanework.machines.series.nonlinear.problem import Problem
from lanework.machines.series.nonlinear.solution import Solution, Solutions
from lanework.machines.series.runner import Runner

LATE = "raise the deadline, or give IPOPT fewer iterations"
FEWER = "raise the memory cap, or give fewer lanes at once"
_NONE: Mapping[str, Any] = MappingProxyType({})
LANE, NUMBER = 2000, 64  # bytes of a solution, and of each of its unknowns and targets


class Solver(Remade):
    """A problem that is put once and solved for as many inputs as wished.

    What depends on no input (derivatives, their sparsity, code) is prepared at the first call.

    Example:
        >>> import lanework as lw
        >>> model = lw.series.Model("root", periods=1)
        >>> _ = model.input("square"), model.input("x", default=1.0)
        >>> _ = model.formula("miss", "last(x * x - square)")
        >>> solver = model.compile().solver("x", "miss", {"x": (0.0, None)})
        >>> [round(solver({"square": square})["x"], 6) for square in (4.0, 9.0)]
        [2.0, 3.0]
    """

    def __init__(
        self,
        program: Program[Any],
        variables: str | Iterable[str],
        residuals: str | Iterable[str] = (),
        bounds: Mapping[str, tuple[Any, Any]] | None = None,
        objective: str | None = None,
        *,
        maximise: bool = False,
        options: Mapping[str, Any] | None = None,
        engine: str = "auto",
    ) -> None:
        """Check the names; see `SeriesProgram.solve`."""
        ipopt()
        self.program, self.options = program, ipopt_options(_mapping("options", options))
        names, zero = _names("variables", variables), _names("residuals", residuals)
        bounds = {name: _pair(name, ends) for name, ends in _mapping("bounds", bounds).items()}
        if objective is None and flag("maximise", maximise):
            help = Advice("name an output as objective", typed="name an output: --objective NAME")
            raise _bad("there is no objective to maximise", help)
        self._bounds = {**(bounds or {}), **dict.fromkeys(zero, (0.0, 0.0))}
        for name in zero:
            if name in (bounds or {}):
                raise _bad(f"{name!r} is a residual and has bounds", "leave one of them out")
        others = [name for name in bounds or () if name not in names]
        inputs, outputs = program.inputs, program.outputs
        unused = SeriesView.of(program).unused
        self.unknown = [named_port(name, inputs, "input", UNKNOWN_INPUT, unused) for name in names]
        self.targets = [
            named_port(name, outputs, "output", UNKNOWN_OUTPUT) for name in (*zero, *others)
        ]
        self.goal: Port | None = None
        if objective is not None:
            self.goal = named_port(text("objective", objective), outputs, "output", UNKNOWN_OUTPUT)
        _check_ports(self.unknown, self.goal)
        self._sign = -1.0 if flag("maximise", maximise) else 1.0
        self._engine = engine
        self._runner = program.bind(engine, threads=1)
        self._problem: Problem | None = None
        self._lock = sharing.rlock()

    def __call__(
        self,
        inputs: Mapping[str, Any] | TableLike | None = None,
        *,
        warm: Solution | None = None,
        limits: Limits | None = None,
        **named: Any,
    ) -> Solution | Solutions:
        """Solve it for these inputs; see `SeriesProgram.solve`. Other threads wait meanwhile.

        Inputs are a dict or a table, or given by name as in a run.
        """
        if warm is not None and not isinstance(warm, Solution):
            raise refused("warm", warm, "give a solution of one lane", BAD_OPTION)
        with self._lock:
            given = given_inputs(self._runner, inputs, named)
            return self._solve(given, warm, limits_of(limits))

    def _solve(
        self, given: dict[str, Any], warm: Solution | None, limits: Limits
    ) -> Solution | Solutions:
        limits = limits.started()
        until, runner = limits.until(), self._runner
        begins = {} if warm is None else warm.variables
        for port in self.unknown:
            if given.get(port.name) is None:
                given[port.name] = begins.get(port.name, port.start)
        bound = runner._bound(given)
        ports = [*self.targets, *([self.goal] if self.goal else [])]
        lanes = common(runner, bound, self.unknown, ports)
        problem = within(limits, partial(self._prepared, bound.periods, limits), LATE)
        count = 1 if lanes is not None else math.prod(bound.sizes[axis] for axis in bound.axes)
        needed = count * (LANE + NUMBER * (problem.size + problem.rows))
        limits.check_memory(needed, f"{count:,} solutions", FEWER)
        look(needed)
        if warm is not None and warm._state is not None:
            _check_warm(problem, warm)
        rest = replace(limits, deadline=None, ends=None)

        def run(more: Mapping[str, Any]) -> Any:
            return runner.run_within(rest, {**given, **self._labelled(more, bound, bound.axes)})

        def together(more: Mapping[str, Any]) -> Any:
            return runner.run_within(rest, {**given, **self._labelled(more, bound, ())})

        single = lanes is not None or not bound.axes
        solutions: list[Solution] = []
        for known in _lanes(runner, bound) if lanes is None else [_at_once(runner, bound)]:
            others = {name: x for name, x in known.items() if name not in problem.names}
            problem.given(others, lanes)
            begin = np.empty(problem.size)
            for block in problem.variables:
                value = known[block.name]
                begin[block.where] = value.array if isinstance(value, Labelled) else value

            def alone(more: Mapping[str, Any], known: Mapping[str, Any] = known) -> Any:
                return runner.run_within(rest, {**known, **more})

            of_lane = together if single else alone
            solutions.append(solve(problem, begin, until, self.options, warm, of_lane))
            if solutions[-1].status == "interrupted" and not single:
                raise KeyboardInterrupt
        if single:
            return solutions[0]
        shape = tuple(bound.sizes[axis] for axis in bound.axes)
        known = {block.name: (block.size,) if block.timed else () for block in problem.variables}
        return Solutions(solutions, bound.axes, shape, run, known)

    def _prepared(self, periods: int, limits: Limits) -> Problem:
        problem = self._problem
        if problem is None or problem.periods != periods:
            calendar = self._runner._calendar
            unknowns = blocks(self.unknown, periods, self._bounds, calendar)
            wanted = blocks(self.targets, periods, self._bounds, calendar)
            count = sum(block.size for block in unknowns)
            entries = count * (count + sum(block.size for block in wanted))
            limits.check_memory(3 * entries, f"a problem of {count:,} unknowns")
            _check_counts(unknowns, wanted, self.goal)
            problem = Problem(
                self.program, unknowns, wanted, self.goal, self._sign, periods, self._engine
            )
            _check_reached(problem)
            self._problem = problem
        return problem

    def _labelled(
        self, values: Mapping[str, Any], bound: Bound, axes: tuple[str, ...]
    ) -> Mapping[str, Any]:
        """The unknowns as inputs, over these lane axes, with the labels that others may have."""
        over = {port.name: ("time",) if "time" in port.axes else () for port in self.unknown}
        calendar, coords = self._runner._calendar, bound.coords
        if calendar is not None:
            coords = {**coords, "time": calendar(bound.periods)[0]}
        return {
            name: named((*over[name], *axes), x, coords) if over[name] or axes else x
            for name, x in values.items()
        }


def _lanes(runner: Runner, bound: Bound) -> Iterable[dict[str, Any]]:
    """The inputs of each lane, in the order of the lane axes."""
    inner = bound.inner
    for place in itertools.product(*(range(bound.sizes[axis]) for axis in bound.axes)):
        at = dict(zip(bound.axes, place, strict=True))
        outer = tuple(at[axis] for axis in bound.outer)
        lane: dict[str, Any] = {}
        for number, port in enumerate(runner.ports):
            value, given = bound.slice(number, outer), bound.given[number]
            if given.laned and inner is not None:
                value = value[..., at[inner]]
            if not given.timed:
                lane[port.name] = float(value)
                continue
            array = np.array(value, float)
            lane[port.name] = array if port.axes == ("time",) else along("time", array)
        yield lane


def _at_once(runner: Runner, bound: Bound) -> dict[str, Any]:
    """The inputs of all lanes, for one problem."""
    known: dict[str, Any] = {}
    for number, port in enumerate(runner.ports):
        given, value = bound.given[number], bound.arrays[number]
        time, inner = ("time",) * given.timed, (str(bound.inner),) * given.laned
        axes = (*bound.outers[number], *time, *inner)
        known[port.name] = named(axes, value, bound.coords) if axes else float(value)
    return known


def given_inputs(
    runner: Runner, inputs: Mapping[str, Any] | TableLike | None, named: Mapping[str, Any] = _NONE
) -> dict[str, Any]:
    """The inputs by name, of a table too, without those that no output needs.

    Raises:
        Diagnostic: as a call of the runner.
    """
    unused = runner._unused
    if inputs is not None and not isinstance(inputs, Mapping):
        inputs, named = table_inputs(inputs, runner.view, named), {}
    twice = next((name for name in inputs or () if name in named), None)
    if twice is not None:
        what = f"input {twice!r} is in the dict, and given by name too"
        raise Diagnostic(GIVEN_TWICE, what, help="give it once")
    inputs = {**(inputs or {}), **named}
    return {name: value for name, value in inputs.items() if name not in unused}


def named(axes: tuple[str, ...], value: Any, coords: Mapping[str, Any]) -> Labelled:
    """An array over these axes, with their labels where inputs have some."""
    known = {axis: coords[axis] for axis in axes if axis in coords}
    return Labelled(np.asarray(value), axes, known)


def _check_warm(problem: Problem, warm: Solution) -> None:
    sizes = tuple(len(part) for part in warm._state)
    if sizes != (problem.size, problem.rows, problem.size, problem.size):
        raise _bad(
            f"the solution to begin from has {sizes[0]} unknowns and {sizes[1]} outputs, this "
            f"problem {problem.size} and {problem.rows}",
            "give a solution of a problem with the same names, or leave warm= out",
        )


def _check_ports(unknown: list[Port], goal: Port | None) -> None:
    for port in unknown:
        if port.categories:
            raise _bad(f"{port.name!r} is one of some labels", "only numbers can be solved for")
    if not unknown:
        help = Advice("name inputs as variables", typed="name inputs: --variables A,B")
        raise _bad("there is nothing to solve for", help)
    if goal is not None and "time" in goal.axes:
        what = f"the objective {goal.name!r} has a value in each period"
        raise _bad(what, f"take total({goal.name}) or last({goal.name})")


def _check_counts(unknowns: list[Block], wanted: list[Block], goal: Port | None) -> None:
    free = sum(int((block.low < block.high).sum()) for block in unknowns)
    equations = sum(int((block.low == block.high).sum()) for block in wanted)
    if goal is None and equations < free:
        raise _bad(
            f"{free} unknowns and {equations} equations, and no objective",
            Advice(
                "give as many residuals as unknowns, or an objective",
                typed="give as many --residuals as unknowns, or an --objective",
            ),
        )
    if equations > free:
        raise _bad(
            f"{equations} equations for {free} unknowns",
            "leave equations out that follow from others, or give more unknowns",
        )


def _check_reached(problem: Problem) -> None:
    """Refuse unknowns that change nothing, and equations that nothing changes."""
    reached = problem.pattern.any(0) | problem.moves
    for block in problem.variables:
        missed = np.flatnonzero(~reached[block.where])
        if len(missed):
            raise _bad(
                f"unknown {block.place(int(missed[0]))} reaches no output that is asked for",
                "leave it out, or name an output that depends on it",
            )
    for block in problem.targets:
        missed = np.flatnonzero(~problem.pattern[block.where].any(1))
        if len(missed) and (block.low == block.high)[missed].any():
            raise _bad(
                f"no unknown reaches the equation {block.place(int(missed[0]))}",
                "leave it out, or name an unknown that it depends on",
            )


def named_port(
    name: str, ports: Iterable[Port], what: str, code: Code, unused: Collection[str] = ()
) -> Port:
    """The input or output of a name; `unused` are inputs of the model that no output depends on.

    Raises:
        Diagnostic: LW3040, LW3044.
    """
    known = {port.name: port for port in ports}
    if name not in known and name in unused:
        raise Diagnostic(
            code,
            f"no output that the program has depends on the input {name!r}",
            help="solve for an input that changes the output, or ask for an output that it changes",
        )
    if name not in known:
        near = did_you_mean(name, known) or f"it has {', '.join(known)}"
        raise Diagnostic(code, f"the program has no {what} {name!r}", help=near)
    return known[name]


def _names(what: str, given: Any) -> list[str]:
    return list(dict.fromkeys(names(what, given)))


def _mapping(what: str, given: Any) -> dict[str, Any]:
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    raise refused(what, given, f"give a dict: {what}={{name: ...}}", BAD_OPTION)


def _pair(name: str, ends: Any) -> tuple[Any, Any]:
    if isinstance(ends, tuple | list) and len(ends) == 2:
        return ends[0], ends[1]
    raise _bad(f"the bounds of {name!r} are {ends!r}", "give (lowest, highest)")


def _bad(what: str, help: str) -> Diagnostic:
    return Diagnostic(BAD_PROBLEM, what, help=help)
