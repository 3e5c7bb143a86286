"""Block after block of lanes in bounded memory, under the limits of one run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.codes import BAD_OPTION
from lanework.core.data.labels import labels_along
from lanework.core.data.libraries import offers
from lanework.core.data.opening import TEXTS
from lanework.core.data.tables import TableLike, is_table, table_of
from lanework.core.data.values import Given, as_array
from lanework.core.options import callback, text
from lanework.core.program.program import Port
from lanework.core.resident import seen
from lanework.machines.series.audit.result import SeriesResult
from lanework.machines.series.codes import UNKNOWN_OUTPUT
from lanework.machines.series.data.binding import Array
from lanework.machines.series.data.filetables import CELL, LABEL
from lanework.machines.series.data.labels import Labelled, as_labelled
from lanework.machines.series.data.longtables import LANES, given_for, label_columns
from lanework.machines.series.data.shape import Given as How
from lanework.machines.series.data.slopes import Slope
from lanework.machines.series.layout import SeriesView

if TYPE_CHECKING:
    from lanework.machines.series.data.filetables import Table

ADDED = ("lanes", "fuel", "run_seconds", "compile_seconds", "code_seconds")


ROW = 160
"""Bytes that a row takes to be written."""

SHARE, SHARE_OF_ARROW = 2, 6
"""Of the memory cap that a block takes: writers of Parquet and Arrow have more of their own."""


class Streamable(Protocol):
    """What a runner must offer to be run block after block."""

    view: SeriesView
    limits: Limits
    ports: tuple[Port, ...]
    wanted: tuple[int, ...]
    periods: int | None
    slopes: dict[str, Slope]

    def run_within(self, limits: Limits, inputs: Mapping[str, Any]) -> SeriesResult:
        """A call with limits of its own."""

    def varies(self, port: Port, given: tuple[How, ...]) -> bool:
        """Whether an output depends on the lane when the inputs are given like this."""


def stream(
    runner: Streamable,
    blocks: Iterable[TableLike],
    axis: str,
    sink: Callable[[SeriesResult], None] | None,
    inputs: Mapping[str, Any],
) -> SeriesResult:
    """See `Runner.stream`."""
    axis, sink = text("axis", axis), callback("sink", sink)
    slopes = runner.slopes
    summed = [
        port
        for port in runner.view.outputs
        if axis in (slopes[port.name].total if port.name in slopes else port.reduce)
    ]
    if sink is None and not summed:
        raise Diagnostic(
            BAD_OPTION,
            f"no output is summed over {axis!r}, and without a sink the others are dropped",
            help="give a sink, or the name of the axis that outputs are summed over",
        )
    totals: dict[str, Array] = {}
    alike: dict[str, Array] = {}
    last: SeriesResult | None = None
    stats: dict[str, Any] = dict.fromkeys(ADDED, 0)
    rest = _Rest(runner.limits)
    _check_fixed(runner.ports, axis, inputs)
    if isinstance(blocks, str | PathLike) or is_table(blocks) or not hasattr(blocks, "__iter__"):
        raise Diagnostic(
            BAD_OPTION,
            f"blocks are given as a {type(blocks).__name__}, and not as several tables",
            help="give a list or a generator of tables, [table] for one; for a file"
            " lanework.series.iter_columns(path, names)",
        )
    for block in blocks:
        columns = _columns(runner.ports, block, axis, inputs)
        with seen(None):  # what the block before it had may still be this process's
            last = runner.run_within(rest.limits(), {**inputs, **columns})
        rest.fuel -= last.stats["fuel"]
        given = tuple(How("time" in port.axes, port.name in columns) for port in runner.ports)
        for port in summed:
            if port.name in last and axis not in last.axes(port.name):
                value = last[port.name]
                more = port.name in totals and runner.varies(port, given)
                totals[port.name] = totals[port.name] + value if more else value + 0.0
        along_axis = [name for name in last if axis in last.axes(name)]
        if sink is None and along_axis:
            raise Diagnostic(
                BAD_OPTION,
                f"output {along_axis[0]!r} has a value a lane, is not summed over {axis!r}, and"
                " there is no sink that keeps it",
                help="give a sink, or leave it out: bind(outputs=[...])",
            )
        others = {name: last[name] for name in last if name not in (*totals, *along_axis)}
        _check_alike({**others, **alike}, others, axis)
        alike = others
        for key in ADDED:
            stats[key] += last.stats[key]
        if sink is not None:
            sink(last)
        kept = {name: last[name] for name in last if name not in along_axis}
        last = last.replaced(kept, last.stats)  # one block at a time, its inputs too
    if last is None:
        help = "give at least one, with a row or more"
        raise Diagnostic(UNKNOWN_OUTPUT, "there were no blocks to run", help=help)
    order = [name for name in last if name in totals or name in alike]
    values = {**alike, **totals}
    return last.replaced({name: values[name] for name in order}, {**last.stats, **stats})


def _check_fixed(ports: Iterable[Port], axis: str, inputs: Mapping[str, Any]) -> None:
    """Refuse an input over the lanes of the stream that would be the same in every block."""
    for port in ports:
        value = inputs.get(port.name)
        if value is not None and axis in as_labelled(value, port).axes:
            raise Diagnostic(
                BAD_OPTION,
                f"input {port.name!r} is over {axis!r}, of which there is a block at a time, and is"
                " given for every block",
                help=f"make it a column of the blocks, or of their table: {port.name!r} beside the"
                f" others; what is the same in every block is one number, or over other axes",
            )


def _check_alike(before: Mapping[str, Array], now: Mapping[str, Array], axis: str) -> None:
    """Refuse outputs that are not along the axis of the blocks, and not the same in all of them."""
    for name, value in now.items():
        if not np.array_equal(before[name], value, equal_nan=True):
            raise Diagnostic(
                BAD_OPTION,
                f"output {name!r} is not along {axis!r}, and is another in every block",
                help="give what differs between blocks as columns, one value a lane",
            )


def block_rows(
    runner: Streamable, table: Table, values: Mapping[str, Any], ending: str, most: int
) -> int:
    """How many rows of a table to run at a time under the memory cap.

    Args:
        runner: the runner.
        table: the table of lanes.
        values: the inputs that are the same in every block.
        ending: of the file that outputs are written to, "" for none.
        most: at most so many.
    """
    over_time = (x for x in values.values() if isinstance(x, Labelled) and "time" in x.axes)
    lengths = (x.array.shape[x.axes.index("time")] for x in over_time)
    periods = runner.periods or max(lengths, default=1)
    outputs = [runner.view.outputs[index] for index in runner.wanted]
    numbers = sum(periods if "time" in port.axes else 1 for port in outputs)
    share = SHARE if ending in ("", *TEXTS) else SHARE_OF_ARROW
    lane = CELL * len(table.ports) + LABEL * len(table.titles) + 16 * numbers
    if ending:
        rows = periods if any("time" in port.axes for port in outputs) else 1
        lane += rows * ROW + 24 * numbers
    return max(1, min(most, runner.limits.memory_cap // (share * lane)))


class _Rest:
    """What earlier blocks left of the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.fuel = limits.fuel or 0
        self._end = time.monotonic() + (limits.deadline or 0.0)

    def limits(self) -> Limits:
        limits = self._limits
        if limits.fuel is not None:
            limits = dataclasses.replace(limits, fuel=max(self.fuel, 0))
        if limits.deadline is not None:
            left = max(self._end - time.monotonic(), 1e-9)
            limits = dataclasses.replace(limits, deadline=left)
        return limits


