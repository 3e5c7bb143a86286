"""Values by their labels: the same labels in another order are put in order, others are refused.

Where two things say what is at each place along an axis (an index of pandas, coordinates of xarray,
the periods of a calendar), places mean nothing and labels everything. Labels of a categorical input
become their positions in the list of its categories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.lookup import SOME, Lookup, steps
from lanework.core.data.holding import LABEL, check_taken
from lanework.core.data.libraries import flat, offers
from lanework.core.data.spelling import ERROR_ADVICE, SHEET_ERROR, spells_number
from lanework.core.data.values import Given

Order = npt.NDArray[np.intp]
TEXT, TUPLE = 72, 120
"""Bytes of a label that is made: a text, and one of several levels."""
COUNTS = range
"""The type of labels that only count the places, as pandas has them by default."""


def labels_along(value: Any) -> tuple[Any, ...]:
    """The labels along each dimension of a Series or DataFrame of pandas, or a DataArray.

    Those of an index that only counts are a `range`; those of several levels, or of several
    coordinates along a dimension that has none of its own name, are tuples; there is None along a
    dimension of a DataArray without any, and nothing at all for what has no labels.
    The columns of other tables are labelled by their names, and columns of files as these say.
    """
    if offers(value, "row_labels"):
        return (value.row_labels,)
    if offers(value, "get_column") or offers(value, "column_names"):
        names = list(value.column_names if offers(value, "column_names") else value.columns)
        return None, range(len(names)) if names == counted(len(names)) else names
    if offers(value, "dims", "coords"):
        return tuple(_along_dim(value, dim) for dim in value.dims)
    indices = [getattr(value, name) for name in ("index", "columns") if offers(value, name)]
    return tuple(labels_of_index(index) for index in indices if hasattr(index, "nlevels"))


def _along_dim(array: Any, dim: Any) -> Any:
    """The coordinate of a DataArray along a dimension, or those that are not called like it."""
    if dim in array.coords:
        return np.asarray(array.coords[dim].values)
    along = [np.asarray(x.values) for x in array.coords.values() if x.dims == (dim,)]
    if len(along) < 2:
        return along[0] if along else None
    labels = np.empty(len(along[0]), object)
    labels[:] = list(zip(*(x.tolist() for x in along), strict=True))
    return labels


def labels_of_index(index: Any) -> Any:
    """The labels of an index of pandas, one a place; those of several levels are tuples."""
    if index.nlevels > 1:
        check_taken(TUPLE * len(index), "the labels of several levels")
        labels = np.empty(len(index), object)
        for part in steps(len(index)):
            labels[part] = list(index[part])
        return labels
    if type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1):
        return range(len(index))
    if hasattr(index, "to_timestamp"):  # periods, by their first day
        index = index.to_timestamp()
    if isinstance(index.dtype, np.dtype):
        return index.to_numpy()
    if len(index) <= SOME:
        return np.asarray(flat(index))  # None where a label is missing
    check_taken(TEXT * len(index), "the labels")
    return np.concatenate([np.asarray(flat(index[part])) for part in steps(len(index))])


def counted(count: int) -> list[str]:
    """What polars calls columns that have no names.

    Example:
        >>> counted(2)
        ['column_0', 'column_1']
    """
    return [f"column_{n}" for n in range(count)]


def title_of(value: Any) -> tuple[str, ...] | None:
    """What the labels along the first dimension are called; None where they have no name."""
    if offers(value, "row_titles"):
        return value.row_titles or None
    dims = value.dims if offers(value, "dims") else ()
    names = list(dims[:1]) if dims else list(getattr(getattr(value, "index", None), "names", ()))
    if not names or None in names or (dims and str(names[0]).startswith("dim_")):
        return None
    return tuple(map(str, names))


def joined(
    columns: Mapping[str, Any],
    axis: str,
    given: Callable[[str], Given],
    known: Mapping[str, Any] | None = None,
) -> tuple[Any, dict[str, Order]]:
    """The labels that columns have in common, and how those are ordered that have another order.

    Columns are matched by their labels, also by those that only count if others have any. What has
    none goes by place, which is only clear where all that have some are in one order.

    Args:
        columns: the columns by name, each as its library has it.
        axis: what a place is called in messages, such as ``row``.
        given: what the column of a name is for.
        known: labels of some columns that are not on them.

    Returns:
        The labels, as the first column that has some has them; None if none has more than a count.
        And by name the order that puts a column into theirs, where it is another.

    Raises:
        Diagnostic: naming the first label that differs; two names for what the labels are; and a
            column without labels beside some in several orders.

    Example:
        >>> from lanework.core.codes import BAD_ARGUMENT
        >>> joined({"a": [1, 2], "b": np.zeros(2)}, "row", lambda name: Given(name, BAD_ARGUMENT))
        (None, {})
    """
    if all(isinstance(column, list | tuple) for column in columns.values()):
        return None, {}
    labels = {name: next(iter(labels_along(column)), None) for name, column in columns.items()}
    labels |= known or {}
    titles = {name: title for name, x in columns.items() if (title := title_of(x)) is not None}
    for name, title in titles.items():
        first, other = next(iter(titles.items()))
        if title != other:
            given(name).refuse(
                f"has a {axis} for each {', '.join(title)}, and that of {first!r} for each"
                f" {', '.join(other)}",
                "call the labels the same if they are, with levels in one order",
            )
    owner = next((n for n, x in labels.items() if x is not None and type(x) is not COUNTS), None)
    if owner is None:
        return None, {}
    wanted, orders = np.asarray(labels[owner]), dict[str, Order]()
    _check_texts(wanted, given(owner))
    for name, own in labels.items():
        if own is not None and not _same(np.asarray(own), wanted):
            order = align(own, wanted, axis, given(name))
            if order is not None:
                orders[name] = order
    plain = next((name for name, own in labels.items() if own is None), None)
    if orders and plain is not None:
        given(plain).refuse(
            f"has no labels, and others have theirs in several orders: {owner!r} and"
            f" {next(iter(orders))!r}",
            "give it the same labels, or put the others in one order first",
        )
    return wanted, orders


def _check_texts(labels: npt.NDArray[Any], given: Given) -> None:
    """Refuse labels with half of a character, which no file takes.

    Raises:
        Diagnostic: naming the first.
    """
    flat = labels.reshape(-1) if labels.dtype.kind in "OU" else labels[:0]
    for part in steps(len(flat)):
        texts = [item for item in flat[part].tolist() if isinstance(item, str)]
        try:
            "".join(texts).encode()
        except UnicodeEncodeError as error:
            half = next(text for text in texts if error.object[error.start] in text)
            what = f"has the label {half!r}, in which half of a character is missing"
            given.refuse(what, "give labels that UTF-8 can write")


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
    check_taken(LABEL * (len(labels) + len(wanted)) // 2, f"the labels of {given.what}")
    here, there = keys(labels), keys(wanted)
    if len(here) == len(there) and all(here[part] == there[part] for part in steps(len(here))):
        return None
    where, known = Lookup(here, len(here)), Lookup(there, len(there))
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
    return np.fromiter((where[label] for label in there), np.intp, len(there))


def _same(own: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> bool:
    if own is wanted or (own.dtype, own.shape) != (wanted.dtype, wanted.shape):
        return own is wanted
    return all(np.array_equal(own[part], wanted[part]) for part in steps(len(own)))


def keys(labels: Any) -> list[Any]:
    """Labels as values of Python that are equal where they mean the same.

    Dates of any resolution are `datetime64` of the coarsest that has them exactly; whole floats are
    integers.

    Example:
        >>> keys(np.array([1.0, 2.0])), keys(np.array(["2024-01-31"], "M8[ns]"))
        ([1, 2], ['2024-01-31'])
    """
    array = np.asarray(labels)
    if isinstance(labels, list | tuple) and array.ndim == 1 and array.dtype.kind in "USfiu":
        array = np.array(labels, object)  # of which NumPy made text, or numbers of what is true
    if array.dtype.kind == "M":
        return [_date(moment) for moment in array]
    return [_key(label) for part in steps(len(array)) for label in array[part].tolist()]


def _date(moment: Any) -> str:
    day = moment.astype("M8[D]")
    fine = moment.astype("M8[us]")
    return str(day if day == moment else fine if fine == moment else moment)


@dataclass(frozen=True)
class _Alone:
    """A label that equals no text and no number, however it is written."""

    text: str

    def __str__(self) -> str:
        return self.text


def _key(label: Any) -> Any:
    if isinstance(label, float) and label != label:  # which is not even itself
        return _Alone("nan")
    if isinstance(label, bool | np.bool_):  # which Python would take for 0 or 1
        return _Alone(str(label))
    if isinstance(label, float) and label.is_integer():
        return int(label)
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    if hasattr(label, "isoformat"):  # dates, times and timestamps of Python and pandas
        moment = hasattr(label, "hour") and hasattr(label, "day")
        text = label.isoformat(" ") if moment else label.isoformat()
        return str(text).removesuffix(" 00:00:00")
    if hasattr(label, "ordinal") and hasattr(label, "start_time"):  # a period of pandas
        return _key(label.start_time)
    return label


def shown(label: Any) -> str:
    """A label in a message."""
    return str(label) if isinstance(label, int | float | _Alone) else repr(str(label))


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


def number_names(numbers: npt.NDArray[Any], categories: Sequence[str]) -> npt.NDArray[Any]:
    """Numbers as the texts that spell them, where one of the categories spells a number.

    Where none does they are positions, and stay as they are; what is true or false never is one.

    Example:
        >>> number_names(np.array([2.0, 0.5]), ["1", "2"]).tolist()
        ['2', '0.5']
        >>> number_names(np.array([0, 1]), ["M", "F"]).tolist()
        [0, 1]
    """
    if numbers.dtype.kind != "b" and not any(map(spells_number, categories)):
        return numbers
    texts = [str(_key(number)) for number in numbers.reshape(-1).tolist()]
    return np.array(texts, str).reshape(numbers.shape)


def label_help(text: str, categories: Sequence[str]) -> str:
    """What to do about a label that is not one of the categories."""
    if not categories:
        return "give numbers, or declare the input with categories=[...]"
    if SHEET_ERROR.fullmatch(text.strip()):
        return ERROR_ADVICE
    shown = ", ".join(categories[:8]) + (", ..." if len(categories) > 8 else "")
    return did_you_mean(text, categories) or f"the categories are {shown}"
