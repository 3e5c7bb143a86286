"""Tables in files as inputs: along one axis, whole or block by block, or of several axes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import MISSING_COLUMN, NO_COLUMN_FITS, NO_ROWS
from lanework.core.data.arrays import TABLES, all_arrays
from lanework.core.data.blocks import check_columns
from lanework.core.data.cells import numbers_with_gaps
from lanework.core.data.columns import first_rows, label_blocks, labels_in
from lanework.core.data.files import (
    BLOCK,
    column_names,
    iter_columns,
    read_array,
    read_columns,
)
from lanework.core.data.holding import at_a_time
from lanework.core.data.opening import TEXTS, data_ending
from lanework.core.resident import look
from lanework.machines.series.codes import BAD_INPUT
from lanework.machines.series.data import tableinputs
from lanework.machines.series.data.labels import Labelled
from lanework.machines.series.data.longtables import axes_for, label_columns, labels_for, tabled
from lanework.machines.series.data.unpacking import refuse_other

if TYPE_CHECKING:
    from lanework.core.program.program import Port
    from lanework.machines.series.layout import SeriesView

Block = dict[str, Any]

CELL, LABEL = 96, 200
"""Bytes that a cell of a file takes to be read, and a label along the axis."""


@dataclass
class Table:
    """A table in a file that fills inputs along an axis.

    Attributes:
        axis: the axis.
        path: the file.
        ports: the inputs whose columns it has.
        titles: for each axis of which a column has labels, that column.
    """

    axis: str
    path: str
    ports: tuple[Port, ...]
    titles: dict[str, str] = field(default_factory=dict)

    @property
    def unbroken(self) -> bool:
        """Whether it is of no use block by block: it is over time, or of several axes."""
        return self.axis == "time" or len(self.titles) > 1

    @property
    def names(self) -> list[str]:
        """The columns of values."""
        return [port.name for port in self.ports]

    def blocks(
        self, rows: int, most: int | None, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Block]:
        """Blocks of labelled columns, of at most `most` rows together.

        Raises:
            Diagnostic: LW8006 for a table without rows.
        """
        title = self.titles.get(self.axis)
        labels = None if title is None else label_blocks(self.path, title, rows, most)
        block = None
        for block in self._values(rows, most, progress):
            named = {} if labels is None else {self.axis: next(labels)}
            yield {name: Labelled(column, (self.axis,), named) for name, column in block.items()}
        if block is None:
            raise Diagnostic(NO_ROWS, f"{self.path} has no rows", help="give it at least one")

    def _values(
        self, rows: int, most: int | None, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Block]:
        categories = {port.name: port.categories for port in self.ports if port.categories}
        gaps = {
            port.name: numbers_with_gaps(self.path, port.name, categories.get(port.name))
            for port in self.ports
            if port.optional
        }
        names, at = [name for name in self.names if name not in gaps], 0
        if not names:
            count = max(map(len, gaps.values()))
            yield from first_rows(
                ({n: c[i : i + rows] for n, c in gaps.items()} for i in range(0, count, rows)), most
            )
            return
        for block in first_rows(iter_columns(self.path, names, rows, categories, progress), most):
            end = at + len(block[names[0]])
            yield block | {name: column[at:end] for name, column in gaps.items()}
            at = end

    def all_rows(self, most: int | None) -> Block:
        """All rows as labelled columns, over all axes of which there are labels.

        Raises:
            Diagnostic: LW8006, and what `long_input` says.
        """
        rows = at_a_time(CELL * len(self.ports) + LABEL * len(self.titles), BLOCK)
        if len(self.titles) < 2:
            return _joined(self.axis, list(_kept(self.blocks(rows, most))))
        labels = {a: labels_in(self.path, title, most) for a, title in self.titles.items()}
        blocks = list(_kept(self._values(rows, most)))
        columns = {name: np.concatenate([block[name] for block in blocks]) for name in self.names}
        return {
            port.name: tableinputs.long_input(self.path, port, columns[port.name], labels)
            for port in self.ports
        }

    def first_blocks(
        self, rows: int, most: int | None, progress: Callable[[int, int], None] | None
    ) -> tuple[Block, Iterator[Block] | None]:
        """The first block and, if there is more, an iterator over all blocks."""
        blocks = self.blocks(rows, most, progress)
        first, second = next(blocks), next(blocks, None)
        return first, None if second is None else itertools.chain([first, second], blocks)


def fill(
    axis: str,
    path: str,
    view: SeriesView,
    given: Collection[str] = (),
    ignored: Collection[str] = (),
) -> Table:
    """Which inputs the columns of a table fill.

    Inputs that declare the axis must be there, unless they have a default or are given otherwise.

    Args:
        axis: along which its rows are.
        path: the file.
        view: the program.
        given: the inputs that are given otherwise.
        ignored: columns that are left out.

    Raises:
        Diagnostic: LW3040, LW3050, LW3055, LW8005, LW1026, and what is wrong with the file.
    """
    ports, every = view.inputs, column_names(path)
    header = [name for name in every if name not in ignored]
    names = [port.name for port in ports]
    rowed = {port.name: tableinputs.axes_of_rows(port) for port in ports}
    axes = [axis, *(other for over in rowed.values() if axis in over for other in over)]
    titles = {**labels_for(axes, header, names), **label_columns([axis], header, names)}
    filled = tuple(port for port in ports if port.name in header)
    own = [port for port in ports if axis in rowed[port.name]]
    for port in own:
        if port.default is None and port.name not in given:
            _check_ignored(path, port.name, every, ignored)
            check_columns(path, [port.name], header)
    if not any(port in own or not rowed[port.name] for port in filled):
        raise Diagnostic(
            NO_COLUMN_FITS,
            f"no column of {path} is an input along {axis!r}",
            help=f"inputs along {axis!r} are: {', '.join(port.name for port in own)}"
            if own
            else f"{_meant(header, names)} columns are {', '.join(header[:8])}, and inputs are"
            f" {', '.join(names[:8])}",
        )
    advice = "leave {0} out of the table, or say so: --ignore {0}"
    option = "to run with another value in its place, say so: --override {}"
    tableinputs.refuse_others(path, header, view, titles.values(), given, advice, option)
    if titles and axis not in titles:
        (other, title), *_ = titles.items()
        raise Diagnostic(
            BAD_INPUT,
            f"{path} is given along {axis!r}, and its column {title!r} has labels along {other!r}",
            help=f"write {other}={path}, or add a column {axis!r}",
        )
    for port in filled:
        if rowed[port.name] and axis not in port.axes and len(titles) < 2:
            raise Diagnostic(
                BAD_INPUT,
                f"the rows of {path} are along {axis!r}, and input {port.name!r} is along"
                f" {' and '.join(port.axes)}",
                help=f"give it in a table of its own, or leave it out: --ignore {port.name}",
            )
    return Table(axis, path, filled, titles)


def _meant(header: Collection[str], names: Collection[str]) -> str:
    """The first input that a column is nearly called like, as a sentence before another."""
    near = (did_you_mean(title, names) for title in header)
    return next((f"{text} Its" for text in near if text), "its")


def _check_ignored(path: str, name: str, header: Collection[str], ignored: Collection[str]) -> None:
    """Refuse that a column is ignored which is needed."""
    if name in ignored and name in header:
        raise Diagnostic(
            MISSING_COLUMN,
            f"input {name!r} is not given: --ignore leaves out its column of {path}",
            help=f"take it out of --ignore, or give it: {name}=...",
        )


def read_input(port: Port, path: str, column: str | None, inputs: Collection[str] = ()) -> Any:
    """What `name=FILE` or `name=FILE:column` gives to an input, with the labels in the file.

    Args:
        port: the input.
        path: the file.
        column: the column that is named.
        inputs: the names of all inputs, none of which is meant where none is named.

    Raises:
        Diagnostic: what is wrong with the file; LW3050 where it is not clear what is meant.
    """
    categories = port.categories or None
    if data_ending(path) in (".npy", ".npz", ".json") and any(
        array.ndim != 1 for array in all_arrays(path)[0].values()
    ):
        return read_array(path, column, categories)
    header = column_names(path)
    titles = labels_for(axes_for(port), header, (port.name, column or ""))
    rest = [name for name in header if name not in titles.values()]
    if column is None and len(rest) == 1:
        refuse_other(port, rest[0], inputs, f"name it if it is meant: {port.name}={path}:{rest[0]}")
    wide = len(rest) > 1 and len(titles) == 1 and len(axes_for(port)) == 2
    wide = wide and not {port.name, *inputs}.intersection(rest)  # which are not names of lanes
    if not titles or (column is None and len(rest) != 1 and not wide):
        alone = column or (rest[0] if len(rest) == 1 else port.name)
        if port.optional and alone in header and data_ending(path) in (*TEXTS, *TABLES, ".xlsx"):
            return numbers_with_gaps(path, alone, categories)
        return read_array(path, column, categories)
    rest = rest if column is None else [column]
    values = (
        {name: numbers_with_gaps(path, name, categories) for name in rest}
        if port.optional
        else read_columns(path, rest, dict.fromkeys(rest, categories) if categories else None)
    )
    labels = {axis: labels_in(path, title) for axis, title in titles.items()}
    values = values if column is None else {port.name: values[column]}  # it is meant for all
    return Labelled(*tabled(port, values, labels))


def _kept(blocks: Iterator[Block]) -> Iterator[Block]:
    """Blocks all of which will be held, and then be put together.

    Raises:
        Diagnostic: LW0101 where there is no room for that.
    """
    size = 0
    for block in blocks:
        arrays = [x.array if isinstance(x, Labelled) else x for x in block.values()]
        size += sum(array.nbytes for array in arrays)
        look(size)
        yield block


def _joined(axis: str, blocks: list[Block]) -> Block:
    """Blocks of labelled columns as one."""
    if len(blocks) == 1:
        return blocks[0]
    first = next(iter(blocks[0].values()))
    named = [next(iter(block.values())).labels.get(axis) for block in blocks]
    labels = {axis: np.concatenate(named)} if axis in first.labels else {}
    return {
        name: Labelled(np.concatenate([block[name].array for block in blocks]), (axis,), labels)
        for name in blocks[0]
    }