def _columns(
    ports: Iterable[Port], block: Any, axis: str, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """A block's columns, plain ones labelled with the axis."""
    by_name = {port.name: port for port in ports}
    columns = dict(table_of(block, Given("a block", BAD_OPTION)))
    title = label_columns([axis], columns, by_name).get(axis)
    labels = {} if title is None else {axis: np.asarray(columns.pop(title))}
    for name, value in columns.items():
        if name in inputs:
            raise Diagnostic(
                BAD_OPTION,
                f"input {name!r} is given for every block, and in a block",
                help="leave it out of one of the two",
            )
        port = by_name.get(name)
        own = () if port is None or port.optional else tuple(a for a in port.axes if a != "time")
        if own and axis not in own:
            raise Diagnostic(
                BAD_OPTION,
                f"the blocks are pieces of {axis!r}, but input {name!r} is over {', '.join(own)}",
                help=f"stream over one of these: axis={own[0]!r}",
            )
        bare = port is not None and (port.optional or (axis != LANES and not port.axes))
        if port is not None and _plain(value) and (bare or (labels and own in ((), (axis,)))):
            columns[name] = Labelled(as_array(value, given_for(port)), (axis,), labels)
    return columns


def _plain(value: Any) -> bool:
    """Whether a column is one of values without names and labels, as those that count places."""
    if isinstance(value, str | Labelled) or np.ndim(value) != 1 or offers(value, "dims"):
        return False
    return all(isinstance(labels, range) for labels in labels_along(value))
