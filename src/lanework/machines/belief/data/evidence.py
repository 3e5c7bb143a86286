"""Evidence: what is known of variables, in one row or in many, as weights of their states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.span import Span
from lanework.core.data.cells import iter_cells, read_cells, told_as
from lanework.core.data.labels import Order, joined, labels_along
from lanework.core.data.tables import Table, TableLike, table_of
from lanework.core.data.values import Given, as_array
from lanework.machines.belief.codes import BAD_EVIDENCE, UNKNOWN_VARIABLE
from lanework.machines.belief.data.answers import ROWS
from lanework.machines.belief.data.weights import check_clear, evidence_for, upright, weights_of
from lanework.machines.belief.graph.factor import Variable, listed

F64 = npt.NDArray[np.float64]
Labels = npt.NDArray[Any]
I64 = npt.NDArray[np.int64]


_LABELS = (
    " (labels of rows are in a column 'row', in the index, or in --row-labels COLUMN; --ignore"
    " leaves others out)"
)


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


@dataclass(frozen=True)
class Column:
    """A column of a table: one state a row, and never a weight a state."""

    values: Any


def _bare(value: Any) -> tuple[Any, bool]:
    """A value, and whether it is a column of a table."""
    return (value.values, True) if isinstance(value, Column) else (value, False)


def read_evidence(
    variables: tuple[Variable, ...], observed: frozenset[int], given: Mapping[str, Any]
) -> Evidence:
    """Weights from what a user gives.

    A state is said as `states.py` has it; None, NaN or an empty text says that nothing is known. A
    column of these gives one a row, and so does an array of weights of the shape (rows, states); an
    array of floats, one a state, is a likelihood: soft or virtual evidence, of which only the
    ratios matter to posteriors. In a table, and beside labels of rows, it is a column too; beside
    as many rows as there are states it is refused, as it might be either, and so it is where each
    of the floats is a state. Where columns have
    labels of rows (an index of pandas that does not only count, coordinates of xarray), rows are
    matched by these, and a likelihood by its states.

    Raises:
        Diagnostic: LW5005 for unknown names; LW5008 for values that make no sense.

    Example:
        >>> coin = Variable("coin", ("heads", "tails"))
        >>> known = read_evidence((coin,), frozenset([0]), {"coin": ["tails", None]})
        >>> known.weights[0].tolist(), known.rows
        ([[0.0, 1.0], [1.0, 1.0]], 2)
    """
    number = {variable.name: n for n, variable in enumerate(variables)}
    given, titles = _named(given, number)
    weights: dict[int, F64] = {}
    states: dict[int, I64] = {}
    columns = dict[str, Any]() if titles is None else {ROWS: titles}
    likelihoods: dict[str, Any] = {}
    for name in given:
        item, of_table = _bare(given[name])
        if name not in number or number[name] not in observed:
            raise _unknown(name, [variables[n].name for n in sorted(observed)], number, of_table)
        variable = number[name]
        value = upright(variables[variable], item)
        # a mapping has a weight for each state by name
        rowed = value is item and (of_table or titles is not None)
        column, laned, said = weights_of(variables[variable], value, rowed=rowed)
        if laned:
            columns[name] = value
        elif value is item:
            likelihoods[name] = value
        weights[variable] = column
        if said is not None:
            states[variable] = said
    labels, orders = _joined(columns, titles)
    for name in orders.keys() & number.keys():
        variable = number[name]
        weights[variable] = weights[variable][:, orders[name]]
        if variable in states:
            states[variable] = states[variable][orders[name]]
    lengths = {name: weights[number[name]].shape[1] for name in columns if name in number}
    if titles is not None:
        labels = _titles(titles, orders.get(ROWS))
        lengths = {ROWS: len(labels), **lengths}
    _check_lengths(lengths)
    count = next(iter(lengths.values()), 1)
    for name, value in likelihoods.items():
        known = weights[number[name]][:, 0]
        check_clear(variables[number[name]], value, known, count if lengths else None)
    if count > 1:
        weights = {v: np.broadcast_to(w, (w.shape[0], count)) for v, w in weights.items()}
        states = {v: np.broadcast_to(said, count) for v, said in states.items()}
    return Evidence(weights, count, not lengths, states, labels)


def _unknown(
    name: Any, known: list[str], variables: Mapping[str, int], of_table: bool
) -> Diagnostic:
    """What to say of evidence that is not taken."""
    help = did_you_mean(str(name), known) or f"it takes {listed(known)}"
    return Diagnostic(
        UNKNOWN_VARIABLE,
        f"the program takes no evidence of {str(name)!r}",
        help="compile it with that variable as evidence"
        if name in variables
        else help + (_LABELS if of_table else ""),
    )


def _joined(columns: Mapping[str, Any], titles: Any | None) -> tuple[Any, dict[str, Order]]:
    """See `joined`; labels in a column `row` are labels like those of an index."""
    labels, orders = joined(columns, ROWS, evidence_for)
    if labels is None or titles is None or labels_along(titles):
        return labels, orders
    return joined(columns, ROWS, evidence_for, {ROWS: _titles(titles, None)})


def _check_lengths(lengths: Mapping[str, int]) -> None:
    for name, length in lengths.items():
        first, other = next(iter(lengths.items()))
        if length != other:
            raise Diagnostic(
                BAD_EVIDENCE,
                f"{name!r} has {length} rows, and {first!r} has {other}",
                help="give every column of evidence the same length",
            )


def _named(
    given: Mapping[str, Any], variables: Mapping[str, int]
) -> tuple[Mapping[str, Any], Any | None]:
    """Evidence, and the labels of rows, which are in a column `row` if no variable is called so."""
    if ROWS not in given or ROWS in variables:
        return given, None
    return {name: given[name] for name in given if name != ROWS}, _bare(given[ROWS])[0]


def _titles(titles: Any, order: Order | None) -> Labels:
    """The labels of rows in a column of them, in another order if they are to be.

    Raises:
        Diagnostic: LW5008 for what is no column, and a label that is missing.
    """
    about = Given("the column 'row', of labels,", BAD_EVIDENCE)
    labels = as_array(np.array(titles, object) if isinstance(titles, list) else titles, about)
    if labels.ndim != 1:
        about.refuse("is no column", "give one label for each row")
    for place, label in enumerate(labels.tolist()):
        if label is None or label == "" or label != label:
            about.refuse("has nothing", "give every row a label", place, labels.shape)
    return labels if order is None else labels[order]


def evidence_of(variables: Iterable[Variable], evidence: TableLike | None) -> Evidence:
    """Weights from a mapping or a table, of variables all of which may be observed.

    Raises:
        Diagnostic: as `read_evidence` does.
    """
    every = tuple(variables)
    return read_evidence(every, frozenset(range(len(every))), given_columns(evidence))


def given_columns(evidence: Any) -> dict[str, Any]:
    """Evidence by name, from a mapping or a table of any library, as `Column`; None is none.

    Raises:
        Diagnostic: LW5008 for what is no table.
    """
    if evidence is None:
        return {}
    columns = isinstance(evidence, Table) or hasattr(evidence, "data_vars")  # mappings too
    if isinstance(evidence, Mapping) and not columns:
        named = {str(name): evidence[name] for name in evidence}
        if len(named) < len(evidence):
            about = Given("the evidence", BAD_EVIDENCE)
            about.refuse("has a name twice, as text and as a number", "give every variable once")
        return named
    table = table_of(evidence, Given("the evidence", BAD_EVIDENCE))
    return {name: Column(column) for name, column in table.items()}


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
