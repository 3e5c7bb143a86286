"""Weights of a variable's states from what says something of them: states, likelihoods, columns."""

from __future__ import annotations

from contextlib import suppress
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.data.labels import align, joined, labels_along
from lanework.core.data.libraries import offers
from lanework.core.data.tables import Table, is_table, table_of
from lanework.core.data.values import Given, as_array, exactly
from lanework.machines.belief.codes import BAD_EVIDENCE
from lanework.machines.belief.data.states import UNKNOWN, is_number, state_place
from lanework.machines.belief.graph.factor import Variable, listed

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Array = npt.NDArray[Any]
SOME = 1 << 16  # values that are looked up without a look at the clock
_KEPT = (str, bytes, bool, np.bool_)  # which an array of several types would change


def evidence_for(name: str) -> Given:
    """What a column is given for."""
    return Given(f"the evidence of {name!r}", BAD_EVIDENCE)


def upright(variable: Variable, value: Any) -> Any:
    """Weights that have labels with the states along their last axis; all else as it is.

    A table, or a mapping, has the weights of a state in each column.

    Raises:
        Diagnostic: LW5008 for columns that are no weights of the states.
    """
    if isinstance(value, str | list | tuple):  # what is given most often
        return value
    if is_table(value) and not hasattr(value, "iloc"):
        return _tabled(variable, table_of(value, evidence_for(variable.name)))
    along = labels_along(value)
    if len(along) == 2 and _are_states(variable, along[0]) and not _are_states(variable, along[1]):
        return value.T
    return value


def _tabled(variable: Variable, table: Table) -> F64:
    about = evidence_for(variable.name)
    if joined(table.columns, "row", evidence_for)[0] is not None:
        about.refuse("has columns with labels of rows", "give a DataFrame, or plain arrays")
    order = align(list(table), variable.states, variable.name, about)
    arrays = [exactly(column, "f64", about) for column in table.columns.values()]
    if len({array.shape for array in arrays}) != 1:
        about.refuse("has columns of several lengths", "give each state as many weights")
    arrays = arrays if order is None else [arrays[n] for n in order]
    return _checked(variable, np.stack(arrays, axis=-1))


def _are_states(variable: Variable, labels: Any) -> bool:
    """Whether labels are the states, in some order."""
    if labels is None or isinstance(labels, range):
        return False
    return sorted(map(str, labels)) == sorted(variable.states)


def by_states(variable: Variable, value: Any, array: Array) -> tuple[Array, bool]:
    """Weights in the order of the states, if these are labels; whether labels are those of rows.

    Raises:
        Diagnostic: LW5008 for a table with other columns than states.
    """
    plain = array.dtype.kind not in "fiub" or isinstance(value, list | tuple)
    along = () if plain else labels_along(value)[-1:]
    if not along or along[0] is None or isinstance(along[0], range):
        return array, False
    if array.ndim == 1 and not _are_states(variable, along[0]):
        return array, True
    labels = list(map(str, along[0]))
    order = align(labels, variable.states, variable.name, evidence_for(variable.name))
    array = _checked(variable, array.astype(np.float64))
    return array if order is None else array[..., order], False


def weights_of(
    variable: Variable, value: Any, *, rowed: bool = False
) -> tuple[F64, bool, I64 | None]:
    """Weights of shape (states, rows), whether they are of a column, and states if all are said.

    Args:
        variable: the variable.
        value: what is said of it.
        rowed: whether an array of one axis is a column, whatever its length and labels.
    """
    if isinstance(value, str) and value in variable.states:  # what is said most often
        weights, place = np.zeros((variable.size, 1)), variable.states.index(value)
        weights[place] = 1.0
        return weights, False, np.array([place])
    if value is None or isinstance(value, str | bytes | int | float | np.generic):
        return _columns(variable, [value], laned=False)
    if isinstance(value, list | tuple) and any(isinstance(v, _KEPT) for v in value):
        return _columns(variable, list(value), laned=True)
    arrays = ("__array__", "__dlpack__")
    if isinstance(value, list | tuple) or any(offers(value, name) for name in arrays):
        # what is masked or null is not known
        array = _fractions(variable, as_array(value, evidence_for(variable.name)))
    else:
        array = np.asarray(value)
    if array.ndim == 0:
        return _columns(variable, [array.item()], laned=False)
    if array.ndim == 2:
        array = exactly(array, "f64", evidence_for(variable.name))
    by_rows = rowed and array.ndim == 1
    if not by_rows:
        array, by_rows = by_states(variable, value, array)
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
    _check_length(variable, array, rowed)
    return _columns(variable, array.tolist(), laned=True)


