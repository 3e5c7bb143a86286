"""Lanes that one problem has in common: outputs are totals over them, unknowns the same in all.

The derivatives of a total are the totals of derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Diagnostic
from lanework.core.program.data import Port
from lanework.machines.series.codes import BAD_PROBLEM
from lanework.machines.series.data.binding import Bound

if TYPE_CHECKING:
    from lanework.machines.series.audit.result import SeriesResult
    from lanework.machines.series.data.lanes import Output
    from lanework.machines.series.runner import Runner

Products = Mapping[str, tuple[NDArray[Any], tuple[str, ...]]]


@dataclass(frozen=True)
class Lanes:
    """The lanes of a problem that has them in common; none for one of one lane.

    Attributes:
        sizes: axis -> length.
        summed: the outputs that are totals; the others are the same in all lanes.
    """

    sizes: Mapping[str, int]
    summed: frozenset[str]

    @property
    def count(self) -> int:
        """How many lanes there are."""
        return math.prod(self.sizes.values())

    def share(self, name: str, multiplier: Any) -> Any:
        """An output's multiplier in each lane, so that all lanes together have it once."""
        return (
            multiplier * 1.0 if name in self.summed or not self.sizes else multiplier / self.count
        )

    def added(self, values: SeriesResult | None, totals: Iterable[str]) -> Products | None:
        """Values and their axes, of which those in `totals` are added up over lanes."""
        if values is None:
            return None
        out, totals = {}, frozenset(totals)
        for name in values:
            array, axes = np.asarray(values[name]), values.axes(name)
            held = tuple(axes.index(axis) for axis in self.sizes if axis in axes)
            if self.sizes and name in totals:
                lacking = self.count // math.prod(array.shape[axis] for axis in held)
                array = array.sum(axis=held) * lacking
                axes = tuple(axis for axis in axes if axis not in self.sizes)
            out[name] = array, axes
        return out


def common(
    runner: Runner, bound: Bound, unknown: Iterable[Port], ports: Iterable[Port]
) -> Lanes | None:
    """The lanes, if a port is a total over some; None where each lane is a problem of its own.

    Raises:
        Diagnostic: LW3062 where other ports, or unknowns, differ from lane to lane.
    """
    axes, ports = {*bound.axes}, [*ports]
    totals = [port for port in ports if axes.intersection(port.reduce)]
    if not totals:
        return None
    for port in unknown:
        _check_unknown(port, runner, bound, totals[0])
    along = {output.port.name: _along(output, bound) for output in runner.outputs_of(bound)}
    for port in ports:
        left = sorted(along[port.name].difference(port.reduce))
        if left:
            raise _bad(
                f"{port.name!r} has a value for each {left[0]}, and {totals[0].name!r} is a total"
                f" over {', '.join(totals[0].reduce)}: one problem for all of them",
                f"make a total of it too (reduce={left[0]!r}), or leave the total out: then each"
                f" {left[0]} is a problem of its own",
            )
        if along[port.name] and along[port.name] != axes:
            lacks = sorted(axes.difference(along[port.name]))
            raise _bad(
                f"{port.name!r} is the same for each {lacks[0]}, along which other inputs vary",
                "give inputs along the axes of the total only",
            )
    summed = frozenset(port.name for port in ports if along[port.name])
    return Lanes({axis: bound.sizes[axis] for axis in bound.axes}, summed)


def _along(output: Output, bound: Bound) -> set[str]:
    """The lane axes on which an output depends before it is added up."""
    inner = {bound.inner} if output.varying and bound.inner is not None else set[str]()
    return {*output.outer} | inner


def _check_unknown(port: Port, runner: Runner, bound: Bound, total: Port) -> None:
    number = [each.name for each in runner.ports].index(port.name)
    laned = (
        bound.given[number].laned
        or bound.outers[number]
        or (not port.optional and {*port.axes} - {"time"})
    )
    if laned:
        raise _bad(
            f"the unknown {port.name!r} may differ from lane to lane, and {total.name!r} is a total"
            f" over {', '.join(total.reduce)}",
            f"declare and begin it without lanes, or leave the total out: then each"
            f" {total.reduce[0]} is a problem of its own",
        )


def _bad(what: str, help: str) -> Diagnostic:
    return Diagnostic(BAD_PROBLEM, what, help=help)
