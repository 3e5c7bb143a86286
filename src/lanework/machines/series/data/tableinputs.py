"""A table as the inputs of a call: what its columns are, of a file as of a table in memory.

A column fills the input of its name, or has the labels along an axis; any other is refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import GIVEN_TWICE
from lanework.core.data.labels import labels_along
from lanework.core.data.libraries import offers
from lanework.core.data.tables import TableLike, inputs_of
from lanework.core.data.values import Given, as_array
from lanework.machines.series.codes import BAD_INPUT, BAD_OVERRIDE, UNKNOWN_INPUT
from lanework.machines.series.data.labels import Labelled
from lanework.machines.series.data.longtables import (
    LANES,
    TIME,
    axes_for,
    given_for,
    labels_for,
    pivoted,
    titles_of,
)
from lanework.machines.series.data.overrides import only_lanes
from lanework.machines.series.layout import SeriesView, instead_of

if TYPE_CHECKING:
    from lanework.core.program.program import Port


_INDEX = re.compile(r"Unnamed: \d+|__index_level_\d+__")
"""What a column of labels is called that had no name, where pandas has written or read it."""


def table_inputs(
    table: TableLike,
    view: SeriesView,
    inputs: Mapping[str, Any],
) -> Mapping[str, Any]:
    """The inputs of a call from the columns of a table, and those given by name.

    Rows are along the axis that inputs among the columns declare. Inputs that declare none, and
    are in a table with such ones, are along it too, and not over lanes of their own. A column that
    is called like the axis has its labels; with such columns for several axes the table is a long
    one, with a value a row.

    Args:
        table: see `table_of`.
        view: the program.
        inputs: those given by name.

    Raises:
        Diagnostic: LW3040 for a column that is no input; LW3050 for columns whose inputs declare
            different axes; what `inputs_of` says.

    Example:
        >>> import lanework as lw
        >>> model = lw.series.Model("term", periods=1)
        >>> _ = model.input("age", axes="point"), model.input("sum")
        >>> _ = model.formula("cost", "age * sum")
        >>> view = SeriesView.of(model.compile())
        >>> table_inputs({"age": [30, 40], "sum": [1.0, 2.0]}, view, {})["sum"].axes
        ('point',)
    """
    given, ports = inputs_of(table, inputs), view.inputs
    columns = {name: column for name, column in given.items() if name not in inputs}
    filled = [port for port in ports if port.name in columns]
    known = {TIME, LANES, "point", *(axis for port in ports for axis in port.axes)}
    rows = [port for port in filled if _plain(columns[port.name], known)]
    axes = {axes_of_rows(port)[0]: port.name for port in rows if len(axes_of_rows(port)) == 1}
    over = {} if any(not port.optional for port in filled) else dict.fromkeys(map(axes_for, filled))
    every = dict.fromkeys(axis for port in filled for axis in axes_of_rows(port))
    every = every or dict.fromkeys(itertools.chain(*over)) or {LANES: None}
    titles = labels_for(every, columns, [port.name for port in ports])
    refuse_others("the table", columns, view, titles.values())
    kept = {name: value for name, value in given.items() if name not in titles.values()}
    labels = {axis: _cells(title, columns[title]) for axis, title in titles.items()}
    if len(labels) > 1:
        return {**kept, **_long("the table", {p: columns[p.name] for p in filled}, labels)}
    if len(axes) > 1:
        (first, one), (second, other), *_ = axes.items()
        raise Diagnostic(
            BAD_INPUT,
            f"the rows of the table are along {first!r} for input {one!r}, and along {second!r}"
            f" for input {other!r}",
            help=f"give one of them by name: run(table, {other}=...)",
        )
    axis = next(iter(axes), next(iter(labels), "")) or _lanes_of_rows(rows, ports)
    if labels and axis not in labels:
        (other, title), *_ = titles.items()
        raise Diagnostic(
            BAD_INPUT,
            f"the rows of the table are along {axis!r} for input {axes[axis]!r}, and its column"
            f" {title!r} has labels along {other!r}",
            help=f"leave {title} out of the table, or call it {axis} if it has labels along that",
        )
    mine = [
        port.name
        for port in rows
        if port.optional or (axes and not port.axes) or (labels and port.axes in ((), (axis,)))
    ]
    return {**kept, **{name: _along(axis, name, given[name], labels) for name in mine}}


def _lanes_of_rows(rows: Sequence[Port], ports: Sequence[Port]) -> str:
    """The axis of rows that nothing names: of overrides alone that of their nodes.

    Raises:
        Diagnostic: LW3050 where these have several.
    """
    if any(not port.optional for port in rows):
        return LANES
    lanes = list(dict.fromkeys(axis for port in rows for axis in port.axes if axis != TIME))
    if len(lanes) > 1:
        raise Diagnostic(
            BAD_INPUT,
            f"the rows of the table may be along {' or '.join(map(repr, lanes))}",
            help=f"add a column that is called like the axis, such as {lanes[0]}, with its labels",
        )
    return next(iter(lanes or only_lanes(ports)), LANES)


def check_overridden(overrides: Iterable[str], given: Collection[str]) -> None:
    """Refuse names alone of overrides that no table has a column for: nothing would be overridden.

    Raises:
        Diagnostic: LW3070.
    """
    absent = next((name for name in overrides if name not in given), None)
    if absent is not None:
        raise Diagnostic(
            BAD_OVERRIDE,
            f"`{absent}` is to be overridden, and nothing says with what",
            help=f"give a table with a column {absent}, or a value",
        )


def check_no_table(override: Any) -> None:
    """Refuse a table in the place of names: what its rows are along is for the inputs to say.

    Raises:
        Diagnostic: LW3070.
    """
    if offers(override, "columns") or offers(override, "column_names"):
        raise Diagnostic(
            BAD_OVERRIDE,
            f"override is a table ({type(override).__name__}), and takes names of nodes",
            help="give the table first and the names here, run(table, override=['NODE']), or "
            "override={'NODE': table['NODE']}",
        )


def axes_of_rows(port: Port) -> tuple[str, ...]:
    """The axes that rows of a table are along for a port's sake: an optional one follows others."""
    return () if port.optional else port.axes


