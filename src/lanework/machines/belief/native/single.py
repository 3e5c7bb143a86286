"""One row of states, by name: the shortest way through a program, in memory that is kept.

What a table of evidence costs around the kernels (arrays of weights, blocks, shares of threads)
would be most of the time of one row. Anything else than one state by name for some variables goes
the long way, and so does a row in which numbers may have vanished.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base import sharing
from lanework.core.program.program import Program
from lanework.engines.tensors.layout import SCALE, Word
from lanework.machines.belief.data.answers import output_plan, total_name
from lanework.machines.belief.data.posterior import may_be_lost
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.native.executor import RUN, NativeExecutor

Values = tuple[dict[str, Any], bool]


class SingleRow:
    """A program for one row at a time; `axes` are of each value, `coords` their labels."""

    def __init__(self, program: Program, executor: NativeExecutor, semiring: str) -> None:
        """Prepare memory, records and names of a program without samples or several assignments."""
        view, records = BeliefView.of(program), executor.records(1)
        self._executor, self._lost = executor, executor.walk.factors
        self._records = records  # which own what the table points at
        self._most = executor.walk.most
        self._given, self._out = np.ones((records.rows_in, 1)), np.empty((records.rows_out, 1))
        self._given[1] = 0.0
        self._weights = self._given[:, 0]
        table = records.pointed(self._given, self._out)
        self._picks: list[tuple[npt.NDArray[np.int64], list[tuple[int, int]]]] = []
        for record, reduced in records.picks:
            place = np.zeros(1, np.int64)
            table[record, Word.P1] = place.ctypes.data
            self._picks.append((place, [(axis.id, axis.size) for axis in reduced.axes]))
        self._memory = np.empty(executor.entries + 8)
        base = -(-int(self._memory.ctypes.data) // 64) * 64
        self._table = np.where(records.within, table + base, table)
        self._arguments = (self._table.ctypes.data, len(table), 0, 1)
        self._run = RUN(executor.kernels["tensors"])
        self._loaded: list[tuple[int, int, int]] = []  # what the weights were last changed by
        self._lock = sharing.lock()
        self._states: dict[str, tuple[int, dict[str, int], int | None, int]] = {}
        for port in program.inputs:
            variable = view.variables[port.row]
            numbers = {state: n for n, state in enumerate(variable.states)}
            first = records.inputs.get(port.row)
            self._states[variable.name] = port.row, numbers, first, variable.size
        self._fixed = view.fixed
        self._name_outputs(program, semiring, records.outputs)

    def _name_outputs(
        self, program: Program, semiring: str, outputs: Mapping[Any, tuple[int, int]]
    ) -> None:
        """What is read where: values from the run's, or that no evidence changes."""
        plan, self.coords = output_plan(program, total_name(program, semiring))
        self.axes: dict[str, tuple[str, ...]] = {}
        self._read: list[tuple[str, int, int, tuple[int, ...]]] = []
        self._assigned: list[tuple[str, int, int, tuple[str, ...]]] = []
        self._known: dict[str, Any] = {}
        for name, key, own, sizes, states in plan:
            if key == ("Z",):
                self._total = total_name(program, semiring)
                self.axes[self._total] = ()
                continue
            self.axes[name] = () if key[0] == "state" else own
            fixed = self._executor.lowered.fixed.get(key)
            if fixed is not None:
                self._known[name] = fixed.reshape(sizes)
                if key[0] == "state":
                    self._known[name] = states[int(fixed.argmax())]
                continue
            at, count = outputs[key]
            if key[0] == "state":
                self._assigned.append((name, at, at + count, states))
            else:
                self._read.append((name, at, at + count, sizes))
        self._order = list(self.axes)

    def __call__(self, evidence: Mapping[str, Any], more: Mapping[str, Any]) -> Values | None:
        """The values, and whether the evidence is impossible; None where the long way is due."""
        said: dict[int, int] = {}
        loads: list[tuple[int, int, int]] = []
        for given in (evidence, more):
            for name in given:
                known, state = self._states.get(name), given[name]
                place = None if known is None or type(state) is not str else known[1].get(state)
                if known is None or place is None:
                    return None
                said[known[0]] = place
                if known[2] is not None:
                    loads.append((known[2], place, known[3]))
        if not self._fixed <= said.keys() or self._lock.locked():
            return None
        with self._lock:  # which comes back whatever comes between
            return self._answer(said, loads)

    def _answer(self, said: dict[int, int], loads: list[tuple[int, int, int]]) -> Values | None:
        weights = self._weights
        for first, _, size in self._loaded:  # by a row that was stopped half way, too
            weights[first : first + size] = 1.0
        self._loaded = loads
        for first, place, size in loads:
            weights[first : first + size] = 0.0
            weights[first + place] = 1.0
        for array, axes in self._picks:
            at = 0
            for variable, size in axes:
                at = at * size + said[variable]
            array[0] = at
        self._run(*self._arguments)
        rows: npt.NDArray[np.float64] = self._out[:, 0].copy()
        product, exponent, least, smallest = rows[-SCALE:].tolist()
        least = min(least, self._executor.lowered.least_sum)
        if may_be_lost(least, min(smallest, self._executor.least), self._lost, self._most):
            return None
        impossible = product <= 0.0
        total = -math.inf
        if not impossible:
            scale = self._executor.lowered.scale
            total = math.log(product) + exponent * math.log(2.0) + scale
            impossible = total == -math.inf
        values: dict[str, Any] = dict.fromkeys(self._order)
        for name, first, after, sizes in self._read:
            part = rows[first:after]
            values[name] = part if len(sizes) == 1 else part.reshape(sizes)
        for name, first, after, states in self._assigned:
            values[name] = None if impossible else states[int(rows[first:after].argmax())]
        for name, known in self._known.items():
            values[name] = None if impossible and isinstance(known, str) else known
        values[self._total] = np.float64(total)
        return values, impossible
