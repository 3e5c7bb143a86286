"""Where the values of unknowns and of outputs lie one after another, and their bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Advice, Diagnostic
from lanework.core.data.values import Given, exactly
from lanework.core.program.data import Port
from lanework.machines.series.codes import BAD_PROBLEM
from lanework.machines.series.data.coords import Named, by_period
from lanework.machines.series.data.labels import Labelled

Floats = NDArray[np.float64]


@dataclass
class Block:
    """Where the values of an input or an output lie among all of them.

    Attributes:
        port: the input or output.
        begin: its first place.
        size: how many values it has: one, or one a period.
        low: their lower bounds.
        high: their upper bounds.
    """

    port: Port
    begin: int
    size: int
    low: Floats
    high: Floats

    @property
    def name(self) -> str:
        """The port's."""
        return self.port.name

    @property
    def timed(self) -> bool:
        """Whether there is one value a period."""
        return "time" in self.port.axes

    @property
    def where(self) -> slice:
        """Its places."""
        return slice(self.begin, self.begin + self.size)

    def of(self, values: Floats) -> Any:
        """Its part of all values, as inputs take it."""
        part = values[self.where]
        return part if self.timed else float(part[0])

    def place(self, index: int) -> str:
        """What one of its values is called."""
        return f"{self.name}[{index}]" if self.timed else self.name


def blocks(
    ports: Iterable[Port],
    periods: int,
    bounds: Mapping[str, tuple[Any, Any]],
    calendar: Named | None = None,
) -> list[Block]:
    """Lay the values of some ports out one after another.

    Raises:
        Diagnostic: LW3062 for bounds that are no numbers or exclude each other, LW3046 for
            labels of other periods than the model's.
    """
    out: list[Block] = []
    begin = 0
    for port in ports:
        size = periods if "time" in port.axes else 1
        low, high = bounds.get(port.name, (None, None))
        if "time" in port.axes:
            name = f"a bound of {port.name}"
            low, high = (by_period(end, name, periods, calendar) for end in (low, high))
        block = Block(
            port, begin, size, *(_bound(port, size, x, s) for x, s in ((low, -1), (high, 1)))
        )
        crossed = np.flatnonzero(block.low > block.high)
        if len(crossed):
            at = int(crossed[0])
            raise Diagnostic(
                BAD_PROBLEM,
                f"the bounds of {block.place(at)} exclude each other: "
                f"{block.low[at]:g} is above {block.high[at]:g}",
                help=Advice(
                    "give bounds as (lowest, highest), None where there is none",
                    typed=f"give --bounds {port.name}=LOWEST:HIGHEST, nothing where there is none",
                ),
            )
        out.append(block)
        begin += size
    return out


def _bound(port: Port, size: int, given: Any, sign: int) -> Floats:
    if given is None:
        return np.full(size, sign * np.inf)
    timed = "time" in port.axes
    what = "a number or one a period" if timed else "a number"
    if isinstance(given, Labelled) and set(given.axes) - {"time"}:
        raise _laned(port, f"is along {', '.join(given.axes)}")
    try:
        array = exactly(given, "f64", Given(f"a bound of {port.name!r}", BAD_PROBLEM))
        if array.size > 1 and array.shape != (size,):
            raise _laned(port, f"has {' x '.join(map(str, array.shape))} values")
        out = np.array(np.broadcast_to(array, size))
    except (TypeError, ValueError):
        out = np.full(size, np.nan)
    if np.isnan(out).any():
        raise Diagnostic(
            BAD_PROBLEM,
            f"a bound of {port.name!r} is {' '.join(repr(given).split())}",
            help=Advice(
                f"give {what}, or None where there is none",
                typed=f"give numbers: --bounds {port.name}=0:1e6, or {port.name}=1.3:",
            ),
        )
    return out


def _laned(port: Port, what: str) -> Diagnostic:
    """The error for bounds that are not the same in all lanes."""
    each = "a number, or one a period" if "time" in port.axes else "one number"
    return Diagnostic(
        BAD_PROBLEM,
        f"a bound of {port.name!r} {what}, and bounds are the same in all lanes",
        help=f"give {each}; for another one in each lane, bound by 0 an output that is"
        f" {port.name} - lowest, of which lowest is an input over lanes",
    )
