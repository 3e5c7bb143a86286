"""A problem's functions as IPOPT calls them: native code that runs the kernels of its programs.

They give what the methods of `Problem` give, to the bit. These do it themselves where a kernel
meets a fault or a number is none, and say what it was.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lanework.engines.callbacktext import (
    AFTER,
    FUNCTION_WORDS,
    NAMES,
    RUN_WORDS,
    RUNS,
    SIGN,
    STATE_WORDS,
    callback_text,
)
from lanework.engines.helping import helpers
from lanework.engines.kernel import Kernel
from lanework.engines.native import address
from lanework.machines.series.data.labels import Labelled

if TYPE_CHECKING:
    from lanework.machines.series.native.standing import Standing
    from lanework.machines.series.nonlinear.problem import Problem

Floats = NDArray[np.float64]
Words = NDArray[np.int64]

VALUE, SLOPE, LEVELS, JACOBIAN, HESSIAN = range(5)  # the functions, in IPOPT's order
_FUNCTIONS = (0, 1, 0, 2, 3)  # the run of each: values, gradient, slopes, second derivatives
NOT_YET = -1
SIGN_BIT = -(2**63)
_INT, _PLACE = ctypes.c_int64, ctypes.c_void_p
_ORDINARY = ctypes.CFUNCTYPE(None, _INT, _PLACE, ctypes.c_double, _PLACE, _PLACE)
_VALUE = ctypes.CFUNCTYPE(_INT, _INT, _PLACE, _PLACE, _PLACE)
_LEVELS = ctypes.CFUNCTYPE(_INT, _INT, _PLACE, _INT, _PLACE, _PLACE)
_JACOBIAN = ctypes.CFUNCTYPE(_INT, _INT, _PLACE, _INT, _INT, _PLACE, _PLACE)
_HESSIAN = ctypes.CFUNCTYPE(_INT, _INT, _PLACE, ctypes.c_double, _INT, _PLACE, _INT, _PLACE, _PLACE)


@functools.cache
def _code() -> tuple[Kernel, ...]:
    """The native functions: objective and gradient, outputs, Jacobian, Hessian."""
    return helpers(NAMES, callback_text)


class _Run:
    """A run that several functions may share, and its words."""

    def __init__(self, standing: Standing) -> None:
        self.standing, kernels = standing, standing.words
        self.words = np.array([NOT_YET, 0, address(kernels), standing.count], np.int64)

    def addresses(self) -> dict[str, tuple[Words, tuple[str, ...]]]:
        """Where the numbers of each output lie, and its axes."""
        values = self.standing.values()
        return {name: (_addresses(value), axes) for name, (value, axes) in values.items()}


class Callbacks:
    """The functions of one problem, whose inputs are of the kinds that they were at first.

    Attributes:
        capsules: for IPOPT: objective, gradient, outputs, Jacobian, Hessian. They hold addresses
            of what this object owns.
        solvers: what was made with them, by its options.
    """

    def __init__(self, problem: Problem, runs: Sequence[_Run | None]) -> None:
        """Make them; see `native`."""
        self._problem = problem
        self.solvers: dict[str, Any] = {}
        self._runs = [run for run in runs if run is not None]
        self._x, self._multipliers = np.zeros(problem.size), np.zeros(max(problem.rows, 1))
        self._nought, self._weight = np.zeros(1), np.zeros(1)
        self._state = np.zeros(STATE_WORDS, np.int64)
        self._point()
        self._ordinary = _ORDINARY(self._do)
        self._kept: list[Any] = []
        turns = (self._state[SIGN], self._state[SIGN], 0, 0, 0)
        parts = zip(_FUNCTIONS, self._where(*runs), turns, strict=True)
        self._functions = [
            self._function(kind, runs[run], addresses, turn)
            for kind, (run, addresses, turn) in enumerate(parts)
        ]
        codes = _code()
        self._code = [codes[0], *codes]
        self.capsules = [
            _capsule(code.address, address(words))
            for code, words in zip(self._code, self._functions, strict=True)
        ]
        self._value = _VALUE(self._code[VALUE].address)
        self._levels = _LEVELS(self._code[LEVELS].address)
        self._jacobian = _JACOBIAN(self._code[JACOBIAN].address)
        self._hessian = _HESSIAN(self._code[HESSIAN].address)

    def _point(self) -> None:
        """Let all runs read the unknowns and the multipliers that IPOPT gives."""
        problem, goal = self._problem, self._problem.objective
        targets = {block.name: block.where for block in problem.targets}
        added = self._nought
        if goal is not None and goal.name in targets:
            added = self._multipliers[targets[goal.name]]
        self._state[:] = [
            address(self._x), problem.size, 0, address(self._multipliers), problem.rows,
            address(self._weight), address(added), SIGN_BIT if problem.sign < 0 else 0,
        ]  # fmt: skip
        for run in self._runs:
            for block in problem.variables:
                run.standing.put(block.name, self._x[block.where])
            for name, weight in problem.weights.items():
                own = goal is not None and name == goal.name
                run.standing.put(weight, self._weight if own else self._multipliers[targets[name]])

    def _where(
        self,
        values: _Run | None,
        gradient: _Run | None,
        slopes: _Run | None,
        bends: _Run | None,
    ) -> tuple[Words, ...]:
        """Where the numbers of each function lie after its run."""
        problem, goal = self._problem, self._problem.objective
        zeros: Words = np.broadcast_to(_addresses(self._nought), problem.size)
        of_goal, of_slopes, of_levels = zeros[:1], zeros, zeros[:0]
        known = values.addresses() if values else {}
        if goal is not None and gradient is not None:
            of_goal = known[goal.name][0].ravel()
            parts = gradient.addresses()
            of_slopes = _row(
                (parts[f"d_{goal.name}_d_{block.name}"][0], block.size)
                for block in problem.variables
            )
        if problem.targets:
            of_levels = _row((known[block.name][0], block.size) for block in problem.targets)
        return (
            of_goal, of_slopes, of_levels,
            problem.jacobian_addresses(slopes.addresses() if slopes else None),
            problem.hessian_addresses(bends.addresses() if bends else None),
        )  # fmt: skip

    def _function(self, kind: int, run: _Run | None, addresses: Words, turn: int) -> Words:
        """The words of one function."""
        addresses = np.ascontiguousarray(addresses, np.int64)
        record = np.zeros(RUN_WORDS, np.int64) if run is None else run.words
        self._kept += [addresses, record]
        code = ctypes.cast(self._ordinary, _PLACE).value or 0
        words = np.zeros(FUNCTION_WORDS, np.int64)
        words[:] = [
            address(self._state), address(record), len(addresses), address(addresses), turn, code,
            kind,
        ]  # fmt: skip
        return words

    def given(self, inputs: Mapping[str, Any]) -> None:
        """Other inputs of the same kinds."""
        for run in self._runs:
            for name, value in inputs.items():
                run.standing.put(name, value.array if isinstance(value, Labelled) else value)
            run.standing.clear()
            run.words[AFTER], run.words[RUNS] = NOT_YET, 0

    @property
    def runs(self) -> int:
        """Runs of programs, besides those of the problem's own methods."""
        return sum(int(run.words[RUNS]) for run in self._runs)

    # As the problem's methods -----------------------------------------------------------------

    def value(self, x: Floats) -> float:
        """What is to become least."""
        out = np.empty(1)
        self._value(len(x), address(x), address(out), address(self._functions[VALUE]))
        return float(out[0])

    def slope(self, x: Floats, out: Floats) -> None:
        """The derivatives of what is to become least."""
        self._value(len(x), address(x), address(out), address(self._functions[SLOPE]))

    def levels(self, x: Floats, out: Floats) -> None:
        """The outputs with bounds."""
        if len(out):
            self._levels(
                len(x), address(x), len(out), address(out), address(self._functions[LEVELS])
            )

    def jacobian(self, x: Floats, out: Floats) -> None:
        """The derivatives of these outputs."""
        if len(out):
            rows, words = self._problem.rows, address(self._functions[JACOBIAN])
            self._jacobian(len(x), address(x), rows, len(out), address(out), words)

    def hessian(self, x: Floats, multipliers: Floats, weight: float, out: Floats) -> None:
        """The second derivatives of the objective and of these outputs, each by its weight."""
        if len(out):
            rows, words = self._problem.rows, address(self._functions[HESSIAN])
            given, count = address(multipliers), len(out)
            self._hessian(len(x), address(x), weight, rows, given, count, address(out), words)

    def _do(self, kind: int, x: int, weight: float, given: int, out: int) -> None:
        """One of the functions, done by the problem itself."""
        problem = self._problem
        at = _array(x, problem.size).copy()
        result = _array(out, int(self._functions[kind][2]))
        if kind == VALUE:
            result[0] = problem.value(at)
        elif kind == HESSIAN:
            problem.hessian(at, _array(given, problem.rows).copy(), weight, result)
        else:
            ordinary = {SLOPE: problem.slope, LEVELS: problem.levels, JACOBIAN: problem.jacobian}
            ordinary[kind](at, result)


