"""Evidence: what is known of variables, in one row or in many, as weights of their states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.span import Span
from lanework.core.data.cells import iter_cells, read_cells, told_as
from lanework.core.data.labels import align
from lanework.core.data.tables import TableLike, levels_of, table_of
from lanework.core.data.values import Given, as_array
from lanework.machines.belief.codes import BAD_EVIDENCE, UNKNOWN_VARIABLE
from lanework.machines.belief.data.states import UNKNOWN, is_number, state_place
from lanework.machines.belief.graph.factor import Variable, listed

F64 = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
Labels = npt.NDArray[Any]
I64 = npt.NDArray[np.int64]
_KEPT = (str, bytes, bool, np.bool_)  # which an array of several types would change


@dataclass(frozen=True)
class Evidence:
    """Weights of states."""

    weights: dict[int, F64]  # variable -> (states, rows)
    rows: int  # how many rows there are
    single: bool  # whether no table was given, but one row's values
    # for variables of which every row says one state by name, these states
    states: dict[int, I64] = field(default_factory=dict)
    labels: Labels | None = None  # of the rows, if a table has some

    def at(self, rows: npt.NDArray[np.intp]) -> Evidence:
        """Some of the rows."""
        weights = {v: known[:, rows] for v, known in self.weights.items()}
        states = {v: known[rows] for v, known in self.states.items()}
        labels = None if self.labels is None else self.labels[rows]
        return Evidence(weights, len(rows), self.single, states, labels)

    def sure(self, variable: int) -> npt.NDArray[np.bool_]:
        """For each row whether it says one state of a variable."""
        weights = self.weights[variable]
        return np.asarray(((weights > 0).sum(axis=0) == 1) & (weights.max(axis=0) == 1))

    def tops(self) -> F64:
        """For each row the logarithm of its largest weight, at least 0; or one for all rows."""
        top = np.ones(1)
        for variable, known in self.weights.items():
            if variable not in self.states:
                top = np.maximum(top, known.max(axis=0))
        return np.asarray(np.log(top))

    def repeated(self, count: int) -> Evidence:
        """Each row so many times, one after another."""
        return self.at(np.repeat(np.arange(self.rows), count))


def read_evidence(
    variables: tuple[Variable, ...], observed: frozenset[int], given: Mapping[str, Any]
) -> Evidence:
    """Weights from what a user gives.

    A state is said as `states.py` has it; None, NaN or an empty text says that nothing is known. A
    column of these gives one a row, and so does an array of weights of the shape (rows, states); an
    array of floats, one a state, is a likelihood: soft or virtual evidence, of which only the
    ratios matter to posteriors. Where columns have labels of rows (an index of pandas that does not
    only count, coordinates of xarray), rows are matched by these, and a likelihood by its states.

    Raises:
        Diagnostic: LW5005 for unknown names; LW5008 for values that make no sense.

    Example:
        >>> coin = Variable("coin", ("heads", "tails"))
        >>> known = read_evidence((coin,), frozenset([0]), {"coin": ["tails", None]})
        >>> known.weights[0].tolist(), known.rows
        ([[0.0, 1.0], [1.0, 1.0]], 2)
    """
    number = {variable.name: n for n, variable in enumerate(variables)}
    weights: dict[int, F64] = {}
    states: dict[int, I64] = {}
    rows: tuple[str, int] | None = None
    labels: Labels | None = None
    for name in given:
        if name not in number or number[name] not in observed:
            known = [variables[n].name for n in sorted(observed)]
            raise Diagnostic(
                UNKNOWN_VARIABLE,
                f"the program takes no evidence of {str(name)!r}",
                help="compile it with that variable as evidence"
                if name in number
                else did_you_mean(str(name), known) or f"it takes {listed(known)}",
            )
        column, laned, said = _weights(variables[number[name]], given[name])
        own = row_labels(given[name]) if laned else None
        if own is not None and labels is not None:
            order = align(own, labels, "row", Given(f"the evidence of {name!r}", BAD_EVIDENCE))
            if order is not None:
                column, said = column[:, order], None if said is None else said[order]
        labels = own if labels is None else labels
        if laned:
            if rows is not None and rows[1] != column.shape[1]:
                raise Diagnostic(
                    BAD_EVIDENCE,
                    f"{name!r} has {column.shape[1]} rows, and {rows[0]!r} has {rows[1]}",
                    help="give every column of evidence the same length",
                )
            rows = (str(name), column.shape[1])
        weights[number[name]] = column
        if said is not None:
            states[number[name]] = said
    count = 1 if rows is None else rows[1]
    if count > 1:
        weights = {v: np.broadcast_to(w, (w.shape[0], count)) for v, w in weights.items()}
        states = {v: np.broadcast_to(said, count) for v, said in states.items()}
    return Evidence(weights, count, rows is None, states, labels)


def row_labels(column: Any) -> Labels | None:
    """The labels of a column's rows, one for each; None where there are none.

    Of several levels they are tuples.
    """
    index = getattr(column, "index", None)
    if hasattr(index, "nlevels"):  # of pandas
        levels = list(levels_of(index).values())
    else:  # of xarray
        dims, coords = getattr(column, "dims", ()), getattr(column, "coords", {})
        levels = [np.asarray(coords[dims[0]])] if dims and dims[0] in coords else []
    if len(levels) < 2:
        return levels[0] if levels else None
    labels = np.empty(len(levels[0]), object)
    labels[:] = list(zip(*(level.tolist() for level in levels), strict=True))
    return labels


def evidence_of(variables: Iterable[Variable], evidence: TableLike | None) -> Evidence:
    """Weights from a mapping or a table, of variables all of which may be observed.

    Raises:
        Diagnostic: as `read_evidence` does.
    """
    every = tuple(variables)
    return read_evidence(every, frozenset(range(len(every))), given_columns(evidence))


def given_columns(evidence: Any) -> dict[str, Any]:
    """Evidence by name, from a mapping or a table of any library; None is none.

    Raises:
        Diagnostic: LW5008 for what is no table.
    """
    if evidence is None:
        return {}
    if isinstance(evidence, Mapping):
        return {str(name): evidence[name] for name in evidence}
    return dict(table_of(evidence, Given("the evidence", BAD_EVIDENCE)))


def _weights(variable: Variable, value: Any) -> tuple[F64, bool, I64 | None]:
    """Weights of shape (states, rows), whether they are of a column, and states if all are said."""
    if isinstance(value, str) and value in variable.states:  # what is said most often
        weights, place = np.zeros((variable.size, 1)), variable.states.index(value)
        weights[place] = 1.0
        return weights, False, np.array([place])
    if value is None or isinstance(value, str | bytes | int | float | np.generic):
        return _columns(variable, [value], laned=False)
    if isinstance(value, list | tuple) and any(isinstance(v, _KEPT) for v in value):
        return _columns(variable, list(value), laned=True)
    arrays = ("__array__", "__dlpack__")
    if isinstance(value, list | tuple) or any(hasattr(value, name) for name in arrays):
        # what is masked or null is not known
        array = as_array(value, Given(f"the evidence of {variable.name!r}", BAD_EVIDENCE))
    else:
        array = np.asarray(value)
    if array.ndim == 0:
        return _columns(variable, [array.item()], laned=False)
    array, by_rows = _by_states(variable, value, array)
    likelihood = array.dtype.kind == "f" and array.shape == (variable.size,) and not by_rows
    if likelihood and not np.isnan(array).any():
        return _checked(variable, array[:, np.newaxis]), False, None
    if array.dtype.kind == "f" and array.ndim == 2 and array.shape[1] == variable.size:
        return _checked(variable, np.ascontiguousarray(array.T)), True, None
    if array.ndim != 1:
        raise Diagnostic(
            BAD_EVIDENCE,
            f"the evidence of {variable.name!r} has the shape {array.shape}",
            help=f"give states, or weights of the shape (rows, {variable.size})",
        )
    _check_length(variable, array)
    return _columns(variable, array.tolist(), laned=True)


def _by_states(variable: Variable, value: Any, array: Array) -> tuple[Array, bool]:
    """Weights in the order of the states, if these are labels; whether labels are those of rows."""
    columns = getattr(value, "columns", None) if array.ndim == 2 else None
    index = getattr(value, "index", None) if array.ndim == 1 else columns
    if array.dtype.kind != "f" or not hasattr(index, "nlevels") or not levels_of(index):
        return array, False
    labels = list(map(str, np.asarray(index)))
    if array.ndim == 1 and set(labels) != set(variable.states):
        return array, True
    order = align(
        labels,
        variable.states,
        variable.name,
        Given(f"the evidence of {variable.name!r}", BAD_EVIDENCE),
    )
    return array if order is None else array[..., order], False


def _check_length(variable: Variable, array: Array) -> None:
    """Refuse what is neither a state a row nor a weight a state: numbers between the integers."""
    if array.dtype.kind == "f" and not any(map(is_number, variable.states)):
        known = array[np.isfinite(array)]
        if (known != np.floor(known)).any():
            wrong = (
                f"{len(array)} weights, and it has {variable.size} states"
                if len(array) != variable.size
                else "weights of which one is missing"
                if len(known) < len(array)
                else "weights whose labels are not its states"
            )
            raise Diagnostic(
                BAD_EVIDENCE,
                f"the evidence of {variable.name!r} is {wrong}",
                help=f"give one weight for each of {listed(variable.states)}, or a table of the"
                f" shape (rows, {variable.size})",
            )


def _checked(variable: Variable, weights: npt.NDArray[Any]) -> F64:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        value = weights[bad][0]
        raise Diagnostic(BAD_EVIDENCE, f"a weight of {variable.name!r} is {value:g}")
    return np.asarray(weights, np.float64)


def _columns(variable: Variable, values: list[Any], *, laned: bool) -> tuple[F64, bool, I64 | None]:
    """One column of weights for each value; and states, if all are said."""
    states: dict[Any, int] = {None: UNKNOWN, "": UNKNOWN}
    states |= {state: n for n, state in enumerate(variable.states)}
    other = -2
    look = states.get
    try:
        codes = np.fromiter(map(look, values, repeat(other)), np.int64, len(values))
    except TypeError:  # what cannot be looked up is no state
        codes = np.full(len(values), other)
    said: dict[Any, int] = {}
    for row in np.flatnonzero(codes == other).tolist():
        value = values[row]
        if not isinstance(value, int | float | bytes | str):
            codes[row] = state_place(variable, value, row)
            continue
        key = type(value), value  # True == 1
        if key not in said:
            said[key] = state_place(variable, value, row)
        codes[row] = said[key]
    weights = np.zeros((variable.size, len(values)))
    if values and codes.min() >= 0:
        weights[codes, np.arange(len(values))] = 1.0
        return weights, laned, codes
    known = codes >= 0
    weights[codes[known], np.flatnonzero(known)] = 1.0
    weights[:, ~known] = 1.0
    return weights, laned, None


def read_table(path: Path, most: int | None = None) -> dict[str, list[Any]]:
    """Columns of cells; nothing, or an empty text, where nothing is known.

    Blanks around names and cells of text do not count. Lines with nothing in them are skipped, but
    where there is one column only: there they are rows.

    Args:
        path: a file that `core.data.files` reads.
        most: at most so many rows.

    Raises:
        Diagnostic: LW5008 with the line, where there is no table, a line has too few or too many
            cells, two columns have one name, or one has none.
    """
    with told_as(BAD_EVIDENCE):
        cells = read_cells(path, most)
    _check_header(path, cells.header)
    return cells.columns()


def iter_table(
    path: Path, size: Callable[[list[str]], int], most: int | None = None
) -> Iterator[dict[str, list[Any]]]:
    """The same in blocks, at least one, of as many rows as `size` says for the columns' names."""
    with told_as(BAD_EVIDENCE):
        for cells in iter_cells(path, size, most):
            _check_header(path, cells.header)
            yield cells.columns()


def _check_header(path: Path, header: Sequence[str]) -> None:
    for place, name in enumerate(header):
        if not name:
            raise Diagnostic(
                BAD_EVIDENCE,
                f"{path}: column {place + 1} has no name",
                help="the first line names variables",
                span=Span(str(path), 1, 1, 1, 2),
            )
