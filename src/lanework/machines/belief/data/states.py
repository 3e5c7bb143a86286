"""What a value says of a variable's state.

A text is the name of a state, and bytes are its text in UTF-8. A number is the state whose name
it is; only a variable whose states are not named by numbers takes it for a place, 0 for the first.
A boolean is the state that is called so in one of the usual ways (`true`, `yes`, `on`...), never a
place, which would read True as the second state. None, NaN, an empty text and the words by which
tables say that a value is missing (NA, null, #N/A...) say nothing, unless a state is called so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.spelling import ERROR_ADVICE, MISSING_TEXT, SHEET_ERROR
from lanework.machines.belief.codes import BAD_EVIDENCE, UNKNOWN_VARIABLE
from lanework.machines.belief.graph.factor import Variable, listed

UNKNOWN = -1  # the place of a state that is not known
_CALLED = {
    True: {"true", "t", "yes", "y", "on", "1"},
    False: {"false", "f", "no", "n", "off", "0"},
}


def state_place(variable: Variable, value: Any, row: int | None = None) -> int:
    """The place of the state that a value says; -1 where it says nothing.

    Args:
        variable: the variable.
        value: a name, a number, a boolean, bytes, or nothing.
        row: of a column, for the message.

    Raises:
        Diagnostic: LW5005 for no state of the variable; LW5008 for a boolean of a variable whose
            states are not called so.

    Example:
        >>> rain, dice = Variable("rain", ("yes", "no")), Variable("dice", ("1", "2", "3"))
        >>> [state_place(rain, value) for value in ("no", 1, True, b"yes", None)]
        [1, 1, 0, 0, -1]
        >>> [state_place(dice, value) for value in ("1", 1, 3.0)]
        [0, 0, 2]
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or isinstance(value, str):
        if not value:
            return UNKNOWN
        place = variable.states.index(value) if value in variable.states else None
        if place is None and value.strip().casefold() in MISSING_TEXT:
            names = {state.casefold() for state in variable.states}
            if value.strip().casefold() not in names:  # it may be a state in other letters
                return UNKNOWN
    elif isinstance(value, bool | np.bool_):
        return _boolean(variable, bool(value))
    elif type(value).__name__ in ("NAType", "NaTType"):  # of pandas, which need not be there
        return UNKNOWN
    elif isinstance(value, int | float | np.integer | np.floating):
        if value != value:
            return UNKNOWN
        place = _number(variable, float(value) if isinstance(value, np.floating) else value)
    else:
        place = None
    if place is None:
        where = "" if row is None else f" (row {row})"
        near = did_you_mean(str(value), variable.states) or f"it has {listed(variable.states)}"
        failed = isinstance(value, str) and SHEET_ERROR.fullmatch(value.strip())
        what = f"{variable.name!r} has no state {value!r}{where}"
        raise Diagnostic(UNKNOWN_VARIABLE, what, help=ERROR_ADVICE if failed else near)
    return place


def _number(variable: Variable, value: Any) -> int | None:
    integer = int(value) if abs(value) < 1 << 53 and int(value) == value else None
    for text in (str(value), str(integer)):
        if text in variable.states:
            return variable.states.index(text)
    if integer is None or any(map(is_number, variable.states)):
        return None
    return integer if 0 <= integer < variable.size else None


def is_number(text: str) -> bool:
    """Whether a state's name is a number.

    Example:
        >>> is_number("0.5"), is_number("yes"), is_number("inf")
        (True, False, False)
    """
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _boolean(variable: Variable, value: bool) -> int:
    names = [state.casefold() for state in variable.states]
    fitting = [place for place, name in enumerate(names) if name in _CALLED[value]]
    if len(fitting) != 1:
        what = f"{value} says nothing of {variable.name!r}, which has {listed(variable.states)}"
        raise Diagnostic(BAD_EVIDENCE, what, help="give the name of a state")
    return fitting[0]
