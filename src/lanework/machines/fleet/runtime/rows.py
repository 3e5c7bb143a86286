"""Words of inputs by their labels: what has the same ones is put into one order, or refused.

Inputs of one shape, or for buffers of as many words, are taken for the same rows. Of inputs of
several shapes those axes are, that are as long and called the same, or have a label in common; and
the axes of one shape are that have the same labels and no names that differ.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from lanework.core.data.labels import align, joined, keys, labels_along, title_of
from lanework.core.data.libraries import offers
from lanework.core.data.values import Given
from lanework.machines.fleet.codes import BAD_INPUT

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Labels = list[tuple[Any, tuple[str, ...]]]
"""Along each axis the labels, None if it has none, and what they are called."""


@dataclass
class _Axis:
    """An axis of some inputs of one shape.

    Attributes:
        names: the inputs.
        number: which axis of theirs it is.
        title: what its labels are called, if anything.
        labels: the labels.
    """

    names: list[str]
    number: int
    title: tuple[str, ...] | None
    labels: Any

    def same(self, other: _Axis) -> bool:
        """Whether another axis is of the same things."""
        if len(self.labels) != len(other.labels):
            return False
        if self.title is not None and other.title is not None:
            return self.title == other.title
        own, others = set(keys(self.labels)), set(keys(other.labels))
        return own == others if self.names is other.names else not own.isdisjoint(others)


class _Rows(Given):
    """An input whose labels have to be those of others."""

    def refuse(
        self, message: str, help: str, place: int | None = None, shape: tuple[int, ...] = ()
    ) -> NoReturn:
        """Refuse it.

        Raises:
            Diagnostic: always.
        """
        alone = "if its words are not the rows of the other, give them alone, as x.to_numpy() does"
        super().refuse(message, f"{help}; {alone}", place, shape)


def in_order(
    given: dict[str, Array], inputs: Mapping[str, Any], sizes: Mapping[str, int]
) -> Mapping[Shape, Labels]:
    """Put inputs into the order of their labels.

    Args:
        given: the values by name; those in another order are replaced.
        inputs: the same as they were given, with their labels.
        sizes: how many words there are to each.

    Returns:
        The labels along the axes of what was given, by its shape.

    Raises:
        Diagnostic: LW6010, naming the first label that differs.
    """
    groups: dict[Shape, list[str]] = {}
    for name, values in given.items():
        shape = values.shape if values.ndim > 1 else (sizes[name],)
        groups.setdefault(shape, []).append(name)
    known: list[_Axis] = []
    labels = {shape: _ordered(given, names, inputs, known) for shape, names in groups.items()}
    for shape, own in labels.items():
        flat = [] if len(shape) == 1 else labels.get((math.prod(shape),), [])
        if flat and flat[0][0] is not None and any(each is not None for each, _ in own):
            along = [
                range(n) if x is None else keys(x) for n, (x, _) in zip(shape, own, strict=True)
            ]
            words = np.empty(math.prod(shape), object)
            words[:] = list(itertools.product(*along))
            axis = _Axis(groups[math.prod(shape),], 0, None, flat[0][0])
            flat[0] = _follow(given, inputs, axis, words), flat[0][1]
    return labels


def _ordered(
    given: dict[str, Array], names: list[str], inputs: Mapping[str, Any], known: list[_Axis]
) -> Labels:
    """Put inputs of one shape into one order along each axis; the labels."""
    out: Labels = []
    axes = range(max(given[name].ndim for name in names))
    if all(type(inputs[name]) is np.ndarray for name in names):  # which has no labels
        return [(None, ()) for _ in axes]
    for number in axes:
        columns = {name: _along(inputs[name], number) for name in names}
        labels, orders = joined(columns, "word", _of)
        for name, order in orders.items():
            given[name] = np.ascontiguousarray(np.take(given[name], order, number))
        title = next((t for x in columns.values() if (t := title_of(x)) is not None), None)
        if labels is not None:
            axis = _Axis(names, number, title, labels)
            first = next((each for each in known if each.same(axis)), None)
            if first is None:
                known.append(axis)
            else:
                labels = _follow(given, inputs, axis, first.labels)
        out.append((labels, title or ()))
    return out


def _follow(given: dict[str, Array], inputs: Mapping[str, Any], axis: _Axis, wanted: Any) -> Any:
    """Put inputs into an order that others have; the labels, as those have them."""
    has = {name: labels_along(_along(inputs[name], axis.number)) for name in axis.names}
    owner = next(name for name in axis.names if has[name] and has[name][0] is not None)
    order = align(axis.labels, wanted, "word", _of(owner))
    if order is None:
        return axis.labels
    plain = next((name for name in axis.names if not has[name] or has[name][0] is None), None)
    if plain is not None:
        what = f"has no labels, and others have theirs in several orders, such as {owner!r}"
        _of(plain).refuse(what, "give it the same labels, or put the others in one order first")
    for name in axis.names:
        given[name] = np.ascontiguousarray(np.take(given[name], order, axis.number))
    return wanted


def _of(name: str) -> Given:
    return _Rows(f"input {name!r}", BAD_INPUT)


def _along(value: Any, axis: int) -> Any:
    """What was given, with an axis first."""
    if axis and offers(value, "dims"):  # of xarray
        return value.transpose(value.dims[axis], ...)
    if axis and (offers(value, "get_column") or offers(value, "column_names")):
        return _Names(labels_along(value)[axis])
    return value.T if axis and offers(value, "iloc") else value


@dataclass(frozen=True)
class _Names:
    """The names of columns, as labels of rows."""

    row_labels: Any = None
    row_titles: tuple[str, ...] = ()