def refuse_others(
    source: str,
    columns: Iterable[str],
    view: SeriesView,
    labels: Collection[str] = (),
    given: Collection[str] = (),
    advice: str = "leave {} out of the table",
    instead: str | None = None,
) -> None:
    """Refuse columns of a table that are no inputs, and those of inputs that are given otherwise.

    Args:
        source: the table, in messages.
        columns: the names of its columns.
        view: the program.
        labels: the columns of labels.
        given: the inputs that are given otherwise.
        advice: what to do about others, with a place for their names.
        instead: how a formula is overridden, with a place for its name, if not in Python.

    Raises:
        Diagnostic: LW3040, LW1026.
    """
    names = [port.name for port in view.inputs]
    others = [name for name in columns if name not in {*names, *labels, *view.unused}]
    if others:
        shown = ", ".join(map(repr, others[:6])) + (", ..." if others[6:] else "")
        near, leave = did_you_mean(others[0], names), advice.format(",".join(others))
        if others[0] == "" or _INDEX.fullmatch(others[0]):
            leave = "name it after the axis whose labels it has, or write the table without: pandas"
            leave += " does with to_csv(index=False)"
        if others[0].lower() in titles_of(TIME) and others[0] not in titles_of(TIME):
            near = f"call it {others[0].lower()!r} if it has the labels of periods."
        elif others[0] in view.formulas:
            formulas = ",".join(name for name in others if name in view.formulas)
            way = instead.format(formulas) if instead else instead_of(others[0])
            near = f"{others[0]} is a formula: {way}."
        raise Diagnostic(
            UNKNOWN_INPUT,
            f"{source} has the column{'s' if others[1:] else ''} {shown}, and the model has no"
            f" such input{'s' if others[1:] else ''}",
            help=f"{near} Otherwise {leave}" if near else leave,
        )
    twice = next((name for name in columns if name in given), None)
    if twice is not None:
        raise Diagnostic(
            GIVEN_TWICE,
            f"input {twice!r} is a column of {source}, and given otherwise too",
            help=f"give it once: {advice.format(twice)}",
        )


def inputs_by_name(inputs: TableLike | None, view: SeriesView) -> Mapping[str, Any]:
    """Inputs by name, of a table of some library too.

    Raises:
        Diagnostic: LW1034 for what is none, and what `table_inputs` says.
    """
    if inputs is None or isinstance(inputs, Mapping):
        return inputs or {}
    return table_inputs(inputs, view, {})


def _long(source: str, columns: Mapping[Port, Any], labels: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a long table, each over all of its axes."""
    return {port.name: long_input(source, port, column, labels) for port, column in columns.items()}


def long_input(source: str, port: Port, column: Any, labels: Mapping[str, Any]) -> Labelled:
    """A column of a long table as an input.

    Raises:
        Diagnostic: LW3050 for an input that declares an axis of which the table has no labels,
            and for labels that are there twice together.
    """
    absent = next((axis for axis in axes_of_rows(port) if axis not in labels), None)
    if absent is not None:
        raise Diagnostic(
            BAD_INPUT,
            f"{source} has labels along {' and '.join(labels)}, and input {port.name!r} is along"
            f" {absent!r}",
            help="give it in a table of its own",
        )
    given = given_for(port)
    return Labelled(*pivoted(labels, as_array(column, given), given, port.optional))


def _cells(title: str, column: Any) -> Any:
    return np.asarray(as_array(column, Given(title, BAD_INPUT)))


def _along(axis: str, name: str, column: Any, labels: Mapping[str, Any]) -> Any:
    """A column of the table along its axis, with its labels: by default those of the rows."""
    array = as_array(column, Given(f"input {name!r}", BAD_INPUT))
    if array.ndim != 1:
        return column
    own = next(iter(labels_along(column)), None)
    return Labelled(array, (axis,), labels or ({} if own is None else {axis: own}))


def _plain(column: Any, axes: set[str]) -> bool:
    """Whether a column does not say itself which axes it has."""
    if isinstance(column, Labelled) or offers(column, "dims"):
        return False
    index = column.index if offers(column, "index") else None
    return getattr(index, "nlevels", 1) == 1 and getattr(index, "name", None) not in axes
