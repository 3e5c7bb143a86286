"""The short way for one lane: a call costs little more than the compiled code itself.

After a first ordinary run, a call that gives numbers and columns of the same kinds goes straight
to the kernel. Whatever does not fit (other types, NaN, other lengths) goes the ordinary way,
which knows how to complain.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lanework.core.program.program import Port
from lanework.engines.native import Frame, address
from lanework.machines.series.audit.result import SeriesResult
from lanework.machines.series.data.binding import EXACT, probe
from lanework.machines.series.data.outputs import ABSENT
from lanework.machines.series.native.kernels import CompiledNest

_F64 = np.dtype(np.float64)


class Direct:
    """One prepared call for one lane; not shared between threads while it runs."""

    def __init__(
        self,
        nest: CompiledNest,
        ports: tuple[Port, ...],
        outputs: Mapping[int, Port],
        periods: int,
        timed: Mapping[int, bool],
        stats: dict[str, Any],
        *,
        clear: bool,
    ) -> None:
        """Prepare.

        Args:
            nest: the compiled nest; all of the program's rows are in it.
            ports: the input ports.
            outputs: the output ports that are computed, by their place among all.
            periods: T.
            timed: output port -> whether it is over time.
            stats: what every result says of its run.
            clear: whether outputs may end early and need zeros there.
        """
        self._nest = nest  # its code must not go while this runs it
        self.limit(-1, lambda: None)
        self._call = nest.kernel.call
        self._shared = (0, 0, nest.kernel.descriptor)
        self._periods = periods
        self._stats = stats
        slots = nest.lowered.slots
        self._frame = frame = Frame(len(slots))
        self._cells = np.zeros(len(ports))  # more than slots where inputs are unused
        frame.shape(periods, 1, 1, nest.kernel.scratch(periods), 1)
        at = {(s.kind, s.index): n for n, s in enumerate(slots) if s.kind in ("input", "output")}
        self._inputs: list[tuple[str, float | None, bool, int]] = []
        self._codes = {port.name: range(len(port.categories)) for port in ports if port.categories}
        numbers = 0
        for index, port in enumerate(ports):
            slot = at.get(("input", index))
            column = slot is not None and slots[slot].layout == "time"
            if not column:
                if slot is not None:
                    frame.columns[slot] = address(self._cells) + 8 * numbers
                numbers += 1
            self._inputs.append((port.name, port.default, column, -1 if slot is None else slot))
        for number, what in enumerate(slots):
            if what.kind == "table":
                frame.columns[number] = address(nest.tables[what.index])
        self._pack = struct.Struct(f"{numbers}d").pack_into
        self._held: dict[int, Any] = {}
        self._size = 0
        self._outputs: list[tuple[str, int, int | None]] = []
        self._slots: list[tuple[int, int]] = []
        for index, port in outputs.items():
            length = periods if timed[index] else 1
            stop = self._size + length
            self._outputs.append((port.name, self._size, stop if timed[index] else None))
            if ("output", index) in at:
                self._slots.append((at["output", index], 8 * self._size))
            self._size = stop
        self._make = np.zeros if clear else np.empty
        self._arguments = (
            address(frame.columns),
            address(frame.dims),
            address(frame.shared),
            address(frame.scratch[0]),
        )
        self._axes = {p.name: ("time",) if timed[i] else () for i, p in outputs.items()}
        self._units = {port.name: port.unit for port in outputs.values()}
        self._kinds = {port.name: port.kind for port in outputs.values()}

    def __call__(
        self,
        inputs: Mapping[str, Any],
        coords: Mapping[str, Any],
        origin: tuple[Any, Mapping[str, Any]],
    ) -> SeriesResult | None:
        """The result, or None when the call must go the ordinary way."""
        start = time.perf_counter()
        self._left -= 1
        for name, codes in self._codes.items():
            code = inputs.get(name, 0)
            if type(code) not in (float, int) or code not in codes:
                return None
        with np.errstate(all="ignore"):
            numbers = self._take(inputs)
        return None if numbers is None else self._run(numbers, start, coords, origin)

    def limit(self, calls: int, ended: Callable[[], None]) -> None:
        """After so many calls the ordinary way is taken, for it may find faster code."""
        self._left, self._ended = calls, ended

    def spent(self) -> bool:
        """Whether that time has come; what was to be done then is done."""
        if self._left:
            return False
        self._ended()
        return True

    def _take(self, inputs: Mapping[str, Any]) -> list[float] | None:
        """The numbers among the inputs in order; columns go to their slots. None: not for us."""
        get = inputs.get
        numbers: list[float] = []
        used = 0
        columns = self._frame.columns
        held = self._held
        for name, default, column, slot in self._inputs:
            value = get(name)
            if value is None:
                if default is None or column:
                    return None
                value = default
            else:
                used += 1
            if not column:
                kind = type(value)
                if kind is not float and (kind is not int or abs(value) > EXACT):
                    return None
                numbers.append(value)
            else:
                if type(value) is not np.ndarray or value.dtype is not _F64:
                    return None
                if value.shape != (self._periods,) or not value.flags.c_contiguous:
                    return None
                if math.isnan(probe(value)):
                    return None
                if held.get(slot) is not value and slot >= 0:
                    held[slot] = value
                    columns[slot] = address(value)
        try:
            total = sum(numbers, 0.0)
        except OverflowError:  # an integer past every float
            return None
        return None if used != len(inputs) or total - total != 0.0 else numbers

    def _run(
        self,
        numbers: list[float],
        start: float,
        coords: Mapping[str, Any],
        origin: tuple[Any, Mapping[str, Any]],
    ) -> SeriesResult | None:
        columns = self._frame.columns
        frame = self._frame
        self._pack(self._cells.data, 0, *numbers)
        block = self._make(self._size)
        base = address(block)
        for slot, offset in self._slots:
            columns[slot] = base + offset
        frame.shared[:3] = self._shared
        began = time.perf_counter()
        self._call(*self._arguments)
        ended = time.perf_counter()
        if frame.faults[0]:
            frame.faults[0] = 0
            return None
        values = {
            name: block[at] if stop is None else block[at:stop] for name, at, stop in self._outputs
        }
        stats = {
            **self._stats,
            "code_seconds": ended - began,
            "run_seconds": time.perf_counter() - start,
        }
        return SeriesResult(
            values,
            axes=self._axes,
            units=self._units,
            kinds=self._kinds,
            coords=coords,
            stats=stats,
            absent=ABSENT,
        ).of(*origin)
