"""Labels of inputs: what two of them say of one axis, or one and the calendar, is one thing.

The same labels in another order are put in order; different ones are refused. Inputs without
labels go by place, as do Series of pandas whose index only counts, unless the labels of others
are whole numbers: those an index that counts has, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Advice, Diagnostic
from lanework.core.data.labels import align, keys, shown
from lanework.core.data.libraries import offers
from lanework.core.data.values import Given
from lanework.core.program.program import Port
from lanework.machines.series.codes import LABELS_DISAGREE, LENGTHS_DISAGREE
from lanework.machines.series.data.labels import Labelled, as_labelled
from lanework.machines.series.data.longtables import TIME, moments

Labels = npt.NDArray[Any]
Named = Callable[[int], Sequence[Labels]]
"""The names of periods in the ways in which a calendar can say them, first days first."""
PLAIN = (int, float, str, bytes, list, tuple, np.ndarray, np.generic, Mapping)
TURN = "periods go down the rows of a table and lanes across: turn it (table.T)"


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
        labelled = {n: item.labels[axis] for n, item in enumerate(items) if axis in item.labels}
        owners = [n for n, labels in labelled.items() if not isinstance(labels, range)]
        owners.sort(key=lambda n: ports[n].optional)
        if not owners:
            continue
        first = owners[0]
        wanted = np.asarray(labelled[first])
        if axis == TIME and calendar is not None:
            count = items[first].array.shape[items[first].axes.index(TIME)]
            ways = calendar(periods if periods is not None else count)
            labelled = {n: moments(labelled[n]) for n in owners}
            best = {n: _way_of(labelled[n], ways) for n in owners}
            for n in owners:
                _check_length(ports[n], labelled[n], periods, calendar)
        else:
            if axis == TIME:
                wanted = _in_order(ports[first], moments(wanted), items[first])
            if ports[first].optional:
                others = [x for n, x in enumerate(items) if n not in owners and axis in x.axes]
                sizes = [x.array.shape[x.axes.index(axis)] for x in others]
                if axis == TIME:
                    sizes = [periods] if periods is not None else [*sizes, len(wanted)]
                wanted = _counted(ports[first], axis, wanted, sizes)
            coords[axis] = wanted
            counts = wanted.dtype.kind in "iu"
            labelled = {n: labelled[n] for n in (labelled if counts else owners)}
            if axis == TIME:
                labelled = {n: moments(labels) for n, labels in labelled.items()}
            best = dict.fromkeys(labelled, wanted)
        _in_one_order(ports, out, axis, labelled, best)
    return out, coords


def by_period(
    given: Any,
    name: str,
    periods: int,
    calendar: Named | None,
    labels: Labels | None = None,
) -> Any:
    """What has labels of periods, as an array by period; anything else as it is.

    Args:
        given: a number or numbers over time that are no input of a run.
        name: what errors call it.
        periods: how many are run.
        calendar: for a model with dates.
        labels: along time, of inputs that have some.

    Raises:
        Diagnostic: LW3046 naming the first label that differs, LW3042 where some are absent.
    """
    if isinstance(given, PLAIN) or not (isinstance(given, Labelled) or offers(given, "shape")):
        return given
    port = Port(name, "in", -1, axes=(TIME,))
    item = as_labelled(given, port)
    if item.axes != (TIME,):
        return item if item.axes else item.array
    items = [item]
    if not isinstance(item.labels.get(TIME, range(0)), range):
        if len(item.array) != periods:
            raise other_length(port, len(item.array), periods)
        if labels is not None:
            items.insert(0, Labelled(np.empty(len(labels)), (TIME,), {TIME: labels}))
    return aligned([port] * len(items), items, periods, calendar)[0][-1].array


def _in_one_order(
    ports: Sequence[Port],
    items: list[Labelled],
    axis: str,
    labelled: dict[int, Any],
    best: dict[int, Labels],
) -> None:
    """Put those that have labels along an axis in one order, by the labels that each is to have.

    Raises:
        Diagnostic: LW3046, also for one without labels beside some that were in another order.
    """
    for n in labelled:
        if ports[n].optional:
            _check_some(ports[n], axis, labelled[n], best[n], items[n])
        if ports[n].optional and len(labelled[n]) < len(best[n]):
            items[n], labelled[n] = _spread(items[n], axis, np.asarray(labelled[n]), best[n])
    before = list(items)
    for n, labels in labelled.items():
        items[n] = _ordered(ports[n], items[n], axis, np.asarray(labels), best[n])
    numbered = [
        n for n in labelled if ports[n].optional and np.array_equal(best[n], range(len(best[n])))
    ]
    mixed = (n for n in labelled if items[n] is not before[n] or axis in items[n].mixed)
    moved = next((n for n in mixed if n not in numbered), None)
    plain = next((n for n, x in enumerate(items) if axis in x.axes and n not in labelled), None)
    if moved is not None and plain is not None:
        others = "in another order than the others or the periods"
        Given(f"input {ports[plain].name!r}", LABELS_DISAGREE).refuse(
            f"has no labels along {axis!r}, and input {ports[moved].name!r} has its "
            + ("in several orders" if axis in items[moved].mixed else others),
            "give it labels too, or put the other in order first",
        )


def other_length(port: Port, size: int, periods: int, shape: Sequence[int] = ()) -> Diagnostic:
    """The error for an input that has another number of periods than are run.

    Args:
        port: the input port.
        size: how many it has.
        periods: how many are run.
        shape: of what was given.
    """
    advice = "give as many values as periods, or "
    python = f"bind with periods={size}: program.bind(periods={size})"
    advice = Advice(advice + python, typed=f"{advice}--periods {size}")
    return Diagnostic(
        LENGTHS_DISAGREE,
        f"input {port.name!r} has {size} periods, but the model has {periods}",
        help=TURN if len(shape) == 2 and periods in shape else advice,
    )


def _check_length(port: Port, labels: Labels, periods: int | None, calendar: Named) -> None:
    """Refuse the labels of more periods than are run, which are right but for that.

    Raises:
        Diagnostic: LW3042.
    """
    size = len(labels)
    if port.optional or periods is None or size <= periods:
        return
    given = sorted(keys(labels), key=str)
    if any(given == sorted(keys(way), key=str) for way in calendar(size)):
        raise other_length(port, size, periods)


def _counted(port: Port, axis: str, labels: Labels, sizes: Sequence[int]) -> Labels:
    """The numbers of all places where some are among them, else these labels.

    Args:
        port: what overrides a node.
        axis: the axis.
        labels: along it.
        sizes: of others, which have no labels there.

    Raises:
        Diagnostic: LW3046 for labels of some lanes that are no places.
    """
    count = max(sizes, default=0)
    absent = next((label for label in keys(labels) if label not in range(count)), None)
    if absent is None:
        return np.arange(count)
    if axis != TIME and count > len(labels):
        Given(f"override {port.name!r}", LABELS_DISAGREE).refuse(
            f"has {shown(absent)} along {axis!r}, where the others have {count} places and no"
            " labels",
            f"give places from 0 to {count - 1}, or label the others",
        )
    return labels


def _check_some(port: Port, axis: str, labels: Labels, wanted: Labels, item: Labelled) -> None:
    """Refuse what overrides a place along an axis that is not there, or one place twice.

    Raises:
        Diagnostic: LW3046.
    """
    given, mine, known = (
        Given(f"override {port.name!r}", LABELS_DISAGREE),
        keys(labels),
        keys(wanted),
    )
    there = set(known)
    wrong = next((label for label in mine if label not in there), None)
    if wrong is not None:
        ends = f"{shown(known[0])} to {shown(known[-1])}" if known else "none"
        numbers = axis == TIME and known != [*range(len(known))]
        others = [keys(np.asarray(x)) for other, x in item.labels.items() if other != axis]
        advice = f"give a value for some or all of them: they are {ends}"
        advice += f", or 0 to {len(known) - 1} by number" if numbers else ""
        given.refuse(
            f"has {shown(wrong)} along {axis!r}, which is none of its labels",
            TURN if any(there.issuperset(x) for x in others if x) else advice,
        )
    twice = next((label for n, label in enumerate(mine) if label in mine[:n]), None)
    if twice is not None:
        given.refuse(f"has {shown(twice)} more than once along {axis!r}", "give each label once")


def _spread(item: Labelled, axis: str, given: Labels, wanted: Labels) -> tuple[Labelled, Labels]:
    """What overrides a part of the places along an axis, at all of them: NaN elsewhere."""
    there = {label: n for n, label in enumerate(keys(wanted))}
    where = [there[label] for label in keys(given)]
    at = item.axes.index(axis)
    array = np.full([*item.array.shape[:at], len(wanted), *item.array.shape[at + 1 :]], np.nan)
    np.moveaxis(array, at, 0)[where] = np.moveaxis(item.array, at, 0)
    return dataclasses.replace(item, array=array), wanted


def _in_order(port: Port, labels: Labels, item: Labelled) -> Labels:
    """Labels of periods in order, which dates and numbers have without a calendar too."""
    given = Given(f"input {port.name!r}", LABELS_DISAGREE)
    if labels.dtype.kind not in "Miuf":
        given.refuse(
            f"has labels along 'time' that are in no order: {', '.join(map(shown, labels[:3]))}",
            "write dates as 2024-01-31, or numbers; without labels values go by period"
            + (f"; {TURN} if the rows are lanes" if item.array.ndim == 2 else ""),
        )
    if (labels != labels).any():
        given.refuse("lacks a label along 'time'", "fill the date or number of the period in")
    ordered = np.sort(labels)
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if twice.size:
        label = keys(ordered[twice[:1]])[0]
        given.refuse(f"has {shown(label)} more than once along 'time'", "give every period once")
    return ordered


def _way_of(labels: Labels, ways: Sequence[Labels]) -> Labels:
    """The way of naming periods in which labels are meant; by default the first."""
    for way in ways:
        kinds = labels.dtype.kind == way.dtype.kind
        if kinds and np.array_equal(np.sort(labels), np.sort(way)):
            return way
    given = set(keys(labels))
    common = [len(given.intersection(keys(way))) for way in ways]
    most = max(common)
    return ways[common.index(most) if most and 2 * most >= len(given) else 0]


def _ordered(port: Port, item: Labelled, axis: str, given: Labels, wanted: Labels) -> Labelled:
    if given is wanted or (given.dtype == wanted.dtype and np.array_equal(given, wanted)):
        return item
    order = align(given, wanted, axis, Given(f"input {port.name!r}", LABELS_DISAGREE))
    if order is None:
        return item
    array = np.take(item.array, order, axis=item.axes.index(axis))
    return dataclasses.replace(item, array=array)
