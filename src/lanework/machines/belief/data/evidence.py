"""Evidence: what is known of variables, in one row or in many, as weights of their states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.span import Span
from lanework.core.data.cells import read_cells, told_as
from lanework.core.data.tables import TableLike, table_of
from lanework.core.data.values import Given, as_array
from lanework.machines.belief.codes import BAD_EVIDENCE, UNKNOWN_VARIABLE
from lanework.machines.belief.data.states import UNKNOWN, state_place
from lanework.machines.belief.graph.factor import Variable, listed

F64 = npt.NDArray[np.float64]
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

    def at(self, rows: npt.NDArray[np.intp]) -> Evidence:
        """Some of the rows."""
        weights = {v: known[:, rows] for v, known in self.weights.items()}
        states = {v: known[rows] for v, known in self.states.items()}
        return Evidence(weights, len(rows), self.single, states)

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
    ratios matter to posteriors.

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
    return Evidence(weights, count, rows is None, states)


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
    if hasattr(value, "__array__") or hasattr(value, "__dlpack__"):  # masked and null: not known
        array = as_array(value, Given(f"the evidence of {variable.name!r}", BAD_EVIDENCE))
    else:
        array = np.asarray(value)
    if array.ndim == 0:
        return _columns(variable, [array.item()], laned=False)
    likelihood = array.dtype.kind == "f" and array.shape == (variable.size,)
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
    return _columns(variable, array.tolist(), laned=True)


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
        if not isinstance(value, int | float | bytes):
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
    for place, name in enumerate(cells.header):
        if not name:
            raise Diagnostic(
                BAD_EVIDENCE,
                f"{path}: column {place + 1} has no name",
                help="the first line names variables",
                span=Span(str(path), 1, 1, 1, 2),
            )
    return cells.columns()
