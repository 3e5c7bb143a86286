"""Labels of inputs: what two of them say of one axis, or one and the calendar, is one thing.

The same labels in another order are put in order; different ones are refused. Inputs without
labels go by place, as do Series of pandas whose index only counts, unless the labels of others
are whole numbers: those an index that counts has, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lanework.core.data.labels import align
from lanework.core.data.values import Given
from lanework.machines.series.codes import LABELS_DISAGREE
from lanework.machines.series.data.labels import Labelled
from lanework.machines.series.data.longtables import TIME, moments

if TYPE_CHECKING:
    from lanework.core.program.program import Port

Labels = npt.NDArray[Any]
Named = Callable[[int], Sequence[Labels]]
"""The names of periods in the ways in which a calendar can say them, first days first."""


def aligned(
    ports: Sequence[Port], items: Sequence[Labelled], periods: int | None, calendar: Named | None
) -> tuple[list[Labelled], dict[str, Labels]]:
    """The inputs with their places in one order along every axis, and the labels there.

    Args:
        ports: the input ports.
        items: what each is given.
        periods: how many periods are run, None for as many as the inputs have.
        calendar: for a model with dates.

    Raises:
        Diagnostic: LW3046 naming the first label that differs.
    """
    out, coords = list(items), {}
    axes = dict.fromkeys(axis for item in items for axis in item.labels)
    for axis in axes:
        with_labels = [n for n, item in enumerate(items) if axis in item.labels]
        owners = [n for n in with_labels if not isinstance(items[n].labels[axis], range)]
        if not owners:
            continue
        labels = np.asarray(items[owners[0]].labels[axis])
        if axis == TIME:
            labels = moments(labels)
            if calendar is not None:
                count = items[owners[0]].array.shape[items[owners[0]].axes.index(TIME)]
                ways = calendar(periods if periods is not None else count)
                for n in owners:
                    given = moments(items[n].labels[TIME])
                    wanted = next((way for way in ways if _same_set(given, way)), ways[0])
                    out[n] = _ordered(ports[n], out[n], TIME, given, wanted)
                continue
            if labels.dtype.kind in "Miuf":  # dates and numbers are in order without a calendar too
                labels = np.sort(labels)
        coords[axis] = labels
        counts = np.asarray(labels).dtype.kind in "iu"
        for n in with_labels if counts else owners:
            given = items[n].labels[axis]
            given = moments(given) if axis == TIME else np.asarray(given)
            out[n] = _ordered(ports[n], out[n], axis, given, labels)
    return out, coords


def _ordered(port: Port, item: Labelled, axis: str, given: Labels, wanted: Labels) -> Labelled:
    if given is wanted or (given.dtype == wanted.dtype and np.array_equal(given, wanted)):
        return item
    order = align(given, wanted, axis, Given(f"input {port.name!r}", LABELS_DISAGREE))
    if order is None:
        return item
    array = np.take(item.array, order, axis=item.axes.index(axis))
    return dataclasses.replace(item, array=array)


def _same_set(given: Labels, wanted: Labels) -> bool:
    return given.dtype.kind == wanted.dtype.kind and bool(
        np.array_equal(np.sort(given), np.sort(wanted))
    )
