"""Values by their labels: the same labels in another order are put in order, others are refused.

Where two things say what is at each place along an axis (an index of pandas, coordinates of xarray,
the periods of a calendar), places mean nothing and labels everything. Labels of a categorical input
become their positions in the list of its categories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.values import Given

Order = npt.NDArray[np.intp]


def align(labels: Any, wanted: Any, axis: str, given: Given) -> Order | None:
    """The order in which values stand as the wanted labels do.

    Args:
        labels: of the values, one a place: text, numbers or dates.
        wanted: the labels along the axis, in order.
        axis: its name, for the message.
        given: what the values are for.

    Returns:
        For each wanted label the place of its value; None where they are in order already.

    Raises:
        Diagnostic: naming the first label that differs, where they are not the same labels; or
            a label that is there twice, if order is to be made.

    Example:
        >>> from lanework.core.codes import BAD_ARGUMENT
        >>> align(["b", "a"], ["a", "b"], "region", Given("input 'x'", BAD_ARGUMENT)).tolist()
        [1, 0]
        >>> align([2021, 2023], [2021, 2022], "year", Given("input 'x'", BAD_ARGUMENT))
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW8001: input 'x' has no 2022 along 'year', and has 2023
          help: give values for exactly the same labels
    """
    here, there = keys(labels), keys(wanted)
    if here == there:
        return None
    where = {label: place for place, label in enumerate(here)}
    known = set(there)
    absent = next((label for label in there if label not in where), None)
    extra = next((label for label in here if label not in known), None)
    if absent is not None or extra is not None:
        parts = [] if absent is None else [f"has no {shown(absent)} along {axis!r}"]
        parts += [] if extra is None else [f"has {shown(extra)}" + ("" if parts else
                  f" along {axis!r}, which is not there otherwise")]  # fmt: skip
        given.refuse(" and ".join(parts) if len(parts) == 1 else ", and ".join(parts),
                     "give values for exactly the same labels")  # fmt: skip
    twice = next((label for n, label in enumerate(here) if where[label] != n), None)
    if twice is not None or len(here) != len(there):
        given.refuse(
            f"has {shown(twice if twice is not None else here[0])} more than once along {axis!r}",
            "give every label once, or all in the same order",
        )
    return np.array([where[label] for label in there], np.intp)


def keys(labels: Any) -> list[Any]:
    """Labels as values of Python that are equal where they mean the same.

    Dates of any resolution are `datetime64` of the coarsest that has them exactly; whole floats are
    integers.

    Example:
        >>> keys(np.array([1.0, 2.0])), keys(np.array(["2024-01-31"], "M8[ns]"))
        ([1, 2], ['2024-01-31'])
    """
    array = np.asarray(labels)
    if array.dtype.kind == "M":
        return list(map(_date, array))
    return [_key(label) for label in array.tolist()]


def _date(moment: Any) -> str:
    day = moment.astype("M8[D]")
    fine = moment.astype("M8[us]")
    return str(day if day == moment else fine if fine == moment else moment)


def _key(label: Any) -> Any:
    if isinstance(label, bool):  # which Python would take for 0 or 1
        return str(label)
    if isinstance(label, float) and label.is_integer():
        return int(label)
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    if hasattr(label, "isoformat"):  # dates, times and timestamps of Python and pandas
        text = label.isoformat(" ") if hasattr(label, "hour") else label.isoformat()
        return str(text).removesuffix(" 00:00:00")
    if hasattr(label, "ordinal") and hasattr(label, "start_time"):  # a period of pandas
        return _key(label.start_time)
    return label


def shown(label: Any) -> str:
    """A label in a message."""
    return str(label) if isinstance(label, int | float) else repr(str(label))


def one_of_each(labels: Iterable[Any]) -> bool:
    """Whether no label is there twice.

    Example:
        >>> one_of_each(["a", "b"]), one_of_each([1, 1.0])
        (True, False)
    """
    seen: Sequence[Any] = keys(list(labels))
    return len(set(seen)) == len(seen)


def codes_of(
    texts: npt.NDArray[Any],
    categories: Sequence[str],
    refuse: Callable[[int, str], Diagnostic],
) -> npt.NDArray[np.float64]:
    """Labels, strings or bytes of any shape, as their positions in a list of categories.

    Raises:
        Diagnostic: what `refuse` makes of the first label that is none of them, from its position
            in the flattened array and the label.
    """
    unique, where = np.unique(texts.reshape(-1), return_inverse=True)
    codes = np.empty(len(unique))
    known = {label: float(code) for code, label in enumerate(categories)}
    for i, item in enumerate(unique.tolist()):
        text = item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
        code = known.get(text.strip())
        codes[i] = -1.0 if code is None else code
    if len(codes) and codes.min() < 0:
        place = int(np.argmax(codes[where] < 0))
        item = texts.reshape(-1)[place]
        text = item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
        raise refuse(place, text.strip())
    return codes[where].reshape(texts.shape)


def label_help(text: str, categories: Sequence[str]) -> str:
    """What to do about a label that is not one of the categories."""
    if not categories:
        return "give numbers, or declare the input with categories=[...]"
    shown = ", ".join(categories[:8]) + (", ..." if len(categories) > 8 else "")
    return did_you_mean(text, categories) or f"the categories are {shown}"
