"""A table as the inputs of a call: its rows are places along one axis, whatever its columns say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic
from lanework.core.data.labels import labels_along
from lanework.core.data.tables import TableLike, inputs_of
from lanework.core.data.values import Given, as_array
from lanework.machines.series.codes import BAD_INPUT
from lanework.machines.series.data.labels import Labelled
from lanework.machines.series.data.unpacking import LANES, TIME, titles_of

if TYPE_CHECKING:
    from lanework.core.program.program import Port


def table_inputs(
    table: TableLike, ports: Sequence[Port], inputs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The inputs of a call from the columns of a table, and those given by name.

    Rows are along the axis that inputs among the columns declare. Inputs that declare none, and are
    in a table with such ones, are along it too, and not over lanes of their own. A column that is
    called like the axis has its labels.

    Raises:
        Diagnostic: LW3050 for columns whose inputs declare different axes; what `inputs_of` says.

    Example:
        >>> from lanework.core.program.program import Port
        >>> ports = [Port("age", "in", 0, axes=("point",)), Port("sum", "in", 1)]
        >>> table_inputs({"age": [30, 40], "sum": [1.0, 2.0]}, ports, {})["sum"].axes
        ('point',)
    """
    given = inputs_of(table, inputs)
    by_name = {port.name for port in ports}
    known = {TIME, LANES, "point", *(axis for port in ports for axis in port.axes)}
    rows = {
        port.name: port
        for port in ports
        if port.name in given and port.name not in inputs and _plain(given[port.name], known)
    }
    axes = {port.axes[0]: port.name for port in rows.values() if len(port.axes) == 1}
    if len(axes) > 1:
        (first, one), (second, other), *_ = axes.items()
        raise Diagnostic(
            BAD_INPUT,
            f"the rows of the table are along {first!r} for input {one!r}, and along {second!r}"
            f" for input {other!r}",
            help=f"give one of them by name: run(table, {other}=...)",
        )
    axis = next(iter(axes), LANES)
    title = next((x for x in titles_of(axis) if x in given and x not in by_name), None)
    named = {} if title is None else {axis: as_array(given[title], Given(title, BAD_INPUT))}
    mine = [
        name
        for name, port in rows.items()
        if (axes and not port.axes) or (named and port.axes in ((), (axis,)))
    ]
    kept = {name: column for name, column in given.items() if name != title}
    return {**kept, **{name: _along(axis, name, given[name], named) for name in mine}}


def _along(axis: str, name: str, column: Any, labels: Mapping[str, Any]) -> Any:
    """A column of the table along its axis, with its labels: by default those of the rows."""
    array = as_array(column, Given(f"input {name!r}", BAD_INPUT))
    if array.ndim != 1:
        return column
    own = next(iter(labels_along(column)), None)
    return Labelled(array, (axis,), labels or ({} if own is None else {axis: own}))


def _plain(column: Any, axes: set[str]) -> bool:
    """Whether a column does not say itself which axes it has."""
    if isinstance(column, Labelled) or hasattr(column, "dims"):
        return False
    index = getattr(column, "index", None)
    return getattr(index, "nlevels", 1) == 1 and getattr(index, "name", None) not in axes
