"""`name=value` and `axis=FILE` on the command line, as the inputs of a run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.cli import split_input, split_list
from lanework.core.codes import BAD_ARGUMENT, NO_COLUMN_FITS, NO_ROWS, UNKNOWN_ARGUMENT
from lanework.core.data.cells import read_cells
from lanework.core.data.csvtext import number_in
from lanework.core.data.files import (
    BLOCK,
    check_columns,
    column_names,
    iter_columns,
    read_array,
)
from lanework.core.data.opening import is_data, split_path
from lanework.core.data.values import MISSING_TEXT, spells_number, text_advice
from lanework.machines.series.data.labels import Labelled
from lanework.machines.series.data.unpacking import titles_of

if TYPE_CHECKING:
    from lanework.core.program.program import Port

COMMON_AXES = ("time", "scenario", "point")
Block = dict[str, Any]


@dataclass
class Table:
    """A table that fills inputs along an axis.

    Attributes:
        axis: the axis.
        path: the file.
        columns: input name -> column name.
        categories: for columns of labels, their labels.
        names: the column of the labels along the axis, if there is one.
    """

    axis: str
    path: str
    columns: dict[str, str]
    categories: dict[str, tuple[str, ...]]
    names: str | None = None

    def labels(self, most: int | None) -> dict[str, Any]:
        """The labels along the axis, by its name, if a column has them."""
        if self.names is None:
            return {}
        cells = read_cells(self.path, most, [self.names]).columns()[self.names]
        numbers = [number_in(cell) if isinstance(cell, str) else cell for cell in cells]
        if any(not isinstance(number, int | float) for number in numbers):
            return {self.axis: np.array(cells)}
        floats = np.array(numbers, np.float64)
        integral = bool((floats == np.floor(floats)).all())
        return {self.axis: floats.astype(np.int64) if integral else floats}

    def blocks(
        self, rows: int, most: int | None, progress: Callable[[int, int], None] | None
    ) -> Iterator[Block]:
        """Blocks of labelled columns, of at most `most` rows together.

        Raises:
            Diagnostic: LW8006 for a table without rows.
        """
        left, block = most, None
        wanted = list(self.columns.values())
        for block in iter_columns(self.path, wanted, rows, self.categories, progress):
            if left is not None:
                block = {name: column[:left] for name, column in block.items()}
                left -= len(block[wanted[0]])
            yield {
                name: Labelled(block[column], (self.axis,)) for name, column in self.columns.items()
            }
            if left is not None and left <= 0:
                return
        if block is None:
            raise Diagnostic(NO_ROWS, f"{self.path} has no rows", help="give it at least one")


@dataclass
class Inputs:
    """What the command line gives to a run: inputs by name, and tables in the order given."""

    values: Block = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


def parse(arguments: Sequence[str], ports: Sequence[Port]) -> Inputs:
    """Read the arguments after the file.

    Raises:
        Diagnostic: LW8001, LW8002, LW8005, and what the files say.
    """
    by_name = {port.name: port for port in ports}
    axes = dict.fromkeys([*COMMON_AXES, *(axis for port in ports for axis in port.axes)])
    given: dict[str, str] = {}
    for argument in arguments:
        name, text = split_input(argument, "write name=number, name=FILE:column or axis=FILE")
        if name not in by_name and name not in axes:
            near = did_you_mean(name, [*by_name, *axes])
            raise Diagnostic(
                UNKNOWN_ARGUMENT,
                f"{name!r} is neither an input nor an axis of the program",
                help=near or f"inputs are: {', '.join(by_name) or 'none'}",
            )
        if name in given:
            raise Diagnostic(BAD_ARGUMENT, f"{name!r} is given twice", help="give it once")
        given[name] = text
    inputs = Inputs()
    for name, text in given.items():
        if name in by_name:
            inputs.values[name] = value(by_name[name], text)
    filled = set(inputs.values)
    for name, text in given.items():
        if name not in by_name:
            table = fill(name, text.removeprefix("@"), ports, filled)
            filled |= set(table.columns)
            inputs.tables.append(table)
    return inputs


def value(port: Port, text: str) -> Any:
    """What `name=text` gives to a port: a number, an array, or a label.

    Raises:
        Diagnostic: LW8001, or what is wrong with the file.
    """
    if text in port.categories:
        return text
    number = number_in(text)
    if number is not None:
        return number
    path, column = split_path(text.removeprefix("@"))
    if text.startswith("@") or column is not None or is_data(path):
        return read_array(path, column, port.categories or None)
    parts = text.split(",") if port.categories else split_list(port.name, text)
    parts = [part.strip() for part in parts]
    if len(parts) > 1 and port.categories and all(part in port.categories for part in parts):
        return parts
    numbers = [number_in(part) for part in parts]
    if len(parts) > 1 and all(part is not None for part in numbers):
        return numbers
    if port.categories:
        choice = ", ".join(port.categories[:8])
        advice = did_you_mean(text, port.categories) or f"give one of {choice}"
    elif spells_number(text) or text.lower() in MISSING_TEXT:
        advice = text_advice(text)
    else:
        advice = f"write {port.name}=0.05, {port.name}=@values.npy or {port.name}=table.csv:column"
    raise Diagnostic(BAD_ARGUMENT, f"{port.name}={text!r} is no number and no file", help=advice)


def fill(axis: str, path: str, ports: Sequence[Port], filled: set[str]) -> Table:
    """Which inputs the columns of a table fill.

    Inputs that declare the axis must be there, unless they have a default or are given
    otherwise. Inputs that declare no axis at all are filled by a table of lanes.

    Raises:
        Diagnostic: LW8005, LW3055, and what is wrong with the file.
    """
    header = column_names(path)
    by_name = {port.name for port in ports}
    columns: dict[str, str] = {}
    for port in ports:
        if port.name in filled:
            continue
        own = axis in port.axes
        if port.name in header and (own or (not port.axes and axis != "time")):
            columns[port.name] = port.name
        elif own and port.default is None:
            check_columns(path, [port.name], header)
    if not columns:
        along = [port.name for port in ports if axis in port.axes]
        raise Diagnostic(
            NO_COLUMN_FITS,
            f"no column of {path} is an input along {axis!r}",
            help=f"inputs along {axis!r} are: {', '.join(along)}"
            if along
            else f"no input is along {axis!r}; its columns are {', '.join(header[:8])}",
        )
    categories = {
        port.name: port.categories for port in ports if port.name in columns and port.categories
    }
    names = next((x for x in titles_of(axis) if x in header and x not in by_name), None)
    return Table(axis, path, columns, categories, names)


def first_blocks(
    table: Table, rows: int, most: int | None, progress: Callable[[int, int], None] | None
) -> tuple[Block, Iterator[Block] | None]:
    """The first block of a table and, if there is more, an iterator over all blocks."""
    blocks = table.blocks(rows, most, progress)
    first, second = next(blocks), next(blocks, None)
    if second is None:
        labels = table.labels(most)
        first = {name: replace(column, labels=labels) for name, column in first.items()}
    return first, None if second is None else itertools.chain([first, second], blocks)


def all_rows(table: Table, most: int | None) -> Block:
    """All rows of a table as labelled columns."""
    blocks, labels = list(table.blocks(BLOCK, most, None)), table.labels(most)
    return {
        name: Labelled(
            np.concatenate([block[name].array for block in blocks]), (table.axis,), labels
        )
        for name in table.columns
    }
