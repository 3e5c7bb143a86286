"""Which periods of which inputs a value depends on: the sparsity of its derivatives.

A value over time depends on an input some periods before or after (a lag), whatever the period;
or on an input of a certain period, as what comes from a total does. Both are kept as bits of an
integer, so that `prev` is a shift and a formula an `or`. What comes out may say too much, and
never too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lanework.machines.series.isa import AGGREGATES, SHIFTS
from lanework.machines.series.passes.values import LEAVES, Values
from lanework.machines.series.passes.walks import components, needed_values

ROUNDS = 2  # around a loop, after which all that lies further that way is taken as reached

Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Reach:
    """What a value depends on, by input: lags (0 is the bit `periods - 1`), and periods."""

    lags: dict[str, int] = field(default_factory=dict)
    periods: dict[str, int] = field(default_factory=dict)

    def pattern(self, name: str, periods: int, over_time: bool, by_time: bool) -> Bools:
        """Which periods of the value (rows) may depend on which of an input (columns)."""
        rows, columns = (periods if over_time else 1), (periods if by_time else 1)
        out = np.zeros((rows, columns), bool)
        if name in self.periods:
            out |= _bits(self.periods[name], columns)
        if name in self.lags and by_time:
            lag = np.arange(rows)[:, None] - np.arange(columns) + periods - 1
            out |= _bits(self.lags[name], 2 * periods - 1)[lag]
        return out


class Sparsity:
    """The dependence of values on inputs over so many periods.

    Args:
        values: the graph.
        leaves: the inputs by name, each a value.
        timed: whether a value varies over time.
        periods: how many there are.
    """

    def __init__(
        self,
        values: Values,
        leaves: Mapping[str, int],
        timed: Callable[[int], bool],
        periods: int,
    ) -> None:
        self.values, self.timed, self.count = values, timed, periods
        self.all = (1 << periods) - 1
        self.lags = (1 << 2 * periods - 1) - 1
        self.zero = 1 << periods - 1
        self.leaves = {value: name for name, value in leaves.items()}

    def of(self, roots: Iterable[int]) -> dict[int, Reach]:
        """What these values depend on."""
        roots = list(roots)
        reach: dict[int, Reach] = {}
        for component in components(self.values, needed_values(self.values, roots)):
            if isinstance(component, int):
                reach[component] = self._step(component, reach)
            else:
                self._loop(component, reach)
        return {root: reach[root] for root in roots}

    def _loop(self, members: list[int], reach: dict[int, Reach]) -> None:
        for member in members:
            reach[member] = Reach()
        turn, grew = 0, True
        while grew:
            grew = False
            for member in members:
                before, after = reach[member], self._step(member, reach)
                if turn > ROUNDS:
                    self._widen(before, after)
                grew |= before != after
                reach[member] = after
            turn += 1

    def _widen(self, before: Reach, after: Reach) -> None:
        """Take all further lags at once, the way they grow."""
        for name, lags in after.lags.items():
            known = before.lags.get(name, 0)
            if lags == known:
                continue
            lowest = lags & -lags
            up = self.lags & ~(lowest - 1)
            down = lowest > 1 and known and lowest < (known & -known)
            after.lags[name] = self.lags if down else up

    def _step(self, value: int, reach: Mapping[int, Reach]) -> Reach:
        op, args = self.values.ops[value], self.values.args[value]
        if op in LEAVES:
            name = self.leaves.get(value)
            if name is None:
                return Reach()
            return Reach({name: self.zero}) if self.timed(value) else Reach({}, {name: 1})
        if op in SHIFTS:
            lag = self.values.settings[value]
            seen = reach[args[0]]
            moved = {
                name: bits << lag & self.lags if op == "prev" else bits >> lag
                for name, bits in seen.lags.items()
            }
            return _union((Reach(moved, seen.periods), reach[args[1]]))
        if op in AGGREGATES:
            return self._fold(op, self.values.settings[value], reach[args[0]])
        return _union([reach[arg] for arg in args])

    def _fold(self, op: str, setting: int | None, seen: Reach) -> Reach:
        """All periods of time in one: lags become periods."""
        out = Reach({}, dict(seen.periods))
        for name, lags in seen.lags.items():
            if op in ("last", "at"):
                at = self.count - 1 if op == "last" else int(setting or 0)
                # period p is reached from `at` by the lag at - p: bit (at - p) + count - 1
                bits = 0
                for period in range(self.count):
                    bits |= (lags >> (at - period + self.count - 1) & 1) << period
            else:
                bits = self.all
            out.periods[name] = out.periods.get(name, 0) | bits
        return out


def _union(parts: Iterable[Reach]) -> Reach:
    out = Reach()
    for part in parts:
        for name, bits in part.lags.items():
            out.lags[name] = out.lags.get(name, 0) | bits
        for name, bits in part.periods.items():
            out.periods[name] = out.periods.get(name, 0) | bits
    return out


def _bits(number: int, count: int) -> Bools:
    raw = number.to_bytes((count + 7) // 8, "little")
    return np.unpackbits(np.frombuffer(raw, np.uint8), count=count, bitorder="little").astype(bool)


def colours(pattern: Bools) -> NDArray[np.intp]:
    """A colour for each column, such that no row has two entries of one colour.

    Greedy, in the order of the columns (Curtis, Powell and Reid 1974, "On the estimation of sparse
    Jacobian matrices").

    Args:
        pattern: which entries may be other than zero, rows by columns.

    Example:
        >>> colours(np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], bool)).tolist()
        [0, 1, 0, 1]
    """
    rows, columns = pattern.shape
    if not pattern.size or pattern.sum(1).max() == columns:
        return np.arange(columns)
    used = np.zeros((rows, columns), bool)  # by row, the colours that it has
    out = np.zeros(columns, np.intp)
    most = 0
    for column in range(columns):
        touched = np.flatnonzero(pattern[:, column])
        taken = used[touched, : most + 1].any(0)
        colour = int(np.argmin(taken)) if not taken.all() else most + 1
        most = max(most, colour)
        used[touched, colour] = True
        out[column] = colour
    return out
