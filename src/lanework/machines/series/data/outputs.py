"""Outputs: the labels along their axes, and files that are written block by block.

The files of a streamed run appear when it has ended well; a run that fails leaves what was there
before.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from lanework.base.files import atomic_write
from lanework.core.program.program import Program
from lanework.core.result.frames import long_columns, units_of
from lanework.core.result.result import Axes, Result
from lanework.core.result.saving import check_ending, table_paths
from lanework.core.result.tablefile import TABLES, TableFile

ABSENT = "a model that declares outputs gives these alone: output(...), or compile(outputs=[...])"
"""What to do about an output that a result does not have."""


def labels_of(program: Program, periods: int | None) -> dict[str, Any]:
    """What a program knows about the places along its axes: the first day of every period.

    Returns:
        ``{"time": datetime64[D] of shape (periods,)}``, or nothing without a calendar.
    """
    start, freq = program.header.get("start"), program.header.get("freq")
    if not start or not freq or not periods:
        return {}
    from lanework.machines.series.language.calendar import Calendar

    return {"time": Calendar(str(start), str(freq), periods).begins()}


def names_of_periods(program: Program) -> Callable[[int], list[Any]] | None:
    """What the dates of inputs are compared with, in every way in which periods can be said.

    Those are the first days, the last days, the numbers from 0, and of years the years.
    """
    start, freq = program.header.get("start"), program.header.get("freq")
    if not start or not freq:
        return None
    from lanework.machines.series.language.calendar import Calendar

    def named(periods: int) -> list[Any]:
        calendar = Calendar(str(start), str(freq), max(periods, 1))
        ways: list[Any] = [calendar.begins(), calendar.ends(), np.arange(periods)]
        if freq == "year":
            ways.append(calendar.begins().astype("M8[Y]").astype(np.int64) + 1970)
        return ways

    return named


class TableSink(contextlib.ExitStack):
    """Takes the results of blocks of lanes and writes their outputs as long tables.

    A context manager; inside it, call it with each block's result, and with `totals` at the end.
    The tables have the form of `Result.save`: the outputs with the most axes go to the path
    itself, others to paths with their axes in the name. Lanes are numbered through all blocks.

    Attributes:
        paths: the files, in order; known when the first block has come.
        rows: the rows written to the first of them.
        lanes: the lanes that have come.
    """

    def __init__(self, path: str | os.PathLike[str], axis: str, csv_safe: bool = False) -> None:
        """Prepare to write a table; the blocks are pieces of the lane axis `axis`.

        Raises:
            Diagnostic: LW1023 for another ending, LW1022 for a missing extra.
        """
        super().__init__()
        self.path = Path(path)
        self.axis = axis
        self.csv_safe = csv_safe
        self.ending = check_ending(self.path, TABLES)
        self.paths: dict[Axes, Path] = {}
        self.lanes = 0
        self.rows = 0
        self._tables: dict[Axes, tuple[tuple[str, ...], TableFile]] = {}

    def __call__(self, result: Result) -> None:
        """Write one block's outputs along the axis."""
        names = [name for name in result if self.axis in result.axes(name)]
        if not names:
            return
        where = result.axes(names[0]).index(self.axis)
        count = result[names[0]].shape[where]
        labels = result.coords.get(self.axis)
        if labels is None:
            labels = np.arange(self.lanes, self.lanes + count)
        block = Result(
            {name: result[name] for name in names},
            axes={name: result.axes(name) for name in names},
            units=result.units,
            coords={**result.coords, self.axis: labels},
        )
        shapes = block.shapes()
        if not self.paths:
            self.paths = table_paths(self.path, shapes)
            for axes, group in shapes.items():
                self._open(axes, group)
        for number, (group, table) in enumerate(self._tables.values()):
            written = _write(table, block, group)
            self.rows += written if number == 0 else 0
        self.lanes += count

    def totals(self, result: Result) -> None:
        """Write the outputs that are summed over the axis, beside the tables."""
        shapes = result.shapes()
        paths = table_paths(self.path, {**self.paths, **shapes})
        for axes, group in shapes.items():
            self.paths[axes] = paths[axes]
            self._open(axes, group)
            written = _write(self._tables[axes][1], result, group)
            self.rows = self.rows or written

    def _open(self, axes: Axes, group: tuple[str, ...]) -> None:
        file: IO[bytes] = self.enter_context(atomic_write(self.paths[axes]))
        table = self.enter_context(TableFile(file, self.ending, self.csv_safe))
        self._tables[axes] = (group, table)


def _write(table: TableFile, block: Result, group: tuple[str, ...]) -> int:
    columns = long_columns(block, group, lanes_first=True)
    table.write(columns, units_of(block))
    return len(next(iter(columns.values())))
