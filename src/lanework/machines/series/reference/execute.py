"""Running one set of inputs on an engine: what every engine is asked, and the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from lanework.core.runner import check_deadline
from lanework.engines.kernel import UNIT
from lanework.machines.series.data.binding import Array, check_missing
from lanework.machines.series.data.lanes import Output, unit_totals
from lanework.machines.series.data.longtables import LANES
from lanework.machines.series.data.shape import Given
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.reference.faults import Fault, of_loop
from lanework.machines.series.reference.scan import scan

if TYPE_CHECKING:
    from lanework.machines.series.native.direct import Direct
    from lanework.machines.series.native.standing import Standing

BLOCKS = 8
"""So many units of lanes in which a loop has no solution are looked at, where there are more."""


@dataclass
class Job:
    """One run over the inner lane axis.

    Attributes:
        arrays: for each input port a float, (T,), (L,) or (T, L).
        given: for each input port: over time, over lanes?
        periods: T.
        lanes: L.
        order: the lanes in the order in which they run, or None.
        outputs: what is computed; `buffers` are the arrays to fill, of `Output.buffer` shapes.
        ports: the index of each output port.
        fuel: what the run costs.
        until: the deadline on the clock of `time.monotonic`.
        progress: called with lanes done and lanes in all.
        unchecked: input ports over lanes that may still hold NaN.
        spent: what engines note of the run.
    """

    arrays: list[Any]
    given: tuple[Given, ...]
    periods: int
    lanes: int
    order: npt.NDArray[np.int64] | None
    outputs: list[Output]
    buffers: list[Array]
    ports: tuple[int, ...]
    fuel: int
    until: float | None
    progress: Callable[[int, int], None] | None
    unchecked: tuple[int, ...] = ()
    spent: Spent = field(default_factory=lambda: Spent())

    def check(self, view: SeriesView, known: frozenset[int] = frozenset()) -> None:
        """Look for NaN in the inputs that nobody has looked at, except those in `known`."""
        for port in self.unchecked:
            if port not in known:
                how = view.inputs[port]
                check_missing(how, self.arrays[port], how.axes or (LANES,))


@dataclass
class Spent:
    """What a run used: its own, as threads may share an engine.

    Attributes:
        engine: the one that ran it.
        width: lanes that its code takes at once, 0 for the reference.
        compiling: seconds in which code was made.
        running: seconds in that code.
    """

    engine: str = "reference"
    width: int = 0
    compiling: float = 0.0
    running: float = 0.0


class Executor(Protocol):
    """What an engine offers the runner; `lazy` ones look for NaN in `Job.unchecked` themselves."""

    lazy: bool
    cached: bool

    def run(self, job: Job) -> list[Fault]:
        """Fill the job's buffers; return the lookup faults (the outputs are void then)."""

    def memory(self, job: Job) -> int:
        """Bytes that a job needs besides inputs and outputs; its buffers are not looked at."""

    def prepare(
        self, given: tuple[Given, ...], periods: int, ports: tuple[int, ...], stats: dict[str, Any]
    ) -> Direct | None:
        """The short way to these outputs of one lane given like this; None where there is none."""
        return None

    def standing(self, job: Job) -> Standing | None:
        """The job to be run again and again by native code; None where there is none."""
        return None

    def explain(self) -> list[str]:
        """What was done to the program."""


class ReferenceExecutor(Executor):
    """The definition: the linear scan in NumPy, a unit of lanes at a time."""

    lazy = cached = False

    def __init__(self, view: SeriesView) -> None:
        self.view = view

    def run(self, job: Job, units: list[int] | None = None) -> list[Fault]:
        """Run all units of lanes, or just these.

        The first that faults ends the run; of a loop without a solution a few more are looked at,
        to say how many lanes there are.
        """
        faults: list[Fault] = []
        blocks = 0
        wanted = [output.port.row for output in job.outputs]
        if job.lanes == 0 and units is None:
            self._without_lanes(job, wanted)
        for unit in range(-(-job.lanes // UNIT)) if units is None else units:
            check_deadline(job.until)
            start = unit * UNIT
            stop = min(start + UNIT, job.lanes)
            lanes = np.arange(start, stop) if job.order is None else job.order[start:stop]
            arrays = [
                _block(value, given, lanes)
                for value, given in zip(job.arrays, job.given, strict=True)
            ]
            scanned = scan(self.view, arrays, job.periods, len(lanes), wanted, job.until)
            if scanned.faults:
                blocks += 1
                more = blocks == BLOCKS
                faults += [_moved(fault, lanes, more) for fault in scanned.faults]
                if more or not of_loop(self.view, faults[0]):
                    return faults
            for output, buffer in zip(job.outputs, job.buffers, strict=True):
                _put(output, buffer, scanned.rows[output.port.row], unit, lanes)
            if job.progress is not None:
                job.progress(stop, job.lanes)
        return faults

    def _without_lanes(self, job: Job, wanted: list[int]) -> None:
        """What no lane changes is there without lanes too: run one of zeros, and keep that."""
        lane = np.zeros(1, np.int64)
        arrays = [
            np.zeros((job.periods if how.timed else 1, 1))
            if how.laned
            else _block(value, how, lane)
            for value, how in zip(job.arrays, job.given, strict=True)
        ]
        scanned = scan(self.view, arrays, job.periods, 1, wanted, job.until)
        for output, buffer in zip(job.outputs, job.buffers, strict=True):
            if not output.varying:
                _put(output, buffer, scanned.rows[output.port.row], 0, lane)

    def memory(self, job: Job) -> int:
        """The ledger of a unit of lanes."""
        return len(self.view.rows) * job.periods * min(job.lanes, UNIT) * 8

    def explain(self) -> list[str]:
        """How the reference runs a tape."""
        return ["reference: each instruction over whole columns, recurrences period by period"]


def _moved(fault: Fault, lanes: npt.NDArray[np.int64], more: bool) -> Fault:
    """A fault with lanes counted as the run does, and not within its block."""
    block = tuple(int(lanes[lane]) for lane in fault.lanes)
    return replace(fault, lane=int(lanes[fault.lane]), lanes=block, more=more)


def locate(view: SeriesView, job: Job, units: list[int] | None) -> list[Fault]:
    """Where a lookup fault is: compiled code only says in which unit of lanes.

    The reference runs on the units that compiled code suspects (None for all of them). No fault
    there means that there is none: a lane may look past the end of its own time. What the
    reference writes into the job's buffers is what is there already, to the bit.
    """
    return ReferenceExecutor(view).run(replace(job, progress=None), units)


def _block(value: Any, given: Given, lanes: npt.NDArray[np.int64]) -> Array:
    """A port's values for a block of lanes, as (1 or T, 1 or lanes)."""
    if given.laned:
        part: Array = value[..., lanes]
        return part if given.timed else part[np.newaxis, :]
    array = np.asarray(value, np.float64)
    return array[:, np.newaxis] if given.timed else array.reshape(1, 1)


def _put(
    output: Output, buffer: Array, value: Array, unit: int, lanes: npt.NDArray[np.int64]
) -> None:
    """Move a scanned row, shape (T or 1, lanes or 1), to where the output goes."""
    if output.total:
        rows = np.broadcast_to(value, (value.shape[0], len(lanes)))
        totals = unit_totals(rows)[0]
        buffer[unit] = totals if output.timed else totals[0]
    elif output.varying:
        buffer[..., lanes] = value if output.timed else value[0]
    else:
        buffer[...] = value[:, 0] if output.timed else value[0, 0]