def native(problem: Problem, x: Floats) -> Callbacks | None:
    """The functions of a problem with its inputs given; None where Python has to be in between.

    That is where a run is long, so that it can be stopped, where unknowns move the ends of lanes,
    and on the engine reference.

    Args:
        problem: the problem, which keeps them for other inputs of the same kinds.
        x: a point at which its inputs were found to fit.
    """
    inputs = problem.given_numbers
    kinds = {name: isinstance(value, float) for name, value in inputs.items()}
    if problem.native is None or problem.native[0] != kinds:
        problem.native = kinds, _callbacks(problem, x)
    functions: Callbacks | None = problem.native[1]
    if functions is not None:
        functions.given(inputs)
    return functions


def _callbacks(problem: Problem, x: Floats) -> Callbacks | None:
    pieces: list[_Run | None] = []
    if problem.ends_move:
        return None
    for run in problem.work(x):
        if run is None:
            pieces.append(None)
            continue
        runner, inputs = run
        names = {port.name for port in runner.ports}
        standing = runner.standing({name: inputs[name] for name in inputs if name in names})
        if standing is None:
            return None
        pieces.append(_Run(standing))
    return Callbacks(problem, pieces)


def _row(parts: Iterable[tuple[Words, int]]) -> Words:
    """Parts one after another, each as long as is said."""
    return np.concatenate([np.broadcast_to(part, size) for part, size in parts])


def _addresses(array: Floats) -> Words:
    """The address of each number of an array."""
    out = np.full(array.shape, array.__array_interface__["data"][0], np.int64)
    for axis, (size, stride) in enumerate(zip(array.shape, array.strides, strict=True)):
        shape = [size if each == axis else 1 for each in range(array.ndim)]
        out += (stride * np.arange(size)).reshape(shape)
    return out


def _array(place: int, size: int) -> Floats:
    """What lies at an address; nothing where that is none."""
    kind = ctypes.c_double * size
    array: Floats = np.ctypeslib.as_array(kind.from_address(place) if size else kind())
    return array


def _capsule(code: int, words: int) -> Any:
    """A function and what it is given, as IPOPT takes it."""
    api = ctypes.pythonapi
    new = ctypes.PYFUNCTYPE(ctypes.py_object, _PLACE, ctypes.c_char_p, _PLACE)
    capsule = new(("PyCapsule_New", api))(code, None, None)
    tell = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, _PLACE)
    tell(("PyCapsule_SetContext", api))(capsule, words)
    return capsule