def _fractions(variable: Variable, array: Array) -> Array:
    """Weights in an array of objects: floats of which one is no place of a state."""
    if array.dtype.kind != "O" or any(map(is_number, variable.states)):
        return array
    items = array.reshape(-1).tolist()
    floats = all(item is None or isinstance(item, float) for item in items)
    if floats and any(item is not None and not item.is_integer() for item in items):
        return array.astype(np.float64)
    return array


def check_clear(variable: Variable, value: Any, weights: F64, rows: int | None) -> None:
    """Refuse weights of states that might as well be a column.

    They might if there are as many rows as states, and, by themselves, where each is a state too.

    Args:
        variable: the variable.
        value: what is said of it.
        weights: what that was read as, of the shape (states,).
        rows: how many the other columns have, None without any.

    Raises:
        Diagnostic: LW5008.
    """
    if isinstance(value, str | int | float | None):
        return
    labels = next(iter(labels_along(value)), None)
    named = labels is not None and all(isinstance(label, str) for label in labels)
    if named or as_array(value, evidence_for(variable.name)).ndim != 1:
        return
    if rows == variable.size:
        evidence_for(variable.name).refuse(
            f"has {rows} numbers, for {rows} rows or for {rows} states",
            "give weights by name, {state: weight}, or a row of them for each row of evidence;"
            " name states as text or integers",
        )
    if not _are_states(variable, labels) and may_be_states(variable, weights):
        numbers = ", ".join(map(repr, weights[:3].tolist())) + ", ..." * (variable.size > 3)
        evidence_for(variable.name).refuse(
            f"is [{numbers}], which may be weights of its {variable.size} states, or a state for"
            f" each of {variable.size} rows",
            f"for weights write [[{numbers}]], or name them: {{state: weight}}; for rows, states as"
            " text or integers",
        )


def may_be_states(variable: Variable, weights: F64) -> bool:
    """Whether each weight of states is a state too, as a float of a column is.

    Example:
        >>> rain = Variable("rain", ("yes", "no"))
        >>> [may_be_states(rain, np.array(weights)) for weights in ([1.0, 0.0], [0.7, 0.2])]
        [True, False]
    """
    try:
        return all(state_place(variable, weight) >= 0 for weight in weights.tolist())
    except Diagnostic:  # it is none
        return False


def _check_length(variable: Variable, array: Array, rowed: bool) -> None:
    """Refuse what is neither a state a row nor a weight a state: numbers between the integers."""
    one_each = array.dtype.kind in "iu" and len(array) == variable.size and not rowed
    if one_each and array.max() >= variable.size and not any(map(is_number, variable.states)):
        raise Diagnostic(
            BAD_EVIDENCE,
            f"the evidence of {variable.name!r} is whole numbers, of which {array.max()} is the"
            " place of no state",
            help="weights of states are floats: array.astype(float); places count from 0",
        )
    if array.dtype.kind == "f" and not any(map(is_number, variable.states)):
        known = array[np.isfinite(array)]
        if (known != np.floor(known)).any():
            wrong = (
                "a column with numbers that are no states"
                if rowed
                else f"{len(array)} weights, and it has {variable.size} states"
                if len(array) != variable.size
                else "weights of which one is missing"
                if len(known) < len(array)
                else "weights whose labels are not its states"
            )
            raise Diagnostic(
                BAD_EVIDENCE,
                f"the evidence of {variable.name!r} is {wrong}",
                help="give a state a row, or weights by name: {state: weight}"
                if rowed
                else f"give one weight for each of {listed(variable.states)}, or a table of the"
                f" shape (rows, {variable.size})",
            )


def _checked(variable: Variable, weights: npt.NDArray[Any]) -> F64:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        value = weights[bad][0]
        help = "weights are finite and not negative; leave out what is not known"
        raise Diagnostic(BAD_EVIDENCE, f"a weight of {variable.name!r} is {value:g}", help=help)
    return np.asarray(weights, np.float64)


def _columns(variable: Variable, values: list[Any], *, laned: bool) -> tuple[F64, bool, I64 | None]:
    """One column of weights for each value; and states, if all are said."""
    states: dict[Any, int] = {None: UNKNOWN, "": UNKNOWN}
    states |= {state: n for n, state in enumerate(variable.states)}
    other = -2
    codes = np.full(len(values), other)
    for at in range(0, len(values), SOME):
        part = values[at : at + SOME]
        with suppress(TypeError):  # what cannot be looked up is no state
            looked = map(states.get, part, repeat(other))
            codes[at : at + SOME] = np.fromiter(looked, np.int64, len(part))
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
